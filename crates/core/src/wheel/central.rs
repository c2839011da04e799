//! The central directory, read from the tail of the file.
//!
//! Section numbers are those of the zip specification, APPNOTE.TXT 6.3.10:
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>. Where it leaves readers a choice,
//! the archive that asks for the choice is refused.

use std::io::{Read, Seek, SeekFrom};

use super::end::{self, EndRecords};
use super::error::WheelError;
use super::extra::{Extra, Zip64};
use super::header::{FLAG_UTF8, Header, LittleEndian as _};
use crate::dist::{Refusal, names};
use crate::limits::WheelLimits;
use crate::report::Reason;

/// 4.3.12: fixed part of a header in the central directory.
const CENTRAL_HEADER: usize = 46;
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
/// 4.3.7: fixed part of a local header.
pub(super) const LOCAL_HEADER: usize = 30;

/// The end of the file, as it was read first: everything from the central directory on.
#[derive(Debug)]
pub(super) struct Directory {
    /// Bytes of the whole file.
    pub(super) file_size: u64,
    /// Where the central directory starts.
    pub(super) start: u64,
    /// The bytes from there to the end of the file. The one pass over the file must meet them again.
    pub(super) tail: Vec<u8>,
    /// The members, in the order of their data.
    pub(super) entries: Vec<Entry>,
}

/// What the central directory says about one member.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) version_made_by: u16,
    pub(super) internal_attributes: u16,
    pub(super) external_attributes: u32,
    pub(super) extra: Vec<u8>,
    /// Where the local header starts.
    pub(super) offset: u64,
    /// Where the next member, or the central directory, starts.
    pub(super) end: u64,
}

impl Entry {
    pub(super) fn is_dir(&self) -> bool {
        self.name.ends_with('/')
    }

    fn refuse(&self, reason: Reason, found: impl std::fmt::Display) -> Refusal {
        Refusal::new(reason, found).at(&self.name)
    }
}

/// Reads the tail of the file and holds every rule that needs nothing but the tail.
pub(super) fn read<R: Read + Seek>(
    reader: &mut R,
    limits: &WheelLimits,
) -> Result<Directory, WheelError> {
    let file_size = reader.seek(SeekFrom::End(0))?;
    if file_size > limits.file_size {
        let refusal = Refusal::new(Reason::ArchiveTooLarge, file_size);
        return Err(refusal.expected(at_most(limits.file_size)).into());
    }
    let end = EndRecords::read(reader, file_size)?;
    let length = file_size - end.directory_start;
    if length > limits.central_directory {
        let refusal = Refusal::new(Reason::ArchiveDirectoryTooLarge, length);
        return Err(refusal.expected(at_most(limits.central_directory)).into());
    }
    if end.count > limits.members as u64 {
        let refusal = Refusal::new(Reason::ArchiveTooManyMembers, end.count);
        return Err(refusal.expected(at_most(limits.members)).into());
    }
    let tail = end::read_at(reader, end.directory_start, length)?;
    end::only_signature(&tail)?;
    let directory_length = (end.directory_end - end.directory_start) as usize;
    let mut entries = headers(&tail[..directory_length], end.count)?;
    lay_out(&mut entries, end.directory_start)?;
    bound_inflation(&entries, file_size, limits)?;
    Ok(Directory { file_size, start: end.directory_start, tail, entries })
}

/// The text of a bound.
pub(super) fn at_most(bound: impl std::fmt::Display) -> String {
    format!("at most {bound}")
}

/// 4.3.12, each header by itself.
fn headers(mut bytes: &[u8], count: u64) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    let malformed = |found: String| Refusal::new(Reason::ArchiveCentralDirectory, found);
    while !bytes.is_empty() {
        if bytes.len() < CENTRAL_HEADER || !bytes.starts_with(CENTRAL_SIGNATURE) {
            let place = entries.len();
            return Err(malformed(format!("no header of member {place} in the directory")));
        }
        let lengths = [28, 30, 32].map(|at| usize::from(bytes.u16_at(at)));
        let total = CENTRAL_HEADER + lengths.iter().sum::<usize>();
        let Some((header, rest)) = bytes.split_at_checked(total) else {
            return Err(malformed(format!("{} bytes of a header of {total}", bytes.len())));
        };
        entries.push(entry(header, lengths)?);
        bytes = rest;
    }
    if entries.len() as u64 != count {
        let refusal = Refusal::new(Reason::ArchiveEndRecord, format!("{count} members"));
        return Err(refusal.expected(entries.len()));
    }
    Ok(entries)
}

/// 4.4.4 bit 11: what is not ASCII must be marked as UTF-8, or readers take it for another encoding.
fn member_name(bytes: &[u8], flags: u16) -> Result<String, Refusal> {
    let name = names::decode(bytes)?;
    if !name.is_ascii() && flags & FLAG_UTF8 == 0 {
        return Err(Refusal::new(Reason::ArchiveNameEncoding, "flag bit 11 not set").at(name));
    }
    names::check_one(name)?;
    names::check_for_windows(name)?;
    Ok(name.to_owned())
}

