//! What of a trusted root may vouch: of its authorities each certificate as far as it may for another, and the logs
//! whose keys can be read.
//!
//! The library takes every certificate of an authority for an anchor, and asks of an anchor only whether the
//! authority's window holds the time (RFC 5280, section 6.1 leaves the rest to whoever chooses the anchors). Here
//! they are chosen: a certificate counts if it is an authority's, signed by the one above it, for as long as it and
//! all above it are valid.

use jiff::Timestamp;
use sigstore_crypto::{SigningScheme, VerificationKey};
use sigstore_trust_root::trusted_root::PublicKey;
use sigstore_trust_root::{TimeRange, TrustedRoot};
use sigstore_types::bundle::{VerificationMaterialContent, X509Certificate};
use sigstore_types::{Bundle, DerCertificate, DerPublicKey, SignatureBytes};
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5280, rfc5912};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::report::{Reason, Refusal};

/// The trusted root as the library is to be given it: of an authority's certificates those that may vouch, each as
/// an authority of its own, in its own window. What is not one is left out, and vouches for nobody.
pub(super) fn held(root: &TrustedRoot) -> TrustedRoot {
    let mut held = root.clone();
    // One such log would make the whole trusted root unusable, once an instance brings in another kind of key.
    held.tlogs.retain(|log| is_supported(&log.public_key));
    held.ctlogs.retain(|log| is_supported(&log.public_key));
    held.certificate_authorities.clear();
    for authority in &root.certificate_authorities {
        let mut window = authority.valid_for;
        let mut above: Option<Certificate> = None;
        let mut entries = Vec::new();
        for (below, entry) in authority.cert_chain.certificates.iter().enumerate().rev() {
            let read = Certificate::from_der(entry.raw_bytes.as_bytes()).ok();
            let Some(certificate) = read.filter(|it| is_authority(it, below, above.as_ref()))
            else {
                break;
            };
            window = window_of(&certificate).and_then(|own| within(window, own));
            if window.is_none() {
                break;
            }
            let mut one = authority.clone();
            one.cert_chain.certificates = vec![entry.clone()];
            one.valid_for = window;
            entries.push(one);
            above = Some(certificate);
        }
        held.certificate_authorities.extend(entries.into_iter().rev());
    }
    // Their chains are the library's to hold, but for the anchor's own validity.
    for authority in &mut held.timestamp_authorities {
        let last = authority.cert_chain.certificates.last();
        let last = last.and_then(|it| Certificate::from_der(it.raw_bytes.as_bytes()).ok());
        if let Some(own) = last.as_ref().and_then(window_of) {
            // Where there is no common moment, the last one of the past: nothing is of that time.
            authority.valid_for = within(authority.valid_for, own)
                .or(Some(TimeRange::new(Timestamp::MIN, Some(Timestamp::MIN))));
        }
    }
    held
}

/// Whether a log's key is of a kind that the library knows. Of any other no signature holds. What is no key at all
/// is the library's to refuse.
pub(super) fn is_supported(key: &PublicKey) -> bool {
    VerificationKey::from_spki(&key.raw_bytes).is_ok()
        || SubjectPublicKeyInfoRef::from_der(key.raw_bytes.as_bytes()).is_err()
}

/// A bundle without those certificates of the signer's chain that the trusted root has: they count in its windows
/// and not because they were brought. What is left are authorities below them.
///
/// # Errors
/// [`Reason::CertificateUntrusted`] where the trusted root's authority allows no others below it.
pub(super) fn without_known(
    bundle: &Bundle,
    root: &TrustedRoot,
) -> Result<Option<Bundle>, Refusal> {
    let content = &bundle.verification_material.content;
    let VerificationMaterialContent::X509CertificateChain { certificates } = content else {
        return Ok(None);
    };
    if certificates.len() < 2 {
        return Ok(None);
    }
    let known: Vec<_> =
        root.certificate_authorities.iter().flat_map(|it| &it.cert_chain.certificates).collect();
    let brought = certificates.iter().skip(1);
    let unknown = brought.filter(|it| !known.iter().any(|known| known.raw_bytes == it.raw_bytes));
    let unknown: Vec<_> = unknown.cloned().collect();
    allowed_below(root, &unknown)?;
    let mut bundle = bundle.clone();
    bundle.verification_material.content = VerificationMaterialContent::X509CertificateChain {
        certificates: certificates.iter().take(1).cloned().chain(unknown).collect(),
    };
    Ok(Some(bundle))
}

