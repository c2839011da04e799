//! `wheelmark policy check`: whether a policy can be read, and what in it its author may not have meant.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::{Finding, Policy};
use wheelmark_core::report::Escaped;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::human::{BOLD, GOOD, WARN, styled};
use crate::render::{Output, json};
use crate::trust_options::{self, PolicyFile};
use crate::trust_roots::TrustRoots;
use crate::values::time;

/// Check that a policy can be read, and point out what in it may not be meant.
///
/// What cannot be read is an error with its line and column. What is pointed out can be meant: a repository that is
/// named without its lasting id, a rule that takes any branch, an exception whose time is over. Each comes with its
/// place and what to do about it.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark policy check policy.toml

Exit codes: 0 it can be read, 10 something is pointed out and --deny-warnings is given, \
1 it cannot be read, 2 wrong usage.")]
pub struct Arguments {
    /// The policy
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Reject a policy in which anything is pointed out
    #[arg(long)]
    deny_warnings: bool,
    /// Check as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer with one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What a policy comes to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    schema: &'static str,
    policy: &'a str,
    sha256: Sha256Digest,
    rules: usize,
    exceptions: usize,
    revocations: usize,
    warnings: &'a [Finding],
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-check/v1";

/// Checks it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let now = arguments.at.unwrap_or_else(Utc::now);
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let PolicyFile { path, text } = trust_options::policy_file(&arguments.policy)?;
    let (policy, warnings) = Policy::linted(&path, &text, &roots, now)
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    let checked = Checked {
        schema: SCHEMA,
        policy: policy.path(),
        sha256: policy.sha256(),
        rules: policy.rules().len(),
        exceptions: policy.exceptions().all().len(),
        revocations: policy.revocations().all().len(),
        warnings: &warnings,
    };
    match arguments.json {
        true => json::document(&checked, output)?,
        false => human(&checked, output)?,
    }
    Ok(match arguments.deny_warnings && !warnings.is_empty() {
        true => Exit::Rejected,
        false => Exit::Accepted,
    })
}

fn human(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let path = Escaped(checked.policy);
    for warning in checked.warnings {
        let Finding { lint, line, column, message, suggestion } = warning;
        writeln!(out, "{path}:{line}:{column}: {} {lint}: {message}", styled(WARN, "warning"))?;
        writeln!(out, "    {} {suggestion}", styled(BOLD, "suggestion:"))?;
    }
    let mut parts = vec![counted(checked.rules, "rule")];
    for (count, what) in [(checked.exceptions, "exception"), (checked.revocations, "revocation")] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    let (style, warnings) = match checked.warnings.len() {
        0 => (GOOD, "nothing is pointed out".to_owned()),
        count => (WARN, counted(count, "warning")),
    };
    writeln!(out, "{path}: {}; {}", parts.join(", "), styled(style, warnings))
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
