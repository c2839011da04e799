//! `wheelmark policy diff`: which files two policies decide otherwise.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;

use super::decided::Decided;
use crate::error::CliError;
use crate::exit::Exit;
use crate::policy_file::PolicyFile;
use crate::render::batch::name;
use crate::render::human::{BOLD, WARN, styled};
use crate::render::{Output, json};
use crate::subjects::Subjects;
use crate::trust_roots::TrustRoots;
use crate::values::time;

/// Compare what two policies decide of the same files.
///
/// Each file and its attestations are read once, and held against both. Told are the files of which the decision, its
/// reasons or the rule differ.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark policy diff policy.toml policy-new.toml -r uv.lock --files wheelhouse/

Exit codes: 0 every file is decided alike, 11 at least one is not, 1 at least one is missing or could \
not be had or read, 2 wrong usage.")]
pub struct Arguments {
    /// The policy that is
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The policy that is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer with one JSON document
    #[arg(long)]
    pub json: bool,
    // Last, because its heading stays in force for what follows it.
    #[command(flatten)]
    subjects: Subjects,
}

#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    old: Read,
    new: Read,
    /// How many files both decide alike.
    same: usize,
    changed: Vec<Changed>,
    undecided: Vec<Undecided>,
}

#[derive(Serialize)]
struct Read {
    path: String,
    sha256: Sha256Digest,
}

#[derive(Serialize)]
struct Changed {
    file: String,
    old: Decided,
    new: Decided,
}

#[derive(Serialize)]
struct Undecided {
    file: String,
    error: String,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-diff/v1";

/// Compares them.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    arguments.subjects.check()?;
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let old = PolicyFile::open(&arguments.old)?.read(&roots)?;
    let new = PolicyFile::open(&arguments.new)?.read(&roots)?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    let read = |policy: &Policy| Read { path: policy.path().to_owned(), sha256: policy.sha256() };
    let mut answer = Answer {
        schema: SCHEMA,
        old: read(&old),
        new: read(&new),
        same: 0,
        changed: Vec::new(),
        undecided: Vec::new(),
    };
    let files = arguments.subjects.plan(&[&old, &new])?;
    files.judge(
        |evidence| Ok([&old, &new].map(|it| Decided::of(&evidence.weigh(it, now).report))),
        |seen| {
            let file = name(&seen.subject);
            match seen.outcome {
                // A rule that was put before it gives it another number.
                Ok([old, new]) if old.is_as(&new) => answer.same += 1,
                Ok([old, new]) => answer.changed.push(Changed { file, old, new }),
                Err(error) => answer.undecided.push(Undecided { file, error: error.message }),
            }
            Ok(())
        },
    )?;
    match arguments.json {
        true => json::document(&answer, output)?,
        false => human(&answer, output)?,
    }
    let Answer { same, changed, undecided, .. } = answer;
    Ok(match (same, changed.is_empty(), undecided.is_empty()) {
        (_, _, false) | (0, true, _) => Exit::Undecided,
        (_, false, _) => Exit::Differs,
        _ => Exit::Accepted,
    })
}

fn human(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    for Changed { file, old, new } in &answer.changed {
        writeln!(out, "{} {}", styled(BOLD, "changed"), Escaped(file))?;
        writeln!(out, "    old: {old}")?;
        writeln!(out, "    new: {new}")?;
    }
    for Undecided { file, error } in &answer.undecided {
        writeln!(out, "{} {}: {error}", styled(WARN, "undecided"), Escaped(file))?;
    }
    let (changed, undecided) = (answer.changed.len(), answer.undecided.len());
    writeln!(out, "{} decided alike, {changed} changed, {undecided} undecided", answer.same)
}
