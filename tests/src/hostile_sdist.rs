//! Source distributions made by hand, down to the raw headers, so that a test can make each of them lie.
//!
//! [`Sdist::new`] is an honest one, of which every header can be changed; [`Sdist::bytes`] writes it down
//! as it stands and corrects nothing but the checksums, unless told to leave them too.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;

/// Offset of the type flag.
pub const KIND: usize = 156;
/// Offset of the name of a link.
pub const LINK: usize = 157;
/// Offset of the size.
pub const SIZE: usize = 124;
/// Offset of the modification time.
pub const MTIME: usize = 136;
/// Offset of the magic and the version.
pub const MAGIC: usize = 257;
/// Offset of the prefix.
pub const PREFIX: usize = 345;

/// One header and what follows it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The header.
    pub block: [u8; BLOCK],
    /// Whether its checksum is put right when it is written.
    pub sum: bool,
    /// The content.
    pub data: Vec<u8>,
    /// What fills up the last block of the content.
    pub padding: Vec<u8>,
}

impl Entry {
    /// An honest POSIX header, of a name that fits, and its content.
    pub fn new(kind: u8, name: &str, data: &[u8]) -> Self {
        let mut entry = Self {
            block: [0; BLOCK],
            sum: true,
            data: data.to_vec(),
            padding: vec![0; data.len().next_multiple_of(BLOCK) - data.len()],
        };
        entry.put(0, name.as_bytes());
        for (at, value) in [(100, "0000644"), (108, "0000000"), (116, "0000000")] {
            entry.put(at, value.as_bytes());
        }
        entry.put(SIZE, format!("{:011o}", data.len()).as_bytes());
        entry.put(MTIME, b"14616101371");
        entry.put(KIND, &[kind]);
        entry.put(MAGIC, b"ustar\x0000");
        entry
    }

    /// A file.
    pub fn file(name: &str, data: impl AsRef<[u8]>) -> Self {
        Self::new(b'0', name, data.as_ref())
    }

    /// A symbolic link.
    pub fn symlink(name: &str, target: &str) -> Self {
        let mut entry = Self::new(b'2', name, b"");
        entry.put(LINK, target.as_bytes());
        entry
    }

    /// A header of PAX records for the next member.
    pub fn pax(records: &[(&str, &str)]) -> Self {
        Self::new(b'x', "PaxHeader", &pax_records(records))
    }

    /// A header of GNU tar with a long name for the next member.
    pub fn long_name(name: &str) -> Self {
        let mut entry = Self::new(b'L', "././@LongLink", &[name.as_bytes(), b"\0"].concat());
        entry.put(MAGIC, b"ustar  \0");
        entry
    }

    /// Writes bytes into the header.
    pub fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.block[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut block = self.block;
        if self.sum {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
        out.extend(block);
        out.extend(&self.data);
        out.extend(&self.padding);
    }
}

/// PAX records, each with its length in front.
pub fn pax_records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3; // a space, `=` and a line end
        let length =
            (rest..).find(|length| *length == rest + length.to_string().len()).unwrap_or_default();
        out.extend(format!("{length} {key}={value}\n").into_bytes());
    }
    out
}

/// A source distribution of which every header can be changed.
#[derive(Debug, Clone)]
pub struct Sdist {
    /// The name of the file.
    pub filename: String,
    /// The headers and what follows each.
    pub entries: Vec<Entry>,
    /// What follows the last.
    pub end: Vec<u8>,
}

impl Default for Sdist {
    fn default() -> Self {
        Self::new()
    }
}

impl Sdist {
    /// A small one that every reader must accept: `demo-1.0.tar.gz`.
    pub fn new() -> Self {
        let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nA demonstration.\n";
        Self {
            filename: "demo-1.0.tar.gz".to_owned(),
            entries: vec![
                Entry::file("demo-1.0/demo/__init__.py", "print('demo')\n"),
                Entry::file("demo-1.0/PKG-INFO", metadata),
            ],
            end: vec![0; 2 * BLOCK],
        }
    }

    /// The tar as it stands.
    pub fn tar(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            entry.write(&mut out);
        }
        out.extend(&self.end);
        out
    }

    /// The file as it stands.
    pub fn bytes(&self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// One member of gzip.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}
