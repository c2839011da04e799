//! What of a rule excludes each other, though each part by itself could be meant: such a rule takes nothing, or asks
//! less than it seems to.

use toml::Spanned;

use super::Reader;
use super::shape::RuleEntry;
use super::signers::REPOSITORY;
use crate::attestation::publish::PUBLISH_TYPE;
use crate::policy::identity::IdentityRule;
use crate::policy::pattern::RefPattern;
use crate::policy::schema::Rule;
use crate::report::Escaped;

impl Reader<'_> {
    /// Keeps every contradiction of a rule that could be read.
    pub(super) fn contradictions(&self, entry: &RuleEntry, rule: &Rule) {
        self.ages(entry, rule);
        self.demanded_and_forbidden(entry, rule);
        self.of_no_repository(entry, rule);
        self.of_another_repository(entry, rule);
        self.other_branches(entry, rule);
        self.triggers(entry, rule);
        self.publish_by_keys(entry, rule);
    }

    /// What is signed comes to the index after that: a file that is old enough has an attestation that is too old.
    fn ages(&self, entry: &RuleEntry, rule: &Rule) {
        let ages = rule.ages.upload.zip(rule.ages.attestation);
        if let (Some((upload, attestation)), Some(written)) = (ages, &entry.min_upload_age_days)
            && upload >= attestation
        {
            let message = format!(
                "whatever was uploaded {} days ago was signed before that, and `max-age-days` takes what was signed \
                 within {}",
                upload.num_days(),
                attestation.num_days()
            );
            let suggestion = "let `max-age-days` be more than `min-upload-age-days`";
            self.errors.keep(self.error(written.span(), message, suggestion));
        }
    }

    fn demanded_and_forbidden(&self, entry: &RuleEntry, rule: &Rule) {
        for (forbidden, written) in rule.forbidden.iter().zip(&entry.forbid) {
            let mut required = rule.required.iter();
            if let Some(required) = required.find(|it| forbidden.forbids_all_of(it)) {
                let message = format!("it forbids whatever {} asks for", required.name);
                let suggestion = "take one of them out, or let `where` tell them apart";
                let place = written.get_ref().predicate.span();
                self.errors.keep(self.error(place, message, suggestion));
            }
        }
    }

    /// A ref or branch says nothing without the repository: anybody's has a `main`.
    fn of_no_repository(&self, entry: &RuleEntry, rule: &Rule) {
        let branches = entry.branches.as_ref().map(Spanned::span);
        let git_ref = entry.git_ref.as_ref().map(Spanned::span);
        let written = git_ref.map(|it| ("ref", it)).or(branches.map(|it| ("branches", it)));
        let (Some((key, place)), None) = (written, &rule.source.repository) else { return };
        let mut identities = rule.signers.identities.iter();
        if let Some(identity) = identities.find(|it| !names_a_repository(it)) {
            let message = format!(
                "`{key}` of which repository? [identities.{}] names none, and the rule has no `source`",
                Escaped(&identity.name)
            );
            let suggestion = format!("add `source`; {REPOSITORY}");
            self.errors.keep(self.error(place, message, suggestion));
        }
    }

    /// What was built is of the repository that the certificate names.
    fn of_another_repository(&self, entry: &RuleEntry, rule: &Rule) {
        let (Some(written), Some(source)) = (&entry.source, &rule.source.repository) else {
            return;
        };
        for identity in &rule.signers.identities {
            let Some(repository) = &identity.repository else { continue };
            if !source.may_be(repository, &rule.source.owners) {
                let message = format!(
                    "[identities.{}] is of {repository}, which `source` does not take: it never signs for this rule",
                    Escaped(&identity.name)
                );
                let suggestion = "let both name one repository, or take one of them out";
                self.errors.keep(self.error(written.span(), message, suggestion));
            }
        }
    }

    fn other_branches(&self, entry: &RuleEntry, rule: &Rule) {
        let git_ref = rule.source.git_ref.as_ref().and_then(RefPattern::only);
        let built = git_ref.and_then(|it| it.strip_prefix("refs/heads/"));
        if let (Some(built), Some(written)) = (built, &entry.branches)
            && !rule.source.branches.contains(built)
        {
            let message =
                format!("`ref` is the branch `{}`, which is none of them", Escaped(built));
            let suggestion = "add it, or take `ref` or `branches` out";
            self.errors.keep(self.error(written.span(), message, suggestion));
        }
    }

    fn triggers(&self, entry: &RuleEntry, rule: &Rule) {
        let Some(written) = &entry.forbidden_triggers else { return };
        let forbidden = &rule.source.forbidden_triggers;
        for identity in &rule.signers.identities {
            let mut triggers = identity.triggers.iter();
            if !identity.triggers.is_empty()
                && triggers.all(|it| forbidden.contains(&it.to_ascii_lowercase()))
            {
                let message = format!(
                    "they are all that [identities.{}] has in `triggers`: it never signs for this rule",
                    Escaped(&identity.name)
                );
                let suggestion = "take them out of one of the two";
                self.errors.keep(self.error(written.span(), message, suggestion));
            }
        }
    }

    /// A publish attestation names neither source nor builder. A certificate does, a key does not.
    fn publish_by_keys(&self, entry: &RuleEntry, rule: &Rule) {
        let only_publish = rule.attestations.iter().all(|it| it == PUBLISH_TYPE);
        if let Some(written) = &entry.attestations
            && only_publish
            && !rule.signers.keys.is_empty()
            && !rule.bare_signature
        {
            let message = "of what a key signs, none of these names the `source` and `builders` that `keys` need";
            let suggestion = "add provenance, or name `identities` in place of `keys`";
            self.errors.keep(self.error(written.span(), message, suggestion));
        }
    }
}

/// Whether it says of which repository a job was. The URI of a workflow has it, and a mail address has none.
fn names_a_repository(identity: &IdentityRule) -> bool {
    let by_name = identity.san.as_ref().is_some_and(|san| san.contains("://"));
    by_name || identity.repository.is_some() || identity.repository_id.is_some()
}
