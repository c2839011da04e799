//! What a certified signer says and must not: other facts than the certificate's, inputs that nobody looks
//! at, forms that are not read.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::accepted::{generated, generator_holder};
use super::{Case, bytes, provenance, publish, refused, signed};
use crate::cases::list::{DIGEST_FAILS, Fails};
use crate::cases::packed;
use crate::hostile::Plan;
use crate::sigstore::{Holder, Sigstore};

const DISAGREES: Fails = &[("certificate", "certificate-disagrees")];
const UNSUPPORTED: Fails = &[("attestation", "bundle-unsupported")];
const NO_ONE_SUBJECT: Fails =
    &[("subject-name", "subject-count"), ("subject-digest", "subject-count")];

pub(super) fn all() -> Vec<Case> {
    [facts(), inputs(), forms()].concat()
}

fn facts() -> Vec<Case> {
    let says = |name: &str, changed: &str, pairs: &[(&str, &str)]| {
        let mut text = provenance().to_string();
        for (from, to) in pairs {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        refused(name, changed, DISAGREES, &Sigstore::default().sign(&Holder::workflow(), &text))
    };
    let commit = crate::sigstore::holder::COMMIT;
    vec![
        says(
            "certificate_of_another_repository_fail",
            "The provenance names the policy's repository, and the certificate is of a fork of it.",
            &[],
        )
        .failing(&[("certificate", "certificate-disagrees"), ("signer", "signer-not-allowed")])
        .holding(&Sigstore::default().sign(&fork(), &provenance().to_string())),
        says(
            "certificate_of_another_commit_fail",
            "The provenance names another commit than the certificate.",
            &[(commit, &"ba".repeat(20))],
        ),
        says(
            "certificate_of_another_ref_fail",
            "The run was of a branch, and the provenance names the tag.",
            &[],
        )
        .holding(&Sigstore::default().sign(&on_branch(), &provenance().to_string())),
        says(
            "certificate_of_another_builder_fail",
            "The provenance names another workflow as its builder than the one that signed.",
            &[(
                "/demo/.github/workflows/release.yml@refs",
                "/demo/.github/workflows/audited.yml@refs",
            )],
        ),
        says(
            "certificate_of_another_trigger_fail",
            "The provenance says `push`, and somebody started the run by hand.",
            &[],
        )
        .holding(
            &Sigstore::default().sign(
                &Holder::workflow().claiming(20, "workflow_dispatch"),
                &provenance().to_string(),
            ),
        ),
        says(
            "certificate_of_another_runner_fail",
            "The provenance says that GitHub ran it, and it ran on a machine of their own.",
            &[],
        )
        .holding(
            &Sigstore::default()
                .sign(&Holder::workflow().claiming(11, "self-hosted"), &provenance().to_string()),
        ),
        says(
            "certificate_of_another_run_fail",
            "The provenance names another run than the certificate.",
            &[("/runs/15361/", "/runs/15362/")],
        ),
    ]
}

/// The same workflow in a fork, which says so.
pub(super) fn fork() -> Holder {
    Holder::workflow()
        .running("https://github.com/stranger/demo/.github/workflows/release.yml")
        .claiming(5, "stranger/demo")
        .claiming(12, "https://github.com/stranger/demo")
        .claiming(15, "1002")
        .claiming(16, "https://github.com/stranger")
        .claiming(17, "2003")
}

/// The same workflow on a branch.
pub(super) fn on_branch() -> Holder {
    let mut holder = Holder::workflow();
    for text in holder.claims.values_mut() {
        *text = text.replace("refs/tags/v1.0", "refs/heads/main");
    }
    holder.name = crate::sigstore::holder::Name::Uri(holder.claims[&9].clone());
    holder
}

fn inputs() -> Vec<Case> {
    let generated_with = |name: &str, changed: &str, fails: Fails, change: fn(&mut Value)| {
        let mut statement = generated();
        change(&mut statement);
        let signing = Sigstore::default().sign(&generator_holder(), &statement.to_string());
        refused(name, changed, fails, &signing)
    };
    let told = |it: &mut Value| {
        it["predicate"]["invocation"]["parameters"] =
            json!({"event_inputs": {"index": "https://packages.stranger.example"}});
    };
    let dispatched = |name: &str, changed: &str, fails: Fails, allowed: &str| {
        let rule = "rebuild = \"never\"\n";
        generated_with(name, changed, fails, told)
            .under(rule, &format!("parameters = [\"{allowed}\"]\n{rule}"))
    };
    let mut workflow = provenance();
    workflow["predicate"]["buildDefinition"]["externalParameters"]["inputs"] =
        json!({"index": "https://packages.stranger.example"});
    let mut weak = provenance();
    weak["subject"][0]["digest"] =
        json!({"sha512": hex::encode(Sha512::digest(packed(&Plan::new())))});
    vec![
        refused(
            "provenance_by_sha512_fail",
            "The provenance has only the SHA-512 of the wheel.",
            DIGEST_FAILS,
            &Sigstore::default().sign(&Holder::workflow(), &weak.to_string()),
        ),
        generated_with(
            "workflow_dispatch_inputs_fail",
            "Whoever started the run by hand told it what to do, which the rule does not look at.",
            &[("external-parameters", "parameter-not-allowed")],
            told,
        ),
        dispatched(
            "workflow_dispatch_inputs_allowed",
            "Whoever started the run by hand told it what the rule allows.",
            &[],
            "event_inputs.index=https://packages.stranger.example",
        ),
        dispatched(
            "workflow_dispatch_inputs_other_fail",
            "Whoever started the run by hand told it something else than the rule allows.",
            &[("external-parameters", "parameter-not-allowed")],
            "event_inputs.index=https://packages.example",
        ),
        refused(
            "workflow_inputs_unknown_fail",
            "GitHub's provenance has inputs, which its build type does not have.",
            &[("parameters", "parameter-unknown")],
            &Sigstore::default().sign(&Holder::workflow(), &workflow.to_string()),
        ),
        generated_with(
            "slsa_generator_of_other_files_fail",
            "slsa-github-generator's provenance is of other files of the same run.",
            NO_ONE_SUBJECT,
            |it| {
                it["subject"].as_array_mut().expect("subjects").remove(1);
            },
        ),
    ]
}

fn forms() -> Vec<Case> {
    let published = |name: &str, changed: &str, fails: Fails, change: fn(&mut Value)| {
        let mut statement = publish();
        change(&mut statement);
        let signing = Sigstore::default().sign(&Holder::workflow(), &statement.to_string());
        Case::certified(name, changed)
            .failing(fails)
            .in_file(".publish.attestation", &signing.attestation())
    };
    let mut without_entries = signed().attestation();
    without_entries["verification_material"]["transparency_entries"] = json!([]);
    let mut later = signed().attestation();
    later["version"] = json!(2);
    let bundle = signed().bundle();
    vec![
        published(
            "publish_with_content_fail",
            "The publish attestation says something, and its type has nothing to say.",
            &[("predicate-type", "predicate-malformed")],
            |it| it["predicate"] = json!({"yanked": false}),
        ),
        published(
            "publish_of_two_files_fail",
            "The publish attestation is of two files, the wheel first.",
            NO_ONE_SUBJECT,
            |it| {
                let one = it["subject"][0].clone();
                it["subject"] = json!([one, {"name": "x", "digest": {"sha256": "00".repeat(32)}}]);
            },
        ),
        Case::certified(
            "attestation_object_without_log_fail",
            "The attestation object's list of log entries is empty.",
        )
        .failing(&[("attestation", "log-entry-missing")])
        .in_file(".slsa.attestation", &without_entries),
        Case::certified(
            "attestation_object_of_later_version_fail",
            "The attestation object is of a version that there is not yet.",
        )
        .failing(&[("attestation", "bundle-malformed")])
        .in_file(".slsa.attestation", &later),
        Case::certified(
            "envelope_alone_fail",
            "There is the envelope alone, as slsa-github-generator wrote it before bundles.",
        )
        .failing(UNSUPPORTED)
        .in_file(".intoto.jsonl", &bundle["dsseEnvelope"]),
        Case {
            bundle: Some(bytes(&json!({
                "base64Signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
                "cert": bundle["verificationMaterial"]["certificate"]["rawBytes"],
                "rekorBundle": {},
            }))),
            ..Case::certified("cosign_bundle_fail", "The bundle is of cosign's own early form.")
                .failing(UNSUPPORTED)
        },
    ]
}
