//! Where a source is, and what its names name later.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::{Command, Stdio};

use wheelmark_tests::repo::GitRepo;
use wheelmark_tests::workshop::{Workshop, answer, said};

const CODE: &str = "def content(): return 'X = 1\\n'\n";

/// `wheelmark build` of what is named, into `dist`; the path of the wheel in the workshop.
fn build(shop: &Workshop, source: &str) -> String {
    let mut build = shop.wheelmark();
    build.args(["build", source, "--out", "dist", "--overwrite", "--key", "release.key", "--json"]);
    let built = answer(&mut build, 0);
    format!("dist/{}", built["files"][0]["filename"].as_str().expect("a name"))
}

/// A verb on a wheel that is signed for this source.
fn on(shop: &Workshop, verb: &str, wheel: &str, source: &str) -> assert_cmd::Command {
    let mut command = shop.wheelmark();
    command.args([verb, wheel, "--key", "release.pub", "--source", source]);
    command
}

/// What a rebuild says besides its outcome, which is that all is well.
fn notes(command: &mut assert_cmd::Command) -> Vec<String> {
    let rebuilt = answer(command.arg("--json"), 0);
    assert_eq!(rebuilt["outcome"], "identical", "{rebuilt:#}");
    assert_eq!(rebuilt["report"]["decision"], "accepted", "{rebuilt:#}");
    let notes = rebuilt["report"]["notes"].as_array().cloned().unwrap_or_default();
    notes.iter().map(|note| note.as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_folder_with_a_space_and_an_accent_goes_the_whole_way() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("mes caf\u{e9}s", CODE);
    repo.git(&["remote", "remove", "origin"]);
    let wheel = build(&shop, repo.folder().to_str().expect("text"));
    let top = fs::canonicalize(shop.path("")).expect("there");
    let source = format!("file://{}/mes%20caf%C3%A9s", top.display());
    let report = answer(on(&shop, "verify", &wheel, &source).arg("--json"), 0);
    assert_eq!(report["decision"], "accepted");
    let other = format!("file://{}/mes%20cafes", top.display());
    assert_eq!(
        answer(on(&shop, "verify", &wheel, &other).arg("--json"), 10)["decision"],
        "rejected"
    );
    // From the recorded URI, by the program and by the script.
    assert_eq!(notes(&mut on(&shop, "rebuild", &wheel, &source)), [""; 0]);
    let mut print = on(&shop, "rebuild", &wheel, &source);
    let printed = print.args(["--print-instructions", "sh"]).output().expect("it starts");
    fs::write(shop.path("rebuild.sh"), &printed.stdout).expect("written");
    let mut script = Command::new("sh");
    script.arg("rebuild.sh").current_dir(shop.path("")).stdin(Stdio::null());
    let run = script.output().expect("sh starts");
    assert!(run.status.success(), "{}", said(&run));
    assert!(String::from_utf8_lossy(&run.stdout).contains("identical: odd-1.0"), "{}", said(&run));
    // By its URL as a person types it.
    let typed = format!("git+file://{}/mes caf\u{e9}s@main", top.display());
    let wheel = build(&shop, &typed);
    answer(on(&shop, "verify", &wheel, &source).arg("--json"), 0);
}

#[test]
fn a_recorded_tag_that_moved_is_told_and_changes_no_outcome() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", CODE);
    let source = repo.git(&["remote", "get-url", "origin"]);
    let from = repo.folder().to_str().expect("text").to_owned();
    let first = repo.head();
    let wheel = build(&shop, &from);
    let rebuild = || {
        let mut command = on(&shop, "rebuild", &wheel, &source);
        command.args(["--source-dir", &from]);
        command
    };
    assert_eq!(notes(&mut rebuild()), [""; 0]);

    // The branch that was built moves on, which is nothing to tell; the tag is put elsewhere.
    repo.commit_all("Later");
    repo.git(&["tag", "--annotate", "--force", "v1.2.3", "-m", "again"]);
    let told = notes(&mut rebuild());
    let start =
        format!("refs/tags/v1.2.3 in {from} names commit {}, and not {first} ", repo.head());
    assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
    let output = rebuild().output().expect("it starts");
    assert!(said(&output).contains("  note: refs/tags/v1.2.3 in "), "{}", said(&output));
}

#[test]
fn a_tag_that_the_recorded_repository_moved_or_never_had_is_told() {
    let Some(shop) = Workshop::new() else { return };
    let repo: GitRepo = shop.odd("odd", CODE);
    repo.git(&["tag", "--delete", "v1.2.3"]);
    repo.git(&["tag", "light"]);
    let first = repo.head();
    let top = fs::canonicalize(repo.folder()).expect("there");
    let source = format!("file://{}", top.display());
    let wheel = build(&shop, &format!("git+{source}@light"));
    let rebuild = || notes(&mut on(&shop, "rebuild", &wheel, &source));
    assert_eq!(rebuild(), [""; 0]);

    repo.commit_all("Later");
    repo.git(&["tag", "--force", "light"]);
    let told = rebuild();
    let start =
        format!("refs/tags/light in {source} names commit {}, and not {first}", repo.head());
    assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");

    repo.git(&["tag", "--delete", "light"]);
    let told = rebuild();
    let start =
        format!("there is no refs/tags/light in {source}, which is recorded for commit {first}");
    assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
}
