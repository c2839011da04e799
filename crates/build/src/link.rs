//! The recording of a step: which files there were before a command and after it, and the signature over both.
//!
//! Files are recorded by name and SHA-256, as in-toto's own recorder does. A symbolic link is recorded as the file that
//! it leads to, if that lies in the recorded folder too; any other is refused, and none to a folder is followed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::layout::{Form, FunctionaryKey, Pattern, Recorded, Work, artifact_name};
use wheelmark_core::limits::LayoutLimits;
use wheelmark_core::report::Escaped;

use crate::beneath::Folder;
use crate::sign::Signer as _;
use crate::sign::key::PrivateKey;

/// Files by the names that a link has for them.
pub type Artifacts = BTreeMap<String, Sha256Digest>;

/// Files of one side of a link that are recorded: what fits into a link that is read.
const MAX_ARTIFACTS: usize = 50_000;

/// Why a step was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A file or folder could not be read.
    #[error("cannot record {}: {source}", shown(.path))]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something that a link cannot name, or that is not to be recorded.
    #[error("cannot record {}: {because}", shown(.path))]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        because: String,
    },
    /// The command could not be started.
    #[error("cannot run {}: {source}", shown(Path::new(.program)))]
    Start {
        /// Its program.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to sign, or the key does not.
    #[error("could not sign the link: {0}")]
    Unsigned(String),
    /// Somebody asked for an end.
    #[error("interrupted, nothing was written")]
    Cancelled,
}

/// What is recorded, and where.
pub struct Recorder<'a> {
    root: PathBuf,
    folder: Folder,
    exclude: &'a [Pattern],
    cancel: &'a AtomicBool,
}

