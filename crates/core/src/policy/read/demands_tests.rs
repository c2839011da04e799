//! What a rule may not demand.

use crate::policy::{Policy, PolicyError};
use crate::trust::Embedded;

/// A policy whose rule says more.
fn policy(more: &str) -> Result<Policy, PolicyError> {
    let identity = |name: &str, san: &str| {
        format!(
            "[identities.{name}]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\nsan = \"{san}\"\n"
        )
    };
    let text = format!(
        "schema = 1\n{}{}[[rules]]\nprojects = [\"demo\"]\n{more}\n",
        identity("one", "one@example.org"),
        identity("two", "two@example.org"),
    );
    Policy::parse("policy.toml", &text, &Embedded)
}

/// The line of the error, counted from that of `projects`, and what it says.
fn error(more: &str) -> (usize, String) {
    let error = policy(more).expect_err(more);
    (error.line - 11, error.message)
}

const ONE: &str = "identities = [\"one\"]\nrebuild = \"never\"\n";
const VSA: &str = "predicate = \"https://slsa.dev/verification_summary/v1\"\nidentities = [\"two\"]\n\
                   verifier = \"https://example.org/v\"\n";

#[test]
fn what_a_rule_demands_is_read() {
    for more in [
        "source = \"https://github.com/{owner}/{name}\"\nowners = [\"acme\"]",
        "source = \"https://github.com/acme/demo\"\nbranches = [\"main\", \"release/1.x\"]\nforbidden-triggers = [\"pull_request_target\"]",
        "builders = [\"https://example.org/b\"]\nbuilder-versions = \">=1,<3\"\nhermetic = true",
        "required-parameters = [\"workflow.path=.github/workflows/release.yml\"]",
        "min-upload-age-days = 7\nmax-trust-age-days = 30\nindexes = [\"https://packages.example.org/simple/\"]",
        "[[rules.require]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]\nwhere = \"predicate.a == 1\"",
        &format!(
            "[[rules.require]]\n{VSA}levels = [\"SLSA_BUILD_LEVEL_3\"]\nresource = \"pkg:pypi/{{name}}@{{version}}\""
        ),
        "[[rules.forbid]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]",
    ] {
        policy(&format!("{ONE}{more}")).expect(more);
    }
    for rebuild in [
        "\"required\"",
        "{ sampled = 0.1 }",
        "{ identities = [\"two\"], at-least = 1 }",
        "{ normalizers = [\"zip-order/1\"], allow-inconclusive-unsafe = true }",
    ] {
        policy(&format!("identities = [\"one\"]\nrebuild = {rebuild}")).expect(rebuild);
    }
    policy(&format!("rebuild = \"never\"\n[[rules.require]]\n{VSA}levels = [\"A\"]"))
        .expect("no signers");
}

