//! in-toto Simple Verification Result v0.2:
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md>.
//!
//! It says only what passed. v0.1, which could leave out the policies, is another type and not known.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::statement::ResourceDescriptor;
use super::timestamp;

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
