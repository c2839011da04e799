//! The paths, names and numbers that a build sees. They are the same for every build in a sandbox, since
//! some of them end up in its output.

use std::path::{Path, PathBuf};

/// Where a build finds and leaves things, as it sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The source tree.
    pub source: PathBuf,
    /// The folder in which a hook or step leaves its one file.
    pub out: PathBuf,
    /// The file so far, for a step.
    pub input: PathBuf,
    /// The build environment, read-only.
    pub environment: PathBuf,
    /// The environment of the steps, read-only.
    pub steps: PathBuf,
    /// Our own hook caller and its task, read-only.
    pub driver: PathBuf,
    /// Where the hook caller leaves the hook's return value.
    pub result: PathBuf,
    /// The home folder: empty at first, and gone with the build.
    pub home: PathBuf,
    /// Cargo's home with the crates, for projects with Rust extensions.
    pub cargo: PathBuf,
}

impl Layout {
    /// The paths of every build in a sandbox.
    pub fn fixed() -> Self {
        let at = |name: &str| Path::new(ROOT).join(name);
        Self {
            source: at("src"),
            out: at("out"),
            input: at("in"),
            environment: at("env"),
            steps: at("steps"),
            driver: at("driver"),
            result: at("result"),
            home: at("home"),
            cargo: at("cargo"),
        }
    }

    /// The paths of a build that nothing holds, which can be shown nothing at another place than where
    /// it is.
    pub fn on_host(
        base: &Path,
        environment: &Path,
        steps: Option<&Path>,
        cargo: Option<&Path>,
    ) -> Self {
        Self {
            source: base.join("src"),
            out: base.join("out"),
            input: base.join("in"),
            environment: environment.to_owned(),
            steps: steps.unwrap_or(environment).to_owned(),
            driver: base.join("driver"),
            result: base.join("result"),
            home: base.join("home"),
            cargo: cargo.map_or_else(|| base.join("cargo"), Path::to_owned),
        }
    }
}

/// The folder of everything that is a build's own.
pub const ROOT: &str = "/build";
/// The host name.
pub const HOSTNAME: &str = "build";
/// The file mode creation mask.
pub const UMASK: &str = "0022";
/// The locale.
pub const LOCALE: &str = "C.UTF-8";
/// The time zone.
pub const TIMEZONE: &str = "UTC";
