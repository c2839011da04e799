//! One job from start to end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::Deserialize;

use super::bounds::{self, Bound, Exceeded, Watcher};
use super::log::pump;
use super::none::{self, WithoutIsolation, running};
use super::trace::{self, Setting, Trace};
use super::tree::{self, Process};
use super::view::View;
use super::{Bind, Cancel, End, Job, Outcome, Sandbox, SandboxError, Tracing, bubblewrap, strace};
use crate::process::guard::Watched;

/// The umask is set and every descriptor but the standard three is closed here, whatever process we are a
/// library of. Descriptor 3 is where bwrap tells how it went, 4 the filter that it puts on the job; it passes
/// neither on. Who was started for a process that is gone by now, before a signal could tell, starts nothing.
const START: &str = r#"
if [ "$PPID" != "$2" ]; then exit 1; fi
umask 022
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
done
if [ "$0" != none ]; then exec 3>"$0"; fi
if [ "$1" != none ]; then exec 4<"$1"; fi
shift 2
exec "$@"
"#;

/// How often the job is looked at while it prints nothing; also how soon a cancellation is seen.
const TICK: Duration = Duration::from_millis(20);

pub(super) fn run(sandbox: &Sandbox, job: Job<'_>) -> Result<Outcome, SandboxError> {
    check(&job)?;
    let binds = followed(job.binds)?;
    let own =
        tempfile::Builder::new().prefix("wheelmark-sandbox-").tempdir().map_err(|source| {
            SandboxError::io("create a directory in", &std::env::temp_dir(), source)
        })?;
    let plan = Plan::new(sandbox, &job, &binds, own.path())?;
    let writable: Vec<&Path> = binds.iter().filter(|b| b.writable).map(|b| &*b.host).collect();
    // Without bubblewrap nothing can be hidden: the job sees what its user does.
    if sandbox.bubblewrap.is_some() {
        sandbox.hidden.iter().try_for_each(|secret| secret.held(&plan.view, &writable))?;
    }
    let drops_root = sandbox.bubblewrap.as_ref().is_some_and(|bwrap| bwrap.root);
    bubblewrap::hand_over(&writable, drops_root.then_some(job.uid))?;

    let alone = match sandbox.bubblewrap {
        Some(_) => None,
        None => Some(WithoutIsolation::start()),
    };
    let disk_before = bounds::disk_used(&writable);
    let (reader, writer) =
        io::pipe().map_err(|e| SandboxError::io("make", "a pipe".as_ref(), e))?;
    let mut child = plan.start(sandbox, writer)?;
    // The launchers end with us, and what bwrap holds with them. But strace's child is stopped until it is attached to:
    // were strace killed before that, nobody else would end it. They are a group of their own, as a job
    // without bwrap is.
    let watched = Watched::new(child.id());
    let mut watcher =
        Watcher::new(job.bounds, child.id(), writable, disk_before, plan.record.clone());
    let (log, log_limit, cancel) = (job.log, job.bounds.log, job.cancel);
    let printed = AtomicU64::new(0);

    let (stopped, log) = thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        let printed = &printed;
        let pump = scope.spawn(move || {
            let result = pump(reader, log, log_limit, printed, &done);
            drop(done);
            result
        });
        let mut left =
            LeftBehind { alone: alone.as_ref(), record: plan.record.as_deref(), first: None };
        let end_left = || left.look();
        let stopped = watch(child.id(), &mut watcher, &ended, cancel, printed, log_limit, end_left);
        let ended = plan.end(&mut child, alone, watched);
        // Nothing that could print runs any more, so this ends.
        let log = pump.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.map(|()| (stopped, log))
    })?;
    let log = log.map_err(SandboxError::Log)?;
    let status = child.wait().map_err(|e| SandboxError::io("wait for", "the job".as_ref(), e))?;

    let last = watcher.finish().err();
    let late = (printed.into_inner() > log_limit).then_some(Exceeded {
        bound: Bound::Log,
        limit: log_limit,
        found: log.printed,
    });
    let end = match (stopped, last.or(late)) {
        (Some(end), _) => end,
        (None, Some(exceeded)) => End::Exceeded(exceeded),
        (None, None) => plan.status(status, &log.said).ok_or_else(|| SandboxError::Start {
            message: match String::from_utf8_lossy(&log.said).trim() {
                "" => format!("its launcher ended with {status} and said nothing"),
                said => said.to_owned(),
            },
        })?,
    };
    const SIGXFSZ: i32 = 25;
    let end = match end {
        // The kernel ended it at the bound itself.
        End::Signalled(SIGXFSZ) => End::Exceeded(Exceeded {
            bound: Bound::FileSize,
            limit: job.bounds.file_size,
            found: job.bounds.file_size,
        }),
        end => end,
    };
    Ok(Outcome {
        end,
        isolation: sandbox.isolation(),
        trace: plan.trace(sandbox, job.trace, job.cwd)?,
        log_sha256: log.sha256,
        log_len: log.written,
        usage: watcher.usage,
    })
}

