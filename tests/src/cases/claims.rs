//! Cases in which everything was signed by the trusted key, and says something that must be refused.

use serde_json::{Value, json};
use wheelmark_core::attestation::environment::Isolation;
use wheelmark_core::attestation::pep517::{Pep517Build, Step};
use wheelmark_core::digest::Sha256Digest;

use super::list::{DIGEST_FAILS, Fails, STATEMENT_FAILS};
use super::signed::statement;
use super::{Case, TestKey, bundle_of, packed};
use crate::hostile::Plan;
use crate::statement::{build, dependency, statement_of};
use crate::tiny;

/// The trusted key signed a statement that says something else.
pub(super) fn statements() -> Vec<Case> {
    let signed = |name: &str, changed: &str, fails: Fails, change: fn(&mut Value)| {
        let mut statement = statement();
        change(&mut statement);
        Case::signed(name, changed, fails, &statement.to_string())
    };
    let text = statement().to_string();
    let subject = "\"subject\":";
    let twice = text.replacen(subject, &format!("{subject}[],{subject}"), 1);
    assert_ne!(text, twice);
    let parts = statement();
    let listed =
        json!([parts["_type"], parts["subject"], parts["predicateType"], parts["predicate"]]);
    vec![
        signed(
            "subject_name_signed_fail",
            "The trusted key signed a statement about a file of another name.",
            &[("subject-name", "subject-name-mismatch")],
            |it| it["subject"][0]["name"] = json!("demo-1.1-py3-none-any.whl"),
        ),
        signed(
            "subject_digest_signed_fail",
            "The trusted key signed a statement about other bytes.",
            DIGEST_FAILS,
            |it| it["subject"][0]["digest"]["sha256"] = json!("00".repeat(32)),
        ),
        signed(
            "subject_digest_weak_fail",
            "The statement gives the file's digest by another algorithm than SHA-256.",
            DIGEST_FAILS,
            |it| it["subject"][0]["digest"] = json!({"sha1": "00".repeat(20)}),
        ),
        signed(
            "two_subjects_fail",
            "The statement is about two files, the wheel first.",
            &[("subject-name", "subject-count"), ("subject-digest", "subject-count")],
            |it| {
                let one = it["subject"][0].clone();
                it["subject"] =
                    json!([one, {"name": "other", "digest": {"sha256": "00".repeat(32)}}]);
            },
        ),
        signed(
            "no_subject_fail",
            "The statement's list of subjects is empty.",
            &[("subject-name", "subject-count"), ("subject-digest", "subject-count")],
            |it| it["subject"] = json!([]),
        ),
        signed(
            "statement_type_fail",
            "The statement's `_type` is no in-toto Statement that goes with its predicate.",
            STATEMENT_FAILS,
            |it| it["_type"] = json!("https://in-toto.io/Statement/v2"),
        ),
        Case::signed(
            "payload_duplicate_key_fail",
            "The signed statement names `subject` twice, so that two readers can see two of them.",
            STATEMENT_FAILS,
            &twice,
        ),
        Case::signed(
            "statement_as_list_fail",
            "The signed statement is a list of its values, which some readers take for an object of them.",
            STATEMENT_FAILS,
            &listed.to_string(),
        ),
        signed(
            "statement_key_in_other_case_fail",
            "The signed statement has a second subject under `Subject`, which some readers take for `subject`.",
            STATEMENT_FAILS,
            |it| it["Subject"] = json!([]),
        ),
        Case::signed(
            "payload_not_json_fail",
            "What the trusted key signed is no JSON.",
            STATEMENT_FAILS,
            "demo-1.0-py3-none-any.whl is fine",
        ),
        signed(
            "predicate_type_signed_fail",
            "The trusted key signed a publish attestation, which says nothing of the build.",
            &[("predicate-type", "predicate-type-wrong")],
            |it| {
                it["predicateType"] = json!("https://docs.pypi.org/attestations/publish/v1");
                it["predicate"] = Value::Null;
            },
        ),
        signed(
            "provenance_v0_2_fail",
            "The predicate is SLSA Provenance v0.2, in which the build type has no meaning.",
            &[("predicate-type", "predicate-type-wrong")],
            |it| {
                it["predicateType"] = json!("https://slsa.dev/provenance/v0.2");
                it["predicate"] = json!({
                    "builder": {"id": "https://wheelmark.dev/builders/local/v1"},
                    "buildType": "https://wheelmark.dev/build-types/pep517/v1",
                });
            },
        ),
        signed(
            "build_type_signed_fail",
            "The trusted key signed provenance of another build type.",
            &[("build-type", "build-type-not-allowed"), ("parameters", "build-type-unknown")],
            |it| {
                it["predicate"]["buildDefinition"]["buildType"] =
                    json!("https://example.org/make/v1");
            },
        ),
        signed(
            "parameter_unknown_fail",
            "The provenance has an external parameter that its build type does not have.",
            &[("parameters", "parameter-unknown")],
            |it| {
                it["predicate"]["buildDefinition"]["externalParameters"]["patch"] =
                    json!("evil.diff");
            },
        ),
        signed(
            "parameter_malformed_fail",
            "The source commit in the provenance is abbreviated.",
            &[("parameters", "provenance-malformed")],
            |it| dependency(it, "source")["digest"]["gitCommit"] = json!("c0c0c0c"),
        ),
        signed(
            "sources_disagree_fail",
            "The source in the parameters is the policy's, the one that was fetched is another.",
            &[("parameters", "provenance-inconsistent")],
            |it| dependency(it, "source")["uri"] = json!("git+https://example.org/fork/demo"),
        ),
        signed(
            "builder_fail",
            "The provenance was made by another builder, whose id begins like the policy's.",
            &[("builder", "builder-not-allowed")],
            |it| {
                it["predicate"]["runDetails"]["builder"]["id"] =
                    json!("https://wheelmark.dev/builders/local/v1/evil");
            },
        ),
    ]
}

