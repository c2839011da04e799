//! The distributions in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{Item, Subject, Task, Work};
use crate::error::{CliError, shown};
use crate::interrupt;

/// Endings of what installers take for distributions too, and that cannot be verified.
const OTHER_KINDS: &[&str] = &[
    ".zip",
    ".egg",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
    ".tar.z",
    ".exe",
];

/// What was found in a folder.
#[derive(Default)]
pub struct Found {
    /// The files, and the links of such names that are not followed.
    pub items: Vec<Item>,
    /// What was passed by, for people.
    pub notes: Vec<String>,
}

/// Finds every `*.whl` and `*.tar.gz` in a folder; below it too, where `recursive` is set.
///
/// Links are followed only to files in the folder: a link out of it would bring in what nobody put there.
pub fn find(folder: &Path, recursive: bool, cancel: &AtomicBool) -> Result<Found, CliError> {
    let real = fs::canonicalize(folder).map_err(|error| unreadable(folder, &error))?;
    let mut found = Found::default();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        interrupt::check(cancel)?;
        let entries = fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() {
                if recursive {
                    open.push(path);
                }
                continue;
            }
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            if name.ends_with(".whl") || name.ends_with(".tar.gz") {
                let work = match kind.is_symlink().then(|| leads_out(&path, &real)).flatten() {
                    Some(error) => Work::Settled(error),
                    None => Work::Judge(Task::default()),
                };
                found.items.push(Item { subject: Subject::File(path), work });
            } else if OTHER_KINDS.iter().any(|ending| name.ends_with(ending)) {
                found.notes.push(format!(
                    "`{}` is neither a wheel nor a `.tar.gz`, and was not looked at",
                    path.to_string_lossy()
                ));
            } else if recursive && kind.is_symlink() && path.is_dir() {
                found.notes.push(format!(
                    "`{}` is a link to a folder, and was not entered",
                    path.to_string_lossy()
                ));
            }
        }
    }
    found.notes.sort();
    Ok(found)
}

/// What is wrong with a link, if it does not lead to something in the folder.
fn leads_out(link: &Path, folder: &Path) -> Option<CliError> {
    match fs::canonicalize(link) {
        Ok(target) if target.starts_with(folder) => None,
        Ok(_) => {
            let message = format!("{} is a link that leads out of the folder", shown(link));
            Some(CliError::undecided(message).hint("name the file itself to have it looked at"))
        }
        Err(error) => Some(CliError::io("read", link, &error)),
    }
}

/// The error for a folder without any distribution: it must not pass for one whose files are accepted.
pub fn empty(folder: &Path, recursive: bool) -> CliError {
    let error = CliError::undecided(format!(
        "{} is a folder without wheels (`.whl`) or source distributions (`.tar.gz`)",
        shown(folder)
    ));
    if recursive { error } else { error.hint("`--recursive` also looks into its sub-folders") }
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::io("read", path, error)
}

/// The files of a folder's items, as far as they may be read.
pub fn files(items: Vec<Item>) -> (Vec<PathBuf>, Vec<Item>) {
    let mut files = Vec::new();
    let mut others = Vec::new();
    for item in items {
        match item {
            Item { subject: Subject::File(path), work: Work::Judge(_) } => files.push(path),
            other => others.push(other),
        }
    }
    files.sort();
    (files, others)
}
