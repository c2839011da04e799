//! Child processes: output captured with a bound, a time limit, and an end for the whole process group
//! when the caller cancels, and when this process ends.

pub(crate) mod guard;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use guard::Watched;

/// Bytes kept of each of a child's two output streams: more than any tool that is read here writes,
/// and little enough that a child cannot fill the memory.
pub const OUTPUT_LIMIT: usize = 8 << 20;

/// How often the `cancel` flag is looked at while a child runs.
const CANCEL_INTERVAL: Duration = Duration::from_millis(50);

/// How long after a child's end its output is waited for: a process that left the child's group may
/// hold the pipe open for ever.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// `PATH` without relative entries: a program in the folder that this happens to be started in must not be
/// taken for git, uv or a compiler. Never empty, since an empty one means that folder.
pub fn search_path() -> OsString {
    match env::var_os("PATH") {
        Some(path) => absolute_entries(&path),
        None => SYSTEM_PATH.into(),
    }
}

/// Where programs are looked for if nobody says where.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A folder that holds no program.
const NOWHERE: &str = "/nonexistent";

fn absolute_entries(path: &OsStr) -> OsString {
    let absolute: Vec<_> = env::split_paths(path).filter(|entry| entry.is_absolute()).collect();
    match env::join_paths(absolute) {
        Ok(path) if !path.is_empty() => path,
        _ => NOWHERE.into(),
    }
}

/// What a child process that came to its own end left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, up to [`OUTPUT_LIMIT`] or the limit that was given.
    pub stdout: Vec<u8>,
    /// Its standard error, up to the same limit.
    pub stderr: Vec<u8>,
    /// There was no more standard output than was kept.
    pub stdout_complete: bool,
    /// Either stream had more than was kept, or was still held open when the child had ended.
    pub truncated: bool,
}

/// Why a child process gave no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It did not start, or the system failed while it was waited for.
    #[error("cannot run `{}`: {source}", .program.escape_debug())]
    Start {
        /// The program as it was named.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The caller's flag was set; the child and its group were killed.
    #[error("cancelled while `{}` was running", .program.escape_debug())]
    Cancelled {
        /// The program as it was named.
        program: String,
    },
    /// It took longer than allowed; the child and its group were killed.
    #[error("`{}` did not end within {} s", .program.escape_debug(), .limit.as_secs_f32())]
    TimedOut {
        /// The program as it was named.
        program: String,
        /// The time it had.
        limit: Duration,
    },
}

/// Runs `command` to its end, in a process group of its own and without standard input.
///
/// Whatever is left of the group when the child ends is killed, as is all of it when `cancel` becomes
/// true or `timeout` has passed. An exit status other than 0 is not an error here.
///
/// # Errors
/// See [`ProcessError`].
pub fn run(
    command: Command,
    cancel: &AtomicBool,
    timeout: Duration,
) -> Result<Output, ProcessError> {
    run_with_input(command, Vec::new(), OUTPUT_LIMIT, cancel, timeout)
}

/// As [`run`], with bytes for standard input and another limit for each output stream.
///
/// # Errors
/// See [`ProcessError`].
pub fn run_with_input(
    mut command: Command,
    input: Vec<u8>,
    limit: usize,
    cancel: &AtomicBool,
    timeout: Duration,
) -> Result<Output, ProcessError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source| ProcessError::Start { program: program.clone(), source };
    let cancelled = || ProcessError::Cancelled { program: program.clone() };
    if cancel.load(Ordering::Relaxed) {
        return Err(cancelled());
    }
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    let watched = Watched::new(child.id());
    if let Some(mut pipe) = child.stdin.take() {
        // A command that ends without reading all of it says why on its own.
        thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let stdout = Capture::start(child.stdout.take(), limit);
    let stderr = Capture::start(child.stderr.take(), limit);
    let pid = Pid::from_child(&child);
    let ended = watch(pid);
    let deadline = Instant::now() + timeout;

    let interruption = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ended.recv_timeout(left.min(CANCEL_INTERVAL)) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                break Some(cancelled());
            }
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                break Some(ProcessError::TimedOut { program: program.clone(), limit: timeout });
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    let status = end(pid, watched, &mut child).map_err(failed)?;
    if let Some(interruption) = interruption {
        return Err(interruption);
    }
    let drained = Instant::now() + DRAIN_TIME;
    let (stdout, all_of_stdout) = stdout.finish(drained);
    let (stderr, all_of_stderr) = stderr.finish(drained);
    let truncated = !(all_of_stdout && all_of_stderr);
    Ok(Output { status, stdout, stderr, stdout_complete: all_of_stdout, truncated })
}

/// Makes two things at the same time: `b` here, `a` in a thread. For what waits for processes.
pub fn together<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        let a = a.join();
        (a.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), b)
    })
}

