//! What must pass: the forms and signers of the field, each once.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use wheelmark_core::attestation::predicate::STATEMENT_V0_1_TYPE;
use wheelmark_core::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;

use super::{Case, bytes, provenance, publish, root_of, signed};
use crate::cases::signed::{poisoned_wheel, wheel_digest};
use crate::cases::{TestKey, packed};
use crate::hostile::Plan;
use crate::sigstore::holder::{COMMIT, EMAIL, GIT_REF, GOOGLE, Promise, REPOSITORY, WORKFLOW};
use crate::sigstore::{
    By, Content, Holder, Signing, Sigstore, Version, provenance_object, signed_at,
};
use crate::tiny;
use wheelmark_build::sign::Signer as _;

/// The workflow of slsa-github-generator that signs in the name of another.
const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/\
    .github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0";

pub(super) fn all() -> Vec<Case> {
    [forms(), signers(), instances()].concat()
}

/// The publisher of the release workflow, as an index names it.
pub(super) fn publisher() -> Value {
    json!({
        "kind": "GitHub",
        "repository": "octo/demo",
        "workflow": "release.yml",
        "environment": "pypi",
    })
}

/// A publish attestation of the release workflow.
pub(super) fn published() -> Signing {
    Sigstore::default().sign(&Holder::workflow(), &publish().to_string())
}

fn forms() -> Vec<Case> {
    let other = Sigstore::default().sign(&Holder::workflow(), &super::other_statement());
    let mut lines = Case::certified(
        "github_provenance_in_lines",
        "The bundle is the second of two, one a line; the first is of another wheel.",
    );
    lines.bundle = None;
    let both = format!("{}\n{}\n", other.bundle(), signed().bundle());
    lines.beside.push((".intoto.jsonl", both.into_bytes()));

    let mut beside = Case::certified(
        "another_attestation_refused_beside",
        "Beside the provenance lies an attestation by a stranger, which takes nothing from it.",
    );
    let stranger = Sigstore::named("stranger").sign(&Holder::person(), &publish().to_string());
    beside.beside.push((".publish.attestation", bytes(&stranger.attestation())));

    let old = |name: &str, changed: &str, version: Version, change: fn(&mut Value)| {
        let mut case = Case::certified(name, changed);
        let mut bundle = signed().bundle_of(version);
        change(&mut bundle);
        case.bundle = Some(bytes(&bundle));
        case
    };
    let forms = vec![
        Case::certified("github_provenance", "GitHub's provenance, by the release workflow."),
        lines,
        beside,
        Case::certified(
            "publish_attestation",
            "The publish attestation of an index, by the release workflow.",
        )
        .in_file(".publish.attestation", &published().attestation()),
        Case::certified(
            "publish_provenance_object",
            "The provenance object of an index: the publish attestation and who published.",
        )
        .in_file(".provenance", &provenance_object(&publisher(), &[published().attestation()])),
        old(
            "bundle_v0_1",
            "The bundle is of the first version: a chain of certificates, and the log's promise alone.",
            Version::V0_1,
            |bundle| {
                let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
                entry.as_object_mut().expect("an entry").remove("inclusionProof");
            },
        ),
        old("bundle_v0_2", "The bundle is of the second version.", Version::V0_2, |_| ()),
    ];
    [forms, poisoned().to_vec()].concat()
}

/// What no policy can tell from an honest file without a rebuild: it is accepted, and shown as what it is.
fn poisoned() -> [Case; 2] {
    let (wheel, sha256) = poisoned_wheel();
    let signed = |mut statement: Value| {
        statement["subject"][0]["digest"]["sha256"] = json!(sha256);
        Sigstore::default().sign(&Holder::workflow(), &statement.to_string())
    };
    let built = Case::certified(
        "poisoned_build",
        "What the right workflow built was poisoned, by a cache for one, and no commit has it. Its provenance is \
         true, and only a rebuild would show it.",
    )
    .holding(&signed(provenance()));
    let published =
        Case::certified("poisoned_build_published", "The same, published by the right workflow.")
            .in_file(".publish.attestation", &signed(publish()).attestation());
    [Case { wheel: wheel.clone(), ..built }, Case { wheel, ..published }]
}

fn signers() -> Vec<Case> {
    let instance = Sigstore::default();
    let by = |name: &str, changed: &str, holder: &Holder, statement: &str| {
        Case::certified(name, changed).holding(&instance.sign(holder, statement))
    };
    let generator = by(
        "slsa_generator",
        "slsa-github-generator signed provenance v0.2 of all that the run of the workflow gave.",
        &generator_holder(),
        &generated().to_string(),
    )
    .under("rebuild =", &format!("builders = [\"{GENERATOR}\"]\nrebuild ="));

    let build = crate::cases::signed::statement().to_string();
    let mut email = by(
        "email_identity",
        "A person signed provenance of `wheelmark build` by their mail address.",
        &Holder::person(),
        &build,
    );
    email.policy = by_person(
        "source = \"https://example.org/owner/demo\"\nref = \"refs/tags/v{version}\"\n\
         builders = [\"https://wheelmark.dev/builders/local/v1\"]\n",
    );

    vec![
        generator,
        email,
        bare("bare_signature", "A person signed the wheel itself, and the rule takes that."),
        by(
            "old_certificate",
            "The certificate has only the extensions of Fulcio's first years.",
            &Holder::old_workflow(),
            &provenance().to_string(),
        ),
        logged_key(),
        retired_key(),
    ]
}

