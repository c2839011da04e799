//! What a comparison needs to know of a wheel, apart from how it was read.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};

use super::Compared;
use crate::digest::Sha256Digest;
use crate::dist::Refusal;

/// One wheel of a comparison.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) file: Compared,
    /// Such as `demo-1.0.dist-info`.
    pub(super) dist_info: String,
    /// Names of the members that Python runs at every start.
    pub(super) startup_hooks: BTreeSet<String>,
    /// In the order of the archive.
    pub(super) entries: Vec<Entry>,
    /// In what the wheel contradicts itself; of a sound one nothing.
    pub(super) contradictions: Vec<Refusal>,
}

/// One member, with every field of its headers that two wheels may differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) compressed_size: u64,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) method: u16,
    pub(super) flags: u16,
    pub(super) version_needed: u16,
    pub(super) version_made_by: u16,
    pub(super) internal_attributes: u16,
    pub(super) external_attributes: u32,
    pub(super) extra: Vec<u8>,
    /// Its content cannot be read: the digest is that of the compressed bytes.
    pub(super) damaged: bool,
}

/// Reads members' content.
pub(super) trait Content {
    /// Why it cannot be read.
    type Error;

    /// The inflated bytes of the entry at `index`, of which there are at most `most`.
    fn bytes(&mut self, index: usize, most: u64) -> Result<Vec<u8>, Self::Error>;

    /// The digest of the compressed bytes of the entry at `index`.
    fn stream(&mut self, index: usize) -> Result<Sha256Digest, Self::Error>;
}

impl Entry {
    /// The permission and type bits of Unix.
    pub(super) fn mode(&self) -> u32 {
        self.external_attributes >> 16
    }

    /// The time in the header, which has two-second steps and no zone; nothing if it is no date.
    pub(super) fn modified(&self) -> Option<NaiveDateTime> {
        let (date, time) = (u32::from(self.date), u32::from(self.time));
        let year = 1980 + i32::from(self.date >> 9);
        NaiveDate::from_ymd_opt(year, (date >> 5) & 15, date & 31)?.and_hms_opt(
            time >> 11,
            (time >> 5) & 63,
            (time & 31) * 2,
        )
    }
}

impl Side {
    /// The member's name with the parts that hold project and version replaced, so that members of two
    /// versions can be paired. The replacement starts with a NUL, which no member's name may hold.
    pub(super) fn key(&self, name: &str) -> String {
        let stem = self.dist_info.strip_suffix(".dist-info").unwrap_or_default();
        let own = |suffix: &str| {
            let rest = name.strip_prefix(stem)?.strip_prefix(suffix)?;
            Some(format!("\0{suffix}/{}", rest.strip_prefix('/')?))
        };
        if stem.is_empty() {
            return name.to_owned();
        }
        own(".dist-info").or_else(|| own(".data")).unwrap_or_else(|| name.to_owned())
    }

    /// Where the member lies in the `.dist-info` folder.
    pub(super) fn in_dist_info<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(self.dist_info.as_str())?.strip_prefix('/')
    }
}
