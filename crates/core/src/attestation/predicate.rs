//! What a statement says, typed.
//!
//! A predicate is told by its `predicateType` alone, compared whole with the constants here, never by what
//! it looks like: a document that would pass for two types is only ever read as the one that was signed.
//! A type that is not known is kept as it is and proves nothing.

use serde::Deserialize;
use serde_json::Value;

use super::document;
use super::link::{self, LINK_V0_2_TYPE, LINK_V0_3_TYPE, Link};
use super::provenance::{PROVENANCE_TYPE, Provenance};
use super::provenance_v0_2::{PROVENANCE_V0_2_TYPE, ProvenanceV02};
use super::publish::{PUBLISH_TYPE, Publish};
use super::rebuild_result::{REBUILD_RESULT_TYPE, RebuildResult};
use super::scai::{SCAI_V0_2_TYPE, SCAI_V0_3_TYPE, Scai};
use super::statement::{STATEMENT_TYPE, Statement};
use super::svr::{SVR_TYPE, SimpleVerificationResult};
use super::test_result::{TEST_RESULT_TYPE, TestResult};
use super::vsa::{VSA_TYPE, VerificationSummary};
use crate::report::{Reason, Refusal};

/// `_type` of an in-toto Statement v0.1
/// (<https://github.com/in-toto/attestation/blob/main/spec/v0.1.0/README.md#statement>).
pub const STATEMENT_V0_1_TYPE: &str = "https://in-toto.io/Statement/v0.1";

/// Predicate types of SPDX documents: <https://github.com/in-toto/attestation/blob/main/spec/predicates/spdx.md>.
pub const SPDX_TYPES: [&str; 4] = [
    "https://spdx.dev/Document",
    "https://spdx.dev/Document/v2.2",
    "https://spdx.dev/Document/v2.3",
    "https://spdx.dev/Document/v3",
];

/// Predicate types of CycloneDX documents:
/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md>.
pub const CYCLONEDX_TYPES: [&str; 4] = [
    "https://cyclonedx.org/bom",
    "https://cyclonedx.org/bom/v1.4",
    "https://cyclonedx.org/bom/v1.5",
    "https://cyclonedx.org/bom/v1.6",
];

/// A predicate of a known type, or one that is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// SLSA Provenance v1.
    ProvenanceV1(Box<Provenance>),
    /// SLSA Provenance v0.2.
    ProvenanceV02(Box<ProvenanceV02>),
    /// PyPI's publish v1.
    Publish(Publish),
    /// SLSA Verification Summary v1.
    VerificationSummary(Box<VerificationSummary>),
    /// in-toto Simple Verification Result v0.2.
    SimpleVerificationResult(Box<SimpleVerificationResult>),
    /// in-toto test result v0.1.
    TestResult(Box<TestResult>),
    /// in-toto link v0.2 or v0.3.
    Link(Box<Link>),
    /// SCAI attribute report v0.2 or v0.3.
    Scai(Box<Scai>),
    /// wheelmark's result of a rebuild.
    RebuildResult(Box<RebuildResult>),
    /// An SPDX document. Not judged, so not typed.
    Spdx(Value),
    /// A CycloneDX document. Not judged, so not typed.
    CycloneDx(Value),
    /// A type that is not known.
    Other {
        /// The type, as the statement has it.
        predicate_type: String,
        /// The predicate, as the statement has it.
        value: Value,
    },
}

impl Predicate {
    /// The parameters under external control, of provenance, as they were signed.
    pub fn external_parameters(&self) -> Option<&Value> {
        match self {
            Self::ProvenanceV1(it) => Some(&it.build_definition.external_parameters),
            Self::ProvenanceV02(it) => it.invocation.as_ref()?.parameters.as_ref(),
            _ => None,
        }
    }

    /// The build type, of provenance.
    pub fn build_type(&self) -> Option<&str> {
        match self {
            Self::ProvenanceV1(it) => Some(&it.build_definition.build_type),
            Self::ProvenanceV02(it) => Some(&it.build_type),
            _ => None,
        }
    }

