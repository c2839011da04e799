//! `wheelmark policy check` and `explain`.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;

use assert_cmd::Command;
use serde_json::Value;
use wheelmark_tests::cases::{self, AT, TRUSTED_ROOT};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::report;
use wheelmark_tests::tiny;

/// Asks about the policy of a case, in its folder.
fn policy(verb: &str, case: &str) -> Command {
    let folder = cases::folder().join(case);
    let mut command = wheelmark();
    command.current_dir(&folder).args(["policy", verb, "--at", AT]);
    if folder.join(TRUSTED_ROOT).exists() {
        command.args(["--trust-root", TRUSTED_ROOT]);
    }
    command
}

fn explain(case: &str) -> Command {
    let mut command = policy("explain", case);
    command.args(["--policy", "policy.toml", tiny::FILENAME]);
    command
}

fn said(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

/// A policy of its own, checked.
fn checked(text: &str, more: &[&str], code: i32) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.toml");
    fs::write(&path, text).expect("written");
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["policy", "check", "policy.toml", "--at", AT]);
    said(command.args(more), code)
}

const POLICY: &str = r#"schema = 1

[identities.release]
trust = "public-good"
issuer = "https://token.actions.githubusercontent.com"
repository = "https://github.com/octo/demo"
triggers = ["push", "pull_request_target"]

[identities.forgotten]
trust = "public-good"
issuer = "https://accounts.google.com"
san = "manager@demo.example"

[[rules]]
projects = ["demo"]
identities = ["release"]
bare-signature = true
rebuild = "never"

[[rules]]
projects = ["*"]
identities = ["release"]
ref = "refs/heads/main"
rebuild = "never"

[[exceptions]]
sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
reason = "r"
owner = "o"
expires = 2025-06-30T00:00:00Z

