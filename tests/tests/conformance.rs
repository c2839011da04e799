//! The Sigstore client conformance suite's bundles, through `wheelmark-conformance`: each accepted or refused,
//! and refused for the right reason.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use wheelmark_core::attestation::predicate::STATEMENT_V0_1_TYPE;
use wheelmark_core::attestation::statement::STATEMENT_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::corpus;
use wheelmark_tests::program;
use wheelmark_tests::sigstore::holder::{EMAIL, GOOGLE};
use wheelmark_tests::sigstore::{Holder, Signing, Sigstore};

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Every case that must be refused, with the reason. Where a case holds two faults, the comment says which
/// of them is met first.
const REFUSED: &[(&str, &str)] = &[
    ("bundle-empty-certificate-chain_fail", "certificate-malformed"),
    // Its certificate is of another instance too, and the log is looked at before the chain.
    ("bundle-from-wrong-instance_fail", "log-unknown"),
    ("bundle-invalid-base64-signature_fail", "bundle-malformed"),
    ("bundle-negative-log-index_fail", "bundle-malformed"),
    ("bundle-unknown-version_fail", "bundle-malformed"),
    ("bundle-with-root-cert_fail", "certificate-malformed"),
    ("checkpoint-bad-keyhint_fail", "log-checkpoint"),
    ("checkpoint-wrong-roothash_fail", "log-checkpoint"),
    ("dsse-invalid-sig_fail", "signature-invalid"),
    ("dsse-mismatch-sig_fail", "log-entry-mismatch"),
    ("inclusion-proof-corrupted-hash_fail", "log-inclusion"),
    ("integrated-time-in-future_fail", "certificate-not-valid"),
    ("intoto-expired-certificate_fail", "certificate-not-valid"),
    // The signature in the log's entry is no base64.
    ("intoto-log-entry-mismatch_fail", "log-entry-malformed"),
    ("intoto-set-outside-signing-cert-validity_fail", "certificate-not-valid"),
    ("intoto-tsa-timestamp-outside-cert-validity_fail", "certificate-not-valid"),
    ("invalid-ct-key_fail", "certificate-not-logged"),
    // The proof is of a time before checkpoints, and has none.
    ("invalid-inclusion-proof_fail", "log-entry-missing"),
    ("managed-key-no-key_fail", "key-unknown"),
    // The file of the key is no PEM, so nothing is trusted.
    ("managed-key-wrong-key_fail", "not a public key in PEM (SubjectPublicKeyInfo)"),
    ("message-digest-mismatch_fail", "subject-digest-mismatch"),
    ("rekor2-checkpoint-missing-log-signature_fail", "bundle-malformed"),
    ("rekor2-checkpoint-missing-origin_fail", "bundle-malformed"),
    ("rekor2-checkpoint-missing-root-hash_fail", "bundle-malformed"),
    ("rekor2-checkpoint-no-matching-signature_fail", "log-checkpoint"),
    ("rekor2-dsse-invalid-sig_fail", "signature-invalid"),
    ("rekor2-dsse-mismatch-sig_fail", "log-entry-mismatch"),
    ("rekor2-no-inclusion-proof_fail", "log-entry-missing"),
    ("rekor2-timestamp-outside-trust-root-tsa-validity_fail", "timestamp-invalid"),
    ("rekor2-timestamp-outside-tsa-cert-validity_fail", "timestamp-invalid"),
    ("rekor2-timestamp-payload-mismatch_fail", "timestamp-invalid"),
    ("rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail", "timestamp-invalid"),
    ("set-invalid-signature_fail", "log-promise"),
    ("signature-mismatch_fail", "signature-invalid"),
    ("wrong-hashedrekord-artifact_fail", "log-entry-mismatch"),
    ("wrong-hashedrekord-entry_fail", "log-entry-mismatch"),
    ("wrong-material_fail", "subject-digest-mismatch"),
];

/// Runs the program as the suite does.
fn verify(folder: &Path, artifact: &str) -> Output {
    let mut command = Command::new(program::beside("wheelmark-conformance"));
    command.arg("verify-bundle").arg("--bundle").arg(folder.join("bundle.sigstore.json"));
    if folder.join("key.pub").exists() {
        command.arg("--key").arg(folder.join("key.pub"));
    } else {
        command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
    }
    if folder.join("trusted_root.json").exists() {
        command.arg("--trusted-root").arg(folder.join("trusted_root.json"));
    }
    command.arg(artifact).output().expect("it runs")
}

