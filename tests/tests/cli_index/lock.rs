//! `wheelmark lock` and `verify --locked`: a change of who signs is told, with both, and accepted on purpose only.

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::statement::{failures, report};

use super::*;

const REQUIREMENTS: &str = "requirements.txt";
const LOCKED: &str = "wheelmark.lock";

/// A place with a lock of `demo` 1.0.
fn place() -> Place {
    let place = Place::new();
    let digest = Sha256Digest::of(&demo().bytes);
    place.put(REQUIREMENTS, format!("demo==1.0 --hash=sha256:{digest}\n").as_bytes());
    place
}

fn lock(place: &Place, more: &[&str]) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(["lock", "-r", REQUIREMENTS, "--out", LOCKED]);
    command.args(["--trust", "private", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    command.args(["--index", &place.server.url()]).args(more);
    command
}

fn locked(place: &Place) -> String {
    fs::read_to_string(place.folder.path().join(LOCKED)).expect("the file")
}

fn verify(place: &Place) -> Command {
    let mut command = place.verify(&RELEASE);
    command.args(["--locked", LOCKED]);
    command
}

#[test]
fn who_signed_is_written_down_and_held() {
    let place = place();
    let told = said(&mut lock(&place, &[]), 0);
    assert_eq!(told, "locked `wheelmark.lock`: by who signs them 1, that nobody signs 0\n");
    let text = locked(&place);
    for line in [
        "schema = 1",
        "name = \"demo\"",
        "version = \"1.0\"",
        "repository = \"https://github.com/octo/demo\"",
        "owner-id = \"2002\"",
        "workflow = \".github/workflows/release.yml\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let judged = report(&mut verify(&place), 0);
    let last = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    assert_eq!((&last["check"], &last["status"]), (&"identity".into(), &"passed".into()));
    // The same a second time.
    said(&mut lock(&place, &["--overwrite"]), 0);
    assert_eq!(locked(&place), text);
    assert!(said(&mut lock(&place, &[]), 1).contains("exists already"));
}

#[test]
fn another_signer_than_before_is_refused_with_both() {
    let place = place();
    said(&mut lock(&place, &[]), 0);
    for (from, to, what) in [
        ("2002", "2003", "owner-id 2002"),
        ("1001", "1009", "repository-id 1001"),
        ("release.yml", "other.yml", "workflow"),
        ("pypi", "testpypi", "environment pypi"),
    ] {
        let before = locked(&place);
        let quoted = before.replace(&format!("{from}\""), &format!("{to}\""));
        assert_ne!(before, quoted);
        place.put(LOCKED, quoted.as_bytes());
        let judged = report(&mut verify(&place), 10);
        assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
        let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
        assert!(check["found"].as_str().expect("text").starts_with(what), "{check}");
        assert!(check["expected"][0].as_str().expect("text").ends_with(", as of 1.0"), "{check}");
        // Accepted on purpose.
        said(&mut lock(&place, &["--update", "demo"]), 0);
        report(&mut verify(&place), 0);
    }
}

#[test]
fn what_was_signed_before_is_not_taken_without() {
    let place = place();
    said(&mut lock(&place, &[]), 0);
    let digest = Sha256Digest::of(&demo().bytes);
    let policy = format!(
        "schema = 1\n[[exceptions]]\nsha256 = [\"{digest}\"]\nreason = \"r\"\nowner = \"o\"\n\
         expires = 2027-01-01T00:00:00Z\n"
    );
    place.put("policy.toml", policy.as_bytes());
    let mut command = place.bare(&RELEASE);
    command.args(["--policy", "policy.toml", "--at", AT]);
    report(&mut command, 0);
    let mut command = place.bare(&RELEASE);
    command.args(["--policy", "policy.toml", "--at", AT, "--locked", LOCKED]);
    let judged = report(&mut command, 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-lost".to_owned())]);
}

#[test]
fn a_project_that_nobody_locked_is_refused_and_one_without_signers_may_gain_some() {
    let place = place();
    place.put(LOCKED, b"schema = 1\n");
    let judged = report(&mut verify(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-not-locked".to_owned())]);
    place.put(LOCKED, b"schema = 1\n[[projects]]\nname = \"demo\"\nversion = \"0.9\"\n");
    report(&mut verify(&place), 0);
    // What is there stays, and what is not is added.
    said(&mut lock(&place, &["--update", "demo"]), 0);
    assert!(locked(&place).contains("[[projects.signers]]"));
    assert!(said(&mut lock(&place, &["--update", "other"]), 2).contains("no lock names `other`"));
}

#[test]
fn an_attestation_that_does_not_hold_locks_nobody() {
    let place = place();
    let mut wrong: Value =
        serde_json::from_slice(&fixture(&format!("{FILENAME}.provenance"))).expect("JSON");
    wrong["attestation_bundles"][0]["attestations"][0]["envelope"]["signature"] = "AAAA".into();
    let served = Served { provenance: Some(wrong.to_string().into_bytes()), ..demo() };
    place.server.serve(PROJECT, &[served]);
    let told = said(&mut lock(&place, &[]), 1);
    assert!(
        told.contains("who signed `demo-1.0-py3-none-any.whl` cannot be written down"),
        "{told}"
    );
    assert!(!place.folder.path().join(LOCKED).exists());
}
