//! From what the user typed to a clean tree of one commit.
//!
//! [`resolve`] finds the full commit and tree, refuses what would make the claim "built from this
//! commit" untrue, and lists the tags and submodules a build may look at. [`ResolvedSource::export`]
//! writes that commit, and nothing else, into a folder: the same files, modes, times and tags from
//! every clone, so that tools which take a version from git see the same each time. [`from_record`]
//! starts from what an attestation says instead.
//!
//! No program of the repository runs here: no hook, filter, fsmonitor or submodule command.

mod branches;
mod checkout;
mod error;
mod export;
mod git;
mod objects;
mod refs;
mod remote;
pub mod sdist;
mod spec;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::attestation::pep517::{SourceSubmodule, SourceTag};
use wheelmark_core::digest::GitObjectId;

pub use branches::commits_of;
pub use error::SourceError;
pub use spec::{RepositoryUrl, SourceSpec};

use git::Git;

/// How a source is resolved.
#[derive(Debug, Clone)]
pub struct ResolveOptions {
    /// Takes a work tree's changes and untracked files along, and says so in
    /// [`ResolvedSource::dirty`].
    pub allow_dirty: bool,
    /// The URL to record, where the checkout's remote or the URL that is cloned is not the one: a
    /// fork, a mirror.
    pub source_uri: Option<String>,
    /// Set to stop what is running.
    pub cancel: Arc<AtomicBool>,
}

/// What made an exported tree other than its commit, relative to the work tree's top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirtyReason {
    /// Files that were modified, deleted or staged, and submodules at another commit.
    pub modified: Vec<PathBuf>,
    /// Files that were neither tracked nor ignored.
    pub untracked: Vec<PathBuf>,
}

impl fmt::Display for DirtyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self
            .modified
            .iter()
            .map(|path| format!("{} changed", path.display()))
            .chain(self.untracked.iter().map(|path| format!("{} not tracked", path.display())))
            .collect();
        f.write_str(&paths.join(", "))
    }
}

impl DirtyReason {
    fn is_empty(&self) -> bool {
        self.modified.is_empty() && self.untracked.is_empty()
    }
}

/// What a record of a build says about its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// As [`ResolvedSource::uri`].
    pub uri: String,
    /// As [`ResolvedSource::git_ref`].
    pub git_ref: Option<String>,
    /// The full commit id.
    pub commit: GitObjectId,
    /// The id of the commit's tree.
    pub tree: GitObjectId,
    /// The tags to put back.
    pub tags: Vec<SourceTag>,
    /// Every submodule, inner ones too.
    pub submodules: Vec<SourceSubmodule>,
    /// As [`ResolvedSource::subdirectory`].
    pub subdirectory: String,
}

/// One commit, found and ready to be exported.
#[derive(Debug, Clone)]
pub struct ResolvedSource {
    /// Where it is from: `git+https://host/owner/repo.git`, without credentials; `git+file:///…`
    /// for a checkout without a remote. For a checkout this is what its configuration says: that
    /// the commit is there was not checked.
    pub uri: String,
    /// The full ref it was reached by: `refs/heads/…`, `refs/tags/…`; none for a commit by its id
    /// or a detached checkout without exactly one tag.
    pub git_ref: Option<String>,
    /// The full commit id.
    pub commit: GitObjectId,
    /// The id of the commit's tree.
    pub tree: GitObjectId,
    /// The committer's time, in seconds since 1970 (UTC).
    pub commit_time: i64,
    /// The tags on the commit and its ancestors, newest first, at most 256.
    pub tags: Vec<SourceTag>,
    /// Every submodule, inner ones too, each after the one that holds it.
    pub submodules: Vec<SourceSubmodule>,
    /// What was changed in the work tree, where that was allowed.
    pub dirty: Option<DirtyReason>,
    /// The project's folder in the tree; empty for its top.
    pub subdirectory: String,
    git: Git,
    origins: Vec<Origin>,
}

/// A repository on this machine that has a commit of the source.
#[derive(Debug, Clone)]
struct Origin {
    /// Where the commit's tree goes, relative to the export.
    path: String,
    /// Its git directory.
    repository: PathBuf,
    commit: GitObjectId,
    /// The work tree that `overlay` is relative to.
    work_tree: PathBuf,
    /// Files to put over those of the commit.
    overlay: Vec<PathBuf>,
}

impl Origin {
    fn fetched(repository: PathBuf, path: &str, commit: &GitObjectId) -> Self {
        Self {
            path: path.to_owned(),
            repository,
            commit: commit.clone(),
            work_tree: PathBuf::new(),
            overlay: Vec::new(),
        }
    }
}

impl SourceSpec {
    /// The same as [`resolve`].
    ///
    /// # Errors
    /// As [`resolve`].
    pub fn resolve(&self, options: &ResolveOptions) -> Result<ResolvedSource, SourceError> {
        resolve(self, options)
    }
}

