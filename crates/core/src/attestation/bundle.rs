//! Sigstore bundles v0.1 to v0.3 as files hold them: parsed, bounded, and believed in nothing.
//!
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>

use serde_json::{Map, Value};
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Bundle, MediaType, SignatureContent};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::document;
use super::publisher::Publisher;
use crate::json;
use crate::limits::AttestationLimits;
use crate::report::{Reason, Refusal};
use crate::trust::KeyId;

/// A signature with what it came with. Nothing of it is authenticated.
#[derive(Debug, Clone)]
pub struct Attestation {
    pub(super) bundle: Bundle,
    pub(super) signed_by: ClaimedSigner,
    pub(super) publisher: Option<Publisher>,
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
    /// Reads a Sigstore bundle over a DSSE envelope or over the bare file.
    ///
    /// # Errors
    /// [`Reason::BundleMalformed`] for anything that is not such a bundle, and
    /// [`Reason::SignatureCount`] unless there is exactly one signature.
    pub fn parse(bytes: &[u8], limits: &AttestationLimits) -> Result<Self, Refusal> {
        let value =
            json::parse(bytes, limits.bundle).map_err(|error| malformed(&error.to_string()))?;
        Self::of_bundle(&value)
    }

    /// The same of JSON that was read strictly.
    pub(super) fn of_bundle(value: &Value) -> Result<Self, Refusal> {
        // Without one the library would take the bundle for an early one.
        if !value.get("mediaType").is_some_and(Value::is_string) {
            return Err(malformed("no `mediaType`"));
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
        one_of(value, &["dsseEnvelope", "messageSignature"])?;
        let material = value.get("verificationMaterial").unwrap_or(&Value::Null);
        one_of(material, &["certificate", "publicKey", "x509CertificateChain"])?;
        let bundle: Bundle =
            document::read(value).map_err(|error| malformed(&error.to_string()))?;
        let material = &bundle.verification_material.content;
        let older = matches!(bundle.media_type, MediaType::Bundle0_1 | MediaType::Bundle0_2);
        if older && matches!(material, VerificationMaterialContent::Certificate(_)) {
            return Err(malformed(
                "`certificate`, which came with v0.3, in a bundle of an older form",
            ));
        }
        check_chain(material)?;
        let signed_by = match &bundle.verification_material.content {
            VerificationMaterialContent::PublicKey(key) => {
                ClaimedSigner::Key { hint: key.hint.clone() }
            }
            _ => ClaimedSigner::Certificate,
        };
        Ok(Self { bundle, signed_by, publisher: None })
    }

    /// The key of the signer's certificate; `None` where a key without one signed.
    pub(crate) fn certified_key(&self) -> Option<KeyId> {
        let certificate =
            Certificate::from_der(self.bundle.signing_certificate()?.as_bytes()).ok()?;
        let info = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
        Some(KeyId::of_spki(&info))
    }

    /// Who the bundle says has signed. Not authenticated.
    pub fn claimed_signer(&self) -> &ClaimedSigner {
        &self.signed_by
    }

    /// The payload type and the payload; `None` of a signature over the bare file. Not authenticated: for
    /// showing to a person, never for a verdict.
    pub fn unverified_payload(&self) -> Option<(&str, &[u8])> {
        match &self.bundle.content {
            SignatureContent::DsseEnvelope(envelope) => {
                Some((&envelope.payload_type, envelope.payload.as_bytes()))
            }
            _ => None,
        }
    }
}

/// Of fields that are alternatives (`oneof`) at most one: of several each reader takes its own. Some read the
/// names of the protocol buffers too, such as `dsse_envelope`.
fn one_of(value: &Value, names: &[&str]) -> Result<(), Refusal> {
    let is_one = |key: &&String| {
        let key = key.replace('_', "");
        names.iter().any(|name| name.eq_ignore_ascii_case(&key))
    };
    let found: Vec<_> = value.as_object().into_iter().flat_map(Map::keys).filter(is_one).collect();
    match found[..] {
        [first, second, ..] => Err(malformed(&format!("both `{first}` and `{second}`"))),
        _ => Ok(()),
    }
}

/// A chain of certificates begins with the signer's and holds no root: whom to trust is not the file's to
/// say.
///
/// Sigstore client specification, "Verification": clients must reject such bundles. The library looks for
/// neither before other things.
fn check_chain(material: &VerificationMaterialContent) -> Result<(), Refusal> {
    let VerificationMaterialContent::X509CertificateChain { certificates } = material else {
        return Ok(());
    };
    let refused = |expected: &str, found: &str| {
        Err(Refusal::new(Reason::CertificateMalformed).expected(expected).found(found))
    };
    if certificates.is_empty() {
        return refused("the signer's certificate", "an empty chain of certificates");
    }
    let is_root = |der: &[u8]| {
        let certificate = Certificate::from_der(der);
        certificate.is_ok_and(|it| it.tbs_certificate.issuer == it.tbs_certificate.subject)
    };
    if certificates.iter().any(|it| is_root(it.raw_bytes.as_bytes())) {
        return refused("a chain without its root", "a root certificate in the chain");
    }
    Ok(())
}

pub(super) fn malformed(found: &str) -> Refusal {
    Refusal::new(Reason::BundleMalformed).found(found.replace('\n', " "))
}
