//! Attestation objects and provenance objects of an index (PEP 740), as attestations.
//!
//! <https://packaging.python.org/en/latest/specifications/index-hosted-attestations/>. An attestation object
//! holds what a Sigstore bundle v0.3 holds, under other names, so it is read into one and verified as one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::bundle::{Attestation, malformed};
use super::document;
use super::publisher::Publisher;
use super::statement::PAYLOAD_TYPE;
use crate::report::{Reason, Refusal};

const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// "Provenance objects".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceObject {
    version: u32,
    attestation_bundles: Vec<AttestationBundle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestationBundle {
    publisher: Value,
    attestations: Vec<Value>,
}

/// "Attestation objects".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestationObject {
    version: u32,
    verification_material: VerificationMaterial,
    envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerificationMaterial {
    certificate: String,
    transparency_entries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    statement: String,
    signature: String,
}

/// Reads a provenance object: every attestation in it, each with the publisher that the index names.
///
/// An attestation that cannot be read keeps none of the others from being read.
///
/// # Errors
/// [`Reason::BundleMalformed`] when the object is not of the specified form or of another version.
pub(super) fn provenance(value: &Value) -> Result<Vec<Result<Attestation, Refusal>>, Refusal> {
    let object = document::read::<ProvenanceObject>(value)
        .map_err(|error| malformed(&format!("PEP 740 provenance object: {error}")))?;
    version(object.version)?;
    let mut attestations = Vec::new();
    for bundle in &object.attestation_bundles {
        let publisher = Publisher::read(&bundle.publisher);
        for value in &bundle.attestations {
            attestations.push(publisher.clone().and_then(|publisher| {
                let attestation = attestation(value)?;
                Ok(Attestation { publisher: Some(publisher), ..attestation })
            }));
        }
    }
    Ok(attestations)
}

/// Reads an attestation object.
///
/// # Errors
/// [`Reason::BundleMalformed`] when it is not of the specified form or of another version;
/// [`Reason::LogEntryMissing`] without any entry of a log.
pub(super) fn attestation(value: &Value) -> Result<Attestation, Refusal> {
    let object = document::read::<AttestationObject>(value)
        .map_err(|error| malformed(&format!("PEP 740 attestation object: {error}")))?;
    version(object.version)?;
    let material = object.verification_material;
    if material.transparency_entries.is_empty() {
        return Err(Refusal::new(Reason::LogEntryMissing).expected("at least one log entry"));
    }
    Attestation::of_bundle(&json!({
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "certificate": { "rawBytes": material.certificate },
            "tlogEntries": material.transparency_entries,
        },
        "dsseEnvelope": {
            "payload": object.envelope.statement,
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": object.envelope.signature }],
        },
    }))
}

fn version(found: u32) -> Result<(), Refusal> {
    if found == 1 {
        return Ok(());
    }
    Err(malformed(&format!("PEP 740 object of version {found}, only 1 is known")))
}
