//! `wheelmark verify --vsa` and `--svr`: what is signed for others is what was verified, and nothing else is.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed as Bytes, VerifiedEnvelope};
use wheelmark_core::attestation::predicate::Predicate;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::trust::{TrustRoot, TrustedKey, Validity};
use wheelmark_tests::cases::{self, AT, TRUSTED_ROOT};
use wheelmark_tests::index_server::{IndexServer, Payload, Reply, Served, integrity_path};
use wheelmark_tests::keys;
use wheelmark_tests::program::{interrupt, started, wheelmark};
use wheelmark_tests::statement::{SOURCE, Signed};
use wheelmark_tests::tiny::{self, FILENAME};

/// The folder of a case, with the keys of somebody who verifies: `verifier.key` and `verifier.key.pub`.
struct Place {
    folder: TempDir,
    key: PrivateKey,
}

impl Place {
    fn of(case: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        cases::copy(case, folder.path());
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let place = Self { folder, key };
        place.put_key("verifier.key", &place.key, None);
        place
    }

    fn put_key(&self, name: &str, key: &PrivateKey, passphrase: Option<&str>) {
        keys::write(&self.path(name), key, passphrase, &self.path(&format!("{name}.pub")));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `wheelmark verify` of the wheel under the case's policy.
    fn verify(&self, arguments: &[&str]) -> Command {
        self.verify_all(&[&[FILENAME], arguments].concat())
    }

    fn verify_all(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).args(["verify", "--policy", "policy.toml", "--at", AT]);
        if self.path(TRUSTED_ROOT).exists()
            && fs::read_to_string(self.path("policy.toml"))
                .expect("a policy")
                .contains("\"private\"")
        {
            command.args(["--trust-root", TRUSTED_ROOT]);
        }
        command.args(arguments);
        command
    }

    /// The same with the key, and both verdicts to `vsa.json` and `svr.json`.
    fn both(&self) -> Command {
        self.verify(&["--key", "verifier.key", "--vsa", "vsa.json", "--svr", "svr.json"])
    }

    /// The statement in a bundle that the verifier's key signed, as our own reader takes it.
    fn read(&self, name: &str) -> Value {
        let bytes = fs::read(self.path(name)).expect(name);
        held_by(&self.key, &bytes)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let names = entries.map(|it| it.expect("an entry").file_name().into_string());
        let mut names: Vec<_> = names.map(|it| it.expect("UTF-8")).collect();
        names.sort();
        names
    }

    fn wrote_nothing(&self) {
        assert!(!self.path("vsa.json").exists() && !self.path("svr.json").exists());
        let names = self.names(".");
        assert!(!names.iter().any(|name| name.starts_with(".wheelmark")), "{names:?}");
    }
}

/// The statement that holds by a key, after every reader of ours took it.
fn held_by(key: &PrivateKey, bytes: &[u8]) -> Value {
    let limits = AttestationLimits::standard();
    let trusted = TrustedKey::from_pem(&key.public_pem().expect("PEM"), Validity::default());
    let root = TrustRoot::new(vec![trusted.expect("a key")], Vec::new());
    let attestation = Attestation::parse(bytes, &limits).expect("a bundle");
    let file = Bytes::Digest(Sha256Digest::of(b"no file"));
    let now = chrono::Utc::now();
    let envelope = VerifiedEnvelope::verify(&attestation, &root, file, now).expect("it holds");
    let statement = envelope.statement(&limits).expect("a statement");
    Predicate::read(&statement).expect("a predicate that is known");
    serde_json::to_value(statement).expect("JSON")
}