/// A wheel that a person signed itself: nothing that is signed names it.
pub(super) fn bare(name: &str, changed: &str) -> Case {
    let signing = Sigstore::default().sign_file(&Holder::person(), &packed(&Plan::new()));
    let mut case = Case::certified(name, changed).holding(&signing);
    case.policy = by_person("bare-signature = true\n");
    case
}

/// A policy by which a person signs.
fn by_person(more: &str) -> String {
    format!(
        "schema = 1\n\n[identities.manager]\ntrust = \"private\"\nissuer = \"{GOOGLE}\"\nsan = \"{EMAIL}\"\n\n\
         [[rules]]\nprojects = [\"demo\"]\nidentities = [\"manager\"]\n{more}rebuild = \"never\"\n"
    )
}

fn instances() -> Vec<Case> {
    let instance = Sigstore::default();
    let mut unpromised = Holder::workflow();
    unpromised.promise = Promise::None;
    let by_unpromised = || instance.sign(&unpromised, &provenance().to_string());
    let stamped = by_unpromised().stamped(&instance.timestamps, signed_at());
    vec![
        Case::certified(
            "no_certificate_log",
            "The instance has no certificate log, so its certificates need no promise of one.",
        )
        .holding(&by_unpromised())
        .trusting(|root| root["ctlogs"] = json!([])),
        Case::certified(
            "time_stamps_alone",
            "The instance has no log at all, and an authority that stamps times.",
        )
        .holding(&Signing { entries: Vec::new(), ..stamped })
        .trusting(|root| {
            root["ctlogs"] = json!([]);
            root["tlogs"] = json!([]);
        }),
        Case::certified("log_and_time_stamp", "Both a log and an authority vouch for the time.")
            .holding(&signed().stamped(&instance.timestamps, signed_at())),
    ]
}

/// A plain key whose signatures must be in the log.
fn logged_key() -> Case {
    let mut case = Case::new(
        "key_in_log",
        "A key signed, the policy wants its signatures in a log, and it is.",
    )
    .under("[keys.release]\n", "[keys.release]\nlog = \"private\"\n");
    case.bundle = Some(bytes(&signed_by_key().bundle()));
    case.trusted_root = Some(root_of(&Sigstore::default()));
    case
}

/// The same key, which counted when it signed and does not any more.
fn retired_key() -> Case {
    let mut case = logged_key();
    case.name = "key_in_log_retired".to_owned();
    case.changed =
        "The key in the log is valid until after the time of the entry, which is before the verification."
            .to_owned();
    let until = (signed_at() + TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    case.under("[keys.release]\n", &format!("[keys.release]\nvalid-until = {until}\n"))
}

/// A statement of `wheelmark build`, signed by the release key and logged.
pub(super) fn signed_by_key() -> Signing {
    let statement = crate::cases::signed::statement().to_string();
    let message = crate::cases::signed::pae("application/vnd.in-toto+json", &statement);
    let signing = Signing {
        by: By::Key { hint: TestKey::Release.hint(), pem: TestKey::Release.public_pem() },
        signature: TestKey::Release.open().sign(message.as_bytes()).expect("signed"),
        content: Content::Statement(statement),
        entries: Vec::new(),
        tokens: Vec::new(),
    };
    Sigstore::default().logged(signing, signed_at())
}

/// The certificate of the generator in a run of the release workflow.
pub(super) fn generator_holder() -> Holder {
    let mut holder = Holder::workflow().claiming(9, GENERATOR);
    holder.name = crate::sigstore::holder::Name::Uri(GENERATOR.to_owned());
    holder
}

/// What the generator signs: several files, each in the folder where the run had it.
pub(super) fn generated() -> Value {
    let digest = "00".repeat(32);
    let source = format!("git+{REPOSITORY}@{GIT_REF}");
    json!({
        "_type": STATEMENT_V0_1_TYPE,
        "subject": [
            {"name": "dist/demo-1.0.tar.gz", "digest": {"sha256": digest}},
            {"name": format!("dist/{}", tiny::FILENAME), "digest": {"sha256": wheel_digest()}},
            {"name": "dist/demo-1.0-py2-none-any.whl", "digest": {"sha256": digest}},
        ],
        "predicateType": PROVENANCE_V0_2_TYPE,
        "predicate": {
            "builder": {"id": GENERATOR},
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "invocation": {
                "configSource": {
                    "uri": source,
                    "digest": {"sha1": COMMIT},
                    "entryPoint": WORKFLOW,
                },
                "parameters": {},
                "environment": {
                    "github_event_name": "push",
                    "github_ref": GIT_REF,
                    "github_repository_id": "1001",
                    "github_repository_owner": "octo",
                    "github_repository_owner_id": "2002",
                    "github_run_attempt": "1",
                    "github_run_id": "15361",
                    "github_sha1": COMMIT,
                },
            },
            "metadata": {
                "buildInvocationID": "15361-1",
                "completeness": {"parameters": true, "environment": false, "materials": false},
                "reproducible": false,
            },
            "materials": [{"uri": source, "digest": {"sha1": COMMIT}}],
        },
    })
}
