//! What a trusted root says of its authorities and logs, held against what they signed.
#![allow(clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::report::Reason;
use wheelmark_core::trust::{Instance, InstanceName, TrustRoot};
use wheelmark_tests::sigstore::authority::{self, Authority};
use wheelmark_tests::sigstore::log::Log;
use wheelmark_tests::sigstore::{
    By, Holder, SERVER_AUTH, Signing, Sigstore, Version, key, signed_at, time,
};
use wheelmark_tests::{statement, tiny};

/// What becomes of a bundle under a trusted root.
fn judged(root: &Value, bundle: &Value) -> Result<(), Reason> {
    let root = Instance::parse(InstanceName::Private, root.to_string().as_bytes(), None);
    let trust = TrustRoot::new(Vec::new(), vec![Arc::new(root.expect("a trusted root"))]);
    let file = Signed::Digest(Sha256Digest::of(&tiny::wheel()));
    let now = time("2026-01-01T00:00:00Z");
    Attestation::parse(bundle.to_string().as_bytes(), &AttestationLimits::standard())
        .and_then(|it| VerifiedEnvelope::verify(&it, &trust, file, now))
        .map(drop)
        .map_err(|refusal| refusal.reason)
}

fn signed(sigstore: &Sigstore, holder: &Holder) -> Signing {
    sigstore.sign(holder, &statement::statement(tiny::FILENAME, &tiny::wheel()).to_string())
}

/// What becomes of a true signing on an instance with this authority.
fn by(authority: Authority) -> Result<(), Reason> {
    let sigstore = Sigstore { authority, ..Sigstore::default() };
    judged(&sigstore.trusted_root(), &signed(&sigstore, &Holder::workflow()).bundle())
}

#[test]
fn a_trusted_authority_vouches_for_nobody_when_it_is_not_valid() {
    let named = |from: &str, until: &str| Authority::named("wheelmark", time(from), time(until));
    let valid = || named("2024-01-01T00:00:00Z", "2034-01-01T00:00:00Z");
    assert_eq!(by(valid()), Ok(()));
    let expired = named("2024-01-01T00:00:00Z", "2025-11-30T00:00:00Z");
    let early = named("2025-12-02T00:00:00Z", "2034-01-01T00:00:00Z");
    let below_expired = valid().with_root_until("wheelmark", time("2025-11-30T00:00:00Z"));
    for authority in [expired, early, below_expired] {
        assert_eq!(by(authority), Err(Reason::CertificateUntrusted));
    }
}

#[test]
fn what_a_trusted_root_lists_is_an_authority_only_if_its_certificate_says_so() {
    let valid = || {
        let (from, until) = (time("2024-01-01T00:00:00Z"), time("2034-01-01T00:00:00Z"));
        Authority::named("wheelmark", from, until)
    };
    for extensions in [
        vec![],
        vec![authority::constraints(false, None)],
        vec![authority::constraints(true, None), authority::key_usage(false)],
        vec![authority::constraints(true, None), authority::purpose(SERVER_AUTH)],
    ] {
        assert_eq!(by(valid().with_extensions(extensions)), Err(Reason::CertificateUntrusted));
    }
    let least = vec![authority::constraints(true, Some(0)), authority::key_usage(true)];
    assert_eq!(by(valid().with_extensions(least)), Ok(()));

    let sigstore = Sigstore::default();
    let bundle = signed(&sigstore, &Holder::workflow()).bundle();
    let mut root = sigstore.trusted_root();
    let another = Sigstore::named("another").trusted_root();
    let chain = "/certificateAuthorities/0/certChain/certificates/1";
    *root.pointer_mut(chain).expect("a root") = another.pointer(chain).expect("a root").clone();
    assert_eq!(judged(&root, &bundle), Err(Reason::CertificateUntrusted), "signed by another root");
}

