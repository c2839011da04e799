//! GitLab's provenance.

use serde_json::json;

use super::*;
use crate::attestation::build_types::gitlab::{BUILD_TYPE, is_build_type};
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;

fn document() -> Value {
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "source": "https://gitlab.com/group/sub/demo",
                "entryPoint": "build-job",
                "variables": {
                    "CI_COMMIT_SHA": COMMIT,
                    "CI_PROJECT_URL": "https://gitlab.com/group/sub/demo",
                    "CI_COMMIT_REF_NAME": "main",
                    "masked_variable": "[MASKED]",
                },
            },
            "internalParameters": {
                "architecture": "arm64", "executor": "docker", "job": 412, "name": "9-mfdkBG",
            },
            "resolvedDependencies": [
                {
                    "uri": "https://gitlab.com/group/sub/demo",
                    "digest": { "gitCommit": COMMIT },
                },
                { "uri": "pkg:docker/runner@0.0.50", "digest": { "sha256": "6d0a" } },
            ],
        },
        "runDetails": {
            "builder": {
                "id": "https://gitlab.com/groups/user/-/runners/33",
                "version": { "gitlab-runner": "4d7093e1" },
            },
            "metadata": {
                "invocationId": 412,
                "startedOn": "2025-06-05T01:33:18Z",
                "finishedOn": "2025-06-05T01:33:23Z",
            },
        },
    })
}

/// As the runner writes it: commits under `sha256`, variables without values.
fn runner() -> Value {
    let mut value = document();
    let definition = &mut value["buildDefinition"];
    definition["buildType"] =
        json!("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v17.5.1/PROVENANCE.md");
    definition["externalParameters"]["variables"] = json!({ "CI_COMMIT_SHA": "", "CI": "" });
    definition["internalParameters"]["job"] = json!("412");
    definition["resolvedDependencies"] = json!([{
        "uri": "https://gitlab.com/group/sub/demo", "digest": { "sha256": COMMIT },
    }]);
    value["runDetails"]["metadata"]["invocationId"] = json!("412");
    value
}

fn v0_2() -> Value {
    json!({
        "buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/598a7c91/PROVENANCE.md",
        "builder": { "id": "https://gitlab.com/group/sub/demo/-/runners/12270831" },
        "invocation": {
            "configSource": {
                "uri": "https://gitlab.com/group/sub/demo",
                "digest": { "sha256": COMMIT },
                "entryPoint": "build-job",
            },
            "environment": {
                "name": "blue-2.shared", "executor": "docker+machine", "architecture": "amd64",
                "job": { "id": 412 },
            },
            "parameters": { "CI": "", "CI_COMMIT_SHA": "" },
        },
        "metadata": {
            "buildStartedOn": "2023-04-11T01:33:18Z",
            "buildFinishedOn": "2023-04-11T01:33:23Z",
            "reproducible": false,
            "completeness": { "parameters": true, "environment": true, "materials": false },
        },
        "materials": [],
    })
}

#[test]
fn each_version_says_the_same_of_the_same_job() {
    for (predicate_type, document) in
        [(PROVENANCE_TYPE, document()), (PROVENANCE_TYPE, runner()), (PROVENANCE_V0_2_TYPE, v0_2())]
    {
        let origin = read(predicate_type, &document).expect("accepted");
        assert_eq!(origin.repository.as_deref(), Some("https://gitlab.com/group/sub/demo"));
        assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(COMMIT));
        let job = "https://gitlab.com/group/sub/demo/-/jobs/412";
        assert_eq!(origin.invocation.as_deref(), Some(job));
        assert!(!origin.parameters.contains_key("entryPoint"));
        assert!(origin.parameters.contains_key("variables.CI_COMMIT_SHA"));
        assert!(origin.started.is_some() && origin.finished.is_some());
        // A variable of the job is the user's to set.
        assert_eq!((origin.git_ref, origin.trigger), (None, None));
    }
}

