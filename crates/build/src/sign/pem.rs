//! PEM labels (RFC 7468): what a file says that it holds.

/// What a PEM file holds, by its label (RFC 7468, sections 10, 11 and 13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PemKind {
    /// PKCS#8, encrypted.
    EncryptedPrivateKey,
    /// PKCS#8, not encrypted.
    PrivateKey,
    /// A private key in another form than PKCS#8, by its label.
    OtherPrivateKey(String),
    /// SubjectPublicKeyInfo.
    PublicKey,
    /// Anything else, by its label.
    Other(String),
}

pub(super) const LABEL_ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
pub(super) const LABEL_PLAIN: &str = "PRIVATE KEY";
pub(super) const LABEL_PUBLIC: &str = "PUBLIC KEY";

impl PemKind {
    /// What the first PEM block of a text is; `None` where there is none.
    pub fn of(text: &str) -> Option<Self> {
        let label = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
        Some(match label {
            LABEL_ENCRYPTED => Self::EncryptedPrivateKey,
            LABEL_PLAIN => Self::PrivateKey,
            LABEL_PUBLIC => Self::PublicKey,
            other if other.ends_with("PRIVATE KEY") => Self::OtherPrivateKey(other.to_owned()),
            other => Self::Other(other.to_owned()),
        })
    }
}
