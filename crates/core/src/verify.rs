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

use chrono::{DateTime, SecondsFormat, Utc};

use crate::attestation::build_types;
use crate::attestation::bundle::Attestation;
use crate::attestation::certified::certified;
use crate::attestation::envelope::{Signed, VerifiedEnvelope};
use crate::attestation::forms;
use crate::attestation::origin::Origin;
use crate::attestation::pep517::{BUILD_TYPE, Distribution, Pep517Build};
use crate::attestation::predicate::Predicate;
use crate::attestation::statement::Statement;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::AttestationLimits;
use crate::policy::demand::{self, About, Said};
use crate::policy::evaluate::Ruling;
use crate::policy::{Exception, Policy, RebuildRule, Rule, evaluate};
use crate::report::{
    AttestationSeen, Check, CheckName, Decision, FileSeen, PolicySigned, PolicyUsed, Reason,
    Refusal, Report, Standing, Status, TrustUsed,
};
use crate::sdist::Sdist;
use crate::subject;
use crate::trust::{CertificateIdentity, KeyId, SignerIdentity};
use crate::verdict;
use crate::wheel::Wheel;
pub use claims::{Claim, claims};
pub use facts::{Branches, Facts};
pub use held::{Held, Proof};
use run::{Run, Step, both, both_if};

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
    /// Who signed each attestation for which every check held, those of several signers included; nobody where an
    /// exception decides.
    pub attested_by: Vec<SignerIdentity>,
    /// How many independent builders gave these bytes: whoever made provenance that held, and each of the rule's
    /// rebuilders who got the same.
    pub independent_builders: usize,
    /// What the rule that was asked says of building the file again.
    pub rebuild: Option<RebuildRule>,
    /// Every attestation for which every check of its own held, whatever was decided of the file.
    pub held: Vec<Held>,
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
    let mut tried: Vec<_> =
        read_all(given, limits).into_iter().map(|(from, it)| case.hold(from, it)).collect();
    // 9. One that holds decides, with others where the rule asks for several signers; where none does, the one
    //    that came furthest is shown.
    let best = (0..tried.len()).max_by_key(|index| (tried[*index].held(), usize::MAX - index));
    let best = best.unwrap_or(0);
    let nobody = rule.is_ok_and(|rule| rule.signers.is_empty());
    let seen: Vec<_> =
        tried.iter().enumerate().map(|(at, it)| it.seen(at == best && !nobody)).collect();
    let holding = || tried.iter().filter(|it| it.holds());
    let attested_by = holding().filter_map(|it| it.signer.clone()).collect();
    let signers = holding().filter_map(|it| it.signer.as_ref().zip(it.key.clone()));
    let threshold = rule.map(|rule| evaluate::threshold(rule, signers));
    let all_held: Vec<_> = tried.iter().filter_map(Tried::as_held).collect();
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
    let about = both(rule, file).map(|(rule, file)| (rule, About { file, sha256, now }));
    run.judge(C::Required, about, |(rule, about)| demand::required(policy, rule, &said, about));
    run.judge(C::Forbidden, about, |(rule, about)| demand::forbidden(policy, rule, &said, about));
    // 11. Only if all of that held, provenance exists as a verified one; a rebuild may still be owed.
    let held = run.checks.iter().all(Check::holds);
    run.judge(C::Rebuild, about, |(rule, about)| demand::rebuilt(policy, rule, &said, about));
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
            Some(VerifiedProvenance { sha256, signer, origin, build })
        }
        _ => None,
    };
    let rebuild = rule.ok().map(|rule| rule.rebuild.clone());
    let reproduced = about
        .map(|(rule, about)| demand::reproduced(policy, rule, &said, about).len())
        .unwrap_or_default();
    let built = all_held.iter().any(|it| matches!(it.proof(), Proof::Provenance(_)));
    let independent_builders = usize::from(built) + reproduced;
    let held = all_held;
    Outcome {
        report,
        provenance,
        signer,
        attested_by,
        independent_builders,
        rebuild,
        held,
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
        rebuild: None,
        contents,
    }
}

/// What every attestation of a file is held against.
struct Case<'a> {
    artifact: &'a Artifact,
    file: Step<'a, &'a DistFilename>,
    rule: Step<'a, &'a Rule>,
    policy: &'a Policy,
    now: DateTime<Utc>,
    limits: &'a AttestationLimits,
}

