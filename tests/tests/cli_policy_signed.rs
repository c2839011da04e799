//! Signed policies: once a key is configured, nothing but the newest policy that it signed is taken.
#![allow(clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::{Value, json};
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::keys;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{SOURCE, Signed, report, sign};
use wheelmark_tests::tiny;
use wheelmark_tests::workshop::answer;

/// The variable that names the keys.
const VARIABLE: &str = "WHEELMARK_POLICY_KEY";

/// A signed wheel, a policy beside it, and the key of whoever administers the machine.
struct Place {
    wheel: Signed,
    key: PrivateKey,
}

impl Place {
    fn new() -> Self {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let place = Self { wheel: Signed::new(Algorithm::EcdsaP256), key };
        keys::write(&place.path("policy.key"), &place.key, None, &place.path("policy.pub"));
        place.put("policy.toml", place.wheel.policy());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.wheel.folder.path().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    /// The program in the folder, with a data folder of its own.
    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.wheel.folder).env("WHEELMARK_DATA", self.path("data"));
        command.args(arguments);
        command
    }

    /// Signs the policy as a person does.
    fn sign(&self, policy: &str, version: &str) -> Value {
        let mut command =
            self.run(&["policy", "sign", policy, "--key", "policy.key", "--overwrite"]);
        command.args(["--version", version, "--expires", "2999-01-01T00:00:00Z", "--json"]);
        answer(&mut command, 0)
    }

    /// What is signed of a policy, to be bent.
    fn statement(&self) -> Value {
        let text = fs::read(self.path("policy.toml")).expect("the policy");
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "policy.toml", "digest": {"sha256": Sha256Digest::of(&text).to_string()}}],
            "predicateType": "https://wheelmark.dev/policy/v1",
            "predicate": {"version": 1, "expires": "2999-01-01T00:00:00Z"},
        })
    }

    /// Puts what a key signed beside the policy.
    fn put_signed(&self, key: &PrivateKey, statement: &Value) {
        self.put("policy.toml.sigstore.json", sign(key, statement));
    }

    /// `verify` under a policy that must be signed.
    fn verify(&self, policy: &str) -> Command {
        self.run(&["verify", tiny::FILENAME, "--policy", policy, "--policy-key", "policy.pub"])
    }

    /// The policy is not taken, and this is said of it, to people and as JSON.
    fn refused(&self, says: &str) {
        told(&mut self.verify("policy.toml"), 1, says);
        let error = report(&mut self.verify("policy.toml"), 1);
        assert_eq!(error["schema"], "https://wheelmark.dev/error/v1");
        assert!(error["error"].as_str().is_some_and(|it| it.contains(says)), "{says}: {error}");
    }
}

/// What is said where a command ends so.
fn told(command: &mut Command, code: i32, says: &str) {
    let output = command.assert().code(code).get_output().clone();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(says), "{says}: {told}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_policy_that_was_signed_is_taken_and_the_report_says_by_whom() {
    let place = Place::new();
    let signed = place.sign("policy.toml", "3");
    assert_eq!(signed["schema"], "https://wheelmark.dev/policy-sign/v1");
    assert_eq!(signed["signature"], "policy.toml.sigstore.json");
    let told = report(&mut place.verify("policy.toml"), 0);
    let by = json!({"key": signed["key"], "version": 3, "expires": "2999-01-01T00:00:00Z"});
    assert_eq!(told["policy"]["signed"], by);
    assert_eq!(told["policy"]["sha256"], signed["sha256"]);
    let human = place.verify("policy.toml").assert().code(0).get_output().stdout.clone();
    let human = String::from_utf8_lossy(&human).into_owned();
    assert!(human.contains("policy version 3, signed by key"), "{human}");
    // The bundle is one like any other, and says what it is.
    let inspected = place
        .run(&["inspect", "policy.toml.sigstore.json"])
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    assert!(String::from_utf8_lossy(&inspected).contains("version: 3"));
    // It may lie elsewhere, where that is said.
    fs::rename(place.path("policy.toml.sigstore.json"), place.path("elsewhere")).expect("moved");
    place.refused("is not signed");
    place.verify("policy.toml").args(["--policy-signature", "elsewhere"]).assert().code(0);
}

