//! `wheelmark verify`: a wheel or source distribution against its attestation, under a policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Decision, Report};
use wheelmark_core::verify::{self, Artifact, Given, VerifiedProvenance};

use crate::artifact;
use crate::attestations::{self, Found};
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::render::{self, Output, human, json};
use crate::trust_options::TrustOptions;

/// Check wheels and source distributions against their signed provenance.
///
/// Accepts a file only if a trusted key signed a statement about exactly this file, and everything the
/// statement says is what the policy asks for. All checks are shown, those that failed with the value
/// found and the value expected. Nothing is trusted unless it is given.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark verify --policy policy.toml dist/*.whl
  wheelmark verify --key release.pub --source https://example.org/owner/project demo-1.0-py3-none-any.whl

Exit codes: 0 all accepted, 10 at least one rejected, 1 at least one could not be read, 2 wrong usage.")]
pub struct Arguments {
    /// The files to check; each has its attestation beside it, named <WHEEL>.sigstore.json
    #[arg(value_name = "WHEEL", required = true)]
    wheels: Vec<PathBuf>,
    /// The attestation, where it is not beside the wheel; for one wheel only
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer in JSON: one document per wheel, each on one line
    #[arg(long)]
    pub json: bool,
    // Last, because its heading stays in force for what follows it.
    #[command(flatten)]
    trust: TrustOptions,
}

/// Verifies every file; one that is rejected or unreadable keeps none of the others from being looked at.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    if arguments.bundle.is_some() && arguments.wheels.len() > 1 {
        return Err(CliError::usage(format!(
            "--bundle is the attestation of one wheel, and {} are given",
            arguments.wheels.len()
        ))
        .hint("name each attestation <WHEEL>.sigstore.json and leave --bundle out"));
    }
    let policy = arguments.trust.policy(None)?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    let cancel = interrupt::watch()?;
    let mut exit = Exit::Accepted;
    for path in &arguments.wheels {
        let bundle = arguments.bundle.as_deref();
        let decided = judge(path, bundle, &policy, now, &cancel).map(|judged| judged.report);
        interrupt::check(&cancel)?;
        exit = exit.and(show(path, decided, arguments.json, output)?);
    }
    Ok(exit)
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
    let limits = AttestationLimits::standard();
    let artifact = artifact::read(path, cancel)?;
    let Found { given, missing } = attestations::of(path, bundle, &limits)?;
    let outcome = verify::verify(&artifact, &given, policy, now, &limits);
    let mut report = outcome.report;
    if let Some(missing) = missing {
        let note = format!("there is no attestation at `{}`", missing.to_string_lossy());
        report.notes.push(note);
    }
    Ok(Judged { artifact, given, report, provenance: outcome.provenance })
}

fn show(
    path: &Path,
    decided: Result<Report, CliError>,
    as_json: bool,
    output: &mut Output,
) -> Result<Exit, CliError> {
    match decided {
        Ok(report) => {
            if as_json {
                json::document(&report, output)?;
            } else {
                human::report(&report, output)?;
            }
            Ok(match report.decision() {
                Decision::Accepted => Exit::Accepted,
                Decision::Rejected => Exit::Rejected,
            })
        }
        Err(error) if as_json => {
            json::error(&error, Some(path), output)?;
            Ok(error.exit)
        }
        Err(error) => Ok(render::error(&error, false, output)),
    }
}

pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "a time is written as in 2026-01-31T00:00:00Z".to_owned())
}
