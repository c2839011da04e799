//! What is known of a file beside its bytes and its attestations. Nobody signed it: it is the word of an index, or of
//! the person who gives a checkout, and a rule can only ask for more by it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::digest::GitObjectId;

/// Such facts. What is absent is not known, and meets nothing that a rule asks.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The URL of the package index that lists the file by its digest, without credentials.
    pub index: Option<String>,
    /// When it was uploaded there, as the index says.
    pub uploaded: Option<DateTime<Utc>>,
    /// The branches of a checkout of its source.
    pub branches: Option<Arc<Branches>>,
}

/// Branches by their names, each with the commits that can be reached from it.
#[derive(Debug, Clone, Default)]
pub struct Branches(BTreeMap<String, HashSet<GitObjectId>>);

impl Branches {
    /// These branches.
    pub fn new(branches: BTreeMap<String, HashSet<GitObjectId>>) -> Self {
        Self(branches)
    }

    /// Whether a commit is on a branch.
    pub fn have(&self, branch: &str, commit: &GitObjectId) -> bool {
        self.0.get(branch).is_some_and(|commits| commits.contains(commit))
    }
}
