//! The signed envelope: what a trusted signer signed, and when.
//!
//! [`VerifiedEnvelope::verify`] is the only place where one is made. Signatures by certificate, log proofs
//! and time stamps are held by the Sigstore libraries, through [`Instance`].

use chrono::{DateTime, Utc};
use serde_json::Value;
use sigstore_types::{
    Artifact, ArtifactDigest, Bundle, DsseEnvelope, HashAlgorithm, Sha256Hash, Sha512Hash,
    SignatureContent,
};

use super::bundle::{Attestation, ClaimedSigner};
use super::document;
use super::predicate::{STATEMENT_V0_1_TYPE, statement_type_fits};
use super::statement::{PAYLOAD_TYPE, ResourceDescriptor, STATEMENT_TYPE, Statement};
use crate::digest::Sha256Digest;
use crate::json;
use crate::limits::AttestationLimits;
use crate::report::{Reason, Refusal};
use crate::trust::{Instance, KeyId, SignerIdentity, TrustRoot, TrustedKey};

/// The file that a signature may be over.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Its digest, which is all that is needed unless the signer's algorithm hashes for itself.
    Digest(Sha256Digest),
    /// Its bytes.
    Bytes(&'a [u8]),
}

/// What a trusted signer signed.
#[derive(Debug, Clone)]
pub struct VerifiedEnvelope {
    /// The payload of the envelope; absent for a signature over the bare file.
    payload: Option<Vec<u8>>,
    signer: SignerIdentity,
    times: Vec<DateTime<Utc>>,
}

impl VerifiedEnvelope {
    /// Holds a signature against the trust root: that of an envelope over the DSSE pre-authentication
    /// encoding (DSSE v1.0.2, "Signature Definition"), any other over the file.
    ///
    /// A plain key is a candidate when the bundle's hint is its id. A hint of another form is whatever signer
    /// and verifier agreed on, so a bundle with one is tried against every trusted key, as is one without.
    /// A certificate is held against each instance of the trust root.
    ///
    /// # Errors
    /// [`Reason::SignerUnsupported`] where nothing is trusted that could have signed so,
    /// [`Reason::KeyUnknown`], [`Reason::KeyIdMismatch`], [`Reason::KeyNotValidNow`],
    /// [`Reason::SignatureInvalid`], [`Reason::PayloadTypeWrong`], [`Reason::SignedLater`] for a time
    /// after `now`, [`Reason::PublisherDisagrees`], and what an instance refuses.
    pub fn verify(
        attestation: &Attestation,
        trust: &TrustRoot,
        file: Signed<'_>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let verified = match &attestation.signed_by {
            ClaimedSigner::Key { hint } => by_key(&attestation.bundle, hint, trust, file, now)?,
            ClaimedSigner::Certificate => by_certificate(&attestation.bundle, trust, file)?,
        };
        if let Some(later) = verified.times.iter().find(|time| **time > now) {
            return Err(Refusal::new(Reason::SignedLater)
                .expected(format!("not after {}", now.to_rfc3339()))
                .found(later.to_rfc3339()));
        }
        match (&attestation.publisher, &verified.signer) {
            (None, _) => Ok(verified),
            (Some(publisher), SignerIdentity::Certificate(certificate)) => {
                publisher.agrees(certificate).map(|()| verified)
            }
            (Some(_), SignerIdentity::Key(_)) => Err(Refusal::new(Reason::PublisherDisagrees)
                .expected("a certificate of the publisher")
                .found("a signature by a key")),
        }
    }

    /// Who signed.
    pub fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// When it was signed, by every log and time stamp authority that vouches for a time; empty where
    /// none does.
    pub fn times(&self) -> &[DateTime<Utc>] {
        &self.times
    }

    /// Whether it is a signature over the bare file, which says nothing of its origin.
    pub fn is_bare(&self) -> bool {
        self.payload.is_none()
    }

    /// The statement that was signed.
    ///
    /// # Errors
    /// [`Reason::BundleNotAttestation`] for a signature over the bare file, and
    /// [`Reason::StatementMalformed`] unless it is an in-toto Statement in strict JSON.
    pub fn statement(&self, limits: &AttestationLimits) -> Result<Statement, Refusal> {
        let statement = self.read(limits)?;
        if !statement_type_fits(&statement.statement_type, &statement.predicate_type) {
            return Err(Refusal::new(Reason::StatementMalformed)
                .expected("`_type` https://in-toto.io/Statement/v1")
                .found(statement.statement_type));
        }
        Ok(statement)
    }

    /// What the statement is about, whatever it says of it: for a caller who asks who signed, and nothing
    /// of the predicate.
    ///
    /// # Errors
    /// As [`Self::statement`]; v0.1 may be of any predicate type here.
    pub fn subjects(&self, limits: &AttestationLimits) -> Result<Vec<ResourceDescriptor>, Refusal> {
        let statement = self.read(limits)?;
        match statement.statement_type.as_str() {
            STATEMENT_TYPE | STATEMENT_V0_1_TYPE => Ok(statement.subject),
            _ => Err(Refusal::new(Reason::StatementMalformed)
                .expected_all(
                    [STATEMENT_TYPE, STATEMENT_V0_1_TYPE].map(|it| format!("`_type` {it}")),
                )
                .found(statement.statement_type)),
        }
    }

    fn read(&self, limits: &AttestationLimits) -> Result<Statement, Refusal> {
        let payload = self.payload.as_ref().ok_or_else(|| {
            Refusal::new(Reason::BundleNotAttestation)
                .expected("a DSSE envelope; `bare-signature = true` of a rule takes the other, or `--bare-signature`")
                .found("a signature over the bare file, which says nothing of its origin")
        })?;
        read_statement(payload, limits.bundle)
    }
}

