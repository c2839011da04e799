//! The comparison's view of wheels that were read strictly, and of those that did not stand that.

use std::io::{self, Read, Seek, SeekFrom};

use super::diff::{self, ReadError};
use super::side::{Content, Entry, Side};
use super::{Compared, WheelDiff};
use crate::digest::Sha256Digest;
use crate::limits::CompareLimits;
use crate::wheel::{Compression, Member, Readable, UnsoundWheel, Wheel, WheelError};

/// Why two wheels could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// A member of the first could not be read again.
    #[error("first wheel: {0}")]
    A(#[source] WheelError),
    /// A member of the second could not be read again.
    #[error("second wheel: {0}")]
    B(#[source] WheelError),
}

/// A wheel to compare: one that holds, or one that contradicts itself, which the comparison then says.
#[derive(Debug, Clone, Copy)]
pub enum Comparable<'w> {
    /// Read strictly.
    Sound(&'w Wheel),
    /// Refused for its contents.
    Unsound(&'w UnsoundWheel),
}

impl<'w> From<&'w Readable> for Comparable<'w> {
    fn from(wheel: &'w Readable) -> Self {
        match wheel {
            Readable::Sound(wheel) => Self::Sound(wheel),
            Readable::Unsound(wheel) => Self::Unsound(wheel),
        }
    }
}

/// Compares two wheels, each given with the file it was read from.
///
/// # Errors
/// [`DiffError`] when a file can no longer be read or is not what it was.
pub fn diff<A: Read + Seek, B: Read + Seek>(
    (wheel_a, reader_a): (&Wheel, A),
    (wheel_b, reader_b): (&Wheel, B),
    limits: &CompareLimits,
) -> Result<WheelDiff, DiffError> {
    let (a, b) = (Comparable::Sound(wheel_a), Comparable::Sound(wheel_b));
    diff_readable((a, reader_a), (b, reader_b), limits)
}

/// The same for wheels that may contradict themselves. For showing only: nothing may be decided by it.
///
/// # Errors
/// As [`diff`].
pub fn diff_readable<'w, A: Read + Seek, B: Read + Seek>(
    (wheel_a, reader_a): (impl Into<Comparable<'w>>, A),
    (wheel_b, reader_b): (impl Into<Comparable<'w>>, B),
    limits: &CompareLimits,
) -> Result<WheelDiff, DiffError> {
    let mut file_a = File { wheel: wheel_a.into(), reader: reader_a };
    let mut file_b = File { wheel: wheel_b.into(), reader: reader_b };
    let (side_a, side_b) = (side(file_a.wheel), side(file_b.wheel));
    let compared = diff::compare((&side_a, &mut file_a), (&side_b, &mut file_b), limits);
    compared.map_err(|error| match error {
        ReadError::A(error) => DiffError::A(error),
        ReadError::B(error) => DiffError::B(error),
    })
}

fn side(wheel: Comparable<'_>) -> Side {
    match wheel {
        Comparable::Sound(wheel) => sound(wheel),
        Comparable::Unsound(wheel) => Side {
            file: Compared {
                filename: wheel.filename().to_string(),
                sha256: wheel.sha256(),
                size: wheel.size(),
                members: wheel.members().len(),
            },
            dist_info: wheel.dist_info().to_owned(),
            startup_hooks: wheel.startup_hooks().iter().cloned().collect(),
            entries: wheel
                .members()
                .iter()
                .map(|it| Entry { damaged: it.damaged, ..entry(&it.member) })
                .collect(),
            contradictions: wheel.contradictions().to_vec(),
        },
    }
}

fn sound(wheel: &Wheel) -> Side {
    // The strict reader lets one folder at the root have this form.
    let record = |member: &Member| {
        let folder = member.name().strip_suffix("/RECORD")?;
        (folder.ends_with(".dist-info") && !folder.contains('/')).then(|| folder.to_owned())
    };
    Side {
        file: Compared {
            filename: wheel.filename().to_string(),
            sha256: wheel.sha256(),
            size: wheel.size(),
            members: wheel.members().len(),
        },
        dist_info: wheel.members().iter().find_map(record).unwrap_or_default(),
        startup_hooks: wheel.startup_hooks().iter().cloned().collect(),
        entries: wheel.members().iter().map(entry).collect(),
        contradictions: Vec::new(),
    }
}

fn entry(member: &Member) -> Entry {
    let (date, time) = member.dos_time();
    Entry {
        name: member.name().to_owned(),
        sha256: member.sha256(),
        size: member.size(),
        compressed_size: member.compressed_size(),
        time,
        date,
        method: match member.compression() {
            Compression::Stored => 0,
            Compression::Deflated => 8,
        },
        flags: member.flags(),
        version_needed: member.version_needed(),
        version_made_by: member.version_made_by(),
        internal_attributes: member.internal_attributes(),
        external_attributes: member.external_attributes(),
        extra: member.extra().to_vec(),
        damaged: false,
    }
}

struct File<'w, R> {
    wheel: Comparable<'w>,
    reader: R,
}

impl<R: Read + Seek> Content for File<'_, R> {
    type Error = WheelError;

    fn bytes(&mut self, index: usize, most: u64) -> Result<Vec<u8>, WheelError> {
        match self.wheel {
            Comparable::Sound(wheel) => {
                wheel.member_bytes(&mut self.reader, &wheel.members()[index], most)
            }
            Comparable::Unsound(wheel) => wheel.member_bytes(&mut self.reader, index, most),
        }
    }

    fn stream(&mut self, index: usize) -> Result<Sha256Digest, WheelError> {
        let member = match self.wheel {
            Comparable::Sound(wheel) => &wheel.members()[index],
            Comparable::Unsound(wheel) => &wheel.members()[index].member,
        };
        // APPNOTE 4.3.7: thirty bytes, the last four of them the lengths of name and extra field.
        let mut header = [0; 30];
        self.reader.seek(SeekFrom::Start(member.header_offset()))?;
        self.reader.read_exact(&mut header)?;
        let [.., name_low, name_high, extra_low, extra_high] = header;
        let name = u16::from_le_bytes([name_low, name_high]);
        let extra = u16::from_le_bytes([extra_low, extra_high]);
        self.reader.seek(SeekFrom::Current(i64::from(name) + i64::from(extra)))?;
        let data = (&mut self.reader).take(member.compressed_size());
        let (digest, length) = Sha256Digest::of_reader(data)?;
        if length != member.compressed_size() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(digest)
    }
}
