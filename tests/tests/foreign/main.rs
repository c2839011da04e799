//! Attestations that others made, from `../shared/corpus`: every true one is accepted for its own signer and
//! file, and no change of it is.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod cpython;
mod mutations;
mod pep740;
mod rekor2;
