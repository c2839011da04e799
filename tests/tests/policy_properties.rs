//! What holds of every policy and every set of attestations, over all the cases: what is added to a rule only
//! refuses more, what is taken from the attestations never accepts more, but for those that a rule forbids, and their
//! order says nothing.
#![allow(clippy::expect_used, reason = "tests")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::{CheckName, Decision};
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

/// What asks for more: of a rule, put after each `rebuild = "never"`, or of the file, at its end, or in the place of the first `never`.
const OF_RULES: [&str; 17] = [
    "max-age-days = 1",
    "max-age-days = 3650",
    "threshold = 1",
    "threshold = 2",
    "source = \"https://example.org/acme/demo\"\nref = \"refs/tags/v{version}\"",
    "indexes = [\"https://packages.example.org/simple/\"]",
    "min-upload-age-days = 1",
    "max-trust-age-days = 1",
    "branches = [\"main\"]",
    "forbidden-triggers = [\"push\"]",
    "forbidden-triggers = [\"workflow_run\"]",
    "builder-versions = \">=1\"",
    "hermetic = true",
    "required-parameters = [\"source\"]",
    "require = [{ predicate = \"https://slsa.dev/provenance/v1\", keys = [\"release\"], where = \"has(predicate.buildDefinition)\" }]",
    "require = [{ predicate = \"https://slsa.dev/provenance/v1\", identities = [\"release\"] }]",
    "forbid = [{ predicate = \"https://slsa.dev/provenance/v1\", keys = [\"release\"] }]",
];
const OF_THE_FILE: [&str; 3] = [
    "[[revocations]]\nprojects = [\"demo\"]\nreason = \"r\"",
    "[[revocations]]\nprojects = [\"*\"]\nversions = \"<0.1\"\nreason = \"r\"",
    "[[revocations]]\nkeys = [\"release\"]\nreason = \"r\"",
];

const REBUILT: [&str; 4] = [
    "\"required\"",
    "{ sampled = 0.5 }",
    "{ keys = [\"elsewhere\"] }",
    "{ allow-inconclusive-unsafe = true }",
];

