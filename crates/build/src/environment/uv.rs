//! `uv`, which resolves and installs build requirements. Ours is to record and check what it did.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pep440_rs::Version;
use tempfile::TempDir;
use wheelmark_core::attestation::environment::Tool;
use wheelmark_core::digest::Sha256Digest;

use super::homes::home;
use super::{index, message};
use crate::process::{self, Output, ProcessError};

/// The oldest `uv` that writes a PEP 751 lock with only the wheel that it would install; older ones list
/// the wheels of all platforms.
pub const MINIMUM_VERSION: [u64; 3] = [0, 10, 0];

/// Long enough for a large environment over a slow line.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Variables of uv's own that say where files come from or how they are fetched. Every other `UV_*`
/// variable is removed: it would change what is resolved.
const KEPT: &[&str] = &[
    "UV_CACHE_DIR",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_CONCURRENT_INSTALLS",
    "UV_CONFIG_FILE",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_PYTHON_INSTALL_DIR",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
];

/// Why there is no usable `uv`, or why it could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum UvError {
    /// There is none.
    #[error(
        "uv is not installed: it resolves and installs build requirements\n\
         hint: `pipx install uv`, or `python3 -m pip install --user uv`"
    )]
    Missing,
    /// There is one, too old.
    #[error(
        "uv {found} at `{}` is too old: {minimum} or newer is needed\n\
         hint: `uv self update`, or `pipx upgrade uv`", .path.display()
    )]
    TooOld {
        /// Where it is.
        path: PathBuf,
        /// Its version.
        found: Version,
        /// The oldest that will do.
        minimum: Version,
    },
    /// It does not answer `--version` as uv does.
    #[error("`{} --version` does not tell a version of uv: {found}", .path.display())]
    NotUv {
        /// What was run.
        path: PathBuf,
        /// What it said.
        found: String,
    },
    /// A file of pip's or uv's configuration, or of the system, could not be used.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// A `uv` that is there and new enough.