/// Tells when the process has ended, without reaping it: its id stays its own until [`end`], so that
/// no other process can be killed in its place.
fn watch(pid: Pid) -> Receiver<()> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while rustix::process::waitid(WaitId::Pid(pid), options).err()
            == Some(rustix::io::Errno::INTR)
        {}
        let _ = sender.send(());
    });
    receiver
}

/// Kills what is left of the child's group, then reaps the child.
fn end(pid: Pid, watched: Watched, child: &mut Child) -> io::Result<ExitStatus> {
    // An error here says that the group is empty but for the child, which has ended.
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    drop(watched);
    child.wait()
}

/// One output stream, read by a thread so that neither stream can block the other.
struct Capture {
    kept: Arc<Mutex<Vec<u8>>>,
    done: Receiver<bool>,
}

impl Capture {
    fn start(stream: Option<impl Read + Send + 'static>, limit: usize) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sender, done) = sync_channel(1);
        let shared = Arc::clone(&kept);
        thread::spawn(move || {
            let complete = stream.is_some_and(|stream| keep(stream, &shared, limit));
            let _ = sender.send(complete);
        });
        Self { kept, done }
    }

    /// What was kept, and whether that was all.
    fn finish(self, deadline: Instant) -> (Vec<u8>, bool) {
        let left = deadline.saturating_duration_since(Instant::now());
        let complete = self.done.recv_timeout(left).unwrap_or(false);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut kept), complete)
    }
}

/// Reads to the end, keeping up to the limit; true if that was everything.
fn keep(mut stream: impl Read, kept: &Mutex<Vec<u8>>, limit: usize) -> bool {
    let mut buffer = [0; 16 * 1024];
    let mut complete = true;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return complete,
            Ok(read) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = limit - kept.len();
                kept.extend_from_slice(&buffer[..read.min(room)]);
                complete &= read <= room;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn go(script: &str, timeout: Duration) -> Result<Output, ProcessError> {
        run(shell(script), &AtomicBool::new(false), timeout)
    }

    #[test]
    fn relative_entries_of_the_path_are_not_searched() {
        let path = OsStr::new(":.:/usr/bin:bin:../x:/bin:");
        assert_eq!(absolute_entries(path), "/usr/bin:/bin");
        for path in ["", ".", ":", "bin:"] {
            assert_eq!(absolute_entries(OsStr::new(path)), NOWHERE, "{path}");
        }
    }

    #[test]
    fn both_streams_and_the_status_are_kept() {
        let output = go("cat; echo out; echo err >&2; exit 3", LONG).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        assert!(!output.truncated);
    }

    #[test]
    fn more_output_than_the_limit_is_cut_and_said_so() {
        let output = go("head -c 9000000 /dev/zero", LONG).unwrap();
        assert_eq!(output.stdout.len(), OUTPUT_LIMIT);
        assert!(output.truncated);
    }

    #[test]
    fn a_child_that_takes_too_long_is_killed_with_its_children() {
        let started = Instant::now();
        let limit = Duration::from_millis(100);
        let result = go("sleep 100 & sleep 100", limit);
        assert!(matches!(result, Err(ProcessError::TimedOut { .. })));
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn what_a_child_leaves_in_its_group_ends_with_it() {
        // `sleep` inherits standard output: were it alive, the output would not be complete.
        let output = go("sleep 100 & echo started", LONG).unwrap();
        assert_eq!(output.stdout, b"started\n");
        assert!(!output.truncated);
    }

    #[test]
    fn input_is_read_and_the_limit_is_the_one_given() {
        let input = vec![b'x'; 100_000];
        let cancel = AtomicBool::new(false);
        let output = run_with_input(shell("cat"), input.clone(), 200_000, &cancel, LONG).unwrap();
        assert_eq!(output.stdout, input);
        assert!(output.stdout_complete && !output.truncated);
        let output = run_with_input(shell("cat"), input, 10, &cancel, LONG).unwrap();
        assert_eq!(output.stdout.len(), 10);
        assert!(!output.stdout_complete && output.truncated);
    }

    #[test]
    fn cancelling_ends_a_running_child() {
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancel);
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!("mkfifo {0}; echo > {0}; sleep 100", ready.display());
        let runner = thread::spawn(move || run(shell(&script), &flag, LONG));
        // Opening the pipe blocks until the child has it open, so the child runs by then.
        while !ready.exists() {
            thread::yield_now();
        }
        std::fs::read(&ready).unwrap();
        cancel.store(true, Ordering::Relaxed);
        let result = runner.join().unwrap();
        assert!(matches!(result, Err(ProcessError::Cancelled { .. })));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let command = Command::new("/nonexistent/tool");
        let error = run(command, &AtomicBool::new(false), LONG).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/tool"), "{error}");
    }
}