fn entry(bytes: &[u8], [name, extra, comment]: [usize; 3]) -> Result<Entry, Refusal> {
    let (name, rest) = bytes[CENTRAL_HEADER..].split_at(name);
    let extra = &rest[..extra];
    let mut header = Header {
        version_needed: bytes.u16_at(6),
        flags: bytes.u16_at(8),
        method: bytes.u16_at(10),
        time: bytes.u16_at(12),
        date: bytes.u16_at(14),
        crc32: bytes.u32_at(16),
        compressed_size: bytes.u32_at(20).into(),
        size: bytes.u32_at(24).into(),
    };
    let name = member_name(name, header.flags)?;
    let refuse = |reason, found: String| Refusal::new(reason, found).at(&name);
    if comment != 0 {
        return Err(refuse(Reason::ArchiveMemberComment, format!("{comment} bytes")));
    }
    let disk = bytes.u16_at(34);
    if disk != 0 {
        return Err(refuse(Reason::ArchiveCentralDirectory, format!("disk {disk}")));
    }
    let mut offset = bytes.u32_at(42).into();
    let extra_fields = Extra::parse(extra).map_err(|refusal| refusal.at(&name))?;
    let mut zip64 = Zip64::new(extra_fields.zip64());
    for field in [&mut header.size, &mut header.compressed_size, &mut offset] {
        zip64.take_over(field).map_err(|refusal| refusal.at(&name))?;
    }
    zip64.finish().map_err(|refusal| refusal.at(&name))?;
    let entry = Entry {
        header,
        version_made_by: bytes.u16_at(4),
        internal_attributes: bytes.u16_at(36),
        external_attributes: bytes.u32_at(38),
        extra: extra.to_vec(),
        offset,
        end: 0,
        name,
    };
    entry.header.check().map_err(|refusal| refusal.at(&entry.name))?;
    check_type(&entry)?;
    Ok(entry)
}

/// The type in the attributes must be that of the name: a file, or a directory where the name ends in `/`.
///
/// The host in `version_made_by` is not asked: installers read the Unix mode whatever it says.
fn check_type(entry: &Entry) -> Result<(), Refusal> {
    const TYPE: u32 = 0o170_000;
    const DIRECTORY: u32 = 0o040_000;
    const FILE: u32 = 0o100_000;
    const DOS_DIRECTORY: u32 = 0x10;
    let kind = (entry.external_attributes >> 16) & TYPE;
    let dos_directory = entry.external_attributes & DOS_DIRECTORY != 0;
    let fits = if entry.is_dir() {
        matches!(kind, 0 | DIRECTORY)
    } else {
        matches!(kind, 0 | FILE) && !dos_directory
    };
    if !fits {
        let found = format!("attributes {:#010x}", entry.external_attributes);
        return Err(entry.refuse(Reason::ArchiveFileType, found));
    }
    if entry.is_dir() && entry.header.size != 0 {
        let found = format!("{} bytes", entry.header.size);
        return Err(entry.refuse(Reason::ArchiveDirectoryContent, found));
    }
    Ok(())
}

/// Gives each entry its slot: from its offset to the next one's, the last to the central directory.
fn lay_out(entries: &mut [Entry], directory_start: u64) -> Result<(), Refusal> {
    let Some(first) = entries.first() else {
        return Ok(());
    };
    if first.offset != 0 {
        let refusal = first.refuse(Reason::ArchiveGap, format!("first member at {}", first.offset));
        return Err(refusal.expected(0));
    }
    let starts: Vec<u64> = entries.iter().map(|entry| entry.offset).skip(1).collect();
    for (entry, end) in entries.iter_mut().zip(starts.into_iter().chain([directory_start])) {
        entry.end = end;
        if end < entry.offset {
            let found = format!("next member or directory at {end}");
            let refusal = entry.refuse(Reason::ArchiveOrder, found);
            return Err(refusal.expected(format!("after {}", entry.offset)));
        }
        let least = (LOCAL_HEADER as u64 + entry.name.len() as u64)
            .checked_add(entry.header.compressed_size)
            .and_then(|length| length.checked_add(entry.offset));
        if least.is_none_or(|least| least > end) {
            let found = format!("{} compressed bytes", entry.header.compressed_size);
            let refusal = entry.refuse(Reason::ArchiveOverlap, found);
            return Err(refusal.expected(format!("at most {}", end - entry.offset)));
        }
    }
    Ok(())
}

/// Before anything is inflated, so that nothing is where this does not hold.
fn bound_inflation(entries: &[Entry], file_size: u64, limits: &WheelLimits) -> Result<(), Refusal> {
    let mut total = 0u64;
    for entry in entries {
        let Header { size, compressed_size, .. } = entry.header;
        let most = compressed_size.saturating_mul(limits.inflation_ratio);
        if size > most {
            let found = format!("{compressed_size} bytes that inflate to {size}");
            let refusal = entry.refuse(Reason::ArchiveInflationRatio, found);
            return Err(refusal.expected(at_most(most)));
        }
        total = total.saturating_add(size);
        if total > limits.inflated_total {
            let refusal = entry.refuse(Reason::ArchiveInflatedTooLarge, total);
            return Err(refusal.expected(at_most(limits.inflated_total)));
        }
    }
    let most = file_size.saturating_mul(limits.wheel_ratio);
    if total > limits.wheel_ratio_from && total > most {
        let found = format!("{file_size} bytes that inflate to {total}");
        return Err(Refusal::new(Reason::ArchiveInflationRatio, found).expected(at_most(most)));
    }
    Ok(())
}
