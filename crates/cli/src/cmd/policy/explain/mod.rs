//! `wheelmark policy explain`: the whole derivation of a decision, and what would have to change for another one.

mod authority;
mod change;
mod human;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::{DemandTold, Derivation, Policy};
use wheelmark_core::report::Report;

use self::authority::Vouched;
use self::change::Change;
use crate::batch::{Seen, Subject};
use crate::error::CliError;
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::render::{Output, json};
use crate::subjects::Subjects;
use crate::trust_options::TrustOptions;
use crate::values::time;

/// Explain what a policy decides of files: each rule tried, who vouches for each value, and what would have to change.
///
/// Verifies as `wheelmark verify` does, and ends as it does. Of a file that is rejected it tells for each check that
/// failed what would have to change for it to hold: the file, its attestation, or the policy, and in the policy which
/// line. That a change would do does not say that it should be made.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark policy explain --policy policy.toml demo-1.0-py3-none-any.whl
  wheelmark policy explain --policy policy.toml --from-index demo==1.0

Exit codes: 0 all accepted, 10 at least one rejected, 1 at least one is missing or could not
be had or read, 2 wrong usage.")]
pub struct Arguments {
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer with one JSON document for each file, each on one line
    #[arg(long)]
    pub json: bool,
    // Last, because their headings stay in force for what follows them.
    #[command(flatten)]
    subjects: Subjects,
    #[command(flatten)]
    trust: TrustOptions,
}

/// What was decided of a file, and how.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    schema: &'static str,
    report: Report,
    /// The index that has the file, where it is known: by it a rule may be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// Absent where the file's name is not one that any rule could be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    derivation: Option<Derivation>,
    /// The same of each policy that is included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    includes: Vec<IncludeDerived>,
    /// What was looked at for each further attestation that a rule demands or forbids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    demands: Vec<DemandTold>,
    /// Who vouches for what the checks that held say.
    vouched: Vec<Vouched>,
    /// For each check that did not hold, what would have to change.
    changes: Vec<Change>,
}

/// How an included policy comes to what it asks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IncludeDerived {
    path: String,
    sha256: Sha256Digest,
    #[serde(flatten)]
    derivation: Derivation,
}

/// The `schema` of an explanation.
const SCHEMA: &str = "https://wheelmark.dev/explanation/v1";

/// Explains each file.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    arguments.subjects.check()?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    let policy = arguments.trust.policy(None, now)?;
    let files = arguments.subjects.plan(&[&policy])?;
    let mut exit = if files.len() == 0 { Exit::Undecided } else { Exit::Accepted };
    files.judge(
        |evidence| Ok(explain(evidence, &policy, now)),
        |seen| {
            exit = exit.and(match &seen.outcome {
                Ok(it) => Exit::of(it.report.decision()),
                Err(error) => error.exit,
            });
            Ok(show(&seen, arguments.json, output)?)
        },
    )?;
    Ok(exit)
}

fn explain(evidence: &Evidence, policy: &Policy, now: DateTime<Utc>) -> Explanation {
    let outcome = evidence.weigh(policy, now);
    let (artifact, report) = (&evidence.artifact, outcome.report);
    let file = artifact.filename.as_ref().ok();
    let index = artifact.facts.index.as_deref();
    let derivation = file.map(|file| policy.derivation(file, artifact.sha256, index));
    let derived = |included: &Policy| {
        let derivation = included.derivation(file?, artifact.sha256, index);
        let path = included.path().to_owned();
        Some(IncludeDerived { path, sha256: included.sha256(), derivation })
    };
    let includes = policy.includes().iter().filter_map(|it| derived(it.policy())).collect();
    let excepted = derivation.as_ref().is_some_and(|it| it.exception.is_some());
    Explanation {
        schema: SCHEMA,
        index: index.map(str::to_owned),
        demands: outcome.demands,
        derivation,
        includes,
        vouched: authority::vouched(&report, outcome.signer.as_ref()),
        changes: change::changes(&report, evidence, policy, excepted, now),
        report,
    }
}

fn show(seen: &Seen<Explanation>, as_json: bool, output: &mut Output) -> std::io::Result<()> {
    match (&seen.outcome, as_json) {
        (Ok(explanation), true) => json::document(explanation, output),
        (Ok(explanation), false) => human::explanation(explanation, output),
        (Err(error), true) => {
            let path = match &seen.subject {
                Subject::File(path) => Some(path.as_path()),
                Subject::Locked { .. } | Subject::Indexed { .. } => None,
            };
            json::error(error, path, output)
        }
        (Err(error), false) => crate::render::human::error(error, &mut anstream::stderr()),
    }
}
