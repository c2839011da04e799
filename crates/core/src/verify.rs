//! Verification: the whole procedure, in numbered steps, on one screen.
//!
//! It follows SLSA 1.2, "Verifying artifacts": step 1 (the signature and the builder) and step 2
//! (expectations). Every check that can be made is made; one that cannot, because another failed, says
//! so. Nothing here turns "could not check" into "accepted".

mod claims;
mod composed;
mod facts;
mod held;
mod run;
mod tried;
mod verified;

use std::mem;

use chrono::{DateTime, Utc};

use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::AttestationLimits;
use crate::policy::beside::{Beside, Rests};
use crate::policy::evaluate::Ruling;
use crate::policy::{DemandTold, Exception, Policy, RebuildRule, Rule, evaluate};
use crate::report::{
    Check, CheckName, Decision, FileSeen, PolicySigned, PolicyUsed, Reason, Refusal, Report,
    Standing, Status, TrustUsed,
};
use crate::sdist::Sdist;
use crate::trust::SignerIdentity;
use crate::wheel::Wheel;
pub use claims::{Claim, Signed, claims, signed};
pub use facts::{Branches, Facts, Owed, RequirementVerdict, RequirementVerdicts};
pub use held::{Held, Proof};
use run::{Run, both};
use tried::{Case, Tried, read_all, unnamed};
pub use verified::{VerifiedBuild, VerifiedProvenance, VerifiedWheel};

/// The file under test, as far as it could be read.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name as given, without folders.
    pub name: String,
    /// Its name, parsed.
    pub filename: Result<DistFilename, Refusal>,
    /// What strict reading of its bytes gave.
    pub contents: Result<Contents, Refusal>,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// What is known of it from elsewhere.
    pub facts: Facts,
}

/// A file whose bytes held when they were read strictly.
#[derive(Debug, Clone)]
pub enum Contents {
    /// A wheel.
    Wheel(Box<Wheel>),
    /// A source distribution.
    Sdist(Box<Sdist>),
}

/// A file of attestations that was found or given.
#[derive(Debug, Clone)]
pub struct Given {
    /// Where it is from, for the report.
    pub from: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Given {
    /// The digest of its bytes.
    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(&self.bytes)
    }
}

/// What a verification gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Every check, and the decision that follows.
    pub report: Report,
    /// What is known of the file's origin, where everything held but for a rebuild that the rule may still
    /// ask for.
    pub provenance: Option<VerifiedProvenance>,
    /// Who signed the attestation whose checks the report shows, where its signature held; whether they may is
    /// what the report says.
    pub signer: Option<SignerIdentity>,
    /// How many independent builders gave these bytes: whoever made provenance that held, and each of the rule's
    /// rebuilders who got the same.
    pub independent_builders: usize,
    /// Whether the rule demands further attestations, all of which held.
    pub demands_met: bool,
    /// What was looked at for each further attestation that the rule demands or forbids; those of included policies
    /// follow.
    pub demands: Vec<DemandTold>,
    /// The files that were installed for the build and have to be decided before this can be accepted.
    pub owed: Vec<Owed>,
    /// What the rule that was asked says of building the file again.
    pub rebuild: Option<RebuildRule>,
    /// Every attestation for which every check of its own held, whatever was decided of the file.
    pub held: Vec<Held>,
    /// Who signed each attestation for which every check held, those of several signers included; nobody where an
    /// exception decides.
    pub attested_by: Vec<SignerIdentity>,
    contents: Option<Contents>,
}

/// Holds a file against its attestations under a policy, at the time `now`.
///
/// One attestation for which every check holds is enough, whatever the others are: within the bounds of what is
/// read, one that is added never turns an acceptance into a refusal.
///
/// A policy that includes others is all of them: each is asked by itself, and what one refuses is refused.
pub fn verify(
    artifact: &Artifact,
    given: &[Given],
    policy: &Policy,
    now: DateTime<Utc>,
    limits: &AttestationLimits,
) -> Outcome {
    let alone = |policy: &Policy| alone(artifact, given, policy, now, limits);
    // 1. to 11. under the policy itself.
    let outcome = alone(policy);
    // 12. Every policy that it includes accepts the file, too.
    composed::composed(outcome, artifact, policy, alone)
}

/// Every Sigstore instance that a policy, or one that it includes, trusts.
pub fn trust_used(policy: &Policy, now: DateTime<Utc>) -> Vec<TrustUsed> {
    let mut all = Vec::new();
    for used in policy.files().flat_map(|file| TrustUsed::of(file.trust(), now)) {
        if !all.contains(&used) {
            all.push(used);
        }
    }
    all
}

