//! The comparison's view of wheels that were read strictly.

use std::io::{self, Read, Seek, SeekFrom};

use super::diff::{self, ReadError};
use super::side::{Content, Entry, Side};
use super::{Compared, WheelDiff};
use crate::digest::Sha256Digest;
use crate::limits::CompareLimits;
use crate::wheel::{Compression, Member, Wheel, WheelError};

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

/// Compares two wheels, each given with the file it was read from.
///
/// # Errors
/// [`DiffError`] when a file can no longer be read or is not what it was.
pub fn diff<A: Read + Seek, B: Read + Seek>(
    (wheel_a, reader_a): (&Wheel, A),
    (wheel_b, reader_b): (&Wheel, B),
    limits: &CompareLimits,
) -> Result<WheelDiff, DiffError> {
    let mut file_a = File { wheel: wheel_a, reader: reader_a };
    let mut file_b = File { wheel: wheel_b, reader: reader_b };
    let (side_a, side_b) = (side(wheel_a), side(wheel_b));
    let compared = diff::compare((&side_a, &mut file_a), (&side_b, &mut file_b), limits);
    compared.map_err(|error| match error {
        ReadError::A(error) => DiffError::A(error),
        ReadError::B(error) => DiffError::B(error),
    })
}

fn side(wheel: &Wheel) -> Side {
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
    }
}

struct File<'w, R> {
    wheel: &'w Wheel,
    reader: R,
}

impl<R: Read + Seek> Content for File<'_, R> {
    type Error = WheelError;

    fn bytes(&mut self, index: usize, most: u64) -> Result<Vec<u8>, WheelError> {
        let member = &self.wheel.members()[index];
        self.wheel.member_bytes(&mut self.reader, member, most)
    }

    fn stream(&mut self, index: usize) -> Result<Sha256Digest, WheelError> {
        let member = &self.wheel.members()[index];
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