/// The trusted key signed a build that the rule does not want.
pub(super) fn builds() -> Vec<Case> {
    let built = |name: &str, changed: &str, fails: Fails, change: fn(&mut Pep517Build)| {
        let mut build = build();
        change(&mut build);
        let statement = statement_of(tiny::FILENAME, &packed(&Plan::new()), &build);
        Case::signed(name, changed, fails, &statement.to_string())
    };
    vec![
        built(
            "source_fork_fail",
            "The wheel was built from a fork.",
            &[("source", "source-not-allowed")],
            |build| build.external.source.uri = "git+https://example.org/fork/demo".to_owned(),
        ),
        built(
            "ref_branch_fail",
            "The wheel was built from a branch and not from the tag of its version.",
            &[("ref", "ref-not-allowed")],
            |build| build.external.source.git_ref = Some("refs/heads/main".to_owned()),
        ),
        built(
            "ref_unanchored_fail",
            "The ref holds the name of the version's tag and more.",
            &[("ref", "ref-not-allowed")],
            |build| build.external.source.git_ref = Some("refs/heads/refs/tags/v1.0".to_owned()),
        ),
        built(
            "ref_missing_fail",
            "The provenance names no ref.",
            &[("ref", "ref-not-allowed")],
            |build| build.external.source.git_ref = None,
        ),
        built(
            "dirty_fail",
            "The tree that was built was not the commit's.",
            &[("clean-source", "source-dirty")],
            |build| build.internal.source.dirty = Some("1 file changed".to_owned()),
        ),
        built(
            "step_not_allowed_fail",
            "A command was run on the wheel after the build; it is in no commit.",
            &[("external-parameters", "parameter-not-allowed")],
            |build| build.external.steps = vec![step(&["sh", "-c", "add-a-file {wheel}"])],
        ),
        built(
            "config_setting_not_allowed_fail",
            "The build backend was given a setting; it is in no commit.",
            &[("external-parameters", "parameter-not-allowed")],
            |build| {
                let setting = ("inject".to_owned(), json!("import os"));
                build.external.config_settings = [setting].into();
            },
        ),
        built(
            "constraint_by_url_fail",
            "A constraint of the build names a requirement by a URL, which no index lists.",
            &[("parameters", "provenance-malformed")],
            |build| {
                let url = "flit_core @ https://evil.example/flit_core-3.0-py3-none-any.whl";
                build.external.build_constraints = vec![url.to_owned()];
            },
        ),
        built(
            "constraint_with_option_fail",
            "A constraint of the build has an option of the installer on a line of its own.",
            &[("parameters", "provenance-malformed")],
            |build| {
                let text = "flit_core\n--extra-index-url https://evil.example/simple";
                build.external.build_constraints = vec![text.to_owned()];
            },
        ),
        built(
            "isolation_none_fail",
            "Nothing held the build while it ran.",
            &[("isolation", "isolation-missing")],
            |build| build.internal.environment.isolation = Isolation::None,
        ),
    ]
}

