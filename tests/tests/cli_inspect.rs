//! `wheelmark inspect`.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_core::policy::LOCAL_BUILDER;
use wheelmark_tests::cases;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{GIT_REF, SOURCE, Signed};
use wheelmark_tests::tiny;

const UNVERIFIED: &str = "unverified: nothing below was checked";

/// What a person is told of a file.
fn told(path: &Path) -> String {
    let output = wheelmark().arg("inspect").arg(path).assert().code(0).get_output().clone();
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with(UNVERIFIED), "{text}");
    text
}

/// What a program is told of a file.
fn answer(path: &Path) -> Value {
    let mut command = wheelmark();
    command.arg("inspect").arg(path).arg("--json");
    let output = command.assert().code(0).get_output().clone();
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["schema"], "https://wheelmark.dev/inspect/v1");
    assert_eq!(answer["verified"], false);
    answer
}

/// The error that a file gives.
fn error(path: &Path) -> String {
    let mut command = wheelmark();
    command.arg("inspect").arg(path).arg("--json");
    let output = command.assert().code(1).get_output().clone();
    let error: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(error["schema"], "https://wheelmark.dev/error/v1");
    error["error"].as_str().expect("text").to_owned()
}

#[track_caller]
fn holds(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found.trim() == *line), "no line `{line}` in\n{text}");
    }
}

#[test]
fn a_bundle_is_told_by_what_it_claims() {
    let signed = Signed::new(Algorithm::Ed25519);
    let text = told(&signed.bundle);
    holds(
        &text,
        &[
            &format!("key: {}", signed.key.key_id()),
            &format!("about: {}", tiny::FILENAME),
            &format!("builder: {LOCAL_BUILDER}"),
            &format!("source: git+{SOURCE}"),
            &format!("ref: {GIT_REF}"),
            "isolation: bubblewrap",
            "requirement: hatchling 1.27.0",
        ],
    );
    let kind = answer(&signed.bundle)["kind"].clone();
    assert_eq!(kind, "a Sigstore bundle");
}

#[test]
fn what_verify_would_refuse_is_noted() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let mut statement = signed.statement();
    statement["predicate"]["buildDefinition"]["externalParameters"]["trapdoor"] = json!(true);
    signed.sign(&statement);
    let text = told(&signed.bundle);
    assert!(text.contains("would refuse the provenance: parameter-unknown"), "{text}");
    holds(&text, &["parameter trapdoor: true"]);
    signed.bend_bundle(|bundle| bundle["dsseEnvelope"]["signatures"] = json!([]));
    assert!(told(&signed.bundle).contains("would refuse it: signature-count"));
}

#[test]
fn the_objects_of_an_index_are_told() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let attestation = json!({
        "version": 1,
        "verification_material": {"certificate": "AAAA", "transparency_entries": [{}]},
        "envelope": {
            "statement": STANDARD.encode(signed.statement().to_string()),
            "signature": "AAAA",
        },
    });
    let provenance = json!({
        "version": 1,
        "attestation_bundles": [{
            "publisher": {"kind": "GitHub", "repository": "owner/demo", "claims": null},
            "attestations": [attestation],
        }],
    });
    let path = signed.folder.path().join("object");
    for (object, kind) in [
        (&attestation, "an attestation object of an index (PEP 740)"),
        (&provenance, "a provenance object of an index (PEP 740)"),
    ] {
        fs::write(&path, object.to_string()).expect("written");
        assert_eq!(answer(&path)["kind"], kind);
        holds(&told(&path), &[&format!("about: {}", tiny::FILENAME), "log entries: 1"]);
    }
    holds(&told(&path), &["repository: owner/demo"]);
}

/// The bundle of a case under `fixtures/cases`.
fn of_case(name: &str) -> PathBuf {
    let bundle = format!("{}.sigstore.json", tiny::FILENAME);
    cases::folder().join(name).join(bundle)
}

