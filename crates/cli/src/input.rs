//! Reading files named on the command line.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::error::{CliError, shown};
use crate::interrupt;
use crate::progress;

/// As [`read_bounded`] for a path that nobody named: only a regular file is opened, for a pipe would be
/// waited for.
pub fn read_found(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    regular(path)?;
    read_bounded(path, limit)
}

/// Reads a small file whole. One that is larger than `limit` bytes is cut one byte after it, for the
/// parser to refuse. A pipe, as from `<(…)`, is waited for until Ctrl-C.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    if regular(path).is_ok() {
        return read_whole(path, limit);
    }
    // Opening a pipe waits for its other end, whatever the signal. So somebody else does: a thread that
    // is left to itself once nobody wants its answer, and ends with the program.
    let (sender, receiver) = mpsc::channel();
    let named = path.to_owned();
    thread::spawn(move || sender.send(read_whole(&named, limit)));
    loop {
        interrupt::check_watched()?;
        match receiver.recv_timeout(LOOK) {
            Ok(read) => return read,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let error = io::Error::other("reading it ended early");
                return Err(CliError::io("read", path, &error));
            }
        }
    }
}

/// How often Ctrl-C is looked for while a pipe is waited for.
const LOOK: Duration = Duration::from_millis(50);

fn read_whole(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    let error = |error: io::Error| CliError::io("read", path, &error);
    let mut bytes = Vec::new();
    open_file(path)?.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(error)?;
    Ok(bytes)
}

/// Reads a small text file whole.
pub fn read_text(path: &Path, limit: usize) -> Result<String, CliError> {
    let bytes = read_bounded(path, limit)?;
    if bytes.len() > limit {
        let message = format!("{} is larger than {limit} bytes", shown(path));
        return Err(CliError::undecided(message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CliError::undecided(format!("{} is not UTF-8 text, at byte {at}", shown(path)))
    })
}

/// A file being read, on which a person can look and which Ctrl-C stops.
pub struct Watched {
    file: File,
    progress: ProgressBar,
    cancel: Arc<AtomicBool>,
}

impl Watched {
    /// Opens a regular file: any other may have no end, or no beginning to come back to.
    pub fn open(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Self, CliError> {
        let mut watched = Self::open_quietly(path, cancel)?;
        let metadata = watched.file.metadata();
        let length = metadata.map_err(|error| CliError::io("read", path, &error))?.len();
        watched.progress = progress::bytes(length, path);
        Ok(watched)
    }

    /// The same without a line of its own: one of several files.
    pub fn open_quietly(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Self, CliError> {
        regular(path)?;
        Ok(Self::over(open_file(path)?, cancel))
    }

    /// The same over a file that is open, from where it stands.
    pub fn over(file: File, cancel: &Arc<AtomicBool>) -> Self {
        Self { file, progress: ProgressBar::hidden(), cancel: Arc::clone(cancel) }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(io::Error::other(interrupt::MESSAGE));
        }
        let read = self.file.read(buffer)?;
        self.progress.inc(read as u64);
        Ok(read)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.progress.finish_and_clear();
    }
}

/// Refuses what is no regular file, links followed. Looked at before opening, which would wait for the
/// other end of a pipe.
fn regular(path: &Path) -> Result<(), CliError> {
    let kind = path.metadata().map_err(|error| CliError::io("read", path, &error))?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(()); // A folder is told by who opens it.
    }
    Err(CliError::undecided(format!("cannot read {}: it is no regular file", shown(path))))
}

/// Opens a file; a folder is told apart, since reading it would say less.
fn open_file(path: &Path) -> Result<File, CliError> {
    let error = |error: io::Error| CliError::io("read", path, &error);
    let file = File::open(path).map_err(error)?;
    if file.metadata().map_err(error)?.is_dir() {
        return Err(CliError::undecided(format!(
            "cannot read {}: it is a folder, not a file",
            shown(path)
        )));
    }
    Ok(file)
}
