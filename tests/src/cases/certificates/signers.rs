//! Who signed by a certificate that holds, and may not sign for the project.

use serde_json::{Value, json};

use super::accepted::{bare, published, publisher};
use super::predicates::{fork, on_branch};
use super::{Case, bytes, publish};
use crate::cases::list::Fails;
use crate::sigstore::holder::{EMAIL, GIT_REF, GITHUB, GOOGLE, Name, REPOSITORY, WORKFLOW};
use crate::sigstore::{Holder, Sigstore, provenance_object};

const SIGNER: Fails = &[("signer", "signer-not-allowed")];
const DISAGREES: Fails = &[("signature", "publisher-disagrees")];

/// What the wheel does not say of itself, and nothing signed says, is not known: a wheel must not be renamed
/// to another that an installer then chooses.
pub(super) fn renamed() -> Vec<Case> {
    let case = |name: &str, changed: &str, filename: &str, fails: Fails| {
        let mut case = bare(name, changed).failing(fails);
        case.filename = filename.to_owned();
        case
    };
    vec![
        case(
            "bare_signature_renamed_platform_fail",
            "A person signed the wheel itself, which was then renamed to another platform.",
            "demo-1.0-py3-none-win_amd64.whl",
            &[("subject-name", "metadata-tags-mismatch")],
        ),
        case(
            "bare_signature_renamed_build_fail",
            "A person signed the wheel itself, which was then given a build tag.",
            "demo-1.0-9-py3-none-any.whl",
            &[("subject-name", "metadata-build-mismatch")],
        ),
    ]
}

pub(super) fn identities() -> Vec<Case> {
    // What is signed names no source: the certificate's facts are all there is.
    let by = |name: &str, changed: &str, fails: Fails, holder: &Holder| {
        let signing = Sigstore::default().sign(holder, &publish().to_string());
        Case::certified(name, changed)
            .failing(fails)
            .in_file(".publish.attestation", &signing.attestation())
    };
    let asking = |line: &str| format!("{line}\n\n[[rules]]");
    let workflow = Holder::workflow;
    let person = |holder: Holder, name: &str, changed: &str| {
        by(name, changed, SIGNER, &holder)
            .under(GITHUB, GOOGLE)
            .under(
                "repository = \"https://github.com/octo/demo\"\n",
                &format!("san = \"{EMAIL}\"\n"),
            )
            .under("workflow = \".github/workflows/release.yml\"\n", "")
            .under("source = \"https://github.com/octo/demo\"\n", "")
            .under("ref = \"refs/tags/v{version}\"\n", "")
    };
    let mut another_person = Holder::person();
    another_person.name = Name::Email("manager@demo.example.org".to_owned());
    let mut uri_like_a_person = Holder::person();
    uri_like_a_person.name = Name::Uri(EMAIL.to_owned());
    let mut uri_of_person = Holder::person();
    uri_of_person.name = Name::Uri(format!("mailto:{EMAIL}"));
    let other_instance = "[identities.anybody]\ntrust = \"staging\"\nissuer = \"https://token.actions.githubusercontent.com\"\nrepository = \"https://github.com/octo/demo\"\n";
    vec![
        by(
            "workflow_another_fail",
            "Another workflow of the right repository signed.",
            SIGNER,
            &workflow().running("https://github.com/octo/demo/.github/workflows/nightly.yml"),
        ),
        by(
            "workflow_in_another_folder_fail",
            "The file of the workflow is called like the right one and lies elsewhere.",
            SIGNER,
            &workflow().running("https://github.com/octo/demo/docs/.github/workflows/release.yml"),
        ),
        by(
            "repository_fork_fail",
            "The right workflow signed, in a fork of the repository.",
            &[("signer", "signer-not-allowed"), ("source", "source-not-allowed")],
            &fork(),
        ),
        by(
            "repository_branch_fail",
            "The right workflow signed, on a branch.",
            &[("ref", "ref-not-allowed")],
            &on_branch(),
        ),
        by(
            "repository_registered_again_fail",
            "Somebody else has the repository's name today, and the policy asks for its lasting id.",
            SIGNER,
            &workflow().claiming(15, "9009"),
        )
        .under("\n[[rules]]", &asking("repository-id = \"1001\"")),
        by(
            "owner_registered_again_fail",
            "Somebody else has the owner's name today, and the policy asks for the owner's lasting id.",
            SIGNER,
            &workflow().claiming(17, "9009"),
        )
        .under("\n[[rules]]", &asking("owner-id = \"2002\"")),
        by(
            "workflow_dispatch_fail",
            "Somebody started the workflow by hand, and the policy asks for a push or a release.",
            SIGNER,
            &workflow().claiming(2, "push").claiming(20, "workflow_dispatch"),
        )
        .under("\n[[rules]]", &asking("triggers = [\"push\", \"release\"]")),
        by(
            "pull_request_target_fail",
            "A pull request of a stranger started the workflow, and the rule forbids that.",
            &[("trigger", "trigger-not-allowed")],
            &workflow().claiming(2, "pull_request_target").claiming(20, "pull_request_target"),
        )
        .under("rebuild =", "forbidden-triggers = [\"pull_request_target\"]\nrebuild ="),
        by(
            "self_hosted_fail",
            "The workflow ran on a machine of its owner, and the policy asks for GitHub's.",
            SIGNER,
            &workflow().claiming(11, "self-hosted"),
        )
        .under("\n[[rules]]", &asking("runner-environment = \"github-hosted\"")),
        by(
            "environment_unproven_fail",
            "The policy asks for a deployment environment, and the certificate names none.",
            SIGNER,
            &workflow().without(&[23]),
        )
        .under("\n[[rules]]", &asking("environment = \"pypi\"")),
        by(
            "repository_id_unproven_fail",
            "The policy asks for the repository's lasting id, and the old certificate has none.",
            SIGNER,
            &Holder::old_workflow(),
        )
        .under("\n[[rules]]", &asking("repository-id = \"1001\"")),
        by(
            "workflow_called_by_another_fail",
            "The policy names a workflow by the certificate's name alone, and another repository called it.",
            SIGNER,
            &Holder::workflow()
                .claiming(12, "https://github.com/evil/x")
                .claiming(5, "evil/x")
                .claiming(18, "https://github.com/evil/x/.github/workflows/w.yml@refs/tags/v1.0"),
        )
        .under(
            "repository = \"https://github.com/octo/demo\"\nworkflow = \".github/workflows/release.yml\"\n",
            &format!("san = \"{REPOSITORY}/{WORKFLOW}@{GIT_REF}\"\n"),
        )
        .under("source = \"https://github.com/octo/demo\"\n", ""),
        by(
            "forge_without_repository_fail",
            "GitHub's issuer vouches for the workflow, and the certificate does not say of which repository.",
            &[("certificate", "certificate-malformed")],
            &workflow().without(&[5, 12]),
        )
        .under(
            "repository = \"https://github.com/octo/demo\"\nworkflow = \".github/workflows/release.yml\"\n",
            &format!("san = \"{REPOSITORY}/{WORKFLOW}@{GIT_REF}\"\n"),
        ),
        by(
            "issuer_another_fail",
            "Another issuer vouches for the same names.",
            SIGNER,
            &workflow().claiming(8, "https://token.actions.githubusercontent.com.example"),
        ),
        by(
            "issuer_another_with_old_claims_fail",
            "Another issuer vouches for the same names, in the old extensions.",
            &[("signer", "signer-not-allowed"), ("source", "source-not-allowed")],
            &Holder::old_workflow().claiming(1, "https://issuer.example"),
        ),
        by(
            "instance_another_fail",
            "The rule takes certificates of another instance, for the very same workflow.",
            SIGNER,
            &workflow(),
        )
        .under("\n[[rules]]", &format!("\n{other_instance}\n[[rules]]"))
        .under("identities = [\"release\"]", "identities = [\"anybody\"]"),
        by(
            "instance_not_asked_fail",
            "The trusted root of the instance is at hand, and the policy trusts another one alone.",
            &[("signature", "log-unknown")],
            &workflow(),
        )
        .under("trust = \"private\"", "trust = \"staging\""),
        person(
            another_person,
            "email_another_fail",
            "The mail address begins like the right one.",
        ),
        person(
            Holder::person().claiming(8, "https://github.com/login/oauth"),
            "email_of_another_issuer_fail",
            "The mail address is the right one, and another issuer vouches for it.",
        ),
        person(
            uri_of_person,
            "email_as_uri_fail",
            "The certificate has the mail address as a URI.",
        ),
        person(
            uri_like_a_person,
            "email_as_bare_uri_fail",
            "The certificate's name is a URI that reads like the mail address.",
        ),
    ]
}