#[test]
fn every_verb_that_decides_refuses_what_is_not_signed() {
    let place = Place::new();
    let trust = ["--policy", "policy.toml", "--policy-key", "policy.pub"];
    for verb in [
        &["verify", tiny::FILENAME][..],
        &["policy", "explain", tiny::FILENAME],
        &["rebuild", tiny::FILENAME],
        &["rebuild", "--print-instructions", "sh", tiny::FILENAME],
    ] {
        told(
            place.run(verb).args(trust),
            1,
            "`policy.toml` is not signed: no `policy.toml.sigstore.json` is there",
        );
    }
    for verb in [&["install"][..], &["download", "--dest", "wheelhouse"]] {
        told(
            place.run(verb).args(trust).args(["--", "pip", "install", "demo"]),
            1,
            "`policy.toml` is not signed",
        );
    }
    place.refused("`policy.toml` is not signed");
}

/// What is trusted on the command line has no signature: it would slip beside the signed policy.
#[test]
fn nothing_unsigned_slips_beside_a_signed_policy() {
    let place = Place::new();
    place.sign("policy.toml", "1");
    let says = "a policy key is configured, and nothing that is signed says who is trusted";
    let by_key = ["verify", tiny::FILENAME, "--key", "release.pub", "--source", SOURCE];
    place.run(&by_key).assert().code(0);
    told(place.run(&by_key).args(["--policy-key", "policy.pub"]), 2, says);
    told(place.run(&by_key).env(VARIABLE, "policy.pub"), 2, says);
    let by_certificate = ["verify", tiny::FILENAME, "--trust", "public-good", "--source", SOURCE];
    told(place.run(&by_certificate).env(VARIABLE, "policy.pub"), 2, says);
    // Another policy, which nobody signed, beside the one that somebody did.
    place.put("other.toml", format!("{}# other\n", place.wheel.policy()));
    told(&mut place.verify("other.toml"), 1, "`other.toml` is not signed");
    fs::copy(place.path("policy.toml.sigstore.json"), place.path("other.toml.sigstore.json"))
        .expect("a copy");
    told(&mut place.verify("other.toml"), 1, "the signature is of another policy");
    // The signed text under another name is the policy of that name no more.
    fs::copy(place.path("policy.toml"), place.path("other.toml")).expect("a copy");
    told(
        &mut place.verify("other.toml"),
        1,
        "the signature is of a policy named `policy.toml`, and this one is named `other.toml`",
    );
}

#[test]
fn a_policy_whose_signature_does_not_hold_is_not_used() {
    let place = Place::new();
    place.sign("policy.toml", "1");
    let bundle = fs::read_to_string(place.path("policy.toml.sigstore.json")).expect("the bundle");
    // The policy is changed, by one word that would loosen it.
    place.put("policy.toml", place.wheel.policy().replace("\"demo\"", "\"*\""));
    place.refused("the signature is of another policy: expected sha256 ");
    place.put("policy.toml", place.wheel.policy());
    // What is signed is changed.
    let mut bent: Value = serde_json::from_str(&bundle).expect("JSON");
    let mut statement = place.statement();
    statement["predicate"]["version"] = json!(9);
    let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let by_other: Value = serde_json::from_slice(&sign(&other, &statement)).expect("JSON");
    bent["dsseEnvelope"]["payload"] = by_other["dsseEnvelope"]["payload"].clone();
    place.put("policy.toml.sigstore.json", bent.to_string());
    place.refused("the policy's signature does not hold: signature-invalid");
    // Another key signed it: of a stranger, or the one that signs the wheels.
    place.put_signed(&other, &statement);
    place.refused("the policy's signature does not hold: key-unknown");
    place.put_signed(&place.wheel.key, &statement);
    place.refused("the policy's signature does not hold: key-unknown");
    for damaged in ["", "{}", &bundle[..bundle.len() / 2], "not JSON"] {
        place.put("policy.toml.sigstore.json", damaged);
        place.refused("the policy's signature does not hold: ");
    }
    fs::remove_file(place.path("policy.toml.sigstore.json")).expect("removed");
    fs::create_dir(place.path("policy.toml.sigstore.json")).expect("a folder");
    place.refused("it is a folder");
    // Nothing of all this was kept in mind.
    assert!(!place.path("data").exists());
}

