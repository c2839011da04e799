//! What a log entry says twice, or says beside what is signed.
//!
//! A proof repeats the root and the size that its checkpoint has. The library takes the size of Rekor v1's
//! proofs from the proof, where a size that differs little gives the same path; of Rekor v2 it believes the
//! checkpoint, and leaves the repeated root, size and index, and the log's id, unread. Here they must agree, so
//! that no reader who takes the other one sees another entry.

use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Bundle, KindVersion, TransparencyLogEntry};

use crate::report::{Reason, Refusal};

/// Holds what the entries of a verified bundle repeat against what was verified.
///
/// # Errors
/// [`Reason::LogUnknown`], [`Reason::LogCheckpoint`] and [`Reason::LogInclusion`].
pub(super) fn agree(bundle: &Bundle, root: &TrustedRoot) -> Result<(), Refusal> {
    // Without logs of its own an instance looks at no entry.
    if root.tlogs.is_empty() {
        return Ok(());
    }
    bundle.verification_material.tlog_entries.iter().try_for_each(|entry| one(entry, root))
}

fn one(entry: &TransparencyLogEntry, root: &TrustedRoot) -> Result<(), Refusal> {
    if !root.tlogs.iter().any(|log| log.log_id.key_id == entry.log_id.key_id) {
        let known = root.tlogs.iter().map(|log| log.log_id.key_id.to_string());
        return Err(Refusal::new(Reason::LogUnknown)
            .expected_all(known)
            .found(entry.log_id.key_id.to_string()));
    }
    let Some(proof) = &entry.inclusion_proof else { return Ok(()) };
    let Some(checkpoint) = proof.checkpoint.checkpoint() else { return Ok(()) };
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
