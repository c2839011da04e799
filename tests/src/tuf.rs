//! A small signer of TUF metadata (<https://theupdateframework.github.io/specification/latest/>), to say
//! what an honest repository says and what an attacker would.

use std::collections::BTreeMap;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::index_server::{IndexServer, Reply};

/// A time that no test sees.
pub const FAR: &str = "2999-01-01T00:00:00Z";
/// A time before any test.
pub const PAST: &str = "2001-01-01T00:00:00Z";

/// Where a repository is on a server.
const FOLDER: &str = "/tuf";

/// A key that signs metadata.
#[derive(Debug, Clone)]
pub struct TufKey(SigningKey);

impl TufKey {
    /// The key of this number, always the same.
    ///
    /// # Panics
    /// For 0, which is no key.
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number; 32]).expect("a key"))
    }

    /// The key as metadata lists it.
    ///
    /// # Panics
    /// Never: every key can be written as PEM.
    pub fn object(&self) -> Value {
        let pem = self.0.verifying_key().to_public_key_pem(LineEnding::LF).expect("PEM");
        json!({
            "keytype": "ecdsa",
            "scheme": "ecdsa-sha2-nistp256",
            "keyval": { "public": pem },
        })
    }

    /// Its id.
    pub fn id(&self) -> String {
        sha256(&canonical(&self.object()))
    }

    /// A signature of it under some id.
    pub fn signature(&self, signed: &Value, id: &str) -> Value {
        let signature: DerSignature = self.0.sign(&canonical(signed));
        json!({ "keyid": id, "sig": hex::encode(signature.as_bytes()) })
    }
}

/// Metadata as a file, signed by these keys.
pub fn document(signed: &Value, keys: &[&TufKey]) -> Vec<u8> {
    let signatures = keys.iter().map(|key| key.signature(signed, &key.id())).collect();
    document_with(signed, signatures)
}

/// Metadata as a file, with these signatures.
pub fn document_with(signed: &Value, signatures: Vec<Value>) -> Vec<u8> {
    json!({ "signed": signed, "signatures": signatures }).to_string().into_bytes()
}

/// The canonical form of securesystemslib, over which signatures are made: sorted keys, no space, and
/// only `"` and `\` escaped.
pub fn canonical(value: &Value) -> Vec<u8> {
    let joined = |parts: Vec<Vec<u8>>, begin: &[u8], end: &[u8]| {
        [begin, &parts.join(&b","[..]), end].concat()
    };
    match value {
        Value::String(text) => {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{text}\"").into_bytes()
        }
        Value::Array(items) => joined(items.iter().map(canonical).collect(), b"[", b"]"),
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let pair = |(key, value): (&String, &Value)| {
                [canonical(&json!(key)), b":".to_vec(), canonical(value)].concat()
            };
            joined(sorted.into_iter().map(pair).collect(), b"{", b"}")
        }
        other => other.to_string().into_bytes(),
    }
}

/// The hexadecimal digest of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The signed part of a root in which these keys have every role, so many of them together.
pub fn root(version: u64, keys: &[&TufKey], threshold: usize) -> Value {
    let ids: Vec<_> = keys.iter().map(|key| key.id()).collect();
    let objects: BTreeMap<_, _> = keys.iter().map(|key| (key.id(), key.object())).collect();
    let role = json!({ "keyids": ids, "threshold": threshold });
    json!({
        "_type": "root",
        "spec_version": "1.0.31",
        "version": version,
        "expires": FAR,
        "consistent_snapshot": true,
        "keys": objects,
        "roles": { "root": role, "timestamp": role, "snapshot": role, "targets": role },
    })
}

/// One state of a repository: the versions of its metadata, and the trusted root it serves.
#[derive(Debug, Clone)]
pub struct Release {
    /// The version of the timestamp.
    pub timestamp: u64,
    /// When the timestamp expires.
    pub timestamp_expires: String,
    /// The version of the snapshot.
    pub snapshot: u64,
    /// When the snapshot expires.
    pub snapshot_expires: String,
    /// The version of the targets.
    pub targets: u64,
    /// When the targets expire.
    pub targets_expires: String,
    /// The trusted root.
    pub trusted_root: Vec<u8>,
    /// The key of all three.
    pub key: TufKey,
}

impl Release {
    /// The versions are all of this number.
    pub fn new(version: u64, key: &TufKey, trusted_root: &[u8]) -> Self {
        Self {
            timestamp: version,
            timestamp_expires: FAR.to_owned(),
            snapshot: version,
            snapshot_expires: FAR.to_owned(),
            targets: version,
            targets_expires: FAR.to_owned(),
            trusted_root: trusted_root.to_vec(),
            key: key.clone(),
        }
    }

    /// The signed part of the targets.
    pub fn targets(&self) -> Value {
        let target = json!({
            "length": self.trusted_root.len(),
            "hashes": { "sha256": sha256(&self.trusted_root) },
        });
        json!({
            "_type": "targets",
            "spec_version": "1.0.31",
            "version": self.targets,
            "expires": self.targets_expires,
            "targets": { "trusted_root.json": target },
        })
    }

    /// Serves this state. What was served before and is not named by it stays.
    pub fn publish(&self, server: &IndexServer) {
        self.publish_all(server, &document(&self.targets(), &[&self.key]), &[]);
    }

    /// The same with other targets metadata, and that of roles to which it delegates, by their names.
    pub fn publish_all(&self, server: &IndexServer, targets: &[u8], roles: &[(&str, &[u8])]) {
        let mut meta = BTreeMap::from([("targets.json".to_owned(), pin(self.targets, targets))]);
        for (name, bytes) in roles {
            meta.insert(format!("{name}.json"), pin(self.targets, bytes));
            serve(server, &format!("{}.{name}.json", self.targets), bytes);
        }
        let snapshot = json!({
            "_type": "snapshot",
            "spec_version": "1.0.31",
            "version": self.snapshot,
            "expires": self.snapshot_expires,
            "meta": meta,
        });
        let snapshot = document(&snapshot, &[&self.key]);
        let timestamp = json!({
            "_type": "timestamp",
            "spec_version": "1.0.31",
            "version": self.timestamp,
            "expires": self.timestamp_expires,
            "meta": { "snapshot.json": pin(self.snapshot, &snapshot) },
        });
        let target = format!("targets/{}.trusted_root.json", sha256(&self.trusted_root));
        serve(server, "timestamp.json", &document(&timestamp, &[&self.key]));
        serve(server, &format!("{}.snapshot.json", self.snapshot), &snapshot);
        serve(server, &format!("{}.targets.json", self.targets), targets);
        serve(server, &target, &self.trusted_root);
    }

    /// Where its trusted root is on a server.
    pub fn target_path(&self) -> String {
        path(&format!("targets/{}.trusted_root.json", sha256(&self.trusted_root)))
    }
}

fn pin(version: u64, bytes: &[u8]) -> Value {
    json!({
        "version": version,
        "length": bytes.len(),
        "hashes": { "sha256": sha256(bytes) },
    })
}

/// Serves one file of a repository.
pub fn serve(server: &IndexServer, name: &str, bytes: &[u8]) {
    server.told(&path(name), Reply::of("application/json", bytes));
}

/// Where a file of a repository is on a server.
pub fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// The URL of the repository on a server.
pub fn url(server: &IndexServer) -> String {
    format!("{}{FOLDER}/", server.origin())
}