fn step(command: &[&str]) -> Step {
    Step {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        requires: vec!["auditwheel".to_owned()],
    }
}

/// The policy allows what was asked of the build beside its source, and nothing else.
pub(super) fn instructions() -> Vec<Case> {
    let case = |name: &str, changed: &str, fails: Fails, allowed: &str| {
        let mut it = build();
        it.external.steps = vec![step(&["auditwheel", "repair", "-w", "{out}", "{wheel}"])];
        it.external.config_settings = [("--plat".to_owned(), json!(["a", "b"]))].into();
        let statement = statement_of(tiny::FILENAME, &packed(&Plan::new()), &it);
        let rule = "rebuild = \"never\"\n";
        Case::signed(name, changed, fails, &statement.to_string())
            .under(rule, &format!("{rule}{allowed}"))
    };
    const FAILS: Fails = &[("external-parameters", "parameter-not-allowed")];
    const STEPS: &str = "steps = [\"auditwheel repair -w {out} {wheel}\"]\n";
    const REQUIRES: &str = "step-requires = [\"auditwheel\"]\n";
    const SETTINGS: &str = "config-settings = [\"--plat=a\", \"--plat=b\"]\n";
    vec![
        case(
            "instructions_allowed",
            "A step, what it needs and the settings are those that the policy allows.",
            &[],
            &[STEPS, REQUIRES, SETTINGS].concat(),
        ),
        case(
            "step_requirement_not_allowed_fail",
            "The step is allowed, what was installed for it is not.",
            FAILS,
            &[STEPS, SETTINGS].concat(),
        ),
        case(
            "config_setting_other_fail",
            "One of the values of a setting is not allowed.",
            FAILS,
            &[STEPS, REQUIRES, "config-settings = [\"--plat=a\"]\n"].concat(),
        ),
    ]
}

/// The policy asks for something else.
pub(super) fn policies() -> Vec<Case> {
    let with = |name: &str, changed: &str, fails: Fails, from: &str, to: &str| {
        Case::new(name, changed).failing(fails).under(from, to)
    };
    vec![
        with(
            "project_not_named_fail",
            "No rule of the policy names the project.",
            &[("policy-rule", "project-not-named")],
            "projects = [\"demo\"]",
            "projects = [\"demonstration\"]",
        ),
        with(
            "key_not_valid_any_more_fail",
            "The key was valid until the year before.",
            &[("signature", "key-not-valid-now")],
            "[keys.release]\n",
            "[keys.release]\nvalid-until = 2025-01-01T00:00:00Z\n",
        ),
        with(
            "key_not_valid_yet_fail",
            "The key is valid from the year after.",
            &[("signature", "key-not-valid-now")],
            "[keys.release]\n",
            "[keys.release]\nvalid-from = 2027-01-01T00:00:00Z\n",
        ),
        with(
            "rebuild_required_fail",
            "The policy asks for an identical rebuild, and only provenance was looked at.",
            &[("rebuild", "rebuild-required")],
            "rebuild = \"never\"",
            "rebuild = \"required\"",
        ),
    ]
}

/// How many must sign, and how long ago.
pub(super) fn several() -> Vec<Case> {
    let two_of = |name: &str, changed: &str, fails: Fails, second: Vec<u8>| {
        let two = "keys = [\"release\", \"elsewhere\"]\nthreshold = 2";
        let mut case = Case::new(name, changed).failing(fails).under("keys = [\"release\"]", two);
        case.beside.push((".sigstore", second));
        case
    };
    let by = |key| bundle_of(key, &statement().to_string());
    let mut another = statement();
    another["subject"][0]["digest"]["sha256"] = json!("0".repeat(64));
    let within = |name: &str, changed: &str, fails: Fails, days: u32| {
        let rule = "rebuild = \"never\"";
        Case::certified(name, changed)
            .failing(fails)
            .under(rule, &format!("{rule}\nmax-age-days = {days}"))
    };
    let too_old: Fails = &[("age", "attestation-too-old")];
    let timeless = Case::new(
        "signed_at_no_known_time_fail",
        "The rule asks for an attestation of some age, and nobody vouches for when the key signed.",
    )
    .failing(too_old)
    .under("rebuild = \"never\"", "rebuild = \"never\"\nmax-age-days = 3650");
    vec![
        two_of(
            "two_signers",
            "The rule asks for two signers, and both of its keys signed.",
            &[],
            by(TestKey::Elsewhere),
        ),
        two_of(
            "one_signer_twice_fail",
            "The rule asks for two signers, and one of them signed twice.",
            &[("threshold", "signers-too-few")],
            by(TestKey::Release),
        ),
        two_of(
            "two_signers_of_two_files_fail",
            "The rule asks for two signers, and the second one's attestation is about another file.",
            &[("threshold", "signers-too-few")],
            bundle_of(TestKey::Elsewhere, &another.to_string()),
        ),
        within("signed_within_days", "The rule takes what was signed within 31 days.", &[], 31),
        within(
            "signed_longer_ago_fail",
            "The rule takes what was signed within 30 days, and this was a day before.",
            too_old,
            30,
        ),
        timeless,
    ]
}

