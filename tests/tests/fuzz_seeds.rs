//! The short form of fuzzing, for every run of the tests: each seed of each target, and some thousand
//! changes of it that are the same each time, go through what the fuzz targets call.
#![allow(clippy::expect_used, reason = "tests")]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::thread;

use serde_json::{Value, json};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::pep517::Pep517Build;
use wheelmark_core::attestation::predicate::Predicate;
use wheelmark_core::attestation::statement::Statement;
use wheelmark_core::filename::SdistFilename;
use wheelmark_core::limits::{AttestationLimits, SdistLimits};
use wheelmark_core::lock::{Lock, LockFormat};
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Decision;
use wheelmark_core::trust::{Embedded, Instance, InstanceName};
use wheelmark_index::ProjectPage;
use wheelmark_tests::change::{Random, change};
use wheelmark_tests::seeds;

/// Changed inputs for each target; of one that signs or verifies for each of them, fewer.
const ROUNDS: u64 = 3000;
const ROUNDS_WITH_SIGNATURES: u64 = 300;

const WITH_SIGNATURES: [&str; 7] = [
    "attestations",
    "statement",
    "certificate",
    "trusted_root",
    "layout",
    "policy_includes",
    "policy_signature",
];

#[test]
fn no_seed_and_no_change_of_one_breaks_a_reader() {
    thread::scope(|scope| {
        for (name, target) in targets::TARGETS {
            let run = move || run(name, *target);
            let builder = thread::Builder::new().name((*name).to_owned());
            builder.spawn_scoped(scope, run).expect("a thread");
        }
    });
}

/// Seeds that their reader refuses would exercise little of it.
#[test]
fn the_seeds_are_honest() {
    for seed in seeds::of("wheel") {
        targets::archives::read_wheel(&seed).expect("a wheel");
    }
    for seed in seeds::of("diff") {
        for wheel in targets::archives::pair(&seed).expect("two wheels") {
            let shown = seed.escape_ascii();
            assert!(targets::archives::read_wheel(&wheel).is_some(), "{shown}");
        }
    }
    for seed in seeds::of("sdist").iter().filter(|seed| seed[0] == 0x1f) {
        let name = SdistFilename::parse("demo-1.0.tar.gz").expect("a name");
        let limits = SdistLimits::standard();
        wheelmark_core::sdist::read(&seed[..], name, &limits).expect("an sdist");
    }
    for seed in seeds::of("policy") {
        let text = String::from_utf8(seed).expect("text");
        Policy::parse("policy.toml", &text, &Embedded).expect("a policy");
    }
    let formats =
        [LockFormat::Requirements, LockFormat::Pylock, LockFormat::Uv, LockFormat::Poetry];
    for (seed, format) in seeds::of("lock").iter().zip(formats) {
        let text = std::str::from_utf8(&seed[1..]).expect("text");
        let lock = Lock::parse(format, "lock", text).expect("a lock");
        assert_eq!(lock.entries.len(), 1);
    }
    for seed in seeds::of("record") {
        targets::archives::read_wheel(&targets::archives::with_record(&seed)).expect("a wheel");
    }
    for seed in seeds::of("metadata") {
        let wheel = targets::archives::with_part(seed[0], &seed[1..]);
        targets::archives::read_wheel(&wheel).expect("a wheel");
    }
    for seed in seeds::of("page") {
        let (index, url, project) = &*targets::documents::INDEX;
        let page = ProjectPage::parse(&seed, index, url, project, 1 << 20).expect("a page");
        let files = page.release(&"1.0".parse().expect("a version"), 100).expect("a release");
        assert_eq!(files.len(), 2);
    }
    let bundle = &seeds::of("bundle")[0];
    Attestation::parse(bundle, &AttestationLimits::standard()).expect("a bundle");
    for seed in seeds::of("provenance") {
        let definition = serde_json::from_slice(&seed).expect("a definition");
        Pep517Build::read(&definition).expect("a build");
    }
    let accepted = seeds::of("layout").into_iter().map(|seed| targets::layouts::is_accepted(&seed));
    // One asks for a file that nobody made.
    assert_eq!(accepted.collect::<Vec<_>>(), [true, true, false, true, true, true]);
    for seed in seeds::of("policy_includes") {
        targets::policies::decided(&seed).expect("policies");
    }
    let decided = seeds::of("policy_includes").into_iter().take(3);
    let decided = decided.map(|seed| targets::policies::decided(&seed));
    assert!(decided.eq([Some(Decision::Accepted); 3]));
    targets::policies::taken(&seeds::of("policy_signature")[1][1..]).expect("truly signed");
    for seed in seeds::of("json") {
        wheelmark_core::json::parse(&seed, AttestationLimits::standard().bundle).expect("JSON");
    }
}