[[exceptions]]
sha256 = ["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]
reason = "r"
owner = "o"
expires = 2036-06-30T00:00:00Z
"#;

#[test]
fn what_is_not_meant_is_pointed_out_with_its_place_and_what_to_do() {
    let told = checked(POLICY, &[], 0);
    let found: Vec<_> = told.lines().filter_map(|line| line.split_once(": warning ")).collect();
    let found: Vec<_> =
        found.iter().map(|(at, what)| (*at, what.split(':').next().unwrap_or(""))).collect();
    assert_eq!(
        found,
        [
            ("policy.toml:3:13", "identity-by-name-alone"),
            ("policy.toml:3:13", "any-workflow"),
            ("policy.toml:7:21", "trigger-of-strangers"),
            ("policy.toml:9:13", "signer-unused"),
            ("policy.toml:14:1", "any-ref"),
            ("policy.toml:14:1", "proves-less"),
            ("policy.toml:21:13", "every-project"),
            ("policy.toml:23:7", "ref-of-any-version"),
            ("policy.toml:30:11", "exception-ended"),
            ("policy.toml:36:11", "exception-long"),
        ]
    );
    assert_eq!(told.matches("    suggestion: ").count(), found.len());
    assert!(told.ends_with("policy.toml: 2 rules, 2 exceptions; 10 warnings\n"), "{told}");
    checked(POLICY, &["--deny-warnings"], 10);
    let answer: Value = serde_json::from_str(&checked(POLICY, &["--json"], 0)).expect("JSON");
    assert_eq!(answer["schema"], "https://wheelmark.dev/policy-check/v1");
    assert_eq!(answer["warnings"][2]["code"], "trigger-of-strangers");
    assert_eq!(answer["warnings"][2]["line"], 7);
}

#[test]
fn a_rule_whose_signers_are_all_revoked_is_pointed_out() {
    let path = cases::folder().join("key_revoked_fail/policy.toml");
    let told = checked(&fs::read_to_string(path).expect("a policy"), &[], 0);
    assert!(told.contains("warning all-revoked: every signer of rules[0] is revoked"), "{told}");
}

#[test]
fn a_key_that_ended_or_never_ends_is_pointed_out() {
    let text = fs::read_to_string(cases::folder().join("accepted/policy.toml")).expect("a policy");
    let told = checked(&text, &[], 0);
    assert!(told.contains("key-without-end: [keys.release] counts for ever"), "{told}");
    let ended = text.replacen(
        "[keys.release]\n",
        "[keys.release]\nvalid-until = 2025-01-01T00:00:00Z\n",
        1,
    );
    let told = checked(&ended, &[], 0);
    assert!(told.contains("key-ended: [keys.release] no longer counts"), "{told}");
}

#[test]
fn nothing_is_pointed_out_where_all_is_said() {
    let text = POLICY.split("\n[identities.forgotten]").next().expect("a part").replace(
        "triggers = [\"push\", \"pull_request_target\"]",
        "owner-id = \"2002\"\nworkflow = \".github/workflows/release.yml\"",
    );
    let rule = "\n[[rules]]\nprojects = [\"demo\"]\nidentities = [\"release\"]\nref = \"refs/tags/v{version}\"\nrebuild = \"never\"\n";
    let told = checked(&format!("{text}{rule}"), &["--deny-warnings"], 0);
    assert_eq!(told, "policy.toml: 1 rule; nothing is pointed out\n");
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    let text = POLICY.replace("rebuild = \"never\"", "rebiuld = \"never\"");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("policy.toml"), text).expect("written");
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["policy", "check", "policy.toml"]);
    let told = said(&mut command, 1);
    assert!(told.starts_with("policy.toml:18:1: error: unknown field `rebiuld`"), "{told}");
    assert!(told.contains("\n    suggestion: did you mean `rebuild`?\n"), "{told}");
    // Whoever only reads it is told one, with the same hint.
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["verify", "--policy", "policy.toml", "a.whl"]);
    let error = command.assert().code(1).get_output().stderr.clone();
    let error = String::from_utf8_lossy(&error).into_owned();
    assert!(error.starts_with("error: policy.toml:18:1: unknown field `rebiuld`"), "{error}");
    assert!(error.ends_with("\nhint: did you mean `rebuild`?\n"), "{error}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = POLICY
        .replace(
            "trust = \"public-good\"\nissuer = \"https://a",
            "trust = \"public\"\nissuer = \"https://a",
        )
        .replacen("identities = [\"release\"]", "identities = [\"relase\"]", 1);
    assert_eq!(
        checked(&text, &[], 1),
        "policy.toml:10:9: error: no trust instance `public`: there are public-good, github, staging, private\n    \
         suggestion: write one of these\n\
         policy.toml:16:15: error: no [identities.relase] in this policy\n    \
         suggestion: did you mean `release`?\n\
         policy.toml: 2 errors; it cannot be read\n"
    );
    let answer: Value = serde_json::from_str(&checked(&text, &["--json"], 1)).expect("JSON");
    assert_eq!(answer["schema"], "https://wheelmark.dev/policy-check/v1");
    assert_eq!(answer["policy"], "policy.toml");
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2, "{answer:#}");
    assert_eq!(errors[1]["line"], 16);
    assert_eq!(errors[1]["column"], 15);
    assert_eq!(errors[1]["path"], "policy.toml");
    assert_eq!(errors[1]["suggestion"], "did you mean `release`?");
}

