//! `wheelmark inspect`: what a file says, without any check.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;

use crate::describe::{self, Description};
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::render::{Output, human, json};

/// Show what a file says, without checking it.
///
/// Takes a Sigstore bundle, several of them one a line, an attestation or provenance object of an index, a
/// DSSE envelope, an in-toto statement, a wheel, a key or a policy, and tells who is said to have signed and
/// what is claimed. Nothing is verified: that is what `wheelmark verify` is for.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark inspect demo-1.0-py3-none-any.whl.sigstore.json")]
pub struct Arguments {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/inspect/v1";

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    verified: bool,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256Digest>,
    #[serde(flatten)]
    description: &'a Description,
}

/// Shows it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let cancel = interrupt::watch()?;
    let path: &Path = &arguments.file;
    let (sha256, description) = describe::describe(path, &cancel)?;
    interrupt::check(&cancel)?;
    let file = path.to_string_lossy().into_owned();
    if arguments.json {
        let answer =
            Answer { schema: SCHEMA, verified: false, file, sha256, description: &description };
        json::document(&answer, output)?;
    } else {
        human::description(&file, sha256, &description, output)?;
    }
    Ok(Exit::Accepted)
}
