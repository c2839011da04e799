//! The keys and identities that a policy names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::shape::{IdentityEntry, KeyEntry, List};
use super::{Named, Reader, nearest, placeholder};
use crate::policy::identity::IdentityRule;
use crate::policy::schema::{Policy, PolicyError};
use crate::policy::signers::Signers;
use crate::report::Escaped;
use crate::trust::{KeyId, TrustedKey, Validity};

/// How a repository is written.
pub(super) const REPOSITORY: &str = "write it as in \"https://github.com/OWNER/NAME\"";

/// What a policy has of a kind, by name.
pub(super) struct Entries<T> {
    read: BTreeMap<String, T>,
    /// What is wrong with those that could not be read: whoever names one is refused for that.
    wrong: BTreeMap<String, PolicyError>,
}

impl<T> Entries<T> {
    pub(super) fn new() -> Self {
        Self { read: BTreeMap::new(), wrong: BTreeMap::new() }
    }

    /// What was read.
    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.read.into_values()
    }

    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.read.keys().chain(self.wrong.keys()).map(String::as_str)
    }
}

/// What a policy has under names, by which rules refer to it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) keys: &'a Entries<TrustedKey>,
    pub(super) identities: &'a Entries<Arc<IdentityRule>>,
    pub(super) policies: &'a Entries<Arc<Policy>>,
}

