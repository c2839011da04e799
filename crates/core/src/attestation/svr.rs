//! in-toto Simple Verification Result v0.2:
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md>.
//!
//! It says only what passed. v0.1, which could leave out the policies, is another type and not known.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::predicate::malformed;
use super::statement::ResourceDescriptor;
use super::timestamp;
use crate::report::Refusal;

/// The predicate type.
pub const SVR_TYPE: &str = "https://in-toto.io/attestation/svr/v0.2";

/// The predicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimpleVerificationResult {
    /// Who verified, by which policies.
    pub verifier: SvrVerifier,
    /// When.
    #[serde(deserialize_with = "timestamp::required")]
    pub time_created: DateTime<Utc>,
    /// What passed, as it is written.
    pub properties: Vec<String>,
}

/// `verifier`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SvrVerifier {
    /// The verifier's identity.
    pub id: String,
    /// The policies. Must be there, and may be empty.
    pub policies: Vec<ResourceDescriptor>,
}

impl SimpleVerificationResult {
    /// Whether the file has this property, or a level of its track that includes this one.
    pub fn shows(&self, wanted: &str) -> bool {
        let wanted = Level::of(wanted);
        self.properties.iter().any(|it| Level::of(it).includes(&wanted))
    }

    /// What the specification demands beyond the form.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match self.verifier.id.is_empty() {
            true => Err(malformed(format!("predicate {SVR_TYPE}: verifier.id is empty"))),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "verifier": {
                "id": "https://example.com/policy_engine/v1",
                "policies": [{
                    "uri": "https://example.com/policies/production-deployment",
                    "digest": { "sha256": "789abc" },
                }],
            },
            "timeCreated": "2024-03-15T14:22:00Z",
            "properties": ["SLSA_BUILD_LEVEL_3", "EXAMPLE_DEPLOYMENT_APPROVED"],
        })
    }

    fn read(value: Value) -> Result<SimpleVerificationResult, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn a_result_is_read_with_policies_or_an_empty_list() {
        assert_eq!(read(document()).expect("accepted").properties.len(), 2);
        let mut value = document();
        value["verifier"]["policies"] = json!([]);
        assert!(read(value).is_ok());
    }

    #[test]
    fn a_property_is_shown_by_itself_and_a_level_by_a_higher_one() {
        let result = read(document()).expect("accepted");
        assert!(result.shows("EXAMPLE_DEPLOYMENT_APPROVED") && result.shows("SLSA_BUILD_LEVEL_2"));
        assert!(!result.shows("SLSA_BUILD_LEVEL_4") && !result.shows("EXAMPLE"));
        assert!(!result.shows("FAILED"));
    }

    #[test]
    fn a_verifier_has_an_id() {
        let mut value = document();
        value["verifier"]["id"] = json!("");
        assert!(read(value).expect("the form").check().is_err());
    }

    #[test]
    fn wrong_forms_are_refused() {
        type Bend = fn(&mut Value);
        let cases: [Bend; 7] = [
            |it| it["verifier"] = json!({ "id": "x" }),
            |it| it["verifier"]["policies"] = json!(null),
            |it| it["verifier"] = json!({ "policies": [] }),
            |it| it["timeCreated"] = json!("2024-03-15"),
            |it| it["timeCreated"] = json!(null),
            |it| it["properties"] = json!("SLSA_BUILD_LEVEL_3"),
            |it| it["properties"] = json!([true]),
        ];
        for (index, bend) in cases.into_iter().enumerate() {
            let mut value = document();
            bend(&mut value);
            assert!(read(value).is_err(), "case {index}");
        }
        for field in ["verifier", "timeCreated", "properties"] {
            let mut value = document();
            value.as_object_mut().expect("an object").remove(field);
            assert!(read(value).is_err(), "{field}");
        }
    }
}
