//! `wheelmark policy`: to make a policy and to work on it.

mod check;
mod explain;
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
    Check(check::Arguments),
    Explain(Box<explain::Arguments>),
    Init(init::Arguments),
}

impl Arguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match &self.verb {
            Verb::Check(arguments) => arguments.json,
            Verb::Explain(arguments) => arguments.json,
            Verb::Init(_) => false,
        }
    }
}

/// Does it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    match &arguments.verb {
        Verb::Check(arguments) => check::run(arguments, output),
        Verb::Explain(arguments) => explain::run(arguments, output),
        Verb::Init(arguments) => init::run(arguments, output),
    }
}
