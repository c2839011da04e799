//! Every case.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wheelmark_build::sign::Signer as _;
use wheelmark_core::attestation::statement::PAYLOAD_TYPE;
use wheelmark_core::digest::Sha256Digest;

use super::signed::{pae, statement};
use super::{Case, TestKey, bundle_of, envelope, packed};
use super::{certificates, claims, demands, origins};
use crate::hostile::Plan;
use crate::statement::{build, dependency, statement_of};

pub(super) type Fails<'a> = &'a [(&'static str, &'static str)];

pub(super) const DIGEST_FAILS: Fails = &[("subject-digest", "subject-digest-mismatch")];
const SIGNATURE_FAILS: Fails = &[("signature", "signature-invalid")];
const BUNDLE_FAILS: Fails = &[("attestation", "bundle-malformed")];
pub(super) const STATEMENT_FAILS: Fails = &[("statement", "statement-malformed")];

/// Every case, by the part that was changed.
pub fn all() -> Vec<Case> {
    [
        accepted(),
        wheels(),
        names(),
        bundles(),
        changed_after_signing(),
        signers(),
        claims::statements(),
        claims::builds(),
        claims::policies(),
        claims::decisions(),
        claims::several(),
        claims::instructions(),
        origins::all(),
        demands::all(),
        certificates::all(),
    ]
    .concat()
}

/// What must pass: a verifier that refuses everything would pass all the others.
fn accepted() -> Vec<Case> {
    let mut tags = Case::new(
        "tags_in_another_order",
        "The statement's subject writes the wheel's tags in another order, which names the same file.",
    );
    let mut plan = Plan::new();
    plan.edit(
        "demo-1.0.dist-info/WHEEL",
        "Tag: py3-none-any",
        "Tag: py2-none-any\nTag: py3-none-any",
    );
    tags.wheel = packed(&plan);
    tags.filename = "demo-1.0-py2.py3-none-any.whl".to_owned();
    let signed = statement_of("demo-1.0-py3.py2-none-any.whl", &tags.wheel, &build());
    tags.bundle = Some(bundle_of(TestKey::Release, &signed.to_string()));

    let mut spaced = Case::new(
        "bundle_laid_out",
        "The bundle is written over many lines: space outside of what was signed means nothing.",
    );
    let bundle = json_of(&spaced);
    spaced.bundle = Some(serde_json::to_vec_pretty(&bundle).expect("JSON"));

    let mut no_hint = Case::new(
        "no_key_hint",
        "The bundle does not say by which key it is signed; each trusted one is tried.",
    );
    bend(&mut no_hint, |bundle| {
        bundle["verificationMaterial"]["publicKey"]["hint"] = json!("");
    });
    let mut other_hint = Case::new(
        "key_hint_of_another_form",
        "The bundle names its key as signer and verifier agreed to; each trusted one is tried.",
    );
    bend(&mut other_hint, |bundle| {
        bundle["verificationMaterial"]["publicKey"]["hint"] = json!("awskms:///alias/release");
    });
    vec![Case::new("accepted", "Nothing was changed."), tags, spaced, no_hint, other_hint]
}

fn wheels() -> Vec<Case> {
    let mut byte = Case::new("wheel_byte_fail", "One byte of a member's data was changed.")
        .failing(&[("archive", "archive-crc"), ("subject-digest", "subject-digest-mismatch")]);
    let text = b"print('demo')";
    let at =
        byte.wheel.windows(text.len()).position(|window| window == text).expect("a stored member");
    byte.wheel[at] ^= 1;

    let mut swapped = Case::new(
        "wheel_member_swapped_fail",
        "A member was replaced and RECORD updated, so that the wheel is true to itself.",
    )
    .failing(DIGEST_FAILS);
    swapped.wheel = packed(Plan::new().put("demo/__init__.py", "print('other')\n"));

    let mut added = Case::new(
        "wheel_startup_hook_added_fail",
        "A `.pth` file that runs whenever Python starts was added, and RECORD updated.",
    )
    .failing(DIGEST_FAILS);
    added.wheel = packed(Plan::new().put("demo.pth", "import demo\n"));

    let mut record = Case::new(
        "wheel_member_swapped_record_kept_fail",
        "A member was replaced and RECORD still gives the hash of what was there before.",
    )
    .failing(&[("archive", "record-hash-mismatch"), ("subject-digest", "subject-digest-mismatch")]);
    let mut plan = Plan::new();
    plan.record = Some(plan.honest_record());
    plan.edit("demo/__init__.py", "demo", "omed");
    record.wheel = packed(&plan);
    vec![byte, swapped, added, record]
}

