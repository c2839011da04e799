//! Everything of wheelmark that starts processes or holds a private key: git, environments, the
//! sandbox, recording, rebuilding, signing.

pub mod atomic;
pub mod sign;
