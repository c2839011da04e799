//! What is signed of a file beside what decides: whether it gives what a rule demands, and nothing that it forbids.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};

use super::demand::Demand;
use super::evaluate::{rebuild_required, revoked, young};
use super::expression::{Document, FileFacts, PredicateFacts};
use super::rebuild::Rebuilders;
use super::schema::{Policy, Rule};
use crate::attestation::predicate::Predicate;
use crate::attestation::rebuild_result::{REBUILD_RESULT_TYPE, RebuildResult};
use crate::attestation::statement::Statement;
use crate::compare::RebuildOutcome;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};
use crate::trust::{KeyId, SignerIdentity};

/// What somebody said of the file whose signature held: the statement is about exactly these bytes.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Which attestation it is, of those that were given, and where it is from.
    pub(crate) index: usize,
    pub(crate) from: String,
    /// Whether the statement names the file, too: what does not can only be forbidden.
    pub(crate) is_named: bool,
    /// Who signed.
    pub(crate) signer: SignerIdentity,
    /// The key that did.
    pub(crate) key: Option<KeyId>,
    /// When, by every log and authority that vouches for a time.
    pub(crate) times: Vec<DateTime<Utc>>,
    /// What was signed.
    pub(crate) statement: Statement,
    /// The predicate as conditions look at it, made once.
    pub(crate) document: OnceCell<Document>,
}

/// Everything that was said beside, the file, the rule that is asked, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) rule: &'a Rule,
    pub(crate) file: &'a DistFilename,
    pub(crate) sha256: Sha256Digest,
    pub(crate) now: DateTime<Utc>,
    pub(crate) said: &'a [Said],
    /// The digests of the attestations whose provenance held.
    pub(crate) provenance: &'a [Sha256Digest],
    /// What could not be read of what was given.
    pub(crate) unread: &'a [Unread],
}

/// Something that could not be read: a file of attestations, or what somebody signed.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// Where it is from.
    pub(crate) from: String,
    /// Who signed it, where that is known.
    pub(crate) signer: Option<SignerIdentity>,
}

/// How a check ended, and on which attestations that rests.
#[derive(Debug)]
pub(crate) struct Rests {
    pub(crate) status: Status,
    pub(crate) on: Vec<usize>,
}

impl From<Status> for Rests {
    fn from(status: Status) -> Self {
        Self { status, on: Vec::new() }
    }
}

