//! Cases in which the rule demands more than provenance: further attestations, summaries, rebuilds.

use serde_json::{Value, json};
use wheelmark_core::attestation::rebuild_result::{REBUILD_RESULT_TYPE, RebuildResult};
use wheelmark_core::attestation::svr::SVR_TYPE;
use wheelmark_core::attestation::test_result::TEST_RESULT_TYPE;
use wheelmark_core::attestation::vsa::VSA_TYPE;
use wheelmark_core::compare::RebuildOutcome;
use wheelmark_core::digest::Sha256Digest;

use super::signed::{about, poisoned_wheel, statement};
use super::{AT, Case, TestKey, bundle_of, packed};
use crate::hostile::Plan;
use crate::statement::build;
use crate::tiny;

/// Every one of them.
pub(super) fn all() -> Vec<Case> {
    [tests(), conditions(), summaries(), forbidden(), rebuilders(), poisoned_builds()].concat()
}

const REQUIRED: &str = "attestation-required";

/// A case whose first rule says more, with another attestation beside the wheel.
fn case(
    name: &str,
    changed: &str,
    reason: Option<(&'static str, &'static str)>,
    rule: &str,
    beside: Option<(TestKey, Value)>,
) -> Case {
    let mut case = Case::new(name, changed);
    if let Some(fails) = reason {
        case = case.failing(&[fails]);
    }
    case = case.under("rebuild = \"never\"\n", rule);
    if let Some((key, statement)) = beside {
        case.beside.push((".sigstore", bundle_of(key, &statement.to_string())));
    }
    case
}

fn test_result(result: &str) -> Value {
    let config = json!([{"name": "tests.yml", "digest": {"sha256": "11".repeat(32)}}]);
    about(TEST_RESULT_TYPE, &json!({"result": result, "configuration": config}))
}

/// The rule of a test that must have passed.
fn tested(more: &str) -> String {
    format!(
        "rebuild = \"never\"\n[[rules.require]]\npredicate = \"{TEST_RESULT_TYPE}\"\n\
         keys = [\"elsewhere\"]\nwhere = \"predicate.result == 'PASSED'\"\n{more}"
    )
}

fn tests() -> Vec<Case> {
    let required = |reason| Some(("required", reason));
    let mut other_file = test_result("PASSED");
    other_file["subject"][0]["digest"]["sha256"] = json!("0".repeat(64));
    let elsewhere = TestKey::Elsewhere;
    vec![
        case(
            "tests_passed",
            "The rule demands a test result that passed, signed by its tester.",
            None,
            &tested(""),
            Some((elsewhere, test_result("PASSED"))),
        ),
        case(
            "tests_missing_fail",
            "The rule demands a test result, and there is none.",
            required(REQUIRED),
            &tested(""),
            None,
        ),
        case(
            "tests_failed_fail",
            "The rule demands a test result that passed, and this one did not.",
            required("expression-not-held"),
            &tested(""),
            Some((elsewhere, test_result("FAILED"))),
        ),
        case(
            "tests_by_the_builder_fail",
            "The test result was signed by who built the file, and the rule names a tester.",
            required("signer-not-allowed"),
            &tested(""),
            Some((TestKey::Release, test_result("PASSED"))),
        ),
        case(
            "tests_of_another_file_fail",
            "The test result is about other bytes.",
            required(REQUIRED),
            &tested(""),
            Some((elsewhere, other_file)),
        ),
        case(
            "tests_of_no_known_time_fail",
            "The rule demands a new test result, and nobody vouches for when this one was signed.",
            required("attestation-too-old"),
            &tested("max-age-days = 30\n"),
            Some((elsewhere, test_result("PASSED"))),
        ),
        case(
            "tests_malformed_fail",
            "The test result lacks what its type requires, though the condition would hold of it.",
            required("predicate-malformed"),
            &tested(""),
            Some((elsewhere, about(TEST_RESULT_TYPE, &json!({"result": "PASSED"})))),
        ),
    ]
}

