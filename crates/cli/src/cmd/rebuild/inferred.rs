//! A rebuild by a plan: inferred from the wheel, its source and the index, or given.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use wheelmark_build::environment::interpreter::minors;
use wheelmark_build::infer::{self, Evidence, Pythons};
use wheelmark_build::plan::BuildPlan;
use wheelmark_build::sandbox::{Isolation, Tracing};
use wheelmark_core::compare::{RebuildOutcome, WheelDiff};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::Escaped;

use super::Arguments;
use crate::error::CliError;
use crate::exit::Exit;
use crate::inferred::{Attempt, Attempts, Subject, Target, attempts};
use crate::interrupt;
use crate::machine::{self, Place};
use crate::progress::Stages;
use crate::render::human::{BAD, GOOD, WARN, lines, styled};
use crate::render::{Output, json};

/// What a rebuild by a plan showed, for a program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    wheel: &'a str,
    sha256: Sha256Digest,
    source: &'a str,
    source_sha256: Sha256Digest,
    generator: Option<&'a str>,
    uploaded: Option<String>,
    #[serde(flatten)]
    outcome: &'a RebuildOutcome,
    /// `inferred`, or `given` by `--plan`.
    plan_is: &'static str,
    /// For an outcome that does not say so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    copied: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<Sha256Digest>,
    plan: &'a BuildPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a WheelDiff>,
    builds: usize,
    /// Of all builds together.
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

/// Whether the arguments ask for a rebuild by a plan.
pub fn is_asked(arguments: &Arguments) -> Result<bool, CliError> {
    let target = Target::parse(arguments.wheel())?;
    Ok(arguments.infer || arguments.plan.is_some() || target.is_of_the_index())
}

/// Refuses options of verification: nobody may believe that a policy was applied.
pub fn refuse_trust(arguments: &Arguments) -> Result<(), CliError> {
    if arguments.trust.is_given() || arguments.bundle.is_some() || arguments.sign_result {
        let what = "a rebuild by a plan has no provenance that could be verified under a policy";
        return Err(CliError::usage(what).hint(
            "give the wheel's file, its attestation and the policy without --infer or --plan",
        ));
    }
    Ok(())
}

/// Finds wheel and source, plans, builds, compares, and says what that shows.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    refuse_trust(arguments)?;
    let target = Target::parse(arguments.wheel())?;
    let cancel = interrupt::watch()?;
    let place = Place::make()?;
    let workspace = &place.workspace;
    let stages = Stages::new();
    stages.begin("finding the wheel and its source");
    let subject = Subject::find(&target, &arguments.source, &workspace.path("subject"), &cancel)?;
    check(arguments, &subject)?;
    let bounds = arguments.bounds.bounds();
    let (machine, pythons) =
        machine::find(Isolation::Bubblewrap, Tracing::Off, bounds, cancel.clone(), &place, |uv| {
            Ok(minors(uv, &cancel)?)
        })?;
    stages.end();
    let evidence = subject.evidence(Pythons(pythons));
    let (first, builds) = match &arguments.plan {
        Some(path) => (read_plan(path, &subject)?, 1),
        None => (infer::infer(&evidence), arguments.builds),
    };
    let made = attempts(&machine, workspace, &subject, &evidence, first, builds)?;
    let Some(best) = made.best() else {
        return Err(CliError::undecided("nothing was built"));
    };
    let kept = match (&arguments.keep, &best.ended.rebuilt) {
        (Some(folder), Some((file, _))) => Some(super::written::keep(arguments, file, folder)?),
        _ => None,
    };
    if let Some(path) = &arguments.write_plan {
        crate::outputs::write(path, &best.plan.text(), arguments.existing())?;
    }
    tell(arguments, &subject, &evidence, &made, best, kept, output)?;
    Ok(match best.ended.outcome {
        RebuildOutcome::Identical => Exit::Accepted,
        RebuildOutcome::Equivalent { .. } | RebuildOutcome::Different { .. } => Exit::Differs,
        _ => Exit::Inconclusive,
    })
}

/// Refuses to write over what is read, or over what is there, before anything is built.
fn check(arguments: &Arguments, subject: &Subject) -> Result<(), CliError> {
    let name = subject.wheel.filename().as_str();
    let kept = arguments.keep.as_ref().map(|folder| folder.join(name));
    let outputs = [("--write-plan", arguments.write_plan.clone()), ("--keep", kept)];
    let outputs = outputs.iter().filter_map(|(option, path)| Some((*option, path.as_deref()?)));
    let read = [Some(subject.path.clone()), arguments.plan.clone(), arguments.source.sdist.clone()];
    crate::outputs::spare(outputs.clone(), read.into_iter().flatten())?;
    match arguments.overwrite {
        true => Ok(()),
        false => outputs.map(|(_, path)| path).try_for_each(crate::outputs::refuse_existing),
    }
}

