//! `wheelmark policy init`: what it writes is a policy that takes what the lock names, and nothing else.

use serde_json::json;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::index_server::integrity_path;
use wheelmark_tests::statement::{failures, report};

use super::*;

const LOCK: &str = "requirements.txt";

/// Locks `demo` 1.0 by these digests.
fn lock(place: &Place, digests: &[Sha256Digest]) {
    let hashes: Vec<_> = digests.iter().map(|digest| format!(" --hash=sha256:{digest}")).collect();
    place.put(LOCK, format!("demo==1.0{}\n", hashes.concat()).as_bytes());
}

fn of_demo() -> Sha256Digest {
    Sha256Digest::of(&demo().bytes)
}

fn init(place: &Place, arguments: &[&str]) -> Command {
    place.init(&[&["-r", LOCK], arguments].concat())
}

/// What is written on standard output: the policy, and nothing beside it.
#[track_caller]
pub(super) fn printed(command: &mut Command) -> String {
    let output = command.assert().code(0).get_output().clone();
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The policy that is written for what the place has.
fn written(place: &Place) -> String {
    let text = printed(&mut init(place, &[]));
    place.put("policy.toml", text.as_bytes());
    text
}

#[test]
fn an_attested_project_is_bound_to_who_signs_it() {
    let place = Place::new();
    lock(&place, &[of_demo()]);
    let text = written(&place);
    assert_eq!(printed(&mut init(&place, &[])), text, "the same every time");
    for line in [
        "# demo 1.0, locked at requirements.txt:1: 1 of 1 files have an attestation that holds.",
        "[identities.demo]",
        &format!("# From the certificate that signed for {FILENAME}."),
        "# Trusted on first use: that its holder may sign `demo`, nobody but the index said.",
        "# Locked at requirements.txt:1.",
        "trust = \"private\"",
        "issuer = \"https://token.actions.githubusercontent.com\"",
        "repository = \"https://github.com/octo/demo\"",
        "repository-id = \"1001\"",
        "owner-id = \"2002\"",
        "workflow = \".github/workflows/release.yml\"",
        "environment = \"pypi\"",
        "projects = [\"demo\"]",
        "attestations = [\"https://docs.pypi.org/attestations/publish/v1\"]",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("[[exceptions]]"), "{text}");
    assert_eq!(
        asked(&place, &wheelmark_tests::index_server::file_path(FILENAME)),
        0,
        "not downloaded"
    );
    report(&mut place.verify(&RELEASE), 0);
    // Another owner of the name would have another id.
    place.put("policy.toml", text.replace("\"2002\"", "\"2003\"").as_bytes());
    let refused = report(&mut place.verify(&RELEASE), 10);
    assert_eq!(failures(&refused)[0].1, "signer-not-allowed");
}

#[test]
fn what_has_no_attestation_is_taken_as_it_was_locked_and_no_longer_than_said() {
    let place = Place::new();
    place.server.serve(PROJECT, &[Served { provenance: None, ..demo() }]);
    lock(&place, &[of_demo()]);
    let text = printed(&mut init(&place, &["--owner", "a \"b\"\n", "--exceptions-days", "7"]));
    for line in [
        "# Trusted on first use: that these are files of `demo`, nobody but requirements.txt:1 said.",
        &format!("    \"{}\", # {FILENAME}, by requirements.txt:1", of_demo()),
        &format!("    \"{FILENAME}\", # by the index"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    place.put("policy.toml", text.as_bytes());
    assert!(text.contains("expires = 2026-01-08T00:00:00Z\n"), "{text}");
    assert!(text.contains("0 of 1 files have an attestation"), "{text}");
    let verify = |at: &str| {
        let mut command = place.bare(&RELEASE);
        command.args(["--policy", "policy.toml", "--at", at]);
        command
    };
    let taken = report(&mut verify("2026-01-08T00:00:00Z"), 0);
    assert_eq!(taken["policy"]["rule"], "exceptions[0]");
    let refused = report(&mut verify("2026-01-08T00:00:01Z"), 10);
    assert_eq!(failures(&refused)[0].1, "exception-expired");
    // Other bytes under the same name are not what was locked.
    let mut other = demo();
    other.bytes = fixture("policy.toml");
    place.server.serve(PROJECT, &[Served { provenance: None, ..other }]);
    report(&mut verify(AT), 10);
}

#[test]
fn an_attestation_that_does_not_hold_makes_no_exception() {
    let place = Place::new();
    lock(&place, &[of_demo()]);
    let fork = String::from_utf8(fixture(&format!("{FILENAME}.provenance"))).expect("UTF-8");
    let fork = fork.replace("octo/demo", "fork/demo");
    place.server.serve(PROJECT, &[Served { provenance: Some(fork.into_bytes()), ..demo() }]);
    let text = said(&mut init(&place, &[]), 1);
    assert!(text.contains("nothing to write"), "{text}");
    place.put(
        LOCK,
        format!("demo==1.0 --hash=sha256:{}\nother==1 --hash=sha256:{0}\n", of_demo()).as_bytes(),
    );
    place.server.serve("other", &[]);
    assert!(said(&mut init(&place, &[]), 1).contains("other"));
}

#[test]
fn an_answer_that_is_none_writes_nothing() {
    let place = Place::new();
    lock(&place, &[of_demo()]);
    for status in [401, 403, 429, 500] {
        place.server.told(&integrity_path(FILENAME), Reply::status(status));
        let said = said(&mut init(&place, &["--out", "made.toml"]), 1);
        assert!(said.contains(&format!("status {status}")), "{said}");
        assert!(!place.folder.path().join("made.toml").exists());
    }
    place.server.told(&integrity_path(FILENAME), Reply::status(404));
    let told = said(&mut init(&place, &["--out", "made.toml"]), 0);
    assert_eq!(
        told,
        "made `made.toml`\n  of 1 project:\n  0 by who signs them\n  1 only by their digests, by exceptions until \
         2026-04-01: demo\neverything in it was trusted on first use: look at each line\nnext:\n  wheelmark policy \
         check made.toml\n  wheelmark verify --policy made.toml -r requirements.txt --files DIR --fetch-attestations\n"
    );
    let told = said(&mut init(&place, &["--out", "made.json.toml", "--json"]), 0);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["schema"], "https://wheelmark.dev/policy-init/v1");
    assert_eq!((&told["attested"], &told["excepted"]), (&0.into(), &1.into()));
    assert!(said(&mut init(&place, &["--out", "made.toml"]), 1).contains("exists already"));
    said(&mut init(&place, &["--out", "made.toml", "--overwrite"]), 0);
    assert!(said(&mut init(&place, &["--out", LOCK, "--overwrite"]), 2).contains("write over"));
}

#[test]
fn what_the_index_does_not_list_is_left_out_and_said() {
    let place = Place::new();
    lock(&place, &[of_demo(), Sha256Digest::of(b"other")]);
    let text = written(&place);
    assert!(text.contains("# 1 of its digests are of no file that the index lists; left out.\n"));
    assert!(!text.contains(&Sha256Digest::of(b"other").to_string()));
    let mut with_folder = format!("demo==1.0 --hash=sha256:{}\n", of_demo());
    with_folder += "-e ./here\n";
    place.put(LOCK, with_folder.as_bytes());
    assert!(written(&place).contains("# Left out, so that it is refused: requirements.txt:2: `"));
    let told = said(&mut init(&place, &["--out", "made.toml"]), 0);
    assert!(
        told.contains("\n  left out and so refused: requirements.txt:2: `./here` is "),
        "{told}"
    );
    // What an index lists in another form is no file of it.
    place.bent(|page| page["files"][0]["hashes"] = json!({}));
    said(&mut init(&place, &[]), 1);
}

#[test]
fn several_versions_and_locks_of_a_project_are_one_rule() {
    let place = Place::new();
    let other =
        Served { filename: "demo-2.0.tar.gz".to_owned(), bytes: b"2".to_vec(), provenance: None };
    place.server.serve(PROJECT, &[demo(), other]);
    let (one, two) = (of_demo(), Sha256Digest::of(b"2"));
    place.put(LOCK, format!("demo==1.0 --hash=sha256:{one}\n").as_bytes());
    let both = format!(
        "[[package]]\nname = \"demo\"\nversion = \"1.0\"\nwheels = [{{ name = \"{FILENAME}\", \
                        hashes = {{ sha256 = \"{one}\" }} }}]\n[[package]]\nname = \"demo\"\nversion = \"2.0\"\n\
                        sdist = {{ name = \"demo-2.0.tar.gz\", hashes = {{ sha256 = \"{two}\" }} }}\n"
    );
    let pylock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"test\"\n{}",
        both.replace("[[package]]", "[[packages]]")
    );
    place.put("pylock.toml", pylock.as_bytes());
    place.put("pylock.b.toml", pylock.as_bytes());
    let text = printed(&mut init(&place, &["-r", "pylock.toml", "-r", "pylock.b.toml"]));
    for (part, times) in [("[identities.", 1), ("[[rules]]", 1), ("[[exceptions]]", 1)] {
        assert_eq!(text.matches(part).count(), times, "{part}\n{text}");
    }
    assert_eq!(text.matches("# demo 2.0, locked at ").count(), 2, "{text}");
}

/// Whoever may upload can list the same bytes under a second name.
#[test]
fn the_same_bytes_under_two_names_are_excepted_once_and_only_where_neither_is_attested() {
    let place = Place::new();
    let again =
        Served { filename: "demo-1.0-1-py3-none-any.whl".to_owned(), provenance: None, ..demo() };
    lock(&place, &[of_demo()]);
    place.server.serve(PROJECT, &[Served { provenance: None, ..demo() }, again.clone()]);
    let text = written(&place);
    assert_eq!(text.matches(&of_demo().to_string()).count(), 1, "{text}");
    assert!(text.contains(FILENAME) && text.contains(&again.filename), "{text}");
    place.server.serve(PROJECT, &[demo(), again]);
    let text = written(&place);
    assert!(!text.contains("[[exceptions]]"), "{text}");
}
