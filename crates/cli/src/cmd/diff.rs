//! `wheelmark diff`: two wheels held against each other.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::compare::{self, Level};
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::{CompareLimits, WheelLimits};
use wheelmark_core::report::{Escaped, Reason};
use wheelmark_core::wheel::{self, Readable, WheelError};

use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::input::Watched;
use crate::interrupt;
use crate::render::{Output, json};

/// Compare two wheels, member by member.
///
/// Says how far apart they are and names the cause of every difference (a time stamp, a path, an order, a
/// random value, another compiler) before it shows it. A wheel that contradicts itself, such as one changed
/// without its RECORD, is compared all the same, and what does not hold is said first. An archive that
/// readers could take for different things is not.
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
    let diff = compare::diff_readable((&a, file_a?), (&b, file_b?), &limits);
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

/// Reads a wheel to compare it, whatever it holds, if only its archive says one thing to every reader.
fn wheel(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Readable, CliError> {
    let refused =
        |why: String| CliError::undecided(format!("cannot compare {}: {why}", shown(path)));
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let file = Watched::open(path, cancel)?;
    let filename = match DistFilename::parse(&name) {
        Ok(DistFilename::Wheel(filename)) => filename,
        Ok(DistFilename::Sdist(_)) => {
            return Err(refused("it is a source distribution, not a wheel".to_owned())
                .hint("`tar -tvf` lists what is in each; `diff` compares wheels only"));
        }
        Err(error) => {
            let why = format!("{}: {}: {}", error.reason(), Escaped(error.text()), error.problem());
            return Err(refused(why).hint(
                "give it the name it was published under, such as demo-1.0-py3-none-any.whl",
            ));
        }
    };
    wheel::read_to_compare(file, filename, &WheelLimits::standard()).map_err(|error| match error {
        WheelError::Refused(refusal) => refused(refusal.to_string()).hint(match refusal.reason {
            Reason::ArchiveNotZip => {
                "it is no zip archive, or was cut off: fetch it again and compare its digest"
            }
            _ => {
                "programs may see different files in it, so there is no one content to compare; \
                 `python3 -m zipfile -l` shows what one of them sees"
            }
        }),
        WheelError::Io(error) => {
            interrupt::check(cancel).err().unwrap_or_else(|| CliError::io("read", path, &error))
        }
    })
}
