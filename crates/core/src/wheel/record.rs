//! RECORD: a row of path, hash and size for every file of the wheel.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory>,
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::central::Entry;
use super::data::Content;
use crate::dist::{Refusal, names};
use crate::report::Reason;

/// A hash algorithm that RECORD may use: SHA-256 or stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// One row of RECORD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordEntry {
    path: String,
    hash: Option<(Algorithm, Vec<u8>)>,
    size: Option<u64>,
}

impl RecordEntry {
    /// The path, as the archive spells it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The algorithm and the raw digest; none for RECORD itself and its signatures only.
    pub fn hash(&self) -> Option<(Algorithm, &[u8])> {
        let (algorithm, digest) = self.hash.as_ref()?;
        Some((*algorithm, digest))
    }

    /// The size in bytes, where the row gives it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }
}

/// RECORD, complete, and true of every member.
#[derive(Debug, Clone)]
pub struct Record {
    entries: Vec<RecordEntry>,
    by_path: HashMap<String, usize>,
}

impl Record {
    /// The rows, in their order.
    pub fn entries(&self) -> &[RecordEntry] {
        &self.entries
    }

    /// The row of a path.
    pub fn entry(&self, path: &str) -> Option<&RecordEntry> {
        self.by_path.get(path).map(|index| &self.entries[*index])
    }

    /// Parses RECORD and holds the rules that need no data: rows well-formed, each path once, every
    /// file of the archive listed and nothing else. `own` is the path of RECORD itself.
    pub(super) fn parse(bytes: &[u8], own: &str, entries: &[Entry]) -> Result<Self, Refusal> {
        let files = || entries.iter().filter(|entry| !entry.is_dir());
        let names: HashSet<&str> = files().map(|entry| entry.name.as_str()).collect();
        let mut record = Self {
            entries: Vec::with_capacity(names.len()),
            by_path: HashMap::with_capacity(names.len()),
        };
        for row in rows(bytes).map_err(|refusal| refusal.at(own))? {
            let entry = row.and_then(|row| row_entry(row, own)).map_err(|it| it.at(own))?;
            // Asked before a row is kept: a RECORD of millions takes no more memory than the files have.
            if !names.contains(entry.path()) {
                return Err(Refusal::new(Reason::RecordUnknownMember, entry.path).at(own));
            }
            let index = record.entries.len();
            if record.by_path.insert(entry.path.clone(), index).is_some() {
                return Err(Refusal::new(Reason::RecordDuplicate, entry.path).at(own));
            }
            record.entries.push(entry);
        }
        // A signature is made after RECORD, which then cannot list it.
        let unlisted = |entry: &&Entry| {
            !record.by_path.contains_key(&entry.name) && !is_signature(&entry.name, own)
        };
        if let Some(entry) = files().find(unlisted) {
            return Err(Refusal::new(Reason::RecordIncomplete, "no row").at(&entry.name));
        }
        Ok(record)
    }

    /// Holds a member's row against its data.
    pub(super) fn check(&self, entry: &Entry, content: &Content) -> Result<(), Refusal> {
        let Some(row) = self.entry(&entry.name) else {
            return Ok(()); // a directory or a signature: anything else was refused
        };
        if row.size.is_some_and(|size| size != entry.header.size) {
            let refusal = Refusal::new(Reason::RecordSizeMismatch, entry.header.size);
            return Err(refusal.expected(row.size.unwrap_or(0)).at(&entry.name));
        }
        let Some((algorithm, expected)) = &row.hash else {
            return Ok(()); // RECORD itself or its signature: anything else was refused
        };
        let found = match (algorithm, &content.other) {
            (Algorithm::Sha256, _) => content.sha256.as_bytes(),
            (_, Some(other)) => &other[..],
            (_, None) => &[],
        };
        if found != expected {
            let refusal = Refusal::new(Reason::RecordHashMismatch, hex::encode(found));
            return Err(refusal.expected(hex::encode(expected)).at(&entry.name));
        }
        Ok(())
    }
}

/// Whether `path` is a signature of RECORD, whose path is `own`.
fn is_signature(path: &str, own: &str) -> bool {
    matches!(path.strip_prefix(own), Some(".jws" | ".p7s"))
}