fn said(command: &mut Command, code: i32) -> (String, String) {
    let output = command.assert().code(code).get_output().clone();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

fn sha256_of(path: &Path) -> String {
    Sha256Digest::of(&fs::read(path).expect("a file")).to_string()
}

#[test]
fn every_field_is_what_was_verified() {
    let place = Place::of("accepted");
    let (stdout, _) = said(&mut place.both(), 0);
    let key = place.key.key_id();
    let told = format!("wrote vsa vsa.json: PASSED, SLSA_BUILD_LEVEL_1, signed by key {key}\n");
    assert!(stdout.ends_with(&told), "{stdout}");
    let subject = json!([{
        "name": FILENAME,
        "digest": {"sha256": sha256_of(&place.path(FILENAME))},
    }]);
    let policy_sha256 = Sha256Digest::of(&fs::read(place.path("policy.toml")).expect("a policy"));
    let policy = json!({
        "uri": format!("ni:///sha-256;{}", URL_SAFE_NO_PAD.encode(policy_sha256.as_bytes())),
        "digest": {"sha256": policy_sha256.to_string()},
    });
    let bundle = place.path(&format!("{FILENAME}.sigstore.json"));
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {
                "id": "https://wheelmark.dev/verifiers/local/v1",
                "version": {"wheelmark": env!("CARGO_PKG_VERSION")},
            },
            "timeVerified": AT,
            "resourceUri": format!("pkg:pypi/demo@1.0?file_name={FILENAME}"),
            "policy": policy,
            "inputAttestations": [{"digest": {"sha256": sha256_of(&bundle)}}],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_1"],
            "slsaVersion": "1.2",
        },
    });
    assert_eq!(place.read("vsa.json"), expected);
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://in-toto.io/attestation/svr/v0.2",
        "predicate": {
            "verifier": {
                "id": "https://wheelmark.dev/verifiers/local/v1",
                "policies": [policy],
            },
            "timeCreated": AT,
            "properties": [
                "WHEELMARK_ACCEPTED", "WHEELMARK_PROVENANCE_VERIFIED", "SLSA_BUILD_LEVEL_1",
            ],
        },
    });
    assert_eq!(place.read("svr.json"), expected);
}

#[test]
fn who_verifies_may_say_who_and_what_it_is() {
    let place = Place::of("accepted");
    let arguments = [
        "--signing-key",
        "verifier.key",
        "--vsa",
        "vsa.json",
        "--verifier-id",
        "https://example.org/verifier",
        "--policy-uri",
        "https://example.org/policy.toml",
        "--resource-uri",
        "https://example.org/files/demo",
    ];
    place.verify(&arguments).assert().code(0);
    let predicate = &place.read("vsa.json")["predicate"];
    assert_eq!(predicate["verifier"]["id"], "https://example.org/verifier");
    assert_eq!(predicate["policy"]["uri"], "https://example.org/policy.toml");
    assert_eq!(predicate["policy"]["digest"]["sha256"], sha256_of(&place.path("policy.toml")));
    assert_eq!(predicate["resourceUri"], "https://example.org/files/demo");
    for option in ["--verifier-id", "--policy-uri", "--resource-uri"] {
        let wrong = ["--signing-key", "verifier.key", "--vsa", "other.json", option, "no uri"];
        let (_, stderr) = said(&mut place.verify(&wrong), 2);
        assert!(stderr.contains("not a URI"), "{stderr}");
    }
}

/// The levels of the VSA and the properties of the SVR of a case that is accepted.
fn shown(case: &str) -> (Value, Value) {
    let place = Place::of(case);
    place.both().assert().code(0);
    let vsa = place.read("vsa.json")["predicate"].take();
    assert_eq!(vsa["verificationResult"], "PASSED", "{case}");
    let svr = place.read("svr.json")["predicate"]["properties"].take();
    (vsa, svr)
}

#[test]
fn levels_are_said_only_as_proven() {
    const NOTHING: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";
    const ONE: &str = "SLSA_BUILD_LEVEL_1";
    for (case, level, word, inputs) in [
        ("accepted", ONE, Some("WHEELMARK_PROVENANCE_VERIFIED"), 1),
        // By a certificate of an instance that anybody can have made.
        ("github_provenance", ONE, Some("WHEELMARK_PROVENANCE_VERIFIED"), 1),
        ("slsa_generator", ONE, Some("WHEELMARK_PROVENANCE_VERIFIED"), 1),
        ("publish_attestation", NOTHING, Some("WHEELMARK_PUBLISHER_VERIFIED"), 1),
        ("publish_provenance_object", NOTHING, Some("WHEELMARK_PUBLISHER_VERIFIED"), 1),
        ("bare_signature", NOTHING, Some("WHEELMARK_SIGNATURE_VERIFIED"), 1),
        ("excepted", NOTHING, None, 0),
        ("two_signers", ONE, Some("WHEELMARK_PROVENANCE_VERIFIED"), 2),
        ("another_attestation_refused_beside", ONE, Some("WHEELMARK_PROVENANCE_VERIFIED"), 1),
    ] {
        let (vsa, svr) = shown(case);
        assert_eq!(vsa["verifiedLevels"], json!([level]), "{case}");
        let found = vsa["inputAttestations"].as_array().map_or(0, Vec::len);
        assert_eq!(found, inputs, "{case}: {vsa:#}");
        let level = Some(level).filter(|level| *level != NOTHING);
        let words: Vec<_> =
            [Some("WHEELMARK_ACCEPTED"), word, level].into_iter().flatten().collect();
        assert_eq!(svr, json!(words), "{case}");
    }
}

