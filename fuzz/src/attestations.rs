//! Attestations in every form, and what says who is trusted.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::forms;
use wheelmark_core::attestation::pep517::Pep517Build;
use wheelmark_core::attestation::provenance::BuildDefinition;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::json as strict_json;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::report::Refusal;
use wheelmark_core::trust::{
    Instance, InstanceName, SignerIdentity, TrustRoot, TrustedKey, Validity,
};
use wheelmark_tests::cases::{AT, TestKey};
use wheelmark_tests::seeds;
use wheelmark_tests::sigstore::Sigstore;

use super::shown_safely;

/// A public key whose private half was thrown away.
pub const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiVF6vpF5WltGTokgfRSSA2Os/Kg3\n\
    nY/DJyVcEEthSQOkPW97SImJ1pBGQ7O9Ga2Hsv11fBBXVJKJGe0487QLtQ==\n\
    -----END PUBLIC KEY-----\n";

/// The bounds of the targets.
pub const ATTESTATION: AttestationLimits = AttestationLimits { bundle: 1 << 20, attestations: 64 };

/// A bundle. Nobody can sign with the trusted key, so nothing verifies.
pub fn bundle(data: &[u8]) {
    let Ok(attestation) = Attestation::parse(data, &ATTESTATION) else {
        return;
    };
    let key = TrustedKey::from_pem(PUBLIC_KEY, Validity::default()).expect("a key");
    let trust = TrustRoot::new(vec![key], Vec::new());
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH;
    assert!(VerifiedEnvelope::verify(&attestation, &trust, Signed::Bytes(b""), now).is_err());
}

/// A `buildDefinition`. What is read is written and read back as the same.
pub fn provenance(data: &[u8]) {
    let Ok(value) = strict_json::parse(data, ATTESTATION.bundle) else {
        return;
    };
    let Ok(definition) = serde_json::from_value::<BuildDefinition>(value) else {
        return;
    };
    if let Ok(build) = Pep517Build::read(&definition) {
        let written = build.definition().expect("what came from JSON is JSON");
        assert_eq!(Pep517Build::read(&written).as_ref(), Ok(&build));
    }
}

/// Who signed, what, and when.
#[derive(Debug)]
struct Known {
    signer: SignerIdentity,
    payload: Option<Vec<u8>>,
    times: BTreeSet<DateTime<Utc>>,
}

/// A trust root that trusts the instance of the fixtures and their keys.
fn of_fixtures(instance: Instance) -> TrustRoot {
    let key = |key: TestKey| TrustedKey::from_pem(&key.public_pem(), Validity::default());
    let keys = [TestKey::Release, TestKey::Elsewhere].map(|it| key(it).expect("a key"));
    TrustRoot::new(keys.to_vec(), vec![Arc::new(instance)])
}

fn instance(bytes: &[u8]) -> Result<Instance, impl std::fmt::Display> {
    Instance::parse(InstanceName::Private, bytes, None)
}

static TRUST: LazyLock<TrustRoot> = LazyLock::new(|| {
    let root = Sigstore::default().trusted_root().to_string();
    of_fixtures(instance(root.as_bytes()).ok().expect("a trusted root"))
});

/// What was truly signed, in the seeds.
static SIGNED: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let seeds = seeds::of("attestations");
    seeds.iter().flat_map(|seed| held(seed, &TRUST)).filter_map(Result::ok).collect()
});

/// Every attestation of a file, held against a trust root.
fn held(data: &[u8], trust: &TrustRoot) -> Vec<Result<Known, Refusal>> {
    let now = AT.parse().expect("a time");
    let file = Signed::Digest(Sha256Digest::of(&seeds::wheel_of_attestations()));
    let all = forms::read_all(data, &ATTESTATION).unwrap_or_else(|refusal| vec![Err(refusal)]);
    assert!(all.len() <= ATTESTATION.attestations);
    let hold = |attestation: Attestation| {
        let envelope = VerifiedEnvelope::verify(&attestation, trust, file, now)?;
        Ok(Known {
            signer: envelope.signer().clone(),
            payload: attestation.unverified_payload().map(|(_, payload)| payload.to_vec()),
            times: envelope.times().iter().copied().collect(),
        })
    };
    all.into_iter().map(|it| it.and_then(hold)).collect()
}

/// Whether one of the attestations of a file holds.
pub fn holds(data: &[u8]) -> bool {
    held(data, &TRUST).iter().any(Result::is_ok)
}

/// Attestations in any form: bundles, one or several, attestation objects and provenance objects of an
/// index. The seeds are truly signed; what holds was signed by the same signer, byte by byte, at no other
/// time.
pub fn attestations(data: &[u8]) {
    for one in held(data, &TRUST) {
        match one {
            Ok(found) => assert!(
                SIGNED.iter().any(|known| known.signer == found.signer
                    && known.payload == found.payload
                    && known.times.is_superset(&found.times)),
                "{found:?}"
            ),
            Err(refusal) => shown_safely(&refusal),
        }
    }
}

/// A `trusted_root.json`. What is read can be shown, and under it, too, nobody but its own signer has
/// signed a true attestation.
pub fn trusted_root(data: &[u8]) {
    static ATTESTED: LazyLock<Vec<u8>> = LazyLock::new(seeds::signed_by_certificate);
    let instance = match instance(data) {
        Ok(instance) => instance,
        Err(error) => return shown_safely(&error),
    };
    let contents = instance.contents();
    assert!(!contents.certificate_authorities.is_empty() || !contents.transparency_logs.is_empty());
    serde_json::to_string(&contents).expect("JSON");
    assert_eq!(instance.sha256(), Sha256Digest::of(data));
    for one in held(&ATTESTED, &of_fixtures(instance)) {
        match one {
            Ok(found) => {
                assert!(SIGNED.iter().any(|known| known.signer == found.signer
                && known.payload == found.payload))
            }
            Err(refusal) => shown_safely(&refusal),
        }
    }
}
