//! Attestations: the signed envelope, the in-toto statement in it, and the predicates.

pub mod bundle;
pub mod certified;
pub mod envelope;
pub mod environment;
pub mod forms;
pub mod pep517;
mod pep740;
pub mod provenance;
pub mod publisher;
pub mod rebuild_result;
pub mod repository;
pub mod statement;
