//! The trust root: the keys that may sign at all. Which of them may sign for a project is the policy's.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sigstore_crypto::VerificationKey;
use sigstore_types::{DerPublicKey, SignatureBytes};

use super::KeyId;
use crate::report::{Reason, Refusal};

/// A key as PEM that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a public key in PEM (SubjectPublicKeyInfo): {0}")]
pub struct KeyError(String);

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
    key: Arc<VerificationKey>,
    validity: Validity,
}

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

impl TrustedKey {
    /// Reads a SubjectPublicKeyInfo in PEM (RFC 7468, section 13).
    ///
    /// # Errors
    /// [`KeyError`] when it is something else, a private key for example, or of an algorithm that is
    /// not supported.
    pub fn from_pem(pem: &str, validity: Validity) -> Result<Self, KeyError> {
        let pem = pem.trim();
        // The library looks for a block anywhere in the text: of two, another reader could take the other.
        if !pem.starts_with(BEGIN) || !pem.ends_with(END) || pem.matches("-----BEGIN").count() != 1
        {
            let wanted = format!("one block from `{BEGIN}` to `{END}` is needed and nothing else");
            return Err(KeyError(wanted));
        }
        let der = DerPublicKey::from_pem(pem).map_err(|error| KeyError(error.to_string()))?;
        let key = VerificationKey::from_spki(&der).map_err(|error| KeyError(error.to_string()))?;
        Ok(Self { id: KeyId::of_spki(der.as_bytes()), key: Arc::new(key), validity })
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

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedKey")
            .field("id", &self.id)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// The keys that may sign.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    keys: Vec<TrustedKey>,
}

impl TrustRoot {
    /// A root of plain keys.
    pub fn of_keys(keys: Vec<TrustedKey>) -> Self {
        Self { keys }
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.iter()
    }
}
