//! The one pass over the file: every byte is hashed, every header held against the central directory,
//! every member inflated, counted and hashed, in memory that does not grow with the file.

use std::io::{Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::central::{Directory, Entry, LOCAL_HEADER, at_most};
use super::error::{Refusal, WheelError};
use super::extra::Extra;
use super::header::{DEFLATED, Header, LittleEndian as _, VERSION_ZIP64};
use super::record::Algorithm;
use crate::digest::Sha256Digest;
use crate::report::Reason;

/// Bytes read at a time. Must hold the longest local header: 30 bytes, a name and an extra field of
/// 65,535 each.
const INPUT: usize = 256 * 1024;
/// Bytes inflated at a time: small enough to be still in the cache when they are hashed.
const OUTPUT: usize = 64 * 1024;

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";

/// What reading a member's data found out.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) sha256: Sha256Digest,
    /// The digest by the other algorithm, where one was asked for.
    pub(super) other: Option<Vec<u8>>,
    /// The data, where it was asked for.
    pub(super) bytes: Option<Vec<u8>>,
}

/// What to find out about a member beside its SHA-256.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Want {
    /// A digest by this algorithm too.
    pub(super) algorithm: Option<Algorithm>,
    /// The data itself, of at most this many bytes.
    pub(super) bytes: Option<u64>,
}

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
    if stream.fill(512)?.len() >= 512 && is_tar(&stream.buffered()[..512]) {
        return Err(Refusal::new(Reason::ArchiveAlsoTar, "a valid tar header").into());
    }
    let mut inflater = Inflater::new();
    for entry in &directory.entries {
        let content = member(&mut stream, &mut inflater, entry, want(entry))?;
        found(entry, content)?;
    }
    if stream.offset != directory.start {
        let refusal = Refusal::new(
            Reason::ArchiveGap,
            format!("last member ends at {}", stream.offset),
        );
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
    let data_end = stream.offset + entry.header.compressed_size;
    if data_end > entry.end {
        let refusal = Refusal::new(Reason::ArchiveOverlap, format!("data ends at {data_end}"));
        return Err(refusal.expected(at_most(entry.end)).at(&entry.name).into());
    }
    let content = data(stream, inflater, entry, want)?;
    if entry.header.has_descriptor() {
        descriptor(stream, entry, zip64)?;
    }
    if stream.offset != entry.end {
        let found = format!("{} bytes after the data", entry.end - stream.offset);
        return Err(Refusal::new(Reason::ArchiveGap, found)
            .at(&entry.name)
            .into());
    }
    Ok(content)
}

