//! Files in a folder, opened so that nothing on the way leads out of it.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};

/// A folder, held open.
pub struct Folder(File);

impl Folder {
    /// Opens the folder itself, by whatever links lead to it.
    ///
    /// # Errors
    /// Where it is no folder, or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = File::open(path)?;
        match folder.metadata()?.is_dir() {
            true => Ok(Self(folder)),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Whether it is the folder of which this is known.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn is(&self, known: &Metadata) -> io::Result<bool> {
        let own = self.0.metadata()?;
        Ok((own.dev(), own.ino()) == (known.dev(), known.ino()))
    }

    /// Opens a regular file in it: folder after folder, and then the file, none of which may be a symbolic link.
    ///
    /// # Errors
    /// Where something is a link (`ELOOP` or `ENOTDIR`), is no regular file, or cannot be opened.
    pub fn file<'a>(&self, parts: impl IntoIterator<Item = &'a OsStr>) -> io::Result<File> {
        let mut at = self.0.try_clone()?;
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            let named = !part.is_empty() && part != "." && part != "..";
            if !named || part.as_encoded_bytes().contains(&b'/') {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name in a folder"));
            }
            // A pipe would be waited for.
            let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let how = if parts.peek().is_some() { how | OFlags::DIRECTORY } else { how };
            at = File::from(openat(&at, part, how, Mode::empty())?);
        }
        match at.metadata()?.is_file() {
            true => Ok(at),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/b"), "b").unwrap();
        fs::write(place.path().join("out"), "out").unwrap();
        symlink("../../out", root.join("a/link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("a", root.join("inside")).unwrap();
        let folder = Folder::open(&root).unwrap();
        let open = |parts: &[&str]| folder.file(parts.iter().map(OsStr::new));
        let mut text = String::new();
        open(&["a", "b"]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "b");
        for parts in [
            &["a", "link"][..],
            &["up", "out"],
            &["inside", "b"],
            &["..", "out"],
            &["a/b"],
            &["a", "", "b"],
            &["a"],
            &[],
        ] {
            assert!(open(parts).is_err(), "{parts:?}");
        }
        assert_eq!(open(&["a", "c"]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Folder::open(&root.join("a/b")).is_err());
    }
}
