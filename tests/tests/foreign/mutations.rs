//! The ways in which a bundle is changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What must come of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It must be refused.
    Refused,
    /// It changes nothing that anybody signed or reads: see [`ALL`].
    Harmless,
}

/// One way to change a bundle, given another true one. `None` where the bundle has not the part.
pub struct Mutation {
    pub name: &'static str,
    pub expected: Expected,
    pub change: fn(&mut Value, &Value) -> Option<()>,
}

const fn refused(name: &'static str, change: fn(&mut Value, &Value) -> Option<()>) -> Mutation {
    Mutation { name, expected: Expected::Refused, change }
}

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
const PROOF: &str = "/verificationMaterial/tlogEntries/0/inclusionProof";

/// Every way. The last one is harmless: the media type says how to read the rest, nobody signs it, and
/// what the older form asks for is there as well.
pub const ALL: &[Mutation] = &[
    refused("signature", |it, _| flip(it, "/messageSignature/signature", 20)),
    refused("signature, its last byte", |it, _| flip_end(it, "/messageSignature/signature")),
    refused("signature of another", |it, other| take(it, other, "/messageSignature/signature")),
    refused("digest of the file", |it, _| flip(it, "/messageSignature/messageDigest/digest", 0)),
    refused("algorithm of the digest", |it, _| {
        set(it, "/messageSignature/messageDigest/algorithm", json!("SHA2_512"))
    }),
    refused("certificate, a byte of its body", |it, _| flip(it, certificate(it)?, 60)),
    refused("certificate, its signature", |it, _| flip_end(it, certificate(it)?)),
    refused("certificate, its time stamp of the certificate log", |it, _| {
        // The extension's value follows its object identifier, 1.3.6.1.4.1.11129.2.4.2.
        let oid = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
        let der = STANDARD.decode(it.pointer(certificate(it)?)?.as_str()?).ok()?;
        let at = der.windows(oid.len()).position(|window| window == oid)?;
        flip(it, certificate(it)?, at + oid.len() + 60)
    }),
    refused("certificate of another", |it, other| {
        let theirs = other.pointer(certificate(other)?)?.clone();
        set(it, certificate(it)?, theirs)
    }),
    refused("log entry of another", |it, other| take(it, other, ENTRY)),
    refused("log's promise", |it, _| {
        flip(it, &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), 20)
    }),
    refused("log id", |it, _| flip(it, &format!("{ENTRY}/logId/keyId"), 3)),
    refused("log index", |it, _| add(it, &format!("{ENTRY}/logIndex"), 1)),
    refused("integrated time", |it, _| add(it, &format!("{ENTRY}/integratedTime"), 1)),
    refused("kind of the entry", |it, _| {
        set(it, &format!("{ENTRY}/kindVersion/kind"), json!("dsse"))
    }),
    refused("body of the entry", |it, _| flip(it, &format!("{ENTRY}/canonicalizedBody"), 90)),
    refused("no entry", |it, _| set(it, "/verificationMaterial/tlogEntries", json!([]))),
    refused("log index of the proof", |it, _| add(it, &format!("{PROOF}/logIndex"), 1)),
    refused("root hash", |it, _| flip(it, &format!("{PROOF}/rootHash"), 7)),
    refused("tree size", |it, _| double(it, &format!("{PROOF}/treeSize"))),
    // The path to the leaf is mostly the same.
    refused("tree size, by one", |it, _| add(it, &format!("{PROOF}/treeSize"), 1)),
    refused("a hash of the proof", |it, _| flip(it, &format!("{PROOF}/hashes/0"), 7)),
    refused("a hash of the proof left out", |it, _| {
        it.pointer_mut(&format!("{PROOF}/hashes"))?.as_array_mut()?.pop().map(drop)
    }),
    refused("checkpoint, its root", |it, _| text(it, &format!("{PROOF}/checkpoint/envelope"), 2)),
    refused("checkpoint, its size", |it, _| text(it, &format!("{PROOF}/checkpoint/envelope"), 1)),
    refused("checkpoint, its signature", |it, _| {
        text(it, &format!("{PROOF}/checkpoint/envelope"), 4)
    }),
    refused("proof of another", |it, other| take(it, other, PROOF)),
    refused("time stamp", |it, _| {
        let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
        flip_end(it, &format!("{stamps}/0/signedTimestamp"))
    }),
    refused("media type", |it, _| {
        set(it, "/mediaType", json!("application/vnd.dev.sigstore.bundle.v9+json"))
    }),
    refused("no media type", |it, _| it.as_object_mut()?.remove("mediaType").map(drop)),
    refused("a key in place of the certificate", |it, _| {
        let material = it["verificationMaterial"].as_object_mut()?;
        material.remove("certificate");
        material.remove("x509CertificateChain");
        material.insert("publicKey".to_owned(), json!({"hint": ""}));
        Some(())
    }),
    Mutation {
        name: "media type of the form before",
        expected: Expected::Harmless,
        change: |it, _| {
            let from = "application/vnd.dev.sigstore.bundle+json;version=0.2";
            (it["mediaType"] == from).then_some(())?;
            set(it, "/mediaType", json!("application/vnd.dev.sigstore.bundle+json;version=0.1"))
        },
    },
];

/// Where the signer's certificate is.
fn certificate(bundle: &Value) -> Option<&'static str> {
    [
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/x509CertificateChain/certificates/0/rawBytes",
    ]
    .into_iter()
    .find(|path| bundle.pointer(path).is_some())
}

fn set(bundle: &mut Value, path: &str, value: Value) -> Option<()> {
    *bundle.pointer_mut(path)? = value;
    Some(())
}

fn take(bundle: &mut Value, other: &Value, path: &str) -> Option<()> {
    let theirs = other.pointer(path)?.clone();
    set(bundle, path, theirs)
}

/// Changes one byte of a base64 value.
fn flip(bundle: &mut Value, path: &str, at: usize) -> Option<()> {
    let mut bytes = STANDARD.decode(bundle.pointer(path)?.as_str()?).ok()?;
    *bytes.get_mut(at)? ^= 1;
    set(bundle, path, json!(STANDARD.encode(bytes)))
}

fn flip_end(bundle: &mut Value, path: &str) -> Option<()> {
    let length = STANDARD.decode(bundle.pointer(path)?.as_str()?).ok()?.len();
    flip(bundle, path, length - 1)
}

/// Adds to a number, which protobuf writes as text.
fn add(bundle: &mut Value, path: &str, more: i64) -> Option<()> {
    let number: i64 = bundle.pointer(path)?.as_str()?.parse().ok()?;
    set(bundle, path, json!((number + more).to_string()))
}

fn double(bundle: &mut Value, path: &str) -> Option<()> {
    let number: i64 = bundle.pointer(path)?.as_str()?.parse().ok()?;
    set(bundle, path, json!((number * 2).to_string()))
}

/// Changes a character in the middle of a line.
fn text(bundle: &mut Value, path: &str, line: usize) -> Option<()> {
    let text = bundle.pointer(path)?.as_str()?.to_owned();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let line = lines.get_mut(line)?;
    let at = line.len() / 2;
    let other = if line.as_bytes().get(at)? == &b'1' { "2" } else { "1" };
    line.replace_range(at..=at, other);
    set(bundle, path, json!(lines.join("\n")))
}
