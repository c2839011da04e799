//! Rebuilds where the machine is not the recorded one, and of wheels that are not what was signed.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::repo::GitRepo;
use wheelmark_tests::workshop::{Built, Workshop, said, skipped};

/// The version of no interpreter: a patch release of the recorded one's minor version.
fn other_patch(version: &str) -> String {
    let (minor, _) = version.rsplit_once('.').expect("a patch version");
    format!("{minor}.999")
}

/// Signs the statement of a file again, as if an interpreter had built it that is not here.
fn as_if_by_another_interpreter(shop: &Workshop, built: &Built) {
    let mut statement = shop.statement(built);
    let definition = &mut statement["predicate"]["buildDefinition"];
    let interpreter = &mut definition["internalParameters"]["environment"]["interpreter"];
    let version = other_patch(interpreter["version"].as_str().expect("a version"));
    let sha256 = Sha256Digest::of(b"another interpreter").to_string();
    interpreter["version"] = json!(version);
    interpreter["sha256"] = json!(sha256);
    let dependencies = definition["resolvedDependencies"].as_array_mut();
    for dependency in dependencies.expect("dependencies") {
        if dependency["annotations"]["role"] == "interpreter" {
            dependency["uri"] = json!(format!("pkg:generic/cpython@{version}"));
            dependency["digest"]["sha256"] = json!(sha256);
        }
    }
    shop.sign(built, &statement);
}

/// Signs the statement of a file again, as if it had been built from the commit checked out in `repo`.
fn as_if_from(shop: &Workshop, built: &Built, repo: &GitRepo) {
    let mut statement = shop.statement(built);
    let definition = &mut statement["predicate"]["buildDefinition"];
    let source = &mut definition["resolvedDependencies"][0];
    assert_eq!(source["annotations"]["role"], "source");
    source["digest"]["gitCommit"] = json!(repo.head());
    source["digest"]["gitTree"] = json!(repo.git(&["rev-parse", "HEAD^{tree}"]));
    shop.sign(built, &statement);
}

/// In what the environment of a rebuild was another one.
fn drifted(answer: &Value) -> Vec<&str> {
    let drift = answer["drift"].as_array().expect("a list").iter();
    drift.map(|it| it["what"].as_str().expect("text")).collect()
}

#[test]
fn the_same_bytes_under_drift_are_identical() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &[]);
    as_if_by_another_interpreter(&shop, &built);

    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert_eq!(rebuilt["outcome"], "identical", "{rebuilt:#}");
    assert_eq!(rebuilt["report"]["decision"], "accepted");
    let drift = drifted(&rebuilt);
    assert_eq!(drift, ["interpreter version", "interpreter executable"]);

    // A person is told before the build, with where the recorded one is to be had.
    let mut command = shop.on("rebuild", &built);
    let command = command.arg("--source-dir").arg(repo.folder());
    let output = command.output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("drift: this is not the recorded "), "{text}");
    assert!(text.contains("uv python install 3."), "{text}");
    assert!(text.contains("in another environment"), "{text}");

    // Who wants none of it: refused before anything is built.
    let refused = shop.rebuild(&built, &repo, &["--exact-environment"], 12);
    assert_eq!(refused["outcome"], "inconclusive", "{refused:#}");
    assert_eq!(refused.get("rebuilt"), None, "{refused:#}");
    assert_eq!(refused["report"]["decision"], "rejected");
}

