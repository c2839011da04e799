//! Attestations: the signed envelope, the in-toto statement in it, and the predicates.

pub mod envelope;
pub mod environment;
mod lists;
pub mod pep517;
pub mod provenance;
pub mod rebuild_result;
pub mod repository;
pub mod statement;
pub mod timestamp;
