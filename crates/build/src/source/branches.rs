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
/// the remote `origin` had when it was asked last; without one there, the checkout's own of that name. One that is in
/// neither place has no commits.
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
    for name in names {
        for full in [format!("refs/remotes/origin/{name}"), format!("refs/heads/{name}")] {
            // This very ref: a tag whose name is `refs/heads/…` would do for `rev-parse`.
            let call = git.call(["show-ref", "--verify", "--hash", "--quiet", "--"]);
            if !call.arg(&full).git_dir(&tree.common).answer()?.success {
                continue;
            }
            let call = git.call(["show-ref", "--verify", "--hash", "--"]);
            let answer = call.arg(&full).git_dir(&tree.common).answer()?;
            if !answer.success {
                continue;
            }
            let tip = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            let listed = git.call(["rev-list", "--end-of-options", &tip]);
            let listed = listed.git_dir(&tree.common).text()?;
            let commits = listed.lines().filter_map(|line| line.parse().ok()).collect();
            branches.insert(name.clone(), commits);
            break;
        }
    }
    Ok(branches)
}
