//! What was decided of a file, in short: to be compared.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use wheelmark_core::report::{Check, Decision, Escaped, Report};

/// A decision, with every reason for it.
#[derive(Serialize, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The reasons of the checks that failed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reasons: BTreeSet<String>,
    /// The rule that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Decided {
    /// Whether the same was decided, for the same reasons, by whichever rule.
    pub fn is_as(&self, other: &Self) -> bool {
        self.decision == other.decision && self.reasons == other.reasons
    }

    /// What a report comes to.
    pub fn of(report: &Report) -> Self {
        let reasons = report.checks().iter().filter_map(Check::reason);
        Self {
            decision: report.decision(),
            reasons: reasons.map(|reason| reason.code().to_owned()).collect(),
            rule: report.policy.rule.clone(),
        }
    }
}

/// Safe on a terminal.
impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.decision {
            Decision::Accepted => "accepted",
            Decision::Rejected => "rejected",
        })?;
        if let Some(rule) = &self.rule {
            write!(f, " by {}", Escaped(rule))?;
        }
        let reasons: Vec<_> = self.reasons.iter().map(String::as_str).collect();
        match reasons.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", Escaped(&reasons.join(", "))),
        }
    }
}
