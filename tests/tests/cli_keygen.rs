//! `wheelmark keygen`.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::{KeyError, KeyFile};
use wheelmark_tests::program::wheelmark;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_key_is_encrypted_and_its_owners_alone() {
    for algorithm in ["ecdsa-p256", "ed25519"] {
        let folder = tempfile::tempdir().expect("a folder");
        let made = wheelmark()
            .current_dir(&folder)
            .env("WHEELMARK_PASSPHRASE", "correct horse")
            .args(["keygen", "--out", "my.key", "--json", "--algorithm", algorithm])
            .assert()
            .success();
        let answer: Value = serde_json::from_slice(&made.get_output().stdout).expect("JSON");
        assert_eq!(answer["schema"], "https://wheelmark.dev/key/v1");
        assert_eq!(answer["encrypted"], true);
        assert_eq!(answer["algorithm"], algorithm);

        assert_eq!(names(folder.path()), ["my.key", "my.key.pub"]);
        let path = folder.path().join("my.key");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&folder.path().join("my.key.pub")), 0o644);
        let file = KeyFile::read(&path).expect("a key");
        let wrong = file.unlock(Some("wrong horse")).err().expect("refused");
        assert!(matches!(wrong, KeyError::WrongPassphrase { .. }), "{wrong}");
        let key = file.unlock(Some("correct horse")).expect("unlocked");
        assert_eq!(answer["keyId"], key.key_id().to_string());
        let public = fs::read_to_string(folder.path().join("my.key.pub")).expect("a key");
        assert_eq!(public, key.public_pem().expect("PEM"));
    }
}

#[test]
fn neither_file_is_overwritten_and_none_is_left() {
    for existing in ["my.key", "my.key.pub"] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(existing), "mine").expect("written");
        let refused = wheelmark()
            .current_dir(&folder)
            .args(["keygen", "--out", "my.key", "--no-passphrase"])
            .assert()
            .code(1);
        let stderr = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(stderr.contains(&format!("`{existing}` exists already")), "{stderr}");
        assert_eq!(names(folder.path()), [existing]);
        let kept = fs::read(folder.path().join(existing)).expect("kept");
        assert_eq!(kept, b"mine");
    }
}

#[test]
fn without_a_terminal_or_variable_it_says_what_to_set() {
    let folder = tempfile::tempdir().expect("a folder");
    // A session of its own has no terminal, wherever this test is run.
    let program = wheelmark().get_program().to_owned();
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(program)
        .args(["keygen", "--out", "my.key"])
        .current_dir(&folder)
        .env_remove("WHEELMARK_PASSPHRASE")
        .output()
        .expect("setsid");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("set WHEELMARK_PASSPHRASE"), "{stderr}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn an_empty_passphrase_and_a_missing_folder_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (passphrase, out, code, says) in [
        ("", "my.key", 2, "an empty passphrase protects nothing"),
        ("x", "no/my.key", 1, "there is no folder `no`"),
        ("x", "..", 2, "does not name a file"),
    ] {
        let refused = wheelmark()
            .current_dir(&folder)
            .env("WHEELMARK_PASSPHRASE", passphrase)
            .args(["keygen", "--out", out, "--json"])
            .assert()
            .code(code);
        let error: Value = serde_json::from_slice(&refused.get_output().stdout).expect("JSON");
        assert_eq!(error["schema"], "https://wheelmark.dev/error/v1");
        assert_eq!(error["exit"], code);
        let message = error["error"].as_str().expect("text");
        assert!(message.contains(says), "{message}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_key_without_passphrase_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = wheelmark()
        .current_dir(&folder)
        .args(["keygen", "--out", "my.key", "--no-passphrase"])
        .assert()
        .success();
    let stdout = String::from_utf8_lossy(&made.get_output().stdout).into_owned();
    assert!(stdout.contains("not encrypted"), "{stdout}");
    let file = KeyFile::read(&folder.path().join("my.key")).expect("a key");
    let key = file.unlock(None).expect("open");
    assert!(stdout.contains(&key.key_id().to_string()), "{stdout}");
}
