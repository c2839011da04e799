//! The levels 2 and 3 of SLSA's build track, from a wheel with its attestations and a policy to the signed summary that is
//! read back.
//!
//! Public instances vouch for them alone, and the program cannot be told that another one is public: `wheelmark verify`
//! is held to level 1 here (`cli_verdicts.rs`), and what it calls is given the instance in memory for a public one.
#![allow(clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use chrono::Utc;
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_build::sign::sign_statement;
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::predicate::Predicate;
use wheelmark_core::attestation::vsa::BUILD_UNEVALUATED;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::report::Decision;
use wheelmark_core::trust::{InstanceName, TrustRoot, TrustedKey, Validity};
use wheelmark_core::verdict::{LOCAL_VERIFIER, LevelWords, Verdict, Verifier};
use wheelmark_tests::cases::{self, Case, Held};

fn case(name: &str) -> Case {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(cases::all);
    ALL.iter().find(|case| case.name == name).expect(name).clone()
}

/// The levels in the summary of a case that is accepted, signed and read back as others read it.
fn levels(instance: InstanceName, case: Case) -> Vec<String> {
    let held = Held::at(instance, case);
    let outcome = held.verify(&held.wheel, &held.given);
    assert_eq!(outcome.report.decision(), Decision::Accepted, "{:?}", outcome.report);
    let filename = DistFilename::parse(&held.filename).expect("a name");
    let verdict = Verdict::of(&outcome, &filename);
    let by = Verifier {
        id: LOCAL_VERIFIER,
        version: "0",
        policy_uri: "https://example.org/policy",
        policy_sha256: None,
    };
    let vsa = verdict.vsa(&by, &verdict.resource_uri(), LevelWords::Slsa).expect("a statement");
    let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let signed = sign_statement(&key, &serde_json::to_vec(&vsa).expect("JSON")).expect("signed");

    let limits = AttestationLimits::standard();
    let trusted = TrustedKey::from_pem(&key.public_pem().expect("PEM"), Validity::default());
    let root = TrustRoot::new(vec![trusted.expect("a key")], Vec::new());
    let attestation = Attestation::parse(&signed, &limits).expect("a bundle");
    let about = Signed::Digest(verdict.sha256());
    let envelope = VerifiedEnvelope::verify(&attestation, &root, about, Utc::now()).expect("held");
    let statement = envelope.statement(&limits).expect("a statement");
    match Predicate::read(&statement).expect("a predicate") {
        Predicate::VerificationSummary(summary) => {
            let numbered = |level: &&String| *level != BUILD_UNEVALUATED;
            assert!(summary.verified_levels.iter().filter(numbered).all(|it| summary.shows(it)));
            summary.verified_levels
        }
        _ => Vec::new(),
    }
}

/// The same of a case whose policy says something else in one place.
fn under(name: &str, from: &str, to: &str) -> Vec<String> {
    let mut case = case(name);
    assert!(case.policy.contains(from), "{from}");
    case.policy = case.policy.replacen(from, to, 1);
    levels(InstanceName::PublicGood, case)
}

const ONE: [&str; 1] = ["SLSA_BUILD_LEVEL_1"];
const TWO: [&str; 1] = ["SLSA_BUILD_LEVEL_2"];
const THREE: [&str; 1] = ["SLSA_BUILD_LEVEL_3"];

#[test]
fn the_platform_s_own_provenance_is_of_level_2_where_the_policy_names_the_repository() {
    let name = "github_provenance";
    assert_eq!(levels(InstanceName::PublicGood, case(name)), TWO);
    assert_eq!(levels(InstanceName::Github, case(name)), TWO);
    // Whoever runs an instance can have it vouch for anything.
    assert_eq!(levels(InstanceName::Private, case(name)), ONE);
    assert_eq!(levels(InstanceName::Staging, case(name)), ONE);
    // A publisher says nothing of a build.
    let published = levels(InstanceName::PublicGood, case("publish_attestation"));
    assert_eq!(published, [BUILD_UNEVALUATED]);
}

#[test]
fn the_generator_s_provenance_is_of_level_3_where_the_policy_names_it_whole() {
    let name = "slsa_generator";
    assert_eq!(levels(InstanceName::PublicGood, case(name)), THREE);
    assert_eq!(levels(InstanceName::Private, case(name)), ONE);
    assert_eq!(under(name, "builders = [", "# ["), ONE);
}
