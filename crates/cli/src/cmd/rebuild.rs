//! `wheelmark rebuild`: the wheel once more, from what its verified provenance says.

pub mod inferred;
mod list;
mod page;
mod written;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Serialize;
use wheelmark_build::error::BuildError;
use wheelmark_build::infer::MAX_BUILDS;
use wheelmark_build::instructions::{self, Form};
use wheelmark_build::rebuild::{self, Prepared};
use wheelmark_build::sandbox::{Isolation, Tracing};
use wheelmark_build::sign::sign_statement;
use wheelmark_build::source::SourceError;
use wheelmark_core::attestation::rebuild_result::RebuildResult;
use wheelmark_core::compare::{self, Drift, RebuildOutcome, WheelDiff};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::CompareLimits;
use wheelmark_core::policy::{LOCAL_BUILDER, RebuildRule};
use wheelmark_core::report::{CheckName, Decision, Escaped, Reason, Refusal, Report, Status};
use wheelmark_core::verify::{Artifact, Contents, Outcome, VerifiedBuild};

use self::written::{SignedResult, Written};
use crate::artifact;
use crate::bound_options::BoundOptions;
use crate::error::{CliError, below};
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::inferred::SourceChoice;
use crate::input::Watched;
use crate::interrupt;
use crate::machine::{self, Place};
use crate::passphrase;
use crate::progress::Stages;
use crate::render::human::{self, BAD, BOLD, GOOD, WARN, lines, styled};
use crate::render::{Output, json};
use crate::requirements::Requirements;
use crate::subjects::branches;
use crate::trust_options::TrustOptions;
use crate::values::time;

/// Build a wheel again from its verified provenance, and compare the bytes.
///
/// The wheel is verified first; nothing is built for one that is rejected. Then the recorded environment
/// is put back (interpreter, requirements by digest, variables, paths), the recorded commit is built, and
/// the two files are compared. Where this machine cannot put something back, the nearest is taken and
/// said before the build: the same bytes are then the stronger evidence, and other bytes show nothing.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark rebuild --policy policy.toml demo-1.0-py3-none-any.whl
  wheelmark rebuild --key release.pub --source https://example.org/owner/project \\
      --source-dir ~/src/project demo-1.0-py3-none-any.whl
  wheelmark rebuild --policy policy.toml --print-instructions sh demo-1.0-py3-none-any.whl

Exit codes: 0 identical and accepted, 10 rejected before anything was built, 11 other bytes from the
recorded environment, 12 the build failed or shows nothing, 1 could not decide (the source cannot be
had, for example), 2 wrong usage.")]
pub struct Arguments {
    /// The wheel; its attestation is beside it, named <WHEEL>.sigstore.json. With a plan that is inferred also a release
    /// of the package index (NAME==VERSION), or the URL of a wheel that it has
    #[arg(value_name = "WHEEL", required_unless_present = "list")]
    wheel: Option<PathBuf>,
    /// Rebuild every wheel of a list by inferred plans: one a line, as WHEEL is given
    #[arg(short = 'r', long, value_name = "LIST", conflicts_with = "wheel", requires = "results")]
    list: Option<PathBuf>,
    /// Wheels of a list that are rebuilt at the same time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "list")]
    jobs: usize,
    /// Where the results of a list go, a line of JSON for each wheel; what stands there already is not done again
    #[arg(long, value_name = "FILE", requires = "list")]
    results: Option<PathBuf>,
    /// Write the results of a list as a page of HTML, too
    #[arg(long, value_name = "FILE", requires = "list")]
    html: Option<PathBuf>,
    /// The attestation, where it is not beside the wheel
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// A clone that has the recorded commit; without it the recorded URI is cloned
    #[arg(long, value_name = "CHECKOUT")]
    source_dir: Option<PathBuf>,
    /// The folder with the files that were installed for the build and their attestations, for rules that ask for
    /// `build-requirements`
    #[arg(long, value_name = "DIR")]
    build_requirements: Option<PathBuf>,
    /// Infer how the wheel was built, from itself, its source distribution and the package index; no attestation is
    /// needed, and none is verified. A release or a URL is always rebuilt so
    #[arg(long, conflicts_with = "plan")]
    infer: bool,
    /// Build by this plan, which `wheelmark plan` printed and a person may have edited
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Write the plan of the nearest build here, every file of its environment by digest
    #[arg(long, value_name = "FILE")]
    write_plan: Option<PathBuf>,
    /// Builds to make at most, where a plan is inferred and the first one's result suggests another
    #[arg(long, value_name = "N", default_value_t = MAX_BUILDS)]
    builds: usize,
    #[command(flatten)]
    source: SourceChoice,
    /// Build nothing unless the environment is exactly the recorded one
    #[arg(long)]
    exact_environment: bool,
    /// Print how to rebuild by hand, and build nothing
    #[arg(long, value_name = "FORM", value_parser = form)]
    print_instructions: Option<Form>,
    /// Sign the result with the private key of --signing-key, or of --key where that is a private one
    #[arg(long)]
    sign_result: bool,
    /// The private key that signs the result
    #[arg(long, value_name = "FILE", requires = "sign_result")]
    signing_key: Option<PathBuf>,
    /// Where the signed result goes; without it beside the wheel, named <WHEEL>.rebuild.sigstore.json
    #[arg(long, value_name = "FILE", requires = "sign_result")]
    result: Option<PathBuf>,
    /// Keep the rebuilt file in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Replace files that are there already
    #[arg(long)]
    overwrite: bool,
    /// Verify as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    // Last, because its heading stays in force for what follows it.
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    bounds: BoundOptions,
}

