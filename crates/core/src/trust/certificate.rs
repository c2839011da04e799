//! What is asked of a signer's certificate beyond what the library asks of it.

use std::collections::BTreeSet;

use sigstore_types::Bundle;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::{KeyUsage, SubjectAltName};

use crate::report::{Reason, Refusal};

/// Where Fulcio has its extensions.
const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// Holds that the certificate of a bundle's signer is for signatures, and says what it claims in one way.
///
/// # Errors
/// [`Reason::CertificateMalformed`].
pub(super) fn may_sign(bundle: &Bundle) -> Result<(), Refusal> {
    let der = bundle.signing_certificate().map_or(&[][..], |it| it.as_bytes());
    let certificate = Certificate::from_der(der)
        .map_err(|error| malformed("a certificate", error.to_string()))?;
    check_key_usage(&certificate)?;
    check_one_name(&certificate)?;
    check_claims(&certificate)
}

/// Its key is for signatures, and not an authority's. (RFC 5280, section 4.2.1.3)
fn check_key_usage(certificate: &Certificate) -> Result<(), Refusal> {
    let refused = |found| malformed("key usage digitalSignature, and not keyCertSign", found);
    match certificate.tbs_certificate.get::<KeyUsage>() {
        Ok(Some((_, usage))) if usage.digital_signature() && !usage.key_cert_sign() => Ok(()),
        Ok(Some(_)) => Err(refused("another key usage".to_owned())),
        _ => Err(refused("no key usage".to_owned())),
    }
}

/// It has one name: of several the library takes the first, and others any of them.
fn check_one_name(certificate: &Certificate) -> Result<(), Refusal> {
    match certificate.tbs_certificate.get::<SubjectAltName>() {
        Ok(Some((_, SubjectAltName(names)))) if names.len() > 1 => {
            Err(malformed("one subject alternative name", format!("{} names", names.len())))
        }
        _ => Ok(()),
    }
}

/// Each extension stands there once (RFC 5280, section 4.2), and each of Fulcio's is text in its encoding. The
/// library leaves out what it cannot read and takes one of two, and where a claim is missing the predicate's word
/// would stand.
fn check_claims(certificate: &Certificate) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for extension in certificate.tbs_certificate.extensions.iter().flatten() {
        let id = extension.extn_id;
        if !seen.insert(id) {
            return Err(malformed("each extension once", format!("extension {id} twice")));
        }
        if id.parent() != Some(FULCIO) {
            continue;
        }
        let value = extension.extn_value.as_bytes();
        let der = Utf8StringRef::from_der(value).is_ok();
        let (encoding, readable) = match id.arcs().last() {
            // Without an encoding; the library takes both.
            Some(1..=6) => ("UTF-8", der || std::str::from_utf8(value).is_ok()),
            Some(8..=24) => ("a DER UTF8String", der),
            // Nothing is read from any other.
            _ => continue,
        };
        if !readable {
            return Err(malformed(encoding, format!("extension {id} of another encoding")));
        }
    }
    Ok(())
}

fn malformed(expected: &str, found: String) -> Refusal {
    Refusal::new(Reason::CertificateMalformed).expected(expected).found(found)
}
