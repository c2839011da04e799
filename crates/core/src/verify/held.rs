//! The attestations that held, for whoever tells others what was verified.

use super::Given;
use crate::digest::Sha256Digest;
use crate::verdict::BuildLevel;

/// An attestation for which every check held: it alone is enough, unless the rule asks for several signers. Or one that
/// gave what the rule demands beside.
///
/// [`verify`](super::verify) is the only place where one is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    sha256: Sha256Digest,
    proof: Proof,
}

/// What an attestation proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// How the file was built, as far as that is believed.
    Provenance(BuildLevel),
    /// Who published it.
    Publish,
    /// That a trusted signer signed these bytes.
    BareSignature,
    /// Something else about the file, which the rule may demand; of it alone nothing is accepted.
    Beside,
}

impl Held {
    pub(super) fn new(given: &Given, proof: Proof) -> Self {
        Self { sha256: given.sha256(), proof }
    }

    /// The digest of the file that it is from, which may hold others.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// What it proves.
    pub fn proof(&self) -> Proof {
        self.proof
    }
}

impl Proof {
    /// The level that it proves; none where it says nothing of a build.
    pub fn level(self) -> Option<BuildLevel> {
        match self {
            Self::Provenance(level) => Some(level),
            Self::Publish | Self::BareSignature | Self::Beside => None,
        }
    }
}
