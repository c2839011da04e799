//! PEP 740 attestations and provenance of real files, through the program: right on the instance that signed
//! them, refused on any other.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use wheelmark_tests::corpus;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::real::RealProject;
use wheelmark_tests::statement::{failures, report};
use wheelmark_tests::workshop::{shared, skipped};

const WHEEL: &str = "rfc8785-0.1.2-py3-none-any.whl";
const SDIST: &str = "sampleproject-4.0.0.tar.gz";
const SHA256: &str = "0ace7980f82c5815ede4cd7bf9f6693684cec2ae47b9b7ade9add533b8627c6b";
const MAIL: [&str; 4] =
    ["--identity", "william@yossarian.net", "--issuer", "https://github.com/login/oauth"];

/// A folder with one file of the corpus and one attestation of it.
fn with(folder: &Path, file: &str, attestation: &str) -> TempDir {
    let place = tempfile::tempdir().expect("a folder");
    for name in [file, attestation] {
        fs::copy(folder.join(name), place.path().join(name)).expect("copied");
    }
    place
}

fn verify(place: &TempDir, file: &str, trust: &[&str]) -> Command {
    let mut command = wheelmark();
    command.current_dir(place.path()).args(["verify", file]).args(trust);
    command
}

fn reasons(report: &Value) -> Vec<String> {
    failures(report).into_iter().map(|(_, reason)| reason).collect()
}

#[test]
fn a_publish_attestation_by_a_person_holds_on_its_own_instance_alone() {
    let Some(folder) = corpus::folder("pep740") else { return };
    let place = with(&folder, WHEEL, &format!("{WHEEL}.publish.attestation"));
    report(verify(&place, WHEEL, &["--trust", "staging"]).args(MAIL), 0);
    for instance in ["public-good", "github"] {
        let refused = report(verify(&place, WHEEL, &["--trust", instance]).args(MAIL), 10);
        let (check, _) = &failures(&refused)[0];
        assert_eq!(check, "signature", "{instance}: {refused:#}");
    }
    let other = ["--identity", "william@yossarian.ne", "--issuer", MAIL[3]];
    let refused = report(verify(&place, WHEEL, &["--trust", "staging"]).args(other), 10);
    assert_eq!(reasons(&refused), ["signer-not-allowed"]);
    let other = ["--identity", MAIL[1], "--issuer", "https://accounts.google.com"];
    let refused = report(verify(&place, WHEEL, &["--trust", "staging"]).args(other), 10);
    assert_eq!(reasons(&refused), ["signer-not-allowed"]);
}

#[test]
fn a_bare_signature_counts_only_where_that_is_asked_for() {
    let Some(folder) = corpus::folder("pep740") else { return };
    let place = with(&folder, WHEEL, &format!("{WHEEL}.sigstore"));
    let source = "https://github.com/trailofbits/rfc8785.py";
    let trust = ["--trust", "public-good", "--source", source];
    let refused = report(&mut verify(&place, WHEEL, &trust), 10);
    assert!(reasons(&refused).contains(&"bundle-not-attestation".to_owned()), "{refused:#}");
    report(verify(&place, WHEEL, &trust).arg("--bare-signature"), 0);
    let tag = ["--bare-signature", "--ref", "refs/tags/v{version}"];
    report(verify(&place, WHEEL, &trust).args(tag), 0);
    let branch = ["--bare-signature", "--ref", "refs/heads/*"];
    let refused = report(verify(&place, WHEEL, &trust).args(branch), 10);
    assert_eq!(reasons(&refused), ["ref-not-allowed"]);
    let fork = ["--trust", "public-good", "--source", "https://github.com/fork/rfc8785.py"];
    let refused = report(verify(&place, WHEEL, &fork).arg("--bare-signature"), 10);
    assert_eq!(reasons(&refused), ["signer-not-allowed", "source-not-allowed"]);
    // On the other instance the same identity proves nothing.
    let staging = ["--trust", "staging", "--source", source, "--bare-signature"];
    report(&mut verify(&place, WHEEL, &staging), 10);
}

#[test]
fn both_attestations_together_are_each_judged_apart() {
    let Some(folder) = corpus::folder("pep740") else { return };
    let place = with(&folder, WHEEL, &format!("{WHEEL}.sigstore"));
    let second = format!("{WHEEL}.publish.attestation");
    fs::copy(folder.join(&second), place.path().join(&second)).expect("copied");
    let accepted = report(verify(&place, WHEEL, &["--trust", "staging"]).args(MAIL), 0);
    let seen = accepted["attestations"].as_array().expect("both are told").clone();
    assert_eq!(seen.len(), 2, "{accepted:#}");
    assert!(seen.iter().any(|it| it.get("reason").is_none()), "{accepted:#}");
    assert!(seen.iter().any(|it| it.get("reason").is_some()), "{accepted:#}");
}

#[test]
fn another_file_under_the_same_name_is_refused() {
    let Some(folder) = corpus::folder("pep740") else { return };
    let attestation = format!("{WHEEL}.publish.attestation");
    let place = with(&folder, WHEEL, &attestation);
    let path = place.path().join(WHEEL);
    let mut bytes = fs::read(&path).expect("a wheel");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, bytes).expect("written");
    let refused = report(verify(&place, WHEEL, &["--trust", "staging"]).args(MAIL), 10);
    assert!(reasons(&refused).contains(&"subject-digest-mismatch".to_owned()), "{refused:#}");
}

/// The sdist comes from the package index by name and version.
#[test]
fn provenance_as_the_index_serves_it_holds_for_its_project() {
    let Some(folder) = corpus::folder("pep740") else { return };
    let project = RealProject {
        name: "sampleproject".to_owned(),
        version: "4.0.0".to_owned(),
        sha256: SHA256.parse().expect("a digest"),
        backend: "setuptools".to_owned(),
        needs: Vec::new(),
    };
    let sdist = match project.sdist(&shared("sdists")) {
        Ok(sdist) => sdist,
        Err(why) => return skipped(why),
    };
    let place = tempfile::tempdir().expect("a folder");
    fs::copy(&sdist, place.path().join(SDIST)).expect("copied");
    let provenance = place.path().join(format!("{SDIST}.provenance"));
    fs::copy(folder.join(format!("{SDIST}.provenance")), &provenance).expect("copied");

    let source = "https://github.com/pypa/sampleproject";
    let trust = ["--trust", "public-good", "--source", source];
    report(&mut verify(&place, SDIST, &trust), 0);
    let staging = ["--trust", "staging", "--source", source];
    report(&mut verify(&place, SDIST, &staging), 10);
    let fork = ["--trust", "public-good", "--source", "https://github.com/fork/sampleproject"];
    let refused = report(&mut verify(&place, SDIST, &fork), 10);
    assert_eq!(reasons(&refused), ["signer-not-allowed", "source-not-allowed"]);

    let change = |from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(format!("{SDIST}.provenance"))).expect("JSON");
        assert!(text.contains(from), "{from}");
        fs::write(&provenance, text.replacen(from, to, 1)).expect("written");
        let refused = report(&mut verify(&place, SDIST, &trust), 10);
        reasons(&refused)
    };
    assert_eq!(change("\"GitHub\"", "\"Forgejo\""), ["publisher-unknown"]);
    assert_eq!(change("pypa/sampleproject", "fork/sampleproject"), ["publisher-disagrees"]);
    assert_eq!(change("release.yml", "other.yml"), ["publisher-disagrees"]);
}
