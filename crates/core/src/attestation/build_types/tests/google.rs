//! Google Cloud Build's provenance.

use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
            "externalParameters": {
                "substitutions": { "_TARGET": "demo" },
                "buildConfigSource": {
                    "path": "cloudbuild.yaml",
                    "ref": "refs/heads/main",
                    "repository": "git+https://github.com/owner/demo",
                },
            },
            "internalParameters": {
                "triggerUri": "projects/7082/locations/us-central1/triggers/7983e852",
                "systemSubstitutions": {
                    "BRANCH_NAME": "main",
                    "COMMIT_SHA": COMMIT,
                    "REVISION_ID": COMMIT,
                    "BUILD_ID": "5dadd1d8",
                },
            },
            "resolvedDependencies": [
                {
                    "uri": "git+https://github.com/owner/demo@refs/heads/main",
                    "digest": { "gitCommit": COMMIT },
                },
                {
                    "uri": "gcr.io/cloud-builders/python@sha256:7c34",
                    "digest": { "sha256": "7c34" },
                },
            ],
        },
        "runDetails": {
            "builder": { "id": "https://cloudbuild.googleapis.com/GoogleHostedWorker" },
            "metadata": {
                "invocationId": "https://cloudbuild.googleapis.com/v1/projects/p/locations/l/builds/5dadd1d8",
                "startedOn": "2024-10-09T11:44:01.236836953Z",
                "finishedOn": "2024-10-09T11:45:29.619914Z",
            },
            "byproducts": [{}],
        },
    })
}

fn accepted(bend: Bend) -> Origin {
    let mut document = document();
    bend(&mut document);
    read(PROVENANCE_TYPE, &document).expect("accepted")
}

#[test]
fn every_fact_is_read() {
    let origin = accepted(|_| ());
    assert_eq!(origin.repository.as_deref(), Some("git+https://github.com/owner/demo"));
    assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(COMMIT));
    assert_eq!(origin.git_ref.as_deref(), Some("refs/heads/main"));
    assert_eq!(origin.workflow.as_deref(), Some("cloudbuild.yaml"));
    assert!(origin.trigger.is_some_and(|it| it.ends_with("triggers/7983e852")));
    assert_eq!(origin.parameters["substitutions._TARGET"], json!("demo"));
    assert!(origin.started < origin.finished);
}

#[test]
fn a_configuration_elsewhere_is_a_parameter_and_not_the_workflow() {
    let origin = accepted(|it| {
        let definition = &mut it["buildDefinition"];
        definition["externalParameters"]["sourceToBuild"] = json!({
            "repository": "https://github.com/owner/source", "ref": "refs/heads/main", "dir": "py",
        });
        let list = definition["resolvedDependencies"].as_array_mut().expect("a list");
        list[0]["digest"]["gitCommit"] = json!(OTHER);
        list.push(json!({
            "uri": "git+https://github.com/owner/source@refs/heads/main",
            "digest": { "gitCommit": COMMIT },
        }));
    });
    assert_eq!(origin.repository.as_deref(), Some("https://github.com/owner/source"));
    assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(COMMIT));
    assert_eq!(origin.workflow, None);
    assert_eq!(origin.parameters["sourceToBuild.dir"], json!("py"));
    assert!(origin.parameters.contains_key("buildConfigSource"));
}

#[test]
fn the_configuration_may_lie_at_another_ref_of_the_same_repository() {
    let origin = accepted(|it| {
        let definition = &mut it["buildDefinition"];
        definition["externalParameters"]["sourceToBuild"] =
            json!({ "repository": "https://github.com/owner/demo", "ref": "refs/tags/v1" });
        without(&mut definition["internalParameters"], "systemSubstitutions");
        let list = definition["resolvedDependencies"].as_array_mut().expect("a list");
        list.push(json!({
            "uri": "git+https://github.com/owner/demo@refs/tags/v1",
            "digest": { "sha1": OTHER },
        }));
    });
    assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(OTHER));
    assert_eq!(origin.git_ref.as_deref(), Some("refs/tags/v1"));
    // Its path is at the configuration's ref, not at that of the source.
    assert_eq!(origin.workflow, None);
}

