//! `wheelmark policy init` from what is installed, and from what the index serves.

use std::path::PathBuf;
use std::process;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::index_server::file_path;
use wheelmark_tests::statement::{failures, report};
use wheelmark_tests::tiny;

use super::init::printed;
use super::*;

/// A wheel of another name than [`tiny::wheel_of`] gives, with the same content.
fn tagged(project: &str, tags: &str) -> Served {
    let served = Served::unattested(project, "1.0");
    Served { filename: served.filename.replace("py3-none-any", tags), ..served }
}

/// An environment of uv with these files installed, which are named by their paths or from the index.
fn environment(place: &Place, wanted: &[&str]) -> PathBuf {
    let run = |arguments: &[&str]| {
        let made = process::Command::new("uv")
            .args(arguments)
            .env("UV_CACHE_DIR", place.folder.path().join("uv-cache"))
            .current_dir(&place.folder)
            .output()
            .expect("uv runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    run(&["venv", "--quiet", "--python", "python3", "env"]);
    let install = ["pip", "install", "--quiet", "--python", "env/bin/python", "--default-index"];
    run(&[&install[..], &[&place.server.url()], wanted].concat());
    place.folder.path().join("env")
}

#[test]
fn what_is_installed_is_taken_by_the_wheels_that_fit() {
    let place = Place::new();
    let other = [
        tagged("other", "py3-none-any"),
        tagged("other", "py3-none-win_amd64"),
        tagged("other", "cp20-cp20-manylinux1_x86_64"),
    ];
    place.server.serve("other", &other);
    let here = tagged("here", "py3-none-any");
    place.put(&here.filename, &here.bytes);
    let own = tagged("own", "py3-none-any");
    place.server.serve("own", std::slice::from_ref(&own));
    let environment = environment(&place, &["demo", "other", "own", "./here-1.0-py3-none-any.whl"]);
    // As a folder is recorded that is still worked in.
    let direct = site_packages(&environment).join("own-1.0.dist-info/direct_url.json");
    fs::write(direct, r#"{"url": "file:///secret", "dir_info": {"editable": true}}"#)
        .expect("written");
    let from = ["--installed", "--python", "env"];
    let text = printed(&mut place.init(&from));
    assert_eq!(printed(&mut place.init(&from)), text, "the same every time");
    let by_path = ["--installed", "--python", "env/bin/python"];
    let by_path = printed(&mut place.init(&by_path)).replace("env/bin/python", "env");
    assert_eq!(by_path, text, "by the path of the interpreter");
    for line in [
        "# demo 1.0, installed in the environment env: 1 of 1 files have an attestation that holds.",
        "# other 1.0, installed in the environment env: 0 of 1 files have an attestation that holds.",
        "# Installed in the environment env.",
        "# Which file of a release was installed is not recorded: each wheel of it that fits the interpreter is",
        "# Trusted on first use: that these are files of `other`, nobody but the index said.",
        "# Left out, so that it is refused: `here 1.0`, installed in the environment env, was installed from a URL or a \
         file, and not from an index",
        "# Left out, so that it is refused: `own 1.0`, installed in the environment env, was installed from a folder \
         that it is still in (editable), and not from an index",
        "[identities.demo]",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(
        !text.contains("win_amd64") && !text.contains("cp20") && !text.contains("secret"),
        "{text}"
    );
    place.put("policy.toml", text.as_bytes());
    report(&mut place.verify(&RELEASE), 0);
    let taken = batch(&mut place.verify(&["--from-index", "other==1.0"]), 10);
    let decisions: Vec<_> = results(&taken).into_iter().map(|it| it.1).collect();
    assert_eq!(decisions, ["rejected", "accepted", "rejected"]);
}

#[test]
fn what_the_index_has_not_of_what_is_installed_is_left_out_and_no_other_answer_is() {
    let place = Place::new();
    for project in ["gone", "moved"] {
        place.server.serve(project, &[tagged(project, "py3-none-any")]);
    }
    place.server.serve("built", &[tagged("built", "py3-none-any")]);
    environment(&place, &["demo", "gone", "moved", "built"]);
    place.server.told(&page_path("gone"), Reply::status(404));
    place.server.serve("moved", &[Served::unattested("moved", "2.0")]);
    place.server.serve("built", &[tagged("built", "py3-none-win_amd64")]);
    let from = ["--installed", "--python", "env", "--out", "made.toml"];
    let told = said(&mut place.init(&from), 0);
    for line in [
        "  of 1 project:",
        "  1 by who signs them",
        "  left out and so refused: `built 1.0`, installed in the environment env: no wheel that the index has of it \
         fits the interpreter",
        "  left out and so refused: `gone 1.0`, installed in the environment env: the index has no project `gone`",
        "  left out and so refused: `moved 1.0`, installed in the environment env: the index lists no wheel or source \
         distribution of `moved` 1.0",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    // What could not be had is not taken for what is not there.
    for status in [403, 500] {
        place.server.told(&page_path("gone"), Reply::status(status));
        let told = said(&mut place.init(&[&from[..], &["--overwrite"]].concat()), 1);
        assert!(told.contains(&format!("status {status}")), "{told}");
    }
}

#[test]
fn an_environment_that_is_none_is_an_error() {
    let place = Place::new();
    let told = said(&mut place.init(&["--installed", "--python", "nowhere/bin/python"]), 1);
    assert!(told.contains("--python PATH"), "{told}");
    for wrong in
        [&["--python", "env", "--from-index", "demo==1.0"][..], &[], &["--from-index", "demo"]]
    {
        said(&mut place.init(wrong), 2);
    }
    assert_eq!(place.server.seen(), []);
}

#[test]
fn every_file_of_a_release_is_taken_as_the_index_has_it() {
    let place = Place::new();
    let local = tiny::wheel_of("other", "1.0+cpu");
    let local = Served { filename: local.0, bytes: local.1, provenance: None };
    place.server.serve("other", &[tagged("other", "py3-none-win_amd64"), local]);
    let mut page = place.server.page(PROJECT, &[demo()]);
    page["files"][0]["yanked"] = "a mistake\u{1b}[2J".into();
    place.server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
    let text = printed(&mut place.init(&["--from-index", "Demo==1.0", "other==1.0"]));
    for line in [
        "# demo 1.0, asked for by name: 1 of 1 files have an attestation that holds.",
        "# other 1.0, asked for by name: 0 of 2 files have an attestation that holds.",
        "# Asked for by name.",
        "    \"other-1.0-py3-none-win_amd64.whl\", # by the index",
        "    \"other-1.0+cpu-py3-none-any.whl\", # by the index",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains(&format!(
        "# Of {FILENAME}: the index says that this file was withdrawn: a mistake"
    )));
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(asked(&place, &file_path(FILENAME)), 0, "not downloaded");
    place.put("policy.toml", text.as_bytes());
    said(&mut place.verify(&RELEASE), 0);
    // A release that is named must be there.
    let told = said(&mut place.init(&["--from-index", "demo==9.0"]), 1);
    assert!(told.contains("`demo` 9.0"), "{told}");
}

/// A lock, an environment and a name may be of one project: it gets one rule, and each file one exception.
#[test]
fn several_sources_are_one_policy() {
    let place = Place::new();
    place.server.serve("other", &[tagged("other", "py3-none-any")]);
    environment(&place, &["other"]);
    let digest = Sha256Digest::of(&tagged("other", "py3-none-any").bytes);
    let lock = format!(
        "demo==1.0 --hash=sha256:{}\nother==1.0 --hash=sha256:{digest}\n",
        Sha256Digest::of(&demo().bytes)
    );
    place.put("requirements.txt", lock.as_bytes());
    let from =
        ["-r", "requirements.txt", "--installed", "--python", "env", "--from-index", "demo==1.0"];
    let text = printed(&mut place.init(&from));
    for (part, times) in [("[identities.", 1), ("[[rules]]", 1), ("[[exceptions]]", 1)] {
        assert_eq!(text.matches(part).count(), times, "{part}\n{text}");
    }
    assert!(text.contains("\n# Asked for by name; locked at requirements.txt:1.\n"), "{text}");
}

/// Credentials of the index, which are of its URL, stand in no policy.
#[test]
fn a_password_is_in_no_policy() {
    let place = Place::new();
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(["policy", "init", "--from-index", "demo==1.0"]);
    command.args(["--trust", "private", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    command.args(["--index", &place.server.url_with("somebody:secret")]);
    let told = said(&mut command, 0);
    assert!(told.contains("asking the index http") && !told.contains("secret"), "{told}");
}

/// What an upgrade is refused for, and that what was refused is not told as done.
#[test]
fn a_refused_upgrade_tells_what_is_excepted_and_how_it_is_explained() {
    let place = Place::new();
    place.server.serve("other", &[tagged("other", "py3-none-any")]);
    let text = printed(&mut place.init(&["--from-index", "demo==1.0", "other==1.0"]));
    place.put("policy.toml", text.as_bytes());
    place.server.serve("other", &[Served::unattested("other", "2.0")]);
    environment(&place, &["--no-deps", "demo"]);
    let install = |json: &[&str]| {
        let mut command = wheelmark();
        command
            .current_dir(&place.folder)
            .env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
        command
            .args(["install", "--policy", "policy.toml", "--trust-root", TRUSTED_ROOT])
            .args(json);
        command.args(["--at", AT, "--index", &place.server.url(), "--"]);
        command.args(["uv", "pip", "install", "--python", "env/bin/python"]);
        command.args(["--reinstall", "demo", "other"]);
        command
    };
    let told = said(&mut install(&[]), 10);
    assert!(told.contains("is for other files of it: other-1.0-py3-none-any.whl\n"), "{told}");
    let hint = "hint: `wheelmark policy explain` with the same policy and `--from-index other==2.0` tells what would";
    assert!(told.contains(hint), "{told}");
    let output = install(&["--json"]).assert().code(10).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    let documents: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let last = documents.last().expect("a document");
    assert_eq!(last["decision"], "rejected");
    assert_eq!(last["files"], serde_json::json!([]), "nothing was done with what was accepted");
    let refused = documents.iter().find(|it| it["decision"] == "rejected").expect("one");
    assert_eq!(failures(refused)[0].1, "project-not-named");
}
