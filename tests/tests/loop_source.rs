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

/// What `wheelmark build` says to a person, once it ended with this code.
fn says(shop: &Workshop, source: &str, more: &[&str], code: i32) -> String {
    let mut build = shop.wheelmark();
    build.args(["build", source, "--out", "dist", "--overwrite", "--key", "release.key"]);
    let output = build.args(more).output().expect("it starts");
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    said(&output)
}

#[test]
fn the_recorded_ref_is_told_and_a_missing_one_is_a_warning() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", CODE);
    let folder = repo.folder().to_str().expect("text").to_owned();
    let top = fs::canonicalize(repo.folder()).expect("there");
    let warning = "warning: no ref is recorded, and a policy that asks for one refuses these files";
    let text = says(&shop, &folder, &[], 0);
    assert!(text.contains("  ref refs/heads/main\n") && !text.contains("warning:"), "{text}");

    repo.git(&["checkout", "--quiet", "v1.2.3"]);
    let text = says(&shop, &folder, &[], 0);
    assert!(text.contains("  ref refs/tags/v1.2.3\n") && !text.contains("warning:"), "{text}");

    // Two tags name the commit, and a checkout does not say by which it came there.
    repo.tag("latest");
    let text = says(&shop, &folder, &[], 0);
    let hint = "hint: 2 tags name this commit (latest, v1.2.3); say which: \
                `wheelmark build git+https://example.org/owner/odd@latest`\n";
    for line in ["  ref none recorded\n", warning, hint] {
        assert!(text.contains(line), "{text}");
    }
    let inspect =
        shop.wheelmark().arg("inspect").arg("dist/odd-1.0-py3-none-any.whl.sigstore.json").output();
    let text = said(&inspect.expect("it starts"));
    assert!(text.contains("  ref: none recorded\n"), "{text}");
    let mut build = shop.build_command(&repo, &["--overwrite"]);
    let built = answer(&mut build, 0);
    assert_eq!(built["ref"], serde_json::Value::Null);
    assert!(built["warnings"][0]["hint"].is_string(), "{built:#}");
    // As the hint says.
    let url = format!("git+file://{}@v1.2.3", top.display());
    let uri = ["--source-uri", "https://example.org/owner/odd"];
    let text = says(&shop, &url, &uri, 0);
    assert!(text.contains("  ref refs/tags/v1.2.3\n") && !text.contains("warning:"), "{text}");

    // A commit without any name.
    repo.commit_all("Later");
    let text = says(&shop, &folder, &[], 0);
    let hint = "hint: check out a branch or a tag, or build `git+URI@REF`\n";
    assert!(text.contains(warning) && text.contains(hint), "{text}");
}

#[test]
fn a_source_that_is_recorded_as_a_folder_is_told() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", CODE);
    repo.git(&["remote", "remove", "origin"]);
    let folder = repo.folder().to_str().expect("text").to_owned();
    let text = says(&shop, &folder, &[], 0);
    let warning = "warning: the source is recorded as a folder of this machine, where nobody else can look\n\
                   hint: --source-uri records the repository's public URI";
    assert!(text.contains(warning), "{text}");
    let text = says(&shop, &folder, &["--source-uri", "https://example.org/owner/odd"], 0);
    assert!(!text.contains("warning:"), "{text}");
}

#[test]
fn a_folder_for_the_output_that_would_break_the_next_build_is_refused() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", CODE);
    let folder = repo.folder().to_str().expect("text").to_owned();
    let inside = ["--out", "odd/dist"];
    let build = |code| {
        let mut build = shop.wheelmark();
        build.args(["build", &folder, "--key", "release.key", "--overwrite"]).args(inside);
        let output = build.output().expect("it starts");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        said(&output)
    };
    let text = build(2);
    let says = "error: `odd/dist` is in the source's work tree, and git does not ignore it";
    assert!(text.contains(says) && text.contains("\nhint: give a folder outside, "), "{text}");
    assert!(!repo.folder().join("dist").exists());
    repo.write(".gitignore", "/dist/\n");
    repo.commit_all("Ignore what is built");
    build(0);
    build(0);
    // Some of it ignored is not enough.
    fs::remove_dir_all(repo.folder().join("dist")).expect("removed");
    repo.write(".gitignore", "*.whl\n");
    repo.commit_all("Ignore wheels only");
    build(2);
}