#[test]
fn what_independent_builders_reproduced_is_said_to_be() {
    let (vsa, _) = shown("rebuilt_by_another");
    assert_eq!(vsa["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_REPRODUCED"]));
    assert_eq!(vsa["inputAttestations"].as_array().map(Vec::len), Some(2));
    // Equivalent is not the same bytes.
    let (vsa, _) = shown("rebuilt_equivalently");
    assert_eq!(vsa["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_1"]));
}

/// slsa-verifier refuses a whole summary over any other word of SLSA's (`tests/verify_vsa.py` holds it to that).
#[test]
fn on_demand_a_summary_has_no_word_of_slsa_s_but_numbered_levels() {
    let accepted = "WHEELMARK_ACCEPTED";
    let provenance = "WHEELMARK_PROVENANCE_VERIFIED";
    let one = "SLSA_BUILD_LEVEL_1";
    for (case, words) in [
        ("accepted", &[accepted, provenance, one][..]),
        ("publish_attestation", &[accepted, "WHEELMARK_PUBLISHER_VERIFIED"]),
        ("bare_signature", &[accepted, "WHEELMARK_SIGNATURE_VERIFIED"]),
        ("excepted", &[accepted]),
        ("rebuilt_by_another", &[accepted, provenance, one, "WHEELMARK_BUILD_REPRODUCED"]),
        ("rebuilt_equivalently", &[accepted, provenance, one]),
    ] {
        let place = Place::of(case);
        place.both().arg("--numbered-levels").assert().code(0);
        let vsa = place.read("vsa.json");
        assert_eq!(vsa["predicate"]["verifiedLevels"], json!(words), "{case}");
        assert_eq!(vsa["predicate"]["verificationResult"], "PASSED", "{case}");
    }
    let place = Place::of("builder_fail");
    place.both().args(["--numbered-levels", "--vsa-failed"]).assert().code(10);
    assert_eq!(place.read("vsa.json")["predicate"]["verifiedLevels"], json!(["FAILED"]));
}

#[test]
fn what_the_rule_demands_beside_is_an_input() {
    let (vsa, svr) = shown("summary");
    assert_eq!(vsa["inputAttestations"].as_array().map(Vec::len), Some(2));
    assert!(svr.as_array().expect("a list").contains(&json!("WHEELMARK_DEMANDS_MET")), "{svr}");
    // The word of another verifier proves no level here.
    let (vsa, _) = shown("summary_alone");
    assert_eq!(vsa["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_UNEVALUATED"]));
}

/// What one verifies by a policy, another takes by that verdict.
#[test]
fn a_verdict_is_read_back_by_a_policy() {
    let place = Place::of("accepted");
    let name = format!("{FILENAME}.vsa.sigstore.json");
    place.verify(&["--key", "verifier.key", "--vsa", &name]).assert().code(0);
    fs::remove_file(place.path(&format!("{FILENAME}.sigstore.json"))).expect("removed");
    let pem = fs::read_to_string(place.path("verifier.key.pub")).expect("a key");
    let policy = |level: &str, digest: &str| {
        format!(
            "schema = 1\n[keys.verifier]\npem = \"\"\"\n{pem}\"\"\"\n[[rules]]\nprojects = [\"demo\"]\n\
             rebuild = \"never\"\n[[rules.require]]\n\
             predicate = \"https://slsa.dev/verification_summary/v1\"\nkeys = [\"verifier\"]\n\
             verifier = \"https://wheelmark.dev/verifiers/local/v1\"\nlevels = [\"{level}\"]\n\
             policies = [\"{digest}\"]\nmax-age-days = 1\n"
        )
    };
    let digest = sha256_of(&place.path("policy.toml"));
    for (level, digest, code) in [
        ("SLSA_BUILD_LEVEL_1", &*digest, 0),
        ("SLSA_BUILD_LEVEL_2", &*digest, 10),
        ("SLSA_BUILD_LEVEL_1", &*"0".repeat(64), 10),
    ] {
        fs::write(place.path("consumer.toml"), policy(level, digest)).expect("written");
        let mut command = wheelmark();
        command.current_dir(&place.folder).args(["verify", "--policy", "consumer.toml"]);
        command.args(["--at", AT, FILENAME]).assert().code(code);
    }
}

