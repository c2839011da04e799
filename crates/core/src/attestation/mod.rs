//! Attestations: the signed envelope, the in-toto statement in it, and the predicates.
//!

mod document;
pub mod envelope;
pub mod environment;
pub mod link;
mod lists;
pub mod pep517;
pub mod predicate;
pub mod provenance;
pub mod provenance_v0_2;
pub mod publish;
pub mod rebuild_result;
pub mod repository;
pub mod scai;
pub mod statement;
pub mod svr;
pub mod test_result;
pub mod timestamp;
pub mod vsa;