/// The binds with every link in their host paths followed, once, so that nothing later reads
/// another place than was mounted.
fn followed(binds: &[Bind]) -> Result<Vec<Bind>, SandboxError> {
    let follow = |bind: &Bind| match fs::canonicalize(&bind.host) {
        Ok(host) => Ok(Bind { host, ..bind.clone() }),
        Err(source) => Err(SandboxError::io("bind", &bind.host, source)),
    };
    binds.iter().map(follow).collect()
}

/// What the launchers would take for an option of theirs, or could not take at all.
fn check(job: &Job<'_>) -> Result<(), SandboxError> {
    let bad = |value: &str| Err(SandboxError::BadValue { value: value.to_owned() });
    for (name, value) in job.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return bad(name);
        }
    }
    let Some(program) = job.argv.first() else {
        return bad("");
    };
    // `env` would read it as one more variable.
    if program.is_empty() || program.as_encoded_bytes().contains(&b'=') {
        return bad(&program.to_string_lossy());
    }
    if !job.cwd.is_absolute() {
        return Err(SandboxError::BadPath { path: job.cwd.to_owned() });
    }
    Ok(())
}

/// Everything that is decided before the start.
struct Plan {
    command: Vec<OsString>,
    cwd: PathBuf,
    /// Where bwrap writes how it went.
    report: Option<PathBuf>,
    /// The filter of system calls that bwrap puts on the job.
    filter: Option<PathBuf>,
    /// Where strace writes.
    record: Option<PathBuf>,
    /// Of the launchers.
    locale: String,
    launchers: Vec<PathBuf>,
    view: View,
}

impl Plan {
    fn new(
        sandbox: &Sandbox,
        job: &Job<'_>,
        binds: &[Bind],
        own: &Path,
    ) -> Result<Self, SandboxError> {
        let tools = &sandbox.tools;
        let mut command: Vec<OsString> = Vec::new();
        let mut add = |words: &[&OsStr]| command.extend(words.iter().map(|&w| w.to_owned()));
        let word = OsStr::new;
        add(&[tools.setsid.as_ref()]);

        let mut record = None;
        if job.trace != Tracing::Off
            && let Ok(strace) = &sandbox.tracer
        {
            let file = own.join("trace");
            let mut calls = format!("trace={}", strace::CALLS);
            if job.trace == Tracing::ProgramsAndFiles {
                calls = format!("{calls},{}", strace::OPENS);
            }
            add(&[strace.as_ref(), word("-o"), file.as_ref(), word("-e"), calls.as_ref()]);
            add(&strace_options().map(word));
            record = Some(file);
        }

        let mut launchers = Vec::new();
        let mut inner: Vec<OsString> = Vec::new();
        let mut filter = None;
        let (report, view, cwd) = match &sandbox.bubblewrap {
            Some(bwrap) => {
                filter = bwrap.filter(own)?;
                let (arguments, view) = bwrap.arguments(job, binds, own)?;
                add(&[bwrap.program.as_ref(), word("--json-status-fd"), word("3")]);
                arguments.iter().for_each(|argument| add(&[argument]));
                if filter.is_some() {
                    add(&[word("--seccomp"), word("4")]);
                }
                add(&[word("--")]);
                launchers.push(bwrap.program.clone());
                inner = bwrap.drop_root(job.uid);
                (Some(own.join("report")), view, PathBuf::from("/"))
            }
            None => (None, none::view(job, binds)?, job.cwd.to_owned()),
        };
        launchers.extend(inner.first().map(PathBuf::from));
        launchers.push(tools.prlimit.clone());
        inner.push(tools.prlimit.clone().into());
        inner.extend(bounds::prlimit_options(job.bounds).into_iter().map(OsString::from));
        if let Some(list) = job.cpus.and_then(|count| cpu_list(count.get())) {
            launchers.push(tools.taskset.clone());
            inner.extend([tools.taskset.clone().into(), "-c".into(), list.into()]);
        }
        launchers.push(tools.env.clone());
        inner.extend([tools.env.clone().into(), "-i".into(), "--".into()]);
        inner.extend(job.env.iter().map(|(name, value)| format!("{name}={value}").into()));
        inner.extend(job.argv.iter().cloned());
        command.extend(inner);
        let locale = job.launcher_locale.to_owned();
        Ok(Self { command, cwd, report, filter, record, locale, launchers, view })
    }

