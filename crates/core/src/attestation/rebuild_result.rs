//! The predicate of a rebuild's result, `https://wheelmark.dev/rebuild-result/v1`.
//!
//! No standard predicate can say "differs, and how" or "inconclusive"; `docs/rebuild-result-v1.md` says
//! what each field means. The statement's subject is the file under test.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::environment::EnvironmentManifest;
use super::provenance::Builder;
use super::statement::ResourceDescriptor;
use crate::compare::{Drift, RebuildOutcome};
use crate::digest::Sha256Digest;

/// The predicate type.
pub const REBUILD_RESULT_TYPE: &str = "https://wheelmark.dev/rebuild-result/v1";

/// What a rebuild showed, and under which circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RebuildResult {
    /// Who rebuilt.
    pub rebuilder: Builder,
    /// The attestation from which it was rebuilt, by the digest of its file.
    pub attestation: ResourceDescriptor,
    /// What it showed.
    #[serde(flatten)]
    pub outcome: RebuildOutcome,
    /// The digest of the rebuilt file; absent where none came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Sha256Digest>,
    /// In what the environment was not the recorded one.
    pub drift: Vec<Drift>,
    /// The recorded environment, which was put back but for the drift.
    pub environment: EnvironmentManifest,
    /// When it ended, UTC.
    pub finished_on: DateTime<Utc>,
    /// The build log, by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<ResourceDescriptor>,
}
