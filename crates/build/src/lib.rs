//! Everything of wheelmark that starts processes or holds a private key: git, environments, the
//! sandbox, recording, rebuilding, signing.

pub mod atomic;
pub mod environment;
pub mod process;
pub mod sign;
pub mod source;
