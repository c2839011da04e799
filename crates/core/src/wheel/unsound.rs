//! A wheel that the strict reader refuses for what is in it, to be held against another and for nothing
//! else.
//!
//! Its archive is held to the same rules as any wheel's: one end record, headers that agree, safe and
//! distinct names, no bytes that belong to nothing. So there is one answer to what its members are. What
//! they hold may be anything: data that does not inflate, a CRC-32 or a RECORD that is not true of it,
//! metadata of another project. Each such contradiction is kept. No [`Wheel`] can come of it.

use std::io::{Read, Seek, SeekFrom};

use super::archive::{self, Buffers};
use super::central::{self, Directory, Entry};
use super::data::Want;
use super::entry_points;
use super::layout::Layout;
use super::{Member, Metadata, Record, Wheel, WheelError, WheelFile, names};
use crate::digest::Sha256Digest;
use crate::dist::Refusal;
use crate::filename::WheelFilename;
use crate::limits::WheelLimits;
use crate::report::Reason;

/// A wheel as far as a comparison needs one.
#[derive(Debug)]
pub enum Readable {
    /// It holds.
    Sound(Box<Wheel>),
    /// It does not; see [`UnsoundWheel::contradictions`].
    Unsound(Box<UnsoundWheel>),
}

/// A wheel whose archive holds, and whose contents do not. Made by [`read_to_compare`] only; nothing that
/// verifies, installs or serves takes it.
#[derive(Debug)]
pub struct UnsoundWheel {
    filename: WheelFilename,
    sha256: Sha256Digest,
    size: u64,
    dist_info: String,
    startup_hooks: Vec<String>,
    members: Vec<UnsoundMember>,
    contradictions: Vec<Refusal>,
}

/// A member of an [`UnsoundWheel`], of which nothing but the headers agree.
#[derive(Debug)]
pub struct UnsoundMember {
    pub(crate) member: Member,
    /// Its data cannot be inflated to what the headers say: the digest is that of the compressed data.
    pub(crate) damaged: bool,
}

/// Reads a wheel strictly, and one that is refused for its contents once more, to compare it.
///
/// # Errors
/// As [`super::read`], where the archive is refused, or could not be read.
pub fn read_to_compare<R: Read + Seek>(
    mut reader: R,
    filename: WheelFilename,
    limits: &WheelLimits,
) -> Result<Readable, WheelError> {
    match super::read(&mut reader, filename.clone(), limits) {
        Ok(wheel) => Ok(Readable::Sound(Box::new(wheel))),
        Err(WheelError::Refused(refusal)) if is_of_contents(refusal.reason) => {
            let mut wheel = read(&mut reader, filename, limits)?;
            if wheel.contradictions.is_empty() {
                wheel.contradictions.push(refusal);
            }
            Ok(Readable::Unsound(Box::new(wheel)))
        }
        Err(error) => Err(error),
    }
}

/// Whether the reason leaves no doubt about which members there are. All others refuse a comparison too.
fn is_of_contents(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::ArchiveCrc
            | R::ArchiveDeflate
            | R::ArchiveDeflateTrailing
            | R::ArchiveSize
            | R::ArchiveMemberTooLarge
            | R::RecordMissing
            | R::RecordSyntax
            | R::RecordIncomplete
            | R::RecordUnknownMember
            | R::RecordDuplicate
            | R::RecordHashMissing
            | R::RecordHashWeak
            | R::RecordHashMalformed
            | R::RecordHashMismatch
            | R::RecordSizeMismatch
            | R::RecordOfItself
            | R::MetadataMissing
            | R::MetadataSyntax
            | R::MetadataDuplicateField
            | R::MetadataField
            | R::MetadataVersionUnknown
            | R::MetadataNameMismatch
            | R::MetadataVersionMismatch
            | R::MetadataWheelMissing
            | R::MetadataWheelVersion
            | R::MetadataTagsMismatch
            | R::MetadataBuildMismatch
            | R::MetadataEntryPoints
            | R::MetadataEntryPointEscapes
    )
}

