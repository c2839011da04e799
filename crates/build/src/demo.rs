//! A small project in a git repository of its own, for the demonstration.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::process::{self, ProcessError};

/// The wheel that the project builds.
pub const WHEEL: &str = "wheelmark_demo-1.0.0-py3-none-any.whl";

/// The URI that the demonstration records for its source: a name, nowhere to be fetched.
pub const SOURCE: &str = "https://example.org/wheelmark/demo";

const FILES: &[(&str, &str)] = &[
    (
        "pyproject.toml",
        "[build-system]\n\
         requires = [\"flit_core>=3.9,<4\"]\n\
         build-backend = \"flit_core.buildapi\"\n\n\
         [project]\n\
         name = \"wheelmark-demo\"\n\
         version = \"1.0.0\"\n\
         requires-python = \">=3.8\"\n\
         description = \"A project of one function\"\n",
    ),
    (
        "wheelmark_demo.py",
        "\"\"\"A project of one function.\"\"\"\n\n\n\
         def answer():\n    \"\"\"The answer.\"\"\"\n    return 42\n",
    ),
];

/// When the project's one commit was made: always then, so that its id is always the same.
const COMMIT_TIME: &str = "2026-01-31T12:00:00Z";

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file could not be written.
    #[error("cannot write the demonstration's project: {0}")]
    Io(#[from] io::Error),
    /// git could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// git did not do it.
    #[error("git {what} failed: {said}")]
    Git {
        /// What it was asked for.
        what: String,
        /// What it said.
        said: String,
    },
}

/// Writes the project and commits it, with the tag `v1.0.0`. Returns the commit's id.
///
/// # Errors
/// [`DemoError`].
pub fn project(folder: &Path, cancel: &AtomicBool) -> Result<String, DemoError> {
    fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    git(folder, &["init", "--quiet", "--initial-branch=main", "."], cancel)?;
    git(folder, &["add", "."], cancel)?;
    git(folder, &["commit", "--quiet", "--message=Answer"], cancel)?;
    git(folder, &["tag", "v1.0.0"], cancel)?;
    git(folder, &["rev-parse", "HEAD"], cancel)
}

fn git(folder: &Path, arguments: &[&str], cancel: &AtomicBool) -> Result<String, DemoError> {
    let mut command = Command::new("git");
    // Nothing of the caller's: its variables may name another repository, its PATH programs of a stranger's folder.
    command.arg("-C").arg(folder).args(arguments).env_clear();
    command.env("PATH", process::search_path()).env("GIT_DIR", folder.join(".git"));
    for (name, value) in [
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "wheelmark"),
        ("GIT_AUTHOR_EMAIL", "demo@example.org"),
        ("GIT_COMMITTER_NAME", "wheelmark"),
        ("GIT_COMMITTER_EMAIL", "demo@example.org"),
        ("GIT_AUTHOR_DATE", COMMIT_TIME),
        ("GIT_COMMITTER_DATE", COMMIT_TIME),
    ] {
        command.env(name, value);
    }
    let output = process::run(command, cancel, Duration::from_secs(30))?;
    if !output.status.success() {
        return Err(DemoError::Git {
            what: arguments.first().copied().unwrap_or_default().to_owned(),
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
