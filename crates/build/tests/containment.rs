//! Attacks on the sandbox, each with something real to get or to break, and each held.
//!
//! Where no sandbox can be had each test says that it was skipped, and why. As root the whole file
//! is run once more as a plain user, since the two are kept in different ways.

// A test that cannot be set up fails; clippy.toml knows this only of functions marked `#[test]`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wheelmark_build::sandbox::{
    Bind, Bound, Bounds, Cancel, End, Isolation, Job, LAUNCHER_LOCALE, Observed, Outcome,
    ProgramFile, Sandbox, SandboxError, Trace, Tracing, Usage,
};

const SECRET: &str = "planted-secret-7f3a";

/// Where this variable is set (CI), a test that cannot run fails instead of being skipped.
const REQUIRED: &str = "WHEELMARK_TEST_REQUIRE_SANDBOX";

/// Says so where it is seen: the harness shows what a test prints only if the test fails.
fn skipped(reason: &dyn std::fmt::Display) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(io::stderr(), "skipped: {test}: {reason}");
}

/// A place with a folder for the job, a secret beside it, and a sandbox.
struct Ground {
    sandbox: Sandbox,
    dir: TempDir,
    bounds: Bounds,
    trace: Tracing,
    locale: &'static str,
}

impl Ground {
    fn new() -> Option<Self> {
        match Sandbox::detect(Tracing::Programs) {
            Ok(sandbox) => Some(Self::with(sandbox)),
            Err(error @ (SandboxError::Missing { .. } | SandboxError::Refused { .. })) => {
                assert!(std::env::var_os(REQUIRED).is_none(), "{error}");
                skipped(&error);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn with(sandbox: Sandbox) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        fs::write(dir.path().join("signing.key"), SECRET).unwrap();
        let bounds = Bounds {
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(60),
            memory: 1 << 30,
            tasks: 64,
            open_files: 256,
            file_size: 64 << 20,
            disk: 64 << 20,
            disk_reserve: 1 << 20,
            scratch: 32 << 20,
            log: 1 << 20,
            trace: 64 << 20,
        };
        Self { sandbox, dir, bounds, trace: Tracing::Off, locale: LAUNCHER_LOCALE }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("signing.key")
    }

    fn run_to(
        &self,
        argv: &[&str],
        log: &mut (dyn Write + Send),
        cancel: &Cancel,
    ) -> Result<Outcome, SandboxError> {
        self.run_with(argv, log, cancel, &[])
    }

    fn run_with(
        &self,
        argv: &[&str],
        log: &mut (dyn Write + Send),
        cancel: &Cancel,
        more: &[Bind],
    ) -> Result<Outcome, SandboxError> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let contained = self.sandbox.isolation() == Isolation::Bubblewrap;
        let inside = if contained { PathBuf::from("/build/work") } else { self.work() };
        let home = [PathBuf::from("/build/home")];
        let bind = Bind { host: self.work(), inside: inside.clone(), writable: true };
        self.sandbox.run(Job {
            binds: &[&[bind], more].concat(),
            scratch: if contained { &home } else { &[] },
            env: &environment(),
            cwd: &inside,
            argv: &argv,
            bounds: &self.bounds,
            hostname: "builder",
            uid: self.sandbox.uid()?,
            cpus: NonZeroUsize::new(1),
            launcher_locale: self.locale,
            trace: self.trace,
            log,
            cancel,
        })
    }

    fn run(&self, argv: &[&str]) -> (Outcome, String) {
        let mut log = Vec::new();
        let outcome = self.run_to(argv, &mut log, &Cancel::new()).unwrap();
        let log = String::from_utf8_lossy(&log).into_owned();
        println!("{:?}: {log}", outcome.end);
        (outcome, log)
    }

    fn shell(&self, script: &str) -> (Outcome, String) {
        self.run(&["bash", "-c", script])
    }

    /// Runs a script that must get to its last line, and returns its output.
    fn to_the_end(&self, script: &str) -> String {
        let (outcome, log) = self.shell(&format!("{script}\necho reached the end"));
        assert_eq!(outcome.end, End::Exited(0), "{log}");
        assert!(log.ends_with("reached the end\n"), "{log}");
        log
    }

    fn exceeded(&self, bound: Bound, script: &str) -> Usage {
        let (outcome, log) = self.shell(script);
        match outcome.end {
            End::Exceeded(exceeded) => {
                assert_eq!(exceeded.bound, bound, "{exceeded}");
                assert!(exceeded.found > 0, "{exceeded}");
            }
            end => panic!("{end:?}: {log}"),
        }
        outcome.usage
    }

    fn observe(&self, script: &str) -> Observed {
        let (outcome, log) = self.shell(script);
        assert_eq!(outcome.end, End::Exited(0), "{log}");
        match outcome.trace {
            Trace::Attached(observed) => observed,
            trace => panic!("{trace:?}"),
        }
    }
}

fn environment() -> BTreeMap<String, String> {
    [("PATH", "/usr/bin:/bin"), ("HOME", "/build/home"), ("LC_ALL", "C.UTF-8")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A ground, or the end of the test.
macro_rules! ground {
    () => {
        match Ground::new() {
            Some(ground) => ground,
            None => return,
        }
    };
}

/// A number that no other process has among its arguments.
fn unique_seconds() -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("7{}.{}", std::process::id(), nanos.as_nanos())
}

/// Whether a process runs `sleep` for this time, anywhere on the host.
fn sleeps(seconds: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.strip_prefix(b"sleep\0").is_some_and(|rest| rest.starts_with(seconds.as_bytes()))
    })
}

