//! What verification costs inside the process, beside the same libraries doing only the unavoidable work:
//!
//! - the strict reading of a wheel of many members, beside inflating, CRC-32 and SHA-256 of its bytes;
//! - the verification of an envelope, beside one ECDSA verification of its bytes;
//! - the whole of `verify::verify`, for a tiny wheel that was read already.
//!
//! It lives here and not in core because what it measures is made with the tests' own hands: statements
//! and wheels. `cargo bench -p wheelmark-tests`; the ratios, measured by turns, come last.

#![allow(clippy::expect_used)] // as in tests

use std::hint::black_box;
use std::io::{Cursor, Read as _};
use std::time::{Duration, Instant};

use chrono::Utc;
use criterion::{Criterion, Throughput};
use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};
use sigstore_crypto::VerificationKey;
use sigstore_types::{Bundle, DerPublicKey, SignatureContent};
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::filename::{DistFilename, WheelFilename};
use wheelmark_core::limits::{AttestationLimits, WheelLimits};
use wheelmark_core::policy::{OnCommandLine, Policy};
use wheelmark_core::report::Decision;
use wheelmark_core::trust::{TrustRoot, TrustedKey, Validity};
use wheelmark_core::verify::{self, Artifact, Contents, Facts, Given};
use wheelmark_core::wheel;
use wheelmark_tests::hostile::{Plan, deflate};
use wheelmark_tests::{statement, tiny};

/// Members of the synthetic wheel, and the bytes of each: about as a large pure project.
const MEMBERS: usize = 2_000;
const MEMBER_BYTES: usize = 8 << 10;

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    let ratios = [reading(&mut criterion), envelope(&mut criterion)];
    whole(&mut criterion);
    criterion.final_summary();
    for ratio in ratios {
        println!("{ratio}");
    }
}

/// The strict reader beside the bare work on the same bytes.
fn reading(criterion: &mut Criterion) -> String {
    let members: Vec<Vec<u8>> = (0..MEMBERS).map(text).collect();
    let mut plan = Plan::new();
    for (number, data) in members.iter().enumerate() {
        plan.put(&format!("demo/module_{number}.py"), data);
    }
    let file = plan.archive().bytes();
    let packed: Vec<Vec<u8>> = members.iter().map(|data| deflate(data)).collect();
    let filename: WheelFilename = match DistFilename::parse(tiny::FILENAME) {
        Ok(DistFilename::Wheel(filename)) => filename,
        other => panic!("not a wheel: {other:?}"),
    };
    let read = || {
        let wheel = wheel::read(Cursor::new(&file), filename.clone(), &WheelLimits::standard());
        black_box(wheel.expect("an honest wheel").sha256());
    };
    let bare = || {
        let mut data = Vec::with_capacity(MEMBER_BYTES);
        for packed in &packed {
            data.clear();
            let inflated = DeflateDecoder::new(&packed[..]).read_to_end(&mut data);
            black_box(inflated.expect("honest data"));
            black_box(crc32fast::hash(&data));
            black_box(Sha256::digest(&data));
        }
        black_box(Sha256::digest(&file));
    };
    let mut group = criterion.benchmark_group("wheel of 2,000 members");
    group.throughput(Throughput::Bytes((MEMBERS * MEMBER_BYTES) as u64));
    group.sample_size(20);
    group.bench_function("strict reader", |it| it.iter(read));
    group.bench_function("inflate, crc-32, sha-256", |it| it.iter(bare));
    group.finish();
    ratio("strict reader / inflate, crc-32 and sha-256 of the same bytes", 1, read, bare)
}

/// An envelope beside the one signature in it.
fn envelope(criterion: &mut Criterion) -> String {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let pem = key.public_pem().expect("PEM");
    let signed = statement::sign(&key, &statement::statement(tiny::FILENAME, &tiny::wheel()));
    let trusted = TrustedKey::from_pem(&pem, Validity::default()).expect("a public key");
    let trust = TrustRoot::new(vec![trusted], Vec::new());
    let (now, limits) = (Utc::now(), AttestationLimits::standard());
    let ours = || {
        let attestation = Attestation::parse(&signed, &limits).expect("a bundle");
        black_box(
            VerifiedEnvelope::verify(&attestation, &trust, Signed::Bytes(b""), now)
                .expect("it holds"),
        );
    };

    let bundle = Bundle::from_json(str::from_utf8(&signed).expect("UTF-8")).expect("a bundle");
    let SignatureContent::DsseEnvelope(envelope) = bundle.content else {
        panic!("no envelope");
    };
    let der = DerPublicKey::from_pem(pem.trim()).expect("a public key");
    let bare_key = VerificationKey::from_spki(&der).expect("a public key");
    let (message, signature) = (envelope.pae(), envelope.signature.sig);
    let bare = || {
        bare_key.verify(&message, &signature).expect("it holds");
    };
    let mut group = criterion.benchmark_group("envelope, ECDSA P-256");
    group.bench_function("parsed and verified", |it| it.iter(ours));
    group.bench_function("the signature alone", |it| it.iter(bare));
    group.finish();
    ratio("envelope parsed and verified / its ECDSA signature alone", 200, ours, bare)
}

/// Every check of the procedure, for a wheel that was read already.
fn whole(criterion: &mut Criterion) {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let pem = key.public_pem().expect("PEM");
    let bytes = tiny::wheel();
    let signed = statement::sign(&key, &statement::statement(tiny::FILENAME, &bytes));
    let given = [Given { from: "bundle".to_owned(), bytes: signed.clone() }];
    let policy = Policy::on_command_line(OnCommandLine::key(
        TrustRoot::new(
            vec![TrustedKey::from_pem(&pem, Validity::default()).expect("a public key")],
            Vec::new(),
        ),
        statement::SOURCE.parse().expect("a URI"),
    ));
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
    let (now, limits) = (Utc::now(), AttestationLimits::standard());
    criterion.bench_function("verify::verify of a tiny keyed wheel", |it| {
        it.iter(|| {
            let outcome = verify::verify(&artifact, &given, &policy, now, &limits);
            assert_eq!(outcome.report.decision(), Decision::Accepted);
        });
    });
}

/// The ratio of the medians of two works that take turns, each `repeat` times at a time.
fn ratio(what: &str, repeat: u32, ours: impl Fn(), bare: impl Fn()) -> String {
    let time = |work: &dyn Fn()| {
        let started = Instant::now();
        (0..repeat).for_each(|_| work());
        started.elapsed() / repeat
    };
    let (mut our_times, mut bare_times): (Vec<_>, Vec<_>) =
        (0..31).map(|_| (time(&ours), time(&bare))).unzip();
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (ours, bare) = (median(&mut our_times), median(&mut bare_times));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    format!("ratio of medians, by turns: {what}: {ratio:.2} ({ours:.1?} / {bare:.1?})")
}

/// Text such as sources are, of [`MEMBER_BYTES`], another for each number.
fn text(number: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = 0;
    while text.len() < MEMBER_BYTES {
        let name = (number * 7919 + line * 104_729) % 10_007;
        text.extend(format!("def function_{name}(x):\n    return x + {line}\n").bytes());
        line += 1;
    }
    text.truncate(MEMBER_BYTES);
    text
}