    fn start(&self, sandbox: &Sandbox, output: io::PipeWriter) -> Result<Child, SandboxError> {
        let setpriv = &sandbox.tools.setpriv;
        let failed = |source| SandboxError::io("start", setpriv, source);
        let or_none = |file: &Option<PathBuf>| file.clone().unwrap_or("none".into());
        // Held over the start: no process of a job is ever unknown to another job's end.
        let mut running = running();
        let child = Command::new(setpriv)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&sandbox.tools.bash)
            .args(["--norc", "--noprofile", "-p", "-c", START])
            .args([or_none(&self.report), or_none(&self.filter)])
            .arg(std::process::id().to_string())
            .args(&self.command)
            .env_clear()
            .envs([("LANG", &self.locale), ("LC_ALL", &self.locale)])
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        running.insert(child.id());
        Ok(child)
    }

    /// Ends whatever still runs, and returns when it is gone.
    fn end(
        &self,
        child: &mut Child,
        alone: Option<WithoutIsolation>,
        watched: Watched,
    ) -> Result<(), SandboxError> {
        // Process 1 inside: when it is gone, so is everything that ever ran inside.
        let first: Vec<Process> = self.first_inside().into_iter().collect();
        let survivors = |pids| SandboxError::Survivors { pids };
        // The group first: a process that is forked while the tree is looked at is in it. Where it has not been made
        // yet, nothing was started but what the tree has.
        let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
        tree::end(child.id(), &first).map_err(survivors)?;
        drop(watched);
        // It is no longer running, so this returns at once; the status is kept for later.
        let _ = child.wait();
        running().remove(&child.id());
        match alone {
            Some(alone) => alone.end_orphans().map_err(survivors),
            None => Ok(()),
        }
    }

    fn reports(&self) -> Vec<BwrapReport> {
        let text = self.report.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let text = text.unwrap_or_default();
        serde_json::Deserializer::from_str(&text).into_iter().map_while(Result::ok).collect()
    }

    /// Process 1 inside, if it is there still. Its number may be another's by now, which must not
    /// be killed for it.
    fn first_inside(&self) -> Option<Process> {
        let pid = self.reports().iter().find_map(|report| report.child)?;
        Process::find(pid).filter(Process::is_first_of_bwrap)
    }

    /// How the job ended by itself; `None` if it never started.
    fn status(&self, status: std::process::ExitStatus, said: &[u8]) -> Option<End> {
        if self.report.is_some() {
            // bwrap tells the status only if everything was set up.
            let code = self.reports().iter().find_map(|report| report.exit)?;
            return Some(match code {
                129..=192 => End::Signalled(code - 128),
                code => End::Exited(code),
            });
        }
        if self.record.is_some() && status.code() == Some(1) && said.starts_with(b"strace: ") {
            return None;
        }
        Some(match (status.code(), status.signal()) {
            (Some(code), _) => End::Exited(code),
            (None, signal) => End::Signalled(signal.unwrap_or_default()),
        })
    }

    fn trace(&self, sandbox: &Sandbox, asked: Tracing, cwd: &Path) -> Result<Trace, SandboxError> {
        let record = match (asked, &sandbox.tracer, &self.record) {
            (Tracing::Off, ..) => return Ok(Trace::NotAsked),
            (_, Ok(_), Some(record)) => record,
            (_, Err(reason), _) => {
                return Ok(Trace::Unavailable { reason: reason.clone() });
            }
            (_, Ok(_), None) => {
                return Ok(Trace::Unavailable { reason: "the tracer was not started".to_owned() });
            }
        };
        let setting = Setting {
            launchers: &self.launchers,
            cwd,
            view: &self.view,
            files: asked == Tracing::ProgramsAndFiles,
        };
        let failed = |source| SandboxError::io("read", record, source);
        match File::open(record) {
            Ok(file) => trace::read(BufReader::new(file), &setting).map_err(failed),
            // The job was ended before the tracer began.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Trace::Unavailable { reason: "the tracer wrote no record".to_owned() })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Follow children; stop only at the calls asked for; tell when a process ends; tell what a
/// descriptor is and which number a child has for us; leave failed calls out (but not those that
/// a thread's exec cuts short, so not `status=successful`).
fn strace_options() -> [&'static str; 11] {
    [
        "-f",
        "--seccomp-bpf",
        "-q",
        "-y",
        "--decode-pids=pidns",
        "-e",
        "signal=none",
        "-e",
        "status=!failed",
        "-s64",
        "--",
    ]
}

/// A line of what bwrap writes to `--json-status-fd`.
#[derive(Deserialize)]
struct BwrapReport {
    #[serde(rename = "child-pid")]
    child: Option<u32>,
    #[serde(rename = "exit-code")]
    exit: Option<i32>,
}

/// Ends what a job without isolation left behind under a tracer, which waits for all that it traces: a
/// daemon too, which nobody else would end.
struct LeftBehind<'a> {
    alone: Option<&'a WithoutIsolation>,
    record: Option<&'a Path>,
    /// The job's first process, once the tracer has written of it, while it runs.
    first: Option<Process>,
}

impl LeftBehind<'_> {
    fn look(&mut self) {
        let (Some(alone), Some(record)) = (self.alone, self.record) else { return };
        if self.first.as_ref().is_some_and(Process::runs) {
            return;
        }
        // The first line is about it: the tracer starts no other.
        let Some(pid) = first_number(record) else { return };
        if self.first.is_none() {
            self.first = Process::find(pid).filter(Process::runs);
        }
        if !self.first.as_ref().is_some_and(Process::runs) {
            // Whatever cannot be ended is told when the job is.
            let _ = alone.end_orphans();
        }
    }
}

