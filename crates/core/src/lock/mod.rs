//! Lock files: which files of which projects somebody decided to install.
//!
//! A lock is read whole and strictly. What cannot be held against a file (a repository, a folder, an
//! address, an entry without a digest) is told apart by its kind and kept by name, so that whoever asks for
//! everything in a lock learns of what was not looked at.

mod asked;
mod attested;
mod poetry;
pub mod pylock;
mod requirements;
mod uv;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use pep440_rs::Version;
use url::Url;

use crate::digest::Sha256Digest;
use crate::filename::{DistFilename, ProjectName};
use crate::report::{Escaped, Reason, Refusal};
use crate::requirement::is_of_version;

pub use asked::Surroundings;
pub use attested::AttestationIdentity;

/// Digests that a refusal lists; a project with wheels for every platform has a hundred.
const LISTED: usize = 4;

/// The forms of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFormat {
    /// `requirements.txt` with hashes, as pip reads it.
    Requirements,
    /// `pylock.toml`, PEP 751.
    Pylock,
    /// `uv.lock`.
    Uv,
    /// `poetry.lock`.
    Poetry,
}

impl LockFormat {
    /// The form of a file of this name, without folders; `None` where the name does not tell.
    pub fn of(filename: &str) -> Option<Self> {
        match filename {
            "uv.lock" => Some(Self::Uv),
            "poetry.lock" => Some(Self::Poetry),
            "pylock.toml" => Some(Self::Pylock),
            // PEP 751: `pylock.`, a word without a dot, `.toml`.
            name if name
                .strip_prefix("pylock.")
                .and_then(|rest| rest.strip_suffix(".toml"))
                .is_some_and(|word| !word.is_empty() && !word.contains('.')) =>
            {
                Some(Self::Pylock)
            }
            name if name.ends_with(".txt") => Some(Self::Requirements),
            name if name.starts_with("requirements") && name.ends_with(".lock") => {
                Some(Self::Requirements)
            }
            _ => None,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requirements => "requirements.txt",
            Self::Pylock => "pylock.toml",
            Self::Uv => "uv.lock",
            Self::Poetry => "poetry.lock",
        }
    }
}

/// A lock that was read whole.
#[derive(Debug, Clone, Default)]
pub struct Lock {
    /// The projects whose files can be held against it, in the order of the file.
    pub entries: Vec<LockedProject>,
    /// What is locked in a way that no file can be held against.
    pub unverifiable: Vec<Unverifiable>,
    /// What was left out of account, for people.
    pub notes: Vec<String>,
    /// Who asks for whom, where the lock says so of everything.
    graph: Option<asked::Graph>,
}

/// One project at one version, and its files.
#[derive(Debug, Clone)]
pub struct LockedProject {
    /// The project.
    pub name: ProjectName,
    /// The version.
    pub version: Version,
    /// The files that may be installed for it.
    pub files: Vec<LockedFile>,
    /// When it is asked for at all (PEP 508), where the lock says so. It is never evaluated.
    pub marker: Option<String>,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// One file of a locked project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedFile {
    /// Its name; `requirements.txt` has none.
    pub filename: Option<String>,
    /// Its digest; absent where the lock has only others.
    pub sha256: Option<Sha256Digest>,
    /// Where it was found. It may hold a password: not to be shown.
    pub url: Option<String>,
    /// `attestation-identities` of PEP 751: of these one must have attested it. Empty where nobody is named.
    pub identities: Arc<[AttestationIdentity]>,
}

/// Something that is locked, and that no file can be held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverifiable {
    /// Its name, or its text where it has none. Not to be trusted: escape it where it is shown.
    pub name: String,
    /// What it is.
    pub kind: UnverifiableKind,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// Why no file can be held against an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnverifiableKind {
    /// It is a revision of a repository.
    Vcs,
    /// It is a folder that is installed in place.
    Editable,
    /// It is a file or folder of the machine.
    Path,
    /// It is an address, not a file of an index.
    Url,
    /// It has no SHA-256 digest.
    NoHash,
    /// It has one, and beside it a file or a digest that only another algorithm, or none, holds.
    OtherHash,
    /// It is not held to one version.
    Unpinned,
}