#[test]
fn the_signed_seeds_are_truly_signed() {
    let attestations = seeds::of("attestations");
    let holds = |seed: &&Vec<u8>| targets::attestations::holds(seed);
    let held = attestations.iter().filter(holds).count();
    // Two are in forms that are told and not read, and two are of others than the signer of the rest.
    assert_eq!(held, attestations.len() - 4);
    for seed in seeds::of("statement") {
        let statement: Statement = serde_json::from_slice(&seed).expect("a statement");
        Predicate::read(&statement).expect("a predicate of its type");
    }
    let certificates = seeds::of("certificate");
    targets::signed::identity(&certificates[0][1..]).expect("a certificate");
    for seed in seeds::of("trusted_root") {
        Instance::parse(InstanceName::Private, &seed, None).expect("a trusted root");
    }
}

/// What the library that reads a trusted root quotes of it.
#[test]
fn what_is_wrong_with_a_trusted_root_is_told_safely() {
    let mut root: Value = serde_json::from_slice(&seeds::of("trusted_root")[0]).expect("JSON");
    root["tlogs"][0]["hashAlgorithm"] = json!("SHA2_\u{c}\u{202e}256");
    let root = root.to_string();
    let refused = Instance::parse(InstanceName::Private, root.as_bytes(), None);
    let Err(error) = refused else { panic!("such an algorithm is known") };
    assert!(error.to_string().contains("SHA2_"), "{error}");
    targets::shown_safely(&error);
}

/// A claim that is left out leaves the predicate to say what it will.
#[test]
fn a_claim_that_cannot_be_read_or_stands_twice_is_refused() {
    let certified = seeds::Certified::new();
    let identity = targets::signed::identity;
    let text = "refs/tags/v1";
    let printable = [&[0x13, text.len() as u8], text.as_bytes()].concat();
    identity(&certified.claiming(14, text)).expect("a ref");
    for number in 8..=24 {
        for value in [text.as_bytes(), &printable, &[0x0c, 5, b'x'], &[0x0c, 1, 0xff], &[]] {
            assert_eq!(identity(&certified.with_extension(number, value)), None, "{number}");
        }
    }
    identity(&certified.with_extension(6, text.as_bytes())).expect("an old ref");
    // Of so long a text the length is no UTF-8.
    let long = text.repeat(20);
    assert_eq!(
        identity(&certified.claiming(6, &long)),
        identity(&certified.with_extension(6, long.as_bytes())),
    );
    identity(&certified.claiming(6, &long)).expect("an old ref in DER");
    assert_eq!(identity(&certified.with_extension(6, &[0xff])), None);
    identity(&certified.with_extension(25, &[0xff])).expect("what nobody reads");
    assert_eq!(identity(&certified.twice(14, text)), None);
}

fn run(name: &str, target: targets::Target) {
    let seeds = seeds::of(name);
    let mut random = Random::new(0x5eed);
    for (index, seed) in seeds.iter().enumerate() {
        let _told = Told(format!("{name}: seed {index}"), seed);
        target(seed);
    }
    let rounds = if WITH_SIGNATURES.contains(&name) { ROUNDS_WITH_SIGNATURES } else { ROUNDS };
    for round in 0..rounds {
        let mut input = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            change(&mut input, &seeds, &mut random);
        }
        let _told = Told(format!("{name}: round {round}"), &input);
        target(&input);
    }
}

/// What was read when it broke.
struct Told<'a>(String, &'a [u8]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}: {}", self.0, self.1.escape_ascii());
        }
    }
}