impl Reader<'_> {
    /// Those whom two lists name; either may be missing.
    pub(super) fn signers(
        &self,
        (keys, identities): (&Option<List>, &Option<List>),
        known: Known<'_>,
    ) -> Result<Signers, PolicyError> {
        let keys = self.keys_named(keys, known);
        let identities = self.identities_named(identities, known)?;
        Ok(Signers { keys: keys?, identities })
    }

    /// Every key that can be read; what is wrong with the others is kept.
    pub(super) fn keys(
        &self,
        entries: BTreeMap<Spanned<String>, KeyEntry>,
        named: &mut Named,
    ) -> Entries<TrustedKey> {
        let mut all = Entries::new();
        for (name, entry) in entries {
            let key = self.key(&name, &entry, &all, named);
            self.add(name, key, &mut all);
        }
        all
    }

    fn key(
        &self,
        name: &Spanned<String>,
        entry: &KeyEntry,
        earlier: &Entries<TrustedKey>,
        named: &mut Named,
    ) -> Result<TrustedKey, PolicyError> {
        let validity = Validity {
            from: self.time(entry.valid_from.as_ref())?,
            until: self.time(entry.valid_until.as_ref())?,
        };
        if validity.from.zip(validity.until).is_some_and(|(from, until)| from > until) {
            let message = format!("key `{}` is valid at no time", Escaped(name.get_ref()));
            let suggestion = "let `valid-until` be after `valid-from`";
            return Err(self.error(name.span(), message, suggestion));
        }
        let whole = "put the whole content of the public key's file (such as release.key.pub) here";
        let pem = entry.pem.get_ref();
        if let Some(word) = placeholder(pem) {
            let message = format!("`{word}` still stands where the key belongs: {whole}");
            let suggestion = "`wheelmark keygen` makes a key, and writes that file";
            return Err(self.error(entry.pem.span(), message, suggestion));
        }
        let key = TrustedKey::from_pem(pem, validity)
            .map_err(|error| self.error(entry.pem.span(), error.to_string(), whole))?;
        // One key under two names could count twice (CVE class GHSA-3633-5h82-39pq).
        if let Some((other, _)) = earlier.read.iter().find(|(_, other)| other.id() == key.id()) {
            let message = format!("this is the same key as `{}`", Escaped(other));
            return Err(self.error(name.span(), message, "take one of them out"));
        }
        Ok(match &entry.log {
            Some(log) => key.logged_in(self.instance(log, named)?),
            None => key,
        })
    }

    /// Every identity that can be read; what is wrong with the others is kept.
    pub(super) fn identities(
        &self,
        entries: BTreeMap<Spanned<String>, IdentityEntry>,
        named: &mut Named,
    ) -> Entries<Arc<IdentityRule>> {
        let mut all = Entries::new();
        for (name, entry) in entries {
            let identity = self.identity(&name, &entry, named).map(Arc::new);
            self.add(name, identity, &mut all);
        }
        all
    }

    fn identity(
        &self,
        name: &Spanned<String>,
        entry: &IdentityEntry,
        named: &mut Named,
    ) -> Result<IdentityRule, PolicyError> {
        let instance = self.instance(&entry.trust, named);
        if entry.san.is_none() && entry.repository.is_none() && entry.repository_id.is_none() {
            let message = "without `san`, `repository` or `repository-id`, whoever the issuer \
                           vouches for could sign";
            let suggestion = "add `repository`, or `san` for a person; `wheelmark inspect` shows \
                              who signed an attestation";
            return Err(self.error(name.span(), message, suggestion));
        }
        if let Some(workflow) = entry.workflow.as_ref().filter(|it| it.get_ref().starts_with('/')) {
            let message = "a path within the repository, without a `/` before it";
            let suggestion = "write it as in \".github/workflows/release.yml\"";
            return Err(self.error(workflow.span(), message, suggestion));
        }
        let optional =
            |text: &Option<Spanned<String>>| text.as_ref().map(|it| self.word(it)).transpose();
        let repository = entry.repository.as_ref().map(|text| self.parsed(text, REPOSITORY));
        Ok(IdentityRule {
            name: name.get_ref().clone(),
            trust: instance?.name(),
            issuer: self.word(&entry.issuer)?,
            san: optional(&entry.san)?,
            repository: repository.transpose()?,
            workflow: optional(&entry.workflow)?,
            builder: optional(&entry.builder)?,
            repository_id: optional(&entry.repository_id)?,
            owner_id: optional(&entry.owner_id)?,
            environment: optional(&entry.environment)?,
            runner_environment: optional(&entry.runner_environment)?,
            triggers: self.set_if(&entry.triggers, |text| self.word(text))?,
        })
    }

    fn add<T>(&self, name: Spanned<String>, read: Result<T, PolicyError>, all: &mut Entries<T>) {
        self.add_named(name.into_inner(), read, all);
    }

    /// Keeps what was read under a name, or what is wrong with it.
    pub(super) fn add_named<T>(
        &self,
        name: String,
        read: Result<T, PolicyError>,
        all: &mut Entries<T>,
    ) {
        match read {
            Ok(entry) => {
                all.read.insert(name, entry);
            }
            Err(error) => {
                self.errors.keep(error.clone());
                all.wrong.insert(name, error);
            }
        }
    }

    /// The ids of the keys that a list names.
    pub(super) fn keys_named(
        &self,
        list: &Option<List>,
        known: Known<'_>,
    ) -> Result<BTreeSet<KeyId>, PolicyError> {
        self.set_if(list, |text| self.named("keys", text, known.keys).map(|key| key.id().clone()))
    }

    /// The identities that a list names.
    pub(super) fn identities_named(
        &self,
        list: &Option<List>,
        known: Known<'_>,
    ) -> Result<Vec<Arc<IdentityRule>>, PolicyError> {
        let names = self.set_if(list, |text| {
            self.named("identities", text, known.identities).map(|_| text.get_ref().clone())
        })?;
        Ok(names.iter().filter_map(|name| known.identities.read.get(name).cloned()).collect())
    }

    /// The policy for something else that a rule names.
    pub(super) fn policy_named(
        &self,
        name: &Spanned<String>,
        known: Known<'_>,
    ) -> Result<Arc<Policy>, PolicyError> {
        self.named("policies", name, known.policies).map(Arc::clone)
    }

    fn named<'a, T>(
        &self,
        kind: &str,
        text: &Spanned<String>,
        all: &'a Entries<T>,
    ) -> Result<&'a T, PolicyError> {
        let name = text.get_ref();
        if let Some(entry) = all.read.get(name) {
            return Ok(entry);
        }
        Err(match all.wrong.get(name) {
            Some(error) => error.clone(),
            None => self.error(
                text.span(),
                format!("no [{kind}.{}] in this policy", Escaped(name)),
                nearest::instead(name, all.names()),
            ),
        })
    }
}