/// Waits for something that must come, and fails if it does not.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

// What it sees.

#[test]
fn the_environment_is_exactly_the_one_given() {
    let ground = ground!();
    let (_, log) = ground.run(&["env"]);
    let seen: BTreeMap<String, String> = log
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(seen, environment());
    // Cargo runs this test with this variable, so the host's environment would show it.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() || plain_user_again());
    let log = ground.to_the_end("cat /proc/*/environ; ps ewwax");
    assert!(!log.contains("CARGO") && !log.contains("WHEELMARK_TEST"), "{log}");
}

#[test]
fn the_locale_of_its_launchers_is_not_its_own() {
    for locale in [LAUNCHER_LOCALE, "C.UTF-8"] {
        let ground = Ground { locale, ..ground!() };
        let log = ground.to_the_end("echo $LC_ALL$LANG");
        assert_eq!(log, "C.UTF-8\nreached the end\n", "its own is the one given");
        if let Some(reason) = ground.sandbox.tracer_missing() {
            return skipped(&reason);
        }
        // Without isolation the tracer is the job's parent and can be asked.
        let none = Sandbox::none_unsafe(Tracing::Programs).unwrap();
        let ground = Ground { locale, trace: Tracing::Programs, ..Ground::with(none) };
        let log = ground.to_the_end("tr '\\0' '\\n' </proc/$PPID/environ");
        for variable in ["LANG", "LC_ALL"] {
            assert!(log.contains(&format!("{variable}={locale}\n")), "{log}");
        }
    }
}

#[test]
fn it_is_an_unprivileged_stranger_with_a_fixed_name() {
    let ground = ground!();
    let log = ground.to_the_end(
        "id -u; id -G; umask; hostname; nproc; grep -E '^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' \
         /proc/self/status; tty; cat",
    );
    let lines: Vec<&str> = log.lines().collect();
    assert_ne!(lines[0], "0");
    assert_eq!(lines[1], lines[0]);
    assert_eq!(&lines[2..5], ["0022", "builder", "1"]);
    assert_eq!(log.matches("0000000000000000").count(), 4, "{log}");
    assert!(log.contains("NoNewPrivs:\t1"), "{log}");
    assert!(log.contains("not a tty"), "{log}");
}