/// In the older forms a bundle brings the authorities' certificates along.
#[test]
fn an_authority_that_retired_is_not_brought_back_by_a_bundle() {
    let old = Sigstore::default();
    let bundle = signed(&old, &Holder::workflow()).bundle_of(Version::V0_1);
    let mut root = old.trusted_root();
    assert_eq!(judged(&root, &bundle), Ok(()));
    let mut newer = root["certificateAuthorities"][0].clone();
    // The same root vouches on, by another authority.
    newer["certChain"]["certificates"].as_array_mut().expect("a chain").remove(0);
    let end = (signed_at() - TimeDelta::days(1)).to_rfc3339();
    root["certificateAuthorities"][0]["validFor"]["end"] = json!(end);
    root["certificateAuthorities"].as_array_mut().expect("authorities").push(newer);
    assert_eq!(judged(&root, &bundle), Err(Reason::CertificateUntrusted));
}

#[test]
fn an_authority_that_is_brought_along_is_one_that_the_trusted_one_allows() {
    let (from, until) = (time("2024-01-01T00:00:00Z"), time("2034-01-01T00:00:00Z"));
    for (length, verdict) in [(None, Ok(())), (Some(0), Err(Reason::CertificateUntrusted))] {
        let extensions = vec![authority::constraints(true, length), authority::key_usage(true)];
        let trusted = Authority::named("wheelmark", from, until).with_extensions(extensions);
        let below = trusted.below("wheelmark below", from, until);
        let root = Sigstore { authority: trusted, ..Sigstore::default() }.trusted_root();
        let sigstore = Sigstore { authority: below, ..Sigstore::default() };
        let bundle = signed(&sigstore, &Holder::workflow()).bundle_of(Version::V0_1);
        assert_eq!(judged(&root, &bundle), verdict);
    }
}

#[test]
fn another_signer_s_certificate_in_a_chain_is_nobody_s_authority() {
    let sigstore = Sigstore::default();
    let mut bundle = signed(&sigstore, &Holder::workflow()).bundle_of(Version::V0_1);
    let chain = "/verificationMaterial/x509CertificateChain/certificates";
    let another = STANDARD.encode(sigstore.authority.issue(&Holder::person()));
    let chain = bundle.pointer_mut(chain).and_then(Value::as_array_mut).expect("a chain");
    chain.insert(1, json!({"rawBytes": another}));
    assert_eq!(judged(&sigstore.trusted_root(), &bundle), Ok(()));
}

#[test]
fn a_checkpoint_is_the_log_s_that_the_entry_names() {
    let (sigstore, other) = (Sigstore::default(), Sigstore::named("another"));
    let mut root = sigstore.trusted_root();
    let log = other.trusted_root()["tlogs"][0].clone();
    root["tlogs"].as_array_mut().expect("logs").push(log);
    let mut signing = signed(&sigstore, &Holder::workflow());
    assert_eq!(judged(&root, &signing.bundle()), Ok(()));
    let body = signing.entries[0]["canonicalizedBody"].as_str().expect("a body");
    let body = STANDARD.decode(body).expect("base64");
    let there = other.log.entry_of(("dsse", "0.0.1"), &body, signed_at());
    signing.entries[0]["inclusionProof"] = there["inclusionProof"].clone();
    assert_eq!(judged(&root, &signing.bundle()), Err(Reason::LogCheckpoint));
    signing.entries[0] = there;
    assert_eq!(judged(&root, &signing.bundle()), Ok(()), "the whole entry of the other log");
}

/// Without a promise the log says no time, and the time stamp's is the one that counts.
#[test]
fn a_log_that_retired_vouches_for_nothing_that_is_stamped_later() {
    let sigstore = Sigstore::default();
    let mut signing =
        signed(&sigstore, &Holder::workflow()).stamped(&sigstore.timestamps, signed_at());
    let entry = signing.entries[0].as_object_mut().expect("an entry");
    entry.remove("inclusionPromise");
    entry.remove("integratedTime");
    let mut root = sigstore.trusted_root();
    for (after, verdict) in [(1, Ok(())), (-1, Err(Reason::LogUnknown))] {
        let end = (signed_at() + TimeDelta::days(after)).to_rfc3339();
        root["tlogs"][0]["publicKey"]["validFor"]["end"] = json!(end);
        assert_eq!(judged(&root, &signing.bundle()), verdict);
    }
}