#[test]
fn every_case_of_the_suite_is_judged_right_and_for_its_reason() {
    let Some(suite) = corpus::folder("sigstore-conformance/bundle-verify") else { return };
    let (mut accepted, mut refused) = (0, BTreeSet::new());
    for entry in fs::read_dir(&suite).expect("the suite") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if !folder.is_dir() {
            continue;
        }
        let own = folder.join("artifact");
        let artifact = if own.exists() { own } else { suite.join("a.txt") };
        let digest = Sha256Digest::of(&fs::read(&artifact).expect("an artifact"));
        for artifact in [artifact.to_string_lossy().into_owned(), format!("sha256:{digest}")] {
            let output = verify(&folder, &artifact);
            let said = String::from_utf8_lossy(&output.stderr);
            if !name.ends_with("_fail") {
                assert!(output.status.success(), "{name} {artifact}: {said}");
                accepted += 1;
                continue;
            }
            let reason = REFUSED.iter().find(|(case, _)| *case == name);
            let (_, reason) =
                reason.unwrap_or_else(|| panic!("{name} is not in the table: {said}"));
            assert_eq!(output.status.code(), Some(1), "{name} {artifact}: {said}");
            assert!(said.starts_with(&format!("error: {reason}:")), "{name}: {said}");
            refused.insert(name.clone());
        }
    }
    assert_eq!((accepted / 2, refused.len()), (16, REFUSED.len()));
}

#[test]
fn another_identity_issuer_or_file_is_refused() {
    let Some(suite) = corpus::folder("sigstore-conformance/bundle-verify") else { return };
    let bundle = suite.join("happy-path-v0.3/bundle.sigstore.json");
    let run = |identity: &str, issuer: &str, artifact: &Path| {
        let mut command = Command::new(program::beside("wheelmark-conformance"));
        command.arg("verify-bundle").arg("--bundle").arg(&bundle);
        command.args(["--certificate-identity", identity]);
        command.args(["--certificate-oidc-issuer", issuer]).arg(artifact);
        command.output().expect("it runs").status.success()
    };
    let artifact = suite.join("a.txt");
    assert!(run(IDENTITY, ISSUER, &artifact));
    assert!(!run(&IDENTITY[..IDENTITY.len() - 1], ISSUER, &artifact));
    assert!(!run(&format!("{IDENTITY}x"), ISSUER, &artifact));
    assert!(!run(IDENTITY, "https://token.actions.githubusercontent.co", &artifact));
    assert!(!run(IDENTITY, ISSUER, &suite.join("README.md")));
}

