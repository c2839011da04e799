//! Everything of wheelmark that starts processes.

pub mod sandbox;