/// Everything that [`super::read`] holds of the archive is held here too; the rest is noted.
fn read<R: Read + Seek>(
    reader: &mut R,
    filename: WheelFilename,
    limits: &WheelLimits,
) -> Result<UnsoundWheel, WheelError> {
    let directory = central::read(reader, limits)?;
    names::check_all(directory.entries.iter().map(|entry| entry.name.as_str()))?;
    let layout = Layout::of(&directory.entries, &filename)?;
    let mut buffers = Buffers::new();
    archive::refuse_tar(reader, &mut buffers)?;
    let mut notes = Notes::default();
    let record = record(reader, &mut buffers, &directory, &layout, limits, &mut notes)?;

    let mut members = Vec::with_capacity(directory.entries.len());
    for entry in &directory.entries {
        let row = record.as_ref().and_then(|record| record.entry(&entry.name));
        let algorithm = row.and_then(|row| row.hash()).map(|(algorithm, _)| algorithm);
        let parsed = ["METADATA", "WHEEL", "entry_points.txt"]
            .into_iter()
            .find(|file| layout.path(file) == entry.name);
        let want = Want { algorithm, bytes: parsed.map(|_| limits.metadata_file) };
        let found = archive::unsound(reader, &mut buffers, entry, want)?;
        notes.extend(found.contradiction);
        let sha256 = match found.content {
            Some(content) => {
                notes.extend(record.as_ref().and_then(|it| it.check(entry, &content).err()));
                if let (Some(file), Some(bytes)) = (parsed, &content.bytes) {
                    let refused = metadata(file, bytes, &filename, &layout).err();
                    notes.extend(refused.map(|refusal| refusal.at(&entry.name)));
                }
                content.sha256
            }
            None => found.compressed.digest(reader)?,
        };
        let damaged = found.damaged;
        members.push(UnsoundMember { member: Member { entry: entry.clone(), sha256 }, damaged });
    }
    for (file, reason) in
        [("METADATA", Reason::MetadataMissing), ("WHEEL", Reason::MetadataWheelMissing)]
    {
        let path = layout.path(file);
        if !directory.entries.iter().any(|entry| entry.name == path) {
            notes.extend([Refusal::new(reason, "no such member").at(&path)]);
        }
    }
    reader.seek(SeekFrom::Start(0))?;
    let (sha256, size) = Sha256Digest::of_reader(&mut *reader)?;
    if size != directory.file_size {
        return Err(WheelError::changed());
    }
    Ok(UnsoundWheel {
        filename,
        sha256,
        size,
        dist_info: layout.dist_info,
        startup_hooks: layout.startup_hooks,
        members,
        contradictions: notes.0,
    })
}

/// RECORD, where it can be read as one.
fn record<R: Read + Seek>(
    reader: &mut R,
    buffers: &mut Buffers,
    directory: &Directory,
    layout: &Layout,
    limits: &WheelLimits,
    notes: &mut Notes,
) -> Result<Option<Record>, WheelError> {
    let own = layout.path("RECORD");
    let Some(entry) = directory.entries.iter().find(|entry| entry.name == own) else {
        notes.extend([Refusal::new(Reason::RecordMissing, "no such member").at(&own)]);
        return Ok(None);
    };
    let want = Want { bytes: Some(limits.metadata_file), algorithm: None };
    // What is wrong with the member itself is noted where all of them are read.
    let found = archive::unsound(reader, buffers, entry, want)?;
    let Some(bytes) = found.content.and_then(|content| content.bytes) else {
        return Ok(None);
    };
    let record = Record::parse(&bytes, &own, &directory.entries);
    Ok(record.map_err(|refusal| notes.extend([refusal])).ok())
}

fn metadata(
    file: &str,
    bytes: &[u8],
    filename: &WheelFilename,
    layout: &Layout,
) -> Result<(), Refusal> {
    match file {
        "METADATA" => Metadata::parse(bytes, filename.project(), filename.version()).map(drop),
        "WHEEL" => WheelFile::parse(bytes, filename).map(drop),
        _ => entry_points::check(bytes, &layout.scripts),
    }
}

/// What was found wrong, each thing once.
#[derive(Default)]
struct Notes(Vec<Refusal>);

impl Notes {
    fn extend(&mut self, refusals: impl IntoIterator<Item = Refusal>) {
        for refusal in refusals {
            if !self.0.contains(&refusal) {
                self.0.push(refusal);
            }
        }
    }
}

impl UnsoundWheel {
    /// The file name it was read under.
    pub fn filename(&self) -> &WheelFilename {
        &self.filename
    }

    /// The digest of the whole file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// In what it contradicts itself: never empty.
    pub fn contradictions(&self) -> &[Refusal] {
        &self.contradictions
    }

    pub(crate) fn dist_info(&self) -> &str {
        &self.dist_info
    }

    pub(crate) fn startup_hooks(&self) -> &[String] {
        &self.startup_hooks
    }

    pub(crate) fn members(&self) -> &[UnsoundMember] {
        &self.members
    }

    /// The data of a member that is not damaged, read again.
    pub(crate) fn member_bytes<R: Read + Seek>(
        &self,
        reader: &mut R,
        index: usize,
        max: u64,
    ) -> Result<Vec<u8>, WheelError> {
        let Member { entry, sha256 }: &Member = &self.members[index].member;
        let want = Want { bytes: Some(max), algorithm: None };
        let found = archive::unsound(reader, &mut Buffers::new(), entry, want)?;
        let content = found.content.filter(|content| content.sha256 == *sha256);
        content.and_then(|content| content.bytes).ok_or_else(WheelError::changed)
    }
}

/// Where a member's compressed data lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Span {
    pub(super) fn of(start: u64, entry: &Entry) -> Self {
        Self { start, length: entry.header.compressed_size }
    }

    fn digest<R: Read + Seek>(self, reader: &mut R) -> Result<Sha256Digest, WheelError> {
        reader.seek(SeekFrom::Start(self.start))?;
        let (digest, length) = Sha256Digest::of_reader(reader.take(self.length))?;
        (length == self.length).then_some(digest).ok_or_else(WheelError::changed)
    }
}
