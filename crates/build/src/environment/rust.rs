//! The Rust toolchain, past rustup's stand-ins (which follow a `rust-toolchain.toml` of the project's).

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wheelmark_core::digest::Sha256Digest;

use super::homes::Homes;
use super::message;
use super::uv::digest_of;
use crate::process::{self, Output, ProcessError};

/// How long cargo may take for some hundred crates over a slow line.
pub(super) const DOWNLOAD: Duration = Duration::from_secs(20 * 60);

/// How long it may take for what it can answer from the files at hand: the manifests of the largest workspaces.
pub(super) const QUESTION: Duration = Duration::from_secs(60);

/// Variables of cargo's that say where crates come from; all others of its own are removed.
const KEPT: &[&str] =
    &["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_"];

/// The toolchain that is in use, past rustup's stand-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustToolchain {
    /// Its folder: `bin/rustc`, `bin/cargo` and the standard library are in it.
    pub sysroot: PathBuf,
    /// `rustc -vV`: version, commit, host and LLVM version, a line each.
    pub rustc: String,
    /// The line that `cargo --version` prints.
    pub cargo: String,
    /// The digest of `bin/rustc`. The compiler is mostly in a library beside it, which the commit in
    /// `rustc` names.
    pub sha256: Sha256Digest,
}

/// Why there is no toolchain.
#[derive(Debug, thiserror::Error)]
pub enum RustError {
    /// There is no Rust.
    #[error(
        "rustc and cargo are not installed: the project has a Rust extension\n\
         hint: `rustup default stable`, or the system's packages rustc and cargo"
    )]
    Missing,
    /// It lies among somebody's own files.
    #[error(
        "the Rust toolchain shares the folder `{}` with somebody's own files, and builds are shown it\n\
         hint: `rustup default stable` puts one into a folder of its own", .sysroot.display()
    )]
    Shared {
        /// Its folder.
        sysroot: PathBuf,
    },
    /// It does not answer.
    #[error("`{}` does not work: {said}", .program.display())]
    Broken {
        /// What was run.
        program: PathBuf,
        /// What it said.
        said: String,
    },
    /// Its compiler cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A process could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl RustToolchain {
    /// Finds the toolchain that `rustc` on `PATH` stands for; none is downloaded.
    ///
    /// # Errors
    /// See [`RustError`].
    pub fn find(cancel: &AtomicBool) -> Result<Self, RustError> {
        let rustc = env::split_paths(&process::search_path())
            .map(|folder| folder.join("rustc"))
            .find(|file| file.is_file())
            .ok_or(RustError::Missing)?;
        let ask = |program: &Path, arguments: &[&str]| {
            let mut command = Command::new(program);
            // In `/` there is no rust-toolchain file of a project's for rustup to follow.
            command.args(arguments).env("RUSTUP_AUTO_INSTALL", "0").current_dir("/");
            command.env("PATH", process::search_path());
            let output = process::run(command, cancel, Duration::from_secs(60))?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if output.status.success() && !text.is_empty() {
                return Ok(text);
            }
            Err(RustError::Broken { program: program.to_owned(), said: message(&output.stderr) })
        };
        let sysroot = PathBuf::from(ask(&rustc, &["--print", "sysroot"])?);
        let (rustc, cargo) = (sysroot.join("bin/rustc"), sysroot.join("bin/cargo"));
        if !cargo.is_file() {
            return Err(RustError::Missing);
        }
        // The build is shown it whole.
        if Homes::of_this_machine().share(&sysroot) {
            return Err(RustError::Shared { sysroot });
        }
        Ok(Self {
            rustc: ask(&rustc, &["-vV"])?,
            cargo: ask(&cargo, &["--version"])?,
            sha256: digest_of(&rustc)
                .map_err(|source| RustError::Read { path: rustc.clone(), source })?,
            sysroot,
        })
    }

    /// Runs its cargo outside of any project, for [`DOWNLOAD`] or [`QUESTION`].
    pub(super) fn cargo(
        &self,
        arguments: Vec<OsString>,
        timeout: Duration,
        cancel: &AtomicBool,
    ) -> Result<Output, ProcessError> {
        let mut command = Command::new(self.sysroot.join("bin/cargo"));
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            let of_rust = text.starts_with("CARGO") || text.starts_with("RUST");
            if of_rust && !KEPT.iter().any(|kept| text.starts_with(kept)) {
                command.env_remove(&name);
            }
        }
        command
            .args(arguments)
            .env("PATH", process::search_path())
            .env("RUSTC", self.sysroot.join("bin/rustc"))
            .env("RUSTC_WRAPPER", "")
            .env("CARGO_TERM_COLOR", "never")
            .current_dir("/");
        process::run(command, cancel, timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolchain_is_found_past_rustup() {
        let toolchain = match RustToolchain::find(&AtomicBool::new(false)) {
            Ok(toolchain) => toolchain,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let rustc = toolchain.sysroot.join("bin/rustc");
        assert_eq!(toolchain.sha256, digest_of(&rustc).unwrap());
        assert!(toolchain.rustc.contains("\nhost: "), "{}", toolchain.rustc);
        assert!(toolchain.cargo.starts_with("cargo "), "{}", toolchain.cargo);
    }
}
