//! Extra fields of a header, 4.5: a list of (id, length, data).
//!
//! Only fields that describe a file's times, owner and ZIP64 sizes are let through. Others can give a
//! member another name (0x7075), other data or a key, and which reader honours them cannot be known.

use super::header::LittleEndian as _;
use crate::dist::Refusal;
use crate::report::Reason;

/// 4.5.3: ZIP64 sizes and offset.
const ZIP64: u16 = 0x0001;
/// NTFS times, 4.5.5. The same in both headers.
const NTFS: u16 = 0x000a;
/// Info-ZIP's "UT" times: the central directory keeps the modification time only.
const UNIX_TIMES: u16 = 0x5455;
/// Info-ZIP's old "UX" times and owner: the central directory keeps the times only.
const UNIX_OLD: u16 = 0x5855;
/// Info-ZIP's "Ux" owner: the central directory keeps it empty.
const UNIX_OWNER_OLD: u16 = 0x7855;
/// Info-ZIP's "ux" owner. The same in both headers.
const UNIX_OWNER: u16 = 0x7875;

/// Extra fields that are well-formed, known, and each there once.
pub(super) struct Extra<'a> {
    fields: Vec<(u16, &'a [u8])>,
}

impl<'a> Extra<'a> {
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, Refusal> {
        let refuse = |found: String| Err(Refusal::new(Reason::ArchiveExtraField, found));
        let mut fields: Vec<(u16, &[u8])> = Vec::new();
        while !bytes.is_empty() {
            if bytes.len() < 4 {
                return refuse(format!("{} bytes after the extra fields", bytes.len()));
            }
            let (id, length) = (bytes.u16_at(0), usize::from(bytes.u16_at(2)));
            let Some((data, rest)) = bytes[4..].split_at_checked(length) else {
                return refuse(format!("extra field {id:#06x} longer than its place"));
            };
            if !matches!(id, ZIP64 | NTFS | UNIX_TIMES | UNIX_OLD | UNIX_OWNER_OLD | UNIX_OWNER) {
                return refuse(format!("extra field {id:#06x}"));
            }
            if fields.iter().any(|(seen, _)| *seen == id) {
                return refuse(format!("extra field {id:#06x} twice"));
            }
            fields.push((id, data));
            bytes = rest;
        }
        Ok(Self { fields })
    }

    /// The data of the ZIP64 field, if there is one.
    pub(super) fn zip64(&self) -> Option<&'a [u8]> {
        self.field(ZIP64)
    }

    fn field(&self, id: u16) -> Option<&'a [u8]> {
        let found = self.fields.iter().find(|(field, _)| *field == id);
        found.map(|(_, data)| *data)
    }

    /// Holds these fields of a local header against those of the central directory: the same fields,
    /// ZIP64 apart, which each header has for its own sizes; the same data, or its beginning where the
    /// field's definition shortens it in the central directory.
    pub(super) fn agrees_with(&self, central: &Extra<'_>) -> Result<(), Refusal> {
        let refuse = |id: &u16| {
            let found = format!("extra field {id:#06x}");
            Err(Refusal::new(Reason::ArchiveHeadersDisagree, found))
        };
        for (id, local) in self.fields.iter().filter(|(id, _)| *id != ZIP64) {
            let agrees = match central.field(*id) {
                None => false,
                Some(central) => match *id {
                    UNIX_TIMES | UNIX_OLD | UNIX_OWNER_OLD => local.starts_with(central),
                    _ => *local == central,
                },
            };
            if !agrees {
                return refuse(id);
            }
        }
        match central.fields.iter().find(|(id, _)| *id != ZIP64 && self.field(*id).is_none()) {
            Some((id, _)) => refuse(id),
            None => Ok(()),
        }
    }
}

/// 4.5.3, as the central directory uses it: the values of the fields that are saturated, in order,
/// and no other.
pub(super) struct Zip64<'a> {
    data: Option<&'a [u8]>,
    used: usize,
}

impl<'a> Zip64<'a> {
    pub(super) fn new(data: Option<&'a [u8]>) -> Self {
        Self { data, used: 0 }
    }

    /// Puts the value of a saturated 32-bit field in its place.
    pub(super) fn take_over(&mut self, field: &mut u64) -> Result<(), Refusal> {
        if *field != u64::from(u32::MAX) {
            return Ok(());
        }
        let value = self.data.and_then(|data| data.get(self.used..self.used + 8));
        let Some(value) = value else {
            let found = "a saturated field without its ZIP64 value";
            return Err(Refusal::new(Reason::ArchiveZip64, found));
        };
        *field = value.u64_at(0);
        self.used += 8;
        Ok(())
    }

    /// Nothing may be left over, and the field must have been needed.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.data {
            Some(data) if self.used == 0 || data.len() != self.used => {
                let found = format!("a ZIP64 extra field of {} bytes", data.len());
                Err(Refusal::new(Reason::ArchiveZip64, found).expected(self.used))
            }
            _ => Ok(()),
        }
    }
}
