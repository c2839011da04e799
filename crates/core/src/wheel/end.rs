//! The records at the end of the file, which say where the central directory lies.

use std::io::{Read, Seek, SeekFrom};

use super::error::WheelError;
use super::header::LittleEndian as _;
use crate::dist::Refusal;
use crate::report::Reason;

/// 4.3.16: end of central directory record, without a comment.
const END_RECORD: usize = 22;
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
/// 4.3.15: ZIP64 end of central directory locator.
const LOCATOR: usize = 20;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
/// 4.3.14: ZIP64 end of central directory record, without extensible data.
const END64_RECORD: usize = 56;
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
/// What the end records say, ZIP64 or not, all of it held to be one.
pub(super) struct EndRecords {
    /// Where the central directory starts.
    pub(super) directory_start: u64,
    /// Where it ends.
    pub(super) directory_end: u64,
    /// Members in it.
    pub(super) count: u64,
}

impl EndRecords {
    /// 4.3.14 to 4.3.16. The end record must be the last 22 bytes: no comment, nothing after it.
    pub(super) fn read<R: Read + Seek>(reader: &mut R, file_size: u64) -> Result<Self, WheelError> {
        let window = file_size.min((END64_RECORD + LOCATOR + END_RECORD) as u64);
        let bytes = read_at(reader, file_size - window, window)?;
        let Some(split) = bytes.len().checked_sub(END_RECORD) else {
            return Err(Refusal::new(Reason::ArchiveNotZip, "a shorter file").into());
        };
        let (before, record) = bytes.split_at(split);
        if !record.starts_with(END_SIGNATURE) {
            return Err(why_no_end_record(reader, file_size)?.into());
        }
        let comment = record.u16_at(20);
        if comment != 0 {
            let found = format!("a comment of {comment} bytes");
            return Err(Refusal::new(Reason::ArchiveComment, found).into());
        }
        let disks = [record.u16_at(4), record.u16_at(6)];
        let entries = [record.u16_at(8), record.u16_at(10)];
        let (length, start) = (record.u32_at(12), record.u32_at(16));
        let end_start = file_size - END_RECORD as u64;

        let end64 = match before.len().checked_sub(LOCATOR).map(|at| before.split_at(at)) {
            Some((before, locator)) if locator.starts_with(LOCATOR_SIGNATURE) => {
                Some(End64::parse(before, locator, end_start)?)
            }
            _ => None,
        };
        let refuse = |reason, what: &str, found: u64, expected: u64| {
            Refusal::new(reason, format!("{what} {found}")).expected(expected)
        };
        if let Some(end64) = end64 {
            // A field is either handed over to the ZIP64 record, or says the same.
            for (what, small, saturated, large) in [
                ("disk", u64::from(disks[0]), u64::from(u16::MAX), 0_u64),
                ("disk of the directory", disks[1].into(), u16::MAX.into(), 0),
                ("members on this disk", entries[0].into(), u16::MAX.into(), end64.count),
                ("members", entries[1].into(), u16::MAX.into(), end64.count),
                ("directory length", length.into(), u32::MAX.into(), end64.length),
                ("directory offset", start.into(), u32::MAX.into(), end64.start),
            ] {
                let small: u64 = small;
                if small != saturated && small != large {
                    return Err(refuse(Reason::ArchiveZip64, what, small, large).into());
                }
            }
            return Self::checked(end64.start, end64.length, end64.count, end64.at);
        }
        for (what, found, expected) in [
            ("disk", disks[0], 0),
            ("disk of the directory", disks[1], 0),
            ("members on this disk", entries[0], entries[1]),
        ] {
            if found != expected {
                let (found, expected) = (found.into(), expected.into());
                return Err(refuse(Reason::ArchiveEndRecord, what, found, expected).into());
            }
        }
        if entries[1] == u16::MAX || length == u32::MAX || start == u32::MAX {
            let found = "an end record that hands over to a ZIP64 record that is not there";
            return Err(Refusal::new(Reason::ArchiveZip64, found).into());
        }
        Self::checked(start.into(), length.into(), entries[1].into(), end_start)
    }