/// Holds that the authorities of the trusted root allow so many below them. (RFC 5280, section 4.2.1.9)
fn allowed_below(root: &TrustedRoot, brought: &[X509Certificate]) -> Result<(), Refusal> {
    let read = |it: &DerCertificate| Certificate::from_der(it.as_bytes()).ok();
    // The library makes no chain of one that says it is no authority.
    let may_be_authority = |it: &Certificate| {
        !extension::<BasicConstraints>(it).is_ok_and(|it| it.is_none_or(|it| !it.ca))
    };
    let brought = brought.iter().filter_map(|it| read(&it.raw_bytes)).filter(may_be_authority);
    let issuers: Vec<_> = brought.map(|it| it.tbs_certificate.issuer).collect();
    if issuers.is_empty() {
        return Ok(());
    }
    let known = root.certificate_authorities.iter().flat_map(|it| &it.cert_chain.certificates);
    for authority in known.filter_map(|it| read(&it.raw_bytes)) {
        let length = constraints(&authority).and_then(|it| it.path_len_constraint);
        if issuers.contains(&authority.tbs_certificate.subject)
            && length.is_some_and(|length| usize::from(length) < issuers.len())
        {
            return Err(Refusal::new(Reason::CertificateUntrusted)
                .expected(format!("at most {} below the authority", length.unwrap_or_default()))
                .found(format!("{} authorities brought along", issuers.len())));
        }
    }
    Ok(())
}

/// Whether a certificate may issue others, `below` more authorities between it and the signer's, and is signed by
/// the one above it, where there is one. (RFC 5280, sections 4.2.1.3, 4.2.1.9 and 4.2.1.12)
fn is_authority(certificate: &Certificate, below: usize, above: Option<&Certificate>) -> bool {
    let signs = |usage: KeyUsage| usage.key_cert_sign();
    let purpose = |usage: ExtendedKeyUsage| {
        usage.0.contains(&rfc5280::ID_KP_CODE_SIGNING)
            || usage.0.contains(&rfc5280::ANY_EXTENDED_KEY_USAGE)
    };
    constraints(certificate).is_some_and(|it| {
        it.ca && it.path_len_constraint.is_none_or(|length| usize::from(length) >= below)
    }) && extension(certificate).is_ok_and(|it| it.is_none_or(signs))
        && extension(certificate).is_ok_and(|it| it.is_none_or(purpose))
        && above.is_none_or(|above| is_signed_by(certificate, above))
}

fn constraints(certificate: &Certificate) -> Option<BasicConstraints> {
    extension(certificate).ok().flatten()
}

/// An extension, if it is there and can be read; `Err` where it cannot.
fn extension<'a, T>(certificate: &'a Certificate) -> Result<Option<T>, ()>
where
    T: x509_cert::der::Decode<'a> + x509_cert::der::oid::AssociatedOid,
{
    certificate.tbs_certificate.get::<T>().map(|found| found.map(|(_, it)| it)).map_err(|_| ())
}

fn is_signed_by(certificate: &Certificate, above: &Certificate) -> bool {
    let (of, by) = (&certificate.tbs_certificate, &above.tbs_certificate);
    let key = by.subject_public_key_info.to_der().map(DerPublicKey::from);
    let key = key.ok().and_then(|key| {
        let scheme = scheme(certificate.signature_algorithm.oid, &key)?;
        VerificationKey::from_spki_with_scheme(&key, scheme).ok()
    });
    let signed = of.to_der().ok().zip(certificate.signature.as_bytes());
    of.issuer == by.subject
        && key.zip(signed).is_some_and(|(key, (signed, signature))| {
            key.verify(signed, &SignatureBytes::from(signature.to_vec())).is_ok()
        })
}

/// How a key signs a certificate under an algorithm; `None` where that is not known here.
fn scheme(algorithm: ObjectIdentifier, key: &DerPublicKey) -> Option<SigningScheme> {
    use SigningScheme::{
        EcdsaP256Sha256, EcdsaP256Sha384, EcdsaP384Sha256, EcdsaP384Sha384, Ed25519,
        RsaPkcs1Sha256, RsaPkcs1Sha384, RsaPkcs1Sha512,
    };
    let schemes: &[SigningScheme] = match algorithm {
        rfc5912::ECDSA_WITH_SHA_256 => &[EcdsaP256Sha256, EcdsaP384Sha256],
        rfc5912::ECDSA_WITH_SHA_384 => &[EcdsaP256Sha384, EcdsaP384Sha384],
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => &[RsaPkcs1Sha256],
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => &[RsaPkcs1Sha384],
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => &[RsaPkcs1Sha512],
        x509_cert::der::oid::db::rfc8410::ID_ED_25519 => &[Ed25519],
        _ => &[],
    };
    let fits =
        |scheme: &&SigningScheme| VerificationKey::from_spki_with_scheme(key, **scheme).is_ok();
    schemes.iter().find(fits).copied()
}

fn window_of(certificate: &Certificate) -> Option<TimeRange> {
    let validity = &certificate.tbs_certificate.validity;
    let second = |time: x509_cert::time::Time| {
        Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
    };
    Some(TimeRange::new(second(validity.not_before)?, Some(second(validity.not_after)?)))
}

/// What both ranges hold; `None` where that is nothing.
fn within(window: Option<TimeRange>, own: TimeRange) -> Option<TimeRange> {
    let Some(window) = window else { return Some(own) };
    let start = window.start.max(own.start);
    let end = [window.end, own.end].into_iter().flatten().min();
    end.is_none_or(|end| start <= end).then(|| TimeRange::new(start, end))
}
