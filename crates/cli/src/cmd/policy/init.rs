//! `wheelmark policy init`: a first policy, from what a lock names and what the index has of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::limits::LATEST_TIME;
use wheelmark_core::lock::LockedProject;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Escaped, Refusal};
use wheelmark_core::trust::{InstanceName, Instances as _, TrustRoot};
use wheelmark_core::verify::{Claim, claims};
use wheelmark_index::{FileListed, ProjectPage};

use super::written;
use crate::batch::locked;
use crate::cmd::verify::time;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::from_index::{Asked, undecided};
use crate::index_options;
use crate::interrupt;
use crate::outputs;
use crate::progress::Files;
use crate::render::{Output, json};
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
    /// The package index's simple API; without this, the default index that uv or pip is configured with
    // A text: were it parsed by clap, what clap says of a wrong one would show the password in it.
    #[arg(long, value_name = "URL")]
    index: Option<String>,
    /// Give up where the index is silent for this many seconds
    #[arg(long, value_name = "SECONDS")]
    index_timeout: Option<NonZeroU64>,
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

/// A locked project and what the index has of its files.
pub struct Seen {
    /// The project, as it is locked.
    pub project: LockedProject,
    /// Where that stands.
    pub place: String,
    /// Its files, by their names.
    pub files: Vec<FileSeen>,
    /// Locked digests that are of no file that the index lists.
    pub unlisted: usize,
}

/// A locked file that the index lists.
pub struct FileSeen {
    /// Its name.
    pub filename: DistFilename,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What was claimed of it, or why an attestation says nothing.
    pub claims: Vec<Result<Claim, Refusal>>,
}

impl FileSeen {
    /// Whether somebody signed for it.
    pub fn is_attested(&self) -> bool {
        self.claims.iter().any(Result::is_ok)
    }

    /// Whether there is no attestation of it.
    pub fn is_bare(&self) -> bool {
        self.claims.is_empty()
    }

    /// Whether the policy takes it: not where what signed for it does not hold.
    pub fn is_taken(&self) -> bool {
        self.is_bare() || self.is_attested()
    }
}

/// What the policy is made of.
pub struct Gathered {
    /// The projects, by name and version.
    pub projects: Vec<Seen>,
    /// What is locked and no file can be held against, in words.
    pub left_out: Vec<String>,
}

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
    let url = index_options::url(arguments.index.as_deref())?;
    let index = Asked::new(url, index_options::limits(arguments.index_timeout), &cancel)?;
    let gathered = gather(&arguments.locks, &index, &trust, now)?;
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

fn gather(
    locks: &[PathBuf],
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Gathered, CliError> {
    let mut wanted: BTreeMap<ProjectName, Vec<(LockedProject, String)>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for path in locks {
        let lock = locked::read(path)?;
        for entry in lock.entries {
            let place = locked::at(path, entry.line);
            wanted.entry(entry.name.clone()).or_default().push((entry, place));
        }
        left_out.extend(lock.unverifiable.into_iter().map(|entry| {
            let what = entry.kind.explanation();
            format!("{}: `{}` {what}", locked::at(path, entry.line), Escaped(&entry.name))
        }));
    }
    let progress = Files::new(wanted.len());
    let mut pages = Vec::new();
    index.pages(wanted, |project, entries, page| {
        progress.done(|| pages.push((project, entries, page)));
    })?;
    pages.sort_by(|one, other| one.0.cmp(&other.0));
    let mut projects = Vec::new();
    for (_, entries, page) in pages {
        let page = page?;
        for (entry, place) in entries {
            projects.push(seen(entry, place, &page, index, trust, now)?);
        }
    }
    Ok(Gathered { projects, left_out })
}

/// What the index has of one locked project.
fn seen(
    project: LockedProject,
    place: String,
    page: &ProjectPage,
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Seen, CliError> {
    let listed = page.release(&project.version, index.limits().files).map_err(undecided)?;
    let mut listed: Vec<FileListed> =
        listed.into_iter().filter(|file| project.has(file.sha256())).collect();
    listed.sort_by(|one, other| one.filename().as_str().cmp(other.filename().as_str()));
    let mut files = Vec::new();
    for file in &listed {
        let given = index.attestations(file)?.given;
        files.push(FileSeen {
            filename: file.filename().clone(),
            sha256: file.sha256(),
            claims: match given.is_empty() {
                true => Vec::new(),
                false => claims(file.filename(), file.sha256(), &given, trust, now),
            },
        });
    }
    let unlisted =
        project.digests().filter(|it| !files.iter().any(|file| file.sha256 == *it)).count();
    Ok(Seen { project, place, files, unlisted })
}
