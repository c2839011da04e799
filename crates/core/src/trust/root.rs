//! The trust root: the keys and Sigstore instances that may speak at all. Who may sign for a project is the
//! policy's to say.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sigstore_crypto::{SigningScheme, VerificationKey, verify_signature_prehashed};
use sigstore_types::{DerPublicKey, HashAlgorithm, MessageSignature, SignatureBytes};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{Instance, KeyId};
use crate::digest::Sha256Digest;
use crate::report::{Reason, Refusal};

/// A key as PEM that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a public key in PEM (SubjectPublicKeyInfo): {0}")]
pub struct KeyError(String);

impl KeyError {
    /// One with its reason.
    pub(crate) fn of(because: String) -> Self {
        Self(because)
    }
}

/// The time in which a key's signatures count. No bound means none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Option<DateTime<Utc>>,
    /// The last moment.
    pub until: Option<DateTime<Utc>>,
}

/// A public key that may sign, and when.
#[derive(Clone)]
pub struct TrustedKey {
    id: KeyId,
    der: DerPublicKey,
    key: Arc<VerificationKey>,
    validity: Validity,
    log: Option<Arc<Instance>>,
}

/// `rsaEncryption` (RFC 3279, 2.3.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

impl TrustedKey {
    /// Reads a SubjectPublicKeyInfo in PEM (RFC 7468, section 13).
    ///
    /// # Errors
    /// [`KeyError`] when it is something else, a private key for example, or of an algorithm that is
    /// not supported.
    pub fn from_pem(pem: &str, validity: Validity) -> Result<Self, KeyError> {
        let der = der_of_pem(pem)?;
        let key = VerificationKey::from_spki(&der).map_err(|error| KeyError(error.to_string()))?;
        let id = KeyId::of_spki(der.as_bytes());
        Ok(Self { id, der, key: Arc::new(key), validity, log: None })
    }

    /// The same key, whose signatures count only with an entry in a log of this instance.
    #[must_use]
    pub fn logged_in(self, instance: Arc<Instance>) -> Self {
        Self { log: Some(instance), ..self }
    }

    /// Its id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The algorithm, such as `ECDSA_P256_SHA256`.
    pub fn algorithm(&self) -> &'static str {
        self.key.scheme().name()
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn holds(&self, message: &[u8], signature: &SignatureBytes) -> bool {
        self.key.verify(message, signature).is_ok()
    }

    /// The same over a file of which only the digest is known.
    ///
    /// # Errors
    /// [`Reason::BundleUnsupported`] for an algorithm that needs another digest or the bytes themselves.
    pub(crate) fn holds_prehashed(
        &self,
        digest: Sha256Digest,
        message: &MessageSignature,
    ) -> Result<bool, Refusal> {
        let declared = message.message_digest.as_ref().map(|it| it.algorithm);
        let scheme = match (self.key.scheme(), declared) {
            // A longer key signs a SHA-256 as well, where the signer says so.
            (SigningScheme::EcdsaP384Sha384, Some(HashAlgorithm::Sha2256)) => {
                SigningScheme::EcdsaP384Sha256
            }
            (own, _) => own,
        };
        if scheme.hash_algorithm() != Some(HashAlgorithm::Sha2256) {
            return Err(Refusal::new(Reason::BundleUnsupported)
                .expected("a signature over the file's SHA-256")
                .expected("a statement about the file in a DSSE envelope, by any key")
                .found(format!("a signature over the file by {}", scheme.name())));
        }
        let signature = &message.signature;
        Ok(verify_signature_prehashed(&self.der, digest.as_bytes(), signature, scheme).is_ok())
    }

    pub(crate) fn der(&self) -> &DerPublicKey {
        &self.der
    }

    /// The instance in a log of which its signatures must be, if any.
    pub fn log(&self) -> Option<&Instance> {
        self.log.as_deref()
    }

    pub(crate) fn check_valid_at(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let refuse = |bound: &str, at: DateTime<Utc>| {
            Err(Refusal::new(Reason::KeyNotValidNow)
                .expected(format!("{} valid {bound} {}", self.id, at.to_rfc3339()))
                .found(format!("verified at {}", now.to_rfc3339())))
        };
        match self.validity {
            Validity { from: Some(from), .. } if now < from => refuse("from", from),
            Validity { until: Some(until), .. } if now > until => refuse("until", until),
            _ => Ok(()),
        }
    }
}

/// The SubjectPublicKeyInfo that is the one block of a text, of a key of any algorithm.
pub(crate) fn der_of_pem(pem: &str) -> Result<DerPublicKey, KeyError> {
    let pem = pem.trim();
    // The library looks for a block anywhere in the text: of two, another reader could take the other.
    if !pem.starts_with(BEGIN) || !pem.ends_with(END) || pem.matches("-----BEGIN").count() != 1 {
        let wanted = format!("one block from `{BEGIN}` to `{END}` is needed and nothing else");
        return Err(KeyError(wanted));
    }
    let der = DerPublicKey::from_pem(pem).map_err(|error| KeyError(error.to_string()))?;
    one_encoding(&der)?;
    Ok(der)
}

