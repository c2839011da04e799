//! Wheels made in tests: a zip writer of a few lines, in which every field can be set.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest as _, Sha256};

use super::{Finding, WheelDiff, diff};
use crate::limits::{CompareLimits, WheelLimits};
use crate::wheel;

pub(super) const INFO: &str = "demo-1.0.dist-info";

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) data: Vec<u8>,
    /// Days and two-second steps as MS-DOS writes them.
    pub(super) date: u16,
    pub(super) time: u16,
    pub(super) mode: u32,
    /// Nothing stores.
    pub(super) level: Option<u32>,
    pub(super) made_by: u16,
    pub(super) flags: u16,
    pub(super) internal: u16,
    pub(super) extra: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) files: Vec<File>,
    pub(super) filename: String,
    /// What is put in the place of the true RECORD.
    pub(super) record: fn(String) -> String,
}

pub(super) fn file(name: &str, data: impl Into<Vec<u8>>) -> File {
    File {
        name: name.to_owned(),
        data: data.into(),
        date: (46 << 9) | (11 << 5) | 23, // 2026-11-23
        time: 12 << 11,
        mode: 0o100_644,
        level: Some(6),
        made_by: 0x0314,
        flags: 0,
        internal: 0,
        extra: Vec::new(),
    }
}

/// A wheel of a module, a script, metadata, entry points and a licence.
pub(super) fn demo() -> Made {
    let module: String = (0..40).map(|n| format!("value_{n} = {n}\n")).collect();
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: alpha>=1\n\
                    Requires-Dist: beta\n\nA description.\n";
    let wheel = "Wheel-Version: 1.0\nGenerator: maker (1.0)\nRoot-Is-Purelib: true\n\
                 Tag: py3-none-any\n";
    Made {
        files: vec![
            file("demo/__init__.py", "import os\n"),
            file("demo/module.py", module),
            file(&format!("{INFO}/METADATA"), metadata),
            file(&format!("{INFO}/WHEEL"), wheel),
            file(&format!("{INFO}/entry_points.txt"), "[console_scripts]\ndemo = demo:main\n"),
            file(&format!("{INFO}/LICENSE"), "Do as you like.\n"),
        ],
        filename: "demo-1.0-py3-none-any.whl".to_owned(),
        record: |record| record,
    }
}

impl Made {
    pub(super) fn at(&mut self, name: &str) -> &mut File {
        let found = self.files.iter_mut().find(|file| file.name.ends_with(name));
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    pub(super) fn set(&mut self, name: &str, data: impl Into<Vec<u8>>) {
        self.at(name).data = data.into();
    }

    pub(super) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.at(name).data.clone()).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.set(name, text.replace(from, to));
    }

    pub(super) fn zip(&self) -> Vec<u8> {
        let folder = self.files.iter().find_map(|file| file.name.strip_suffix("/WHEEL")).unwrap();
        let row = |file: &File| {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&file.data));
            format!("{},sha256={hash},{}\n", file.name, file.data.len())
        };
        let rows: String = self.files.iter().map(row).collect();
        let record = (self.record)(format!("{rows}{folder}/RECORD,,\n"));
        let mut files = self.files.clone();
        let like = files.last().cloned().unwrap();
        files.push(File {
            name: format!("{folder}/RECORD"),
            data: record.into(),
            mode: 0o100_644,
            ..like
        });
        write(&files)
    }
}

fn write(files: &[File]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let data = match file.level {
            None => file.data.clone(),
            Some(level) => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(&file.data).unwrap();
                encoder.finish().unwrap()
            }
        };
        let mut fields = Vec::new();
        let method = if file.level.is_some() { 8 } else { 0 };
        for value in [20, file.flags, method, file.time, file.date] {
            fields.extend(u16::to_le_bytes(value));
        }
        for value in [crc32fast::hash(&file.data), data.len() as u32, file.data.len() as u32] {
            fields.extend(value.to_le_bytes());
        }
        for value in [file.name.len() as u16, file.extra.len() as u16] {
            fields.extend(value.to_le_bytes());
        }
        let offset = zip.len() as u32;
        zip.extend(b"PK\x03\x04");
        zip.extend(&fields);
        zip.extend(file.name.as_bytes());
        zip.extend(&file.extra);
        zip.extend(data);

        directory.extend(b"PK\x01\x02");
        directory.extend(file.made_by.to_le_bytes());
        directory.extend(&fields);
        for value in [0, 0, file.internal] {
            directory.extend(u16::to_le_bytes(value));
        }
        directory.extend((file.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(file.name.as_bytes());
        directory.extend(&file.extra);
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        zip.extend((files.len() as u16).to_le_bytes());
    }
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

pub(super) fn compare(a: &Made, b: &Made) -> WheelDiff {
    compare_within(a, b, &CompareLimits::standard())
}

pub(super) fn compare_within(a: &Made, b: &Made, limits: &CompareLimits) -> WheelDiff {
    let [a, b] = [a, b].map(|made| {
        let mut cursor = Cursor::new(made.zip());
        let name = made.filename.parse().unwrap();
        let read = wheel::read(&mut cursor, name, &WheelLimits::standard());
        (read.unwrap_or_else(|error| panic!("{error}")), cursor)
    });
    diff((&a.0, a.1), (&b.0, b.1), limits).unwrap()
}

/// The findings without those that follow from any other: RECORD's.
pub(super) fn causes(diff: &WheelDiff) -> Vec<&Finding> {
    let own = |f: &&Finding| f.cause != super::Cause::RecordFollows;
    diff.findings().iter().filter(own).collect()
}