/// In one of its own it would have every capability over it.
#[test]
fn it_makes_no_user_namespace_of_its_own() {
    let ground = ground!();
    // clone and clone3 directly, since `unshare` uses neither; as many lines as there are ways.
    let script = "for how in -U -Ur -Urm; do unshare $how true && echo got one; done
         if command -v perl >/dev/null; then
           perl -e 'for ([56, 0x10000011, 0, 0, 0, 0],
                         [435, pack(\"Q11\", 0x10000000, 0, 0, 0, 17), 88]) {
             $pid = syscall($$_[0], @$_[1..$#$_]); exit 0 if $pid == 0; print \"got one\\n\" if $pid > 0;
           }'
         fi
         grep CapEff /proc/self/status";
    let control = Command::new("bash").args(["-c", script]).output().unwrap();
    let control = String::from_utf8_lossy(&control.stdout).into_owned();
    if !control.contains("got one") {
        return skipped(&"no user namespace can be made on this machine at all");
    }
    for trace in [Tracing::Off, Tracing::Programs] {
        let ground = Ground { trace, ..Ground::with(ground.sandbox.clone()) };
        let log = ground.to_the_end(script);
        assert!(!log.contains("got one"), "{log}\ncontrol: {control}");
        assert!(log.contains("CapEff:\t0000000000000000"), "{log}");
        // What else makes processes still does.
        let log = ground.to_the_end("unshare --help >/dev/null; (echo child) | cat");
        assert!(log.contains("child"), "{log}");
    }
}

#[test]
fn neither_the_key_nor_the_home_nor_the_passwords_can_be_read() {
    let ground = ground!();
    let key = ground.key();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&key, ground.work().join("link")).unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let log = ground.to_the_end(&format!(
        "cat {key} link ../signing.key
         for root in /proc/*/root /proc/*/cwd; do cat $root{key} $root/etc/shadow; done
         cat /etc/shadow /etc/gshadow /etc/pip.conf {home}/.netrc
         ls -la {home} /home /root /etc/ssh /var /run /sys /mnt
         grep -c . /etc/passwd",
        key = key.display(),
    ));
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.contains("root:*") && !log.contains("root:$"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("total")), "a folder could be listed: {log}");
    // Our own short list and not the host's.
    assert!(log.contains("\n3\nreached"), "{log}");
}

#[test]
fn a_key_that_we_hold_open_is_not_handed_down() {
    let ground = ground!();
    let key = fs::File::open(ground.key()).unwrap();
    // As a descriptor that a careless parent left to us would be.
    rustix::io::fcntl_setfd(&key, rustix::io::FdFlags::empty()).unwrap();
    let control = Command::new("bash")
        .args(["-c", &format!("cat /proc/self/fd/{}", key.as_raw_fd())])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&control.stdout).contains(SECRET), "the control shows it");
    for trace in [Tracing::Off, Tracing::Programs] {
        let ground = Ground { trace, ..Ground::with(ground.sandbox.clone()) };
        let log = ground.to_the_end(
            "for fd in /proc/self/fd/*; do echo fd ${fd##*/}; done; \
             for fd in /proc/*/fd/*; do [ ${fd##*/} -lt 3 ] || timeout 1 cat $fd; done",
        );
        assert!(!log.contains(SECRET), "{log}");
        let open: Vec<&str> = log.lines().filter(|line| line.starts_with("fd ")).collect();
        // The fourth is the shell's own, while it lists them.
        assert_eq!(open.len(), 4, "{log}");
        assert_eq!(open[..3], ["fd 0", "fd 1", "fd 2"]);
    }
}

#[test]
fn the_network_is_not_there() {
    let ground = ground!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 9<>/dev/tcp/127.0.0.1/{port}");
    let control = Command::new("bash").args(["-c", &connect]).status().unwrap();
    assert!(control.success() && listener.accept().is_ok(), "the control gets through");
    let log = ground.to_the_end(&format!(
        "({connect}) && echo got out; (exec 9<>/dev/tcp/192.0.2.1/80) && echo got out; \
         (exec 9<>/dev/udp/192.0.2.1/53) && echo got out; cat /proc/net/dev"
    ));
    assert!(!log.contains("got out"), "{log}");
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let devices = log.lines().filter(|line| line.contains(": ")).filter(|l| !l.contains("bash"));
    assert!(devices.clone().all(|line| line.trim().starts_with("lo:")), "{log}");
    assert_eq!(devices.count(), 1, "{log}");
}

