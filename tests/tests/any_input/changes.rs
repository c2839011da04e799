//! Some thousand changes of the true cases: of bytes, of values in JSON and in what is base64 in it, of
//! wheels, and parts of several mixed.

use std::sync::LazyLock;
use std::thread;

use serde_json::Value;
use wheelmark_core::attestation::origin::Origin;
use wheelmark_core::report::{Check, Decision, Status};
use wheelmark_core::trust::SignerIdentity;
use wheelmark_core::verify::{Given, Outcome};
use wheelmark_tests::cases::{self, Held};
use wheelmark_tests::change::{Random, change, change_json};
use wheelmark_tests::{statement, tiny};

use super::{cost, report_told_safely};

const ROUNDS: u64 = 3000;

/// Bytes that one verification may hold, and ask for, and as many more for each byte of its files. The most
/// that was seen is six tenths of each; nearly all of what is held is what a wheel is read through.
const HELD: (usize, usize) = (1 << 20, 16);
const ASKED: (usize, usize) = (1 << 20, 48);

/// Whom and what an acceptance names.
type Named = (SignerIdentity, Origin);

fn named(outcome: &Outcome) -> Option<Named> {
    let provenance = outcome.provenance.as_ref()?;
    Some((provenance.signer().clone(), provenance.origin().clone()))
}

/// The case in which everything holds by the trusted key.
static ACCEPTED: LazyLock<Held> = LazyLock::new(|| {
    let case = cases::all().into_iter().find(|case| case.name == "accepted");
    Held::of(case.expect("the case"))
});

/// The statement that the trusted key signs where everything holds.
pub fn true_statement() -> Value {
    statement::statement(tiny::FILENAME, &ACCEPTED.wheel)
}

/// What is told of each refusal of the true wheel with this for its bundle; nothing where it is accepted.
pub fn refusals(bundle: Vec<u8>) -> Vec<String> {
    let case = &*ACCEPTED;
    let given = [Given { from: "bundle".to_owned(), bytes: bundle }];
    let report = case.verify(&case.wheel, &given).report;
    report_told_safely(&report);
    let told = |check: &Check| match &check.status {
        Status::Failed(refusal) => Some(refusal.to_string()),
        _ => None,
    };
    let told: Vec<_> = report.checks().iter().filter_map(told).collect();
    assert_eq!(told.is_empty(), report.decision() == Decision::Accepted);
    told
}

/// Changes a file of attestations once.
fn changed(bytes: &mut Vec<u8>, all: &[Vec<u8>], values: &[Value], random: &mut Random) {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) if random.below(4) > 0 => {
            change_json(&mut value, values, random);
            *bytes = value.to_string().into_bytes();
        }
        _ => change(bytes, all, random),
    }
}

#[test]
fn no_change_is_accepted_for_what_nobody_signed() {
    let cases = cases::all().into_iter().filter(|case| case.fails.is_empty()).map(Held::of);
    // Of one that an exception takes, or a summary, nobody signed where it is from.
    let cases: Vec<_> =
        cases.filter(|case| named(&case.verify(&case.wheel, &case.given)).is_some()).collect();
    let files: Vec<_> =
        cases.iter().flat_map(|case| &case.given).map(|it| it.bytes.clone()).collect();
    let values: Vec<Value> =
        files.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect();
    // What each policy says of each true file: nothing else may ever be accepted under it.
    let known: Vec<Vec<Named>> = cases
        .iter()
        .map(|case| {
            // Beside its own, which a rule may demand whatever else there is.
            let others = cases.iter().flat_map(|other| {
                let (own, other) = (&case.given[..], &other.given[..]);
                [other.to_vec(), [other, own].concat()]
            });
            others.filter_map(|given| named(&case.verify(&case.wheel, &given))).collect()
        })
        .collect();
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut random = Random::new(round);
        let at = random.below(cases.len());
        let case = &cases[at];
        let (mut wheel, mut given) = (case.wheel.clone(), case.given.clone());
        for _ in 0..=random.below(3) {
            match random.below(10) {
                0 => change(&mut wheel, &files, &mut random),
                1 => {
                    let other = &cases[random.below(cases.len())];
                    let put = random.below(given.len() + 1);
                    given.splice(put..put, other.given.iter().cloned());
                }
                _ => {
                    let file = random.below(given.len());
                    changed(&mut given[file].bytes, &files, &values, &mut random);
                }
            }
        }
        let _told = Told { round, case, given: &given };
        let length = wheel.len() + given.iter().map(|it| it.bytes.len()).sum::<usize>();
        let (outcome, cost) = cost(|| case.verify(&wheel, &given));
        let within = |(least, each): (usize, usize)| least + each * length;
        assert!(cost.held <= within(HELD) && cost.asked <= within(ASKED), "{cost:?} of {length}");
        report_told_safely(&outcome.report);
        if outcome.report.decision() == Decision::Accepted {
            accepted += 1;
            assert_eq!(wheel, case.wheel);
            let named = named(&outcome).expect("who signed");
            assert!(known[at].contains(&named), "{named:?}");
        }
    }
    // Both ends are reached: what is changed where nobody signed still holds.
    assert!((50..ROUNDS / 2).contains(&accepted), "{accepted} of {ROUNDS} accepted");
}

/// What was verified when it went wrong: `Random::new(round)` makes it again.
struct Told<'a> {
    round: u64,
    case: &'a Held,
    given: &'a [Given],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("round {} of the case `{}`", self.round, self.case.name);
            for file in self.given {
                eprintln!("{}: {}", file.from, file.bytes.escape_ascii());
            }
        }
    }
}
