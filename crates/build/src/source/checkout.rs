//! A checkout of the user's: which commit it is at, and whether its files are that commit's.
//!
//! The checkout's own configuration is never in force while git reads its files: a filter or an
//! fsmonitor named there would run. Files are compared from a git directory of our own that borrows
//! the checkout's objects and starts from a fresh index, so flags such as `assume-unchanged` that
//! hide a change hide nothing here.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use wheelmark_core::digest::GitObjectId;

use super::error::SourceError;
use super::git::Git;
use super::objects::{object_format, object_id};
use super::spec::RepositoryUrl;
use super::{DirtyReason, Origin, ResolveOptions, ResolvedSource, SourceSubmodule};
use crate::paths;

/// A work tree and its repository.
pub(super) struct WorkTree {
    /// The top folder, without symbolic links.
    pub(super) top: PathBuf,
    /// The folder with objects and refs, shared by all work trees of the repository.
    pub(super) common: PathBuf,
    /// This work tree's own git directory (HEAD, index).
    git_dir: PathBuf,
    /// The folder asked for, relative to `top`, with forward slashes.
    prefix: String,
    bare: bool,
    shallow: bool,
}

/// Where HEAD is.
#[derive(PartialEq, Eq)]
struct Head {
    branch: Option<String>,
    commit: GitObjectId,
}

/// Resolves the work tree that holds `folder`.
pub(super) fn resolve(
    git: &Git,
    folder: &Path,
    options: &ResolveOptions,
) -> Result<ResolvedSource, SourceError> {
    let tree = WorkTree::discover(git, folder)?;
    if tree.bare {
        return Err(SourceError::Bare { path: folder.to_owned() });
    }
    tree.refuse_incomplete(git)?;
    let head = tree.head(git)?;
    let commit = git.commit(&tree.common, &head.commit)?;
    git.check_subdirectory(&tree.common, &head.commit, &tree.prefix)?;
    let url = match &options.source_uri {
        Some(uri) => RepositoryUrl::parse(uri)?,
        None => tree.remote_url(git, head.branch.as_deref())?,
    };
    url.refuse_unless_for_policies()?;
    let mut survey = Survey {
        git,
        allow_dirty: options.allow_dirty,
        root: tree.top.clone(),
        origins: Vec::new(),
        submodules: Vec::new(),
        dirty: DirtyReason::default(),
    };
    survey.visit(&tree, "", &head.commit, &url)?;
    let tags = git.tags(&tree.common, &head.commit)?;
    let git_ref = match &head.branch {
        Some(branch) => Some(branch.clone()),
        None => {
            let mut here = tags.iter().filter(|tag| tag.commit == head.commit);
            match (here.next(), here.next()) {
                (Some(tag), None) => Some(format!("refs/tags/{}", tag.name)),
                _ => None,
            }
        }
    };
    let after = tree.head(git)?;
    if after != head {
        return Err(SourceError::RefMoved {
            name: "HEAD".to_owned(),
            before: head.to_string(),
            after: after.to_string(),
        });
    }
    Ok(ResolvedSource {
        uri: url.recorded(),
        git_ref,
        commit: head.commit,
        tree: commit.tree,
        commit_time: commit.time,
        tags,
        submodules: survey.submodules,
        dirty: (!survey.dirty.is_empty()).then_some(survey.dirty),
        subdirectory: tree.prefix,
        git: git.clone(),
        origins: survey.origins,
    })
}

