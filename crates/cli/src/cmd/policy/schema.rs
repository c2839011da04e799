//! `wheelmark policy schema`: the JSON Schema of a policy, for editors.

use std::io::Write as _;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// Print the JSON Schema of a policy, for editors.
///
/// An editor that knows TOML completes and marks by it. It describes the form; `wheelmark policy check` also finds what
/// contradicts itself.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark policy schema >policy.schema.json")]
pub struct Arguments {
    /// The same: the answer is always JSON
    #[arg(long)]
    pub json: bool,
}

const SCHEMA: &str = include_str!("schema.json");

/// Prints it.
pub fn run(output: &mut Output) -> Result<Exit, CliError> {
    output.write_all(SCHEMA.as_bytes())?;
    Ok(Exit::Accepted)
}
