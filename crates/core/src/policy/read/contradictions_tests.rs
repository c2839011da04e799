//! What of a rule excludes each other is an error with its place.

use crate::policy::{Policy, PolicyError};
use crate::trust::Embedded;

const HEAD: &str = r#"schema = 1
[keys.k]
pem = """
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAQb0H93mp23v2EYUuu9bXqxeSH6iPYNnyJ4fYGpiK1Gk=
-----END PUBLIC KEY-----
"""
[identities.job]
trust = "public-good"
issuer = "https://token.actions.githubusercontent.com"
repository = "https://github.com/octo/demo"
triggers = ["push", "Release"]
[identities.person]
trust = "public-good"
issuer = "https://accounts.google.com"
san = "somebody@example.org"
[[rules]]
projects = ["demo"]
"#;

fn policy(more: &str) -> Result<Policy, PolicyError> {
    Policy::parse("policy.toml", &format!("{HEAD}{more}\n"), &Embedded)
}

/// The line of the error, counted from that of `projects`, its column, and what it says.
fn error(more: &str) -> (usize, usize, String) {
    let error = policy(more).expect_err(more);
    assert!(!error.suggestion.is_empty(), "{error}");
    (error.line + 1 - HEAD.lines().count(), error.column, error.message)
}

const JOB: &str = "identities = [\"job\"]\nrebuild = \"never\"\n";
const PERSON: &str = "identities = [\"person\"]\nrebuild = \"never\"\n";
const KEY: &str = "keys = [\"k\"]\nsource = \"https://example.org/o/r\"\n\
                   builders = [\"https://example.org/b\"]\nrebuild = \"never\"\n";
const TYPE: &str = "predicate = \"https://example.org/p\"\n";
const TEST: &str = "predicate = \"https://in-toto.io/attestation/test-result/v0.1\"\n";
const PUBLISH: &str = "attestations = [\"https://docs.pypi.org/attestations/publish/v1\"]\n";

#[test]
fn what_excludes_each_other_is_an_error_with_its_place() {
    let require =
        |of: &str, more: &str| format!("[[rules.require]]\n{of}identities = [\"person\"]\n{more}");
    let forbid = |of: &str, more: &str| {
        format!("[[rules.forbid]]\n{of}identities = [\"person\", \"job\"]\n{more}")
    };
    let (held, young) = ("where = \"predicate.a == 1\"\n", "max-age-days = 3\n");
    for (more, line, column, says) in [
        (format!("{JOB}max-age-days = 7\nmin-upload-age-days = 7"), 5, 23, "signed before that"),
        (
            format!("{JOB}{}{}", require(TYPE, ""), forbid(TYPE, "")),
            8,
            13,
            "forbids whatever rules[0].require[0] asks for",
        ),
        (format!("{JOB}{}{}", require(TYPE, held), forbid(TYPE, held)), 9, 13, "forbids whatever"),
        (
            format!("{JOB}{}{}", require(TYPE, young), forbid(TYPE, young)),
            9,
            13,
            "forbids whatever",
        ),
        (format!("{PERSON}ref = \"refs/tags/v{{version}}\""), 4, 7, "`ref` of which repository?"),
        (format!("{PERSON}branches = [\"main\"]"), 4, 12, "`branches` of which repository?"),
        (
            format!("{JOB}source = \"https://github.com/octo/other\""),
            4,
            10,
            "[identities.job] is of https://github.com/octo/demo",
        ),
        (
            format!("{JOB}source = \"https://github.com/{{owner}}/{{name}}\"\nowners = [\"acme\"]"),
            4,
            10,
            "never signs for this rule",
        ),
        (
            format!("{JOB}ref = \"refs/heads/main\"\nbranches = [\"stable\"]"),
            5,
            12,
            "`ref` is the branch `main`",
        ),
        (
            format!("{JOB}forbidden-triggers = [\"PUSH\", \"release\"]"),
            4,
            22,
            "all that [identities.job]",
        ),
        (format!("{KEY}{PUBLISH}"), 6, 16, "of what a key signs"),
        (format!("{JOB}{}", require(TEST, "")), 5, 13, "that says FAILED is one, too"),
    ] {
        let found = error(&more);
        let right = (found.0, found.1) == (line, column) && found.2.contains(says);
        assert!(right, "{more}: {found:?}");
    }
}