impl WorkTree {
    /// Finds the repository that holds `folder`; a bare one too.
    pub(super) fn discover(git: &Git, folder: &Path) -> Result<Self, SourceError> {
        if !folder.is_dir() {
            return Err(SourceError::NoSuchDirectory { path: folder.to_owned() });
        }
        let folder = fs::canonicalize(folder).map_err(SourceError::io(folder))?;
        let missing = || SourceError::NotARepository { path: folder.clone() };
        let lines = |arguments: &[&str]| -> Result<Vec<String>, SourceError> {
            let answer = git
                .call(["rev-parse", "--path-format=absolute"])
                .args(arguments)
                .folder(&folder)
                .answer()?;
            if !answer.success {
                return Err(missing());
            }
            let text = String::from_utf8(answer.stdout).map_err(|_| missing())?;
            Ok(text.split('\n').map(str::to_owned).collect())
        };
        let about = lines(&[
            "--is-bare-repository",
            "--is-inside-work-tree",
            "--is-shallow-repository",
            "--git-dir",
            "--git-common-dir",
        ])?;
        let [bare, inside, shallow, git_dir, common, ..] = &about[..] else {
            return Err(missing());
        };
        let bare = bare == "true";
        if !bare && inside != "true" {
            return Err(missing());
        }
        let (top, prefix) = if bare {
            (PathBuf::from(common), String::new())
        } else {
            let place = lines(&["--show-toplevel", "--show-prefix"])?;
            let [top, prefix, ..] = &place[..] else {
                return Err(missing());
            };
            (PathBuf::from(top), prefix.trim_end_matches('/').to_owned())
        };
        Ok(Self {
            top,
            common: PathBuf::from(common),
            git_dir: PathBuf::from(git_dir),
            prefix,
            bare,
            shallow: shallow == "true",
        })
    }

    /// Refuses repositories that lack history or objects.
    pub(super) fn refuse_incomplete(&self, git: &Git) -> Result<(), SourceError> {
        if self.shallow {
            return Err(SourceError::Shallow { place: self.top.display().to_string() });
        }
        let answer = git
            .call(["config", "--name-only", "--get-regexp"])
            .arg(r"^(extensions\.partialclone|remote\..*\.(promisor|partialclonefilter))$")
            .git_dir(&self.git_dir)
            .answer()?;
        if answer.success {
            return Err(SourceError::PartialClone { path: self.top.clone() });
        }
        Ok(())
    }

