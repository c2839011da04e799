//! The signed envelope: a Sigstore bundle around a DSSE envelope around an in-toto statement.
//!
//! [`Attestation`] is what a file holds and proves nothing. [`VerifiedEnvelope`] is what a trusted key
//! signed, and [`VerifiedEnvelope::verify`] is the only place where one is made.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Bundle, DsseEnvelope, SignatureContent};

use super::statement::{PAYLOAD_TYPE, STATEMENT_TYPE, Statement};
use crate::json;
use crate::limits::AttestationLimits;
use crate::report::{Reason, Refusal};
use crate::trust::{KeyId, SignerIdentity, TrustRoot};

/// An attestation as a file holds it: parsed, bounded, and believed in nothing.
#[derive(Debug, Clone)]
pub struct Attestation {
    envelope: DsseEnvelope,
    signed_by: ClaimedSigner,
}

/// Who the bundle says has signed. Not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedSigner {
    /// A plain key, by the hint that the bundle gives; empty where it gives none.
    Key {
        /// `verificationMaterial.publicKey.hint`.
        hint: String,
    },
    /// A certificate.
    Certificate,
}

impl Attestation {
    /// Reads a Sigstore bundle (v0.1 to v0.3) that holds a DSSE envelope.
    ///
    /// # Errors
    /// [`Reason::BundleMalformed`] for anything that is not such a bundle,
    /// [`Reason::SignatureCount`] unless there is exactly one signature, and
    /// [`Reason::BundleNotAttestation`] for a bundle over a bare message.
    pub fn parse(bytes: &[u8], limits: &AttestationLimits) -> Result<Self, Refusal> {
        let malformed =
            |found: String| Refusal::new(Reason::BundleMalformed).found(found.replace('\n', " "));
        let value =
            json::parse(bytes, limits.bundle).map_err(|error| malformed(error.to_string()))?;
        // Without one the library would take the bundle for an early one.
        if !value.get("mediaType").is_some_and(Value::is_string) {
            return Err(malformed("no `mediaType`".to_owned()));
        }
        // The list is counted here, so that "none" and "two" are told apart from "not a bundle".
        if let Some(envelope) = value.get("dsseEnvelope") {
            let count = envelope.get("signatures").and_then(|list| list.as_array()).map(Vec::len);
            if let Some(count) = count.filter(|count| *count != 1) {
                return Err(Refusal::new(Reason::SignatureCount)
                    .expected("exactly one signature")
                    .found(format!("{count} signatures")));
            }
        }
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let bundle = Bundle::from_json(text).map_err(|error| malformed(error.to_string()))?;
        let SignatureContent::DsseEnvelope(envelope) = bundle.content else {
            return Err(Refusal::new(Reason::BundleNotAttestation)
                .expected("a DSSE envelope")
                .found("a signature over the bare file, which says nothing of its origin"));
        };
        let signed_by = match bundle.verification_material.content {
            VerificationMaterialContent::PublicKey(key) => ClaimedSigner::Key { hint: key.hint },
            _ => ClaimedSigner::Certificate,
        };
        Ok(Self { envelope, signed_by })
    }

    /// Who the bundle says has signed. Not authenticated.
    pub fn claimed_signer(&self) -> &ClaimedSigner {
        &self.signed_by
    }

    /// The payload type and the payload. Not authenticated: for showing to a person, never for a
    /// verdict.
    pub fn unverified_payload(&self) -> (&str, &[u8]) {
        (&self.envelope.payload_type, self.envelope.payload.as_bytes())
    }
}

/// An envelope whose signature held against a trusted key that was valid at the time.
#[derive(Debug, Clone)]
pub struct VerifiedEnvelope {
    payload: Vec<u8>,
    signer: SignerIdentity,
}

impl VerifiedEnvelope {
    /// Holds the signature against the trust root, over the DSSE pre-authentication encoding
    /// (DSSE v1.0.2, "Signature Definition").
    ///
    /// A key is a candidate when the bundle's hint names it; a bundle without a hint is tried against
    /// every trusted key.
    ///
    /// # Errors
    /// [`Reason::SignerUnsupported`], [`Reason::KeyUnknown`], [`Reason::KeyIdMismatch`],
    /// [`Reason::KeyNotValidNow`], [`Reason::SignatureInvalid`] or [`Reason::PayloadTypeWrong`].
    pub fn verify(
        attestation: &Attestation,
        trust: &TrustRoot,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let envelope = &attestation.envelope;
        let ClaimedSigner::Key { hint } = &attestation.signed_by else {
            return Err(Refusal::new(Reason::SignerUnsupported)
                .expected("a signature by a key that the policy names")
                .found("a signature by a certificate"));
        };
        let stated = envelope.signature.keyid.as_str();
        if !stated.is_empty() && stated != hint {
            return Err(Refusal::new(Reason::KeyIdMismatch)
                .expected(format!("the bundle's hint `{hint}`"))
                .found(format!("the envelope's keyid `{stated}`")));
        }
        let candidates: Vec<_> =
            trust.keys().filter(|key| hint.is_empty() || *hint == key.id().hint()).collect();
        if candidates.is_empty() {
            return Err(Refusal::new(Reason::KeyUnknown)
                .expected_all(trust.keys().map(|key| key.id().to_string()))
                .found(KeyId::describe_hint(hint)));
        }
        let message = envelope.pae();
        let Some(key) = candidates.iter().find(|key| key.holds(&message, &envelope.signature.sig))
        else {
            return Err(Refusal::new(Reason::SignatureInvalid)
                .expected_all(candidates.iter().map(|key| key.id().to_string()))
                .found("a signature over other bytes, or by another key"));
        };
        key.check_valid_at(now)?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(Reason::PayloadTypeWrong)
                .expected(PAYLOAD_TYPE)
                .found(envelope.payload_type.clone()));
        }
        Ok(Self {
            payload: envelope.payload.as_bytes().to_vec(),
            signer: SignerIdentity::Key(key.id().clone()),
        })
    }

    /// Who signed.
    pub fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// The statement that was signed.
    ///
    /// # Errors
    /// [`Reason::StatementMalformed`] unless it is an in-toto Statement v1 in strict JSON.
    pub fn statement(&self, limits: &AttestationLimits) -> Result<Statement, Refusal> {
        let malformed = |found: String| Refusal::new(Reason::StatementMalformed).found(found);
        let value = json::parse(&self.payload, limits.bundle)
            .map_err(|error| malformed(error.to_string()))?;
        let statement: Statement =
            serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(Refusal::new(Reason::StatementMalformed)
                .expected(format!("`_type` {STATEMENT_TYPE}"))
                .found(statement.statement_type));
        }
        Ok(statement)
    }
}
