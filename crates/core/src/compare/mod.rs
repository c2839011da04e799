//! Two wheels held against each other, and what a rebuild therefore showed.
//!
//! [`diff`] compares what was read strictly: both wheels are well-formed and their RECORDs true. It names
//! each difference by its [`Cause`] before it shows it, and nothing is normalised away: a level says how
//! far apart the wheels are, and each finding what sets them there. [`diff_readable`] also shows what a wheel
//! that contradicts itself differs in, the contradictions first.

mod binary;
mod cause;
mod container;
mod diff;
mod elf;
mod email;
mod entry_points;
mod finding;
#[cfg(test)]
mod made;
mod outcome;
mod record;
mod render;
mod sdists;
mod side;
#[cfg(test)]
mod tests;
mod text;
mod wheels;
mod words;

pub use cause::Cause;
pub use finding::{Compared, DIFF_SCHEMA, Detail, Finding, Level, WheelDiff};
pub use outcome::{Drift, NORMALIZERS, RebuildOutcome, judge, judge_unlike};
pub use sdists::sdist_causes;
pub use wheels::{Comparable, DiffError, diff, diff_readable};