    fn head(&self, git: &Git) -> Result<Head, SourceError> {
        let branch =
            git.call(["symbolic-ref", "--quiet", "HEAD"]).git_dir(&self.git_dir).answer()?;
        let commit = git
            .call(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .git_dir(&self.git_dir)
            .answer()?;
        if !commit.success {
            return Err(SourceError::NoCommit { path: self.top.clone() });
        }
        Ok(Head {
            branch: branch
                .success
                .then(|| String::from_utf8_lossy(branch.stdout.trim_ascii_end()).into_owned()),
            commit: object_id("rev-parse", &String::from_utf8_lossy(&commit.stdout))?,
        })
    }

    /// The URL of the branch's remote, else of `origin`, else of the only remote, else the folder.
    fn remote_url(&self, git: &Git, branch: Option<&str>) -> Result<RepositoryUrl, SourceError> {
        let text = git
            .call(["config", "-z", "--get-regexp"])
            .arg(r"^(remote\..*\.url|branch\..*\.remote)$")
            .git_dir(&self.git_dir)
            .answer()?
            .stdout;
        let text = String::from_utf8_lossy(&text);
        let settings: Vec<(&str, &str)> =
            text.split('\0').filter_map(|setting| setting.split_once('\n')).collect();
        let value = |key: &str| settings.iter().find(|(name, _)| *name == key).map(|s| s.1);
        let url_of = |remote: &str| value(&format!("remote.{remote}.url"));
        let upstream = branch
            .and_then(|branch| branch.strip_prefix("refs/heads/"))
            .and_then(|branch| value(&format!("branch.{branch}.remote")));
        let mut urls = settings.iter().filter(|(key, _)| key.starts_with("remote."));
        let only = match (urls.next(), urls.next()) {
            (Some((_, url)), None) => Some(*url),
            _ => None,
        };
        match upstream.and_then(url_of).or(url_of("origin")).or(only) {
            None => RepositoryUrl::of_folder(&self.top),
            Some(path) if path.starts_with('/') => RepositoryUrl::of_folder(Path::new(path)),
            Some(path) if path.starts_with('.') => {
                let folder = self.top.join(path);
                let folder = fs::canonicalize(&folder).map_err(SourceError::io(&folder))?;
                RepositoryUrl::of_folder(&folder)
            }
            Some(url) => RepositoryUrl::parse(url),
        }
    }

    /// Paths whose entry in the index is not the commit's.
    fn staged(&self, git: &Git, commit: &GitObjectId) -> Result<Vec<PathBuf>, SourceError> {
        let bytes = git
            .call(["diff-index", "--cached", "--name-only", "-z", "--no-renames"])
            .args(["--no-ext-diff", "--ignore-submodules=none"])
            .arg(commit.as_str())
            .git_dir(&self.git_dir)
            .bytes()?;
        Ok(listed(&bytes))
    }

    /// Files that are not the commit's: changed ones, then untracked ones that are not ignored.
    fn changes(
        &self,
        git: &Git,
        commit: &GitObjectId,
    ) -> Result<(Vec<PathBuf>, Vec<PathBuf>), SourceError> {
        let own = own_git_dir(git, &self.common, commit)?;
        let call = |arguments: &[&str]| {
            git.call(arguments)
                .folder(&self.top)
                .git_dir(&own)
                .env("GIT_WORK_TREE", &self.top)
                .env("GIT_OBJECT_DIRECTORY", self.common.join("objects"))
        };
        call(&["read-tree", commit.as_str()]).bytes()?;
        let status = call(&["status", "--porcelain", "-z", "--no-renames"])
            .args(["--untracked-files=all", "--ignore-submodules=all"])
            .bytes()?;
        let _ = fs::remove_dir_all(&own);
        let (mut changed, mut untracked) = (Vec::new(), Vec::new());
        for entry in status.split(|byte| *byte == 0).filter(|e| e.len() > 3) {
            let path = PathBuf::from(OsStr::from_bytes(&entry[3..]));
            match &entry[..2] {
                b"??" => untracked.push(path),
                _ => changed.push(path),
            }
        }
        Ok((changed, untracked))
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.branch {
            Some(branch) => write!(f, "{} ({branch})", self.commit),
            None => self.commit.fmt(f),
        }
    }
}

/// What is found on the way through a checkout and its submodules.
struct Survey<'a> {
    git: &'a Git,
    allow_dirty: bool,
    root: PathBuf,
    origins: Vec<Origin>,
    submodules: Vec<SourceSubmodule>,
    dirty: DirtyReason,
}

