//! Attestations: the signed envelope, the in-toto statement in it, and the predicates.
//!
//! [`predicate::Predicate`] tells the predicates apart; [`build_types::read`] says of provenance, whatever
//! its build type, where the file came from.

pub mod build_types;
pub mod bundle;
pub mod certified;
mod checks;
pub(crate) mod document;
pub mod envelope;
pub mod environment;
pub mod forms;
pub mod link;
mod lists;
pub mod origin;
pub mod pep517;
mod pep740;
pub mod predicate;
pub mod provenance;
pub mod provenance_v0_2;
pub mod publish;
pub mod publisher;
pub mod rebuild_result;
pub mod repository;
pub mod scai;
pub mod statement;
pub mod svr;
pub mod test_result;
pub mod timestamp;
pub mod vsa;