fn conditions() -> Vec<Case> {
    let kind = "https://example.org/review/v1";
    let rule = |condition: &str| {
        format!(
            "rebuild = \"never\"\n[[rules.require]]\npredicate = \"{kind}\"\n\
             keys = [\"elsewhere\"]\nwhere = \"{condition}\"\n"
        )
    };
    let review = || {
        let reviewers =
            json!([{"name": "ann", "approved": true}, {"name": "bob", "approved": true}]);
        Some((TestKey::Elsewhere, about(kind, &json!({"reviewers": reviewers, "of": "demo"}))))
    };
    let required = |reason| Some(("required", reason));
    vec![
        case(
            "condition_held",
            "The rule's condition holds of a predicate of somebody's own type.",
            None,
            &rule(
                "size(predicate.reviewers) >= 2 && predicate.reviewers.all(r, r.approved) && predicate.of == file.project",
            ),
            review(),
        ),
        case(
            "condition_not_held_fail",
            "The rule's condition is false of what was signed.",
            required("expression-not-held"),
            &rule("size(predicate.reviewers) >= 3"),
            review(),
        ),
        case(
            "condition_of_no_field_fail",
            "The rule's condition looks at a field that is not there.",
            required("expression-failed"),
            &rule("predicate.approved"),
            review(),
        ),
        case(
            "condition_of_no_truth_fail",
            "The rule's condition gives a text, which is neither true nor false.",
            required("expression-failed"),
            &rule("predicate.of"),
            review(),
        ),
    ]
}

const VERIFIER: &str = "https://example.org/verifiers/mirror/v1";
const POLICY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn summary() -> Value {
    about(
        VSA_TYPE,
        &json!({
            "verifier": {"id": VERIFIER},
            "timeVerified": "2025-12-20T00:00:00Z",
            "resourceUri": "pkg:pypi/demo@1.0",
            "policy": {"uri": "https://example.org/policy.toml", "digest": {"sha256": POLICY}},
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            "slsaVersion": "1.2",
        }),
    )
}

fn simple() -> Value {
    about(
        SVR_TYPE,
        &json!({
            "verifier": {"id": VERIFIER, "policies": [{"digest": {"sha256": POLICY}}]},
            "timeCreated": "2025-12-20T00:00:00Z",
            "properties": ["SLSA_BUILD_LEVEL_3"],
        }),
    )
}

/// A rule that takes a file by a summary alone, as somebody does who trusts a mirror.
fn summarized(kind: &str, more: &str) -> String {
    format!(
        "rebuild = \"never\"\n[[rules.require]]\npredicate = \"{kind}\"\nkeys = [\"elsewhere\"]\n\
         verifier = \"{VERIFIER}\"\nlevels = [\"SLSA_BUILD_LEVEL_2\"]\npolicies = [\"{POLICY}\"]\n{more}"
    )
}

