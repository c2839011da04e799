//! What was signed on a Sigstore instance in memory, and then changed or mixed, in every way that there is:
//! `fixtures/cases` has one of each kind.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::attestation::statement::STATEMENT_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::{AttestationLimits, WheelLimits};
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Check, Reason};
use wheelmark_core::trust::{Instance, InstanceError, InstanceName, Instances, TrustRoot};
use wheelmark_core::verify::{self, Artifact, Contents, Facts, Given};
use wheelmark_core::wheel;
use wheelmark_tests::sigstore::holder::{EMAIL, GITHUB, Name, REPOSITORY};
use wheelmark_tests::sigstore::{Holder, Key, Signing, Sigstore, Version, signed_at, time};
use wheelmark_tests::tiny;

/// The instance in memory, and no other.
struct Memory(Arc<Instance>);

impl Instances for Memory {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        match name {
            InstanceName::Private => Ok(Arc::clone(&self.0)),
            other => Err(InstanceError::new(other, "not in this test")),
        }
    }
}

impl Memory {
    fn new() -> Self {
        let root = Sigstore::default().trusted_root().to_string();
        let instance = Instance::parse(InstanceName::Private, root.as_bytes(), None);
        Self(Arc::new(instance.expect("a trusted root")))
    }

    /// When it was signed, by everybody who vouches for a time; or why it does not hold.
    fn times(&self, bundle: &Value) -> Result<Vec<DateTime<Utc>>, Reason> {
        let limits = AttestationLimits::standard();
        let trust = TrustRoot::new(Vec::new(), vec![Arc::clone(&self.0)]);
        let now = time("2026-01-01T00:00:00Z");
        let file = Signed::Digest(Sha256Digest::of(&tiny::wheel()));
        Attestation::parse(bundle.to_string().as_bytes(), &limits)
            .and_then(|it| VerifiedEnvelope::verify(&it, &trust, file, now))
            .map(|it| it.times().to_vec())
            .map_err(|refusal| refusal.reason)
    }
}

fn statement(name: &str, bytes: &[u8]) -> String {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": Sha256Digest::of(bytes).to_string()}}],
        "predicateType": PUBLISH_TYPE,
        "predicate": null,
    })
    .to_string()
}

fn signed(holder: &Holder) -> Signing {
    Sigstore::default().sign(holder, &statement(tiny::FILENAME, &tiny::wheel()))
}

/// With a time stamp beside the log, so that there is one of everything.
fn complete() -> Signing {
    signed(&Holder::workflow()).stamped(&Sigstore::default().timestamps, signed_at())
}

#[test]
fn no_mixture_of_two_true_signings_holds() {
    let instance = Memory::new();
    let mut other_run = Holder::workflow();
    other_run.key = Key::named("another run");
    let other_file = statement("demo-1.1-py3-none-any.whl", b"other bytes");
    let stamp = |it: Signing| it.stamped(&Sigstore::default().timestamps, signed_at());
    let others = [
        stamp(signed(&other_run)),
        stamp(Sigstore::default().sign(&Holder::workflow(), &other_file)),
        stamp(Sigstore::default().sign(&Holder::person(), &other_file)),
    ];
    let one = complete();
    let mut mixtures = 0;
    for other in &others {
        let true_ones = [one.bundle(), other.bundle()];
        for of_other in 0..1_u32 << 5 {
            let from = |part: u32| if of_other >> part & 1 == 1 { other } else { &one };
            let mixed = Signing {
                by: from(0).by.clone(),
                content: from(1).content.clone(),
                signature: from(2).signature.clone(),
                entries: from(3).entries.clone(),
                tokens: from(4).tokens.clone(),
            };
            let bundle = mixed.bundle();
            let held = instance.times(&bundle);
            if true_ones.contains(&bundle) {
                assert_eq!(held.map(|times| times.len()), Ok(1), "{of_other:05b}");
            } else {
                assert!(held.is_err(), "{of_other:05b}: {bundle:#}");
                mixtures += 1;
            }
        }
    }
    assert!(mixtures > 70, "{mixtures}");
}

