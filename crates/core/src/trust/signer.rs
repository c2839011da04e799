//! Signers, by what proves them. Never to be confused with the builder, which is what they claim.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::CertificateIdentity;
use crate::digest::Sha256Digest;
use crate::report::Escaped;

/// A key by the SHA-256 of its DER-encoded SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Sha256Digest);

impl KeyId {
    /// The id of a key given as DER-encoded SubjectPublicKeyInfo.
    pub fn of_spki(der: &[u8]) -> Self {
        Self(Sha256Digest::of(der))
    }

    /// The hint that a Sigstore bundle carries for this key: base64 of the digest.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// The key that a bundle's hint names by its id; `None` of a hint of another form.
    pub(crate) fn of_hint(hint: &str) -> Option<Self> {
        let bytes = <[u8; 32]>::try_from(STANDARD.decode(hint).ok()?).ok()?;
        Some(Self(Sha256Digest::from_bytes(bytes)))
    }

    /// A bundle's hint as a person would compare it with a key id.
    pub fn describe_hint(hint: &str) -> String {
        match Self::of_hint(hint) {
            Some(id) => id.to_string(),
            None if hint.is_empty() => "no key hint".to_owned(),
            None => format!("hint `{}`", hint.escape_debug()),
        }
    }
}

impl FromStr for KeyId {
    type Err = String;

    /// Reads the one form in which an id is shown.
    fn from_str(text: &str) -> Result<Self, String> {
        let digest = text.strip_prefix("sha256:").and_then(|digits| digits.parse().ok());
        digest.map(Self).ok_or_else(|| {
            format!(
                "a key is `sha256:` and 64 lower-case hexadecimal digits, and not `{}`",
                Escaped(text)
            )
        })
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

/// Who signed, as proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerIdentity {
    /// A plain key.
    Key(KeyId),
    /// The holder of a certificate that a Sigstore instance issued.
    Certificate(Box<CertificateIdentity>),
}

impl fmt::Display for SignerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignerIdentity::Key(id) => write!(f, "key {id}"),
            SignerIdentity::Certificate(identity) => identity.fmt(f),
        }
    }
}