#[test]
fn of_what_is_rejected_nothing_is_written_unless_a_failure_is_asked_for() {
    for case in
        ["builder_fail", "signature_changed_fail", "bundle_missing_fail", "excepted_renamed_fail"]
    {
        let place = Place::of(case);
        let wheel = place.names(".").into_iter().find(|it| it.ends_with(".whl")).expect("a wheel");
        let keyed = ["--key", "verifier.key", "--vsa", "vsa.json", "--svr", "svr.json"];
        let arguments = [&[wheel.as_str()], &keyed[..]].concat();
        let (stdout, _) = said(&mut place.verify_all(&arguments), 10);
        assert!(stdout.contains("note: 1 without a verdict: "), "{case}: {stdout}");
        place.wrote_nothing();

        let (stdout, _) = said(place.verify_all(&arguments).arg("--vsa-failed"), 10);
        assert!(stdout.contains("wrote vsa vsa.json: FAILED, signed by"), "{case}: {stdout}");
        assert!(!place.path("svr.json").exists(), "{case}: it can only say what passed");
        let predicate = &place.read("vsa.json")["predicate"];
        assert_eq!(predicate["verificationResult"], "FAILED", "{case}");
        assert_eq!(predicate["verifiedLevels"], json!(["FAILED"]), "{case}");
        assert_eq!(predicate.get("inputAttestations"), None, "{case}");
    }
    // Nothing is known of what a name that is none would be verified as.
    let place = Place::of("accepted");
    fs::rename(place.path(FILENAME), place.path("demo.whl")).expect("renamed");
    let arguments = ["demo.whl", "--key", "verifier.key", "--vsa", "vsa.json", "--vsa-failed"];
    said(&mut place.verify_all(&arguments), 10);
    place.wrote_nothing();
    said(&mut place.verify_all(&["absent.whl", "--key", "verifier.key", "--vsa", "vsa.json"]), 1);
    place.wrote_nothing();
}

#[test]
fn a_verdict_proves_no_origin() {
    let place = Place::of("accepted");
    place.both().assert().code(0);
    let bundle = format!("{FILENAME}.sigstore.json");
    let public = fs::read_to_string(place.path("verifier.key.pub")).expect("a key");
    fs::write(
        place.path("policy.toml"),
        format!(
            "schema = 1\n[keys.verifier]\npem = \"\"\"\n{public}\"\"\"\n\n[[rules]]\nprojects = [\"demo\"]\n\
             keys = [\"verifier\"]\nsource = \"{SOURCE}\"\nref = \"refs/tags/v{{version}}\"\n\
             builders = [\"https://wheelmark.dev/builders/local/v1\"]\nrebuild = \"never\"\n"
        ),
    )
    .expect("written");
    for verdict in ["vsa.json", "svr.json"] {
        fs::copy(place.path(verdict), place.path(&bundle)).expect("copied");
        let (stdout, _) = said(&mut place.verify(&[]), 10);
        assert!(stdout.contains("predicate-type-wrong"), "{stdout}");
    }
}