impl Arguments {
    /// The wheel; without a list there is one.
    pub fn wheel(&self) -> &Path {
        self.wheel.as_deref().unwrap_or(Path::new(""))
    }
}

/// What a rebuild showed, for a program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    report: &'a Report,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a RebuildOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<Sha256Digest>,
    drift: &'a [Drift],
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a WheelDiff>,
    #[serde(flatten)]
    written: Option<&'a Written>,
}

/// What came of the attempt.
struct Shown {
    outcome: RebuildOutcome,
    rebuilt: Option<Sha256Digest>,
    drift: Vec<Drift>,
    diff: Option<WheelDiff>,
    log: Vec<u8>,
    written: Written,
}

/// The report of a file of whose origin nothing is known: an exception may have taken it, and no rebuild was made.
fn without_provenance(report: Report) -> Report {
    if report.decision() == Decision::Rejected {
        return report;
    }
    let refusal = Refusal::new(Reason::RebuildNotMade)
        .expected("provenance that was verified")
        .found("an exception, which asks for none");
    report.with(CheckName::Rebuild, Status::Failed(refusal))
}

/// Verifies, builds, compares, and says what that shows.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    if let Some(list) = &arguments.list {
        inferred::refuse_trust(arguments)?;
        return list::run(arguments, list, output);
    }
    if inferred::is_asked(arguments)? {
        return inferred::run(arguments, output);
    }
    // Opened before anything is built.
    let signer = signing_key(arguments)?.map(passphrase::open_key).transpose()?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    // Who signs the result is trusted only where it is the key of `--key`.
    let own = signer.as_ref().filter(|_| arguments.signing_key.is_none());
    let policy = arguments.trust.policy(own, now)?;
    written::check(arguments, &policy)?;
    let cancel = interrupt::watch()?;
    let bundle = arguments.bundle.as_deref();
    let mut evidence = Evidence::of_file(arguments.wheel(), bundle, &cancel)?;
    let folder = arguments.build_requirements.clone();
    evidence.requirements = Some(Requirements::new(folder, None, &cancel));
    evidence.artifact.facts.branches =
        branches(arguments.source_dir.as_deref(), &[&policy], &cancel)?;
    let Outcome { report, provenance, rebuild, .. } = evidence.weigh(&policy, now);
    let rule = rebuild.unwrap_or(RebuildRule::NEVER);
    let Evidence { artifact, given, .. } = evidence;
    let Some(provenance) = provenance else {
        tell(arguments, &without_provenance(report), None, output)?;
        return Ok(Exit::Rejected);
    };
    let Some(verified) = provenance.build().cloned() else {
        let what = "what was verified does not say how the file was built, so it cannot be rebuilt";
        return Err(CliError::undecided(what)
            .hint("provenance of the build type pep517/v1 does: `wheelmark build` writes it"));
    };
    if let Some(form) = arguments.print_instructions {
        let printed = instructions::print(&verified, &artifact.name, form)?;
        write!(output, "{printed}")?;
        return Ok(Exit::Accepted);
    }
    let mut notes = Vec::new();
    let mut shown = attempt(arguments, &artifact, &verified, &cancel, &mut notes, output)?;
    let status = rule.judge(&shown.outcome, shown.rebuilt.is_some());
    let taken = matches!(status, Status::Passed(_));
    // Who runs this verb asks for a rebuild, whether or not the rule does; one more is no substitute for those that it
    // asks of others.
    let mut report = match report.lacks_rebuilders() && taken {
        true => report,
        false => report.with(CheckName::Rebuild, status),
    };
    report.notes.extend(notes);
    if signer.is_some() && !shown.was_built() {
        report.notes.push("nothing was built, so no result was signed".to_owned());
    } else if let (Some(key), Some(attestation)) = (
        &signer,
        // The one from which it was rebuilt.
        given.iter().find(|it| it.sha256() == provenance.attestation()),
    ) {
        let statement = result_statement(&artifact, &verified, &attestation.bytes, &shown)?;
        let signed = sign_statement(key, &statement).map_err(CliError::undecided)?;
        shown.written.result = Some(written::write_result(arguments, key, &signed)?);
    }
    tell(arguments, &report, Some(&shown), output)?;
    Ok(match (&shown.outcome, report.decision()) {
        (_, Decision::Accepted) => Exit::Accepted,
        (_, Decision::Rejected) if taken => Exit::Rejected,
        (RebuildOutcome::Equivalent { .. } | RebuildOutcome::Different { .. }, _) => Exit::Differs,
        _ => Exit::Inconclusive,
    })
}