#[test]
fn what_was_signed_must_be_a_policy() {
    let place = Place::new();
    let put = |bend: &dyn Fn(&mut Value)| {
        let mut statement = place.statement();
        bend(&mut statement);
        place.put_signed(&place.key, &statement);
    };
    put(&|_| ());
    place.verify("policy.toml").assert().code(0);
    let no_policy = "what was signed is no policy: ";
    put(&|it| it["predicateType"] = json!("https://slsa.dev/provenance/v1"));
    place.refused("its type is https://slsa.dev/provenance/v1");
    put(&|it| it["predicateType"] = json!("https://wheelmark.dev/policy/v2"));
    place.refused(no_policy);
    put(&|it| it["_type"] = json!("https://in-toto.io/Statement/v0.1"));
    place.refused(no_policy);
    put(&|it| it["subject"] = json!([]));
    place.refused("it is about 0 files");
    put(&|it| it["subject"] = json!([it["subject"][0], it["subject"][0]]));
    place.refused("it is about 2 files");
    put(&|it| it["subject"][0]["name"] = json!("strict.toml"));
    place.refused("the signature is of a policy named `strict.toml`");
    put(&|it| it["subject"][0]["name"] = json!("folder/policy.toml"));
    place.refused("the signature is of a policy named `folder/policy.toml`");
    put(&|it| it["subject"][0]["digest"] = json!({"sha512": "00"}));
    place.refused("the signature is of another policy");
    for predicate in [
        json!(null),
        json!([1, "2999-01-01T00:00:00Z"]),
        json!({"version": 1}),
        json!({"expires": "2999-01-01T00:00:00Z"}),
        json!({"version": 0, "expires": "2999-01-01T00:00:00Z"}),
        json!({"version": -1, "expires": "2999-01-01T00:00:00Z"}),
        json!({"version": 1.5, "expires": "2999-01-01T00:00:00Z"}),
        json!({"version": "1", "expires": "2999-01-01T00:00:00Z"}),
        json!({"version": 9_007_199_254_740_993_u64, "expires": "2999-01-01T00:00:00Z"}),
        json!({"version": 1, "expires": "2999-01-01"}),
        json!({"version": 1, "expires": "2999-01-01T00:00:00Z", "unless": "never"}),
    ] {
        put(&|it| it["predicate"] = predicate.clone());
        place.refused(no_policy);
    }
    // A true attestation of the wheel, by a key that may also sign policies.
    let wheel = place.wheel.statement();
    place.put_signed(&place.key, &wheel);
    place.refused(no_policy);
}

/// By the clock and by `--at`: whoever chooses the one must not bring back what is over by the other.
#[test]
fn a_policy_that_expired_is_not_used() {
    let place = Place::new();
    let mut statement = place.statement();
    statement["predicate"]["expires"] = json!("2026-01-01T00:00:00Z");
    place.put_signed(&place.key, &statement);
    place.refused("the policy's signature expired at 2026-01-01T00:00:00Z");
    let at = |time: &str| {
        let mut command = place.verify("policy.toml");
        command.args(["--at", time]);
        command
    };
    told(
        &mut at("2025-06-30T00:00:00Z"),
        1,
        "the policy's signature expired at 2026-01-01T00:00:00Z",
    );
    statement["predicate"]["expires"] = json!("2900-01-01T00:00:00Z");
    place.put_signed(&place.key, &statement);
    at("2899-12-31T00:00:00Z").assert().code(0);
    told(&mut at("2900-01-02T00:00:00Z"), 1, "and it is 2900-01-02T00:00:00Z");
}