fn names() -> Vec<Case> {
    let renamed = |name: &str, changed: &str, filename: &str, fails: Fails| {
        let mut case = Case::new(name, changed).failing(fails);
        case.filename = filename.to_owned();
        case
    };
    vec![
        renamed(
            "wheel_renamed_version_fail",
            "The wheel and its bundle were renamed to another version.",
            "demo-1.1-py3-none-any.whl",
            &[
                ("archive", "metadata-dist-info-name"),
                ("subject-name", "subject-name-mismatch"),
                ("ref", "ref-not-allowed"),
            ],
        ),
        renamed(
            "wheel_renamed_project_fail",
            "The wheel and its bundle were renamed to another project, for which another key signs.",
            "elsewhere-1.0-py3-none-any.whl",
            &[
                ("archive", "metadata-dist-info-name"),
                ("subject-name", "subject-name-mismatch"),
                ("signer", "signer-not-allowed"),
                ("source", "source-not-allowed"),
            ],
        ),
        renamed(
            "wheel_renamed_tag_fail",
            "The wheel and its bundle were renamed to another compatibility tag.",
            "demo-1.0-py2-none-any.whl",
            &[("archive", "metadata-tags-mismatch"), ("subject-name", "subject-name-mismatch")],
        ),
        renamed(
            "wheel_renamed_build_tag_fail",
            "The wheel and its bundle were given a build tag, by which installers prefer them.",
            "demo-1.0-9-py3-none-any.whl",
            &[("subject-name", "subject-name-mismatch")],
        ),
    ]
}

