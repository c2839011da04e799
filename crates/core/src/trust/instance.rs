//! Sigstore instances: whose certificates, logs and time stamps count, and what a signature of theirs
//! must come with.
//!
//! An instance is chosen by the policy or by a flag, never by the file under test. What it asks for
//! follows from its own trusted root: one that lists transparency logs asks for an entry in one of them,
//! one that lists certificate logs asks for a signed certificate timestamp. GitHub's lists neither and
//! lives by its time stamps.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_types::{Artifact, Bundle, DerPublicKey};
use sigstore_verify::{
    PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};

use super::refused::refusal;
use super::{CertificateIdentity, Contents, KeyId, authorities, certificate, entries};
use crate::digest::Sha256Digest;
use crate::json;
use crate::limits::TRUSTED_ROOT;
use crate::report::{Escaped, Reason, Refusal, TrustUsed};

/// When the embedded trusted roots were taken from their instances, as RFC 3339 in UTC.
///
/// It belongs to the version of `sigstore-trust-root` in Cargo.lock; a test compares their digests.
pub const EMBEDDED_AS_OF: &str = "2026-10-23T00:00:00Z";

/// What a trusted root is called, in the older form and the newer (`sigstore_trustroot.proto`, `TrustedRoot`).
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// A Sigstore instance by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceName {
    /// Sigstore's public-good instance.
    PublicGood,
    /// GitHub's instance, which signs for private repositories.
    Github,
    /// Sigstore's instance for tests. Anybody may do anything there.
    Staging,
    /// The one whose trusted root was given as a file.
    Private,
}

impl InstanceName {
    /// Every instance that can be named.
    pub const ALL: [Self; 4] = [Self::PublicGood, Self::Github, Self::Staging, Self::Private];

    /// The name as flags and policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PublicGood => "public-good",
            Self::Github => "github",
            Self::Staging => "staging",
            Self::Private => "private",
        }
    }

    fn embedded(self) -> Option<SigstoreInstance> {
        match self {
            Self::PublicGood => Some(SigstoreInstance::PublicGood),
            Self::Github => Some(SigstoreInstance::GitHub),
            Self::Staging => Some(SigstoreInstance::Staging),
            Self::Private => None,
        }
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InstanceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("no trust instance `{}`: there are {known}", text.escape_debug())
        })
    }
}

/// A trusted root that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the trusted root of the instance `{name}` cannot be used: {}", Escaped(.because))]
pub struct InstanceError {
    name: InstanceName,
    because: String,
}

impl InstanceError {
    /// Why an instance cannot be used.
    pub fn new(name: InstanceName, because: impl Into<String>) -> Self {
        Self { name, because: because.into() }
    }
}

/// A Sigstore instance with its trusted root, parsed once and shared by every verification.
pub struct Instance {
    name: InstanceName,
    sha256: Sha256Digest,
    as_of: Option<DateTime<Utc>>,
    root: TrustedRoot,
    verifier: Verifier,
}

/// Where the trusted roots of Sigstore instances come from: what the program carries, what was refreshed,
/// or a file. Never from the file under test.
pub trait Instances {
    /// The instance of that name.
    ///
    /// # Errors
    /// [`InstanceError`] where there is none, or none that can be used.
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError>;
}

/// The trusted roots that the program carries.
#[derive(Debug, Clone, Copy)]
pub struct Embedded;

impl Instances for Embedded {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        Instance::embedded(name).map(Arc::new)
    }
}

/// What a signature of this instance showed.
#[derive(Debug, Clone)]
pub(crate) struct Shown<T> {
    pub(crate) what: T,
    /// When it was signed: each time that a time stamp authority or log vouches for.
    pub(crate) times: Vec<DateTime<Utc>>,
}

impl Instance {
    /// The trusted root that the program carries for an instance.
    ///
    /// # Errors
    /// [`InstanceError`] for [`InstanceName::Private`], of which nothing is known beforehand.
    pub fn embedded(name: InstanceName) -> Result<Self, InstanceError> {
        let Some(embedded) = name.embedded() else {
            return Err(InstanceError::new(name, "none was given (--trust-root FILE)"));
        };
        let as_of = DateTime::parse_from_rfc3339(EMBEDDED_AS_OF).ok().map(|time| time.to_utc());
        Self::parse(name, embedded.embedded_trusted_root_json().as_bytes(), as_of)
    }

    /// Reads a `trusted_root.json` (`application/vnd.dev.sigstore.trustedroot`), which was true at
    /// `as_of`, where that is known.
    ///
    /// # Errors
    /// [`InstanceError`] when it is not such a document or holds keys or certificates that cannot be used.
    pub fn parse(
        name: InstanceName,
        bytes: &[u8],
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Self, InstanceError> {
        let error = |because: String| InstanceError::new(name, because);
        json::parse(bytes, TRUSTED_ROOT).map_err(|cause| error(cause.to_string()))?;
        let text = std::str::from_utf8(bytes).map_err(|cause| error(cause.to_string()))?;
        let root = TrustedRoot::from_json(text).map_err(|cause| error(cause.to_string()))?;
        if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
            return Err(error(format!(
                "its mediaType is {:?}; {} is needed",
                root.media_type, MEDIA_TYPES[0]
            )));
        }
        if root.certificate_authorities.is_empty() && root.tlogs.is_empty() {
            return Err(error("it names neither a certificate authority nor a log".to_owned()));
        }
        let verifier =
            Verifier::new(&authorities::held(&root)).map_err(|cause| error(cause.to_string()))?;
        Ok(Self { name, sha256: Sha256Digest::of(bytes), as_of, root, verifier })
    }

