//! `wheelmark install` and `wheelmark download`: what pip or uv would install, verified before it is.

mod choice;
mod exempt;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_build::atomic::{self, Existing, NewFile, WriteError};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::{Artifact, trust_used};

use self::choice::{by_index, items};
use self::exempt::{Decided, Exempted, Refused};

use crate::batch::{self, Plan, Subject, Summary};
use crate::error::{CliError, shown};
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::from_index::Asked;
use crate::identities;
use crate::index_options::IndexChoices;
use crate::installer::{Installer, Verified, as_one};
use crate::interrupt;
use crate::render::batch::Format;
use crate::render::human::{BOLD, styled};
use crate::render::{Output, json};
use crate::requirements::Requirements;
use crate::subjects::Planned;
use crate::trust_options::TrustOptions;
use crate::values::time;

/// What both verbs take.
#[derive(clap::Args)]
struct Common {
    #[command(flatten)]
    index: IndexChoices,
    /// Look at this many files at a time; without it, as many as there are processors
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Judge as of this time (RFC 3339) and not as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// The identities that were locked (`wheelmark lock`): another signer than before is refused
    #[arg(long, value_name = "FILE")]
    locked: Option<PathBuf>,
    /// Answer with one JSON document for each file, each on one line, and a last one that sums up
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trust: TrustOptions,
    /// The command of pip or uv
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Install with pip or uv what a policy accepts, and nothing else.
///
/// pip or uv says what it would install. Each of these files is downloaded from the index that its project is of, and
/// verified with the attestations that this index has of it. Only if all of them are accepted is the installer run once more, with the index
/// switched off, on these files by their digests; on any refusal the environment stays as it is.
///
/// Only wheels are installed: to build a source distribution would run what nobody has verified. Paths and URLs are refused,
/// and so are options that add another index; on the command line and in the files of requirements, whose digests are
/// held. A folder (`-e`) or a revision of a repository is installed only where the policy exempts it by its exact place
/// (`[[unverified]]`), after what was verified, and is told as exempted. What is installed already is not looked at.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark install --policy policy.toml -- pip install requests
  wheelmark install --policy policy.toml -- uv pip install -r requirements.txt

Exit codes: 0 installed, or nothing to install; 10 at least one file rejected, 1 at least one could not be had \
or read, or the installer failed, 2 wrong usage.")]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// Download what pip or uv would install, if a policy accepts all of it.
///
/// As `wheelmark install`, but the files are put into a folder: all of them, or none.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark download --policy policy.toml --dest wheelhouse -- pip install requests

Exit codes: 0 downloaded, or nothing to download; 10 at least one file rejected, 1 at least one could not be \
had, read or written, 2 wrong usage.")]
pub struct DownloadArguments {
    /// The folder for the files; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    dest: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        self.common.json
    }
}

impl DownloadArguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        self.common.json
    }
}

/// The last document.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    decision: &'static str,
    /// What was done with the files; nothing unless all were accepted.
    done: &'static str,
    /// The files with which it was done.
    files: Vec<&'a str>,
    /// What was installed beside them that nobody verified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exempted: Vec<Exempted>,
    /// What is no file of an index, and refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
}

/// The `schema` of the last document.
const SCHEMA: &str = "https://wheelmark.dev/install/v1";

/// What the verified files are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Install,
    /// Whatever is installed already: a folder is to be filled.
    Download,
}

/// Installs.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let common = &arguments.common;
    let installer = Installer::parse(&common.command)?;
    handed_on(common, &installer, output, Purpose::Install, |folder, files, exempted| {
        let direct: Vec<_> = exempted.iter().map(|it| it.direct.clone()).collect();
        let commits = installer.commits(&direct)?;
        if !files.is_empty() {
            installer.install(folder, files)?;
        }
        match direct.is_empty() {
            true => Ok(()),
            false => installer.install_direct(&direct, &commits),
        }
    })
}

