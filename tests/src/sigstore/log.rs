//! A transparency log as Rekor v1 is one: canonical entries, a promise for each, and a small Merkle tree
//! (RFC 6962, 2.1) under a signed checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::key::Key;

/// Entries of the tree, and which of them is the one that is asked for. The tree is not a full one, so that
/// a proof has hashes from both sides.
const TREE_SIZE: usize = 7;
const AT: usize = 4;
/// Entries of the log's earlier trees, which count in the index of the whole log.
const BEFORE: usize = 1_000;

/// The log.
#[derive(Debug, Clone)]
pub struct Log {
    key: Key,
    origin: String,
}

impl Log {
    /// The log of a name.
    pub fn named(name: &str) -> Self {
        Self { key: Key::named(&format!("{name} log")), origin: format!("{name}.example - 1") }
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Takes an entry of a kind and version, at a time, and gives what a bundle holds of it.
    pub fn entry(&self, kind: &str, version: &str, spec: &Value, at: DateTime<Utc>) -> Value {
        let body = json!({"apiVersion": version, "kind": kind, "spec": spec});
        // serde_json sorts keys; text and numbers here are such that this is RFC 8785's form.
        self.entry_of((kind, version), body.to_string().as_bytes(), at)
    }

    /// The same of any bytes.
    pub fn entry_of(&self, (kind, version): (&str, &str), body: &[u8], at: DateTime<Utc>) -> Value {
        let leaves: Vec<_> = (0..TREE_SIZE)
            .map(|index| match index {
                AT => leaf(body),
                other => leaf(format!("entry {other}").as_bytes()),
            })
            .collect();
        let hashes: Vec<_> = path(AT, &leaves).iter().map(|hash| STANDARD.encode(hash)).collect();
        let root = root(&leaves);
        json!({
            "logIndex": (BEFORE + AT).to_string(),
            "logId": {"keyId": STANDARD.encode(self.key.id())},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": at.timestamp().to_string(),
            "inclusionPromise": {"signedEntryTimestamp": self.promise(body, at)},
            "inclusionProof": {
                "logIndex": AT.to_string(),
                "rootHash": STANDARD.encode(root),
                "treeSize": TREE_SIZE.to_string(),
                "hashes": hashes,
                "checkpoint": {"envelope": self.checkpoint(TREE_SIZE, root, &self.key)},
            },
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    /// The signed entry timestamp: a promise to take the entry, at this time and place.
    pub fn promise(&self, body: &[u8], at: DateTime<Utc>) -> String {
        let id: String = self.key.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let promised = json!({
            "body": STANDARD.encode(body),
            "integratedTime": at.timestamp(),
            "logID": id,
            "logIndex": BEFORE + AT,
        });
        STANDARD.encode(self.key.sign(promised.to_string().as_bytes()))
    }

    /// A checkpoint of a tree, signed by some key under the hint of the log's own
    /// (<https://github.com/transparency-dev/formats/tree/main/log>).
    pub fn checkpoint(&self, size: usize, root: [u8; 32], by: &Key) -> String {
        let note = format!("{}\n{size}\n{}\n", self.origin, STANDARD.encode(root));
        let signature = [&self.key.id()[..4], &by.sign(note.as_bytes())].concat();
        let name = self.origin.split(' ').next().unwrap_or_default();
        format!("{note}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
    }
}

fn leaf(body: &[u8]) -> [u8; 32] {
    Sha256::digest([&[0], body].concat()).into()
}

/// The hash of a tree that has leaves.
pub fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [only] => *only,
        several => {
            let (left, right) = several.split_at(split(several.len()));
            Sha256::digest([&[1], &root(left)[..], &root(right)].concat()).into()
        }
    }
}

/// The hashes that lead from a leaf to the root (RFC 6962, 2.1.1).
fn path(at: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut hashes, other) = match at < split {
        true => (path(at, left), root(right)),
        false => (path(at - split, right), root(left)),
    };
    hashes.push(other);
    hashes
}

/// The largest power of two below a number.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}