#[test]
fn an_older_policy_is_not_taken_again() {
    let place = Place::new();
    let old = place.wheel.policy();
    place.sign("policy.toml", "1");
    let signature = fs::read(place.path("policy.toml.sigstore.json")).expect("the bundle");
    place.verify("policy.toml").assert().code(0);
    place.put("policy.toml", format!("{old}# stricter\n"));
    place.sign("policy.toml", "2");
    place.verify("policy.toml").assert().code(0);
    // The first one, with its true signature.
    place.put("policy.toml", &old);
    place.put("policy.toml.sigstore.json", &signature);
    place.refused("`policy.toml` is version 1 of this policy, and version 2 by the same key was seen before: it is replayed");
    // Wherever it lies.
    fs::create_dir(place.path("folder")).expect("a folder");
    for name in ["policy.toml", "policy.toml.sigstore.json"] {
        fs::copy(place.path(name), place.path("folder").join(name)).expect("a copy");
    }
    told(&mut place.verify("folder/policy.toml"), 1, "it is replayed");
    // A version stands for one text.
    place.put("policy.toml", format!("{old}# looser\n"));
    place.sign("policy.toml", "2");
    place.refused("another text than the version 2 by the same key that was seen before");
    // Signed once more with another end, the same text is the same version.
    place.put("policy.toml", format!("{old}# stricter\n"));
    place.sign("policy.toml", "2");
    place.verify("policy.toml").assert().code(0);
    // Of another name nothing was seen.
    place.put("other.toml", &old);
    place.sign("other.toml", "1");
    place.verify("other.toml").assert().code(0);
}

/// Only what could be used is kept in mind, and only by the verbs that decide.
#[test]
fn looking_at_a_policy_does_not_keep_it_in_mind() {
    let place = Place::new();
    place.put("later.toml", format!("{}# later\n", place.wheel.policy()));
    place.sign("later.toml", "9");
    let check = ["policy", "check", "later.toml", "--policy-key", "policy.pub", "--json"];
    let checked = answer(&mut place.run(&check), 0);
    assert_eq!(checked["signature"]["status"], "holds");
    assert_eq!(checked["signature"]["version"], 9);
    assert!(!place.path("data").exists());
    let without = answer(&mut place.run(&["policy", "check", "later.toml", "--json"]), 0);
    assert!(without.get("signature").is_none(), "{without:#}");
    let by_variable = answer(
        place.run(&["policy", "check", "policy.toml", "--json"]).env(VARIABLE, "policy.pub"),
        0,
    );
    assert_eq!(by_variable["signature"]["status"], "refused");
    let mut denied = place.run(&[
        "policy",
        "check",
        "policy.toml",
        "--policy-key",
        "policy.pub",
        "--deny-warnings",
    ]);
    let told = denied.assert().code(10).get_output().stdout.clone();
    assert!(
        String::from_utf8_lossy(&told).contains("signature refused: `policy.toml` is not signed")
    );
}

#[test]
fn what_was_seen_is_not_guessed_where_it_is_damaged() {
    let place = Place::new();
    place.sign("policy.toml", "1");
    place.verify("policy.toml").assert().code(0);
    let seen = place.path("data/policies/seen.json");
    let whole = fs::read_to_string(&seen).expect("what was seen");
    for damaged in [
        "",
        "{}",
        &whole[..whole.len() / 2],
        &whole.replace("\"version\": 1", "\"version\": -1"),
        "[]",
    ] {
        fs::write(&seen, damaged).expect("written");
        place.refused("seen.json`: damaged, so that nobody knows which policies were seen");
        assert_eq!(fs::read_to_string(&seen).expect("it is left alone"), *damaged);
    }
    fs::write(&seen, " ".repeat((1 << 20) + 1)).expect("written");
    place.refused("damaged");
    fs::remove_file(&seen).expect("removed");
    fs::create_dir(&seen).expect("a folder");
    place.refused("cannot read");
    fs::remove_dir(&seen).expect("removed");
    fs::write(&seen, &whole).expect("written");
    place.verify("policy.toml").assert().code(0);
    // Where nothing can be kept, nothing could be told from what is replayed.
    let mut nowhere = place.verify("policy.toml");
    nowhere.env("WHEELMARK_DATA", place.path("policy.toml"));
    told(&mut nowhere, 1, "policy.toml/policies");
}

