//! Further attestations that a rule demands, or of which it takes none: by type, by signer, by age, and by what they
//! say.

use std::collections::BTreeSet;
use std::fmt;

use chrono::TimeDelta;

use super::expression::Expression;
use super::signers::Signers;
use crate::attestation::level::Level;
use crate::attestation::predicate::Predicate;
use crate::attestation::statement::ResourceDescriptor;
use crate::attestation::vsa::{VerificationResult, VerificationSummary};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal};
use crate::verdict::{FILE_RESOURCE, RELEASE_RESOURCE, resource_of};

/// An attestation that is demanded or forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// `rules[N].require[M]` or `rules[N].forbid[M]`.
    pub name: String,
    /// The predicate type, compared whole.
    pub predicate_type: String,
    /// Whose attestations count.
    pub signers: Signers,
    /// How long ago it may have been signed.
    pub max_age: Option<TimeDelta>,
    /// What a summary of a verification must say.
    pub summary: Option<Summary>,
    /// What must hold of the predicate.
    pub condition: Option<Expression>,
}

impl Demand {
    /// Whether, forbidden, it forbids whatever would meet another one that is required.
    pub(super) fn forbids_all_of(&self, required: &Self) -> bool {
        let (mine, others) = (&self.signers, &required.signers);
        let signed = others.keys.is_subset(&mine.keys)
            && others.identities.iter().all(|it| mine.identities.contains(it));
        let aged = match (self.max_age, required.max_age) {
            (None, _) => true,
            (Some(mine), Some(other)) => other <= mine,
            (Some(_), None) => false,
        };
        let held = self.condition.is_none() || self.condition == required.condition;
        self.predicate_type == required.predicate_type && signed && aged && held
    }
}

/// What a summary of a verification must say: an SLSA VSA v1 (SLSA 1.2, "Verification Summary Attestation", "How to
/// verify"), or an in-toto SVR v0.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The id of the verifier, compared whole.
    pub verifier: String,
    /// The digests of the policies of which one must have been applied; empty for any.
    pub policies: BTreeSet<Sha256Digest>,
    /// As which resource the file was verified; a VSA alone says so.
    pub resource: Option<Resource>,
    /// The levels and properties that must have been verified. A level of a track stands for those below it.
    pub levels: BTreeSet<String>,
}

/// A resource URI in which `{name}`, `{version}` and `{filename}` are the file's, each with `%` for what a URI does not
/// hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource(pub String);

impl Summary {
    /// The steps of "How to verify" behind the signature: verifier, resource, result, levels; and the policy.
    pub(super) fn judge(&self, predicate: &Predicate, file: &DistFilename) -> Result<(), Refusal> {
        match predicate {
            Predicate::VerificationSummary(it) => {
                self.verifier(&it.verifier.id)?;
                self.resource(it, file)?;
                if it.verification_result != VerificationResult::Passed {
                    return Err(Refusal::new(Reason::SummaryFailed)
                        .expected("verificationResult PASSED")
                        .found("FAILED"));
                }
                self.policy([&it.policy].into_iter())?;
                self.levels(&it.verified_levels)
            }
            Predicate::SimpleVerificationResult(it) => {
                self.verifier(&it.verifier.id)?;
                self.policy(it.verifier.policies.iter())?;
                self.levels(&it.properties)
            }
            other => Err(Refusal::new(Reason::PredicateTypeWrong)
                .expected("a summary of a verification")
                .found(other.type_uri())),
        }
    }

    fn verifier(&self, found: &str) -> Result<(), Refusal> {
        if found == self.verifier {
            return Ok(());
        }
        Err(Refusal::new(Reason::SummaryOfAnotherVerifier)
            .expected(self.verifier.clone())
            .found(found))
    }

    /// The resource that was verified is this file: the one that the rule names, or the package URL of its release,
    /// with or without the file's name.
    fn resource(&self, found: &VerificationSummary, file: &DistFilename) -> Result<(), Refusal> {
        let wanted = match &self.resource {
            Some(resource) => vec![resource_of(&resource.0, file)],
            None => [RELEASE_RESOURCE, FILE_RESOURCE].map(|it| resource_of(it, file)).to_vec(),
        };
        if wanted.contains(&found.resource_uri) {
            return Ok(());
        }
        Err(Refusal::new(Reason::SummaryOfAnotherResource)
            .expected_all(wanted)
            .found(found.resource_uri.clone()))
    }

    fn policy<'a>(
        &self,
        found: impl Iterator<Item = &'a ResourceDescriptor> + Clone,
    ) -> Result<(), Refusal> {
        let is_one = |it: &ResourceDescriptor| {
            let digest = it.digest.get("sha256").and_then(|text| text.parse().ok());
            digest.is_some_and(|digest: Sha256Digest| self.policies.contains(&digest))
        };
        if self.policies.is_empty() || found.clone().any(is_one) {
            return Ok(());
        }
        let shown = found.map(|it| it.digest.get("sha256").map_or("no sha256", String::as_str));
        Err(Refusal::new(Reason::SummaryByAnotherPolicy)
            .expected_all(self.policies.iter().map(ToString::to_string))
            .found(shown.collect::<Vec<_>>().join(", ")))
    }

    fn levels(&self, found: &[String]) -> Result<(), Refusal> {
        let has = |wanted: &str| found.iter().any(|it| Level::of(it).includes(&Level::of(wanted)));
        let missing = self.levels.iter().find(|wanted| !has(wanted));
        missing.map_or(Ok(()), |missing| {
            Err(Refusal::new(Reason::SummaryLevelMissing)
                .expected(missing.clone())
                .found(found.join(", ")))
        })
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.predicate_type)?;
        if let Some(summary) = &self.summary {
            write!(f, " of {}", summary.verifier)?;
        }
        match &self.condition {
            Some(condition) => write!(f, " where {condition}"),
            None => Ok(()),
        }
    }
}