impl Case<'_> {
    /// Steps 3 to 8 of [`verify`], for one attestation.
    fn hold<'g>(
        &self,
        given: Option<&'g Given>,
        attestation: Result<Attestation, Refusal>,
    ) -> Tried<'g> {
        use CheckName as C;
        let mut run = Run::default();
        let (rule, file, sha256) = (self.rule, self.file, self.artifact.sha256);
        let several =
            rule.is_ok_and(|rule| rule.threshold > 1 || rule.rebuild.rebuilders.is_some());
        let demanding = rule.is_ok_and(Rule::looks_at_others);
        // 3. There is an attestation, and it is one signature with what it came with.
        let signed = run.check(C::Attestation, Ok(()), |()| attestation);
        // 4. A trusted signer signed it, at a time when that counted: nothing of its content is believed
        //    before this holds.
        let envelope = run.check(C::Signature, signed.as_ref(), |signed| {
            VerifiedEnvelope::verify(signed, self.policy.trust(), Signed::Digest(sha256), self.now)
        });
        run.says(envelope.as_ref().ok().and_then(signing_times));
        let envelope = envelope.as_ref();
        // 5. What was signed is a statement about this file, by its name and by its bytes; or, where the
        //    rule takes that, the file itself.
        let bare = rule.is_ok_and(|rule| rule.bare_signature);
        let stated = envelope.map(|it| (!(bare && it.is_bare())).then_some(it));
        let statement = run.check_if(C::Statement, stated, |it| it.statement(self.limits));
        let statement = statement.as_ref().map(Option::as_ref);
        run.judge(C::SubjectName, both_if(statement, file), |named| {
            let contents = self.artifact.contents.as_ref();
            let own = || contents.map_or(Status::NotRequired, unnamed);
            named.map_or_else(own, subject::name)
        });
        run.judge(C::SubjectDigest, both(statement, file), |(it, file)| {
            it.map_or(Status::Passed(Some(format!("sha256 {sha256}"))), |it| {
                subject::digest(it, file, sha256)
            })
        });
        // 6. Its predicate is of a type that the rule accepts; provenance is of an accepted build type, with
        //    known parameters, and says nothing that its signer's certificate denies.
        let predicate = run.check_if(C::PredicateType, both_if(statement, rule), predicate_of);
        let predicate = predicate.as_ref().map(Option::as_ref);
        let built = predicate.map(|it| it.and_then(Predicate::build_type));
        run.judge_if(C::BuildType, both_if(built, rule), |(found, rule)| {
            evaluate::build_type(rule, found)
        });
        let claimed = run.check_if(C::Parameters, both_if(predicate, file), parameters);
        let claimed = claimed.as_ref().map(Option::as_ref);
        let no_build = matches!(built, Ok(None));
        if no_build {
            run.says_nothing();
        }
        let certified = run
            .check_if(C::Certificate, to_certify(envelope, claimed), |(it, by)| certified(it, by));
        // Of a bare signature by a key nothing is known but who made it; the rule takes that.
        let origin = match &certified {
            Ok(Some(certified)) => Ok(Some(certified)),
            Ok(None) => claimed.map(|it| it.map(|(origin, _)| origin)),
            Err(because) => Err(because),
        };
        let build = claimed.map(|it| it.and_then(|(_, build)| build.as_ref()));
        run.judge(C::ExternalParameters, both(both(predicate, claimed), rule), |(known, rule)| {
            let external = known.0.and_then(Predicate::external_parameters);
            match known.1.filter(|_| !no_build) {
                Some((claimed, build)) => {
                    rule.instructions.judge(claimed, build.as_ref(), external)
                }
                None => match rule.instructions.has_required(external) {
                    Ok(()) => Status::NotRequired,
                    Err(refusal) => Status::Failed(refusal),
                },
            }
        });
        // 7. Signer and builder are the rule's for this project.
        run.judge(C::Signer, both(rule, envelope), |(rule, envelope)| {
            evaluate::signer(self.policy, rule, envelope.signer())
        });
        run.judge(C::Age, both(rule, envelope), |(rule, envelope)| {
            evaluate::age(self.policy, rule, envelope.signer(), envelope.times(), self.now)
        });
        let ruled = both_if(origin, rule);
        run.judge_if(C::Builder, ruled, |(origin, rule)| evaluate::builder(rule, origin));
        // 8. So are the source, its ref, its state, and what held the build.
        let of_file = both_if(ruled, file);
        run.judge_if(C::Source, of_file, |((origin, rule), file)| {
            evaluate::source(rule, origin, file)
        });
        run.judge_if(C::Ref, of_file, |((origin, rule), file)| {
            evaluate::git_ref(rule, origin, file)
        });
        let nothing = Origin::default();
        let known = origin.map(|origin| origin.unwrap_or(&nothing));
        run.judge(C::Trigger, both(known, rule), |(origin, rule)| evaluate::trigger(rule, origin));
        let branches = self.artifact.facts.branches.as_deref();
        run.judge(C::Branch, both(known, rule), |(origin, rule)| {
            evaluate::branch(rule, origin, branches)
        });
        run.judge(C::CleanSource, both(rule, build), |(rule, build)| {
            evaluate::clean_source(rule, build)
        });
        run.judge(C::Isolation, both(rule, build), |(rule, build)| {
            evaluate::isolation(rule, build)
        });
        let key = match envelope.map(VerifiedEnvelope::signer) {
            Ok(SignerIdentity::Key(id)) => Some(id.clone()),
            Ok(SignerIdentity::Certificate(_)) if several => {
                signed.as_ref().ok().and_then(Attestation::certified_key)
            }
            _ => None,
        };
        let about_file = [C::SubjectName, C::SubjectDigest]
            .iter()
            .all(|name| run.checks.iter().any(|check| check.name == *name && check.holds()));
        let said = match (envelope, statement) {
            (Ok(envelope), Ok(Some(statement))) if demanding && about_file => Some(Said {
                signer: envelope.signer().clone(),
                key: key.clone(),
                times: envelope.times().to_vec(),
                statement: statement.clone(),
            }),
            _ => None,
        };
        let proof = match (predicate, origin, rule, envelope) {
            (Ok(None), ..) => Some(Proof::BareSignature),
            (Ok(Some(Predicate::Publish(_))), ..) => Some(Proof::Publish),
            (Ok(Some(_)), Ok(Some(origin)), Ok(rule), Ok(envelope)) => {
                Some(Proof::Provenance(verdict::of_provenance(rule, origin, envelope.signer())))
            }
            _ => None,
        };
        Tried {
            given,
            proof,
            said,
            signer: envelope.ok().map(|it| it.signer().clone()),
            key,
            predicate_type: statement.ok().flatten().map(|it| it.predicate_type.clone()),
            bare: matches!(statement, Ok(None)),
            known: match (origin, build) {
                (Ok(origin), Ok(build)) => {
                    Some((origin.cloned().unwrap_or_default(), build.cloned()))
                }
                _ => None,
            },
            checks: run.checks,
        }
    }
}