fn summaries() -> Vec<Case> {
    let bent = |name: &str, changed: &str, reason, key, bend: fn(&mut Value)| {
        let mut summary = summary();
        bend(&mut summary["predicate"]);
        let fails = Some(("required", reason));
        case(
            name,
            changed,
            fails,
            &summarized(VSA_TYPE, "max-age-days = 30\n"),
            Some((key, summary)),
        )
    };
    let mut alone = case(
        "summary_alone",
        "The rule names no signer of provenance, and takes what a trusted verifier has verified.",
        None,
        &summarized(VSA_TYPE, ""),
        Some((TestKey::Elsewhere, summary())),
    );
    alone.bundle = None;
    let rule = alone.policy.find("keys = [\"release\"]").expect("a rule");
    let end = alone.policy[rule..].find("rebuild").expect("its end") + rule;
    alone.policy.replace_range(rule..end, "");
    let mut nothing = alone.clone();
    nothing.name = "summary_alone_missing_fail".to_owned();
    nothing.changed =
        "The rule names no signer of provenance, and there is only provenance.".to_owned();
    nothing.bundle.clone_from(&Case::new("", "").bundle);
    nothing.beside.clear();
    let nothing = nothing.failing(&[("required", REQUIRED)]);
    let elsewhere = TestKey::Elsewhere;
    vec![
        case(
            "summary",
            "The rule demands that a trusted verifier has verified the file, beside provenance.",
            None,
            &summarized(VSA_TYPE, "max-age-days = 30\n"),
            Some((elsewhere, summary())),
        ),
        case(
            "simple_result",
            "The same by an in-toto Simple Verification Result.",
            None,
            &summarized(SVR_TYPE, "max-age-days = 30\n"),
            Some((elsewhere, simple())),
        ),
        case(
            "simple_result_in_place_of_summary_fail",
            "The rule demands an SLSA summary, and a result of another type says the same.",
            Some(("required", REQUIRED)),
            &summarized(VSA_TYPE, ""),
            Some((elsewhere, simple())),
        ),
        alone,
        nothing,
        bent(
            "summary_of_another_resource_fail",
            "The file was verified as another release.",
            "summary-of-another-resource",
            elsewhere,
            |it| it["resourceUri"] = json!("pkg:pypi/demo@1.0.1"),
        ),
        bent(
            "summary_of_another_project_fail",
            "The file was verified as another project, whose name begins alike.",
            "summary-of-another-resource",
            elsewhere,
            |it| it["resourceUri"] = json!("pkg:pypi/demo-plus@1.0"),
        ),
        bent(
            "summary_of_another_verifier_fail",
            "The summary is another verifier's, whose id begins alike.",
            "summary-of-another-verifier",
            elsewhere,
            |it| it["verifier"]["id"] = json!(format!("{VERIFIER}/stranger")),
        ),
        bent(
            "summary_by_another_policy_fail",
            "The file was verified by another policy.",
            "summary-by-another-policy",
            elsewhere,
            |it| it["policy"]["digest"]["sha256"] = json!("b".repeat(64)),
        ),
        bent(
            "summary_by_no_known_policy_fail",
            "The summary gives no digest of the policy.",
            "summary-by-another-policy",
            elsewhere,
            |it| it["policy"]["digest"] = json!({}),
        ),
        bent(
            "summary_failed_fail",
            "The verification failed.",
            "summary-failed",
            elsewhere,
            |it| it["verificationResult"] = json!("FAILED"),
        ),
        bent(
            "summary_of_lower_level_fail",
            "The level that was verified is lower than the rule asks for.",
            "summary-level-missing",
            elsewhere,
            |it| it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_1"]),
        ),
        bent(
            "summary_of_another_track_fail",
            "The level that was verified is of another track.",
            "summary-level-missing",
            elsewhere,
            |it| it["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_3"]),
        ),
        bent(
            "summary_too_old_fail",
            "The file was verified longer ago than the rule allows.",
            "attestation-too-old",
            elsewhere,
            |it| it["timeVerified"] = json!("2025-11-20T00:00:00Z"),
        ),
        bent(
            "summary_of_later_fail",
            "The summary says that the file was verified after now.",
            "signed-later",
            elsewhere,
            |it| it["timeVerified"] = json!("2026-11-20T00:00:00Z"),
        ),
        bent(
            "summary_by_another_signer_fail",
            "The summary was signed by the key of the build.",
            "signer-not-allowed",
            TestKey::Release,
            |_| {},
        ),
    ]
}