/// Steps 1 to 11 of [`verify`], whatever the policy includes.
fn alone(
    artifact: &Artifact,
    given: &[Given],
    policy: &Policy,
    now: DateTime<Utc>,
    limits: &AttestationLimits,
) -> Outcome {
    use CheckName as C;
    let mut run = Run::default();
    // 1. The file is read whole, as a hostile one, before anything is believed of it.
    let contents = run.check(C::Archive, Ok(()), |()| artifact.contents.clone());
    let file = artifact.filename.as_ref().map_err(|_| &C::Archive);
    // 2. The policy does not revoke it, and has an exception for it or a rule for the project. What it does
    //    not name is denied.
    let sha256 = artifact.sha256;
    run.judge(C::Revocation, file, |file| evaluate::not_revoked(policy, file, sha256));
    let Facts { index, uploaded, .. } = &artifact.facts;
    let ruling = run.check(C::PolicyRule, file, |file| {
        evaluate::ruling(policy, file, sha256, index.as_deref(), now)
    });
    let rule = match &ruling {
        Ok(Ruling::Exception(exception)) => {
            return excepted(run, exception, artifact, contents.ok(), policy, now);
        }
        Ok(Ruling::Rule(rule)) => Ok(*rule),
        Err(because) => Err(because),
    };
    run.judge(C::CoolDown, rule, |rule| evaluate::cool_down(rule, *uploaded, now));
    // 3. to 8. Each attestation is held against the file and the rule, apart from the others.
    let case = Case { artifact, file, rule, policy, now, limits };
    let all = read_all(given, limits).into_iter().enumerate();
    let mut tried: Vec<_> = all.map(|(index, (from, it))| case.hold(index, from, it)).collect();
    // 9. One that holds decides, with others where the rule asks for several signers; where none does, the one
    //    that came furthest is shown.
    let best = tried::best(&tried);
    let nobody = rule.is_ok_and(|rule| rule.signers.is_empty());
    let mut seen: Vec<_> =
        tried.iter().enumerate().map(|(at, it)| it.seen(at == best && !nobody)).collect();
    let holding = || tried.iter().filter(|it| it.holds());
    let attested_by = holding().filter_map(|it| it.signer.clone()).collect();
    let signers = holding().filter_map(|it| it.signer.as_ref().zip(it.key.clone()));
    let threshold = rule.map(|rule| evaluate::threshold(rule, signers));
    let mut all_held: Vec<_> = tried.iter().filter_map(Tried::as_held).collect();
    let froms: Vec<_> = tried.iter().map(|it| it.given).collect();
    let owed = tried.iter_mut().flat_map(|it| mem::take(&mut it.owed)).collect();
    // A result names the file that it was rebuilt from: of one with several it does not say which.
    let proven: Vec<_> = match rule.is_ok_and(Rule::looks_at_others) {
        true => tried.iter().filter_map(|it| it.sole_provenance(&tried)).collect(),
        false => Vec::new(),
    };
    let built = all_held.iter().any(|it| matches!(it.proof(), Proof::Provenance(_)));
    let unread: Vec<_> = tried.iter_mut().filter_map(|it| it.unread.take()).collect();
    let said: Vec<_> = tried.iter_mut().filter_map(|it| it.said.take()).collect();
    let Tried { checks, signer, known, bare, .. } = tried.swap_remove(best);
    let (signer, known) = if nobody { (None, None) } else { (signer, known) };
    let origin_unknown = bare && matches!(signer, Some(SignerIdentity::Key(_)));
    match nobody {
        true => run.not_asked(C::Attestation, C::Threshold),
        false => run.checks.extend(checks),
    }
    run.judge(C::Threshold, threshold, |status| status);
    // 10. Whatever else the rule demands is there, and nothing that it forbids.
    let beside = both(rule, file).map(|(rule, file)| Beside {
        policy,
        rule,
        file,
        sha256,
        now,
        said: &said,
        provenance: &proven,
        unread: &unread,
    });
    let demands = beside.map(|it| it.told()).unwrap_or_default();
    let mut rests_on = Vec::new();
    let mut rests = |rests: Rests| {
        rests_on.extend(rests.on);
        rests.status
    };
    run.judge(C::Required, beside, |it| rests(it.required()));
    run.judge(C::Forbidden, beside, |it| it.forbidden());
    // 11. Only if all of that held, provenance exists as a verified one; a rebuild may still be owed.
    let held = run.checks.iter().all(Check::holds);
    // Others rebuild from provenance: where none held, there is nothing to ask of them.
    let failed = run.checks.iter().find(|check| !check.holds()).map(|check| check.name);
    let rebuilt = match (&failed, beside) {
        (Some(because), Ok(it)) if proven.is_empty() && it.rule.rebuild.rebuilders.is_some() => {
            Err(because)
        }
        _ => beside,
    };
    run.judge(C::Rebuild, rebuilt, |it| rests(it.rebuilt()));
    // Who rebuilt from no provenance that held has rebuilt nothing of this.
    let (reproduced, on) = beside.map(|it| it.reproduced()).unwrap_or_default();
    let independent_builders = if built { 1 + reproduced } else { 0 };
    rests_on.extend(on);
    let demands_met = run
        .checks
        .iter()
        .any(|it| it.name == C::Required && matches!(it.status, Status::Passed(_)));
    for it in seen.iter_mut().filter(|it| it.standing == Standing::NotHeld) {
        let of_type = it.predicate_type.as_deref().zip(rule.ok());
        if of_type.is_some_and(|(of_type, rule)| rule.looks_at(of_type)) {
            // That it is no provenance says nothing against it.
            (it.standing, it.reason) = (Standing::Beside, None);
        }
    }
    for index in rests_on {
        all_held.extend(froms[index].map(|given| Held::new(given, Proof::Beside)));
        if matches!(seen[index].standing, Standing::NotHeld | Standing::Beside) {
            seen[index].standing = Standing::Demanded;
        }
    }
    let decided_by = rule.ok().map(|rule| (&*rule.name, rule.line));
    let contents = contents.ok();
    let mut report = report(run.checks, artifact, contents.as_ref(), decided_by, policy, now);
    report.trust = TrustUsed::of(policy.trust(), now);
    report.notes.extend(report.trust.iter().filter_map(TrustUsed::note));
    report.attestations = if seen.len() > 1 { seen } else { Vec::new() };
    if held && origin_unknown {
        report.notes.push(
            "a signature over the bare file by a key: nothing was verified of source, ref and builder".to_owned(),
        );
    }
    let provenance = match (held, signer.clone(), known) {
        (true, Some(signer), Some((origin, build))) => {
            let build = build.map(|build| VerifiedBuild { sha256, build });
            let attestation = froms[best].map(Given::sha256).unwrap_or(sha256);
            Some(VerifiedProvenance { sha256, signer, origin, build, attestation })
        }
        _ => None,
    };
    let rebuild = rule.ok().map(|rule| rule.rebuild.clone());
    Outcome {
        report,
        provenance,
        signer,
        attested_by,
        held: all_held,
        independent_builders,
        demands_met,
        demands,
        owed,
        rebuild,
        contents,
    }
}

