//! What there is of a file: its bytes, read strictly, and its attestations. It is gathered once, under however many
//! policies it is then weighed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Check, CheckName, Decision, Report, Status};
use wheelmark_core::verify::{self, Artifact, Branches, Facts, Given, Outcome};
use wheelmark_index::FileListed;

use crate::artifact;
use crate::attestations::{self, Found};
use crate::batch::{Item, Locked, Subject, Task, Work, indexed};
use crate::error::CliError;
use crate::from_index::Asked;
use crate::progress::Files;
use crate::requirements::Requirements;

/// What to do about a file without attestations, where no index was asked.
const NOT_ASKED: &str = "no package index was asked; `--fetch-attestations` asks it";

/// What there is of one file.
pub struct Evidence {
    /// The file.
    pub artifact: Artifact,
    /// Where it is, unless it was downloaded.
    pub path: Option<PathBuf>,
    /// Its attestations.
    pub given: Vec<Given>,
    /// Where there is none, in words.
    missing: Vec<String>,
    /// How what was named as an attestation could be converted, where it cannot be read.
    advice: Option<String>,
    /// What the index says of it.
    notes: Vec<String>,
    /// The entry of a lock that it is held against.
    locked: Option<Locked>,
    /// Where the files are found that were installed for its build.
    pub requirements: Option<Arc<Requirements>>,
}

impl Evidence {
    /// A file and the attestation that was named, or what lies beside it.
    pub fn of_file(
        path: &Path,
        bundle: Option<&Path>,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Self, CliError> {
        Self::beside(path, bundle, artifact::read(path, cancel)?)
    }

    fn beside(path: &Path, bundle: Option<&Path>, artifact: Artifact) -> Result<Self, CliError> {
        let found = attestations::of(path, bundle, &AttestationLimits::standard())?;
        Ok(Self {
            path: Some(path.to_owned()),
            advice: attestations::advice(path, bundle),
            ..Self::of_artifact(artifact, found)
        })
    }

    /// A file that was read, and its attestations.
    pub fn of_artifact(artifact: Artifact, found: Found) -> Self {
        let Found { given, missing } = found;
        Self {
            artifact,
            path: None,
            given,
            missing,
            advice: None,
            notes: Vec::new(),
            locked: None,
            requirements: None,
        }
    }

    /// Holds it against a policy, and against the lock that names it.
    pub fn weigh(&self, policy: &Policy, now: DateTime<Utc>) -> Outcome {
        let limits = AttestationLimits::standard();
        let mut outcome = verify::verify(&self.artifact, &self.given, policy, now, &limits);
        if let (Some(requirements), false) = (&self.requirements, outcome.owed.is_empty()) {
            let mut artifact = self.artifact.clone();
            artifact.facts.requirements = Some(Arc::new(requirements.decide(&outcome.owed, now)));
            outcome = verify::verify(&artifact, &self.given, policy, now, &limits);
        }
        let report = &mut outcome.report;
        if self.given.is_empty() && report.decision() == Decision::Rejected {
            report.notes.extend(self.missing.iter().cloned());
        }
        let mut checks = report.checks().iter();
        if checks.any(|it| it.name == CheckName::Attestation && it.reason().is_some()) {
            report.notes.extend(self.advice.iter().cloned());
        }
        report.notes.extend(self.notes.iter().cloned());
        if let Some(locked) = &self.locked {
            let report = held_against(locked, &self.artifact, outcome.report);
            let (sha256, signers) = (self.artifact.sha256, &outcome.attested_by);
            outcome.report = locked.project.hold_to_identities(report, sha256, signers);
        }
        outcome
    }
}

/// Adds the check against a lock to what was decided.
fn held_against(locked: &Locked, artifact: &Artifact, mut report: Report) -> Report {
    let Locked { lock, project } = locked;
    let place = format!("{}:{}", lock.to_string_lossy(), project.line);
    let status = match project.admits(artifact.filename.as_ref().ok(), artifact.sha256) {
        Ok(()) => Status::Passed(Some(place)),
        Err(refusal) => {
            report.notes.push(format!("{project} is locked at `{place}`"));
            Status::Failed(refusal)
        }
    };
    report.also(Check { name: CheckName::Lock, status })
}

/// How evidence is gathered.
pub struct Gathering<'a> {
    /// The index, where it is asked.
    pub index: Option<&'a Arc<Asked>>,
    /// The attestation of the one file, where it was named.
    pub bundle: Option<&'a Path>,
    /// Whether there is one file only, whose reading is shown.
    pub alone: bool,
    /// The branches of a checkout, where one was given.
    pub branches: Option<&'a Arc<Branches>>,
    /// Where the files are found that were installed for builds.
    pub requirements: &'a Arc<Requirements>,
    /// Where what is downloaded is kept, by its name; it is not, without it.
    pub keep: Option<&'a Path>,
    /// What shows how far it came.
    pub progress: &'a Files,
    /// Ctrl-C.
    pub cancel: &'a Arc<AtomicBool>,
}

impl Gathering<'_> {
    /// Everything that there is of an item.
    pub fn gather(&self, item: &Item) -> Result<Evidence, CliError> {
        let evidence = self.gathered(item)?;
        Ok(Evidence { requirements: Some(Arc::clone(self.requirements)), ..evidence })
    }

    fn gathered(&self, item: &Item) -> Result<Evidence, CliError> {
        match (&item.subject, &item.work, self.index) {
            (_, Work::Settled(error), _) => Err(error.clone()),
            (Subject::File(path), Work::Judge(task), _) => self.local(path, task),
            (_, Work::Download(listed, locked), Some(index)) => {
                let mut artifact = index.artifact(listed, self.keep, self.progress)?;
                artifact.facts = self.facts(Some((listed, index)));
                // Beside a file that was downloaded lies nothing that its name could mean.
                let found = index.attestations(listed)?;
                let locked = locked.clone();
                Ok(Evidence {
                    notes: notes(listed),
                    locked,
                    ..Evidence::of_artifact(artifact, found)
                })
            }
            (_, Work::Judge(_) | Work::Download(..), _) => {
                Err(CliError::undecided("there is no file to verify"))
            }
        }
    }

    fn local(&self, path: &Path, task: &Task) -> Result<Evidence, CliError> {
        let read = if self.alone { artifact::read } else { artifact::read_quietly };
        let artifact = read(path, self.cancel)?;
        let mut evidence = Evidence::beside(path, self.bundle, artifact)?;
        evidence.artifact.facts = self.facts(None);
        match (&task.listed, self.index) {
            (Some(listed), Some(index)) => {
                let found = index.attestations_of(&evidence.artifact, listed)?;
                evidence.given.extend(found.given);
                evidence.missing.extend(found.missing);
                evidence.artifact.facts = self.facts(Some((listed, index)));
                evidence.notes = notes(listed);
            }
            _ => evidence.missing.push(NOT_ASKED.to_owned()),
        }
        evidence.locked.clone_from(&task.locked);
        Ok(evidence)
    }
}

impl Gathering<'_> {
    /// What is known of a file that an index lists, by its digest, or of none.
    fn facts(&self, listed: Option<(&FileListed, &Asked)>) -> Facts {
        Facts {
            index: listed.map(|(_, index)| index.url()),
            uploaded: listed.and_then(|(file, _)| file.uploaded()),
            branches: self.branches.cloned(),
            requirements: None,
        }
    }
}

fn notes(listed: &FileListed) -> Vec<String> {
    indexed::notes(listed).collect()
}
