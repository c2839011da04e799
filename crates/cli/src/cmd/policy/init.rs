//! `wheelmark policy init`: a first policy, from what a lock names and what the index has of it.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_core::limits::LATEST_TIME;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{InstanceName, Instances as _, TrustRoot};

use super::written;
use crate::cmd::verify::time;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::index_options::IndexChoice;
use crate::interrupt;
use crate::outputs;
use crate::render::{Output, json};
use crate::signed::{self, FileSeen};
use crate::trust_roots::TrustRoots;

/// Write a first policy for the files that a lock names.
///
/// Asks the package index for the attestations of each file, and names who signed them: the publisher's issuer,
/// repository, workflow and lasting ids, as the certificates have them. A file without an attestation is taken as it
/// was locked, by an exception that ends. Nothing is downloaded, and nothing is compared with what a project says of
/// itself: everything is trusted on first use, and each line says where it came from. Look at them.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark policy init -r uv.lock --out policy.toml")]
pub struct Arguments {
    /// The lock: requirements.txt with hashes, pylock.toml, uv.lock or poetry.lock
    #[arg(
        short = 'r',
        long = "lock",
        visible_alias = "requirements",
        value_name = "LOCK",
        required = true
    )]
    locks: Vec<PathBuf>,
    /// Where to write the policy; without this, on standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over it if it exists
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// The Sigstore instance whose certificates count
    #[arg(long, value_name = "INSTANCE", default_value = "public-good")]
    trust: InstanceName,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Who answers for the exceptions
    #[arg(long, value_name = "NAME", default_value = "nobody yet")]
    owner: String,
    /// How many days the exceptions are to count
    #[arg(long, value_name = "DAYS", default_value = "90")]
    exceptions_days: NonZeroU32,
    #[command(flatten)]
    index: IndexChoice,
    /// The time to decide at, instead of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
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
    let Arguments { out, overwrite, .. } = arguments;
    if let Some(out) = out {
        let inputs: Vec<&Path> = arguments.locks.iter().map(PathBuf::as_path).collect();
        outputs::spare([("--out", out.as_path())], &inputs)?;
        if !overwrite {
            outputs::refuse_existing(out)?;
        }
    }
    let cancel = interrupt::watch()?;
    let now = arguments.at.unwrap_or_else(Utc::now);
    let days = TimeDelta::days(arguments.exceptions_days.get().into());
    let latest = DateTime::from_timestamp(LATEST_TIME, 0);
    let expires = now.checked_add_signed(days).filter(|end| latest.is_none_or(|it| *end <= it));
    let expires = expires.ok_or_else(|| {
        let days = arguments.exceptions_days;
        CliError::usage(format!("--exceptions-days {days} from {now} is after every date"))
    })?;
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let instance = roots.instance(arguments.trust).map_err(CliError::undecided)?;
    let trust = TrustRoot::new(Vec::new(), vec![instance]);
    let index = arguments.index.open(&cancel)?;
    let gathered = signed::gather(&arguments.locks, &index, &trust, now)?;
    let made = written::Made {
        locks: arguments.locks.iter().map(|lock| lock.to_string_lossy().into_owned()).collect(),
        index: index.url(),
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
    Policy::parse("the policy made here", &text, &roots)
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    match out {
        None => write!(output, "{text}")?,
        Some(path) => {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let existing = if *overwrite { Existing::Replace } else { Existing::Keep };
            let content = Box::new(text.as_bytes());
            outputs::write_into(folder.unwrap_or(Path::new(".")), path, content, existing)?;
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