fn read_statement(payload: &[u8], limit: usize) -> Result<Statement, Refusal> {
    let malformed = |found: String| Refusal::new(Reason::StatementMalformed).found(found);
    let value = json::parse(payload, limit).map_err(|error| malformed(error.to_string()))?;
    let subjects = value.get("subject").and_then(Value::as_array);
    if let Some(key) = other_case(&value, &["_type", "subject", "predicateType", "predicate"])
        .or_else(|| subjects?.iter().find_map(|it| other_case(it, &["name", "digest"])))
    {
        return Err(malformed(format!("the key `{key}`, in other case than it is known by")));
    }
    document::read(&value).map_err(|error| malformed(error.to_string()))
}

/// A key that is one of these but for its case: some readers take the one for the other.
fn other_case<'a>(object: &'a Value, known: &[&str]) -> Option<&'a String> {
    let other = |key: &&String| {
        known.iter().any(|name| name.eq_ignore_ascii_case(key) && *name != key.as_str())
    };
    object.as_object()?.keys().find(other)
}

fn by_certificate(
    bundle: &Bundle,
    trust: &TrustRoot,
    file: Signed<'_>,
) -> Result<VerifiedEnvelope, Refusal> {
    let mut refused = Vec::new();
    for instance in trust.instances() {
        match instance.verify_certificate(bundle, subject(bundle, file)?) {
            Ok(shown) => {
                return Ok(VerifiedEnvelope {
                    payload: payload(bundle),
                    signer: SignerIdentity::Certificate(Box::new(shown.what)),
                    times: shown.times,
                });
            }
            Err(refusal) => refused.push((instance, refusal)),
        }
    }
    Err(furthest(refused).unwrap_or_else(|| {
        Refusal::new(Reason::SignerUnsupported)
            .expected("a signature by a key that is trusted")
            .found("a signature by a certificate, and no Sigstore instance is trusted")
    }))
}

/// Of several instances' refusals the one of an instance that knows the certificate's authority: the others
/// say no more than that the certificate is not theirs.
fn furthest(refused: Vec<(&Instance, Refusal)>) -> Option<Refusal> {
    let names: Vec<_> = refused.iter().map(|(instance, _)| instance.name().to_string()).collect();
    let foreign = |refusal: &Refusal| match refusal.reason {
        Reason::CertificateUntrusted | Reason::TimestampMissing | Reason::LogUnknown => true,
        // The library has one kind of error for every wrong time stamp, and says these of a stranger's.
        Reason::TimestampInvalid => refusal.found.as_ref().is_some_and(|found| {
            found.contains("does not match any trusted TSA certificate")
                || found.contains("no timestamp authorities configured")
        }),
        _ => false,
    };
    let mut refused: Vec<_> = refused.into_iter().map(|(_, refusal)| refusal).collect();
    let at = refused.iter().position(|refusal| !foreign(refusal)).unwrap_or(0);
    if refused.is_empty() {
        return None;
    }
    let mut refusal = refused.swap_remove(at);
    if refusal.expected.is_empty() {
        refusal.expected.push(format!(
            "a signature that the trusted root of {} vouches for",
            names.join(" or ")
        ));
    }
    Some(refusal)
}