/// One attestation after its checks.
struct Tried<'g> {
    /// The file it is from; none where there was no attestation.
    given: Option<&'g Given>,
    /// What it proves, where its signer and what it says held.
    proof: Option<Proof>,
    checks: Vec<Check>,
    signer: Option<SignerIdentity>,
    /// The key that signed, where signers are counted.
    key: Option<KeyId>,
    predicate_type: Option<String>,
    /// What it says, for what else a rule demands.
    said: Option<Said>,
    /// Whether it is over the file itself, and says nothing of it.
    bare: bool,
    known: Option<(Origin, Option<Pep517Build>)>,
}

impl Tried<'_> {
    /// How many of its checks held: all, where it decides.
    fn held(&self) -> usize {
        self.checks.iter().filter(|check| check.holds()).count()
    }

    fn holds(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }

    fn as_held(&self) -> Option<Held> {
        let beside = || self.said.as_ref().map(|_| Proof::Beside);
        let proof = self.proof.filter(|_| self.holds()).or_else(beside)?;
        Some(Held::new(self.given?, proof))
    }

    fn seen(&self, decided: bool) -> AttestationSeen {
        let standing = match decided {
            true => Standing::Decided,
            false if self.holds() => Standing::AlsoHeld,
            false => Standing::NotHeld,
        };
        AttestationSeen {
            standing,
            from: self.given.map(|given| given.from.clone()).unwrap_or_default(),
            predicate_type: self.predicate_type.clone(),
            signer: self.signer.as_ref().map(ToString::to_string),
            reason: self.checks.iter().find_map(Check::reason),
        }
    }
}

/// A file and its origin for which every check held, but for a rebuild that may still be owed.
///
/// [`verify`] is the only place where one is made.
#[derive(Debug, Clone)]
pub struct VerifiedProvenance {
    sha256: Sha256Digest,
    signer: SignerIdentity,
    origin: Origin,
    build: Option<VerifiedBuild>,
}

/// Everything that a rebuild needs, from provenance for which every check held.
#[derive(Debug, Clone)]
pub struct VerifiedBuild {
    sha256: Sha256Digest,
    build: Pep517Build,
}

impl VerifiedBuild {
    /// The digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// How it was built.
    pub fn get(&self) -> &Pep517Build {
        &self.build
    }
}

impl VerifiedProvenance {
    /// The digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Who signed.
    pub fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// Where the file came from, as the provenance and the signer's certificate say.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How the file was built, where the provenance is of a build type that says all of it.
    pub fn build(&self) -> Option<&VerifiedBuild> {
        self.build.as_ref()
    }
}

