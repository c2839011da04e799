//! What a log entry says twice, or says beside what is signed.
//!
//! A proof repeats the root and the size that its checkpoint has. The library takes the size of Rekor v1's
//! proofs from the proof, where a size that differs little gives the same path; of Rekor v2 it believes the
//! checkpoint, and leaves the repeated root, size and index, and the log's id, unread. Here they must agree, so
//! that no reader who takes the other one sees another entry. Nor does it ask whose checkpoint it is, as long as a
//! log of the trusted root signed it; here it must be the log's that the entry names. Of an entry of the
//! kind `intoto` it compares the key, and here the certificate must be the very one that was logged.
//! It holds the time of a log's promise against the time in which the log's key counts; where there is no promise,
//! that is done here, by the time stamps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use jiff::Timestamp;
use serde_json::Value;
use sigstore_crypto::{Checkpoint, CheckpointSignature, VerificationKey};
use sigstore_trust_root::TrustedRoot;
use sigstore_trust_root::trusted_root::TransparencyLog;
use sigstore_types::{Bundle, DerCertificate, KindVersion, LogId, TransparencyLogEntry};

use crate::report::{Reason, Refusal};

/// Holds what the entries of a verified bundle repeat against what was verified, and the times at which it was
/// signed against the logs'.
///
/// # Errors
/// [`Reason::LogUnknown`], [`Reason::LogCheckpoint`] and [`Reason::LogInclusion`].
pub(super) fn agree(
    bundle: &Bundle,
    root: &TrustedRoot,
    times: &[DateTime<Utc>],
) -> Result<(), Refusal> {
    // Without logs of its own an instance looks at no entry.
    if root.tlogs.is_empty() {
        return Ok(());
    }
    bundle.verification_material.tlog_entries.iter().try_for_each(|entry| {
        one(entry, root, times)?;
        match bundle.signing_certificate() {
            Some(signer) if entry.kind_version == KindVersion::IntotoV002 => logged(entry, signer),
            _ => Ok(()),
        }
    })
}

fn one(
    entry: &TransparencyLogEntry,
    root: &TrustedRoot,
    times: &[DateTime<Utc>],
) -> Result<(), Refusal> {
    let named = |log: &&TransparencyLog| log.log_id.key_id == entry.log_id.key_id;
    let Some(log) = root.tlogs.iter().find(named) else {
        return Err(Refusal::new(Reason::LogUnknown)
            .expected_all(root.tlogs.iter().map(|log| shown(&log.log_id)))
            .found(shown(&entry.log_id)));
    };
    if entry.inclusion_promise.is_none() {
        times.iter().try_for_each(|time| counts(log, *time))?;
    }
    let Some(proof) = &entry.inclusion_proof else { return Ok(()) };
    let Some(checkpoint) = proof.checkpoint.checkpoint() else { return Ok(()) };
    if !signed_by(checkpoint, log, root) {
        return Err(Refusal::new(Reason::LogCheckpoint)
            .expected(format!("a checkpoint signed by the entry's {}", shown(&entry.log_id)))
            .found("a signature of another log"));
    }
    if proof.root_hash != *checkpoint.root_hash() || proof.tree_size != checkpoint.tree_size() {
        let of = |size: u64, root: String| format!("size {size}, root {root}");
        return Err(Refusal::new(Reason::LogCheckpoint)
            .expected(of(checkpoint.tree_size(), checkpoint.root_hash().to_hex()))
            .found(of(proof.tree_size, proof.root_hash.to_hex())));
    }
    // The index of Rekor v1's entries counts over all its shards, that of a proof within one.
    if entry.kind_version == KindVersion::HashedRekordV002 && proof.log_index != entry.log_index {
        return Err(Refusal::new(Reason::LogInclusion)
            .expected(format!("index {}", entry.log_index.get()))
            .found(format!("index {} in its proof", proof.log_index.get())));
    }
    Ok(())
}

/// A log by its id, as `trust show` has it.
fn shown(id: &LogId) -> String {
    format!("log {}", hex::encode(id.key_id.as_bytes()))
}

/// Holds that a log's key counts at a time.
fn counts(log: &TransparencyLog, time: DateTime<Utc>) -> Result<(), Refusal> {
    let Some(window) = log.public_key.valid_for else { return Ok(()) };
    if Timestamp::from_second(time.timestamp()).is_ok_and(|time| window.contains(time)) {
        return Ok(());
    }
    let until = window.end.map(|end| format!(" until {end}")).unwrap_or_default();
    Err(Refusal::new(Reason::LogUnknown)
        .expected(format!("{}, from {}{until}", shown(&log.log_id), window.start))
        .found(format!("signed at {}", time.to_rfc3339())))
}

/// Whether a checkpoint, of which a log of the trusted root signed some line, is signed by this log. A line is told
/// by the first bytes of its key's id; only where another log has a line as well are the signatures asked.
fn signed_by(checkpoint: &Checkpoint, log: &TransparencyLog, root: &TrustedRoot) -> bool {
    let is_of = |line: &CheckpointSignature, log: &TransparencyLog| {
        log.log_id.key_id.as_bytes().starts_with(line.key_id.as_bytes())
    };
    let lines = || checkpoint.signatures().iter();
    let another = |line| root.tlogs.iter().any(|it| it.log_id != log.log_id && is_of(line, it));
    if !lines().any(another) {
        return lines().any(|line| is_of(line, log));
    }
    VerificationKey::from_spki(&log.public_key.raw_bytes).is_ok_and(|key| {
        let signed = checkpoint.signed_data();
        lines().any(|line| is_of(line, log) && key.verify(signed, &line.signature).is_ok())
    })
}

/// The certificate that signed is the one in the log, and not another for the same key: nobody would see that one.
fn logged(entry: &TransparencyLogEntry, signer: &DerCertificate) -> Result<(), Refusal> {
    let body: Option<Value> = serde_json::from_slice(entry.canonicalized_body.as_bytes()).ok();
    let in_log = body.as_ref().and_then(|body| {
        let pem = body.pointer("/spec/content/envelope/signatures/0/publicKey")?.as_str()?;
        DerCertificate::from_pem(&String::from_utf8(STANDARD.decode(pem).ok()?).ok()?).ok()
    });
    match in_log {
        Some(certificate) if certificate == *signer => Ok(()),
        _ => Err(Refusal::new(Reason::LogEntryMismatch)
            .expected("the signer's certificate in the log's entry")
            .found("another certificate, or a key")),
    }
}
