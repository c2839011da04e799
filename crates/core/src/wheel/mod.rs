//! A wheel, read as the hostile archive it may be.
//!
//! [`Reader::read`] is the only way to a [`Wheel`]. ([`read_to_compare`] also gives an [`UnsoundWheel`], which can
//! be compared and nothing else.) It runs once over the file in bounded memory, and either all
//! of these hold or there is no `Wheel`:
//!
//! 1. the archive says one thing to every reader: one end record, no comments, no bytes that belong to
//!    nothing, headers that agree, names that are safe and distinct (`end`, `central`, `dist::names`, `archive`);
//! 2. every member inflates to the size and CRC-32 stated, within bounds (`data`);
//! 3. RECORD lists every file and nothing else, and is true of each (`record`);
//! 4. the directories, METADATA, WHEEL and entry points agree with the file name (`layout`,
//!    `dist::metadata`, `wheel_file`, `entry_points`).

mod archive;
mod central;
mod data;
mod end;
mod entry_points;
mod error;
mod extra;
mod header;
mod layout;
mod member;
mod note;
mod record;
mod stream;
mod unsound;
mod wheel_file;

use std::io::{Read, Seek};

use archive::Buffers;
use central::{Directory, Entry};
use data::Want;
use layout::Layout;

use crate::digest::Sha256Digest;
use crate::dist::{Metadata, Refusal, names};
use crate::filename::WheelFilename;
use crate::limits::WheelLimits;
use crate::report::Reason;

pub use error::WheelError;
pub use member::{Compression, Member};
pub use note::{Note, NoteKind};
pub use record::{Algorithm, Record, RecordEntry};
pub use unsound::{Readable, UnsoundMember, UnsoundWheel, read_to_compare};
pub use wheel_file::WheelFile;

/// A wheel whose archive, RECORD and metadata all hold. Made by [`Reader::read`] only.
#[derive(Debug, Clone)]
pub struct Wheel {
    filename: WheelFilename,
    sha256: Sha256Digest,
    size: u64,
    members: Vec<Member>,
    record: Record,
    metadata: Metadata,
    wheel_file: WheelFile,
    startup_hooks: Vec<String>,
}

/// Reads one wheel by a [`Reader`] of its own.
///
/// # Errors
/// As [`Reader::read`].
pub fn read<R: Read + Seek>(
    reader: R,
    filename: WheelFilename,
    limits: &WheelLimits,
) -> Result<Wheel, WheelError> {
    Reader::new().read(reader, filename, limits)
}

/// Reads wheels, one after the other. It keeps nothing of them but the memory it read them with: whoever
/// reads many should use one for all, since memory that is new to a process costs as much as hashing it.
pub struct Reader {
    buffers: Buffers,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Takes half a megabyte, which does not grow with what is read.
    pub fn new() -> Self {
        Self { buffers: Buffers::new() }
    }

    /// Reads a wheel and holds every rule of this module.
    ///
    /// `reader` is positioned by this function; it is read from the first byte to the last once, beside a
    /// few kilobytes (the end of the file, and RECORD, which says which hashes the members need).
    ///
    /// # Errors
    /// [`WheelError::Refused`] with the first rule that does not hold; [`WheelError::Io`] when the file
    /// could not be read or changed meanwhile, which says nothing about the wheel.
    pub fn read<R: Read + Seek>(
        &mut self,
        mut reader: R,
        filename: WheelFilename,
        limits: &WheelLimits,
    ) -> Result<Wheel, WheelError> {
        // 1. What the end of the file says, and the names in it.
        let directory = central::read(&mut reader, limits)?;
        names::check_all(directory.entries.iter().map(|entry| entry.name.as_str()))?;
        let layout = Layout::of(&directory.entries, &filename)?;

        // 2. RECORD: every file listed once, and the hash each of them needs.
        let own = layout.path("RECORD");
        let Some(entry) = directory.entries.iter().find(|entry| entry.name == own) else {
            return Err(Refusal::new(Reason::RecordMissing, "no such member").at(&own).into());
        };
        let want = Want { bytes: Some(limits.metadata_file), algorithm: None };
        let content = archive::one(&mut reader, &mut self.buffers, entry, want)?;
        let record_sha256 = content.sha256;
        let record = Record::parse(&content.bytes.unwrap_or_default(), &own, &directory.entries)?;

        // 3. The one pass: the whole file, and each member against its headers and its row of RECORD.
        let mut pass = Pass {
            layout: &layout,
            record: &record,
            limits,
            members: Vec::with_capacity(directory.entries.len()),
            kept: Vec::new(),
        };
        let sha256 = pass.run(&mut reader, &mut self.buffers, &directory)?;
        let (members, kept) = (pass.members, pass.kept);
        let same_record =
            |member: &Member| member.name() != own || member.sha256() == record_sha256;
        if !members.iter().all(same_record) {
            return Err(WheelError::changed());
        }

        // 4. What the wheel says about itself.
        let file = |name: &str, missing: Reason| {
            let path = layout.path(name);
            match kept.iter().find(|(kept, _)| *kept == path) {
                Some((_, bytes)) => Ok((path, &bytes[..])),
                None => Err(Refusal::new(missing, "no such member").at(&path)),
            }
        };
        let (path, bytes) = file("METADATA", Reason::MetadataMissing)?;
        let metadata = Metadata::parse(bytes, filename.project(), filename.version())
            .map_err(|refusal| refusal.at(&path))?;
        let (path, bytes) = file("WHEEL", Reason::MetadataWheelMissing)?;
        let wheel_file = WheelFile::parse(bytes, &filename).map_err(|refusal| refusal.at(&path))?;
        if let Ok((path, bytes)) = file("entry_points.txt", Reason::MetadataEntryPoints) {
            entry_points::check(bytes, &layout.scripts).map_err(|refusal| refusal.at(&path))?;
        }

        Ok(Wheel {
            filename,
            sha256,
            size: directory.file_size,
            members,
            record,
            metadata,
            wheel_file,
            startup_hooks: layout.startup_hooks,
        })
    }
}

