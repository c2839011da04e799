//! Writing several files into a folder: all of them, or none.
//!
//! A process that is killed on the way leaves files of temporary names, which the next one that writes into
//! the folder removes, and at worst some of the files under their names: each whole, and none before those
//! that come after it in the list. For a file and the attestation after it that is an attestation without
//! its file or with the one that was there before, which nothing accepts; never a file without its
//! attestation where there was none before.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::NamedTempFile;
use wheelmark_core::report::Escaped;

/// How the names begin that files have until they get their own.
const TEMPORARY: &str = ".wheelmark-";
/// How the name ends of a file that is written, or was exchanged for the one that is.
const PART: &str = ".part";
/// How the name ends of a file that was replaced where nothing can be exchanged.
const OLD: &str = ".old";

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
/// names, the last one first. After an error the folder is as it was.
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
    let _gate = gate(folder);
    let mut written = Vec::new();
    for (file, target) in files.into_iter().zip(&targets) {
        written.push(write_one(folder, file).map_err(at(target))?);
    }
    let paths: Vec<&Path> = written.iter().map(NamedTempFile::path).collect();
    check(&paths).map_err(WriteError::Check)?;
    let mut named = Named::default();
    for (file, target) in written.into_iter().zip(&targets).rev() {
        named.give(file, target, existing)?;
    }
    sync(folder).map_err(at(folder))?;
    named.keep();
    Ok(targets)
}

/// Removes what dead processes left in the folder, and keeps others from doing so while the value lives.
///
/// Who writes holds the folder's lock together with others who write; who sweeps, alone. So what is swept is
/// nobody's. Where the file system knows no such locks nothing is swept.
fn gate(folder: &Path) -> Option<File> {
    let gate = File::open(folder).ok()?;
    if gate.try_lock().is_ok() {
        sweep(folder);
    }
    gate.try_lock_shared().ok()?;
    Some(gate)
}

fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let temporary = name
            .strip_prefix(TEMPORARY)
            .and_then(|rest| rest.strip_suffix(PART).or(rest.strip_suffix(OLD)))
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if temporary && entry.file_type().is_ok_and(|kind| !kind.is_dir()) {
            // What cannot be removed is left for the next time.
            let _ = fs::remove_file(entry.path());
        }
    }
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
            Existing::Replace => replace(file, target).map_err(at(target))?,
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
            let _ = match replaced {
                Some(replaced) => replaced.persist(target).map(drop).map_err(|error| error.error),
                None => fs::remove_file(&target),
            };
        }
    }
}

/// Gives a file its name; what had it before is returned, under a temporary one. At no time is there nothing
/// of that name where there was something.
fn replace(file: NamedTempFile, target: &Path) -> io::Result<Option<NamedTempFile>> {
    match target.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return file.persist(target).map(|_| None).map_err(|error| error.error);
        }
        Err(error) => return Err(error),
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => {}
    }
    if renameat_with(CWD, file.path(), CWD, target, RenameFlags::EXCHANGE).is_ok() {
        return Ok(Some(file));
    }
    // Not every file system can exchange two names: there a copy can come back.
    let old = fs::metadata(target)?;
    if !old.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut aside = temporary(target.parent().unwrap_or(Path::new(".")), OLD)?;
    io::copy(&mut File::open(target)?, aside.as_file_mut())?;
    aside.as_file().set_permissions(old.permissions())?;
    file.persist(target).map(|_| Some(aside)).map_err(|error| error.error)
}

fn temporary(folder: &Path, suffix: &str) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(TEMPORARY).suffix(suffix).tempfile_in(folder)
}

fn write_one(folder: &Path, mut file: NewFile<'_>) -> io::Result<NamedTempFile> {
    let mut temporary = temporary(folder, PART)?;
    io::copy(&mut file.content, temporary.as_file_mut())?;
    let permissions = Permissions::from_mode(file.mode);
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
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
        fs::create_dir(folder.path().join("a")).expect("a");
        fs::write(folder.path().join("b"), "old").expect("b");
        let files = || vec![file("a", b"1"), file("b", b"2"), file("c", b"3")];
        let result = write_all(folder.path(), files(), Existing::Replace, fine);
        assert!(matches!(result, Err(WriteError::Io { .. })));
        assert_eq!(fs::read(folder.path().join("b")).expect("b"), b"old");
        assert_eq!(names(folder.path()), ["a", "b"]);

        fs::remove_dir(folder.path().join("a")).expect("a");
        write_all(folder.path(), files(), Existing::Replace, fine).expect("written");
        assert_eq!(fs::read(folder.path().join("b")).expect("b"), b"2");
        assert_eq!(names(folder.path()), ["a", "b", "c"]);
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "precious").expect("written");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("a")).expect("a link");
        write_all(folder.path(), vec![file("a", b"1")], Existing::Replace, fine).expect("written");
        assert_eq!(fs::read(&elsewhere).expect("read"), b"precious");
        assert_eq!(fs::read(folder.path().join("a")).expect("read"), b"1");
        assert_eq!(names(folder.path()), ["a", "elsewhere"]);
    }

    #[test]
    fn what_the_dead_left_is_swept_and_what_the_living_write_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [".wheelmark-Ab12Cd.part", ".wheelmark-Ab12Cd.old", ".wheelmark-mine.txt"] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        // Somebody writes: nothing is known to be nobody's.
        let living = File::open(folder.path()).expect("a folder");
        living.lock_shared().expect("locked");
        write_all(folder.path(), vec![file("a", b"1")], Existing::Keep, fine).expect("written");
        assert_eq!(names(folder.path()).len(), 4);
        drop(living);
        write_all(folder.path(), vec![file("b", b"1")], Existing::Keep, fine).expect("written");
        assert_eq!(names(folder.path()), [".wheelmark-mine.txt", "a", "b"]);
    }
}
