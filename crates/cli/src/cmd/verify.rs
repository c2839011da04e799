//! `wheelmark verify`: wheels and source distributions against their attestations, under a policy.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Report;
use wheelmark_core::verdict::Verdict;
use wheelmark_core::verify::trust_used;

use crate::attestations::places_in;
use crate::batch::Summary;
use crate::error::CliError;
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::identities;
use crate::interrupt;
use crate::layout_options::{Judged, LayoutOptions};
use crate::render::Output;
use crate::render::batch::{Format, Render};
use crate::subjects::{Planned, Subjects};
use crate::trust_options::TrustOptions;
use crate::values::time;
use crate::verdicts::{Signing, VERDICTS, VerdictOptions};

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
///
/// With --layout no attestation is asked for: an in-toto layout says who does which step, links say what each step
/// was run on and gave, and a file is accepted only if the last step gave it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark verify --policy policy.toml dist/*.whl
  wheelmark verify --policy policy.toml --format junit wheelhouse/ >wheelhouse.xml
  wheelmark verify --policy policy.toml -r requirements.txt --files wheelhouse/
  wheelmark verify --key release.pub --source https://example.org/owner/project demo-1.0-py3-none-any.whl
  wheelmark verify --trust public-good --source https://github.com/owner/project demo-1.0-py3-none-any.whl
  wheelmark verify --trust public-good --source https://github.com/owner/project --from-index demo==1.0
  wheelmark verify --policy policy.toml --vsa vsa.json --key verifier.key demo-1.0-py3-none-any.whl
  wheelmark verify --layout root.layout --layout-key owner.pub --links links/ demo-1.0-py3-none-any.whl

Exit codes: 0 all accepted, 10 at least one rejected, 1 at least one is missing or could not
be had or read, 2 wrong usage.")]
pub struct Arguments {
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// The identities that were locked (`wheelmark lock`): another signer than before is refused
    #[arg(long, value_name = "FILE")]
    locked: Option<PathBuf>,
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
    subjects: Subjects,
    #[command(flatten)]
    verdicts: VerdictOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    layout: LayoutOptions,
}

impl Arguments {
    /// Whether an error that ends everything is to be JSON.
    pub fn json(&self) -> bool {
        self.format().is_json()
    }

    /// The files that are read beside those that are judged.
    fn inputs(&self, policy: &Policy) -> Result<Vec<PathBuf>, CliError> {
        let read = self.locked.as_deref().into_iter().chain(self.subjects.named());
        let mut read: Vec<_> = read.map(Path::to_owned).chain(self.trust.read(policy)).collect();
        if let Some(folder) = self.subjects.build_requirements() {
            read.extend(places_in(folder, &VERDICTS)?);
        }
        Ok(read)
    }

    fn format(&self) -> Format {
        if self.json { Format::Jsonl } else { self.format }
    }
}

/// Verifies every file; one that is rejected or unreadable keeps none of the others from being looked at.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    arguments.subjects.check()?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    match arguments.layout.judge(now)? {
        // Once a policy key is configured, nothing else says who is trusted.
        Some(_) if arguments.trust.has_policy_key()? => {
            Err(CliError::usage("a policy key is configured, and a layout is no signed policy")
                .hint("whoever administers this machine configures it by WHEELMARK_POLICY_KEY"))
        }
        Some(layout) => under_layout(arguments, layout, output),
        None => under_policy(arguments, now, output),
    }
}

fn under_policy(
    arguments: &Arguments,
    now: DateTime<Utc>,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let signing = arguments.verdicts.signing(&arguments.trust)?;
    let policy = arguments.trust.policy(signing.as_ref().and_then(Signing::trusted), now)?;
    let locked = arguments.locked.as_deref().map(identities::read).transpose()?;
    let files = arguments.subjects.plan(&[&policy])?;
    arguments.verdicts.check(&files, arguments.at, &arguments.inputs(&policy)?)?;
    let mut summary = files.summary(trust_used(&policy, now));
    let mut renderer = arguments.format().renderer(files.is_alone(), arguments.verbose);
    let judge = |evidence: &Evidence| {
        let mut outcome = evidence.weigh(&policy, now);
        let file = evidence.artifact.filename.as_ref().ok();
        if let Some(locked) = &locked {
            outcome.report = locked.hold(outcome.report, file, &outcome.attested_by);
        }
        let told = file.filter(|_| signing.is_some());
        Ok((outcome.report.clone(), told.map(|file| Verdict::of(&outcome, file))))
    };
    let (exit, verdicts) = show(&files, &mut summary, &mut *renderer, judge, output)?;
    if let Some(signing) = &signing {
        let is_file = arguments.trust.is_policy_file();
        summary.verdicts =
            arguments.verdicts.write(&verdicts, signing, &policy, is_file, &files.cancel)?;
        summary.notes.extend(VerdictOptions::left_out(&summary.verdicts, files.len()));
    }
    renderer.end(&summary, output)?;
    Ok(exit)
}

fn under_layout(
    arguments: &Arguments,
    mut layout: Judged,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let files = arguments.subjects.plan(&[])?;
    layout.ready(&files.cancel)?;
    let mut summary = files.summary(Vec::new());
    let mut renderer = arguments.format().renderer(files.is_alone(), arguments.verbose);
    let judge = |evidence: &Evidence| Ok((layout.report(evidence)?, None));
    let (exit, _) = show(&files, &mut summary, &mut *renderer, judge, output)?;
    renderer.end(&summary, output)?;
    Ok(exit)
}

/// Has every file judged, and shows what came of each.
fn show(
    files: &Planned<'_>,
    summary: &mut Summary,
    renderer: &mut dyn Render,
    judge: impl Fn(&Evidence) -> Result<(Report, Option<Verdict>), CliError> + Sync,
    output: &mut Output,
) -> Result<(Exit, Vec<Verdict>), CliError> {
    // Of nothing at all the worst is not "accepted".
    let mut exit = if files.len() == 0 { Exit::Undecided } else { Exit::Accepted };
    let mut verdicts = Vec::new();
    let judged = files.judge(judge, |seen| {
        let (seen, verdict) = seen.split();
        verdicts.extend(verdict.flatten());
        exit = exit.and(seen.exit());
        summary.count(&seen);
        Ok(renderer.seen(seen, output)?)
    });
    judged.map_err(|error| interrupted(error, summary, files))?;
    Ok((exit, verdicts))
}

/// What Ctrl-C cut short may have shown results before.
fn interrupted(error: CliError, summary: &Summary, files: &Planned<'_>) -> CliError {
    let done = summary.accepted + summary.rejected + summary.undecided;
    if done == 0 || interrupt::check(&files.cancel).is_ok() {
        return error;
    }
    CliError { message: format!("interrupted after {done} of {} files", files.len()), ..error }
}
