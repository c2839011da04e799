//! The one pass over the file: every byte is hashed, every header held against the central directory,
//! every member inflated, counted and hashed, in memory that does not grow with the file.

use std::io::{Read, Seek};

use sha2::{Digest as _, Sha256};

use super::central::{Directory, Entry, LOCAL_HEADER, at_most};
use super::data::{self, Content, Inflater, Want};
use super::error::WheelError;
use super::extra::Extra;
use super::header::{Header, LittleEndian as _, VERSION_ZIP64};
use super::stream::{self, Stream};
use super::unsound::Span;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::report::Reason;

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";

/// What reading needs for itself, used again for each file.
pub(super) struct Buffers {
    input: Vec<u8>,
    inflater: Inflater,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { input: vec![0; stream::INPUT], inflater: Inflater::new() }
    }
}

/// Reads the file once from its first byte to its last. `want` is asked, and `found` told, about each
/// member in turn. Returns the digest of the file.
pub(super) fn pass<R: Read + Seek>(
    reader: &mut R,
    buffers: &mut Buffers,
    directory: &Directory,
    want: impl Fn(&Entry) -> Want,
    mut found: impl FnMut(&Entry, Content) -> Result<(), Refusal>,
) -> Result<Sha256Digest, WheelError> {
    let Buffers { input, inflater } = buffers;
    let mut stream = Stream::start(reader, input, 0)?;
    stream.hasher = Some(Sha256::new());
    first_block(&mut stream)?;
    for entry in &directory.entries {
        let content = member(&mut stream, inflater, entry, want(entry))?;
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
pub(super) fn refuse_tar<R: Read + Seek>(
    reader: &mut R,
    buffers: &mut Buffers,
) -> Result<(), WheelError> {
    first_block(&mut Stream::start(reader, &mut buffers.input, 0)?)
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
    buffers: &mut Buffers,
    entry: &Entry,
    want: Want,
) -> Result<Unsound, WheelError> {
    let Buffers { input, inflater } = buffers;
    let mut stream = Stream::start(reader, input, entry.offset)?;
    local_header(&mut stream, entry)?;
    let compressed = Span::of(stream.offset, entry);
    let end = data_end(&stream, entry)?;
    let (content, contradiction) = match data::inflate(&mut stream, inflater, entry, want) {
        Ok((crc32, content)) => (Some(content), data::crc_holds(entry, crc32).err()),
        Err(WheelError::Refused(refusal)) => (None, Some(refusal)),
        Err(error) => return Err(error),
    };
    no_gap(end, entry)?;
    Ok(Unsound { damaged: content.is_none(), content, compressed, contradiction })
}

/// Reads one member by seeking to it, by the same rules as the pass.
pub(super) fn one<R: Read + Seek>(
    reader: &mut R,
    buffers: &mut Buffers,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    let mut stream = Stream::start(reader, &mut buffers.input, entry.offset)?;
    member(&mut stream, &mut buffers.inflater, entry, want)
}

/// One member: local header and data; exactly from its offset to the end of its slot.
fn member<R: Read>(
    stream: &mut Stream<'_, R>,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    local_header(stream, entry)?;
    data_end(stream, entry)?;
    let content = data::read(stream, inflater, entry, want)?;
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

/// 4.3.7.
fn local_header<R: Read>(stream: &mut Stream<'_, R>, entry: &Entry) -> Result<(), WheelError> {
    let slot = usize::try_from(entry.end - entry.offset).unwrap_or(usize::MAX);
    let fixed = stream.exactly(LOCAL_HEADER)?;
    let length = LOCAL_HEADER + usize::from(fixed.u16_at(26)) + usize::from(fixed.u16_at(28));
    if !fixed.starts_with(LOCAL_SIGNATURE) || length > slot {
        let found = "no local header";
        return Err(Refusal::new(Reason::ArchiveLocalHeader, found).at(&entry.name).into());
    }
    compare(stream.exactly(length)?, entry).map_err(|refusal| refusal.at(&entry.name))?;
    stream.consume(length);
    Ok(())
}

fn compare(bytes: &[u8], entry: &Entry) -> Result<(), Refusal> {
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

    let expected = entry.header;
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
    Ok(())
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

/// Whether some reader takes a block for a tar header: its checksum, at 148, is the sum of all its bytes with
/// the checksum itself taken as spaces. Old writers summed bytes as signed, and readers take either.
fn is_tar(block: &[u8]) -> bool {
    let (before, rest) = block.split_at(148);
    let (field, after) = rest.split_at(8);
    let others = || before.iter().chain(after);
    let spaces = 8 * i64::from(b' ');
    let unsigned = others().map(|byte| i64::from(*byte)).sum::<i64>() + spaces;
    let signed = others().map(|byte| i64::from(byte.cast_signed())).sum::<i64>() + spaces;
    tar_number(field).is_some_and(|stated| [unsigned, signed].contains(&stated))
}

/// A number in a tar header as the most lenient reader takes it: octal digits, or binary where the first
/// byte says so.
fn tar_number(field: &[u8]) -> Option<i64> {
    if matches!(field[0], 0x80 | 0xff) {
        let mut bytes: [u8; 8] = field.try_into().ok()?;
        bytes[0] = if field[0] == 0xff { 0xff } else { 0 };
        return Some(i64::from_be_bytes(bytes));
    }
    let text = std::str::from_utf8(field.split(|byte| *byte == 0).next()?).ok()?.trim();
    let text = text.split(' ').next()?.replace('_', "");
    let digits = text.trim_start_matches(['+', '-']).trim_start_matches("0o");
    let value = i64::from_str_radix(digits.trim_start_matches("0O"), 8).ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}
