//! Runs one command contained, bounded and observed.
//!
//! The procedure of [`Sandbox::run`]:
//! 1. The writable binds are made the job's own; nothing in them may be a file that is elsewhere too.
//! 2. The command is started through a chain of system tools, each for one thing:
//!    `setpriv` (ends with us) → `bash` (umask, closes every inherited descriptor) → `setsid` (no
//!    terminal, a group of its own) → `strace` (observes, from outside) → `bwrap` (namespaces, file tree, no network) →
//!    `setpriv` (drops root) → `prlimit` (bounds) → `taskset` (processors) → `env` (exactly the
//!    job's environment) → the command.
//! 3. Its output goes through a pipe of ours, is hashed, counted and written to the log.
//! 4. A watcher looks at the tree of processes, the disk and the clock, and ends the job at a bound
//!    or when it is cancelled.
//! 5. Whatever of the job still runs is killed, and the end waits until it is gone.
//! 6. The tracer's record is read.
//!
//! It knows nothing of Python. It does not protect against a kernel that lets a process out of its
//! namespaces, and the kernel's key rings (keyctl(2)) of the caller's session are not closed. Files in writable binds are the job's word: open them without following symbolic links.

mod bounds;
mod bubblewrap;
mod detect;
mod filter;
mod hidden;
mod log;
mod none;
mod packages;
mod run;
mod strace;
mod trace;
mod tree;
mod view;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wheelmark_core::digest::Sha256Digest;

pub use wheelmark_core::attestation::environment::Isolation;

pub use bounds::{Bound, Bounds, Exceeded, FILE_COST, Usage};
pub use packages::{Package, installed, package_of};
pub use trace::{Observed, Program, ProgramFile, Trace};

/// The tools of this machine, found and tried. Made by [`Sandbox::detect`] or, without isolation,
/// by [`Sandbox::none_unsafe`].
#[derive(Debug, Clone)]
pub struct Sandbox {
    bubblewrap: Option<bubblewrap::Bubblewrap>,
    tools: detect::Tools,
    /// strace, or why there is none.
    tracer: Result<PathBuf, String>,
    /// What no job may see; see [`Sandbox::hide`].
    hidden: Vec<hidden::Hidden>,
}

/// A place of the host that the job sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// On the host. A symbolic link is followed.
    pub host: PathBuf,
    /// Inside: absolute, without `.` or `..`, not below `/proc` or `/dev`.
    pub inside: PathBuf,
    /// Whether the job may write there. Such a directory must be the job's own: as root it is
    /// given, with all it holds, to the job's uid. It should lie in a directory of ours of mode
    /// 0700, since the job can make files there that other users of the host may run.
    pub writable: bool,
}

/// What is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// Nothing.
    Off,
    /// The programs executed.
    Programs,
    /// Also the system's files that were opened: one stop more for each open, measured at under
    /// 5 % of a build by setuptools, with or without a C extension.
    ProgramsAndFiles,
}

/// The locale of the tools that start a job: what they print is read as English.
pub const LAUNCHER_LOCALE: &str = "C";

/// A command and all that it gets.
pub struct Job<'a> {
    /// What it sees besides the system.
    pub binds: &'a [Bind],
    /// Directories that are empty at the start and gone at the end, besides `/tmp`: a home.
    pub scratch: &'a [PathBuf],
    /// The whole environment: nothing else is passed.
    pub env: &'a BTreeMap<String, String>,
    /// The working directory, inside.
    pub cwd: &'a Path,
    /// The command; its first word is found by the `PATH` of `env`. Not empty.
    pub argv: &'a [OsString],
    /// What it may use.
    pub bounds: &'a Bounds,
    /// The name of the machine it sees.
    pub hostname: &'a str,
    /// The user it is, inside; see [`Sandbox::uid`].
    pub uid: u32,
    /// How many processors it may use; all of ours if not said.
    pub cpus: Option<NonZeroUsize>,
    /// The locale of the tools that start it; its own is in `env`.
    pub launcher_locale: &'a str,
    /// What is observed.
    pub trace: Tracing,
    /// Where its output goes.
    pub log: &'a mut (dyn Write + Send),
    /// Ends it from another thread or a signal handler.
    pub cancel: &'a Cancel,
}

/// Says to a running job that it should end. Clones say it together.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// One that was not said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses a flag that exists already, such as one that a signal handler sets.
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Says it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this status. 127: the command was not found; 126: it could not be executed.
    Exited(i32),
    /// By a signal. As in shells, a status of 129 to 192 is read as a signal too.
    Signalled(i32),
    /// By us, because of a bound.
    Exceeded(Exceeded),
    /// By us, because it was cancelled.
    Cancelled,
}

/// What came of a job.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome {
    /// How it ended. Nothing of it runs any more.
    pub end: End,
    /// How it was kept.
    pub isolation: Isolation,
    /// What ran.
    pub trace: Trace,
    /// Of the bytes written to the log.
    pub log_sha256: Sha256Digest,
    /// Bytes written to the log.
    pub log_len: u64,
    /// What it used.
    pub usage: Usage,
}

