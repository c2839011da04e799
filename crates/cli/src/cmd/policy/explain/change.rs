//! What would have to change for a check to hold.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{CheckName, Reason, Refusal, Report, Status};
use wheelmark_core::verify::claims;

use super::super::written;
use crate::evidence::Evidence;

/// A check that failed, and what would have to change.
#[derive(Serialize)]
pub struct Change {
    /// The check.
    pub check: CheckName,
    /// What, in words.
    pub what: String,
    /// Lines for the policy, where these would do.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
}

/// Lines for the policy.
#[derive(Serialize)]
pub struct Lines {
    /// What they say, and what they do not.
    pub note: &'static str,
    /// The lines.
    pub policy: String,
}

/// How long an exception counts that is offered.
const EXCEPTION: TimeDelta = TimeDelta::days(90);

/// One for each check that failed; `excepted` where the policy has an exception for the file, whether it still counts or
/// not.
pub fn changes(
    report: &Report,
    evidence: &Evidence,
    policy: &Policy,
    excepted: bool,
    now: DateTime<Utc>,
) -> Vec<Change> {
    // No lines help against what no policy takes, or what it revokes.
    let hopeless = [CheckName::Archive, CheckName::Revocation];
    let mut checks = report.checks().iter();
    let mendable = !checks.any(|it| hopeless.contains(&it.name) && it.reason().is_some());
    let failed = report.checks().iter().filter_map(|check| match &check.status {
        Status::Failed(refusal) => Some((check.name, refusal)),
        _ => None,
    });
    let failed = failed.map(|(check, refusal)| Change {
        check,
        what: what(check, refusal, report),
        // Of an include's refusal it is the include that would have to change, for all who include it.
        lines: lines(refusal, evidence, policy, excepted, now)
            .filter(|_| mendable && check != CheckName::Includes),
    });
    failed.collect()
}