#[test]
fn a_build_without_a_trigger_has_the_source_in_its_dependencies() {
    let origin = accepted(|it| {
        let definition = &mut it["buildDefinition"];
        without(&mut definition["externalParameters"], "buildConfigSource");
        definition["externalParameters"]["buildConfig"] = json!({ "steps": [] });
        definition["resolvedDependencies"][0]["uri"] =
            json!(format!("git+https://github.com/owner/demo.git@{COMMIT}"));
    });
    assert_eq!(origin.repository.as_deref(), Some("git+https://github.com/owner/demo.git"));
    assert_eq!((origin.git_ref, origin.workflow), (None, None));
    assert!(origin.parameters.contains_key("buildConfig"));
}

#[test]
fn unknown_parameters_are_refused() {
    use Reason::ParameterUnknown as Unknown;
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Unknown, "externalParameters.substitutions", "externalParameters.env = {}", |it| {
                it["buildDefinition"]["externalParameters"]["env"] = json!({});
            }),
            (Unknown, "buildConfigSource.ref", "buildConfigSource.dir = \"x\"", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["dir"] =
                    json!("x");
            }),
            (Unknown, "sourceToBuild.dir", "sourceToBuild.path = \"x\"", |it| {
                it["buildDefinition"]["externalParameters"]["sourceToBuild"] =
                    json!({ "repository": "https://github.com/owner/demo", "path": "x" });
            }),
        ],
    );
}

#[test]
fn contradictions_are_refused_with_both_values() {
    use Reason::ProvenanceInconsistent as Inconsistent;
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Inconsistent, "github.com/owner/fork", "github.com/owner/demo", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["repository"] =
                    json!("git+https://github.com/owner/fork");
            }),
            (Inconsistent, "refs/heads/x", "refs/heads/main", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["ref"] =
                    json!("refs/heads/x");
            }),
            (Inconsistent, OTHER, COMMIT, |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["ref"] =
                    json!(OTHER);
            }),
            (Inconsistent, "buildConfigSource", "externalParameters.buildConfig", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfig"] = json!({ "steps": [] });
            }),
            (Inconsistent, "cloudbuild.yaml", "pathAutoDetect `true`", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["pathAutoDetect"] =
                    json!(true);
            }),
            (Inconsistent, COMMIT, "COMMIT_SHA `e491", |it| {
                it["buildDefinition"]["internalParameters"]["systemSubstitutions"]["COMMIT_SHA"] =
                    json!(OTHER);
            }),
            (Inconsistent, "refs/heads/main", "BRANCH_NAME `refs/heads/x`", |it| {
                it["buildDefinition"]["internalParameters"]["systemSubstitutions"]["BRANCH_NAME"] =
                    json!("x");
            }),
            (Inconsistent, "refs/heads/main", "TAG_NAME `refs/tags/main`", |it| {
                it["buildDefinition"]["internalParameters"]["systemSubstitutions"] =
                    json!({ "TAG_NAME": "main" });
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                let list = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
                list.expect("a list").push(json!({
                    "uri": "git+https://github.com/owner/demo@refs/heads/main",
                    "digest": { "gitCommit": OTHER },
                }));
            }),
            (Inconsistent, OTHER, COMMIT, |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["uri"] =
                    json!(format!("git+https://github.com/owner/demo@{OTHER}"));
            }),
        ],
    );
}

#[test]
fn wrong_forms_are_refused() {
    use Reason::ProvenanceMalformed as Malformed;
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Malformed, "", "has no `path`", |it| {
                let external = &mut it["buildDefinition"]["externalParameters"];
                without(&mut external["buildConfigSource"], "path");
            }),
            (Malformed, "", "pathAutoDetect: invalid type", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["pathAutoDetect"] =
                    json!("yes");
            }),
            (Malformed, "", "buildConfigSource.ref: neither", |it| {
                it["buildDefinition"]["externalParameters"]["buildConfigSource"]["ref"] =
                    json!("main");
            }),
            (Malformed, "", "substitutions is not an object", |it| {
                it["buildDefinition"]["externalParameters"]["substitutions"] = json!("x");
            }),
            (Malformed, "", "name no git source", |it| {
                it["buildDefinition"]["resolvedDependencies"] = json!([]);
            }),
            (Malformed, "", "systemSubstitutions is not an object", |it| {
                it["buildDefinition"]["internalParameters"]["systemSubstitutions"] = json!([]);
            }),
        ],
    );
}