/// An entry of the kind `intoto`, which has the signer's certificate in it.
fn intoto(log: &Log, signing: &Signing, certificate: &[u8]) -> Value {
    let envelope = &signing.bundle()["dsseEnvelope"];
    let payload = envelope["payload"].as_str().expect("a payload");
    let payload = STANDARD.decode(payload).expect("base64");
    let hash: String = Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = envelope["signatures"][0]["sig"].as_str().expect("a signature");
    let spec = json!({"content": {
        "envelope": {
            "payloadType": envelope["payloadType"],
            "signatures": [{
                "publicKey": STANDARD.encode(key::pem("CERTIFICATE", certificate)),
                "sig": STANDARD.encode(signature),
            }],
        },
        "hash": {"algorithm": "sha256", "value": hash},
        "payloadHash": {"algorithm": "sha256", "value": hash},
    }});
    log.entry("intoto", "0.0.2", &spec, signed_at())
}

#[test]
fn an_entry_holds_the_very_certificate_of_the_signer() {
    let sigstore = Sigstore::default();
    let root = sigstore.trusted_root();
    let mut signing = signed(&sigstore, &Holder::workflow());
    let mut another = Holder::person();
    another.key = Holder::workflow().key;
    let another = sigstore.authority.issue(&another);
    let By::Certificate(own, _) = signing.by.clone() else { unreachable!("a certificate") };
    signing.entries = vec![intoto(&sigstore.log, &signing, &own)];
    assert_eq!(judged(&root, &signing.bundle()), Ok(()));
    signing.entries = vec![intoto(&sigstore.log, &signing, &another)];
    assert_eq!(judged(&root, &signing.bundle()), Err(Reason::LogEntryMismatch));
}

#[test]
fn a_signer_s_key_is_for_signatures_and_not_for_certificates() {
    let sigstore = Sigstore::default();
    let root = sigstore.trusted_root();
    for usage in [None, Some(authority::key_usage(true))] {
        let holder = Holder { usage, ..Holder::workflow() };
        let bundle = signed(&sigstore, &holder).bundle();
        assert_eq!(judged(&root, &bundle), Err(Reason::CertificateMalformed));
    }
}

/// What comes before the point of a key of P-521 (RFC 5480), which the library does not know.
const P521: &[u8] = b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\
    \x00\x23\x03\x81\x86\x00\x04";

#[test]
fn a_log_of_another_kind_of_key_is_no_harm_and_no_help() {
    let sigstore = Sigstore::default();
    let bundle = signed(&sigstore, &Holder::workflow()).bundle();
    let mut root = sigstore.trusted_root();
    let key = [P521, &[7; 132]].concat();
    let id = STANDARD.encode(Sha256::digest(&key));
    for logs in ["tlogs", "ctlogs"] {
        let mut another = root[logs][0].clone();
        another["publicKey"]["rawBytes"] = json!(STANDARD.encode(&key));
        another["publicKey"]["keyDetails"] = json!("PKIX_ECDSA_P521_SHA_512");
        another["logId"]["keyId"] = json!(id);
        root[logs].as_array_mut().expect("logs").push(another);
    }
    assert_eq!(judged(&root, &bundle), Ok(()));
    let instance = Instance::parse(InstanceName::Private, root.to_string().as_bytes(), None);
    let logs = instance.expect("a trusted root").contents().transparency_logs;
    assert_eq!(logs.iter().map(|log| log.supported).collect::<Vec<_>>(), [true, false]);
    root["tlogs"].as_array_mut().expect("logs").remove(0);
    assert_eq!(judged(&root, &bundle), Err(Reason::LogUnknown), "a log is asked for still");
    root["tlogs"][0]["publicKey"]["rawBytes"] = json!("AAAA");
    let broken = Instance::parse(InstanceName::Private, root.to_string().as_bytes(), None);
    assert!(broken.is_err());
}

#[test]
fn a_trusted_root_of_a_form_that_is_not_known_is_not_read() {
    let mut root = Sigstore::default().trusted_root();
    let media_type =
        |version| format!("application/vnd.dev.sigstore.trustedroot+json;version={version}");
    for (version, read) in [("0.1", true), ("0.2", true), ("9.9", false)] {
        root["mediaType"] = json!(media_type(version));
        let found = Instance::parse(InstanceName::Private, root.to_string().as_bytes(), None);
        assert_eq!(found.is_ok(), read, "{found:?}");
        if let Err(error) = found {
            assert!(error.to_string().contains("version=9.9"), "{error}");
        }
    }
}
