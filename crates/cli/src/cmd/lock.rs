//! `wheelmark lock`: who signed what a lock names, written down so that a change is noticed: in a file of its own, or in
//! a `pylock.toml` itself.

mod pylock;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::identity_lock::{self, IdentityLock, ProjectEntry};
use wheelmark_core::report::{Escaped, Reason};

use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::identities;
use crate::outputs;
use crate::render::{Output, json};
use crate::signed::{self, Asking, FileSeen, Gathered, Seen};
use crate::wanted::AllWanted;

/// Write down who signed what a lock names, so that a change is noticed.
///
/// Asks the package index for the attestations of each file, and keeps of each project who signed it: issuer,
/// repository, lasting ids, workflow and environment, or that nobody did. `wheelmark verify --locked` then refuses a
/// project that somebody else signs, or that has lost its attestations, and tells who it was before, and who it is.
/// Everything is trusted as it is found; a change is accepted on purpose, by `--update`.
///
/// With `--write-identities` it is written into the lock itself, a `pylock.toml`: who attested each package, as its
/// `attestation-identities` (PEP 751). Whoever verifies by that lock then refuses a file that nobody of these attested,
/// under every policy. Those that are there already are held, and stay.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark lock -r uv.lock --out wheelmark.lock
  wheelmark lock -r uv.lock --out wheelmark.lock --update demo
  wheelmark lock -r pylock.toml --write-identities")]
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
    #[command(flatten)]
    asking: Asking,
    /// Where to write the identities
    #[arg(long, value_name = "FILE", required_unless_present = "write_identities")]
    out: Option<PathBuf>,
    /// Write who attested each package into the lock, a pylock.toml, and nothing else
    #[arg(long, conflicts_with = "out")]
    write_identities: bool,
    /// Write all of it over what is there
    #[arg(long)]
    overwrite: bool,
    /// Take this project up anew, and what is not there yet; all else stays as it is there
    #[arg(long, value_name = "NAME", conflicts_with = "overwrite")]
    update: Vec<ProjectName>,
    /// Answer with one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    locked: String,
    signed: usize,
    unsigned: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/lock/v1";

/// Writes it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let Arguments { asking, out, .. } = arguments;
    // One of the two there is.
    let Some(out) = out else { return pylock::run(arguments, output) };
    let locks: Vec<_> = arguments.locks.iter().map(PathBuf::as_path).collect();
    outputs::spare([("--out", out.as_path())], &locks)?;
    let before = match arguments.update.is_empty() {
        true if arguments.overwrite => None,
        true => {
            outputs::refuse_existing(out)?;
            None
        }
        false => Some(identities::read(out)?),
    };
    let gathered =
        asking.gather(AllWanted::default().locks(&arguments.locks)?, asking.now())?.held_to_locks();
    let found = entries(&gathered)?;
    let entries = match before {
        None => found,
        Some(before) => merged(&before, found, &arguments.update)?,
    };
    let text = identity_lock::text(&entries).map_err(CliError::undecided)?;
    // What is handed out must be read as what it is.
    IdentityLock::parse("the file made here", &text)
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    let existing = match arguments.overwrite || !arguments.update.is_empty() {
        true => Existing::Replace,
        false => Existing::Keep,
    };
    outputs::write(out, &text, existing)?;
    let signed = entries.iter().filter(|entry| !entry.signers.is_empty()).count();
    let unsigned = entries.len() - signed;
    match arguments.json {
        true => {
            let locked = out.to_string_lossy().into_owned();
            let notes = Vec::new();
            let answer = Answer { schema: SCHEMA, locked, signed, unsigned, notes };
            json::document(&answer, output)?;
        }
        false => writeln!(
            output,
            "locked {}: by who signs them {signed}, that nobody signs {unsigned}",
            shown(out)
        )?,
    }
    Ok(Exit::Accepted)
}

/// Who signed each project. Of several versions of it the last is named, and all who signed any of them.
fn entries(gathered: &Gathered) -> Result<Vec<ProjectEntry>, CliError> {
    let projects = gathered.projects.chunk_by(|one, other| one.name() == other.name());
    projects
        .map(|versions| {
            let mut signers = BTreeSet::new();
            let mut lost = None;
            for file in versions.iter().flat_map(|seen| &seen.files) {
                for claim in &file.claims {
                    // Of some files of a project there may be none; of all of them it is a change.
                    if let Err(refusal) = claim
                        && refusal.reason == Reason::AttestationIdentityMissing
                    {
                        lost.get_or_insert(not_written(file, refusal));
                        continue;
                    }
                    let identity = match claim {
                        Ok(claim) => {
                            signed::identity(claim).ok_or_else(|| claim.signer.to_string())
                        }
                        Err(refusal) => Err(refusal.to_string()),
                    };
                    let identity = identity.map_err(|what| not_written(file, &what))?;
                    let values = identity.into_iter().map(|(key, value)| (key.to_owned(), value));
                    signers.insert(values.collect::<BTreeMap<_, _>>());
                }
            }
            if let Some(lost) = lost.filter(|_| signers.is_empty()) {
                return Err(lost);
            }
            let last = |seen: &&Seen| seen.wanted.version.clone();
            let newest = versions.iter().max_by_key(last).map(|seen| &seen.wanted);
            Ok(ProjectEntry {
                name: newest.map(|it| it.project.to_string()).unwrap_or_default(),
                version: newest.map(|it| it.version.to_string()).unwrap_or_default(),
                signers: signers.into_iter().collect(),
            })
        })
        .collect()
}

fn not_written(file: &FileSeen, what: &impl ToString) -> CliError {
    let (name, what) = (file.filename.as_str(), what.to_string());
    CliError::undecided(format!("who signed `{name}` cannot be written down: {}", Escaped(&what)))
}

/// What was there, with the named projects and the new ones as they were found.
fn merged(
    before: &IdentityLock,
    found: Vec<ProjectEntry>,
    update: &[ProjectName],
) -> Result<Vec<ProjectEntry>, CliError> {
    let mut all: BTreeMap<_, _> =
        before.entries().iter().map(|entry| (entry.name.clone(), entry.clone())).collect();
    let named: BTreeSet<_> = update.iter().map(ToString::to_string).collect();
    if let Some(name) = named.iter().find(|name| !found.iter().any(|entry| entry.name == **name)) {
        return Err(CliError::usage(format!("no lock names `{name}`, which is to be updated")));
    }
    for entry in found {
        if named.contains(&entry.name) || !all.contains_key(&entry.name) {
            all.insert(entry.name.clone(), entry);
        }
    }
    Ok(all.into_values().collect())
}
