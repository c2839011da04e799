//! Names of members: each one safe alone, and all of them safe together.

use unicode_normalization::UnicodeNormalization as _;

use super::Refusal;
use crate::report::Reason;

/// The text of a member's name.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| {
        let found = String::from_utf8_lossy(bytes);
        Refusal::new(Reason::ArchiveNameEncoding, found).expected("UTF-8")
    })
}

/// Whether a character controls something, or ends a line for some readers: Python's `splitlines`, by which
/// installers read RECORD and entry points, takes the two separators for ends.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a file system that compares names by their normal form (HFS+) leaves the character out.
fn is_ignored(c: &char) -> bool {
    let ranges = ['\u{200c}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{206a}'..='\u{206f}'];
    *c == '\u{feff}' || ranges.iter().any(|range| range.contains(c))
}

/// Refuses a name that could lead out of the folder it is unpacked in. Of a directory it may end in `/`.
pub(crate) fn check_one(name: &str) -> Result<(), Refusal> {
    let refuse = |reason, found: &str| Err(Refusal::new(reason, found).at(name));
    if let Some(character) = name.chars().find(|c| is_control(*c) || *c == '\\') {
        return refuse(Reason::ArchiveNameCharacters, &character.to_string());
    }
    if name.starts_with('/') {
        return refuse(Reason::ArchiveNameAbsolute, "/");
    }
    if name.contains(':') {
        return refuse(Reason::ArchiveNameColon, ":");
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    if let Some(segment) = path.split('/').find(|segment| trimmed(segment).is_empty()) {
        return refuse(Reason::ArchiveNameSegment, segment);
    }
    Ok(())
}

/// Refuses a name that Windows spells otherwise, has for a device, or cannot have: installed there, a member
/// would lie elsewhere than it was judged by, or be missing.
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions>
pub(crate) fn check_for_windows(name: &str) -> Result<(), Refusal> {
    let refuse = |reason, found: &str| Err(Refusal::new(reason, found).at(name));
    if let Some(character) = name.chars().find(|c| r#"<>|?*""#.contains(*c)) {
        return refuse(Reason::ArchiveNameCharacters, &character.to_string());
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    let misread =
        |segment: &&str| trimmed(segment) != *segment || is_device(segment) || is_short(segment);
    match path.split('/').find(misread) {
        Some(segment) => refuse(Reason::ArchiveNameSegment, segment),
        None => Ok(()),
    }
}

/// Whether Windows takes this for a device, in whatever folder and with whatever ending.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or("").trim_end_matches(' ');
    let stem = stem.to_ascii_lowercase();
    let mut ports = ["com", "lpt"].iter().filter_map(|port| stem.strip_prefix(port));
    let numbers = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "\u{b9}", "\u{b2}", "\u{b3}"];
    ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&&stem[..])
        || ports.any(|number| numbers.contains(&number))
}

/// Whether this may be the short name that Windows gives to a file of another: `DEMO-1~1.DIS` is
/// `demo-1.0.dist-info`.
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file#short-vs-long-names>
fn is_short(segment: &str) -> bool {
    let (stem, ending) = segment.split_once('.').unwrap_or((segment, ""));
    let number = stem.rsplit_once('~').map_or("", |(_, number)| number);
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    numbered && stem.chars().count() <= 8 && ending.chars().count() <= 3
}

/// A segment as Windows reads it: without dots and spaces at its end. `.`, `..`, `...` become empty.
fn trimmed(segment: &str) -> &str {
    segment.trim_end_matches(['.', ' '])
}

/// A name for a file system that ignores case, normal form and what is not seen.
pub(crate) fn folded(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    fold(name, &mut key);
    key
}

fn fold(name: &str, key: &mut String) {
    if name.is_ascii() {
        key.extend(name.chars().map(|c| c.to_ascii_lowercase()));
        return;
    }
    let fold = |c: char| c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    // Decomposed first, so that a letter is folded the same however its accent was written. By
    // compatibility, as some file systems compare names and as Python compares modules.
    key.extend(name.nfkd().filter(|c| !is_ignored(c)).flat_map(fold).nfkc());
}

/// How two members lead to one place.
pub(crate) enum Collision {
    /// By the very same path.
    Duplicate,
    /// By two spellings of it.
    Spelling,
    /// One is a file, and the other a directory or in one.
    FileAndDirectory,
}

/// Where a member leads to on a file system that ignores case, normal form and what is not seen.
pub(crate) struct Place<'a> {
    /// Segments end in NUL, so that a directory sorts directly before what lies in it.
    key: String,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// `name` has passed [`check_one`]; where it ends in `/` it is a directory.
    pub(crate) fn of(name: &'a str) -> Self {
        Self::installed(name, name)
    }

    /// Of a member that goes to `path`.
    pub(crate) fn installed(name: &'a str, path: &str) -> Self {
        let mut key = String::with_capacity(path.len() + 1);
        for segment in path.strip_suffix('/').unwrap_or(path).split('/').map(trimmed) {
            fold(segment, &mut key);
            key.push('\0');
        }
        Self { key, name }
    }

    fn is_dir(&self) -> bool {
        self.name.ends_with('/')
    }

    fn collision(&self, next: &Place<'_>) -> Option<Collision> {
        if self.name == next.name {
            Some(Collision::Duplicate)
        } else if self.key == next.key && self.is_dir() == next.is_dir() {
            Some(Collision::Spelling)
        } else if !self.is_dir() && next.key.starts_with(&self.key) || self.key == next.key {
            Some(Collision::FileAndDirectory)
        } else {
            None
        }
    }
}

/// Two members that lead to one place, if there are any.
///
/// Sorting needs memory and time that follow the length of the names only, however deep they nest.
pub(crate) fn collision<'a>(mut places: Vec<Place<'a>>) -> Option<(Collision, &'a str, &'a str)> {
    places.sort_unstable_by(|a, b| (&a.key, a.is_dir()).cmp(&(&b.key, b.is_dir())));
    places.windows(2).find_map(|pair| {
        let collision = pair[0].collision(&pair[1])?;
        Some((collision, pair[0].name, pair[1].name))
    })
}

/// No two members may have one name, or names that some file system takes for one.
pub(crate) fn check_all<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let Some((collision, name, other)) = collision(names.map(Place::of).collect()) else {
        return Ok(());
    };
    let reason = match collision {
        Collision::Duplicate => Reason::ArchiveNameDuplicate,
        Collision::Spelling => Reason::ArchiveNameCollision,
        Collision::FileAndDirectory => Reason::ArchiveNameFileAndDirectory,
    };
    Err(Refusal::new(reason, other).at(name))
}