#[test]
fn the_key_of_the_machine_is_never_ignored_and_nobody_adds_to_it() {
    let place = Place::new();
    let verify = |value: &str| {
        let mut command = place.run(&["verify", tiny::FILENAME, "--policy", "policy.toml"]);
        command.env(VARIABLE, value);
        command
    };
    told(&mut verify("policy.pub"), 1, "`policy.toml` is not signed");
    place.sign("policy.toml", "1");
    verify("policy.pub").assert().code(0);
    verify("release.pub:policy.pub").assert().code(0);
    told(&mut verify("release.pub"), 1, "key-unknown");
    told(&mut verify("nowhere.pub"), 1, "cannot read `nowhere.pub`");
    told(&mut verify("policy.toml"), 1, "not a public key in PEM");
    told(&mut verify("policy.key"), 1, "this is a private key");
    for empty in ["", ":", "policy.pub:"] {
        told(&mut verify(empty), 2, "WHEELMARK_POLICY_KEY is set, and names no key");
    }
    // The command line chooses among them.
    verify("release.pub:policy.pub").args(["--policy-key", "policy.pub"]).assert().code(0);
    told(verify("release.pub:policy.pub").args(["--policy-key", "release.pub"]), 1, "key-unknown");
    told(
        verify("release.pub").args(["--policy-key", "policy.pub"]),
        2,
        "`policy.pub` is no key that WHEELMARK_POLICY_KEY names",
    );
    // Of several on the command line any one will do.
    place.verify("policy.toml").args(["--policy-key", "release.pub"]).assert().code(0);
    // A signature without a key says nothing.
    let mut nobody = place.run(&["verify", tiny::FILENAME, "--policy", "policy.toml"]);
    nobody.args(["--policy-signature", "policy.toml.sigstore.json"]);
    told(&mut nobody, 2, "nothing says which key may sign a policy");
}

/// What a signed policy includes is held by its digests.
#[test]
fn the_signature_covers_what_is_included() {
    let place = Place::new();
    let base = place.wheel.policy();
    let sha256 = Sha256Digest::of(base.as_bytes());
    place.put("base.toml", &base);
    place.put(
        "policy.toml",
        format!("{base}\n[[includes]]\npath = \"base.toml\"\nsha256 = \"{sha256}\"\n"),
    );
    place.sign("policy.toml", "1");
    place.verify("policy.toml").assert().code(0);
    place.put("base.toml", format!("{base}# changed\n"));
    place.refused("`base.toml` is another file");
}

/// Whoever gives the files must not give the policy: nothing is found by its name or place.
#[test]
fn a_policy_is_taken_from_nowhere_but_where_it_is_named() {
    let place = Place::new();
    for name in ["wheelmark.toml", ".wheelmark.toml", "pyproject.toml"] {
        place.put(name, place.wheel.policy());
    }
    told(
        &mut place.run(&["verify", tiny::FILENAME]),
        2,
        "nothing says who is trusted, and there is no default",
    );
    // Nor is a key: one that lies beside the policy and its signature says nothing.
    let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    place.put("policy.toml.pub", other.public_pem().expect("PEM"));
    place.put_signed(&other, &place.statement());
    place.refused("key-unknown");
}

#[test]
fn nothing_is_signed_that_would_be_refused() {
    let place = Place::new();
    let sign = |policy: &str, more: &[&str]| {
        let mut command = place.run(&["policy", "sign", policy, "--key", "policy.key"]);
        command.args(more);
        command
    };
    let version = ["--version", "1", "--expires", "2999-01-01T00:00:00Z"];
    place.put("wrong.toml", "schema = 1\ntrust-all = true\n");
    told(&mut sign("wrong.toml", &version), 1, "wrong.toml:2:1: unknown field `trust-all`");
    let including = format!(
        "{}\n[[includes]]\npath = \"gone.toml\"\nsha256 = \"{}\"\n",
        place.wheel.policy(),
        "0".repeat(64)
    );
    place.put("including.toml", including);
    told(&mut sign("including.toml", &version), 1, "cannot read `gone.toml`");
    for name in ["wrong.toml.sigstore.json", "including.toml.sigstore.json"] {
        assert!(!place.path(name).exists(), "{name}");
    }
    told(
        &mut sign("policy.toml", &["--version", "1", "--expires", "2020-01-01T00:00:00Z"]),
        2,
        "--expires 2020-01-01T00:00:00Z is over already",
    );
    told(
        &mut sign("policy.toml", &["--version", "0", "--expires", "2999-01-01T00:00:00Z"]),
        2,
        "--version",
    );
    told(
        &mut sign(
            "policy.toml",
            &["--version", "9007199254740992", "--expires", "2999-01-01T00:00:00Z"],
        ),
        1,
        "would be refused, so it was not written",
    );
    told(
        sign("policy.toml", &version).args(["--out", "policy.toml", "--overwrite"]),
        2,
        "--out would write over `policy.toml`",
    );
    assert!(!place.path("policy.toml.sigstore.json").exists());
    sign("policy.toml", &version).assert().code(0);
    told(&mut sign("policy.toml", &version), 1, "`policy.toml.sigstore.json` exists already");
    sign("policy.toml", &version).args(["--out", "elsewhere.json"]).assert().code(0);
    place.verify("policy.toml").args(["--policy-signature", "elsewhere.json"]).assert().code(0);
}