/// Resolves a source to one commit.
///
/// # Errors
/// A [`SourceError`] of its own for each thing that would make the claim about the source untrue.
pub fn resolve(spec: &SourceSpec, options: &ResolveOptions) -> Result<ResolvedSource, SourceError> {
    let git = Git::new(options.cancel.clone())?;
    match spec {
        SourceSpec::Checkout(folder) => checkout::resolve(&git, folder, options),
        SourceSpec::Remote { url, rev, subdirectory } => {
            let recorded = options.source_uri.as_deref().map(RepositoryUrl::parse);
            let recorded = recorded.transpose()?;
            recorded.as_ref().unwrap_or(url).refuse_unless_for_policies()?;
            let mut source = remote::resolve(&git, url, rev.as_deref(), subdirectory.as_deref())?;
            if let Some(recorded) = recorded {
                source.uri = recorded.recorded();
            }
            Ok(source)
        }
    }
}

/// Finds a recorded source again: in `checkout`, any clone of the repository at whatever commit,
/// where one is given, else at the recorded URL.
///
/// # Errors
/// [`SourceError::CommitMissing`], [`SourceError::TreeMismatch`], [`SourceError::TagMismatch`],
/// [`SourceError::SubmoduleMismatch`] where the repository does not have what was recorded, and what
/// reaching it may fail with.
pub fn from_record(
    record: SourceRecord,
    checkout: Option<&Path>,
    cancel: Arc<AtomicBool>,
) -> Result<ResolvedSource, SourceError> {
    remote::from_record(&Git::new(cancel)?, record, checkout)
}

/// Says of each recorded tag that names another commit today, in `checkout` where one is given, else at
/// the recorded URL; there also of each that is gone. A line each, for a person.
///
/// # Errors
/// [`SourceError::Cancelled`]. What cannot be read is told in a line.
pub fn moved_tags(
    record: &SourceRecord,
    checkout: Option<&Path>,
    cancel: Arc<AtomicBool>,
) -> Result<Vec<String>, SourceError> {
    refs::findings(&Git::new(cancel)?, record, checkout)
}

impl ResolvedSource {
    /// A file of the commit, by its path from the top; nothing where it cannot be had. It may lack what
    /// an export has (changes that were allowed, line ends by git's attributes), so it is for looking
    /// ahead only.
    pub(crate) fn look_ahead(&self, path: &str) -> Option<String> {
        let top = self.origins.iter().find(|origin| origin.path.is_empty())?;
        let object = format!("{}:{path}", self.commit);
        let call = self.git.call(["cat-file", "blob", &object]);
        call.git_dir(&top.repository).text().ok()
    }

    /// Whether one of these files, there or not, would be untracked in the work tree that this is: then
    /// the next build of it would be refused.
    ///
    /// # Errors
    /// [`SourceError::Io`] and failures of git.
    pub fn would_be_untracked(&self, files: &[PathBuf]) -> Result<bool, SourceError> {
        match self.origins.iter().find(|origin| origin.path.is_empty()) {
            Some(top) if !top.work_tree.as_os_str().is_empty() => {
                checkout::would_be_untracked(&self.git, top, files)
            }
            _ => Ok(false), // fetched: no work tree of the user's
        }
    }

    /// Fails where a file's very bytes are in one of the source's repositories, whatever it is named there and
    /// in whichever commit: an export has the history too.
    ///
    /// # Errors
    /// [`SourceError::HoldsKey`] and failures of git.
    pub fn refuse_to_hold(&self, file: &Path) -> Result<(), SourceError> {
        let text = std::fs::read(file).map_err(SourceError::io(file))?;
        // git may have changed the ends of its lines.
        let plain: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\r').collect();
        for bytes in BTreeSet::from([text, plain]) {
            for origin in &self.origins {
                let call = self.git.call(["hash-object", "--no-filters", "--stdin"]);
                let id = call.git_dir(&origin.repository).stdin(bytes.clone()).text()?;
                let call = self.git.call(["cat-file", "-e", &id]);
                if call.git_dir(&origin.repository).answer()?.success {
                    return Err(SourceError::HoldsKey { path: file.to_owned() });
                }
            }
        }
        Ok(())
    }

    /// Writes the commit into `dest`, a folder that is empty or not there yet: files with the modes
    /// of umask 022 and the commit's time, and a `.git` with that commit's history, the recorded
    /// tags, a detached HEAD, no remote and a fixed configuration. Submodules likewise, each with
    /// a `.git` of its own. Files of git's large-file storage stay the pointers they are.
    ///
    /// The `.git` folder serves tools that ask git for a version; its packs are not the same bytes
    /// each time.
    ///
    /// # Errors
    /// [`SourceError::DestinationNotEmpty`], [`SourceError::TreeMismatch`],
    /// [`SourceError::TagMismatch`], [`SourceError::Io`] and failures of git.
    pub fn export(&self, dest: &Path) -> Result<(), SourceError> {
        export::export(self, dest)
    }
}