/// Downloads.
pub fn download(arguments: &DownloadArguments, output: &mut Output) -> Result<Exit, CliError> {
    let common = &arguments.common;
    let installer = Installer::parse(&common.command)?;
    handed_on(common, &installer, output, Purpose::Download, |folder, files, _| {
        std::fs::create_dir_all(&arguments.dest)
            .map_err(|error| CliError::io("make", &arguments.dest, &error))?;
        write(folder, files, &arguments.dest)
    })
}

/// Puts the files into a folder, all or none. One of the same name and bytes may be there already.
fn write(folder: &Path, files: &[Verified], dest: &Path) -> Result<(), CliError> {
    let mut missing = Vec::new();
    for it in files {
        let path = dest.join(it.filename.as_str());
        match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing.push(it),
            Err(error) => return Err(CliError::io("read", &path, &error)),
            Ok(file) => {
                let (found, _) = Sha256Digest::of_reader(file)
                    .map_err(|error| CliError::io("read", &path, &error))?;
                if found != it.sha256 {
                    let message = format!("{} is there already, with other bytes", shown(&path));
                    return Err(CliError::undecided(message).hint("name another folder"));
                }
            }
        }
    }
    let open = |it: &Verified| -> Result<Box<dyn Read>, CliError> {
        let path = folder.join(it.filename.as_str());
        Ok(Box::new(File::open(&path).map_err(|error| CliError::io("read", &path, &error))?))
    };
    let files: Vec<_> = missing
        .iter()
        .map(|it| Ok(NewFile { name: it.filename.as_str(), mode: 0o644, content: open(it)? }))
        .collect::<Result<_, CliError>>()?;
    atomic::write_all(dest, files, Existing::Keep, |_| Ok::<_, CliError>(()))
        .map(drop)
        .map_err(|error: WriteError<CliError>| CliError::undecided(error))
}

/// Verifies everything that the installer wants, and has `hand_on` do something with it if all of it is accepted.
fn handed_on(
    common: &Common,
    installer: &Installer,
    output: &mut Output,
    purpose: Purpose,
    hand_on: impl FnOnce(&Path, &[Verified], &[Exempted]) -> Result<(), CliError>,
) -> Result<Exit, CliError> {
    let folder = tempfile::Builder::new()
        .prefix("wheelmark-")
        .tempdir()
        .map_err(|error| CliError::io("make a folder in", &std::env::temp_dir(), &error))?;
    let Judged { exit, files, rejected, direct: Decided { exempted, refused } } =
        verified(common, installer, purpose, folder.path(), output)?;
    let nothing = files.is_empty() && exempted.is_empty();
    let all = exit == Exit::Accepted;
    if all && !nothing {
        interrupt::check_watched()?;
        hand_on(folder.path(), &files, &exempted)?;
    }
    let said = match (all, nothing, purpose) {
        (true, true, _) => "nothing to install; what is there already was not verified",
        (true, false, Purpose::Install) => "installed",
        (true, false, Purpose::Download) => "downloaded",
        (false, _, Purpose::Install) => "nothing was installed: all or nothing",
        (false, _, Purpose::Download) => "nothing was downloaded: all or nothing",
    };
    match common.json {
        true => {
            let decision = match exit {
                // Of nothing at all it is not "accepted".
                Exit::Accepted if nothing => "undecided",
                // Nobody accepted all of it for what it is.
                Exit::Accepted if !exempted.is_empty() => "exempted",
                Exit::Accepted => "accepted",
                Exit::Rejected => "rejected",
                _ => "undecided",
            };
            // What was accepted and not handed on is in the documents before this one.
            let done = files.iter().filter(|_| all);
            let files = done.map(|it| it.filename.as_str()).collect();
            let exempted = if all { exempted } else { Vec::new() };
            let answer = Answer { schema: SCHEMA, decision, done: said, files, exempted, refused };
            json::document(&answer, output)?;
        }
        false => {
            writeln!(output, "{said}")?;
            if let Some(release) = rejected.first() {
                let hint = styled(BOLD, "hint:");
                writeln!(
                    output,
                    "{hint} `wheelmark policy explain` with the same policy and `--from-index {}` tells what would \
                     have to change",
                    Escaped(release)
                )?;
            }
        }
    }
    Ok(exit)
}

