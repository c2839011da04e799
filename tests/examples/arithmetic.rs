//! Verification of real bundles inside a process, beside the arithmetic that each asks for and nothing else:
//! its signatures and hashes, by the same library.
//!
//!     arithmetic CORPUS              the figures, as JSON
//!     arithmetic CORPUS CASE NUMBER  one case, so many times (for a profile)
//!
//! Each bundle is read from its bytes and verified with a trusted root that was parsed before. The arithmetic
//! of a bundle is the signature of its signer, that of the certificate by its issuer (which the trusted roots
//! hold as an anchor, so a chain has one link), those of the certificate log, of the log's promise and of its
//! checkpoint, and the hashes of the proof, each once. Keys are parsed before.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};
use sigstore_crypto::{Checkpoint, VerificationKey};
use sigstore_types::{Bundle, DerPublicKey, SignatureBytes, SignatureContent};
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::forms;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::trust::{Instance, InstanceName, TrustRoot};
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};

/// Verifications that are timed together, and how often each side has its turn.
const TOGETHER: u32 = 4;
const TURNS: usize = 400;
/// Verifications of a thread where threads are compared, and how often.
const ON_THREADS: u32 = 4;
const THREAD_TURNS: usize = 1_000;

/// A time stamp of a certificate log (RFC 6962, section 3.3).
const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// A real attestation, its file, and the arithmetic that it asks for.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    file: Sha256Digest,
    trust: TrustRoot,
    work: Vec<Work>,
}

