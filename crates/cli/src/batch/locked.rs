//! The files that a lock asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::LOCK_FILE;
use wheelmark_core::lock::{Lock, LockFormat, LockedProject, Surroundings};
use wheelmark_core::report::Escaped;

use super::{Item, LockRead, Locked, Plan, Subject, Task, Work, folder};
use crate::error::{CliError, shown};
use crate::input::{self, Watched};
use crate::interrupt;

/// Reads a lock and finds its files in `files`, or in the folder of the lock: by their names, and what is
/// not found so by its bytes. Whatever is locked gets at least one item, so that nothing goes unseen; but for what is not
/// there and the environment `here` does not ask for, which a note tells.
pub fn plan(
    path: &Path,
    files: Option<&Path>,
    here: Option<&Surroundings>,
    recursive: bool,
    cancel: &Arc<AtomicBool>,
    plan: &mut Plan,
) -> Result<(), CliError> {
    let lock = read(path)?;
    let projects = lock.entries.len() + lock.unverifiable.len();
    let asked: Vec<_> = match here {
        None => vec![true; lock.entries.len()],
        Some(here) => lock.entries.iter().map(lock.asked_in(here)).collect(),
    };
    let only: Vec<_> = lock.entries.iter().map(|entry| lock.only_where(entry)).collect();
    let entries: Vec<_> = lock.entries.into_iter().map(Arc::new).collect();
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let files = files.or(beside).unwrap_or(Path::new("."));
    let found = folder::find(files, recursive, cancel)?;
    plan.notes.extend(found.notes);
    let (paths, links) = folder::files(found.items);
    let index: BTreeMap<_, usize> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| ((&entry.name, &entry.version), index))
        .collect();
    let mut by_entry: BTreeMap<usize, Vec<PathBuf>> = BTreeMap::new();
    let mut others = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let entry = DistFilename::parse(&name)
            .ok()
            .and_then(|name| index.get(&(name.project(), name.version())).copied());
        match entry {
            Some(entry) => by_entry.entry(entry).or_default().push(path),
            None => others.push(path),
        }
    }
    let unfound: BTreeSet<_> = (0..entries.len()).filter(|it| !by_entry.contains_key(it)).collect();
    let mut left = Vec::new();
    for path in others {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // One whose name is of something else is not what is locked, whatever its bytes are.
        let may_be: Vec<usize> = match DistFilename::parse(&name) {
            Ok(name) => (0..entries.len()).filter(|it| entries[*it].is_of(&name)).collect(),
            Err(_) => unfound.iter().copied().collect(),
        };
        if may_be.is_empty() {
            left.push(path);
            continue;
        }
        // One that cannot be read is not found, and what it may have been is missing.
        let digest = digest(&path, cancel);
        interrupt::check(cancel)?;
        let of = |entry: &usize| digest.as_ref().is_ok_and(|it| entries[*entry].has(*it));
        match may_be.into_iter().find(of) {
            Some(entry) => by_entry.entry(entry).or_default().push(path),
            None => left.push(path),
        }
    }
    let others = left;
    let mut elsewhere = Vec::new();
    for (index, project) in entries.iter().enumerate() {
        let Some(paths) = by_entry.remove(&index) else {
            match asked[index] {
                true => plan.items.push(missing(path, project, only[index].as_deref(), files)),
                false => elsewhere.push(format!("{}=={}", project.name, project.version)),
            }
            continue;
        };
        for file in paths {
            let locked = Locked { lock: path.to_owned(), project: Arc::clone(project) };
            let work = Work::Judge(Task { locked: Some(locked), ..Task::default() });
            plan.items.push(Item { subject: Subject::File(file), work });
        }
    }
    for entry in lock.unverifiable {
        let what = entry.kind.explanation();
        let message = format!("{}: `{}` {what}", at(path, entry.line), Escaped(&entry.name));
        let error = CliError::undecided(message).hint(entry.kind.hint());
        let subject = Subject::Locked { lock: path.to_owned(), line: entry.line, what: entry.name };
        plan.items.push(Item { subject, work: Work::Settled(error) });
    }
    plan.items.extend(links);
    if !others.is_empty() {
        plan.notes.push(format!(
            "{} of the files in `{}` are of nothing that `{}` locks, and were not looked at",
            others.len(),
            files.to_string_lossy(),
            path.to_string_lossy()
        ));
    }
    if !elsewhere.is_empty() {
        plan.notes.push(format!(
            "`{}`: not asked for where `--python` is, and not there: {}",
            path.to_string_lossy(),
            elsewhere.join(", ")
        ));
    }
    let of_lock = |note: String| format!("`{}`: {note}", path.to_string_lossy());
    plan.notes.extend(lock.notes.into_iter().map(of_lock));
    plan.locks.push(LockRead { path: path.to_owned(), format: format_of(path)?.name(), projects });
    Ok(())
}

/// Reads a lock, whose form its name tells.
pub fn read(path: &Path) -> Result<Lock, CliError> {
    let format = format_of(path)?;
    let text = input::read_text(path, LOCK_FILE)?;
    Lock::parse(format, &path.to_string_lossy(), &text)
        .map_err(|error| CliError::undecided(&error).hint(error.hint.unwrap_or_default()))
}

fn format_of(path: &Path) -> Result<LockFormat, CliError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    LockFormat::of(&name).ok_or_else(|| {
        CliError::usage(format!("the name of {} tells no kind of lock", shown(path))).hint(
            "a lock is named requirements.txt (or another `.txt`), pylock.toml (or `pylock.*.toml`), \
             uv.lock or poetry.lock",
        )
    })
}

/// A place in a lock, safe on a terminal.
pub fn at(path: &Path, line: usize) -> String {
    format!("{}:{line}", Escaped(&path.to_string_lossy()))
}

/// The digest of a file.
pub fn digest(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Sha256Digest, CliError> {
    let file = Watched::open_quietly(path, cancel)?;
    let (digest, _) =
        Sha256Digest::of_reader(file).map_err(|error| CliError::io("read", path, &error))?;
    Ok(digest)
}

/// The distributions in a folder, by the names that they have there.
pub fn distributions(
    folder: &Path,
    cancel: &Arc<AtomicBool>,
) -> Result<Vec<(PathBuf, DistFilename)>, CliError> {
    let (paths, _) = folder::files(folder::find(folder, false, cancel)?.items);
    let named = paths.into_iter().filter_map(|path| {
        let name = DistFilename::parse(&path.file_name()?.to_string_lossy()).ok()?;
        Some((path, name))
    });
    Ok(named.collect())
}

/// What is locked and not there.
fn missing(lock: &Path, project: &LockedProject, only: Option<&str>, files: &Path) -> Item {
    let place = at(lock, project.line);
    let message = format!("{place}: no file of {project} is in {}", shown(files));
    // Whether a marker holds depends on a machine that is not known here.
    let hint = match only {
        Some(marker) => format!(
            "it is asked for only where `{}`; `--python PATH` leaves out what is not asked for there",
            Escaped(marker)
        ),
        None => "download it there, or name another folder with `--files DIR`".to_owned(),
    };
    let what = format!("{}=={}", project.name, project.version);
    Item {
        subject: Subject::Locked { lock: lock.to_owned(), line: project.line, what },
        work: Work::Settled(CliError::undecided(message).hint(hint)),
    }
}
