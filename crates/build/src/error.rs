//! Why there is no build.

use std::io;

use wheelmark_core::attestation::environment::Backend;
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
    #[error("{what} {}{}{}", ended(.end), shown(.tail), missing(.tail))]
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
    #[error("{what} left {} in its output folder, where one file is wanted", listed(.found))]
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
    /// The recorded backend is not the project's.
    #[error("the provenance names the build backend {}, and this commit's pyproject.toml {}", backend(.recorded), backend(.found))]
    BackendDiffers {
        /// As recorded.
        recorded: Backend,
        /// As `pyproject.toml` names it, or PEP 517 where it does not.
        found: Backend,
    },
    /// The record has no file for something that the project asks for.
    #[error("no recorded requirement satisfies `{}`, which {asks} asks for", Escaped(.requirement))]
    RequirementNotRecorded {
        /// What was asked for.
        requirement: String,
        /// Who asks.
        asks: &'static str,
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

fn backend(backend: &Backend) -> String {
    let name = format!("`{}`", Escaped(&backend.name));
    match &backend.path[..] {
        [] => name,
        path => format!("{name} with backend-path `{}`", Escaped(&path.join("`, `"))),
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

/// A hint, where the last words of a build say that a program or a header is not there.
fn missing(tail: &str) -> String {
    if tail.contains("Python.h: No such file or directory") {
        let hint = "Python's headers are not installed: `apt-get install python3-dev`, or your system's \
                    package of them";
        return format!("\nhint: {hint}");
    }
    let words = [
        "No such file or directory",
        "not found",
        "unable to execute",
        "No CMAKE_",
        "Unknown compiler",
    ];
    let program = tail
        .lines()
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .find_map(|line| PROGRAMS.iter().find(|(program, _)| names(line, program)));
    match program {
        Some((program, package)) => format!(
            "\nhint: `{program}` is not installed: `apt-get install {package}`, or your system's package \
             of it"
        ),
        None => String::new(),
    }
}

fn names(line: &str, program: &str) -> bool {
    let words = line.split(|c: char| c.is_whitespace() || "'`\":,[]()".contains(c));
    words.into_iter().any(|word| word == program)
}

/// Programs that builds look for, and Debian's package of each. Longer names before those in them.
const PROGRAMS: &[(&str, &str)] = &[
    ("x86_64-linux-gnu-gcc", "gcc"),
    ("aarch64-linux-gnu-gcc", "gcc"),
    ("x86_64-linux-gnu-g++", "g++"),
    ("aarch64-linux-gnu-g++", "g++"),
    ("gcc", "gcc"),
    ("g++", "g++"),
    ("c++", "g++"),
    ("cc", "gcc"),
    ("clang", "clang"),
    ("gfortran", "gfortran"),
    ("cmake", "cmake"),
    ("make", "make"),
    ("ninja", "ninja-build"),
    ("pkg-config", "pkg-config"),
    ("swig", "swig"),
];

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

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_program_that_is_missing_is_named_with_its_package() {
        for (line, program, package) in [
            ("error: command 'gcc' failed: No such file or directory", "gcc", "gcc"),
            (
                "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
                "x86_64-linux-gnu-gcc",
                "gcc",
            ),
            ("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", "cmake", "cmake"),
            ("error: linker `cc` not found", "cc", "gcc"),
            ("/bin/sh: 1: make: not found", "make", "make"),
            ("ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "gcc", "gcc"),
        ] {
            let hint = missing(&format!("building\n{line}\nfailed"));
            let expected =
                format!("hint: `{program}` is not installed: `apt-get install {package}`");
            assert!(hint.contains(&expected), "{line}: {hint}");
        }
        for line in ["gcc: error: x.c: No such file", "make: *** [all] Error 1", "make it not fail"]
        {
            assert_eq!(missing(line), "", "{line}");
        }
        // What the compiler itself does not find.
        assert_eq!(missing("gcc: fatal error: no input files"), "");
        let header = "x.c:1:10: fatal error: Python.h: No such file or directory";
        assert!(missing(header).contains("python3-dev"));
    }
}
