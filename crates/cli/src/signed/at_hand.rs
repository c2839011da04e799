//! The same of files in a folder, with the attestations that lie beside them: no index is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::lock::LockedProject;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::TrustRoot;

use super::{FileSeen, Gathered, Seen};
use crate::attestations;
use crate::batch::locked;
use crate::error::{CliError, shown};
use crate::wanted::{AllWanted, Wanted};

/// What lies in the folder of everything that locks name, and who signed it.
pub fn gather(
    wanted: AllWanted,
    folder: &Path,
    trust: &TrustRoot,
    now: DateTime<Utc>,
    cancel: &Arc<AtomicBool>,
) -> Result<Gathered, CliError> {
    let AllWanted { mut releases, left_out, from } = wanted;
    let there = locked::distributions(folder, cancel)?;
    releases.sort_by(|one, other| one.project.cmp(&other.project));
    let projects = releases
        .into_iter()
        .map(|it| seen(it, folder, &there, trust, now, cancel))
        .collect::<Result<_, CliError>>()?;
    Ok(Gathered { projects, left_out, from, index: shown(folder) })
}

fn seen(
    wanted: Wanted,
    folder: &Path,
    there: &[(PathBuf, DistFilename)],
    trust: &TrustRoot,
    now: DateTime<Utc>,
    cancel: &Arc<AtomicBool>,
) -> Result<Seen, CliError> {
    let mut files = Vec::new();
    let entry = wanted.locked();
    for (path, filename) in there.iter().filter(|(_, name)| entry.is_some_and(|it| it.is_of(name)))
    {
        let sha256 = locked::digest(path, cancel)?;
        if !entry.is_some_and(|it| it.has(sha256)) {
            continue;
        }
        let found = attestations::of(path, None, &AttestationLimits::standard())?;
        files.push(FileSeen::of(filename, sha256, &found.given, trust, now));
    }
    // Of what is not looked at, nobody can say that nobody signs it.
    if files.is_empty() {
        let message = format!(
            "no file of `{} {}`, {}, is in {}",
            wanted.project,
            Escaped(&wanted.version.to_string()),
            wanted.from.named(),
            shown(folder)
        );
        return Err(CliError::undecided(message).hint(
            "put it there with its attestations beside it; `wheelmark lock update NAME` looks at what is named alone",
        ));
    }
    let digests = entry.into_iter().flat_map(LockedProject::digests);
    let unlisted = digests.filter(|it| !files.iter().any(|file| file.sha256 == *it)).count();
    Ok(Seen { wanted, files, unlisted })
}