#[test]
fn other_bytes_under_drift_show_nothing() {
    let Some(shop) = Workshop::new() else { return };
    // The wheel as the interpreter that is not here would have made it, of the first commit.
    let honest = "import sys\ndef content(): return f'BY = {sys.version!r}\\n'\n";
    let repo = shop.odd("odd", honest);
    let there = "import re, sys\n\
                 def content():\n\
                 \x20   by = re.sub(r'^3\\.(\\d+)\\.\\d+', r'3.\\1.999', sys.version)\n\
                 \x20   return f'BY = {by!r}\\n'\n";
    repo.write("odd.py", there);
    repo.commit_all("As it is elsewhere");
    let built = shop.build(&repo, &[]);
    repo.git(&["checkout", "--quiet", "HEAD~1"]);
    as_if_from(&shop, &built, &repo);
    as_if_by_another_interpreter(&shop, &built);

    let rebuilt = shop.rebuild(&built, &repo, &[], 12);
    assert_eq!(rebuilt["outcome"], "inconclusive", "{rebuilt:#}");
    let cause = rebuilt["cause"].as_str().expect("a cause");
    assert!(cause.contains("interpreter version: 3."), "{cause}");
    assert!(drifted(&rebuilt).contains(&"interpreter version"));
    assert_eq!(rebuilt["report"]["decision"], "rejected");
    // What differed is there to read.
    let first = &rebuilt["diff"]["findings"][0]["members"][0];
    assert_eq!(*first, "odd/__init__.py");
}

#[test]
fn another_patch_version_of_this_machine_is_drift() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", "import sys\ndef content(): return f'BY = {sys.version!r}\\n'\n");
    let here = shop.build(&repo, &["--python", "3"]);
    let interpreter = interpreter_of(&shop, &here);
    let version = interpreter["version"].as_str().expect("a version");
    let (minor, _) = version.rsplit_once('.').expect("a patch version");
    let system = format!("/usr/bin/python{minor}");
    if interpreter["path"] == system || !Path::new(&system).exists() {
        return skipped(format!("no second interpreter of version {minor}"));
    }
    let built = shop.build(&repo, &["--python", &system, "--overwrite"]);
    if interpreter_of(&shop, &built)["version"] == version {
        return skipped(format!("no second patch version of {minor}"));
    }
    // By the recorded path it is found, in a place where another comes first.
    let rebuilt = shop.rebuild(&built, &repo, &["--exact-environment"], 0);
    assert_eq!(rebuilt["outcome"], "identical", "{rebuilt:#}");
    // Of a version that is nowhere, the nearest is taken: the other one.
    as_if_by_another_interpreter(&shop, &built);
    let rebuilt = shop.rebuild(&built, &repo, &[], 12);
    assert_eq!(rebuilt["outcome"], "inconclusive", "{rebuilt:#}");
}

fn interpreter_of(shop: &Workshop, built: &Built) -> Value {
    let statement = shop.statement(built);
    let definition = &statement["predicate"]["buildDefinition"];
    definition["internalParameters"]["environment"]["interpreter"].clone()
}

#[test]
fn what_the_signer_added_is_found() {
    const HONEST: &str = "def content(): return 'LIMIT = 10\\n'\n";
    let evil = [
        (
            "def content(): return 'LIMIT = 10\\n'\n\
             def members(): return {'odd.pth': 'import os\\n'}\n",
            "odd.pth: startup-hook: ",
        ),
        ("def content(): return 'LIMIT = 99\\n'\n", "odd/__init__.py: text-changed: "),
    ];
    for (code, expected) in evil {
        let Some(shop) = Workshop::new() else { return };
        let repo = shop.odd("odd", HONEST);
        repo.write("odd.py", code);
        repo.commit_all("What nobody sees");
        let built = shop.build(&repo, &[]);
        repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        as_if_from(&shop, &built, &repo);

        // The signature holds, and the signer's word is all that `verify` has.
        let mut verify = shop.on("verify", &built);
        assert_eq!(verify.output().expect("it starts").status.code(), Some(0));
        let rebuilt = shop.rebuild(&built, &repo, &[], 11);
        assert_eq!(rebuilt["outcome"], "different", "{rebuilt:#}");
        assert_eq!(rebuilt["drift"], json!([]));
        assert_eq!(rebuilt["report"]["decision"], "rejected");
        let diffs = rebuilt["diffs"].to_string();
        assert!(diffs.contains(expected), "{diffs}");
    }
}

