//! One attestation of a file, held against the file and the rule: steps 3 to 8 of [`verify`](super::verify).

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::run::{Run, Step, both, both_if};
use super::{Artifact, Contents, Given, Held, Owed, Proof, RequirementVerdicts};
use crate::attestation::build_types;
use crate::attestation::bundle::Attestation;
use crate::attestation::certified::certified;
use crate::attestation::envelope::{Signed, VerifiedEnvelope};
use crate::attestation::forms;
use crate::attestation::origin::Origin;
use crate::attestation::pep517::{BUILD_TYPE, Distribution, Pep517Build, Requirement};
use crate::attestation::predicate::Predicate;
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use crate::attestation::statement::Statement;
use crate::attestation::timestamp::seconds;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::AttestationLimits;
use crate::policy::beside::{Said, Unread};
use crate::policy::{Policy, Rule, evaluate};
use crate::report::{AttestationSeen, Check, CheckName, Reason, Refusal, Standing, Status};
use crate::subject;
use crate::trust::{CertificateIdentity, KeyId, SignerIdentity};
use crate::verdict;

/// What every attestation of a file is held against.
pub(super) struct Case<'a> {
    pub(super) artifact: &'a Artifact,
    pub(super) file: Step<'a, &'a DistFilename>,
    pub(super) rule: Step<'a, &'a Rule>,
    pub(super) policy: &'a Policy,
    pub(super) now: DateTime<Utc>,
    pub(super) limits: &'a AttestationLimits,
}

