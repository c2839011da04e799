//! The file under test, read once from disk.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, FilenameError};
use wheelmark_core::limits::{SdistLimits, WheelLimits};
use wheelmark_core::report::Refusal;
use wheelmark_core::sdist::{self, SdistError};
use wheelmark_core::verify::{Artifact, Contents, Facts};
use wheelmark_core::wheel::{self, WheelError};

use crate::error::CliError;
use crate::input::Watched;
use crate::interrupt;

thread_local! {
    /// One reader a thread: a batch does not pay for new memory with each file.
    static READER: RefCell<wheel::Reader> = RefCell::new(wheel::Reader::new());
}

/// Reads a file strictly. What is wrong with its name or its bytes is part of the artifact; an error is
/// only that it could not be read.
pub fn read(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Artifact, CliError> {
    read_from(&name_of(path), path, Watched::open(path, cancel)?, cancel)
}

/// The same for one of several files, whose progress is shown together.
pub fn read_quietly(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Artifact, CliError> {
    read_from(&name_of(path), path, Watched::open_quietly(path, cancel)?, cancel)
}

/// Reads a file that will get its name later.
pub fn read_as(name: &str, path: &Path, cancel: &Arc<AtomicBool>) -> Result<Artifact, CliError> {
    read_from(name, path, Watched::open(path, cancel)?, cancel)
}

/// Reads a file that was downloaded, and that has no name but the one it is listed by.
pub fn read_downloaded(
    name: &str,
    file: File,
    cancel: &Arc<AtomicBool>,
) -> Result<Artifact, CliError> {
    read_from(name, Path::new(name), Watched::over(file, cancel), cancel)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn read_from(
    name: &str,
    path: &Path,
    mut file: Watched,
    cancel: &AtomicBool,
) -> Result<Artifact, CliError> {
    let name = name.to_owned();
    let failed = |error: io::Error| {
        interrupt::check(cancel).err().unwrap_or_else(|| CliError::io("read", path, &error))
    };
    let filename = DistFilename::parse(&name).map_err(|error| malformed(&error));
    let read = match &filename {
        Ok(DistFilename::Wheel(filename)) => {
            let limits = WheelLimits::standard();
            let read =
                READER.with_borrow_mut(|reader| reader.read(&mut file, filename.clone(), &limits));
            match read {
                Ok(wheel) => Ok((wheel.sha256(), Contents::Wheel(Box::new(wheel)))),
                Err(WheelError::Refused(refusal)) => Err(refusal.into()),
                Err(WheelError::Io(error)) => return Err(failed(error)),
            }
        }
        Ok(DistFilename::Sdist(filename)) => {
            match sdist::read(&mut file, filename.clone(), &SdistLimits::standard()) {
                Ok(sdist) => Ok((sdist.sha256(), Contents::Sdist(Box::new(sdist)))),
                Err(SdistError::Refused(refusal)) => Err(refusal.into()),
                Err(SdistError::Io(error)) => return Err(failed(error)),
            }
        }
        Err(refusal) => Err(refusal.clone()),
    };
    let (sha256, contents) = match read {
        Ok((sha256, contents)) => (sha256, Ok(contents)),
        Err(refusal) => {
            file.rewind().map_err(failed)?;
            let (sha256, _) = Sha256Digest::of_reader(&mut file).map_err(failed)?;
            (sha256, Err(refusal))
        }
    };
    Ok(Artifact { name, filename, contents, sha256, facts: Facts::default() })
}

fn malformed(error: &FilenameError) -> Refusal {
    Refusal::new(error.reason()).found(format!("{}: {}", error.text(), error.problem()))
}
