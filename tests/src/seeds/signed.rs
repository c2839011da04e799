//! Seeds that are truly signed: by the test key, and by certificates of the Sigstore instance in memory.

use std::fs;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_build::sign::sign_statement;

use crate::cases::{self, TRUSTED_ROOT, TestKey};
use crate::sigstore::authority::utf8_string;
use crate::sigstore::holder::Promise;
use crate::sigstore::{By, Content, Holder, Signing, Sigstore, signed_at};
use crate::{statement, tiny};

/// Cases of forms that are told and not read.
const UNREAD: [&str; 2] = ["cosign_bundle_fail", "envelope_alone_fail"];

/// The case in which everything holds by the key, and the one in which it does by a certificate.
const BY_KEY: &str = "accepted";
const BY_CERTIFICATE: &str = "github_provenance";

/// A file of a case's folder. They are read and not made: to sign them all takes a fuzzer half a minute.
fn file(case: &str, name: &str) -> Option<Vec<u8>> {
    fs::read(cases::folder().join(case).join(name)).ok()
}

/// The wheel that the attestations are about.
pub fn wheel_of_attestations() -> Vec<u8> {
    file(BY_KEY, tiny::FILENAME).expect("a wheel")
}

/// The attestation of that wheel that the test key signed.
pub fn bundle_of_wheel() -> Vec<u8> {
    file(BY_KEY, &format!("{}.sigstore.json", tiny::FILENAME)).expect("a bundle")
}

/// The policy by which [`signed_by_key`] counts.
pub fn policy_of_statements() -> String {
    String::from_utf8(file(BY_KEY, "policy.toml").expect("a policy")).expect("text")
}

/// The bundle that the test key signs around a text.
pub fn signed_by_key(text: &str) -> Vec<u8> {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| TestKey::Release.open());
    sign_statement(&*KEY, text.as_bytes()).expect("signed")
}

/// A bundle signed by a certificate.
pub fn signed_by_certificate() -> Vec<u8> {
    file(BY_CERTIFICATE, &format!("{}.sigstore.json", tiny::FILENAME)).expect("a bundle")
}

