//! `wheelmark verify`: wheels and source distributions against their attestations, under a policy.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use chrono::{DateTime, Utc};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Check, CheckName, Decision, Report, Status, TrustUsed};
use wheelmark_core::verify::{self, Artifact, Given, VerifiedProvenance};

use crate::artifact;
use crate::attestations::{self, Found};
use crate::batch::{self, Item, LockSeen, Locked, Plan, Subject, Summary, Work, indexed};
use crate::error::CliError;
use crate::exit::Exit;
use crate::from_index::Asked;
use crate::index_options::IndexOptions;
use crate::interrupt;
use crate::progress::Files;
use crate::render::Output;
use crate::render::batch::Format;
use crate::trust_options::TrustOptions;

/// Check wheels and source distributions against their signed provenance.
///
/// Accepts a file only if a trusted signer made a statement about exactly this file, and everything the
/// statement says is what the policy asks for. Nothing is trusted unless it is given. Of several
/// attestations of a file, one that holds is enough.
///
/// For one file all checks are shown, those that failed with the value found and the value expected. For
/// several, those that are accepted get a line each, the others are shown in full, and a count comes last.
///
/// A folder stands for every `.whl` and `.tar.gz` in it. A lock stands for the files that it names: each
/// must have one of its digests, and it is accepted only if every locked project has a file and every file
/// is accepted. A release on a package index stands for every wheel and `.tar.gz` that the index lists of it.
///
/// Only status 404 means that an index has no attestation of a file; without any, also beside it, the file is
/// rejected. Whatever else the index answers that is no attestation leaves the file undecided.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark verify --policy policy.toml dist/*.whl
  wheelmark verify --policy policy.toml --format junit wheelhouse/ >wheelhouse.xml
  wheelmark verify --policy policy.toml -r requirements.txt --files wheelhouse/
  wheelmark verify --key release.pub --source https://example.org/owner/project demo-1.0-py3-none-any.whl
  wheelmark verify --trust public-good --source https://github.com/owner/project demo-1.0-py3-none-any.whl
  wheelmark verify --trust public-good --source https://github.com/owner/project --from-index demo==1.0

Exit codes: 0 all accepted, 10 at least one rejected, 1 at least one is missing or could not
be had or read, 2 wrong usage.")]
pub struct Arguments {
    /// The files to check, or folders of them; each file has its attestations beside it: <FILE>.sigstore.json,
    /// .sigstore, .provenance, .publish.attestation, .slsa.attestation or .intoto.jsonl
    #[arg(value_name = "PATH", required_unless_present_any = ["locks", "from_index"])]
    paths: Vec<PathBuf>,
    /// A lock whose files are to be checked: requirements.txt with hashes, pylock.toml, uv.lock or
    /// poetry.lock
    #[arg(short = 'r', long = "lock", value_name = "LOCK", num_args = 1..)]
    #[arg(conflicts_with_all = ["paths", "bundle"])]
    locks: Vec<PathBuf>,
    /// The folder with the files of the lock, where that is not the lock's own
    #[arg(long, value_name = "DIR", requires = "locks")]
    files: Option<PathBuf>,
    /// Look into sub-folders too
    #[arg(long)]
    recursive: bool,
    /// The attestation, where it is not beside the file; for one file only
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Look at this many files at a time; without it, as many as there are processors
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// How to answer
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "human",
        hide_default_value = true
    )]
    format: Format,
    /// The same as --format jsonl
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show people every check of accepted files too, where there are several
    #[arg(long, short)]
    verbose: bool,
    // Last, because their headings stay in force for what follows them.
    #[command(flatten)]
    index: IndexOptions,
    #[command(flatten)]
    trust: TrustOptions,
}

impl Arguments {
    /// Whether an error that ends everything is to be JSON.
    pub fn json(&self) -> bool {
        self.format().is_json()
    }

    fn format(&self) -> Format {
        if self.json { Format::Jsonl } else { self.format }
    }
}

/// What to do about a file without attestations, where no index was asked.
const NOT_ASKED: &str = "no package index was asked; `--fetch-attestations` asks it";

/// Verifies every file; one that is rejected or unreadable keeps none of the others from being looked at.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    if arguments.bundle.is_some() {
        one_file(&arguments.paths)?;
    }
    let policy = arguments.trust.policy(None)?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    let cancel = interrupt::watch()?;
    let (Plan { items, locks, notes }, index) = plan(arguments, &cancel)?;
    let alone = locks.is_empty() && items.len() == 1;
    let progress = Files::new(items.len());
    let judge = |item: &Item| match (&item.subject, &item.work, &index) {
        (_, Work::Settled(error), _) => Err(error.clone()),
        (Subject::File(path), Work::Judge(task), index) => {
            let read = if alone { artifact::read } else { artifact::read_quietly };
            let artifact = read(path, &cancel)?;
            let mut found = attestations_beside(path, arguments.bundle.as_deref())?;
            match (&task.listed, index) {
                (Some(listed), Some(index)) => {
                    found = found.and(index.attestations_of(&artifact, listed)?);
                }
                _ => found.missing.push(NOT_ASKED.to_owned()),
            }
            let mut judged = weigh(artifact, found, &policy, now);
            advise(&mut judged.report, path, arguments.bundle.as_deref());
            judged.report.notes.extend(task.listed.iter().flat_map(|it| indexed::notes(it)));
            Ok(match &task.locked {
                Some(locked) => held_against(locked, judged),
                None => judged.report,
            })
        }
        (_, Work::Download(listed), Some(index)) => {
            let artifact = index.artifact(listed, &progress)?;
            // Beside a file that was downloaded lies nothing that its name could mean.
            let found = index.attestations(listed)?;
            let mut report = weigh(artifact, found, &policy, now).report;
            report.notes.extend(indexed::notes(listed));
            Ok(report)
        }
        (_, Work::Judge(_) | Work::Download(_), _) => {
            Err(CliError::undecided("there is no file to verify"))
        }
    };
    let mut exit = Exit::Accepted;
    let trust = TrustUsed::of(policy.trust(), now);
    let locks = locks.into_iter().map(LockSeen::new).collect();
    let mut summary = Summary { accepted: 0, rejected: 0, undecided: 0, locks, trust, notes };
    let mut renderer = arguments.format().renderer(alone, arguments.verbose);
    let jobs = arguments.jobs.or(thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    batch::run(&items, jobs, &cancel, judge, |seen| {
        exit = exit.and(seen.exit());
        summary.count(&seen);
        Ok(progress.done(|| renderer.seen(seen, output))?)
    })
    .map_err(|error| interrupted(error, &summary, items.len(), &cancel))?;
    drop(progress);
    renderer.end(&summary, output)?;
    // Of nothing at all the worst is not "accepted".
    Ok(if items.is_empty() { Exit::Undecided } else { exit })
}

