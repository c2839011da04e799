//! SLSA Provenance v1: <https://slsa.dev/spec/v1.2/build-provenance>.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lists::{or_null, text_or_number};
use super::statement::ResourceDescriptor;
use super::timestamp;

/// The predicate type of SLSA Provenance v1.
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// The predicate, as any build type has it. What the parameters mean is the build type's to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was built, from what.
    pub build_definition: BuildDefinition,
    /// This run of it.
    pub run_details: RunDetails,
}

/// `buildDefinition`: the inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// The template that gives the parameters their meaning.
    pub build_type: String,
    /// Parameters under external control; a verifier that does not know one refuses.
    pub external_parameters: Value,
    /// Parameters under the builder's control.
    #[serde(default)]
    pub internal_parameters: Value,
    /// What the build fetched or used.
    #[serde(default, deserialize_with = "or_null")]
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// `runDetails`: who ran it, when, and what else came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// The builder that is trusted to have written this.
    pub builder: Builder,
    /// This run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BuildMetadata>,
    /// Further outputs that are not subjects: log, lock.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<ResourceDescriptor>,
}

/// `runDetails.builder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Builder {
    /// The URI of the transitive closure of what is trusted to have run the build.
    pub id: String,
    /// Versions of its components.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

/// `runDetails.metadata`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildMetadata {
    /// Names this run among those of the builder. GitLab writes it as a number.
    #[serde(default, deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
    /// When it began, UTC.
    #[serde(
        default,
        deserialize_with = "timestamp::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub started_on: Option<DateTime<Utc>>,
    /// When it ended, UTC.
    #[serde(
        default,
        deserialize_with = "timestamp::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub finished_on: Option<DateTime<Utc>>,
}
