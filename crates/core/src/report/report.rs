//! The report: `https://wheelmark.dev/report/v1`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::{Check, CheckName, Status};
use crate::digest::Sha256Digest;

/// The `schema` of a report.
pub const REPORT_SCHEMA: &str = "https://wheelmark.dev/report/v1";

/// What a verification decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Every check held.
    Accepted,
    /// At least one did not.
    Rejected,
}

/// The file that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSeen {
    /// Its name as given.
    pub filename: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

/// The policy that judged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyUsed {
    /// Where it was read from, or `command line`.
    pub path: String,
    /// The digest of its text.
    pub sha256: Sha256Digest,
    /// The rule that applied, such as `rules[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The line on which that rule begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// All checks of one file, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema: &'static str,
    decision: Decision,
    /// The file.
    pub wheel: FileSeen,
    /// The policy.
    pub policy: PolicyUsed,
    /// The time that was given as now.
    #[serde(serialize_with = "rfc3339")]
    pub verified_at: DateTime<Utc>,
    /// Facts that a person should know and that no check judges, such as start-up hooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    checks: Vec<Check>,
}

impl Report {
    /// Puts a report together; the decision follows from the checks. No checks at all reject.
    pub fn new(
        wheel: FileSeen,
        policy: PolicyUsed,
        verified_at: DateTime<Utc>,
        notes: Vec<String>,
        checks: Vec<Check>,
    ) -> Self {
        let decision = if !checks.is_empty() && checks.iter().all(Check::holds) {
            Decision::Accepted
        } else {
            Decision::Rejected
        };
        Self { schema: REPORT_SCHEMA, decision, wheel, policy, verified_at, notes, checks }
    }

    /// What was decided.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Every check, in the order of the procedure.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Adds a check and decides anew. It can turn an acceptance into a rejection and nothing else: a report
    /// without checks stays one that rejects.
    #[must_use]
    pub fn also(mut self, check: Check) -> Self {
        if self.checks.is_empty() {
            return self;
        }
        self.checks.push(check);
        Self::new(self.wheel, self.policy, self.verified_at, self.notes, self.checks)
    }

    /// Ends one check another way and decides anew: a rebuild answers the check that asked for it.
    #[must_use]
    pub fn with(mut self, name: CheckName, status: Status) -> Self {
        for check in self.checks.iter_mut().filter(|check| check.name == name) {
            check.status = status.clone();
        }
        Self::new(self.wheel, self.policy, self.verified_at, self.notes, self.checks)
    }
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}
