//! What holds of every policy and every set of attestations, over all the cases: what is added to a rule only
//! refuses more, what is taken from the attestations never accepts more, but for those that a rule forbids, and their
//! order says nothing.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;

use wheelmark_core::report::Decision;
use wheelmark_core::verify::Given;
use wheelmark_tests::cases::{self, Held};

fn cases() -> impl Iterator<Item = Held> {
    cases::all().into_iter().map(Held::of)
}

/// What is decided of the true wheel by these attestations.
fn decided(case: &Held, given: &[Given]) -> Decision {
    case.verify(&case.wheel, given).report.decision()
}

/// The same under another policy; nothing where that is none.
fn under(case: &Held, policy: &str) -> Option<Decision> {
    let policy = case.policy(policy).ok()?;
    Some(case.under(&policy, &case.wheel, &case.given).report.decision())
}

/// What asks for more: of a rule, put after each `rebuild = "never"`, or of the file, at its end.
const OF_RULES: [&str; 17] = [
    "max-age-days = 1",
    "max-age-days = 3650",
    "threshold = 1",
    "threshold = 2",
    "ref = \"refs/tags/v{version}\"",
    "indexes = [\"https://packages.example.org/simple/\"]",
    "min-upload-age-days = 1",
    "max-trust-age-days = 1",
    "branches = [\"main\"]",
    "forbidden-triggers = [\"push\"]",
    "forbidden-triggers = [\"workflow_run\"]",
    "builder-versions = \">=1\"",
    "hermetic = true",
    "required-parameters = [\"source\"]",
    "require = [{ predicate = \"https://slsa.dev/provenance/v1\", keys = [\"release\"], where = \"true\" }]",
    "require = [{ predicate = \"https://slsa.dev/provenance/v1\", identities = [\"release\"] }]",
    "forbid = [{ predicate = \"https://slsa.dev/provenance/v1\", keys = [\"release\"] }]",
];
const OF_THE_FILE: [&str; 3] = [
    "[[revocations]]\nprojects = [\"demo\"]\nreason = \"r\"",
    "[[revocations]]\nprojects = [\"*\"]\nversions = \"<0.1\"\nreason = \"r\"",
    "[[revocations]]\nkeys = [\"release\"]\nreason = \"r\"",
];

#[test]
fn what_is_added_to_a_policy_never_makes_it_accept() {
    let (mut read, mut refusing) = (0, 0);
    for case in cases() {
        let before = decided(&case, &case.given);
        let never = "rebuild = \"never\"";
        let rules = OF_RULES.map(|more| case.text.replace(never, &format!("{never}\n{more}")));
        let files = OF_THE_FILE.map(|more| format!("{}\n{more}\n", case.text));
        let rebuilt = [
            "\"required\"",
            "{ sampled = 0.5 }",
            "{ keys = [\"elsewhere\"] }",
            "{ allow-inconclusive-unsafe = true }",
        ]
        .map(|how| case.text.replace(never, &format!("rebuild = {how}")));
        for policy in rules.iter().chain(&files).chain(&rebuilt) {
            // Some name a key that the case's policy has not, or say again what stands there.
            let Some(after) = under(&case, policy) else { continue };
            read += 1;
            refusing += usize::from(before != after);
            let refused = after == Decision::Rejected;
            assert!(before == Decision::Accepted || refused, "{}: {policy}", case.name);
        }
    }
    assert!(read > 800 && refusing > 80, "{read} policies, of which {refusing} refuse more");
}

#[test]
fn fewer_attestations_never_accept_and_their_order_says_nothing() {
    let mut several = 0;
    for case in cases() {
        let (before, given) = (decided(&case, &case.given), &case.given);
        for left_out in 0..given.len() {
            let mut rest = given.clone();
            rest.remove(left_out);
            let refused = decided(&case, &rest) == Decision::Rejected;
            let forbids = case.text.contains("[[rules.forbid]]");
            assert!(before == Decision::Accepted || refused || forbids, "{}", case.name);
        }
        let turned: Vec<_> = given.iter().rev().cloned().collect();
        several += usize::from(turned.len() > 1);
        assert_eq!(decided(&case, &turned), before, "{}", case.name);
        assert_eq!(decided(&case, &[&given[..], given].concat()), before, "{}", case.name);
    }
    assert!(several > 3, "{several} cases have several attestations");
}

/// What is judged here is what the folders hold, so that it holds of what the program reads.
#[test]
fn a_case_is_judged_as_its_folder_is() {
    for case in cases() {
        let text = fs::read_to_string(cases::folder().join(&case.name).join("expected.json"));
        let rejected = text.expect("a report").contains("\"decision\": \"rejected\"");
        assert_eq!(decided(&case, &case.given) == Decision::Rejected, rejected, "{}", case.name);
    }
}
