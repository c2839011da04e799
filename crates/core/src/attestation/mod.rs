//! Attestations: the DSSE envelope, the Sigstore bundle, the in-toto statement and the predicates.

pub mod environment;
