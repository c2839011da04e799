//! The file under test, read once from disk.

use std::io::{self, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, FilenameError};
use wheelmark_core::limits::WheelLimits;
use wheelmark_core::report::{Reason, Refusal};
use wheelmark_core::verify::{Artifact, Contents};
use wheelmark_core::wheel::{self, WheelError};

use crate::error::CliError;
use crate::input::Watched;
use crate::interrupt;

/// Reads a file strictly. What is wrong with its name or its bytes is part of the artifact; an error is
/// only that it could not be read.
pub fn read(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Artifact, CliError> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    read_as(&name.to_string_lossy(), path, cancel)
}

/// Reads a file that will get its name later.
pub fn read_as(name: &str, path: &Path, cancel: &Arc<AtomicBool>) -> Result<Artifact, CliError> {
    let name = name.to_owned();
    let failed = |error: io::Error| {
        interrupt::check(cancel)
            .err()
            .unwrap_or_else(|| CliError::io("read", path, &error))
    };
    let mut file = Watched::open(path, cancel)?;
    let filename = DistFilename::parse(&name).map_err(|error| malformed(&error));
    let read = match &filename {
        Ok(DistFilename::Wheel(filename)) => {
            match wheel::read(&mut file, filename.clone(), &WheelLimits::standard()) {
                Ok(wheel) => Ok(wheel),
                Err(WheelError::Refused(refusal)) => Err(refused(refusal)),
                Err(WheelError::Io(error)) => return Err(failed(error)),
            }
        }
        // sdist
        Ok(DistFilename::Sdist(_)) => Err(Refusal::new(Reason::FilenameMalformed)
            .expected("a wheel: this version verifies no source distributions")
            .found(name.clone())),
        Err(refusal) => Err(refusal.clone()),
    };
    let (sha256, contents) = match read {
        Ok(wheel) => (wheel.sha256(), Ok(Contents::Wheel(Box::new(wheel)))),
        Err(refusal) => {
            file.rewind().map_err(failed)?;
            let (sha256, _) = Sha256Digest::of_reader(&mut file).map_err(failed)?;
            (sha256, Err(refusal))
        }
    };
    Ok(Artifact {
        name,
        filename,
        contents,
        sha256,
    })
}

fn malformed(error: &FilenameError) -> Refusal {
    Refusal::new(error.reason()).found(format!("{}: {}", error.text(), error.problem()))
}

fn refused(refusal: wheel::Refusal) -> Refusal {
    let found = match refusal.member {
        Some(member) => format!("{member}: {}", refusal.found),
        None => refusal.found,
    };
    Refusal::new(refusal.reason)
        .expected_all(refusal.expected)
        .found(found)
}
