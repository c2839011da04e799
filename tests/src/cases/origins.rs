//! Cases of where the source is from and of what built it: look-alikes, and what a rule asks beside the repository.

use serde_json::{Value, json};

use super::Case;
use super::list::Fails;
use super::signed::statement;
use crate::statement::{GIT_REF, SOURCE, dependency};

/// Every one of them.
pub(super) fn all() -> Vec<Case> {
    [repositories(), templates(), refs(), builders(), facts()].concat()
}

const SOURCE_FAILS: Fails = &[("source", "source-not-allowed")];
const REF_FAILS: Fails = &[("ref", "ref-not-allowed")];

/// The true statement with another source, in both places that name it.
fn from(uri: &str, git_ref: &str) -> Value {
    let mut statement = statement();
    let external = &mut statement["predicate"]["buildDefinition"]["externalParameters"];
    external["source"] = json!({"uri": format!("git+{uri}"), "ref": git_ref});
    dependency(&mut statement, "source")["uri"] = json!(format!("git+{uri}"));
    statement
}

fn repositories() -> Vec<Case> {
    let of = |name: &str, changed: &str, fails: Fails, uri: &str| {
        Case::signed(name, changed, fails, &from(uri, GIT_REF).to_string())
    };
    vec![
        of(
            "source_with_dot_git",
            "The repository is written with `.git` and a slash at its end, which names the same.",
            &[],
            "https://example.org/owner/demo.git/",
        ),
        of(
            "source_of_another_case_fail",
            "The path of the repository has a capital, which names another.",
            SOURCE_FAILS,
            "https://example.org/Owner/demo",
        ),
        of(
            "source_at_a_port_fail",
            "The repository is at another port of the host.",
            SOURCE_FAILS,
            "https://example.org:8443/owner/demo",
        ),
        of(
            "source_with_user_fail",
            "The repository's URI has the trusted host before an `@`, and leads to another.",
            SOURCE_FAILS,
            "https://example.org@stranger.example/owner/demo",
        ),
        of(
            "source_without_tls_fail",
            "The repository was reached without TLS.",
            SOURCE_FAILS,
            "http://example.org/owner/demo",
        ),
        of(
            "source_of_longer_name_fail",
            "The repository's name only begins like the trusted one.",
            SOURCE_FAILS,
            "https://example.org/owner/demo-mirror",
        ),
        of(
            "source_below_fail",
            "The repository is below the trusted one's path.",
            SOURCE_FAILS,
            "https://example.org/owner/demo/fork",
        ),
        of(
            "source_behind_dots_fail",
            "The path leads out of the trusted repository by `..`.",
            SOURCE_FAILS,
            "https://example.org/owner/demo/../../stranger/demo",
        ),
        of(
            "source_escaped_fail",
            "The path hides a slash in an escape.",
            SOURCE_FAILS,
            "https://example.org/owner%2Fdemo",
        ),
        of(
            "source_of_lookalike_host_fail",
            "The host has a letter of another alphabet that looks the same.",
            SOURCE_FAILS,
            "https://ex\u{0430}mple.org/owner/demo",
        ),
        of(
            "source_with_query_fail",
            "The repository's URI has a query.",
            SOURCE_FAILS,
            "https://example.org/owner/demo?ref=fork",
        ),
    ]
}

fn templates() -> Vec<Case> {
    let rule = format!("source = \"{SOURCE}\"");
    let of = |name: &str, changed: &str, fails: Fails, uri: &str| {
        let case = Case::signed(name, changed, fails, &from(uri, GIT_REF).to_string());
        case.under(
            &rule,
            "source = \"https://example.org/{owner}/{name}\"\nowners = [\"owner\", \"acme\"]",
        )
    };
    vec![
        of(
            "source_by_template",
            "The rule names repositories by their owners and the project's name.",
            &[],
            "https://example.org/acme/Demo",
        ),
        of(
            "source_of_another_owner_fail",
            "The repository has the project's name, and an owner that the rule does not name.",
            SOURCE_FAILS,
            "https://example.org/stranger/demo",
        ),
        of(
            "source_of_another_name_fail",
            "The repository is one of the rule's owners', and of another project.",
            SOURCE_FAILS,
            "https://example.org/acme/demo-fork",
        ),
        of(
            "source_deeper_than_template_fail",
            "The repository is deeper than the rule's template.",
            SOURCE_FAILS,
            "https://example.org/acme/demo/demo",
        ),
    ]
}

