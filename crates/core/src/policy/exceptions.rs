//! Files that a policy takes without proof, each for a reason and until a day.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::attestation::timestamp::seconds;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal};

/// An exception for some files, by their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// `exceptions[N]`.
    pub name: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Why the files are taken.
    pub reason: String,
    /// Who answers for that.
    pub owner: String,
    /// The last moment at which they are.
    pub expires: DateTime<Utc>,
    /// The names under which they are taken; empty for those that their own metadata allow.
    pub names: Vec<DistFilename>,
}

/// Every exception of a policy, by the files that it is for.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    all: Vec<Exception>,
    by_file: HashMap<Sha256Digest, usize>,
}

impl Exceptions {
    /// Every one, in order.
    pub fn all(&self) -> &[Exception] {
        &self.all
    }

    /// Adds one for these files.
    pub(super) fn push(
        &mut self,
        exception: Exception,
        files: impl IntoIterator<Item = Sha256Digest>,
    ) {
        self.by_file.extend(files.into_iter().map(|file| (file, self.all.len())));
        self.all.push(exception);
    }

    /// The one that is for a file, whether it still counts or not.
    pub(super) fn of(&self, file: Sha256Digest) -> Option<&Exception> {
        self.by_file.get(&file).and_then(|number| self.all.get(*number))
    }

    /// That one is for other files of a file's project, in words: after an upgrade it is what one looks for.
    pub(super) fn beside(&self, file: &DistFilename) -> Option<String> {
        let named = self.all.iter().flat_map(|it| it.names.iter().map(move |name| (it, name)));
        let mut beside = named.filter(|(_, name)| name.project() == file.project());
        let (exception, name) = beside.next()?;
        let more = match beside.count() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let (at, line, name) = (&exception.name, exception.line, name.as_str());
        Some(format!("{at} in line {line} is for other files of it: {name}{more}"))
    }

    /// The one that is for a file at the time `now`.
    ///
    /// # Errors
    /// [`Reason::ExceptionExpired`] where there is one and its time is over.
    pub(super) fn at(
        &self,
        file: Sha256Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<&Exception>, Refusal> {
        match self.of(file) {
            Some(exception) if now > exception.expires => {
                Err(Refusal::new(Reason::ExceptionExpired)
                    .expected(format!(
                        "{} in line {}, which counts until {}",
                        exception.name,
                        exception.line,
                        seconds(exception.expires)
                    ))
                    .found(format!("verified at {}", seconds(now))))
            }
            exception => Ok(exception),
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, reason, owner, expires, .. } = self;
        write!(f, "{name}: {reason} ({owner}, until {})", seconds(*expires))
    }
}
