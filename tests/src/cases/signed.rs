//! Statements, envelopes and policies of the cases, signed by the test keys.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::{KeyFile, PrivateKey};
use wheelmark_build::sign::sign_statement;
use wheelmark_core::attestation::statement::STATEMENT_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::LOCAL_BUILDER;
use wheelmark_core::trust::KeyId;

use crate::hostile::Plan;
use crate::keys;
use crate::statement::{self, SOURCE};
use crate::tiny;

/// A key of `fixtures/keys`. Its private half is public: it is for tests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestKey {
    /// ECDSA P-256, which the cases' policy lets sign for `demo`.
    Release,
    /// Ed25519, which it lets sign for `elsewhere` only.
    Elsewhere,
    /// Ed25519, of a rebuilder who is neither of them.
    Rebuilder,
}

impl TestKey {
    fn file(self) -> &'static str {
        match self {
            Self::Release => "release.key",
            Self::Elsewhere => "elsewhere.key",
            Self::Rebuilder => "rebuilder.key",
        }
    }

    fn text(self, end: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/keys");
        fs::read_to_string(folder.join(format!("{}{end}", self.file()))).expect("a test key")
    }

    /// The public half, PEM.
    pub fn public_pem(self) -> String {
        self.text(".pub")
    }

    /// The key. It is copied first: git keeps no mode, and a key that others can read is refused.
    pub fn open(self) -> PrivateKey {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(self.file());
        keys::write_private(&path, &self.text(""));
        let file = KeyFile::read(&path).expect("a private key");
        file.unlock(None).expect("a key without passphrase")
    }

    /// How a bundle names it.
    pub fn hint(self) -> String {
        KeyId::hint(self.open().key_id())
    }
}

/// The statement that holds for the tiny wheel.
pub fn statement() -> Value {
    statement::statement(tiny::FILENAME, &super::packed(&Plan::new()))
}

/// A statement of any predicate about the wheel of the cases.
pub(super) fn about(predicate_type: &str, predicate: &Value) -> Value {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": tiny::FILENAME, "digest": {"sha256": wheel_digest()}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

/// The digest of the wheel of the cases.
pub(super) fn wheel_digest() -> String {
    Sha256Digest::of(&super::packed(&Plan::new())).to_string()
}

/// The wheel that a poisoned build gave, and its digest.
pub(super) fn poisoned_wheel() -> (Vec<u8>, String) {
    let wheel = super::packed(Plan::new().put("demo.pth", "import demo\n"));
    let sha256 = Sha256Digest::of(&wheel).to_string();
    (wheel, sha256)
}

/// The bundle that a key signs around a payload, whatever that is.
pub fn bundle_of(key: TestKey, payload: &str) -> Vec<u8> {
    sign_statement(&key.open(), payload.as_bytes()).expect("signed")
}

/// The same around any payload type; `message` makes what is signed of the type and the payload.
pub fn envelope(payload_type: &str, payload: &str, message: fn(&str, &str) -> String) -> Vec<u8> {
    let key = TestKey::Release;
    let message = message(payload_type, payload);
    let signature = key.open().sign(message.as_bytes()).expect("signed");
    let mut bundle: Value = serde_json::from_slice(&bundle_of(key, payload)).expect("JSON");
    bundle["dsseEnvelope"]["payloadType"] = json!(payload_type);
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(STANDARD.encode(signature));
    bundle.to_string().into_bytes()
}

/// What DSSE signs (DSSE v1.0.2, "Signature Definition").
pub fn pae(payload_type: &str, payload: &str) -> String {
    let (a, b) = (payload_type.len(), payload.len());
    format!("DSSEv1 {a} {payload_type} {b} {payload}")
}

/// The policy of every case that says nothing else: a rule for `demo` and one for `elsewhere`, each with
/// a key of its own.
pub fn policy() -> String {
    let key = |name: &str, key: TestKey| {
        format!("[keys.{name}]\npem = \"\"\"\n{}\"\"\"\n", key.public_pem())
    };
    let rule = |project: &str, key: &str, source: &str| {
        format!(
            "[[rules]]\nprojects = [\"{project}\"]\nkeys = [\"{key}\"]\nsource = \"{source}\"\n\
             ref = \"refs/tags/v{{version}}\"\nbuilders = [\"{LOCAL_BUILDER}\"]\nrebuild = \"never\"\n"
        )
    };
    [
        "schema = 1\n".to_owned(),
        key("release", TestKey::Release),
        key("elsewhere", TestKey::Elsewhere),
        rule("demo", "release", SOURCE),
        rule("elsewhere", "elsewhere", "https://example.org/owner/elsewhere"),
    ]
    .join("\n")
}
