//! Folders that live as long as one build, and are cleared away even after it was killed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The name of the file whose lock says that a work folder is in use.
const LOCK: &str = "in-use";

/// A folder of its own for one build, on the file system of the cache. It is removed when this value is
/// dropped; one whose process was killed is removed when the next is made.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
    _lock: File,
}

impl Workspace {
    /// Makes a work folder under `cache`, and removes those that dead processes left there.
    ///
    /// # Errors
    /// Where the cache folder cannot be written.
    pub fn new(cache: &Path) -> io::Result<Self> {
        let parent = cache.join("work");
        fs::create_dir_all(&parent)?;
        // Held while looking and making, so that nobody sweeps a folder that is not locked yet.
        let gate = File::create(parent.join("gate"))?;
        gate.lock()?;
        sweep(&parent);
        let folder = tempfile::Builder::new().prefix("build-").tempdir_in(&parent)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// A path in it at which nothing is made yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Removes the work folders that nobody holds. What cannot be removed is left for the next time.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let folder = entry.path();
        if !folder.is_dir() {
            continue;
        }
        let in_use = match File::open(folder.join(LOCK)) {
            Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if !in_use {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_swept_and_what_lives_is_not() {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let living = Workspace::new(cache.path()).expect("writable");
        let file = living.folder("src").expect("writable").join("file");
        fs::write(&file, "x").expect("writable");
        let dead = cache.path().join("work/build-dead");
        fs::create_dir(&dead).expect("writable");
        fs::write(dead.join(LOCK), "").expect("writable");

        let second = Workspace::new(cache.path()).expect("writable");
        assert!(file.exists(), "in use");
        assert!(!dead.exists(), "held by nobody");

        let path = second.path("");
        drop(second);
        assert!(!path.exists(), "removed with its value");
    }
}
