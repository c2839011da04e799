//! Wheels made by hand, down to the raw headers, so that a test can make each of them lie.
//!
//! A [`Plan`] is the content of a wheel. [`Plan::archive`] turns it into an [`Archive`], an honest zip of
//! which every field can be changed; [`Archive::bytes`] writes it down as it stands and corrects nothing.
//! Fields that are `None` are filled in as an honest writer would.

#![allow(clippy::expect_used)] // a test that misuses this should stop

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What a wheel holds, before it is packed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of the file.
    pub filename: String,
    /// The files apart from RECORD, names and contents; a name that ends in `/` is a directory.
    pub files: Vec<(String, Vec<u8>)>,
    /// The path of RECORD.
    pub record_path: String,
    /// The rows of RECORD; made from the files where there are none.
    pub record: Option<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

impl Plan {
    /// A small pure wheel that every reader must accept: `demo-1.0-py3-none-any.whl`.
    pub fn new() -> Self {
        let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nA demonstration.\n";
        let wheel =
            "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        Self {
            filename: "demo-1.0-py3-none-any.whl".to_owned(),
            files: vec![
                file("demo/__init__.py", "print('demo')\n"),
                file("demo/empty.py", ""),
                file("demo-1.0.dist-info/METADATA", metadata),
                file("demo-1.0.dist-info/WHEEL", wheel),
            ],
            record_path: "demo-1.0.dist-info/RECORD".to_owned(),
            record: None,
        }
    }

    /// Adds a file, or replaces the one of that name.
    pub fn put(&mut self, name: &str, data: impl AsRef<[u8]>) -> &mut Self {
        self.files.retain(|(file, _)| file != name);
        self.files.push((name.to_owned(), data.as_ref().to_vec()));
        self
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.files.retain(|(file, _)| file != name);
        self
    }

    /// Replaces text in a file that must hold it.
    pub fn edit(&mut self, name: &str, from: &str, to: &str) -> &mut Self {
        let (_, data) = self.files.iter_mut().find(|(file, _)| file == name).expect("a file");
        let text = String::from_utf8(data.clone()).expect("text");
        assert!(text.contains(from), "{name} does not hold {from:?}");
        *data = text.replace(from, to).into_bytes();
        self
    }

    /// The rows of RECORD as an honest writer makes them.
    pub fn honest_record(&self) -> String {
        let mut text = String::new();
        for (name, data) in self.files.iter().filter(|(name, _)| !name.ends_with('/')) {
            text += &record_row(name, data);
        }
        text + &self.record_path + ",,\n"
    }

    /// Replaces text in RECORD, which must hold it.
    pub fn edit_record(&mut self, from: &str, to: &str) -> &mut Self {
        let text = self.record.clone().unwrap_or_else(|| self.honest_record());
        assert!(text.contains(from), "RECORD does not hold {from:?}");
        self.record = Some(text.replace(from, to));
        self
    }

    /// The honest archive of this content, RECORD last.
    pub fn archive(&self) -> Archive {
        let mut entries: Vec<Entry> =
            self.files.iter().map(|(name, data)| Entry::new(name, data)).collect();
        let record = self.record.clone().unwrap_or_else(|| self.honest_record());
        entries.push(Entry::new(&self.record_path, record.as_bytes()));
        Archive {
            entries,
            before_directory: Vec::new(),
            end64: None,
            end: End::default(),
            after: Vec::new(),
        }
    }
}

/// A row of RECORD with a SHA-256.
pub fn record_row(name: &str, data: &[u8]) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(data));
    format!("{name},sha256={digest},{}\n", data.len())
}

