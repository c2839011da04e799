//! Why there is no build.

use std::io;

use wheelmark_core::report::Escaped;

use crate::environment::crates::CratesError;
use crate::environment::interpreter::InterpreterError;
use crate::environment::project::ProjectError;
use crate::environment::pylock::PylockError;
use crate::environment::requirements::LockError;
use crate::environment::rust::RustError;
use crate::environment::store::StoreError;
use crate::environment::uv::UvError;
use crate::sandbox::{End, SandboxError};
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
    /// The recorded requirements.
    #[error(transparent)]
    Pylock(#[from] PylockError),
    /// The Rust toolchain.
    #[error(transparent)]
    Rust(#[from] RustError),
    /// It was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A hook or step ended in failure.
    #[error("{what} {}{}", ended(.end), shown(.tail))]
    Failed {
        /// The hook or step.
        what: String,
        /// How it ended.
        end: End,
        /// The last lines it printed.
        tail: String,
    },
    /// A step's program, or one that it runs, is not there.
    #[error("{what} failed: a program was not found (exit status 127){}\nhint: a step finds the programs of the system's folders and of what is installed for the steps: add what brings the missing one with --step-requires REQUIREMENT", shown(.tail))]
    StepProgramMissing {
        /// The step.
        what: String,
        /// The last lines it printed.
        tail: String,
    },
    /// The hook ended well and left no answer.
    #[error("{hook} ended without an answer")]
    HookLeftNoAnswer {
        /// The hook.
        hook: String,
    },
    /// The hook's answer is not what PEP 517 says.
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
    /// Whether it is the build that failed, and not something that it needed.
    pub fn is_of_the_build(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. }
                | Self::StepProgramMissing { .. }
                | Self::HookLeftNoAnswer { .. }
                | Self::HookAnswer { .. }
                | Self::NotOneFile { .. }
        )
    }

    pub(crate) fn hook_answer(hook: &str, answer: &serde_json::Value, expected: String) -> Self {
        let answer = answer.to_string().chars().take(200).collect();
        Self::HookAnswer { hook: hook.to_owned(), answer, expected }
    }
}

fn ended(end: &End) -> String {
    match end {
        End::Exited(status) => format!("failed with exit status {status}"),
        End::Signalled(signal) => format!("was ended by signal {signal}"),
        End::Exceeded(bound) => format!("was stopped: it {bound}"),
        End::Cancelled => "was interrupted".to_owned(),
    }
}

/// What a build printed, its lines kept and everything else that could drive a terminal escaped.
fn shown(text: &str) -> String {
    text.lines().map(|line| format!("\n  | {}", Escaped(line))).collect()
}

fn listed(found: &[String]) -> String {
    match found {
        [] => "nothing".to_owned(),
        [one] => format!("`{}`, which is no regular file", Escaped(one)),
        _ => {
            let names: Vec<_> =
                found.iter().take(5).map(|name| Escaped(name).to_string()).collect();
            format!("{} entries ({})", found.len(), names.join(", "))
        }
    }
}
