//! The one pass over the file: every byte is hashed, every header held against the central directory,
//! every member inflated, counted and hashed, in memory that does not grow with the file.

use std::io::{Read, Seek};

use sha2::{Digest as _, Sha256};

use super::central::{Directory, Entry, LOCAL_HEADER, at_most};
use super::data::{self, Content, Inflater, Want};
use super::error::WheelError;
use super::extra::Extra;
use super::header::{Header, LittleEndian as _, VERSION_ZIP64};
use super::stream::Stream;
use super::unsound::Span;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::report::Reason;

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";

/// Reads the file once from its first byte to its last. `want` is asked, and `found` told, about each
/// member in turn. Returns the digest of the file.
pub(super) fn pass<R: Read + Seek>(
    reader: &mut R,
    directory: &Directory,
    want: impl Fn(&Entry) -> Want,
    mut found: impl FnMut(&Entry, Content) -> Result<(), Refusal>,
) -> Result<Sha256Digest, WheelError> {
    let mut stream = Stream::start(reader, 0)?;
    stream.hasher = Some(Sha256::new());
    first_block(&mut stream)?;
    let mut inflater = Inflater::new();
    for entry in &directory.entries {
        let content = member(&mut stream, &mut inflater, entry, want(entry))?;
        found(entry, content)?;
    }
    if stream.offset != directory.start {
        let refusal =
            Refusal::new(Reason::ArchiveGap, format!("last member ends at {}", stream.offset));
        return Err(refusal.expected(directory.start).into());
    }
    let mut tail = &directory.tail[..];
    while !tail.is_empty() {
        let length = stream.some()?.len().min(tail.len());
        if stream.buffered()[..length] != tail[..length] {
            return Err(WheelError::changed());
        }
        stream.consume(length);
        tail = &tail[length..];
    }
    match (stream.fill(1)?.is_empty(), stream.hasher) {
        (true, Some(hasher)) => Ok(Sha256Digest::from_bytes(hasher.finalize().into())),
        _ => Err(WheelError::changed()),
    }
}

/// Refuses a file that is a tar archive too, as the pass does.
pub(super) fn refuse_tar<R: Read + Seek>(reader: &mut R) -> Result<(), WheelError> {
    first_block(&mut Stream::start(reader, 0)?)
}

fn first_block<R: Read>(stream: &mut Stream<'_, R>) -> Result<(), WheelError> {
    if stream.fill(512)?.len() >= 512 && is_tar(&stream.buffered()[..512]) {
        return Err(Refusal::new(Reason::ArchiveAlsoTar, "a valid tar header").into());
    }
    Ok(())
}

/// A member whose data need not be what its headers say.
pub(super) struct Unsound {
    /// What the data holds, where it can be inflated to the size stated.
    pub(super) content: Option<Content>,
    /// Where the compressed data lies.
    pub(super) compressed: Span,
    /// In what the data is not what the headers say.
    pub(super) contradiction: Option<Refusal>,
    /// The data cannot be inflated to the size stated.
    pub(super) damaged: bool,
}

