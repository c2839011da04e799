//! The conformance suite's bundles of Rekor v2, of which CPython has none: no change of them is accepted either.

use std::fs;

use chrono::Utc;
use serde_json::{Value, json};
use std::sync::Arc;
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::report::Reason;
use wheelmark_core::trust::{Instance, InstanceName, TrustRoot};
use wheelmark_tests::corpus;

use crate::mutations::{self, Expected};

const CASES: [&str; 7] = [
    "rekor2-happy-path",
    "rekor2-checkpoint-multiple-cosigs",
    "rekor2-checkpoint-origin-not-first",
    "rekor2-checkpoint-two-sigs-from-origin",
    "rekor2-timestamp-with-embedded-cert",
    "rekor2-timestamp-with-expired-cert-chain",
    "rekor2-timestamp-without-embedded-cert",
];

#[test]
fn no_change_of_a_bundle_of_rekor_2_is_accepted() {
    let Some(suite) = corpus::folder("sigstore-conformance/bundle-verify") else { return };
    let limits = AttestationLimits::standard();
    let bundle = |name: &str| -> Value {
        let text = fs::read(suite.join(name).join("bundle.sigstore.json")).expect("a bundle");
        serde_json::from_slice(&text).expect("JSON")
    };
    for (index, name) in CASES.iter().enumerate() {
        let own = suite.join(name).join("artifact");
        let file = fs::read(if own.exists() { own } else { suite.join("a.txt") }).expect("a file");
        let instance = match fs::read(suite.join(name).join("trusted_root.json")) {
            Ok(root) => Instance::parse(InstanceName::Private, &root, None),
            Err(_) => Instance::embedded(InstanceName::PublicGood),
        };
        let trust = TrustRoot::new(Vec::new(), vec![Arc::new(instance.expect("a trusted root"))]);
        let refused = |bundle: &Value| -> Option<Reason> {
            let text = bundle.to_string();
            let verified = Attestation::parse(text.as_bytes(), &limits).and_then(|it| {
                VerifiedEnvelope::verify(&it, &trust, Signed::Bytes(&file), Utc::now())
            });
            verified.err().map(|refusal| refusal.reason)
        };
        let true_one = bundle(name);
        assert_eq!(refused(&true_one), None, "{name}");
        // Of another entry: the first four are one signature with several checkpoints.
        let other = bundle(CASES[if index < 4 { 4 } else { 0 }]);
        let proof = "/verificationMaterial/tlogEntries/0/inclusionProof";
        let checkpoint = true_one.pointer(&format!("{proof}/checkpoint/envelope"));
        let checkpoint = checkpoint.and_then(Value::as_str).expect("a checkpoint");
        let signatures = checkpoint.lines().filter(|line| line.starts_with('\u{2014}')).count();
        let mut ways = 0;
        for mutation in mutations::ALL {
            let mut changed = true_one.clone();
            // Where others signed the checkpoint as well, it changes one of theirs, which nobody asks for.
            let of_others = signatures > 1 && mutation.name == "checkpoint, its signature";
            if (mutation.change)(&mut changed, &other).is_none() || of_others {
                continue;
            }
            ways += 1;
            let accepted = refused(&changed).is_none();
            assert_eq!(
                accepted,
                mutation.expected == Expected::Harmless,
                "{name}: {}",
                mutation.name
            );
        }
        assert!(ways >= 12, "{name}: only {ways} ways");

        let mut changed = true_one.clone();
        *changed.pointer_mut(&format!("{proof}/logIndex")).expect("an index") = json!("0");
        assert_eq!(refused(&changed), Some(Reason::LogInclusion), "{name}");
        let mut changed = true_one.clone();
        let id = "/verificationMaterial/tlogEntries/0/logId/keyId";
        *changed.pointer_mut(id).expect("an id") =
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(refused(&changed), Some(Reason::LogUnknown), "{name}");
    }
}
