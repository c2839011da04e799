//! The two forms in which layouts and links are signed: the classic one (in-toto specification v1.0, 4.1), whose
//! signatures are over canonical JSON, and DSSE (in-toto enhancement 5), whose signatures are over bytes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_types::{SignatureBytes, pae};

use super::canonical::canonical;
use super::key::FunctionaryKey;
use crate::attestation::document;
use crate::attestation::statement::PAYLOAD_TYPE;
use crate::json;

/// How metadata is signed and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `signed` and `signatures`, the signatures over canonical JSON.
    Classic,
    /// A DSSE envelope.
    Dsse,
}

/// A layout or link with its signatures, none of which was checked.
#[derive(Debug)]
pub(super) struct Envelope {
    payload: Value,
    message: Vec<u8>,
    /// By the id of the key, each of which signs once.
    signatures: BTreeMap<String, SignatureBytes>,
}

/// What a key signed. Made by [`Envelope::signed_by`] and nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a>(&'a Value);

impl<'a> Signed<'a> {
    /// The document.
    pub(super) fn document(self) -> &'a Value {
        self.0
    }
}

/// Why a key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// There is no signature under its id.
    Missing,
    /// There is one, which is not this key's over these bytes.
    Wrong,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Classic {
    signed: Value,
    signatures: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dsse {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Value>,
}

/// Writers of in-toto in other languages add an empty `cert`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
    #[serde(default)]
    cert: Option<String>,
}

impl Envelope {
    /// Reads either form strictly, of at most `limit` bytes. An error is in words.
    pub(super) fn parse(bytes: &[u8], limit: usize) -> Result<Self, String> {
        let value = json::parse(bytes, limit).map_err(|error| error.to_string())?;
        let wrong = |error: document::Wrong| error.to_string();
        if value.get("payload").is_some() {
            let Dsse { payload, payload_type, signatures } =
                document::read(&value).map_err(wrong)?;
            if payload_type != PAYLOAD_TYPE {
                return Err(format!("payloadType `{payload_type}`, not `{PAYLOAD_TYPE}`"));
            }
            let payload = base64(&payload).ok_or("payload is not base64")?;
            let message = pae(&payload_type, &payload);
            let payload =
                json::parse(&payload, limit).map_err(|error| format!("payload: {error}"))?;
            // Nothing signs this form, yet readers of both ask for what it can hold.
            canonical(&payload).map_err(|error| format!("payload: {error}"))?;
            let signatures = read_signatures(&signatures, base64)?;
            return Ok(Self { payload, message, signatures });
        }
        let Classic { signed, signatures } = document::read(&value).map_err(wrong)?;
        let message = canonical(&signed).map_err(|error| format!("signed: {error}"))?;
        let signatures = read_signatures(&signatures, |sig| hex::decode(sig).ok())?;
        Ok(Self { payload: signed, message, signatures })
    }

    /// What it holds, if this key signed it.
    pub(super) fn signed_by(&self, key: &FunctionaryKey) -> Result<Signed<'_>, Unsigned> {
        let signature = self.signatures.get(key.id()).ok_or(Unsigned::Missing)?;
        match key.holds(&self.message, signature) {
            true => Ok(Signed(&self.payload)),
            false => Err(Unsigned::Wrong),
        }
    }
}

fn read_signatures(
    values: &[Value],
    decode: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<BTreeMap<String, SignatureBytes>, String> {
    let mut signatures = BTreeMap::new();
    for (index, value) in values.iter().enumerate() {
        let at = |what: String| format!("signatures[{index}]{what}");
        // One of OpenPGP is nobody's that is read here.
        if value.get("other_headers").is_some() {
            continue;
        }
        let signature: Signature = document::read(value).map_err(|error| at(error.to_string()))?;
        if signature.cert.is_some_and(|cert| !cert.is_empty()) {
            return Err(at(".cert: signatures by certificate are not read".to_owned()));
        }
        let sig =
            decode(&signature.sig).ok_or_else(|| at(".sig: not in its encoding".to_owned()))?;
        if signatures.insert(signature.keyid, SignatureBytes::new(sig)).is_some() {
            return Err(at(": a second one of the same key".to_owned()));
        }
    }
    Ok(signatures)
}

/// In either alphabet, as DSSE asks for.
fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// A document that is to be signed.
#[derive(Debug)]
pub struct ToSign {
    payload: Value,
    form: Form,
    bytes: Vec<u8>,
}

impl ToSign {
    /// Prepares a document of whole numbers; `None` of one with others.
    pub(super) fn new(payload: Value, form: Form) -> Option<Self> {
        // The payload of DSSE may be any JSON, and this is one.
        let bytes = match form {
            Form::Classic => canonical(&payload).ok()?,
            Form::Dsse => payload.to_string().into_bytes(),
        };
        Some(Self { payload, form, bytes })
    }

    /// The bytes that the signature is over.
    pub fn message(&self) -> Vec<u8> {
        match self.form {
            Form::Classic => self.bytes.clone(),
            Form::Dsse => pae(PAYLOAD_TYPE, &self.bytes),
        }
    }

    /// The file, with the one signature by the key of this id.
    pub fn signed(self, key_id: &str, signature: &[u8]) -> Vec<u8> {
        let document = match self.form {
            Form::Classic => json!({
                "signed": self.payload,
                "signatures": [{ "keyid": key_id, "sig": hex::encode(signature) }],
            }),
            Form::Dsse => json!({
                "payload": STANDARD.encode(&self.bytes),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{ "keyid": key_id, "sig": STANDARD.encode(signature) }],
            }),
        };
        let mut file = format!("{document:#}").into_bytes();
        file.push(b'\n');
        file
    }
}
