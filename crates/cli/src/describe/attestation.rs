//! Signed containers: Sigstore bundles, PEP 740 objects, DSSE envelopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigstore_crypto::x509;
use sigstore_types::{DerCertificate, Sha256Hash};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::json;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::trust::KeyId;

use super::{Description, Section, repository, statement, text};

const WHO: &str = "who signed, as the file says";

/// A Sigstore bundle.
pub fn bundle(bytes: &[u8], value: &Value) -> Description {
    let media_type = text(value, "/mediaType").unwrap_or_default();
    let mut description = Description::of("a Sigstore bundle");
    let who = description.section(WHO);
    let material = &value["verificationMaterial"];
    let certificates = material.pointer("/x509CertificateChain/certificates/0/rawBytes");
    let certificate = material.pointer("/certificate/rawBytes").or(certificates);
    if let Some(key) = material.get("publicKey") {
        let hint = text(key, "/hint").unwrap_or_default();
        who.fact("key", KeyId::describe_hint(hint));
    }
    if let Some(certificate) = certificate.and_then(Value::as_str) {
        describe_certificate(certificate, who);
    }
    describe_entries(&material["tlogEntries"], who);
    description.section("the container").fact("media type", media_type);
    if let Some(envelope) = value.get("dsseEnvelope") {
        describe_envelope(envelope, &mut description);
    } else {
        description.note("it signs the bare file and says nothing of where that came from");
    }
    if let Err(refusal) = Attestation::parse(bytes, &AttestationLimits::standard()) {
        description.note(format!("`wheelmark verify` would refuse it: {refusal}"));
    }
    description
}

/// A provenance object of an index (PEP 740).
pub fn provenance_object(value: &Value) -> Description {
    let mut description = Description::of("a provenance object of an index (PEP 740)");
    let bundles = value["attestation_bundles"].as_array();
    let bundles = bundles.map_or(&[][..], Vec::as_slice);
    for (index, bundle) in bundles.iter().enumerate() {
        let of = format!(" (bundle {index})");
        let publisher = description.section(format!("the publisher, as the index says{of}"));
        for (name, value) in bundle["publisher"].as_object().into_iter().flatten() {
            publisher.maybe(name, as_text(value).filter(|text| !text.is_empty()));
        }
        let attestations = bundle["attestations"].as_array();
        for (at, attestation) in attestations.into_iter().flatten().enumerate() {
            let of = format!(" (bundle {index}, attestation {at})");
            attestation_object(attestation, &of, &mut description);
        }
    }
    if bundles.is_empty() {
        description.note("it holds no attestation");
    }
    description
}

/// An attestation object of an index (PEP 740); `of` tells it from others in the same file.
pub fn attestation_object(value: &Value, of: &str, description: &mut Description) {
    let who = description.section(format!("{WHO}{of}"));
    if let Some(certificate) = text(value, "/verification_material/certificate") {
        describe_certificate(certificate, who);
    }
    describe_entries(&value["verification_material"]["transparency_entries"], who);
    describe_payload(text(value, "/envelope/statement"), of, description);
}

/// A DSSE envelope that no bundle holds.
pub fn envelope(value: &Value) -> Description {
    let mut description = Description::of("a DSSE envelope");
    describe_envelope(value, &mut description);
    description.note("nothing in it says which key to check it with");
    description
}

fn describe_envelope(envelope: &Value, description: &mut Description) {
    let section = description.section("the envelope");
    section.maybe("payload type", text(envelope, "/payloadType"));
    let signatures = envelope["signatures"].as_array();
    section.fact("signatures", signatures.map_or(0, Vec::len));
    for signature in signatures.into_iter().flatten() {
        section.maybe("key id", text(signature, "/keyid").filter(|id| !id.is_empty()));
    }
    describe_payload(text(envelope, "/payload"), "", description);
}

fn describe_payload(payload: Option<&str>, of: &str, description: &mut Description) {
    let limit = AttestationLimits::standard().bundle;
    let parsed = payload
        .ok_or_else(|| "there is none".to_owned())
        .and_then(|payload| STANDARD.decode(payload).map_err(|error| error.to_string()))
        .and_then(|bytes| json::parse(&bytes, limit).map_err(|error| error.to_string()));
    match parsed {
        Ok(value) => statement::statement(&value, of, description),
        Err(error) => description.note(format!("what was signed cannot be read{of}: {error}")),
    }
}

/// What a certificate, base64 of DER, says of its holder.
fn describe_certificate(base64: &str, who: &mut Section) {
    let parsed = DerCertificate::from_base64(base64)
        .map_err(|error| error.to_string())
        .and_then(|der| x509::parse_certificate_info(&der).map_err(|error| error.to_string()));
    let certificate = match parsed {
        Ok(certificate) => certificate,
        Err(error) => {
            who.fact("certificate", format!("cannot be read: {error}"));
            return;
        }
    };
    let claims = &certificate.ci_claims;
    // Certificates from before 2023 have these alone.
    let old = &claims.deprecated_github;
    let named = claims.source_repository_uri.as_deref().map(repository);
    who.maybe("identity", certificate.identity.as_ref())
        .maybe("vouched for by", certificate.issuer.as_ref())
        .maybe("repository", named.as_ref().or(old.workflow_repository.as_ref()))
        .maybe("repository id", claims.source_repository_identifier.as_ref())
        .maybe("owner", claims.source_repository_owner_uri.as_ref())
        .maybe("owner id", claims.source_repository_owner_identifier.as_ref())
        .maybe("visibility", claims.source_repository_visibility_at_signing.as_ref())
        .maybe("ref", claims.source_repository_ref.as_ref().or(old.workflow_ref.as_ref()))
        .maybe("commit", claims.source_repository_digest.as_ref().or(old.workflow_sha.as_ref()))
        .maybe("workflow", claims.build_config_uri.as_ref())
        .maybe("trigger", claims.build_trigger.as_ref().or(old.workflow_trigger.as_ref()))
        .maybe("environment", claims.deployment_environment.as_ref())
        .maybe("runner", claims.runner_environment.as_ref())
        .maybe("run", claims.run_invocation_uri.as_ref())
        .fact("certificate valid from", certificate.not_before)
        .fact("certificate valid until", certificate.not_after);
}

/// The entries in transparency logs, each with its log as `wheelmark trust show` names it.
fn describe_entries(entries: &Value, who: &mut Section) {
    let entries = entries.as_array().map_or(&[][..], Vec::as_slice);
    who.fact("log entries", entries.len());
    for entry in entries {
        let log = text(entry, "/logId/keyId").and_then(|id| Sha256Hash::from_base64(id).ok());
        who.maybe("log id", log.map(|id| id.to_hex()));
        who.maybe("log index", entry.get("logIndex").and_then(as_text));
    }
}

/// A JSON string or number as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
