//! Builds that are ended from outside: Ctrl-C, SIGTERM, SIGKILL.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wheelmark_tests::built::{Project, SOURCE};
use wheelmark_tests::program::wheelmark;

use super::{cache, entries, honest_but, needs_sandbox, nothing_left, processes, told};

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
        let temporary = project.folder.path().join("temporary");
        fs::create_dir(&temporary).expect("a folder");
        let child = Command::new(wheelmark().get_program())
            .current_dir(&project.folder)
            .args(arguments)
            .env("WHEELMARK_CACHE", cache(&project))
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("it starts");
        let mut this = Self { project, child, marker: format!("sleep\0{marker}") };
        let deadline = Instant::now() + PATIENCE;
        while processes(&this.marker).len() < 2 {
            let ended = this.child.try_wait().expect("a child");
            assert!(ended.is_none() && Instant::now() < deadline, "it does not sleep: {ended:?}");
            std::thread::yield_now();
        }
        this
    }

    /// As a terminal does: to the whole group.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let kill = Command::new("kill").args([signal, "--", &group]).status();
        assert!(kill.expect("kill").success());
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
    // Nobody is left to wait for them: the kernel ends them once it has told the launchers.
    let deadline = Instant::now() + PATIENCE;
    while !processes(&build.marker).is_empty() {
        assert!(Instant::now() < deadline, "the build outlives the program");
        std::thread::yield_now();
    }
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