/// What Ctrl-C cut short may have shown results before.
fn interrupted(error: CliError, summary: &Summary, all: usize, cancel: &AtomicBool) -> CliError {
    let done = summary.accepted + summary.rejected + summary.undecided;
    if done == 0 || interrupt::check(cancel).is_ok() {
        return error;
    }
    CliError { message: format!("interrupted after {done} of {all} files"), ..error }
}

/// `--bundle` is about one file.
fn one_file(paths: &[PathBuf]) -> Result<(), CliError> {
    let what = match paths {
        [path] if path.is_dir() => "a folder is".to_owned(),
        [_] => return Ok(()),
        paths => format!("{} are", paths.len()),
    };
    Err(CliError::usage(format!("--bundle is the attestation of one file, and {what} given"))
        .hint("name each attestation <FILE>.sigstore.json and leave --bundle out"))
}

/// What the arguments stand for, in the order in which it is shown; and the index, if it is asked.
fn plan(
    arguments: &Arguments,
    cancel: &Arc<AtomicBool>,
) -> Result<(Plan, Option<Asked>), CliError> {
    let mut plan = Plan::default();
    for path in &arguments.paths {
        plan.path(path, arguments.recursive, cancel)?;
    }
    for lock in &arguments.locks {
        plan.lock(lock, arguments.files.as_deref(), arguments.recursive, cancel)?;
    }
    let options = &arguments.index;
    let index = match options.ask() {
        true => Some(Asked::new(options.url()?, options.limits(), cancel)?),
        false => None,
    };
    if let Some(index) = &index {
        indexed::plan(index, options, &mut plan)?;
    }
    batch::sort(&mut plan.items);
    Ok((plan, index))
}

/// Adds the check against a lock to what was decided.
fn held_against(locked: &Locked, judged: Judged) -> Report {
    let Locked { lock, project } = locked;
    let place = format!("{}:{}", lock.to_string_lossy(), project.line);
    let Judged { artifact, mut report, .. } = judged;
    let status = match project.admits(artifact.filename.as_ref().ok(), artifact.sha256) {
        Ok(()) => Status::Passed(Some(place)),
        Err(refusal) => {
            report.notes.push(format!("{project} is locked at `{place}`"));
            Status::Failed(refusal)
        }
    };
    report.also(Check { name: CheckName::Lock, status })
}

/// A file and what was decided of it.
pub(super) struct Judged {
    /// The file.
    pub artifact: Artifact,
    /// Its attestations.
    pub given: Vec<Given>,
    /// What was decided.
    pub report: Report,
    /// Its provenance, where everything held but for a rebuild that may be owed.
    pub provenance: Option<VerifiedProvenance>,
}

/// Reads a file and its attestation, and verifies.
pub(super) fn judge(
    path: &Path,
    bundle: Option<&Path>,
    policy: &Policy,
    now: DateTime<Utc>,
    cancel: &Arc<AtomicBool>,
) -> Result<Judged, CliError> {
    let artifact = artifact::read(path, cancel)?;
    let mut judged = weigh(artifact, attestations_beside(path, bundle)?, policy, now);
    advise(&mut judged.report, path, bundle);
    Ok(judged)
}

/// Where what was named could not be read as an attestation: how it can be converted.
fn advise(report: &mut Report, path: &Path, bundle: Option<&Path>) {
    let mut checks = report.checks().iter();
    if checks.any(|it| it.name == CheckName::Attestation && it.reason().is_some()) {
        report.notes.extend(attestations::advice(path, bundle));
    }
}

/// The attestations of a file that were named, or that lie beside it.
fn attestations_beside(path: &Path, bundle: Option<&Path>) -> Result<Found, CliError> {
    attestations::of(path, bundle, &AttestationLimits::standard())
}

/// Verifies a file that was read.
fn weigh(artifact: Artifact, found: Found, policy: &Policy, now: DateTime<Utc>) -> Judged {
    let limits = AttestationLimits::standard();
    let Found { given, missing } = found;
    let outcome = verify::verify(&artifact, &given, policy, now, &limits);
    let mut report = outcome.report;
    if given.is_empty() && report.decision() == Decision::Rejected {
        report.notes.extend(missing);
    }
    Judged { artifact, given, report, provenance: outcome.provenance }
}

pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "a time is written as in 2026-01-31T00:00:00Z".to_owned())
}
