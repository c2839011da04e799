//! What is known of a file beside its bytes and its attestations. Nobody signed it: it is the word of an index, or of
//! the person who gives a checkout, and a rule can only ask for more by it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Outcome;
use crate::attestation::pep517::Requirement;
use crate::digest::{GitObjectId, Sha256Digest};
use crate::policy::Policy;
use crate::report::{Decision, Reason};

/// Such facts. What is absent is not known, and meets nothing that a rule asks.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The URL of the package index that lists the file by its digest, without credentials.
    pub index: Option<String>,
    /// When it was uploaded there, as the index says.
    pub uploaded: Option<DateTime<Utc>>,
    /// The branches of a checkout of its source.
    pub branches: Option<Arc<Branches>>,
    /// What was decided of the files that were installed for its build.
    pub requirements: Option<Arc<RequirementVerdicts>>,
}

/// A file that was installed for a build and has to satisfy a policy, of which nothing was decided yet.
#[derive(Debug, Clone)]
pub struct Owed {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The file, as provenance that a trusted signer signed names it.
    pub requirement: Requirement,
}

/// What was decided of files that were installed for builds, by the digests of each and of all that decides.
#[derive(Debug, Clone, Default)]
pub struct RequirementVerdicts(BTreeMap<(Sha256Digest, Sha256Digest), RequirementVerdict>);

/// What was decided of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequirementVerdict {
    /// The policy accepts it.
    Accepted,
    /// The policy refuses it, for this reason.
    Refused(Reason),
    /// It could not be had, in words.
    NotHad(String),
}

impl RequirementVerdicts {
    /// Adds what an outcome came to, or why there is none.
    pub fn add(&mut self, owed: &Owed, outcome: Result<&Outcome, String>) {
        use RequirementVerdict as V;
        let verdict = match outcome.map(|outcome| &outcome.report) {
            Err(why) => V::NotHad(why),
            Ok(report)
                if report.wheel.sha256 != owed.requirement.sha256
                    || report.policy.sha256 != owed.policy.sha256() =>
            {
                V::NotHad("of another file".to_owned())
            }
            Ok(report) => match report.checks().iter().find_map(|check| check.reason()) {
                None if report.decision() == Decision::Accepted => V::Accepted,
                None => V::NotHad("a check that was not made".to_owned()),
                Some(reason) => V::Refused(reason),
            },
        };
        self.0.insert((owed.policy.whole_sha256(), owed.requirement.sha256), verdict);
    }

    /// What was decided of a file under a policy; nothing where that is not known.
    pub fn of(&self, policy: &Policy, file: Sha256Digest) -> Option<&RequirementVerdict> {
        self.0.get(&(policy.whole_sha256(), file))
    }
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
