//! The Sigstore client conformance suite's bundles, through `wheelmark-conformance`: each accepted or refused,
//! and refused for the right reason.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::corpus;
use wheelmark_tests::program;

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
