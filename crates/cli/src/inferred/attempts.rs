//! Builds of one wheel, by one plan after the other, until one gives the same bytes or none is left to try.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use wheelmark_build::error::BuildError;
use wheelmark_build::infer::{Evidence, again};
use wheelmark_build::plan::BuildPlan;
use wheelmark_build::record::Machine;
use wheelmark_build::reproduce::{self, Reproduced};
use wheelmark_build::workspace::Workspace;
use wheelmark_core::compare::{self, RebuildOutcome, WheelDiff};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::CompareLimits;
use wheelmark_core::verify::Contents;

use super::Subject;
use crate::artifact;
use crate::error::{CliError, below};
use crate::input::Watched;
use crate::interrupt;
use crate::progress::Stages;

/// One build.
pub struct Attempt {
    /// The plan; with every file of its environment, where it came that far.
    pub plan: BuildPlan,
    /// How it ended.
    pub ended: Ended,
    /// What was printed.
    pub log: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

/// How one build ended.
pub struct Ended {
    /// What it showed.
    pub outcome: RebuildOutcome,
    /// The file that was built, and its digest.
    pub rebuilt: Option<(PathBuf, Sha256Digest)>,
    /// The comparison, where the files are not the same.
    pub diff: Option<WheelDiff>,
}

/// All builds of one wheel.
pub struct Attempts(pub Vec<Attempt>);

impl Attempts {
    /// The one that came nearest; the first of several.
    pub fn best(&self) -> Option<&Attempt> {
        let rank = |attempt: &&Attempt| match (&attempt.ended.outcome, &attempt.ended.diff) {
            (RebuildOutcome::Identical, _) => 0,
            (_, Some(diff)) => 1 + diff.level() as usize,
            _ => usize::MAX,
        };
        self.0.iter().min_by_key(rank)
    }
}

/// Builds by `first`, and then, for at most `builds` in all, by what the results suggest.
pub fn attempts(
    machine: &Machine,
    workspace: &Workspace,
    subject: &Subject,
    evidence: &Evidence<'_>,
    first: BuildPlan,
    builds: usize,
) -> Result<Attempts, CliError> {
    let mut attempts = Vec::new();
    let mut tried: Vec<BuildPlan> = Vec::new();
    let mut next = Some(first);
    while let Some(plan) = next.take() {
        let number = attempts.len() + 1;
        let attempt = attempt(machine, workspace, subject, plan, number)?;
        tried.push(attempt.plan.clone());
        if attempts.len() + 1 < builds && attempt.ended.outcome != RebuildOutcome::Identical {
            let printed = String::from_utf8_lossy(&attempt.log);
            let came = match (&attempt.ended.diff, &attempt.ended.outcome) {
                (Some(diff), _) => again::Came::Other(diff),
                (None, _) => again::Came::Failed(&printed),
            };
            next = again::next(evidence, &tried, came);
        }
        attempts.push(attempt);
    }
    Ok(Attempts(attempts))
}

fn attempt(
    machine: &Machine,
    workspace: &Workspace,
    subject: &Subject,
    plan: BuildPlan,
    number: usize,
) -> Result<Attempt, CliError> {
    let began = Instant::now();
    let name = format!("build-{number}");
    let log = workspace.path(&format!("{name}.log"));
    let stages = Stages::new();
    stages.begin("building");
    let made = reproduce::reproduce(machine, workspace, &plan, &subject.source, &name, &log);
    let printed = fs::read(&log).unwrap_or_default();
    let took = began.elapsed();
    let (plan, ended) = match made {
        Ok(Reproduced { built, plan, .. }) => {
            stages.begin("comparing");
            let mut ended = compared(subject, built.file, &machine.cancel)?;
            if let RebuildOutcome::Equivalent { copied, .. } = &mut ended.outcome {
                *copied = plan.copied();
            }
            (plan, ended)
        }
        Err(error) => {
            interrupt::check(&machine.cancel)?;
            (plan, failed(error, subject)?)
        }
    };
    Ok(Attempt { plan, ended, log: printed, took })
}

fn compared(
    subject: &Subject,
    built: PathBuf,
    cancel: &Arc<AtomicBool>,
) -> Result<Ended, CliError> {
    let again = artifact::read(&built, cancel)?;
    let rebuilt = Some((built.clone(), again.sha256));
    let same_name = again.name == subject.wheel.filename().as_str();
    if again.sha256 == subject.wheel.sha256() && same_name {
        return Ok(Ended { outcome: RebuildOutcome::Identical, rebuilt, diff: None });
    }
    let Ok(Contents::Wheel(other)) = &again.contents else {
        let what = "the rebuilt file is refused when it is read strictly".to_owned();
        let outcome = compare::judge_unlike(vec![what], &[]);
        return Ok(Ended { outcome, rebuilt, diff: None });
    };
    let diff = compare::diff(
        (&subject.wheel, Watched::open_quietly(&subject.path, cancel)?),
        (other, Watched::open_quietly(&built, cancel)?),
        &CompareLimits::standard(),
    );
    interrupt::check(cancel)?;
    let diff = diff.map_err(CliError::undecided)?;
    Ok(Ended { outcome: compare::judge(&diff, &[]), rebuilt, diff: Some(diff) })
}

/// A build without a file: its own failure, or something that is missing here.
fn failed(error: BuildError, subject: &Subject) -> Result<Ended, CliError> {
    let cause = below(&error.to_string(), &subject.source.folder);
    let outcome = match error {
        BuildError::Interrupted
        | BuildError::Workspace(_)
        | BuildError::Uv(_)
        | BuildError::Sandbox(_) => return Err(error.into()),
        error if error.is_of_the_build() => RebuildOutcome::BuildFailed { cause },
        _ => RebuildOutcome::Inconclusive { cause },
    };
    Ok(Ended { outcome, rebuilt: None, diff: None })
}
