//! `wheelmark diff`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::tiny;

/// Two files of one name in a folder each.
fn two(a: &[u8], b: &[u8]) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |side: &str, bytes: &[u8]| {
        let path = folder.path().join(side);
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join(tiny::FILENAME), bytes).expect("written");
        path.join(tiny::FILENAME)
    };
    let (a, b) = (write("a", a), write("b", b));
    (folder, a, b)
}

#[test]
fn the_same_bytes_end_with_0() {
    let (_folder, a, b) = two(&tiny::wheel(), &tiny::wheel());
    let ran = wheelmark().arg("diff").args([&a, &b]).assert().code(0);
    let told = String::from_utf8(ran.get_output().stdout.clone()).expect("UTF-8");
    assert!(told.contains("level L0: the same bytes"), "{told}");
}

#[test]
fn other_bytes_end_with_11_and_their_cause() {
    let answer = |n: u8| tiny::wheel_with("demo.py", format!("ANSWER = {n}\n").as_bytes());
    let (_folder, a, b) = two(&answer(42), &answer(43));
    let ran = wheelmark().arg("diff").args([&a, &b]).assert().code(11);
    let told = String::from_utf8(ran.get_output().stdout.clone()).expect("UTF-8");
    assert!(told.contains("L4 demo.py: text-changed"), "{told}");
    assert!(told.contains("-ANSWER = 42\n  +ANSWER = 43\n"), "{told}");

    let ran = wheelmark().args(["diff", "--json"]).args([&a, &b]).assert().code(11);
    let json: Value = serde_json::from_slice(&ran.get_output().stdout).expect("JSON");
    assert_eq!(json["schema"], "https://wheelmark.dev/diff/v1");
    assert_eq!(json["level"], "code");
    assert_eq!(json["findings"][0]["cause"], "text-changed");
    assert_eq!(json["findings"][0]["members"][0], "demo.py");
}

#[test]
fn what_is_no_wheel_is_an_error_with_its_reason() {
    let (_folder, a, b) = two(&tiny::wheel(), b"PK not a wheel");
    let ran = wheelmark().arg("diff").args([&a, &b]).assert().code(1);
    let told = String::from_utf8(ran.get_output().stderr.clone()).expect("UTF-8");
    assert!(told.contains("archive-not-zip") && told.contains("/b/demo-1.0"), "{told}");
    let missing = b.with_file_name("gone-1.0-py3-none-any.whl");
    let ran = wheelmark().args(["diff", "--json"]).args([&a, &missing]).assert().code(1);
    let json: Value = serde_json::from_slice(&ran.get_output().stdout).expect("JSON");
    assert_eq!(json["exit"], 1);
    wheelmark().arg("diff").arg(&a).assert().code(2);
}