/// Every attestation of the cases that are accepted under the one instance or the one key.
pub(super) fn attestations() -> Vec<Vec<u8>> {
    let root = file(BY_CERTIFICATE, TRUSTED_ROOT);
    let mut all = Vec::new();
    for entry in fs::read_dir(cases::folder()).expect("the cases").flatten() {
        let case = entry.file_name().into_string().expect("a name");
        let own_root = file(&case, TRUSTED_ROOT);
        let holds = !case.ends_with("_fail") && (own_root.is_none() || own_root == root);
        if !entry.path().is_dir() || !(holds || UNREAD.contains(&case.as_str())) {
            continue;
        }
        // What lies beside the wheel under its name and more.
        for file in fs::read_dir(entry.path()).expect("a case").flatten() {
            let name = file.file_name().into_string().expect("a name");
            if name.strip_prefix(tiny::FILENAME).is_some_and(|more| !more.is_empty()) {
                all.push(fs::read(file.path()).expect("an attestation"));
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The statements in those attestations, and one of each other predicate.
pub(super) fn statements() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for bytes in attestations() {
        let Ok(bundle) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let payload =
            bundle.pointer("/dsseEnvelope/payload").or(bundle.pointer("/envelope/statement"));
        let payload = payload.and_then(Value::as_str);
        all.extend(payload.map(|text| STANDARD.decode(text).expect("base64")));
    }
    let subject = |kind: &str, predicate: Value| {
        let v0_1 = matches!(
            kind,
            "https://in-toto.io/Link/v0.2"
                | "https://in-toto.io/attestation/scai/attribute-report/v0.2"
        );
        let version = if v0_1 { "v0.1" } else { "v1" };
        let mut it = statement::statement(tiny::FILENAME, &wheel_of_attestations());
        it["_type"] = json!(format!("https://in-toto.io/Statement/{version}"));
        it["predicateType"] = json!(kind);
        it["predicate"] = predicate;
        it.to_string().into_bytes()
    };
    all.extend(predicates().into_iter().map(|(kind, predicate)| subject(kind, predicate)));
    // Another spelling of the project is the same name.
    let mut respelled = statement::statement(tiny::FILENAME, &wheel_of_attestations());
    respelled["subject"][0]["name"] = json!(tiny::FILENAME.replace("demo", "dEmo"));
    all.push(respelled.to_string().into_bytes());
    all.sort();
    all.dedup();
    all
}

fn predicates() -> [(&'static str, Value); 8] {
    let digest = json!({"sha256": "ab".repeat(32)});
    let file = json!({"name": "a", "uri": "https://x.example/a", "digest": digest});
    let at = "2025-12-01T12:00:00Z";
    [
        (
            "https://slsa.dev/verification_summary/v1",
            json!({
                "verifier": {"id": "https://v.example", "version": {"a": "1"}}, "timeVerified": at,
                "resourceUri": "pkg:pypi/demo@1.0", "policy": file, "inputAttestations": [file],
                "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
                "dependencyLevels": {"SLSA_BUILD_LEVEL_1": 1}, "slsaVersion": "1.0",
            }),
        ),
        (
            "https://in-toto.io/attestation/svr/v0.2",
            json!({
                "verifier": {"id": "https://v.example", "policies": [file]}, "timeCreated": at, "properties": ["a", "b"],
            }),
        ),
        (
            "https://in-toto.io/attestation/test-result/v0.1",
            json!({
                "result": "WARNED", "configuration": [file], "url": "https://x.example/1",
                "passedTests": ["a"], "warnedTests": ["b"], "failedTests": [],
            }),
        ),
        (
            "https://in-toto.io/Link/v0.2",
            json!({
                "_type": "link", "name": "build", "command": ["make", "a"], "materials": {"b": digest},
                "products": {"a": digest}, "byproducts": {"return-value": 0}, "environment": {"A": "b"},
            }),
        ),
        (
            "https://in-toto.io/attestation/link/v0.3",
            json!({"name": "build", "command": ["make"], "materials": [file], "byproducts": {}, "environment": {}}),
        ),
        (
            "https://in-toto.io/attestation/scai/attribute-report/v0.2",
            json!({"attributes": [{"attribute": "A", "evidence": file}], "producer": file}),
        ),
        (
            "https://in-toto.io/attestation/scai/v0.3",
            json!({"attributes": [{"attribute": "A", "target": file, "conditions": {"b": 1}}]}),
        ),
        ("https://spdx.dev/Document/v2.3", json!({"spdxVersion": "SPDX-2.3"})),
    ]
}

/// One statement by the release workflow, with a time stamp and on an instance without logs: what of its
/// certificate changes is signed by the authority alone.
pub struct Certified {
    instance: Sigstore,
    holder: Holder,
    signing: Signing,
}

impl Default for Certified {
    fn default() -> Self {
        Self::new()
    }
}

impl Certified {
    /// Signs it.
    pub fn new() -> Self {
        let instance = Sigstore::default();
        let holder = Holder { promise: Promise::None, ..Holder::workflow() };
        let subject = statement::statement(tiny::FILENAME, &wheel_of_attestations());
        let content = Content::Statement(subject.to_string());
        let signing = instance.sign_at(&holder, content, signed_at());
        let signing = Signing { entries: Vec::new(), ..signing };
        let at = signed_at() + TimeDelta::seconds(1);
        let signing = signing.stamped(&instance.timestamps, at);
        Self { instance, holder, signing }
    }

    /// The trusted root under which it holds.
    pub fn trusted_root(&self) -> Value {
        let mut root = self.instance.trusted_root();
        root["ctlogs"] = json!([]);
        root["tlogs"] = json!([]);
        root
    }

    /// The certificate.
    pub fn certificate(&self) -> Vec<u8> {
        self.instance.authority.issue(&self.holder)
    }

    /// The same, of a holder without one extension; where it is the old name of the issuer, without the new
    /// one, too, which would be read in its place.
    pub fn without(&self, number: u32) -> Vec<u8> {
        self.instance.authority.issue(&self.holder_without(number))
    }

    /// The same with any bytes for the value of that extension.
    pub fn with_extension(&self, number: u32, value: &[u8]) -> Vec<u8> {
        let mut holder = self.holder_without(number);
        holder.raw_claims.insert(number, value.to_vec());
        self.instance.authority.issue(&holder)
    }

    /// The same with a text in that extension.
    pub fn claiming(&self, number: u32, text: &str) -> Vec<u8> {
        self.with_extension(number, &utf8_string(text))
    }

    /// The same with a text in that extension beside what is there.
    pub fn twice(&self, number: u32, text: &str) -> Vec<u8> {
        let mut holder = self.holder.clone();
        holder.raw_claims.insert(number, utf8_string(text));
        self.instance.authority.issue(&holder)
    }

    fn holder_without(&self, number: u32) -> Holder {
        let gone = if number == 1 { &[1, 8][..] } else { &[number] };
        self.holder.clone().without(gone)
    }

    /// The bundle with this for its certificate.
    pub fn bundle(&self, certificate: &[u8]) -> Value {
        let by = By::Certificate(certificate.to_vec(), Vec::new());
        Signing { by, ..self.signing.clone() }.bundle()
    }
}

/// The first byte is 0 before a whole certificate, else the number of an extension before its value.
pub(super) fn certificates() -> Vec<Vec<u8>> {
    let certified = Certified::new();
    let mut all = vec![[&[0], &certified.certificate()[..]].concat()];
    for (number, text) in &certified.holder.claims {
        let number = *number as u8;
        all.push([&[number], text.as_bytes()].concat());
        all.push([&[number], &utf8_string(text)[..]].concat());
    }
    all
}
