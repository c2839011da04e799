//! The outer layer: one gzip member (RFC 1952) that is the whole file, inflated within bounds.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::error::SdistError;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::limits::SdistLimits;
use crate::report::Reason;

/// Bytes read from the file at a time.
const INPUT: usize = 64 * 1024;

/// Bytes at the end of a file in which some reader looks for the end record of a zip: 22 bytes, a comment
/// of at most 65,535, the records of ZIP64 before them; rounded up.
const ZIP_TAIL: usize = 66 * 1024;

/// The bytes inside, read forwards.
pub(super) struct Gunzip<R> {
    decoder: GzDecoder<BufReader<Source<R>>>,
    /// Where in the inflated bytes the next one lies.
    pub(super) offset: u64,
    limit: u64,
}

impl<R: Read> Gunzip<R> {
    pub(super) fn new(reader: R, limits: &SdistLimits) -> Self {
        let source = Source {
            reader,
            limit: limits.file_size,
            size: 0,
            hasher: Sha256::new(),
            tail: Vec::new(),
            stopped: None,
        };
        Self {
            decoder: GzDecoder::new(BufReader::with_capacity(INPUT, source)),
            offset: 0,
            limit: limits.inflated_total,
        }
    }

    /// Fills the buffer as far as there are bytes, and returns how far.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SdistError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.decoder.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return Err(self.why(&error)),
            }
        }
        self.offset += filled as u64;
        if self.offset > self.limit {
            let refusal = Refusal::new(Reason::ArchiveInflatedTooLarge, self.offset);
            return Err(refusal.expected(format!("at most {}", self.limit)).into());
        }
        Ok(filled)
    }

    /// After the last inflated byte: the digest and the size of the file, if it ends here as well.
    pub(super) fn finish(mut self) -> Result<(Sha256Digest, u64), SdistError> {
        match self.decoder.get_mut().fill_buf().map(<[u8]>::is_empty) {
            Ok(true) => {}
            Ok(false) => {
                let found = "bytes after the end of the gzip member";
                return Err(Refusal::new(Reason::SdistGzipTrailing, found).into());
            }
            Err(error) => return Err(self.why(&error)),
        }
        let source = self.decoder.into_inner().into_inner();
        if source.ends_as_zip() {
            let found = "the end record of a zip at the end of the file";
            return Err(Refusal::new(Reason::SdistAlsoZip, found).into());
        }
        let digest = Sha256Digest::from_bytes(source.hasher.finalize().into());
        Ok((digest, source.size))
    }

    /// Tells a file that cannot be read, or is too large, from one that is no gzip.
    fn why(&mut self, error: &io::Error) -> SdistError {
        match self.decoder.get_mut().get_mut().stopped.take() {
            Some(stopped) => stopped,
            None => Refusal::new(Reason::SdistGzip, error).into(),
        }
    }
}

/// The file itself: hashed, counted and bounded while it is read, its last bytes remembered.
struct Source<R> {
    reader: R,
    limit: u64,
    size: u64,
    hasher: Sha256,
    tail: Vec<u8>,
    /// Why reading ended early, since a decoder tells its own errors in the same type.
    stopped: Option<SdistError>,
}

impl<R> Source<R> {
    /// Some installers take a file for a zip, whatever its name, where such a record is near its end.
    fn ends_as_zip(&self) -> bool {
        let tail = &self.tail[self.tail.len().saturating_sub(ZIP_TAIL)..];
        tail.windows(22).any(|record| record.starts_with(b"PK\x05\x06"))
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stop = |this: &mut Self, why: SdistError| {
            let error = io::Error::other(why.to_string());
            this.stopped = Some(why);
            Err(error)
        };
        let read = loop {
            match self.reader.read(buffer) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return stop(self, error.into()),
            }
        };
        self.size += read as u64;
        if self.size > self.limit {
            let refusal = Refusal::new(Reason::ArchiveTooLarge, format!("over {}", self.limit));
            return stop(self, refusal.into());
        }
        self.hasher.update(&buffer[..read]);
        if self.tail.len() > 2 * ZIP_TAIL {
            self.tail.drain(..self.tail.len() - ZIP_TAIL);
        }
        self.tail.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}