/// Every place of a bundle that holds bytes all of which somebody signed.
fn places(bundle: &Value) -> Vec<String> {
    let mut places = [
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
        "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
        "/verificationMaterial/tlogEntries/0/logId/keyId",
        "/dsseEnvelope/payload",
        "/dsseEnvelope/signatures/0/sig",
    ]
    .map(str::to_owned)
    .to_vec();
    let hashes = "/verificationMaterial/tlogEntries/0/inclusionProof/hashes";
    let count = bundle.pointer(hashes).and_then(Value::as_array).map_or(0, Vec::len);
    places.extend((0..count).map(|at| format!("{hashes}/{at}")));
    places
}

/// Every bundle that has one bit of each byte at a place changed.
fn bent_at<'b>(bundle: &'b Value, place: &'b str) -> impl Iterator<Item = (usize, Value)> + 'b {
    let text = bundle.pointer(place).and_then(Value::as_str).expect("base64");
    let bytes = STANDARD.decode(text).expect("base64");
    (0..bytes.len()).map(move |at| {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let mut bent = bundle.clone();
        *bent.pointer_mut(place).expect("there") = json!(STANDARD.encode(changed));
        (at, bent)
    })
}

#[test]
fn no_byte_of_a_bundle_can_change() {
    let instance = Memory::new();
    let bundle = complete().bundle();
    assert_eq!(instance.times(&bundle), Ok(vec![signed_at()]));
    for place in places(&bundle) {
        for (at, bent) in bent_at(&bundle, &place) {
            assert!(instance.times(&bent).is_err(), "{place}, byte {at}");
        }
    }
}

/// A token has some bytes around what its authority signed, such as versions, and the names of algorithms
/// that the key decides anyway. A change of those gives no other time.
#[test]
fn no_byte_of_a_time_stamp_can_change_the_time() {
    let instance = Memory::new();
    let bundle = complete().bundle();
    let place =
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let mut harmless = Vec::new();
    for (at, bent) in bent_at(&bundle, place) {
        if let Ok(times) = instance.times(&bent) {
            assert_eq!(times, [signed_at()], "byte {at}");
            harmless.push(at);
        }
    }
    let token = bundle.pointer(place).and_then(Value::as_str).expect("base64");
    let bytes = STANDARD.decode(token).expect("base64").len();
    assert!(harmless.len() < 25, "{} of {bytes}: {harmless:?}", harmless.len());
}

