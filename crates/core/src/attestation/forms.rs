//! The forms in which attestations come: one file, one or more attestations.
//!
//! | form | where it comes from |
//! | --- | --- |
//! | Sigstore bundle | `wheelmark build`, cosign, sigstore-python: `<file>.sigstore.json` |
//! | Sigstore bundles, one a line | `gh attestation download`, `<file>.intoto.jsonl` |
//! | attestation object (PEP 740) | `<file>.publish.attestation`, `<file>.slsa.attestation` |
//! | provenance object (PEP 740) | the index, `<file>.provenance` |
//!
//! The form is told by the keys that its specification requires, and each is then read strictly.

use serde_json::Value;

use super::bundle::{Attestation, malformed};
use super::pep740;
use crate::json::{self, JsonError};
use crate::limits::AttestationLimits;
use crate::report::{Reason, Refusal};

/// The command that makes a Sigstore bundle of what cosign wrote before there were any.
pub const CONVERTER: [&str; 3] = ["cosign", "bundle", "create"];

/// Reads every attestation that a file holds. One that cannot be read keeps none of the others from being
/// read, and a file without any gives an empty list.
///
/// # Errors
/// [`Reason::BundleMalformed`] when the file is none of these forms, [`Reason::BundleUnsupported`] for a form
/// that is known and not read, with how to convert it.
pub fn read_all(
    bytes: &[u8],
    limits: &AttestationLimits,
) -> Result<Vec<Result<Attestation, Refusal>>, Refusal> {
    match json::parse(bytes, limits.bundle) {
        Ok(value) => read_value(&value, limits),
        Err(JsonError::Malformed(_)) if is_lines(bytes) => read_lines(bytes, limits),
        Err(error) => Err(detached(bytes).unwrap_or_else(|| malformed(&error.to_string()))),
    }
}

fn read_value(
    value: &Value,
    limits: &AttestationLimits,
) -> Result<Vec<Result<Attestation, Refusal>>, Refusal> {
    let has = |key: &str| value.get(key).is_some();
    if has("attestation_bundles") {
        let all = pep740::provenance(value)?;
        return if all.len() <= limits.attestations { Ok(all) } else { Err(too_many(limits)) };
    }
    if has("verification_material") {
        return Ok(vec![pep740::attestation(value)]);
    }
    if has("base64Signature") || has("rekorBundle") || has("SignedEntryTimestamp") {
        return Err(unsupported("a bundle of cosign's own early form", &converted("it")));
    }
    if has("payload") && has("signatures") {
        return Err(unsupported(
            "a DSSE envelope without certificate or log entry",
            "the Sigstore bundle around it (slsa-github-generator 2 and gh attestation download give one)",
        ));
    }
    Ok(vec![Attestation::of_bundle(value)])
}

/// Several lines, each of which begins an object: the form of `.jsonl` files.
pub fn is_lines(bytes: &[u8]) -> bool {
    lines(bytes).count() > 1
        && lines(bytes).all(|line| line.starts_with(b"{") && line.ends_with(b"}"))
}

/// The lines that are not empty, without blanks around them.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

fn read_lines(
    bytes: &[u8],
    limits: &AttestationLimits,
) -> Result<Vec<Result<Attestation, Refusal>>, Refusal> {
    let mut all = Vec::new();
    for line in lines(bytes) {
        match json::parse(line, limits.bundle) {
            Ok(value) => match read_value(&value, limits) {
                Ok(read) => all.extend(read),
                Err(refusal) => all.push(Err(refusal)),
            },
            Err(error) => all.push(Err(malformed(&error.to_string()))),
        }
        if all.len() > limits.attestations {
            return Err(too_many(limits));
        }
    }
    Ok(all)
}

fn too_many(limits: &AttestationLimits) -> Refusal {
    malformed(&format!("more than {} attestations in one file", limits.attestations))
}

/// A signature or certificate in a file of its own, which cosign wrote and Sigstore bundles replaced.
fn detached(bytes: &[u8]) -> Option<Refusal> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let base64 = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    };
    let what = if text.starts_with("-----BEGIN CERTIFICATE") {
        "a certificate in a file of its own"
    } else if base64(text) {
        "a signature or certificate in a file of its own"
    } else {
        return None;
    };
    Some(unsupported(what, &converted("the signature and its certificate")))
}

fn converted(from: &str) -> String {
    format!("a Sigstore bundle, which `{}` makes of {from}", CONVERTER.join(" "))
}

fn unsupported(found: &str, instead: &str) -> Refusal {
    Refusal::new(Reason::BundleUnsupported).expected(instead).found(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_form_keeps_no_other_from_being_read() {
        let bare = r#"{"payload": "e30=", "payloadType": "x", "signatures": [{"sig": "eA=="}]}"#;
        let early = r#"{"base64Signature": "eA==", "cert": "x", "rekorBundle": {}}"#;
        let wrong = r#"{"version": 2, "attestation_bundles": []}"#;
        let text = [bare, "{x}", early, wrong].join("\n");
        let all = read_all(text.as_bytes(), &AttestationLimits::standard()).expect("four lines");
        let reasons: Vec<_> = all.into_iter().filter_map(Result::err).map(|it| it.reason).collect();
        let (other, broken) = (Reason::BundleUnsupported, Reason::BundleMalformed);
        assert_eq!(reasons, [other, broken, other, broken]);
    }
}
