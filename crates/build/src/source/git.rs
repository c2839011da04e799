//! The `git` command with nothing of the machine's or the repository's configuration that could run
//! a program or change what is read.
//!
//! - The environment is empty but for what is listed in [`KEPT`]; system and user configuration are
//!   not read. The user's configuration file is replaced by one of ours, because a process that git
//!   starts for the other end of a local fetch forgets settings given on the command line.
//! - Settings that would run a program (hooks, fsmonitor, ssh command, credential helpers) are
//!   overridden. Clean and smudge filters cannot be overridden without knowing their names, so
//!   callers never let git touch a work tree under configuration that is not ours.
//! - No object is fetched because it is missing. `GIT_NO_LAZY_FETCH` says so to git 2.45 and newer; for an
//!   older one, callers let it read no repository that is configured as a partial clone.
//! - Replace refs, grafts and commit graphs, which let a repository lie about its commits, are off.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::error::SourceError;
use crate::process::{self, ProcessError};

/// Variables that reaching a repository may need: proxies, certificate stores, the ssh agent.
const KEPT: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "SSH_AUTH_SOCK",
    "TMPDIR",
];

/// Variables with fixed values.
const FIXED: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    ("GIT_ALLOW_PROTOCOL", "https:ssh:file"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_GRAFT_FILE", "/dev/null"),
    ("GIT_OPTIONAL_LOCKS", "0"),
];

/// Settings that win over the repository's own.
const CONFIG: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.logAllRefUpdates", "false"),
    ("core.commitGraph", "false"),
    ("core.askPass", ""),
    ("core.gitProxy", ""),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
    ("transfer.fsckObjects", "true"),
    // Slips of old tools that well-known histories hold; they change neither names nor content.
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.missingSpaceBeforeEmail", "ignore"),
    ("fetch.fsck.missingNameBeforeEmail", "ignore"),
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.zeroPaddedDate", "ignore"),
];

/// The most a command may answer, in bytes: the list of a million files fits.
const MAX_ANSWER: usize = 256 << 20;

/// The longest that a command may take: a clone of the largest repositories over a slow line. git itself
/// gives up on a line that carries next to nothing, but not on one that never answers.
const TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Runs git commands. Clones share one scratch folder, which goes when the last of them goes.
#[derive(Clone, Debug)]
pub(super) struct Git {
    scratch: Arc<Scratch>,
    cancel: Arc<AtomicBool>,
    timeout: Duration,
}

#[derive(Debug)]
struct Scratch {
    folder: TempDir,
    used: AtomicUsize,
}

impl Git {
    /// Finds git and checks that it is new enough to honour what this module asks of it.
    pub(super) fn new(cancel: Arc<AtomicBool>) -> Result<Self, SourceError> {
        let temp = tempfile::env::temp_dir();
        let temp = std::path::absolute(&temp).map_err(SourceError::io(&temp))?;
        let folder =
            TempDir::with_prefix_in("wheelmark-source-", &temp).map_err(SourceError::io(&temp))?;
        let config = folder.path().join("gitconfig");
        // Whose repository it is does not matter here: nothing of its configuration is followed.
        fs::write(&config, "[safe]\n\tdirectory = *\n").map_err(SourceError::io(&config))?;
        let scratch = Arc::new(Scratch { folder, used: AtomicUsize::new(0) });
        let git = Self { scratch, cancel, timeout: TIMEOUT };
        let version = git.call(["version"]).text()?;
        if !new_enough(&version) {
            return Err(SourceError::GitTooOld { found: version });
        }
        Ok(git)
    }

    /// The path of a folder that does not exist yet, removed with this value.
    pub(super) fn scratch(&self) -> PathBuf {
        let number = self.scratch.used.fetch_add(1, Ordering::Relaxed);
        self.scratch.folder.path().join(number.to_string())
    }

    /// Prepares a command; the first argument is the subcommand.
    pub(super) fn call<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Call<'_> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Call {
            git: self,
            folder: None,
            git_dir: None,
            env: Vec::new(),
            config: Vec::new(),
            stdin: Vec::new(),
            args,
        }
    }

    /// Fails where the caller asked to stop.
    pub(super) fn check_cancelled(&self) -> Result<(), SourceError> {
        if self.cancel.load(Ordering::Relaxed) { Err(SourceError::Cancelled) } else { Ok(()) }
    }
}

/// One git command, not yet run.
pub(super) struct Call<'a> {
    git: &'a Git,
    folder: Option<PathBuf>,
    git_dir: Option<PathBuf>,
    env: Vec<(&'static str, OsString)>,
    config: Vec<(String, String)>,
    stdin: Vec<u8>,
    args: Vec<OsString>,
}