fn what(check: CheckName, refusal: &Refusal, report: &Report) -> String {
    use CheckName as C;
    use Reason as R;
    let rule = match (&report.policy.rule, report.policy.line) {
        (Some(rule), Some(line)) => format!("{rule} in line {line} of the policy"),
        (Some(rule), None) => rule.clone(),
        (None, _) => "the policy".to_owned(),
    };
    let found = refusal.found.as_deref().unwrap_or("none");
    let in_rule = |key: &str| format!("`{key}` of {rule} would have to allow: {found}");
    match (check, refusal.reason) {
        (C::Includes, _) => format!(
            "the file or its attestation; or an included policy, whose digest then changes, too: {found}"
        ),
        (C::Archive, _) => {
            "the file: no policy takes one that can be read in more than one way".to_owned()
        }
        (C::Revocation, _) | (C::Signer, R::SignerRevoked) => {
            "the policy would have to revoke it no longer; nothing else outweighs that".to_owned()
        }
        (C::PolicyRule, R::ExceptionExpired) => {
            "the exception would have to be renewed, by whoever answers for it, or taken out, so that \
             a rule is asked"
                .to_owned()
        }
        (C::PolicyRule, _) => "a rule of the policy would have to be about the file".to_owned(),
        (C::SubjectName, _) if rule.starts_with("exceptions") => {
            format!("`names` of {rule} would have to have this name")
        }
        (C::Attestation, R::AttestationMissing) => {
            "there would have to be an attestation; or, for a time, an exception for these bytes"
                .to_owned()
        }
        (C::PredicateType, R::PredicateTypeWrong) => in_rule("attestations"),
        (C::BuildType, R::BuildTypeNotAllowed) => in_rule("build-types"),
        (C::CoolDown, R::UploadTooRecent) => {
            format!("time: the file is too new for `min-upload-age-days` of {rule}")
        }
        (C::CoolDown, _) => {
            "an index would have to be asked that says when it was uploaded".to_owned()
        }
        (C::ExternalParameters, R::ParameterMissing) => in_rule("required-parameters"),
        (C::ExternalParameters, _) => format!(
            "{rule} would have to allow what decided the build (`steps`, `step-requires`, \
             `config-settings`, `parameters`): {found}"
        ),
        (C::Signer, _) => {
            format!("the signers of {rule} would have to be these, if they may sign this project")
        }
        (C::Age, R::TrustTooOld) => "a newer trusted root: `wheelmark trust update`".to_owned(),
        (C::Age, _) => format!("a newer attestation, or `max-age-days` of {rule}"),
        (C::Builder, R::BuilderVersionNotAllowed) => in_rule("builder-versions"),
        (C::Builder, _) => in_rule("builders"),
        (C::Trigger, _) => format!("another event, or `forbidden-triggers` of {rule}"),
        (C::Branch, _) => {
            format!("`--checkout` with a clone that has the commit, or `branches` of {rule}")
        }
        (C::Source, _) => in_rule("source"),
        (C::Ref, _) => in_rule("ref"),
        (C::CleanSource, _) => {
            "a build from a clean tree; `allow-dirty-unsafe` takes any".to_owned()
        }
        (C::Isolation, R::HermeticityUnproven) => {
            format!("provenance that says what the build could reach, or `hermetic` of {rule}")
        }
        (C::Isolation, _) => {
            "a build in a sandbox; `allow-no-isolation-unsafe` takes any".to_owned()
        }
        (C::BuildRequirements, _) => {
            "that file, in a folder (`--build-requirements`) or at the index, and what its policy asks".to_owned()
        }
        (C::Threshold, _) => format!("more signers, or `threshold` of {rule}"),
        (C::Required, _) => format!("the attestation that {rule} asks for by `require`"),
        (C::Forbidden, _) => format!("the attestation, or `forbid` of {rule}"),
        (C::Rebuild, R::RebuildersTooFew) => {
            "results of more of the rebuilders that the rule names, beside the file".to_owned()
        }
        (C::Rebuild, _) => "a rebuild: `wheelmark rebuild` makes it, and then decides".to_owned(),
        (C::Lock, _) => "the file, or the lock that names another one".to_owned(),
        (C::AttestationIdentity, _) => "an attestation by one of those whom the lock names".to_owned(),
        (C::Signature, R::KeyUnknown | R::CertificateUntrusted | R::LogUnknown) => {
            "the policy would have to trust who signed (`keys`, or `trust` of an identity)".to_owned()
        }
        // A policy decides whom to believe, and none believes what does not hold together.
        _ => "the attestation: no policy takes this one".to_owned(),
    }
}

/// Lines that would do, made of what was verified, where the policy says nothing that fits; or an exception, where there
/// is nothing to verify.
fn lines(
    refusal: &Refusal,
    evidence: &Evidence,
    policy: &Policy,
    excepted: bool,
    now: DateTime<Utc>,
) -> Option<Lines> {
    let artifact = &evidence.artifact;
    let file = artifact.filename.as_ref().ok()?;
    match refusal.reason {
        Reason::ProjectNotNamed | Reason::SignerNotAllowed => {
            let claims = claims(file, artifact.sha256, &evidence.given, policy.trust(), now);
            let claims = claims.iter().flatten().map(|claim| (file, claim));
            let policy = written::rule(file.project(), claims, None);
            let note = match refusal.reason {
                Reason::SignerNotAllowed => {
                    "in place of what the rule says; these lines say who signed it, not that they may:"
                }
                _ => "these lines say who signed it, not that they may:",
            };
            (!policy.is_empty()).then_some(Lines { note, policy })
        }
        // A second exception for the same bytes would be an error.
        Reason::AttestationMissing if excepted => None,
        Reason::AttestationMissing => Some(Lines {
            note: "these lines take it without proof, for whoever answers for that:",
            policy: written::exception(
                &[(file, artifact.sha256)],
                "say why",
                "say who",
                now.checked_add_signed(EXCEPTION)?,
                None,
            ),
        }),
        _ => None,
    }
}