fn forbidden() -> Vec<Case> {
    let kind = "https://example.org/withdrawn/v1";
    let rule = format!(
        "rebuild = \"never\"\n[[rules.forbid]]\npredicate = \"{kind}\"\nkeys = [\"elsewhere\"]\n"
    );
    let withdrawn = || about(kind, &json!({"because": "a broken build machine"}));
    let mut unnamed = withdrawn();
    unnamed["subject"][0]["name"] = json!("whatever it is called");
    let tests_forbidden = format!(
        "rebuild = \"never\"\n[[rules.forbid]]\npredicate = \"{TEST_RESULT_TYPE}\"\n\
         keys = [\"elsewhere\"]\nwhere = \"predicate.result == 'FAILED'\"\n"
    );
    let mut two = withdrawn();
    let other = json!({"name": "other.whl", "digest": {"sha256": "0".repeat(64)}});
    two["subject"].as_array_mut().expect("subjects").push(other);
    let two_subjects = case(
        "attestation_forbidden_among_others_fail",
        "The file was withdrawn together with another one.",
        Some(("forbidden", "attestation-forbidden")),
        &rule,
        Some((TestKey::Elsewhere, two)),
    );
    let mut unreadable = case(
        "attestation_forbidden_unreadable_fail",
        "Who may withdraw the file signed something that names a key twice, and could be that.",
        Some(("forbidden", "attestation-forbidden")),
        &rule,
        None,
    );
    let text = withdrawn().to_string().replacen("\"subject\"", "\"subject\":[],\"subject\"", 1);
    unreadable.beside.push((".sigstore", bundle_of(TestKey::Elsewhere, &text)));
    let mut revoked_since = case(
        "attestation_forbidden_by_a_revoked_signer_fail",
        "Who withdrew the file is revoked since: a revocation takes nothing back that refuses.",
        Some(("forbidden", "attestation-forbidden")),
        &rule,
        Some((TestKey::Elsewhere, withdrawn())),
    );
    revoked_since.policy += "\n[[revocations]]\nkeys = [\"elsewhere\"]\nreason = \"it was lost\"\n";
    vec![
        case(
            "attestation_forbidden_fail",
            "Somebody whom the rule names has withdrawn the file.",
            Some(("forbidden", "attestation-forbidden")),
            &rule,
            Some((TestKey::Elsewhere, withdrawn())),
        ),
        case(
            "attestation_forbidden_malformed_fail",
            "A test result of a tester is forbidden where it failed, and this one cannot be read.",
            Some(("forbidden", "attestation-forbidden")),
            &tests_forbidden,
            Some((TestKey::Elsewhere, about(TEST_RESULT_TYPE, &json!({"result": "FAILED"})))),
        ),
        case(
            "attestation_forbidden_unjudged_fail",
            "What is forbidden above a number was signed with a text in its place.",
            Some(("forbidden", "attestation-forbidden")),
            &format!("{}where = \"predicate.severity >= 7\"\n", rule),
            Some((TestKey::Elsewhere, about(kind, &json!({"severity": "9.8"})))),
        ),
        case(
            "attestation_forbidden_below",
            "What is forbidden above a number was signed with a lower one.",
            None,
            &format!("{}where = \"predicate.severity >= 7\"\n", rule),
            Some((TestKey::Elsewhere, about(kind, &json!({"severity": 3})))),
        ),
        case(
            "attestation_forbidden_by_digest_fail",
            "The file was withdrawn by its digest, under no name.",
            Some(("forbidden", "attestation-forbidden")),
            &rule,
            Some((TestKey::Elsewhere, unnamed)),
        ),
        two_subjects,
        unreadable,
        revoked_since,
        case(
            "attestation_forbidden_of_another",
            "Somebody whom the rule does not name for that has withdrawn the file.",
            None,
            &rule,
            Some((TestKey::Release, withdrawn())),
        ),
    ]
}

/// What a rebuilder says.
fn result(outcome: RebuildOutcome, rebuilt: Option<Sha256Digest>) -> Value {
    result_of(&Case::new("", "").bundle.expect("a bundle"), AT, outcome, rebuilt)
}