/// The number at the start of a file, once a space follows it.
fn first_number(file: &Path) -> Option<u32> {
    let mut start = [0; 16];
    let read = File::open(file).ok()?.read(&mut start).ok()?;
    let text = str::from_utf8(start.get(..read)?).ok()?;
    text.split_once(' ')?.0.parse().ok()
}

/// Waits for the end; says why we want it ended if it did not end by itself. `end_left` is called now and
/// then.
fn watch(
    child: u32,
    watcher: &mut Watcher<'_>,
    ended: &mpsc::Receiver<()>,
    cancel: &Cancel,
    printed: &AtomicU64,
    log_limit: u64,
    mut end_left: impl FnMut(),
) -> Option<End> {
    let mut closed = false;
    loop {
        // Not `try_wait`: until we have waited for it, its number is not given to another.
        if Process::find(child).is_none_or(|process| process.ended) {
            return None;
        }
        if cancel.is_cancelled() {
            return Some(End::Cancelled);
        }
        let found = printed.load(Ordering::Relaxed);
        if found > log_limit {
            return Some(End::Exceeded(Exceeded { bound: Bound::Log, limit: log_limit, found }));
        }
        if let Err(exceeded) = watcher.look() {
            return Some(End::Exceeded(exceeded));
        }
        end_left();
        if closed {
            // Between the last output and the end there is usually less than a tick.
            thread::sleep(TICK / 10);
        } else {
            // A message means that the log is full or broken: look again at once.
            closed = ended.recv_timeout(TICK) == Err(RecvTimeoutError::Disconnected);
        }
    }
}