/// Raw DEFLATE of `data`.
pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// An extra field.
pub fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(id.to_le_bytes());
    bytes.extend((data.len() as u16).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The data of a ZIP64 extra field.
pub fn zip64(values: &[u64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    extra(1, &data)
}

/// The fields of a local header, APPNOTE 4.3.7.
#[derive(Debug, Clone)]
pub struct Local {
    /// `PK\x03\x04`.
    pub signature: [u8; 4],
    /// Version needed to extract.
    pub version_needed: u16,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// MS-DOS time.
    pub time: u16,
    /// MS-DOS date.
    pub date: u16,
    /// CRC-32.
    pub crc32: u32,
    /// Compressed size.
    pub compressed_size: u32,
    /// Size.
    pub size: u32,
    /// Name.
    pub name: Vec<u8>,
    /// Extra fields.
    pub extra: Vec<u8>,
}

impl Local {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.signature);
        for value in [self.version_needed, self.flags, self.method, self.time, self.date] {
            out.extend(value.to_le_bytes());
        }
        for value in [self.crc32, self.compressed_size, self.size] {
            out.extend(value.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        out.extend(&self.name);
        out.extend(&self.extra);
    }
}

/// The fields of a header in the central directory, APPNOTE 4.3.12.
#[derive(Debug, Clone)]
pub struct Central {
    /// The fields it shares with the local header; the signature is that of the central directory.
    pub shared: Local,
    /// Version made by.
    pub version_made_by: u16,
    /// Disk on which the member starts.
    pub disk: u16,
    /// Internal attributes.
    pub internal_attributes: u16,
    /// External attributes.
    pub external_attributes: u32,
    /// Where the local header starts.
    pub offset: Option<u32>,
    /// Comment.
    pub comment: Vec<u8>,
}

impl Central {
    fn write(&self, out: &mut Vec<u8>, offset: u64) {
        let shared = &self.shared;
        out.extend(shared.signature);
        for value in [
            self.version_made_by,
            shared.version_needed,
            shared.flags,
            shared.method,
            shared.time,
            shared.date,
        ] {
            out.extend(value.to_le_bytes());
        }
        for value in [shared.crc32, shared.compressed_size, shared.size] {
            out.extend(value.to_le_bytes());
        }
        for length in [shared.name.len(), shared.extra.len(), self.comment.len()] {
            out.extend((length as u16).to_le_bytes());
        }
        out.extend(self.disk.to_le_bytes());
        out.extend(self.internal_attributes.to_le_bytes());
        out.extend(self.external_attributes.to_le_bytes());
        out.extend(self.offset.unwrap_or(offset as u32).to_le_bytes());
        out.extend(&shared.name);
        out.extend(&shared.extra);
        out.extend(&self.comment);
    }
}

/// One member: both its headers, and the bytes between.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Bytes before the local header.
    pub before: Vec<u8>,
    /// The local header; none is written where there is none.
    pub local: Option<Local>,
    /// The data as it lies in the archive.
    pub data: Vec<u8>,
    /// Bytes after the data: the data descriptor.
    pub descriptor: Vec<u8>,
    /// The header in the central directory; none is written where there is none.
    pub central: Option<Central>,
}

impl Entry {
    /// An honest member: deflated, or stored for an empty file or a directory.
    pub fn new(name: &str, data: &[u8]) -> Self {
        let stored = data.is_empty();
        let packed = if stored { Vec::new() } else { deflate(data) };
        Self::packed(name, data, packed, if stored { 0 } else { 8 })
    }

    /// An honest member that is stored.
    pub fn stored(name: &str, data: &[u8]) -> Self {
        Self::packed(name, data, data.to_vec(), 0)
    }

    fn packed(name: &str, data: &[u8], packed: Vec<u8>, method: u16) -> Self {
        let local = Local {
            signature: *b"PK\x03\x04",
            version_needed: 20,
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method,
            time: 0,
            date: 33,
            crc32: crc32fast::hash(data),
            compressed_size: packed.len() as u32,
            size: data.len() as u32,
            name: name.as_bytes().to_vec(),
            extra: Vec::new(),
        };
        let mode: u32 = if name.ends_with('/') { 0o040_755 } else { 0o100_644 };
        Self {
            before: Vec::new(),
            data: packed,
            descriptor: Vec::new(),
            central: Some(Central {
                shared: Local { signature: *b"PK\x01\x02", ..local.clone() },
                version_made_by: 3 << 8 | 20,
                disk: 0,
                internal_attributes: 0,
                external_attributes: mode << 16 | if name.ends_with('/') { 0x10 } else { 0 },
                offset: None,
                comment: Vec::new(),
            }),
            local: Some(local),
        }
    }

    /// Changes both headers alike.
    pub fn both(&mut self, change: impl Fn(&mut Local)) -> &mut Self {
        change(self.local());
        change(&mut self.central().shared);
        self
    }

    /// The local header, which must be there.
    pub fn local(&mut self) -> &mut Local {
        self.local.as_mut().expect("a local header")
    }

    /// The header in the central directory, which must be there.
    pub fn central(&mut self) -> &mut Central {
        self.central.as_mut().expect("a header in the central directory")
    }

    /// Moves sizes and CRC-32 into a data descriptor, as a writer that cannot seek does.
    pub fn stream(&mut self) -> &mut Self {
        self.both(|header| header.flags |= 1 << 3);
        let local = self.local();
        let mut descriptor = b"PK\x07\x08".to_vec();
        for value in [&mut local.crc32, &mut local.compressed_size, &mut local.size] {
            descriptor.extend(value.to_le_bytes());
            *value = 0;
        }
        self.descriptor = descriptor;
        self
    }
}

/// The fields of the end of central directory record, APPNOTE 4.3.16.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// Number of this disk.
    pub disk: u16,
    /// Disk of the central directory.
    pub directory_disk: u16,
    /// Members on this disk.
    pub entries_here: Option<u16>,
    /// Members.
    pub entries: Option<u16>,
    /// Length of the central directory.
    pub length: Option<u32>,
    /// Where the central directory starts.
    pub offset: Option<u32>,
    /// Length of the comment, as stated.
    pub comment_length: Option<u16>,
    /// Comment.
    pub comment: Vec<u8>,
}

