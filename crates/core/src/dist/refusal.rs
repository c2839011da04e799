//! What a reader refuses, and where in the archive it saw it.

use std::fmt;

use crate::limits::FILENAME_LENGTH;
use crate::report::{self, Escaped, Reason};

/// Why a distribution is refused. Everything but the reason is the file's own text: [`fmt::Display`]
/// escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The member of the archive at which it was seen, where there is one.
    pub member: Option<String>,
    /// What was found.
    pub found: String,
    /// What would have been right, where that is one thing.
    pub expected: Option<String>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, found: impl fmt::Display) -> Self {
        Self { reason, member: None, found: found.to_string(), expected: None }
    }

    pub(crate) fn at(mut self, member: &str) -> Self {
        self.member = Some(member.to_owned());
        self
    }

    pub(crate) fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.member {
            write!(f, "`{}`: ", Shown(member))?;
        }
        write!(f, "found `{}`", Shown(&self.found))?;
        if let Some(expected) = &self.expected {
            write!(f, ", expected `{}`", Shown(expected))?;
        }
        let explanation = self.reason.explanation().trim_end_matches('.');
        write!(f, ": {} ({explanation})", self.reason)
    }
}

/// As a check of a report tells it: the member becomes part of what was found.
impl From<Refusal> for report::Refusal {
    fn from(refusal: Refusal) -> Self {
        let found = match refusal.member {
            Some(member) => format!("{member}: {}", refusal.found),
            None => refusal.found,
        };
        Self::new(refusal.reason).expected_all(refusal.expected).found(found)
    }
}

/// Untrusted text, escaped and cut to a length a person can read.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(FILENAME_LENGTH) {
            Some((cut, _)) => write!(f, "{}…", Escaped(&self.0[..cut])),
            None => write!(f, "{}", Escaped(self.0)),
        }
    }
}