#[test]
fn it_writes_only_where_it_may() {
    let ground = ground!();
    let outside = ground.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&outside, ground.work().join("out")).unwrap();
    let name = unique_seconds();
    let log = ground.to_the_end(&format!(
        "for place in out ../outside {outside} / /usr /usr/local/bin /etc /build /dev /bin /var/tmp \
           /proc/1/root{outside} /root; do
           touch $place/{name} && echo wrote $place
         done
         mkdir -p {outside} && touch {outside}/{name} && echo made one of its own
         for place in . /tmp /build/home /dev/shm; do touch $place/{name} || echo cannot $place; done
         touch -c /usr/bin/env && echo touched; chmod u+s /usr/bin/env; mount -o remount,rw /usr",
        outside = outside.display(),
    ));
    assert!(!log.contains("wrote"), "{log}");
    assert!(!log.contains("cannot ."), "{log}");
    assert!(!log.contains("cannot /") && !log.contains("touched"), "{log}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    for place in ["/tmp", "/dev/shm", "/usr", "/etc", "/usr/local/bin", "/root", "/var/tmp"] {
        assert!(!Path::new(place).join(&name).exists(), "{place}");
    }
    assert!(ground.work().join(&name).exists(), "its own folder is the host's");
    assert_eq!(fs::metadata(ground.work().join(&name)).unwrap().mode() & 0o777, 0o644);
}

#[test]
fn a_read_only_bind_lies_open_below_a_closed_home() {
    let ground = ground!();
    let home = ground.dir.path().join("home");
    let python = home.join(".pyenv/versions/3");
    fs::create_dir_all(&python).unwrap();
    fs::write(python.join("python"), "an interpreter").unwrap();
    fs::write(home.join("token"), SECRET).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&python, ground.dir.path().join("current")).unwrap();
    let bind = |host: &Path, inside: &Path| Bind {
        host: host.to_owned(),
        inside: inside.to_owned(),
        writable: false,
    };
    // At its own path, as an interpreter must be, and by a link.
    let binds = [
        bind(&python, &python),
        bind(&ground.dir.path().join("current"), Path::new("/opt/python")),
    ];
    let script = format!(
        "cat {python}/python /opt/python/python; cat {python}/../../../token; ls -A {home}; \
         touch {python}/x /opt/python/x {home}/x",
        python = python.display(),
        home = home.display(),
    );
    let (mut log, cancel) = (Vec::new(), Cancel::new());
    let words = ["bash", "-c", &script];
    let outcome = ground.run_with(&words, &mut log, &cancel, &binds).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(matches!(outcome.end, End::Exited(_)), "{log}");
    assert!(log.starts_with("an interpreteran interpreter"), "{log}");
    assert!(log.contains("\n.pyenv\n") && !log.contains(SECRET), "{log}");
    assert_eq!(log.matches("Read-only file system").count(), 2, "{log}");
    assert!(!python.join("x").exists() && !home.join("x").exists());

    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&python, fs::Permissions::from_mode(0o700)).unwrap();
        let error = ground.run_with(&["true"], &mut Vec::new(), &cancel, &binds).unwrap_err();
        assert!(matches!(error, SandboxError::Unreadable { .. }), "{error}");
    }
}