/// One operation. A key is parsed beforehand.
enum Work {
    Signature { what: &'static str, key: VerificationKey, over: Vec<u8>, signature: SignatureBytes },
    Prehashed { key: VerificationKey, digest: Sha256Digest, signature: SignatureBytes },
    Sha256(Vec<u8>),
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (corpus, profile) = match &arguments[..] {
        [corpus] => (corpus, None),
        [corpus, case, number] => (corpus, Some((case, number.parse::<u32>().expect("a number")))),
        _ => panic!("usage: arithmetic CORPUS [CASE NUMBER]"),
    };
    let cases = cases(Path::new(corpus));
    if let Some((name, number)) = profile {
        let case = cases.iter().find(|case| case.name == name).expect("a case of that name");
        return (0..number).for_each(|_| case.verify());
    }
    let rows: Vec<_> = cases.iter().map(Case::row).collect();
    let report = json!({ "rows": rows, "threads": threads(&cases[0]), "root": root() });
    println!("{report:#}");
}

fn cases(corpus: &Path) -> Vec<Case> {
    let release = |version: &str, name: &str| {
        let text = read(&corpus.join("cpython-releases").join(version));
        let files: Vec<Value> = serde_json::from_slice(&text).expect("files");
        let file = files.into_iter().find(|file| {
            file["url"].as_str().is_some_and(|url| url.ends_with(&format!("/{name}")))
        });
        let file = file.expect("a release file");
        let sha256 = file["sha256"].as_str().expect("a digest").parse().expect("a digest");
        (file["sigstore"].to_string().into_bytes(), sha256)
    };
    let pep740 = corpus.join("pep740");
    let wheel = Sha256Digest::of(&read(&pep740.join("rfc8785-0.1.2-py3-none-any.whl")));
    let attestation = read(&pep740.join("rfc8785-0.1.2-py3-none-any.whl.publish.attestation"));
    let suite = corpus.join("sigstore-conformance/bundle-verify");
    let dsse = read(&suite.join("happy-path-intoto-in-dsse-v3/bundle.sigstore.json"));
    let artifact = Sha256Digest::of(&read(&suite.join("a.txt")));
    let (cpython, file) = release("3.14.0.json", "Python-3.14.0.tar.xz");
    vec![
        Case::new("cpython", cpython, file, InstanceName::PublicGood),
        Case::new("dsse", dsse, artifact, InstanceName::PublicGood),
        Case::new("pep740", attestation, wheel, InstanceName::Staging),
    ]
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Case {
    fn new(name: &'static str, bytes: Vec<u8>, file: Sha256Digest, on: InstanceName) -> Self {
        let instance = Instance::embedded(on).expect("the embedded root");
        let work = work(&as_bundle(&bytes), file, &instance);
        let trust = TrustRoot::new(Vec::new(), vec![Arc::new(instance)]);
        Self { name, bytes, file, trust, work }
    }

    /// What `wheelmark` does with an attestation, from its bytes to who signed what.
    fn verify(&self) {
        let limits = AttestationLimits::standard();
        let mut all = forms::read_all(&self.bytes, &limits).expect("attestations");
        let attestation = all.remove(0).expect("an attestation");
        let file = Signed::Digest(self.file);
        let envelope = VerifiedEnvelope::verify(&attestation, &self.trust, file, Utc::now());
        let envelope = envelope.expect("it holds");
        black_box(envelope.signer());
        if !envelope.is_bare() {
            black_box(envelope.statement(&limits).expect("a statement"));
        }
    }

    fn arithmetic(&self) {
        self.work.iter().for_each(Work::run);
    }

    fn row(&self) -> Value {
        let (ours, bare) = by_turns(|| self.verify(), || self.arithmetic());
        let parts: Vec<_> = self.work.iter().filter_map(Work::name).collect();
        let hashes = self.work.iter().filter(|it| matches!(it, Work::Sha256(_))).count();
        json!({
            "what": self.name, "verify_us": micros(ours), "arithmetic_us": micros(bare),
            "ratio": (ours.as_secs_f64() / bare.as_secs_f64() * 1e3).round() / 1e3,
            "signatures": parts, "hashes": hashes,
        })
    }
}

impl Work {
    fn run(&self) {
        match self {
            Self::Signature { what, key, over, signature } => {
                key.verify(over, signature).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            Self::Prehashed { key, digest, signature } => {
                key.verify_prehashed(digest.as_bytes(), signature).expect("the signer's signature");
            }
            Self::Sha256(data) => {
                black_box(sigstore_crypto::sha256(data));
            }
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Signature { what, key, .. } => Some(format!("{what} ({})", key.scheme().name())),
            Self::Prehashed { key, .. } => Some(format!("signer ({})", key.scheme().name())),
            Self::Sha256(_) => None,
        }
    }
}

/// The signatures and hashes that a bundle with one entry of Rekor v1 asks for.
fn work(bundle: &Bundle, file: Sha256Digest, instance: &Instance) -> Vec<Work> {
    let leaf = bundle.signing_certificate().expect("a certificate");
    let leaf = Certificate::from_der(leaf.as_bytes()).expect("a certificate");
    let key = |certificate: &Certificate| {
        let info = &certificate.tbs_certificate.subject_public_key_info;
        DerPublicKey::new(info.to_der().expect("DER"))
    };
    let of_signer = VerificationKey::from_spki(&key(&leaf)).expect("the signer's key");
    let signer = match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => Work::Signature {
            what: "signer",
            key: of_signer,
            over: envelope.pae(),
            signature: envelope.signature.sig.clone(),
        },
        SignatureContent::MessageSignature(message) => {
            Work::Prehashed { key: of_signer, digest: file, signature: message.signature.clone() }
        }
        _ => panic!("no signature"),
    };
    let authorities = &instance.root().certificate_authorities;
    let issuer = authorities
        .iter()
        .flat_map(|authority| &authority.cert_chain.certificates)
        .map(|it| Certificate::from_der(it.raw_bytes.as_bytes()).expect("a certificate"))
        .find(|it| {
            it.tbs_certificate.subject == leaf.tbs_certificate.issuer && signed_by(&leaf, &key(it))
        })
        .expect("the issuer");
    let issuer = key(&issuer);
    let entry = &bundle.verification_material.tlog_entries[0];
    let proof = entry.inclusion_proof.as_ref().expect("a proof");
    let log = || {
        let id = &entry.log_id.key_id;
        let log = instance.root().tlogs.iter().find(|log| log.log_id.key_id == *id);
        let key = &log.expect("a log of the instance").public_key.raw_bytes;
        VerificationKey::from_spki(key).expect("its key")
    };
    let checkpoint = Checkpoint::from_text(proof.checkpoint.envelope()).expect("a checkpoint");
    let promise = entry.inclusion_promise.as_ref().expect("a promise");
    let promised = json!({
        "body": entry.canonicalized_body.to_base64(),
        "integratedTime": entry.integrated_time.expect("a time").as_second(),
        "logID": hex(entry.log_id.key_id.as_bytes()),
        "logIndex": entry.log_index.as_i64(),
    });
    let mut work = vec![
        signer,
        of_issuer(&leaf, &issuer),
        of_certificate_log(&leaf, &issuer, instance),
        Work::Signature {
            what: "promise",
            key: log(),
            over: promised.to_string().into_bytes(),
            signature: SignatureBytes::new(promise.signed_entry_timestamp.as_bytes().to_vec()),
        },
        Work::Signature {
            what: "checkpoint",
            key: log(),
            over: checkpoint.signed_data().to_vec(),
            signature: checkpoint.signatures()[0].signature.clone(),
        },
        // The issuer's key within what the certificate log signed, and the leaf of the log's tree.
        Work::Sha256(issuer.as_bytes().to_vec()),
        Work::Sha256([&[0], entry.canonicalized_body.as_bytes()].concat()),
    ];
    work.extend(proof.hashes.iter().map(|_| Work::Sha256(vec![1; 65])));
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content {
        // The log's entry has the payload's own hash.
        work.push(Work::Sha256(envelope.payload.as_bytes().to_vec()));
    }
    work.iter().for_each(Work::run);
    work
}

fn as_bundle(bytes: &[u8]) -> Bundle {
    let value: Value = serde_json::from_slice(bytes).expect("JSON");
    let Some(material) = value.get("verification_material") else {
        return Bundle::from_json(&value.to_string()).expect("a bundle");
    };
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": material["certificate"] },
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": {
            "payload": value["envelope"]["statement"],
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{ "sig": value["envelope"]["signature"] }],
        },
    });
    Bundle::from_json(&bundle.to_string()).expect("a bundle")
}

