//! Keys that their names decide, so that every run signs the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use sha2::{Digest as _, Sha256};

/// An ECDSA P-256 key. Whoever reads its name has its private half: it is for tests only.
#[derive(Debug, Clone)]
pub struct Key(SigningKey);

impl Key {
    /// The key of a name.
    pub fn named(name: &str) -> Self {
        let seed = Sha256::digest(format!("wheelmark, key for tests only: {name}"));
        Self(SigningKey::from_slice(&seed).expect("a scalar of the curve"))
    }

    /// The public half as DER-encoded SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        self.0.verifying_key().to_public_key_der().expect("DER").into_vec()
    }

    /// The SHA-256 of [`Self::spki`], by which logs are named (RFC 6962, 3.2).
    pub fn id(&self) -> [u8; 32] {
        Sha256::digest(self.spki()).into()
    }

    /// A signature in DER. It is deterministic (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// PEM of some DER (RFC 7468), each line 64 characters long.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
