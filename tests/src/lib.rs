//! Helpers shared by the tests of the whole program.
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::path::{Path, PathBuf};

pub mod real;
pub mod repo;

/// The folder of the four small projects of ours.
pub fn fixture_projects() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/projects")
}
