//! The rule that applies, and what it says of what a trusted signer signed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::exceptions::Exception;
use super::identity::IdentityRule;
use super::schema::{Policy, Projects, Rebuild, Rule};
use crate::attestation::build_types;
use crate::attestation::environment::Isolation;
use crate::attestation::origin::Origin;
use crate::attestation::pep517::Pep517Build;
use crate::attestation::repository::RepositoryUri;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};
use crate::trust::{CertificateIdentity, KeyId, SignerIdentity};

/// What a policy has for a file.
#[derive(Debug, Clone, Copy)]
pub enum Ruling<'p> {
    /// The rule that is asked.
    Rule(&'p Rule),
    /// An exception, by which it is taken without proof.
    Exception(&'p Exception),
}

/// The exception that is for the file, or else the rule that is asked about it.
///
/// # Errors
/// [`Reason::ExceptionExpired`] and [`Reason::ProjectNotNamed`].
pub fn ruling<'p>(
    policy: &'p Policy,
    file: &DistFilename,
    sha256: Sha256Digest,
    now: DateTime<Utc>,
) -> Result<Ruling<'p>, Refusal> {
    match policy.exceptions.at(sha256, now)? {
        Some(exception) => Ok(Ruling::Exception(exception)),
        None => rule_for(policy, file).map(Ruling::Rule),
    }
}

/// The file is not revoked, by its bytes or its name.
pub fn not_revoked(policy: &Policy, file: &DistFilename, sha256: Sha256Digest) -> Status {
    match policy.revocations.check_file(file, sha256) {
        _ if policy.revocations.all().is_empty() => Status::NotRequired,
        Ok(()) => Status::Passed(None),
        Err(refusal) => Status::Failed(refusal),
    }
}

/// The first rule that names the file's project and is about the file.
///
/// # Errors
/// [`Reason::ProjectNotNamed`]: what no rule names is denied.
pub fn rule_for<'p>(policy: &'p Policy, file: &DistFilename) -> Result<&'p Rule, Refusal> {
    if let [only] = policy.rules()
        && only.projects == Projects::OnCommandLine
    {
        return Ok(only);
    }
    let naming = policy.by_project.rules(file.project().as_str());
    let mut rules = naming.iter().filter_map(|number| policy.rules().get(*number));
    rules.find(|rule| rule.files.hold(file)).ok_or_else(|| {
        let refusal = Refusal::new(Reason::ProjectNotNamed);
        match (naming.first(), policy.rules().len()) {
            (Some(first), _) => refusal
                .expected(format!("a [[rules]] entry that is about `{}`", file.as_str()))
                .found(format!(
                    "rules[{first}] names `{}`, for other versions, kinds or tags",
                    file.project()
                )),
            (None, count) => refusal
                .expected(format!("a [[rules]] entry with projects = [\"{}\"]", file.project()))
                .found(match count {
                    1 => "1 rule, which does not name it".to_owned(),
                    count => format!("{count} rules, none of which names it"),
                }),
        }
    })
}

/// The signer is one of the rule's, and not revoked.
pub fn signer(policy: &Policy, rule: &Rule, signer: &SignerIdentity) -> Status {
    let own = || policy.revocations.of_signer(signer).map(ToString::to_string);
    let elsewhere = || policy.elsewhere.iter().find_map(|it| it.of_signer(signer));
    if let Some(revocation) = own().or_else(elsewhere) {
        return Status::Failed(
            Refusal::new(Reason::SignerRevoked)
                .expected("a signer who is not revoked")
                .found(format!("{signer}, by {revocation}")),
        );
    }
    let refused = |found: String| {
        let keys = rule.keys.iter().map(|key| format!("key {key}"));
        Status::Failed(Refusal::new(Reason::SignerNotAllowed).expected_all(keys).found(found))
    };
    let certificate = match signer {
        SignerIdentity::Key(id) if rule.keys.contains(id) => {
            return Status::Passed(Some(signer.to_string()));
        }
        SignerIdentity::Key(_) => return refused(signer.to_string()),
        SignerIdentity::Certificate(certificate) => certificate,
    };
    let mut mismatches = Vec::new();
    for identity in &rule.identities {
        match mismatch(rule, identity, certificate) {
            None => return Status::Passed(Some(signer.to_string())),
            Some((what, expected, found)) => {
                mismatches.push((format!("{}: {what} {expected}", identity.name), what, found));
            }
        }
    }
    match (&mismatches[..], refused(signer.to_string())) {
        ([(_, what, found)], Status::Failed(refusal)) => Status::Failed(
            refusal.expected(mismatches[0].0.clone()).found(format!("{what} {found} ({signer})")),
        ),
        (_, Status::Failed(refusal)) => {
            Status::Failed(refusal.expected_all(mismatches.into_iter().map(|(text, ..)| text)))
        }
        (_, status) => status,
    }
}