/// The issuer's signature of a certificate.
fn of_issuer(leaf: &Certificate, issuer: &DerPublicKey) -> Work {
    let key = VerificationKey::from_spki(issuer).expect("the issuer's key");
    Work::Signature {
        what: "issuer",
        key,
        over: leaf.tbs_certificate.to_der().expect("DER"),
        signature: SignatureBytes::new(leaf.signature.raw_bytes().to_vec()),
    }
}

fn signed_by(leaf: &Certificate, issuer: &DerPublicKey) -> bool {
    match of_issuer(leaf, issuer) {
        Work::Signature { key, over, signature, .. } => key.verify(&over, &signature).is_ok(),
        _ => false,
    }
}

/// The certificate log's signature over the certificate without it (RFC 6962, section 3.2).
fn of_certificate_log(leaf: &Certificate, issuer: &DerPublicKey, instance: &Instance) -> Work {
    let mut tbs = leaf.tbs_certificate.clone();
    let extensions = tbs.extensions.take().expect("extensions");
    let (stamps, rest): (Vec<_>, Vec<_>) =
        extensions.into_iter().partition(|it| it.extn_id == SCT_LIST);
    tbs.extensions = Some(rest);
    let tbs = tbs.to_der().expect("DER");
    // An octet string of a list of one: two lengths of two bytes before the time stamp.
    let list = x509_cert::der::asn1::OctetString::from_der(stamps[0].extn_value.as_bytes());
    let list = list.expect("an octet string").as_bytes().to_vec();
    let stamp = &list[4..];
    let (log, time, rest) = (&stamp[1..33], &stamp[33..41], &stamp[41..]);
    assert_eq!(rest[..2], [0, 0], "a time stamp without extensions");
    let signature = SignatureBytes::new(rest[6..].to_vec());
    let mut over = vec![0, 0];
    over.extend(time);
    over.extend([0, 1]);
    over.extend(sigstore_crypto::sha256(issuer.as_bytes()).as_bytes());
    over.extend(&u32::try_from(tbs.len()).expect("a small certificate").to_be_bytes()[1..]);
    over.extend(&tbs);
    over.extend([0, 0]);
    let of = instance.root().ctlogs.iter().find(|it| it.log_id.key_id.as_bytes() == log);
    let key = &of.expect("a certificate log of the instance").public_key.raw_bytes;
    let key = VerificationKey::from_spki(key).expect("its key");
    Work::Signature { what: "certificate log", key, over, signature }
}

