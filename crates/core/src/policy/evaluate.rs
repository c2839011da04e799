//! The rule that applies, and what it says of what a trusted signer signed.

use chrono::{DateTime, TimeDelta, Utc};

use super::exceptions::Exception;
use super::schema::{Ages, BuilderRule, Policy, Projects, Rule, SourceRule};
use crate::attestation::build_types;
use crate::attestation::environment::Isolation;
use crate::attestation::origin::Origin;
use crate::attestation::pep517::Pep517Build;
use crate::attestation::repository::RepositoryUri;
use crate::attestation::timestamp::seconds;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};
use crate::trust::{KeyId, SignerIdentity, TrustedKey};
use crate::verify::{Branches, RequirementVerdict, RequirementVerdicts};

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
    index: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Ruling<'p>, Refusal> {
    match policy.exceptions.at(sha256, now)? {
        Some(exception) => Ok(Ruling::Exception(exception)),
        None => rule_for(policy, file, index).map(Ruling::Rule),
    }
}

/// The file is not revoked, by its bytes or its name.
pub fn not_revoked(policy: &Policy, file: &DistFilename, sha256: Sha256Digest) -> Status {
    let above = policy.above().find_map(|it| it.check_file(file, sha256).err());
    match above.map_or_else(|| policy.revocations.check_file(file, sha256), Err) {
        Err(refusal) => Status::Failed(refusal),
        Ok(()) if policy.revocations.all().is_empty() => Status::NotRequired,
        Ok(()) => Status::Passed(None),
    }
}

/// The first rule that names the file's project and is about the file, and about files of the index that it is from.
///
/// # Errors
/// [`Reason::ProjectNotNamed`]: what no rule names is denied.
pub fn rule_for<'p>(
    policy: &'p Policy,
    file: &DistFilename,
    index: Option<&str>,
) -> Result<&'p Rule, Refusal> {
    if let [only] = policy.rules()
        && only.projects == Projects::OnCommandLine
    {
        return Ok(only);
    }
    let naming = policy.by_project.rules(file.project().as_str());
    let mut rules = naming.iter().filter_map(|number| policy.rules().get(*number));
    rules.find(|rule| rule.files.hold(file, index)).ok_or_else(|| {
        let refusal = Refusal::new(Reason::ProjectNotNamed);
        match (naming.first(), policy.rules().len()) {
            (Some(first), _) => refusal
                .expected(format!("a [[rules]] entry that is about `{}`", file.as_str()))
                .found(format!(
                    "rules[{first}] names `{}`, for other versions, kinds, tags or indexes",
                    file.project()
                )),
            (None, count) => {
                let rules = match count {
                    0 => "the policy has no rules".to_owned(),
                    1 => "1 rule, which does not name it".to_owned(),
                    count => format!("{count} rules, none of which names it"),
                };
                refusal
                    .expected(format!("a [[rules]] entry with projects = [\"{}\"]", file.project()))
                    .found(match policy.exceptions.beside(file) {
                        None => rules,
                        Some(beside) => format!("{rules}; {beside}"),
                    })
            }
        }
    })
}