/// A plan from a file, which must be for this wheel and source.
pub fn read_plan(path: &Path, subject: &Subject) -> Result<BuildPlan, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
    let plan = BuildPlan::parse(&text).map_err(|error| {
        CliError::undecided(format!("{}: {}", crate::error::shown(path), lines(&error)))
    })?;
    let (named, tested) = (&plan.wheel.filename, subject.wheel.filename().as_str());
    if named != tested {
        let (path, named) = (crate::error::shown(path), Escaped(named));
        return Err(CliError::undecided(format!(
            "{path}: the plan is for `{named}`, and the wheel is `{}`",
            Escaped(tested)
        )));
    }
    let (of_plan, here) = (plan.source.value.sha256, subject.source.sdist.sha256());
    if of_plan != here {
        let name = Escaped(&plan.source.value.filename).to_string();
        return Err(CliError::undecided(format!(
            "{}: the plan is for the source `{name}` of sha256 {of_plan}, and the one here has sha256 {here}",
            crate::error::shown(path)
        )));
    }
    Ok(plan)
}

fn tell(
    arguments: &Arguments,
    subject: &Subject,
    evidence: &Evidence<'_>,
    made: &Attempts,
    best: &Attempt,
    kept: Option<String>,
    output: &mut Output,
) -> Result<(), CliError> {
    let rebuilt = best.ended.rebuilt.as_ref().map(|(_, sha256)| *sha256);
    let seconds: f64 = made.0.iter().map(|attempt| attempt.took.as_secs_f64()).sum();
    let sdist = &subject.source.sdist;
    if arguments.json {
        let answer = Answer {
            schema: "https://wheelmark.dev/rebuild/v1",
            wheel: subject.wheel.filename().as_str(),
            sha256: subject.wheel.sha256(),
            source: sdist.filename().as_str(),
            source_sha256: sdist.sha256(),
            generator: evidence.wheel.wheel_file().generator(),
            uploaded: subject.uploaded.map(|time| time.to_rfc3339()),
            outcome: &best.ended.outcome,
            plan_is: if arguments.plan.is_some() { "given" } else { "inferred" },
            copied: match best.ended.outcome {
                RebuildOutcome::Equivalent { .. } => None,
                _ => Some(best.plan.copied()),
            },
            rebuilt,
            plan: &best.plan,
            diff: best.ended.diff.as_ref(),
            builds: made.0.len(),
            seconds: (seconds * 1000.0).round() / 1000.0,
            kept,
        };
        return Ok(json::document(&answer, output)?);
    }
    writeln!(output, "{}", Escaped(subject.wheel.filename().as_str()))?;
    writeln!(output, "  sha256  {}", subject.wheel.sha256())?;
    writeln!(output, "  source  {} sha256 {}", Escaped(sdist.filename().as_str()), sdist.sha256())?;
    crate::cmd::plan::values(&best.plan, output)?;
    let rebuilt = rebuilt.map(|sha256| format!("sha256 {sha256}"));
    let rebuilt = rebuilt.as_deref().unwrap_or("no file");
    let (of, builds) = (by(arguments), made.0.len());
    match &best.ended.outcome {
        RebuildOutcome::Identical => {
            writeln!(output, "{}: rebuilt to {rebuilt} {of}", styled(GOOD, "identical"))?;
        }
        RebuildOutcome::Equivalent { normalizers, .. } => {
            let (differs, under) = (styled(BAD, "not identical"), normalizers.join(", "));
            writeln!(output, "{differs}: rebuilt to {rebuilt} {of}, equal under {under}")?;
        }
        RebuildOutcome::Different { .. } => {
            writeln!(output, "{}: rebuilt to {rebuilt} {of}", styled(BAD, "different"))?;
        }
        RebuildOutcome::BuildFailed { cause } => {
            writeln!(output, "{}: {}", styled(BAD, "build failed"), lines(cause))?;
        }
        RebuildOutcome::Inconclusive { cause } => {
            writeln!(output, "{}: {}", styled(WARN, "inconclusive"), lines(cause))?;
        }
    }
    for copied in best.plan.copied() {
        writeln!(output, "  copied from the wheel under test: {copied}")?;
    }
    if builds > 1 {
        writeln!(output, "  {builds} builds were made; this is the nearest")?;
    }
    if let Some(diff) = &best.ended.diff {
        write!(output, "{diff}")?;
    }
    if let Some(kept) = kept {
        writeln!(output, "kept {}", Escaped(&kept))?;
    }
    writeln!(output, "no attestation was verified: this says nothing of who published the wheel")?;
    Ok(())
}

fn by(arguments: &Arguments) -> &'static str {
    match arguments.plan {
        Some(_) => "by the given plan",
        None => "by an inferred plan",
    }
}

/// For `wheelmark plan`: everything that a plan is inferred from.
pub fn subject_of(
    target: &Target,
    choice: &crate::inferred::SourceChoice,
    place: &Place,
    cancel: &Arc<AtomicBool>,
) -> Result<(Subject, Vec<u64>), CliError> {
    let uv = wheelmark_build::environment::uv::Uv::find(cancel)
        .map_err(wheelmark_build::error::BuildError::from)?;
    let pythons = minors(&uv, cancel).map_err(wheelmark_build::error::BuildError::from)?;
    let subject = Subject::find(target, choice, &place.workspace.path("subject"), cancel)?;
    Ok((subject, pythons))
}