#[test]
fn several_files_have_a_statement_each_in_a_folder() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let (other, bytes) = tiny::wheel_of("other", "2.0+local.1");
    signed.put(&other, &bytes);
    let (bad, bytes) = tiny::wheel_of("wrong", "3.0");
    fs::write(signed.folder.path().join(&bad), bytes).expect("written");
    let key = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
    let path = signed.folder.path().join("verifier.key");
    keys::write_private(&path, &key.private_pem(None).expect("PEM"));

    let keyed = ["--signing-key", "verifier.key", "--json", "--vsa"];
    let arguments = [&["."], &keyed[..], &["out/deep/", "--svr", "out/deep/"]].concat();
    let (stdout, _) = said(&mut signed.verify_all(&arguments), 10);
    let last: Value = serde_json::from_str(stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["schema"], "https://wheelmark.dev/summary/v1");
    let written: Vec<_> = last["verdicts"].as_array().expect("verdicts").iter().collect();
    assert_eq!(written.len(), 4, "{last:#}");
    for it in &written {
        let about = it["about"].as_str().expect("a name");
        let file = it["file"].as_str().expect("a path");
        let kind = it["kind"].as_str().expect("a kind");
        assert_eq!(file, format!("out/deep/{about}.{kind}.sigstore.json"));
        assert_eq!(it["key"], key.key_id().to_string());
        let bytes = fs::read(signed.folder.path().join(file)).expect("written");
        let statement = held_by(&key, &bytes);
        assert_eq!(statement["subject"].as_array().map(Vec::len), Some(1));
        assert_eq!(statement["subject"][0]["name"], about);
        let sha256 = sha256_of(&signed.folder.path().join(about));
        assert_eq!(statement["subject"][0]["digest"]["sha256"], sha256);
        if kind == "vsa" && about == other {
            let uri = &statement["predicate"]["resourceUri"];
            assert_eq!(
                uri,
                &format!("pkg:pypi/other@2.0%2Blocal.1?file_name={}", other.replace('+', "%2B"))
            );
        }
    }
    let entries = fs::read_dir(signed.folder.path().join("out/deep")).expect("a folder");
    assert_eq!(entries.count(), 4, "nothing of the one that was rejected");

    let failed = [&["."], &keyed[..], &["failed/", "--vsa-failed"]].concat();
    said(&mut signed.verify_all(&failed), 10);
    let named = signed.folder.path().join(format!("failed/{bad}.vsa-failed.sigstore.json"));
    let statement = held_by(&key, &fs::read(named).expect("under a name that tells"));
    assert_eq!(statement["predicate"]["verificationResult"], "FAILED");

    for (arguments, wanted) in [
        ([&["."], &keyed[..], &["vsa.json"]].concat(), "--vsa `vsa.json` is a file, and 3 files"),
        (
            [&["."], &keyed[..], &["x/", "--resource-uri", "https://x.test"]].concat(),
            "--resource-uri names one file",
        ),
    ] {
        let (stdout, _) = said(&mut signed.verify_all(&arguments), 2);
        assert!(stdout.contains(wanted), "{stdout}");
    }
    // Two of one name would have one verdict between them.
    fs::create_dir(signed.folder.path().join("again")).expect("a folder");
    signed.put(&format!("again/{}", tiny::FILENAME), &tiny::wheel());
    let arguments = [&[".", "again"], &keyed[..], &["twice/"]].concat();
    let (stdout, _) = said(&mut signed.verify_all(&arguments), 2);
    assert!(stdout.contains("two of the files are named"), "{stdout}");
    assert!(!signed.folder.path().join("twice").exists());
}

#[test]
fn one_file_goes_into_a_folder_too_and_one_document_lists_it() {
    let place = Place::of("accepted");
    fs::create_dir(place.path("out")).expect("a folder");
    let arguments = ["--key", "verifier.key", "--vsa", "out", "--format", "json"];
    let (stdout, _) = said(&mut place.verify(&arguments), 0);
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    let file = format!("out/{FILENAME}.vsa.sigstore.json");
    assert_eq!(document["verdicts"][0]["file"], file);
    assert_eq!(document["verdicts"][0]["result"], "PASSED");
    assert_eq!(document["verdicts"][0]["says"], json!(["SLSA_BUILD_LEVEL_1"]));
    assert_eq!(place.read(&file)["subject"][0]["name"], FILENAME);
}

#[test]
fn the_key_s_passphrase_is_asked_for() {
    let place = Place::of("accepted");
    place.put_key("verifier.key", &place.key, Some("open sesame"));
    let (_, stderr) = said(place.both().env("WHEELMARK_PASSPHRASE", "wrong"), 1);
    assert!(stderr.contains("wrong passphrase"), "{stderr}");
    place.wrote_nothing();
    place.both().env("WHEELMARK_PASSPHRASE", "open sesame").assert().code(0);
    place.read("vsa.json");
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let place = Place::of("accepted");
    fs::write(place.path("vsa.json"), "mine").expect("written");
    let (stdout, stderr) = said(&mut place.both(), 1);
    assert!(stderr.contains("`vsa.json` exists already"), "{stderr}");
    assert_eq!(stdout, "", "said before anything is verified");
    assert_eq!(fs::read(place.path("vsa.json")).expect("a file"), b"mine");
    assert!(!place.path("svr.json").exists());
    place.both().arg("--overwrite").assert().code(0);
    let first = fs::read(place.path("vsa.json")).expect("a verdict");
    place.read("vsa.json");
    // The same inputs give the same bytes.
    place.both().arg("--overwrite").assert().code(0);
    assert_eq!(fs::read(place.path("vsa.json")).expect("a verdict"), first);

    fs::create_dir(place.path("out")).expect("a folder");
    let name = format!("out/{FILENAME}.svr.sigstore.json");
    fs::write(place.path(&name), "mine").expect("written");
    let folder = ["--key", "verifier.key", "--vsa", "out/", "--svr", "out/"];
    let (_, stderr) = said(&mut place.verify(&folder), 1);
    assert!(stderr.contains("exists already"), "{stderr}");
    assert_eq!(place.names("out").len(), 1, "all or none");
}

