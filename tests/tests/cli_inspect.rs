//! `wheelmark inspect`.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_core::policy::LOCAL_BUILDER;
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

/// What is told of a statement with that predicate.
fn told_of(predicate_type: &str, predicate: &Value) -> String {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let mut statement = signed.statement();
    statement["predicateType"] = json!(predicate_type);
    statement["predicate"] = predicate.clone();
    let path = signed.folder.path().join("object");
    fs::write(&path, statement.to_string()).expect("written");
    told(&path)
}

#[test]
fn what_others_claim_is_told_by_the_type_of_the_predicate() {
    let provenance = json!({
        "builder": {"id": "https://builder.test"},
        "buildType": "https://type.test",
        "invocation": {
            "configSource": {
                "uri": "git+https://host.test/o/r@refs/tags/v1",
                "digest": {"sha1": "00"},
                "entryPoint": "build.yml",
            },
            "parameters": {"flag": true},
        },
        "metadata": {"buildStartedOn": "2025-01-01T00:00:00Z"},
        "materials": [{"uri": "git+https://host.test/o/r@refs/tags/v1"}, {"uri": "https://x.test"}],
    });
    holds(
        &told_of("https://slsa.dev/provenance/v0.2", &provenance),
        &[
            "builder: https://builder.test",
            "build type: https://type.test",
            "started: 2025-01-01T00:00:00Z",
            "configuration from: git+https://host.test/o/r@refs/tags/v1",
            "its sha1: 00",
            "its entry point: build.yml",
            "parameter flag: true",
            "built from: https://x.test",
        ],
    );
    let summary = json!({
        "verifier": {"id": "https://verifier.test"},
        "timeVerified": "2025-01-01T00:00:00Z",
        "resourceUri": "pkg:pypi/demo@1.0",
        "policy": {"uri": "https://policy.test", "digest": {"sha256": "11"}},
        "inputAttestations": [{"uri": "https://attestation.test", "digest": {"sha256": "22"}}],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3", "OURS"],
    });
    holds(
        &told_of("https://slsa.dev/verification_summary/v1", &summary),
        &[
            "verifier: https://verifier.test",
            "verified at: 2025-01-01T00:00:00Z",
            "verified as: pkg:pypi/demo@1.0",
            "policy: https://policy.test",
            "its sha256: 11",
            "result: PASSED",
            "level: SLSA_BUILD_LEVEL_3",
            "level: OURS",
            "from attestation: https://attestation.test",
        ],
    );
    let publish = told_of("https://docs.pypi.org/attestations/publish/v1", &Value::Null);
    holds(&publish, &["note: it says who uploaded the file, and nothing of how that was built"]);
    let other = told_of("https://other.test", &json!({"x": 1}));
    holds(&other, &["note: what a predicate of this type says is not shown"]);
    for wrong in [json!(null), json!([]), json!({"materials": 1, "policy": 1, "verifiedLevels": 1})]
    {
        told_of("https://slsa.dev/provenance/v0.2", &wrong);
        told_of("https://slsa.dev/verification_summary/v1", &wrong);
    }
}

#[test]
fn a_certificate_is_told_with_what_stays_when_names_change() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let bundle = |case: &str| cases.join(case).join(format!("{}.sigstore.json", tiny::FILENAME));
    let text = told(&bundle("github_provenance"));
    holds(
        &text,
        &[
            "repository id: 1001",
            "owner id: 2002",
            "visibility: public",
            "run: https://github.com/octo/demo/actions/runs/15361/attempts/1",
        ],
    );
    let trusted = cases.join("github_provenance/trusted_root.json");
    let mut show = wheelmark();
    let shown = show.args(["trust", "show", "--trust-root"]).arg(trusted).assert().code(0);
    let shown = String::from_utf8(shown.get_output().stdout.clone()).expect("UTF-8");
    let (_, log) = text.split_once("log id: ").expect("a log");
    let (log, _) = log.split_once('\n').expect("a line");
    assert!(shown.contains(&format!("log id {log}, ")), "{log} in\n{shown}");
    let old = told(&bundle("old_certificate"));
    holds(&old, &["repository: octo/demo"]);
}

#[test]
fn documents_of_a_line_each_are_told_each() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let signed = Signed::new(Algorithm::EcdsaP256);
    let bundle: Value =
        serde_json::from_slice(&fs::read(&signed.bundle).expect("a bundle")).expect("JSON");
    let path = signed.folder.path().join("object");
    fs::write(&path, format!("{bundle}\n\n{{\"x\": 1}}\n{bundle}\n")).expect("written");
    let text = told(&path);
    holds(
        &text,
        &[
            "what is claimed (document 1)",
            "what is claimed (document 3)",
            "note: it cannot be told what this is (document 2)",
        ],
    );
    assert_eq!(text.matches(&format!("about: {}\n", tiny::FILENAME)).count(), 2, "{text}");
    let old = cases.join("cosign_bundle_fail").join(format!("{}.sigstore.json", tiny::FILENAME));
    assert!(error(&old).contains("`cosign bundle create` makes of it"));
}

#[test]
fn a_repository_that_is_none_is_told_as_that() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let mut statement = signed.statement();
    let source = "git+https://host.test/o/r?x";
    let build = &mut statement["predicate"]["buildDefinition"];
    build["externalParameters"]["source"]["uri"] = json!(source);
    build["resolvedDependencies"][0]["uri"] = json!(source);
    signed.sign(&statement);
    assert!(told(&signed.bundle).contains("not a repository URI: `git+https://host.test/o/r?x`"));
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
