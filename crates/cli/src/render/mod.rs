//! What the program says, to a person and to a program.

pub mod batch;
pub mod human;
pub mod json;

use std::io::{self, Write};

use crate::error::CliError;
use crate::exit::Exit;

/// Standard output, in colour where it is a terminal that wants it.
///
/// A reader that has gone (`| head`) ends the writing and changes nothing else: least of all the exit
/// code.
pub struct Output {
    stream: anstream::AutoStream<io::Stdout>,
    gone: bool,
}

impl Output {
    /// Standard output of this process.
    pub fn stdout() -> Self {
        Self { stream: anstream::stdout(), gone: false }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        match self.stream.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(bytes.len())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

/// What could not be written on standard output, a full disk for example.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        CliError::undecided(format!("cannot write to standard output: {error}"))
    }
}

/// Shows an error and gives the exit code that goes with it.
pub fn error(error: &CliError, json: bool, output: &mut Output) -> Exit {
    // Where even this cannot be written the exit code still says it.
    let _ = if json {
        json::error(error, None, output)
    } else {
        human::error(error, &mut anstream::stderr())
    };
    error.exit
}