#[test]
fn what_is_added_to_a_policy_never_makes_it_accept() {
    let (mut read, mut refusing) = (BTreeMap::<_, usize>::new(), 0);
    for case in cases() {
        let before = decided(&case, &case.given);
        let never = "rebuild = \"never\"";
        let of_rules =
            OF_RULES.map(|more| (more, case.text.replace(never, &format!("{never}\n{more}"))));
        let of_the_file = OF_THE_FILE.map(|more| (more, format!("{}\n{more}\n", case.text)));
        // Of the first rule, since who rebuilds must be another than who signs.
        let rebuilt =
            REBUILT.map(|how| (how, case.text.replacen(never, &format!("rebuild = {how}"), 1)));
        for (more, policy) in of_rules.into_iter().chain(of_the_file).chain(rebuilt) {
            // Some name a key that the case's policy has not, or say again what stands there.
            let Some(after) = under(&case, &policy) else { continue };
            *read.entry(more).or_default() += usize::from(policy != case.text);
            refusing += usize::from(before != after);
            let refused = after == Decision::Rejected;
            assert!(before == Decision::Accepted || refused, "{}: {policy}", case.name);
        }
    }
    for more in OF_RULES.iter().chain(&OF_THE_FILE).chain(&REBUILT) {
        assert!(read.get(more).is_some_and(|read| *read > 0), "no policy was read with {more}");
    }
    let read: usize = read.values().sum();
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

static CASES: LazyLock<Vec<Held>> = LazyLock::new(|| cases().collect());

/// A policy that includes others of these texts; each but the first is included by the one before it, or by the first.
fn composed(top: &str, included: &[String], nested: bool) -> (String, Vec<(String, String)>) {
    let include = |text: &str, name: &str, of: &str| {
        let sha256 = Sha256Digest::of(of.as_bytes());
        let include = format!("[[includes]]\npath = \"{name}\"\nsha256 = \"{sha256}\"\n");
        format!("{text}\n{include}")
    };
    let (mut top, mut files): (String, Vec<(String, String)>) = (top.to_owned(), Vec::new());
    for (number, text) in included.iter().enumerate().rev() {
        let name = format!("{number}.toml");
        let text = match files.last() {
            Some((inner, of)) if nested => include(text, inner, of),
            _ => text.clone(),
        };
        if !nested || number == 0 {
            top = include(&top, &name, &text);
        }
        files.push((name, text));
    }
    (top, files)
}

/// Whether the file of a case is accepted under a policy, and whether anybody could go on with it as a verified one.
fn accepts(case: &Held, policy: &wheelmark_core::policy::Policy) -> bool {
    let outcome = case.under(policy, &case.wheel, &case.given);
    let accepted = outcome.report.decision() == Decision::Accepted;
    let mut checks = outcome.report.checks().iter();
    let only_rebuild = checks.all(|it| it.holds() || it.name == CheckName::Rebuild);
    assert!(only_rebuild || outcome.provenance.is_none(), "{}", case.name);
    assert_eq!(accepted, outcome.into_wheel().is_ok(), "{}", case.name);
    accepted
}

/// A file is accepted by a policy that includes others only if each of them accepts it; and, where none revokes a
/// signer, whenever each does.
#[test]
fn an_include_never_turns_a_refusal_into_an_acceptance() {
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() };
    let index = any::<prop::sample::Index>;
    let (read, accepted) = (Cell::new(0), Cell::new(0));
    proptest!(config, |(
        case in index(),
        top in index(),
        included in prop::collection::vec(index(), 1..4),
        own in any::<u8>(),
        nested in any::<bool>(),
    )| {
        let case = case.get(&CASES);
        // The more of them are the case's own, the more are accepted.
        let text = |at: usize, index: &prop::sample::Index| match (own >> at) & 1 {
            1 => format!("{}\n# {at}\n", case.text),
            _ => format!("{}\n# {at}\n", index.get(&CASES).text),
        };
        let (top, texts) = (text(0, &top), included.iter().enumerate());
        let texts: Vec<_> = texts.map(|(at, index)| text(at + 1, index)).collect();
        let alone = |text: &String| case.policy(text).map(|policy| accepts(case, &policy));
        let each: Result<Vec<_>, _> = [&top].into_iter().chain(&texts).map(alone).collect();
        let (whole, files) = composed(&top, &texts, nested);
        match (each, case.composed(&whole, &files)) {
            (Ok(each), Ok(policy)) => {
                prop_assert_eq!(policy.includes().len(), texts.len());
                let (all, found) = (each.iter().all(|it| *it), accepts(case, &policy));
                read.set(read.get() + 1);
                accepted.set(accepted.get() + usize::from(found));
                prop_assert!(all || !found, "{}: {}", case.name, whole);
                let revokes = |text: &String| text.contains("[[revocations]]");
                let any_revokes = revokes(&top) || texts.iter().any(revokes);
                prop_assert!(found == all || any_revokes, "{}: {}", case.name, whole);
            }
            // What cannot be read alone, cannot be read included; and nothing else.
            (Ok(_), Err(error)) => prop_assert!(false, "{}", error),
            (Err(_), Ok(_)) => prop_assert!(false, "read although a part of it cannot be"),
            (Err(_), Err(_)) => {}
        }
    });
    let (read, accepted) = (read.get(), accepted.get());
    assert!(
        read > 40 && accepted > 4,
        "{read} compositions were read, {accepted} of them accepted"
    );
}

/// Each case, under a policy that includes its own once more: nothing is lost by including what says the same.
#[test]
fn what_says_the_same_changes_nothing() {
    let mut accepted = 0;
    for case in cases() {
        let again = format!("{}\n# again\n", case.text);
        let (whole, files) = composed(&case.text, &[again], false);
        let policy = case.composed(&whole, &files).expect("a policy");
        let before = decided(&case, &case.given) == Decision::Accepted;
        assert_eq!(accepts(&case, &policy), before, "{}", case.name);
        accepted += usize::from(before);
    }
    assert!(accepted > 25, "{accepted} are accepted");
}
