//! `wheelmark policy check`: whether a policy can be read, and what in it its author may not have meant.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::POLICY_ERRORS;
use wheelmark_core::policy::signature::PolicyStatement;
use wheelmark_core::policy::{Finding, Include, PolicyError};
use wheelmark_core::report::Escaped;

use crate::error::CliError;
use crate::exit::Exit;
use crate::policy_file::PolicyFile;
use crate::policy_key::PolicyKeyOptions;
use crate::render::human::{BAD, BOLD, GOOD, WARN, lines, styled};
use crate::render::{Output, json};
use crate::trust_roots::TrustRoots;
use crate::values::time;

/// Check that a policy can be read, and point out what in it may not be meant.
///
/// What cannot be read is an error: all that is wrong in keys, identities, rules, exceptions and revocations is told at
/// once. What is pointed out can be meant: a repository that is named without its lasting id, a rule that takes any
/// branch, an exception whose time is over. Each comes with its line and column and what to do about it.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark policy check policy.toml

Exit codes: 0 it can be read, 10 something is pointed out, or the signature does not hold, and \
--deny-warnings is given, 1 it cannot be read, 2 wrong usage.")]
pub struct Arguments {
    /// The policy
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Reject a policy in which anything is pointed out, or whose signature is asked for and does not hold
    #[arg(long)]
    deny_warnings: bool,
    /// Check as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Answer with one JSON document
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    key: PolicyKeyOptions,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    includes: Vec<Included<'a>>,
    /// Absent where no policy key is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
    warnings: &'a [Finding],
}

/// A file that it includes, itself or through another one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Included<'a> {
    policy: &'a str,
    sha256: Sha256Digest,
    included_by: &'a str,
    rules: usize,
    exceptions: usize,
    revocations: usize,
}

/// What the signature comes to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "status")]
enum Signature {
    Holds {
        key: String,
        #[serde(flatten)]
        says: PolicyStatement,
    },
    Refused {
        error: String,
    },
}

/// What is wrong with a policy that cannot be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreadable<'a> {
    schema: &'static str,
    policy: &'a str,
    sha256: Sha256Digest,
    errors: Vec<Wrong<'a>>,
}

/// One thing that is wrong.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wrong<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    suggestion: &'a str,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-check/v1";

/// Checks it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let now = arguments.at.unwrap_or_else(Utc::now);
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let keys = arguments.key.keys()?;
    let file = PolicyFile::open(&arguments.policy)?;
    let (policy, warnings) = match file.linted(&roots, now) {
        Ok(read) => read,
        Err(errors) => {
            unreadable(&file, &errors, arguments.json, output)?;
            return Ok(Exit::Undecided);
        }
    };
    // Nothing is decided by it here, so it is not kept in mind.
    let signature = keys.map(|keys| match keys.verify(&file, now) {
        Ok((signed, _)) => Signature::Holds { key: signed.key().to_string(), says: *signed.says() },
        Err(error) => Signature::Refused { error: error.message },
    });
    let checked = Checked {
        schema: SCHEMA,
        policy: policy.path(),
        sha256: policy.sha256(),
        rules: policy.rules().len(),
        exceptions: policy.exceptions().all().len(),
        revocations: policy.revocations().all().len(),
        includes: policy.includes().iter().map(Included::of).collect(),
        signature,
        warnings: &warnings,
    };
    let refused = matches!(checked.signature, Some(Signature::Refused { .. }));
    match arguments.json {
        true => json::document(&checked, output)?,
        false => human(&checked, output)?,
    }
    Ok(match arguments.deny_warnings && (refused || !warnings.is_empty()) {
        true => Exit::Rejected,
        false => Exit::Accepted,
    })
}

impl<'a> Included<'a> {
    fn of(include: &'a Include) -> Self {
        let policy = include.policy();
        Self {
            policy: policy.path(),
            sha256: policy.sha256(),
            included_by: include.included_by(),
            rules: policy.rules().len(),
            exceptions: policy.exceptions().all().len(),
            revocations: policy.revocations().all().len(),
        }
    }
}

/// Tells everything that is wrong.
fn unreadable(
    file: &PolicyFile,
    errors: &[PolicyError],
    as_json: bool,
    out: &mut Output,
) -> io::Result<()> {
    let path = file.path.to_string_lossy();
    if as_json {
        let errors = errors.iter().map(|it| Wrong {
            path: &it.path,
            line: it.line,
            column: it.column,
            message: &it.message,
            suggestion: &it.suggestion,
        });
        let sha256 = Sha256Digest::of(file.text.as_bytes());
        let errors = errors.collect();
        return json::document(&Unreadable { schema: SCHEMA, policy: &path, sha256, errors }, out);
    }
    for error in errors {
        let PolicyError { path, line, column, message, suggestion } = error;
        let (path, message) = (Escaped(path), lines(message));
        writeln!(out, "{path}:{line}:{column}: {}: {message}", styled(BAD, "error"))?;
        writeln!(out, "    {} {}", styled(BOLD, "suggestion:"), lines(suggestion))?;
    }
    let count = match errors.len() {
        POLICY_ERRORS.. => format!("the first {POLICY_ERRORS} errors"),
        count => counted(count, "error"),
    };
    writeln!(out, "{}: {}; it cannot be read", Escaped(&path), styled(BAD, count))
}

fn human(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let own = Escaped(checked.policy);
    for warning in checked.warnings {
        let Finding { lint, path, line, column, message, suggestion } = warning;
        let path = path.as_deref().map_or(own, Escaped);
        writeln!(out, "{path}:{line}:{column}: {} {lint}: {message}", styled(WARN, "warning"))?;
        writeln!(out, "    {} {suggestion}", styled(BOLD, "suggestion:"))?;
    }
    for it in &checked.includes {
        let (path, by) = (Escaped(it.policy), Escaped(it.included_by));
        let parts = parts(it.rules, it.exceptions, it.revocations, 0);
        writeln!(out, "{path}: {parts}; included by {by}")?;
    }
    match &checked.signature {
        None => {}
        Some(Signature::Holds { key, says }) => {
            let expires = seconds(says.expires);
            let holds = styled(GOOD, "signed");
            writeln!(
                out,
                "{own}: {holds} by key {key}, version {}, until {expires}",
                says.version
            )?;
        }
        Some(Signature::Refused { error }) => {
            writeln!(out, "{} {}", styled(WARN, "signature refused:"), Escaped(error))?;
        }
    }
    let includes = checked.includes.len();
    let parts = parts(checked.rules, checked.exceptions, checked.revocations, includes);
    let (style, warnings) = match checked.warnings.len() {
        0 => (GOOD, "nothing is pointed out".to_owned()),
        count => (WARN, counted(count, "warning")),
    };
    writeln!(out, "{own}: {parts}; {}", styled(style, warnings))
}

/// How much is in a policy.
fn parts(rules: usize, exceptions: usize, revocations: usize, includes: usize) -> String {
    let mut parts = vec![counted(rules, "rule")];
    for (count, what) in
        [(exceptions, "exception"), (revocations, "revocation"), (includes, "included file")]
    {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    parts.join(", ")
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
