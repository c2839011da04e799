//! The policy: who may sign which project, from which source, by which builder.
//!
//! [`Policy::parse`] reads the file; [`evaluate`] holds provenance against the rule that applies.

pub mod evaluate;
mod pattern;
mod schema;

pub use pattern::{RefPattern, RefPatternError};
pub use schema::{LOCAL_BUILDER, Policy, PolicyError, Projects, Rebuild, Rule, Unsafe};
