//! Who signed before: the holder of a certificate, or a key.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::attestation::repository::RepositoryUri;
use crate::filename::ProjectName;
use crate::policy::IdentityRule;
use crate::report::{ChangedValue, Escaped};
use crate::trust::{CertificateIdentity, InstanceName, KeyId, SignerIdentity};

/// One who signed before.
#[derive(Debug, Clone)]
pub(super) enum LockedSigner {
    /// A key, which signed without a certificate.
    Key(KeyId),
    /// The holder of a certificate, by its values.
    Certificate(Box<IdentityRule>),
}

/// A key by its id, `sha256:` and the digest of its SubjectPublicKeyInfo.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    key: KeyId,
}

/// The holder of a certificate by its values, which are those of an identity of a policy.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CertificateEntry {
    trust: String,
    issuer: String,
    san: Option<String>,
    repository: Option<String>,
    repository_id: Option<String>,
    owner_id: Option<String>,
    workflow: Option<String>,
    builder: Option<String>,
    environment: Option<String>,
}

impl LockedSigner {
    /// Reads it from its values; with what is wrong, in words.
    pub(super) fn read(
        values: &BTreeMap<String, String>,
        project: &ProjectName,
    ) -> Result<Self, String> {
        let table = values.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        let table = toml::Value::Table(table.collect());
        let wrong = |error: toml::de::Error| error.message().to_owned();
        // Of a key there is nothing but itself: with other values beside it, it would be two.
        if values.contains_key("key") {
            let KeyEntry { key } = table.try_into().map_err(wrong)?;
            return Ok(Self::Key(key));
        }
        let entry: CertificateEntry = table.try_into().map_err(wrong)?;
        Ok(Self::Certificate(Box::new(entry.identity(project)?)))
    }

    /// Every value by which who signed now is another: none where it is the same.
    pub(super) fn changes(&self, now: &SignerIdentity) -> Vec<ChangedValue> {
        match (self, now) {
            (Self::Certificate(before), SignerIdentity::Certificate(now)) => before
                .mismatches(now)
                .chain(new_builder(before, now))
                .map(|(name, before, after)| ChangedValue { name, before, after })
                .collect(),
            (Self::Key(before), SignerIdentity::Key(now)) if before == now => Vec::new(),
            (Self::Key(before), SignerIdentity::Key(now)) => vec![ChangedValue {
                name: "key",
                before: before.to_string(),
                after: now.to_string(),
            }],
            (Self::Key(_), SignerIdentity::Certificate(_))
            | (Self::Certificate(_), SignerIdentity::Key(_)) => vec![ChangedValue {
                name: "signer",
                before: self.to_string(),
                after: now.to_string(),
            }],
        }
    }

    /// How far who signed now is from it: somebody of another kind is farther than any of the same.
    pub(super) fn distance(&self, now: &SignerIdentity, changes: usize) -> (bool, usize) {
        let same_kind = matches!(
            (self, now),
            (Self::Key(_), SignerIdentity::Key(_))
                | (Self::Certificate(_), SignerIdentity::Certificate(_))
        );
        (!same_kind, changes)
    }
}

impl fmt::Display for LockedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Certificate(identity) => identity.fmt(f),
        }
    }
}

/// A workflow of another repository that asks for the signature, where the repository's own did before. Of the own one
/// nothing is locked as its builder.
fn new_builder(
    before: &IdentityRule,
    now: &CertificateIdentity,
) -> Option<(&'static str, String, String)> {
    let own = before.builder.is_none() && before.san.is_none();
    let builder = now.caller().and_then(|_| now.builder()).filter(|_| own)?;
    Some(("builder", "none".to_owned(), builder.to_owned()))
}

impl CertificateEntry {
    fn identity(self, project: &ProjectName) -> Result<IdentityRule, String> {
        let trust: InstanceName = self
            .trust
            .parse()
            .map_err(|_| format!("not an instance: `{}`", Escaped(&self.trust)))?;
        let repository = self.repository.map(|text| text.parse::<RepositoryUri>()).transpose();
        let repository = repository.map_err(|error| error.to_string())?;
        if self.san.is_none() && repository.is_none() && self.repository_id.is_none() {
            return Err("a signer without `san`, `repository` or `repository-id`".to_owned());
        }
        Ok(IdentityRule {
            name: project.to_string(),
            repository,
            repository_id: self.repository_id,
            owner_id: self.owner_id,
            workflow: self.workflow,
            builder: self.builder,
            environment: self.environment,
            ..IdentityRule::named(trust, self.issuer, self.san)
        })
    }
}
