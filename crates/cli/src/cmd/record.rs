//! `wheelmark record`: a command run as a step of an in-toto layout, and the link that says so.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wheelmark_build::atomic::{self, Existing, NewFile, WriteError};
use wheelmark_build::link::{self, LinkError, Recorder};
use wheelmark_core::layout::{Form, Pattern, Recorded, StepName, is_signed_link};
use wheelmark_core::limits::LayoutLimits;
use wheelmark_core::report::Escaped;

use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::render::{Output, human, json};
use crate::{interrupt, out_folder, outputs, passphrase};

/// Run a command as a step of an in-toto layout, and sign which files it had and which it gave.
///
/// Writes STEP.KEYID.link, with the first eight digits of the key's id, as in-toto's own tools do. Files are
/// recorded by their names below the current folder. A symbolic link is recorded as the file it leads to; one that
/// leads out of the folder, or to a folder, is refused.
///
/// If the command fails nothing is signed, and its exit code is the answer.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark record --step build --key release.key --materials src pyproject.toml --products dist -- python -m build
  wheelmark record --step test --key tester.key --materials . --exclude .git --out links -- pytest

Exit codes: 0 done, 1 the step could not be recorded, 2 wrong usage; otherwise that of the command,
or 128 and the number of the signal that ended it.")]
pub struct Arguments {
    /// The name of the step in the layout
    #[arg(long, value_name = "STEP", value_parser = StepName::parse)]
    step: StepName,
    /// The private key to sign with
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The files, or folders of them, that the command is run on
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "products")]
    materials: Vec<PathBuf>,
    /// The files, or folders of them, that it gives
    #[arg(long, value_name = "PATH", num_args = 1..)]
    products: Vec<PathBuf>,
    /// Leave out what matches this pattern by its name or its whole path, and what is in such a folder
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// The folder for the link
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    out: PathBuf,
    /// Replace a link that is there already
    #[arg(long)]
    overwrite: bool,
    /// Sign in a DSSE envelope; without it, in the classic form
    #[arg(long)]
    dsse: bool,
    /// Also sign if the command fails, with how it ended
    #[arg(long)]
    record_failure: bool,
    /// Answer in JSON; what the command prints goes to standard error
    #[arg(long)]
    pub json: bool,
    /// The command and its arguments, after `--`
    #[arg(value_name = "COMMAND", last = true, required = true)]
    command: Vec<OsString>,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/record/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    step: &'a str,
    link: String,
    key_id: &'a str,
    materials: usize,
    products: usize,
    return_value: i32,
    #[serde(skip)]
    asked_for_products: bool,
}

/// Runs and records it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let command = arguments.command.iter().map(|word| word.to_str().map(str::to_owned));
    let command: Option<Vec<_>> = command.collect();
    let command = command.ok_or_else(|| {
        CliError::usage("a word of the command is not UTF-8, and no link holds it")
    })?;
    let key = passphrase::open_key(&arguments.key)?;
    let exclude: Vec<_> = arguments.exclude.iter().map(|text| Pattern::new(text)).collect();
    out_folder::check(&arguments.out)?;
    let cancel = interrupt::watch()?;
    let recorder = Recorder::new(Path::new("."), &exclude, &cancel)?;
    let materials = recorder.record(&arguments.materials)?;
    let status = link::run(&arguments.command, arguments.json)?;
    interrupt::check(&cancel)?;
    let return_value = link::return_value(status);
    let ended = match (status.code(), status.signal()) {
        (Some(0), _) => Exit::Accepted,
        (Some(code), _) => Exit::OfCommand(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, signal) => {
            Exit::OfCommand(u8::try_from(128 + signal.unwrap_or_default()).unwrap_or(u8::MAX))
        }
    };
    if !status.success() && !arguments.record_failure {
        let error = CliError {
            exit: ended,
            ..CliError::undecided(format!(
                "the step `{}` was not recorded: {} ended with {status}",
                Escaped(arguments.step.as_str()),
                shown(Path::new(&arguments.command[0])),
            ))
        };
        return Err(error);
    }
    let products = recorder.record(&arguments.products)?;
    let step = arguments.step.clone();
    let recorded = Recorded { step, materials, products, command, return_value };
    let form = if arguments.dsse { Form::Dsse } else { Form::Classic };
    let (file, public) = link::sign(&recorded, &key, form)?;
    let name = format!("{}.{}.link", arguments.step, public.prefix());
    let existing = if arguments.overwrite { Existing::Replace } else { Existing::Keep };
    // A link among the files that it records would be true of none.
    let recorded_files = recorded.materials.keys().chain(recorded.products.keys());
    let read = recorded_files.map(Path::new).chain([arguments.key.as_path()]);
    outputs::spare([("--out", arguments.out.join(&name).as_path())], read)?;
    let made = out_folder::make(&arguments.out)?;
    let new = NewFile { name: &name, mode: 0o644, content: Box::new(&file[..]) };
    // Read back and held as whoever verifies would.
    let check = |paths: &[&Path]| -> Result<(), CliError> {
        for path in paths {
            let bytes = fs::read(path).map_err(|error| CliError::io("read back", path, &error))?;
            is_signed_link(&bytes, &arguments.step, &public, &LayoutLimits::standard()).map_err(
                |refusal| {
                    CliError::undecided(format!(
                        "the link would be refused, so it was not written: {refusal}"
                    ))
                },
            )?;
        }
        interrupt::check(&cancel)
    };
    let written = atomic::write_all(&arguments.out, vec![new], existing, check);
    written.map_err(|error| match error {
        WriteError::Check(error) => error,
        WriteError::Exists(path) => CliError::undecided(format!("{} exists already", shown(&path)))
            .hint("give another folder, or --overwrite"),
        error => CliError::undecided(error),
    })?;
    made.keep();
    let answer = Answer {
        schema: SCHEMA,
        step: arguments.step.as_str(),
        link: arguments.out.join(&name).to_string_lossy().into_owned(),
        key_id: public.id(),
        materials: recorded.materials.len(),
        products: recorded.products.len(),
        return_value,
        asked_for_products: !arguments.products.is_empty(),
    };
    show(&answer, arguments.json, output)?;
    Ok(ended)
}

fn show(answer: &Answer<'_>, as_json: bool, output: &mut Output) -> Result<(), CliError> {
    if as_json {
        return Ok(json::document(answer, output)?);
    }
    let done = human::styled(human::GOOD, "recorded");
    writeln!(output, "{done} the step `{}`", Escaped(answer.step))?;
    writeln!(output, "  materials  {}", answer.materials)?;
    writeln!(output, "  products   {}", answer.products)?;
    if answer.products == 0 && answer.asked_for_products {
        writeln!(output, "  {} no product was found", human::styled(human::WARN, "warning:"))?;
    }
    writeln!(output, "  key id     {}", answer.key_id)?;
    writeln!(output, "  link       {}", Escaped(&answer.link))?;
    Ok(())
}

impl From<LinkError> for CliError {
    fn from(error: LinkError) -> Self {
        let hint = match &error {
            LinkError::Refused { .. } => "`--exclude` leaves a file out, by its name",
            _ => "",
        };
        Self::undecided(&error).hint(hint)
    }
}