#[test]
fn a_refusal_is_explained_with_what_would_have_to_change() {
    let told = said(&mut explain("ref_branch_fail"), 10);
    for line in [
        "What was asked",
        "  → rules[0], policy.toml:18: asked",
        "  1 rule does not name the project",
        "Who vouches for what was found",
        "  signature: the key that the policy names",
        "What would have to change",
        "  ✗ ref: `ref` of rules[0] in line 18 of the policy would have to allow: refs/heads/main",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    let verified = said(
        wheelmark().current_dir(cases::folder().join("ref_branch_fail")).args([
            "verify",
            "--policy",
            "policy.toml",
            "--at",
            AT,
            tiny::FILENAME,
        ]),
        10,
    );
    assert!(told.starts_with(&verified), "the report comes first");
}

#[test]
fn who_signed_is_written_as_lines_for_the_policy_and_these_would_do() {
    let answer = report(&mut explain("workflow_another_fail"), 10);
    assert_eq!(answer["schema"], "https://wheelmark.dev/explanation/v1");
    let change = &answer["changes"][0];
    assert_eq!(change["check"], "signer");
    let lines = change["policy"].as_str().expect("lines");
    assert!(lines.contains("workflow = \".github/workflows/nightly.yml\""), "{lines}");
    assert!(lines.contains("ref = \"refs/tags/v{version}\""), "{lines}");
    // They are a policy, by which the file is accepted.
    let folder = tempfile::tempdir().expect("a folder");
    cases::copy("workflow_another_fail", folder.path());
    fs::write(folder.path().join("policy.toml"), format!("schema = 1\n{lines}")).expect("written");
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["policy", "explain", "--policy", "policy.toml"]);
    command.args(["--trust-root", TRUSTED_ROOT, "--at", AT, tiny::FILENAME]);
    let answer = report(&mut command, 0);
    assert_eq!(answer["report"]["decision"], "accepted");
    assert_eq!(answer["derivation"]["rules"][0]["part"], "asked");
    assert_eq!(answer["changes"].as_array().map(Vec::len), Some(0));
    let by = |check: &str| {
        let vouched = answer["vouched"].as_array().expect("a list").iter();
        let found = vouched.clone().find(|it| it["check"] == check);
        found.expect(check)["by"].as_str().expect("text").to_owned()
    };
    assert!(by("ref").starts_with("the signer's certificate"), "{}", by("ref"));
    assert_eq!(by("subject-digest"), "the bytes of the file");
}

#[test]
fn an_exception_is_offered_for_what_has_no_attestation() {
    let answer = report(&mut explain("bundle_missing_fail"), 10);
    let change = &answer["changes"][0];
    assert_eq!(change["check"], "attestation");
    let lines = change["policy"].as_str().expect("lines");
    let path = cases::folder().join("bundle_missing_fail/policy.toml");
    let text = fs::read_to_string(path).expect("a policy") + lines;
    let told = checked(&text, &[], 0);
    assert!(told.contains("2 rules, 1 exception"), "{told}");
    let told = checked(&format!("schema = 1\n{lines}"), &[], 0);
    assert!(told.contains("warning nothing-but-exceptions"), "{told}");
    // Of a file that has one, whose time is over, no second one is offered.
    let answer = report(&mut explain("exception_expired_fail"), 10);
    for change in answer["changes"].as_array().expect("changes") {
        assert_eq!(change["policy"], Value::Null, "{change}");
    }
}

#[test]
fn what_cannot_be_had_is_an_error_of_its_own() {
    let mut command = policy("explain", "accepted");
    command.args(["--policy", "policy.toml", "missing-1.0-py3-none-any.whl", "--json"]);
    let answer: Value = serde_json::from_str(&said(&mut command, 1)).expect("JSON");
    assert_eq!(answer["schema"], "https://wheelmark.dev/error/v1");
}

/// The file of tests of each policy that is handed out.
#[test]
fn the_policies_to_start_from_decide_as_their_tests_say() {
    let folder = cases::folder().join("../../policies/tests");
    let mut tested = 0;
    for entry in fs::read_dir(&folder).expect("the tests") {
        let path = entry.expect("an entry").path();
        let mut command = wheelmark();
        command.args(["policy", "test"]).arg(&path);
        let answer = report(&mut command, 0);
        assert_eq!(answer["schema"], "https://wheelmark.dev/policy-test/v1");
        assert_eq!(answer["failed"], 0, "{answer:#}");
        tested += answer["passed"].as_u64().expect("a number");
    }
    let policies = fs::read_dir(folder.join("..")).expect("the policies");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let policies = policies.map(name).filter(|name| name.to_string_lossy().ends_with(".toml"));
    for policy in policies {
        assert!(folder.join(&policy).exists(), "{policy:?} has tests");
    }
    assert!(tested >= 12, "{tested}");
}