#[test]
fn nothing_that_a_verb_writes_takes_the_place_of_what_it_reads() {
    let place = Place::new();
    let org = "schema = 1\n[[revocations]]\nprojects = [\"demo\"]\nversions = \"<1.0\"\nreason = \"old\"\n";
    fs::create_dir(place.path("org")).expect("a folder");
    place.put("org/base.toml", org);
    let sha256 = Sha256Digest::of(org.as_bytes());
    let includes = format!("\n[[includes]]\npath = \"org/base.toml\"\nsha256 = \"{sha256}\"\n");
    place.put("policy.toml", place.wheel.policy() + &includes);
    place.sign("policy.toml", "1");
    fs::create_dir(place.path("used")).expect("a folder");
    let used = "used/flit_core-3.9.0-py3-none-any.whl";
    place.put(used, "a wheel");
    let everything = || {
        let folders =
            [".", "org", "used"].map(|name| fs::read_dir(place.path(name)).expect("a folder"));
        let paths = folders.into_iter().flatten().map(|entry| entry.expect("an entry").path());
        let files = paths.filter(|path| path.is_file());
        files.map(|path| (fs::read(&path).expect("a file"), path)).collect::<BTreeSet<_>>()
    };
    let before = everything();
    let read = [
        "policy.toml",
        "org/../policy.toml",
        "policy.toml.sigstore.json",
        "org/base.toml",
        "policy.pub",
        "policy.key",
        tiny::FILENAME,
        &format!("{}.sigstore.json", tiny::FILENAME),
        used,
        &format!("{used}.provenance"),
    ];
    let result = ["rebuild", "--sign-result", "--result"];
    let summary = ["verify", "--vsa"];
    for (verb, option) in [(&result[..], "--result"), (&summary, "--vsa")] {
        for out in read {
            let mut command = place.run(verb);
            command.args([
                out,
                "--overwrite",
                "--signing-key",
                "policy.key",
                "--policy",
                "policy.toml",
            ]);
            // The key of whoever administers the machine is named on no command line.
            command.args(["--build-requirements", "used", tiny::FILENAME]);
            command.env(VARIABLE, place.path("policy.pub"));
            told(&mut command, 2, &format!("{option} would write over `{out}`"));
        }
    }
    for out in ["policy.toml", "policy.key", "org/base.toml"] {
        let mut sign = place.run(&["policy", "sign", "policy.toml", "--key", "policy.key"]);
        sign.args(["--version", "2", "--expires", "2999-01-01T00:00:00Z", "--overwrite"]);
        told(sign.args(["--out", out]), 2, &format!("--out would write over `{out}`"));
    }
    let lock = ["lock", "-r", "requirements.txt", "--files", "used", "--key", "policy.pub"];
    let init = ["policy", "init", "-r", "requirements.txt"];
    let also = [used, "policy.pub", "used/flit_core-3.9.0-py3-none-any.whl.sigstore.json"];
    for (verb, outs) in [(&lock[..], &also[..]), (&init, &[])] {
        for out in ["requirements.txt", "root.json"].iter().chain(outs) {
            let mut command = place.run(verb);
            command.args(["--trust", "private", "--trust-root", "root.json", "--overwrite"]);
            told(command.args(["--out", out]), 2, &format!("--out would write over `{out}`"));
        }
    }
    let name = format!("{}.vsa.sigstore.json", tiny::FILENAME);
    fs::copy(place.path("policy.toml"), place.path(&name)).expect("copied");
    let mut verify = place.run(&["verify", tiny::FILENAME, "--policy", &name, "--vsa", "./"]);
    verify.args(["--overwrite", "--signing-key", "policy.key"]);
    told(&mut verify, 2, &format!("--vsa would write over `./{name}`"));
    fs::remove_file(place.path(&name)).expect("removed");
    assert_eq!(everything(), before);
}
