//! The signature of a policy: `https://wheelmark.dev/policy/v1` (`docs/policy-signature-v1.md`).
//!
//! An in-toto statement about the policy file, by name and digest, with a version and the time until which it counts.
//! [`SignedPolicy::verify`] is the only place where one is made.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attestation::bundle::Attestation;
use crate::attestation::document;
use crate::attestation::envelope::{Signed, VerifiedEnvelope};
use crate::attestation::statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
use crate::attestation::timestamp::{self, seconds};
use crate::digest::Sha256Digest;
use crate::limits::{AttestationLimits, POLICY_SIGNATURE};
use crate::report::{Escaped, Refusal};
use crate::trust::{KeyId, SignerIdentity, TrustRoot};

/// The predicate type.
pub const POLICY_TYPE: &str = "https://wheelmark.dev/policy/v1";

/// The highest version: beyond it, readers of JSON differ on what a number is (RFC 8259, section 6).
pub const LATEST_VERSION: u64 = (1 << 53) - 1;

/// What is signed of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatement {
    /// From 1; a later policy of the same name has a higher one.
    pub version: u64,
    /// The last moment at which the policy counts, UTC.
    #[serde(serialize_with = "timestamp::in_seconds")]
    pub expires: DateTime<Utc>,
    /// When it was signed, as the signer says; nothing is decided by it.
    #[serde(
        serialize_with = "timestamp::maybe_in_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub issued_at: Option<DateTime<Utc>>,
}

/// The predicate as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Predicate {
    version: u64,
    expires: String,
    issued_at: Option<String>,
}

/// A policy whose signature by a trusted key holds, and which has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPolicy {
    key: KeyId,
    name: String,
    sha256: Sha256Digest,
    says: PolicyStatement,
}

/// Why the signature of a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no bundle, or no trusted key made the signature.
    #[error("the policy's signature does not hold: {0}")]
    Refused(Refusal),
    /// It was made by a certificate, of whose time a policy key knows nothing.
    #[error("the policy's signature is by a certificate, and a key has to sign a policy")]
    Certificate,
    /// Something else was signed than a policy.
    #[error("what was signed is no policy: {}", Escaped(.0))]
    Malformed(String),
    /// Another policy was signed.
    #[error(
        "the signature is of another policy: expected sha256 {expected}, found {}",
        Escaped(found)
    )]
    OtherText {
        /// The digest of the policy at hand.
        expected: Sha256Digest,
        /// What is in the statement.
        found: String,
    },
    /// A policy of another name was signed.
    #[error(
        "the signature is of a policy named `{}`, and this one is named `{}`",
        Escaped(found),
        Escaped(expected)
    )]
    OtherName {
        /// The name of the policy at hand.
        expected: String,
        /// What is in the statement.
        found: String,
    },
    /// Its time is over.
    #[error("the policy's signature expired at {expires}, and it is {at}")]
    Expired {
        /// Until when it counted, RFC 3339.
        expires: String,
        /// The time at which it was to count, RFC 3339.
        at: String,
    },
}

impl PolicyStatement {
    /// The statement to be signed, about a policy file of this name and digest.
    ///
    /// # Errors
    /// Only what `serde_json` returns for values that have no JSON form.
    pub fn about(&self, name: &str, sha256: Sha256Digest) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![ResourceDescriptor {
                name: Some(name.to_owned()),
                digest: [("sha256".to_owned(), sha256.to_string())].into(),
                ..Default::default()
            }],
            predicate_type: POLICY_TYPE.to_owned(),
            predicate: serde_json::to_value(self)?,
        })
    }
}

impl SignedPolicy {
    /// Holds the signature of a policy, which is a file named `name` of these bytes, against keys, and its time against
    /// the clock and against the time `at` of the verification: a policy that has expired by either is none. Otherwise
    /// whoever chooses the one could bring an old policy back.
    ///
    /// # Errors
    /// [`SignatureError`] for anything but a signature by one of the keys over a statement about this very file.
    pub fn verify(
        name: &str,
        bytes: &[u8],
        signature: &[u8],
        keys: &TrustRoot,
        clock: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<Self, SignatureError> {
        use SignatureError as E;
        let limits = AttestationLimits { bundle: POLICY_SIGNATURE, attestations: 1 };
        let sha256 = Sha256Digest::of(bytes);
        let read = Attestation::parse(signature, &limits).map_err(E::Refused)?;
        let envelope = VerifiedEnvelope::verify(&read, keys, Signed::Digest(sha256), clock);
        let envelope = envelope.map_err(E::Refused)?;
        let SignerIdentity::Key(key) = envelope.signer() else { return Err(E::Certificate) };
        let statement = envelope.statement(&limits).map_err(|it| E::Malformed(it.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != POLICY_TYPE {
            let Statement { statement_type, predicate_type, .. } = statement;
            let message = format!("its type is {predicate_type}, in a {statement_type}");
            return Err(E::Malformed(message));
        }
        let [subject] = &statement.subject[..] else {
            let message = format!("it is about {} files", statement.subject.len());
            return Err(E::Malformed(message));
        };
        let found = subject.digest.get("sha256").map_or("none", String::as_str);
        if found.parse() != Ok(sha256) {
            return Err(E::OtherText { expected: sha256, found: found.to_owned() });
        }
        let found = subject.name.as_deref().unwrap_or_default();
        if found != name {
            return Err(E::OtherName { expected: name.to_owned(), found: found.to_owned() });
        }
        let says = predicate(&statement).map_err(E::Malformed)?;
        for at in [clock, at] {
            if at > says.expires {
                return Err(E::Expired { expires: seconds(says.expires), at: seconds(at) });
            }
        }
        Ok(Self { key: key.clone(), name: name.to_owned(), sha256, says })
    }

    /// The key that signed.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of its text.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// What was signed of it.
    pub fn says(&self) -> &PolicyStatement {
        &self.says
    }
}

fn predicate(statement: &Statement) -> Result<PolicyStatement, String> {
    let read: Predicate = document::read(&statement.predicate).map_err(|it| it.to_string())?;
    if !(1..=LATEST_VERSION).contains(&read.version) {
        return Err(format!("version {} is not from 1 to {LATEST_VERSION}", read.version));
    }
    let time = |text: &str| timestamp::parse(text).map_err(|error| error.to_string());
    Ok(PolicyStatement {
        version: read.version,
        expires: time(&read.expires)?,
        issued_at: read.issued_at.as_deref().map(time).transpose()?,
    })
}
