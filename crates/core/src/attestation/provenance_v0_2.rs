//! SLSA Provenance v0.2: <https://slsa.dev/spec/v0.2/provenance>.
//!
//! Superseded by v1, and still what slsa-github-generator and older GitLab runners sign.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lists::or_null;
use super::statement::ResourceDescriptor;
use super::timestamp;

/// The predicate type of SLSA Provenance v0.2.
pub const PROVENANCE_V0_2_TYPE: &str = "https://slsa.dev/provenance/v0.2";

/// The predicate. Null means absent, everywhere where a field is optional ("Parsing rules").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenanceV02 {
    /// Who is trusted to have run the build and written this.
    pub builder: BuilderV02,
    /// What the rest means.
    pub build_type: String,
    /// What set off the build.
    #[serde(default)]
    pub invocation: Option<Invocation>,
    /// The steps of the build, as the build type has them.
    #[serde(default)]
    pub build_config: Option<Value>,
    /// When it ran, and what of this document is complete.
    #[serde(default)]
    pub metadata: Option<MetadataV02>,
    /// Source, dependencies, tools: URI and digests, of which both are optional.
    #[serde(default, deserialize_with = "or_null")]
    pub materials: Vec<ResourceDescriptor>,
}

/// `builder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuilderV02 {
    /// The builder's identity.
    pub id: String,
}

/// `invocation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    /// Where the configuration of the build was read.
    #[serde(default, deserialize_with = "or_null")]
    pub config_source: ConfigSource,
    /// Every other input from outside, as the build type has it.
    #[serde(default)]
    pub parameters: Option<Value>,
    /// What the builder decided, as the build type has it.
    #[serde(default)]
    pub environment: Option<Value>,
}

/// `invocation.configSource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSource {
    /// The source of the configuration.
    #[serde(default)]
    pub uri: Option<String>,
    /// Its digests.
    #[serde(default, deserialize_with = "or_null")]
    pub digest: BTreeMap<String, String>,
    /// Where in it the build begins.
    #[serde(default)]
    pub entry_point: Option<String>,
}

/// `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataV02 {
    /// This run. in-toto's Go library, with which slsa-github-generator signs, spells it
    /// `buildInvocationID`; with both spellings in one document it is refused.
    #[serde(default, alias = "buildInvocationID")]
    pub build_invocation_id: Option<String>,
    /// When it began.
    #[serde(default, deserialize_with = "timestamp::optional")]
    pub build_started_on: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, deserialize_with = "timestamp::optional")]
    pub build_finished_on: Option<DateTime<Utc>>,
    /// What the builder claims to be complete.
    #[serde(default, deserialize_with = "or_null")]
    pub completeness: Completeness,
    /// Whether the builder claims that the build gives the same bytes again. A claim, not a rebuild.
    #[serde(default, deserialize_with = "or_null")]
    pub reproducible: bool,
}

/// `metadata.completeness`. What is absent is not claimed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// `invocation.parameters` holds every input.
    #[serde(default, deserialize_with = "or_null")]
    pub parameters: bool,
    /// `invocation.environment` is complete.
    #[serde(default, deserialize_with = "or_null")]
    pub environment: bool,
    /// `materials` is complete.
    #[serde(default, deserialize_with = "or_null")]
    pub materials: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<ProvenanceV02, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn what_is_optional_may_be_absent_or_null() {
        let short = json!({ "builder": { "id": "https://b.test" }, "buildType": "https://t.test" });
        let long = json!({
            "builder": { "id": "https://b.test" },
            "buildType": "https://t.test",
            "invocation": null,
            "buildConfig": null,
            "metadata": null,
            "materials": null,
        });
        assert_eq!(read(short).expect("short"), read(long).expect("long"));
        let inner = json!({
            "builder": { "id": "https://b.test" },
            "buildType": "https://t.test",
            "invocation": { "configSource": null, "parameters": null, "environment": null },
            "metadata": { "completeness": null, "reproducible": null, "buildStartedOn": null },
        });
        let read = read(inner).expect("inner");
        assert_eq!(read.invocation, Some(Invocation::default()));
        assert_eq!(read.metadata, Some(MetadataV02::default()));
    }

    #[test]
    fn a_run_is_named_once_in_either_spelling() {
        let with = |metadata: Value| {
            read(json!({
                "builder": { "id": "b" }, "buildType": "t", "metadata": metadata,
            }))
        };
        for key in ["buildInvocationId", "buildInvocationID"] {
            let metadata = with(json!({ key: "7-1" })).expect(key).metadata.expect("metadata");
            assert_eq!(metadata.build_invocation_id.as_deref(), Some("7-1"));
        }
        let both = json!({ "buildInvocationId": "7-1", "buildInvocationID": "8-1" });
        assert!(with(both).expect_err("twice").to_string().contains("duplicate field"));
    }

    #[test]
    fn wrong_forms_are_refused() {
        for value in [
            json!({}),
            json!([]),
            json!({ "builder": {}, "buildType": "t" }),
            json!({ "builder": { "id": "b" } }),
            json!({ "builder": "b", "buildType": "t" }),
            json!({ "builder": { "id": 1 }, "buildType": "t" }),
            json!({ "builder": { "id": "b" }, "buildType": "t", "materials": {} }),
            json!({ "builder": { "id": "b" }, "buildType": "t", "materials": [{ "uri": 1 }] }),
            json!({ "builder": { "id": "b" }, "buildType": "t", "invocation": "x" }),
            json!({ "builder": { "id": "b" }, "buildType": "t",
                "metadata": { "buildStartedOn": "2024-01-01 00:00:00Z" } }),
            json!({ "builder": { "id": "b" }, "buildType": "t",
                "metadata": { "completeness": { "parameters": "true" } } }),
            json!({ "builder": { "id": "b" }, "buildType": "t",
                "materials": [{ "digest": { "sha1": 7 } }] }),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
