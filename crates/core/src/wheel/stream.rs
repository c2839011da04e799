//! Reading forwards through a file, in large pieces, looking at some bytes before they are consumed.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

use super::error::WheelError;

/// Bytes read at a time. Must hold the longest local header: 30 bytes, a name and an extra field of
/// 65,535 each.
pub(super) const INPUT: usize = 256 * 1024;

/// A reader with a place in the file, a buffer, and a hash of all that was read.
pub(super) struct Stream<'r, R> {
    reader: &'r mut R,
    buffer: &'r mut [u8],
    start: usize,
    end: usize,
    /// Where in the file the next byte lies.
    pub(super) offset: u64,
    /// Told every byte that is read, where there is one.
    pub(super) hasher: Option<Sha256>,
}

impl<'r, R: Read> Stream<'r, R> {
    /// `buffer` is [`INPUT`] bytes long.
    pub(super) fn start(
        reader: &'r mut R,
        buffer: &'r mut [u8],
        offset: u64,
    ) -> Result<Self, WheelError>
    where
        R: Seek,
    {
        reader.seek(SeekFrom::Start(offset))?;
        Ok(Self { reader, buffer, start: 0, end: 0, offset, hasher: None })
    }

    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// At least `length` bytes if the file has them, without consuming any; `length` is at most [`INPUT`].
    pub(super) fn fill(&mut self, length: usize) -> Result<&[u8], WheelError> {
        if self.end - self.start < length && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < length {
            let read = match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
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
    pub(super) fn some(&mut self) -> Result<&[u8], WheelError> {
        match self.fill(1)? {
            [] => Err(WheelError::changed()),
            bytes => Ok(bytes),
        }
    }

    /// Exactly `length` bytes, likewise, without consuming them.
    pub(super) fn exactly(&mut self, length: usize) -> Result<&[u8], WheelError> {
        self.fill(length)?.get(..length).ok_or_else(WheelError::changed)
    }

    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
    }
}
