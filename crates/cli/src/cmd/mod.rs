//! The verbs, each in a file.

mod build;
mod demo;
mod diff;
mod inspect;
mod install;
mod keygen;
mod lock;
mod plan;
mod policy;
mod rebuild;
mod record;
mod trace;
mod trust;
mod verify;

use clap::Subcommand;

use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// What the program can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    Build(build::Arguments),
    Demo(demo::Arguments),
    Diff(diff::Arguments),
    Download(Box<install::DownloadArguments>),
    Inspect(inspect::Arguments),
    Install(Box<install::Arguments>),
    Keygen(keygen::Arguments),
    Lock(lock::Arguments),
    Plan(plan::Arguments),
    Policy(policy::Arguments),
    Rebuild(Box<rebuild::Arguments>),
    Record(record::Arguments),
    Trace(trace::Arguments),
    Trust(trust::Arguments),
    Verify(Box<verify::Arguments>),
}

impl Command {
    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        match self {
            Command::Build(arguments) => arguments.json,
            Command::Demo(arguments) => arguments.json,
            Command::Diff(arguments) => arguments.json,
            Command::Download(arguments) => arguments.json(),
            Command::Inspect(arguments) => arguments.json,
            Command::Install(arguments) => arguments.json(),
            Command::Keygen(arguments) => arguments.json,
            Command::Lock(arguments) => arguments.json(),
            Command::Plan(arguments) => arguments.json,
            Command::Policy(arguments) => arguments.json(),
            Command::Rebuild(arguments) => arguments.json,
            Command::Record(arguments) => arguments.json,
            Command::Trace(arguments) => arguments.json,
            Command::Trust(arguments) => arguments.json(),
            Command::Verify(arguments) => arguments.json(),
        }
    }
}

/// Does it.
pub fn run(command: Command, output: &mut Output) -> Result<Exit, CliError> {
    match command {
        Command::Build(arguments) => build::run(&arguments, output),
        Command::Demo(arguments) => demo::run(&arguments, output),
        Command::Diff(arguments) => diff::run(&arguments, output),
        Command::Download(arguments) => install::download(&arguments, output),
        Command::Inspect(arguments) => inspect::run(&arguments, output),
        Command::Install(arguments) => install::run(&arguments, output),
        Command::Keygen(arguments) => keygen::run(&arguments, output),
        Command::Lock(arguments) => lock::run(&arguments, output),
        Command::Plan(arguments) => plan::run(&arguments, output),
        Command::Policy(arguments) => policy::run(&arguments, output),
        Command::Rebuild(arguments) => rebuild::run(&arguments, output),
        Command::Record(arguments) => record::run(&arguments, output),
        Command::Trace(arguments) => trace::run(&arguments, output),
        Command::Trust(arguments) => trust::run(&arguments, output),
        Command::Verify(arguments) => verify::run(&arguments, output),
    }
}
