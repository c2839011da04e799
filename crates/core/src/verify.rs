//! Verification: the whole procedure, in numbered steps, on one screen.
//!
//! It follows SLSA 1.2, "Verifying artifacts": step 1 (the signature and the builder) and step 2
//! (expectations). Every check that can be made is made; one that cannot, because another failed, says
//! so. Nothing here turns "could not check" into "accepted".

use chrono::{DateTime, Utc};

use crate::attestation::envelope::{Attestation, VerifiedEnvelope};
use crate::attestation::pep517::{BUILD_TYPE, Distribution, Pep517Build};
use crate::attestation::provenance::{PROVENANCE_TYPE, Provenance};
use crate::attestation::statement::{ResourceDescriptor, Statement};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::AttestationLimits;
use crate::policy::{Policy, Rule, evaluate};
use crate::report::{
    Check, CheckName, Decision, FileSeen, PolicyUsed, Reason, Refusal, Report, Status,
};
use crate::sdist::Sdist;
use crate::trust::SignerIdentity;
use crate::wheel::Wheel;

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
}

/// A file whose bytes held when they were read strictly.
#[derive(Debug, Clone)]
pub enum Contents {
    /// A wheel.
    Wheel(Box<Wheel>),
    /// A source distribution.
    Sdist(Box<Sdist>),
}

/// What a verification gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Every check, and the decision that follows.
    pub report: Report,
    /// The provenance, where everything held but for a rebuild that the rule may still ask for.
    pub provenance: Option<VerifiedProvenance>,
}

/// Holds a file against its attestation under a policy, at the time `now`.
pub fn verify(
    artifact: &Artifact,
    attestation: Option<&[u8]>,
    policy: &Policy,
    now: DateTime<Utc>,
    limits: &AttestationLimits,
) -> Outcome {
    use CheckName as C;
    let mut run = Run::default();
    // 1. The file is read whole, as a hostile one, before anything is believed of it.
    let contents = run.check(C::Archive, Ok(()), |()| artifact.contents.clone());
    let file = artifact.filename.as_ref().map_err(|_| &C::Archive);
    // 2. The policy has a rule for the project. What it does not name is denied.
    let rule = run.check(C::PolicyRule, file, |file| evaluate::rule_for(policy, file));
    let rule = rule.as_ref().copied();
    // 3. There is an attestation, and it is one signed envelope.
    let signed = run.check(C::Attestation, Ok(()), |()| parse(attestation, limits));
    // 4. A trusted key, valid now, signed it: nothing of its content is looked at before this holds.
    let envelope = run.check(C::Signature, signed.as_ref(), |signed| {
        VerifiedEnvelope::verify(signed, policy.trust(), now)
    });
    // 5. What was signed is a statement about this file, by its name and by its bytes.
    let statement = run.check(C::Statement, envelope.as_ref(), |it| it.statement(limits));
    let subject = statement.as_ref().map(|statement| statement.subject.as_slice());
    run.judge(C::SubjectName, both(subject, file), subject_name);
    run.judge(C::SubjectDigest, subject, |subject| subject_digest(subject, artifact.sha256));
    // 6. It is SLSA provenance, of a build type that the rule accepts and whose parameters are known.
    let provenance = run.check(C::PredicateType, statement.as_ref(), provenance_of);
    let ruled = both(rule, provenance.as_ref());
    run.judge(C::BuildType, ruled, |(rule, it)| evaluate::build_type(rule, it));
    let build = run.check(C::Parameters, both(provenance.as_ref(), file), parameters);
    // 7. Signer and builder are the rule's for this project.
    run.judge(C::Signer, both(rule, envelope.as_ref()), |(rule, envelope)| {
        evaluate::signer(rule, envelope.signer())
    });
    run.judge(C::Builder, ruled, |(rule, it)| evaluate::builder(rule, it));
    // 8. So are the source, its ref, its state, and what held the build.
    let built = both(rule, build.as_ref());
    run.judge(C::Source, built, |(rule, build)| evaluate::source(rule, build));
    run.judge(C::Ref, both(built, file), |((rule, build), file)| {
        evaluate::git_ref(rule, build, file)
    });
    run.judge(C::CleanSource, built, |(rule, build)| evaluate::clean_source(rule, build));
    run.judge(C::Isolation, built, |(rule, build)| evaluate::isolation(rule, build));
    // 9. Only if all of that held, provenance exists as a verified one; a rebuild may still be owed.
    let held = run.checks.iter().all(Check::holds);
    run.judge(C::Rebuild, rule, evaluate::rebuild);
    let report = run.report(artifact, contents.as_ref().ok(), rule.ok(), policy, now);
    let provenance = match (held, build, envelope, contents) {
        (true, Ok(build), Ok(envelope), Ok(contents)) => Some(VerifiedProvenance {
            sha256: artifact.sha256,
            signer: envelope.signer().clone(),
            build,
            contents,
        }),
        _ => None,
    };
    Outcome { report, provenance }
}

/// A file and its provenance for which every check held, but for a rebuild that may still be owed.
///
/// [`verify`] is the only place where one is made.
#[derive(Debug, Clone)]
pub struct VerifiedProvenance {
    sha256: Sha256Digest,
    signer: SignerIdentity,
    build: Pep517Build,
    contents: Contents,
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

    /// How the file was built.
    pub fn build(&self) -> &Pep517Build {
        &self.build
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
        match (self.report.decision(), self.provenance) {
            (
                Decision::Accepted,
                Some(VerifiedProvenance { contents: Contents::Wheel(wheel), .. }),
            ) => Ok(VerifiedWheel { wheel }),
            _ => Err(Box::new(self.report)),
        }
    }
}

