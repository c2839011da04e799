//! The short form of fuzzing, for every run of the tests: each seed of each target, and some thousand
//! changes of it that are the same each time, go through what the fuzz targets call.
#![allow(clippy::expect_used, reason = "tests")]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::thread;

use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::pep517::Pep517Build;
use wheelmark_core::filename::SdistFilename;
use wheelmark_core::limits::{AttestationLimits, SdistLimits};
use wheelmark_core::lock::{Lock, LockFormat};
use wheelmark_core::policy::Policy;
use wheelmark_core::trust::Embedded;
use wheelmark_tests::seeds;

/// Changed inputs for each target.
const ROUNDS: u64 = 3000;

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
        targets::read_wheel(&seed).expect("a wheel");
    }
    for seed in seeds::of("diff") {
        for wheel in targets::pair(&seed).expect("two wheels") {
            let shown = seed.escape_ascii();
            assert!(targets::read_wheel(&wheel).is_some(), "{shown}");
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
    let bundle = &seeds::of("bundle")[0];
    Attestation::parse(bundle, &AttestationLimits::standard()).expect("a bundle");
    for seed in seeds::of("provenance") {
        let definition = serde_json::from_slice(&seed).expect("a definition");
        Pep517Build::read(&definition).expect("a build");
    }
    for seed in seeds::of("json") {
        wheelmark_core::json::parse(&seed, AttestationLimits::standard().bundle).expect("JSON");
    }
}

fn run(name: &str, target: targets::Target) {
    let seeds = seeds::of(name);
    let mut random = Random(0x5eed);
    for (index, seed) in seeds.iter().enumerate() {
        let _told = Told(format!("{name}: seed {index}"), seed);
        target(seed);
    }
    for round in 0..ROUNDS {
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

/// One change, of the kinds that find most: bits, numbers at their ends, pieces lost, doubled and moved.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let length = input.len();
    if length == 0 {
        input.push(b'x');
        return;
    }
    let at = random.below(length);
    let end = (at + 1 + random.below(64)).min(length);
    match random.below(7) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'/', b'\n', b'.', b'='][random.below(10)],
        2 => drop(input.drain(at..end)),
        3 => {
            let piece = input[at..end].to_vec();
            let to = random.below(length);
            input.splice(to..to, piece);
        }
        4 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len());
            let piece = &other[from..(from + 1 + random.below(200)).min(other.len())];
            let to = (at + piece.len()).min(length);
            input.splice(at..to, piece.iter().copied());
        }
        5 => input.truncate(at),
        _ => {
            // A number that is written in digits.
            if let Some(digit) = input[at..].iter().position(u8::is_ascii_digit) {
                input[at + digit] = b'0' + random.below(10) as u8;
            }
        }
    }
}

/// xorshift64*: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        (value % bound as u64) as usize
    }
}