#[test]
fn what_asks_for_nothing_or_contradicts_itself_is_an_error_with_its_place() {
    for (more, line, message) in [
        ("source = \"https://github.com/{owner}/{name}\"", 3, "`owners`, which is missing"),
        ("owners = [\"acme\"]", 3, "`owners` without"),
        ("source = \"https://github.com/{owner}/x\"\nowners = [\"a/b\"]", 4, "one segment"),
        ("source = \"https://github.com/acme/x-{name}\"", 3, "as a whole segment"),
        ("branches = [\"refs/heads/main\"]", 3, "the branch's own name"),
        ("branches = [\"release/*\"]", 3, "it knows no pattern"),
        ("builder-versions = \">=1\"", 3, "without `builders`"),
        ("hermetic = true\nallow-no-isolation-unsafe = true", 3, "contradict"),
        ("required-parameters = [\"inputs.*\"]", 3, "nothing that must be there"),
        ("min-upload-age-days = 0", 3, "nothing is so new"),
        ("indexes = [\"packages.example.org\"]", 3, "not the URL"),
        (
            "indexes = [\"https://REPLACE-THIS-BY-YOUR-INDEX/\"]",
            3,
            "-YOUR-INDEX` still stands here",
        ),
        ("forbidden-triggers = [\"REPLACE-THIS-BY-AN-EVENT\"]", 3, "-AN-EVENT` still stands here"),
        ("indexes = [\"https://me:secret@packages.example.org/\"]", 3, "without user information"),
        ("[[rules.require]]\npredicate = \"p\"\nidentities = [\"two\"]", 4, "not a URI"),
        (
            "[[rules.require]]\npredicate = \"https://example.org/p\"",
            3,
            "anybody could have signed",
        ),
        (
            "[[rules.require]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]\nwhere = \"os.x\"",
            6,
            "nothing that an expression",
        ),
        (
            "[[rules.require]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]\nlevels = [\"A\"]",
            6,
            "of a summary",
        ),
        (
            "[[rules.require]]\npredicate = \"https://slsa.dev/verification_summary/v1\"\nidentities = [\"two\"]",
            3,
            "`verifier` is missing",
        ),
        (&format!("[[rules.require]]\n{VSA}"), 3, "nothing is asked"),
        (
            &format!("[[rules.require]]\n{VSA}levels = [\"A\"]\nresource = \"pkg:pypi/*\""),
            8,
            "compared whole",
        ),
        (&format!("[[rules.forbid]]\n{VSA}levels = [\"A\"]"), 6, "that is required"),
        (
            "[[rules.require]]\npredicate = \"https://wheelmark.dev/rebuild-result/v1\"\nidentities = [\"two\"]",
            4,
            "results of rebuilds",
        ),
        (
            "[[rules.require]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]\n[[rules.require]]\npredicate = \"https://example.org/p\"\nidentities = [\"two\"]",
            6,
            "the same as rules[0].require[0]",
        ),
    ] {
        let (found, said) = error(&format!("{ONE}{more}"));
        assert!(found == line && said.contains(message), "{more}: line {found}: {said}");
    }
    for (rebuild, message) in [
        ("\"always\"", "unknown variant"),
        ("true", "invalid type"),
        ("{ sampled = 1.0 }", "between 0 and 1"),
        ("{ sampled = 0.0 }", "between 0 and 1"),
        ("{ sampled = nan }", "between 0 and 1"),
        ("{ share = 0.1 }", "unknown field"),
        ("{ at-least = 2 }", "whose results count"),
        ("{ identities = [\"two\"], at-least = 2 }", "between 1 and the 1"),
        ("{ identities = [\"two\"], at-least = 0 }", "between 1 and the 1"),
        ("{ identities = [\"one\"] }", "no independent rebuilder"),
        ("{ identities = [\"two\"], allow-inconclusive-unsafe = true }", "others' are asked for"),
        ("{ normalizers = [\"zip-everything/1\"] }", "no normaliser"),
    ] {
        let (_, said) = error(&format!("identities = [\"one\"]\nrebuild = {rebuild}"));
        assert!(said.contains(message), "{rebuild}: {said}");
    }
}

#[test]
fn a_rule_without_signers_asks_nothing_of_what_they_would_sign() {
    let (_, said) = error("rebuild = \"never\"");
    assert!(said.contains("nobody could sign"), "{said}");
    for asked in [
        "ref = \"refs/tags/v{version}\"",
        "threshold = 1",
        "hermetic = true",
        "branches = [\"main\"]",
    ] {
        let rule =
            format!("rebuild = \"never\"\n{asked}\n[[rules.require]]\n{VSA}levels = [\"A\"]");
        let (_, said) = error(&rule);
        assert!(said.contains("neither `keys` nor `identities`"), "{asked}: {said}");
    }
    let (_, said) =
        error(&format!("rebuild = \"required\"\n[[rules.require]]\n{VSA}levels = [\"A\"]"));
    assert!(said.contains("nothing says how to rebuild"), "{said}");
}