#[test]
fn no_number_of_a_log_entry_can_change() {
    let instance = Memory::new();
    let bundle = complete().bundle();
    let entry = "/verificationMaterial/tlogEntries/0";
    for place in ["logIndex", "integratedTime", "inclusionProof/logIndex"] {
        let place = format!("{entry}/{place}");
        let text = bundle.pointer(&place).and_then(Value::as_str).expect("a number");
        let number: i64 = text.parse().expect("a number");
        for other in [number - 1, number + 1, 0, -1, i64::MAX] {
            let mut bent = bundle.clone();
            *bent.pointer_mut(&place).expect("there") = json!(other.to_string());
            assert!(instance.times(&bent).is_err(), "{place}: {other}");
        }
    }
    // Of the sizes of a tree only some have proofs of this length for this place: those hold, and mean
    // nothing, because what the log signed is the checkpoint, and its root must come out.
    for size in ["0", "4", "9", "100", "-7", "18446744073709551615"] {
        let mut bent = bundle.clone();
        bent["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["treeSize"] = json!(size);
        assert!(instance.times(&bent).is_err(), "{size}");
    }
}

#[test]
fn what_the_log_signed_of_its_tree_cannot_change() {
    let instance = Memory::new();
    let bundle = complete().bundle();
    let place = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
    let note = bundle.pointer(place).and_then(Value::as_str).expect("a note");
    let (body, signature) = note.split_once("\n\n").expect("a signed note");
    let key = signature.rsplit(' ').next().expect("a signature").trim();
    let false_ones = [
        format!("{body}\n\n"),
        body.to_owned(),
        format!("{body}\n\n\u{2014} log.example {}\n", STANDARD.encode([0; 68])),
        note.replacen("wheelmark.example - 1", "wheelmark.example - 2", 1),
        note.replacen("\n7\n", "\n07\n", 1),
        note.replacen("\n\n", "\nTimestamp: 1\n\n", 1),
        note.replacen(key, &key.replacen(['A', 'B', 'C', 'D', 'E'], "z", 1), 1),
        String::new(),
    ];
    for changed in false_ones {
        assert_ne!(changed, note);
        let mut bent = bundle.clone();
        *bent.pointer_mut(place).expect("there") = json!(changed);
        assert!(instance.times(&bent).is_err(), "{changed}");
    }
}

#[test]
fn a_time_counts_only_where_it_is_signed() {
    let instance = Memory::new();
    let no_stamp = signed(&Holder::workflow());
    let entry = "/verificationMaterial/tlogEntries/0";
    for version in [Version::V0_1, Version::V0_2, Version::V0_3] {
        let bundle = no_stamp.bundle_of(version);
        assert_eq!(instance.times(&bundle), Ok(vec![signed_at()]), "{version:?}");
        for minutes in [-5, -1, 1, 5] {
            let mut bent = bundle.clone();
            let other = (signed_at() + TimeDelta::minutes(minutes)).timestamp();
            *bent.pointer_mut(&format!("{entry}/integratedTime")).expect("there") =
                json!(other.to_string());
            assert_eq!(instance.times(&bent), Err(Reason::LogPromise), "{version:?} {minutes}");
        }
        let mut unsigned = bundle.clone();
        let fields = unsigned.pointer_mut(entry).and_then(Value::as_object_mut);
        fields.expect("an entry").remove("inclusionPromise");
        let wanted = match version {
            Version::V0_1 => Reason::LogEntryMissing,
            _ => Reason::TimestampMissing,
        };
        assert_eq!(instance.times(&unsigned), Err(wanted), "{version:?}");
    }
}

#[test]
fn an_entry_given_twice_says_no_more_than_once() {
    let instance = Memory::new();
    let mut signing = signed(&Holder::workflow());
    signing.entries.push(signing.entries[0].clone());
    assert_eq!(instance.times(&signing.bundle()), Ok(vec![signed_at()]));
    // And each of them must hold for itself.
    for wrong in 0..2 {
        let mut bundle = signing.bundle();
        let entry = &mut bundle["verificationMaterial"]["tlogEntries"][wrong];
        entry["integratedTime"] = json!((signed_at().timestamp() + 60).to_string());
        assert_eq!(instance.times(&bundle), Err(Reason::LogPromise), "{wrong}");
    }
}

/// Every constraint that a policy can name, with what it asks of the release workflow.
const CONSTRAINTS: &[(&str, &str)] = &[
    ("issuer", GITHUB),
    ("repository", REPOSITORY),
    ("workflow", ".github/workflows/release.yml"),
    ("repository-id", "1001"),
    ("owner-id", "2002"),
    ("environment", "pypi"),
    ("runner-environment", "github-hosted"),
];

/// The reasons for which a signing by a holder fails a rule with these constraints.
fn judged(holder: &Holder, constraints: &[(&str, String)]) -> Vec<Reason> {
    let lines: String =
        constraints.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
    let text = format!(
        "schema = 1\n[identities.it]\ntrust = \"private\"\n{lines}[[rules]]\nprojects = [\"demo\"]\n\
         identities = [\"it\"]\nattestations = [\"{PUBLISH_TYPE}\"]\nrebuild = \"never\"\n"
    );
    let policy = Policy::parse("policy.toml", &text, &Memory::new()).expect("a policy");
    let bytes = tiny::wheel();
    let filename = DistFilename::parse(tiny::FILENAME).expect("a file name");
    let DistFilename::Wheel(name) = filename.clone() else {
        panic!("not a wheel");
    };
    let wheel = wheel::read(Cursor::new(&bytes), name, &WheelLimits::standard()).expect("a wheel");
    let artifact = Artifact {
        name: tiny::FILENAME.to_owned(),
        filename: Ok(filename),
        sha256: wheel.sha256(),
        facts: Facts::default(),
        contents: Ok(Contents::Wheel(Box::new(wheel))),
    };
    let attestation = signed(holder).attestation().to_string().into_bytes();
    let given = [Given { from: "attestation".to_owned(), bytes: attestation }];
    let now = time("2026-01-01T00:00:00Z");
    let report =
        verify::verify(&artifact, &given, &policy, now, &AttestationLimits::standard()).report;
    report.checks().iter().filter_map(Check::reason).collect()
}

#[test]
fn every_constraint_of_an_identity_is_asked_of_the_certificate() {
    let quoted = |text: &str| format!("\"{text}\"");
    let workflow = Holder::workflow();
    let Name::Uri(san) = &workflow.name else {
        panic!("a workflow has a URI");
    };
    let mut all: Vec<_> = CONSTRAINTS.iter().map(|(name, value)| (*name, quoted(value))).collect();
    all.push(("san", quoted(san)));
    all.push(("triggers", "[\"push\"]".to_owned()));
    assert_eq!(judged(&workflow, &all), []);
    for at in 0..all.len() {
        let mut other = all.clone();
        let (name, value) = &mut other[at];
        *value = match *name {
            "triggers" => "[\"release\"]".to_owned(),
            "repository" => quoted("https://github.com/octo/demos"),
            _ => value.replacen(|c: char| c.is_ascii_alphanumeric(), "_", 1),
        };
        assert_eq!(judged(&workflow, &other), [Reason::SignerNotAllowed], "{}", other[at].0);
        // The same where the policy asks for nothing else but the issuer and the name.
        let (name, value) = other[at].clone();
        let rest = all.iter().filter(|(it, _)| matches!(*it, "issuer" | "san") && *it != name);
        let alone: Vec<_> = rest.cloned().chain([(name, value)]).collect();
        assert_eq!(judged(&workflow, &alone), [Reason::SignerNotAllowed], "{name} alone");
    }
}

#[test]
fn what_a_certificate_does_not_say_meets_no_constraint() {
    let quoted = |text: &str| format!("\"{text}\"");
    // What says each fact, the old extensions and the certificate's own name included.
    let said_by: &[(&str, &[u32])] = &[
        ("repository", &[5, 12]),
        ("repository-id", &[15]),
        ("owner-id", &[17]),
        ("environment", &[23]),
        ("runner-environment", &[11]),
        ("triggers", &[2, 20]),
    ];
    for (name, extensions) in said_by {
        let silent = Holder::workflow().without(extensions);
        let value = match CONSTRAINTS.iter().find(|(other, _)| other == name) {
            Some((_, value)) => quoted(value),
            None => "[\"push\"]".to_owned(),
        };
        let san = match &silent.name {
            Name::Uri(uri) => quoted(uri),
            _ => quoted(EMAIL),
        };
        let base = [("issuer", quoted(GITHUB)), ("san", san)];
        // Without its repository a forge's certificate says too little for anything.
        let malformed: &[Reason] = match *name {
            "repository" => &[Reason::CertificateMalformed],
            _ => &[],
        };
        assert_eq!(judged(&silent, &base), malformed, "{name}");
        let asking = [&base[..], &[(*name, value)]].concat();
        let refused = [malformed, &[Reason::SignerNotAllowed]].concat();
        assert_eq!(judged(&silent, &asking), refused, "{name}");
    }
}
