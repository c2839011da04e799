//! The smallest wheel that holds every rule: uncompressed members, a true RECORD.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The name of [`wheel`].
pub const FILENAME: &str = "demo-1.0-py3-none-any.whl";

/// A pure wheel of the project `demo`, version 1.0.
pub fn wheel() -> Vec<u8> {
    wheel_of(&[("demo.py", b"ANSWER = 42\n")])
}

/// A pure wheel of the project `demo`, version 1.0, with these files.
pub fn wheel_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let wheel = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut members = files.to_vec();
    members.push(("demo-1.0.dist-info/METADATA", metadata));
    members.push(("demo-1.0.dist-info/WHEEL", wheel));
    let mut record = String::new();
    for (name, data) in &members {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(data));
        record += &format!("{name},sha256={hash},{}\n", data.len());
    }
    record += "demo-1.0.dist-info/RECORD,,\n";
    members.push(("demo-1.0.dist-info/RECORD", record.as_bytes()));
    zip(&members)
}

/// A zip archive of stored members (APPNOTE 4.3.7, 4.3.12, 4.3.16), all of them from 1980.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    const VERSION: u16 = 20;
    const UNIX: u16 = 3 << 8;
    const FIRST_OF_JANUARY_1980: u16 = 1 << 5 | 1;
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, data) in members {
        let offset = length(&archive);
        // Version needed, flags, method, time, date, CRC, both sizes, lengths of name and extra field.
        let mut common = Vec::new();
        for half in [VERSION, 0, 0, 0, FIRST_OF_JANUARY_1980] {
            common.extend(half.to_le_bytes());
        }
        for word in [crc32fast::hash(data), length(data), length(data)] {
            common.extend(word.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).expect("a name").to_le_bytes());
        common.extend([0; 2]);

        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(*data);

        directory.extend(b"PK\x01\x02");
        directory.extend((UNIX | VERSION).to_le_bytes());
        directory.extend(&common);
        // Comment length, disk, internal attributes.
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(members.len()).expect("few members");
    let offset = length(&archive);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length(&directory).to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a small archive")
}
