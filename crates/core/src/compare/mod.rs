//! Two wheels held against each other, and what a rebuild therefore showed.

mod outcome;

pub use outcome::{Drift, RebuildOutcome};
