//! Cases signed by certificates of a Sigstore instance in memory, whose trusted root each folder holds.

mod accepted;
mod logs;
mod predicates;
mod signers;

use serde_json::{Value, json};
use wheelmark_core::attestation::provenance::PROVENANCE_TYPE;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;

use super::Case;
use super::list::Fails;
use super::signed::about;
use crate::sigstore::holder::{COMMIT, GIT_REF, REPOSITORY, RUN, WORKFLOW};
use crate::sigstore::{Holder, Signing, Sigstore};

/// Every one of them.
pub(super) fn all() -> Vec<Case> {
    [
        accepted::all(),
        logs::certificates(),
        logs::entries(),
        logs::times(),
        predicates::all(),
        signers::renamed(),
        signers::identities(),
        signers::publishers(),
    ]
    .concat()
}

/// What the rule of these cases asks of who signs and of what.
const POLICY: &str = r#"schema = 1

[identities.release]
trust = "private"
issuer = "https://token.actions.githubusercontent.com"
repository = "https://github.com/octo/demo"
workflow = ".github/workflows/release.yml"

[[rules]]
projects = ["demo"]
identities = ["release"]
attestations = [
    "https://docs.pypi.org/attestations/publish/v1",
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/provenance/v0.2",
]
build-types = [
    "https://actions.github.io/buildtypes/workflow/v1",
    "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
]
source = "https://github.com/octo/demo"
ref = "refs/tags/v{version}"
rebuild = "never"
"#;

/// True provenance of another file.
fn other_statement() -> String {
    let mut other = provenance();
    other["subject"][0] =
        json!({"name": "demo-1.1-py3-none-any.whl", "digest": {"sha256": "11".repeat(32)}});
    other.to_string()
}

/// What the index asks of who publishes.
fn publish() -> Value {
    about(PUBLISH_TYPE, &Value::Null)
}

/// What GitHub's own action signs, in the run that [`Holder::workflow`] is of.
fn provenance() -> Value {
    about(
        PROVENANCE_TYPE,
        &json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {
                    "workflow": {"ref": GIT_REF, "repository": REPOSITORY, "path": WORKFLOW},
                },
                "internalParameters": {
                    "github": {
                        "event_name": "push",
                        "repository_id": "1001",
                        "repository_owner_id": "2002",
                        "runner_environment": "github-hosted",
                    },
                },
                "resolvedDependencies": [
                    {"uri": format!("git+{REPOSITORY}@{GIT_REF}"), "digest": {"gitCommit": COMMIT}},
                ],
            },
            "runDetails": {
                "builder": {"id": format!("{REPOSITORY}/{WORKFLOW}@{GIT_REF}")},
                "metadata": {"invocationId": RUN},
            },
        }),
    )
}

/// The provenance, signed.
fn signed() -> Signing {
    Sigstore::default().sign(&Holder::workflow(), &provenance().to_string())
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn root_of(instance: &Sigstore) -> Vec<u8> {
    format!("{:#}\n", instance.trusted_root()).into_bytes()
}

impl Case {
    /// A case in which the release workflow signed provenance and everything holds, to be changed.
    pub(super) fn certified(name: &str, changed: &str) -> Self {
        let mut case = Self::new(name, changed).holding(&signed());
        case.policy = POLICY.to_owned();
        case.trusted_root = Some(root_of(&Sigstore::default()));
        case
    }

    fn holding(mut self, signing: &Signing) -> Self {
        self.bundle = Some(bytes(&signing.bundle()));
        self
    }

    /// The same with its attestation in a file of another name.
    fn in_file(mut self, suffix: &'static str, value: &Value) -> Self {
        self.bundle = None;
        self.beside.push((suffix, bytes(value)));
        self
    }

    /// The same with another trusted root.
    fn trusting(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut root = Sigstore::default().trusted_root();
        change(&mut root);
        self.trusted_root = Some(format!("{root:#}\n").into_bytes());
        self
    }
}

/// A case in which something was signed that must be refused.
fn refused(name: &str, changed: &str, fails: Fails, signing: &Signing) -> Case {
    Case::certified(name, changed).failing(fails).holding(signing)
}

/// A case in which another holder signed the provenance.
fn signed_by(name: &str, changed: &str, fails: Fails, holder: &Holder) -> Case {
    let signing = Sigstore::default().sign(holder, &provenance().to_string());
    refused(name, changed, fails, &signing)
}

/// A case in which the bundle was changed after it was made.
fn bent(name: &str, changed: &str, fails: Fails, change: impl FnOnce(&mut Value)) -> Case {
    let mut bundle = signed().bundle();
    change(&mut bundle);
    let mut case = Case::certified(name, changed).failing(fails);
    case.bundle = Some(bytes(&bundle));
    case
}
