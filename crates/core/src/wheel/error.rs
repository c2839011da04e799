//! How reading a wheel fails: it could not be read, or it was read and is refused.

use std::fmt;
use std::io;

use crate::limits::FILENAME_LENGTH;
use crate::report::Reason;

/// Why there is no [`super::Wheel`].
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// The file could not be read, or changed while it was read: nothing is known about it.
    #[error("could not read the wheel: {0}")]
    Io(#[from] io::Error),
    /// The file was read, and must not be used.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl WheelError {
    /// The reason, where the wheel was read and refused.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Io(_) => None,
            Self::Refused(refusal) => Some(refusal.reason),
        }
    }

    /// The file is not what it was a moment ago.
    pub(super) fn changed() -> Self {
        Self::Io(io::Error::other("the file changed while it was read"))
    }
}

/// Why a wheel is refused. Everything but the reason is the wheel's own text: [`fmt::Display`] escapes it.
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
    pub(super) fn new(reason: Reason, found: impl fmt::Display) -> Self {
        Self {
            reason,
            member: None,
            found: found.to_string(),
            expected: None,
        }
    }

    pub(super) fn at(mut self, member: &str) -> Self {
        self.member = Some(member.to_owned());
        self
    }

    pub(super) fn expected(mut self, expected: impl fmt::Display) -> Self {
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

/// Untrusted text, escaped and cut to a length a person can read.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(FILENAME_LENGTH) {
            Some((cut, _)) => write!(f, "{}…", self.0[..cut].escape_debug()),
            None => write!(f, "{}", self.0.escape_debug()),
        }
    }
}