#[test]
fn a_job_that_would_see_the_signing_key_does_not_run() {
    let mut ground = ground!();
    ground.sandbox.hide(&ground.key()).unwrap();
    assert_eq!(ground.run(&["true"]).0.end, End::Exited(0));

    // The folder that it is in, as an interpreter's is shown, also by a link.
    let link = ground.dir.path().join("work/link");
    symlink(ground.dir.path(), &link).unwrap();
    for host in [ground.dir.path().to_owned(), ground.key(), link] {
        let bind = Bind { host, inside: "/opt/python".into(), writable: false };
        let cancel = Cancel::new();
        let error = ground.run_with(&["true"], &mut Vec::new(), &cancel, &[bind]).unwrap_err();
        assert!(error.to_string().contains("is not to be seen by the build"), "{error}");
    }

    // Or a copy of it, as one that is committed is among the sources.
    fs::remove_file(ground.work().join("link")).unwrap();
    fs::create_dir(ground.work().join("deep")).unwrap();
    fs::copy(ground.key(), ground.work().join("deep/copy")).unwrap();
    let error = ground.run_to(&["true"], &mut Vec::new(), &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("deep/copy"), "{error}");

    fs::hard_link(ground.key(), ground.dir.path().join("second")).unwrap();
    let error = ground.sandbox.hide(&ground.key()).unwrap_err().to_string();
    assert!(error.contains("a second name"), "{error}");
}

#[test]
fn a_file_with_a_name_elsewhere_is_not_handed_over() {
    let ground = ground!();
    fs::hard_link(ground.key(), ground.work().join("innocent")).unwrap();
    let before = fs::metadata(ground.key()).unwrap().uid();
    let error = ground.run_to(&["true"], &mut Vec::new(), &Cancel::new()).unwrap_err();
    assert!(matches!(error, SandboxError::Shared { .. }), "{error}");
    assert_eq!(fs::metadata(ground.key()).unwrap().uid(), before);
}

// What it does to others.

#[test]
fn our_processes_are_out_of_reach() {
    let ground = ground!();
    let mut victim = Command::new("sleep").arg("600").spawn().unwrap();
    let (us, pid) = (std::process::id(), victim.id());
    let log = ground.to_the_end(&format!(
        "for pid in {us} {pid}; do
           kill -9 $pid && echo hit
           ls /proc/$pid/ >/dev/null && echo saw
           timeout 5 strace -p $pid && echo traced
         done
         ipcs -a | grep -c 0x; kill -9 -1"
    ));
    let still_runs = victim.try_wait().unwrap().is_none();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(still_runs);
    for word in ["hit", "saw", "traced"] {
        assert!(!log.lines().any(|line| line == word), "{log}");
    }
}

#[test]
fn a_daemon_does_not_outlive_the_job() {
    for trace in [Tracing::Off, Tracing::Programs] {
        let ground = Ground { trace, ..ground!() };
        let seconds = unique_seconds();
        let started = Instant::now();
        let log = ground.to_the_end(&format!(
            "(setsid bash -c 'trap \"\" TERM HUP; sleep {seconds} & echo daemon $!; exec >&- 2>&-; \
              sleep {seconds}' &) ; until pgrep -f '^sleep {seconds}' >/dev/null; do :; done"
        ));
        assert!(log.contains("reached"), "{log}");
        assert!(!sleeps(&seconds));
        assert!(started.elapsed() < ground.bounds.wall);
    }
}

#[test]
fn without_isolation_a_daemon_does_not_outlive_the_job_either() {
    let sandbox = match Sandbox::none_unsafe(Tracing::Programs) {
        Ok(sandbox) => sandbox,
        Err(error) => return skipped(&error),
    };
    // A tracer waits for all that it traces, the daemon too.
    for trace in [Tracing::Off, Tracing::Programs] {
        if let (Tracing::Programs, Some(reason)) = (trace, sandbox.tracer_missing()) {
            return skipped(&reason);
        }
        let ground = Ground { trace, ..Ground::with(sandbox.clone()) };
        let seconds = unique_seconds();
        let (outcome, log) = ground.shell(&format!(
            "(setsid bash -c 'sleep {seconds} & exec >&- 2>&-; sleep {seconds}' &)
             sleep {seconds} &
             until pgrep -f '^sleep {seconds}' >/dev/null; do :; done; exit 3"
        ));
        assert_eq!((outcome.end, outcome.isolation), (End::Exited(3), Isolation::None), "{log}");
        assert!(!sleeps(&seconds));
        if trace == Tracing::Programs {
            assert!(matches!(&outcome.trace, Trace::Attached(seen)
                if seen.programs.iter().any(|program| program.path.ends_with("sleep"))));
        }
    }
}

