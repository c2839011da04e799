//! Files that no job may see: neither themselves, nor a copy in what a job is given.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use wheelmark_core::digest::Sha256Digest;

use super::SandboxError;
use super::view::View;

/// A file, by its place without links and by its bytes.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    path: PathBuf,
    size: u64,
    sha256: Sha256Digest,
}

impl Hidden {
    pub fn of(file: &Path) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::io("hide", file, source);
        let path = fs::canonicalize(file).map_err(failed)?;
        let meta = fs::metadata(&path).map_err(failed)?;
        if meta.nlink() > 1 {
            return Err(SandboxError::Linked { path });
        }
        let sha256 = digest(&path).map_err(failed)?;
        Ok(Self { path, size: meta.len(), sha256 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails where a job would see it: in a place of the host that is shown, or copied into one of the folders
    /// that are the job's own.
    pub fn held(&self, view: &View, own: &[&Path]) -> Result<(), SandboxError> {
        let seen = |place: &Path| {
            Err(SandboxError::Seen { secret: self.path.clone(), place: place.to_owned() })
        };
        if let Some(place) = view.shows(&self.path) {
            return seen(place);
        }
        let mut todo: Vec<PathBuf> = own.iter().map(|path| path.to_path_buf()).collect();
        while let Some(path) = todo.pop() {
            let failed = |source| SandboxError::io("look at", &path, source);
            let meta = fs::symlink_metadata(&path).map_err(failed)?;
            if meta.is_dir() {
                for entry in fs::read_dir(&path).map_err(failed)? {
                    todo.push(entry.map_err(failed)?.path());
                }
            } else if meta.is_file()
                && meta.len() == self.size
                && digest(&path).map_err(failed)? == self.sha256
            {
                return seen(&path);
            }
        }
        Ok(())
    }
}

fn digest(path: &Path) -> io::Result<Sha256Digest> {
    Ok(Sha256Digest::of_reader(fs::File::open(path)?)?.0)
}
