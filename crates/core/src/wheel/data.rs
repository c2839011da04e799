//! The data of a member: inflated, counted, hashed.

use std::io::Read;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::central::{Entry, at_most};
use super::error::WheelError;
use super::header::{DEFLATED, Header};
use super::inflate::{Inflater, Stated, Stop};
use super::record::Algorithm;
use super::stream::Stream;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::report::Reason;

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
    let Header { size, compressed_size, crc32, .. } = entry.header;
    let refuse = |reason, found: String| Refusal::new(reason, found).at(&entry.name);
    if let Some(most) = want.bytes
        && size > most
    {
        let refusal = refuse(Reason::ArchiveMemberTooLarge, size.to_string());
        return Err(refusal.expected(at_most(most)).into());
    }
    let mut sink = Sink::new(want);
    if entry.header.method == DEFLATED {
        let stated = Stated { compressed_size, size, crc32 };
        let inflated = inflater.inflate(stream, stated, |bytes| sink.write(bytes));
        inflated.map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Invalid(problem) => refuse(Reason::ArchiveDeflate, problem.to_owned()).into(),
            Stop::TooLong => {
                let refusal = refuse(Reason::ArchiveSize, format!("more than {size}"));
                refusal.expected(size).into()
            }
            Stop::Trailing(left) => {
                let found = format!("{left} bytes after the end of the DEFLATE stream");
                refuse(Reason::ArchiveDeflateTrailing, found).into()
            }
        })?;
    } else {
        let mut left = compressed_size;
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
    fn new(want: Want) -> Self {
        Self {
            size: 0,
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