fn row_entry([path, hash, size]: [String; 3], own: &str) -> Result<RecordEntry, Refusal> {
    if path == own && !(hash.is_empty() && size.is_empty()) {
        return Err(Refusal::new(Reason::RecordOfItself, format!("{hash},{size}")).expected(","));
    }
    if hash.is_empty() && path != own && !is_signature(&path, own) {
        return Err(Refusal::new(Reason::RecordHashMissing, path));
    }
    let hash = (!hash.is_empty()).then(|| parse_hash(&hash)).transpose()?;
    let size = match &size[..] {
        "" => None,
        digits => Some(parse_size(digits)?),
    };
    Ok(RecordEntry { path, hash, size })
}

fn parse_size(text: &str) -> Result<u64, Refusal> {
    // `parse` would also take a sign
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let size = digits.then(|| text.parse().ok()).flatten();
    size.ok_or_else(|| Refusal::new(Reason::RecordSyntax, format!("size {text}")))
}

fn parse_hash(text: &str) -> Result<(Algorithm, Vec<u8>), Refusal> {
    let malformed = || Refusal::new(Reason::RecordHashMalformed, text);
    let (name, digest) = text.split_once('=').ok_or_else(malformed)?;
    let algorithm = match name {
        "sha256" => Algorithm::Sha256,
        "sha384" => Algorithm::Sha384,
        "sha512" => Algorithm::Sha512,
        _ => {
            let refusal = Refusal::new(Reason::RecordHashWeak, name);
            return Err(refusal.expected("sha256, sha384 or sha512"));
        }
    };
    let digest = URL_SAFE_NO_PAD.decode(digest).map_err(|_| malformed())?;
    if digest.len() != algorithm.length() {
        return Err(malformed());
    }
    Ok((algorithm, digest))
}

/// Comma-separated values, read in the one way that all readers share: a field is quoted as a whole, with
/// quotes inside doubled, or holds no quote; a row ends in LF or CR LF.
fn rows(bytes: &[u8]) -> Result<impl Iterator<Item = Result<[String; 3], Refusal>>, Refusal> {
    let syntax = |line: usize, problem: &str| {
        Refusal::new(Reason::RecordSyntax, format!("line {line}: {problem}"))
    };
    let text = std::str::from_utf8(bytes).map_err(|_| syntax(1, "not UTF-8"))?;
    Ok(text.split_terminator('\n').enumerate().map(move |(index, line)| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let number = index + 1;
        if line.contains(names::is_control) {
            return Err(syntax(number, "a control character"));
        }
        let fields = fields(line).ok_or_else(|| syntax(number, "a stray quote"))?;
        fields.try_into().map_err(|_| syntax(number, "not three columns"))
    }))
}

/// The fields of one row, of which no more than four are read, or nothing where a quote is out of place. No name
/// holds a line break, so neither does a quoted field.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let field;
        if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            loop {
                let (part, after) = quoted.split_once('"')?;
                text.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        quoted = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            field = text;
        } else {
            let (plain, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            if plain.contains('"') {
                return None;
            }
            field = plain.to_owned();
            rest = after;
        }
        fields.push(field);
        if rest.is_empty() || fields.len() > 3 {
            return Some(fields);
        }
        rest = rest.strip_prefix(',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_read_in_one_way() {
        let read = |line| fields(line).map(|fields| fields.join("|"));
        assert_eq!(read("a,b,"), Some("a|b|".to_owned()));
        assert_eq!(read("\"a,\"\"b\",,3"), Some("a,\"b||3".to_owned()));
        assert_eq!(read("\"\",x,y"), Some("|x|y".to_owned()));
        for line in ["a\"b,c,d", "\"a\"b,c,d", "\"a,b,c", "\"a\"\"\"b,c,d"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn weak_and_malformed_hashes_are_told_apart() {
        let reason = |text: &str| parse_hash(text).unwrap_err().reason;
        assert_eq!(reason("md5=abc"), Reason::RecordHashWeak);
        assert_eq!(reason("SHA256=abc"), Reason::RecordHashWeak);
        assert_eq!(reason("sha256"), Reason::RecordHashMalformed);
        assert_eq!(reason("sha256=AAAA"), Reason::RecordHashMalformed);
        let digest = URL_SAFE_NO_PAD.encode([1; 32]);
        assert_eq!(reason(&format!("sha256={digest}=")), Reason::RecordHashMalformed);
        assert_eq!(reason(&format!("sha512={digest}")), Reason::RecordHashMalformed);
        let parsed = parse_hash(&format!("sha256={digest}"));
        assert_eq!(parsed, Ok((Algorithm::Sha256, vec![1; 32])));
    }
}
