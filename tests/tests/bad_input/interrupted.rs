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

/// A build whose hook sleeps, with the words by which that sleep is found among the processes.
struct Sleeping {
    project: Project,
    child: Child,
    marker: String,
}

impl Sleeping {
    fn start(verb: &str) -> Self {
        let marker = format!("86400.{}{}", std::process::id(), verb.len());
        let project = honest_but(&format!(
            "import subprocess\ndef get_requires_for_build_wheel(*a, **b):\n    \
             subprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n    \
             subprocess.run(['sleep', '{marker}'])"
        ));
        let temporary = project.folder.path().join("temporary");
        fs::create_dir(&temporary).expect("a folder");
        let child = Command::new(wheelmark().get_program())
            .current_dir(&project.folder)
            .args(["build", "project", "--out", "out", "--key", "release.key"])
            .args(["--source-uri", SOURCE])
            .env("WHEELMARK_CACHE", cache(&project))
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("it starts");
        let mut this = Self {
            project,
            child,
            marker: format!("sleep\0{marker}"),
        };
        let deadline = Instant::now() + PATIENCE;
        while processes(&this.marker).len() < 2 {
            let ended = this.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it does not sleep: {ended:?}"
            );
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
        let build = Sleeping::start(signal);
        build.signal(signal);
        let output = build.child.wait_with_output().expect("it ends");
        let said = told(&output, 1, &[]);
        assert_eq!(said, "error: interrupted, nothing was written\n");
        assert_eq!(processes(&build.marker), Vec::<u32>::new());
        assert_eq!(build.project.names(), Vec::<String>::new());
        assert_eq!(
            entries(&build.project.folder.path().join("temporary")),
            Vec::<String>::new()
        );
        nothing_left(&build.project);
    }
}

#[test]
fn what_sigkill_leaves_is_swept_by_the_next_build() {
    needs_sandbox!();
    let build = Sleeping::start("killed");
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
    project
        .repo
        .write("backend.py", wheelmark_tests::built::HONEST_BACKEND);
    project.repo.commit_all("No sleep");
    let mut again = project.build(&cache(&project));
    again.env("TMPDIR", temporary).assert().success();
    nothing_left(&project);
}
