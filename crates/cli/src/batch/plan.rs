//! What the arguments stand for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::lock::Surroundings;

use super::{Item, Subject, Task, Work, folder, locked};
use crate::error::CliError;
use crate::interrupt;

/// Everything that is to be looked at.
#[derive(Default)]
pub struct Plan {
    /// The items; sorted before they are worked on.
    pub items: Vec<Item>,
    /// The locks they come from.
    pub locks: Vec<LockRead>,
    /// What a person should know of what was left out.
    pub notes: Vec<String>,
}

/// A lock that was read.
#[derive(Clone)]
pub struct LockRead {
    /// Its file.
    pub path: PathBuf,
    /// What people call its format.
    pub format: &'static str,
    /// The number of things that it locks.
    pub projects: usize,
}

impl Plan {
    /// Adds a file, or the files of a folder.
    pub fn path(
        &mut self,
        path: &Path,
        recursive: bool,
        cancel: &AtomicBool,
    ) -> Result<(), CliError> {
        let subject = Subject::File(path.to_owned());
        if !path.is_dir() {
            self.items.push(Item { subject, work: Work::Judge(Task::default()) });
            return Ok(());
        }
        let found = folder::find(path, recursive, cancel);
        interrupt::check(cancel)?;
        match found {
            Ok(found) => {
                if found.items.is_empty() {
                    let work = Work::Settled(folder::empty(path, recursive));
                    self.items.push(Item { subject, work });
                }
                self.items.extend(found.items);
                self.notes.extend(found.notes);
            }
            Err(error) => self.items.push(Item { subject, work: Work::Settled(error) }),
        }
        Ok(())
    }

    /// Adds what a lock names, which is in `files` or beside the lock. What the environment `here` does not ask for need
    /// not be there.
    pub fn lock(
        &mut self,
        lock: &Path,
        files: Option<&Path>,
        here: Option<&Surroundings>,
        recursive: bool,
        cancel: &Arc<AtomicBool>,
    ) -> Result<(), CliError> {
        locked::plan(lock, files, here, recursive, cancel, self)
    }
}
