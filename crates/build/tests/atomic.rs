//! A process that is killed while it writes a pair of files: at each of its steps, by the kernel.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use wheelmark_build::atomic::{Existing, NewFile, write_all};

const FOLDER: &str = "WHEELMARK_TEST_FOLDER";
const CONTENT: &str = "WHEELMARK_TEST_CONTENT";

#[test]
#[ignore = "the process that the other test kills"]
fn helper_that_writes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let content = std::env::var(CONTENT).unwrap();
    let file = |name| NewFile { name, mode: 0o644, content: Box::new(content.as_bytes()) };
    let files = vec![file("wheel"), file("bundle")];
    write_all(folder.as_ref(), files, Existing::Replace, |_| Ok::<_, ()>(())).unwrap();
}

/// Runs the helper; under strace, which kills it as it enters a call for the `when`th time.
fn write(folder: &Path, content: &str, kill: Option<(&str, u32)>) -> std::process::Output {
    let this = std::env::current_exe().unwrap();
    let mut command = match kill {
        None => Command::new(&this),
        Some((call, when)) => {
            let mut command = Command::new("strace");
            let inject = format!("inject={call}:signal=KILL:when={when}");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
            command.arg("-e").arg(inject).arg(&this);
            command
        }
    };
    command.args(["--exact", "helper_that_writes", "--ignored", "--test-threads=1"]);
    command.env(FOLDER, folder).env(CONTENT, content).stdin(Stdio::null()).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_kill_leaves_whole_files_and_the_next_writer_sweeps_the_rest() {
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    if !traced.is_ok_and(|output| output.status.success()) {
        let _ =
            writeln!(std::io::stderr(), "\nskipped: a kill at each step: strace cannot be used");
        return;
    }
    let mut killed = Vec::new();
    for existing in [false, true] {
        // Writing, flushing and naming: each file once, the folder at the end.
        for (call, times) in
            [("fchmod", 2), ("fsync", 3), ("renameat2", 2), ("rename", 2), ("unlink", 2)]
        {
            for when in 1..=times {
                let folder = tempfile::tempdir().unwrap();
                let folder = folder.path();
                if existing {
                    assert!(write(folder, "old", None).status.success());
                    assert_eq!(names(folder), ["bundle", "wheel"]);
                }
                if write(folder, "new", Some((call, when))).status.success() {
                    continue; // It does not make this call so often.
                }
                killed.push((existing, call, when));
                let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
                let (wheel, bundle) = (read("wheel"), read("bundle"));
                let told = format!("{call} {when}: wheel {wheel:?}, bundle {bundle:?}");
                // Each is old or new and whole, and the wheel is new only where its bundle is.
                let before = existing.then(|| "old".to_owned());
                let new = Some("new".to_owned());
                assert!(bundle == before || bundle == new, "{told}");
                assert!(wheel == before || (wheel == new && bundle == new), "{told}");
                assert!(write(folder, "again", None).status.success());
                assert_eq!(names(folder), ["bundle", "wheel"], "{told}");
                assert_eq!(read("wheel").as_deref(), Some("again"));
                assert_eq!(read("bundle").as_deref(), Some("again"));
            }
        }
    }
    println!("{killed:?}");
    for step in [(true, "renameat2", 1), (true, "renameat2", 2), (false, "fsync", 3)] {
        assert!(killed.contains(&step), "{step:?} not in {killed:?}");
    }
}