/// Says that it should end as soon as it is written to.
struct CancelAtOutput(Cancel);

impl Write for CancelAtOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.cancel();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_cancelled_job_is_gone() {
    let sandboxes = [ground!().sandbox, Sandbox::none_unsafe(Tracing::Programs).unwrap()];
    for (sandbox, trace) in sandboxes.into_iter().zip([Tracing::Programs, Tracing::Off]) {
        let ground = Ground { trace, ..Ground::with(sandbox) };
        let (cancel, seconds) = (Cancel::new(), unique_seconds());
        let script = format!("trap '' INT TERM HUP; sleep {seconds} & echo ready; sleep {seconds}");
        let mut log = CancelAtOutput(cancel.clone());
        let outcome = ground.run_to(&["bash", "-c", &script], &mut log, &cancel).unwrap();
        assert_eq!(outcome.end, End::Cancelled);
        assert!(!sleeps(&seconds));
    }
}

const HELPER_SECONDS: &str = "WHEELMARK_TEST_SECONDS";

#[test]
#[ignore = "the process that `the_job_ends_with_us` kills"]
fn helper_that_waits() {
    let Ok(seconds) = std::env::var(HELPER_SECONDS) else {
        return;
    };
    let ground = Ground { trace: Tracing::Programs, ..ground!() };
    let _ = ground.run(&["sleep", &seconds]);
}

