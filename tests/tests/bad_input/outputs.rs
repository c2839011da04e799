//! What a rebuild writes, where something is already.

use std::fs;
use std::os::unix::fs::symlink;

use super::{cache, honest, needs_sandbox, refused};

#[test]
fn a_rebuild_writes_over_nothing_that_it_starts_from() {
    needs_sandbox!();
    let project = honest();
    project.build(&cache(&project)).assert().success();
    let wheel = project.wheel();
    let before = fs::read(&wheel).expect("the wheel");
    symlink("out", project.folder.path().join("link")).expect("a link");
    let name = wheel.file_name().expect("a name").to_str().expect("UTF-8");
    let result = |path: String| {
        vec!["--sign-result", "--signing-key", "release.key", "--result"]
            .into_iter()
            .map(str::to_owned)
            .chain([path])
            .collect::<Vec<_>>()
    };
    for (arguments, option) in [
        (result(format!("out/{name}")), "--result"),
        (result(format!("link/../link/{name}")), "--result"),
        (result(format!("out/{name}.sigstore.json")), "--result"),
        (result("release.key".to_owned()), "--result"),
        (vec!["--keep".to_owned(), "link".to_owned()], "--keep"),
        (
            [result(format!("new/../new/{name}")), vec!["--keep".into(), "new".into()]].concat(),
            "--keep",
        ),
    ] {
        let mut rebuild = project.rebuild(&cache(&project));
        let says = [&*format!("{option} would write over `"), "hint: name another place"];
        refused(&project, rebuild.args(&arguments), 2, &says);
        assert_eq!(fs::read(&wheel).expect("the wheel"), before, "{arguments:?}");
    }
}

#[test]
fn a_link_where_the_rebuilt_wheel_goes_is_not_followed() {
    needs_sandbox!();
    let project = honest();
    project.build(&cache(&project)).assert().success();
    let wheel = project.wheel();
    let keep = project.folder.path().join("keep");
    fs::create_dir(&keep).expect("a folder");
    let kept = keep.join(wheel.file_name().expect("a name"));
    symlink("../release.key", &kept).expect("a link");
    let key = fs::read(project.folder.path().join("release.key")).expect("the key");
    project.rebuild(&cache(&project)).args(["--keep", "keep", "--overwrite"]).assert().success();
    assert_eq!(fs::read(project.folder.path().join("release.key")).expect("the key"), key);
    assert!(kept.symlink_metadata().expect("it is there").is_file());
    assert_eq!(fs::read(&kept).expect("kept"), fs::read(&wheel).expect("the wheel"));
}

#[test]
fn a_rebuild_replaces_nothing_unless_it_is_told_to() {
    needs_sandbox!();
    let project = honest();
    project.build(&cache(&project)).assert().success();
    let mine = project.folder.path().join("mine");
    fs::write(&mine, "precious").expect("written");
    let arguments = ["--sign-result", "--signing-key", "release.key", "--result", "mine"];
    let mut rebuild = project.rebuild(&cache(&project));
    let says = ["`mine` exists already", "hint: give another place, or --overwrite"];
    refused(&project, rebuild.args(arguments), 1, &says);
    assert_eq!(fs::read(&mine).expect("there"), b"precious");

    let mut rebuild = project.rebuild(&cache(&project));
    rebuild.args(arguments).args(["--overwrite", "--keep", "kept", "--json"]);
    let output = rebuild.assert().success().get_output().stdout.clone();
    let answer: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!(answer["result"]["file"], "mine");
    assert!(answer["result"]["key"].as_str().is_some_and(|key| key.starts_with("sha256:")));
    let kept = project.folder.path().join(answer["kept"].as_str().expect("a path"));
    assert_eq!(fs::read(kept).expect("kept"), fs::read(project.wheel()).expect("the wheel"));
    assert!(fs::read(&mine).expect("there").starts_with(b"{"));
}

#[test]
fn a_log_does_not_go_into_what_the_build_reads() {
    needs_sandbox!();
    let project = honest();
    let key = project.folder.path().join("release.key");
    let before = fs::read(&key).expect("the key");
    symlink("release.key", project.folder.path().join("link")).expect("a link");
    for log in ["project/pyproject.toml", "project/new.log"] {
        let mut build = project.build(&cache(&project));
        let says =
            [&*format!("--log `{log}` is in the source's work tree"), "hint: name a file outside"];
        refused(&project, build.args(["--log", log]), 2, &says);
    }
    for log in ["release.key", "link"] {
        let mut build = project.build(&cache(&project));
        let says = [&*format!("--log would write over `{log}`"), "hint: name another place"];
        refused(&project, build.args(["--log", log]), 2, &says);
        assert_eq!(fs::read(&key).expect("the key"), before);
    }
}
