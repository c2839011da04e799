//! What a policy may say and its author may not have meant.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use toml::Spanned;

use super::Reader;
use super::shape::{File, IdentityEntry, List, RebuildEntry, RevocationEntry, RuleEntry};
use crate::policy::lint::{Finding, Lint};
use crate::policy::schema::PolicyError;
use crate::report::Escaped;

/// An exception that counts for longer is one that nobody will look at again.
const LONG_EXCEPTION: TimeDelta = TimeDelta::days(366);

/// Events in which a stranger's proposal, comment or run decides what a job does.
const OF_STRANGERS: [&str; 4] =
    ["pull_request", "pull_request_target", "issue_comment", "workflow_run"];

impl Reader<'_> {
    /// Everything to point out in a file of the right shape, in the order of the file.
    pub(super) fn lint(
        &self,
        file: &File,
        now: DateTime<Utc>,
    ) -> Result<Vec<Finding>, PolicyError> {
        let mut found = Vec::new();
        self.lint_signers(file, now, &mut found)?;
        let revoked = |list: fn(&RevocationEntry) -> &Option<List>| {
            named(file.revocations.iter().map(|it| list(it.get_ref())))
        };
        let (keys, identities) = (revoked(|it| &it.keys), revoked(|it| &it.identities));
        for (number, rule) in file.rules.iter().enumerate() {
            self.lint_rule(number, rule, file, (&keys, &identities), &mut found);
        }
        if let (true, Some(first)) = (file.rules.is_empty(), file.exceptions.first()) {
            found.push(self.finding(
                Lint::NothingButExceptions,
                first.span(),
                "the policy has no rule: nothing that it takes has to be signed by anybody",
                "write rules for the projects whose files are signed; an index that is a mirror may leave attestations out",
            ));
        }
        let of_exceptions = file.exceptions.iter().map(|it| &it.get_ref().expires);
        let of_unverified = file.unverified.iter().map(|it| &it.get_ref().expires);
        for ends in of_exceptions.chain(of_unverified) {
            let (expires, place) = (self.instant(ends)?, ends.span());
            if expires < now {
                found.push(self.finding(
                    Lint::ExceptionEnded,
                    place,
                    "the exception no longer counts",
                    "renew it if it is still needed, or take it out: what it is for is refused",
                ));
            } else if expires - now > LONG_EXCEPTION {
                found.push(self.finding(
                    Lint::ExceptionLong,
                    place,
                    "the exception counts for more than a year",
                    "let it end sooner, so that somebody looks at it again",
                ));
            }
        }
        found.sort_by_key(|finding| (finding.line, finding.column));
        Ok(found)
    }

    fn finding(
        &self,
        lint: Lint,
        span: Range<usize>,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Finding {
        let (line, column) = self.place(span.start);
        let path = self.included.then(|| self.path.to_owned());
        Finding { lint, path, line, column, message: message.into(), suggestion: suggestion.into() }
    }

    fn lint_signers(
        &self,
        file: &File,
        now: DateTime<Utc>,
        found: &mut Vec<Finding>,
    ) -> Result<(), PolicyError> {
        // What an included file revokes counts in the others, so it may name signers for that alone.
        let revocations = || file.revocations.iter().map(Spanned::get_ref);
        let only_revoked =
            |name: &Spanned<String>, rules: &BTreeSet<&str>, revoked: &BTreeSet<&str>| {
                let name = name.get_ref().as_str();
                self.included && !rules.contains(name) && revoked.contains(name)
            };
        let revoked_keys = named(revocations().map(|it| &it.keys));
        let revoked_identities = named(revocations().map(|it| &it.identities));
        let lists = || file.rules.iter().flat_map(|rule| rule.get_ref().signers());
        let keys = named(lists().map(|(keys, _)| keys));
        let identities = named(lists().map(|(_, identities)| identities));
        let unused = |kind: &str, name: &Spanned<String>| {
            let shown = Escaped(name.get_ref());
            self.finding(
                Lint::SignerUnused,
                name.span(),
                format!("no rule names [{kind}.{shown}]"),
                format!("name it in `{kind}` of a rule, or take it out"),
            )
        };
        for (name, key) in &file.keys {
            if only_revoked(name, &keys, &revoked_keys) {
                continue;
            }
            if !keys.contains(name.get_ref().as_str()) {
                found.push(unused("keys", name));
            }
            match self.time(key.valid_until.as_ref())? {
                None => found.push(self.finding(
                    Lint::KeyWithoutEnd,
                    name.span(),
                    format!("[keys.{}] counts for ever", Escaped(name.get_ref())),
                    "add `valid-until`, so that a key that was lost ends by itself",
                )),
                Some(until) if until < now => found.push(self.finding(
                    Lint::KeyEnded,
                    name.span(),
                    format!("[keys.{}] no longer counts", Escaped(name.get_ref())),
                    "put the key that came after it beside it, or take it out",
                )),
                Some(_) => {}
            }
        }
        for (name, identity) in &file.identities {
            if only_revoked(name, &identities, &revoked_identities) {
                continue;
            }
            if !identities.contains(name.get_ref().as_str()) {
                found.push(unused("identities", name));
            }
            self.lint_identity(name, identity, found);
        }
        Ok(())
    }

    fn lint_identity(
        &self,
        name: &Spanned<String>,
        identity: &IdentityEntry,
        found: &mut Vec<Finding>,
    ) {
        let shown = Escaped(name.get_ref());
        let by_name = identity.repository.is_some();
        if by_name && identity.repository_id.is_none() && identity.owner_id.is_none() {
            found.push(self.finding(
                Lint::IdentityByNameAlone,
                name.span(),
                format!("[identities.{shown}] names a repository and no lasting id: whoever registers that name anew is trusted"),
                "add `owner-id` and `repository-id`, which `wheelmark inspect` shows of an attestation",
            ));
        }
        let jobs = by_name || identity.repository_id.is_some();
        if jobs && identity.workflow.is_none() && identity.san.is_none() {
            found.push(self.finding(
                Lint::AnyWorkflow,
                name.span(),
                format!("[identities.{shown}] takes every workflow of the repository"),
                "add `workflow`, the file that publishes, such as \".github/workflows/release.yml\"",
            ));
        }
        for trigger in identity.triggers.iter().flat_map(List::get_ref) {
            if OF_STRANGERS.contains(&trigger.get_ref().as_str()) {
                found.push(self.finding(
                    Lint::TriggerOfStrangers,
                    trigger.span(),
                    format!("a stranger may start a job by `{}`", Escaped(trigger.get_ref())),
                    "take it out, and publish on `push` of a tag or on `release`",
                ));
            }
        }
    }

    fn lint_rule(
        &self,
        number: usize,
        rule: &Spanned<RuleEntry>,
        file: &File,
        (keys, identities): (&BTreeSet<&str>, &BTreeSet<&str>),
        found: &mut Vec<Finding>,
    ) {
        let (place, rule) = (rule.span(), rule.get_ref());
        if let Some(all) = rule.projects.get_ref().iter().find(|it| it.get_ref() == "*") {
            found.push(self.finding(
                Lint::EveryProject,
                all.span(),
                format!("the signers of rules[{number}] may sign every project that no earlier rule is about"),
                "name the projects that are theirs",
            ));
        }
        let remain = |list: &Option<List>, revoked: &BTreeSet<&str>| {
            named([list].into_iter()).difference(revoked).count()
        };
        let somebody = rule.keys.is_some() || rule.identities.is_some();
        let left = remain(&rule.keys, keys) + remain(&rule.identities, identities);
        let wanted = rule.threshold.as_ref().map_or(1, |it| *it.get_ref());
        if somebody && left < wanted {
            let message = match left {
                0 => format!("every signer of rules[{number}] is revoked: it takes nothing"),
                left => format!(
                    "rules[{number}] asks for {wanted} signers, of which {left} are not revoked: it takes nothing"
                ),
            };
            found.push(self.finding(
                Lint::AllRevoked,
                place.clone(),
                message,
                "name whoever signs now, or take the rule out",
            ));
        }
        // A mail address has no ref, and the URI of a workflow that is compared whole has it in it.
        let job = |name: &Spanned<String>| {
            let identity = file.identities.get(name);
            identity.is_some_and(|it| it.san.is_none())
        };
        let built = rule.keys.is_some() || rule.identities.iter().flat_map(List::get_ref).any(job);
        match &rule.git_ref {
            None if built => found.push(self.finding(
                Lint::AnyRef,
                place.clone(),
                format!("rules[{number}] takes what was built from any branch and any commit"),
                "add `ref`, such as ref = \"refs/tags/v{version}\"",
            )),
            Some(text) if text.get_ref().starts_with("refs/*") => found.push(self.finding(
                Lint::AnyRef,
                text.span(),
                "`refs/*` takes branches and pull requests for tags",
                "write `refs/tags/` or `refs/heads/`, as in \"refs/tags/v{version}\"",
            )),
            Some(text) if !text.get_ref().contains("{version}") => found.push(self.finding(
                Lint::RefOfAnyVersion,
                text.span(),
                "every version may be built from this ref",
                "bind it to the file's version, as in \"refs/tags/v{version}\"",
            )),
            _ => {}
        }
        let inconclusive = match rule.rebuild.get_ref() {
            RebuildEntry::Table(table) => table.allow_inconclusive_unsafe,
            _ => false,
        };
        for (chosen, key, means) in [
            (inconclusive, "allow-inconclusive-unsafe", "a file of which a rebuild showed nothing"),
            (rule.allow_dirty_unsafe, "allow-dirty-unsafe", "a tree that was not the commit's"),
            (
                rule.allow_no_isolation_unsafe,
                "allow-no-isolation-unsafe",
                "a build that nothing held",
            ),
            (
                rule.bare_signature,
                "bare-signature",
                "a signature that says nothing of where the file is from",
            ),
        ] {
            if chosen {
                found.push(self.finding(
                    Lint::ProvesLess,
                    place.clone(),
                    format!("by `{key}`, rules[{number}] takes {means}"),
                    format!("take `{key}` out once the signers do better"),
                ));
            }
        }
    }
}

/// Every name in some lists.
fn named<'a>(lists: impl Iterator<Item = &'a Option<List>>) -> BTreeSet<&'a str> {
    lists.flatten().flat_map(List::get_ref).map(|name| name.get_ref().as_str()).collect()
}