#[test]
fn the_job_ends_with_us() {
    let ground = ground!();
    let seconds = unique_seconds();
    let mut helper: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_waits", "--ignored"])
        .env(HELPER_SECONDS, &seconds)
        .env("TMPDIR", ground.dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the job runs", || sleeps(&seconds));
    helper.kill().unwrap();
    helper.wait().unwrap();
    wait_for("the job is gone", || !sleeps(&seconds));
}

// What it uses up.

#[test]
fn time() {
    let mut ground = ground!();
    ground.bounds.wall = Duration::from_secs(1);
    let seconds = unique_seconds();
    let usage = ground.exceeded(Bound::Wall, &format!("sleep {seconds} & sleep {seconds}"));
    assert!(!sleeps(&seconds));
    assert!(usage.wall >= Duration::from_secs(1));
}

#[test]
fn processor_time() {
    let mut ground = ground!();
    ground.bounds.cpu = Duration::from_secs(1);
    ground.exceeded(Bound::Cpu, "while :; do :; done");
    // Also by many that stay below it each.
    ground.exceeded(Bound::Cpu, "while :; do for i in {1..20000}; do :; done | cat; done");
}

#[test]
fn processes() {
    let ground = ground!();
    let usage = ground.exceeded(Bound::Tasks, "bomb() { bomb | bomb & wait; }; bomb 2>/dev/null");
    assert!(usage.tasks < 2 * ground.bounds.tasks, "{:?}", usage);
}

#[test]
fn memory() {
    let mut ground = ground!();
    ground.bounds.memory = 128 << 20;
    let usage = ground.exceeded(Bound::Memory, "head -c 3G /dev/zero | tail -c 3G >/dev/null");
    assert!(usage.memory < 3 << 30, "{usage:?}");
    // Shared by mapping, which belongs to no process alone.
    let shared = "exec python3 -c 'import mmap, time; m = mmap.mmap(-1, 1 << 30); \
                  [m.write(bytes(1 << 20)) for _ in range(1024)]; time.sleep(60)'";
    let usage = ground.exceeded(Bound::Memory, shared);
    assert!(usage.memory < 2 << 30, "{usage:?}");
    // Memory that is a file system has its own bound, at which the job just fails.
    let log = ground.to_the_end(
        "head -c 40M /dev/zero >/tmp/x || echo full; head -c 40M /dev/zero >/dev/shm/x || echo full",
    );
    assert_eq!(log.matches("full\n").count(), 2, "{log}");
}

#[test]
fn disk() {
    let mut ground = ground!();
    ground.bounds.disk = 8 << 20;
    ground
        .exceeded(Bound::Disk, "for i in {1..40}; do head -c 1M /dev/urandom >$i; done; sleep 60");
    // A job that is over before anyone looks.
    let ground = Ground { bounds: ground.bounds, ..Ground::with(ground.sandbox) };
    ground.exceeded(Bound::Disk, "head -c 9M /dev/urandom >x");
    let ground = Ground {
        bounds: Bounds { disk_reserve: u64::MAX, ..ground.bounds },
        ..Ground::with(ground.sandbox)
    };
    ground.exceeded(Bound::DiskReserve, "sleep 60");
}

#[test]
fn one_file() {
    let mut ground = ground!();
    ground.bounds.file_size = 1 << 20;
    ground.exceeded(Bound::FileSize, "exec head -c 4M /dev/zero >x");
    assert_eq!(fs::metadata(ground.work().join("x")).unwrap().len(), 1 << 20);
}

#[test]
fn output() {
    let mut ground = ground!();
    ground.bounds.log = 100_000;
    let mut log = Vec::new();
    let outcome = ground.run_to(&["yes"], &mut log, &Cancel::new()).unwrap();
    assert!(matches!(outcome.end, End::Exceeded(e) if e.bound == Bound::Log), "{:?}", outcome.end);
    assert_eq!((log.len(), outcome.log_len), (100_000, 100_000));
}

// How it ends and what is told.

#[test]
fn ends_are_told_apart() {
    let none = Sandbox::none_unsafe(Tracing::Programs).unwrap();
    for (sandbox, trace) in [
        (ground!().sandbox, Tracing::Off),
        (ground!().sandbox, Tracing::Programs),
        (none.clone(), Tracing::Off),
        (none, Tracing::Programs),
    ] {
        let ground = Ground { trace, ..Ground::with(sandbox) };
        assert_eq!(ground.shell("exit 1").0.end, End::Exited(1));
        assert_eq!(ground.shell("kill -SEGV $$").0.end, End::Signalled(11));
        assert_eq!(ground.run(&["no-such-program"]).0.end, End::Exited(127));
        assert_eq!(ground.run(&["/etc/passwd"]).0.end, End::Exited(126));
    }
}

#[test]
fn words_are_passed_as_they_are() {
    let ground = ground!();
    let words = ["printf", "%s|", "--", "-i", "a=b", "", "$HOME", "é\n"];
    assert_eq!(ground.run(&words).1, "--|-i|a=b||$HOME|é\n|");
    let error = ground.run_to(&["A=b", "true"], &mut Vec::new(), &Cancel::new()).unwrap_err();
    assert!(matches!(error, SandboxError::BadValue { .. }), "{error}");
}

#[test]
fn a_log_that_cannot_be_written_ends_the_job() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let ground = ground!();
    let error = ground.run_to(&["yes"], &mut Full, &Cancel::new()).unwrap_err();
    assert!(matches!(error, SandboxError::Log(_)), "{error}");
}

