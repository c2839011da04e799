//! Everything of wheelmark that starts processes: git, environments, the sandbox, recording,
//! rebuilding, signing.

pub mod source;
