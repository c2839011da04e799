//! What the policies that a policy includes say of a file: each is asked by itself, and all must accept.

use super::{Artifact, Held, Outcome, Owed, VerifiedBuild, VerifiedProvenance};
use crate::attestation::pep517::Pep517Build;
use crate::policy::{DemandTold, Include, Policy, RebuildRule, evaluate};
use crate::report::{Check, CheckName, IncludeUsed, Reason, Refusal, Report, Status, TrustUsed};

/// What one included policy says.
struct Said {
    used: IncludeUsed,
    /// Why it refuses, a rebuild that was not made left out.
    refusal: Option<Refusal>,
    trust: Vec<TrustUsed>,
    provenance: Option<VerifiedProvenance>,
    rebuild: Option<RebuildRule>,
    owed: Vec<Owed>,
    held: Vec<Held>,
    independent_builders: usize,
    demands_met: bool,
    demands: Vec<DemandTold>,
}

/// Adds to what a policy itself decides what its includes do, each of which `alone` asks. An include that accepts
/// changes nothing.
pub(super) fn composed(
    mut outcome: Outcome,
    artifact: &Artifact,
    policy: &Policy,
    alone: impl Fn(&Policy) -> Outcome,
) -> Outcome {
    if policy.includes().is_empty() {
        return outcome;
    }
    let mut all: Vec<_> =
        policy.includes().iter().map(|include| said(include, artifact, &alone)).collect();
    let provenance = chosen(&outcome, &mut all);
    let refused = all.iter().find_map(|it| Some((&it.used, it.refusal.as_ref()?)));
    let status = match refused {
        None => Status::Passed(Some(match all.len() {
            1 => "by the included policy".to_owned(),
            count => format!("by {count} included policies"),
        })),
        Some((used, refusal)) => Status::Failed(refusal_of(used, refusal)),
    };
    // Nothing is known as verified that one of them refuses, the policy itself included.
    let owed = |it: &Check| {
        matches!(it.reason(), Some(Reason::RebuildRequired | Reason::RebuildersTooFew))
    };
    let held = outcome.report.checks().iter().all(|it| it.holds() || owed(it));
    outcome.provenance = provenance.filter(|_| held && refused.is_none());
    // A rebuild has to show what each of those takes who ask for one.
    let top = outcome.rebuild.take().filter(|_| asks_here(&outcome.report));
    let asking = all.iter().filter(|it| it.used.rebuild).filter_map(|it| it.rebuild.clone());
    outcome.rebuild = top.into_iter().chain(asking).reduce(|one, other| one.and(&other));
    let mut report = outcome.report;
    let asks = all.iter().find(|it| it.used.rebuild);
    if let Some(asks) = asks.filter(|_| rebuild_is_open(&report)) {
        let refusal = evaluate::rebuild_required();
        let found = format!("no rebuild was made, which {} asks for", place(&asks.used));
        report = report.with(CheckName::Rebuild, Status::Failed(refusal.found(found)));
    }
    for said in all {
        outcome.owed.extend(said.owed);
        outcome.held.extend(said.held);
        outcome.demands_met |= said.demands_met;
        outcome.demands.extend(said.demands);
        outcome.independent_builders = outcome.independent_builders.max(said.independent_builders);
        for used in
            said.trust.into_iter().filter(|it| !report.trust.contains(it)).collect::<Vec<_>>()
        {
            report.notes.extend(used.note());
            report.trust.push(used);
        }
        report.policy.includes.push(said.used);
    }
    outcome.report = report.also(Check { name: CheckName::Includes, status });
    outcome
}

