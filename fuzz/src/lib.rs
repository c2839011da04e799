//! What is done with bytes from a stranger, one function a target, each with what must hold whatever the
//! bytes are: no panic, no bound broken, and the claim that its comment makes.
//!
//! The fuzz targets call these, and so does `tests/tests/fuzz_seeds.rs`, which takes this file by its path.

use std::io::{Cursor, Write as _};

use chrono::{DateTime, Utc};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::pep517::Pep517Build;
use wheelmark_core::attestation::provenance::BuildDefinition;
use wheelmark_core::compare::{self, Level};
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{AttestationLimits, CompareLimits, SdistLimits, WheelLimits};
use wheelmark_core::lock::{Lock, LockFormat};
use wheelmark_core::policy::Policy;
use wheelmark_core::trust::{Embedded, TrustRoot, TrustedKey, Validity};
use wheelmark_core::wheel::{self, Wheel};
use wheelmark_core::{json as strict_json, sdist as source};
use wheelmark_tests::hostile::{Plan, record_row};

/// Takes bytes from a stranger, and panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("bundle", bundle),
    ("provenance", provenance),
    ("wheel", wheel),
    ("sdist", sdist),
    ("policy", policy),
    ("json", json),
    ("diff", diff),
    ("lock", lock),
];

/// A public key whose private half was thrown away.
pub const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiVF6vpF5WltGTokgfRSSA2Os/Kg3\n\
    nY/DJyVcEEthSQOkPW97SImJ1pBGQ7O9Ga2Hsv11fBBXVJKJGe0487QLtQ==\n\
    -----END PUBLIC KEY-----\n";

const ATTESTATION: AttestationLimits = AttestationLimits { bundle: 1 << 20, attestations: 64 };

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

/// A wheel of the name and with the bounds of the targets.
pub fn read_wheel(bytes: &[u8]) -> Option<Wheel> {
    let filename = WheelFilename::parse("demo-1.0-py3-none-any.whl").expect("a name");
    let limits =
        WheelLimits { inflated_total: 16 << 20, metadata_file: 1 << 20, ..WheelLimits::standard() };
    wheel::read(Cursor::new(bytes), filename, &limits).ok()
}

/// A wheel. What was accepted can be read again, member by member, and stays in its folder.
pub fn wheel(data: &[u8]) {
    let Some(wheel) = read_wheel(data) else {
        return;
    };
    for member in wheel.members() {
        stays_inside(member.name());
        let bytes = wheel.member_bytes(Cursor::new(data), member, member.size());
        let bytes = bytes.expect("a member that was read");
        assert_eq!(bytes.len() as u64, member.size());
    }
}

/// A source distribution, or the tar in one: it gets the checksums and the gzip around it that stand in a
/// fuzzer's way. What was accepted stays in its folder.
pub fn sdist(data: &[u8]) {
    let wrapped;
    let file = if data.starts_with(&[0x1f, 0x8b]) {
        data
    } else {
        wrapped = wrap(data.to_vec());
        &wrapped
    };
    let filename = SdistFilename::parse("demo-1.0.tar.gz").expect("a name");
    let limits = SdistLimits { inflated_total: 16 << 20, ..SdistLimits::standard() };
    let Ok(sdist) = source::read(file, filename, &limits) else {
        return;
    };
    for member in sdist.members() {
        stays_inside(member.name());
        assert!(member.name().starts_with("demo-1.0/"), "{}", member.name());
    }
}

fn wrap(mut tar: Vec<u8>) -> Vec<u8> {
    for block in tar.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
    }
    let stored = flate2::Compression::none();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), stored);
    encoder.write_all(&tar).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn stays_inside(name: &str) {
    assert!(!name.starts_with('/') && !name.contains(['\\', '\0', ':']), "{name:?}");
    let name = name.strip_suffix('/').unwrap_or(name);
    assert!(!name.split('/').any(|part| matches!(part, "" | "." | "..")), "{name:?}");
}

/// A policy. One that is read says of every rule whom it trusts.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(policy) = Policy::parse("policy.toml", text, &Embedded) {
        assert!(policy.rules().iter().all(|rule| !rule.keys.is_empty()));
    }
}

/// A JSON document. What is accepted is what every other reader reads too.
pub fn json(data: &[u8]) {
    if let Ok(value) = strict_json::parse(data, ATTESTATION.bundle) {
        let other: serde_json::Value = serde_json::from_slice(data).expect("JSON");
        assert_eq!(value, other);
    }
}

/// A lock; the first byte says of which kind. One that is read locks something, by digest or by name, and
/// what is said of one that is not can be shown.
pub fn lock(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let format = match kind % 4 {
        0 => LockFormat::Requirements,
        1 => LockFormat::Pylock,
        2 => LockFormat::Uv,
        _ => LockFormat::Poetry,
    };
    match Lock::parse(format, "lock", text) {
        Ok(lock) => {
            assert!(!lock.entries.is_empty() || !lock.unverifiable.is_empty());
            let held = |file: &wheelmark_core::lock::LockedFile| file.sha256.is_some();
            assert!(lock.entries.iter().all(|entry| entry.files.iter().any(held)));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
        }
    }
}

/// Two wheels that differ in one file: the first byte says in which, the next two how long the first one's
/// is. They are identical exactly if their bytes are.
pub fn diff(data: &[u8]) {
    let Some([a, b]) = pair(data) else {
        return;
    };
    let (Some(wheel_a), Some(wheel_b)) = (read_wheel(&a), read_wheel(&b)) else {
        return;
    };
    let limits = CompareLimits::standard();
    let (file_a, file_b) = (Cursor::new(&a), Cursor::new(&b));
    let diff = compare::diff((&wheel_a, file_a), (&wheel_b, file_b), &limits);
    let diff = diff.expect("memory does not fail");
    assert_eq!(diff.level() == Level::Identical, a == b);
    assert_eq!(diff.findings().is_empty(), a == b);
    let shown = diff.to_string();
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

/// The two wheels of [`diff`].
pub fn pair(data: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (head, rest) = data.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_le_bytes([head[1], head[2]]));
    let (one, other) = rest.split_at(length.min(rest.len()));
    Some([one, other].map(|content| made(head[0], content)))
}

/// A wheel with this content in one of its files.
fn made(file: u8, content: &[u8]) -> Vec<u8> {
    let mut plan = Plan::new();
    let after = |plan: &Plan, name: &str| {
        let file = plan.files.iter().find(|(file, _)| file == name);
        [file.map_or(&[][..], |(_, data)| data), content].concat()
    };
    match file % 6 {
        0 => {
            plan.put("demo/__init__.py", content);
        }
        1 => {
            plan.put("demo/native.so", content);
        }
        2 => {
            plan.put("demo-1.0.dist-info/entry_points.txt", content);
        }
        3 => {
            let name = "demo-1.0.dist-info/METADATA";
            plan.put(name, [b"Keywords: x\n", &after(&plan, name)[..]].concat());
        }
        4 => {
            let name = "demo-1.0.dist-info/WHEEL";
            plan.put(name, after(&plan, name));
        }
        _ => {
            let name = String::from_utf8_lossy(content);
            plan.put(&name, content);
            let row = record_row(&name, content);
            plan.record = Some(plan.honest_record().replace(&row, "") + &row);
        }
    }
    plan.archive().bytes()
}
