//! Who may sign: the keys and the holders of certificates that a rule names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::identity::IdentityRule;
use crate::report::{Reason, Refusal, Status};
use crate::trust::{CertificateIdentity, KeyId, SignerIdentity};

/// Some signers, by what the policy has of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers {
    /// The keys that may sign.
    pub keys: BTreeSet<KeyId>,
    /// The holders of certificates that may sign.
    pub identities: Vec<Arc<IdentityRule>>,
}

impl Signers {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.identities.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len() + self.identities.len()
    }

    /// Whether a signer is one of them.
    ///
    /// A reusable workflow signs for whoever calls it: unless something else names the repository that was built
    /// (`caller_is_named`), its name alone stands for its own repository's jobs only.
    pub(super) fn judge(&self, signer: &SignerIdentity, caller_is_named: bool) -> Status {
        let refused = |found: String| {
            let keys = self.keys.iter().map(|key| format!("key {key}"));
            Refusal::new(Reason::SignerNotAllowed).expected_all(keys).found(found)
        };
        let certificate = match signer {
            SignerIdentity::Key(id) if self.keys.contains(id) => {
                return Status::Passed(Some(signer.to_string()));
            }
            SignerIdentity::Key(_) => return Status::Failed(refused(signer.to_string())),
            SignerIdentity::Certificate(certificate) => certificate,
        };
        let mut mismatches = Vec::new();
        for identity in &self.identities {
            match mismatch(identity, certificate, caller_is_named) {
                None => return Status::Passed(Some(signer.to_string())),
                Some((what, expected, found)) => {
                    mismatches.push((format!("{}: {what} {expected}", identity.name), what, found));
                }
            }
        }
        Status::Failed(match &mismatches[..] {
            [(expected, what, found)] => {
                refused(format!("{what} {found} ({signer})")).expected(expected.clone())
            }
            _ => refused(signer.to_string())
                .expected_all(mismatches.into_iter().map(|(text, ..)| text)),
        })
    }

    /// A signer by what is known of it here; nothing for one of nobody's.
    fn named(&self, signer: &SignerIdentity, caller_is_named: bool) -> Option<String> {
        match signer {
            SignerIdentity::Key(id) => self.keys.contains(id).then(|| format!("key {id}")),
            SignerIdentity::Certificate(certificate) => {
                let mut identities = self.identities.iter();
                let identity =
                    identities.find(|it| mismatch(it, certificate, caller_is_named).is_none())?;
                Some(format!("identity {}", identity.name))
            }
        }
    }

    /// The different ones among those who signed, each with the key that did. The holders that one identity of the
    /// policy stands for are one signer, however many certificates they had, and so is whoever used one key under
    /// several names.
    pub(super) fn different<'s>(
        &self,
        signed: impl Iterator<Item = (&'s SignerIdentity, KeyId)>,
        caller_is_named: bool,
    ) -> Vec<String> {
        let mut signers: Vec<(BTreeSet<String>, BTreeSet<KeyId>)> = Vec::new();
        for (signer, key) in signed {
            let Some(name) = self.named(signer, caller_is_named) else { continue };
            let (mut names, mut keys) = (BTreeSet::from([name]), BTreeSet::from([key]));
            signers.retain_mut(|(other_names, other_keys)| {
                let apart = names.is_disjoint(other_names) && keys.is_disjoint(other_keys);
                if !apart {
                    names.append(other_names);
                    keys.append(other_keys);
                }
                apart
            });
            signers.push((names, keys));
        }
        let shown = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" = ");
        let mut shown: Vec<_> = signers.into_iter().map(|(names, _)| shown(names)).collect();
        shown.sort();
        shown
    }
}

/// The first value of a certificate that an identity does not take.
fn mismatch(
    identity: &IdentityRule,
    certificate: &CertificateIdentity,
    caller_is_named: bool,
) -> Option<(&'static str, String, String)> {
    let caller = || match caller_is_named {
        true => None,
        false => identity.unnamed_caller(certificate),
    };
    identity.mismatch(certificate).or_else(|| {
        let expected = "that of the workflow, or the one that `repository` or `source` names";
        Some(("repository", expected.to_owned(), caller()?))
    })
}