impl Survey<'_> {
    fn visit(
        &mut self,
        tree: &WorkTree,
        path: &str,
        commit: &GitObjectId,
        url: &RepositoryUrl,
    ) -> Result<(), SourceError> {
        let here = |paths: Vec<PathBuf>| -> Vec<PathBuf> {
            paths.iter().map(|found| Path::new(path).join(found)).collect()
        };
        let (changed, untracked) = tree.changes(self.git, commit)?;
        let staged = tree.staged(self.git, commit)?;
        let mut modified = here([changed.clone(), staged].concat());
        modified.sort();
        modified.dedup();
        let overlay = [changed, untracked.clone()].concat();
        let untracked = here(untracked);
        self.refuse_changes(path, &modified, &untracked)?;
        self.dirty.modified.extend(modified);
        self.dirty.untracked.extend(untracked);
        self.origins.push(Origin {
            path: path.to_owned(),
            repository: tree.common.clone(),
            commit: commit.clone(),
            work_tree: tree.top.clone(),
            overlay,
        });
        for link in self.git.gitlinks(&tree.common, commit)? {
            let inner = Path::new(path).join(&link.path);
            let folder = tree.top.join(&link.path);
            let missing = || SourceError::SubmoduleUninitialised { path: inner.clone() };
            let sub = WorkTree::discover(self.git, &folder).map_err(|error| match error {
                SourceError::Cancelled => error,
                _ => missing(),
            })?;
            // Without a repository of its own the folder belongs to the outer one.
            if sub.bare || sub.top != self.root.join(&inner) {
                return Err(missing());
            }
            sub.refuse_incomplete(self.git)?;
            if !self.git.has(&sub.common, &link.commit, "commit")? {
                return Err(SourceError::CommitMissing {
                    commit: link.commit,
                    place: inner.display().to_string(),
                });
            }
            let found = sub.head(self.git)?.commit;
            if found != link.commit {
                if !self.allow_dirty {
                    return Err(SourceError::SubmoduleMoved {
                        path: inner,
                        recorded: link.commit,
                        found,
                    });
                }
                self.dirty.modified.push(inner.clone());
            }
            let inner = inner.to_string_lossy().into_owned();
            let url = url.submodule(&link.url)?;
            self.submodules.push(SourceSubmodule {
                path: inner.clone(),
                url: url.recorded(),
                commit: link.commit.clone(),
            });
            self.visit(&sub, &inner, &link.commit, &url)?;
        }
        Ok(())
    }

    fn refuse_changes(
        &self,
        path: &str,
        modified: &[PathBuf],
        untracked: &[PathBuf],
    ) -> Result<(), SourceError> {
        if self.allow_dirty || modified.is_empty() && untracked.is_empty() {
            return Ok(());
        }
        Err(if !path.is_empty() {
            SourceError::SubmoduleDirty {
                path: PathBuf::from(path),
                paths: [modified, untracked].concat(),
            }
        } else if !modified.is_empty() {
            SourceError::Dirty { paths: modified.to_vec() }
        } else {
            SourceError::Untracked { paths: untracked.to_vec() }
        })
    }
}

/// Whether one of the files would be in the work tree of `origin` without git ignoring it, by the same
/// rules as [`WorkTree::changes`].
pub(super) fn would_be_untracked(
    git: &Git,
    origin: &Origin,
    files: &[PathBuf],
) -> Result<bool, SourceError> {
    let inside: Vec<PathBuf> = files
        .iter()
        .filter_map(|file| {
            paths::resolved(file)?.strip_prefix(&origin.work_tree).ok().map(Path::to_owned)
        })
        .collect();
    if inside.is_empty() {
        return Ok(false);
    }
    let own = own_git_dir(git, &origin.repository, &origin.commit)?;
    let mut untracked = false;
    for file in inside {
        let answer = git
            .call(["check-ignore", "--quiet", "--no-index", "--"])
            .arg(&file)
            .folder(&origin.work_tree)
            .git_dir(&own)
            .env("GIT_WORK_TREE", &origin.work_tree)
            .answer()?;
        untracked |= !answer.success;
    }
    let _ = fs::remove_dir_all(&own);
    Ok(untracked)
}

/// A git directory of our own at `commit`, with what the repository at `common` ignores without saying
/// so in a file of the tree.
fn own_git_dir(git: &Git, common: &Path, commit: &GitObjectId) -> Result<PathBuf, SourceError> {
    let own = git.scratch();
    write_git_dir(&own, commit).map_err(SourceError::io(&own))?;
    let exclude = common.join("info/exclude");
    if exclude.is_file() {
        let copy = own.join("info/exclude");
        fs::copy(&exclude, &copy).map_err(SourceError::io(&exclude))?;
    }
    Ok(own)
}

/// The least that git takes for a git directory, with HEAD at `commit`.
fn write_git_dir(folder: &Path, commit: &GitObjectId) -> std::io::Result<()> {
    for name in ["objects", "refs", "info"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::write(folder.join("HEAD"), format!("{commit}\n"))?;
    fs::write(folder.join("config"), super::export::config(object_format(commit)))
}

fn listed(bytes: &[u8]) -> Vec<PathBuf> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| PathBuf::from(OsStr::from_bytes(path)))
        .collect()
}
