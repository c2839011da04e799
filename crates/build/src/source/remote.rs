//! Sources by URL, and sources that a record names: fetched whole into a folder of our own, where
//! every object's id is computed anew from its bytes.

use std::path::{Path, PathBuf};

use wheelmark_core::digest::GitObjectId;

use super::checkout::WorkTree;
use super::error::SourceError;
use super::git::Git;
use super::objects::object_id;
use super::refs::{Refs, reach};
use super::spec::{RepositoryUrl, parse_subdirectory};
use super::{Origin, ResolvedSource, SourceRecord, SourceSubmodule};

/// Where a fetched commit is kept in our own folder.
const FETCHED: &str = "refs/wheelmark/commit";

/// Resolves a branch, tag or commit of a repository by its URL.
pub(super) fn resolve(
    git: &Git,
    url: &RepositoryUrl,
    rev: Option<&str>,
    subdirectory: Option<&str>,
) -> Result<ResolvedSource, SourceError> {
    let subdirectory = parse_subdirectory(subdirectory.unwrap_or_default())?;
    let before = Refs::read(git, url)?;
    let (git_ref, object) = before.select(url, rev)?;
    let store = git.scratch();
    git.init(&store, &object, true)?;
    // A destination for the commit makes git take along the tags on what it fetches.
    fetch(git, &store, url, &[format!("{object}:{FETCHED}")], true).map_err(|error| {
        match (error, &git_ref) {
            (SourceError::Git { message, .. }, None) if message.contains("not our ref") => {
                missing(url, &object)
            }
            (error, _) => error,
        }
    })?;
    let commit = git.peel(&store, &object)?.ok_or_else(|| missing(url, &object))?;
    git.refuse_shallow(&store, &commit, || url.to_string())?;
    let read = git.commit(&store, &commit)?;
    git.check_subdirectory(&store, &commit, &subdirectory)?;
    let tags = git.tags(&store, &commit)?;
    let after = Refs::read(git, url)?;
    let mut names: Vec<String> = tags.iter().map(|tag| format!("refs/tags/{}", tag.name)).collect();
    names.extend(git_ref.clone());
    for name in names {
        let known =
            git.call(["rev-parse", "--verify", "--quiet", &name]).git_dir(&store).answer()?;
        let fetched = (known.success && name.starts_with("refs/tags/"))
            .then(|| object_id("rev-parse", &String::from_utf8_lossy(&known.stdout)))
            .transpose()?;
        before.unmoved(&after, &name, fetched.as_ref())?;
    }
    if rev.is_none() && before.head != after.head {
        return Err(SourceError::RefMoved {
            name: "HEAD".to_owned(),
            before: before.head.unwrap_or_default(),
            after: after.head.unwrap_or_default(),
        });
    }
    let origin = Origin::fetched(store, "", &commit);
    let (submodules, origins) = collect(git, origin, url, &|link| fetched(git, link))?;
    Ok(ResolvedSource {
        uri: url.recorded(),
        git_ref,
        commit,
        tree: read.tree,
        commit_time: read.time,
        tags,
        submodules,
        dirty: None,
        subdirectory,
        git: git.clone(),
        origins,
    })
}

/// Puts a recorded source back, from `checkout` where one is given, else from its URL.
pub(super) fn from_record(
    git: &Git,
    record: SourceRecord,
    checkout: Option<&Path>,
) -> Result<ResolvedSource, SourceError> {
    let url = RepositoryUrl::parse(&record.uri)?;
    let subdirectory = parse_subdirectory(&record.subdirectory)?;
    let clone = checkout.map(|folder| WorkTree::discover(git, folder)).transpose()?;
    let (repository, place) = match &clone {
        Some(clone) => {
            clone.refuse_incomplete(git)?;
            (clone.common.clone(), clone.top.display().to_string())
        }
        None => {
            let mut wanted = vec![record.commit.clone()];
            wanted.extend(record.tags.iter().map(|tag| tag.object.clone()));
            (fetch_objects(git, &url, &wanted)?, url.to_string())
        }
    };
    if !git.has(&repository, &record.commit, "commit")? {
        return Err(SourceError::CommitMissing { commit: record.commit, place });
    }
    git.refuse_shallow(&repository, &record.commit, || place)?;
    let read = git.commit(&repository, &record.commit)?;
    if read.tree != record.tree {
        return Err(SourceError::TreeMismatch {
            commit: record.commit,
            recorded: record.tree,
            found: read.tree,
        });
    }
    git.check_subdirectory(&repository, &record.commit, &subdirectory)?;
    for tag in &record.tags {
        let problem = if git.peel(&repository, &tag.object)?.as_ref() == Some(&tag.commit) {
            continue;
        } else if git.has(&repository, &tag.object, "tag")? {
            "leads to another commit than was recorded"
        } else {
            "is not in the repository"
        };
        return Err(SourceError::TagMismatch { name: tag.name.clone(), problem });
    }
    let origin = Origin::fetched(repository, "", &record.commit);
    let locate = |link: &Link| {
        let recorded = record.submodules.iter().find(|sub| sub.path == link.path);
        let Some(recorded) = recorded.filter(|sub| sub.commit == link.commit) else {
            return Err(mismatch(&link.path));
        };
        let near = clone.iter().flat_map(|clone| {
            [clone.top.join(&link.path), clone.common.join("modules").join(&link.path)]
        });
        for folder in near.filter(|folder| folder.is_dir()) {
            let found = WorkTree::discover(git, &folder)?;
            // Before any object is looked for: an older git would fetch one that is not there.
            found.refuse_incomplete(git)?;
            if git.has(&found.common, &link.commit, "commit")? {
                return Ok(found.common);
            }
        }
        let url = RepositoryUrl::parse(&recorded.url)?;
        if url.is_local() && !link.url.is_local() {
            return Err(mismatch(&link.path));
        }
        fetched(git, &Link { url, ..link.clone() })
    };
    let (submodules, origins) = collect(git, origin, &url, &locate)?;
    if let Some(left) =
        record.submodules.iter().find(|sub| !submodules.iter().any(|found| found.path == sub.path))
    {
        return Err(mismatch(&left.path));
    }
    Ok(ResolvedSource {
        uri: url.recorded(),
        git_ref: record.git_ref,
        commit: record.commit,
        tree: record.tree,
        commit_time: read.time,
        tags: record.tags,
        submodules: record.submodules,
        dirty: None,
        subdirectory,
        git: git.clone(),
        origins,
    })
}