#[test]
fn the_runners_build_type_has_any_version_and_nothing_else() {
    let with = |version: &str| {
        is_build_type(&format!(
            "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/{version}/PROVENANCE.md"
        ))
    };
    assert!(with("v15.1.0") && with("598a7c91") && with("main"));
    for version in ["", "a/b", "../x", "v1?x", "v1#", "v1%2f", "v 1", "ä"] {
        assert!(!with(version), "{version}");
    }
    assert!(!is_build_type("https://evil.test/gitlab-runner/-/blob/v1/PROVENANCE.md"));
    assert!(!is_build_type(&format!("{BUILD_TYPE}/")));
}

#[test]
fn unknown_parameters_are_refused_although_gitlab_says_to_ignore_them() {
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[(
            Reason::ParameterUnknown,
            "externalParameters.entryPoint",
            "externalParameters.image = \"alpine\"",
            |it| it["buildDefinition"]["externalParameters"]["image"] = json!("alpine"),
        )],
    );
}

#[test]
fn contradictions_are_refused_with_both_values() {
    use Reason::ProvenanceInconsistent as Inconsistent;
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Inconsistent, "gitlab.com/group/fork", "gitlab.com/group/sub/demo", |it| {
                it["buildDefinition"]["externalParameters"]["source"] =
                    json!("https://gitlab.com/group/fork");
            }),
            (Inconsistent, COMMIT, "CI_COMMIT_SHA `e491", |it| {
                it["buildDefinition"]["externalParameters"]["variables"]["CI_COMMIT_SHA"] =
                    json!(OTHER);
            }),
            (Inconsistent, "group/sub/demo", "CI_PROJECT_URL `https://evil.test/x`", |it| {
                it["buildDefinition"]["externalParameters"]["variables"]["CI_PROJECT_URL"] =
                    json!("https://evil.test/x");
            }),
            (Inconsistent, "internalParameters.job `412`", "invocationId `413`", |it| {
                it["runDetails"]["metadata"]["invocationId"] = json!(413);
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                let list = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
                list.expect("a list").push(json!({
                    "uri": "https://gitlab.com/group/sub/demo.git",
                    "digest": { "gitCommit": OTHER },
                }));
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = json!(OTHER);
            }),
        ],
    );
    refused(
        PROVENANCE_V0_2_TYPE,
        &v0_2(),
        &[(Inconsistent, COMMIT, OTHER, |it| {
            it["materials"] = json!([{
                "uri": "https://gitlab.com/group/sub/demo", "digest": { "sha1": OTHER, "gitCommit": OTHER },
            }]);
        })],
    );
}

#[test]
fn wrong_forms_are_refused() {
    use Reason::ProvenanceMalformed as Malformed;
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Malformed, "", "no externalParameters.source", |it| {
                without(&mut it["buildDefinition"]["externalParameters"], "source");
            }),
            (Malformed, "", "variables is not an object", |it| {
                it["buildDefinition"]["externalParameters"]["variables"] = json!([]);
            }),
            (Malformed, "", "variables.X is not text", |it| {
                it["buildDefinition"]["externalParameters"]["variables"]["X"] = json!({});
            }),
            (Malformed, "", "the job is `-1`", |it| {
                it["buildDefinition"]["internalParameters"]["job"] = json!(-1);
            }),
            (Malformed, "", "the job is `1e+300`", |it| {
                it["buildDefinition"]["internalParameters"]["job"] = json!(1e300);
            }),
            (Malformed, "", "the job is `../1`", |it| {
                without(&mut it["buildDefinition"]["internalParameters"], "job");
                it["runDetails"]["metadata"]["invocationId"] = json!("../1");
            }),
            (Malformed, "", "name no git source", |it| {
                it["buildDefinition"]["resolvedDependencies"] = json!([]);
            }),
        ],
    );
    refused(
        PROVENANCE_V0_2_TYPE,
        &v0_2(),
        &[
            (Malformed, "", "no invocation.configSource.uri", |it| {
                it["invocation"]["configSource"]["uri"] = json!(null);
            }),
            (Malformed, "", "no digest of a commit", |it| {
                it["invocation"]["configSource"]["digest"] = json!({});
            }),
            (Malformed, "", "parameters.X is not text", |it| {
                it["invocation"]["parameters"] = json!({ "X": 1 });
            }),
        ],
    );
}