impl End {
    /// Everything handed over to the ZIP64 record.
    pub fn saturated() -> Self {
        Self {
            entries_here: Some(u16::MAX),
            entries: Some(u16::MAX),
            length: Some(u32::MAX),
            offset: Some(u32::MAX),
            ..Self::default()
        }
    }
}

/// The fields of the ZIP64 end of central directory record and its locator, APPNOTE 4.3.14 and 4.3.15.
#[derive(Debug, Clone, Default)]
pub struct End64 {
    /// Size of the record, as stated.
    pub size: Option<u64>,
    /// Number of this disk.
    pub disk: u32,
    /// Members on this disk.
    pub entries_here: Option<u64>,
    /// Members.
    pub entries: Option<u64>,
    /// Length of the central directory.
    pub length: Option<u64>,
    /// Where the central directory starts.
    pub offset: Option<u64>,
    /// Extensible data at the end of the record.
    pub extensible: Vec<u8>,
    /// Bytes between record and locator.
    pub between: Vec<u8>,
    /// Where the record starts, as the locator states it.
    pub located: Option<u64>,
    /// Number of disks, as the locator states it.
    pub disks: Option<u32>,
}

/// A zip archive of which every field can be changed.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The members.
    pub entries: Vec<Entry>,
    /// Bytes between the last member and the central directory.
    pub before_directory: Vec<u8>,
    /// The ZIP64 records, where they are to be written.
    pub end64: Option<End64>,
    /// The end record.
    pub end: End,
    /// Bytes after the end record.
    pub after: Vec<u8>,
}

impl Archive {
    /// The member of that name in the central directory, which must be there.
    pub fn entry(&mut self, name: &str) -> &mut Entry {
        let named = |entry: &&mut Entry| {
            entry.central.as_ref().is_some_and(|c| c.shared.name == name.as_bytes())
        };
        self.entries.iter_mut().find(named).expect("a member")
    }

    /// The archive as it stands.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut offsets = Vec::new();
        for entry in &self.entries {
            out.extend(&entry.before);
            offsets.push(out.len() as u64);
            if let Some(local) = &entry.local {
                local.write(&mut out);
                out.extend(&entry.data);
                out.extend(&entry.descriptor);
            }
        }
        out.extend(&self.before_directory);
        let start = out.len() as u64;
        for (entry, offset) in self.entries.iter().zip(offsets) {
            if let Some(central) = &entry.central {
                central.write(&mut out, offset);
            }
        }
        let length = out.len() as u64 - start;
        let count = self.entries.iter().filter(|entry| entry.central.is_some()).count();
        if let Some(end64) = &self.end64 {
            end64.write(&mut out, start, length, count as u64);
        }
        let end = &self.end;
        out.extend(b"PK\x05\x06");
        for value in [
            end.disk,
            end.directory_disk,
            end.entries_here.unwrap_or(count as u16),
            end.entries.unwrap_or(count as u16),
        ] {
            out.extend(value.to_le_bytes());
        }
        out.extend(end.length.unwrap_or(length as u32).to_le_bytes());
        out.extend(end.offset.unwrap_or(start as u32).to_le_bytes());
        let comment_length = end.comment_length.unwrap_or(end.comment.len() as u16);
        out.extend(comment_length.to_le_bytes());
        out.extend(&end.comment);
        out.extend(&self.after);
        out
    }
}

impl End64 {
    fn write(&self, out: &mut Vec<u8>, start: u64, length: u64, count: u64) {
        let at = out.len() as u64;
        out.extend(b"PK\x06\x06");
        let size = self.size.unwrap_or(44 + self.extensible.len() as u64);
        out.extend(size.to_le_bytes());
        out.extend([45u16, 45].map(u16::to_le_bytes).concat());
        out.extend([self.disk, self.disk].map(u32::to_le_bytes).concat());
        for value in [
            self.entries_here.unwrap_or(count),
            self.entries.unwrap_or(count),
            self.length.unwrap_or(length),
            self.offset.unwrap_or(start),
        ] {
            out.extend(value.to_le_bytes());
        }
        out.extend(&self.extensible);
        out.extend(&self.between);
        out.extend(b"PK\x06\x07");
        out.extend(0u32.to_le_bytes());
        out.extend(self.located.unwrap_or(at).to_le_bytes());
        out.extend(self.disks.unwrap_or(1).to_le_bytes());
    }
}
