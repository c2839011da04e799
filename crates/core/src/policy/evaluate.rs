//! The rule that applies, and what it says of authenticated provenance.

use super::schema::{Policy, Projects, Rebuild, Rule};
use crate::attestation::environment::Isolation;
use crate::attestation::pep517::Pep517Build;
use crate::attestation::provenance::Provenance;
use crate::attestation::repository::RepositoryUri;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};
use crate::trust::SignerIdentity;

/// The first rule that names the file's project.
///
/// # Errors
/// [`Reason::ProjectNotNamed`]: what no rule names is denied.
pub fn rule_for<'p>(policy: &'p Policy, file: &DistFilename) -> Result<&'p Rule, Refusal> {
    let names = |rule: &&Rule| match &rule.projects {
        Projects::Named(projects) => projects.contains(file.project()),
        Projects::OnCommandLine => true,
    };
    policy.rules().iter().find(names).ok_or_else(|| {
        Refusal::new(Reason::ProjectNotNamed)
            .expected(format!("a [[rules]] entry with projects = [\"{}\"]", file.project()))
            .found(format!("{} rules, none of which names it", policy.rules().len()))
    })
}

/// The signer is one of the rule's.
pub fn signer(rule: &Rule, signer: &SignerIdentity) -> Status {
    let SignerIdentity::Key(id) = signer;
    if rule.keys.contains(id) {
        Status::Passed(Some(signer.to_string()))
    } else {
        Status::Failed(
            Refusal::new(Reason::SignerNotAllowed)
                .expected_all(rule.keys.iter().map(|key| format!("key {key}")))
                .found(signer.to_string()),
        )
    }
}

/// The build type is one of the rule's.
pub fn build_type(rule: &Rule, provenance: &Provenance) -> Status {
    let found = &provenance.build_definition.build_type;
    among(rule.build_types.iter(), found, Reason::BuildTypeNotAllowed)
}

/// The builder is one of the rule's: compared whole, never by prefix.
pub fn builder(rule: &Rule, provenance: &Provenance) -> Status {
    among(rule.builders.iter(), &provenance.run_details.builder.id, Reason::BuilderNotAllowed)
}

/// The source repository is the rule's.
pub fn source(rule: &Rule, build: &Pep517Build) -> Status {
    let uri = &build.external.source.uri;
    match uri.parse::<RepositoryUri>() {
        Ok(found) if found == rule.source => {
            Status::Passed(Some(format!("{found} at commit {}", build.commit)))
        }
        Ok(found) => Status::Failed(
            Refusal::new(Reason::SourceNotAllowed)
                .expected(rule.source.to_string())
                .found(found.to_string()),
        ),
        Err(error) => Status::Failed(
            Refusal::new(Reason::SourceNotAllowed)
                .expected(rule.source.to_string())
                .found(error.to_string()),
        ),
    }
}

/// The ref matches the rule's pattern for this file's version.
pub fn git_ref(rule: &Rule, build: &Pep517Build, file: &DistFilename) -> Status {
    let Some(pattern) = &rule.git_ref else {
        return Status::NotRequired;
    };
    match &build.external.source.git_ref {
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

/// The tree that was built was the commit's.
pub fn clean_source(rule: &Rule, build: &Pep517Build) -> Status {
    match &build.internal.source.dirty {
        None => Status::Passed(None),
        Some(_) if rule.unsafe_choices.dirty => Status::NotRequired,
        Some(why) => Status::Failed(
            Refusal::new(Reason::SourceDirty).expected("a clean tree").found(why.clone()),
        ),
    }
}

/// The build was held by a sandbox.
pub fn isolation(rule: &Rule, build: &Pep517Build) -> Status {
    match build.internal.environment.isolation {
        Isolation::Bubblewrap => Status::Passed(Some("bubblewrap".to_owned())),
        Isolation::None if rule.unsafe_choices.no_isolation => Status::NotRequired,
        Isolation::None => Status::Failed(
            Refusal::new(Reason::IsolationMissing).expected("bubblewrap").found("none"),
        ),
    }
}

/// What the rule asks of a rebuild, before one was made.
pub fn rebuild(rule: &Rule) -> Status {
    match rule.rebuild {
        Rebuild::Never => Status::NotRequired,
        Rebuild::Required => Status::Failed(
            Refusal::new(Reason::RebuildRequired)
                .expected("an identical rebuild: `wheelmark rebuild` makes it and then decides")
                .found("no rebuild was made"),
        ),
    }
}

fn among<'a>(
    allowed: impl Iterator<Item = &'a String> + Clone,
    found: &str,
    reason: Reason,
) -> Status {
    if allowed.clone().any(|allowed| allowed == found) {
        Status::Passed(Some(found.to_owned()))
    } else {
        Status::Failed(Refusal::new(reason).expected_all(allowed.cloned()).found(found))
    }
}
