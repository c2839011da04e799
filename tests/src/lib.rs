//! Helpers shared by the tests of the whole program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests that cannot do its work fails the test"
)]

pub mod hostile;
pub mod program;
pub mod statement;
pub mod tiny;