/// Puts the environment back, builds and compares. What keeps it from building is part of the result,
/// unless it is this machine's disk or a person's Ctrl-C.
fn attempt(
    arguments: &Arguments,
    artifact: &Artifact,
    verified: &VerifiedBuild,
    cancel: &Arc<AtomicBool>,
    notes: &mut Vec<String>,
    output: &mut Output,
) -> Result<Shown, CliError> {
    let stages = Stages::new();
    let (isolation, trace) = (Isolation::Bubblewrap, Tracing::Off);
    let bounds = arguments.bounds.bounds();
    let place = Place::make()?;
    let (mut machine, ()) =
        machine::find(isolation, trace, bounds, cancel.clone(), &place, |_| Ok(()))?;
    if let Some(key) = signing_key(arguments)? {
        machine.sandbox.hide(key).map_err(BuildError::from)?;
    }
    let workspace = &place.workspace;
    let tree = rebuild::tree(workspace);
    stages.begin("putting the environment back");
    let checkout = arguments.source_dir.as_deref();
    let prepared = match rebuild::prepare(&machine, workspace, verified, checkout) {
        Ok(prepared) => prepared,
        // Of a clone that a person chose this says nothing of the record: it may be another project's.
        Err(error @ BuildError::Source(SourceError::CommitMissing { .. }))
            if checkout.is_some() =>
        {
            return Err(CliError::from(error).hint(OTHER_CLONE));
        }
        Err(error) => {
            interrupt::check(cancel)?;
            return Shown::failed(error, &tree, Vec::new(), Vec::new());
        }
    };
    stages.end();
    notes.extend(prepared.notes.iter().cloned());
    warn_of_drift(arguments, &prepared, output)?;
    let Prepared { drift, .. } = &prepared;
    if arguments.exact_environment && !drift.is_empty() {
        let cause = format!("the environment is not the recorded one: {}", listed(drift));
        let outcome = RebuildOutcome::Inconclusive { cause };
        return Ok(Shown {
            outcome,
            rebuilt: None,
            drift: drift.clone(),
            diff: None,
            log: Vec::new(),
            written: Written::default(),
        });
    }
    let stages = Stages::new();
    stages.begin("building again");
    let log = workspace.path("rebuild.log");
    let built = rebuild::rebuild(&machine, workspace, &prepared, &log);
    let printed = fs::read(&log).unwrap_or_default();
    let built = match built {
        Ok(built) => built,
        Err(error) => {
            interrupt::check(cancel)?;
            return Shown::failed(error, &tree, drift.clone(), printed);
        }
    };
    stages.begin("comparing");
    let kept = arguments.keep.as_ref();
    let kept = kept.map(|folder| written::keep(arguments, &built.file, folder));
    let mut shown = compared(arguments, artifact, &built.file, drift.clone(), printed, cancel)?;
    shown.written.kept = kept.transpose()?;
    Ok(shown)
}