    /// Its name.
    pub fn name(&self) -> InstanceName {
        self.name
    }

    /// The digest of the trusted root.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// When the trusted root was true, where that is known.
    pub fn as_of(&self) -> Option<DateTime<Utc>> {
        self.as_of
    }

    /// The trusted root itself: authorities, logs, and when each counts.
    pub fn root(&self) -> &TrustedRoot {
        &self.root
    }

    /// Authorities and logs of the trusted root, for people to read.
    pub fn contents(&self) -> Contents {
        Contents::of(&self.root)
    }

    /// What a report says of this instance at the time `now`.
    pub fn used(&self, now: DateTime<Utc>) -> TrustUsed {
        TrustUsed {
            instance: self.name.to_string(),
            sha256: self.sha256,
            as_of: self.as_of,
            // As of a time before it was known it has no age.
            age_days: self
                .as_of
                .filter(|as_of| *as_of <= now)
                .map(|as_of| (now - as_of).num_days()),
        }
    }

    /// Holds a bundle signed by a certificate against this instance.
    ///
    /// # Errors
    /// One of the reasons of `refused.rs`.
    pub(crate) fn verify_certificate(
        &self,
        bundle: &Bundle,
        signed: Artifact<'_>,
    ) -> Result<Shown<CertificateIdentity>, Refusal> {
        // Who may sign is the policy's to say, of a type that knows all extensions; here only whether.
        let mut how = VerificationPolicy::any_identity();
        if self.root.tlogs.is_empty() {
            how = how.skip_tlog_unsafe();
        }
        if self.root.ctlogs.is_empty() {
            how = how.skip_sct();
        }
        let without = authorities::without_known(bundle, &self.root)?;
        let held = without.as_ref().unwrap_or(bundle);
        let shown = self.verifier.verify(signed, held, &how).map_err(|error| refusal(&error))?;
        let times = times(&shown);
        entries::agree(bundle, &self.root, &times)?;
        certificate::may_sign(bundle)?;
        let identity = shown
            .certificate()
            .and_then(|certificate| CertificateIdentity::read(self.name, certificate))
            .ok_or_else(|| {
                Refusal::new(Reason::CertificateMalformed)
                    .expected("a mail address or URI as subject alternative name, and an issuer")
            })?;
        Ok(Shown { what: identity, times })
    }

    /// Holds a bundle signed by a plain key against the logs of this instance.
    ///
    /// # Errors
    /// One of the reasons of `refused.rs`.
    pub(crate) fn verify_logged_key(
        &self,
        bundle: &Bundle,
        signed: Artifact<'_>,
        key: &DerPublicKey,
    ) -> Result<Shown<KeyId>, Refusal> {
        let how = PublicKeyVerificationPolicy::new(key.clone());
        let shown = self.verifier.verify(signed, bundle, &how).map_err(|error| refusal(&error))?;
        let times = times(&shown);
        entries::agree(bundle, &self.root, &times)?;
        Ok(Shown { what: KeyId::of_spki(key.as_bytes()), times })
    }
}

fn times(shown: &VerificationResult) -> Vec<DateTime<Utc>> {
    let all = shown.verified_timestamps().iter().copied().chain(shown.integrated_time());
    let mut times: Vec<_> =
        all.filter_map(|time| DateTime::from_timestamp(time.as_second(), 0)).collect();
    times.sort_unstable();
    times.dedup();
    times
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", &self.name)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests of the trusted roots that were true at [`EMBEDDED_AS_OF`].
    const DIGESTS: [(InstanceName, &str); 3] = [
        (
            InstanceName::PublicGood,
            "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66",
        ),
        (InstanceName::Github, "484cdfe1a7c65479c5ba2a22193d1be90f0020db1997de696ab207434c62fbb7"),
        (InstanceName::Staging, "44deb991d4bbf2150751ccee235d9810bce4434383c26d8898c1bcadbace6ed8"),
    ];

    #[test]
    fn the_embedded_roots_are_those_of_their_date() {
        for (name, digest) in DIGESTS {
            let found = Instance::embedded(name).unwrap().sha256().to_string();
            assert_eq!(
                found, digest,
                "sigstore-trust-root brings another trusted root of {name}: set EMBEDDED_AS_OF to the \
                 day on which it was released, and this digest"
            );
        }
    }

    #[test]
    fn the_date_of_the_embedded_roots_is_one() {
        let instance = Instance::embedded(InstanceName::Github).unwrap();
        let as_of = instance.as_of().unwrap();
        let used = |days| instance.used(as_of + chrono::TimeDelta::days(days)).age_days;
        assert_eq!((used(-3), used(0), used(91)), (None, Some(0), Some(91)));
    }
}
