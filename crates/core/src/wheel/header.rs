//! The fields that a local header and the central directory both give for a member.

use crate::dist::Refusal;
use crate::report::Reason;

/// Method 0: stored. 4.4.5.
pub(super) const STORED: u16 = 0;
/// Method 8: deflated. 4.4.5.
pub(super) const DEFLATED: u16 = 8;
/// Flag bit 3: sizes and CRC-32 follow the data. 4.4.4.
const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flag bit 11: the name is UTF-8. 4.4.4.
pub(super) const FLAG_UTF8: u16 = 1 << 11;
/// Flag bits 1 and 2: how hard the compressor tried. 4.4.4.
const FLAGS_LEVEL: u16 = 0b110;
/// Flag bits 0, 6 and 13: encryption of data, strong encryption, masked headers. 4.4.4.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// 4.4.3.2: 4.5, the version that has ZIP64. Later ones bring encryption and other methods.
pub(super) const VERSION_ZIP64: u16 = 45;

/// 4.3.7 and 4.3.12, the common fields; sizes are those after ZIP64 has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version_needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) crc32: u32,
    pub(super) compressed_size: u64,
    pub(super) size: u64,
}

impl Header {
    /// The rules that one header can keep or break alone.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let flags = self.flags;
        if flags & FLAGS_ENCRYPTED != 0 {
            return Err(Refusal::new(Reason::ArchiveEncrypted, format!("flags {flags:#06x}")));
        }
        if flags & FLAG_DESCRIPTOR != 0 {
            // A reader that streams must guess where such a member ends: the index takes none.
            return Err(Refusal::new(Reason::ArchiveDataDescriptor, format!("flags {flags:#06x}")));
        }
        if flags & !(FLAG_UTF8 | FLAGS_LEVEL) != 0 {
            return Err(Refusal::new(Reason::ArchiveFlags, format!("flags {flags:#06x}")));
        }
        if !matches!(self.method, STORED | DEFLATED) {
            let found = format!("method {}", self.method);
            return Err(Refusal::new(Reason::ArchiveMethod, found).expected("0 or 8"));
        }
        if self.version_needed > VERSION_ZIP64 {
            let refusal = Refusal::new(Reason::ArchiveVersionNeeded, self.version_needed);
            return Err(refusal.expected(format!("at most {VERSION_ZIP64}")));
        }
        if self.method == STORED && self.size != self.compressed_size {
            let refusal = Refusal::new(Reason::ArchiveSize, self.size);
            return Err(refusal.expected(self.compressed_size));
        }
        Ok(())
    }
}

/// Little-endian integers at an offset that the caller knows to lie inside; zero past the end.
pub(super) trait LittleEndian {
    fn array_at<const N: usize>(&self, at: usize) -> [u8; N];

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array_at(at))
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array_at(at))
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array_at(at))
    }
}

impl LittleEndian for [u8] {
    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        self[at..].first_chunk().copied().unwrap_or([0; N])
    }
}
