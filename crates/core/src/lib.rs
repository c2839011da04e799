//! The sans-IO heart of wheelmark.
//!
//! Everything here works on bytes, values and `Read + Seek` handed in by the caller. Nothing opens a
//! file, starts a process, opens a socket, reads the environment or asks for the time; `clippy.toml`
//! holds that. Start reading at [`verify`](mod@verify).

pub mod attestation;
mod coded;
pub mod compare;
pub mod digest;
pub mod dist;
pub mod filename;
pub mod identity_lock;
pub mod json;
pub mod layout;
pub mod limits;
pub mod lock;
pub mod policy;
pub mod report;
pub mod requirement;
pub mod sdist;
mod subject;
pub mod text;
pub mod trace;
pub mod trust;
pub mod verdict;
pub mod verify;
pub mod wheel;
