//! Paths, as far as they can be told without what they name.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The path with each `..` resolved by name, whatever links are on the way.
#[must_use]
pub fn by_name(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

/// The absolute path without symbolic links as far as it is there, and by name from there on. `None` where not
/// even the working folder can be told.
#[must_use]
pub fn resolved(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(by_name(&fs::canonicalize(there).ok()?.join(rest)))
    })
}
