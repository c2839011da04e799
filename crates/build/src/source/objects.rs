//! Reads commits, tags and submodules from a git directory, by plumbing commands only: what they
//! print follows from the objects, not from configuration.

use std::path::{Path, PathBuf};

use wheelmark_core::attestation::pep517::SourceTag;
use wheelmark_core::digest::GitObjectId;
use wheelmark_core::limits::{LATEST_TIME, RECORDED_TAGS};

use super::error::SourceError;
use super::git::Git;

/// What a commit says about itself.
pub(super) struct Commit {
    pub(super) tree: GitObjectId,
    /// Committer time, Unix seconds.
    pub(super) time: i64,
}

/// A submodule as a tree and its `.gitmodules` record it.
pub(super) struct Gitlink {
    /// Relative to the tree.
    pub(super) path: String,
    /// As written in `.gitmodules`.
    pub(super) url: String,
    pub(super) commit: GitObjectId,
}

impl Git {
    /// Whether the object is there and is of that kind.
    pub(super) fn has(
        &self,
        git_dir: &Path,
        object: &GitObjectId,
        kind: &str,
    ) -> Result<bool, SourceError> {
        let answer = self.call(["cat-file", "-t", object.as_str()]).git_dir(git_dir).answer()?;
        Ok(answer.success && answer.stdout.trim_ascii() == kind.as_bytes())
    }

