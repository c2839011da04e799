//! The program: arguments in, a verdict out. Only this crate prints.

mod artifact;
mod attestations;
mod batch;
mod bound_options;
mod cmd;
mod constraints;
mod data_folder;
mod describe;
mod error;
mod evidence;
mod exit;
mod from_index;
mod identities;
mod index_options;
mod inferred;
mod input;
mod installer;
mod interrupt;
mod layout_options;
mod machine;
mod out_folder;
mod outputs;
mod passphrase;
mod policy_file;
mod policy_key;
mod progress;
mod pylock;
mod render;
mod requirements;
mod signed;
mod subjects;
mod trust_options;
mod trust_roots;
mod values;
mod verdicts;
mod wanted;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cmd::Command;
use error::CliError;
use exit::Exit;
use render::{Output, human};

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
    // What could not be parsed did not say how to answer either, unless it stands there.
    let word = |word: &str| arguments.iter().any(|argument| argument == word);
    let pair = |form: &str| arguments.windows(2).any(|it| it[0] == "--format" && it[1] == form);
    if word("--json")
        || ["json", "jsonl"].iter().any(|form| pair(form) || word(&format!("--format={form}")))
    {
        let text = error.render().to_string();
        let (message, hint) = one_line_each(&text);
        return render::error(&CliError::usage(message).hint(hint), true, output);
    }
    // Without colours: what a person typed, or let the shell fill in, must be told from ours.
    let _ = write!(anstream::stderr(), "{}", human::lines(&error.render().to_string()));
    Exit::Usage
}

/// What clap says, as a message and a hint: it puts what is missing, and the usage, on lines of their own.
fn one_line_each(text: &str) -> (String, String) {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs =
        text.split("\n\n").map(line).filter(|it| !it.starts_with("For more information"));
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    (message, paragraphs.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("; "))
}
