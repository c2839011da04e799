//! Who made which claim about a file, under no policy: for whoever is to write one.

use chrono::{DateTime, Utc};

use super::Given;
use super::tried::{parameters, read_all};
use crate::attestation::bundle::Attestation;
use crate::attestation::certified::certified;
use crate::attestation::envelope::{self, VerifiedEnvelope};
use crate::attestation::origin::Origin;
use crate::attestation::predicate::Predicate;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::AttestationLimits;
use crate::report::{Reason, Refusal, Status};
use crate::subject;
use crate::trust::{CertificateIdentity, KeyId, SignerIdentity, TrustRoot};

/// What the holder of a certificate signed about a file. It says who that was, and not that they may.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Who signed.
    pub signer: CertificateIdentity,
    /// Where the file came from, as the claim and the certificate say.
    pub origin: Origin,
    /// The type of what was signed.
    pub predicate_type: String,
    /// The build type, of provenance.
    pub build_type: Option<String>,
}

/// Who signed an attestation that holds of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Signed {
    /// The holder of a certificate, and what they claim.
    Certificate(Box<Claim>),
    /// A key. What it claims of the file's origin, nobody beside it vouches for.
    Key(KeyId),
}

/// Each attestation of a file by its claim, as far as a certificate of an instance of `trust` made it about exactly
/// this file.
///
/// # Errors
/// In place of a claim why there is none, as [`verify`](super::verify) would say it.
pub fn claims(
    file: &DistFilename,
    sha256: Sha256Digest,
    given: &[Given],
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Vec<Result<Claim, Refusal>> {
    let by_a_key =
        || Refusal::new(Reason::SignerUnsupported).expected("a signature by a certificate");
    let all = signed(file, sha256, given, trust, now).into_iter();
    all.map(|signed| match signed? {
        Signed::Certificate(claim) => Ok(*claim),
        Signed::Key(_) => Err(by_a_key()),
    })
    .collect()
}

/// Each attestation of a file by who signed it, as far as a key or a certificate of an instance of `trust` did, and about
/// exactly this file.
///
/// # Errors
/// In place of a signer why there is none, as [`verify`](super::verify) would say it.
pub fn signed(
    file: &DistFilename,
    sha256: Sha256Digest,
    given: &[Given],
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Vec<Result<Signed, Refusal>> {
    let limits = AttestationLimits::standard();
    let all = read_all(given, &limits).into_iter();
    all.map(|(_, attestation)| claim(file, sha256, &attestation?, trust, now, &limits)).collect()
}

fn claim(
    file: &DistFilename,
    sha256: Sha256Digest,
    attestation: &Attestation,
    trust: &TrustRoot,
    now: DateTime<Utc>,
    limits: &AttestationLimits,
) -> Result<Signed, Refusal> {
    let over = envelope::Signed::Digest(sha256);
    let envelope = VerifiedEnvelope::verify(attestation, trust, over, now)?;
    // Over the very file, it says who signed and nothing else, which of a key is all that there is to say.
    if let SignerIdentity::Key(id) = envelope.signer()
        && envelope.is_bare()
    {
        return Ok(Signed::Key(id.clone()));
    }
    let statement = envelope.statement(limits)?;
    for status in [subject::name((&statement, file)), subject::digest(&statement, file, sha256)] {
        if let Status::Failed(refusal) = status {
            return Err(refusal);
        }
    }
    let predicate = Predicate::read(&statement)?;
    let (origin, _) = parameters((&predicate, file))?;
    let signer = match envelope.signer() {
        SignerIdentity::Certificate(signer) => signer,
        SignerIdentity::Key(id) => return Ok(Signed::Key(id.clone())),
    };
    Ok(Signed::Certificate(Box::new(Claim {
        signer: (**signer).clone(),
        origin: certified(origin, signer)?,
        predicate_type: statement.predicate_type.clone(),
        build_type: predicate.build_type().map(ToOwned::to_owned),
    })))
}