impl<'a> Recorder<'a> {
    /// Records files in `root`, but those whose name, or that of a folder they are in, `exclude` matches.
    ///
    /// # Errors
    /// [`LinkError::Io`] where the folder cannot be opened.
    pub fn new(
        root: &Path,
        exclude: &'a [Pattern],
        cancel: &'a AtomicBool,
    ) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Io { path: root.to_owned(), source };
        let root = fs::canonicalize(root).map_err(failed)?;
        let folder = Folder::open(&root).map_err(failed)?;
        Ok(Self { root, folder, exclude, cancel })
    }

    /// Every file that the paths, relative to the root, name or lead to.
    ///
    /// # Errors
    /// [`LinkError`], for a path that is not there or leads out as well.
    pub fn record(&self, paths: &[PathBuf]) -> Result<Artifacts, LinkError> {
        let mut artifacts = Artifacts::new();
        let mut left: Vec<PathBuf> = Vec::new();
        self.is_there()?;
        for path in paths {
            left.push(plain(path)?);
        }
        while let Some(path) = left.pop() {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(LinkError::Cancelled);
            }
            if !path.as_os_str().is_empty() && self.is_excluded(&path)? {
                continue;
            }
            let failed = |source| LinkError::Io { path: path.clone(), source };
            let place = self.root.join(&path);
            let kind = fs::symlink_metadata(&place).map_err(failed)?.file_type();
            if kind.is_dir() {
                for entry in fs::read_dir(&place).map_err(failed)? {
                    left.push(path.join(entry.map_err(failed)?.file_name()));
                }
                continue;
            }
            if artifacts.len() >= MAX_ARTIFACTS {
                return Err(refused(&path, format!("more than {MAX_ARTIFACTS} files")));
            }
            let inside = match kind.is_symlink() {
                true => self.behind(&path)?,
                false => path.clone(),
            };
            let file = self.folder.file(parts(&inside)).map_err(failed)?;
            let (digest, _) = Sha256Digest::of_reader(file).map_err(failed)?;
            artifacts.insert(name(&path)?, digest);
        }
        self.is_there()?;
        Ok(artifacts)
    }

    /// Names are read by the folder's path, and files in the folder that was opened: both must be one, or a link would
    /// be true of none.
    fn is_there(&self) -> Result<(), LinkError> {
        let failed = |source| LinkError::Io { path: self.root.clone(), source };
        let now = fs::metadata(&self.root).map_err(failed)?;
        match self.folder.is(&now).map_err(failed)? {
            true => Ok(()),
            false => Err(refused(&self.root, "another folder is there than before".to_owned())),
        }
    }

    /// The file in the root that a symbolic link leads to.
    fn behind(&self, path: &Path) -> Result<PathBuf, LinkError> {
        let failed = |source| LinkError::Io { path: path.to_owned(), source };
        let target = fs::canonicalize(self.root.join(path)).map_err(failed)?;
        let Ok(inside) = target.strip_prefix(&self.root) else {
            let because = format!("it is a symbolic link that leads out, to {}", shown(&target));
            return Err(refused(path, because));
        };
        if target.is_dir() {
            return Err(refused(path, "it is a symbolic link to a folder".to_owned()));
        }
        Ok(inside.to_owned())
    }

    fn is_excluded(&self, path: &Path) -> Result<bool, LinkError> {
        let text = name(path)?;
        let work = Work::new(LayoutLimits::standard().comparisons);
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        for folder in ends.map(|end| &text[..end]) {
            let last = folder.rsplit('/').next().unwrap_or(folder);
            for pattern in self.exclude {
                for name in [folder, last] {
                    let matches = pattern.matches(name, &work);
                    if matches.map_err(|_| refused(path, "too hard a pattern".to_owned()))? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

/// A path below the root in its shortest form; empty for the root itself.
fn plain(path: &Path) -> Result<PathBuf, LinkError> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => {
                let because = "it is not below the recorded folder by its name".to_owned();
                return Err(refused(path, because));
            }
        }
    }
    Ok(plain)
}

fn parts(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().map(Component::as_os_str)
}

/// The name of a file in a link.
fn name(path: &Path) -> Result<String, LinkError> {
    let text = path.to_str().ok_or_else(|| refused(path, "its name is not UTF-8".to_owned()))?;
    artifact_name(text).map_err(|because| refused(path, because.to_owned()))?;
    Ok(text.to_owned())
}

fn refused(path: &Path, because: String) -> LinkError {
    LinkError::Refused { path: path.to_owned(), because }
}

/// Runs a command to its end, with our input, output and environment; its output goes to standard error where
/// ours is spoken for.
///
/// # Errors
/// [`LinkError::Start`].
pub fn run(command: &[OsString], output_is_ours: bool) -> Result<ExitStatus, LinkError> {
    let (program, arguments) = command.split_first().ok_or_else(|| LinkError::Start {
        program: OsString::new(),
        source: io::ErrorKind::InvalidInput.into(),
    })?;
    let mut child = Command::new(program);
    child.args(arguments);
    if output_is_ours {
        child.stdout(Stdio::from(io::stderr()));
    }
    child.status().map_err(|source| LinkError::Start { program: program.clone(), source })
}

/// How a command ended, as a link says it: its code, or the number of the signal, negative.
pub fn return_value(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

/// Signs a link: its file, and the part of the key's id that goes into the file's name.
///
/// # Errors
/// [`LinkError::Unsigned`].
pub fn sign(
    recorded: &Recorded,
    key: &PrivateKey,
    form: Form,
) -> Result<(Vec<u8>, FunctionaryKey), LinkError> {
    let unsigned = |because: &dyn std::fmt::Display| LinkError::Unsigned(because.to_string());
    let pem = key.public_pem().map_err(|error| unsigned(&error))?;
    let public = FunctionaryKey::from_pem(&pem).map_err(|error| unsigned(&error))?;
    let link = recorded.to_sign(form).ok_or_else(|| unsigned(&"it has no canonical form"))?;
    let signature = key.sign(&link.message()).map_err(|error| unsigned(&error))?;
    Ok((link.signed(public.id(), &signature), public))
}

fn shown(path: &Path) -> String {
    format!("`{}`", Escaped(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn record(root: &Path, paths: &[&str], exclude: &[&str]) -> Result<Vec<String>, String> {
        let exclude: Vec<_> = exclude.iter().map(|text| Pattern::new(text)).collect();
        let cancel = AtomicBool::new(false);
        let recorder = Recorder::new(root, &exclude, &cancel).unwrap();
        let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
        let artifacts = recorder.record(&paths).map_err(|error| error.to_string())?;
        Ok(artifacts.into_keys().collect())
    }

    #[test]
    fn files_are_recorded_by_their_plain_names() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        for path in ["a/b/c", "a/d.pyc", "e", ".git/HEAD"] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), path).unwrap();
        }
        let all = record(root, &["."], &[]).unwrap();
        assert_eq!(all, [".git/HEAD", "a/b/c", "a/d.pyc", "e"]);
        let some = record(root, &["./a", "a/b", "e"], &["*.pyc", ".git"]).unwrap();
        assert_eq!(some, ["a/b/c", "e"]);
        assert_eq!(record(root, &["."], &["a", ".git"]).unwrap(), ["e"]);
        for path in ["..", "../x", "a/../e", "/etc/passwd", "nothing"] {
            assert!(record(root, &[path], &[]).is_err(), "{path}");
        }
    }

    #[test]
    fn a_link_that_leads_out_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        fs::write(root.join("folder/file"), "file").unwrap();
        symlink("folder/file", root.join("inside")).unwrap();
        assert_eq!(record(&root, &["."], &[]).unwrap(), ["folder/file", "inside"]);
        for (target, says) in [
            ("../secret", "leads out"),
            ("/etc/passwd", "leads out"),
            ("folder", "to a folder"),
            ("..", "leads out"),
            ("nothing", "No such file"),
        ] {
            symlink(target, root.join("link")).unwrap();
            for paths in [".", "link"] {
                let error = record(&root, &[paths], &[]).unwrap_err();
                assert!(error.contains(says) && error.contains("link"), "{target}: {error}");
            }
            fs::remove_file(root.join("link")).unwrap();
        }
        // Through a folder that is a link.
        symlink("..", root.join("up")).unwrap();
        assert!(record(&root, &["up/secret"], &[]).is_err());
    }
}
