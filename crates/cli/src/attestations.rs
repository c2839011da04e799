//! Where a file's attestations are: in the file that was named, or beside it under the names of the field.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::verify::Given;

use crate::error::CliError;
use crate::input;

/// What follows a file's name: what `wheelmark build`, sigstore-python, the index (PEP 740) and
/// slsa-github-generator call their attestations of it.
const SUFFIXES: [&str; 6] = [
    ".sigstore.json",
    ".sigstore",
    ".provenance",
    ".publish.attestation",
    ".slsa.attestation",
    ".intoto.jsonl",
];

/// Attestations of a file, not yet believed in anything.
pub struct Found {
    /// Each file of them.
    pub given: Vec<Given>,
    /// Where there is none, in words.
    pub missing: Vec<String>,
}

impl Found {
    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.given.extend(other.given);
        self.missing.extend(other.missing);
        self
    }
}

/// Reads the attestations of a file: `named`, or all that lie beside it.
///
/// Only "there is no such file" is an absence; what cannot be read is an error.
pub fn of(
    file: &Path,
    named: Option<&Path>,
    limits: &AttestationLimits,
) -> Result<Found, CliError> {
    if let Some(path) = named {
        let bytes = input::read_bounded(path, limits.bundle)?;
        return Ok(Found { given: vec![Given { from: shown(path), bytes }], missing: Vec::new() });
    }
    let mut given = Vec::new();
    for suffix in SUFFIXES {
        let path = beside(file, suffix);
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => {
                let bytes = input::read_found(&path, limits.bundle)?;
                given.push(Given { from: shown(&path), bytes });
            }
        }
    }
    let missing = given.is_empty().then(|| {
        format!("there is no attestation at `{}`", beside(file, SUFFIXES[0]).to_string_lossy())
    });
    Ok(Found { given, missing: missing.into_iter().collect() })
}

/// Every place beside a file where attestations of it are looked for.
pub fn places(file: &Path) -> impl Iterator<Item = PathBuf> {
    SUFFIXES.iter().map(|suffix| beside(file, suffix))
}

/// The place beside a file whose name is the file's with `suffix` after it.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::new(suffix));
    PathBuf::from(name)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
