//! Writing several files into a folder: all of them, or none.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use wheelmark_core::report::Escaped;

/// A file to be written.
pub struct NewFile<'a> {
    /// Its name in the folder.
    pub name: &'a str,
    /// Its permission bits, whatever the umask.
    pub mode: u32,
    /// Its content, read to the end.
    pub content: Box<dyn Read + 'a>,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// It is replaced.
    Replace,
}

/// Why nothing was written. `E` is what the check said.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// There is a file of that name already.
    #[error("{} exists already", shown(.0))]
    Exists(PathBuf),
    /// The system refused.
    #[error("cannot write {}: {source}", shown(.path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was to be written did not pass the check.
    #[error(transparent)]
    Check(E),
}

/// Writes files into a folder that exists.
///
/// Each is written in full to a temporary name in the same folder and flushed to disk; `check` is then
/// given their paths, in order, to read back what was written; only if it agrees do they get their
/// names, in order. After an error the folder is as it was.
///
/// # Errors
/// [`WriteError`].
pub fn write_all<E>(
    folder: &Path,
    files: Vec<NewFile<'_>>,
    existing: Existing,
    check: impl FnOnce(&[&Path]) -> Result<(), E>,
) -> Result<Vec<PathBuf>, WriteError<E>> {
    let targets: Vec<PathBuf> = files.iter().map(|file| folder.join(file.name)).collect();
    if existing == Existing::Keep {
        // Said early, before work is done. What appears later is kept by the renaming below.
        for target in &targets {
            if target.symlink_metadata().is_ok() {
                return Err(WriteError::Exists(target.clone()));
            }
        }
    }
    let mut written = Vec::new();
    for (file, target) in files.into_iter().zip(&targets) {
        written.push(write_one(folder, file).map_err(at(target))?);
    }
    let paths: Vec<&Path> = written.iter().map(NamedTempFile::path).collect();
    check(&paths).map_err(WriteError::Check)?;
    let mut named = Named::default();
    for (file, target) in written.into_iter().zip(&targets) {
        named.give(file, target, existing)?;
    }
    sync(folder).map_err(at(folder))?;
    named.keep();
    Ok(targets)
}

/// The files that have their names so far; dropped before [`Named::keep`] they lose them again.
#[derive(Default)]
struct Named {
    done: Vec<(PathBuf, Option<NamedTempFile>)>,
}

impl Named {
    fn give<E>(
        &mut self,
        file: NamedTempFile,
        target: &Path,
        existing: Existing,
    ) -> Result<(), WriteError<E>> {
        let replaced = match existing {
            Existing::Keep => {
                file.persist_noclobber(target).map_err(|error| {
                    if error.error.kind() == io::ErrorKind::AlreadyExists {
                        WriteError::Exists(target.to_owned())
                    } else {
                        at(target)(error.error)
                    }
                })?;
                None
            }
            Existing::Replace => {
                let replaced = set_aside(target).map_err(at(target))?;
                let given = file.persist(target).map(drop);
                if let Err(error) = given {
                    restore(target, replaced);
                    return Err(at(target)(error.error));
                }
                replaced
            }
        };
        self.done.push((target.to_owned(), replaced));
        Ok(())
    }

    fn keep(mut self) {
        self.done.clear();
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        for (target, replaced) in self.done.drain(..).rev() {
            // Nothing better can be done here than to try.
            let _ = fs::remove_file(&target);
            restore(&target, replaced);
        }
    }
}

fn write_one(folder: &Path, mut file: NewFile<'_>) -> io::Result<NamedTempFile> {
    let mut temporary =
        tempfile::Builder::new().prefix(".wheelmark-").suffix(".part").tempfile_in(folder)?;
    io::copy(&mut file.content, temporary.as_file_mut())?;
    let permissions = Permissions::from_mode(file.mode);
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// Moves a file that is about to be replaced to a temporary name, from which it can come back.
fn set_aside(target: &Path) -> io::Result<Option<NamedTempFile>> {
    match target.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => {
            let aside = tempfile::Builder::new()
                .prefix(".wheelmark-")
                .suffix(".old")
                .tempfile_in(target.parent().unwrap_or(Path::new(".")))?;
            fs::rename(target, aside.path())?;
            Ok(Some(aside))
        }
    }
}

