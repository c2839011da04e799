//! Reads wheels strictly, as `verify` does before anything else, and says of each whether it is accepted.
//!
//!     read_wheels [--jobs N] [--quiet] FILE...
//!
//! One line of JSON for each file, in the order given. Ends with 0 whatever was found, unless a file could
//! not be read.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use wheelmark_core::filename::WheelFilename;
use wheelmark_core::limits::WheelLimits;
use wheelmark_core::wheel::{self, WheelError};

fn main() -> io::Result<()> {
    let (mut jobs, mut quiet, mut files) = (1, false, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &argument[..] {
            "--jobs" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                jobs = number.ok_or_else(|| io::Error::other("--jobs needs a number"))?;
            }
            "--quiet" => quiet = true,
            _ => files.push(argument),
        }
    }
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<(usize, Value)>> {
        let (mut reader, mut answers) = (wheel::Reader::new(), Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else { return Ok(answers) };
            answers.push((index, read(&mut reader, Path::new(file))?));
        }
    };
    let mut answers = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let mut answers = Vec::new();
        for worker in workers {
            let done = worker.join().map_err(|_| io::Error::other("a worker panicked"))?;
            answers.extend(done?);
        }
        io::Result::Ok(answers)
    })?;
    answers.sort_by_key(|(index, _)| *index);
    if !quiet {
        for (_, answer) in answers {
            println!("{answer}");
        }
    }
    Ok(())
}

fn read(reader: &mut wheel::Reader, path: &Path) -> io::Result<Value> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refused = |reason: &str, why: String| json!({"file": name, "refused": reason, "why": why});
    let filename = match WheelFilename::parse(&name) {
        Ok(filename) => filename,
        Err(error) => return Ok(refused(error.reason().code(), error.to_string())),
    };
    match reader.read(File::open(path)?, filename, &WheelLimits::standard()) {
        Ok(wheel) => Ok(json!({
            "file": name,
            "bytes": wheel.size(),
            "inflated": wheel.members().iter().map(wheel::Member::size).sum::<u64>(),
            "members": wheel.members().len(),
            "hooks": wheel.startup_hooks(),
            "notes": wheel.notes().iter().map(|note| note.kind.code()).collect::<Vec<_>>(),
            "said": wheel.notes().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        Err(WheelError::Refused(refusal)) => {
            Ok(refused(refusal.reason.code(), refusal.to_string()))
        }
        Err(WheelError::Io(error)) => Err(error),
    }
}