/// Verifies what a person signed on an instance in memory: nothing, or why it is refused.
fn refused(signing: &Signing, artifact: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, value: Value| {
        fs::write(folder.path().join(name), value.to_string()).expect("written");
        folder.path().join(name)
    };
    let mut command = Command::new(program::beside("wheelmark-conformance"));
    command.arg("verify-bundle").arg("--bundle").arg(file("bundle.json", signing.bundle()));
    command.arg("--trusted-root").arg(file("root.json", Sigstore::default().trusted_root()));
    command.args(["--certificate-identity", EMAIL, "--certificate-oidc-issuer", GOOGLE]);
    let output = command.arg(artifact).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

fn signed(of: &str, predicate: &str, subjects: &Value) -> Signing {
    let statement =
        json!({"_type": of, "subject": subjects, "predicateType": predicate, "predicate": {}});
    Sigstore::default().sign(&Holder::person(), &statement.to_string())
}

#[test]
fn any_predicate_in_either_version_of_a_statement_will_do() {
    let sha256 = Sha256Digest::of(b"x").to_string();
    let subject = json!([{"name": "x", "digest": {"sha256": sha256}}]);
    let artifact = format!("sha256:{sha256}");
    let vulnerabilities = "https://cosign.sigstore.dev/attestation/vuln/v1";
    for of in [STATEMENT_TYPE, STATEMENT_V0_1_TYPE] {
        for predicate in [vulnerabilities, "https://docs.pypi.org/attestations/publish/v1", "x"] {
            assert_eq!(refused(&signed(of, predicate, &subject), &artifact), None, "{predicate}");
        }
    }
    for of in ["https://in-toto.io/Statement/v2", "https://in-toto.io/Statement/v0.10", ""] {
        let said = refused(&signed(of, vulnerabilities, &subject), &artifact).expect(of);
        assert!(said.starts_with("error: statement-malformed:"), "{said}");
    }
}

#[test]
fn a_subject_is_the_artifact_by_either_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("artifact");
    fs::write(&path, "x").expect("written");
    let path = path.to_str().expect("a path");
    let sha256 = |bytes| Sha256Digest::of(bytes).to_string();
    let sha512 = |bytes: &[u8]| hex::encode(Sha512::digest(bytes));
    let digest = format!("sha256:{}", sha256(b"x").to_uppercase());
    let judged = |digests: &[Value], artifact: &str| {
        let subjects: Vec<_> =
            digests.iter().map(|it| json!({"name": "x", "digest": it})).collect();
        refused(&signed(STATEMENT_TYPE, "x", &json!(subjects)), artifact)
    };
    let commit = json!({"gitCommit": "00".repeat(20)});
    let by_sha256 = json!({"sha256": sha256(b"x")});
    let by_sha512 = json!({"sha512": sha512(b"x")});
    let upper = json!({"sha512": sha512(b"x").to_uppercase()});
    let other = json!({"sha256": sha256(b"y")});
    for right in [
        &[commit.clone(), by_sha256.clone()][..],
        &[json!({"sha256": sha256(b"x").to_uppercase()})],
        std::slice::from_ref(&by_sha512),
        &[upper],
        &[other.clone(), by_sha512.clone()],
        &[json!({"sha512": sha512(b"y")}), by_sha256.clone()],
    ] {
        assert_eq!(judged(right, path), None, "{right:?}");
    }
    assert_eq!(judged(&[by_sha256], &digest), None);
    for (wrong, artifact, reason) in [
        (&[json!({"sha512": sha512(b"y")})][..], path, "subject-digest-mismatch"),
        // One subject that contradicts itself is not the artifact.
        (
            &[json!({"sha256": sha256(b"y"), "sha512": sha512(b"x")})],
            path,
            "subject-digest-mismatch",
        ),
        (&[by_sha512], &digest, "subject-digest-mismatch"),
        (&[other], path, "subject-digest-mismatch"),
        (&[json!({"sha512": sha256(b"x")})], path, "statement-malformed"),
        (&[commit], path, "statement-malformed"),
    ] {
        let said = judged(wrong, artifact).expect("refused");
        assert!(said.starts_with(&format!("error: {reason}:")), "{wrong:?}: {said}");
    }
}

#[test]
fn an_artifact_may_be_longer_than_what_is_held_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("artifact");
    let mut bytes = vec![7; (64 << 20) + 1];
    fs::write(&path, &bytes).expect("written");
    let path = path.to_str().expect("a path");
    let sha512 = hex::encode(Sha512::digest(&bytes));
    let stated = signed(STATEMENT_TYPE, "x", &json!([{"digest": {"sha512": sha512}}]));
    let bare = Sigstore::default().sign_file(&Holder::person(), &bytes);
    assert_eq!(refused(&stated, path), None);
    assert_eq!(refused(&bare, path), None);
    bytes[0] = 8;
    fs::write(path, &bytes).expect("written");
    for signing in [stated, bare] {
        let said = refused(&signing, path).expect("refused");
        assert!(said.starts_with("error: subject-digest-mismatch:"), "{said}");
    }
}

/// What cannot be read is named, and a digest is not taken for a file.
#[test]
fn a_message_names_the_file_and_the_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["bad.json", "key.pem", "artifact"] {
        fs::write(folder.path().join(name), "{").expect("written");
    }
    let digest = format!("sha256:{}", Sha256Digest::of(b"x"));
    let upper = digest.to_uppercase();
    let by_name = ["--certificate-identity", "a", "--certificate-oidc-issuer", "b"];
    let by_key = ["--key", "key.pem"];
    let by_root = [&by_name[..], &["--trusted-root", "bad.json"]].concat();
    for (signer, artifact, said) in [
        (&by_name[..], &*digest, ", in bad.json"),
        (&by_key, &digest, ", in key.pem"),
        (&by_root, &digest, "error: the trusted root"),
        (&by_name, "sha256:00", "error: `sha256:00` is not a sha256 digest"),
        (&by_name, "sha512:00", "error: `sha512:00` is not a sha256 digest"),
        (&by_name, &upper, "is not a sha256 digest"),
        (&by_name, "nowhere", "error: cannot read nowhere"),
    ] {
        let mut command = Command::new(program::beside("wheelmark-conformance"));
        command.current_dir(&folder).args(["verify-bundle", "--bundle", "bad.json"]);
        let output = command.args(signer).arg(artifact).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(said), "{said}\n{told}");
    }
}
