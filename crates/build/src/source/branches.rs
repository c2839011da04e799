//! Which commits are on which branches of a checkout.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::digest::GitObjectId;

use super::checkout::WorkTree;
use super::error::SourceError;
use super::git::Git;

/// The commits that can be reached from branches of a checkout, which must have the whole history. A branch is what
/// the remote `origin` had when it was asked last; where nothing is known of such a remote, the checkout's own of that
/// name. One that is not there has no commits.
///
/// # Errors
/// [`SourceError::NotARepository`], [`SourceError::Shallow`], [`SourceError::PartialClone`] and failures of git.
pub fn commits_of(
    checkout: &Path,
    names: &BTreeSet<String>,
    cancel: Arc<AtomicBool>,
) -> Result<BTreeMap<String, HashSet<GitObjectId>>, SourceError> {
    let git = Git::new(cancel)?;
    let tree = WorkTree::discover(&git, checkout)?;
    tree.refuse_incomplete(&git)?;
    let mut branches = BTreeMap::new();
    let known = git.call(["for-each-ref", "--count=1", "--format=%(refname)"]);
    let known = known.arg("refs/remotes/origin/").git_dir(&tree.common).text()?;
    let place = if known.trim().is_empty() { "heads" } else { "remotes/origin" };
    for name in names {
        // This very ref: a tag whose name is `refs/heads/…` would do for `rev-parse`.
        let call = git.call(["show-ref", "--verify", "--hash", "--"]);
        let answer = call.arg(format!("refs/{place}/{name}")).git_dir(&tree.common).answer()?;
        if !answer.success {
            continue;
        }
        let tip = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let listed = git.call(["rev-list", "--end-of-options", &tip]);
        let listed = listed.git_dir(&tree.common).text()?;
        let commits = listed.lines().filter_map(|line| line.parse().ok()).collect();
        branches.insert(name.clone(), commits);
    }
    Ok(branches)
}
