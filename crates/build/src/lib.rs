//! Everything of wheelmark that starts processes.

pub mod environment;
pub mod process;