impl Wheel {
    /// The file name it was read under, with which its contents agree.
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

    /// The members, directories among them, in the order of the archive.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// RECORD.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// METADATA.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// WHEEL.
    pub fn wheel_file(&self) -> &WheelFile {
        &self.wheel_file
    }

    /// Names of the members that Python runs by itself at every start once the wheel is installed: path
    /// configuration files, customisation modules, what those of setuptools and virtualenv import, and what
    /// takes the interpreter's place. Legitimate wheels have some; a report shows them.
    pub fn startup_hooks(&self) -> &[String] {
        &self.startup_hooks
    }

    /// What it says otherwise than wheels should, without any reader being misled; a report shows it.
    pub fn notes(&self) -> &[Note] {
        self.wheel_file.notes()
    }

    /// The data of one member, read again from the file this wheel was read from.
    ///
    /// # Errors
    /// [`Reason::ArchiveMemberTooLarge`] when it is larger than `max` bytes; [`WheelError::Io`] when it
    /// cannot be read, or is no longer what it was.
    pub fn member_bytes<R: Read + Seek>(
        &self,
        mut reader: R,
        member: &Member,
        max: u64,
    ) -> Result<Vec<u8>, WheelError> {
        let want = Want { bytes: Some(max), algorithm: None };
        let content = match archive::one(&mut reader, &mut Buffers::new(), &member.entry, want) {
            Ok(content) => content,
            Err(WheelError::Refused(refusal))
                if refusal.reason != Reason::ArchiveMemberTooLarge =>
            {
                return Err(WheelError::changed()); // it held when the wheel was read
            }
            Err(error) => return Err(error),
        };
        match content.bytes {
            Some(bytes) if content.sha256 == member.sha256() => Ok(bytes),
            _ => Err(WheelError::changed()),
        }
    }
}

/// Step 3 of [`Reader::read`].
struct Pass<'a> {
    layout: &'a Layout,
    record: &'a Record,
    limits: &'a WheelLimits,
    members: Vec<Member>,
    /// Names and data of the members that are parsed afterwards.
    kept: Vec<(String, Vec<u8>)>,
}

impl Pass<'_> {
    fn run<R: Read + Seek>(
        &mut self,
        reader: &mut R,
        buffers: &mut Buffers,
        directory: &Directory,
    ) -> Result<Sha256Digest, WheelError> {
        let parsed = ["METADATA", "WHEEL", "entry_points.txt"].map(|file| self.layout.path(file));
        let want = |entry: &Entry| Want {
            algorithm: self
                .record
                .entry(&entry.name)
                .and_then(|row| row.hash())
                .map(|(algorithm, _)| algorithm),
            bytes: parsed.contains(&entry.name).then_some(self.limits.metadata_file),
        };
        archive::pass(reader, buffers, directory, want, |entry, content| {
            self.record.check(entry, &content)?;
            if let Some(bytes) = content.bytes {
                self.kept.push((entry.name.clone(), bytes));
            }
            self.members.push(Member { entry: entry.clone(), sha256: content.sha256 });
            Ok(())
        })
    }
}
