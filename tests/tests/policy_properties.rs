//! What holds of every policy and every set of attestations, over all the cases: what is added to a rule only
//! refuses more, what is taken from the attestations never accepts more, and their order says nothing.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::io::Cursor;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, WheelFilename};
use wheelmark_core::limits::{AttestationLimits, WheelLimits};
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Decision, Refusal};
use wheelmark_core::trust::{Embedded, Instance, InstanceError, InstanceName, Instances};
use wheelmark_core::verify::{self, Artifact, Contents, Given};
use wheelmark_core::wheel;
use wheelmark_tests::cases::{self, AT, Case};

/// The instances that a case's policy may name.
struct Roots(Option<Vec<u8>>);

impl Instances for Roots {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        match (name, &self.0) {
            (InstanceName::Private, Some(root)) => Instance::parse(name, root, None).map(Arc::new),
            _ => Embedded.instance(name),
        }
    }
}

struct Judge {
    artifact: Artifact,
    given: Vec<Given>,
    policy: String,
    roots: Roots,
}

impl Judge {
    fn of(case: &Case) -> Self {
        let filename = case
            .filename
            .parse::<WheelFilename>()
            .map_err(|error| Refusal::new(error.reason()).found(error.to_string()));
        let limits = WheelLimits::standard();
        let contents = match &filename {
            Ok(name) => wheel::read(&mut Cursor::new(&case.wheel), name.clone(), &limits)
                .map(|wheel| Contents::Wheel(Box::new(wheel)))
                .map_err(|error| Refusal::new(error.reason().expect("no disk is involved"))),
            Err(refusal) => Err(refusal.clone()),
        };
        let own = case.files().into_iter().filter(|(name, _)| {
            name.strip_prefix(&*case.filename).is_some_and(|suffix| !suffix.is_empty())
        });
        Self {
            artifact: Artifact {
                name: case.filename.clone(),
                filename: filename.map(DistFilename::Wheel),
                contents,
                sha256: Sha256Digest::of(&case.wheel),
            },
            given: own.map(|(from, bytes)| Given { from, bytes }).collect(),
            policy: case.policy.clone(),
            roots: Roots(case.trusted_root.clone()),
        }
    }

    /// What is decided under a policy; nothing where that is no policy.
    fn under(&self, policy: &str, given: &[Given]) -> Option<Decision> {
        let policy = Policy::parse("policy.toml", policy, &self.roots).ok()?;
        let now: DateTime<Utc> = AT.parse().expect("a time");
        let limits = AttestationLimits::standard();
        Some(verify::verify(&self.artifact, given, &policy, now, &limits).report.decision())
    }

    fn decision(&self) -> Decision {
        self.under(&self.policy, &self.given).expect("a policy")
    }
}

fn judges() -> Vec<(String, Judge)> {
    cases::all().iter().map(|case| (case.name.clone(), Judge::of(case))).collect()
}

/// What asks for more, put after each `rebuild = "never"`, or at the end.
const TIGHTER: [(&str, &str); 8] = [
    ("rule", "max-age-days = 1"),
    ("rule", "max-age-days = 3650"),
    ("rule", "threshold = 1"),
    ("rule", "threshold = 2"),
    ("rule", "ref = \"refs/tags/v{version}\""),
    ("file", "[[revocations]]\nprojects = [\"demo\"]\nreason = \"r\""),
    ("file", "[[revocations]]\nprojects = [\"*\"]\nversions = \"<0.1\"\nreason = \"r\""),
    ("file", "[[revocations]]\nkeys = [\"release\"]\nreason = \"r\""),
];

#[test]
fn what_is_added_to_a_policy_never_makes_it_accept() {
    let (mut read, mut tightened) = (0, 0);
    for (name, judge) in judges() {
        let before = judge.decision();
        let never = "rebuild = \"never\"";
        for (place, more) in TIGHTER {
            let policy = match place {
                "rule" => judge.policy.replace(never, &format!("{never}\n{more}")),
                _ => format!("{}\n{more}\n", judge.policy),
            };
            let Some(after) = judge.under(&policy, &judge.given) else { continue };
            read += 1;
            tightened += usize::from(before != after);
            assert!(before == Decision::Accepted || after == Decision::Rejected, "{name}: {more}");
        }
        let required = judge.policy.replace(never, "rebuild = \"required\"");
        let after = judge.under(&required, &judge.given).expect("a policy");
        assert!(before == Decision::Accepted || after == Decision::Rejected, "{name}");
    }
    assert!(read > 700 && tightened > 60, "{read} policies, of which {tightened} refuse more");
}

#[test]
fn fewer_attestations_never_accept_and_their_order_says_nothing() {
    let mut several = 0;
    for (name, judge) in judges() {
        let before = judge.decision();
        let given = &judge.given;
        for left_out in 0..given.len() {
            let mut rest = given.clone();
            rest.remove(left_out);
            let after = judge.under(&judge.policy, &rest).expect("a policy");
            assert!(before == Decision::Accepted || after == Decision::Rejected, "{name}");
        }
        let mut turned = given.clone();
        turned.reverse();
        several += usize::from(turned.len() > 1);
        assert_eq!(judge.under(&judge.policy, &turned), Some(before), "{name}");
        let twice = [&given[..], &given[..]].concat();
        assert_eq!(judge.under(&judge.policy, &twice), Some(before), "{name}: each twice");
    }
    assert!(several > 3, "{several} cases have several attestations");
}

/// The cases judged here are those on disk, so that what holds of them holds of what is read.
#[test]
fn a_case_is_judged_as_its_folder_is() {
    for (name, judge) in judges() {
        let text = fs::read_to_string(cases::folder().join(&name).join("expected.json"));
        let rejected = text.expect("a report").contains("\"decision\": \"rejected\"");
        assert_eq!(judge.decision() == Decision::Rejected, rejected, "{name}");
    }
}
