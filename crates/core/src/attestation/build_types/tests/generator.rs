//! slsa-github-generator's provenance.

use serde_json::json;

use super::*;
use crate::attestation::build_types::slsa_github_generator::{DELEGATOR, GO};
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;

fn document() -> Value {
    json!({
        "builder": {
            "id": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0",
        },
        "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
        "invocation": {
            "configSource": {
                "uri": "git+https://github.com/owner/demo@refs/tags/v0.0.9",
                "digest": { "sha1": COMMIT },
                "entryPoint": ".github/workflows/release.yml",
            },
            "parameters": {},
            "environment": {
                "github_actor": "owner",
                "github_actor_id": "49289",
                "github_base_ref": "",
                "github_event_name": "push",
                "github_event_payload": { "after": COMMIT, "deep": [{}] },
                "github_head_ref": "",
                "github_ref": "refs/tags/v0.0.9",
                "github_ref_type": "tag",
                "github_repository_id": "474793590",
                "github_repository_owner": "owner",
                "github_repository_owner_id": "49289",
                "github_run_attempt": "1",
                "github_run_id": "2556669934",
                "github_run_number": "12",
                "github_sha1": COMMIT,
            },
        },
        "buildConfig": null,
        "metadata": {
            "buildInvocationID": "2556669934-1",
            "completeness": { "parameters": true, "environment": false, "materials": false },
            "reproducible": false,
        },
        "materials": [{
            "uri": "git+https://github.com/owner/demo@refs/tags/v0.0.9",
            "digest": { "sha1": COMMIT },
        }],
    })
}

/// As a builder made with the delegator writes it.
fn delegated() -> Value {
    let mut value = document();
    value["buildType"] = json!(DELEGATOR);
    value["invocation"]["parameters"] = json!({ "inputs": { "node-version": 20, "dir": "./" } });
    value["invocation"]["environment"] = json!({
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/tags/v0.0.9",
        "GITHUB_REPOSITORY": "owner/demo",
        "GITHUB_REPOSITORY_ID": "474793590",
        "GITHUB_REPOSITORY_OWNER_ID": "49289",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "2556669934",
        "GITHUB_SHA": COMMIT,
        "GITHUB_WORKFLOW_REF": "owner/demo/.github/workflows/release.yml@refs/tags/v0.0.9",
    });
    value
}

fn delegated_v1() -> Value {
    json!({
        "buildDefinition": {
            "buildType": DELEGATOR,
            "externalParameters": { "inputs": { "targets": "//src:demo" }, "vars": {} },
            "internalParameters": delegated()["invocation"]["environment"],
            "resolvedDependencies": [{
                "uri": "git+https://github.com/owner/demo@refs/tags/v0.0.9",
                "digest": { "gitCommit": COMMIT },
            }],
        },
        "runDetails": {
            "builder": { "id": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_bazel_slsa3.yml@refs/tags/v2.1.0" },
            "metadata": {
                "invocationId": "https://github.com/owner/demo/actions/runs/2556669934/attempts/1",
            },
        },
    })
}

fn check(origin: &Origin) {
    assert_eq!(origin.repository.as_deref(), Some("git+https://github.com/owner/demo"));
    assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(COMMIT));
    assert_eq!(origin.git_ref.as_deref(), Some("refs/tags/v0.0.9"));
    assert_eq!(origin.workflow.as_deref(), Some(".github/workflows/release.yml"));
    assert_eq!(origin.trigger.as_deref(), Some("push"));
    assert_eq!(origin.repository_id.as_deref(), Some("474793590"));
    assert_eq!(origin.owner_id.as_deref(), Some("49289"));
    assert_eq!(
        origin.invocation.as_deref(),
        Some("https://github.com/owner/demo/actions/runs/2556669934/attempts/1")
    );
    assert!(origin.builder.as_deref().is_some_and(|it| it.contains("slsa-github-generator")));
}

fn accepted(predicate_type: &str, mut document: Value, bend: Bend) -> Origin {
    bend(&mut document);
    read(predicate_type, &document).expect("accepted")
}

