//! What a policy refuses, whatever else it says and whenever it was signed.

use std::sync::Arc;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::files::Files;
use super::identity::IdentityRule;
use super::projects::{ByProject, ProjectPattern};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal};
use crate::trust::{KeyId, SignerIdentity};

/// A revocation.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// `revocations[N]`.
    pub name: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What it refuses.
    pub revoked: Revoked,
    /// Why.
    pub reason: String,
}

/// What a revocation refuses.
#[derive(Debug, Clone)]
pub enum Revoked {
    /// Files, by their digests.
    Files(BTreeSet<Sha256Digest>),
    /// Files by project and, where `Files` says more, by version, kind and tags.
    Releases(BTreeSet<ProjectPattern>, Files),
    /// Signers by key.
    Keys(BTreeSet<KeyId>),
    /// Signers by certificate.
    Identities(Vec<Arc<IdentityRule>>),
}

/// Every revocation of a policy.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    all: Vec<Revocation>,
    by_file: HashMap<Sha256Digest, usize>,
    by_project: ByProject,
}

impl Revocations {
    /// Every one, in order.
    pub fn all(&self) -> &[Revocation] {
        &self.all
    }

    pub(super) fn push(&mut self, revocation: Revocation) {
        let number = self.all.len();
        match &revocation.revoked {
            Revoked::Files(files) => self.by_file.extend(files.iter().map(|file| (*file, number))),
            Revoked::Releases(projects, _) => {
                projects.iter().for_each(|project| self.by_project.insert(project, number));
            }
            Revoked::Keys(_) | Revoked::Identities(_) => {}
        }
        self.all.push(revocation);
    }

    /// Those of signers, by the names that they have here.
    pub(super) fn of_signers(&self) -> Self {
        let signers =
            |it: &&Revocation| matches!(it.revoked, Revoked::Keys(_) | Revoked::Identities(_));
        Self { all: self.all.iter().filter(signers).cloned().collect(), ..Self::default() }
    }

    /// The first one that is for these bytes.
    pub(super) fn of_bytes(&self, sha256: Sha256Digest) -> Option<&Revocation> {
        self.by_file.get(&sha256).and_then(|number| self.all.get(*number))
    }

    /// The first one that is for some release of a project, whichever.
    pub(super) fn of_name(&self, project: &str) -> Option<&Revocation> {
        self.by_project.rules(project).first().and_then(|number| self.all.get(*number))
    }

    /// The first one that is for a signer.
    pub(super) fn of_signer(&self, signer: &SignerIdentity) -> Option<&Revocation> {
        self.all.iter().find(|it| match (&it.revoked, signer) {
            (Revoked::Keys(keys), SignerIdentity::Key(id)) => keys.contains(id),
            (Revoked::Identities(identities), SignerIdentity::Certificate(certificate)) => {
                identities.iter().any(|identity| identity.is_of(certificate))
            }
            _ => false,
        })
    }

    /// Holds that a file is not revoked, by its bytes or by its name.
    ///
    /// # Errors
    /// [`Reason::FileRevoked`].
    pub(super) fn check_file(
        &self,
        file: &DistFilename,
        sha256: Sha256Digest,
    ) -> Result<(), Refusal> {
        let by_name = || {
            let numbers = self.by_project.rules(file.project().as_str());
            let mut named = numbers.into_iter().filter_map(|number| self.all.get(number));
            named.find(|it| matches!(&it.revoked, Revoked::Releases(_, files) if files.touch(file)))
        };
        match self.of_bytes(sha256).or_else(by_name) {
            None => Ok(()),
            Some(revocation) => Err(Refusal::new(Reason::FileRevoked)
                .expected("a file that is not revoked")
                .found(revocation.to_string())),
        }
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in line {}: {}", self.name, self.line, self.reason)
    }
}
