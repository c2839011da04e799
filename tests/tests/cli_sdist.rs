//! Source distributions on the command line.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;

use assert_cmd::Command;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_tests::hostile_sdist::{Entry, Sdist};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{SOURCE, Signed, failures, report, sign, statement};

/// The folder of the signed wheel, with a source distribution and its bundle in it.
fn signed(sdist: &Sdist) -> Signed {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let bytes = sdist.bytes();
    let path = signed.folder.path().join(&sdist.filename);
    let bundle = sign(&signed.key, &statement(&sdist.filename, &bytes));
    fs::write(&path, bytes).expect("written");
    fs::write(path.with_extension("gz.sigstore.json"), bundle).expect("written");
    signed
}

fn verify(signed: &Signed, sdist: &Sdist) -> Command {
    let mut command = wheelmark();
    command
        .current_dir(&signed.folder)
        .args(["verify", &sdist.filename, "--key", "release.pub"])
        .args(["--source", SOURCE]);
    command
}

#[test]
fn a_signed_one_is_accepted_and_another_of_its_name_is_not() {
    let mut sdist = Sdist::new();
    let signed = signed(&sdist);
    let accepted = report(&mut verify(&signed, &sdist), 0);
    assert_eq!(accepted["decision"], "accepted");

    sdist.entries.push(Entry::file("demo-1.0/setup.py", "x"));
    fs::write(signed.folder.path().join(&sdist.filename), sdist.bytes()).expect("written");
    let rejected = report(&mut verify(&signed, &sdist), 10);
    let expected = ("subject-digest".into(), "subject-digest-mismatch".into());
    assert_eq!(failures(&rejected), [expected]);
}

#[test]
fn a_hostile_one_is_rejected_though_it_is_signed() {
    let mut sdist = Sdist::new();
    sdist.entries.push(Entry::symlink("demo-1.0/l", "../../x"));
    let signed = signed(&sdist);
    let rejected = report(&mut verify(&signed, &sdist), 10);
    let expected = ("archive".into(), "sdist-link".into());
    assert_eq!(failures(&rejected), [expected]);
}

#[test]
fn inspect_tells_what_it_says_of_itself() {
    let sdist = Sdist::new();
    let signed = signed(&sdist);
    let mut command = wheelmark();
    command.current_dir(&signed.folder).args(["inspect", &sdist.filename]);
    let told = command.assert().code(0).get_output().stdout.clone();
    let told = String::from_utf8(told).expect("UTF-8");
    assert!(told.contains("PKG-INFO"), "{told}");
    assert!(told.contains("2.1"), "{told}");
}

#[test]
fn the_build_of_a_wheel_says_nothing_of_a_source_distribution() {
    let sdist = Sdist::new();
    let signed = signed(&sdist);
    let mut claim = statement(&sdist.filename, &sdist.bytes());
    let definition = &mut claim["predicate"]["buildDefinition"];
    definition["externalParameters"]["distribution"] = "wheel".into();
    definition["internalParameters"]["environment"]["hooks"] = vec!["build_wheel"].into();
    let bundle = signed.folder.path().join(format!("{}.sigstore.json", sdist.filename));
    fs::write(bundle, sign(&signed.key, &claim)).expect("written");
    let rejected = report(&mut verify(&signed, &sdist), 10);
    let expected = ("parameters".into(), "provenance-inconsistent".into());
    assert_eq!(failures(&rejected), [expected]);
}