#[test]
fn every_builder_says_the_same_of_the_same_run() {
    let generic = accepted(PROVENANCE_V0_2_TYPE, document(), |_| ());
    check(&generic);
    assert!(generic.parameters.is_empty());
    check(&accepted(PROVENANCE_V0_2_TYPE, document(), |it| it["buildType"] = json!(GO)));
    let delegated = accepted(PROVENANCE_V0_2_TYPE, delegated(), |_| ());
    check(&delegated);
    assert_eq!(delegated.parameters["inputs.node-version"], json!(20));
    let v1 = accepted(PROVENANCE_TYPE, delegated_v1(), |_| ());
    check(&v1);
    assert_eq!(v1.parameters["inputs.targets"], json!("//src:demo"));
}

#[test]
fn inputs_of_whoever_set_it_off_are_shown() {
    let origin = accepted(PROVENANCE_V0_2_TYPE, document(), |it| {
        it["invocation"]["parameters"] =
            json!({ "event_inputs": { "debug": "true" }, "vars": { "TARGET": "x" } });
    });
    let keys: Vec<_> = origin.parameters.keys().map(String::as_str).collect();
    assert_eq!(keys, ["event_inputs.debug", "vars.TARGET"]);
    let none = accepted(PROVENANCE_V0_2_TYPE, document(), |it| {
        it["invocation"]["parameters"] = json!({ "event_inputs": null, "vars": {} });
    });
    assert!(none.parameters.is_empty());
}

#[test]
fn a_delegated_build_may_check_out_another_commit_without_a_ref() {
    let origin = accepted(PROVENANCE_V0_2_TYPE, delegated(), |it| {
        it["materials"][0] = json!({
            "uri": "git+https://github.com/owner/demo", "digest": { "sha1": OTHER },
        });
    });
    assert_eq!(origin.commit.expect("a commit").as_str(), OTHER);
    assert_eq!(origin.git_ref, None);
    // The generic generator never does that.
    let mut value = document();
    value["materials"][0]["uri"] = json!("git+https://github.com/owner/demo");
    let refusal = read(PROVENANCE_V0_2_TYPE, &value).expect_err("no ref");
    assert_eq!(refusal.reason, Reason::ProvenanceInconsistent);
}

#[test]
fn unknown_parameters_are_refused() {
    use Reason::ParameterUnknown as Unknown;
    refused(
        PROVENANCE_V0_2_TYPE,
        &document(),
        &[
            (Unknown, "parameters.event_inputs", "invocation.parameters.inputs = {}", |it| {
                it["invocation"]["parameters"] = json!({ "inputs": {} });
            }),
            (Unknown, "parameters.vars", "invocation.parameters.run = \"id\"", |it| {
                it["invocation"]["parameters"] = json!({ "vars": {}, "run": "id" });
            }),
        ],
    );
    refused(
        PROVENANCE_V0_2_TYPE,
        &delegated(),
        &[(Unknown, "parameters.inputs", "parameters.vars = {}", |it| {
            it["invocation"]["parameters"]["vars"] = json!({});
        })],
    );
    refused(
        PROVENANCE_TYPE,
        &delegated_v1(),
        &[(Unknown, "externalParameters.inputs", "externalParameters.workflow = {}", |it| {
            it["buildDefinition"]["externalParameters"]["workflow"] = json!({});
        })],
    );
}

