//! `wheelmark policy`: to make a policy and to work on it.

mod init;
mod written;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// Make a policy, and work on it.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    Init(init::Arguments),
}

impl Arguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match &self.verb {
            Verb::Init(_) => false,
        }
    }
}

/// Does it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    match &arguments.verb {
        Verb::Init(arguments) => init::run(arguments, output),
    }
}
