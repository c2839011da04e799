//! What a build needs besides its source: found, resolved to exact files, fetched, and recorded.
//!
//! In the order of a build: [`uv`] and [`interpreter`] find the tools of this machine, [`project`] reads
//! what the source tree asks for, [`requirements`] resolves that to wheels with digests ([`pylock`]),
//! [`store`] puts them into an environment, `asked` holds recorded ones against what was asked for, [`rust`]
//! and [`crates`] fetch what a Rust extension needs (after `crate_sources` held from where), [`platform`] and [`tools`] say what else took part. Nothing here runs code of the project.

pub(crate) mod asked;
mod crate_sources;
pub mod crates;
mod homes;
pub mod index;
pub mod interpreter;
pub mod platform;
pub mod project;
pub mod pylock;
mod query;
pub mod requirements;
pub mod rust;
pub mod store;
pub mod tools;
pub mod uv;

use std::path::Path;

use wheelmark_core::report::Escaped;

/// A path for an error message: a name in a source tree may hold anything.
fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// Text of a tool's for an error message: escaped where it could drive a terminal, its lines kept, the
/// ends trimmed.
fn message(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines = text.trim().lines().map(|line| Escaped(line).to_string());
    lines.collect::<Vec<_>>().join("\n")
}
