//! The source: no repository, no commit, a tree that is not the commit's, a manifest that does not parse.

use std::fs;

use wheelmark_tests::built::Project;
use wheelmark_tests::repo::GitRepo;

use super::{cache, honest, needs_sandbox, refused};

#[test]
fn a_folder_that_is_no_repository() {
    needs_sandbox!();
    let project = honest();
    fs::remove_dir_all(project.repo.folder().join(".git")).expect("removed");
    let says = ["project: not inside the work tree of a git repository"];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_folder_that_is_not_there() {
    needs_sandbox!();
    let project = honest();
    fs::remove_dir_all(project.repo.folder()).expect("removed");
    let says = ["project: no such directory"];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_repository_without_a_commit() {
    needs_sandbox!();
    let project = honest();
    fs::remove_dir_all(project.repo.folder()).expect("removed");
    GitRepo::init(project.repo.folder()).write("pyproject.toml", "");
    let says = ["project: the repository has no commit yet"];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_tree_that_is_not_the_commit_s() {
    needs_sandbox!();
    let project = honest();
    let build = || project.build(&cache(&project));
    project.repo.write("new\u{202e}.py", "");
    let says = ["untracked files: new\\u{202e}.py\n", "hint: commit, ignore or remove them"];
    refused(&project, &mut build(), 1, &says);
    fs::remove_file(project.repo.folder().join("new\u{202e}.py")).expect("removed");

    project.repo.write("backend.py", "");
    let says = ["differs from its commit: backend.py\n", "hint: commit or stash the changes"];
    refused(&project, &mut build(), 1, &says);
}

/// A source that git reaches and no policy can name would be built for nothing.
#[test]
fn a_place_that_no_policy_can_name() {
    needs_sandbox!();
    let project = honest();
    fs::rename(project.repo.folder(), project.folder.path().join("100%")).expect("renamed");
    let build = |place: &str| {
        let mut build = project.command("build", &cache(&project));
        build.args([place, "--out", "out", "--key", "release.key"]);
        build
    };
    let by_url = format!("git+file://{}/100%25", project.folder.path().display());
    for place in ["100%", &by_url] {
        let says = [
            "the source cannot be recorded under its URI: not a repository URI: `git+file:///",
            "/100%25`: in the path of a `file:` URI, `%` may only stand for ",
            "\nhint: --source-uri names the URI to record, such as https://example.org/",
        ];
        refused(&project, &mut build(place), 1, &says);
    }
    let remote = GitRepo::init(&project.folder.path().join("100%"));
    remote.git(&["remote", "add", "origin", "deploy@example.org:owner/project"]);
    let says = ["`git+ssh://deploy@example.org/owner/project`: user information", "--source-uri"];
    refused(&project, &mut build("100%"), 1, &says);
    build("100%").args(["--source-uri", "git@example.org:owner/project"]).assert().code(0);
}

#[test]
fn a_manifest_that_does_not_hold() {
    needs_sandbox!();
    let project = |text: &str| Project::with(&[("pyproject.toml", text)]);
    let build_system = |rest: &str| format!("[build-system]\n{rest}\n");
    for (text, says) in [
        ("[build-system\n".to_owned(), "error: pyproject.toml:1:14: "),
        (build_system("requires = [\n\"a\"\n\"b\"]"), "error: pyproject.toml:4:1: "),
        (build_system("requires = []\nrequires = []"), "error: pyproject.toml:3:1: duplicate key"),
        (
            build_system("build-backend = \"a\""),
            "error: pyproject.toml:1:1: missing field `requires`",
        ),
        (
            build_system("requires = [\"a b\"]"),
            "error: pyproject.toml:2:13: not a requirement: `a b`",
        ),
        (
            build_system("requires = [\"a @ https://example.org/a.whl\"]"),
            "error: pyproject.toml:2:13: `a` is required from a URL",
        ),
        (
            build_system("requires = []\nbuild-backend = \"os; evil\""),
            "error: pyproject.toml:3:17: build-backend is not `module` or `module:object`: `os; evil`",
        ),
        (
            build_system("requires = []\nbuild-backend = \"a\"\nbackend-path = [\"../other\"]"),
            "error: pyproject.toml:4:17: ",
        ),
    ] {
        let project = project(&text);
        refused(&project, &mut project.build(&cache(&project)), 1, &[says]);
    }
}