fn by_key(
    bundle: &Bundle,
    hint: &str,
    trust: &TrustRoot,
    file: Signed<'_>,
    now: DateTime<Utc>,
) -> Result<VerifiedEnvelope, Refusal> {
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content {
        let stated = envelope.signature.keyid.as_str();
        if !stated.is_empty() && stated != hint {
            return Err(Refusal::new(Reason::KeyIdMismatch)
                .expected(format!("the bundle's hint `{hint}`"))
                .found(format!("the envelope's keyid `{stated}`")));
        }
    }
    let named = KeyId::of_hint(hint);
    let candidates: Vec<_> =
        trust.keys().filter(|key| named.as_ref().is_none_or(|id| id == key.id())).collect();
    if candidates.is_empty() {
        return Err(Refusal::new(Reason::KeyUnknown)
            .expected_all(trust.keys().map(|key| key.id().to_string()))
            .found(KeyId::describe_hint(hint)));
    }
    let mut refused = None;
    for key in &candidates {
        match held_by(key, bundle, file) {
            Ok(times) => {
                check_validity(key, &times, now)?;
                return Ok(VerifiedEnvelope {
                    payload: payload(bundle),
                    signer: SignerIdentity::Key(key.id().clone()),
                    times,
                });
            }
            // The signature held and something else did not: no other key will do better.
            Err(refusal) if refusal.reason == Reason::PayloadTypeWrong => return Err(refusal),
            Err(refusal) => refused = Some(refusal),
        }
    }
    Err(match refused {
        Some(refusal) if candidates.len() == 1 => refusal,
        _ => Refusal::new(Reason::SignatureInvalid)
            .expected_all(candidates.iter().map(|key| key.id().to_string()))
            .found("a signature over other bytes, or by another key"),
    })
}

/// A key with a log must have been valid at each time that is vouched for; one without signs at no known
/// time, and must be valid now.
fn check_validity(
    key: &TrustedKey,
    times: &[DateTime<Utc>],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if times.is_empty() {
        return key.check_valid_at(now);
    }
    times.iter().try_for_each(|time| {
        let told = |refusal: Refusal| refusal.found(format!("signed at {}", time.to_rfc3339()));
        key.check_valid_at(*time).map_err(told)
    })
}

/// Whether one key signed; with the times that its log vouches for, where it must be in one.
fn held_by(
    key: &TrustedKey,
    bundle: &Bundle,
    file: Signed<'_>,
) -> Result<Vec<DateTime<Utc>>, Refusal> {
    if let Some(log) = key.log() {
        let shown = log.verify_logged_key(bundle, subject(bundle, file)?, key.der())?;
        return Ok(shown.times);
    }
    let held = match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => {
            key.holds(&envelope.pae(), &envelope.signature.sig)
        }
        SignatureContent::MessageSignature(message) => match file {
            Signed::Bytes(bytes) => key.holds(bytes, &message.signature),
            Signed::Digest(digest) => key.holds_prehashed(digest, message)?,
        },
        _ => false,
    };
    if !held {
        return Err(Refusal::new(Reason::SignatureInvalid)
            .expected(key.id().to_string())
            .found("a signature over other bytes, or by another key"));
    }
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content {
        check_payload_type(envelope)?;
    }
    Ok(Vec::new())
}

/// What the library is to hold the signature of a bundle against.
///
/// For an envelope this is what the statement itself says it is about: whether that is the file under test
/// is a check of its own, which comes after the signature's, and tells more.
fn subject<'a>(bundle: &Bundle, file: Signed<'a>) -> Result<Artifact<'a>, Refusal> {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => {
            check_payload_type(envelope)?;
            let payload = envelope.payload.as_bytes();
            // The bundle around it was bounded when it was read.
            let statement = read_statement(payload, AttestationLimits::standard().bundle)?;
            let digest = stated_digest(&statement).ok_or_else(|| {
                Refusal::new(Reason::StatementMalformed)
                    .expected("a subject with a sha256 or sha512 digest")
                    .found(format!("{} subjects without one", statement.subject.len()))
            })?;
            Ok(Artifact::from(digest))
        }
        _ => Ok(match file {
            Signed::Bytes(bytes) => Artifact::from(bytes),
            Signed::Digest(digest) => Artifact::from(Sha256Hash::new(*digest.as_bytes())),
        }),
    }
}

/// A digest of some subject, by one of the two algorithms that the library holds subjects by.
fn stated_digest(statement: &Statement) -> Option<ArtifactDigest> {
    let stated = |name: &str| statement.subject.iter().find_map(|it| it.digest.get(name));
    if let Some(text) = stated("sha256") {
        return Sha256Hash::from_hex(text).ok().map(ArtifactDigest::sha256);
    }
    let digest = Sha512Hash::from_hex(stated("sha512")?).ok()?;
    ArtifactDigest::new(HashAlgorithm::Sha2512, digest).ok()
}

fn check_payload_type(envelope: &DsseEnvelope) -> Result<(), Refusal> {
    if envelope.payload_type == PAYLOAD_TYPE {
        return Ok(());
    }
    Err(Refusal::new(Reason::PayloadTypeWrong)
        .expected(PAYLOAD_TYPE)
        .found(envelope.payload_type.clone()))
}

fn payload(bundle: &Bundle) -> Option<Vec<u8>> {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => Some(envelope.payload.as_bytes().to_vec()),
        _ => None,
    }
}