/// A wheel that was accepted: the only thing that may be handed on to an installer or served.
#[derive(Debug, Clone)]
pub struct VerifiedWheel {
    wheel: Box<Wheel>,
}

impl VerifiedWheel {
    /// The wheel.
    pub fn wheel(&self) -> &Wheel {
        &self.wheel
    }
}

impl Outcome {
    /// The wheel, if the report accepts it.
    ///
    /// # Errors
    /// The report, when it rejects the file or the file is not a wheel.
    pub fn into_wheel(self) -> Result<VerifiedWheel, Box<Report>> {
        match (self.report.decision(), self.contents) {
            (Decision::Accepted, Some(Contents::Wheel(wheel))) => Ok(VerifiedWheel { wheel }),
            _ => Err(Box::new(self.report)),
        }
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

/// No statement names the file: then what the wheel says of itself must be all that its name says.
fn unnamed(contents: &Contents) -> Status {
    let note = match contents {
        Contents::Wheel(wheel) => wheel.notes().first(),
        Contents::Sdist(_) => None,
    };
    note.map_or(Status::NotRequired, |note| {
        let refusal = Refusal::new(note.reason()).expected(note.found.clone());
        Status::Failed(refusal.found(note.named.clone()))
    })
}

/// What a wheel that holds has beside what is judged: it runs by itself, or is odd.
fn notes(wheel: &Wheel) -> Vec<String> {
    let hooks = wheel.startup_hooks().iter();
    let hooks = hooks.map(|hook| format!("`{hook}` runs whenever Python starts"));
    hooks.chain(wheel.notes().iter().map(ToString::to_string)).collect()
}

/// Every attestation of every file that was given, at least one: "none" is refused as one, too.
fn read_all<'a>(
    given: &'a [Given],
    limits: &AttestationLimits,
) -> Vec<(Option<&'a Given>, Result<Attestation, Refusal>)> {
    let mut all = Vec::new();
    for file in given {
        match forms::read_all(&file.bytes, limits) {
            Ok(attestations) => all.extend(attestations.into_iter().map(|it| (Some(file), it))),
            Err(mut refusal) => {
                refusal.found = refusal.found.map(|found| format!("{}: {found}", file.from));
                all.push((Some(file), Err(refusal)));
            }
        }
    }
    if all.is_empty() {
        let missing = Refusal::new(Reason::AttestationMissing)
            .expected("a Sigstore bundle, or an attestation of an index (PEP 740)");
        all.push((None, Err(missing)));
    }
    all
}

fn signing_times(envelope: &VerifiedEnvelope) -> Option<String> {
    let first = envelope.times().first()?;
    Some(format!("signed at {}", first.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

/// What the certificate of the signer, if there is one, is to be held against.
fn to_certify<'a>(
    envelope: Step<'a, &'a VerifiedEnvelope>,
    claimed: Step<'a, Option<&'a (Origin, Option<Pep517Build>)>>,
) -> Step<'a, Option<(Origin, &'a CertificateIdentity)>> {
    match envelope?.signer() {
        SignerIdentity::Key(_) => Ok(None),
        SignerIdentity::Certificate(by) => {
            let origin = claimed?.map(|(origin, _)| origin.clone());
            Ok(Some((origin.unwrap_or_default(), by)))
        }
    }
}

fn predicate_of((statement, rule): (&Statement, &Rule)) -> Result<Predicate, Refusal> {
    if !rule.attestations.contains(&statement.predicate_type) {
        return Err(Refusal::new(Reason::PredicateTypeWrong)
            .expected_all(rule.attestations.iter().cloned())
            .found(statement.predicate_type.clone()));
    }
    Predicate::read(statement)
}

/// What a predicate says of where the file came from; with all of it, where the build type is ours.
fn parameters(
    (predicate, file): (&Predicate, &DistFilename),
) -> Result<(Origin, Option<Pep517Build>), Refusal> {
    let origin = match predicate {
        Predicate::Publish(_) => Origin::default(),
        _ => build_types::read(predicate)?,
    };
    let Predicate::ProvenanceV1(provenance) = predicate else {
        return Ok((origin, None));
    };
    let definition = &provenance.build_definition;
    if definition.build_type != BUILD_TYPE {
        return Ok((origin, None));
    }
    let build = Pep517Build::read(definition)?;
    match (build.external.distribution, file) {
        (Distribution::Wheel, DistFilename::Wheel(_))
        | (Distribution::Sdist, DistFilename::Sdist(_)) => Ok((origin, Some(build))),
        (other, _) => Err(Refusal::new(Reason::ProvenanceInconsistent)
            .expected(format!("a build of a file like `{}`", file.as_str()))
            .found(format!("distribution {other:?}").to_lowercase())),
    }
}