/// What a command answered.
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Call<'_> {
    /// Adds an argument.
    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Runs in `folder` and lets git find the repository from there.
    pub(super) fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Uses exactly this git directory.
    pub(super) fn git_dir(mut self, git_dir: &Path) -> Self {
        self.git_dir = Some(git_dir.to_owned());
        self
    }

    /// Sets a variable.
    pub(super) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Settings of the user's own for reaching a URL; never shown.
    pub(super) fn config(mut self, settings: Vec<(String, String)>) -> Self {
        self.config.extend(settings);
        self
    }

    /// Bytes for standard input.
    pub(super) fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = bytes;
        self
    }

    /// Runs the command and gives its standard output, without a last line end.
    pub(super) fn text(self) -> Result<String, SourceError> {
        let command = self.name();
        let bytes = self.bytes()?;
        let text = String::from_utf8(bytes).map_err(|error| SourceError::UnexpectedAnswer {
            command,
            answer: shortened(&error.into_bytes()),
        })?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Runs the command and gives its standard output.
    pub(super) fn bytes(self) -> Result<Vec<u8>, SourceError> {
        let command = self.name();
        let answer = self.answer()?;
        if answer.success {
            Ok(answer.stdout)
        } else {
            Err(SourceError::Git { command, message: answer.stderr })
        }
    }

    /// Runs the command; a failure of the command is an answer too.
    pub(super) fn answer(self) -> Result<Answer, SourceError> {
        self.git.check_cancelled()?;
        let name = self.name();
        let (cancel, timeout) = (&*self.git.cancel, self.git.timeout);
        let command = self.command();
        let output = process::run_with_input(command, self.stdin, MAX_ANSWER, cancel, timeout);
        let output = output.map_err(|error| match error {
            ProcessError::Cancelled { .. } => SourceError::Cancelled,
            ProcessError::TimedOut { limit, .. } => {
                SourceError::GitTimedOut { command: name.clone(), limit }
            }
            ProcessError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                SourceError::GitMissing
            }
            ProcessError::Start { source, .. } => {
                SourceError::Git { command: name.clone(), message: source.to_string() }
            }
        })?;
        if !output.stdout_complete {
            let message = format!("its answer is longer than {MAX_ANSWER} bytes");
            return Err(SourceError::Git { command: name, message });
        }
        let (success, stdout) = (output.status.success(), output.stdout);
        Ok(Answer { success, stdout, stderr: shortened(&output.stderr) })
    }

    fn name(&self) -> String {
        self.args.first().map_or_else(String::new, |arg| arg.to_string_lossy().into_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        if let Some(folder) = &self.folder {
            command.arg("-C").arg(folder);
        }
        command.args(&self.args).env_clear();
        command.env("PATH", process::search_path());
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(FIXED.iter().copied());
        command.env("GIT_CONFIG_GLOBAL", self.git.scratch.folder.path().join("gitconfig"));
        let own = self.config.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let mut count = 0;
        for (key, value) in CONFIG.iter().copied().chain(own) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        match (&self.git_dir, &self.folder) {
            (Some(git_dir), _) => command.env("GIT_DIR", git_dir),
            (None, Some(_)) => &mut command,
            // Without a place of its own git would obey the repository that this program happens to be started
            // in or below: its remotes, their programs, and its other names for a URL.
            (None, None) => command.env("GIT_DIR", "/dev/null"),
        };
        command
    }
}

/// The end of a message: git says last what was wrong.
fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(600);
    text.chars().skip(skip).collect()
}

/// Whether `git version 2.39.5 (…)` is at least 2.32, the first with `GIT_CONFIG_GLOBAL`.
fn new_enough(version: &str) -> bool {
    let number = version.split_whitespace().nth(2).unwrap_or_default();
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(2), Some(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(new_enough("git version 2.39.5"));
        assert!(new_enough("git version 2.50.1 (Apple Git-155)"));
        assert!(new_enough("git version 3.0.rc1"));
        assert!(!new_enough("git version 2.9.5"));
        assert!(!new_enough("git version 2.31.8"));
        assert!(!new_enough("gitte"));
    }

    /// A server that takes the connection and never says a word. No thread accepts: the kernel does.
    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = server.local_addr().expect("an address").port();
        let mut git = Git::new(Arc::new(AtomicBool::new(false))).expect("git is installed");
        git.timeout = Duration::from_millis(300);
        let url = format!("https://127.0.0.1:{port}/owner/project");
        let error =
            git.call(["ls-remote", &url]).env("no_proxy", "*").bytes().expect_err("no answer");
        assert!(matches!(error, SourceError::GitTimedOut { .. }), "{error}");
        assert!(error.to_string().starts_with("git ls-remote did not end within 0.3 s"), "{error}");
    }

    #[test]
    fn a_wish_to_stop_ends_the_command() {
        let cancel = Arc::new(AtomicBool::new(false));
        let git = Git::new(cancel.clone()).expect("git is installed");
        cancel.store(true, Ordering::Relaxed);
        let stopped = git.call(["version"]).answer();
        assert!(matches!(stopped, Err(SourceError::Cancelled)));
    }
}