/// The same of other provenance, at another time.
fn result_of(
    provenance: &[u8],
    at: &str,
    outcome: RebuildOutcome,
    rebuilt: Option<Sha256Digest>,
) -> Value {
    let result = RebuildResult::new(
        "https://example.org/rebuilders/v1",
        "1.0",
        provenance,
        b"log",
        outcome,
        rebuilt,
        Vec::new(),
        build().internal.environment,
        at.parse().expect("a time"),
    );
    about(REBUILD_RESULT_TYPE, &serde_json::to_value(&result).expect("JSON"))
}

/// Other bytes than those of the wheel.
fn other() -> Option<Sha256Digest> {
    Some(Sha256Digest::of(b"other bytes"))
}

fn rebuilders() -> Vec<Case> {
    let rule = "[rules.rebuild]\nkeys = [\"elsewhere\"]\n";
    let true_digest = || Some(Sha256Digest::of(&packed(&Plan::new())));
    let identical = || result(RebuildOutcome::Identical, true_digest());
    let equivalent = || RebuildOutcome::Equivalent {
        normalizers: vec!["zip-order/1".to_owned()],
        copied: Vec::new(),
    };
    let few = Some(("rebuild", "rebuilders-too-few"));
    let by = |name: &str,
              changed: &str,
              fails: Option<(&'static str, &'static str)>,
              rule: &str,
              key,
              it| { case(name, changed, fails, rule, Some((key, it))) };
    let elsewhere = TestKey::Elsewhere;
    let other = other();
    let different = RebuildOutcome::Different { diffs: vec!["demo/__init__.py".to_owned()] };
    let nothing = RebuildOutcome::Inconclusive { cause: "another compiler".to_owned() };
    // One file of two provenances, of which the other is a stranger's: the result names the file.
    let mut strange = statement();
    strange["predicate"]["buildDefinition"]["externalParameters"]["source"]["uri"] =
        json!("git+https://example.org/stranger/demo");
    let lines = [
        bundle_of(TestKey::Elsewhere, &strange.to_string()),
        Case::new("", "").bundle.expect("a bundle"),
    ]
    .join(&b'\n');
    let identical_of_both = result_of(&lines, AT, RebuildOutcome::Identical, true_digest());
    let mut two_provenances = case(
        "rebuilt_from_one_of_two_provenances_fail",
        "The file of attestations that the result names holds two, and does not say which was rebuilt.",
        few,
        rule,
        Some((elsewhere, identical_of_both)),
    );
    two_provenances.bundle = None;
    two_provenances.beside.push((".intoto.jsonl", lines));
    vec![
        two_rebuilders(),
        by(
            "rebuilt_by_another",
            "A rebuilder whom the rule names got the same bytes.",
            None,
            rule,
            elsewhere,
            identical(),
        ),
        by(
            "rebuilt_by_the_builder_fail",
            "Only who built it says that a rebuild gave the same bytes.",
            few,
            rule,
            TestKey::Release,
            identical(),
        ),
        by(
            "rebuilt_differently_fail",
            "The rebuilder got other bytes.",
            few,
            rule,
            elsewhere,
            result(different, other),
        ),
        by(
            "rebuilt_identical_to_another_file_fail",
            "The rebuilder says identical and names other bytes.",
            few,
            rule,
            elsewhere,
            result(RebuildOutcome::Identical, other),
        ),
        by(
            "rebuilt_without_a_file_fail",
            "The rebuilder says identical and names no bytes.",
            few,
            rule,
            elsewhere,
            result(RebuildOutcome::Identical, None),
        ),
        by(
            "rebuilt_inconclusively_fail",
            "The rebuilder could show nothing.",
            few,
            rule,
            elsewhere,
            result(nothing, other),
        ),
        by(
            "rebuilt_equivalently_fail",
            "The rebuilder got an equivalent file, and the rule takes the same bytes only.",
            few,
            rule,
            elsewhere,
            result(equivalent(), other),
        ),
        by(
            "rebuilt_equivalently",
            "The rebuilder got an equivalent file, by a normaliser that the rule takes.",
            None,
            &format!("{rule}normalizers = [\"zip-order/1\"]\n"),
            elsewhere,
            result(equivalent(), other),
        ),
        by(
            "rebuilt_from_other_provenance_fail",
            "The rebuilder got these bytes from provenance that does not hold here.",
            few,
            rule,
            elsewhere,
            result_of(b"other provenance", AT, RebuildOutcome::Identical, true_digest()),
        ),
        by(
            "rebuilt_equivalently_by_nothing_fail",
            "The rebuilder says equivalent under no normaliser, of a file that it does not name.",
            few,
            rule,
            elsewhere,
            result(
                RebuildOutcome::Equivalent { normalizers: Vec::new(), copied: Vec::new() },
                None,
            ),
        ),
        two_provenances,
        by(
            "rebuilt_later_fail",
            "The rebuilder says that it ended after now.",
            few,
            rule,
            elsewhere,
            result_of(
                &Case::new("", "").bundle.expect("a bundle"),
                "2027-01-01T00:00:00Z",
                RebuildOutcome::Identical,
                true_digest(),
            ),
        ),
        case(
            "rebuilt_by_nobody_fail",
            "The rule asks for the result of a rebuilder, and there is none.",
            few,
            rule,
            None,
        ),
    ]
}

