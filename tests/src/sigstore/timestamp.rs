//! An authority that stamps times (RFC 3161), of the little that Sigstore's verifiers read.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::der::asn1::{Any, GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec};
use x509_cert::der::{Decode as _, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::authority::{Issuer, Subject, ecdsa_sha256, for_purpose};
use super::key::Key;

const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// Any policy will do; nobody reads it.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// Stamps times.
#[derive(Debug, Clone)]
pub struct TimestampAuthority {
    root: Issuer,
    key: Key,
    certificate: Vec<u8>,
}

impl TimestampAuthority {
    /// The authority of a name.
    pub fn named(name: &str, from: DateTime<Utc>) -> Self {
        let until = from + TimeDelta::days(3650);
        let root = Issuer::root(&format!("{name} time root"), from, until);
        let name = format!("{name} time");
        let key = Key::named(&name);
        let extensions = for_purpose(TIME_STAMPING);
        let certificate = root.issue(&Subject { name: &name, key: &key, from, until, extensions });
        Self { root, key, certificate }
    }

    /// Its certificates, its own first.
    pub fn chain(&self) -> [&[u8]; 2] {
        [&self.certificate, self.root.der()]
    }

    /// A token that a signature was there at a time: the answer's content, without the answer around it.
    pub fn token(&self, signature: &[u8], at: DateTime<Utc>) -> Vec<u8> {
        let sha256 = || AlgorithmIdentifierOwned { oid: SHA256, parameters: None };
        let octets = |bytes: &[u8]| OctetString::new(bytes).expect("bytes");
        let since = Duration::from_secs(u64::try_from(at.timestamp()).expect("after 1970"));
        let imprint = vec![any(&sha256()), any(&octets(&Sha256::digest(signature)))];
        let made = GeneralizedTime::from_unix_duration(since).expect("a time");
        // RFC 3161, 2.4.2: version, policy, imprint, serial number, time.
        let info = vec![any(&1_u8), any(&POLICY), any(&imprint), any(&1_u8), any(&made)];
        let info = info.to_der().expect("DER");
        let digest = any(&octets(&Sha256::digest(&info)));
        let kind = any(&TST_INFO);
        let attribute = |oid, value| Attribute {
            oid,
            values: SetOfVec::try_from(vec![value]).expect("one value"),
        };
        let attributes = vec![attribute(CONTENT_TYPE, kind), attribute(MESSAGE_DIGEST, digest)];
        let attributes = SetOfVec::try_from(attributes).expect("two attributes");
        let signature = self.key.sign(&attributes.to_der().expect("DER"));
        let certificate = Certificate::from_der(&self.certificate).expect("a certificate");
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: self.root.name().clone(),
                serial_number: certificate.tbs_certificate.serial_number,
            }),
            digest_alg: sha256(),
            signed_attrs: Some(attributes),
            signature_algorithm: ecdsa_sha256(),
            signature: octets(&signature),
            unsigned_attrs: None,
        };
        let data = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![sha256()]).expect("one algorithm"),
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: TST_INFO,
                econtent: Some(any(&octets(&info))),
            },
            certificates: None,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer]).expect("one signer")),
        };
        let content = any(&data);
        ContentInfo { content_type: SIGNED_DATA, content }.to_der().expect("DER")
    }
}

/// A value as one element of a sequence of unlike ones.
fn any(value: &impl Encode) -> Any {
    Any::from_der(&value.to_der().expect("DER")).expect("DER")
}
