//! `wheelmark demo`: all of it holds, and it touches nothing of the place that it is started in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use wheelmark_tests::built::{Project, cannot_build};
use wheelmark_tests::program::wheelmark;

#[test]
fn all_of_it_holds_within_another_repository() {
    if let Some(why) = cannot_build() {
        return println!("skipped: {why}");
    }
    // A repository that its variables name, and a program of the folder that an empty entry of PATH names.
    let project = Project::pure();
    let folder = project.folder.path();
    let refs = || {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(folder.join("project")).arg("for-each-ref");
        git.output().expect("git runs").stdout
    };
    let (before, ran) = (refs(), folder.join("ran"));
    assert!(!before.is_empty());
    fs::write(folder.join("git"), format!("#!/bin/sh\ntouch {}\n", ran.display()))
        .expect("written");
    fs::set_permissions(folder.join("git"), Permissions::from_mode(0o755)).expect("a mode");
    let path = format!(":{}", std::env::var("PATH").expect("a path"));
    let output = wheelmark()
        .args(["demo", "--json"])
        .current_dir(folder)
        .env("PATH", path)
        .env("GIT_DIR", folder.join("project/.git"))
        .env("WHEELMARK_CACHE", folder.join("cache"))
        .output()
        .expect("it runs");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(!ran.exists(), "a program of the working folder ran: {why}");
    assert_eq!(refs(), before, "{why}");
    if why.contains("build requirements") || why.contains("uv could not") {
        return println!("skipped: the build backend cannot be had: {why}");
    }
    assert!(output.status.success(), "{why}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let held: Vec<_> = answer["held"].as_array().expect("a list").iter().collect();
    assert_eq!(
        held,
        [
            "make a key",
            "build from a git commit, twice, and sign",
            "verify the wheel",
            "rebuild it from another clone",
            "verify the changed wheel",
        ]
    );
}