/// The first value of a certificate that an identity of the rule does not take.
fn mismatch(
    rule: &Rule,
    identity: &IdentityRule,
    certificate: &CertificateIdentity,
) -> Option<(&'static str, String, String)> {
    let caller = || match rule.source {
        Some(_) => None,
        None => identity.unnamed_caller(certificate),
    };
    identity.mismatch(certificate).or_else(|| {
        let expected = "that of the workflow, or the one that `repository` or `source` names";
        Some(("repository", expected.to_owned(), caller()?))
    })
}

/// Of the signers whose attestations hold, each with the key that signed, there are as many different ones as the rule
/// asks for. The holders that one identity of the policy stands for are one signer, however many certificates they had,
/// and so is whoever used one key under several names.
pub fn threshold<'s>(
    rule: &Rule,
    held: impl Iterator<Item = (&'s SignerIdentity, KeyId)>,
) -> Status {
    if rule.threshold == 1 {
        return Status::NotRequired;
    }
    let mut signers: Vec<(BTreeSet<String>, BTreeSet<KeyId>)> = Vec::new();
    for (signer, key) in held {
        let Some(name) = named(rule, signer) else { continue };
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
    let mut shown: Vec<_> = signers
        .iter()
        .map(|(names, _)| names.iter().cloned().collect::<Vec<_>>().join(" = "))
        .collect();
    shown.sort();
    let shown = shown.join(", ");
    if signers.len() >= rule.threshold {
        return Status::Passed(Some(shown));
    }
    Status::Failed(
        Refusal::new(Reason::SignersTooFew)
            .expected(format!("{} different signers whose attestations hold", rule.threshold))
            .found(match signers.len() {
                0 => "none".to_owned(),
                count => format!("{count}: {shown}"),
            }),
    )
}

/// A signer by what the rule knows of it.
fn named(rule: &Rule, signer: &SignerIdentity) -> Option<String> {
    match signer {
        SignerIdentity::Key(id) => rule.keys.contains(id).then(|| format!("key {id}")),
        SignerIdentity::Certificate(certificate) => {
            let mut identities = rule.identities.iter();
            let identity = identities.find(|it| mismatch(rule, it, certificate).is_none())?;
            Some(format!("identity {}", identity.name))
        }
    }
}

/// The attestation was signed as lately as the rule asks, by each time that is vouched for: a later time stamp makes
/// no attestation younger.
pub fn age(rule: &Rule, times: &[DateTime<Utc>], now: DateTime<Utc>) -> Status {
    let Some(max_age) = rule.max_age else { return Status::NotRequired };
    let refused = |found: String| {
        Status::Failed(
            Refusal::new(Reason::AttestationTooOld)
                .expected(format!(
                    "signed within {} days before {}",
                    max_age.num_days(),
                    now.to_rfc3339()
                ))
                .found(found),
        )
    };
    match times.iter().min() {
        None => refused(
            "no time at which it was signed, which a log or time stamp would vouch for".to_owned(),
        ),
        Some(first) if now - *first > max_age => {
            refused(format!("signed at {}", first.to_rfc3339()))
        }
        Some(_) => Status::Passed(None),
    }
}

/// The build type is one of the rule's.
pub fn build_type(rule: &Rule, build_type: &str) -> Status {
    if rule.build_types.iter().any(|named| build_types::is(build_type, named)) {
        return Status::Passed(Some(build_type.to_owned()));
    }
    Status::Failed(
        Refusal::new(Reason::BuildTypeNotAllowed)
            .expected_all(rule.build_types.iter().cloned())
            .found(build_type),
    )
}

/// The builder is one of the rule's: compared whole, never by prefix. A rule that names none trusts what
/// the certificate names, which is the signer.
pub fn builder(rule: &Rule, origin: &Origin) -> Status {
    if rule.builders.is_empty() {
        return Status::NotRequired;
    }
    let found = origin.builder.as_deref().unwrap_or("none");
    if rule.builders.contains(found) {
        return Status::Passed(Some(found.to_owned()));
    }
    Status::Failed(
        Refusal::new(Reason::BuilderNotAllowed)
            .expected_all(rule.builders.iter().cloned())
            .found(found),
    )
}

/// The source repository is the rule's.
pub fn source(rule: &Rule, origin: &Origin) -> Status {
    let Some(wanted) = &rule.source else {
        return Status::NotRequired;
    };
    let refused = |found: String| {
        Status::Failed(
            Refusal::new(Reason::SourceNotAllowed).expected(wanted.to_string()).found(found),
        )
    };
    let Some(uri) = &origin.repository else {
        return refused("none: neither provenance nor certificate names one".to_owned());
    };
    match uri.parse::<RepositoryUri>() {
        Ok(found) if found == *wanted => {
            let commit = origin.commit.as_ref().map(|commit| format!(" at commit {commit}"));
            Status::Passed(Some(format!("{found}{}", commit.unwrap_or_default())))
        }
        Ok(found) => refused(found.to_string()),
        Err(error) => refused(error.to_string()),
    }
}

/// The ref matches the rule's pattern for this file's version.
pub fn git_ref(rule: &Rule, origin: &Origin, file: &DistFilename) -> Status {
    let Some(pattern) = &rule.git_ref else {
        return Status::NotRequired;
    };
    match &origin.git_ref {
        Some(found) if pattern.matches(found, file.version()) => {
            Status::Passed(Some(found.clone()))
        }
        found => Status::Failed(
            Refusal::new(Reason::RefNotAllowed)
                .expected(pattern.to_string())
                .found(found.clone().unwrap_or_else(|| "no ref, only a commit".to_owned())),
        ),
    }
}

/// The tree that was built was the commit's. Of other build types than ours nobody says.
pub fn clean_source(rule: &Rule, build: Option<&Pep517Build>) -> Status {
    match build.map(|build| &build.internal.source.dirty) {
        None => Status::NotRequired,
        Some(None) => Status::Passed(None),
        Some(Some(_)) if rule.unsafe_choices.dirty => Status::NotRequired,
        Some(Some(why)) => Status::Failed(
            Refusal::new(Reason::SourceDirty).expected("a clean tree").found(why.clone()),
        ),
    }
}

/// The build was held by a sandbox. Of other build types than ours the builder's id is all there is.
pub fn isolation(rule: &Rule, build: Option<&Pep517Build>) -> Status {
    match build.map(|build| build.internal.environment.isolation) {
        None => Status::NotRequired,
        Some(Isolation::Bubblewrap) => Status::Passed(Some("bubblewrap".to_owned())),
        Some(Isolation::None) if rule.unsafe_choices.no_isolation => Status::NotRequired,
        Some(Isolation::None) => Status::Failed(
            Refusal::new(Reason::IsolationMissing).expected("bubblewrap").found("none"),
        ),
    }
}

/// What the rule asks of a rebuild, before one was made.
pub fn rebuild(rule: &Rule) -> Status {
    match rule.rebuild {
        Rebuild::Never => Status::NotRequired,
        Rebuild::Required => Status::Failed(rebuild_required().found("no rebuild was made")),
    }
}

/// A rebuild is asked for, and was not made.
pub(crate) fn rebuild_required() -> Refusal {
    Refusal::new(Reason::RebuildRequired)
        .expected("an identical rebuild: `wheelmark rebuild` makes it and then decides")
}
