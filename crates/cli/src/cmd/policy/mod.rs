//! `wheelmark policy`: to make a policy and to work on it.

mod check;
mod decided;
mod diff;
mod explain;
mod init;
mod schema;
mod sign;
mod test;
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
    Diff(Box<diff::Arguments>),
    Explain(Box<explain::Arguments>),
    Init(init::Arguments),
    Schema(schema::Arguments),
    Sign(sign::Arguments),
    Test(test::Arguments),
}

impl Arguments {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match &self.verb {
            Verb::Check(arguments) => arguments.json,
            Verb::Diff(arguments) => arguments.json,
            Verb::Explain(arguments) => arguments.json,
            Verb::Init(arguments) => arguments.json,
            Verb::Schema(arguments) => arguments.json,
            Verb::Sign(arguments) => arguments.json,
            Verb::Test(arguments) => arguments.json,
        }
    }
}

/// Does it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    match &arguments.verb {
        Verb::Check(arguments) => check::run(arguments, output),
        Verb::Diff(arguments) => diff::run(arguments, output),
        Verb::Explain(arguments) => explain::run(arguments, output),
        Verb::Init(arguments) => init::run(arguments, output),
        Verb::Schema(_) => schema::run(output),
        Verb::Sign(arguments) => sign::run(arguments, output),
        Verb::Test(arguments) => test::run(arguments, output),
    }
}