/// Reads one member, for a comparison only. Its place and its headers are held by the same rules as in the
/// pass; what is wrong with its data is told.
pub(super) fn unsound<R: Read + Seek>(
    reader: &mut R,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<Unsound, WheelError> {
    let mut stream = Stream::start(reader, entry.offset)?;
    let zip64 = local_header(&mut stream, entry)?;
    let compressed = Span::of(stream.offset, entry);
    let mut end = data_end(&stream, entry)?;
    let (content, contradiction) = match data::inflate(&mut stream, inflater, entry, want) {
        Ok((crc32, content)) => (Some(content), data::crc_holds(entry, crc32).err()),
        Err(WheelError::Refused(refusal)) => (None, Some(refusal)),
        Err(error) => return Err(error),
    };
    if entry.header.has_descriptor() {
        let mut stream = Stream::start(reader, end)?;
        descriptor(&mut stream, entry, zip64)?;
        end = stream.offset;
    }
    no_gap(end, entry)?;
    Ok(Unsound { damaged: content.is_none(), content, compressed, contradiction })
}

/// Reads one member by seeking to it, by the same rules as the pass.
pub(super) fn one<R: Read + Seek>(
    reader: &mut R,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    let mut stream = Stream::start(reader, entry.offset)?;
    member(&mut stream, &mut Inflater::new(), entry, want)
}

/// One member: local header, data, data descriptor; exactly from its offset to the end of its slot.
fn member<R: Read>(
    stream: &mut Stream<'_, R>,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    let zip64 = local_header(stream, entry)?;
    data_end(stream, entry)?;
    let content = data::read(stream, inflater, entry, want)?;
    if entry.header.has_descriptor() {
        descriptor(stream, entry, zip64)?;
    }
    no_gap(stream.offset, entry)?;
    Ok(content)
}

/// Where the data ends that starts here: within the member's slot.
fn data_end<R>(stream: &Stream<'_, R>, entry: &Entry) -> Result<u64, Refusal> {
    let end = stream.offset + entry.header.compressed_size;
    if end > entry.end {
        let refusal = Refusal::new(Reason::ArchiveOverlap, format!("data ends at {end}"));
        return Err(refusal.expected(at_most(entry.end)).at(&entry.name));
    }
    Ok(end)
}

fn no_gap(end: u64, entry: &Entry) -> Result<(), Refusal> {
    if end != entry.end {
        let found = format!("{} bytes after the data", entry.end - end);
        return Err(Refusal::new(Reason::ArchiveGap, found).at(&entry.name));
    }
    Ok(())
}

/// 4.3.7. Returns whether the header has a ZIP64 field, on which the form of the descriptor depends.
fn local_header<R: Read>(stream: &mut Stream<'_, R>, entry: &Entry) -> Result<bool, WheelError> {
    let slot = usize::try_from(entry.end - entry.offset).unwrap_or(usize::MAX);
    let fixed = stream.exactly(LOCAL_HEADER)?;
    let length = LOCAL_HEADER + usize::from(fixed.u16_at(26)) + usize::from(fixed.u16_at(28));
    if !fixed.starts_with(LOCAL_SIGNATURE) || length > slot {
        let found = "no local header";
        return Err(Refusal::new(Reason::ArchiveLocalHeader, found).at(&entry.name).into());
    }
    let zip64 =
        compare(stream.exactly(length)?, entry).map_err(|refusal| refusal.at(&entry.name))?;
    stream.consume(length);
    Ok(zip64)
}

fn compare(bytes: &[u8], entry: &Entry) -> Result<bool, Refusal> {
    let disagree = |what: &str, found: String, expected: String| {
        let refusal = Refusal::new(Reason::ArchiveHeadersDisagree, format!("{what} {found}"));
        Err(refusal.expected(expected))
    };
    let (name, extra) = bytes[LOCAL_HEADER..].split_at(bytes.u16_at(26).into());
    if name != entry.name.as_bytes() {
        let name = String::from_utf8_lossy(name).into_owned();
        return disagree("name", name, entry.name.clone());
    }
    let extra = Extra::parse(extra)?;
    let central_extra = Extra::parse(&entry.extra)?;
    extra.agrees_with(&central_extra)?;

    let mut local = Header {
        version_needed: bytes.u16_at(4),
        flags: bytes.u16_at(6),
        method: bytes.u16_at(8),
        time: bytes.u16_at(10),
        date: bytes.u16_at(12),
        crc32: bytes.u32_at(14),
        compressed_size: bytes.u32_at(18).into(),
        size: bytes.u32_at(22).into(),
    };
    if let Some(data) = extra.zip64() {
        local_sizes(data, &mut local)?;
    } else if [local.size, local.compressed_size].contains(&u32::MAX.into()) {
        let found = "a saturated field without its ZIP64 value";
        return Err(Refusal::new(Reason::ArchiveZip64, found));
    }

    let mut expected = entry.header;
    if expected.has_descriptor() && (local.crc32, local.compressed_size, local.size) == (0, 0, 0) {
        // 4.4.4 bit 3: not known yet when the header was written.
        (expected.crc32, expected.compressed_size, expected.size) = (0, 0, 0);
    }
    if central_extra.zip64().is_some() && expected.version_needed == VERSION_ZIP64 {
        // An offset past 4 GB asks for ZIP64 in the central directory only.
        local.version_needed = local.version_needed.max(VERSION_ZIP64);
    }
    for (what, found, expected) in [
        ("version needed", local.version_needed.into(), expected.version_needed.into()),
        ("flags", local.flags.into(), expected.flags.into()),
        ("method", local.method.into(), expected.method.into()),
        ("time", local.time.into(), expected.time.into()),
        ("date", local.date.into(), expected.date.into()),
        ("crc-32", local.crc32.into(), expected.crc32.into()),
        ("compressed size", local.compressed_size, expected.compressed_size),
        ("size", local.size, expected.size),
    ] {
        let (found, expected): (u64, u64) = (found, expected);
        if found != expected {
            return disagree(what, found.to_string(), expected.to_string());
        }
    }
    Ok(extra.zip64().is_some())
}

/// 4.5.3: the ZIP64 field of a local header gives both sizes. Writers that cannot know how large a member
/// will be add it to small ones too, whose 32-bit fields may then say the same themselves.
fn local_sizes(data: &[u8], local: &mut Header) -> Result<(), Refusal> {
    if data.len() != 16 {
        let found = format!("a ZIP64 field of {} bytes in a local header", data.len());
        return Err(Refusal::new(Reason::ArchiveZip64, found).expected(16));
    }
    for (small, large) in
        [(&mut local.size, data.u64_at(0)), (&mut local.compressed_size, data.u64_at(8))]
    {
        if *small != u64::from(u32::MAX) && *small != large {
            let found = format!("size {small} in a local header");
            return Err(Refusal::new(Reason::ArchiveZip64, found).expected(large));
        }
        *small = large;
    }
    Ok(())
}

/// 4.3.9: with its signature, without which it could be taken for data; sizes of eight bytes where the
/// local header has a ZIP64 field.
fn descriptor<R: Read>(
    stream: &mut Stream<'_, R>,
    entry: &Entry,
    zip64: bool,
) -> Result<(), WheelError> {
    let refuse = |found: String| {
        let refusal = Refusal::new(Reason::ArchiveDataDescriptor, found);
        Err(refusal.at(&entry.name).into())
    };
    let length = if zip64 { 24 } else { 16 };
    let place = entry.end - stream.offset;
    if place != length as u64 {
        return refuse(format!("{place} bytes for a descriptor of {length}"));
    }
    let bytes = stream.exactly(length)?;
    let (compressed_size, size) = if zip64 {
        (bytes.u64_at(8), bytes.u64_at(16))
    } else {
        (bytes.u32_at(8).into(), bytes.u32_at(12).into())
    };
    let header = entry.header;
    let right = bytes.starts_with(DESCRIPTOR_SIGNATURE)
        && bytes.u32_at(4) == header.crc32
        && compressed_size == header.compressed_size
        && size == header.size;
    if !right {
        return refuse(format!("descriptor {}", hex::encode(bytes)));
    }
    stream.consume(length);
    Ok(())
}

/// Whether a block is a tar header: its checksum, six octal digits or more at 148, is the sum of all its
/// bytes with the checksum itself taken as spaces.
fn is_tar(block: &[u8]) -> bool {
    let field = block[148..156].trim_ascii();
    let digits = field.split(|b| *b == 0 || *b == b' ').next().unwrap_or(&[]);
    let stated =
        std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 8).ok());
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    let checksum: u64 = block[148..156].iter().map(|b| u64::from(*b)).sum();
    stated == Some(sum - checksum + 8 * u64::from(b' '))
}
