//! `wheelmark policy init`: a first policy, from what a lock names and what the index has of it.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta};
use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_core::limits::LATEST_TIME;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;

use super::written;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::outputs;
use crate::render::{Output, json};
use crate::signed::{Asking, FileSeen};

/// Write a first policy for the files that a lock names.
///
/// Asks the package index for the attestations of each file, and names who signed them: the publisher's issuer,
/// repository, workflow and lasting ids, as the certificates have them. A file without an attestation is taken as it
/// was locked, by an exception that ends. Nothing is downloaded, and nothing is compared with what a project says of
/// itself: everything is trusted on first use, and each line says where it came from. Look at them.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark policy init -r uv.lock --out policy.toml")]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
    /// Where to write the policy; without this, on standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over it if it exists
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Who answers for the exceptions
    #[arg(long, value_name = "NAME", default_value = "nobody yet")]
    owner: String,
    /// How many days the exceptions are to count
    #[arg(long, value_name = "DAYS", default_value = "90")]
    exceptions_days: NonZeroU32,
    /// Tell in JSON what was made
    #[arg(long, requires = "out")]
    pub json: bool,
}

/// What was made, for a program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    policy: String,
    #[serde(flatten)]
    counts: &'a written::Counts,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-init/v1";

/// Makes it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let Arguments { asking, out, overwrite, .. } = arguments;
    if let Some(out) = out {
        outputs::spare([("--out", out.as_path())], &asking.locks())?;
        if !overwrite {
            outputs::refuse_existing(out)?;
        }
    }
    let now = asking.now();
    let days = TimeDelta::days(arguments.exceptions_days.get().into());
    let latest = DateTime::from_timestamp(LATEST_TIME, 0);
    let expires = now.checked_add_signed(days).filter(|end| latest.is_none_or(|it| *end <= it));
    let expires = expires.ok_or_else(|| {
        let days = arguments.exceptions_days;
        CliError::usage(format!("--exceptions-days {days} from {now} is after every date"))
    })?;
    let gathered = asking.gather(now)?.held_to_locks();
    let locks = asking.locks();
    let made = written::Made {
        locks: locks.iter().map(|lock| lock.to_string_lossy().into_owned()).collect(),
        owner: &arguments.owner,
        expires,
        now,
    };
    if !gathered.projects.iter().any(|it| it.files.iter().any(FileSeen::is_taken)) {
        let refused = gathered.projects.iter().flat_map(|it| &it.files);
        let because = refused.flat_map(|it| &it.claims).find_map(|it| it.as_ref().err());
        let because = because.map(|it| format!(": {it}")).unwrap_or_default();
        let message =
            format!("no file of the lock can be taken, and there is nothing to write{because}");
        return Err(CliError::undecided(Escaped(&message)));
    }
    let text = written::policy(&made, &gathered);
    // What is handed out must be a policy that is read as one.
    Policy::parse("the policy made here", &text, &asking.roots())
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    match out {
        None => write!(output, "{text}")?,
        Some(path) => {
            let existing = if *overwrite { Existing::Replace } else { Existing::Keep };
            outputs::write(path, &text, existing)?;
            let counts = written::Counts::of(&gathered);
            match arguments.json {
                true => {
                    let policy = path.to_string_lossy().into_owned();
                    json::document(&Answer { schema: SCHEMA, policy, counts: &counts }, output)?;
                }
                false => writeln!(output, "made {}: {counts}", shown(path))?,
            }
        }
    }
    Ok(Exit::Accepted)
}