fn said(include: &Include, artifact: &Artifact, alone: &impl Fn(&Policy) -> Outcome) -> Said {
    let policy = include.policy();
    let mut used = IncludeUsed {
        path: policy.path().to_owned(),
        sha256: policy.sha256(),
        rule: None,
        line: None,
        reason: None,
        rebuild: false,
    };
    if !include.asks() {
        // A name that cannot be read is refused before any policy is asked.
        let refusal =
            artifact.filename.as_ref().ok().and_then(|file| {
                match evaluate::not_revoked(policy, file, artifact.sha256) {
                    Status::Failed(refusal) => Some(refusal),
                    _ => None,
                }
            });
        used.reason = refusal.as_ref().map(|it| it.reason);
        return Said {
            used,
            refusal,
            trust: Vec::new(),
            provenance: None,
            rebuild: None,
            owed: Vec::new(),
            held: Vec::new(),
            independent_builders: 0,
            demands_met: false,
            demands: Vec::new(),
        };
    }
    let Outcome {
        report,
        provenance,
        rebuild,
        owed,
        held,
        independent_builders,
        demands_met,
        demands,
        ..
    } = alone(policy);
    let mut refusal = None;
    for check in report.checks().iter().filter(|check| !check.holds()) {
        let because = match &check.status {
            Status::Failed(it) if it.reason == Reason::RebuildRequired => {
                used.rebuild = true;
                continue;
            }
            Status::Failed(it) => it.clone(),
            // The one that kept it from being made failed before it; if none did, nothing is known.
            _ => Refusal::new(Reason::ProjectNotNamed).found("a check that was not made"),
        };
        refusal = refusal.or(Some(because));
    }
    used.reason = refusal.as_ref().map(|it| it.reason);
    (used.rule, used.line) = (report.policy.rule, report.policy.line);
    Said {
        demands_met,
        demands,
        used,
        refusal,
        trust: report.trust,
        provenance,
        rebuild,
        owed,
        held,
        independent_builders,
    }
}

/// The provenance that a rebuild is made from: of a policy that asks for one, where any does. Where several do, each
/// must take the same build: of another one, a rebuild would show it nothing.
fn chosen(outcome: &Outcome, all: &mut [Said]) -> Option<VerifiedProvenance> {
    let own = outcome.provenance.as_ref();
    let top_asks = asks_here(&outcome.report);
    let asking = || all.iter().filter(|it| it.used.rebuild).filter_map(|it| it.provenance.as_ref());
    let any = || all.iter().filter_map(|it| it.provenance.as_ref());
    let chosen = match top_asks {
        true => own,
        false => asking().next().or(own).or_else(|| any().next()),
    };
    let chosen = chosen.cloned();
    for said in all.iter_mut().filter(|it| it.used.rebuild && it.refusal.is_none()) {
        if build(said.provenance.as_ref()) != build(chosen.as_ref()) {
            let refusal = evaluate::rebuild_required();
            said.used.reason = Some(refusal.reason);
            said.refusal = Some(refusal.found("of another build than the other policies take"));
        }
    }
    chosen
}

/// Whether a report asks for a rebuild that is made here.
fn asks_here(report: &Report) -> bool {
    report.checks().iter().any(|it| it.reason() == Some(Reason::RebuildRequired))
}

fn build(provenance: Option<&VerifiedProvenance>) -> Option<&Pep517Build> {
    provenance.and_then(VerifiedProvenance::build).map(VerifiedBuild::get)
}

/// Whether the policy itself asks for no rebuild.
fn rebuild_is_open(report: &Report) -> bool {
    let mut checks = report.checks().iter();
    checks.any(|it| it.name == CheckName::Rebuild && it.holds())
}

/// An include's refusal, with its place.
fn refusal_of(used: &IncludeUsed, refusal: &Refusal) -> Refusal {
    let found = refusal.found.as_deref().unwrap_or("none");
    let found = format!("{found}; refused by {}, sha256 {}", place(used), used.sha256);
    Refusal { found: Some(found), ..refusal.clone() }
}

fn place(used: &IncludeUsed) -> String {
    match (&used.rule, used.line) {
        (Some(rule), Some(line)) => format!("{rule} in `{}:{line}`", used.path),
        _ => format!("`{}`", used.path),
    }
}
