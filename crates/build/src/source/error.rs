//! Why a source cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wheelmark_core::digest::GitObjectId;
use wheelmark_core::report::Escaped;

/// Names shown in one message; the rest is counted.
const SHOWN: usize = 8;

/// Why a source was refused or could not be read.
///
/// Messages never carry credentials: URLs are shown as they are recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The `git` command is not on the path.
    #[error("git was not found on PATH\nhint: install the package `git`")]
    GitMissing,
    /// The `git` command is too old to be told to ignore the machine's configuration.
    #[error("git {found} is too old: 2.32 or newer is needed")]
    GitTooOld {
        /// What `git version` said.
        found: String,
    },
    /// The path given does not lead to a directory.
    #[error("{}: no such directory", shown(.path))]
    NoSuchDirectory {
        /// The path as given.
        path: PathBuf,
    },
    /// The directory is not inside a work tree of a git repository.
    #[error("{}: not inside the work tree of a git repository", shown(.path))]
    NotARepository {
        /// The path as given.
        path: PathBuf,
    },
    /// The repository has no work tree.
    #[error("{}: a bare repository has no work tree\nhint: name it by URL, `git+file://…@REF`", shown(.path))]
    Bare {
        /// The path as given.
        path: PathBuf,
    },
    /// The repository holds no commit yet.
    #[error("{}: the repository has no commit yet", shown(.path))]
    NoCommit {
        /// The repository's folder or URL.
        path: PathBuf,
    },
    /// The repository holds what a build may not see.
    #[error(
        "{}: the source's repository holds this file, in its history if not in the commit, and a build sees that\n\
         hint: whoever has the repository has the key; make another one, outside of it", shown(.path)
    )]
    HoldsKey {
        /// The file.
        path: PathBuf,
    },
    /// Tracked files differ from the commit.
    #[error("the work tree differs from its commit: {}\nhint: commit or stash the changes", names(.paths))]
    Dirty {
        /// Files modified, deleted or staged, relative to the work tree.
        paths: Vec<PathBuf>,
    },
    /// Files that are neither tracked nor ignored.
    #[error("the work tree holds untracked files: {}\nhint: commit, ignore or remove them, and keep the folder of built files outside of the work tree", names(.paths))]
    Untracked {
        /// The files, relative to the work tree.
        paths: Vec<PathBuf>,
    },
    /// A submodule was never checked out.
    #[error("submodule {}: not checked out\nhint: git submodule update --init --recursive", shown(.path))]
    SubmoduleUninitialised {
        /// The submodule's path, relative to the work tree.
        path: PathBuf,
    },
    /// A submodule is at another commit than its parent records.
    #[error("submodule {}: at commit {found}, but {recorded} is recorded\nhint: git submodule update --recursive", shown(.path))]
    SubmoduleMoved {
        /// The submodule's path, relative to the work tree.
        path: PathBuf,
        /// The commit in the parent's tree.
        recorded: GitObjectId,
        /// The commit that is checked out.
        found: GitObjectId,
    },
    /// A submodule's own files differ from its commit.
    #[error("submodule {}: its files differ from its commit: {}", shown(.path), names(.paths))]
    SubmoduleDirty {
        /// The submodule's path, relative to the work tree.
        path: PathBuf,
        /// The files, relative to the outermost work tree.
        paths: Vec<PathBuf>,
    },
    /// The tree holds a submodule that `.gitmodules` does not name, or names without a URL.
    #[error("submodule {}: no URL for it in .gitmodules", shown(.path))]
    SubmoduleUnknown {
        /// The submodule's path, relative to the work tree.
        path: PathBuf,
    },
    /// The record of a build lists other submodules than the commit holds.
    #[error("the recorded submodules are not those of the commit: {}", shown(.path))]
    SubmoduleMismatch {
        /// The first path that differs.
        path: PathBuf,
    },
    /// A ref named one thing at the start and another at the end.
    #[error("{} moved while it was read: from {before} to {after}", .name.escape_debug())]
    RefMoved {
        /// The ref.
        name: String,
        /// What it named first.
        before: String,
        /// What it named then.
        after: String,
    },
    /// History is missing, so tools that take a version from tags would get another one.
    #[error("{}: a shallow clone lacks the history that versions are taken from\nhint: git fetch --unshallow --tags", .place.escape_debug())]
    Shallow {
        /// The repository.
        place: String,
    },
    /// Objects are missing that git would fetch when asked.
    #[error("{}: a partial clone lacks objects of its commits\nhint: use a full clone", shown(.path))]
    PartialClone {
        /// The repository.
        path: PathBuf,
    },
    /// No branch or tag of that name.
    #[error("{}: no branch or tag `{}`", .place.escape_debug(), .name.escape_debug())]
    UnknownRef {
        /// The name asked for.
        name: String,
        /// The repository.
        place: String,
    },
    /// A branch and a tag of one name.
    #[error("{}: `{}` is both a branch and a tag\nhint: say refs/heads/… or refs/tags/…", .place.escape_debug(), .name.escape_debug())]
    AmbiguousRef {
        /// The name asked for.
        name: String,
        /// The repository.
        place: String,
    },
    /// A commit by the first digits of its id.
    #[error("`{}` looks like an abbreviated commit id, which can name another commit tomorrow\nhint: give all 40 digits", .name.escape_debug())]
    AbbreviatedCommit {
        /// The digits given.
        name: String,
    },
    /// Text that cannot be the name of a ref.
    #[error("`{}` cannot be the name of a branch, tag or commit", .name.escape_debug())]
    BadRef {
        /// The text.
        name: String,
    },
    /// A URL of a kind that is not used: only https, ssh and file are.
    #[error("a repository's URL of the kind `{}` is not used here: https and ssh are, and file for a source that is on this machine itself", .scheme.escape_debug())]
    UrlScheme {
        /// The scheme.
        scheme: String,
    },
    /// Text that is not a URL of a repository.
    #[error("not the URL of a repository: {problem}")]
    UrlInvalid {
        /// What is wrong with it; the URL itself may hold credentials and is not shown.
        problem: String,
    },
    /// A URL that git reaches and no policy can name.
    #[error(
        "the source cannot be recorded under its URI: {problem}\nhint: --source-uri names the URI to record, such as https://example.org/owner/project"
    )]
    NotForPolicies {
        /// What is wrong with it, with the URI.
        problem: String,
    },
    /// Text that git would read as an option.
    #[error("`{}` begins with a dash", .text.escape_debug())]
    OptionLike {
        /// The text.
        text: String,
    },
    /// A subdirectory that leaves the tree, or is not a directory of it.
    #[error("subdirectory `{}`: {problem}", .path.escape_debug())]
    Subdirectory {
        /// The subdirectory as given.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The recorded commit is not in the repository.
    #[error("{}: has no commit {commit}", .place.escape_debug())]
    CommitMissing {
        /// The commit.
        commit: GitObjectId,
        /// The repository.
        place: String,
    },
    /// The commit has another tree than was recorded with it.
    #[error("commit {commit} has the tree {found}, but {recorded} was recorded")]
    TreeMismatch {
        /// The commit.
        commit: GitObjectId,
        /// The tree recorded.
        recorded: GitObjectId,
        /// The tree found.
        found: GitObjectId,
    },
    /// A recorded tag cannot be put back as it was.
    #[error("tag `{}`: {problem}", .name.escape_debug())]
    TagMismatch {
        /// The tag.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A commit whose committer time cannot be a file's time.
    #[error("commit {commit}: its committer time is not between 1970 and 9999")]
    CommitTime {
        /// The commit.
        commit: GitObjectId,
    },
    /// A changed or untracked path that cannot be copied (a socket, a device, a nested repository).
    #[error("{}: neither a file nor a symbolic link", shown(.path))]
    Uncopyable {
        /// The path, relative to the work tree.
        path: PathBuf,
    },
    /// The folder to export to already holds something.
    #[error("{}: not an empty folder", shown(.path))]
    DestinationNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// A git command failed.
    #[error("git {command} failed: {}", lines(.message))]
    Git {
        /// The subcommand.
        command: String,
        /// Its last words.
        message: String,
    },
    /// A git command took longer than any may.
    #[error("git {command} did not end within {} s\nhint: clone the repository by other means, and give that folder", .limit.as_secs_f32())]
    GitTimedOut {
        /// The subcommand.
        command: String,
        /// The time it had.
        limit: Duration,
    },
    /// Git answered something that is not in its documentation.
    #[error("git {command}: unexpected answer `{}`", .answer.escape_debug())]
    UnexpectedAnswer {
        /// The subcommand.
        command: String,
        /// The answer, shortened.
        answer: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", shown(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SourceError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

fn names(paths: &[PathBuf]) -> impl fmt::Display {
    let mut text = paths.iter().take(SHOWN).map(|path| shown(path)).collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        text.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    text
}

/// What git said, its lines kept and all else that could drive a terminal escaped.
fn lines(message: &str) -> String {
    let lines = message.trim().lines().map(|line| Escaped(line.trim_end()).to_string());
    lines.collect::<Vec<_>>().join("\n  ")
}

impl SourceError {
    /// Whether the repository could be read and is not what was recorded.
    pub fn is_of_the_record(&self) -> bool {
        matches!(
            self,
            Self::CommitMissing { .. }
                | Self::TreeMismatch { .. }
                | Self::TagMismatch { .. }
                | Self::SubmoduleMismatch { .. }
        )
    }
}
