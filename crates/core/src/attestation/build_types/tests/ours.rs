//! Our own provenance, as far as it is read here; the rest has its tests with the whole program.

use serde_json::json;

use super::*;
use crate::attestation::rebuild_result::RebuildResult;
use crate::compare::RebuildOutcome;
use crate::digest::Sha256Digest;

fn environment() -> Value {
    let tool = json!({ "name": "uv", "version": "1.0" });
    json!({
        "platform": {
            "os": "Linux", "kernel": "6.1.0", "architecture": "x86_64", "libc": "glibc 2.36",
        },
        "interpreter": {
            "implementation": "cpython", "version": "3.11.7", "path": "/usr/bin/python3.11",
            "sha256": Sha256Digest::of(b"an interpreter"),
        },
        "frontend": tool,
        "installer": tool,
        "variables": { "TZ": "UTC" },
        "umask": "0022",
        "locale": "C.UTF-8",
        "timezone": "UTC",
        "hostname": "wheelmark",
        "sourceDateEpoch": 1_700_000_000,
        "buildPath": "/build/source",
        "isolation": "bubblewrap",
        "backend": { "name": "hatchling.build" },
        "hooks": ["build_wheel"],
    })
}

fn document() -> Value {
    json!({
        "buildDefinition": {
            "buildType": crate::attestation::pep517::BUILD_TYPE,
            "externalParameters": {
                "source": {
                    "uri": "git+https://example.org/owner/demo", "ref": "refs/tags/v1.0",
                },
                "distribution": "wheel",
                "configSettings": { "--fast": "true" },
            },
            "internalParameters": {
                "environment": environment(),
                "source": {},
                "observed": { "status": "unavailable", "reason": "a test" },
            },
            "resolvedDependencies": [
                {
                    "uri": "git+https://example.org/owner/demo",
                    "digest": { "gitCommit": COMMIT, "gitTree": OTHER },
                    "annotations": { "role": "source" },
                },
                {
                    "uri": "pkg:generic/cpython@3.11.7",
                    "digest": { "sha256": Sha256Digest::of(b"an interpreter") },
                    "annotations": { "role": "interpreter" },
                },
            ],
        },
        "runDetails": {
            "builder": { "id": "https://wheelmark.dev/builders/local/v1" },
            "metadata": { "invocationId": "x", "startedOn": "2026-01-01T00:00:00Z" },
        },
    })
}

#[test]
fn ours_is_read_by_its_own_reader() {
    let origin = read(PROVENANCE_TYPE, &document()).expect("accepted");
    assert_eq!(origin.repository.as_deref(), Some("git+https://example.org/owner/demo"));
    assert_eq!(origin.commit.as_ref().map(|it| it.as_str()), Some(COMMIT));
    assert_eq!(origin.git_ref.as_deref(), Some("refs/tags/v1.0"));
    assert_eq!(origin.builder.as_deref(), Some("https://wheelmark.dev/builders/local/v1"));
    let keys: Vec<_> = origin.parameters.keys().map(String::as_str).collect();
    assert_eq!(keys, ["configSettings"]);
    refused(
        PROVENANCE_TYPE,
        &document(),
        &[
            (Reason::ParameterUnknown, "", "unknown field `inputs`", |it| {
                it["buildDefinition"]["externalParameters"]["inputs"] = json!({});
            }),
            (Reason::ProvenanceInconsistent, "owner/fork", "owner/demo", |it| {
                it["buildDefinition"]["externalParameters"]["source"]["uri"] =
                    json!("git+https://example.org/owner/fork");
            }),
            (Reason::ProvenanceMalformed, "", "name no source", |it| {
                it["buildDefinition"]["resolvedDependencies"] = json!([]);
            }),
        ],
    );
}

#[test]
fn the_result_of_a_rebuild_is_read_as_it_was_written() {
    let result = RebuildResult::new(
        "https://wheelmark.dev/builders/local/v1",
        "1.0",
        b"attestation",
        b"log",
        RebuildOutcome::Identical,
        Some(Sha256Digest::of(b"wheel")),
        Vec::new(),
        serde_json::from_value(environment()).expect("an environment"),
        "2026-01-01T00:00:00Z".parse().expect("a time"),
    );
    let bytes = result
        .statement("demo-1.0-py3-none-any.whl", Sha256Digest::of(b"wheel"))
        .expect("a statement");
    let mut statement: Statement = serde_json::from_slice(&bytes).expect("a statement");
    let wanted = Predicate::RebuildResult(Box::new(result));
    assert_eq!(Predicate::read(&statement), Ok(wanted));
    statement.predicate["outcome"] = json!("same");
    let refusal = Predicate::read(&statement).expect_err("no outcome");
    assert_eq!(refusal.reason, Reason::PredicateMalformed);
}
