//! What can be wrong with what a person gives, or with the machine: each ends in a clear error and an exit
//! code, and leaves nothing behind.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod backend;
mod files;
mod interrupted;
mod keys;
mod machine;
mod outputs;
mod requirements;
mod source;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use wheelmark_tests::built::{HONEST_BACKEND, Project};

/// Ends the test where nothing can be built, and says so.
macro_rules! needs_sandbox {
    () => {
        if let Some(why) = wheelmark_tests::built::cannot_build() {
            println!("skipped: {why}");
            return;
        }
    };
}
use needs_sandbox;

/// The cache of one project's builds alone, so that what they leave can be seen.
fn cache(project: &Project) -> PathBuf {
    project.folder.path().join("cache")
}

/// A project that builds without anything from the index.
fn honest() -> Project {
    Project::with_backend(HONEST_BACKEND)
}

/// The same, with Python that runs when the backend is loaded, or that replaces what it defines.
fn honest_but(python: &str) -> Project {
    Project::with_backend(&format!("{HONEST_BACKEND}\n{python}\n"))
}

/// Asserts that a command ends with this exit code and an error that says all of this, and that the
/// project's folders are as they were: no output, no work folder, no process.
#[track_caller]
fn refused(project: &Project, command: &mut Command, exit: i32, says: &[&str]) -> String {
    // Their own folder for temporary files, so that what is left there is seen too.
    let temporary = project.folder.path().join("temporary");
    fs::create_dir_all(&temporary).expect("a folder");
    let before = project.names();
    let output = command.env("TMPDIR", &temporary).output().expect("it runs");
    let said = told(&output, exit, says);
    assert_eq!(project.names(), before, "{said}");
    assert_eq!(entries(&temporary), Vec::<String>::new(), "{said}");
    nothing_left(project);
    said
}

/// Asserts exit code and error, that nothing else was said, and that nothing can drive the terminal.
#[track_caller]
fn told(output: &Output, exit: i32, says: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{said}");
    assert!(said.starts_with("error: "), "{said}");
    for what in says {
        assert!(said.contains(what), "not told: {what:?}\n{said}");
    }
    let plain = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
    assert!(said.chars().all(plain), "{said:?}");
    said
}

/// Asserts that no work folder is in use or left, and that no process of a build runs.
#[track_caller]
fn nothing_left(project: &Project) {
    let work = cache(project).join("work");
    if work.exists() {
        assert_eq!(entries(&work), ["gate"]);
    }
    // Every job names folders of the cache, and so this project's, in its arguments.
    assert_eq!(processes(&project.folder.path().to_string_lossy()), Vec::<u32>::new());
}

/// The names of what is in a folder, sorted.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The processes in whose arguments a text stands.
fn processes(text: &str) -> Vec<u32> {
    let ids = fs::read_dir("/proc").expect("/proc").flatten();
    ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &u32| {
            let arguments = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(text)
        })
        .collect()
}

/// The test of the tests: what the others refuse is refused for its own sake.
#[test]
fn what_nothing_is_wrong_with_is_built() {
    needs_sandbox!();
    let project = honest();
    project.build(&cache(&project)).assert().success();
    let wheel = "honest-1.0-py3-none-any.whl";
    assert_eq!(project.names(), [wheel.to_owned(), format!("{wheel}.sigstore.json")]);
    nothing_left(&project);
    let there = format!("`out/{wheel}` exists already");
    let again = &mut project.build(&cache(&project));
    refused(&project, again, 1, &[&there, "hint: give another folder, or --overwrite"]);
}
