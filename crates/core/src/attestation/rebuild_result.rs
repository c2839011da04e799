//! The predicate of a rebuild's result, `https://wheelmark.dev/rebuild-result/v1`.
//!
//! No standard predicate can say "differs, and how" or "inconclusive"; `docs/rebuild-result-v1.md` says
//! what each field means. The statement's subject is the file under test.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::environment::EnvironmentManifest;
use super::provenance::Builder;
use super::statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
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

impl RebuildResult {
    /// Puts a result together; `attestation` and `log` are named by their digests.
    #[expect(clippy::too_many_arguments, reason = "each is one field, and none has a default")]
    pub fn new(
        rebuilder: &str,
        version: &str,
        attestation: &[u8],
        log: &[u8],
        outcome: RebuildOutcome,
        rebuilt: Option<Sha256Digest>,
        drift: Vec<Drift>,
        environment: EnvironmentManifest,
        finished_on: DateTime<Utc>,
    ) -> Self {
        let named = |name: &str, bytes: &[u8]| ResourceDescriptor {
            name: Some(name.to_owned()),
            digest: [("sha256".to_owned(), Sha256Digest::of(bytes).to_string())].into(),
            ..Default::default()
        };
        Self {
            rebuilder: Builder {
                id: rebuilder.to_owned(),
                version: [("wheelmark".to_owned(), version.to_owned())].into(),
            },
            attestation: named("attestation", attestation),
            outcome,
            rebuilt,
            drift,
            environment,
            finished_on,
            byproducts: vec![named("build.log", log)],
        }
    }

    /// The statement to be signed: this result about a file.
    ///
    /// # Errors
    /// Only what `serde_json` returns for values that have no JSON form.
    pub fn statement(
        &self,
        filename: &str,
        sha256: Sha256Digest,
    ) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![ResourceDescriptor {
                name: Some(filename.to_owned()),
                digest: [("sha256".to_owned(), sha256.to_string())].into(),
                ..Default::default()
            }],
            predicate_type: REBUILD_RESULT_TYPE.to_owned(),
            predicate: serde_json::to_value(self)?,
        })
    }
}
