//! The policy: who may sign which project, from which source, by which builder.
//!
//! [`Policy::parse`] reads the file; [`evaluate`] holds provenance against the rule that applies.

pub(crate) mod beside;
mod demand;
mod derivation;
pub mod evaluate;
mod exceptions;
mod expression;
mod files;
mod identity;
mod includes;
mod indexes;
mod instructions;
mod lint;
mod pattern;
mod projects;
mod read;
mod rebuild;
mod revocations;
#[cfg(test)]
mod rules_tests;
mod schema;
pub mod seen;
pub mod signature;
mod signers;
mod source;
mod told;
mod unverified;
mod versions;

pub use demand::{Demand, Summary};
pub use derivation::{Derivation, Part, RuleTried};
pub use exceptions::{Exception, Exceptions};
pub use expression::{Document, Expression, ExpressionError, FileFacts, PredicateFacts};
pub use files::{Files, IndexPattern, IndexPatternError, Kind, TagPattern, TagPatternError};
pub use identity::IdentityRule;
pub use includes::{Include, IncludePath, IncludePathError, Includes, NoIncludes};
pub use indexes::OfNoIndex;
pub use instructions::{Instructions, ParameterPattern, ParameterPatternError};
pub use lint::{Finding, Lint};
pub use pattern::{RefPattern, RefPatternError};
pub use projects::{ProjectPattern, ProjectPatternError};
pub use rebuild::{RebuildRule, Rebuilders, When};
pub use revocations::{Revocation, Revocations, Revoked};
pub use schema::{
    Ages, BuilderRule, LOCAL_BUILDER, OnCommandLine, Policy, PolicyError, Projects, Rule,
    SourceRule, Unsafe,
};
pub use signers::Signers;
pub use source::{SourcePattern, SourcePatternError};
pub use told::{DemandTold, LookedAt, Not};
pub use unverified::{
    Exemption, FolderPath, FolderPathError, Place, VcsRevision, VcsRevisionError,
};
pub use versions::{Versions, VersionsError};
