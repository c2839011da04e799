//! Keys over P-521 by SHA-512, the scheme `ecdsa-sha2-nistp521` of securesystemslib. The library that verifies all
//! other signatures has no name for them; the one that it verifies by itself has.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P521_SHA512_ASN1, ParsedPublicKey};
use sigstore_types::DerPublicKey;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// `id-ecPublicKey` and `secp521r1` (RFC 5480, 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Bytes of a point that is not compressed (SEC 1, 2.3.3): both coordinates, of 521 bits each, after a 4.
const POINT: usize = 1 + 2 * 66;

/// A public key over P-521: a point on the curve.
pub(super) struct P521(ParsedPublicKey);

impl P521 {
    /// Reads a SubjectPublicKeyInfo; `None` of a key over another curve or of another algorithm. Of its two encodings a
    /// key may have the one that is not compressed, or it would have two ids.
    pub(super) fn read(der: &DerPublicKey) -> Option<Result<Self, &'static str>> {
        let info = SubjectPublicKeyInfoRef::try_from(der.as_bytes()).ok()?;
        let curve = info.algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?;
        if info.algorithm.oid != EC_PUBLIC_KEY || curve != SECP521R1 {
            return None;
        }
        let point = info.subject_public_key.as_bytes();
        Some(match point.filter(|it| it.len() == POINT && it.starts_with(&[4])) {
            Some(point) => ParsedPublicKey::new(&ECDSA_P521_SHA512_ASN1, point)
                .map(Self)
                .map_err(|_| "not a point on P-521"),
            None => Err("not a point on P-521 in its uncompressed form"),
        })
    }

    /// Whether `signature`, in DER, is this key's over `message`.
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for P521 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("P521").finish_non_exhaustive()
    }
}