    /// Reads a commit's own bytes.
    pub(super) fn commit(
        &self,
        git_dir: &Path,
        commit: &GitObjectId,
    ) -> Result<Commit, SourceError> {
        let bytes = self.call(["cat-file", "commit", commit.as_str()]).git_dir(git_dir).bytes()?;
        // Everything up to the empty line; the message may be in any encoding.
        let text = String::from_utf8_lossy(&bytes);
        let header = |name: &str| {
            text.lines()
                .take_while(|line| !line.is_empty())
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let tree = header("tree").unwrap_or_default();
        let time = header("committer")
            .and_then(|line| line.rsplit(' ').nth(1)?.parse().ok())
            .filter(|time| (0..=LATEST_TIME).contains(time))
            .ok_or_else(|| SourceError::CommitTime { commit: commit.clone() })?;
        Ok(Commit { tree: object_id("cat-file", tree)?, time })
    }

    /// The tags whose commit is `commit` or an ancestor of it, newest first.
    pub(super) fn tags(
        &self,
        git_dir: &Path,
        commit: &GitObjectId,
    ) -> Result<Vec<SourceTag>, SourceError> {
        let format =
            "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)";
        let merged = format!("--merged={commit}");
        let text = self
            .call([
                "for-each-ref",
                "--sort=refname",
                "--sort=-creatordate",
                format,
                &merged,
                "refs/tags/",
            ])
            .git_dir(git_dir)
            .text()?;
        let mut tags = Vec::new();
        for line in text.lines() {
            let unexpected = || SourceError::UnexpectedAnswer {
                command: "for-each-ref".to_owned(),
                answer: line.to_owned(),
            };
            let mut words = line.splitn(5, ' ');
            let mut word = || words.next().ok_or_else(unexpected);
            let (kind, object, peeled_kind, peeled, name) =
                (word()?, word()?, word()?, word()?, word()?);
            let object = object_id("for-each-ref", object)?;
            let commit = match (kind, peeled_kind) {
                ("commit", _) => object.clone(),
                ("tag", "commit") => object_id("for-each-ref", peeled)?,
                // A tag of a tag: older git peels one layer only.
                _ => match self.peel(git_dir, &object)? {
                    Some(commit) => commit,
                    None => continue,
                },
            };
            let name = name.strip_prefix("refs/tags/").ok_or_else(unexpected)?;
            tags.push(SourceTag { name: name.to_owned(), object, commit });
        }
        tags.truncate(RECORDED_TAGS); // The newest: tools look for the nearest ones.
        Ok(tags)
    }

    /// Fails unless the whole history of `commit` is there. A fetch from a shallow repository succeeds
    /// without it.
    pub(super) fn refuse_shallow(
        &self,
        git_dir: &Path,
        commit: &GitObjectId,
        place: impl FnOnce() -> String,
    ) -> Result<(), SourceError> {
        let walk = self.call(["rev-list", "--quiet", commit.as_str()]).git_dir(git_dir).answer()?;
        if walk.success && !git_dir.join("shallow").exists() {
            return Ok(());
        }
        Err(SourceError::Shallow { place: place() })
    }

    /// The commit an object leads to, if it leads to one.
    pub(super) fn peel(
        &self,
        git_dir: &Path,
        object: &GitObjectId,
    ) -> Result<Option<GitObjectId>, SourceError> {
        let answer = self
            .call(["rev-parse", "--verify", "--quiet"])
            .arg(format!("{object}^{{commit}}"))
            .git_dir(git_dir)
            .answer()?;
        if !answer.success {
            return Ok(None);
        }
        object_id("rev-parse", &String::from_utf8_lossy(&answer.stdout)).map(Some)
    }

    /// The submodules of a commit, in the order of their paths; not those inside them.
    pub(super) fn gitlinks(
        &self,
        git_dir: &Path,
        commit: &GitObjectId,
    ) -> Result<Vec<Gitlink>, SourceError> {
        let modules = format!("{commit}:.gitmodules");
        let listed = self
            .call(["ls-tree", "-r", "-z", "--full-tree", commit.as_str()])
            .git_dir(git_dir)
            .bytes()?;
        let mut found = Vec::new();
        for entry in listed.split(|byte| *byte == 0) {
            // <mode> SP <type> SP <object> TAB <path>
            let Some(rest) = entry.strip_prefix(b"160000 commit ") else {
                continue;
            };
            let text = String::from_utf8_lossy(rest);
            let (object, path) = text.split_once('\t').unwrap_or((&text, ""));
            found.push((path.to_owned(), object_id("ls-tree", object)?));
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let answer =
            self.call(["config", "--blob", &modules, "-z", "--list"]).git_dir(git_dir).answer()?;
        let settings = String::from_utf8_lossy(&answer.stdout);
        let settings: Vec<(&str, &str)> =
            settings.split('\0').filter_map(|setting| setting.split_once('\n')).collect();
        let link = |(path, commit): (String, GitObjectId)| {
            // The name of the section, then the URL in that section.
            let url = settings
                .iter()
                .filter(|(_, value)| *value == path)
                .find_map(|(key, _)| key.strip_suffix(".path"))
                .and_then(|section| {
                    let key = format!("{section}.url");
                    settings.iter().rfind(|(name, _)| *name == key)
                });
            match url {
                Some((_, url)) => Ok(Gitlink { path, url: (*url).to_owned(), commit }),
                None => Err(SourceError::SubmoduleUnknown { path: PathBuf::from(path) }),
            }
        };
        found.into_iter().map(link).collect()
    }

    /// Fails unless `subdirectory` is a folder of the commit's tree, reached through folders only.
    pub(super) fn check_subdirectory(
        &self,
        git_dir: &Path,
        commit: &GitObjectId,
        subdirectory: &str,
    ) -> Result<(), SourceError> {
        if subdirectory.is_empty() {
            return Ok(());
        }
        let answer = self
            .call(["cat-file", "-t"])
            .arg(format!("{commit}:{subdirectory}"))
            .git_dir(git_dir)
            .answer()?;
        // Paths into a tree follow no symbolic link, so a link on the way is not found either.
        if answer.success && answer.stdout.trim_ascii() == b"tree" {
            return Ok(());
        }
        Err(SourceError::Subdirectory {
            path: subdirectory.to_owned(),
            problem: "not a folder of the commit's tree (symbolic links are not followed)",
        })
    }

    /// Makes an empty git directory that takes objects of the same kind of id as `like`.
    pub(super) fn init(
        &self,
        folder: &Path,
        like: &GitObjectId,
        bare: bool,
    ) -> Result<(), SourceError> {
        let format = format!("--object-format={}", object_format(like));
        let folder = &std::path::absolute(folder).map_err(SourceError::io(folder))?;
        let call = self.call(["init", "--quiet", "--template=", "--initial-branch=none"]);
        // Above nothing there is no repository whose settings could count.
        let mut call = call.folder(Path::new("/"));
        if bare {
            call = call.arg("--bare");
        }
        call.arg(format).arg(folder).bytes().map(drop)
    }
}

/// Git's name for the hash that made an id.
pub(super) fn object_format(id: &GitObjectId) -> &'static str {
    if id.as_str().len() == 40 { "sha1" } else { "sha256" }
}

/// Reads an object id that git printed.
pub(super) fn object_id(command: &str, text: &str) -> Result<GitObjectId, SourceError> {
    text.trim_end().parse().map_err(|_| SourceError::UnexpectedAnswer {
        command: command.to_owned(),
        answer: text.chars().take(80).collect(),
    })
}
