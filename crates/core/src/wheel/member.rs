//! One member of a wheel, as its headers and its data describe it.

use chrono::{NaiveDate, NaiveDateTime};

use super::central::Entry;
use super::header::DEFLATED;
use crate::digest::Sha256Digest;

/// How a member's data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    Stored,
    /// By DEFLATE, RFC 1951.
    Deflated,
}

/// One member of a [`super::Wheel`]. Local header, central directory, data and RECORD agree on it.
#[derive(Debug, Clone)]
pub struct Member {
    pub(super) entry: Entry,
    pub(super) sha256: Sha256Digest,
}

impl Member {
    /// The name: relative, `/` between segments and, for a directory, at the end.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether this is a directory's own entry.
    pub fn is_dir(&self) -> bool {
        self.entry.is_dir()
    }

    /// The digest of the data.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// CRC-32 of the data.
    pub fn crc32(&self) -> u32 {
        self.entry.header.crc32
    }

    /// Bytes of the data.
    pub fn size(&self) -> u64 {
        self.entry.header.size
    }

    /// Bytes the data takes in the archive.
    pub fn compressed_size(&self) -> u64 {
        self.entry.header.compressed_size
    }

    /// How the data is kept.
    pub fn compression(&self) -> Compression {
        match self.entry.header.method {
            DEFLATED => Compression::Deflated,
            _ => Compression::Stored,
        }
    }

    /// The modification time as it is written: MS-DOS date and time. APPNOTE 4.4.6.
    pub fn dos_time(&self) -> (u16, u16) {
        (self.entry.header.date, self.entry.header.time)
    }

    /// The modification time, in no stated time zone, to two seconds; none where it is not a time.
    pub fn modified(&self) -> Option<NaiveDateTime> {
        let (date, time) = self.dos_time();
        let field =
            |bits: u16, shift: u32, width: u32| u32::from(bits) >> shift & ((1 << width) - 1);
        let year = 1980 + i32::from(date >> 9);
        NaiveDate::from_ymd_opt(year, field(date, 5, 4), field(date, 0, 5))?.and_hms_opt(
            field(time, 11, 5),
            field(time, 5, 6),
            field(time, 0, 5) * 2,
        )
    }

    /// External attributes. APPNOTE 4.4.15.
    pub fn external_attributes(&self) -> u32 {
        self.entry.external_attributes
    }

    /// Internal attributes. APPNOTE 4.4.14.
    pub fn internal_attributes(&self) -> u16 {
        self.entry.internal_attributes
    }

    /// Type and permissions as Unix writes them, from the external attributes; none where these are zero.
    pub fn unix_mode(&self) -> Option<u32> {
        Some(self.entry.external_attributes >> 16).filter(|mode| *mode != 0)
    }

    /// Version of the writer, its system in the upper byte. APPNOTE 4.4.2.
    pub fn version_made_by(&self) -> u16 {
        self.entry.version_made_by
    }

    /// Version needed to extract. APPNOTE 4.4.3.
    pub fn version_needed(&self) -> u16 {
        self.entry.header.version_needed
    }

    /// General purpose flags. APPNOTE 4.4.4.
    pub fn flags(&self) -> u16 {
        self.entry.header.flags
    }

    /// The extra field of the central directory. APPNOTE 4.5.
    pub fn extra(&self) -> &[u8] {
        &self.entry.extra
    }

    /// Where the local header starts, in bytes from the start of the file.
    pub fn header_offset(&self) -> u64 {
        self.entry.offset
    }
}