    /// Types the predicate of a statement.
    ///
    /// # Errors
    /// [`Reason::StatementMalformed`] where the version of the statement does not go with the predicate's
    /// type ([`statement_type_fits`]), [`Reason::ProvenanceMalformed`] for provenance of the wrong form,
    /// and [`Reason::PredicateMalformed`] for any other known type of the wrong form.
    pub fn read(statement: &Statement) -> Result<Self, Refusal> {
        let Statement { statement_type, predicate_type, predicate, .. } = statement;
        if !statement_type_fits(statement_type, predicate_type) {
            return Err(Refusal::new(Reason::StatementMalformed)
                .expected(format!("`_type` {STATEMENT_TYPE}"))
                .found(statement_type.clone()));
        }
        Ok(match predicate_type.as_str() {
            PROVENANCE_TYPE => Self::ProvenanceV1(provenance(predicate_type, predicate)?),
            PROVENANCE_V0_2_TYPE => Self::ProvenanceV02(provenance(predicate_type, predicate)?),
            PUBLISH_TYPE => Self::Publish(Publish::read(predicate)?),
            VSA_TYPE => {
                let summary: Box<VerificationSummary> = typed(predicate_type, predicate)?;
                summary.check()?;
                Self::VerificationSummary(summary)
            }
            SVR_TYPE => {
                let result: Box<SimpleVerificationResult> = typed(predicate_type, predicate)?;
                result.check()?;
                Self::SimpleVerificationResult(result)
            }
            TEST_RESULT_TYPE => {
                let result: Box<TestResult> = typed(predicate_type, predicate)?;
                result.check()?;
                Self::TestResult(result)
            }
            LINK_V0_2_TYPE => {
                let link: link::LinkV02 = typed(predicate_type, predicate)?;
                Self::Link(Box::new(link.into()))
            }
            LINK_V0_3_TYPE => {
                let link: Box<Link> = typed(predicate_type, predicate)?;
                link.check(&statement.subject)?;
                Self::Link(link)
            }
            SCAI_V0_2_TYPE | SCAI_V0_3_TYPE => {
                let report: Box<Scai> = typed(predicate_type, predicate)?;
                report.check()?;
                Self::Scai(report)
            }
            REBUILD_RESULT_TYPE => Self::RebuildResult(typed(predicate_type, predicate)?),
            known if SPDX_TYPES.contains(&known) => Self::Spdx(predicate.clone()),
            known if CYCLONEDX_TYPES.contains(&known) => Self::CycloneDx(predicate.clone()),
            other => Self::Other { predicate_type: other.to_owned(), value: predicate.clone() },
        })
    }

    /// The predicate type, for messages. Of the types that have several, the newest.
    pub fn type_uri(&self) -> &str {
        match self {
            Self::ProvenanceV1(_) => PROVENANCE_TYPE,
            Self::ProvenanceV02(_) => PROVENANCE_V0_2_TYPE,
            Self::Publish(_) => PUBLISH_TYPE,
            Self::VerificationSummary(_) => VSA_TYPE,
            Self::SimpleVerificationResult(_) => SVR_TYPE,
            Self::TestResult(_) => TEST_RESULT_TYPE,
            Self::Link(_) => LINK_V0_3_TYPE,
            Self::Scai(_) => SCAI_V0_3_TYPE,
            Self::RebuildResult(_) => REBUILD_RESULT_TYPE,
            Self::Spdx(_) => SPDX_TYPES[0],
            Self::CycloneDx(_) => CYCLONEDX_TYPES[0],
            Self::Other { predicate_type, .. } => predicate_type,
        }
    }
}

/// Whether a statement of this version may carry a predicate of this type.
///
/// Statement v1 may carry any. Statement v0.1, whose subjects have a name and digests as v1's have, is
/// taken only for the types that are really signed in it: provenance v0.2 and v1 (slsa-github-generator;
/// `cosign attest`, which GitLab uses, knows no other version), link v0.2, SCAI v0.2 and bills of
/// materials. Types that came after v1 are not taken in v0.1: nothing signs them so, and the fewer forms
/// of one claim there are, the fewer there are to confuse.
pub fn statement_type_fits(statement_type: &str, predicate_type: &str) -> bool {
    match statement_type {
        STATEMENT_TYPE => true,
        STATEMENT_V0_1_TYPE => {
            matches!(
                predicate_type,
                PROVENANCE_TYPE | PROVENANCE_V0_2_TYPE | LINK_V0_2_TYPE | SCAI_V0_2_TYPE
            ) || SPDX_TYPES.contains(&predicate_type)
                || CYCLONEDX_TYPES.contains(&predicate_type)
        }
        _ => false,
    }
}

/// Reads a known type; the message says where.
fn typed<'de, T: Deserialize<'de>>(name: &str, value: &'de Value) -> Result<T, Refusal> {
    document::read(value).map_err(|error| malformed(format!("predicate {name}{error}")))
}

fn provenance<'de, T: Deserialize<'de>>(name: &str, value: &'de Value) -> Result<T, Refusal> {
    typed(name, value).map_err(|refusal| Refusal { reason: Reason::ProvenanceMalformed, ..refusal })
}

/// A refusal of a predicate that says what is wrong in it.
pub(super) fn malformed(found: impl Into<String>) -> Refusal {
    Refusal::new(Reason::PredicateMalformed).found(found)
}

#[cfg(test)]
mod tests;
