//! A Sigstore instance in memory: an authority, a certificate log, a transparency log and an authority for
//! time stamps, all of whose keys are decided by their names. The same calls give the same bytes.
//!
//! It makes what a real instance would, true in every part, so that a test can change one part and see that
//! part refused. Signers are [`Holder`]s; [`Sigstore::sign`] gives a [`Signing`], which any form of file can
//! be made of.

pub mod authority;
pub mod holder;
pub mod key;
pub mod log;
pub mod timestamp;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wheelmark_core::attestation::statement::PAYLOAD_TYPE;
use x509_cert::der::asn1::ObjectIdentifier;

use authority::Authority;
pub use holder::Holder;
pub use key::Key;
use log::Log;
use timestamp::TimestampAuthority;

/// `id-kp-codeSigning`, what certificates of signers are for.
pub const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// `id-kp-serverAuth`, what they are not for.
pub const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// When everything here was signed, unless a test says otherwise.
pub fn signed_at() -> DateTime<Utc> {
    time("2025-12-01T12:00:00Z")
}

/// A time as RFC 3339 writes it.
pub fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Sigstore {
    /// Issues certificates.
    pub authority: Authority,
    /// Takes entries.
    pub log: Log,
    /// Stamps times.
    pub timestamps: TimestampAuthority,
}

/// The version of a Sigstore bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// v0.1: a chain of certificates; the log's promise suffices.
    V0_1,
    /// v0.2: a chain of certificates; the log's proof is needed.
    V0_2,
    /// v0.3: one certificate; the log's proof is needed.
    V0_3,
}

/// What was signed.
#[derive(Debug, Clone)]
pub enum Content {
    /// A DSSE envelope's payload, an in-toto statement.
    Statement(String),
    /// The bare bytes of a file.
    File(Vec<u8>),
}

/// A signature with everything that was made along with it.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The certificate; of a signature by a plain key, the hint of the key.
    pub by: By,
    /// What was signed.
    pub content: Content,
    /// The signature.
    pub signature: Vec<u8>,
    /// The log's entries, one each.
    pub entries: Vec<Value>,
    /// Tokens of authorities that stamp times.
    pub tokens: Vec<Vec<u8>>,
}

/// Who signed.
#[derive(Debug, Clone)]
pub enum By {
    /// The holder of a certificate, and the authorities' certificates that go along in old bundles.
    Certificate(Vec<u8>, Vec<Vec<u8>>),
    /// A plain key.
    Key {
        /// The hint in the bundle.
        hint: String,
        /// The public half, PEM.
        pem: String,
    },
}

impl Default for Sigstore {
    /// The instance of the fixtures.
    fn default() -> Self {
        Self::named("wheelmark")
    }
}

impl Sigstore {
    /// The instance of a name. Two names share no key.
    pub fn named(name: &str) -> Self {
        let from = time("2024-01-01T00:00:00Z");
        Self {
            authority: Authority::named(name, from, from + TimeDelta::days(3650)),
            log: Log::named(name),
            timestamps: TimestampAuthority::named(name, from),
        }
    }

    /// The `trusted_root.json` of the instance.
    pub fn trusted_root(&self) -> Value {
        let from = json!({"start": "2024-01-01T00:00:00Z"});
        let log = |key: &Key, url: &str| {
            json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.spki()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": from,
                },
                "logId": {"keyId": STANDARD.encode(key.id())},
            })
        };
        let authority = |name: &str, chain: &[&[u8]]| {
            json!({
                "subject": {"organization": "wheelmark tests", "commonName": name},
                "uri": "https://authority.example",
                "certChain": {"certificates": certificates(chain)},
                "validFor": from,
            })
        };
        let Authority { root, intermediate, log: certificate_log } = &self.authority;
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log.key(), "https://log.example")],
            "certificateAuthorities": [authority("signers", &[intermediate.der(), root.der()])],
            "ctlogs": [log(certificate_log, "https://certificate-log.example")],
            "timestampAuthorities": [authority("times", &self.timestamps.chain())],
        })
    }

    /// Gives a holder a certificate and has them sign a statement, which goes into the log.
    pub fn sign(&self, holder: &Holder, statement: &str) -> Signing {
        self.sign_at(holder, Content::Statement(statement.to_owned()), signed_at())
    }

    /// The same of the bare bytes of a file.
    pub fn sign_file(&self, holder: &Holder, bytes: &[u8]) -> Signing {
        self.sign_at(holder, Content::File(bytes.to_vec()), signed_at())
    }

    /// The same of anything at any time.
    pub fn sign_at(&self, holder: &Holder, content: Content, at: DateTime<Utc>) -> Signing {
        let certificate = self.authority.issue(holder);
        let signature = match &content {
            Content::Statement(statement) => holder.key.sign(pae(statement).as_bytes()),
            Content::File(bytes) => holder.key.sign(bytes),
        };
        let chain = vec![self.authority.intermediate.der().to_vec()];
        let by = By::Certificate(certificate, chain);
        self.logged(Signing { by, content, signature, entries: Vec::new(), tokens: Vec::new() }, at)
    }

    /// Puts a signing into the log as its only entry there.
    pub fn logged(&self, mut signing: Signing, at: DateTime<Utc>) -> Signing {
        let (kind, spec) = signing.entry_spec();
        signing.entries = vec![self.log.entry(kind, "0.0.1", &spec, at)];
        signing
    }
}

