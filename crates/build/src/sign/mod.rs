//! Signing: a statement goes in, a Sigstore bundle comes out.

pub mod key;
pub mod pem;

use sigstore_types::bundle::{
    PublicKeyIdentifier, VerificationMaterial, VerificationMaterialContent,
};
use sigstore_types::{
    Bundle, DsseEnvelope, DsseSignature, KeyId as EnvelopeKeyId, MediaType, PayloadBytes,
    SignatureBytes, SignatureContent,
};
use wheelmark_core::attestation::statement::PAYLOAD_TYPE;
use wheelmark_core::trust::KeyId;

/// Something that can sign, and the key by which its signatures are checked.
pub trait Signer {
    /// The id of the public key.
    fn key_id(&self) -> &KeyId;

    /// The signature over `message`: ECDSA in DER, Ed25519 as its 64 bytes.
    ///
    /// # Errors
    /// [`SignError`] when the key, or what holds it, does not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// No signature came about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not sign: {0}")]
pub struct SignError(pub String);

/// Signs an in-toto statement: a Sigstore bundle v0.3 around a DSSE envelope, as JSON.
///
/// The signature is over the pre-authentication encoding (DSSE v1.0.2, "Signature Definition"). The key
/// is named by the bundle's hint only: a second place could contradict it. There is no log entry.
///
/// # Errors
/// [`SignError`] from the signer.
pub fn sign_statement(signer: &dyn Signer, statement: &[u8]) -> Result<Vec<u8>, SignError> {
    let message = sigstore_types::pae(PAYLOAD_TYPE, statement);
    let signature =
        DsseSignature::new(SignatureBytes::new(signer.sign(&message)?), EnvelopeKeyId::default());
    let envelope = DsseEnvelope::new(PAYLOAD_TYPE, PayloadBytes::from_bytes(statement), signature);
    let key = PublicKeyIdentifier::new(signer.key_id().hint());
    let bundle = Bundle::new(
        MediaType::Bundle0_3,
        VerificationMaterial::new(VerificationMaterialContent::PublicKey(key)),
        SignatureContent::DsseEnvelope(envelope),
    );
    let mut json = bundle.to_json().map_err(|error| SignError(error.to_string()))?.into_bytes();
    json.push(b'\n');
    Ok(json)
}
