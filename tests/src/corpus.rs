//! Attestations that this project did not make, in `../shared/corpus` beside it: data for tests, not part of
//! the repository. A test without it says so and is skipped.

use std::path::{Path, PathBuf};

use crate::workshop::skipped;

/// Where the corpus has a folder; `None`, said on a line of its own, where there is no corpus.
pub fn folder(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped("there is no corpus of foreign attestations beside the repository");
    None
}