impl Beside<'_> {
    /// Each attestation that the rule demands is there.
    pub(crate) fn required(&self) -> Rests {
        if self.rule.required.is_empty() {
            return Status::NotRequired.into();
        }
        let (mut found, mut on) = (Vec::new(), Vec::new());
        for demand in &self.rule.required {
            match self.met(demand) {
                Ok(said) => {
                    found.push(format!("{} by {}", demand.predicate_type, said.signer));
                    on.push(said.index);
                }
                Err(refusal) => return Status::Failed(refusal).into(),
            }
        }
        Rests { status: Status::Passed(Some(found.join(", "))), on }
    }

    /// None of the attestations that the rule forbids is there.
    ///
    /// Whoever can keep an attestation from the verifier keeps it from being seen, so this stops accidents and what is
    /// published, and is no defence against who brings the file.
    pub(crate) fn forbidden(&self) -> Status {
        if self.rule.forbidden.is_empty() {
            return Status::NotRequired;
        }
        // What could be one of them counts as one.
        let could_be = |unread: &&Unread| match &unread.signer {
            None => true,
            Some(signer) => self
                .rule
                .forbidden
                .iter()
                .any(|demand| matches!(demand.signers.judge(signer, false), Status::Passed(_))),
        };
        if let Some(unread) = self.unread.iter().find(could_be) {
            return Status::Failed(
                Refusal::new(Reason::AttestationForbidden)
                    .expected("attestations that can be read: some are forbidden")
                    .found(format!("{}, which cannot be read", unread.from)),
            );
        }
        let banned = |demand: &Demand| self.said.iter().find(|said| self.is_banned(demand, said));
        let mut demands = self.rule.forbidden.iter();
        match demands.find_map(|demand| Some((demand, banned(demand)?))) {
            None => Status::Passed(None),
            Some((demand, said)) => Status::Failed(
                Refusal::new(Reason::AttestationForbidden)
                    .expected(format!("none of type {} ({})", demand.predicate_type, demand.name))
                    .found(format!("{}, by {}", said.from, said.signer)),
            ),
        }
    }

    /// Whether an attestation is one that is forbidden. What cannot be read or judged of it counts against the file,
    /// and so does one by a signer who was revoked since: a revocation takes nothing back that refuses.
    fn is_banned(&self, demand: &Demand, said: &Said) -> bool {
        let is_of = said.statement.predicate_type == demand.predicate_type
            && matches!(demand.signers.judge(&said.signer, false), Status::Passed(_));
        let age = |max_age| young(max_age, said.times.iter().copied(), self.now);
        let is_old =
            !said.times.is_empty() && demand.max_age.is_some_and(|max_age| age(max_age).is_err());
        if !is_of || is_old {
            return false;
        }
        if Predicate::read(&said.statement).is_err() {
            return true;
        }
        let held = demand.condition.as_ref().map_or(Ok(()), |it| it.judge(&self.facts(said)));
        !held.is_err_and(|refusal| refusal.reason == Reason::ExpressionNotHeld)
    }

    /// A rebuild that the rule asks for, as the results of those say whom it names; without them nothing was built yet.
    pub(crate) fn rebuilt(&self) -> Rests {
        let rule = &self.rule.rebuild;
        if !rule.asks(self.sha256, self.policy.sha256()) {
            return Status::NotRequired.into();
        }
        let Some(rebuilders) = &rule.rebuilders else {
            return Status::Failed(rebuild_required().found("no rebuild was made")).into();
        };
        // What another machine could not show, nobody has shown.
        let taken = |outcome: &RebuildOutcome| {
            !matches!(outcome, RebuildOutcome::Inconclusive { .. }) && rule.takes(outcome)
        };
        let (found, on) = self.those_who_got(rebuilders, taken);
        if found.len() >= rebuilders.at_least {
            let status = Status::Passed(Some(format!("rebuilt alike by {}", found.join(", "))));
            return Rests { status, on };
        }
        let wanted = format!(
            "results of {} different rebuilders that got the same from the provenance that held",
            rebuilders.at_least
        );
        let found = match found.len() {
            0 => "none".to_owned(),
            count => format!("{count}: {}", found.join(", ")),
        };
        let refusal = Refusal::new(Reason::RebuildersTooFew).expected(wanted).found(found);
        Status::Failed(refusal).into()
    }

    /// How many of the rebuilders whom the rule names got the very same bytes, and which attestations say so.
    pub(crate) fn reproduced(&self) -> (usize, Vec<usize>) {
        let identical = |outcome: &RebuildOutcome| *outcome == RebuildOutcome::Identical;
        let rebuilders = self.rule.rebuild.rebuilders.as_ref();
        let found = rebuilders.map(|it| self.those_who_got(it, identical));
        found.map_or((0, Vec::new()), |(names, on)| (names.len(), on))
    }

    /// The different rebuilders with a result that is taken, and which attestations those are.
    fn those_who_got(
        &self,
        rebuilders: &Rebuilders,
        taken: impl Fn(&RebuildOutcome) -> bool,
    ) -> (Vec<String>, Vec<usize>) {
        let results = self.said.iter().filter(|it| {
            it.is_named
                && it.statement.predicate_type == REBUILD_RESULT_TYPE
                && revoked(self.policy, &it.signer).is_none()
                && matches!(rebuilders.signers.judge(&it.signer, false), Status::Passed(_))
        });
        let taken: Vec<_> = results
            .filter(|it| match Predicate::read(&it.statement) {
                Ok(Predicate::RebuildResult(it)) => self.shows(&it) && taken(&it.outcome),
                _ => false,
            })
            .collect();
        let keyed = taken.iter().filter_map(|it| Some((&it.signer, it.key.clone()?)));
        let found = rebuilders.signers.different(keyed, false);
        (found, taken.iter().map(|it| it.index).collect())
    }

    /// Whether a result can show anything of this file: it was made by now, from provenance that held here, and says
    /// nothing that contradicts itself. That somebody rebuilt what other provenance says shows nothing of this one.
    fn shows(&self, result: &RebuildResult) -> bool {
        let from = result.attestation.digest.get("sha256").and_then(|text| text.parse().ok());
        let contradicts = match &result.outcome {
            RebuildOutcome::Identical => result.rebuilt != Some(self.sha256),
            // Of other bytes from another environment nothing is known.
            _ => result.rebuilt.is_none() || !result.drift.is_empty(),
        };
        from.is_some_and(|from| self.provenance.contains(&from))
            && result.finished_on <= self.now
            && !contradicts
    }

    /// The attestation that meets a demand.
    ///
    /// # Errors
    /// [`Reason::AttestationRequired`] where there is none of its type, and otherwise what keeps the one that came
    /// furthest from meeting it.
    fn met(&self, demand: &Demand) -> Result<&Said, Refusal> {
        let mut furthest = None;
        let of_type = |it: &&Said| it.statement.predicate_type == demand.predicate_type;
        for said in self.said.iter().filter(|it| it.is_named).filter(of_type) {
            match self.met_by(demand, said) {
                Ok(()) => return Ok(said),
                Err((step, refusal)) => {
                    if furthest.as_ref().is_none_or(|(other, _)| step > *other) {
                        furthest = Some((step, refusal));
                    }
                }
            }
        }
        Err(match furthest {
            Some((_, mut refusal)) => {
                let found = refusal.found.take().unwrap_or_else(|| "none".to_owned());
                let what = format!("{} that {} asks for", demand.predicate_type, demand.name);
                refusal.found(format!("{found}, in the {what}"))
            }
            None => Refusal::new(Reason::AttestationRequired)
                .expected(format!("{} ({})", demand.predicate_type, demand.name))
                .found("none about this file by a signer whom the policy knows"),
        })
    }

    /// Whether one attestation meets a demand, or at which of the steps it does not.
    fn met_by(&self, demand: &Demand, said: &Said) -> Result<(), (usize, Refusal)> {
        if let Some(refusal) = revoked(self.policy, &said.signer) {
            return Err((0, refusal));
        }
        if let Status::Failed(refusal) = demand.signers.judge(&said.signer, false) {
            return Err((0, refusal));
        }
        // What is of a type that is known is read as that, in full.
        let predicate = Predicate::read(&said.statement).map_err(|refusal| (1, refusal))?;
        if let Some(summary) = &demand.summary {
            summary.judge(&predicate, self.file).map_err(|refusal| (2, refusal))?;
        }
        self.is_young(demand, &predicate, said).map_err(|refusal| (3, refusal))?;
        let Some(condition) = &demand.condition else { return Ok(()) };
        condition.judge(&self.facts(said)).map_err(|refusal| (4, refusal))
    }

    /// Why an attestation does not meet a demand, if so.
    pub(super) fn not_met(&self, demand: &Demand, said: &Said) -> Option<Refusal> {
        if !said.is_named {
            let found = "a statement that does not name the file";
            return Some(Refusal::new(Reason::SubjectNameMismatch).found(found));
        }
        self.met_by(demand, said).err().map(|(_, refusal)| refusal)
    }

    /// Why an attestation is none of those that are forbidden, if so.
    pub(super) fn not_banned(&self, demand: &Demand, said: &Said) -> Option<Refusal> {
        if self.is_banned(demand, said) {
            return None;
        }
        // Of several reasons, that of the step at which a required one would fail.
        let other = || Refusal::new(Reason::ExpressionNotHeld).found("not what is forbidden");
        Some(self.met_by(demand, said).err().map_or_else(other, |(_, refusal)| refusal))
    }

    fn facts<'s>(&'s self, said: &'s Said) -> PredicateFacts<'s> {
        PredicateFacts {
            predicate: said.document.get_or_init(|| Document::of(&said.statement.predicate)),
            file: FileFacts::of(self.file, self.sha256),
            now: self.now.timestamp(),
            signed: said.times.iter().min().map_or(0, DateTime::timestamp),
        }
    }

    /// It is as new as asked, by each time that is vouched for, and by the one that a summary states itself.
    fn is_young(&self, demand: &Demand, predicate: &Predicate, said: &Said) -> Result<(), Refusal> {
        let stated = match predicate {
            Predicate::VerificationSummary(it) => it.time_verified,
            Predicate::SimpleVerificationResult(it) => Some(it.time_created),
            _ => None,
        };
        if let Some(later) = stated.filter(|time| *time > self.now) {
            return Err(Refusal::new(Reason::SignedLater)
                .expected(format!("not after {}", self.now.to_rfc3339()))
                .found(format!("verified at {}", later.to_rfc3339())));
        }
        let Some(max_age) = demand.max_age else { return Ok(()) };
        young(max_age, said.times.iter().copied().chain(stated), self.now)
    }
}