/// A submodule on the way: its whole path, its whole URL.
#[derive(Clone)]
struct Link {
    path: String,
    url: RepositoryUrl,
    commit: GitObjectId,
}

/// Walks the submodules of a commit, inner ones too; `locate` gives a repository that has each.
fn collect(
    git: &Git,
    root: Origin,
    url: &RepositoryUrl,
    locate: &dyn Fn(&Link) -> Result<PathBuf, SourceError>,
) -> Result<(Vec<SourceSubmodule>, Vec<Origin>), SourceError> {
    let mut submodules = Vec::new();
    let mut origins = vec![root];
    let mut urls = vec![url.clone()];
    let mut at = 0;
    // Grows while it is walked: each submodule may hold some of its own.
    while let (Some(outer), Some(base)) = (origins.get(at).cloned(), urls.get(at).cloned()) {
        for inner in git.gitlinks(&outer.repository, &outer.commit)? {
            let path = if outer.path.is_empty() {
                inner.path
            } else {
                format!("{}/{}", outer.path, inner.path)
            };
            let link = Link { path, url: base.submodule(&inner.url)?, commit: inner.commit };
            origins.push(Origin::fetched(locate(&link)?, &link.path, &link.commit));
            submodules.push(SourceSubmodule {
                path: link.path,
                url: link.url.recorded(),
                commit: link.commit,
            });
            urls.push(link.url);
        }
        at += 1;
    }
    Ok((submodules, origins))
}

/// A folder with the submodule's commit, fetched from its URL.
fn fetched(git: &Git, link: &Link) -> Result<PathBuf, SourceError> {
    fetch_objects(git, &link.url, std::slice::from_ref(&link.commit))
}

/// Fetches objects by their ids into a folder of our own; where the server gives only what a ref
/// names, fetches all refs. Whether the objects came is for the caller to check.
fn fetch_objects(
    git: &Git,
    url: &RepositoryUrl,
    wanted: &[GitObjectId],
) -> Result<PathBuf, SourceError> {
    let store = git.scratch();
    let Some(first) = wanted.first() else {
        return Ok(store);
    };
    git.init(&store, first, true)?;
    let ids: Vec<String> = wanted.iter().map(GitObjectId::to_string).collect();
    match fetch(git, &store, url, &ids, false) {
        Err(SourceError::Git { .. }) => {
            fetch(git, &store, url, &["+refs/*:refs/fetched/*".to_owned()], false)?;
        }
        other => other?,
    }
    Ok(store)
}

fn fetch(
    git: &Git,
    store: &Path,
    url: &RepositoryUrl,
    refspecs: &[String],
    follow_tags: bool,
) -> Result<(), SourceError> {
    let tags: &[&str] = if follow_tags { &[] } else { &["--no-tags"] };
    reach(git, url, &["fetch", "--quiet", "--no-write-fetch-head"], tags)
        .arg("--stdin")
        .arg(url.for_git())
        .git_dir(store)
        .stdin(refspecs.join("\n").into_bytes())
        .bytes()
        .map(drop)
}

fn missing(url: &RepositoryUrl, commit: &GitObjectId) -> SourceError {
    SourceError::CommitMissing { commit: commit.clone(), place: url.to_string() }
}

fn mismatch(path: &str) -> SourceError {
    SourceError::SubmoduleMismatch { path: PathBuf::from(path) }
}