impl Sandbox {
    /// Finds the tools in the system's directories and runs a trivial job in them. The tracer is
    /// looked for and tried unless `trace` is [`Tracing::Off`]: no job can be traced then.
    ///
    /// # Errors
    /// What is missing ([`SandboxError::Missing`]) or refused ([`SandboxError::Refused`]) and what
    /// to ask for. A missing tracer is no error here: [`Trace::Unavailable`] will say so.
    pub fn detect(trace: Tracing) -> Result<Self, SandboxError> {
        detect::detect(trace)
    }

    /// Runs jobs without isolation, for the person who asked for exactly that; `trace` as in
    /// [`Sandbox::detect`].
    ///
    /// # Errors
    /// [`SandboxError::Missing`]: a tool for the bounds.
    pub fn none_unsafe(trace: Tracing) -> Result<Self, SandboxError> {
        detect::none_unsafe(trace)
    }

    /// How this sandbox keeps its jobs.
    pub fn isolation(&self) -> Isolation {
        match self.bubblewrap {
            Some(_) => Isolation::Bubblewrap,
            None => Isolation::None,
        }
    }

    /// From now on a job that would see this file is not run: a signing key that lies in the interpreter's
    /// folder, which is shown whole, or that is committed in the source. Without isolation every job sees
    /// everything.
    ///
    /// # Errors
    /// The file cannot be read, or has a second name ([`SandboxError::Linked`]).
    pub fn hide(&mut self, file: &Path) -> Result<(), SandboxError> {
        self.hidden.push(hidden::Hidden::of(file)?);
        Ok(())
    }

    /// What was hidden, each by its path without links.
    pub fn hidden(&self) -> impl Iterator<Item = &Path> {
        self.hidden.iter().map(hidden::Hidden::path)
    }

    /// Why there is no tracer, if there is none.
    pub fn tracer_missing(&self) -> Option<&str> {
        self.tracer.as_ref().err().map(String::as_str)
    }

    /// A uid for a job: 1000 in a user namespace; as root one that no account and no process has
    /// now, since it is one of the host's. Without isolation, our own.
    ///
    /// # Errors
    /// [`SandboxError::Missing`]: none is free.
    pub fn uid(&self) -> Result<u32, SandboxError> {
        detect::uid(self)
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    /// The job could not be started, contained, logged or ended. How a job that ran ended is not an
    /// error: see [`Outcome::end`].
    pub fn run(&self, job: Job<'_>) -> Result<Outcome, SandboxError> {
        run::run(self, job)
    }
}

/// Why a job could not be run as promised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// A tool is not installed.
    #[error("{what} is missing\nhint: {hint}")]
    Missing {
        /// The tool.
        what: String,
        /// What to install or ask for.
        hint: String,
    },
    /// The tools are there but the system does not let them work.
    #[error("the system refuses a sandbox: {}\nhint: {hint}", message.escape_debug())]
    Refused {
        /// What bubblewrap said.
        message: String,
        /// What to change or ask for.
        hint: String,
    },
    /// The job was not started.
    #[error("the job did not start: {}", message.escape_debug())]
    Start {
        /// What the launchers said.
        message: String,
    },
    /// A path or a mount point that a sandbox cannot have.
    #[error("not a place for the sandbox: {path:?}")]
    BadPath {
        /// The path inside.
        path: PathBuf,
    },
    /// Without isolation nothing can be shown at another path.
    #[error("without isolation {host:?} cannot be shown as {inside:?}")]
    CannotMove {
        /// On the host.
        host: PathBuf,
        /// As wanted inside.
        inside: PathBuf,
    },
    /// A command or variable that cannot be passed.
    #[error("cannot be passed to the job: `{}`", value.escape_debug())]
    BadValue {
        /// The word or the name of the variable.
        value: String,
    },
    /// A writable bind holds a file that has another name outside.
    #[error("{path:?} has a second name elsewhere, so the job could change it there too")]
    Shared {
        /// One of its names.
        path: PathBuf,
    },
    /// The job would see what it may not.
    #[error(
        "{secret:?} is not to be seen by the build, and {place:?}, which is shown to it, is or holds it\n\
         hint: keep it in a folder of its own, outside of the source"
    )]
    Seen {
        /// The file.
        secret: PathBuf,
        /// The place of the host that is shown, or a copy.
        place: PathBuf,
    },
    /// What a job may not see has a second name, which could be in a place that is shown.
    #[error(
        "{path:?} is not to be seen by the build, and it has a second name (a hard link) elsewhere\n\
         hint: remove that, or copy the file"
    )]
    Linked {
        /// One of its names.
        path: PathBuf,
    },
    /// A read-only bind is closed to the uid of the job.
    #[error("{path:?} (mode {mode:o}) cannot be read by the job's user")]
    Unreadable {
        /// On the host.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Processes could not be ended.
    #[error("processes of the job still run after being killed: {pids:?}")]
    Survivors {
        /// Their numbers on the host.
        pids: Vec<u32>,
    },
    /// The log could not be written.
    #[error("the log cannot be written")]
    Log(#[source] io::Error),
    /// A file or process operation of ours failed.
    #[error("cannot {action} {path:?}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl SandboxError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
