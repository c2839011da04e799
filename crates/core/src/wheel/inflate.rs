//! Inflation of one raw DEFLATE stream, which must end where its member's data ends.
//!
//! Two libraries share the work. One that takes a whole stream in one buffer to a whole result in another is
//! half as fast again as one that can stop and go on, and most members are small; so members within
//! [`WHOLE_OUTPUT`] go through `libdeflate`, and all others through zlib, a piece at a time. What the first
//! does not take is given to the second, whose word on what is wrong is then the answer for every size.
//! Figures and reasons: `docs/adr/0010-two-inflaters.md`.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use memchr::memmem;

use super::error::WheelError;
use super::stream::Stream;
use crate::limits::{WHOLE_INPUT, WHOLE_OUTPUT};

/// Bytes inflated at a time: small enough to be still in the cache when they are hashed.
const PIECE: usize = 64 * 1024;

/// Unit by which the buffers for whole members grow.
const GROWTH: usize = 256 * 1024;

/// RFC 1952, 2.3.1: a gzip member of DEFLATE without name, comment or time.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// What the headers state of a stream.
#[derive(Clone, Copy)]
pub(super) struct Stated {
    pub(super) compressed_size: u64,
    pub(super) size: u64,
    pub(super) crc32: u32,
}

/// Why inflation stopped before the end of the stream.
pub(super) enum Stop {
    Error(WheelError),
    Invalid(&'static str),
    /// More bytes than stated.
    TooLong,
    /// So many bytes after the end of the stream.
    Trailing(u64),
}

/// The state and the buffers of inflation, used again for each member.
pub(super) struct Inflater {
    streaming: Streaming,
    whole: Whole,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            streaming: Streaming { state: Decompress::new(false), piece: vec![0; PIECE] },
            whole: Whole { library: Decompressor::new(), packed: Vec::new(), output: Vec::new() },
        }
    }

    /// Inflates the stream that takes up the next `compressed_size` bytes, and hands `write` its bytes. The
    /// stream ends with the last of these bytes, or this is an error. At most one byte more than a piece
    /// over the stated size is handed on; that it is reached is for the caller to see.
    pub(super) fn inflate<R: Read>(
        &mut self,
        stream: &mut Stream<'_, R>,
        stated: Stated,
        mut write: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        if stated.size > WHOLE_OUTPUT as u64 || stated.compressed_size > WHOLE_INPUT as u64 {
            return self.streaming.inflate(stream, stated, write);
        }
        self.whole.load(stream, stated).map_err(Stop::Error)?;
        if let Some(output) = self.whole.inflate(stated) {
            write(output);
            return Ok(());
        }
        self.streaming.inflate(&mut self.whole.data(stated), stated, write)
    }
}

/// Bytes that are looked at before they are consumed.
trait Source {
    /// At least one byte; the caller knows that there is one.
    fn some(&mut self) -> Result<&[u8], WheelError>;
    fn consume(&mut self, length: usize);
}

impl<R: Read> Source for Stream<'_, R> {
    fn some(&mut self) -> Result<&[u8], WheelError> {
        Stream::some(self)
    }

    fn consume(&mut self, length: usize) {
        Stream::consume(self, length);
    }
}

impl Source for &[u8] {
    fn some(&mut self) -> Result<&[u8], WheelError> {
        Ok(self)
    }

    fn consume(&mut self, length: usize) {
        *self = &self[length..];
    }
}

/// A piece at a time, in memory that does not grow with the member.
struct Streaming {
    state: Decompress,
    piece: Vec<u8>,
}

impl Streaming {
    fn inflate(
        &mut self,
        source: &mut impl Source,
        stated: Stated,
        mut write: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        self.state.reset(false);
        let mut left = stated.compressed_size;
        loop {
            let input = match left {
                0 => &[][..],
                left => {
                    let bytes = source.some().map_err(Stop::Error)?;
                    &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
                }
            };
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, &mut self.piece, FlushDecompress::None)
                .map_err(|_| Stop::Invalid("an invalid DEFLATE stream"))?;
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            source.consume(read);
            left -= read as u64;
            write(&self.piece[..written]);
            if self.state.total_out() > stated.size {
                return Err(Stop::TooLong);
            }
            match status {
                Status::StreamEnd if left == 0 => return Ok(()),
                Status::StreamEnd => return Err(Stop::Trailing(left)),
                _ if read == 0 && written == 0 => {
                    return Err(Stop::Invalid("a DEFLATE stream without its end"));
                }
                _ => {}
            }
        }
    }
}

/// All at once.
///
/// The library does not say how many bytes of its input the stream took, unless it stands in a gzip member:
/// then the CRC-32 and the size must follow directly upon its end. So the stream is put between a header and
/// the trailer that the stated values make. Where these eight bytes are found nowhere but in their place,
/// success says that the stream ends there, and not a byte earlier.
struct Whole {
    library: Decompressor,
    packed: Vec<u8>,
    output: Vec<u8>,
}

impl Whole {
    /// Takes the stream from the file.
    fn load<R: Read>(
        &mut self,
        stream: &mut Stream<'_, R>,
        stated: Stated,
    ) -> Result<(), WheelError> {
        let mut left = stated.compressed_size as usize;
        self.packed.clear();
        reserve(&mut self.packed, GZIP_HEADER.len() + left + 8);
        self.packed.extend(GZIP_HEADER);
        while left > 0 {
            let bytes = stream.some()?;
            let length = bytes.len().min(left);
            self.packed.extend_from_slice(&bytes[..length]);
            stream.consume(length);
            left -= length;
        }
        self.packed.extend(trailer(stated));
        Ok(())
    }

    /// The stream as it was taken from the file.
    fn data(&self, stated: Stated) -> &[u8] {
        &self.packed[GZIP_HEADER.len()..][..stated.compressed_size as usize]
    }

    /// The inflated bytes, if every stated value holds beyond doubt.
    fn inflate(&mut self, stated: Stated) -> Option<&[u8]> {
        let size = stated.size as usize;
        if self.output.len() < size {
            self.output = Vec::new(); // gives the old one back before there is a new one
            self.output = vec![0; size.next_multiple_of(GROWTH).min(WHOLE_OUTPUT)];
        }
        let output = &mut self.output[..size];
        let written = self.library.gzip_decompress(&self.packed, output).ok()?;
        let elsewhere = &self.packed[GZIP_HEADER.len()..self.packed.len() - 1];
        let certain = written == size && memmem::find(elsewhere, &trailer(stated)).is_none();
        certain.then_some(&self.output[..size])
    }
}

/// RFC 1952, 2.3.1: CRC-32 and size of what was packed.
fn trailer(stated: Stated) -> [u8; 8] {
    let [a, b, c, d] = stated.crc32.to_le_bytes();
    let [e, f, g, h] = (stated.size as u32).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// Room for `length` bytes in an empty buffer, and little more.
fn reserve(buffer: &mut Vec<u8>, length: usize) {
    if buffer.capacity() < length {
        *buffer = Vec::new();
        buffer.reserve_exact(length.next_multiple_of(GROWTH));
    }
}
