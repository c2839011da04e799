//! The policy: who may sign which project, from which source, by which builder.
//!
//! [`Policy::parse`] reads the file; [`evaluate`] holds provenance against the rule that applies.

mod derivation;
pub mod evaluate;
mod exceptions;
mod files;
mod identity;
mod includes;
mod instructions;
mod lint;
mod pattern;
mod projects;
mod read;
mod revocations;
#[cfg(test)]
mod rules_tests;
mod schema;
pub mod seen;
pub mod signature;
mod versions;

pub use derivation::{Derivation, Part, RuleTried};
pub use exceptions::{Exception, Exceptions};
pub use files::{Files, Kind, TagPattern, TagPatternError};
pub use identity::IdentityRule;
pub use includes::{Include, IncludePath, IncludePathError, Includes, NoIncludes};
pub use instructions::{Instructions, ParameterPattern, ParameterPatternError};
pub use lint::{Finding, Lint};
pub use pattern::{RefPattern, RefPatternError};
pub use projects::{ProjectPattern, ProjectPatternError};
pub use revocations::{Revocation, Revocations, Revoked};
pub use schema::{
    LOCAL_BUILDER, OnCommandLine, Policy, PolicyError, Projects, Rebuild, Rule, Unsafe,
};
pub use versions::{Versions, VersionsError};
