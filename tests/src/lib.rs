//! Helpers shared by the tests of the whole program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests that cannot do its work fails the test"
)]

use std::path::{Path, PathBuf};

pub mod built;
pub mod cases;
pub mod change;
pub mod corpus;
pub mod hostile;
pub mod hostile_sdist;
pub mod index_server;
pub mod keys;
pub mod program;
pub mod real;
pub mod repo;
pub mod seeds;
pub mod sigstore;
pub mod statement;
pub mod tiny;
pub mod tuf;
pub mod workshop;

/// The folder of the four small projects of ours.
pub fn fixture_projects() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/projects")
}
