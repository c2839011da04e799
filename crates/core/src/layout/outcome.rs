//! What became of a layout, as a report on each file.

use chrono::{DateTime, Utc};

use super::artifacts::{Chain, apply};
use super::link::{Inspected, Link};
use super::model::Inspection;
use super::names::StepName;
use super::pattern::Work;
use crate::digest::Sha256Digest;
use crate::report::{Check, CheckName, FileSeen, PolicyUsed, Reason, Refusal, Report, Status};
use crate::verify::Artifact;

/// What became of a layout and its links, before any file is held against it.
#[derive(Debug, Clone)]
pub struct Outcome {
    sha256: Sha256Digest,
    now: DateTime<Utc>,
    checks: Vec<Check>,
    notes: Vec<String>,
    pub(super) held: Option<Held>,
}

/// The links of a layout for which everything held. Made by [`verify`](super::verify::verify) and nowhere else.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The last step.
    pub(super) last: StepName,
    /// Of every step.
    pub(super) chain: Chain,
    /// What is yet to be run over each file.
    pub(super) inspections: Vec<Inspection>,
    /// That may be made of the rules of inspections, for each file.
    pub(super) comparisons: u64,
}

/// The checks of a layout, in order; those of the file come after them.
const CHECKS: [CheckName; 5] = [
    CheckName::LayoutSignature,
    CheckName::Layout,
    CheckName::LayoutExpiry,
    CheckName::Links,
    CheckName::ArtifactRules,
];

impl Outcome {
    /// What the checks found that held, and how it ended: with the links, or with why the next check did not hold.
    pub(super) fn new(
        sha256: Sha256Digest,
        now: DateTime<Utc>,
        passed: Vec<Option<String>>,
        notes: Vec<String>,
        ended: Result<Held, Refusal>,
    ) -> Self {
        let mut checks: Vec<_> = CHECKS
            .into_iter()
            .zip(passed)
            .map(|(name, found)| Check { name, status: Status::Passed(found) })
            .collect();
        let held = ended.map_err(|refusal| {
            let mut left = CHECKS.into_iter().skip(checks.len());
            if let Some(failed) = left.next() {
                checks.push(Check { name: failed, status: Status::Failed(refusal) });
                checks.extend(left.map(|name| Check { name, status: Status::NotRun(failed) }));
            }
        });
        Self { sha256, now, checks, notes, held: held.ok() }
    }

    /// Whether anything is to be run over files at all.
    pub fn has_inspections(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.inspections.is_empty())
    }

    /// What is to be run over a file, one after the other in one folder that holds a copy of it and nothing else: none
    /// unless everything else holds of it, so that nothing is run over a file that nobody vouches for.
    pub fn inspections_of(&self, artifact: &Artifact) -> &[Inspection] {
        match &self.held {
            Some(held) if artifact.contents.is_ok() && held.product(artifact).is_ok() => {
                &held.inspections
            }
            _ => &[],
        }
    }

    /// The report on a file, which is accepted only if the whole chain holds, the file is of its end, and each of
    /// [`Outcome::inspections_of`] was run over it, as `inspected` has it, and found nothing. `path` is where the
    /// layout was read from.
    pub fn report(&self, artifact: &Artifact, inspected: &[Inspected], path: &str) -> Report {
        let archive = match &artifact.contents {
            Ok(_) => Status::Passed(None),
            Err(refusal) => Status::Failed(refusal.clone()),
        };
        let mut checks = vec![Check { name: CheckName::Archive, status: archive }];
        checks.extend(self.checks.iter().cloned());
        let failed = self.checks.iter().find(|check| !check.holds()).map(|check| check.name);
        let product = match (&self.held, failed) {
            (Some(held), None) => match held.product(artifact) {
                Ok(found) => Status::Passed(Some(found)),
                Err(refusal) => Status::Failed(refusal),
            },
            (_, failed) => Status::NotRun(failed.unwrap_or(CheckName::Layout)),
        };
        checks.push(Check { name: CheckName::Product, status: product });
        let failed = checks.iter().find(|check| !check.holds()).map(|check| check.name);
        let inspections = match (&self.held, failed) {
            (Some(held), _) if held.inspections.is_empty() => Status::NotRequired,
            (Some(held), None) => match held.inspect(artifact, inspected) {
                Ok(found) => Status::Passed(Some(found)),
                Err(refusal) => Status::Failed(refusal),
            },
            (_, failed) => Status::NotRun(failed.unwrap_or(CheckName::Layout)),
        };
        checks.push(Check { name: CheckName::Inspections, status: inspections });
        let file = FileSeen { filename: artifact.name.clone(), sha256: artifact.sha256 };
        let policy = PolicyUsed {
            path: path.to_owned(),
            sha256: self.sha256,
            rule: None,
            line: None,
            signed: None,
            includes: Vec::new(),
        };
        Report::new(file, policy, self.now, self.notes.clone(), checks)
    }
}

impl Held {
    /// The product that a file is: of its name, wherever it was put, and of its bytes.
    fn product(&self, artifact: &Artifact) -> Result<String, Refusal> {
        let unknown = |count: usize| {
            Refusal::new(Reason::ProductUnknown)
                .expected(format!("one of the {count} products of the step `{}`", self.last))
                .found(format!("`{}`", artifact.name))
        };
        let Some(link) = self.chain.get(self.last.as_str()) else { return Err(unknown(0)) };
        let sha256 = artifact.sha256.to_string();
        let named = link
            .products
            .iter()
            .filter(|(name, _)| name.rsplit('/').next().is_some_and(|last| last == artifact.name));
        let mut others = Vec::new();
        for (name, digests) in named {
            match digests.get("sha256") {
                Some(digest) if *digest == sha256 => {
                    return Ok(format!("`{name}` of the step `{}`", self.last));
                }
                other => others.extend(other.map(|it| format!("sha256 {it} of `{name}`"))),
            }
        }
        Err(match others.is_empty() {
            true => unknown(link.products.len()),
            false => Refusal::new(Reason::ProductDigestMismatch)
                .expected_all(others)
                .found(format!("sha256 {sha256}")),
        })
    }

    /// Holds what was run over a file against the rules, which may name steps and other inspections (in-toto
    /// specification v1.0, 5.2).
    pub(super) fn inspect(
        &self,
        artifact: &Artifact,
        inspected: &[Inspected],
    ) -> Result<String, Refusal> {
        let failed = |name: &StepName, what: &str| {
            Refusal::new(Reason::InspectionFailed)
                .expected(format!("the inspection `{name}`, ended with status 0"))
                .found(what)
        };
        let mut chain = self.chain.clone();
        let mut inspected = inspected.iter();
        for (at, inspection) in self.inspections.iter().enumerate() {
            let name = &inspection.name;
            let Some(inspected) = inspected.next() else {
                return Err(failed(name, "it was not run"));
            };
            // One that looked at something else says nothing of this file.
            let alone = inspected.materials.len() == 1
                && inspected.materials.get(&artifact.name) == Some(&artifact.sha256);
            if at == 0 && !alone {
                return Err(failed(name, "it was run over something else than this file"));
            }
            inspected.ended.as_ref().map_err(|ended| failed(name, ended))?;
            chain.insert(name.as_str().to_owned(), Link::inspected(inspected)?);
        }
        let work = Work::new(self.comparisons);
        for inspection in &self.inspections {
            apply(inspection.into(), &chain, &work)?;
        }
        let names: Vec<_> = self.inspections.iter().map(|it| format!("`{}`", it.name)).collect();
        Ok(names.join(", "))
    }
}
