//! Further attestations that a rule demands, or of which it takes none: by type, by signer, by age, and by what they
//! say.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::evaluate::{rebuild_required, revoked, young};
use super::expression::{Expression, FileFacts, PredicateFacts};
use super::rebuild::Rebuilders;
use super::schema::{Policy, Rule};
use super::signers::Signers;
use crate::attestation::level::Level;
use crate::attestation::predicate::Predicate;
use crate::attestation::rebuild_result::REBUILD_RESULT_TYPE;
use crate::attestation::statement::{ResourceDescriptor, Statement};
use crate::attestation::vsa::{VerificationResult, VerificationSummary};
use crate::compare::RebuildOutcome;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};
use crate::trust::{KeyId, SignerIdentity};
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

/// What one trusted signer said of the file: the signature held, and the statement is about exactly this file.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Who signed.
    pub(crate) signer: SignerIdentity,
    /// The key that did.
    pub(crate) key: Option<KeyId>,
    /// When, by every log and authority that vouches for a time.
    pub(crate) times: Vec<DateTime<Utc>>,
    /// What was signed.
    pub(crate) statement: Statement,
}

/// The file about which something was said, and when it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) file: &'a DistFilename,
    pub(crate) sha256: Sha256Digest,
    pub(crate) now: DateTime<Utc>,
}

/// Each attestation that the rule demands is there.
pub(crate) fn required(policy: &Policy, rule: &Rule, said: &[Said], about: About<'_>) -> Status {
    if rule.required.is_empty() {
        return Status::NotRequired;
    }
    let mut found = Vec::new();
    for demand in &rule.required {
        match demand.met(policy, said, about) {
            Ok(by) => found.push(format!("{} by {by}", demand.predicate_type)),
            Err(refusal) => return Status::Failed(refusal),
        }
    }
    Status::Passed(Some(found.join(", ")))
}

/// None of the attestations that the rule forbids is there.
///
/// Whoever can keep an attestation from the verifier keeps it from being seen, so this stops accidents and what is
/// published, and is no defence against who brings the file.
pub(crate) fn forbidden(policy: &Policy, rule: &Rule, said: &[Said], about: About<'_>) -> Status {
    let mut demands = rule.forbidden.iter();
    match demands.find_map(|it| it.met(policy, said, about).ok().map(|by| (it, by))) {
        _ if rule.forbidden.is_empty() => Status::NotRequired,
        None => Status::Passed(None),
        Some((demand, by)) => Status::Failed(
            Refusal::new(Reason::AttestationForbidden)
                .expected(format!("none of type {} ({})", demand.predicate_type, demand.name))
                .found(format!("one by {by}")),
        ),
    }
}

/// A rebuild that the rule asks for, as the results of those say whom it names; without them nothing was built yet.
pub(crate) fn rebuilt(policy: &Policy, rule: &Rule, said: &[Said], about: About<'_>) -> Status {
    if !rule.rebuild.asks(about.sha256, policy.sha256()) {
        return Status::NotRequired;
    }
    let Some(rebuilders) = &rule.rebuild.rebuilders else {
        return Status::Failed(rebuild_required().found("no rebuild was made"));
    };
    // What another machine could not show, nobody has shown.
    let taken = |outcome: &RebuildOutcome| {
        !matches!(outcome, RebuildOutcome::Inconclusive { .. }) && rule.rebuild.takes(outcome)
    };
    let found = those_who_got(rebuilders, policy, said, about, taken);
    if found.len() >= rebuilders.at_least {
        return Status::Passed(Some(format!("rebuilt alike by {}", found.join(", "))));
    }
    let wanted =
        format!("results of {} different rebuilders that got the same", rebuilders.at_least);
    Status::Failed(Refusal::new(Reason::RebuildersTooFew).expected(wanted).found(
        match found.len() {
            0 => "none".to_owned(),
            count => format!("{count}: {}", found.join(", ")),
        },
    ))
}

/// The rebuilders whom the rule names and who got the very same bytes.
pub(crate) fn reproduced(
    policy: &Policy,
    rule: &Rule,
    said: &[Said],
    about: About<'_>,
) -> Vec<String> {
    let identical = |outcome: &RebuildOutcome| *outcome == RebuildOutcome::Identical;
    let rebuilders = rule.rebuild.rebuilders.as_ref();
    rebuilders.map_or_else(Vec::new, |it| those_who_got(it, policy, said, about, identical))
}