/// What to do where the source cannot be had.
const OTHER_CLONE: &str = "--source-dir names a clone that has the recorded commit";

fn compared(
    arguments: &Arguments,
    artifact: &Artifact,
    rebuilt: &Path,
    drift: Vec<Drift>,
    log: Vec<u8>,
    cancel: &Arc<AtomicBool>,
) -> Result<Shown, CliError> {
    let again = artifact::read(rebuilt, cancel)?;
    let result = |outcome, diff| {
        Ok(Shown {
            outcome,
            rebuilt: Some(again.sha256),
            drift: drift.clone(),
            diff,
            log: log.clone(),
            written: Written::default(),
        })
    };
    if again.sha256 == artifact.sha256 {
        return result(RebuildOutcome::Identical, None);
    }
    let (wheel, other) = match (&artifact.contents, &again.contents) {
        (Ok(Contents::Wheel(wheel)), Ok(Contents::Wheel(other))) => (wheel, other),
        (Ok(Contents::Sdist(sdist)), Ok(Contents::Sdist(other))) => {
            let causes = compare::sdist_causes(sdist, other);
            return result(compare::judge_unlike(causes, &drift), None);
        }
        _ => {
            let what = "the rebuilt file is refused when it is read strictly".to_owned();
            return result(compare::judge_unlike(vec![what], &drift), None);
        }
    };
    let diff = compare::diff(
        (wheel, Watched::open(arguments.wheel(), cancel)?),
        (other, Watched::open(rebuilt, cancel)?),
        &CompareLimits::standard(),
    );
    interrupt::check(cancel)?;
    let diff = diff.map_err(CliError::undecided)?;
    result(compare::judge(&diff, &drift), Some(diff))
}

impl Shown {
    /// Whether a build was begun at all.
    fn was_built(&self) -> bool {
        self.rebuilt.is_some() || matches!(self.outcome, RebuildOutcome::BuildFailed { .. })
    }

    /// A build that gave no file: its own failure, or something that is missing here.
    fn failed(
        error: BuildError,
        tree: &Path,
        drift: Vec<Drift>,
        log: Vec<u8>,
    ) -> Result<Self, CliError> {
        let cause = below(&error.to_string(), tree);
        let outcome = match error {
            // A person can mend these; the record has no part in them.
            BuildError::Source(source) if !source.is_of_the_record() => {
                let hint = OTHER_CLONE;
                let error = CliError::from(BuildError::Source(source));
                return Err(if error.hint.is_none() { error.hint(hint) } else { error });
            }
            BuildError::Interrupted
            | BuildError::Workspace(_)
            | BuildError::Uv(_)
            | BuildError::Sandbox(_) => return Err(error.into()),
            error if error.is_of_the_build() => RebuildOutcome::BuildFailed { cause },
            _ => RebuildOutcome::Inconclusive { cause },
        };
        Ok(Self { outcome, rebuilt: None, drift, diff: None, log, written: Written::default() })
    }
}

/// Says before the build what is not as recorded, and where it is to be had.
fn warn_of_drift(
    arguments: &Arguments,
    prepared: &Prepared,
    output: &mut Output,
) -> Result<(), CliError> {
    if arguments.json || prepared.drift.is_empty() {
        return Ok(());
    }
    writeln!(output, "{} this is not the recorded environment:", styled(WARN, "drift:"))?;
    for drift in &prepared.drift {
        writeln!(output, "  {drift}")?;
    }
    for hint in &prepared.hints {
        writeln!(output, "{} {}", styled(BOLD, "hint:"), Escaped(hint))?;
    }
    Ok(())
}