/// What the policy decides of this file or its signer, whatever its rules say.
pub(super) fn decisions() -> Vec<Case> {
    let digest = Sha256Digest::of(&Case::new("", "").wheel);
    let with = |name: &str, changed: &str, fails: Fails, more: &str| {
        let mut case = Case::new(name, changed).failing(fails);
        case.policy += more;
        case
    };
    let exception = |until: &str| {
        format!(
            "\n[[exceptions]]\nsha256 = [\"{digest}\"]\nreason = \"no provenance yet\"\n\
             owner = \"release team\"\nexpires = {until}\n"
        )
    };
    let revocation = |what: &str| {
        format!("\n[[revocations]]\n{what}\nreason = \"its build machine was broken into\"\n")
    };
    let revoked: Fails = &[("revocation", "file-revoked")];
    let mut without = with(
        "excepted",
        "There is no attestation, and the policy has an exception for the file.",
        &[],
        &exception("2026-12-31T00:00:00Z"),
    );
    without.bundle = None;
    let mut another = with(
        "excepted_another_file_fail",
        "The policy has an exception for another wheel of the same name.",
        &[("attestation", "attestation-missing")],
        &exception("2026-12-31T00:00:00Z").replace(&digest.to_string(), &"0".repeat(64)),
    );
    another.bundle = None;
    let renamed = |name: &str, changed: &str, reason: &'static str, names: &str| {
        let owner = "owner = \"release team\"\n";
        let policy = exception("2026-12-31T00:00:00Z").replace(owner, &format!("{owner}{names}"));
        let mut case = with(name, changed, &[("subject-name", reason)], &policy);
        case.filename = "demo-1.0-py3-none-win_amd64.whl".to_owned();
        case.bundle = None;
        case
    };
    let mut named = with(
        "excepted_by_name",
        "There is no attestation, and the policy has an exception for the file under its name.",
        &[],
        &(exception("2026-12-31T00:00:00Z") + "names = [\"demo-1.0-py3-none-any.whl\"]\n"),
    );
    named.bundle = None;
    vec![
        without,
        another,
        named,
        renamed(
            "excepted_renamed_fail",
            "The policy has an exception for the bytes, which were then renamed to another platform.",
            "metadata-tags-mismatch",
            "",
        ),
        renamed(
            "excepted_by_another_name_fail",
            "The policy has an exception for the bytes under another name.",
            "subject-name-mismatch",
            "names = [\"demo-1.0-py3-none-any.whl\"]\n",
        ),
        with(
            "exception_expired_fail",
            "Everything holds, and the policy has an exception for the file whose time is over.",
            &[("policy-rule", "exception-expired")],
            &exception("2025-06-30T00:00:00Z"),
        ),
        with(
            "file_revoked_fail",
            "Everything holds, and the policy revokes the file.",
            revoked,
            &revocation(&format!("sha256 = [\"{digest}\"]")),
        ),
        with(
            "release_revoked_fail",
            "Everything holds, and the policy revokes a range of versions, written otherwise.",
            revoked,
            &revocation("projects = [\"dem*\"]\nversions = \">=0.9,<=1.0.0\""),
        ),
        with(
            "release_revoked_and_excepted_fail",
            "The policy has an exception for the file and revokes its release.",
            revoked,
            &(exception("2026-12-31T00:00:00Z") + &revocation("projects = [\"demo\"]")),
        ),
        with(
            "another_release_revoked",
            "The policy revokes another version.",
            &[],
            &revocation("projects = [\"demo\"]\nversions = \"!=1.0\""),
        ),
        with(
            "key_revoked_fail",
            "The key is a rule's and valid, and the policy revokes it.",
            &[("signer", "signer-revoked")],
            &revocation("keys = [\"release\"]"),
        ),
    ]
}
