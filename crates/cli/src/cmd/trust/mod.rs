//! `wheelmark trust`: which Sigstore instances are known, what they trust, and how to learn it anew.

mod show;
mod update;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// Show or refresh what is known of Sigstore instances.
///
/// An instance's trusted root lists the authorities whose certificates count and the logs in which
/// signatures must be. The program carries those of the public instances.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    Show(show::Arguments),
    Update(update::Arguments),
}

impl Arguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match &self.verb {
            Verb::Show(arguments) => arguments.json,
            Verb::Update(arguments) => arguments.json,
        }
    }
}

/// Does it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    match &arguments.verb {
        Verb::Show(arguments) => show::run(arguments, output),
        Verb::Update(arguments) => update::run(arguments, output),
    }
}
