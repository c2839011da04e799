//! `wheelmark policy init`: a first policy, from what is locked, installed or served, and what the index has signed of
//! it.

mod summary;

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_core::limits::LATEST_TIME;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;

use self::summary::Counts;
use super::written;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::index_options::Release;
use crate::outputs;
use crate::render::{Output, json};
use crate::signed::{Asking, FileSeen, Gathered};
use crate::wanted::AllWanted;

/// Write a first policy for what is locked, installed, or served by an index.
///
/// Asks the package index for the attestations of each file, and names who signed them: the publisher's issuer,
/// repository, workflow and lasting ids, as the certificates have them. A file without an attestation is taken by its
/// digest, by an exception that ends. Nothing is downloaded, and nothing is compared with what a project says of
/// itself: everything is trusted on first use, and each line says where it came from. Look at them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark policy init -r uv.lock --out policy.toml
  wheelmark policy init --installed --python .venv --out policy.toml
  wheelmark policy init --from-index sampleproject==4.0.0")]
#[command(group = clap::ArgGroup::new("sources").multiple(true).required(true))]
pub struct Arguments {
    /// A lock whose files it is for: requirements.txt with hashes, pylock.toml, uv.lock or poetry.lock
    #[arg(
        short = 'r',
        long = "lock",
        visible_alias = "requirements",
        value_name = "LOCK",
        group = "sources"
    )]
    locks: Vec<PathBuf>,
    /// What is installed: of each release the wheels that fit the interpreter, since which one it was is not recorded
    #[arg(long, group = "sources")]
    installed: bool,
    /// The interpreter of the environment, or its folder; without this, the one that `uv pip install` would install into
    #[arg(long, value_name = "PATH", requires = "installed")]
    python: Option<PathBuf>,
    /// Every file of this release, as the index has it
    #[arg(long, value_name = "NAME==VERSION", group = "sources", num_args = 1..)]
    from_index: Vec<Release>,
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
    counts: &'a Counts,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-init/v1";

/// Makes it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let Arguments { asking, out, overwrite, .. } = arguments;
    if let Some(out) = out {
        let inputs = arguments.locks.iter().chain(&arguments.python).cloned();
        outputs::spare([("--out", out.as_path())], inputs.chain(asking.files()))?;
        if !overwrite {
            outputs::refuse_existing(out)?;
        }
    }
    let now = asking.now();
    let expires = expires(arguments, now)?;
    let wanted = AllWanted::default().locks(&arguments.locks)?.releases(&arguments.from_index);
    let wanted = match arguments.installed {
        true => wanted.installed(arguments.python.as_deref())?,
        false => wanted,
    };
    let gathered = asking.gather(wanted, now)?.held_to_locks();
    check_something(&gathered)?;
    let made = written::Made { owner: &arguments.owner, expires, now };
    let text = written::policy(&made, &gathered);
    // What is handed out must be a policy that is read as one.
    Policy::parse("the policy made here", &text, &asking.roots())
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    let counts = Counts::of(&gathered);
    let Some(path) = out else {
        write!(output, "{text}")?;
        // The policy is what is read from standard output.
        let mut told = anstream::stderr();
        writeln!(told, "made a policy")?;
        counts.tell(expires, &mut told)?;
        return Ok(Exit::Accepted);
    };
    let existing = if *overwrite { Existing::Replace } else { Existing::Keep };
    outputs::write(path, &text, existing)?;
    if arguments.json {
        let policy = path.to_string_lossy().into_owned();
        json::document(&Answer { schema: SCHEMA, policy, counts: &counts }, output)?;
    } else {
        writeln!(output, "made {}", shown(path))?;
        counts.tell(expires, output)?;
        next(arguments, path, output)?;
    }
    Ok(Exit::Accepted)
}

/// The last moment at which the exceptions count.
fn expires(arguments: &Arguments, now: DateTime<Utc>) -> Result<DateTime<Utc>, CliError> {
    let days = TimeDelta::days(arguments.exceptions_days.get().into());
    let latest = DateTime::from_timestamp(LATEST_TIME, 0);
    let expires = now.checked_add_signed(days).filter(|end| latest.is_none_or(|it| *end <= it));
    expires.ok_or_else(|| {
        let days = arguments.exceptions_days;
        CliError::usage(format!("--exceptions-days {days} from {now} is after every date"))
    })
}

/// A policy that takes nothing is none.
fn check_something(gathered: &Gathered) -> Result<(), CliError> {
    if gathered.projects.iter().any(|it| it.files.iter().any(FileSeen::is_taken)) {
        return Ok(());
    }
    let refused = gathered.projects.iter().flat_map(|it| &it.files);
    let because = refused.flat_map(|it| &it.claims).find_map(|it| it.as_ref().err());
    let because = because.map(ToString::to_string).or_else(|| gathered.left_out.first().cloned());
    let because = because.map(|it| format!(": {it}")).unwrap_or_default();
    let message = format!("no file can be taken, and there is nothing to write{because}");
    Err(CliError::undecided(Escaped(&message)))
}

/// What to do now.
fn next(arguments: &Arguments, policy: &Path, output: &mut Output) -> std::io::Result<()> {
    let quoted = |path: &Path| {
        let path = path.to_string_lossy();
        let quoted = shlex::try_quote(&path).map(std::borrow::Cow::into_owned);
        Escaped(&quoted.unwrap_or_default()).to_string()
    };
    let policy = quoted(policy);
    writeln!(output, "next:")?;
    writeln!(output, "  wheelmark policy check {policy}")?;
    for lock in &arguments.locks {
        let lock = quoted(lock);
        writeln!(
            output,
            "  wheelmark verify --policy {policy} -r {lock} --files DIR --fetch-attestations"
        )?;
    }
    Ok(())
}
