//! Sources by URL, and sources that a record names: fetched whole into a folder of our own, where
//! every object's id is computed anew from its bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wheelmark_core::digest::GitObjectId;

use super::checkout::WorkTree;
use super::error::SourceError;
use super::git::Git;
use super::objects::object_id;
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

/// A command that reaches `url`, with what it needs for that.
fn reach<'a>(
    git: &'a Git,
    url: &RepositoryUrl,
    command: &[&str],
    more: &[&str],
) -> super::git::Call<'a> {
    let call = git.call(command).args(more).config(url.settings());
    match std::env::var_os("HOME") {
        // ssh keeps known hosts and keys there; over https nothing in it is wanted.
        Some(home) if url.is_ssh() => call.env("HOME", home),
        _ => call,
    }
}

fn missing(url: &RepositoryUrl, commit: &GitObjectId) -> SourceError {
    SourceError::CommitMissing { commit: commit.clone(), place: url.to_string() }
}

fn mismatch(path: &str) -> SourceError {
    SourceError::SubmoduleMismatch { path: PathBuf::from(path) }
}

/// What a repository's refs named at one time.
struct Refs {
    /// The branch that HEAD names.
    head: Option<String>,
    objects: BTreeMap<String, GitObjectId>,
}

impl Refs {
    fn read(git: &Git, url: &RepositoryUrl) -> Result<Self, SourceError> {
        let text = reach(git, url, &["ls-remote", "--quiet", "--symref"], &[])
            .arg("--")
            .arg(url.for_git())
            .text()?;
        let mut refs = Self { head: None, objects: BTreeMap::new() };
        for line in text.lines() {
            match line.split_once('\t') {
                Some((symbolic, "HEAD")) if symbolic.starts_with("ref: ") => {
                    refs.head = Some(symbolic["ref: ".len()..].to_owned());
                }
                Some((object, name)) if !object.starts_with("ref: ") => {
                    let object = object_id("ls-remote", object)?;
                    refs.objects.insert(name.to_owned(), object);
                }
                _ => {}
            }
        }
        Ok(refs)
    }

    /// The full ref and the object that the user's words name.
    fn select(
        &self,
        url: &RepositoryUrl,
        rev: Option<&str>,
    ) -> Result<(Option<String>, GitObjectId), SourceError> {
        let unknown =
            |name: &str| SourceError::UnknownRef { name: name.to_owned(), place: url.to_string() };
        let Some(rev) = rev else {
            let object =
                self.objects.get("HEAD").ok_or(SourceError::NoCommit { path: url.for_git() })?;
            return Ok((self.head.clone(), object.clone()));
        };
        if let Ok(commit) = rev.parse() {
            return Ok((None, commit));
        }
        let candidates = if rev.starts_with("refs/") {
            vec![rev.to_owned()]
        } else {
            vec![format!("refs/heads/{rev}"), format!("refs/tags/{rev}")]
        };
        let mut found = candidates
            .into_iter()
            .filter_map(|name| Some((self.objects.get(&name)?.clone(), name)));
        match (found.next(), found.next()) {
            (Some((object, name)), None) => Ok((Some(name), object)),
            (Some(_), Some(_)) => {
                Err(SourceError::AmbiguousRef { name: rev.to_owned(), place: url.to_string() })
            }
            _ if rev.len() >= 4 && rev.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Err(SourceError::AbbreviatedCommit { name: rev.to_owned() })
            }
            _ => Err(unknown(rev)),
        }
    }

    /// Fails where `name` is another object in `after`, or than what was `fetched` between the two.
    fn unmoved(
        &self,
        after: &Self,
        name: &str,
        fetched: Option<&GitObjectId>,
    ) -> Result<(), SourceError> {
        let shown = |object: Option<&GitObjectId>| {
            object.map_or_else(|| "nothing".to_owned(), GitObjectId::to_string)
        };
        let first = self.objects.get(name);
        for later in [fetched.or(first), after.objects.get(name)] {
            if later != first {
                return Err(SourceError::RefMoved {
                    name: name.to_owned(),
                    before: shown(first),
                    after: shown(later),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(pairs: &[(&str, char)]) -> Refs {
        let object = |c: &char| c.to_string().repeat(40).parse().expect("hexadecimal");
        Refs {
            head: Some("refs/heads/main".to_owned()),
            objects: pairs.iter().map(|(name, c)| ((*name).to_owned(), object(c))).collect(),
        }
    }

    fn url() -> RepositoryUrl {
        RepositoryUrl::parse("https://host/o/r").expect("a good URL")
    }

    #[test]
    fn a_ref_that_moves_between_two_reads_is_refused() {
        let before = refs(&[("refs/heads/main", 'a'), ("refs/tags/v1", 'b')]);
        assert!(before.unmoved(&before, "refs/heads/main", None).is_ok());
        for after in [refs(&[("refs/heads/main", 'c')]), refs(&[])] {
            let moved = before.unmoved(&after, "refs/heads/main", None);
            assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
        }
        // There and back again: what was fetched between is another object.
        let fetched = "c".repeat(40).parse().expect("hexadecimal");
        let moved = before.unmoved(&before, "refs/tags/v1", Some(&fetched));
        assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
        // A tag that appeared while we fetched.
        let moved = before.unmoved(&before, "refs/tags/v2", Some(&fetched));
        assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
    }

    #[test]
    fn a_name_selects_one_ref() {
        let refs = refs(&[
            ("HEAD", 'a'),
            ("refs/heads/main", 'a'),
            ("refs/heads/both", 'b'),
            ("refs/tags/both", 'c'),
            ("refs/heads/beef", 'd'),
        ]);
        let name = |rev| refs.select(&url(), rev).map(|(name, _)| name);
        assert_eq!(name(None).ok().flatten().as_deref(), Some("refs/heads/main"));
        assert_eq!(name(Some("refs/tags/both")).ok().flatten().as_deref(), Some("refs/tags/both"));
        assert_eq!(name(Some("beef")).ok().flatten().as_deref(), Some("refs/heads/beef"));
        assert!(matches!(name(Some("both")), Err(SourceError::AmbiguousRef { .. })));
        assert!(matches!(name(Some("aaaaaaa")), Err(SourceError::AbbreviatedCommit { .. })));
        assert!(matches!(name(Some("gone")), Err(SourceError::UnknownRef { .. })));
        assert!(matches!(name(Some(&"a".repeat(40))), Ok(None)));
    }
}