impl Case<'_> {
    /// Steps 3 to 8 of [`verify`], for one attestation.
    pub(super) fn hold<'g>(
        &self,
        index: usize,
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
        let requirements = self.artifact.facts.requirements.as_deref();
        run.judge(C::BuildRequirements, both(rule, build), |(rule, build)| {
            evaluate::build_requirements(rule, build, requirements)
        });
        let owed = match (rule, build) {
            // Only what a trusted signer signed is asked after.
            (Ok(rule), Ok(Some(build))) => owed(rule, build, requirements),
            _ => Vec::new(),
        };
        let key = match envelope.map(VerifiedEnvelope::signer) {
            Ok(SignerIdentity::Key(id)) => Some(id.clone()),
            Ok(SignerIdentity::Certificate(_)) if several => {
                signed.as_ref().ok().and_then(Attestation::certified_key)
            }
            _ => None,
        };
        let held = |name| run.checks.iter().any(|check| check.name == name && check.holds());
        let about = |statement: &Statement| {
            let is_ours = |text: &String| text.eq_ignore_ascii_case(&sha256.to_string());
            let mut subjects = statement.subject.iter();
            subjects.any(|it| it.digest.get("sha256").is_some_and(is_ours))
        };
        let from = || given.map(|it| it.from.clone()).unwrap_or_default();
        let unread = match (&signed, envelope, &statement) {
            // That a bare signature says nothing is known.
            (Ok(_), Ok(envelope), Err(_)) if !envelope.is_bare() => Some(Some(envelope.signer())),
            (Err(_), ..) if given.is_some() => Some(None),
            _ => None,
        };
        let unread = unread.filter(|_| demanding);
        let unread = unread.map(|signer| Unread { from: from(), signer: signer.cloned() });
        let said = match (envelope, statement) {
            // What it says of which file is the demands' to ask: to be forbidden, the digest among others is enough.
            (Ok(envelope), Ok(Some(statement))) if demanding && about(statement) => Some(Said {
                index,
                from: from(),
                is_named: held(C::SubjectName) && held(C::SubjectDigest),
                signer: envelope.signer().clone(),
                key: key.clone(),
                times: envelope.times().to_vec(),
                statement: statement.clone(),
                document: OnceCell::new(),
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
            unread,
            owed,
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
pub(super) struct Tried<'g> {
    /// The file it is from; none where there was no attestation.
    pub(super) given: Option<&'g Given>,
    /// What it proves, where its signer and what it says held.
    pub(super) proof: Option<Proof>,
    pub(super) checks: Vec<Check>,
    pub(super) signer: Option<SignerIdentity>,
    /// The key that signed, where signers are counted.
    pub(super) key: Option<KeyId>,
    pub(super) predicate_type: Option<String>,
    /// What it says, for what else a rule demands.
    pub(super) said: Option<Said>,
    /// That it could not be read, for what a rule forbids.
    pub(super) unread: Option<Unread>,
    /// What was installed for the build and is not decided yet.
    pub(super) owed: Vec<Owed>,
    /// Whether it is over the file itself, and says nothing of it.
    pub(super) bare: bool,
    pub(super) known: Option<(Origin, Option<Pep517Build>)>,
}

/// The one that decides: one that holds, or that came furthest. Among several that hold it is not their order that
/// chooses: one that says how the file was built, and then the one with the least digest.
pub(super) fn best(tried: &[Tried<'_>]) -> usize {
    let several = tried.iter().filter(|it| it.holds()).count() > 1;
    let merit = |index: &usize| {
        let it = &tried[*index];
        let digest = || it.given.filter(|_| several && it.holds()).map(Given::sha256);
        (it.held(), it.says_how(), Reverse(digest()), Reverse(*index))
    };
    (0..tried.len()).max_by_key(merit).unwrap_or_default()
}

impl Tried<'_> {
    /// The digest of the file that it is from, where its provenance held and the file has no other provenance.
    pub(super) fn sole_provenance(&self, all: &[Self]) -> Option<Sha256Digest> {
        let (given, proof) = self.given.zip(self.proof).filter(|_| self.holds())?;
        let is_provenance = |it: &&Self| {
            let of_type = it.predicate_type.as_deref();
            it.given.is_some_and(|other| std::ptr::eq(other, given))
                && of_type.is_some_and(|it| [PROVENANCE_TYPE, PROVENANCE_V0_2_TYPE].contains(&it))
        };
        let sole = all.iter().filter(is_provenance).count() == 1;
        (sole && matches!(proof, Proof::Provenance(_))).then(|| given.sha256())
    }

    /// Whether it holds and says how the file was built.
    fn says_how(&self) -> bool {
        self.holds() && self.known.as_ref().is_some_and(|(_, build)| build.is_some())
    }

    /// How many of its checks held: all, where it decides.
    pub(super) fn held(&self) -> usize {
        self.checks.iter().filter(|check| check.holds()).count()
    }

    pub(super) fn holds(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }

    pub(super) fn as_held(&self) -> Option<Held> {
        let (given, proof) = self.given.zip(self.proof).filter(|_| self.holds())?;
        Some(Held::new(given, proof))
    }

    pub(super) fn seen(&self, decided: bool) -> AttestationSeen {
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

/// What was installed for a build and has to satisfy a policy, as far as nothing was decided of it.
fn owed(rule: &Rule, build: &Pep517Build, known: Option<&RequirementVerdicts>) -> Vec<Owed> {
    let Some(policy) = &rule.build_requirements else { return Vec::new() };
    let decided =
        |it: &&Requirement| known.is_some_and(|known| known.of(policy, it.sha256).is_some());
    let open = build.requirements.iter().filter(|it| !decided(it));
    open.map(|it| Owed { policy: Arc::clone(policy), requirement: it.clone() }).collect()
}

/// Every attestation of every file that was given, at least one: "none" is refused as one, too.
pub(super) fn read_all<'a>(
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
    Some(format!("signed at {}", seconds(*first)))
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
pub(super) fn parameters(
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

/// No statement names the file: then what the wheel says of itself must be all that its name says.
pub(super) fn unnamed(contents: &Contents) -> Status {
    let note = match contents {
        Contents::Wheel(wheel) => wheel.notes().first(),
        Contents::Sdist(_) => None,
    };
    note.map_or(Status::NotRequired, |note| {
        let refusal = Refusal::new(note.reason()).expected(note.found.clone());
        Status::Failed(refusal.found(note.named.clone()))
    })
}
