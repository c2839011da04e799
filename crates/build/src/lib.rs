//! Everything of wheelmark that starts processes: git, environments, the sandbox, recording,
//! rebuilding, signing.

pub mod environment;
pub mod process;
pub mod source;