/// What was decided of everything that the installer wants.
struct Judged {
    exit: Exit,
    /// The files that were accepted.
    files: Vec<Verified>,
    /// The releases of which a file was rejected.
    rejected: Vec<String>,
    /// What is no file of an index.
    direct: Decided,
}

/// Downloads what the installer wants into a folder, and verifies it.
fn verified(
    common: &Common,
    installer: &Installer,
    purpose: Purpose,
    folder: &Path,
    output: &mut Output,
) -> Result<Judged, CliError> {
    let now = common.at.unwrap_or_else(Utc::now);
    let policy = Arc::new(common.trust.policy(None, now)?);
    let before = common.locked.as_deref().map(identities::read).transpose()?;
    let cancel = interrupt::watch()?;
    installer.check_variables()?;
    let (urls, limits) = (common.index.urls()?, common.index.limits());
    let anew = purpose == Purpose::Download;
    let held = installer.held()?;
    let direct = installer.direct(&held)?;
    if let (Some(one), true) = (direct.first(), anew) {
        let message =
            format!("`{}`, {}, is no file that could be downloaded", one.project, one.place);
        return Err(CliError::usage(message));
    }
    let direct = exempt::decided(direct, &policy, before.as_ref(), now);
    let wanted = match &urls[..] {
        [one] => installer.wanted(&held, &one.with_credentials(), anew)?,
        several => as_one(several, limits, &policy, |index| installer.wanted(&held, index, anew))?,
    };
    direct.apart_from(&wanted)?;
    let tags = installer.tags()?;
    let exit = if direct.refused.is_empty() { Exit::Accepted } else { Exit::Rejected };
    let mut judged = Judged { exit, files: Vec::new(), rejected: Vec::new(), direct };
    let mut summary = Summary::new(trust_used(&policy, now), Vec::new());
    let format = if common.json { Format::Jsonl } else { Format::Human };
    let mut renderer = format.renderer(false, false);
    let judge = |evidence: &Evidence| {
        let Artifact { filename, sha256, .. } = &evidence.artifact;
        let mut outcome = evidence.weigh(&policy, now);
        if let Some(locked) = &before {
            let file = filename.as_ref().ok();
            outcome.report = locked.hold(outcome.report, file, &outcome.attested_by);
        }
        let file = filename.clone().ok().map(|filename| Verified { filename, sha256: *sha256 });
        Ok((outcome.report, file))
    };
    for (url, wanted) in urls.iter().zip(by_index(wanted, &urls, &policy)?) {
        if wanted.is_empty() {
            continue;
        }
        let index = Arc::new(Asked::new(url.clone(), limits, &cancel)?);
        let mut items = items(&index, wanted, &held, tags.as_ref())?;
        batch::sort(&mut items);
        summary.notes.push(format!("the package index that was asked is `{}`", index.url()));
        let planned = Planned {
            requirements: Requirements::new(None, Some(Arc::clone(&index)), &cancel),
            plan: Plan { items, ..Plan::default() },
            index: Some(index),
            bundle: None,
            branches: None,
            keep: Some(folder),
            jobs: common.jobs,
            cancel: Arc::clone(&cancel),
        };
        planned.judge(judge, |seen| {
            let (seen, file) = seen.split();
            judged.exit = judged.exit.and(seen.exit());
            if let (Exit::Rejected, Subject::Indexed { release, .. }) = (seen.exit(), &seen.subject)
            {
                judged.rejected.push(release.clone());
            }
            judged.files.extend(file.flatten().filter(|_| seen.exit() == Exit::Accepted));
            summary.count(&seen);
            Ok(renderer.seen(seen, output)?)
        })?;
    }
    if !summary.notes.is_empty() {
        renderer.end(&summary, output)?;
    }
    if !common.json {
        judged.direct.tell(output)?;
    }
    Ok(judged)
}