impl Signing {
    /// What the log takes of this signing: the kind of its entry and what is in it.
    pub fn entry_spec(&self) -> (&'static str, Value) {
        let signature = STANDARD.encode(&self.signature);
        let verifier = STANDARD.encode(match &self.by {
            By::Certificate(der, _) => key::pem("CERTIFICATE", der),
            By::Key { pem, .. } => pem.clone(),
        });
        match &self.content {
            Content::Statement(statement) => (
                "dsse",
                json!({
                    "envelopeHash": sha256(self.envelope().to_string().as_bytes()),
                    "payloadHash": sha256(statement.as_bytes()),
                    "signatures": [{"signature": signature, "verifier": verifier}],
                }),
            ),
            Content::File(bytes) => (
                "hashedrekord",
                json!({
                    "data": {"hash": sha256(bytes)},
                    "signature": {"content": signature, "publicKey": {"content": verifier}},
                }),
            ),
        }
    }

    /// The same with a token of a time.
    #[must_use]
    pub fn stamped(mut self, by: &TimestampAuthority, at: DateTime<Utc>) -> Self {
        self.tokens.push(by.token(&self.signature, at));
        self
    }

    fn envelope(&self) -> Value {
        let Content::Statement(statement) = &self.content else {
            return Value::Null;
        };
        json!({
            "payload": STANDARD.encode(statement),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": STANDARD.encode(&self.signature)}],
        })
    }

    /// The Sigstore bundle, v0.3.
    pub fn bundle(&self) -> Value {
        self.bundle_of(Version::V0_3)
    }

    /// The Sigstore bundle of a version.
    pub fn bundle_of(&self, version: Version) -> Value {
        let media_type = match version {
            Version::V0_1 => "application/vnd.dev.sigstore.bundle+json;version=0.1",
            Version::V0_2 => "application/vnd.dev.sigstore.bundle+json;version=0.2",
            Version::V0_3 => "application/vnd.dev.sigstore.bundle.v0.3+json",
        };
        let mut material = match &self.by {
            By::Key { hint, .. } => json!({"publicKey": {"hint": hint}}),
            By::Certificate(der, _) if version == Version::V0_3 => {
                json!({"certificate": {"rawBytes": STANDARD.encode(der)}})
            }
            By::Certificate(der, above) => {
                let chain: Vec<_> = [der].into_iter().chain(above).map(Vec::as_slice).collect();
                json!({"x509CertificateChain": {"certificates": certificates(&chain)}})
            }
        };
        material["tlogEntries"] = json!(self.entries);
        if !self.tokens.is_empty() {
            let token = |token| json!({"signedTimestamp": STANDARD.encode(token)});
            let tokens: Vec<_> = self.tokens.iter().map(token).collect();
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": tokens});
        }
        let mut bundle = json!({"mediaType": media_type, "verificationMaterial": material});
        match &self.content {
            Content::Statement(_) => bundle["dsseEnvelope"] = self.envelope(),
            Content::File(bytes) => {
                bundle["messageSignature"] = json!({
                    "messageDigest": {
                        "algorithm": "SHA2_256",
                        "digest": STANDARD.encode(Sha256::digest(bytes)),
                    },
                    "signature": STANDARD.encode(&self.signature),
                });
            }
        }
        bundle
    }

    /// The attestation object of an index (PEP 740). There is none of a bare signature or one by a key.
    pub fn attestation(&self) -> Value {
        let (By::Certificate(der, _), Content::Statement(statement)) = (&self.by, &self.content)
        else {
            panic!("an attestation object is a statement signed by a certificate");
        };
        json!({
            "version": 1,
            "verification_material": {
                "certificate": STANDARD.encode(der),
                "transparency_entries": self.entries,
            },
            "envelope": {
                "statement": STANDARD.encode(statement),
                "signature": STANDARD.encode(&self.signature),
            },
        })
    }
}

/// The provenance object of an index (PEP 740): what it serves beside a file.
pub fn provenance_object(publisher: &Value, attestations: &[Value]) -> Value {
    json!({
        "version": 1,
        "attestation_bundles": [{"publisher": publisher, "attestations": attestations}],
    })
}

/// What DSSE signs (DSSE v1.0.2, "Signature Definition").
fn pae(statement: &str) -> String {
    let (a, b) = (PAYLOAD_TYPE.len(), statement.len());
    format!("DSSEv1 {a} {PAYLOAD_TYPE} {b} {statement}")
}

fn sha256(bytes: &[u8]) -> Value {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"algorithm": "sha256", "value": hex})
}

fn certificates(chain: &[&[u8]]) -> Value {
    chain.iter().map(|der| json!({"rawBytes": STANDARD.encode(der)})).collect()
}
