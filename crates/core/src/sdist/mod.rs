//! A source distribution, read as the hostile archive it may be.
//!
//! [`read`] is the only way to an [`Sdist`]. It runs once over the file, forwards and in bounded memory,
//! and either all of these hold or there is no `Sdist`:
//!
//! 1. the file is one gzip member with nothing after it, and no installer could take it for a zip
//!    (`gzip`);
//! 2. the tar in it says one thing to every reader: headers that parse in one way, names and sizes that
//!    are given once, an end that is one (`header`, `extended`, `tar`);
//! 3. every member is a file, a directory or a link that stays inside (`link`), under the one directory
//!    of the project and version, with a name that is safe and distinct (`dist::names`);
//! 4. PKG-INFO agrees with the file name (`dist::metadata`).
//!
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/>

mod error;
mod extended;
mod gzip;
mod header;
mod link;
mod member;
mod tar;

use std::io::Read;

use crate::digest::Sha256Digest;
use crate::dist::{Metadata, Refusal, names};
use crate::filename::SdistFilename;
use crate::limits::SdistLimits;
use crate::report::Reason;

pub use error::SdistError;
pub use member::{Kind, Member};

/// A source distribution whose archive and metadata hold. Made by [`read`] only.
#[derive(Debug, Clone)]
pub struct Sdist {
    filename: SdistFilename,
    sha256: Sha256Digest,
    size: u64,
    members: Vec<Member>,
    metadata: Metadata,
}

/// Reads a source distribution and holds every rule of this module. `reader` is read to its end, once.
///
/// # Errors
/// [`SdistError::Refused`] with the first rule that does not hold; [`SdistError::Io`] when the file could
/// not be read, which says nothing about the source distribution.
pub fn read<R: Read>(
    reader: R,
    filename: SdistFilename,
    limits: &SdistLimits,
) -> Result<Sdist, SdistError> {
    let mut tar = tar::Tar::new(reader, limits);
    let mut root = String::new();
    let mut members = Vec::new();
    let mut metadata = None;
    while let Some((member, content)) = tar.next(is_pkg_info)? {
        if members.is_empty() {
            root = root_of(&member, &filename)?;
        }
        if members.len() == limits.members {
            let refusal = Refusal::new(Reason::ArchiveTooManyMembers, "one more");
            return Err(refusal.expected(format!("at most {}", limits.members)).into());
        }
        if !member.name().starts_with(&root) {
            let refusal = Refusal::new(Reason::SdistRoot, member.name());
            return Err(refusal.expected(format!("everything in `{root}`")).into());
        }
        if is_pkg_info(member.name()) && matches!(member.kind(), Kind::File { .. }) {
            let parsed = Metadata::parse(&content, filename.project(), filename.version());
            metadata = Some(parsed.map_err(|refusal| refusal.at(member.name()))?);
        }
        members.push(member);
    }
    names::check_all(members.iter().map(Member::name))?;
    let Some(metadata) = metadata else {
        let refusal = Refusal::new(Reason::SdistPkgInfoMissing, "no such file");
        return Err(refusal.at(&format!("{root}PKG-INFO")).into());
    };
    let (sha256, size) = tar.finish()?;
    Ok(Sdist { filename, sha256, size, members, metadata })
}

/// PKG-INFO of the top directory; those further down are the project's own files.
fn is_pkg_info(name: &str) -> bool {
    name.split_once('/').is_some_and(|(_, rest)| rest == "PKG-INFO")
}

/// The one directory in which everything lies, and a `/`: spelled in any way, the file name's project and
/// version.
fn root_of(member: &Member, filename: &SdistFilename) -> Result<String, Refusal> {
    let (first, _) = member.name().split_once('/').unwrap_or((member.name(), ""));
    match SdistFilename::parse(&format!("{first}.tar.gz")) {
        Ok(parsed) if parsed == *filename => Ok(format!("{first}/")),
        _ => {
            let refusal = Refusal::new(Reason::SdistRoot, member.name());
            let expected = format!("{}-{}/", filename.project(), filename.version());
            Err(refusal.expected(expected))
        }
    }
}

impl Sdist {
    /// The file name it was read under, with which its contents agree.
    pub fn filename(&self) -> &SdistFilename {
        &self.filename
    }

    /// The digest of the whole file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The members, in the order of the archive.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// PKG-INFO.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}
