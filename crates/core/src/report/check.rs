//! One check of a verification, and how it ended.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Reason, Refusal};

/// The checks of [`verify`](crate::verify), in the order in which it makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// The file itself, read as hostile.
    Archive,
    /// An attestation is there and can be read.
    Attestation,
    /// The policy names the project.
    PolicyRule,
    /// The envelope's signature, against the trust root.
    Signature,
    /// The signed payload is an in-toto statement.
    Statement,
    /// The statement is about a file of this name.
    SubjectName,
    /// The statement is about these bytes.
    SubjectDigest,
    /// The predicate is provenance.
    PredicateType,
    /// The build type is one that the rule accepts and this program knows.
    BuildType,
    /// The parameters are known, well-formed and agree with each other.
    Parameters,
    /// The signer is one of the rule's.
    Signer,
    /// The builder is one of the rule's.
    Builder,
    /// The source repository is the rule's.
    Source,
    /// The ref matches the rule's pattern.
    Ref,
    /// The tree was the commit's.
    CleanSource,
    /// The build was held by a sandbox.
    Isolation,
    /// The file was built again, where the rule asks for it.
    Rebuild,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It held; with the authenticated value, where there is one to show.
    Passed(Option<String>),
    /// It did not hold.
    Failed(Refusal),
    /// It could not be made because another one failed.
    NotRun(CheckName),
    /// The rule does not ask for it.
    NotRequired,
}

/// A check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub name: CheckName,
    /// How.
    pub status: Status,
}

impl CheckName {
    /// The name as reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckName::Archive => "archive",
            CheckName::Attestation => "attestation",
            CheckName::PolicyRule => "policy-rule",
            CheckName::Signature => "signature",
            CheckName::Statement => "statement",
            CheckName::SubjectName => "subject-name",
            CheckName::SubjectDigest => "subject-digest",
            CheckName::PredicateType => "predicate-type",
            CheckName::BuildType => "build-type",
            CheckName::Parameters => "parameters",
            CheckName::Signer => "signer",
            CheckName::Builder => "builder",
            CheckName::Source => "source",
            CheckName::Ref => "ref",
            CheckName::CleanSource => "clean-source",
            CheckName::Isolation => "isolation",
            CheckName::Rebuild => "rebuild",
        }
    }
}

impl Check {
    /// The reason, where it failed.
    pub fn reason(&self) -> Option<Reason> {
        match &self.status {
            Status::Failed(refusal) => Some(refusal.reason),
            _ => None,
        }
    }

    /// Whether nothing stands against accepting the file.
    pub fn holds(&self) -> bool {
        matches!(self.status, Status::Passed(_) | Status::NotRequired)
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("check", self.name.as_str())?;
        match &self.status {
            Status::Passed(found) => {
                map.serialize_entry("status", "passed")?;
                if let Some(found) = found {
                    map.serialize_entry("found", found)?;
                }
            }
            Status::Failed(refusal) => {
                map.serialize_entry("status", "failed")?;
                map.serialize_entry("reason", &refusal.reason)?;
                map.serialize_entry("explanation", refusal.reason.explanation())?;
                if !refusal.expected.is_empty() {
                    map.serialize_entry("expected", &refusal.expected)?;
                }
                if let Some(found) = &refusal.found {
                    map.serialize_entry("found", found)?;
                }
            }
            Status::NotRun(because) => {
                map.serialize_entry("status", "not-run")?;
                map.serialize_entry("because", because.as_str())?;
            }
            Status::NotRequired => map.serialize_entry("status", "not-required")?,
        }
        map.end()
    }
}
