//! `pylock.toml`, PEP 751: <https://packaging.python.org/en/latest/specifications/pylock-toml/>.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::attested::AttestationIdentity;
use super::{
    Lock, LockError, LockFormat, LockedFile, LockedProject, Reader, Unverifiable, UnverifiableKind,
    last_part, put,
};
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// The only version there is.
pub const LOCK_VERSION: &str = "1.0";

/// A document, as far as it is used here. `P` is a [`Package`], or one with its place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Document<P = Package> {
    /// The version of the format.
    pub lock_version: String,
    /// Who wrote it.
    pub created_by: String,
    /// What is locked.
    #[serde(default = "Vec::new")]
    pub packages: Vec<P>,
}

/// One package.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// The project's name.
    pub name: String,
    /// Its version, where that is fixed.
    pub version: Option<String>,
    /// When it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// A revision of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcs: Option<toml::Table>,
    /// A folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// A direct address or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<toml::Table>,
    /// The source distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdist: Option<File>,
    /// The wheels.
    #[serde(default)]
    pub wheels: Vec<File>,
    /// Who is to have attested it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_identities: Option<Spanned<Vec<Spanned<toml::Table>>>>,
}

/// A folder that is installed from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Directory {
    /// Whether it is installed in place.
    #[serde(default)]
    pub editable: bool,
}

/// A wheel or source distribution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct File {
    /// Its name; without it, the last part of its address or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it is on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<toml::value::Datetime>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its digests.
    #[serde(default)]
    pub hashes: Hashes,
}

/// The digests of a file, as far as they are used here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Hashes {
    /// SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

impl File {
    /// Its name: as it is given, or the last part of where it is.
    pub fn filename(&self) -> Option<String> {
        let place = || self.url.as_deref().or(self.path.as_deref()).and_then(last_part);
        self.name.clone().or_else(place)
    }
}

/// A package at its place in a document, and who may have attested its files.
#[derive(Debug)]
pub struct AttestedPackage {
    /// The project.
    pub name: ProjectName,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The SHA-256 digests of its files.
    pub digests: BTreeSet<Sha256Digest>,
    /// Who may have attested them; empty where it does not say.
    pub identities: Arc<[AttestationIdentity]>,
}

/// The packages of a document, each at its place: those that no file can be held against too, and one version under
/// several markers as often as it stands there. `path` is only for messages.
///
/// # Errors
/// [`LockError`], as of [`Lock::parse`].
pub fn packages(path: &str, text: &str) -> Result<Vec<AttestedPackage>, LockError> {
    let reader = Reader { path, text };
    Lock::parse(LockFormat::Pylock, path, text)?;
    let document: Document<Spanned<Package>> = reader.toml()?;
    let read = document.packages.into_iter().map(|package| {
        let line = reader.line(package.span().start);
        let package = package.into_inner();
        let name = reader.name(line, &package.name)?;
        let identities = identities(&reader, &name, &package)?;
        let files = package.wheels.iter().chain(&package.sdist);
        let digests = files.filter_map(|file| file.hashes.sha256).collect();
        Ok(AttestedPackage { name, line, digests, identities })
    });
    read.collect()
}

/// Who may have attested a package's files; none where it does not say. A list of nobody says neither this nor that.
fn identities(
    reader: &Reader<'_>,
    name: &ProjectName,
    package: &Package,
) -> Result<Arc<[AttestationIdentity]>, LockError> {
    let Some(entries) = &package.attestation_identities else { return Ok(Arc::default()) };
    if entries.get_ref().is_empty() {
        let message = format!("`{name}` has an empty list of attestation identities");
        return Err(reader.error(reader.line(entries.span().start), message));
    }
    let read = entries.get_ref().iter().map(|entry| {
        AttestationIdentity::read(entry.get_ref()).map_err(|what| {
            let line = reader.line(entry.span().start);
            reader.error(line, format!("an attestation identity of `{name}` {what}"))
        })
    });
    read.collect()
}

pub(super) fn parse(reader: &Reader<'_>) -> Result<Lock, LockError> {
    let document: Document<Spanned<Package>> = reader.toml()?;
    reader.known("lock-version", &document.lock_version, &[LOCK_VERSION])?;
    let mut lock = Lock::default();
    for package in document.packages {
        let line = reader.line(package.span().start);
        let package = package.into_inner();
        let name = reader.name(line, &package.name)?;
        let identities = identities(reader, &name, &package)?;
        let kind = match &package {
            Package { vcs: Some(_), .. } => Some(UnverifiableKind::Vcs),
            Package { directory: Some(Directory { editable: true }), .. } => {
                Some(UnverifiableKind::Editable)
            }
            Package { directory: Some(_), .. } => Some(UnverifiableKind::Path),
            Package { archive: Some(archive), .. } if archive.contains_key("url") => {
                Some(UnverifiableKind::Url)
            }
            Package { archive: Some(_), .. } => Some(UnverifiableKind::Path),
            Package { version: None, .. } => Some(UnverifiableKind::Unpinned),
            _ => None,
        };
        if let Some(kind) = kind {
            lock.unverifiable.push(Unverifiable { name: name.to_string(), kind, line });
            continue;
        }
        let version = reader.version(line, package.version.as_deref().unwrap_or_default())?;
        let files = package.wheels.iter().chain(&package.sdist).map(|file| LockedFile {
            filename: file.filename(),
            sha256: file.hashes.sha256,
            url: file.url.clone(),
            identities: Arc::clone(&identities),
        });
        let (files, marker) = (files.collect(), package.marker);
        put(&mut lock, LockedProject { name, version, files, marker, line });
    }
    Ok(lock)
}
