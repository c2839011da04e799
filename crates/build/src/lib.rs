//! Everything of wheelmark that starts processes or holds a private key: git, environments, the
//! sandbox, recording, rebuilding, signing.

pub mod atomic;
pub mod beneath;
mod blame;
pub mod confirm;
pub mod demo;
mod drift;
pub mod environment;
pub mod error;
pub mod execute;
pub mod infer;
pub mod inspect;
pub mod instructions;
pub mod layout;
pub mod link;
mod observe;
pub mod paths;
pub mod plan;
pub mod process;
pub mod rebuild;
pub mod record;
pub mod reproduce;
pub mod sandbox;
pub mod sign;
pub mod source;
pub mod variation;
pub mod workspace;
