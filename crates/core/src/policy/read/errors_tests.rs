//! Everything that is wrong is told at once, each with its place and what to do about it.

use chrono::DateTime;

use crate::limits::POLICY_ERRORS;
use crate::policy::{IncludePath, Includes, NoIncludes, Policy, PolicyError};
use crate::trust::Embedded;

fn wrong_with(text: &str, includes: &dyn Includes) -> Vec<PolicyError> {
    let now = DateTime::UNIX_EPOCH;
    let all = Policy::linted("policy.toml", text, &Embedded, includes, now).expect_err("refused");
    let one = Policy::parse_with("policy.toml", text, &Embedded, includes).expect_err("refused");
    assert!(all.contains(&one), "{one} is not among {all:?}");
    for error in &all {
        assert!(!error.suggestion.is_empty(), "{error}");
    }
    all
}

fn wrong(text: &str) -> Vec<(usize, usize, String, String)> {
    let all = wrong_with(text, &NoIncludes).into_iter();
    all.map(|it| (it.line, it.column, it.message, it.suggestion)).collect()
}

const POLICY: &str = r#"schema = 1

[identities.release]
trust = "public-goood"
issuer = "https://token.actions.githubusercontent.com"
repository = "https://github.com/octo/demo"

[identities.manager]
trust = "public-good"
issuer = "https://accounts.google.com"
san = "manager@*.example"

[identities.other]
trust = "public-good"
issuer = "https://accounts.google.com"
san = "other@demo.example"

[[rules]]
projects = ["demo", "Demo_Tools"]
identities = ["release", "managr", "othr"]
ref = "v*/{versions}"
rebuild = "never"

[[rules]]
projects = ["demo"]
kinds = ["wheels"]
identities = ["other"]
max-age-days = 0
threshold = 3
rebuild = { sampled = 2.0 }

[[exceptions]]
sha256 = ["AB"]
reason = ""
owner = "o"
expires = 2026-01-01
"#;

#[test]
fn all_that_is_wrong_is_told_in_the_order_of_the_file() {
    let wrong = wrong(POLICY);
    let shown: Vec<_> = wrong.iter().map(|(line, column, ..)| (*line, *column)).collect();
    let places = [
        (4, 9),
        (11, 7),
        (19, 21),
        (20, 26),
        (20, 36),
        (21, 7),
        (26, 10),
        (28, 16),
        (29, 13),
        (33, 11),
        (34, 10),
        (36, 11),
    ];
    assert_eq!(shown, places, "{wrong:#?}");
    for (line, suggestion) in [
        (4, "did you mean `public-good`?"),
        (11, "write the whole value, or leave the key out"),
        (20, "did you mean `manager`?"),
        (21, "write it as in \"refs/tags/v{version}\""),
        (26, "write \"wheel\" or \"sdist\""),
        (29, "name more signers, or ask for fewer"),
        (36, "write what is missing; `Z` is the offset of UTC"),
    ] {
        let found = wrong.iter().find(|it| it.0 == line).map(|it| &*it.3);
        assert_eq!(found, Some(suggestion), "line {line}");
    }
    // The rule names a signer that cannot be read: that is told of the signer, and not again.
    assert!(!wrong.iter().any(|it| it.2.contains("identities.release")), "{wrong:#?}");
}

#[test]
fn each_key_of_one_rule_is_told_that_is_wrong() {
    let text = r#"schema = 1
[identities.release]
trust = "public-good"
issuer = "https://accounts.google.com"
san = "release@demo.example"

[[rules]]
projects = ["Demo_Tools"]
versions = "about 1"
kinds = ["wheels"]
tags = ["linux"]
identities = ["release"]
source = "github.com/octo/demo"
ref = "v*"
branches = ["refs/heads/main"]
builders = ["here"]
builder-versions = "new"
build-types = ["ours"]
config-settings = ["fast"]
max-age-days = 0
rebuild = "never"
"#;
    let lines: Vec<_> = wrong(text).iter().map(|it| it.0).collect();
    let keys = 8..=20;
    let expected: Vec<_> = keys.filter(|line| *line != 12).collect();
    assert_eq!(lines, expected, "{:#?}", wrong(text));
    // A library's drawing of the place is of another text than the file.
    assert!(wrong(text).iter().all(|it| !it.2.contains('\n')), "{:#?}", wrong(text));
}