#[test]
fn no_verdict_is_written_over_what_is_read() {
    let place = Place::of("accepted");
    let before = place.names(".");
    let bundle = format!("{FILENAME}.sigstore.json");
    let absent = format!("{FILENAME}.provenance");
    for out in [FILENAME, &bundle, &absent, "policy.toml", "verifier.key", "./x/../policy.toml"] {
        fs::create_dir_all(place.path("x")).expect("a folder");
        let arguments = ["--signing-key", "verifier.key", "--overwrite", "--vsa", out];
        let (_, stderr) = said(&mut place.verify(&arguments), 2);
        assert!(stderr.contains("--vsa would write over"), "{out}: {stderr}");
    }
    let same = ["--signing-key", "verifier.key", "--vsa", "vsa.json", "--svr", "vsa.json"];
    let (_, stderr) = said(&mut place.verify(&same), 2);
    assert!(stderr.contains("--svr would write over"), "{stderr}");
    fs::remove_dir(place.path("x")).expect("empty");
    assert_eq!(place.names("."), before);
    for (out, why) in [("missing/vsa.json", "cannot write to"), ("policy.toml/", "ot a directory")]
    {
        let arguments = ["--signing-key", "verifier.key", "--vsa", out];
        let (stdout, stderr) = said(&mut place.verify(&arguments), 1);
        assert!(stderr.contains(why), "{out}: {stderr}");
        assert_eq!(stdout, "", "said before anything is verified");
    }
}

#[test]
fn a_key_that_signs_is_told_from_one_that_is_trusted() {
    let place = Place::of("accepted");
    for (arguments, wanted) in [
        (&["--vsa", "vsa.json"][..], "--vsa needs a private key that signs"),
        (&["--svr", "svr.json"], "--svr needs a private key that signs"),
        (
            &["--vsa", "vsa.json", "--key", "verifier.key.pub"],
            "--key `verifier.key.pub` is none: it says who is trusted",
        ),
        (
            &["--vsa", "vsa.json", "--key", "verifier.key", "--signing-key", "verifier.key"],
            "--policy and --key both say who is trusted",
        ),
        (&["--key", "verifier.key"], "--policy and --key both say who is trusted"),
        (&["--signing-key", "verifier.key"], "<--vsa <OUT>|--svr <OUT>>"),
        (&["--overwrite"], "<--vsa <OUT>|--svr <OUT>>"),
        (&["--vsa-failed"], "--vsa <OUT>"),
    ] {
        let (_, stderr) = said(&mut place.verify(arguments), 2);
        assert!(stderr.contains(wanted), "{arguments:?}: {stderr}");
        place.wrote_nothing();
    }
}

#[test]
fn one_private_key_may_be_both_where_there_is_no_policy() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let write = |name: &str, key: &PrivateKey| {
        let path = signed.folder.path().join(name);
        keys::write_private(&path, &key.private_pem(None).expect("PEM"));
    };
    write("release.key", &signed.key);
    let verify = |arguments: &[&str]| {
        let mut command = wheelmark();
        command.current_dir(&signed.folder).args(["verify", FILENAME, "--source", SOURCE]);
        command.args(arguments);
        command
    };
    verify(&["--key", "release.key", "--vsa", "vsa.json"]).assert().code(0);
    let bytes = fs::read(signed.folder.path().join("vsa.json")).expect("a verdict");
    let predicate = &held_by(&signed.key, &bytes)["predicate"];
    // There are no bytes whose digest others could hold against theirs.
    let policy = json!({"uri": "https://wheelmark.dev/policies/command-line/v1"});
    assert_eq!(predicate["policy"], policy);

    // Whoever signs the verdict is not trusted for it: `--key` says who is.
    let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    write("other.key", &other);
    let mixed = ["--signing-key", "release.key", "--key", "other.key", "--vsa", "mixed.json"];
    let (_, stderr) = said(&mut verify(&mixed), 1);
    assert!(stderr.contains("other.key"), "{stderr}");
    let apart = ["--signing-key", "other.key", "--key", "release.pub", "--vsa", "apart.json"];
    verify(&apart).assert().code(0);
    held_by(&other, &fs::read(signed.folder.path().join("apart.json")).expect("a verdict"));
}

