//! Several attestations of one file, and the age of what is trusted, in every format.

use std::fs;

use assert_cmd::Command;
use serde_json::{Value, json};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{Signed, report};
use wheelmark_tests::tiny;

use super::{batch, said, signed};

const AGE: &str = "trusted root public-good as of 2026-10-23, 33 days old";

/// `demo` with a second attestation, of another form's name, that is this text.
fn with_second(text: &str) -> Signed {
    let signed = signed();
    let path = signed.folder.path().join(format!("{}.provenance", tiny::FILENAME));
    fs::write(path, text).expect("written");
    signed
}

/// `wheelmark verify` by the certificates of an instance, which signed nothing here.
fn by_instance(signed: &Signed, arguments: &[&str]) -> Command {
    let mut command = wheelmark();
    command.current_dir(&signed.folder).arg("verify").args(arguments).args([
        "--trust",
        "public-good",
        "--source",
        "https://github.com/acme/demo",
        "--at",
        "2026-11-25T12:00:00Z",
    ]);
    command
}

#[test]
fn of_several_attestations_it_is_told_which_decided() {
    let signed = with_second("{}");
    let text = said(&mut signed.verify_all(&[tiny::FILENAME]), 0);
    let name = tiny::FILENAME;
    assert!(text.contains("\n  of 2 attestations, one that holds is enough:\n"), "{text}");
    let decided = format!("\n  ✓ {name}.sigstore.json: decided; signed by key sha256:");
    assert!(text.contains(&decided), "{text}");
    assert!(text.contains("; https://slsa.dev/provenance/v1\n"), "{text}");
    let other = format!("\n  ✗ {name}.provenance: bundle-malformed (the attestation is not ");
    assert!(text.contains(&other), "{text}");

    // The same twice: the first decides, the other holds too.
    let bundle = fs::read_to_string(&signed.bundle).expect("the bundle");
    fs::write(signed.folder.path().join(format!("{name}.provenance")), bundle).expect("written");
    let found = report(&mut signed.verify_all(&[name]), 0);
    let standings: Vec<_> = seen(&found).iter().map(|it| it["standing"].clone()).collect();
    assert_eq!(standings, [json!("decided"), json!("also-held")], "{found:#}");
}

#[test]
fn of_a_rejected_file_no_attestation_decided() {
    let signed = with_second("{}");
    let wheel = signed.folder.path().join("other-1.0-py3-none-any.whl");
    for end in ["", ".sigstore.json", ".provenance"] {
        let from = signed.folder.path().join(format!("{}{end}", tiny::FILENAME));
        fs::copy(from, format!("{}{end}", wheel.display())).expect("copied");
    }
    let text = said(&mut signed.verify_all(&["other-1.0-py3-none-any.whl"]), 10);
    assert!(text.contains("\n  of 2 attestations, one that holds is enough:\n"), "{text}");
    assert!(!text.contains("decided"), "{text}");
}

#[test]
fn of_several_that_do_not_hold_the_one_shown_is_marked() {
    let signed = with_second("{}");
    fs::write(&signed.bundle, "[]").expect("written");
    let text = said(&mut signed.verify_all(&[tiny::FILENAME]), 10);
    assert!(text.contains(".sigstore.json: bundle-malformed, shown above\n"), "{text}");
    assert!(text.contains(".provenance: bundle-malformed ("), "{text}");
}

#[test]
fn among_many_files_the_attestation_that_decided_is_on_the_files_line() {
    let signed = with_second("{}");
    signed.add("alpha", "2.0");
    let text = said(&mut signed.verify_all(&["."]), 0);
    let name = tiny::FILENAME;
    let expected = format!(
        "accepted ./alpha-2.0-py3-none-any.whl\n\
         accepted ./{name}, by ./{name}.sigstore.json, one of 2 attestations\n\
         2 accepted, 0 rejected, 0 undecided\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_lock_keeps_what_the_report_says_of_attestations_and_trust() {
    let signed = with_second("{}");
    let digest = wheelmark_core::digest::Sha256Digest::of(&tiny::wheel());
    let lock = format!("demo==1.0 --hash=sha256:{digest}\n");
    fs::write(signed.folder.path().join("requirements.txt"), lock).expect("written");
    let document = batch(&mut signed.verify_all(&["-r", "requirements.txt"]), 0);
    assert_eq!(seen(&document["results"][0]["report"]).len(), 2, "{document:#}");
    let document = batch(&mut by_instance(&signed, &["-r", "requirements.txt"]), 10);
    let report = &document["results"][0]["report"];
    assert_eq!(report["trust"][0]["ageDays"], 33, "{document:#}");
}

#[test]
fn the_age_of_the_trusted_root_is_in_every_format() {
    let signed = signed();
    let text = said(&mut by_instance(&signed, &[tiny::FILENAME]), 10);
    assert_eq!(text.lines().nth(2), Some(&*format!("  {AGE}")), "{text}");
    signed.add("alpha", "2.0");
    for format in ["human", "junit", "github"] {
        let text = said(&mut by_instance(&signed, &[".", "--format", format]), 10);
        assert!(text.contains(AGE), "{format}: {text}");
    }
    let text = said(&mut by_instance(&signed, &["."]), 10);
    assert!(text.ends_with(&format!("\n{AGE}\n0 accepted, 2 rejected, 0 undecided\n")), "{text}");
    let text = said(&mut by_instance(&signed, &[".", "--format", "sarif"]), 10);
    let sarif: Value = serde_json::from_str(&text).expect("JSON");
    let trust = &sarif["runs"][0]["properties"]["trust"][0];
    assert_eq!(trust["instance"], "public-good", "{sarif:#}");
    assert_eq!(trust["asOf"], "2026-10-23T00:00:00Z", "{sarif:#}");
    for line in said(&mut by_instance(&signed, &[".", "--json"]), 10).lines() {
        let report: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(report["trust"][0]["ageDays"], 33, "{report:#}");
    }
}

#[test]
fn before_it_was_known_a_trusted_root_has_no_age() {
    let signed = signed();
    let mut command = by_instance(&signed, &[tiny::FILENAME]);
    let text = said(command.args(["--jobs", "1"]), 10);
    assert!(text.contains(AGE), "{text}");
    let mut early = wheelmark();
    early.current_dir(&signed.folder).args(["verify", tiny::FILENAME, "--trust", "staging"]);
    early.args(["--source", "https://github.com/acme/demo", "--at", "2026-10-22T23:59:59Z"]);
    let text = said(&mut early, 10);
    assert!(text.contains("  trusted root staging as of 2026-10-23\n"), "{text}");
}

fn seen(report: &Value) -> Vec<Value> {
    report["attestations"].as_array().cloned().unwrap_or_default()
}
