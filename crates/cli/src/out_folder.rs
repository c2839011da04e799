//! The folder for what a build gives: looked at before the work, made only when there is something for it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::CliError;

/// The folders that were made for the output. Dropped before [`Made::keep`], they go again.
pub struct Made(Vec<PathBuf>);

/// Refuses a folder into which nothing could be written, before any work is done for it.
pub fn check(folder: &Path) -> Result<(), CliError> {
    let failed = |error| CliError::io("write to", folder, &error);
    let present = folder
        .ancestors()
        .map(|ancestor| match ancestor.as_os_str().is_empty() {
            true => Path::new("."),
            false => ancestor,
        })
        .find(|ancestor| ancestor.symlink_metadata().is_ok())
        .unwrap_or(Path::new("/"));
    if !fs::metadata(present).map_err(failed)?.is_dir() {
        return Err(failed(std::io::ErrorKind::NotADirectory.into()));
    }
    access(present, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| failed(error.into()))
}

/// Makes the folder and those above it that are missing.
pub fn make(folder: &Path) -> Result<Made, CliError> {
    let missing = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists());
    let made = Made(missing.map(Path::to_owned).collect());
    fs::create_dir_all(folder).map_err(|error| CliError::io("write to", folder, &error))?;
    Ok(made)
}

impl Made {
    /// Something is in them now.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Only an empty one can be removed, and what is in it by now is somebody else's.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_for_nothing_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        check(&folder).unwrap();
        drop(make(&folder).unwrap());
        assert!(!root.path().join("a").exists());
        make(&folder).unwrap().keep();
        assert!(folder.is_dir());
        drop(make(&folder).unwrap());
        assert!(folder.is_dir(), "it was there before");
    }

    #[test]
    fn a_file_is_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        for folder in [file.clone(), file.join("below")] {
            assert!(check(&folder).unwrap_err().message.contains("ot a directory"));
        }
    }
}