pub(super) fn publishers() -> Vec<Case> {
    let named = |name: &str, changed: &str, fails: Fails, change: fn(&mut Value)| {
        let mut publisher = publisher();
        change(&mut publisher);
        let object = provenance_object(&publisher, &[published().attestation()]);
        Case::certified(name, changed).failing(fails).in_file(".provenance", &object)
    };
    let mut none = Case::certified(
        "provenance_object_empty_fail",
        "The index's provenance object holds no attestation.",
    )
    .failing(&[("attestation", "attestation-missing")]);
    none.bundle = None;
    none.beside.push((".provenance", bytes(&json!({"version": 1, "attestation_bundles": []}))));
    vec![
        named(
            "publisher_unknown_fail",
            "The index names a publisher of a kind that is not known.",
            &[("attestation", "publisher-unknown")],
            |it| it["kind"] = json!("Forge"),
        ),
        named(
            "publisher_of_another_repository_fail",
            "The index names another repository as the publisher than the certificate.",
            DISAGREES,
            |it| it["repository"] = json!("stranger/demo"),
        ),
        named(
            "publisher_of_another_workflow_fail",
            "The index names another workflow as the publisher than the certificate.",
            DISAGREES,
            |it| it["workflow"] = json!("nightly.yml"),
        ),
        named(
            "publisher_of_another_environment_fail",
            "The index names another deployment environment than the certificate.",
            DISAGREES,
            |it| it["environment"] = json!("staging"),
        ),
        named(
            "publisher_of_another_issuer_fail",
            "The index names a pipeline of GitLab as the publisher of what a workflow of GitHub signed.",
            DISAGREES,
            |it| {
                *it = json!({
                    "kind": "GitLab",
                    "repository": "octo/demo",
                    "workflow_filepath": ".gitlab-ci.yml",
                    "environment": null,
                });
            },
        ),
        none,
    ]
}