#[test]
fn a_verdict_is_of_no_time_to_come() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let path = signed.folder.path().join("release.key");
    keys::write_private(&path, &signed.key.private_pem(None).expect("PEM"));
    let mut command = signed.verify();
    command.args(["--signing-key", "release.key", "--vsa", "vsa.json"]);
    let (_, stderr) = said(command.args(["--at", "9999-01-01T00:00:00Z"]), 2);
    assert!(stderr.contains("--at is a time to come"), "{stderr}");
    assert!(!signed.folder.path().join("vsa.json").exists());
}

#[test]
fn the_envelope_alone_is_what_the_bundle_holds() {
    let place = Place::of("accepted");
    let keyed = ["--key", "verifier.key", "--vsa"];
    place.verify(&[&keyed[..], &["vsa.json"]].concat()).assert().code(0);
    let form = ["out/", "--verdict-form", "envelope"];
    place.verify(&[&keyed[..], &form].concat()).assert().code(0);
    let alone = fs::read(place.path(&format!("out/{FILENAME}.vsa.dsse.json"))).expect("written");
    let alone: Value = serde_json::from_slice(&alone).expect("JSON");
    let bundle: Value =
        serde_json::from_slice(&fs::read(place.path("vsa.json")).expect("a verdict"))
            .expect("JSON");
    assert_eq!(alone, bundle["dsseEnvelope"]);
    assert_eq!(alone["payloadType"], "application/vnd.in-toto+json");
    let payload = STANDARD.decode(alone["payload"].as_str().expect("text")).expect("base64");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(payload, place.read("vsa.json"));
}

#[test]
fn inspect_tells_what_a_verdict_says() {
    let place = Place::of("accepted");
    place.both().assert().code(0);
    let told = |name: &str| {
        let mut command = wheelmark();
        said(command.current_dir(&place.folder).args(["inspect", name]), 0).0
    };
    let input = sha256_of(&place.path(&format!("{FILENAME}.sigstore.json")));
    let (vsa, svr) = (told("vsa.json"), told("svr.json"));
    for line in [
        "  verifier: https://wheelmark.dev/verifiers/local/v1\n",
        "  verified at: 2026-01-01T00:00:00Z\n",
        "  result: PASSED\n",
        "  level: SLSA_BUILD_LEVEL_1\n",
        &format!("  from attestation: sha256 {input}\n"),
    ] {
        assert!(vsa.contains(line), "{line}: {vsa}");
    }
    for line in ["  policy: ni:///sha-256;", "  property: WHEELMARK_ACCEPTED\n"] {
        assert!(svr.contains(line), "{line}: {svr}");
    }
}

#[test]
fn ctrl_c_leaves_no_verdict() {
    let place = Place::of("publish_provenance_object");
    let server = IndexServer::start();
    let (filename, bytes) = tiny::wheel_of("other", "1.0");
    let path = integrity_path(&filename);
    server.serve("other", &[Served { filename, bytes, provenance: Some(b"{}".to_vec()) }]);
    // The file at hand is accepted; then the attestation of the other one does not come.
    server.told(&path, Reply::of("application/json", "").with_payload(Payload::Silent));
    let url = server.url();
    let arguments = [
        FILENAME,
        "--from-index",
        "other==1.0",
        "--index",
        &url,
        "--jobs",
        "1",
        "--key",
        "verifier.key",
        "--vsa",
        "out/",
    ];
    let command = place.verify_all(&arguments);
    let mut child = started(&command);
    while !server.seen().iter().any(|it| it.path == path) {
        assert_eq!(child.try_wait().expect("a child"), None, "it ended by itself");
        std::thread::yield_now();
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("accepted") && stdout.contains(FILENAME), "{stdout}");
    assert!(!place.path("out").exists());
    place.wrote_nothing();
}
