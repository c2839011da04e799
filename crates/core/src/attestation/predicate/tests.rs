//! Every type is read as itself and as nothing else.

use serde_json::json;

use super::*;
use crate::json;
use crate::report::Reason;

const V0_1: &str = STATEMENT_V0_1_TYPE;

/// A statement as it comes out of an envelope.
fn statement(statement_type: &str, predicate_type: &str, predicate: &Value) -> Statement {
    let text = json!({
        "_type": statement_type,
        "subject": [{ "name": "demo-1.0-py3-none-any.whl", "digest": { "sha256": "00" } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    let value = json::parse(text.to_string().as_bytes(), 1 << 20).expect("strict JSON");
    serde_json::from_value(value).expect("a statement")
}

fn read(predicate_type: &str, predicate: &Value) -> Result<Predicate, Refusal> {
    Predicate::read(&statement(STATEMENT_TYPE, predicate_type, predicate))
}

/// One whole document of each type that is typed.
fn documents() -> Vec<(&'static str, Value)> {
    vec![
        (
            PROVENANCE_TYPE,
            json!({
                "buildDefinition": {
                    "buildType": "https://example.com/build/v1",
                    "externalParameters": {},
                    "resolvedDependencies": null,
                },
                "runDetails": { "builder": { "id": "https://example.com/builder" } },
            }),
        ),
        (
            PROVENANCE_V0_2_TYPE,
            json!({
                "builder": { "id": "https://example.com/builder" },
                "buildType": "https://example.com/build/v1",
                "materials": [],
            }),
        ),
        (
            VSA_TYPE,
            json!({
                "verifier": { "id": "https://example.com/verifier" },
                "resourceUri": "pkg:pypi/demo@1.0",
                "policy": { "uri": "https://example.com/policy" },
                "verificationResult": "PASSED",
                "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            }),
        ),
        (
            SVR_TYPE,
            json!({
                "verifier": { "id": "https://example.com/verifier", "policies": [] },
                "timeCreated": "2026-01-01T00:00:00Z",
                "properties": ["SLSA_BUILD_LEVEL_3"],
            }),
        ),
        (TEST_RESULT_TYPE, json!({ "result": "PASSED", "configuration": [] })),
        (
            LINK_V0_3_TYPE,
            json!({
                "name": "build",
                "materials": [{ "name": "a", "digest": { "sha256": "00" } }],
            }),
        ),
        (LINK_V0_2_TYPE, json!({ "name": "build", "materials": { "a": { "sha256": "00" } } })),
        (SCAI_V0_3_TYPE, json!({ "attributes": [{ "attribute": "REPRODUCIBLE" }] })),
        (SCAI_V0_2_TYPE, json!({ "attributes": [{ "attribute": "REPRODUCIBLE" }] })),
    ]
}

#[test]
fn each_type_is_read_as_itself() {
    for (name, document) in documents() {
        let predicate = read(name, &document).expect(name);
        let wanted = match name {
            LINK_V0_2_TYPE => LINK_V0_3_TYPE,
            SCAI_V0_2_TYPE => SCAI_V0_3_TYPE,
            other => other,
        };
        assert_eq!(predicate.type_uri(), wanted);
    }
    assert_eq!(read(PUBLISH_TYPE, &json!(null)), Ok(Predicate::Publish(Publish)));
    for name in SPDX_TYPES {
        let bom = json!({ "spdxVersion": "SPDX-2.3" });
        assert_eq!(read(name, &bom), Ok(Predicate::Spdx(bom.clone())));
    }
    for name in CYCLONEDX_TYPES {
        let bom = json!({ "bomFormat": "CycloneDX" });
        assert_eq!(read(name, &bom), Ok(Predicate::CycloneDx(bom.clone())));
    }
}

#[test]
fn a_document_of_one_type_is_refused_under_another() {
    let same = |a: &str, b: &str| a == b || a.contains("/scai/") && b.contains("/scai/");
    for (name, document) in documents() {
        for (other, _) in documents() {
            if same(name, other) {
                continue;
            }
            let refusal = match read(other, &document) {
                Err(refusal) => refusal,
                Ok(predicate) => panic!("{name} under {other}: {predicate:?}"),
            };
            let provenance = matches!(other, PROVENANCE_TYPE | PROVENANCE_V0_2_TYPE);
            let wanted =
                if provenance { Reason::ProvenanceMalformed } else { Reason::PredicateMalformed };
            assert_eq!(refusal.reason, wanted, "{name} under {other}");
            let found = refusal.found.unwrap_or_default();
            assert!(found.starts_with(&format!("predicate {other}")), "{found}");
        }
        assert_eq!(
            read(PUBLISH_TYPE, &document).expect_err(name).reason,
            Reason::PredicateMalformed
        );
    }
}

#[test]
fn a_type_is_compared_whole() {
    let document = json!({ "anything": [1, null, { "deep": 1e300 }] });
    for name in [
        "https://slsa.dev/provenance/v1/",
        "https://slsa.dev/provenance/v1.0",
        "https://slsa.dev/provenance/V1",
        "http://slsa.dev/provenance/v1",
        "https://slsa.dev/provenance/v1?draft",
        "https://slsa.dev/provenance/v1#",
        "https://slsa.dev/provenance/v1 ",
        "https://slsa.dev/provenance/v0.1",
        "https://slsa.dev/verification_summary/v0.2",
        "https://docs.pypi.org/attestations/publish/v2",
        "https://in-toto.io/attestation/svr/v0.1",
        "https://in-toto.io/Link/v0.1",
        "https://spdx.dev/Document/v2.3/",
        "https://slsa.dev/pr\u{43e}venance/v1",
        "cosign.sigstore.dev/attestation/v1",
        "",
    ] {
        let wanted = Predicate::Other { predicate_type: name.to_owned(), value: document.clone() };
        assert_eq!(read(name, &document), Ok(wanted));
    }
}

#[test]
fn a_predicate_that_is_absent_is_null() {
    let read = |predicate_type: &str| {
        let statement: Statement = serde_json::from_value(json!({
            "_type": STATEMENT_TYPE, "subject": [], "predicateType": predicate_type,
        }))
        .expect("a statement");
        Predicate::read(&statement)
    };
    assert_eq!(read(PUBLISH_TYPE), Ok(Predicate::Publish(Publish)));
    for (name, _) in documents() {
        assert!(read(name).is_err(), "{name}");
    }
}

#[test]
fn old_statements_carry_only_what_is_signed_in_them() {
    for (name, document) in documents() {
        let old = matches!(
            name,
            PROVENANCE_TYPE | PROVENANCE_V0_2_TYPE | LINK_V0_2_TYPE | SCAI_V0_2_TYPE
        );
        assert_eq!(statement_type_fits(V0_1, name), old, "{name}");
        let result = Predicate::read(&statement(V0_1, name, &document));
        assert_eq!(
            result.map_err(|it| it.reason).err(),
            (!old).then_some(Reason::StatementMalformed)
        );
        assert!(statement_type_fits(STATEMENT_TYPE, name), "{name}");
    }
    for name in [PUBLISH_TYPE, REBUILD_RESULT_TYPE, "https://example.com/other"] {
        assert!(!statement_type_fits(V0_1, name), "{name}");
        assert!(statement_type_fits(STATEMENT_TYPE, name), "{name}");
    }
    for name in ["https://in-toto.io/Statement/v0.2", "https://in-toto.io/Statement/v1/", ""] {
        assert!(!statement_type_fits(name, PROVENANCE_TYPE), "{name}");
    }
    assert!(
        statement_type_fits(V0_1, SPDX_TYPES[0]) && statement_type_fits(V0_1, CYCLONEDX_TYPES[0])
    );
}

#[test]
fn wrong_forms_of_provenance_v1_are_refused_with_their_place() {
    type Bend = fn(&mut Value);
    let cases: [(&str, Bend); 9] = [
        (": missing field `runDetails`", |it| {
            it.as_object_mut().map(|it| it.remove("runDetails"));
        }),
        (".buildDefinition: missing field `buildType`", |it| {
            it["buildDefinition"].as_object_mut().map(|it| it.remove("buildType"));
        }),
        (".buildDefinition.buildType: invalid type", |it| {
            it["buildDefinition"]["buildType"] = json!(1);
        }),
        (".buildDefinition: invalid type: sequence", |it| {
            it["buildDefinition"] = json!(["https://example.com/build/v1", {}, {}, []]);
        }),
        (".buildDefinition.resolvedDependencies[0].digest.sha1: invalid type", |it| {
            it["buildDefinition"]["resolvedDependencies"] = json!([{ "digest": { "sha1": 7 } }]);
        }),
        (".runDetails.builder: invalid type", |it| it["runDetails"]["builder"] = json!("x")),
        (".runDetails.metadata.startedOn: not a time", |it| {
            it["runDetails"]["metadata"] = json!({ "startedOn": "2026-01-01 00:00:00Z" });
        }),
        (".runDetails.metadata.finishedOn: invalid type", |it| {
            it["runDetails"]["metadata"] = json!({ "finishedOn": 1767225600 });
        }),
        (".runDetails.metadata.invocationId: ", |it| {
            it["runDetails"]["metadata"] = json!({ "invocationId": 1e30 });
        }),
    ];
    for (wanted, bend) in cases {
        let (_, mut document) = documents().remove(0);
        bend(&mut document);
        let refusal = read(PROVENANCE_TYPE, &document).expect_err(wanted);
        assert_eq!(refusal.reason, Reason::ProvenanceMalformed);
        let found = refusal.found.unwrap_or_default();
        assert!(found.contains(&format!("{PROVENANCE_TYPE}{wanted}")), "{wanted}: {found}");
    }
}

#[test]
fn numbers_beyond_every_bound_are_refused_before_they_are_typed() {
    for number in ["1e999", "-1e999"] {
        let text = format!(r#"{{"dependencyLevels":{{"A":{number}}}}}"#);
        assert!(json::parse(text.as_bytes(), 1000).is_err(), "{number}");
    }
    let huge = "9".repeat(400);
    assert!(json::parse(huge.as_bytes(), 1000).is_err());
}
