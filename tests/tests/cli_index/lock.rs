//! `wheelmark lock` and `verify --locked`: a change of who signs is told, with both, and accepted on purpose only.

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::sigstore::holder::Name;
use wheelmark_tests::sigstore::{Holder, Sigstore, provenance_object};
use wheelmark_tests::statement::{check, failures, report};

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
    told(place, &["lock"], more)
}

fn update(place: &Place, name: &str) -> Command {
    told(place, &["lock", "update", name], &[])
}

fn told(place: &Place, verb: &[&str], more: &[&str]) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(verb).args(["-r", REQUIREMENTS, "-o", LOCKED]);
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
        said(&mut update(&place, "demo"), 0);
        report(&mut verify(&place), 0);
    }
}

/// The release workflow has its signature asked for by a workflow of somebody else, which it calls.
#[test]
fn a_builder_where_there_was_none_is_a_change() {
    let place = place();
    said(&mut lock(&place, &[]), 0);
    let evil = "https://github.com/evil/shared/.github/workflows/publish.yml@refs/heads/main";
    let mut holder = Holder::workflow().claiming(9, evil);
    holder.name = Name::Uri(evil.to_owned());
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": FILENAME, "digest": {"sha256": Sha256Digest::of(&demo().bytes)}}],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": null,
    });
    let attestation = Sigstore::default().sign(&holder, &statement.to_string()).attestation();
    let before: Value =
        serde_json::from_slice(&demo().provenance.expect("an object")).expect("JSON");
    let publisher = &before["attestation_bundles"][0]["publisher"];
    let provenance = provenance_object(publisher, &[attestation]).to_string().into_bytes();
    place.server.serve(PROJECT, &[Served { provenance: Some(provenance), ..demo() }]);
    // The policy names the workflow, and not who asks for its signatures.
    report(&mut place.verify(&RELEASE), 0);
    let judged = report(&mut verify(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
    let values = &check(&judged, "identity")["changed"]["values"];
    let after = evil.split_once('@').expect("a ref").0;
    let expected = serde_json::json!([{"name": "builder", "before": "none", "after": after}]);
    assert_eq!(values, &expected);
    // Accepted on purpose, it is held from then on.
    said(&mut update(&place, PROJECT), 0);
    report(&mut verify(&place), 0);
    place.server.serve(PROJECT, &[demo()]);
    let judged = report(&mut verify(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
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
    said(&mut update(&place, "demo"), 0);
    assert!(locked(&place).contains("[[projects.signers]]"));
    assert!(said(&mut update(&place, "other"), 2).contains("no lock names `other`"));
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

/// Each value that is another is told, with what it was and in which release, to people and to programs.
#[test]
fn all_that_changed_is_named() {
    let place = place();
    said(&mut lock(&place, &[]), 0);
    let mut text = locked(&place).replace("version = \"1.0\"", "version = \"0.9\"");
    for (from, to) in [
        ("octo/demo", "cto/demo"),
        ("2002", "2003"),
        ("1001", "1009"),
        ("release.yml", "other.yml"),
        ("\"pypi\"", "\"testpypi\""),
    ] {
        assert!(text.contains(from), "{from}\n{text}");
        text = text.replace(from, to);
    }
    place.put(LOCKED, text.as_bytes());
    let judged = report(&mut verify(&place), 10);
    let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    let changed = &check["changed"];
    assert_eq!((&changed["from"], &changed["to"]), (&"0.9".into(), &"1.0".into()));
    let values: Vec<_> = changed["values"].as_array().expect("values").iter().collect();
    let named: Vec<_> = values.iter().map(|it| it["name"].as_str().expect("a name")).collect();
    assert_eq!(named, ["repository", "workflow", "repository-id", "owner-id", "environment"]);
    assert_eq!((&values[3]["before"], &values[3]["after"]), (&"2003".into(), &"2002".into()));
    let said = said(&mut verify(&place), 10);
    for part in [
        "repository https://github.com/octo/demo instead of https://github.com/cto/demo",
        "repository-id 1001 instead of 1009",
        "owner-id 2002 instead of 2003",
        "environment pypi instead of testpypi",
        ", of 1.0",
        ", as of 0.9",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

/// The folder of a case whose wheel is signed by a key.
const BY_KEY: &str = "accepted";

/// Puts the wheel, what is signed of it and the policy of a case in place of those of the index.
fn of_case(place: &Place, case: &str) {
    for name in [FILENAME, &format!("{FILENAME}.sigstore.json"), "policy.toml"] {
        let bytes = fs::read(cases::folder().join(case).join(name)).expect("a file of the case");
        place.put(name, &bytes);
    }
    let bytes = fs::read(place.folder.path().join(FILENAME)).expect("the wheel");
    let line = format!("demo==1.0 --hash=sha256:{}\n", Sha256Digest::of(&bytes));
    place.put(REQUIREMENTS, line.as_bytes());
}

fn key(name: &str) -> String {
    cases::folder().join("../keys").join(name).to_string_lossy().into_owned()
}

fn lock_by_key(place: &Place, verb: &[&str], key_file: &str) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(verb).args(["-r", REQUIREMENTS, "-o", LOCKED]);
    command.args(["--files", ".", "--key", &key(key_file), "--at", AT]);
    command
}

fn verify_at_hand(place: &Place) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(["verify", FILENAME, "--policy", "policy.toml"]);
    command.args(["--at", AT, "--locked", LOCKED]);
    command
}

#[test]
fn who_signs_by_a_key_is_locked_by_its_id() {
    let place = place();
    of_case(&place, BY_KEY);
    // Without the key nobody can say that the signature is one.
    let told = said(&mut lock_by_key(&place, &["lock"], "elsewhere.key.pub"), 1);
    assert!(told.contains("cannot be written down") && told.contains("`--key PUB`"), "{told}");
    assert!(!place.folder.path().join(LOCKED).exists());
    let told = said(&mut lock_by_key(&place, &["lock"], "release.key.pub"), 0);
    assert_eq!(told, "locked `wheelmark.lock`: by who signs them 1, that nobody signs 0\n");
    let text = locked(&place);
    assert!(text.contains("[[projects.signers]]\nkey = \"sha256:"), "{text}");
    assert_eq!(place.server.seen(), []);
    let judged = report(&mut verify_at_hand(&place), 0);
    let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    assert_eq!((&check["check"], &check["status"]), (&"identity".into(), &"passed".into()));
    // Another key than before.
    let other = format!("sha256:{}", "0".repeat(64));
    let before = text.split('"').find(|it| it.starts_with("sha256:")).expect("the key");
    place.put(LOCKED, text.replace(before, &other).as_bytes());
    let judged = report(&mut verify_at_hand(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
    let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    let value = &check["changed"]["values"][0];
    assert_eq!(
        (&value["name"], &value["before"], &value["after"]),
        (&"key".into(), &other.as_str().into(), &before.into())
    );
    // Accepted on purpose.
    said(&mut lock_by_key(&place, &["lock", "update", "demo"], "release.key.pub"), 0);
    assert_eq!(locked(&place), text);
    report(&mut verify_at_hand(&place), 0);
}

#[test]
fn neither_a_key_nor_a_certificate_takes_the_place_of_the_other() {
    let place = place();
    said(&mut lock(&place, &[]), 0);
    let by_certificate = locked(&place);
    of_case(&place, BY_KEY);
    let judged = report(&mut verify_at_hand(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
    let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    let value = &check["changed"]["values"][0];
    assert_eq!(value["name"], "signer");
    assert!(value["before"].as_str().expect("who it was").starts_with("issuer "), "{value}");
    assert!(value["after"].as_str().expect("who it is").starts_with("key sha256:"), "{value}");
    said(&mut lock_by_key(&place, &["lock", "--overwrite"], "release.key.pub"), 0);
    assert_ne!(locked(&place), by_certificate);
    place.put("policy.toml", &fixture("policy.toml"));
    let judged = report(&mut verify(&place), 10);
    assert_eq!(failures(&judged), [("identity".to_owned(), "identity-changed".to_owned())]);
    let check = judged["checks"].as_array().expect("checks").last().expect("one").clone();
    let value = &check["changed"]["values"][0];
    assert!(value["before"].as_str().expect("who it was").starts_with("key sha256:"), "{value}");
}

/// What is not in the folder is not locked as signed by nobody.
#[test]
fn what_is_not_at_hand_is_not_locked() {
    let place = place();
    of_case(&place, BY_KEY);
    fs::remove_file(place.folder.path().join(FILENAME)).expect("removed");
    let told = said(&mut lock_by_key(&place, &["lock"], "release.key.pub"), 1);
    assert!(told.contains("no file of `demo 1.0`, locked at requirements.txt:1"), "{told}");
    assert!(!place.folder.path().join(LOCKED).exists());
}
