//! The program: arguments in, a verdict out. Only this crate prints.

mod artifact;
mod attestations;
mod bound_options;
mod cmd;
mod data_folder;
mod describe;
mod error;
mod exit;
mod input;
mod interrupt;
mod machine;
mod out_folder;
mod passphrase;
mod progress;
mod render;
mod trust_options;
mod trust_roots;
mod values;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cmd::Command;
use error::CliError;
use exit::Exit;
use render::Output;

/// Proves where a Python wheel came from.
///
/// It records a wheel's build as a signed statement, verifies a wheel against such a statement under a
/// policy, and builds it again to compare the bytes.
#[derive(Parser)]
#[command(
    name = "wheelmark",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 accepted or done, 1 could not decide, 2 wrong usage, 10 rejected, \
                  11 a rebuild or the other wheel differs, 12 a rebuild failed or is inconclusive."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut output = Output::stdout();
    let exit = match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let json = cli.command.json();
            cmd::run(cli.command, &mut output)
                .unwrap_or_else(|error| render::error(&error, json, &mut output))
        }
        Err(error) => usage(&error, &arguments, &mut output),
    };
    exit.into()
}

/// Shows what clap has to say: help and version, or what is wrong with the arguments.
fn usage(error: &clap::Error, arguments: &[OsString], output: &mut Output) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe is no reason to fail: the reader has seen what it wanted.
        let _ = error.print();
        return Exit::Accepted;
    }
    // What could not be parsed did not say `--json` either, unless it stands there.
    if arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let (message, hint) = text.split_once('\n').unwrap_or((&text, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message);
        return render::error(&CliError::usage(message).hint(hint.trim()), true, output);
    }
    let _ = write!(anstream::stderr(), "{}", error.render().ansi());
    Exit::Usage
}