#[test]
fn what_ran_is_known() {
    let ground = Ground { trace: Tracing::ProgramsAndFiles, ..ground!() };
    if let Some(reason) = ground.sandbox.tracer_missing() {
        return skipped(&reason);
    }
    let observed = ground.observe(
        "cp /usr/bin/true tool; cd /usr/bin; (cd ..; bin/../bin/id >/dev/null); ./id >/dev/null
         cd /build/work; ./tool; printf '#!/usr/bin/env sh\n:' >script; chmod +x script; ./script
         ldd /usr/bin/true >/dev/null; no-such-program || true",
    );
    let find = |path: &str| {
        let found = observed.programs.iter().find(|program| program.path == Path::new(path));
        found.unwrap_or_else(|| panic!("{path} not in {:#?}", observed.programs))
    };
    let digest = |path: &str| {
        let file = fs::File::open(path).unwrap();
        wheelmark_core::digest::Sha256Digest::of_reader(file).unwrap().0
    };
    assert_eq!(observed.programs.iter().filter(|p| p.path.ends_with("id")).count(), 2);
    assert!(matches!(&find("/usr/bin/./id").file, ProgramFile::Fixed { real, sha256 }
        if real == Path::new("/usr/bin/id") && *sha256 == digest("/usr/bin/id")));
    assert_eq!(find("/build/work/./tool").file, ProgramFile::Ephemeral);
    assert_eq!(find("/build/work/./script").file, ProgramFile::Ephemeral);
    // `ldd` is a script: its interpreter never shows as an exec of its own.
    assert!(
        observed.programs.iter().any(|p| p.script.as_deref() == Some(Path::new("/usr/bin/ldd"))),
        "{:#?}",
        observed.programs
    );
    for launcher in ["bwrap", "setpriv", "prlimit", "setsid", "strace"] {
        assert!(!observed.programs.iter().any(|p| p.path.ends_with(launcher)), "{launcher}");
    }
    assert!(!observed.programs.iter().any(|p| p.path.ends_with("no-such-program")));
}

#[test]
fn a_compiler_and_its_headers_are_known() {
    let ground = Ground { trace: Tracing::ProgramsAndFiles, ..ground!() };
    if !Path::new("/usr/bin/cc").exists() {
        return skipped(&"no C compiler");
    }
    if let Some(reason) = ground.sandbox.tracer_missing() {
        return skipped(&reason);
    }
    fs::write(ground.work().join("x.c"), "#include <stdio.h>\nint main(void){puts(\"x\");}")
        .unwrap();
    let observed = ground.observe("cc x.c && ./a.out");
    let fixed = |name: &str| {
        observed.programs.iter().any(|program| {
            program.path.ends_with(name) && matches!(program.file, ProgramFile::Fixed { .. })
        })
    };
    assert!(fixed("cc") && fixed("as") && fixed("ld"), "{:#?}", observed.programs);
    let files = observed.files.unwrap();
    assert!(files.contains(&"/usr/include/stdio.h".into()), "{files:?}");
    let programs = Ground { trace: Tracing::Programs, ..ground };
    assert!(programs.observe("cc x.c").files.is_none(), "not traced is not empty");
}

#[test]
#[ignore = "run by `a_tracer_that_may_not_attach_is_told`"]
fn helper_without_tracer() {
    let ground = Ground { trace: Tracing::Programs, ..ground!() };
    assert!(ground.sandbox.tracer_missing().is_some());
    let (outcome, log) = ground.shell("echo ran all the same");
    assert_eq!(outcome.end, End::Exited(0));
    assert_eq!(log, "ran all the same\n");
    assert!(matches!(&outcome.trace, Trace::Unavailable { reason } if !reason.is_empty()));
}

#[test]
fn a_tracer_that_may_not_attach_is_told() {
    let ground = ground!();
    if let Some(reason) = ground.sandbox.tracer_missing() {
        return skipped(&reason);
    }
    // A process can have one tracer only: under this one ours is refused.
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "helper_without_tracer", "--ignored"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

// Both ways of keeping a job.

const PLAIN_USER: &str = "WHEELMARK_TEST_PLAIN_USER";

fn plain_user_again() -> bool {
    std::env::var_os(PLAIN_USER).is_some()
}

#[test]
fn all_of_this_holds_for_a_plain_user_too() {
    if !rustix::process::geteuid().is_root() {
        return skipped(&"this is a plain user");
    }
    let _ = ground!();
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let copy = dir.path().join("containment");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"])
        .arg(&copy)
        .args(["--nocapture", "--test-threads=2"])
        .env(PLAIN_USER, "1")
        .env(REQUIRED, "1")
        .env("TMPDIR", dir.path())
        .env("HOME", "/root")
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{text}{errors}");
    assert!(output.status.success());
    let skipped = errors.lines().filter(|line| line.contains("skipped: "));
    // Only this test itself.
    assert!(skipped.clone().all(|line| line.contains("plain user")), "{errors}");
}