/// What an exception decides: the file is sound, and nothing is asked of its origin.
fn excepted(
    mut run: Run,
    exception: &Exception,
    artifact: &Artifact,
    contents: Option<Contents>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Outcome {
    run.says(Some(exception.to_string()));
    // The bytes say nothing of the name, by which installers choose, and a policy decides.
    let named = match (&artifact.filename, &exception.names[..]) {
        (Ok(_), []) => contents.as_ref().map_or(Status::NotRequired, unnamed),
        (Ok(file), names) if names.contains(file) => Status::Passed(None),
        (_, names) => Status::Failed(
            Refusal::new(Reason::SubjectNameMismatch)
                .expected_all(names.iter().map(|name| name.as_str().to_owned()))
                .found(artifact.name.clone()),
        ),
    };
    run.not_asked(CheckName::CoolDown, CheckName::SubjectName);
    run.judge(CheckName::SubjectName, Ok(named), |named| named);
    run.not_asked(CheckName::SubjectDigest, CheckName::Includes);
    let decided_by = Some((&*exception.name, Some(exception.line)));
    let mut report = report(run.checks, artifact, contents.as_ref(), decided_by, policy, now);
    if report.decision() == Decision::Accepted {
        report.notes.push("an exception takes it: nothing of its origin was verified".to_owned());
    }
    Outcome {
        report,
        provenance: None,
        signer: None,
        attested_by: Vec::new(),
        held: Vec::new(),
        independent_builders: 0,
        demands_met: false,
        demands: Vec::new(),
        owed: Vec::new(),
        rebuild: None,
        contents,
    }
}

/// The report of all checks.
fn report(
    checks: Vec<Check>,
    artifact: &Artifact,
    contents: Option<&Contents>,
    decided_by: Option<(&str, Option<usize>)>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Report {
    let notes = match contents {
        Some(Contents::Wheel(wheel)) => notes(wheel),
        _ => Vec::new(),
    };
    Report::new(
        FileSeen { filename: artifact.name.clone(), sha256: artifact.sha256 },
        PolicyUsed {
            path: policy.path().to_owned(),
            sha256: policy.sha256(),
            rule: decided_by.map(|(name, _)| name.to_owned()),
            line: decided_by.and_then(|(_, line)| line),
            signed: policy.signature().map(|signed| PolicySigned {
                key: signed.key().to_string(),
                version: signed.says().version,
                expires: signed.says().expires,
            }),
            includes: Vec::new(),
        },
        now,
        notes,
        checks,
    )
}

/// What a wheel that holds has beside what is judged: it runs by itself, or is odd.
fn notes(wheel: &Wheel) -> Vec<String> {
    let hooks = wheel.startup_hooks().iter();
    let hooks = hooks.map(|hook| format!("`{hook}` runs whenever Python starts"));
    hooks.chain(wheel.notes().iter().map(ToString::to_string)).collect()
}