/// How much faster two threads are than one, over the same trusted root: by the clock, and by the time that
/// they were on a processor, which tells the same on a machine that has other work. And by the clock the
/// arithmetic alone, which shares nothing: what the machine has to give in the same minute.
fn threads(case: &Case) -> Value {
    let (verify, arithmetic) = (|| case.verify(), || case.arithmetic());
    let mut least = [(Duration::MAX, Duration::MAX); 4];
    for _ in 0..THREAD_TURNS {
        let times = [
            together(1, &verify),
            together(2, &verify),
            together(1, &arithmetic),
            together(2, &arithmetic),
        ];
        for (least, (clock, on_processor)) in least.iter_mut().zip(times) {
            *least = (clock.min(least.0), on_processor.min(least.1));
        }
    }
    let faster =
        |one: Duration, two: Duration| (2e3 * one.as_secs_f64() / two.as_secs_f64()).round() / 1e3;
    json!({
        "each": ON_THREADS,
        "faster": faster(least[0].0, least[1].0),
        "faster_on_processor": faster(least[0].1, least[1].1),
        "arithmetic_faster": faster(least[2].0, least[3].0),
    })
}

/// What threads that begin at one moment take, from the first beginning to the last end, and the most time
/// that one of them was on a processor.
fn together(threads: u32, work: &(dyn Fn() + Sync)) -> (Duration, Duration) {
    let ready = AtomicU32::new(0);
    let one = || {
        // Memory of its own is asked for before.
        work();
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < threads {
            std::hint::spin_loop();
        }
        let (began, before) = (Instant::now(), on_processor());
        (0..ON_THREADS).for_each(|_| work());
        (began, on_processor() - before, Instant::now())
    };
    let times: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|it| it.join().expect("it ends")).collect()
    });
    let began = times.iter().map(|it| it.0).min().expect("a thread");
    let ended = times.iter().map(|it| it.2).max().expect("a thread");
    (ended - began, times.iter().map(|it| it.1).max().expect("a thread"))
}

/// The time that this thread was on a processor.
fn on_processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// What an embedded trusted root costs to parse, once a process.
fn root() -> Value {
    let parse = |name| {
        let mut least = Duration::MAX;
        for _ in 0..100 {
            let started = Instant::now();
            black_box(Instance::embedded(name).expect("the embedded root"));
            least = least.min(started.elapsed());
        }
        micros(least)
    };
    json!({
        "public_good_us": parse(InstanceName::PublicGood),
        "staging_us": parse(InstanceName::Staging),
    })
}

/// The least times of two works that take turns.
fn by_turns(ours: impl Fn(), bare: impl Fn()) -> (Duration, Duration) {
    let time = |work: &dyn Fn()| {
        let started = Instant::now();
        (0..TOGETHER).for_each(|_| work());
        started.elapsed() / TOGETHER
    };
    (0..TURNS).fold((Duration::MAX, Duration::MAX), |(least, least_bare), _| {
        (least.min(time(&ours)), least_bare.min(time(&bare)))
    })
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