fn bundles() -> Vec<Case> {
    let whole = Case::new("", "").bundle.expect("a bundle");
    let with = |name: &str, changed: &str, bundle: Option<Vec<u8>>, fails: Fails| {
        let mut case = Case::new(name, changed).failing(fails);
        case.bundle = bundle;
        case
    };
    let text = String::from_utf8(whole.clone()).expect("UTF-8");
    let media_type = "\"mediaType\":";
    assert!(text.starts_with(&format!("{{{media_type}")));
    let twice =
        text.replacen(media_type, &format!("{media_type}\"application/json\",{media_type}"), 1);
    let other = statement_of("other-2.0-py3-none-any.whl", b"other bytes", &build());
    let signatures = |count: usize| {
        let mut bundle: Value = serde_json::from_slice(&whole).expect("JSON");
        let one = bundle["dsseEnvelope"]["signatures"][0].clone();
        bundle["dsseEnvelope"]["signatures"] = json!(vec![one; count]);
        Some(bundle.to_string().into_bytes())
    };
    let wheel = packed(&Plan::new());
    let bare = TestKey::Release.open().sign(&wheel).expect("signed");
    let bare = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": TestKey::Release.hint()}},
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": STANDARD.encode(Sha256Digest::of(&packed(&Plan::new())).as_bytes()),
            },
            "signature": STANDARD.encode(bare),
        },
    });
    let mut both: Value = serde_json::from_slice(&whole).expect("JSON");
    both["messageSignature"] = bare["messageSignature"].clone();
    let mut two_materials: Value = serde_json::from_slice(&whole).expect("JSON");
    two_materials["verificationMaterial"]["certificate"] = json!({"rawBytes": "MAA="});
    let mut two_names: Value = serde_json::from_slice(&whole).expect("JSON");
    two_names["dsse_envelope"] = json!(null);
    vec![
        with(
            "bundle_missing_fail",
            "There is no bundle.",
            None,
            &[("attestation", "attestation-missing")],
        ),
        with("bundle_empty_fail", "The bundle is an empty file.", Some(Vec::new()), BUNDLE_FAILS),
        with(
            "bundle_truncated_fail",
            "The second half of the bundle is missing.",
            Some(whole[..whole.len() / 2].to_vec()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_duplicate_key_fail",
            "A key of the bundle is there twice, so that two readers can see two bundles.",
            Some(twice.into_bytes()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_deeply_nested_fail",
            "The bundle is a list in a list, a thousand times.",
            Some([b"[".repeat(1000), b"]".repeat(1000)].concat()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_two_signatures_fail",
            "The envelope holds the signature twice.",
            signatures(2),
            &[("attestation", "signature-count")],
        ),
        with(
            "bundle_no_signature_fail",
            "The envelope's list of signatures is empty.",
            signatures(0),
            &[("attestation", "signature-count")],
        ),
        with(
            "bundle_over_bare_file_fail",
            "The bundle signs the bytes of the wheel and says nothing of their origin.",
            Some(bare.to_string().into_bytes()),
            &[("statement", "bundle-not-attestation")],
        ),
        with(
            "bundle_two_contents_fail",
            "The bundle has the envelope and a signature over the bare file, so that two readers can take two.",
            Some(both.to_string().into_bytes()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_two_names_fail",
            "The bundle has the envelope under both names that a field has, so that two readers can take two.",
            Some(two_names.to_string().into_bytes()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_two_materials_fail",
            "The bundle names a key and a certificate, so that two readers can take two.",
            Some(two_materials.to_string().into_bytes()),
            BUNDLE_FAILS,
        ),
        with(
            "bundle_of_another_wheel_fail",
            "The bundle is a true one, by the right key, of another wheel.",
            Some(bundle_of(TestKey::Release, &other.to_string())),
            &[
                ("subject-name", "subject-name-mismatch"),
                ("subject-digest", "subject-digest-mismatch"),
            ],
        ),
    ]
}

/// The payload or what is around it was changed, and nobody signed again.
fn changed_after_signing() -> Vec<Case> {
    let payload = |name: &str, what: &str, change: fn(&mut Value)| {
        let changed = format!("{what} was changed after signing.");
        let mut case =
            Case::new(&format!("{name}_unsigned_fail"), &changed).failing(SIGNATURE_FAILS);
        bend(&mut case, |bundle| {
            let text = bundle["dsseEnvelope"]["payload"].as_str().expect("base64");
            let text = STANDARD.decode(text).expect("base64");
            let mut statement: Value = serde_json::from_slice(&text).expect("JSON");
            let before = statement.clone();
            change(&mut statement);
            assert_ne!(statement, before, "{what}");
            bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(statement.to_string()));
        });
        case
    };
    let around = |name: &str, changed: &str, fails: Fails, change: &dyn Fn(&mut Value)| {
        let mut case = Case::new(name, changed).failing(fails);
        bend(&mut case, change);
        case
    };
    let elsewhere = json!(TestKey::Elsewhere.hint());
    vec![
        payload("payload", "A time in the payload", |statement| {
            statement["predicate"]["buildDefinition"]["internalParameters"]["environment"]["sourceDateEpoch"] =
                json!(1);
        }),
        payload("subject_name", "The subject's name", |statement| {
            statement["subject"][0]["name"] = json!("demo-1.1-py3-none-any.whl");
        }),
        payload("subject_digest", "The subject's digest", |statement| {
            statement["subject"][0]["digest"]["sha256"] = json!("00".repeat(32));
        }),
        payload("predicate_type", "The predicate's type", |statement| {
            statement["predicateType"] = json!("https://slsa.dev/provenance/v0.2");
        }),
        payload("build_type", "The build type", |statement| {
            statement["predicate"]["buildDefinition"]["buildType"] =
                json!("https://example.org/make/v1");
        }),
        payload("source_commit", "The source commit", |statement| {
            dependency(statement, "source")["digest"]["gitCommit"] = json!("ba".repeat(20));
        }),
        payload("dependency_digest", "The digest of a resolved dependency", |statement| {
            dependency(statement, "build-requirement")["digest"]["sha256"] = json!("ba".repeat(32));
        }),
        around(
            "payload_type_unsigned_fail",
            "The envelope's payloadType was changed after signing.",
            SIGNATURE_FAILS,
            &|bundle| bundle["dsseEnvelope"]["payloadType"] = json!("application/json"),
        ),
        around(
            "signature_changed_fail",
            "One bit of the signature was changed.",
            SIGNATURE_FAILS,
            &|bundle| {
                let signature = &mut bundle["dsseEnvelope"]["signatures"][0]["sig"];
                let mut bytes =
                    STANDARD.decode(signature.as_str().expect("base64")).expect("base64");
                *bytes.last_mut().expect("a signature") ^= 1;
                *signature = json!(STANDARD.encode(bytes));
            },
        ),
        around(
            "signature_empty_fail",
            "The signature is an empty one.",
            SIGNATURE_FAILS,
            &|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(""),
        ),
        around(
            "key_hint_of_another_key_fail",
            "The bundle names another trusted key than the one that signed.",
            SIGNATURE_FAILS,
            &|bundle| bundle["verificationMaterial"]["publicKey"]["hint"] = elsewhere.clone(),
        ),
        around(
            "key_hint_unknown_fail",
            "The bundle names a key that the policy does not have.",
            &[("signature", "key-unknown")],
            &|bundle| {
                bundle["verificationMaterial"]["publicKey"]["hint"] =
                    json!(STANDARD.encode([0xba; 32]));
            },
        ),
        around(
            "key_id_of_another_key_fail",
            "The envelope's keyid names another key than the bundle around it.",
            &[("signature", "key-id-mismatch")],
            &|bundle| bundle["dsseEnvelope"]["signatures"][0]["keyid"] = elsewhere.clone(),
        ),
    ]
}

fn signers() -> Vec<Case> {
    let with = |name: &str, changed: &str, bundle: Vec<u8>, fails: Fails| {
        let mut case = Case::new(name, changed).failing(fails);
        case.bundle = Some(bundle);
        case
    };
    let payload = statement().to_string();
    let by_elsewhere = bundle_of(TestKey::Elsewhere, &payload);
    let claimed = changed_bundle(&by_elsewhere, |bundle| {
        bundle["verificationMaterial"]["publicKey"]["hint"] = json!(TestKey::Release.hint());
    });
    let brought = changed_bundle(&by_elsewhere, |bundle| {
        let pem = TestKey::Elsewhere.public_pem();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
        bundle["verificationMaterial"]["publicKey"] =
            json!({"hint": TestKey::Release.hint(), "rawBytes": der});
    });
    let certificate = changed_bundle(&by_elsewhere, |bundle| {
        let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/keys/certificate.pem");
        let pem = fs::read_to_string(pem).expect("a certificate");
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": der}});
    });
    vec![
        with(
            "key_of_another_project_fail",
            "The key is one that the policy trusts, for another project.",
            by_elsewhere,
            &[("signer", "signer-not-allowed")],
        ),
        with(
            "key_under_another_name_fail",
            "Another key signed, and the bundle names the trusted one.",
            claimed,
            SIGNATURE_FAILS,
        ),
        with(
            "key_brought_along_fail",
            "The bundle brings along the key by which it would hold.",
            brought,
            SIGNATURE_FAILS,
        ),
        with(
            "certificate_fail",
            "The bundle is signed by a certificate, which this policy cannot judge.",
            certificate,
            &[("signature", "signer-unsupported")],
        ),
        with(
            "signed_without_pae_fail",
            "The right key signed the payload itself and not DSSE's encoding of it with its type.",
            envelope(PAYLOAD_TYPE, &payload, |_, payload| payload.to_owned()),
            SIGNATURE_FAILS,
        ),
        with(
            "payload_type_signed_fail",
            "The right key signed the payload as something else than an in-toto statement.",
            envelope("application/json", &payload, pae),
            &[("signature", "payload-type-wrong")],
        ),
    ]
}

impl Case {
    pub(super) fn failing(mut self, fails: Fails) -> Self {
        self.fails = fails.to_vec();
        self
    }
}

fn json_of(case: &Case) -> Value {
    serde_json::from_slice(case.bundle.as_deref().expect("a bundle")).expect("JSON")
}

fn bend(case: &mut Case, change: impl FnOnce(&mut Value)) {
    case.bundle = case.bundle.take().map(|bundle| changed_bundle(&bundle, change));
}

pub(super) fn changed_bundle(bundle: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bundle = serde_json::from_slice(bundle).expect("JSON");
    change(&mut bundle);
    bundle.to_string().into_bytes()
}
