//! Exit codes: part of the interface.

use std::process::ExitCode;

use serde::{Serialize, Serializer};
use wheelmark_core::report::Decision;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Accepted; or, for a verb that decides nothing, done.
    Accepted,
    /// Nothing could be decided: a file could not be read, for example.
    Undecided,
    /// The arguments are wrong.
    Usage,
    /// At least one file was rejected.
    Rejected,
    /// Two files that were compared are not the same bytes.
    Differs,
    /// A rebuild ended without a file, or shows nothing.
    Inconclusive,
    /// A command that was run for somebody failed, with this code.
    OfCommand(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Accepted => 0,
            Exit::Undecided => 1,
            Exit::Usage => 2,
            Exit::Rejected => 10,
            Exit::Differs => 11,
            Exit::Inconclusive => 12,
            Exit::OfCommand(code) => code,
        }
    }

    /// What a decision means.
    pub fn of(decision: Decision) -> Self {
        match decision {
            Decision::Accepted => Exit::Accepted,
            Decision::Rejected => Exit::Rejected,
        }
    }

    /// What two files together mean: a rejection counts most, then what could not be decided.
    pub fn and(self, other: Self) -> Self {
        std::cmp::max_by_key(self, other, |exit| exit.code())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn one_rejected_file_rejects_them_all() {
        assert_eq!(Exit::Accepted.and(Exit::Undecided), Exit::Undecided);
        assert_eq!(Exit::Rejected.and(Exit::Undecided), Exit::Rejected);
        assert_eq!(Exit::Undecided.and(Exit::Rejected), Exit::Rejected);
    }
}