/// The different rebuilders with a result that is taken.
fn those_who_got(
    rebuilders: &Rebuilders,
    policy: &Policy,
    said: &[Said],
    about: About<'_>,
    taken: impl Fn(&RebuildOutcome) -> bool,
) -> Vec<String> {
    let results = said.iter().filter(|it| it.statement.predicate_type == REBUILD_RESULT_TYPE);
    let taken = results.filter(|it| match Predicate::read(&it.statement) {
        // "Identical" of a file with other bytes is a contradiction, and nothing was shown by whoever signs it.
        Ok(Predicate::RebuildResult(result)) => {
            let contradicts =
                result.outcome == RebuildOutcome::Identical && result.rebuilt != Some(about.sha256);
            !contradicts && taken(&result.outcome)
        }
        _ => false,
    });
    let taken = taken.filter(|it| revoked(policy, &it.signer).is_none());
    let keyed = taken.filter_map(|it| Some((&it.signer, it.key.clone()?)));
    rebuilders.signers.different(keyed, false)
}

impl Demand {
    /// Who made an attestation that meets it.
    ///
    /// # Errors
    /// [`Reason::AttestationRequired`] where there is none of its type, and otherwise what keeps the one that came
    /// furthest from meeting it.
    fn met(&self, policy: &Policy, said: &[Said], about: About<'_>) -> Result<String, Refusal> {
        let mut furthest = None;
        for one in said.iter().filter(|it| it.statement.predicate_type == self.predicate_type) {
            match self.met_by(policy, one, about) {
                Ok(()) => return Ok(one.signer.to_string()),
                Err((step, refusal)) => {
                    if furthest.as_ref().is_none_or(|(other, _)| step > *other) {
                        furthest = Some((step, refusal));
                    }
                }
            }
        }
        Err(match furthest {
            Some((_, refusal)) => {
                refusal.expected(format!("{} of {}", self.predicate_type, self.name))
            }
            None => Refusal::new(Reason::AttestationRequired)
                .expected(format!("{} ({})", self.predicate_type, self.name))
                .found("none about this file by a signer whom the policy knows"),
        })
    }

    /// Whether one attestation meets it, or at which of the steps it does not.
    fn met_by(
        &self,
        policy: &Policy,
        said: &Said,
        about: About<'_>,
    ) -> Result<(), (usize, Refusal)> {
        if let Some(refusal) = revoked(policy, &said.signer) {
            return Err((0, refusal));
        }
        if let Status::Failed(refusal) = self.signers.judge(&said.signer, false) {
            return Err((0, refusal));
        }
        // What is of a type that is known is read as that, in full.
        let predicate = Predicate::read(&said.statement).map_err(|refusal| (1, refusal))?;
        if let Some(summary) = &self.summary {
            summary.judge(&predicate, about.file).map_err(|refusal| (2, refusal))?;
        }
        self.is_young(&predicate, said, about.now).map_err(|refusal| (3, refusal))?;
        let Some(condition) = &self.condition else { return Ok(()) };
        let sha256 = about.sha256.to_string();
        let version = about.file.version().to_string();
        let facts = PredicateFacts {
            predicate: &said.statement.predicate,
            file: FileFacts {
                name: about.file.as_str(),
                project: about.file.project().as_str(),
                version: &version,
                kind: match about.file {
                    DistFilename::Wheel(_) => "wheel",
                    DistFilename::Sdist(_) => "sdist",
                },
                sha256: &sha256,
            },
            now: about.now.timestamp(),
            signed: said.times.iter().min().map_or(0, DateTime::timestamp),
        };
        condition.judge(&facts).map_err(|refusal| (4, refusal))
    }

    /// It is as new as asked, by each time that is vouched for, and by the one that a summary states itself.
    fn is_young(
        &self,
        predicate: &Predicate,
        said: &Said,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let stated = match predicate {
            Predicate::VerificationSummary(it) => it.time_verified,
            Predicate::SimpleVerificationResult(it) => Some(it.time_created),
            _ => None,
        };
        if let Some(later) = stated.filter(|time| *time > now) {
            return Err(Refusal::new(Reason::SignedLater)
                .expected(format!("not after {}", now.to_rfc3339()))
                .found(format!("verified at {}", later.to_rfc3339())));
        }
        let Some(max_age) = self.max_age else { return Ok(()) };
        young(max_age, said.times.iter().copied().chain(stated), now)
    }
}

impl Summary {
    /// The steps of "How to verify" behind the signature: verifier, resource, result, levels; and the policy.
    fn judge(&self, predicate: &Predicate, file: &DistFilename) -> Result<(), Refusal> {
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
