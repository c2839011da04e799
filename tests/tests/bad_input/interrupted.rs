//! Builds that are ended from outside: Ctrl-C, SIGTERM, SIGKILL.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wheelmark_tests::built::{Project, SOURCE};
use wheelmark_tests::program::wheelmark;

use super::{cache, entries, honest, honest_but, needs_sandbox, nothing_left, processes, told};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command whose build sleeps, with the words by which that sleep is found among the processes.
struct Sleeping {
    project: Project,
    child: Child,
    marker: String,
}

/// A duration that no other sleep of this machine has.
fn marker(test: &str) -> String {
    format!("86400.{}{}", std::process::id(), test.len())
}

/// A backend that starts a second process and waits for ever, where `when` holds.
fn sleeps(when: &str, marker: &str) -> String {
    format!(
        "import os, subprocess\ndef get_requires_for_build_wheel(*a, **b):\n    if {when}:\n        \
         subprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n        \
         subprocess.run(['sleep', '{marker}'])\n    return []\n\
         honest = build_wheel\ndef build_wheel(*a, **b):\n    \
         get_requires_for_build_wheel()\n    return honest(*a, **b)"
    )
}

impl Sleeping {
    /// A build that sleeps.
    fn build(test: &str) -> Self {
        let project = honest_but(&sleeps("True", &marker(test)));
        let arguments = ["build", "project", "--out", "out", "--key", "release.key"];
        Self::start(project, &marker(test), &arguments)
    }

    /// Starts a command, and waits until it sleeps.
    fn start(project: Project, marker: &str, arguments: &[&str]) -> Self {
        let child = spawn(&project, arguments, &[]);
        let mut this = Self { project, child, marker: format!("sleep\0{marker}") };
        let marker = this.marker.clone();
        wait_while(&mut this.child, "it does not sleep", || processes(&marker).len() < 2);
        this
    }

    fn signal(&self, signal: &str) {
        send(&self.child, signal);
    }
}

/// The program, in a group of its own, in the folder of a project.
fn spawn(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let temporary = project.folder.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    Command::new(wheelmark().get_program())
        .current_dir(&project.folder)
        .args(arguments)
        .env("WHEELMARK_CACHE", cache(project))
        .env("TMPDIR", temporary)
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("it starts")
}

/// A signal as a terminal sends it: to the whole group.
fn send(child: &Child, signal: &str) {
    let group = format!("-{}", child.id());
    let kill = Command::new("kill").args([signal, "--", &group]).status();
    assert!(kill.expect("kill").success());
}

fn wait_while(child: &mut Child, otherwise: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while condition() {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none() && Instant::now() < deadline, "{otherwise}: {ended:?}");
        std::thread::yield_now();
    }
}

/// Nobody is left to wait for them: they are gone once the kernel has ended them.
fn gone(text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !processes(text).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", processes(text));
        std::thread::yield_now();
    }
}

#[test]
fn ctrl_c_and_sigterm_end_a_build_with_all_its_children() {
    needs_sandbox!();
    for signal in ["-INT", "-TERM"] {
        let build = Sleeping::build(signal);
        build.signal(signal);
        let output = build.child.wait_with_output().expect("it ends");
        let said = told(&output, 1, &[]);
        assert_eq!(said, "error: interrupted, nothing was written\n");
        assert_eq!(processes(&build.marker), Vec::<u32>::new());
        assert_eq!(build.project.names(), Vec::<String>::new());
        assert_eq!(entries(&build.project.folder.path().join("temporary")), Vec::<String>::new());
        nothing_left(&build.project);
    }
}

