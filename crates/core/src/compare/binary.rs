//! Bytes that are no text: where they differ, and what the strings in them say about why.

use std::collections::BTreeSet;

use super::container::cut;
use super::finding::Clue;
use super::text::{explain, tell};
use super::{Cause, Detail};
use crate::limits::CompareLimits;

/// Bytes of a run of printable characters that counts as a string.
const STRING: usize = 6;
/// Strings that are looked at on each side: beyond it the members are data, not code.
const STRINGS: usize = 100_000;

/// What two byte strings differ in; at least one clue where they differ.
pub(super) fn compare(a: &[u8], b: &[u8], limits: &CompareLimits) -> Vec<Clue> {
    let (mut clues, left) = strings(a, b, limits);
    clues.push(changed("", a, b).with(left));
    clues
}

/// A compiled Python file: its header, PEP 552, and its code.
pub(super) fn pyc(a: &[u8], b: &[u8], limits: &CompareLimits) -> Option<Vec<Clue>> {
    let (head_a, code_a) = a.split_first_chunk::<16>()?;
    let (head_b, code_b) = b.split_first_chunk::<16>()?;
    let mut clues = Vec::new();
    if head_a != head_b {
        let summary = match head_a[..8] == head_b[..8] {
            true => "another time or size of the source in the header",
            false => "another Python version or kind of header",
        };
        let values = |head: &[u8]| Some(hex::encode(head));
        let detail = Detail::values("header", values(head_a), values(head_b));
        clues.push(Clue::new(Cause::PycHeader, summary).with([detail]));
    }
    if code_a != code_b {
        let (found, left) = strings(code_a, code_b, limits);
        clues.extend(found);
        let Clue { summary, .. } = changed("code ", code_a, code_b);
        clues.push(Clue::new(Cause::PycCode, summary).with(left));
    }
    Some(clues)
}

/// The causes that the strings of both sides tell, and the strings that only one side has.
pub(super) fn strings(a: &[u8], b: &[u8], limits: &CompareLimits) -> (Vec<Clue>, Vec<Detail>) {
    let (all_a, all_b) = (printable(a), printable(b));
    // Sorted, since linkers place strings by their hash: what belongs together often starts alike.
    let only_a: Vec<&str> = all_a.difference(&all_b).copied().collect();
    let only_b: Vec<&str> = all_b.difference(&all_a).copied().collect();
    let pairs = only_a.iter().copied().zip(only_b.iter().copied());
    let explained = explain(pairs).filter(|_| only_a.len() == only_b.len());
    if let Some(causes) = explained {
        return (tell(causes, limits), Vec::new());
    }
    let list = |strings: &[&str]| {
        let shown = strings.iter().take(limits.listed).map(|s| cut(s, limits.width));
        (!strings.is_empty()).then(|| shown.collect::<Vec<_>>().join(" | "))
    };
    let what = "strings that the other has not";
    (Vec::new(), vec![Detail::values(what, list(&only_a), list(&only_b))])
}

/// Where the bytes differ, in a line. `what` names them, with a space after it.
pub(super) fn changed(what: &str, a: &[u8], b: &[u8]) -> Clue {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let summary = if a.len() == b.len() {
        let count = a.iter().zip(b).filter(|(a, b)| a != b).count();
        format!("{what}{count} of {} bytes differ, from offset {common:#x}", a.len())
    } else {
        format!("{what}{} bytes in A, {} in B, differing from offset {common:#x}", a.len(), b.len())
    };
    let window = |bytes: &[u8]| {
        let rest = bytes.get(common..)?;
        Some(hex::encode(&rest[..rest.len().min(16)]))
    };
    let what = format!("bytes at {common:#x}");
    Clue::new(Cause::BinaryChanged, summary).with([Detail::values(what, window(a), window(b))])
}

fn printable(bytes: &[u8]) -> BTreeSet<&str> {
    bytes
        .split(|b| !(b.is_ascii_graphic() || *b == b' '))
        .filter(|run| run.len() >= STRING)
        .filter_map(|run| std::str::from_utf8(run).ok())
        .take(STRINGS)
        .collect()
}