/// A folder with a wheel, its attestation, a policy, and a file of tests.
fn tests_of(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [tiny::FILENAME, &format!("{}.sigstore.json", tiny::FILENAME), "policy.toml"] {
        let from = cases::folder().join("accepted").join(name);
        fs::copy(from, folder.path().join(name)).expect("copied");
    }
    let text = format!("schema = 1\npolicy = \"policy.toml\"\n{cases}");
    fs::write(folder.path().join("tests.toml"), text).expect("written");
    folder
}

fn case_of(more: &str) -> String {
    format!(
        "[[cases]]\nname = \"it\"\nfile = \"{}\"\nat = 2026-01-01T00:00:00Z\n{more}\n",
        tiny::FILENAME
    )
}

#[test]
fn a_case_that_is_decided_otherwise_fails_with_both() {
    let folder = tests_of(&case_of("decision = \"rejected\"\nreasons = [\"ref-not-allowed\"]"));
    let mut command = wheelmark();
    let told = said(command.args(["policy", "test"]).arg(folder.path()), 10);
    assert!(
        told.starts_with(
            "FAILED it\n    expected: rejected: ref-not-allowed\n    found:    accepted\n"
        ),
        "{told}"
    );
    // Another reason than the one that is expected is another decision.
    let folder = tests_of(&case_of(
        "attestations = []\ndecision = \"rejected\"\nreasons = [\"ref-not-allowed\"]",
    ));
    let mut command = wheelmark();
    let told = said(command.args(["policy", "test"]).arg(folder.path()), 10);
    assert!(told.contains("found:    rejected: attestation-missing"), "{told}");
    let folder = tests_of(&case_of("decision = \"accepted\"\nrule = \"rules[1]\""));
    let mut command = wheelmark();
    let told = said(command.args(["policy", "test"]).arg(folder.path()), 10);
    assert!(told.contains("found:    accepted by rules[0]"), "{told}");
}

