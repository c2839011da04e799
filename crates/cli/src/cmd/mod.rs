//! The verbs, each in a file.

mod diff;
mod inspect;
mod keygen;
mod verify;

use clap::Subcommand;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// What the program can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    Diff(diff::Arguments),
    Inspect(inspect::Arguments),
    Keygen(keygen::Arguments),
    Verify(verify::Arguments),
}

impl Command {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match self {
            Command::Diff(arguments) => arguments.json,
            Command::Inspect(arguments) => arguments.json,
            Command::Keygen(arguments) => arguments.json,
            Command::Verify(arguments) => arguments.json,
        }
    }
}

/// Does it.
pub fn run(command: Command, output: &mut Output) -> Result<Exit, CliError> {
    match command {
        Command::Diff(arguments) => diff::run(&arguments, output),
        Command::Inspect(arguments) => inspect::run(&arguments, output),
        Command::Keygen(arguments) => keygen::run(&arguments, output),
        Command::Verify(arguments) => verify::run(&arguments, output),
    }
}
