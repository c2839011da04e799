//! GitHub's own provenance.

use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/tags/v1.0",
                    "repository": "https://github.com/octocat/hello-world",
                    "path": ".github/workflows/release.yml",
                },
            },
            "internalParameters": {
                "github": {
                    "event_name": "push",
                    "repository_id": "1296269",
                    "repository_owner_id": "583231",
                    "runner_environment": "github-hosted",
                },
            },
            "resolvedDependencies": [{
                "uri": "git+https://github.com/octocat/hello-world@refs/tags/v1.0",
                "digest": { "gitCommit": COMMIT },
            }],
        },
        "runDetails": {
            "builder": {
                "id": "https://github.com/octocat/hello-world/.github/workflows/release.yml@refs/tags/v1.0",
            },
            "metadata": {
                "invocationId": "https://github.com/octocat/hello-world/actions/runs/15361/attempts/1",
            },
        },
    })
}

fn origin(bend: Bend) -> Origin {
    let mut document = document();
    bend(&mut document);
    read(PROVENANCE_TYPE, &document).expect("accepted")
}

#[test]
fn every_fact_is_read() {
    let run = "https://github.com/octocat/hello-world/actions/runs/15361/attempts/1";
    let text = |text: &str| Some(text.to_owned());
    let wanted = Origin {
        builder: text(
            "https://github.com/octocat/hello-world/.github/workflows/release.yml@refs/tags/v1.0",
        ),
        build_type: text("https://actions.github.io/buildtypes/workflow/v1"),
        repository: text("https://github.com/octocat/hello-world"),
        commit: Some(COMMIT.parse().expect("a commit")),
        git_ref: text("refs/tags/v1.0"),
        workflow: text(".github/workflows/release.yml"),
        trigger: text("push"),
        runner_environment: text("github-hosted"),
        invocation: text(run),
        repository_id: text("1296269"),
        owner_id: text("583231"),
        ..Origin::default()
    };
    assert_eq!(origin(|_| ()), wanted);
}

#[test]
fn another_spelling_of_the_repository_is_the_same() {
    let same = origin(|it| {
        it["buildDefinition"]["resolvedDependencies"][0]["uri"] =
            json!("git+https://GitHub.com/octocat/hello-world.git@refs/tags/v1.0");
    });
    assert_eq!(same.commit.expect("a commit").as_str(), COMMIT);
    let first = origin(|it| {
        without(&mut it["buildDefinition"]["internalParameters"]["github"], "runner_environment");
    });
    assert_eq!(first.runner_environment, None);
    let branch = origin(|it| {
        let definition = &mut it["buildDefinition"];
        definition["externalParameters"]["workflow"]["ref"] = json!("refs/heads/a@b");
        definition["resolvedDependencies"][0]["uri"] =
            json!("git+https://github.com/octocat/hello-world@refs/heads/a@b");
    });
    assert_eq!(branch.git_ref.as_deref(), Some("refs/heads/a@b"));
}

#[test]
fn what_stands_beside_the_source_is_left_alone() {
    let beside = origin(|it| {
        let dependencies = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
        dependencies.expect("a list").extend([
            json!({ "uri": "pkg:pypi/hatchling@1.27", "digest": { "sha256": "00" } }),
            json!({ "uri": "git+https://github.com/actions/checkout@refs/tags/v4",
                "digest": { "gitCommit": OTHER } }),
        ]);
    });
    assert_eq!(beside.commit.expect("a commit").as_str(), COMMIT);
}

