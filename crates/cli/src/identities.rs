//! The identities that were locked, read from a file.

use std::path::Path;

use wheelmark_core::identity_lock::IdentityLock;

use crate::error::CliError;
use crate::input;

/// Bytes that are read: as of a policy.
const MAX_FILE: usize = 16 << 20;

/// Reads them.
pub fn read(path: &Path) -> Result<IdentityLock, CliError> {
    let text = input::read_text(path, MAX_FILE)?;
    IdentityLock::parse(&path.to_string_lossy(), &text).map_err(CliError::undecided)
}