#[test]
fn what_is_no_policy_by_its_shape_is_one_error_with_what_may_be_meant() {
    for (text, line, suggestion) in [
        ("schema = 1\nrulez = []\n", 2, "did you mean `rules`?"),
        ("schema = 1\n[[rules]]\nproject = [\"a\"]\n", 3, "did you mean `projects`?"),
        ("schema = 1\n[[rules]]\nprojects = [\"a\"]\n", 2, "add `rebuild`"),
        ("schema = 1\nschema = 1\n", 2, "take one of them out"),
        ("schema = \"1\"\n", 1, "write a value of the kind that is expected"),
        ("schema = 2\n", 1, "write `schema = 1`"),
        ("", 1, "add `schema`"),
        (
            "schema = 1\n[[rules]]\nprojects = [\"a\"]\nrebuild = \"nevr\"\n",
            4,
            "did you mean `never`?",
        ),
        ("schema = 1\n[[exceptions]]\nsha = []\n", 3, "write one of these, or take it out"),
    ] {
        let wrong = wrong(text);
        let [(found, _, message, told)] = &wrong[..] else { panic!("{text}: {wrong:?}") };
        assert_eq!((*found, told.starts_with(suggestion)), (line, true), "{message}: {told}");
    }
}

/// Files by their names.
struct Files(&'static [(&'static str, &'static str)]);

impl Includes for Files {
    fn read(&self, _: &[String], path: &IncludePath, _: usize) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| *name == path.as_str());
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| "it is not there".to_owned())
    }
}

#[test]
fn included_files_are_told_after_the_file_and_by_their_names() {
    let base =
        "schema = 1\n[[rules]]\nprojects = [\"a\"]\nidentities = [\"x\"]\nrebuild = \"never\"\n";
    let digest = crate::digest::Sha256Digest::of(base.as_bytes());
    let include = |path: &str, digest: &str| {
        format!("[[includes]]\npath = \"{path}\"\nsha256 = \"{digest}\"\n")
    };
    let text = format!(
        "schema = 1\n{}{}{}{base}",
        include("gone.toml", &"a".repeat(64)),
        include("base.toml", &digest.to_string()),
        include("/etc/policy.toml", &"b".repeat(64)),
        base = &base[11..]
    );
    let files = Files(&[(
        "base.toml",
        "schema = 1\n[[rules]]\nprojects = [\"a\"]\nidentities = [\"x\"]\nrebuild = \"never\"\n",
    )]);
    let wrong = wrong_with(&text, &files);
    let shown: Vec<_> = wrong.iter().map(|it| (&*it.path, it.line)).collect();
    let expected = [("policy.toml", 3), ("policy.toml", 9), ("policy.toml", 13), ("base.toml", 4)];
    assert_eq!(shown, expected, "{wrong:#?}");
}

/// Each costs the length of its line, and a file may be one line.
#[test]
fn many_errors_are_bounded() {
    let names = vec!["\"A\""; 200_000].join(",");
    let text = format!(
        "schema = 1\n[[rules]]\nprojects = [{names}]\nidentities = [\"x\"]\nrebuild = \"never\"\n"
    );
    assert_eq!(wrong(&text).len(), POLICY_ERRORS);
    let rule = "{projects=[\"a\"],identities=[\"x\"],rebuild=\"never\"},";
    assert_eq!(
        wrong(&format!("schema = 1\nrules = [{}]\n", rule.repeat(50_000))).len(),
        POLICY_ERRORS
    );
}
