//! The keys and identities that a policy names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::shape::{IdentityEntry, KeyEntry, List};
use super::{Named, Reader, placeholder};
use crate::policy::identity::IdentityRule;
use crate::policy::schema::{Policy, PolicyError};
use crate::policy::signers::Signers;
use crate::report::Escaped;
use crate::trust::{KeyId, TrustedKey, Validity};

/// What a policy has under names, by which rules refer to it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) keys: &'a BTreeMap<String, TrustedKey>,
    pub(super) identities: &'a BTreeMap<String, IdentityRule>,
    pub(super) policies: &'a BTreeMap<String, Arc<Policy>>,
}

impl Reader<'_> {
    /// Those whom two lists name; either may be missing.
    pub(super) fn signers(
        &self,
        (keys, identities): (&Option<List>, &Option<List>),
        known: Known<'_>,
    ) -> Result<Signers, PolicyError> {
        Ok(Signers {
            keys: self.keys_named(keys, known.keys)?,
            identities: self.identities_named(identities, known.identities)?,
        })
    }

    pub(super) fn keys(
        &self,
        entries: BTreeMap<Spanned<String>, KeyEntry>,
        named: &mut Named,
    ) -> Result<BTreeMap<String, TrustedKey>, PolicyError> {
        let mut keys: BTreeMap<String, TrustedKey> = BTreeMap::new();
        for (name, entry) in entries {
            let validity = Validity {
                from: self.time(entry.valid_from.as_ref())?,
                until: self.time(entry.valid_until.as_ref())?,
            };
            if validity.from.zip(validity.until).is_some_and(|(from, until)| from > until) {
                let message = format!("key `{}` is valid at no time", Escaped(name.get_ref()));
                return Err(self.error(name.span(), message));
            }
            let pem = entry.pem.get_ref();
            if let Some(word) = placeholder(pem) {
                let message = format!(
                    "`{word}` still stands where the key belongs: put the whole content of the \
                     public key's file (such as release.key.pub) here"
                );
                return Err(self.error(entry.pem.span(), message));
            }
            let key = TrustedKey::from_pem(pem, validity)
                .map_err(|error| self.error(entry.pem.span(), error.to_string()))?;
            // One key under two names could count twice (CVE class GHSA-3633-5h82-39pq).
            if let Some((other, _)) = keys.iter().find(|(_, other)| other.id() == key.id()) {
                let message = format!("this is the same key as `{}`", Escaped(other));
                return Err(self.error(name.span(), message));
            }
            let key = match &entry.log {
                Some(log) => key.logged_in(self.instance(log, named)?),
                None => key,
            };
            keys.insert(name.into_inner(), key);
        }
        Ok(keys)
    }

    pub(super) fn identities(
        &self,
        entries: BTreeMap<Spanned<String>, IdentityEntry>,
        named: &mut Named,
    ) -> Result<BTreeMap<String, IdentityRule>, PolicyError> {
        let mut identities = BTreeMap::new();
        for (name, entry) in entries {
            let instance = self.instance(&entry.trust, named)?;
            if entry.san.is_none() && entry.repository.is_none() && entry.repository_id.is_none() {
                let message = "without `san`, `repository` or `repository-id`, whoever the issuer \
                               vouches for could sign";
                return Err(self.error(name.span(), message));
            }
            if let Some(workflow) =
                entry.workflow.as_ref().filter(|it| it.get_ref().starts_with('/'))
            {
                let message = "a path within the repository, without a `/` before it";
                return Err(self.error(workflow.span(), message));
            }
            let triggers = self.set_if(&entry.triggers, |text| self.word(text))?;
            let optional =
                |text: &Option<Spanned<String>>| text.as_ref().map(|it| self.word(it)).transpose();
            let rule = IdentityRule {
                name: name.get_ref().clone(),
                trust: instance.name(),
                issuer: self.word(&entry.issuer)?,
                san: optional(&entry.san)?,
                repository: entry.repository.as_ref().map(|text| self.parsed(text)).transpose()?,
                workflow: optional(&entry.workflow)?,
                repository_id: optional(&entry.repository_id)?,
                owner_id: optional(&entry.owner_id)?,
                environment: optional(&entry.environment)?,
                runner_environment: optional(&entry.runner_environment)?,
                triggers,
            };
            identities.insert(name.into_inner(), rule);
        }
        Ok(identities)
    }

    /// The ids of the keys that a list names.
    pub(super) fn keys_named(
        &self,
        list: &Option<List>,
        keys: &BTreeMap<String, TrustedKey>,
    ) -> Result<BTreeSet<KeyId>, PolicyError> {
        self.set_if(list, |text| {
            keys.get(text.get_ref()).map(|key| key.id().clone()).ok_or_else(|| {
                let message = format!("no [keys.{}] in this policy", Escaped(text.get_ref()));
                self.error(text.span(), message)
            })
        })
    }

    /// The identities that a list names.
    pub(super) fn identities_named(
        &self,
        list: &Option<List>,
        identities: &BTreeMap<String, IdentityRule>,
    ) -> Result<Vec<IdentityRule>, PolicyError> {
        let names = self.set_if(list, |text| match identities.contains_key(text.get_ref()) {
            true => Ok(text.get_ref().clone()),
            false => {
                let message = format!("no [identities.{}] in this policy", Escaped(text.get_ref()));
                Err(self.error(text.span(), message))
            }
        })?;
        Ok(names.iter().filter_map(|name| identities.get(name).cloned()).collect())
    }
}
