//! Why there is no build.

use std::io;

use wheelmark_core::report::Escaped;

use crate::environment::crates::CratesError;
use crate::environment::interpreter::InterpreterError;
use crate::environment::project::ProjectError;
use crate::environment::requirements::LockError;
use crate::environment::store::StoreError;
use crate::environment::uv::UvError;
use crate::sandbox::{Exit, SandboxError};
use crate::source::SourceError;

/// Why a build, a confirmation or a rebuild gave no file. A message may end in a line `hint: …`.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The project's manifest.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The interpreter.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// The build requirements.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The environment.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// uv itself.
    #[error(transparent)]
    Uv(#[from] UvError),
    /// The crates of a Rust extension.
    #[error(transparent)]
    Crates(#[from] CratesError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A hook or step ended in failure.
    #[error("{what} failed: {exit}\n{tail}")]
    Failed {
        /// The hook or step.
        what: String,
        /// How it ended.
        exit: Exit,
        /// The last lines it printed.
        tail: String,
    },
    /// The hook's own answer could not be read.
    #[error("{hook} ended without an answer")]
    HookLeftNoResult {
        /// The hook.
        hook: String,
    },
    /// The hook's answer is not what the specification says.
    #[error("{hook} answered `{}`, which is not {expected}", Escaped(.answer))]
    HookAnswer {
        /// The hook.
        hook: String,
        /// Its answer.
        answer: String,
        /// What would have been right.
        expected: String,
    },
    /// Exactly one file must appear.
    #[error("{what} left {} in its output folder, not one file", listed(.found))]
    NotOneFile {
        /// The hook or step.
        what: String,
        /// The names of what was found.
        found: Vec<String>,
    },
    /// No interpreter like the recorded one.
    #[error("no interpreter like the recorded {wanted} is installed\nhint: {hint}")]
    NoInterpreter {
        /// The recorded version.
        wanted: String,
        /// Where it is to be had.
        hint: String,
    },
    /// The commit's Cargo.lock is not what was recorded.
    #[error("the crates of this commit's Cargo.lock are not the recorded ones: {package}")]
    CratesDiffer {
        /// One that is in only one of the two.
        package: String,
    },
    /// A recorded value cannot be used.
    #[error("the provenance holds {what} that cannot be used: `{}`", Escaped(.value))]
    Unusable {
        /// What.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The work folder.
    #[error("cannot use the work folder: {0}")]
    Workspace(io::Error),
    /// A value without JSON form.
    #[error("cannot write provenance: {0}")]
    Json(#[from] serde_json::Error),
}

impl BuildError {
    pub(crate) fn workspace(error: io::Error) -> Self {
        Self::Workspace(error)
    }
}

fn listed(found: &[String]) -> String {
    match found {
        [] => "nothing".to_owned(),
        [one] => format!("`{}`, which is no regular file", Escaped(one)),
        _ => {
            let names: Vec<_> = found.iter().take(5).map(|name| Escaped(name).to_string()).collect();
            format!("{} entries ({})", found.len(), names.join(", "))
        }
    }
}