/// The first `count` of the processors that we may use, as `taskset` takes them.
fn cpu_list(count: usize) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let first: Vec<String> = cpus(list.trim()).take(count).map(|cpu| cpu.to_string()).collect();
    (!first.is_empty()).then(|| first.join(","))
}

/// Reads `0-3,8`.
fn cpus(list: &str) -> impl Iterator<Item = u32> {
    list.split(',')
        .filter_map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some(from.parse().ok()?..=to.parse().ok()?)
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    use super::*;
    use crate::sandbox::Bounds;

    /// Where the helper's tracer says which process it left.
    const LEFT: &str = "WHEELMARK_TEST_LEFT";

    /// Runs a job under a tracer that forks a child, which stops itself, and that attaches to none: as strace is where it
    /// is killed between the two.
    fn under_a_tracer_that_leaves(folder: &Path, cancel: &Cancel) {
        let Ok(mut sandbox) = Sandbox::detect(Tracing::Off) else { return };
        let tracer = folder.join("tracer");
        // In two steps, so that it is nobody's child.
        let script = format!(
            "#!/bin/sh\n(sh -c 'echo $$ >{0}.new; mv {0}.new {0}; kill -STOP $$' &)\nexec sleep 600\n",
            folder.join("left").display()
        );
        fs::write(&tracer, script).unwrap();
        fs::set_permissions(&tracer, fs::Permissions::from_mode(0o755)).unwrap();
        sandbox.tracer = Ok(tracer);
        let outcome = sandbox.run(Job {
            binds: &[],
            scratch: &[],
            env: &BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            cwd: Path::new("/"),
            argv: &["true".into()],
            bounds: &Bounds::standard(),
            hostname: "build",
            uid: sandbox.uid().unwrap(),
            cpus: None,
            launcher_locale: "C",
            trace: Tracing::Programs,
            log: &mut Vec::new(),
            cancel,
        });
        assert_eq!(outcome.unwrap().end, End::Cancelled);
    }

    /// The process that was left, once it is there.
    fn left(folder: &Path) -> Process {
        let mut found = None;
        wait_for("a child of the tracer", || {
            let pid = fs::read_to_string(folder.join("left")).ok();
            found = pid.and_then(|it| Process::find(it.trim().parse().ok()?));
            found.is_some()
        });
        found.unwrap()
    }

    fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < deadline, "no end of waiting: {what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_tracer_leaves_no_stopped_child() {
        if let Err(error) = Sandbox::detect(Tracing::Off) {
            return eprintln!("skipped: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let run = scope.spawn(|| under_a_tracer_that_leaves(folder.path(), &cancel));
            let left = left(folder.path());
            cancel.cancel();
            run.join().unwrap();
            assert!(!left.runs(), "{left:?}");
        });
    }

    #[test]
    #[ignore = "the process that `nor_when_we_are_killed` kills"]
    fn helper_under_a_tracer_that_leaves() {
        let Some(folder) = std::env::var_os(LEFT) else { return };
        under_a_tracer_that_leaves(Path::new(&folder), &Cancel::new());
    }

    #[test]
    fn nor_when_we_are_killed() {
        if let Err(error) = Sandbox::detect(Tracing::Off) {
            return eprintln!("skipped: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let name = "sandbox::run::tests::helper_under_a_tracer_that_leaves";
        let mut helper = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored"])
            .env(LEFT, folder.path())
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let left = left(folder.path());
        helper.kill().unwrap();
        helper.wait().unwrap();
        wait_for("the child is gone", || !left.runs());
    }

    #[test]
    fn processors() {
        assert_eq!(cpus("0-3,8").collect::<Vec<_>>(), [0, 1, 2, 3, 8]);
        assert_eq!(cpus("5").collect::<Vec<_>>(), [5]);
        assert_eq!(cpus("").count(), 0);
        assert!(cpu_list(1).is_some_and(|list| !list.contains(',')));
    }
}