#[derive(Debug)]
pub struct Uv {
    program: PathBuf,
    version: Version,
    /// Holds only an empty `uv.toml`: uv takes the nearest one above its working directory for a
    /// project's, and no project's settings may hold here. The user's own still do.
    folder: TempDir,
    path: OsString,
    indexes: Vec<(&'static str, OsString)>,
}

impl Uv {
    /// Finds `uv` on `PATH`, in pyenv's versions, or where its installer puts it.
    ///
    /// A program is preferred to a script that starts one (pyenv's shims are scripts): only the
    /// program's digest says what ran.
    ///
    /// # Errors
    /// [`UvError::Missing`], [`UvError::TooOld`] or [`UvError::NotUv`]; and where pip's or uv's
    /// configuration cannot be read.
    pub fn find(cancel: &AtomicBool) -> Result<Self, UvError> {
        let path = search_path();
        let mut candidates: Vec<PathBuf> = env::split_paths(&process::search_path())
            .chain(env::split_paths(&path))
            .chain(home().map(|home| home.join(".local/bin")))
            .chain(home().map(|home| home.join(".cargo/bin")))
            .map(|folder| folder.join("uv"))
            .filter(|file| file.is_file())
            .collect();
        candidates.sort_by_key(|file| is_script(file)); // stable: otherwise in the order of PATH
        let program = candidates.into_iter().next().ok_or(UvError::Missing)?;

        let mut command = Command::new(&program);
        // It may be a script, which finds its own programs by `PATH`.
        command.arg("--version").env("PATH", process::search_path()).current_dir("/");
        let output = process::run(command, cancel, Duration::from_secs(30))?;
        let version = version_of(&output).ok_or_else(|| UvError::NotUv {
            path: program.clone(),
            found: message(&[&output.stdout[..], &output.stderr[..]].concat()),
        })?;
        let minimum = Version::new(MINIMUM_VERSION);
        if version < minimum {
            return Err(UvError::TooOld { path: program, found: version, minimum });
        }
        let folder = tempfile::Builder::new()
            .prefix("wheelmark-uv-")
            .tempdir()
            .and_then(|folder| File::create(folder.path().join("uv.toml")).map(|_| folder))
            .map_err(|source| UvError::File { path: env::temp_dir(), source })?;
        Ok(Self { program, version, folder, path, indexes: index::settings()? })
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What is recorded of it. The digest is absent where `uv` is a script that starts another program.
    ///
    /// # Errors
    /// [`UvError::File`] where its file cannot be read.
    pub fn tool(&self) -> Result<Tool, UvError> {
        let sha256 = if is_script(&self.program) {
            None
        } else {
            let digest = digest_of(&self.program)
                .map_err(|source| UvError::File { path: self.program.clone(), source })?;
            Some(digest)
        };
        Ok(Tool { name: "uv".to_owned(), version: self.version.to_string(), sha256 })
    }

    /// Whether it looks for interpreters in this folder.
    pub(super) fn searches(&self, folder: &Path) -> bool {
        env::split_paths(&self.path).any(|searched| searched == folder)
    }

    /// A new folder for its input and output, which goes away with the value.
    pub(super) fn scratch(&self) -> io::Result<TempDir> {
        tempfile::tempdir_in(self.folder.path())
    }

    /// Runs it in a folder without any project's settings.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        cancel: &AtomicBool,
    ) -> Result<Output, ProcessError> {
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os() {
            if changes_meaning(&name) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .envs(self.indexes.iter().map(|(name, value)| (name, value)))
            .env("PATH", &self.path)
            .env("NO_COLOR", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_PREVIEW_FEATURES", "pylock")
            .current_dir(self.folder.path());
        process::run(command, cancel, TIMEOUT)
    }
}

/// The digest of a regular file's bytes: a device would never end.
pub(crate) fn digest_of(path: &Path) -> io::Result<Sha256Digest> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(Sha256Digest::of_reader(File::open(path)?)?.0)
}

fn version_of(output: &Output) -> Option<Version> {
    let text = str::from_utf8(&output.stdout).ok()?;
    let mut words = text.split_whitespace();
    if !output.status.success() || words.next() != Some("uv") {
        return None;
    }
    words.next()?.parse().ok()
}

fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

fn changes_meaning(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let credentials = name.starts_with("UV_INDEX_")
        && (name.ends_with("_USERNAME") || name.ends_with("_PASSWORD"));
    (name.starts_with("UV_") && !KEPT.contains(&name.as_ref()) && !credentials)
        || name.starts_with("PYTHON")
        || name.starts_with("CONDA_")
        || name == "VIRTUAL_ENV"
        || name == "__PYVENV_LAUNCHER__"
}

fn is_python_2(version: &Path) -> bool {
    let name = version.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("2.")
}

/// `PATH` with pyenv's shims replaced by the folders that they stand for.
///
/// A shim for a version that is installed and not selected fails when it is run, and uv takes that
/// failure for the answer. So the selected versions come where the shims were, all others at the end.
fn search_path() -> OsString {
    let original = process::search_path();
    let root = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| home().map(|home| home.join(".pyenv")))
        .filter(|root| root.is_dir());
    let Some(root) = root else {
        return original;
    };
    let bin = |version: &str| root.join("versions").join(version).join("bin");
    let selected = env::var("PYENV_VERSION")
        .or_else(|_| fs::read_to_string(root.join("version")))
        .unwrap_or_default();
    let selected: Vec<PathBuf> = selected
        .split(|c: char| c == ':' || c.is_whitespace())
        .filter(|version| !version.is_empty())
        .map(bin)
        .collect();
    let mut installed: Vec<PathBuf> = fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        // uv ends its search at a Python 2, which it cannot ask anything.
        .filter(|version| !is_python_2(version))
        .map(|version| version.join("bin"))
        .collect();
    installed.sort();

    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in env::split_paths(&original) {
        if folder.starts_with(&root) && folder.ends_with("shims") {
            folders.extend(selected.iter().cloned());
        } else {
            folders.push(folder);
        }
    }
    folders.extend(installed);
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| folder.is_dir() && seen.insert(folder.clone()));
    env::join_paths(folders).unwrap_or(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_where_files_come_from_is_kept() {
        for kept in ["UV_INDEX_URL", "UV_INDEX_CORP_PASSWORD", "HTTPS_PROXY", "HOME"] {
            assert!(!changes_meaning(OsStr::new(kept)), "{kept}");
        }
        for removed in [
            "UV_EXCLUDE_NEWER",
            "UV_CONSTRAINT",
            "UV_OVERRIDE",
            "UV_PRERELEASE",
            "UV_RESOLUTION",
            "UV_PYTHON",
            "UV_SOMETHING_NEW",
            "VIRTUAL_ENV",
            "PYTHONPATH",
        ] {
            assert!(changes_meaning(OsStr::new(removed)), "{removed}");
        }
    }

    #[test]
    fn the_program_is_found_behind_a_shim() {
        let uv = match Uv::find(&AtomicBool::new(false)) {
            Ok(uv) => uv,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        assert!(uv.version() >= &Version::new(MINIMUM_VERSION));
        if !is_script(&uv.program) {
            assert_eq!(uv.tool().unwrap().sha256, Some(digest_of(&uv.program).unwrap()));
        }
    }
}
