//! One header of 512 bytes, POSIX.1-1988 "ustar", and the variant of GNU tar where it says the same.
//!
//! <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06>
//!
//! Every field that a reader parses must be of a form that all readers parse alike: some stop without a
//! word at a header they cannot read, while others go on.

use std::ops::Range;

use crate::dist::Refusal;
use crate::report::Reason;

/// Bytes of a header, and the unit in which everything in the archive is padded.
pub(super) const BLOCK: usize = 512;

pub(super) type Block = [u8; BLOCK];

/// What a header says, as far as it matters to what is unpacked.
#[derive(Debug)]
pub(super) struct Header {
    /// The type flag, byte 156.
    pub(super) kind: u8,
    /// The name as it stands, the prefix in front of it.
    pub(super) name: Vec<u8>,
    /// The target of a link; empty for anything else.
    pub(super) link: Vec<u8>,
    /// Permissions, and maybe a file type.
    pub(super) mode: u64,
    /// Bytes that follow.
    pub(super) size: u64,
}

impl Header {
    pub(super) fn parse(block: &Block) -> Result<Self, Refusal> {
        let malformed = |found: &str| Refusal::new(Reason::SdistHeader, found);
        let gnu = match &block[257..265] {
            b"ustar\x0000" => false,
            b"ustar  \0" => true,
            other => {
                let found = format!("magic {}", hex::encode(other));
                return Err(malformed(&found).expected("ustar"));
            }
        };
        checksum(block)?;
        let text = |range: Range<usize>, what: &str| {
            terminated(&block[range]).ok_or_else(|| malformed(&format!("bytes after the {what}")))
        };
        let mut name = text(0..100, "name")?.to_vec();
        let link = text(157..257, "name of the link")?.to_vec();
        // GNU tar keeps times and sparse maps where POSIX has the prefix, which some readers take as such.
        let spare = if gnu { 345 } else { 500 };
        if block[spare..].iter().any(|byte| *byte != 0) {
            return Err(malformed("bytes in an unused field"));
        }
        if name.is_empty() {
            return Err(malformed("no name"));
        }
        let prefix = text(345..500, "prefix")?;
        if !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        for range in [329..337, 337..345] {
            optional(block, range, "device")?;
        }
        for (range, what) in [(108..116, "uid"), (116..124, "gid"), (136..148, "mtime")] {
            // GNU's binary form, for what does not fit: no reader unpacks anything else for it.
            match block[range.start] {
                0x80 => binary(block, range, 0, what)?,
                0xff => binary(block, range, 0xff, what)?,
                _ => optional(block, range, what)?,
            }
        }
        Ok(Self {
            // Archives of before POSIX leave it 0 for a file (pax, "ustar Interchange Format", typeflag); that such a name
            // may not end in `/`, as it did for a directory then, holds for all files.
            kind: if block[156] == 0 { b'0' } else { block[156] },
            name,
            link,
            mode: required(block, 100..108, "mode")?,
            size: required(block, 124..136, "size")?,
        })
    }
}

/// The text before the first NUL, if only NULs follow it.
fn terminated(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|byte| *byte == 0);
    let (text, rest) = field.split_at(end.unwrap_or(field.len()));
    rest.iter().all(|byte| *byte == 0).then_some(text)
}

/// The sum of all bytes, those of the sum itself taken as spaces.
fn checksum(block: &Block) -> Result<(), Refusal> {
    let field = 148..156;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let expected = sum(block) - sum(&block[field.clone()]) + 8 * u64::from(b' ');
    match octal(&block[field.clone()]) {
        Some(found) if found == expected => Ok(()),
        _ => {
            let found = block[field].escape_ascii();
            let refusal = Refusal::new(Reason::SdistChecksum, found);
            Err(refusal.expected(format!("{expected:06o}")))
        }
    }
}

fn required(block: &Block, range: Range<usize>, what: &str) -> Result<u64, Refusal> {
    octal(&block[range.clone()]).ok_or_else(|| {
        let found = format!("{what} {}", block[range].escape_ascii());
        Refusal::new(Reason::SdistNumber, found).expected("octal digits and an end")
    })
}

/// A number where no digits mean zero to every reader.
fn optional(block: &Block, range: Range<usize>, what: &str) -> Result<(), Refusal> {
    let blank = |byte: &u8| matches!(byte, 0 | b' ');
    match block[range.clone()].iter().all(blank) {
        true => Ok(()),
        false => required(block, range, what).map(drop),
    }
}

/// A number of four bytes and its sign: of one that no system has for a time or an owner, some readers stop.
fn binary(block: &Block, range: Range<usize>, sign: u8, what: &str) -> Result<(), Refusal> {
    if block[range.start + 1..range.end - 4].iter().all(|byte| *byte == sign) {
        return Ok(());
    }
    let found = format!("{what} {}", hex::encode(&block[range]));
    Err(Refusal::new(Reason::SdistNumber, found).expected("four bytes and a sign"))
}

/// Octal digits, at least one, then at least one NUL or space, and nothing else.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, end) = field.split_at(digits);
    let ended = !end.is_empty() && end.iter().all(|byte| matches!(byte, 0 | b' '));
    let value = digits.iter().fold(0, |value, digit| value << 3 | u64::from(digit - b'0'));
    (ended && !digits.is_empty()).then_some(value)
}