fn tell(
    arguments: &Arguments,
    report: &Report,
    shown: Option<&Shown>,
    output: &mut Output,
) -> Result<(), CliError> {
    if arguments.json {
        let answer = Answer {
            schema: "https://wheelmark.dev/rebuild/v1",
            report,
            outcome: shown.map(|shown| &shown.outcome),
            rebuilt: shown.and_then(|shown| shown.rebuilt),
            drift: shown.map_or(&[], |shown| &shown.drift),
            diff: shown.and_then(|shown| shown.diff.as_ref()),
            written: shown.map(|shown| &shown.written),
        };
        return Ok(json::document(&answer, output)?);
    }
    human::report(report, output)?;
    let Some(shown) = shown else {
        return Ok(writeln!(output, "nothing was built")?);
    };
    let rebuilt = shown.rebuilt.map(|sha256| format!("sha256 {sha256}"));
    let rebuilt = rebuilt.as_deref().unwrap_or("no file");
    match &shown.outcome {
        RebuildOutcome::Identical if shown.drift.is_empty() => {
            writeln!(output, "{}: rebuilt to {rebuilt}", styled(GOOD, "identical"))?;
        }
        RebuildOutcome::Identical => {
            let identical = styled(GOOD, "identical");
            writeln!(output, "{identical}: rebuilt to {rebuilt}, in another environment")?;
        }
        RebuildOutcome::Equivalent { normalizers, .. } => {
            let (differs, under) = (styled(BAD, "not identical"), normalizers.join(", "));
            writeln!(output, "{differs}: rebuilt to {rebuilt}, equal under {under}")?;
        }
        RebuildOutcome::Different { diffs } => {
            writeln!(output, "{}: rebuilt to {rebuilt}", styled(BAD, "different"))?;
            // With a comparison they stand in it, each with its details.
            for line in diffs.iter().filter(|_| shown.diff.is_none()) {
                writeln!(output, "  {}", lines(line))?;
            }
        }
        RebuildOutcome::BuildFailed { cause } => {
            writeln!(output, "{}: {}", styled(BAD, "build failed"), lines(cause))?;
        }
        RebuildOutcome::Inconclusive { cause } => {
            // The drift was told before the build.
            let drift = listed(&shown.drift);
            let cause = match shown.drift.is_empty() {
                true => cause.clone(),
                false => cause.replace(&drift, "the drift above"),
            };
            writeln!(output, "{}: {}", styled(WARN, "inconclusive"), lines(&cause))?;
        }
    }
    if let Some(diff) = &shown.diff {
        write!(output, "{diff}")?;
    }
    if let Some(kept) = &shown.written.kept {
        writeln!(output, "kept {}", Escaped(kept))?;
    }
    if let Some(SignedResult { file, key }) = &shown.written.result {
        writeln!(output, "signed result {} by key {key}", Escaped(file))?;
    }
    Ok(())
}

fn listed(drift: &[Drift]) -> String {
    drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The file of the private key for the result, where one is asked for.
fn signing_key(arguments: &Arguments) -> Result<Option<&Path>, CliError> {
    if !arguments.sign_result {
        return Ok(None);
    }
    let file = arguments.signing_key.as_deref().or(arguments.trust.private_key()?);
    file.map(Some).ok_or_else(|| {
        CliError::usage("--sign-result needs a private key").hint("give it with --signing-key FILE")
    })
}

fn result_statement(
    artifact: &Artifact,
    verified: &VerifiedBuild,
    attestation: &[u8],
    shown: &Shown,
) -> Result<Vec<u8>, CliError> {
    let result = RebuildResult::new(
        LOCAL_BUILDER,
        env!("CARGO_PKG_VERSION"),
        attestation,
        &shown.log,
        shown.outcome.clone(),
        shown.rebuilt,
        shown.drift.clone(),
        verified.get().internal.environment.clone(),
        Utc::now().trunc_subsecs(0),
    );
    result.statement(&artifact.name, artifact.sha256).map_err(CliError::undecided)
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "sh" => Ok(Form::Shell),
        "containerfile" => Ok(Form::Containerfile),
        _ => Err("one of sh, containerfile".to_owned()),
    }
}
