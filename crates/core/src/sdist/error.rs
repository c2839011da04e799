//! How reading a source distribution fails: it could not be read, or it was read and is refused.

use std::io;

use crate::dist::Refusal;
use crate::report::Reason;

/// Why there is no [`super::Sdist`].
#[derive(Debug, thiserror::Error)]
pub enum SdistError {
    /// The file could not be read: nothing is known about it.
    #[error("could not read the source distribution: {0}")]
    Io(#[from] io::Error),
    /// The file was read, and must not be used.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl SdistError {
    /// The reason, where the file was read and refused.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Io(_) => None,
            Self::Refused(refusal) => Some(refusal.reason),
        }
    }
}
