//! How reading a wheel fails: it could not be read, or it was read and is refused.

use std::io;

use crate::dist::Refusal;
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