impl UnverifiableKind {
    /// What it is, as the rest of a sentence about it.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Vcs => {
                "is a revision of a repository, of which there is no distribution to verify"
            }
            Self::Editable => {
                "is an editable folder, which is no distribution that could be verified"
            }
            Self::Path => "is a path of a machine, not a distribution of an index",
            Self::Url => "is a direct address, not a distribution of an index",
            Self::NoHash => "has no sha256 digest in the lock, which so allows any file",
            Self::OtherHash => {
                "has a file without a sha256 digest in the lock, which so allows one that is not known"
            }
            Self::Unpinned => "is not held to one version with `==`",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Vcs | Self::Url => "lock a released version of it instead",
            Self::Editable | Self::Path => {
                "lock without it (`uv export --no-emit-project`, for a project of your own)"
            }
            Self::NoHash | Self::OtherHash => {
                "lock with digests (`uv pip compile --generate-hashes`, for example)"
            }
            Self::Unpinned => "lock it to one version (`uv pip compile --generate-hashes` does)",
        }
    }
}

/// A lock that is refused, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", Escaped(.path))]
pub struct LockError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong. Text from the file is escaped already.
    pub message: String,
    /// What to do about it, where there is something.
    pub hint: Option<&'static str>,
}

impl Lock {
    /// Reads a lock. `path` is only for messages.
    ///
    /// # Errors
    /// [`LockError`] for what is no lock of this format and of a known version, and for one that locks
    /// nothing or one thing twice.
    pub fn parse(format: LockFormat, path: &str, text: &str) -> Result<Self, LockError> {
        let reader = Reader { path, text };
        let mut lock = match format {
            LockFormat::Requirements => requirements::parse(&reader),
            LockFormat::Pylock => pylock::parse(&reader),
            LockFormat::Uv => uv::parse(&reader),
            LockFormat::Poetry => poetry::parse(&reader),
        }?;
        // Nothing to verify must not come out as "all of it was verified".
        if lock.entries.is_empty() && lock.unverifiable.is_empty() {
            return Err(reader.error(1, "nothing is locked here, so there is nothing to verify"));
        }
        let mut entries: BTreeMap<_, LockedProject> = BTreeMap::new();
        for entry in lock.entries {
            let line = entry.line;
            match entries.entry((entry.name.clone(), entry.version.clone())) {
                Entry::Vacant(place) => _ = place.insert(entry),
                Entry::Occupied(mut first) if first.get().marker != entry.marker => {
                    first.get_mut().unite(entry);
                }
                Entry::Occupied(_) => {
                    return Err(reader.error(line, format!("{entry} is there twice")));
                }
            }
        }
        lock.entries = entries.into_values().collect();
        lock.entries.sort_by_key(|entry| entry.line);
        Ok(lock)
    }
}

impl LockedProject {
    /// Whether a file of this name is one of this project and version. One that is locked without a local
    /// version stands for all of them, as `==` does (PEP 440).
    pub fn is_of(&self, file: &DistFilename) -> bool {
        *file.project() == self.name && is_of_version(file.version(), &self.version)
    }

    /// Takes up what is locked of the same version under another marker: from another index, for example.
    fn unite(&mut self, other: Self) {
        let markers = self.marker.take().zip(other.marker);
        self.marker = markers.map(|(one, another)| format!("({one}) or ({another})"));
        self.files.extend(other.files);
    }

    /// The SHA-256 digests of its files.
    pub fn digests(&self) -> impl Iterator<Item = Sha256Digest> {
        self.files.iter().filter_map(|file| file.sha256)
    }

    /// Whether a file of these bytes is one of the project's, under whatever name.
    pub fn has(&self, sha256: Sha256Digest) -> bool {
        self.files.iter().any(|file| file.sha256 == Some(sha256))
    }