/// The result of a step, or the check whose failure keeps what depends on it from being made.
type Step<'a, T> = Result<T, &'a CheckName>;

/// The checks made so far.
#[derive(Default)]
struct Run {
    checks: Vec<Check>,
}

impl Run {
    /// Makes a check that gives something for later ones to build upon.
    fn check<I, T>(
        &mut self,
        name: CheckName,
        input: Step<'_, I>,
        make: impl FnOnce(I) -> Result<T, Refusal>,
    ) -> Result<T, CheckName> {
        let (status, result) = match input.map(make) {
            Ok(Ok(value)) => (Status::Passed(None), Ok(value)),
            Ok(Err(refusal)) => (Status::Failed(refusal), Err(name)),
            Err(because) => (Status::NotRun(*because), Err(*because)),
        };
        self.checks.push(Check { name, status });
        result
    }

    /// Makes a check on which nothing depends.
    fn judge<I>(&mut self, name: CheckName, input: Step<'_, I>, make: impl FnOnce(I) -> Status) {
        let status = input.map_or_else(|because| Status::NotRun(*because), make);
        self.checks.push(Check { name, status });
    }

    fn report(
        self,
        artifact: &Artifact,
        contents: Option<&Contents>,
        rule: Option<&Rule>,
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
                rule: rule.map(|rule| rule.name.clone()),
                line: rule.and_then(|rule| rule.line),
            },
            now,
            notes,
            self.checks,
        )
    }
}

/// What a wheel that holds has beside what is judged: it runs by itself, or is odd.
fn notes(wheel: &Wheel) -> Vec<String> {
    let hooks = wheel.startup_hooks().iter();
    let hooks = hooks.map(|hook| format!("`{hook}` runs whenever Python starts"));
    hooks.chain(wheel.notes().iter().map(ToString::to_string)).collect()
}

/// Two steps' results, or the first failure.
fn both<'a, A, B>(a: Step<'a, A>, b: Step<'a, B>) -> Step<'a, (A, B)> {
    Ok((a?, b?))
}

fn parse(attestation: Option<&[u8]>, limits: &AttestationLimits) -> Result<Attestation, Refusal> {
    let missing = || Refusal::new(Reason::AttestationMissing).expected("a Sigstore bundle");
    Attestation::parse(attestation.ok_or_else(missing)?, limits)
}

/// The index takes one subject a statement; with several, a reader could pick another than we did.
fn only_subject(subject: &[ResourceDescriptor]) -> Result<&ResourceDescriptor, Refusal> {
    match subject {
        [only] => Ok(only),
        _ => Err(Refusal::new(Reason::SubjectCount)
            .expected("exactly one subject")
            .found(format!("{} subjects", subject.len()))),
    }
}

/// Compares parsed file names: the order of tags makes no difference, everything else does.
fn subject_name((subject, file): (&[ResourceDescriptor], &DistFilename)) -> Status {
    let mismatch = |found: String| {
        Status::Failed(
            Refusal::new(Reason::SubjectNameMismatch).expected(file.as_str()).found(found),
        )
    };
    match only_subject(subject).map(|subject| subject.name.as_deref()) {
        Err(refusal) => Status::Failed(refusal),
        Ok(None) => mismatch("no name".to_owned()),
        Ok(Some(name)) => match DistFilename::parse(name) {
            Ok(parsed) if parsed == *file => Status::Passed(Some(name.to_owned())),
            Ok(_) => mismatch(name.to_owned()),
            Err(error) => mismatch(error.to_string()),
        },
    }
}

fn subject_digest(subject: &[ResourceDescriptor], sha256: Sha256Digest) -> Status {
    let mismatch = |found: String| {
        Status::Failed(
            Refusal::new(Reason::SubjectDigestMismatch)
                .expected(format!("sha256 {sha256}, the file's"))
                .found(found),
        )
    };
    match only_subject(subject).map(|subject| subject.digest.get("sha256")) {
        Err(refusal) => Status::Failed(refusal),
        Ok(None) => mismatch("no sha256 digest".to_owned()),
        Ok(Some(text)) => match text.parse::<Sha256Digest>() {
            Ok(found) if found == sha256 => Status::Passed(Some(format!("sha256 {found}"))),
            Ok(found) => mismatch(format!("sha256 {found}")),
            Err(error) => mismatch(error.to_string()),
        },
    }
}

fn provenance_of(statement: &Statement) -> Result<Provenance, Refusal> {
    if statement.predicate_type != PROVENANCE_TYPE {
        return Err(Refusal::new(Reason::PredicateTypeWrong)
            .expected(PROVENANCE_TYPE)
            .found(statement.predicate_type.clone()));
    }
    serde_json::from_value(statement.predicate.clone())
        .map_err(|error| Refusal::new(Reason::ProvenanceMalformed).found(error.to_string()))
}

fn parameters((provenance, file): (&Provenance, &DistFilename)) -> Result<Pep517Build, Refusal> {
    let definition = &provenance.build_definition;
    if definition.build_type != BUILD_TYPE {
        return Err(Refusal::new(Reason::BuildTypeUnknown)
            .expected(BUILD_TYPE)
            .found(definition.build_type.clone()));
    }
    let build = Pep517Build::read(definition)?;
    match (build.external.distribution, file) {
        (Distribution::Wheel, DistFilename::Wheel(_))
        | (Distribution::Sdist, DistFilename::Sdist(_)) => Ok(build),
        (other, _) => Err(Refusal::new(Reason::ProvenanceInconsistent)
            .expected(format!("a build of a file like `{}`", file.as_str()))
            .found(format!("distribution {other:?}").to_lowercase())),
    }
}