/// A key has one id only if it has one encoding: of RSA the library also takes one without the parameters NULL that
/// belong there (RFC 3279, 2.3.1).
fn one_encoding(der: &DerPublicKey) -> Result<(), KeyError> {
    let info = SubjectPublicKeyInfoRef::try_from(der.as_bytes())
        .map_err(|error| KeyError(error.to_string()))?;
    let algorithm = &info.algorithm;
    match algorithm.parameters {
        None if algorithm.oid == RSA_ENCRYPTION => {
            Err(KeyError("an RSA key without the parameters NULL (RFC 3279, 2.3.1)".to_owned()))
        }
        _ => Ok(()),
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedKey")
            .field("id", &self.id)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// The keys and instances that may speak at all.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    keys: Vec<TrustedKey>,
    instances: Vec<Arc<Instance>>,
}

impl TrustRoot {
    /// A root of plain keys and of the instances by whose certificates others may sign. Of neither, it
    /// trusts nobody.
    pub fn new(keys: Vec<TrustedKey>, instances: Vec<Arc<Instance>>) -> Self {
        Self { keys, instances }
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.iter()
    }

    /// Its Sigstore instances.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use sigstore_types::MessageDigest;

    use super::*;

    const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEyBd5XWMyS13lYlYkHTmtd309+w72uboW
JjE/yyimm01meHPNoou0V5A/cG9B/c+F+fKdn4li3GvHV/jP6IHtgxMM18McGuDT
yKhXpzJMN16JPDXLPkTWW9OFKIWem61T
-----END PUBLIC KEY-----";
    /// Over `x` by its SHA-256, and by its SHA-384.
    const BY_SHA256: &str = "MGYCMQDTfntePiwLrqpE4XmCZq2W9GOK2QhWLpMUOog2MePWEilvLF4Ez9bReeZdaFOyZg8CMQDHsYyyxQv/pyThecce4nbK7MXHy76aQFiAbtmnz6fPUQc9OKhPBFO7+5LOlVbvq4k=";
    const BY_SHA384: &str = "MGQCMDrt55kXf0CUF8wbXRUdBOXvEferOFVX7EQnEuMCenxvfwy3EtcMQNRzkeT4kZfSOwIwbKawwJWPrwNddV0yajFzD0hjDfEMahjVog8rVowMMAkOnsnKyasE3iwENEae8B2Y";
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEASZK/l179O8sn1UU5jyAIFU6i5gsl3titFywioRFgeEk=
-----END PUBLIC KEY-----";

    fn holds(
        pem: &str,
        signature: &str,
        declared: Option<HashAlgorithm>,
        file: &[u8],
    ) -> Result<bool, Reason> {
        let key = TrustedKey::from_pem(pem, Validity::default()).expect("a key");
        let signature = SignatureBytes::from_base64(signature).expect("base64");
        let mut message = MessageSignature::new(signature);
        message.message_digest =
            declared.map(|algorithm| MessageDigest::new(algorithm, Vec::new().into()));
        key.holds_prehashed(Sha256Digest::of(file), &message).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_longer_key_may_sign_the_sha256_of_a_file() {
        let sha256 = Some(HashAlgorithm::Sha2256);
        assert_eq!(holds(P384, BY_SHA256, sha256, b"x"), Ok(true));
        assert_eq!(holds(P384, BY_SHA256, sha256, b"y"), Ok(false));
        assert_eq!(holds(P384, BY_SHA384, sha256, b"x"), Ok(false));
        for declared in [None, Some(HashAlgorithm::Sha2384), Some(HashAlgorithm::Sha2512)] {
            assert_eq!(holds(P384, BY_SHA384, declared, b"x"), Err(Reason::BundleUnsupported));
        }
        for declared in [None, sha256] {
            assert_eq!(holds(ED25519, BY_SHA256, declared, b"x"), Err(Reason::BundleUnsupported));
        }
    }

    const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsynnK386Tp4y6UJMr0il
Ul4A2XMBfDIzcM63OlV9nYivs1xmuv34OkGHXmab1+dteV7RzQee7PIaHZfDssM8
LOWm+TFIMq/RD5p5Trg/oyG14Rnq1QzO38N9gXx2PZscu/cmyH3JQhznOWT+shI4
x5PAawcVu6+3WOXfQYRcnm0uvCdNqZIdeStOnOcEq1UwOm40dkoN1AhSaYWyRUbd
Rpyl8aHoIGJwXRjXxIut35esoiTR/lTeJy8nN1YgHQAcvw5QptqWTrnkDr37qSsP
nQQMVMY82RElAvfLQ5Hm7isAP1hHYZ6y2btdf1+TAsvsNfkV6JRAiVUwNnNebFJA
/wIDAQAB
-----END PUBLIC KEY-----";
    /// The same key without the parameters NULL.
    const RSA_WITHOUT_NULL: &str = "-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQEDggEPADCCAQoCggEBALMp5yt/Ok6eMulCTK9IpVJe
ANlzAXwyM3DOtzpVfZ2Ir7NcZrr9+DpBh15mm9fnbXle0c0HnuzyGh2Xw7LDPCzl
pvkxSDKv0Q+aeU64P6MhteEZ6tUMzt/DfYF8dj2bHLv3Jsh9yUIc5zlk/rISOMeT
wGsHFbuvt1jl30GEXJ5tLrwnTamSHXkrTpznBKtVMDpuNHZKDdQIUmmFskVG3Uac
pfGh6CBicF0Y18SLrd+XrKIk0f5U3icvJzdWIB0AHL8OUKbalk655A69+6krD50E
DFTGPNkRJQL3y0OR5u4rAD9YR2Gestm7XX9fkwLL7DX5FeiUQIlVMDZzXmxSQP8C
AwEAAQ==
-----END PUBLIC KEY-----";

    #[test]
    fn one_key_has_one_encoding() {
        assert!(TrustedKey::from_pem(RSA, Validity::default()).is_ok());
        let error = TrustedKey::from_pem(RSA_WITHOUT_NULL, Validity::default()).unwrap_err();
        assert!(error.to_string().contains("without the parameters NULL"), "{error}");
    }
}
