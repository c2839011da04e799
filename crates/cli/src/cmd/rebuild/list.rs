//! `rebuild -r LIST`: many wheels, each in a process of its own, with a line of results for each.
//!
//! The lines are the state: a list that is begun again goes on after the last of them, and nothing of a wheel that was
//! under way is believed.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use wheelmark_build::process;
use wheelmark_core::report::Escaped;

use super::Arguments;
use super::page;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::progress::Files;
use crate::render::Output;

/// No wheel takes longer: each of its builds is bounded, and they are few.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// Rebuilds all of a list, and says how many came to what.
pub fn run(arguments: &Arguments, list: &Path, output: &mut Output) -> Result<Exit, CliError> {
    let targets = read(list)?;
    let Some(results) = &arguments.results else {
        return Err(CliError::usage("a list needs a place for its results")
            .hint("name one with --results FILE; a list that was begun goes on from it"));
    };
    let outputs = [("--results", Some(results)), ("--html", arguments.html.as_ref())];
    let outputs =
        outputs.iter().filter_map(|(option, path)| Some((*option, path.as_ref()?.as_path())));
    crate::outputs::spare(outputs, [list.to_owned()])?;
    if let (Some(page), false) = (&arguments.html, arguments.overwrite) {
        crate::outputs::refuse_existing(page)?;
    }
    let cancel = interrupt::watch()?;
    let mut lines = read_results(results)?;
    let done: BTreeSet<String> =
        lines.iter().filter_map(|line| Some(line["target"].as_str()?.to_owned())).collect();
    let left: Vec<&String> = targets.iter().filter(|target| !done.contains(*target)).collect();
    let failed = |error: io::Error| CliError::io("write to", results, &error);
    let file = File::options().create(true).append(true).open(results).map_err(failed)?;
    let (file, next) = (Mutex::new(file), AtomicUsize::new(0));
    let progress = Files::estimated(left.len(), "wheels");
    let made: Mutex<Vec<Value>> = Mutex::new(Vec::new());
    let program = env::current_exe().map_err(CliError::undecided)?;
    let work = || -> Result<(), CliError> {
        while let Some(target) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
            let line = one(arguments, &program, target, &cancel)?;
            interrupt::check(&cancel)?;
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // In one piece: a line that is there is whole.
            file.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
            progress.done(|| ());
            made.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
        Ok(())
    };
    let jobs = arguments.jobs.clamp(1, left.len().max(1));
    thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        jobs.into_iter().try_for_each(|job| {
            job.join().unwrap_or_else(|_| Err(CliError::undecided("a job ended in a panic")))
        })
    })?;
    drop(progress);
    lines.extend(made.into_inner().unwrap_or_else(PoisonError::into_inner));
    lines.retain(|line| line["target"].as_str().is_some_and(|it| targets.iter().any(|t| t == it)));
    if let Some(path) = &arguments.html {
        crate::outputs::write(path, &page::page(&lines), arguments.existing())?;
    }
    let counts = page::counts(&lines);
    if arguments.json {
        let counts: serde_json::Map<String, Value> =
            counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        let answer = json!({ "schema": "https://wheelmark.dev/rebuild-list/v1",
            "wheels": lines.len(), "outcomes": counts });
        crate::render::json::document(&answer, output)?;
    } else {
        for (name, count) in &counts {
            writeln!(output, "{count:>6}  {}", Escaped(name))?;
        }
        writeln!(output, "{:>6}  wheels", lines.len())?;
    }
    Ok(lines.iter().map(exit_of).fold(Exit::Accepted, Exit::and))
}

/// What a line means for the whole.
fn exit_of(line: &Value) -> Exit {
    match line["exit"].as_u64() {
        Some(0) => Exit::Accepted,
        Some(11) => Exit::Differs,
        Some(12) => Exit::Inconclusive,
        _ => Exit::Undecided,
    }
}

/// The targets of a list: one a line, `#` begins a comment.
fn read(path: &Path) -> Result<Vec<String>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
    let mut seen = BTreeSet::new();
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines
        .filter(|line| !line.is_empty() && seen.insert(line.to_string()))
        .map(str::to_owned)
        .collect())
}

/// The lines that are there. A last one without an end was being written when the program was killed; it is taken away.
fn read_results(path: &Path) -> Result<Vec<Value>, CliError> {
    let failed = |error: io::Error| CliError::io("read", path, &error);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        let file = File::options().write(true).open(path).map_err(failed)?;
        file.set_len(whole as u64).map_err(failed)?;
    }
    let lines = text[..whole].lines().enumerate().map(|(at, line)| {
        serde_json::from_str(line).map_err(|error| {
            let place = format!("{}:{}", crate::error::shown(path), at + 1);
            CliError::undecided(format!("{place}: this is no line of results: {error}"))
                .hint("name another file with --results")
        })
    });
    lines.collect()
}

/// One wheel, by this very program.
fn one(
    arguments: &Arguments,
    program: &Path,
    target: &str,
    cancel: &AtomicBool,
) -> Result<Value, CliError> {
    let mut command = Command::new(program);
    command.args(["rebuild", "--json", "--infer"]).args(passed_on(arguments)).arg(target);
    let output = process::run(command, cancel, LONGEST).map_err(|error| {
        interrupt::check(cancel).err().unwrap_or_else(|| CliError::undecided(error))
    })?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        json!({ "error": Escaped(said.trim()).to_string() })
    });
    Ok(json!({ "target": target, "exit": output.status.code(), "answer": answer }))
}

/// What was said of all holds for each.
fn passed_on(arguments: &Arguments) -> Vec<String> {
    let mut passed = vec!["--builds".to_owned(), arguments.builds.to_string()];
    passed.extend(arguments.source.index.passed_on());
    passed.extend(arguments.bounds.passed_on());
    passed
}
