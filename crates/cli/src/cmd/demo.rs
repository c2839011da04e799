//! `wheelmark demo`: the whole loop on a small project, with every command and what it printed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wheelmark_build::demo;
use wheelmark_build::process;

use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::policy_key::KEY_VARIABLE;
use crate::render::human::{BAD, BOLD, DIM, GOOD, styled};
use crate::render::{Output, json};

/// Show the whole loop on a small project, in a folder of its own.
///
/// Makes a key, builds a small project from git, verifies the wheel, rebuilds it to the same bytes, then
/// changes one byte of the wheel and shows that it is refused. Asks nothing and leaves nothing.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 only if all of that held, 1 otherwise.")]
pub struct Arguments {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// A command of the demonstration, and how it must end.
struct Scene {
    title: &'static str,
    arguments: Vec<OsString>,
    expected: Exit,
}

/// Longer than any of the commands takes, unless something hangs.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let cancel = interrupt::watch()?;
    let program = env::current_exe()
        .map_err(|error| CliError::undecided(format!("cannot find this program: {error}")))?;
    let folder = tempfile::Builder::new()
        .prefix("wheelmark-demo-")
        .tempdir()
        .map_err(|error| CliError::io("use the temporary folder", &env::temp_dir(), &error))?;
    let folder = folder.path();
    let source = demo::project(&folder.join("project"), &cancel).map_err(CliError::undecided)?;
    let (wheel, uri) = (format!("dist/{}", demo::WHEEL), demo::SOURCE);
    let key = ["--key", "release.key.pub", "--source", uri];

    let mut held = Vec::new();
    let mut play = |scene: Scene, output: &mut Output| -> Result<(), CliError> {
        let ended = perform(&program, folder, &scene, &cancel, arguments.json, output)?;
        if ended != Some(i32::from(scene.expected.code())) {
            let (title, code) = (scene.title, scene.expected.code());
            let ended = ended.map_or("a signal".to_owned(), |code| code.to_string());
            return Err(CliError::undecided(format!(
                "{title}: expected exit code {code}, and it ended with {ended}"
            )));
        }
        held.push(scene.title);
        Ok(())
    };
    play(
        scene("make a key", Exit::Accepted, &["keygen", "--out", "release.key", "--no-passphrase"]),
        output,
    )?;
    play(
        scene(
            "build from a git commit, twice, and sign",
            Exit::Accepted,
            &[
                "build",
                "project",
                "--out",
                "dist",
                "--key",
                "release.key",
                "--release",
                "--source-uri",
                uri,
            ],
        ),
        output,
    )?;
    let verify: Vec<_> = ["verify", &wheel].into_iter().chain(key).collect();
    play(scene("verify the wheel", Exit::Accepted, &verify), output)?;
    let rebuild: Vec<_> =
        ["rebuild", &wheel, "--source-dir", "project"].into_iter().chain(key).collect();
    play(scene("rebuild it from another clone", Exit::Accepted, &rebuild), output)?;
    let at = change_one_byte(&folder.join(&wheel))?;
    if !arguments.json {
        let told = format!("# one byte of the wheel, at offset {at}, is changed");
        writeln!(output, "{}", styled(DIM, told))?;
    }
    play(scene("verify the changed wheel", Exit::Rejected, &verify), output)?;
    tell(arguments, &held, &source, output)?;
    Ok(Exit::Accepted)
}

fn tell(
    arguments: &Arguments,
    held: &[&str],
    commit: &str,
    output: &mut Output,
) -> Result<(), CliError> {
    if arguments.json {
        return Ok(json::document(
            &serde_json::json!({
                "schema": "https://wheelmark.dev/demo/v1", "held": held, "commit": commit,
            }),
            output,
        )?);
    }
    let all = styled(GOOD, "all of it held");
    Ok(writeln!(
        output,
        "{all}: built, verified, rebuilt to the same bytes, and refused when changed"
    )?)
}

fn scene(title: &'static str, expected: Exit, words: &[&str]) -> Scene {
    Scene { title, arguments: words.iter().map(OsString::from).collect(), expected }
}

/// Runs one command in the folder and shows it with what it printed; gives its exit code.
fn perform(
    program: &Path,
    folder: &Path,
    scene: &Scene,
    cancel: &AtomicBool,
    quiet: bool,
    output: &mut Output,
) -> Result<Option<i32>, CliError> {
    let mut command = Command::new(program);
    command.args(&scene.arguments).current_dir(folder);
    // The demo trusts a key of its own, on the command line.
    command.env_remove(KEY_VARIABLE);
    let ended = process::run(command, cancel, TIMEOUT).map_err(CliError::undecided)?;
    interrupt::check(cancel)?;
    let code = ended.status.code();
    let failed = code != Some(i32::from(scene.expected.code()));
    if !quiet || failed {
        let words: Vec<_> =
            scene.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        writeln!(output, "{}", styled(BOLD, format!("$ wheelmark {}", words.join(" "))))?;
        for printed in [&ended.stdout, &ended.stderr] {
            for line in String::from_utf8_lossy(printed).lines() {
                // Escaped already, by the program that printed it.
                writeln!(output, "  {line}")?;
            }
        }
        if failed {
            writeln!(
                output,
                "{}",
                styled(BAD, format!("this should have ended otherwise: {}", scene.title))
            )?;
        }
    }
    Ok(code)
}

/// Flips the lowest bit in the middle of a file; returns where.
fn change_one_byte(path: &Path) -> Result<usize, CliError> {
    let mut bytes = fs::read(path).map_err(|error| CliError::io("read", path, &error))?;
    let at = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    fs::write(path, bytes).map_err(|error| CliError::io("write", path, &error))?;
    Ok(at)
}