/// The file was uploaded as long ago as the rule asks, by the word of the index that listed it.
pub fn cool_down(rule: &Rule, uploaded: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Status {
    let Some(min_age) = rule.ages.upload else { return Status::NotRequired };
    let wanted = format!("uploaded {} days before {} or earlier", min_age.num_days(), seconds(now));
    match uploaded {
        None => Status::Failed(
            Refusal::new(Reason::UploadTimeUnknown)
                .expected(wanted)
                .found("no index that was asked says when it was uploaded"),
        ),
        Some(time) if now - time < min_age => Status::Failed(
            Refusal::new(Reason::UploadTooRecent)
                .expected(wanted)
                .found(format!("uploaded at {}", seconds(time))),
        ),
        Some(time) => Status::Passed(Some(format!("uploaded at {}", seconds(time)))),
    }
}

/// The signer is one of the rule's, and not revoked.
pub fn signer(policy: &Policy, rule: &Rule, signer: &SignerIdentity) -> Status {
    match revoked(policy, signer) {
        Some(refusal) => Status::Failed(refusal),
        None => rule.signers.judge(signer, rule.source.repository.is_some()),
    }
}

/// Why a signer is revoked, by the policy or one that is part of the same composition.
pub(super) fn revoked(policy: &Policy, signer: &SignerIdentity) -> Option<Refusal> {
    let own = || policy.revocations.of_signer(signer).map(ToString::to_string);
    let elsewhere = || policy.elsewhere.iter().find_map(|it| it.of_signer(signer));
    let above = || policy.above().find_map(|it| it.of_signer(signer));
    let revocation = own().or_else(elsewhere).or_else(above)?;
    Some(
        Refusal::new(Reason::SignerRevoked)
            .expected("a signer who is not revoked")
            .found(format!("{signer}, by {revocation}")),
    )
}

/// Of the signers whose attestations hold, each with the key that signed, there are as many different ones as the rule
/// asks for.
pub fn threshold<'s>(
    rule: &Rule,
    held: impl Iterator<Item = (&'s SignerIdentity, KeyId)>,
) -> Status {
    if rule.threshold == 1 {
        return Status::NotRequired;
    }
    let signers = rule.signers.different(held, rule.source.repository.is_some());
    let shown = signers.join(", ");
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

/// The attestation was signed as lately as the rule asks, and what is known of the instance that vouches for its
/// signer is as new as that.
pub fn age(
    policy: &Policy,
    rule: &Rule,
    signer: &SignerIdentity,
    times: &[DateTime<Utc>],
    now: DateTime<Utc>,
) -> Status {
    let Ages { attestation, trust, .. } = rule.ages;
    if attestation.is_none() && trust.is_none() {
        return Status::NotRequired;
    }
    let young = attestation.map_or(Ok(()), |age| young(age, times.iter().copied(), now));
    let known = || trust.map_or(Ok(()), |age| known_lately(policy, age, signer, now));
    match young.and_then(|()| known()) {
        Ok(()) => Status::Passed(None),
        Err(refusal) => Status::Failed(refusal),
    }
}

/// Something was signed as lately as asked, by each time that is vouched for: a later time stamp makes no attestation
/// younger.
///
/// # Errors
/// [`Reason::AttestationTooOld`].
pub(super) fn young(
    max_age: TimeDelta,
    times: impl Iterator<Item = DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let found = match times.min() {
        None => "no time at which it was signed, which a log or time stamp would vouch for".into(),
        Some(first) if now - first > max_age => format!("signed at {}", first.to_rfc3339()),
        Some(_) => return Ok(()),
    };
    let wanted = format!("signed within {} days before {}", max_age.num_days(), now.to_rfc3339());
    Err(Refusal::new(Reason::AttestationTooOld).expected(wanted).found(found))
}

/// What is known of the instance of a certificate, or of the log that a key has to use, was asked for as lately.
fn known_lately(
    policy: &Policy,
    max_age: TimeDelta,
    signer: &SignerIdentity,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let trust = policy.trust();
    let instance = match signer {
        SignerIdentity::Certificate(it) => {
            trust.instances().find(|instance| instance.name() == it.instance)
        }
        SignerIdentity::Key(id) => {
            trust.keys().find(|key| key.id() == id).and_then(TrustedKey::log)
        }
    };
    let Some(instance) = instance else { return Ok(()) };
    let found = match instance.as_of() {
        None => format!("{}, of which nobody knows", instance.name()),
        Some(as_of) if now - as_of > max_age => {
            format!("{}, as of {}", instance.name(), as_of.to_rfc3339())
        }
        Some(_) => return Ok(()),
    };
    Err(Refusal::new(Reason::TrustTooOld)
        .expected(format!(
            "a trusted root asked for within {} days before {}",
            max_age.num_days(),
            now.to_rfc3339()
        ))
        .found(found))
}

/// The build type is one of the rule's.
pub fn build_type(rule: &Rule, build_type: &str) -> Status {
    if rule.builder.build_types.iter().any(|named| build_types::is(build_type, named)) {
        return Status::Passed(Some(build_type.to_owned()));
    }
    Status::Failed(
        Refusal::new(Reason::BuildTypeNotAllowed)
            .expected_all(rule.builder.build_types.iter().cloned())
            .found(build_type),
    )
}

/// The builder is one of the rule's: compared whole, never by prefix. A rule that names none trusts what
/// the certificate names, which is the signer.
pub fn builder(rule: &Rule, origin: &Origin) -> Status {
    let BuilderRule { ids, versions, .. } = &rule.builder;
    if ids.is_empty() {
        return Status::NotRequired;
    }
    let found = origin.builder.as_deref().unwrap_or("none");
    let not_allowed = || {
        let refusal = Refusal::new(Reason::BuilderNotAllowed);
        Status::Failed(refusal.expected_all(ids.iter().cloned()).found(found))
    };
    let Some(versions) = versions else {
        return match ids.contains(found) {
            true => Status::Passed(Some(found.to_owned())),
            false => not_allowed(),
        };
    };
    // A workflow has its version in its id, as the tag that it was called by; another builder states it.
    let version = match found.split_once("@refs/tags/") {
        Some((id, tag)) if ids.contains(id) => Some(tag.strip_prefix('v').unwrap_or(tag)),
        _ if ids.contains(found) => origin.builder_version.as_deref(),
        _ => return not_allowed(),
    };
    let is_number = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit());
    let parsed = version.filter(is_number).and_then(|text| text.parse().ok());
    if parsed.is_some_and(|version| versions.contain(&version)) {
        return Status::Passed(Some(found.to_owned()));
    }
    Status::Failed(
        Refusal::new(Reason::BuilderVersionNotAllowed)
            .expected(versions.to_string())
            .found(format!("{} of {found}", version.unwrap_or("no version"))),
    )
}

/// The source repository is the rule's.
pub fn source(rule: &Rule, origin: &Origin, file: &DistFilename) -> Status {
    let SourceRule { repository: Some(wanted), owners, .. } = &rule.source else {
        return Status::NotRequired;
    };
    let refused = |found: String| {
        let owners = owners.iter().map(|owner| format!("owner {owner}"));
        Status::Failed(
            Refusal::new(Reason::SourceNotAllowed)
                .expected(wanted.to_string())
                .expected_all(owners)
                .found(found),
        )
    };
    let Some(uri) = &origin.repository else {
        return refused("none: neither provenance nor certificate names one".to_owned());
    };
    match uri.parse::<RepositoryUri>() {
        Ok(found) if wanted.matches(&found, file.project(), owners) => {
            let commit = origin.commit.as_ref().map(|commit| format!(" at commit {commit}"));
            Status::Passed(Some(format!("{found}{}", commit.unwrap_or_default())))
        }
        Ok(found) => refused(found.to_string()),
        Err(error) => refused(error.to_string()),
    }
}

/// The job was started by an event that is known, and none that the rule forbids.
pub fn trigger(rule: &Rule, origin: &Origin) -> Status {
    let forbidden = &rule.source.forbidden_triggers;
    if forbidden.is_empty() {
        return Status::NotRequired;
    }
    match origin.trigger.as_deref() {
        Some(found) if !forbidden.iter().any(|it| it.eq_ignore_ascii_case(found)) => {
            Status::Passed(Some(found.to_owned()))
        }
        found => Status::Failed(
            Refusal::new(Reason::TriggerNotAllowed)
                .expected_all(forbidden.iter().map(|it| format!("not {it}")))
                .found(found.unwrap_or("none: neither provenance nor certificate names one")),
        ),
    }
}

/// The commit is on one of the rule's branches, in a checkout of the repository that it is from.
pub fn branch(rule: &Rule, origin: &Origin, branches: Option<&Branches>) -> Status {
    let wanted = &rule.source.branches;
    if wanted.is_empty() {
        return Status::NotRequired;
    }
    let refused = |found: String| {
        let wanted = wanted.iter().map(|name| format!("a commit of the branch {name}"));
        Status::Failed(Refusal::new(Reason::CommitNotOnBranch).expected_all(wanted).found(found))
    };
    let Some(commit) = &origin.commit else {
        return refused("no commit: neither provenance nor certificate names one".to_owned());
    };
    let Some(branches) = branches else {
        return refused(format!("commit {commit}, and no checkout was given to look at"));
    };
    match wanted.iter().find(|name| branches.have(name, commit)) {
        Some(name) => Status::Passed(Some(format!("{commit} is on {name}"))),
        None => refused(format!("commit {commit}, which is on none of them")),
    }
}

/// The ref matches the rule's pattern for this file's version.
pub fn git_ref(rule: &Rule, origin: &Origin, file: &DistFilename) -> Status {
    let Some(pattern) = &rule.source.git_ref else {
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

/// The build was held by a sandbox. Of other build types than ours the builder's id is all there is, which shows
/// nothing to a rule that asks for a build without a network.
pub fn isolation(rule: &Rule, build: Option<&Pep517Build>) -> Status {
    match build.map(|build| build.internal.environment.isolation) {
        Some(Isolation::Bubblewrap) => Status::Passed(Some("bubblewrap".to_owned())),
        None if rule.builder.hermetic => Status::Failed(
            Refusal::new(Reason::HermeticityUnproven)
                .expected("provenance of a build type that says what the build could reach")
                .found("another build type"),
        ),
        None => Status::NotRequired,
        Some(Isolation::None) if rule.unsafe_choices.no_isolation => Status::NotRequired,
        Some(Isolation::None) => Status::Failed(
            Refusal::new(Reason::IsolationMissing).expected("bubblewrap").found("none"),
        ),
    }
}

/// Every file that was installed for the build satisfies the policy for that.
pub fn build_requirements(
    rule: &Rule,
    build: Option<&Pep517Build>,
    known: Option<&RequirementVerdicts>,
) -> Status {
    let Some(policy) = &rule.build_requirements else { return Status::NotRequired };
    let wanted = format!("files that {} accepts", policy.path());
    let refused = |reason, found: String| {
        Status::Failed(Refusal::new(reason).expected(wanted.clone()).found(found))
    };
    let Some(build) = build else {
        let found = "a build type that does not say what was installed, each by its digest";
        return refused(Reason::BuildRequirementUnknown, found.to_owned());
    };
    for it in &build.requirements {
        let file = format!("{} (sha256 {})", it.filename, it.sha256);
        match known.and_then(|known| known.of(policy, it.sha256)) {
            Some(RequirementVerdict::Accepted) => {}
            Some(RequirementVerdict::Refused(reason)) => {
                return refused(Reason::BuildRequirementRefused, format!("{file}: {reason}"));
            }
            Some(RequirementVerdict::NotHad(why)) => {
                return refused(Reason::BuildRequirementUnknown, format!("{file}: {why}"));
            }
            None => {
                return refused(Reason::BuildRequirementUnknown, format!("{file}, not at hand"));
            }
        }
    }
    Status::Passed(Some(match build.requirements.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }))
}

/// A rebuild is asked for, and was not made.
pub(crate) fn rebuild_required() -> Refusal {
    Refusal::new(Reason::RebuildRequired)
        .expected("an identical rebuild: `wheelmark rebuild` makes it and then decides")
}