fn restore(target: &Path, replaced: Option<NamedTempFile>) {
    if let Some(replaced) = replaced {
        let _ = replaced.persist(target);
    }
}

/// Makes the names last: a rename is in the folder, and the folder is flushed by itself.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn at<E>(path: &Path) -> impl FnOnce(io::Error) -> WriteError<E> {
    let path = path.to_owned();
    move |source| WriteError::Io { path, source }
}

fn shown(path: &Path) -> String {
    format!("`{}`", Escaped(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(name: &'a str, content: &'a [u8]) -> NewFile<'a> {
        NewFile { name, mode: 0o640, content: Box::new(content) }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn fine(_: &[&Path]) -> Result<(), &'static str> {
        Ok(())
    }

    /// A reader that gives some bytes and then fails, as a full disk or a lost mount would.
    struct Fails(bool);

    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("gone"));
            }
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn all_are_written_with_their_mode_after_the_check_saw_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = vec![file("a", b"1"), file("b", b"2")];
        let paths = write_all(folder.path(), files, Existing::Keep, |paths| {
            let seen: Vec<_> = paths.iter().map(|path| fs::read(path).ok()).collect();
            if seen == [Some(b"1".to_vec()), Some(b"2".to_vec())] {
                Ok(())
            } else {
                Err("other bytes")
            }
        });
        assert_eq!(paths.expect("written").len(), 2);
        assert_eq!(names(folder.path()), ["a", "b"]);
        let mode = fs::metadata(folder.path().join("b")).expect("b").permissions();
        assert_eq!(mode.mode() & 0o7777, 0o640);
    }

    #[test]
    fn a_failing_check_or_reader_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = vec![file("a", b"1"), file("b", b"2")];
        let refused = write_all(folder.path(), files, Existing::Keep, |_| Err("no"));
        assert!(matches!(refused, Err(WriteError::Check("no"))));
        let lost = NewFile { name: "b", mode: 0o600, content: Box::new(Fails(false)) };
        let files = vec![file("a", b"1"), lost];
        let failed = write_all(folder.path(), files, Existing::Keep, fine);
        assert!(matches!(failed, Err(WriteError::Io { path, .. }) if path.ends_with("b")));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_exists_is_kept_and_none_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        // It appears after the first look, so that the renaming itself must notice.
        let files = vec![file("a", b"1"), file("b", b"2")];
        let late = folder.path().join("b");
        let result = write_all(folder.path(), files, Existing::Keep, |_| {
            fs::write(&late, "mine").map_err(|_| "cannot write")
        });
        assert!(matches!(result, Err(WriteError::Exists(path)) if path == late));
        assert_eq!(names(folder.path()), ["b"]);
        assert_eq!(fs::read(&late).expect("b"), b"mine");
    }

    #[test]
    fn what_was_replaced_comes_back_when_a_later_file_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "old").expect("a");
        fs::create_dir(folder.path().join("b")).expect("b");
        let files = vec![file("a", b"1"), file("b", b"2")];
        let result = write_all(folder.path(), files, Existing::Replace, fine);
        assert!(matches!(result, Err(WriteError::Io { .. })));
        assert_eq!(fs::read(folder.path().join("a")).expect("a"), b"old");
        assert_eq!(names(folder.path()), ["a", "b"]);

        fs::remove_dir(folder.path().join("b")).expect("b");
        let files = vec![file("a", b"1"), file("b", b"2")];
        write_all(folder.path(), files, Existing::Replace, fine).expect("written");
        assert_eq!(fs::read(folder.path().join("a")).expect("a"), b"1");
        assert_eq!(names(folder.path()), ["a", "b"]);
    }
}