fn refs() -> Vec<Case> {
    let of = |name: &str, changed: &str, fails: Fails, git_ref: &str| {
        Case::signed(name, changed, fails, &from(SOURCE, git_ref).to_string())
    };
    vec![
        of(
            "ref_of_same_version",
            "The tag writes the version with one more zero, which is the same.",
            &[],
            "refs/tags/v1.0.0",
        ),
        of(
            "ref_of_next_version_fail",
            "The tag is of the next version, which begins alike.",
            REF_FAILS,
            "refs/tags/v1.0.1",
        ),
        of(
            "ref_of_another_epoch_fail",
            "The tag is of the same version in another epoch.",
            REF_FAILS,
            "refs/tags/v1!1.0",
        ),
        of(
            "ref_of_post_release_fail",
            "The tag is of a post-release.",
            REF_FAILS,
            "refs/tags/v1.0.post1",
        ),
        of(
            "ref_of_candidate_fail",
            "The tag is of a release candidate.",
            REF_FAILS,
            "refs/tags/v1.0rc1",
        ),
        of(
            "ref_of_local_version_fail",
            "The tag is of a local version.",
            REF_FAILS,
            "refs/tags/v1.0+patched",
        ),
        of(
            "ref_in_a_folder_fail",
            "The tag has the right name in a folder of somebody's.",
            REF_FAILS,
            "refs/tags/fork/v1.0",
        ),
        of(
            "ref_branch_like_tag_fail",
            "A branch has the tag's name.",
            REF_FAILS,
            "refs/heads/v1.0",
        ),
    ]
}

fn builders() -> Vec<Case> {
    let with = |name: &str, changed: &str, fails: Fails, version: Option<&str>| {
        let mut statement = from(SOURCE, GIT_REF);
        if let Some(version) = version {
            statement["predicate"]["runDetails"]["builder"]["version"] =
                json!({"wheelmark": version});
        }
        let case = Case::signed(name, changed, fails, &statement.to_string());
        case.under("rebuild = \"never\"", "builder-versions = \">=0.2,<1\"\nrebuild = \"never\"")
    };
    let version: Fails = &[("builder", "builder-version-not-allowed")];
    let asked = |name: &str, changed: &str, fails: Fails, more: &str| {
        let case = Case::signed(name, changed, fails, &from(SOURCE, GIT_REF).to_string());
        case.under("rebuild = \"never\"", &format!("{more}\nrebuild = \"never\""))
    };
    let missing: Fails = &[("external-parameters", "parameter-missing")];
    vec![
        with(
            "builder_version",
            "The builder is of a version that the rule takes.",
            &[],
            Some("0.10.1"),
        ),
        with(
            "builder_version_old_fail",
            "The builder is of an older version than the rule takes.",
            version,
            Some("0.1.9"),
        ),
        with(
            "builder_version_unknown_fail",
            "The builder does not say its version.",
            version,
            None,
        ),
        with(
            "builder_version_malformed_fail",
            "The builder's version is none.",
            version,
            Some("latest"),
        ),
        asked(
            "parameter_required",
            "The rule asks for a parameter that is there.",
            &[],
            "required-parameters = [\"distribution=wheel\", \"source.ref=refs/tags/v1.0\"]",
        ),
        asked(
            "parameter_required_missing_fail",
            "The rule asks for a parameter that the provenance lacks.",
            missing,
            "required-parameters = [\"excludeNewer\"]",
        ),
        asked(
            "parameter_required_other_fail",
            "The rule asks for another value of a parameter.",
            missing,
            "required-parameters = [\"distribution=sdist\"]",
        ),
        asked(
            "hermetic",
            "The rule asks for a build without network, and the provenance says so.",
            &[],
            "hermetic = true",
        ),
    ]
}

fn facts() -> Vec<Case> {
    let asked = |case: Case, more: &str| {
        case.under("rebuild = \"never\"", &format!("{more}\nrebuild = \"never\""))
    };
    let keyed = |name: &str, changed: &str, fails: Fails, more: &str| {
        asked(Case::new(name, changed).failing(fails), more)
    };
    let certified = |name: &str, changed: &str, fails: Fails, more: &str| {
        asked(Case::certified(name, changed).failing(fails), more)
    };
    let event: Fails = &[("trigger", "trigger-not-allowed")];
    vec![
        keyed(
            "branch_not_shown_fail",
            "The rule asks for a commit of a branch, and no checkout was given that shows it.",
            &[("branch", "commit-not-on-branch")],
            "branches = [\"main\"]",
        ),
        keyed(
            "trigger_unknown_fail",
            "The rule forbids an event, and nothing says what started the build.",
            event,
            "forbidden-triggers = [\"pull_request_target\"]",
        ),
        certified(
            "trigger_allowed",
            "The rule forbids events, and another one started the job.",
            &[],
            "forbidden-triggers = [\"pull_request_target\", \"workflow_run\"]",
        ),
        certified(
            "trigger_forbidden_fail",
            "The rule forbids the event that started the job.",
            event,
            "forbidden-triggers = [\"PUSH\"]",
        ),
        keyed(
            "upload_time_unknown_fail",
            "The rule asks how long ago the file was uploaded, and no index was asked.",
            &[("cool-down", "upload-time-unknown")],
            "min-upload-age-days = 7",
        ),
        keyed(
            "index_unknown_fail",
            "The rule is about files of an index, and nobody says where this one is from.",
            &[("policy-rule", "project-not-named")],
            "indexes = [\"https://packages.example.org/simple/\"]",
        ),
        certified(
            "trust_of_unknown_age_fail",
            "The rule asks for a new trusted root, and of this one nobody says how old it is.",
            &[("age", "trust-too-old")],
            "max-trust-age-days = 30",
        ),
        certified(
            "hermeticity_unproven_fail",
            "The rule asks for a build without network, of which GitHub's provenance says nothing.",
            &[("isolation", "hermeticity-unproven")],
            "hermetic = true",
        ),
    ]
}
