//! What a trusted root lists, in a form for people: who is trusted, and from when until when.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sigstore_trust_root::trusted_root::{CertChain, CertificateSubject, PublicKey};
use sigstore_trust_root::{TimeRange, TrustedRoot};
use sigstore_types::{DerCertificate, LogId};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::authorities::is_supported;
use crate::digest::Sha256Digest;

/// Authorities and logs of a trusted root. Every text in it is the root's own and is to be escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// Who may issue certificates to signers.
    pub certificate_authorities: Vec<Authority>,
    /// Logs in which a signature must be.
    pub transparency_logs: Vec<Log>,
    /// Logs in which a signer's certificate must be.
    pub certificate_logs: Vec<Log>,
    /// Who may say when something was signed.
    pub timestamp_authorities: Vec<Authority>,
}

/// An authority, by its chain of certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authority {
    /// The organisation, as the root names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The common name, as the root names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// Where it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// When what it signs counts.
    #[serde(flatten)]
    pub window: Window,
    /// Its certificates, the one that signs first.
    pub certificates: Vec<AuthorityCertificate>,
}

/// A certificate of an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityCertificate {
    /// The digest of its DER.
    pub sha256: Sha256Digest,
    /// Its subject (RFC 4514); absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The last moment at which it is valid; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<DateTime<Utc>>,
}

/// A log, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// Where it is.
    pub base_url: String,
    /// Its id, as hexadecimal digits.
    pub log_id: String,
    /// The kind of its key, such as `PKIX_ECDSA_P256_SHA_256`.
    pub key_type: String,
    /// Whether signatures by such a key can be verified here. Where not, the log vouches for nothing.
    pub supported: bool,
    /// When what it signs counts.
    #[serde(flatten)]
    pub window: Window,
}

/// From when until when. No bound means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    /// The last moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
}

impl Contents {
    pub(super) fn of(root: &TrustedRoot) -> Self {
        let issuers = root.certificate_authorities.iter();
        let clocks = root.timestamp_authorities.iter();
        let logs = root.tlogs.iter().map(|it| log(&it.base_url, &it.log_id, &it.public_key));
        let certificate_logs = root.ctlogs.iter();
        Self {
            certificate_authorities: issuers
                .map(|it| authority(&it.subject, Some(&it.uri), it.valid_for, &it.cert_chain))
                .collect(),
            transparency_logs: logs.collect(),
            certificate_logs: certificate_logs
                .map(|it| log(&it.base_url, &it.log_id, &it.public_key))
                .collect(),
            timestamp_authorities: clocks
                .map(|it| authority(&it.subject, it.uri.as_ref(), it.valid_for, &it.cert_chain))
                .collect(),
        }
    }
}

fn authority(
    subject: &CertificateSubject,
    uri: Option<&String>,
    range: Option<TimeRange>,
    chain: &CertChain,
) -> Authority {
    Authority {
        organization: subject.organization.clone(),
        common_name: subject.common_name.clone(),
        uri: uri.cloned(),
        window: Window::of(range),
        certificates: chain.certificates.iter().map(|it| certificate(&it.raw_bytes)).collect(),
    }
}

fn log(base_url: &str, id: &LogId, key: &PublicKey) -> Log {
    Log {
        base_url: base_url.to_owned(),
        log_id: hex::encode(id.key_id.as_bytes()),
        key_type: key.key_details.to_string(),
        supported: is_supported(key),
        window: Window::of(key.valid_for),
    }
}

fn certificate(der: &DerCertificate) -> AuthorityCertificate {
    let read = Certificate::from_der(der.as_bytes()).ok().map(|it| it.tbs_certificate);
    AuthorityCertificate {
        sha256: Sha256Digest::of(der.as_bytes()),
        subject: read.as_ref().map(|it| it.subject.to_string()),
        not_after: read.as_ref().and_then(|it| {
            let seconds = it.validity.not_after.to_unix_duration().as_secs();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
        }),
    }
}

impl Window {
    fn of(range: Option<TimeRange>) -> Self {
        let time = |second: i64| DateTime::from_timestamp(second, 0);
        Self {
            valid_from: range.and_then(|range| time(range.start.as_second())),
            valid_until: range.and_then(|range| time(range.end?.as_second())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::trust::{Instance, InstanceName};

    #[test]
    fn the_public_instances_are_read_whole() {
        for name in [InstanceName::PublicGood, InstanceName::Github, InstanceName::Staging] {
            let instance = Instance::embedded(name).unwrap();
            let contents = instance.contents();
            assert_eq!(
                contents.certificate_authorities.len(),
                instance.root().certificate_authorities.len()
            );
            for authority in
                contents.certificate_authorities.iter().chain(&contents.timestamp_authorities)
            {
                assert!(authority.window.valid_from.is_some(), "{authority:?}");
                for certificate in &authority.certificates {
                    assert!(certificate.subject.is_some() && certificate.not_after.is_some());
                }
            }
            for log in contents.transparency_logs.iter().chain(&contents.certificate_logs) {
                assert_eq!(log.log_id.len(), 64, "{log:?}");
            }
        }
        let contents = Instance::embedded(InstanceName::PublicGood).unwrap().contents();
        let first = &contents.certificate_authorities[0];
        let (of, until) = (first.organization.as_deref(), first.window.valid_until);
        assert_eq!((of, until.is_some()), (Some("sigstore.dev"), true));
    }
}