#[test]
fn unknown_parameters_are_refused_with_path_and_value() {
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (
                Reason::ParameterUnknown,
                "externalParameters.workflow",
                "externalParameters.inputs = {\"debug\":\"true\"}",
                |it| {
                    it["buildDefinition"]["externalParameters"]["inputs"] =
                        json!({ "debug": "true" });
                },
            ),
            (
                Reason::ParameterUnknown,
                "externalParameters.workflow.path",
                "externalParameters.workflow.job = null",
                |it| it["buildDefinition"]["externalParameters"]["workflow"]["job"] = json!(null),
            ),
            (Reason::ParameterUnknown, "", "externalParameters.vars = \"xxx", |it| {
                it["buildDefinition"]["externalParameters"]["vars"] = json!("x".repeat(100_000));
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
            (
                Inconsistent,
                "externalParameters.workflow.repository `https://github.com/octocat/fork`",
                "resolvedDependencies[0].uri `git+https://github.com/octocat/hello-world`",
                |it| {
                    it["buildDefinition"]["externalParameters"]["workflow"]["repository"] =
                        json!("https://github.com/octocat/fork");
                },
            ),
            (
                Inconsistent,
                "externalParameters.workflow.ref `refs/heads/main`",
                "resolvedDependencies[0].uri `refs/tags/v1.0`",
                |it| {
                    it["buildDefinition"]["externalParameters"]["workflow"]["ref"] =
                        json!("refs/heads/main");
                },
            ),
            (Inconsistent, "refs/tags/v1.0", "`no ref`", |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["uri"] =
                    json!("git+https://github.com/octocat/hello-world");
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                let list = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
                list.expect("a list").push(json!({
                    "uri": "git+https://github.com/octocat/hello-world.git@refs/tags/v1.0",
                    "digest": { "gitCommit": OTHER },
                }));
            }),
            // The same twice would be read alike by all, but who says that it stays so.
            (Inconsistent, "resolvedDependencies[0]", "resolvedDependencies[1]", |it| {
                let list = it["buildDefinition"]["resolvedDependencies"].as_array_mut();
                let list = list.expect("a list");
                list.push(list[0].clone());
            }),
            (Inconsistent, COMMIT, OTHER, |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha1"] = json!(OTHER);
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
            (Malformed, "", "no externalParameters.workflow", |it| {
                it["buildDefinition"]["externalParameters"] = json!({});
            }),
            (Malformed, "", "externalParameters is not an object", |it| {
                it["buildDefinition"]["externalParameters"] = json!([]);
            }),
            (Malformed, "", "externalParameters.workflow is not an object", |it| {
                it["buildDefinition"]["externalParameters"]["workflow"] = json!("x");
            }),
            (Malformed, "", "missing field `ref`", |it| {
                without(&mut it["buildDefinition"]["externalParameters"]["workflow"], "ref");
            }),
            (Malformed, "the full name of a git ref", "ref `main`", |it| {
                it["buildDefinition"]["externalParameters"]["workflow"]["ref"] = json!("main");
            }),
            (Malformed, "a path within", "`../release.yml`", |it| {
                it["buildDefinition"]["externalParameters"]["workflow"]["path"] =
                    json!("../release.yml");
            }),
            (Malformed, "a path within", "", |it| {
                it["buildDefinition"]["externalParameters"]["workflow"]["path"] = json!("");
            }),
            (Malformed, "", "not a repository URI", |it| {
                it["buildDefinition"]["externalParameters"]["workflow"]["repository"] =
                    json!("https://github.com@evil.test/octocat/hello-world");
            }),
            (Malformed, "", "no internalParameters.github", |it| {
                it["buildDefinition"]["internalParameters"] = json!({});
            }),
            (Malformed, "", "github.repository_id: invalid type", |it| {
                it["buildDefinition"]["internalParameters"]["github"]["repository_id"] =
                    json!(1296269);
            }),
            (Malformed, "", "name no git source", |it| {
                it["buildDefinition"]["resolvedDependencies"] = json!([]);
            }),
            (Malformed, "", "no digest of a commit", |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["digest"] = json!({});
            }),
            (Malformed, "", "not a full git object id", |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] =
                    json!("c27d339");
            }),
            (Malformed, "", "neither the full name of a ref", |it| {
                it["buildDefinition"]["resolvedDependencies"][0]["uri"] =
                    json!("git+https://github.com/octocat/hello-world@v1.0");
            }),
        ],
    );
}
