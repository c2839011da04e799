//! The data of a member: inflated, counted, hashed.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::central::{Entry, at_most};
use super::error::WheelError;
use super::header::{DEFLATED, Header};
use super::record::Algorithm;
use super::stream::Stream;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::report::Reason;

/// Bytes inflated at a time: small enough to be still in the cache when they are hashed, and so large that
/// what each piece costs (the last 32 KiB are copied for the next) does not count.
const OUTPUT: usize = 256 * 1024;

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

/// The data of a member, exactly as long as its headers say on both sides of inflation.
pub(super) fn read<R: Read>(
    stream: &mut Stream<'_, R>,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<Content, WheelError> {
    let (crc32, content) = inflate(stream, inflater, entry, want)?;
    crc_holds(entry, crc32)?;
    Ok(content)
}

/// Refuses a CRC-32 that is not the one stated.
pub(super) fn crc_holds(entry: &Entry, found: u32) -> Result<(), Refusal> {
    let stated = entry.header.crc32;
    if found != stated {
        let refusal = Refusal::new(Reason::ArchiveCrc, format!("{found:08x}")).at(&entry.name);
        return Err(refusal.expected(format!("{stated:08x}")));
    }
    Ok(())
}

/// The same as [`read`] and the data's CRC-32, which is not compared with the one stated.
pub(super) fn inflate<R: Read>(
    stream: &mut Stream<'_, R>,
    inflater: &mut Inflater,
    entry: &Entry,
    want: Want,
) -> Result<(u32, Content), WheelError> {
    let Header { size, compressed_size, .. } = entry.header;
    let refuse = |reason, found: String| Refusal::new(reason, found).at(&entry.name);
    if let Some(most) = want.bytes
        && size > most
    {
        let refusal = refuse(Reason::ArchiveMemberTooLarge, size.to_string());
        return Err(refusal.expected(at_most(most)).into());
    }
    let mut sink = Sink::new(want, size);
    let mut left = compressed_size;
    if entry.header.method == DEFLATED {
        inflater.inflate(stream, &mut left, &mut sink).map_err(|error| match error {
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
    Ok(sink.finish())
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

/// The state and the buffer of inflation, used again for each member.
pub(super) struct Inflater {
    state: Decompress,
    output: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Decompress::new(false), output: vec![0; OUTPUT] }
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