    /// The directory must end where the first end record starts.
    fn checked(start: u64, length: u64, count: u64, end: u64) -> Result<Self, WheelError> {
        if start.checked_add(length) != Some(end) {
            let found = format!("a central directory of {length} bytes at {start}");
            let refusal = Refusal::new(Reason::ArchiveEndRecord, found);
            return Err(refusal.expected(format!("one that ends at {end}")).into());
        }
        Ok(Self { directory_start: start, directory_end: end, count })
    }
}

/// 4.3.14, 4.3.15.
struct End64 {
    at: u64,
    start: u64,
    length: u64,
    count: u64,
}

impl End64 {
    /// `before` ends where the locator starts; `end_start` is where the end record starts.
    fn parse(before: &[u8], locator: &[u8], end_start: u64) -> Result<Self, Refusal> {
        let refuse = |what: &str, found: u64, expected: u64| {
            Refusal::new(Reason::ArchiveZip64, format!("{what} {found}")).expected(expected)
        };
        let record = before
            .len()
            .checked_sub(END64_RECORD)
            .map(|at| &before[at..])
            .filter(|record| record.starts_with(END64_SIGNATURE))
            .ok_or_else(|| {
                let found = "a ZIP64 locator without a record of 56 bytes before it";
                Refusal::new(Reason::ArchiveZip64, found)
            })?;
        let at = end_start - (LOCATOR + END64_RECORD) as u64;
        let count = record.u64_at(32);
        for (what, found, expected) in [
            ("locator: disk of the record", locator.u32_at(4).into(), 0),
            ("locator: offset of the record", locator.u64_at(8), at),
            ("locator: number of disks", locator.u32_at(16).into(), 1),
            ("size of the record", record.u64_at(4), END64_RECORD as u64 - 12),
            ("disk", record.u32_at(16).into(), 0),
            ("disk of the directory", record.u32_at(20).into(), 0),
            ("members on this disk", record.u64_at(24), count),
        ] {
            if found != expected {
                return Err(refuse(what, found, expected));
            }
        }
        Ok(Self { at, start: record.u64_at(48), length: record.u64_at(40), count })
    }
}

/// Which rule a file without an end record in its last 22 bytes breaks.
fn why_no_end_record<R: Read + Seek>(
    reader: &mut R,
    file_size: u64,
) -> Result<Refusal, WheelError> {
    let window = file_size.min(END_RECORD as u64 + u64::from(u16::MAX));
    let bytes = read_at(reader, file_size - window, window)?;
    let last = bytes.windows(END_RECORD).rposition(|bytes| bytes.starts_with(END_SIGNATURE));
    Ok(match last {
        None => Refusal::new(Reason::ArchiveNotZip, "no end record"),
        Some(at) => {
            let after = bytes.len() - at - END_RECORD;
            let comment = bytes[at..].u16_at(20);
            if usize::from(comment) == after {
                Refusal::new(Reason::ArchiveComment, format!("a comment of {comment} bytes"))
            } else {
                let found = format!("{after} bytes after the end record");
                Refusal::new(Reason::ArchiveTrailingData, found)
            }
        }
    })
}

/// Readers search the signature of the end record, from either side: there must be one to find.
pub(super) fn only_signature(tail: &[u8]) -> Result<(), Refusal> {
    let last = tail.len() - END_RECORD;
    let signatures = |bytes: &[u8]| {
        bytes.windows(END_SIGNATURE.len()).position(|window| window == END_SIGNATURE)
    };
    match signatures(&tail[..last + 3]).or_else(|| signatures(&tail[last + 1..])) {
        Some(_) => {
            let found = "the signature of an end record inside the central directory or end record";
            Err(Refusal::new(Reason::ArchiveSeveralEndRecords, found))
        }
        None => Ok(()),
    }
}

/// `length` bytes at `offset`, both known to lie in the file: if they do not, it has changed.
pub(super) fn read_at<R: Read + Seek>(
    reader: &mut R,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, WheelError> {
    reader.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::with_capacity(length as usize);
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(WheelError::changed()) }
}