#[test]
fn a_plain_user_can_do_all_of_it() {
    if !is_root() {
        return skipped("this is a plain user: every other test shows it");
    }
    let Some(shop) = Workshop::new() else { return };
    let plain = Plain::new(&shop);
    let version = ["-c", "import sys; assert sys.version_info >= (3, 9)"];
    if !plain.run("/usr/bin/python3", &version).status.success() {
        return skipped("no Python that others than root may run");
    }
    let odd = shop.odd("odd", "def content(): return 'X = 1\\n'\n");
    let flit = shop.fixture("pure-flit");
    plain.own(&shop.path(""));
    for repo in [&odd, &flit] {
        let name = repo.folder().file_name().expect("a name").to_string_lossy();
        let from = repo.folder().to_str().expect("text");
        let dist = format!("dist-{name}");
        let build = ["build", from, "--out", &dist, "--key", "release.key", "--release", "--json"];
        let output = plain.wheelmark(&build);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let file = answer["files"][0]["filename"].as_str().expect("a name");
        let wheel = format!("{dist}/{file}");
        let source = wheelmark_tests::workshop::source(&name);
        let trust = ["--key", "release.pub", "--source", &source, &wheel];
        let verified = plain.wheelmark(&[&["verify"][..], &trust].concat());
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
        let rebuild = ["rebuild", "--json", "--source-dir", from];
        let rebuilt = plain.wheelmark(&[&rebuild[..], &trust].concat());
        assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
        let rebuilt: Value = serde_json::from_slice(&rebuilt.stdout).expect("JSON");
        assert_eq!(rebuilt["outcome"], "identical");
        assert_eq!(rebuilt["drift"], json!([]));
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id starts");
    said(&id).trim() == "0"
}

/// Somebody without privileges: with a home of their own, and copies of what only root may read.
struct Plain {
    folder: std::path::PathBuf,
}

impl Plain {
    const ID: &str = "65534";

    fn new(shop: &Workshop) -> Self {
        let plain = Self { folder: shop.path("plain") };
        for name in ["bin", "home", "tmp"] {
            fs::create_dir_all(plain.folder.join(name)).expect("a folder");
        }
        let program = shop.wheelmark().get_program().to_owned();
        for (name, from) in [("wheelmark", program.as_ref()), ("uv", uv().as_path())] {
            let to = plain.folder.join("bin").join(name);
            fs::copy(from, &to).expect("copied");
            fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("open to all");
        }
        plain
    }

    fn own(&self, folder: &Path) {
        let mut chown = Command::new("chown");
        chown.arg("-R").arg(format!("{0}:{0}", Self::ID)).arg(folder);
        assert!(chown.status().expect("chown starts").success());
    }

    fn run(&self, program: &str, arguments: &[&str]) -> std::process::Output {
        let shop = self.folder.parent().expect("the workshop");
        Command::new("setpriv")
            .arg(format!("--reuid={}", Self::ID))
            .arg(format!("--regid={}", Self::ID))
            .args(["--clear-groups", "--inh-caps=-all", "--", program])
            .args(arguments)
            .current_dir(if arguments.len() > 2 { shop } else { Path::new("/") })
            .env_remove("WHEELMARK_CACHE")
            .env_remove("XDG_CACHE_HOME")
            .env("HOME", self.folder.join("home"))
            .env("TMPDIR", self.folder.join("tmp"))
            .env("PATH", format!("{}/bin:/usr/bin:/bin", self.folder.display()))
            .output()
            .expect("setpriv starts")
    }

    fn wheelmark(&self, arguments: &[&str]) -> std::process::Output {
        let program = self.folder.join("bin/wheelmark");
        self.run(program.to_str().expect("text"), arguments)
    }
}

/// The program `uv` itself, where `PATH` may have a script that starts it.
fn uv() -> std::path::PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&folders).map(|folder| folder.join("uv"));
    let home = std::env::home_dir().unwrap_or_default();
    let pyenv = fs::read_dir(home.join(".pyenv/versions"));
    let versions = pyenv.into_iter().flatten().flatten();
    let in_pyenv = versions.map(|version| version.path().join("bin/uv"));
    let starts =
        |path: &std::path::PathBuf| fs::read(path).is_ok_and(|it| it.starts_with(b"\x7fELF"));
    let mut all = on_path.chain(in_pyenv);
    all.find(starts).expect("a program `uv`")
}

