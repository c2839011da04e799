//! `wheelmark trust update`: asks the TUF repositories of instances for their trusted roots. No other verb
//! goes out for trust.

use std::io::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::TufLimits;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::InstanceName;
use wheelmark_index::IndexUrl;
use wheelmark_index::trust::{self, SourceError, TrustError, TrustState, TufSource};

use crate::data_folder::TrustFile;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::render::{Output, human, json};
use crate::trust_roots::{Origin, TrustRoots, is_newer};

/// Refresh what is known of Sigstore instances, from their TUF repositories.
///
/// What comes must be signed by whom the root in the program leads to, be no older than what came before,
/// and not be out of date. It is kept in the data folder ($WHEELMARK_DATA, or wheelmark in the user's data
/// folder) and used by every later run. Where anything is wrong with it, what was known stays.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark trust update
  wheelmark trust update private --tuf-url https://tuf.example.org/ --tuf-root root.json

Exit codes: 0 all refreshed, 1 at least one was not, 2 wrong usage.")]
pub struct Arguments {
    /// The instances: public-good, github, staging or private; without any, public-good and github
    #[arg(value_name = "INSTANCE")]
    instances: Vec<InstanceName>,
    /// The TUF repository of a private instance, or a mirror of a public one's; for one instance only
    #[arg(long, value_name = "URL")]
    // A text: were it parsed by clap, what clap says of a wrong one would show the password in it.
    tuf_url: Option<String>,
    /// The root.json with which trust in a private instance's repository begins
    #[arg(long, value_name = "FILE")]
    tuf_root: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/trust-update/v1";

#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    instances: Vec<Updated>,
    exit: Exit,
}

/// What became of one instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    instance: &'static str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What is trusted from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It is another trusted root than before.
    Changed,
    /// It is the same, and known to be true now.
    Unchanged,
    /// It was not refreshed.
    Failed,
}

/// Refreshes each; one that fails keeps none of the others from being asked.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let mut names = arguments.instances.clone();
    if names.is_empty() {
        names = vec![InstanceName::PublicGood, InstanceName::Github];
        if arguments.tuf_url.is_some() || arguments.tuf_root.is_some() {
            names = vec![InstanceName::Private];
        }
    }
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 && (arguments.tuf_url.is_some() || arguments.tuf_root.is_some()) {
        return Err(CliError::usage(format!(
            "--tuf-url and --tuf-root are of one instance, and {} are given",
            names.len()
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::undecided(format!("cannot ask anything: {error}")))?;
    let mut exit = Exit::Accepted;
    let mut instances = Vec::new();
    for name in names {
        let before = TrustRoots::new(None).find(name);
        let updated = match runtime.block_on(update(name, arguments)) {
            Ok((url, state)) => refreshed(name, url, &state, before.ok().map(|it| it.0.sha256())),
            Err(error) if error.exit == Exit::Usage => return Err(error),
            Err(error) => {
                exit = Exit::Undecided;
                failed(name, error, before.ok().map(|(instance, from)| (instance.sha256(), from)))
            }
        };
        if !arguments.json {
            show(&updated, output)?;
        }
        instances.push(updated);
    }
    if arguments.json {
        json::document(&Answer { schema: SCHEMA, instances, exit }, output)?;
    }
    Ok(exit)
}

/// Asks for one, and keeps what came.
async fn update(
    name: InstanceName,
    arguments: &Arguments,
) -> Result<(String, TrustState), CliError> {
    let url = arguments.tuf_url.as_deref().map(str::parse::<IndexUrl>).transpose();
    let url = url.map_err(CliError::usage)?;
    let file = TrustFile::to_write(name)?;
    let limits = TufLimits::standard();
    let root = arguments.tuf_root.as_ref();
    let root = root
        .map(|path| input::read_bounded(path, usize::try_from(limits.root).unwrap_or(usize::MAX)))
        .transpose()?;
    let _lock = file.lock()?;
    let known = file.read()?;
    if let Some(known) = known.as_ref().filter(|known| is_newer(known, name)) {
        // What a verification would refuse is not written over either, before somebody has looked.
        known.instance().map_err(|error| file.unusable(&error))?;
    }
    let source =
        TufSource::new(name, url, root, known.as_ref()).map_err(|error| no_source(&error))?;
    let state = trust::refresh(&source, known.as_ref(), Utc::now(), &limits)
        .await
        .map_err(|error| not_refreshed(&error, &file))?;
    file.write(&state)?;
    Ok((source.url().to_string(), state))
}

fn no_source(error: &SourceError) -> CliError {
    let hint = match error {
        SourceError::Unknown => "give --tuf-url URL and --tuf-root FILE",
        SourceError::RootOfPublic(_) => "leave --tuf-root out, or name the instance private",
        SourceError::Url(_) => "",
    };
    CliError::usage(error).hint(hint)
}

fn not_refreshed(error: &TrustError, file: &TrustFile) -> CliError {
    let hint = match error {
        TrustError::OtherRoot { .. } => {
            format!("to begin anew with it, remove {}", crate::error::shown(file.path()))
        }
        _ => String::new(),
    };
    CliError::undecided(error).hint(hint)
}

fn refreshed(
    name: InstanceName,
    url: String,
    state: &TrustState,
    before: Option<Sha256Digest>,
) -> Updated {
    Updated {
        instance: name.as_str(),
        outcome: if before == Some(state.sha256()) { Outcome::Unchanged } else { Outcome::Changed },
        url: Some(url),
        sha256: Some(state.sha256()),
        as_of: Some(state.refreshed_at()),
        error: None,
        hint: None,
    }
}

/// What stays is said, for that is what verifications go on with.
fn failed(name: InstanceName, error: CliError, kept: Option<(Sha256Digest, Origin)>) -> Updated {
    let stays = match &kept {
        Some((_, Origin::Refreshed(at))) => {
            format!("what was refreshed at {} is kept", at.format("%Y-%m-%d %H:%M"))
        }
        Some(_) => "what the program carries is used as before".to_owned(),
        None => String::new(),
    };
    let hint = [error.hint.unwrap_or_default(), stays];
    let hint = hint.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    Updated {
        instance: name.as_str(),
        outcome: Outcome::Failed,
        url: None,
        sha256: kept.map(|(sha256, _)| sha256),
        as_of: None,
        error: Some(error.message),
        hint: Some(hint).filter(|hint| !hint.is_empty()),
    }
}

fn show(updated: &Updated, output: &mut Output) -> Result<(), CliError> {
    if let Some(error) = &updated.error {
        let error = CliError::undecided(format!("{}: {error}", updated.instance))
            .hint(updated.hint.as_deref().unwrap_or_default());
        // Standard error may be gone; the exit code still says it.
        let _ = human::error(&error, &mut anstream::stderr());
        return Ok(());
    }
    let done = match updated.outcome {
        Outcome::Changed => "changed",
        _ => "unchanged",
    };
    let url = updated.url.as_deref().unwrap_or_default();
    let done = human::styled(human::GOOD, done);
    writeln!(output, "{done} {}, as {} has it now", updated.instance, Escaped(url))?;
    if let Some(sha256) = updated.sha256 {
        writeln!(output, "  sha256 {sha256}")?;
    }
    Ok(())
}
