//! A certificate authority as Fulcio is one: a root, an intermediate, and certificates that live for ten
//! minutes, each promised to a certificate log before it is signed (RFC 6962, 3.1 to 3.3).

use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::asn1::{
    BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UtcTime, Utf8StringRef,
};
use x509_cert::der::{Decode as _, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::name::Name as DistinguishedName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::CODE_SIGNING;
use super::holder::{Holder, Name, Promise};
use super::key::Key;

/// `ecdsa-with-SHA256`.
pub(super) const ECDSA_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const EMBEDDED_SCTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
/// The first extension whose value is a DER string; the older ones hold bare text.
const FIRST_DER_CLAIM: u32 = 8;

/// A name with its key and its certificate.
#[derive(Debug, Clone)]
pub struct Issuer {
    key: Key,
    name: DistinguishedName,
    der: Vec<u8>,
}

/// What a certificate says of its subject.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a Key,
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) extensions: Vec<Extension>,
}

impl Issuer {
    /// A root, which signs itself.
    pub(super) fn root(name: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let key = Key::named(name);
        let mut it = Self { key: key.clone(), name: distinguished(name), der: Vec::new() };
        it.der = it.issue(&Subject { name, key: &key, from, until, extensions: of_authority() });
        it
    }

    /// An authority below this one.
    pub(super) fn below(&self, name: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let key = Key::named(name);
        // Path validation asks each certificate below the root whether it is for the use in question.
        let extensions = [of_authority(), vec![purpose(CODE_SIGNING)]].concat();
        let der = self.issue(&Subject { name, key: &key, from, until, extensions });
        Self { key, name: distinguished(name), der }
    }

    /// Its certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its name.
    pub(super) fn name(&self) -> &DistinguishedName {
        &self.name
    }

    /// Signs a certificate.
    pub(super) fn issue(&self, subject: &Subject<'_>) -> Vec<u8> {
        self.sign(self.unsigned(subject))
    }

    fn unsigned(&self, subject: &Subject<'_>) -> TbsCertificate {
        TbsCertificate {
            version: Version::V3,
            // A number of the key's own: no two certificates of one key are made by one issuer here.
            serial_number: SerialNumber::new(&[&[1], &subject.key.id()[..15]].concat())
                .expect("a number"),
            signature: ecdsa_sha256(),
            issuer: self.name.clone(),
            validity: Validity { not_before: time(subject.from), not_after: time(subject.until) },
            subject: distinguished(subject.name),
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&subject.key.spki())
                .expect("a key"),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(subject.extensions.clone()),
        }
    }

    fn sign(&self, unsigned: TbsCertificate) -> Vec<u8> {
        let signature = self.key.sign(&unsigned.to_der().expect("DER"));
        let certificate = Certificate {
            tbs_certificate: unsigned,
            signature_algorithm: ecdsa_sha256(),
            signature: BitString::from_bytes(&signature).expect("bytes"),
        };
        certificate.to_der().expect("DER")
    }
}

/// Issues certificates to who signs.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The root.
    pub root: Issuer,
    /// The authority below it, which issues.
    pub intermediate: Issuer,
    /// The key of the certificate log.
    pub log: Key,
}

impl Authority {
    /// The authority of a name, its intermediate valid until then.
    pub fn named(name: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let root = Issuer::root(&format!("{name} root"), from, from + TimeDelta::days(3650));
        let intermediate = root.below(&format!("{name} intermediate"), from, until);
        Self { root, intermediate, log: Key::named(&format!("{name} certificate log")) }
    }

    /// The same, its intermediate with these extensions and nothing else.
    pub fn with_extensions(mut self, extensions: Vec<Extension>) -> Self {
        let Issuer { key, der, .. } = &self.intermediate;
        let mut unsigned = Certificate::from_der(der).expect("a certificate").tbs_certificate;
        unsigned.extensions = Some(extensions);
        self.intermediate = Issuer {
            key: key.clone(),
            name: unsigned.subject.clone(),
            der: self.root.sign(unsigned),
        };
        self
    }

    /// The same, its root valid until then.
    pub fn with_root_until(mut self, name: &str, until: DateTime<Utc>) -> Self {
        self.root = Issuer::root(&format!("{name} root"), until - TimeDelta::days(365), until);
        self
    }

    /// An authority below this one's.
    #[must_use]
    pub fn below(&self, name: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let root = self.intermediate.clone();
        Self { intermediate: root.below(name, from, until), root, log: self.log.clone() }
    }

    /// Issues a certificate, in DER.
    pub fn issue(&self, holder: &Holder) -> Vec<u8> {
        let subject = Subject {
            name: "",
            key: &holder.key,
            from: holder.from,
            until: holder.from + TimeDelta::minutes(10),
            extensions: extensions(holder),
        };
        let mut unsigned = self.intermediate.unsigned(&subject);
        let promise = match &holder.promise {
            Promise::None => None,
            Promise::Own => Some(self.promise(&self.log, &unsigned, holder.from)),
            Promise::By(key) => Some(self.promise(key, &unsigned, holder.from)),
            Promise::ForAnother => {
                let mut another = unsigned.clone();
                another.validity.not_after = time(subject.until + TimeDelta::days(365));
                Some(self.promise(&self.log, &another, holder.from))
            }
        };
        if let (Some(promise), Some(extensions)) = (promise, &mut unsigned.extensions) {
            let list = OctetString::new(prefixed(&prefixed(&promise))).expect("bytes");
            extensions.push(extension(EMBEDDED_SCTS, false, &list));
        }
        self.intermediate.sign(unsigned)
    }

