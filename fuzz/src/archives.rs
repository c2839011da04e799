//! Wheels and source distributions, whole and by the files in them that are parsed.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use wheelmark_core::compare::{self, Level};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{CompareLimits, SdistLimits, WheelLimits};
use wheelmark_core::sdist as source;
use wheelmark_core::wheel::{self, Algorithm, Wheel, WheelError};
use wheelmark_tests::hostile::{Entry, Plan, record_row};

use super::shown_safely;

/// A wheel of the name and with the bounds of the targets.
pub fn read_wheel(bytes: &[u8]) -> Option<Wheel> {
    let filename = WheelFilename::parse("demo-1.0-py3-none-any.whl").expect("a name");
    let limits =
        WheelLimits { inflated_total: 16 << 20, metadata_file: 1 << 20, ..WheelLimits::standard() };
    match wheel::read(Cursor::new(bytes), filename, &limits) {
        Ok(wheel) => Some(wheel),
        Err(WheelError::Refused(refusal)) => {
            shown_safely(&refusal);
            None
        }
        Err(error) => panic!("memory does not fail: {error}"),
    }
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
    let sdist = match source::read(file, filename, &limits) {
        Ok(sdist) => sdist,
        Err(error) => return shown_safely(&error),
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

/// A path that leads nowhere but below the folder it is unpacked in.
fn stays_inside(name: &str) {
    assert!(!name.starts_with('/') && !name.contains(['\\', '\0', ':']), "{name:?}");
    let name = name.strip_suffix('/').unwrap_or(name);
    assert!(!name.split('/').any(|part| matches!(part, "" | "." | "..")), "{name:?}");
}

/// RECORD of a wheel that is true otherwise. What was accepted lists every file of the archive once, nothing
/// else, and each by its own digest and size.
pub fn record(data: &[u8]) {
    let plan = Plan::new();
    let Some(wheel) = read_wheel(&with_record(data)) else {
        return;
    };
    let mut files: BTreeMap<_, _> =
        plan.files.iter().map(|(name, data)| (name.as_str(), &data[..])).collect();
    for row in wheel.record().entries() {
        if row.path() == plan.record_path {
            assert_eq!((row.hash(), row.size()), (None, None));
            continue;
        }
        let file = files.remove(row.path()).expect("a file, and once");
        assert!(row.size().is_none_or(|size| size == file.len() as u64));
        match row.hash().expect("a digest") {
            (Algorithm::Sha256, digest) => assert_eq!(digest, Sha256Digest::of(file).as_bytes()),
            (Algorithm::Sha384, digest) => assert_eq!(digest.len(), 48),
            (Algorithm::Sha512, digest) => assert_eq!(digest.len(), 64),
        }
    }
    assert!(files.is_empty(), "{files:?}");
}

/// The wheel of [`record`].
pub fn with_record(data: &[u8]) -> Vec<u8> {
    let plan = Plan::new();
    let mut archive = plan.archive();
    archive.entries.pop();
    archive.entries.push(Entry::stored(&plan.record_path, data));
    archive.bytes()
}

/// METADATA, WHEEL or `entry_points.txt`; the first byte says which. What was accepted says what the name
/// says, and its fields, written down, are read as the same fields.
pub fn metadata(data: &[u8]) {
    let Some((&kind, text)) = data.split_first() else {
        return;
    };
    let Some(wheel) = read_wheel(&with_part(kind, text)) else {
        return;
    };
    assert_eq!(wheel.metadata().project().as_str(), "demo");
    assert_eq!(wheel.metadata().version().to_string(), "1.0");
    let fields = |wheel: &Wheel| match part(kind) {
        "METADATA" => wheel.metadata().fields().to_vec(),
        "WHEEL" => wheel.wheel_file().fields().to_vec(),
        _ => Vec::new(),
    };
    if part(kind) != "entry_points.txt" {
        let line = |(name, value): &(String, String)| format!("{name}: {value}\n");
        let written: String = fields(&wheel).iter().map(line).collect();
        let again = read_wheel(&with_part(kind, written.as_bytes())).expect("what was read before");
        assert_eq!(fields(&again), fields(&wheel));
    }
}

/// The wheel of [`metadata`].
pub fn with_part(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut plan = Plan::new();
    plan.put(&format!("demo-1.0.dist-info/{}", part(kind)), content);
    plan.archive().bytes()
}

/// The file that [`metadata`] replaces.
fn part(kind: u8) -> &'static str {
    ["METADATA", "WHEEL", "entry_points.txt"][usize::from(kind % 3)]
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