/// `internalParameters.environment` of a statement.
fn environment(statement: &mut Value) -> &mut Value {
    &mut statement["predicate"]["buildDefinition"]["internalParameters"]["environment"]
}

/// The notes of a rebuild's report, as one text.
fn noted(answer: &Value) -> String {
    answer["report"]["notes"].to_string()
}

#[test]
fn what_a_rebuild_sets_itself_is_held_against_the_record() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &[]);
    let honest = shop.statement(&built);
    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert_eq!(drifted(&rebuilt), [""; 0], "{rebuilt:#}");
    assert!(!noted(&rebuilt).contains("recorded "), "{rebuilt:#}");

    let mut statement = honest.clone();
    let recorded = environment(&mut statement);
    recorded["umask"] = json!("0077");
    recorded["installer"]["version"] = json!("0.0.1");
    recorded["frontend"] = json!({"name": "pip", "version": "99"});
    shop.sign(&built, &statement);
    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert_eq!(drifted(&rebuilt), ["umask", "installer", "frontend"], "{rebuilt:#}");

    // A variable that is not recorded is not set, whatever the environment says of it.
    let mut statement = honest.clone();
    let variables = &mut environment(&mut statement)["variables"];
    for name in ["LC_ALL", "LANG", "TZ"] {
        variables.as_object_mut().expect("an object").remove(name);
    }
    shop.sign(&built, &statement);
    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert_eq!(drifted(&rebuilt), ["locale", "time zone"], "{rebuilt:#}");

    // What is put back is as recorded, and a person is told that it is not what a build sets.
    let mut statement = honest;
    let recorded = environment(&mut statement);
    recorded["timezone"] = json!("Asia/Tokyo");
    recorded["variables"]["TZ"] = json!("Asia/Tokyo");
    shop.sign(&built, &statement);
    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert_eq!(drifted(&rebuilt), [""; 0], "{rebuilt:#}");
    assert!(noted(&rebuilt).contains("recorded variable TZ: `Asia/Tokyo`"), "{rebuilt:#}");
}

#[test]
fn a_record_cannot_bring_a_backend_or_requirements_of_its_own() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &[]);
    let honest = shop.statement(&built);
    let refused = |statement: &Value, says: &str| {
        shop.sign(&built, statement);
        let rebuilt = shop.rebuild(&built, &repo, &[], 12);
        assert_eq!(rebuilt["outcome"], "inconclusive", "{rebuilt:#}");
        assert!(rebuilt["cause"].as_str().expect("text").contains(says), "{rebuilt:#}");
    };
    for backend in [json!({"name": "evil"}), json!({"name": "flit_core.buildapi", "path": ["."]})] {
        let mut statement = honest.clone();
        environment(&mut statement)["backend"] = backend;
        refused(&statement, "and this commit's pyproject.toml `flit_core.buildapi`");
    }
    let mut statement = honest.clone();
    let dependencies = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    let dependencies = dependencies.as_array_mut().expect("a list");
    dependencies.retain(|it| it["annotations"]["role"] != "build-requirement");
    refused(&statement, "no recorded requirement satisfies `flit-core");

    // An address that could name a service of this machine is not asked; the index is.
    let mut statement = honest;
    let dependencies = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    for dependency in dependencies.as_array_mut().expect("a list") {
        if dependency["annotations"]["role"] == "build-requirement" {
            dependency["downloadLocation"] = json!("http://127.0.0.1:9/admin");
        }
    }
    shop.sign(&built, &statement);
    let rebuilt = shop.rebuild(&built, &repo, &[], 0);
    assert!(noted(&rebuilt).contains("`http://127.0.0.1:9/admin` is not used"), "{rebuilt:#}");
}
