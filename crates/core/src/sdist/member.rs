//! One member of a source distribution.

use crate::digest::Sha256Digest;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Bytes of its content.
        size: u64,
        /// The digest of its content.
        sha256: Sha256Digest,
    },
    /// A directory.
    Directory,
    /// A symbolic link to a place in the same source distribution.
    Symlink {
        /// The target as it is written: relative to the link's directory.
        target: String,
    },
}

/// One member of a [`super::Sdist`].
#[derive(Debug, Clone)]
pub struct Member {
    pub(super) name: String,
    pub(super) mode: u64,
    pub(super) kind: Kind,
}

impl Member {
    /// The name, the top directory in front: relative, `/` between segments and, for a directory, at the
    /// end.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Permissions as the header gives them, the lowest twelve bits.
    pub fn permissions(&self) -> u16 {
        (self.mode & 0o7777) as u16
    }
}