#[test]
fn contradictions_are_refused_with_both_values() {
    use Reason::ProvenanceInconsistent as Inconsistent;
    refused(
        PROVENANCE_V0_2_TYPE,
        &document(),
        &[
            (Inconsistent, "https://github.com/owner/demo", "github.com/owner/fork", |it| {
                it["materials"][0]["uri"] =
                    json!("git+https://github.com/owner/fork@refs/tags/v0.0.9");
            }),
            (Inconsistent, COMMIT, OTHER, |it| it["materials"][0]["digest"]["sha1"] = json!(OTHER)),
            (Inconsistent, "refs/tags/v0.0.9", "refs/heads/main", |it| {
                it["materials"][0]["uri"] =
                    json!("git+https://github.com/owner/demo@refs/heads/main");
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                it["invocation"]["environment"]["github_sha1"] = json!(OTHER);
            }),
            (Inconsistent, "refs/tags/v0.0.9", "environment.github_ref `refs/heads/x`", |it| {
                it["invocation"]["environment"]["github_ref"] = json!("refs/heads/x");
            }),
            (Inconsistent, "2556669934-1", "buildInvocationId `2556669934-2`", |it| {
                it["metadata"]["buildInvocationID"] = json!("2556669934-2");
            }),
            // Two materials of one repository: at other commits, and at the same.
            (Inconsistent, COMMIT, OTHER, |it| {
                let material = json!({
                    "uri": "git+https://github.com/owner/demo.git@refs/heads/x",
                    "digest": { "sha1": OTHER },
                });
                it["materials"].as_array_mut().expect("a list").push(material);
            }),
            (Inconsistent, "materials[0]", "materials[1]", |it| {
                let material = it["materials"][0].clone();
                it["materials"].as_array_mut().expect("a list").push(material);
            }),
            // The page of the generator has such a document; its ref is not the run's.
            (Inconsistent, "refs/heads/main.git", "refs/tags/v0.0.9", |it| {
                it["invocation"]["configSource"]["uri"] =
                    json!("git+https://github.com/owner/demo@refs/heads/main.git");
            }),
        ],
    );
    refused(
        PROVENANCE_V0_2_TYPE,
        &delegated(),
        &[(Inconsistent, "owner/demo", "GITHUB_REPOSITORY `wner/demo`", |it| {
            it["invocation"]["environment"]["GITHUB_REPOSITORY"] = json!("wner/demo");
        })],
    );
    refused(
        PROVENANCE_TYPE,
        &delegated_v1(),
        &[
            (Inconsistent, "owner/demo", "GITHUB_REPOSITORY `owner/fork`", |it| {
                it["buildDefinition"]["internalParameters"]["GITHUB_REPOSITORY"] =
                    json!("owner/fork");
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                it["buildDefinition"]["internalParameters"]["GITHUB_SHA"] = json!(OTHER);
            }),
            (Inconsistent, "owner/demo/…@refs/tags/v0.0.9", "GITHUB_WORKFLOW_REF", |it| {
                it["buildDefinition"]["internalParameters"]["GITHUB_WORKFLOW_REF"] =
                    json!("owner/demo/.github/workflows/release.yml@refs/heads/x");
            }),
            (Inconsistent, "attempts/1", "metadata.invocationId", |it| {
                it["runDetails"]["metadata"]["invocationId"] = json!("https://evil.test/run");
            }),
            (Inconsistent, "resolvedDependencies[0]", "resolvedDependencies[1]", |it| {
                let list = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
                list.expect("a list").push(json!({
                    "uri": "git+https://github.com/owner/other@refs/heads/x",
                    "digest": { "gitCommit": OTHER },
                }));
            }),
        ],
    );
}

#[test]
fn wrong_forms_are_refused() {
    use Reason::ProvenanceMalformed as Malformed;
    refused(
        PROVENANCE_V0_2_TYPE,
        &document(),
        &[
            (Malformed, "", "no invocation", |it| it["invocation"] = json!(null)),
            (Malformed, "", "no invocation.configSource.uri", |it| {
                it["invocation"]["configSource"] = json!({});
            }),
            (Malformed, "", "configSource has no digest", |it| {
                it["invocation"]["configSource"]["digest"] = json!({ "sha256": "00" });
            }),
            (Malformed, "", "not a full git object id", |it| {
                it["invocation"]["configSource"]["digest"] = json!({ "sha1": "C27D339" });
            }),
            (Malformed, "a path within", "entryPoint ``", |it| {
                it["invocation"]["configSource"]["entryPoint"] = json!(null);
            }),
            (Malformed, "a path within", "/etc/passwd", |it| {
                it["invocation"]["configSource"]["entryPoint"] = json!("/etc/passwd");
            }),
            (Malformed, "", "parameters.event_inputs is not an object", |it| {
                it["invocation"]["parameters"] = json!({ "event_inputs": "debug" });
            }),
            (Malformed, "", "environment.github_ref is not text", |it| {
                it["invocation"]["environment"]["github_ref"] = json!(["refs/tags/v0.0.9"]);
            }),
            (Malformed, "", "environment is not an object", |it| {
                it["invocation"]["environment"] = json!("x");
            }),
            (Malformed, "", "names a run `1/../2`", |it| {
                it["invocation"]["environment"]["github_run_id"] = json!("1/../2");
            }),
            (Malformed, "", "materials name no git source", |it| it["materials"] = json!(null)),
            (Malformed, "", "materials[0].uri", |it| {
                it["materials"][0]["uri"] = json!("git+https://github.com/owner/demo@main");
            }),
        ],
    );
}