    /// Holds a file against the lock: it must be of the project and version; where the lock has a file of
    /// this name, it is held by that one's digest, and otherwise by the digests of all the project's files.
    ///
    /// # Errors
    /// [`Reason::LockDigestMismatch`].
    pub fn admits(&self, file: Option<&DistFilename>, sha256: Sha256Digest) -> Result<(), Refusal> {
        // What is installed for a project must not be another one, which the policy may judge otherwise.
        if let Some(file) = file.filter(|file| !self.is_of(file)) {
            let refusal = Refusal::new(Reason::LockDigestMismatch).found(file.as_str());
            return Err(refusal.expected(format!("a file of {self}")));
        }
        let of_this_name = |locked: &&LockedFile| match (file, &locked.filename) {
            (Some(file), Some(name)) => DistFilename::parse(name).is_ok_and(|name| name == *file),
            _ => false,
        };
        let mut candidates: Vec<_> = self.files.iter().filter(of_this_name).collect();
        if candidates.is_empty() {
            candidates = self.files.iter().collect();
        }
        if candidates.iter().any(|locked| locked.sha256 == Some(sha256)) {
            return Ok(());
        }
        let digests: Vec<_> = candidates.iter().filter_map(|locked| locked.sha256).collect();
        let refusal = Refusal::new(Reason::LockDigestMismatch).found(format!("sha256 {sha256}"));
        Err(if digests.len() > LISTED {
            refusal.expected(format!("one of the {} digests locked for {self}", digests.len()))
        } else {
            refusal.expected_all(digests.iter().map(|sha256| format!("sha256 {sha256}")))
        })
    }
}

impl fmt::Display for LockedProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.version)
    }
}

/// What is common to the readers: the text, and the places in it.
struct Reader<'a> {
    path: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, line: usize, message: impl Into<String>) -> LockError {
        LockError { path: self.path.to_owned(), line, message: message.into(), hint: None }
    }

    /// The line of a place in the text, from 1.
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Reads TOML into its shape.
    fn toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, LockError> {
        toml::from_str(self.text).map_err(|error| {
            let Range { start, .. } = error.span().unwrap_or(0..0);
            self.error(self.line(start), Escaped(error.message()).to_string())
        })
    }

    fn name(&self, line: usize, text: &str) -> Result<ProjectName, LockError> {
        let wrong = || self.error(line, format!("not a project name: `{}`", Escaped(text)));
        text.parse().map_err(|_| wrong())
    }

    fn version(&self, line: usize, text: &str) -> Result<Version, LockError> {
        let wrong = || self.error(line, format!("not a version: `{}`", Escaped(text)));
        text.parse().map_err(|_| wrong())
    }

    /// A digest written as `sha256:…`; `None` for one of another algorithm, which is not used here.
    fn hash(&self, line: usize, text: &str) -> Result<Option<Sha256Digest>, LockError> {
        let shown = || Escaped(text).to_string();
        match text.split_once(':') {
            Some(("sha256", digits)) => match digits.parse() {
                Ok(digest) => Ok(Some(digest)),
                Err(_) => Err(self.error(line, format!("not a sha256 digest: `{}`", shown()))),
            },
            Some((_, digits)) if !digits.is_empty() => Ok(None),
            _ => Err(self.error(line, format!("not a digest like `sha256:…`: `{}`", shown()))),
        }
    }

    /// A list of versions is known, or the lock is refused: a newer one may mean something else.
    fn known(&self, what: &str, found: &str, known: &[&str]) -> Result<(), LockError> {
        if known.contains(&found) {
            return Ok(());
        }
        let line = self.text.lines().position(|line| line.trim_start().starts_with(what));
        let found = Escaped(found);
        let known = known.join(" and ");
        let message = format!("{what} `{found}` is not known; this version reads {known}");
        Err(self.error(line.unwrap_or(0) + 1, message))
    }
}

/// Puts an entry where it belongs: with the projects, or, where not every one of its files has a digest, with
/// what cannot be verified: an installer may take any of them.
fn put(lock: &mut Lock, entry: LockedProject) {
    let held = entry.files.iter().filter(|file| file.sha256.is_some()).count();
    let kind = match held {
        0 => UnverifiableKind::NoHash,
        _ if held < entry.files.len() => UnverifiableKind::OtherHash,
        _ => return lock.entries.push(entry),
    };
    let name = format!("{} {}", entry.name, entry.version);
    lock.unverifiable.push(Unverifiable { name, kind, line: entry.line });
}

/// The last part of an address or path: the file's name. Only addresses are encoded.
fn last_part(place: &str) -> Option<String> {
    let last = |path: &str| path.rsplit('/').next().filter(|it| !it.is_empty()).map(str::to_owned);
    if !place.contains("://") {
        return last(place);
    }
    let encoded = last(Url::parse(place).ok()?.path())?;
    Some(percent_encoding::percent_decode_str(&encoded).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests;