#[test]
fn what_can_be_met_together_is_read() {
    let both = |required: &str, forbidden: &str| {
        format!(
            "{JOB}[[rules.require]]\n{TYPE}identities = [\"person\"]\n{required}\
             [[rules.forbid]]\n{TYPE}identities = [\"person\"]\n{forbidden}"
        )
    };
    for more in [
        format!("{JOB}max-age-days = 8\nmin-upload-age-days = 7"),
        both("", "where = \"predicate.withdrawn\"\n"),
        both("where = \"predicate.a == 1\"\n", "where = \"predicate.a == 2\"\n"),
        both("", "max-age-days = 3\n"),
        format!(
            "{JOB}[[rules.require]]\n{TYPE}identities = [\"person\", \"job\"]\n\
             [[rules.forbid]]\n{TYPE}identities = [\"job\"]\n"
        ),
        format!(
            "{PERSON}source = \"https://github.com/octo/demo\"\nref = \"refs/tags/v{{version}}\""
        ),
        format!("{JOB}ref = \"refs/tags/v{{version}}\"\nbranches = [\"main\"]"),
        format!("{JOB}ref = \"refs/heads/main\"\nbranches = [\"main\", \"stable\"]"),
        format!("{JOB}source = \"https://github.com/{{owner}}/{{name}}\"\nowners = [\"octo\"]"),
        format!("{JOB}forbidden-triggers = [\"push\"]"),
        format!("{JOB}{PUBLISH}"),
        format!("{JOB}[[rules.forbid]]\n{TEST}identities = [\"person\"]\n"),
    ] {
        policy(&more).expect(&more);
    }
}

#[test]
fn what_no_document_could_say_is_an_error_where_it_is_written() {
    let summary = |level: &str| {
        format!(
            "{JOB}[[rules.require]]\npredicate = \"https://slsa.dev/verification_summary/v1\"\n\
             identities = [\"person\"]\nverifier = \"https://example.org/v\"\nlevels = [\"{level}\"]"
        )
    };
    for (more, line, column, says) in [
        // Of this nothing would be forbidden, and nobody told.
        (
            format!(
                "{JOB}[[rules.forbid]]\npredicate = \"https://example.org/p \"\nkeys = [\"k\"]"
            ),
            5,
            13,
            "white space",
        ),
        (format!("{JOB}builders = [\"https://example.org/*\"]"), 4, 13, "it knows no pattern"),
        (
            format!("{JOB}builders = [\"https://example.org/REPLACE-THIS-BY-YOUR-BUILDER\"]"),
            4,
            13,
            "still stands here",
        ),
        (
            format!("{JOB}build-types = [\"https://example.org/b\"]"),
            4,
            16,
            "no build type that is known",
        ),
        (format!("{JOB}ref = \"refs/tags/v{{version}}*\""), 4, 7, "directly beside"),
        (summary("SLSA_BUILD_LEVEL_0"), 8, 11, "asks for nothing"),
        (summary("SLSA_BUILD_LEVEL_4"), 8, 11, "no builder gives"),
        (summary("SLSA_BUILD_LEVEL3"), 8, 11, "is none"),
        (summary("slsa_build_reproduced"), 8, 11, "is none"),
        (
            "identities = [\"job\"]\nrebuild = { sampled = 1e-9 }".to_owned(),
            3,
            23,
            "no file is built again",
        ),
    ] {
        let found = error(&more);
        let right = (found.0, found.1) == (line, column) && found.2.contains(says);
        assert!(right, "{more}: {found:?}");
    }
    for level in ["SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_4", "SLSA_BUILD_REPRODUCED", "OURS"] {
        policy(&summary(level)).expect(level);
    }
}
