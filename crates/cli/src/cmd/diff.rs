//! `wheelmark diff`: two wheels held against each other.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::compare::{self, Level};
use wheelmark_core::limits::CompareLimits;
use wheelmark_core::verify::Contents;
use wheelmark_core::wheel::Wheel;

use crate::artifact;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::input::Watched;
use crate::interrupt;
use crate::render::{Output, json};

/// Compare two wheels, member by member.
///
/// Says how far apart they are and names the cause of every difference (a time stamp, a path, an order, a
/// random value, another compiler) before it shows it. Both must be well-formed wheels, RECORD included.
#[derive(clap::Args)]
#[command(after_help = "\
Levels: L0 the same bytes, L1 only the zip container differs, L2 also RECORD and the generator line,
L3 other metadata too, L4 code.

Exit codes: 0 identical, 11 different, 1 a file could not be read as a wheel, 2 wrong usage.")]
pub struct Arguments {
    /// The first wheel
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The second wheel
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Compares the two and tells of it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let cancel = interrupt::watch()?;
    let a = wheel(&arguments.a, &cancel)?;
    let b = wheel(&arguments.b, &cancel)?;
    let files = [&arguments.a, &arguments.b].map(|path| Watched::open(path, &cancel));
    let [file_a, file_b] = files;
    let limits = CompareLimits::standard();
    let diff = compare::diff((&a, file_a?), (&b, file_b?), &limits);
    interrupt::check(&cancel)?;
    let diff = diff.map_err(CliError::undecided)?;
    if arguments.json {
        json::document(&diff, output)?;
    } else {
        write!(output, "{diff}")?;
    }
    Ok(match diff.level() {
        Level::Identical => Exit::Accepted,
        _ => Exit::Differs,
    })
}

fn wheel(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Wheel, CliError> {
    match artifact::read(path, cancel)?.contents {
        Ok(Contents::Wheel(wheel)) => Ok(*wheel),
        Ok(Contents::Sdist(_)) => Err(CliError::undecided(format!(
            "cannot compare {}: it is a source distribution, not a wheel",
            shown(path)
        ))),
        Err(refusal) => {
            Err(CliError::undecided(format!("cannot compare {}: {refusal}", shown(path)))
                .hint(refusal.reason.explanation()))
        }
    }
}