/// A case in which two rebuilders got the same bytes as who built.
fn two_rebuilders() -> Case {
    let rule = "[rules.rebuild]\nkeys = [\"elsewhere\", \"rebuilder\"]\nat-least = 2\n";
    let same = result(RebuildOutcome::Identical, Some(Sha256Digest::of(&packed(&Plan::new()))));
    let mut case = case(
        "rebuilt_by_two",
        "The rule asks for two rebuilders, and both got the same bytes.",
        None,
        rule,
        Some((TestKey::Elsewhere, same.clone())),
    );
    case.beside.push((".rebuild.sigstore.json", bundle_of(TestKey::Rebuilder, &same.to_string())));
    let pem = TestKey::Rebuilder.public_pem();
    let key = format!("[keys.rebuilder]\npem = \"\"\"\n{pem}\"\"\"\n\n[[rules]]");
    case.under("[[rules]]", &key)
}

/// A wheel that a poisoned build made, with the builder's provenance, which is true.
fn poisoned(mut case: Case, beside: impl Fn(&str) -> Value) -> Case {
    let (wheel, sha256) = poisoned_wheel();
    case.wheel = wheel;
    let built = crate::statement::statement(tiny::FILENAME, &case.wheel);
    case.bundle = Some(bundle_of(TestKey::Release, &built.to_string()));
    let beside = beside(&sha256).to_string();
    case.beside.push((".sigstore", bundle_of(TestKey::Elsewhere, &beside)));
    case
}

/// What only another build shows.
fn poisoned_builds() -> Vec<Case> {
    let of = |mut statement: Value, sha256: &str| {
        statement["subject"][0]["digest"]["sha256"] = json!(sha256);
        statement
    };
    let diffs = vec!["demo.pth".to_owned()];
    let different = result(RebuildOutcome::Different { diffs }, other());
    vec![
        poisoned(
            case(
                "poisoned_build_rebuilt_fail",
                "The build was poisoned and its provenance is true; a rebuilder whom the rule names got other bytes.",
                Some(("rebuild", "rebuilders-too-few")),
                "[rules.rebuild]\nkeys = [\"elsewhere\"]\n",
                None,
            ),
            |sha256| of(different.clone(), sha256),
        ),
        poisoned(
            case(
                "poisoned_build_tested",
                "The build was poisoned, its provenance is true, and it passed the tests. Only a rebuild would show it.",
                None,
                &tested(""),
                None,
            ),
            |sha256| of(test_result("PASSED"), sha256),
        ),
    ]
}
