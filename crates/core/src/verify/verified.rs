//! What exists only of a file for which every check held.

use super::{Contents, Outcome};
use crate::attestation::origin::Origin;
use crate::attestation::pep517::Pep517Build;
use crate::digest::Sha256Digest;
use crate::report::{Decision, Report};
use crate::trust::SignerIdentity;
use crate::wheel::Wheel;

/// A file and its origin for which every check held, but for a rebuild that may still be owed.
///
/// [`verify`](super::verify) is the only place where one is made.
#[derive(Debug, Clone)]
pub struct VerifiedProvenance {
    pub(super) sha256: Sha256Digest,
    pub(super) signer: SignerIdentity,
    pub(super) origin: Origin,
    pub(super) build: Option<VerifiedBuild>,
    pub(super) attestation: Sha256Digest,
}

/// Everything that a rebuild needs, from provenance for which every check held.
#[derive(Debug, Clone)]
pub struct VerifiedBuild {
    pub(super) sha256: Sha256Digest,
    pub(super) build: Pep517Build,
}

impl VerifiedBuild {
    /// The digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// How it was built.
    pub fn get(&self) -> &Pep517Build {
        &self.build
    }
}

impl VerifiedProvenance {
    /// The digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Who signed.
    pub fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// Where the file came from, as the provenance and the signer's certificate say.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The digest of the file of attestations that says so.
    pub fn attestation(&self) -> Sha256Digest {
        self.attestation
    }

    /// How the file was built, where the provenance is of a build type that says all of it.
    pub fn build(&self) -> Option<&VerifiedBuild> {
        self.build.as_ref()
    }
}

/// A wheel that was accepted: the only thing that may be handed on to an installer or served.
#[derive(Debug, Clone)]
pub struct VerifiedWheel {
    wheel: Box<Wheel>,
}

impl VerifiedWheel {
    /// The wheel.
    pub fn wheel(&self) -> &Wheel {
        &self.wheel
    }
}

impl Outcome {
    /// The wheel, if the report accepts it.
    ///
    /// # Errors
    /// The report, when it rejects the file or the file is not a wheel.
    pub fn into_wheel(self) -> Result<VerifiedWheel, Box<Report>> {
        match (self.report.decision(), self.contents) {
            (Decision::Accepted, Some(Contents::Wheel(wheel))) => Ok(VerifiedWheel { wheel }),
            _ => Err(Box::new(self.report)),
        }
    }
}