#[test]
fn what_a_certificate_vouches_for_is_told() {
    let text = told(&of_case("github_provenance"));
    holds(
        &text,
        &[
            "repository: https://github.com/octo/demo",
            "repository id: 1001",
            "visibility: public",
            "owner: https://github.com/octo",
            "owner id: 2002",
            "trigger: push",
            "environment: pypi",
        ],
    );
}

#[test]
fn other_predicates_are_told_by_what_they_hold() {
    holds(
        &told(&of_case("slsa_generator")),
        &[
            "build type: https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "source: git+https://github.com/octo/demo@refs/tags/v1.0",
            "entry point: .github/workflows/release.yml",
            "built from: git+https://github.com/octo/demo@refs/tags/v1.0",
        ],
    );
    let signed = Signed::new(Algorithm::EcdsaP256);
    let path = signed.folder.path().join("statement");
    let mut statement = signed.statement();
    statement["predicateType"] = json!("https://slsa.dev/verification_summary/v1");
    statement["predicate"] =
        json!({"verifier": {"id": "https://v.example"}, "verifiedLevels": ["SLSA_BUILD_LEVEL_2"]});
    fs::write(&path, statement.to_string()).expect("written");
    holds(
        &told(&path),
        &["verifier.id: https://v.example", "verifiedLevels[0]: SLSA_BUILD_LEVEL_2"],
    );
    statement["predicateType"] = json!("https://docs.pypi.org/attestations/publish/v1");
    statement["predicate"] = Value::Null;
    fs::write(&path, statement.to_string()).expect("written");
    holds(&told(&path), &["says: who published the file, and nothing of how it was built"]);
    statement["predicateType"] = json!("https://spdx.dev/Document/v2.3");
    statement["predicate"] = json!({"spdxVersion": "SPDX-2.3"});
    fs::write(&path, statement.to_string()).expect("written");
    assert!(!told(&path).contains("SPDX-2.3"));
}

#[test]
fn bundles_one_a_line_are_each_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.intoto.jsonl");
    let lines = ["accepted", "github_provenance"].map(|case| {
        let text = fs::read_to_string(of_case(case)).expect("a bundle");
        serde_json::from_str::<Value>(&text).expect("JSON").to_string()
    });
    fs::write(&path, lines.join("\n\n")).expect("written");
    assert_eq!(answer(&path)["kind"], "2 attestations, one a line");
    let text = told(&path);
    holds(&text, &["a Sigstore bundle (line 1)", "what is claimed (line 2)", "owner id: 2002"]);
    fs::write(&path, format!("{}\n{{\"a\": 1}}\n", lines[0])).expect("written");
    assert!(error(&path).contains("demo.intoto.jsonl"));
}

#[test]
fn an_envelope_and_a_statement_are_told_as_what_they_are() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let bundle: Value =
        serde_json::from_slice(&fs::read(&signed.bundle).expect("a bundle")).expect("JSON");
    let path = signed.folder.path().join("object");
    fs::write(&path, bundle["dsseEnvelope"].to_string()).expect("written");
    assert_eq!(answer(&path)["kind"], "a DSSE envelope");
    fs::write(&path, signed.statement().to_string()).expect("written");
    assert_eq!(answer(&path)["kind"], "an in-toto statement without a signature");
    assert!(told(&path).contains("anybody can have written this"));
}