/// 4.3.7. Returns whether the header has a ZIP64 field, on which the form of the descriptor depends.
fn local_header<R: Read>(stream: &mut Stream<'_, R>, entry: &Entry) -> Result<bool, WheelError> {
    let slot = usize::try_from(entry.end - entry.offset).unwrap_or(usize::MAX);
    let fixed = stream.exactly(LOCAL_HEADER)?;
    let length = LOCAL_HEADER + usize::from(fixed.u16_at(26)) + usize::from(fixed.u16_at(28));
    if !fixed.starts_with(LOCAL_SIGNATURE) || length > slot {
        let found = "no local header";
        return Err(Refusal::new(Reason::ArchiveLocalHeader, found)
            .at(&entry.name)
            .into());
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
        (
            "version needed",
            local.version_needed.into(),
            expected.version_needed.into(),
        ),
        ("flags", local.flags.into(), expected.flags.into()),
        ("method", local.method.into(), expected.method.into()),
        ("time", local.time.into(), expected.time.into()),
        ("date", local.date.into(), expected.date.into()),
        ("crc-32", local.crc32.into(), expected.crc32.into()),
        (
            "compressed size",
            local.compressed_size,
            expected.compressed_size,
        ),
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
    for (small, large) in [
        (&mut local.size, data.u64_at(0)),
        (&mut local.compressed_size, data.u64_at(8)),
    ] {
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

/// The data of a member, exactly as long as its headers say on both sides of inflation.
fn data<R: Read>(
    stream: &mut Stream<'_, R>,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    let Header {
        size,
        compressed_size,
        crc32,
        ..
    } = entry.header;
    let refuse = |reason, found: String| Refusal::new(reason, found).at(&entry.name);
    if want.bytes.is_some_and(|most| size > most) {
        let refusal = refuse(Reason::ArchiveMemberTooLarge, size.to_string());
        return Err(refusal.expected(at_most(want.bytes.unwrap_or(0))).into());
    }
    let mut sink = Sink::new(want, size);
    let mut left = compressed_size;
    if entry.header.method == DEFLATED {
        inflater
            .inflate(stream, &mut left, &mut sink)
            .map_err(|error| match error {
                Stop::Error(error) => error,
                Stop::Invalid(problem) => refuse(Reason::ArchiveDeflate, problem.to_owned()).into(),
                Stop::TooLong => {
                    let refusal = refuse(Reason::ArchiveSize, format!("more than {size}"));
                    refusal.expected(size).into()
                }
            })?;
        if left != 0 {
            let found = format!("{left} bytes after the end of the DEFLATE stream");
            return Err(refuse(Reason::ArchiveDeflateTrailing, found).into());
        }
    } else {
        while left > 0 {
            let bytes = stream.some()?;
            let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            sink.write(&bytes[..length]);
            stream.consume(length);
            left -= length as u64;
        }
    }
    if sink.size != size {
        let refusal = refuse(Reason::ArchiveSize, sink.size.to_string());
        return Err(refusal.expected(size).into());
    }
    let (found, content) = sink.finish();
    if found != crc32 {
        let refusal = refuse(Reason::ArchiveCrc, format!("{found:08x}"));
        return Err(refusal.expected(format!("{crc32:08x}")).into());
    }
    Ok(content)
}

/// Where the bytes of a member go: counted, hashed, and kept if they were asked for.
struct Sink {
    size: u64,
    most: u64,
    crc32: crc32fast::Hasher,
    sha256: Sha256,
    other: Option<Other>,
    bytes: Option<Vec<u8>>,
}

enum Other {
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Sink {
    fn new(want: Want, most: u64) -> Self {
        Self {
            size: 0,
            most,
            crc32: crc32fast::Hasher::new(),
            sha256: Sha256::new(),
            other: match want.algorithm {
                None | Some(Algorithm::Sha256) => None,
                Some(Algorithm::Sha384) => Some(Other::Sha384(Sha384::new())),
                Some(Algorithm::Sha512) => Some(Other::Sha512(Sha512::new())),
            },
            bytes: want.bytes.map(|_| Vec::new()),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.crc32.update(bytes);
        self.sha256.update(bytes);
        match &mut self.other {
            None => {}
            Some(Other::Sha384(hasher)) => hasher.update(bytes),
            Some(Other::Sha512(hasher)) => hasher.update(bytes),
        }
        if let Some(kept) = &mut self.bytes {
            kept.extend_from_slice(bytes);
        }
    }

    fn finish(self) -> (u32, Content) {
        let content = Content {
            sha256: Sha256Digest::from_bytes(self.sha256.finalize().into()),
            other: self.other.map(|other| match other {
                Other::Sha384(hasher) => hasher.finalize().to_vec(),
                Other::Sha512(hasher) => hasher.finalize().to_vec(),
            }),
            bytes: self.bytes,
        };
        (self.crc32.finalize(), content)
    }
}

/// Why inflation stopped before the end of the stream.
enum Stop {
    Error(WheelError),
    Invalid(&'static str),
    TooLong,
}

struct Inflater {
    state: Decompress,
    output: Vec<u8>,
}

impl Inflater {
    fn new() -> Self {
        Self {
            state: Decompress::new(false),
            output: vec![0; OUTPUT],
        }
    }

    /// Inflates one raw DEFLATE stream of at most `left` bytes, and takes off `left` what it used.
    fn inflate<R: Read>(
        &mut self,
        stream: &mut Stream<'_, R>,
        left: &mut u64,
        sink: &mut Sink,
    ) -> Result<(), Stop> {
        self.state.reset(false);
        loop {
            let input = match *left {
                0 => &[][..],
                left => {
                    let bytes = stream.some().map_err(Stop::Error)?;
                    &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
                }
            };
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, &mut self.output, FlushDecompress::None)
                .map_err(|_| Stop::Invalid("an invalid DEFLATE stream"))?;
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            stream.consume(read);
            *left -= read as u64;
            sink.write(&self.output[..written]);
            if sink.size > sink.most {
                return Err(Stop::TooLong);
            }
            match status {
                Status::StreamEnd => return Ok(()),
                _ if read == 0 && written == 0 => {
                    return Err(Stop::Invalid("a DEFLATE stream without its end"));
                }
                _ => {}
            }
        }
    }
}

/// A reader with a place in the file, a buffer, and a hash of all that was read.
struct Stream<'r, R> {
    reader: &'r mut R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the file the next byte lies.
    offset: u64,
    hasher: Option<Sha256>,
}

impl<'r, R: Read> Stream<'r, R> {
    fn start(reader: &'r mut R, offset: u64) -> Result<Self, WheelError>
    where
        R: Seek,
    {
        reader.seek(SeekFrom::Start(offset))?;
        Ok(Self {
            reader,
            buffer: vec![0; INPUT],
            start: 0,
            end: 0,
            offset,
            hasher: None,
        })
    }

    fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// At least `length` bytes if the file has them, without consuming any; `length` is at most [`INPUT`].
    fn fill(&mut self, length: usize) -> Result<&[u8], WheelError> {
        if self.end - self.start < length && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < length {
            let read = match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&self.buffer[self.end..self.end + read]);
            }
            self.end += read;
        }
        Ok(self.buffered())
    }

    /// At least one byte. The caller knows that the file had more: its end here means it has changed.
    fn some(&mut self) -> Result<&[u8], WheelError> {
        match self.fill(1)? {
            [] => Err(WheelError::changed()),
            bytes => Ok(bytes),
        }
    }

    /// Exactly `length` bytes, likewise, without consuming them.
    fn exactly(&mut self, length: usize) -> Result<&[u8], WheelError> {
        self.fill(length)?
            .get(..length)
            .ok_or_else(WheelError::changed)
    }

    fn consume(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
    }
}

/// Whether a block is a tar header: its checksum, six octal digits or more at 148, is the sum of all its
/// bytes with the checksum itself taken as spaces.
fn is_tar(block: &[u8]) -> bool {
    let field = block[148..156].trim_ascii();
    let digits = field.split(|b| *b == 0 || *b == b' ').next().unwrap_or(&[]);
    let stated = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 8).ok());
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    let checksum: u64 = block[148..156].iter().map(|b| u64::from(*b)).sum();
    stated == Some(sum - checksum + 8 * u64::from(b' '))
}
