//! `wheelmark diff`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use wheelmark_tests::hostile::Plan;
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

/// What `diff` tells a person of two files that differ, with the causes of `--json`.
fn differ(a: &[u8], b: &[u8]) -> (String, Vec<(String, String)>) {
    let (_folder, a, b) = two(a, b);
    let ran = wheelmark().arg("diff").args([&a, &b]).assert().code(11);
    let told = String::from_utf8(ran.get_output().stdout.clone()).expect("UTF-8");
    let ran = wheelmark().args(["diff", "--json"]).args([&a, &b]).assert().code(11);
    let json: Value = serde_json::from_slice(&ran.get_output().stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = json["findings"].as_array().expect("a list");
    let causes = findings.iter().map(|it| (text(&it["cause"]), text(&it["summary"]))).collect();
    (told, causes)
}

fn answers() -> Vec<u8> {
    tiny::wheel_with("demo.py", b"ANSWER = 42\n")
}

/// The same, but one file is another than RECORD says.
fn tampered(name: &str, data: &[u8]) -> Vec<u8> {
    let mut plan = Plan::new();
    plan.put("demo.py", "ANSWER = 42\n");
    plan.record = Some(plan.honest_record());
    let file = plan.files.iter_mut().find(|(file, _)| file == name).expect("a file");
    file.1 = data.to_vec();
    plan.archive().bytes()
}

#[test]
fn a_member_changed_behind_record_is_shown_and_record_named_first() {
    let file = "demo-1.0.dist-info/METADATA";
    let text = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: evil\n";
    let (told, causes) = differ(&answers(), &tampered(file, text));
    assert_eq!(causes[0].0, "unsound", "{told}");
    assert!(causes[0].1.starts_with("B does not hold: record-"), "{told}");
    assert!(told.contains("causes:\n  L4 demo-1.0.dist-info/METADATA: unsound: B does"), "{told}");
    assert!(causes.iter().any(|(cause, _)| cause == "requires-dist"), "{told}");
    // As the first wheel likewise, and of the same size.
    let (told, causes) = differ(&tampered("demo.py", b"ANSWER = 43\n"), &answers());
    assert!(causes[0].1.starts_with("A does not hold: record-hash-mismatch"), "{told}");
    assert!(told.contains("-ANSWER = 43\n"), "{told}");
}

#[test]
fn two_of_the_same_unsound_bytes_are_identical() {
    let wheel = tampered("demo.py", b"ANSWER = 43\n");
    let (_folder, a, b) = two(&wheel, &wheel);
    let ran = wheelmark().arg("diff").args([&a, &b]).assert().code(0);
    let told = String::from_utf8(ran.get_output().stdout.clone()).expect("UTF-8");
    assert!(told.contains("unsound: A does not") && told.contains("unsound: B does not"), "{told}");
}

#[test]
fn every_changed_byte_is_shown_or_refused_with_a_reason() {
    let wheel = tiny::wheel();
    let mut shown = 0;
    for at in 0..wheel.len() {
        let mut other = wheel.clone();
        other[at] ^= 1;
        let (_folder, a, b) = two(&wheel, &other);
        let ran = wheelmark().arg("diff").args([&a, &b]).output().expect("it starts");
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        match ran.status.code() {
            Some(11) => shown += usize::from(told.contains("unsound: B does not hold: ")),
            code => assert!(code == Some(1) && error.contains("\nhint: "), "{at}: {told}{error}"),
        }
    }
    // Most of a wheel is what its members hold.
    assert!(shown > wheel.len() / 4, "{shown} of {}", wheel.len());
}