/// Nor is an interrupted rebuild a result that could be signed.
#[test]
fn ctrl_c_ends_a_rebuild_without_a_verdict() {
    needs_sandbox!();
    let marker = marker("rebuild");
    let project = honest_but(&sleeps("os.environ['PYTHONHASHSEED'] == '1'", &marker));
    project.build(&cache(&project)).assert().success();
    project.sign_changed(|statement| {
        let internal = &mut statement["predicate"]["buildDefinition"]["internalParameters"];
        internal["environment"]["variables"]["PYTHONHASHSEED"] = "1".into();
    });
    let before = project.names();
    let wheel = project.wheel();
    let arguments = [
        "rebuild",
        wheel.to_str().expect("UTF-8"),
        "--source-dir",
        "project",
        "--key",
        "release.key.pub",
        "--source",
        SOURCE,
        "--sign-result",
        "--signing-key",
        "release.key",
    ];
    let rebuild = Sleeping::start(project, &marker, &arguments);
    rebuild.signal("-INT");
    let output = rebuild.child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said, "error: interrupted, nothing was written\n");
    assert_eq!(processes(&rebuild.marker), Vec::<u32>::new());
    assert_eq!(rebuild.project.names(), before);
    nothing_left(&rebuild.project);
}

#[test]
fn what_sigkill_leaves_is_swept_by_the_next_build() {
    needs_sandbox!();
    let build = Sleeping::build("killed");
    build.signal("-KILL");
    let output = build.child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), None);
    gone(&build.marker);
    assert_eq!(build.project.names(), Vec::<String>::new());
    let temporary = build.project.folder.path().join("temporary");
    assert_eq!(entries(&temporary), Vec::<String>::new());

    let project = build.project;
    project.repo.write("backend.py", wheelmark_tests::built::HONEST_BACKEND);
    project.repo.commit_all("No sleep");
    let mut again = project.build(&cache(&project));
    again.env("TMPDIR", temporary).assert().success();
    nothing_left(&project);
}

/// How a person or a system ends a program.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Interrupted,
    Terminated,
    /// The second signal ends the program at once, before it could end anything.
    Twice,
    Killed,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Interrupted, Self::Terminated, Self::Twice, Self::Killed];

    /// Ends the program and returns its exit code.
    fn end(self, child: Child) -> Option<i32> {
        match self {
            Self::Interrupted => send(&child, "-INT"),
            Self::Terminated => send(&child, "-TERM"),
            Self::Twice => {
                // Stopped it gets both before it can act on the first.
                for signal in ["-STOP", "-INT", "-TERM", "-CONT"] {
                    send(&child, signal);
                }
            }
            Self::Killed => send(&child, "-KILL"),
        }
        child.wait_with_output().expect("it ends").status.code()
    }

    fn code(self) -> Option<i32> {
        (!matches!(self, Self::Killed)).then_some(1)
    }
}

/// A server that takes connections and never says a word: no thread accepts, the kernel does.
fn silent_server() -> (TcpListener, u16) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    (server, port)
}

/// git fetches in a process of its own, which has to end too.
#[test]
fn a_fetch_that_stalls_ends_with_the_program_however_it_ends() {
    needs_sandbox!();
    for ending in Ending::ALL {
        let (_server, port) = silent_server();
        let project = honest();
        let url = format!("https://127.0.0.1:{port}/owner/project");
        let source = format!("git+{url}");
        let arguments = ["build", &source, "--out", "out", "--key", "release.key"];
        let mut child = spawn(&project, &arguments, &[("no_proxy", "*")]);
        let fetching = format!("git-remote-https\0{url}");
        let of_git = || processes(&fetching).is_empty();
        wait_while(&mut child, "git does not fetch", of_git);
        assert_eq!(ending.end(child), ending.code(), "{ending:?}");
        gone(&url);
        assert_eq!(project.names(), Vec::<String>::new());
    }
}

#[test]
fn a_resolution_that_stalls_ends_with_the_program_however_it_ends() {
    needs_sandbox!();
    for ending in Ending::ALL {
        let (server, port) = silent_server();
        let project = Project::pure();
        let index = format!("http://127.0.0.1:{port}/simple");
        let arguments = ["build", "project", "--out", "out", "--key", "release.key"];
        let variables = [("UV_DEFAULT_INDEX", &*index), ("UV_NO_CACHE", "1"), ("no_proxy", "*")];
        let mut child = spawn(&project, &arguments, &variables);
        server.set_nonblocking(true).expect("a socket");
        wait_while(&mut child, "uv asks no index", || server.accept().is_err());
        assert_eq!(ending.end(child), ending.code(), "{ending:?}");
        // uv is given files of the cache, and so of this project's folder.
        gone(&project.folder.path().to_string_lossy());
        assert_eq!(project.names(), Vec::<String>::new());
    }
}