#[test]
fn a_test_that_tests_nothing_is_an_error_with_its_place() {
    for (cases, says) in [
        (String::new(), "missing field `cases`"),
        ("cases = []".to_owned(), "nothing is tested"),
        (case_of("decision = \"rejected\""), ":3:1: a case that is rejected for any reason"),
        (case_of("decision = \"rejected\"\nreasons = [\"rejected\"]"), "`rejected` is no reason"),
        (
            case_of("decision = \"accepted\"\nreasons = [\"ref-not-allowed\"]"),
            "`reasons` of what is accepted",
        ),
        (case_of("decision = \"accepted\"\nwhy = \"x\""), "unknown field `why`"),
        (
            format!("fill = {{ X-Y-Z = \"x\" }}\n{}", case_of("decision = \"accepted\"")),
            "`X-Y-Z` does not stand in the policy",
        ),
        (
            format!("trust-as-of = 2026-01-01T00:00:00Z\n{}", case_of("decision = \"accepted\"")),
            ":3:15: without `trust-root`",
        ),
    ] {
        let folder = tests_of(&cases);
        let mut command = wheelmark();
        command.args(["policy", "test"]).arg(folder.path());
        let error = command.assert().code(1).get_output().stderr.clone();
        let error = String::from_utf8_lossy(&error).into_owned();
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn two_policies_are_compared_by_what_they_decide() {
    let folder = tests_of("");
    let text = fs::read_to_string(folder.path().join("policy.toml")).expect("a policy");
    let diff = |new: &str, code: i32| {
        fs::write(folder.path().join("new.toml"), new).expect("written");
        let mut command = wheelmark();
        command.current_dir(folder.path()).args(["policy", "diff", "policy.toml", "new.toml"]);
        report(command.args(["--at", AT, tiny::FILENAME]), code)
    };
    let same = diff(&text.replace("refs/tags/v{version}", "refs/tags/*"), 0);
    assert_eq!((&same["same"], same["changed"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    let other = diff(&text.replace("refs/tags/v{version}", "refs/tags/{version}"), 11);
    let changed = &other["changed"][0];
    assert_eq!(changed["old"]["decision"], "accepted");
    assert_eq!(changed["new"]["decision"], "rejected");
    assert_eq!(changed["new"]["reasons"][0], "ref-not-allowed");
    // Whatever cannot be had is none that both decide alike.
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["policy", "diff", "policy.toml", "new.toml"]);
    let told = said(command.args(["--at", AT, "missing-1.0-py3-none-any.whl"]), 1);
    assert!(told.ends_with("0 decided alike, 0 changed, 1 undecided\n"), "{told}");
}

/// The keys that the reader knows in a table, as its message says it of one that it does not know.
fn keys_known(table: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("schema = 1\n{table}\nnobody-knows-this = 1\n");
    fs::write(folder.path().join("policy.toml"), text).expect("written");
    let mut command = wheelmark();
    command.current_dir(folder.path()).args(["policy", "check", "policy.toml"]);
    let told = said(&mut command, 1);
    let error = told.lines().next().expect("an error");
    let (_, known) = error.split_once(", expected ").expect("what is known");
    let mut known: Vec<_> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    known.sort();
    known
}

#[test]
fn each_demand_is_told_with_what_was_looked_at() {
    let answer = report(&mut explain("condition_not_held_fail"), 10);
    let demand = &answer["demands"][0];
    assert_eq!(demand["demand"], "rules[0].require[0]", "{answer}");
    assert_eq!((&demand["holds"], &demand["forbidden"]), (&false.into(), &false.into()));
    let looked_at = &demand["lookedAt"][0];
    assert_eq!(looked_at["reason"], "expression-not-held", "{answer}");
    assert!(!looked_at["signer"].as_str().expect("a signer").is_empty());
    // What the condition read, as it was signed.
    let condition = demand["where"].as_str().expect("a condition");
    let values = looked_at["values"].as_object().expect("values");
    assert!(!values.is_empty() && values.keys().all(|path| condition.contains(path)), "{answer}");
    let told = said(&mut explain("condition_not_held_fail"), 10);
    for part in [
        "What was demanded besides",
        "✗ rules[0].require[0]",
        condition,
        "not one (expression-not-held)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }

    let held = report(&mut explain("condition_held"), 0);
    assert_eq!(held["demands"][0]["holds"], true, "{held}");
    assert_eq!(held["demands"][0]["lookedAt"][0].get("reason"), None, "{held}");

    let forbidden = report(&mut explain("attestation_forbidden_fail"), 10);
    let demand = &forbidden["demands"][0];
    assert_eq!((&demand["holds"], &demand["forbidden"]), (&false.into(), &true.into()));
    let of_another = report(&mut explain("attestation_forbidden_of_another"), 0);
    assert_eq!(of_another["demands"][0]["holds"], true, "{of_another}");
}

#[test]
fn the_schema_knows_the_keys_that_the_reader_knows() {
    let text = said(wheelmark().args(["policy", "schema"]), 0);
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let properties = |of: &Value| {
        let map = of["properties"].as_object().expect("properties");
        let mut keys: Vec<_> = map.keys().cloned().collect();
        keys.sort();
        assert_eq!(of["additionalProperties"], false);
        keys
    };
    let of = &schema["properties"];
    assert_eq!(properties(&schema), keys_known(""));
    assert_eq!(properties(&of["keys"]["additionalProperties"]), keys_known("[keys.a]"));
    assert_eq!(properties(&of["identities"]["additionalProperties"]), keys_known("[identities.a]"));
    for list in ["includes", "rules", "exceptions", "revocations"] {
        assert_eq!(properties(&of[list]["items"]), keys_known(&format!("[[{list}]]")), "{list}");
    }
    let rule = &of["rules"]["items"]["properties"];
    for list in ["require", "forbid"] {
        let table = format!("[[rules]]\n[[rules.{list}]]");
        assert_eq!(properties(&rule[list]["items"]), keys_known(&table), "{list}");
    }
    let table = "[[rules]]\n[rules.rebuild]";
    assert_eq!(properties(&rule["rebuild"]["anyOf"][1]), keys_known(table));
}
