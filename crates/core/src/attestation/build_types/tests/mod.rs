//! Provenance of each build type as its builder writes it, and bent.

mod generator;
mod github;
mod gitlab;
mod google;
mod ours;

use serde_json::{Value, json};

use crate::attestation::origin::Origin;
use crate::attestation::predicate::Predicate;
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::statement::{STATEMENT_TYPE, Statement};
use crate::report::{Reason, Refusal};

const COMMIT: &str = "c27d339ee6075c1f744c5d4b200f7901aad2c369";
const OTHER: &str = "e491e4b2ce5bc76fb103729b61b04d3c46d8a192";

/// Reads a predicate the whole way.
fn read(predicate_type: &str, predicate: &Value) -> Result<Origin, Refusal> {
    let statement: Statement = serde_json::from_value(json!({
        "_type": STATEMENT_TYPE,
        "subject": [],
        "predicateType": predicate_type,
        "predicate": predicate,
    }))
    .expect("a statement");
    super::read(&Predicate::read(&statement)?)
}

/// A change to a document.
type Bend = fn(&mut Value);

/// Bends a document and expects a refusal that names both values; an empty expectation is not looked at.
fn refused(predicate_type: &str, document: &Value, cases: &[(Reason, &str, &str, Bend)]) {
    for (reason, expected, found, bend) in cases {
        let mut document = document.clone();
        bend(&mut document);
        let refusal = match read(predicate_type, &document) {
            Err(refusal) => refusal,
            Ok(origin) => panic!("{reason} {expected} {found}: {origin:?}"),
        };
        let all = refusal.expected.join(" | ");
        let seen = refusal.found.clone().unwrap_or_default();
        assert_eq!(refusal.reason, *reason, "{expected} {found}: {refusal}");
        assert!(all.contains(expected), "expected {expected}: {refusal}");
        assert!(seen.contains(found), "found {found}: {refusal}");
        assert!(seen.chars().count() < 1000, "{} characters", seen.len());
    }
}

/// Takes a field out.
fn without(value: &mut Value, field: &str) {
    value.as_object_mut().expect("an object").remove(field).expect("a field");
}

#[test]
fn other_predicates_are_no_provenance() {
    let summary = json!({
        "verifier": { "id": "https://example.com/verifier" },
        "resourceUri": "pkg:pypi/demo@1.0",
        "policy": { "uri": "https://example.com/policy" },
        "verificationResult": "PASSED",
        "verifiedLevels": [],
    });
    for (name, value) in [
        (crate::attestation::vsa::VSA_TYPE, summary),
        (crate::attestation::publish::PUBLISH_TYPE, Value::Null),
        ("https://example.com/other", json!({ "buildType": "x" })),
    ] {
        let refusal = read(name, &value).expect_err(name);
        assert_eq!(refusal.reason, Reason::PredicateTypeWrong);
        assert_eq!(refusal.found.as_deref(), Some(name));
        assert!(refusal.expected.iter().any(|it| it == PROVENANCE_TYPE));
    }
}

#[test]
fn unknown_build_types_are_refused() {
    for build_type in [
        "https://example.com/build/v1",
        "https://actions.github.io/buildtypes/workflow/v1/",
        "https://actions.github.io/buildtypes/workflow/v2",
        "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
        super::slsa_github_generator::GENERIC,
        "",
    ] {
        let document = json!({
            "buildDefinition": { "buildType": build_type, "externalParameters": {} },
            "runDetails": { "builder": { "id": "x" } },
        });
        let refusal = read(PROVENANCE_TYPE, &document).expect_err(build_type);
        assert_eq!(refusal.reason, Reason::BuildTypeUnknown);
        assert_eq!(refusal.found.as_deref(), Some(build_type));
        let document = json!({ "builder": { "id": "x" }, "buildType": build_type });
        let v0_2 = crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
        let reason = read(v0_2, &document).expect_err(build_type).reason;
        let generic = build_type == super::slsa_github_generator::GENERIC;
        let wanted = if generic { Reason::ProvenanceMalformed } else { Reason::BuildTypeUnknown };
        assert_eq!(reason, wanted, "{build_type}");
    }
}