#[test]
fn a_wheel_is_told_with_what_is_wrong_with_it() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let text = told(&signed.wheel);
    holds(&text, &["project: demo", "version: 1.0", "tag: py3-none-any", "members: 5"]);
    let (_, own) = text.split_once("what the wheel says of itself\n").expect("a section");
    holds(own, &["name: demo", "version: 1.0"]);
    let beside =
        |suffix| format!("there is an attestation beside it: `{}{suffix}`", tiny::FILENAME);
    assert!(text.contains(&beside(".sigstore.json")), "{text}");
    fs::remove_file(&signed.bundle).expect("removed");
    assert!(told(&signed.wheel).contains("there is no attestation beside it"));
    for suffix in [".sigstore", ".provenance", ".publish.attestation", ".intoto.jsonl"] {
        let path = signed.folder.path().join(format!("{}{suffix}", tiny::FILENAME));
        fs::write(&path, "{}").expect("written");
        assert!(told(&signed.wheel).contains(&beside(suffix)));
        fs::remove_file(path).expect("removed");
    }

    let renamed = signed.folder.path().join("other-1.0-py3-none-any.whl");
    fs::copy(&signed.wheel, &renamed).expect("copied");
    assert!(told(&renamed).contains("would refuse it: metadata-"));
    let nameless = signed.folder.path().join("archive");
    fs::copy(&signed.wheel, &nameless).expect("copied");
    assert_eq!(answer(&nameless)["kind"], "a zip archive whose name is not a wheel's");
}

#[test]
fn of_a_private_key_nothing_secret_is_shown() {
    let signed = Signed::new(Algorithm::Ed25519);
    holds(&told(&signed.public_key), &[&format!("key id: {}", signed.key.key_id())]);

    let path = signed.folder.path().join("key");
    for passphrase in [None, Some("secret")] {
        let pem = signed.key.private_pem(passphrase).expect("PEM");
        fs::write(&path, pem.as_bytes()).expect("written");
        let text = format!("{}{}", told(&path), answer(&path));
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            assert!(!text.contains(line), "{text}");
        }
        assert!(text.contains("a private key"), "{text}");
        assert!(text.contains("others can read or write it"), "{text}");
        assert!(answer(&path).get("sha256").is_none());
    }
}

#[test]
fn a_policy_is_told_and_a_broken_one_refused_with_its_place() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let pem = fs::read_to_string(&signed.public_key).expect("a key");
    let path = signed.folder.path().join("policy.toml");
    let policy = format!(
        "schema = 1\n[keys.release]\npem = '''\n{pem}'''\n[[rules]]\nprojects = [\"demo\"]\n\
         keys = [\"release\"]\nsource = \"{SOURCE}\"\nbuilders = [\"{LOCAL_BUILDER}\"]\n\
         rebuild = \"required\"\nallow-dirty-unsafe = true\n"
    );
    fs::write(&path, &policy).expect("written");
    let text = told(&path);
    holds(&text, &["project: demo", "ref: any", "rebuild: required"]);
    assert!(text.contains("rules[0] lets pass a tree that was not the commit's"), "{text}");

    let broken = policy.replace("rebuild =", "rebuilt =");
    let line = broken.lines().position(|line| line.starts_with("rebuilt")).expect("a line") + 1;
    fs::write(&path, broken).expect("written");
    let error = error(&path);
    let place = format!("policy.toml:{line}:1: unknown field");
    assert!(error.contains(&place), "{error}");
}

#[test]
fn text_of_the_file_cannot_drive_the_terminal() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let mut statement = signed.statement();
    statement["subject"][0]["name"] = json!("\u{1b}[2J\u{202e}lhw.exe\nkey: mine");
    statement["predicateType"] = json!("\u{9b}31m");
    signed.sign(&statement);
    let text = told(&signed.bundle);
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("key: mine")), "{text}");
}

#[test]
fn what_is_none_of_these_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("thing");
    for (content, says) in [
        (&b"hello"[..], "nothing that can be told apart"),
        (b"\xff\xfe", "nothing that can be told apart"),
        (b"", "nothing that can be told apart"),
        (b"{\"a\": 1}", "nothing that can be told apart"),
        (b"{\"a\": 1, \"a\": 2}", "duplicate key `a`"),
        (b"{\"a\": ", "EOF"),
    ] {
        fs::write(&path, content).expect("written");
        let error = error(&path);
        assert!(error.contains(says) && error.contains("thing`"), "{error}");
    }
    assert!(error(folder.path()).contains("it is a folder"));
    assert!(error(&folder.path().join("missing")).contains("missing`"));
}