    /// A signed certificate timestamp (RFC 6962, 3.2) of a certificate without one.
    fn promise(&self, log: &Key, unsigned: &TbsCertificate, at: DateTime<Utc>) -> Vec<u8> {
        let at = at.timestamp_millis().to_be_bytes();
        let unsigned = unsigned.to_der().expect("DER");
        let length = u32::try_from(unsigned.len()).expect("a small certificate").to_be_bytes();
        let issuer = self.intermediate.key.id();
        // v1, certificate_timestamp, the time, precert_entry, no extensions.
        let signed =
            [&[0, 0], &at[..], &[0, 1], &issuer, &length[1..], &unsigned, &[0, 0]].concat();
        let signature = prefixed(&log.sign(&signed));
        // v1, the log, the time, no extensions, sha256 and ecdsa, the signature.
        [&[0], &log.id()[..], &at, &[0, 0], &[4, 3], &signature].concat()
    }
}

/// Bytes after their length in two bytes, as TLS has them.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("few bytes").to_be_bytes();
    [&length, bytes].concat()
}

fn extensions(holder: &Holder) -> Vec<Extension> {
    let text = |text: &str| Ia5String::new(text).expect("ASCII");
    let names = match &holder.name {
        Name::Uri(uri) => vec![GeneralName::UniformResourceIdentifier(text(uri))],
        Name::Email(email) => vec![GeneralName::Rfc822Name(text(email))],
        Name::Host(host) => vec![GeneralName::DnsName(text(host))],
        Name::Emails(emails) => {
            emails.iter().map(|email| GeneralName::Rfc822Name(text(email))).collect()
        }
    };
    let mut all: Vec<Extension> = holder.usage.iter().cloned().collect();
    all.push(purpose(holder.purpose));
    all.push(extension(SUBJECT_ALT_NAME, true, &SubjectAltName(names)));
    for (number, text) in &holder.claims {
        all.push(match *number < FIRST_DER_CLAIM {
            true => claim(*number, text.as_bytes()),
            false => claim(*number, &utf8_string(text)),
        });
    }
    all.extend(holder.raw_claims.iter().map(|(number, value)| claim(*number, value)));
    all
}

/// A Fulcio extension.
fn claim(number: u32, value: &[u8]) -> Extension {
    let id = ObjectIdentifier::new(&format!("1.3.6.1.4.1.57264.1.{number}")).expect("an id");
    let extn_value = OctetString::new(value).expect("bytes");
    Extension { extn_id: id, critical: false, extn_value }
}

/// A text in DER, as all but the oldest extensions hold it.
pub fn utf8_string(text: &str) -> Vec<u8> {
    Utf8StringRef::new(text).and_then(|text| text.to_der()).expect("DER")
}

fn of_authority() -> Vec<Extension> {
    vec![constraints(true, None), key_usage(true)]
}

/// Whether the subject is an authority, and how many more there may be below it.
pub fn constraints(ca: bool, path_len_constraint: Option<u8>) -> Extension {
    extension(BASIC_CONSTRAINTS, true, &BasicConstraints { ca, path_len_constraint })
}

/// That the key signs certificates, or other things.
pub fn key_usage(certificates: bool) -> Extension {
    let usage = match certificates {
        true => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
        false => KeyUsages::DigitalSignature.into(),
    };
    extension(KEY_USAGE, true, &KeyUsage(usage))
}

/// What the key is for.
pub fn purpose(purpose: ObjectIdentifier) -> Extension {
    extension(EXTENDED_KEY_USAGE, false, &ExtendedKeyUsage(vec![purpose]))
}

/// For a certificate that only stamps times (RFC 3161, 2.3).
pub(super) fn for_purpose(purpose: ObjectIdentifier) -> Vec<Extension> {
    vec![extension(EXTENDED_KEY_USAGE, true, &ExtendedKeyUsage(vec![purpose]))]
}

fn extension(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Extension {
    let extn_value = OctetString::new(value.to_der().expect("DER")).expect("bytes");
    Extension { extn_id, critical, extn_value }
}

pub(super) fn ecdsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }
}

fn distinguished(name: &str) -> DistinguishedName {
    match name {
        "" => DistinguishedName::default(),
        name => {
            DistinguishedName::from_str(&format!("CN={name},O=wheelmark tests")).expect("a name")
        }
    }
}

/// A time as certificates have it: in the short form until 2049 (RFC 5280, 4.1.2.5).
fn time(time: DateTime<Utc>) -> Time {
    let since = Duration::from_secs(u64::try_from(time.timestamp()).expect("after 1970"));
    UtcTime::from_unix_duration(since).map_or_else(
        |_| Time::GeneralTime(GeneralizedTime::from_unix_duration(since).expect("a time")),
        Time::UtcTime,
    )
}
