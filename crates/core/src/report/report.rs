//! The report: `https://wheelmark.dev/report/v1`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Check, CheckName, Reason, Status};
use crate::attestation::timestamp;
use crate::digest::Sha256Digest;
use crate::limits::OLD_TRUST_DAYS;
use crate::trust::{TrustRoot, TrustedKey};

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
    /// Who signed it, where a policy key is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<PolicySigned>,
    /// The policies that it includes, each of which was asked too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<IncludeUsed>,
}

/// The signature of a policy, which held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySigned {
    /// The id of the key.
    pub key: String,
    /// The version.
    pub version: u64,
    /// The last moment at which it counts.
    #[serde(serialize_with = "timestamp::in_seconds")]
    pub expires: DateTime<Utc>,
}

/// An included policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncludeUsed {
    /// Where it was read from.
    pub path: String,
    /// The digest of its text.
    pub sha256: Sha256Digest,
    /// The rule or exception of it that applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The line on which that begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Why it refuses the file; absent where it does not, or only a rebuild is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether it asks for a rebuild.
    pub rebuild: bool,
}

/// One of several attestations of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestationSeen {
    /// The file it is from.
    pub from: String,
    /// The type of its predicate, where its signature held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// Who signed it, where the signature held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Its part in the decision.
    pub standing: Standing,
    /// Why it does not count; absent where every check of it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The part of one of several attestations in the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The report's checks are its checks: it holds, or came furthest of those that do not.
    Decided,
    /// It holds too, and was not needed.
    AlsoHeld,
    /// It gives what the rule demands beside.
    Demanded,
    /// The rule looks at it beside, and it does not give what it demands, or was not needed.
    Beside,
    /// It does not hold.
    NotHeld,
}

/// A Sigstore instance whose trusted root was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustUsed {
    /// The instance.
    pub instance: String,
    /// The digest of the trusted root.
    pub sha256: Sha256Digest,
    /// When it was known to be true; absent for a file, of which nobody says.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "timestamp::maybe_in_seconds"
    )]
    pub as_of: Option<DateTime<Utc>>,
    /// Whole days from then until the time of verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
}

impl TrustUsed {
    /// Every instance that may speak in a trust root: for its certificates, or as the log of a key.
    pub fn of(root: &TrustRoot, now: DateTime<Utc>) -> Vec<Self> {
        let mut all = Vec::new();
        for instance in root.instances().chain(root.keys().filter_map(TrustedKey::log)) {
            let used = instance.used(now);
            if !all.contains(&used) {
                all.push(used);
            }
        }
        all
    }

    /// What to tell the person, where what is known of the instance is old.
    pub fn note(&self) -> Option<String> {
        let days = self.age_days.filter(|days| *days > OLD_TRUST_DAYS)?;
        let name = &self.instance;
        Some(format!(
            "what is known of the instance {name} is {days} days old; `wheelmark trust update` asks anew"
        ))
    }
}

impl fmt::Display for TrustUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trusted root {}", self.instance)?;
        match self.as_of {
            Some(as_of) => write!(f, " as of {}", as_of.format("%Y-%m-%d"))?,
            None => write!(f, " of unknown age, sha256 {}", self.sha256)?,
        }
        match self.age_days {
            Some(1) => write!(f, ", 1 day old"),
            Some(days) => write!(f, ", {days} days old"),
            None => Ok(()),
        }
    }
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
    #[serde(serialize_with = "timestamp::in_seconds")]
    pub verified_at: DateTime<Utc>,
    /// The Sigstore instances that were trusted, with the age of what is known of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<TrustUsed>,
    /// Every attestation, where there were several. The checks are those of the one that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<AttestationSeen>,
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
        Self {
            schema: REPORT_SCHEMA,
            decision,
            wheel,
            policy,
            verified_at,
            trust: Vec::new(),
            attestations: Vec::new(),
            notes,
            checks,
        }
    }

    /// What was decided.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Every check, in the order of the procedure.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Whether it is rebuilders whom the rule names that are missing.
    pub fn lacks_rebuilders(&self) -> bool {
        self.checks.iter().any(|check| check.reason() == Some(Reason::RebuildersTooFew))
    }

    /// Adds a check and decides anew. It can turn an acceptance into a rejection and nothing else: a report
    /// without checks stays one that rejects.
    #[must_use]
    pub fn also(mut self, check: Check) -> Self {
        if self.checks.is_empty() {
            return self;
        }
        self.checks.push(check);
        self.decided_anew()
    }

    /// Ends one check another way and decides anew: a rebuild answers the check that asked for it.
    #[must_use]
    pub fn with(mut self, name: CheckName, status: Status) -> Self {
        for check in self.checks.iter_mut().filter(|check| check.name == name) {
            check.status = status.clone();
        }
        self.decided_anew()
    }

    fn decided_anew(self) -> Self {
        let Self { wheel, policy, verified_at, trust, attestations, notes, checks, .. } = self;
        Self { trust, attestations, ..Self::new(wheel, policy, verified_at, notes, checks) }
    }
}
