//! The environment manifest: everything a rebuild must put back.
//!
//! It is `internalParameters.environment` of the build type `pep517/v1`
//! (`docs/build-types/pep517-v1.md`). Unknown fields are refused: a value that this version does not
//! know is a value that a rebuild would silently not put back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// Where and how the build hooks ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentManifest {
    /// The machine and its system libraries.
    pub platform: Platform,
    /// The Python interpreter that ran the hooks.
    pub interpreter: Interpreter,
    /// The environment's own tool: the frontend that called the hooks.
    pub frontend: Tool,
    /// The tool that resolved and installed the build requirements.
    pub installer: Tool,
    /// Every environment variable that was set; there were no others.
    pub variables: BTreeMap<String, String>,
    /// The file mode creation mask, four octal digits such as `0022`.
    pub umask: String,
    /// The POSIX locale, such as `C.UTF-8`.
    pub locale: String,
    /// The time zone by its tz database name, such as `UTC`.
    pub timezone: String,
    /// The host name that the build saw.
    pub hostname: String,
    /// Seconds since the Unix epoch in `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: i64,
    /// The absolute path of the source tree during the build.
    pub build_path: String,
    /// What held the build.
    pub isolation: Isolation,
    /// The build backend as PEP 517 names it, and its `backend-path`.
    pub backend: Backend,
    /// The PEP 517 hooks called, in order.
    pub hooks: Vec<String>,
}

/// The machine: what `uname` and the C library say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// Operating system, such as `Linux`.
    pub os: String,
    /// Kernel release, such as `6.1.0-13-amd64`.
    pub kernel: String,
    /// Machine architecture, such as `x86_64`.
    pub architecture: String,
    /// C library and version, such as `glibc 2.36`.
    pub libc: String,
    /// `PRETTY_NAME` of os-release, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
}

/// A Python interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interpreter {
    /// `sys.implementation.name`, such as `cpython`.
    pub implementation: String,
    /// The full version, such as `3.11.7`.
    pub version: String,
    /// The absolute path of the executable, symbolic links resolved.
    pub path: String,
    /// The digest of the executable. An interpreter is more than its executable; what else belongs to
    /// it is named by `version` only.
    pub sha256: Sha256Digest,
}

/// A tool by name, version and, where it is a file of its own, digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// Its name, such as `uv`.
    pub name: String,
    /// Its version as it tells it.
    pub version: String,
    /// The digest of its executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

/// What held the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// bubblewrap: no network, own processes, read-only system, clean environment.
    Bubblewrap,
    /// Nothing held the build: it could reach the network, the home folder, other processes.
    None,
}

/// The build backend of PEP 517.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backend {
    /// `build-system.build-backend`, or the default that PEP 517 names for a project without one.
    pub name: String,
    /// `build-system.backend-path`, relative to the source tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
}

/// What was seen running during the hooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", deny_unknown_fields)]
pub enum Observation {
    /// The tracer was attached; these are all programs executed.
    #[serde(rename_all = "camelCase")]
    Attached {
        /// Each program once, sorted by path.
        programs: Vec<Program>,
    },
    /// The tracer could not attach: nothing is known of what ran. This is not "nothing ran".
    #[serde(rename_all = "camelCase")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

/// A program executed during the build hooks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// The absolute path inside the sandbox, symbolic links resolved where they could be.
    pub path: String,
    /// The first line of `--version` for tools known to answer it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of the file; absent for a program that the build made and removed itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// The system package that owns it, as a package URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}
