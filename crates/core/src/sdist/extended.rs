//! What stands before a header and changes its meaning: PAX records and the long names of GNU tar.
//!
//! <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03>
//!
//! Names may be replaced, since long ones are written so, but only by a name that the header begins to
//! say itself. Sizes may not: readers that miss the replacement read the content as headers.

use std::collections::BTreeMap;

use crate::dist::{Refusal, names};
use crate::report::Reason;

/// Records that change nothing of what is unpacked but owners, times and attributes.
const HARMLESS: &[&str] = &[
    "atime",
    "comment",
    "ctime",
    "gid",
    "gname",
    "mtime",
    "uid",
    "uname",
    "LIBARCHIVE.creationtime",
    "SCHILY.dev",
    "SCHILY.fflags",
    "SCHILY.ino",
    "SCHILY.nlink",
];

/// Beginnings of such records.
const HARMLESS_PREFIXES: &[&str] = &["LIBARCHIVE.xattr.", "SCHILY.xattr."];

/// Records whose value is a decimal number; readers differ on what else they make of it.
const NUMBERS: &[&str] = &["atime", "ctime", "gid", "mtime", "uid"];

/// What is said of the next member in place of its header.
#[derive(Debug, Default)]
pub(super) struct Extended {
    /// Its name.
    pub(super) name: Option<String>,
    /// The target of a symbolic link.
    pub(super) link: Option<String>,
}

impl Extended {
    /// The data of a header of type `x`.
    pub(super) fn pax(data: &[u8]) -> Result<Self, Refusal> {
        let mut extended = Self::default();
        for (key, value) in records(data)? {
            let place = match key {
                "path" => &mut extended.name,
                "linkpath" => &mut extended.link,
                _ if harmless(key, value) => continue,
                _ => {
                    let found = format!("{key}={}", value.escape_ascii());
                    return Err(Refusal::new(Reason::SdistExtendedRecord, found));
                }
            };
            *place = Some(long_name(value)?);
        }
        Ok(extended)
    }

    /// The data of a header of type `L`: a name and a NUL.
    pub(super) fn gnu(data: &[u8]) -> Result<Self, Refusal> {
        let name = data.strip_suffix(b"\0").ok_or_else(|| {
            let found = "a long name without its NUL";
            Refusal::new(Reason::SdistExtendedHeader, found)
        })?;
        Ok(Self { name: Some(long_name(name)?), link: None })
    }
}

/// The data of a header of type `g`, which is in force for the whole archive: a comment, no more. `git
/// archive` writes the commit so.
pub(super) fn global(data: &[u8]) -> Result<(), Refusal> {
    match records(data)?.keys().find(|key| **key != "comment") {
        None => Ok(()),
        Some(key) => {
            let found = format!("`{key}` for the whole archive");
            Err(Refusal::new(Reason::SdistExtendedRecord, found).expected("comment"))
        }
    }
}

fn harmless(key: &str, value: &[u8]) -> bool {
    let known = HARMLESS.contains(&key) || HARMLESS_PREFIXES.iter().any(|it| key.starts_with(it));
    known && (!NUMBERS.contains(&key) || is_number(value))
}

/// Decimal digits, with a fraction or without. Some readers stop at a number that no system has for a time or
/// an owner, so it is one of four bytes.
fn is_number(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    let value = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && whole.parse::<u32>().is_ok()
}

fn long_name(value: &[u8]) -> Result<String, Refusal> {
    let name = names::decode(value)?;
    if name.is_empty() || name.contains('\0') {
        let found = format!("the name `{name}`");
        return Err(Refusal::new(Reason::SdistExtendedHeader, found));
    }
    Ok(name.to_owned())
}

/// `%d %s=%s\n`, the length, the key and the value, each key once.
///
/// Some readers go by the length and others by the line, so a value holds no line end.
fn records(data: &[u8]) -> Result<BTreeMap<&str, &[u8]>, Refusal> {
    let malformed = |found: String| Refusal::new(Reason::SdistExtendedHeader, found);
    let mut records = BTreeMap::new();
    let mut rest = data;
    while !rest.is_empty() {
        let at = data.len() - rest.len();
        let (key, value, after) =
            record(rest).ok_or_else(|| malformed(format!("no record at byte {at}")))?;
        if records.insert(key, value).is_some() {
            return Err(malformed(format!("`{key}` twice")));
        }
        rest = after;
    }
    Ok(records)
}

fn record(data: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: usize = std::str::from_utf8(&data[..digits]).ok()?.parse().ok()?;
    if data[0] == b'0' || length > data.len() {
        return None;
    }
    let (record, after) = data.split_at(length);
    let text = record.get(digits..)?.strip_prefix(b" ")?;
    let text = text.strip_suffix(b"\n")?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let key = std::str::from_utf8(&text[..equals]).ok()?;
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !text.contains(&b'\n')).then_some((key, &text[equals + 1..], after))
}

/// Whether a header's own field is the beginning of the name that replaces it, as writers leave it there:
/// cut to what the field holds, and `?` for a character that the writer would not put into a header.
pub(super) fn begins(field: &[u8], name: &str) -> bool {
    /// Bytes of the field, less what a writer leaves so as not to cut a character.
    const FULL: usize = 97;
    let mut left = field;
    for character in name.chars() {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        left = match left.strip_prefix(bytes) {
            Some(left) => left,
            None if !character.is_ascii() && left.first() == Some(&b'?') => &left[1..],
            None => return field.len() >= FULL && bytes.starts_with(left),
        };
    }
    left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_long_as_it_says() {
        let keys = |data: &[u8]| {
            let records = records(data).ok()?;
            Some(records.keys().map(|key| key.len()).sum::<usize>())
        };
        assert_eq!(keys(b"7 a=bc\n8 bc=de\n"), Some(3));
        for wrong in [
            &b"6 a=bc\n"[..],
            b"8 a=bc\n",
            b"07 a=b\n",
            b"6  a=b\n",
            b"7 a=b\n\n",
            b"5 =b\n",
            b"5 ab\n",
            b"6 a=b",
            b"99999999999999999999999 a=b\n",
            b"6 a=b\n6 a=c\n",
            b" 6 a=b\n",
            b"\n",
            b"0",
        ] {
            assert_eq!(keys(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for good in ["0", "1714979289.25", "-1", "-0.5"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "1.", ".5", "1.2.3", "1e9", "+1", " 1", "0x1"] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_header_begins_to_say_its_long_name() {
        let long = "é".repeat(60) + "/x";
        let cut = &long.as_bytes()[..100];
        for (field, name) in [
            (&b"a/b"[..], "a/b"),
            (b"a/?", "a/é"),
            (b"a/\xc3\xa9", "a/é"),
            (cut, &long[..]),
            (&[b'?'; 60], &long[..120]),
            (&long.as_bytes()[..98], &long[..]),
        ] {
            assert!(begins(field, name), "{} {name}", field.escape_ascii());
        }
        for (field, name) in [
            (&b"a/b"[..], "a/c"),
            (b"a", "a/b"),
            (b"a/b/c", "a/b"),
            (b"a/?", "a/b"),
            (&long.as_bytes()[..50], &long[..]),
        ] {
            assert!(!begins(field, name), "{} {name}", field.escape_ascii());
        }
    }
}
