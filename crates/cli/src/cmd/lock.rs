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

use crate::attestations::places_in;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::identities;
use crate::outputs;
use crate::render::{Output, json};
use crate::signed::{self, Asking, FileSeen, Gathered, Seen};
use crate::trust_options::public_key;
use crate::wanted::AllWanted;

/// Write down who signed what a lock names, so that a change is noticed.
///
/// Asks the package index for the attestations of each file, and keeps of each project who signed it: issuer,
/// repository, lasting ids, workflow and environment, or the key, or that nobody did. `wheelmark verify --locked` then
/// refuses a project that somebody else signs, or that has lost its attestations, and tells who it was before, and who
/// it is. Everything is trusted as it is found; a change is accepted on purpose, by `wheelmark lock update NAME`.
///
/// With `--write-identities` it is written into the lock itself, a `pylock.toml`: who attested each package, as its
/// `attestation-identities` (PEP 751). Whoever verifies by that lock then refuses a file that nobody of these attested,
/// under every policy. Those that are there already are held, and stay.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  wheelmark lock -r uv.lock -o wheelmark.lock
  wheelmark lock update demo -r uv.lock -o wheelmark.lock
  wheelmark lock -r requirements.txt --files wheelhouse --key release.key.pub -o wheelmark.lock
  wheelmark lock -r pylock.toml --write-identities")]
pub struct Arguments {
    #[command(flatten)]
    what: What,
    /// Write all of it over what is there
    #[arg(long)]
    overwrite: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    Update(UpdateArguments),
}

/// Take up anew who signs these projects, and what is not locked yet; all else stays as it is locked.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark lock update demo -r uv.lock -o wheelmark.lock
  wheelmark lock update demo -r pylock.toml --write-identities")]
struct UpdateArguments {
    /// The projects of which a change is accepted
    #[arg(value_name = "NAME", required = true)]
    names: Vec<ProjectName>,
    #[command(flatten)]
    what: What,
}

/// What is asked for who signed it, and where that is written.
#[derive(clap::Args)]
struct What {
    /// The lock: requirements.txt with hashes, pylock.toml, uv.lock or poetry.lock
    #[arg(
        short = 'r',
        long = "lock",
        visible_alias = "requirements",
        value_name = "LOCK",
        required = true
    )]
    locks: Vec<PathBuf>,
    /// Count the signatures of this public key (PEM), too
    #[arg(long, value_name = "PUB", conflicts_with = "write_identities")]
    key: Vec<PathBuf>,
    /// Look for the files in this folder, with their attestations beside them, and ask no index
    #[arg(long, value_name = "DIR", conflicts_with_all = ["index", "index_timeout"])]
    files: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
    /// Where to write the identities
    #[arg(short, long, value_name = "FILE", required_unless_present = "write_identities")]
    out: Option<PathBuf>,
    /// Write who attested each package into the lock, a pylock.toml, and nothing else
    #[arg(long, conflicts_with = "out")]
    write_identities: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

/// What of that which is locked already is taken up anew.
#[derive(Clone, Copy)]
enum Anew<'a> {
    /// Nothing: what is there is not written over.
    Nothing,
    /// All of it.
    All,
    /// These projects.
    These(&'a [ProjectName]),
}

impl Anew<'_> {
    fn has(self, name: &ProjectName) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }
}

impl Arguments {
    fn parts(&self) -> (&What, Anew<'_>) {
        match &self.verb {
            Some(Verb::Update(UpdateArguments { names, what })) => (what, Anew::These(names)),
            None if self.overwrite => (&self.what, Anew::All),
            None => (&self.what, Anew::Nothing),
        }
    }

    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        self.parts().0.json
    }
}

impl What {
    /// The files that are read, but for those that were locked before.
    fn inputs(&self) -> Result<Vec<PathBuf>, CliError> {
        let named = self.locks.iter().chain(&self.key).cloned().chain(self.asking.files());
        let files = self.files.as_deref().map(|folder| places_in(folder, &[])).transpose()?;
        Ok(named.chain(files.into_iter().flatten()).collect())
    }

    /// What there is of everything that is wanted.
    fn gather(&self, wanted: AllWanted) -> Result<Gathered, CliError> {
        let keys = self.key.iter().map(|path| public_key(path));
        let keys = keys.collect::<Result<_, CliError>>()?;
        self.asking.gather_from(wanted, self.asking.now(), keys, self.files.as_deref())
    }
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
    let (what, anew) = arguments.parts();
    // One of the two there is.
    let Some(out) = &what.out else { return pylock::run(what, anew, output) };
    outputs::spare([("--out", out.as_path())], what.inputs()?)?;
    let before = match anew {
        Anew::All => None,
        Anew::Nothing => {
            outputs::refuse_existing(out)?;
            None
        }
        Anew::These(_) => Some(identities::read(out)?),
    };
    let mut wanted = AllWanted::default().locks(&what.locks)?;
    if let (Some(before), Anew::These(names)) = (&before, anew) {
        only(&mut wanted, before, names)?;
    }
    let found = entries(&what.gather(wanted)?.held_to_locks())?;
    let entries = match before {
        None => found,
        Some(before) => merged(&before, found),
    };
    let text = identity_lock::text(&entries).map_err(CliError::undecided)?;
    // What is handed out must be read as what it is.
    IdentityLock::parse("the file made here", &text)
        .map_err(|error| CliError::undecided(Escaped(&error.to_string())))?;
    let existing = match anew {
        Anew::Nothing => Existing::Keep,
        Anew::All | Anew::These(_) => Existing::Replace,
    };
    outputs::write(out, &text, existing)?;
    let signed = entries.iter().filter(|entry| !entry.signers.is_empty()).count();
    let unsigned = entries.len() - signed;
    match what.json {
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
                let by_keys = file.keys.iter().map(|id| ("key".to_owned(), id.to_string()));
                signers.extend(by_keys.map(|value| BTreeMap::from([value])));
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
        .hint("of a signature by a key, `--key PUB` says which key that is")
}

/// Leaves of what is wanted only what is named, and what is not locked yet.
fn only(
    wanted: &mut AllWanted,
    before: &IdentityLock,
    names: &[ProjectName],
) -> Result<(), CliError> {
    let is_there = |name: &&ProjectName| wanted.releases.iter().any(|it| it.project == **name);
    if let Some(name) = names.iter().find(|name| !is_there(name)) {
        return Err(CliError::usage(format!("no lock names `{name}`, which is to be updated")));
    }
    wanted.releases.retain(|it| names.contains(&it.project) || !before.has(&it.project));
    Ok(())
}

/// What was there, with what was found in its place.
fn merged(before: &IdentityLock, found: Vec<ProjectEntry>) -> Vec<ProjectEntry> {
    let all = before.entries().iter().cloned().chain(found);
    let by_name: BTreeMap<_, _> = all.map(|entry| (entry.name.clone(), entry)).collect();
    by_name.into_values().collect()
}
