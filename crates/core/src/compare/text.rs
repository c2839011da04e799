//! Two texts: first whether one named cause explains the difference, then the lines.

use std::collections::BTreeMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::container::cut;
use super::finding::Clue;
use super::words::{Swap, swaps};
use super::{Cause, Detail};
use crate::limits::CompareLimits;

/// Lines shown around a change.
const CONTEXT: usize = 2;
/// Bytes of a line that is searched for times, paths and random values: longer lines are data.
const SEARCHED: usize = 16 * 1024;

/// Lines that may still be aligned.
#[derive(Debug)]
pub(super) struct Budget(pub(super) usize);

/// The content as text, if it is UTF-8 without NUL and not of too many lines to hold them one by one.
pub(super) fn as_text<'b>(bytes: &'b [u8], limits: &CompareLimits) -> Option<&'b str> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let text = std::str::from_utf8(bytes).ok()?;
    (lines <= limits.text_lines && !bytes.contains(&0)).then_some(text)
}

/// What two texts differ in; at least one clue where they differ.
pub(super) fn compare(a: &str, b: &str, limits: &CompareLimits, budget: &mut Budget) -> Vec<Clue> {
    let mut clues = Vec::new();
    if a == b {
        return clues;
    }
    let (ends_a, ends_b) = (endings(a), endings(b));
    if ends_a != ends_b {
        let summary = format!("{ends_a} in A, {ends_b} in B");
        clues.push(Clue::new(Cause::LineEndings, summary));
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (lines(a), lines(b));
    if a == b {
        if clues.is_empty() {
            // The same lines, mixed endings in the same numbers at other places.
            clues.push(Clue::new(Cause::LineEndings, "the same lines with other ends"));
        }
        return clues;
    }
    clues.extend(compare_lines(&a, &b, limits, budget));
    clues
}

/// The causes that explain how the values of two lists differ, pair by pair; nothing if they don't.
pub(super) fn explain<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<BTreeMap<Cause, Vec<Swap<'a>>>> {
    let mut causes: BTreeMap<Cause, Vec<Swap<'_>>> = BTreeMap::new();
    for (a, b) in pairs {
        for swap in explain_line(a, b)? {
            causes.entry(swap.cause).or_default().push(swap);
        }
    }
    Some(causes)
}

/// A clue for each cause, with the values of both sides.
pub(super) fn tell(causes: BTreeMap<Cause, Vec<Swap<'_>>>, limits: &CompareLimits) -> Vec<Clue> {
    let clues = causes.into_iter().map(|(cause, mut swaps)| {
        let places = swaps.len();
        let mut seen = std::collections::BTreeSet::new();
        swaps.retain(|swap| seen.insert((swap.a, swap.b)));
        let short = |text: &str| cut(text.trim(), limits.width);
        let values = swaps.first().map(|swap| (short(swap.a), short(swap.b)));
        let (a, b) = values.unwrap_or_default();
        let summary = match (places, swaps.len()) {
            (1, _) => format!("`{a}` in A, `{b}` in B"),
            (places, 1) => format!("`{a}` in A, `{b}` in B, at {places} places"),
            (places, kinds) => {
                format!(
                    "`{a}` in A, `{b}` in B, and so on: {kinds} pairs of values at {places} places"
                )
            }
        };
        let details = swaps
            .iter()
            .take(limits.listed)
            .map(|swap| Detail::values("value", Some(short(swap.a)), Some(short(swap.b))));
        let details = if swaps.len() > 1 { details.collect() } else { Vec::new() };
        Clue::new(cause, summary).with(details)
    });
    clues.collect()
}

/// The lines of a text without their ends.
fn lines(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect()
}

fn endings(text: &str) -> String {
    let all = text.bytes().filter(|b| *b == b'\n').count();
    let windows = text.as_bytes().windows(2).filter(|pair| pair == b"\r\n").count();
    let kind = match windows {
        0 => "LF".to_owned(),
        windows if windows == all => "CR LF".to_owned(),
        _ => "CR LF and LF mixed".to_owned(),
    };
    match text.is_empty() || text.ends_with('\n') {
        true => kind,
        false => format!("{kind}, none at the end"),
    }
}

fn compare_lines(a: &[&str], b: &[&str], limits: &CompareLimits, budget: &mut Budget) -> Vec<Clue> {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let (changed_a, changed_b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);

    let sorted = |lines: &[&str]| {
        let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.sort_unstable();
        lines
    };
    if changed_a.len() == changed_b.len() && sorted(changed_a) == sorted(changed_b) {
        let summary =
            format!("the same {} lines in another order, from line {}", changed_a.len(), head + 1);
        return vec![
            Clue::new(Cause::Ordering, summary).with(first_lines(changed_a, changed_b, limits)),
        ];
    }
    // Most often nothing moved: line by line says it all, and costs nothing.
    if changed_a.len() == changed_b.len()
        && let Some(causes) = explain(changed_a.iter().copied().zip(changed_b.iter().copied()))
    {
        return tell(causes, limits);
    }
    let work = changed_a.len() + changed_b.len();
    if work > limits.lines || work > budget.0 {
        let summary = format!(
            "from line {}: {} lines in A, {} in B",
            head + 1,
            changed_a.len(),
            changed_b.len()
        );
        let note = Detail::note("too many changed lines to align: only the first are shown");
        let details = first_lines(changed_a, changed_b, limits);
        return vec![Clue::new(Cause::TextChanged, summary).with([note]).with(details)];
    }
    budget.0 -= work;

    // Some lines of context stay on, so that the hunk can show them.
    let from = head.saturating_sub(CONTEXT);
    let keep = tail.saturating_sub(CONTEXT);
    let (a, b) = (&a[from..a.len() - keep], &b[from..b.len() - keep]);
    let ops = capture_diff_slices(Algorithm::Myers, a, b);
    let mut causes = BTreeMap::new();
    let (mut removed, mut added) = (0, 0);
    for op in ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
        let (old, new) = (&a[op.old_range()], &b[op.new_range()]);
        let pairs = old.iter().copied().zip(new.iter().copied());
        match explain(pairs).filter(|_| old.len() == new.len()) {
            Some(found) => {
                for (cause, swaps) in found {
                    causes.entry(cause).or_insert_with(Vec::new).extend(swaps);
                }
            }
            None => {
                removed += old.len();
                added += new.len();
            }
        }
    }
    let mut clues = tell(causes, limits);
    if removed + added > 0 {
        let summary = match (removed, added) {
            (removed, 0) => format!("lines only in A: {removed}"),
            (0, added) => format!("lines only in B: {added}"),
            (removed, added) => format!("lines changed: {removed} in A, {added} in B"),
        };
        clues.push(Clue::new(Cause::TextChanged, summary).with([hunk(&ops, a, b, from, limits)]));
    }
    clues
}

/// How two lines differ, if it is by one of the named causes.
fn explain_line<'a>(a: &'a str, b: &'a str) -> Option<Vec<Swap<'a>>> {
    if a == b {
        return Some(Vec::new());
    }
    if a.len().max(b.len()) > SEARCHED {
        return None;
    }
    let whole = |cause| Some(vec![Swap { cause, a, b }]);
    if a.trim_end() == b.trim_end() {
        return whole(Cause::TrailingWhitespace);
    }
    swaps(a, b).or_else(|| match same_words(a, b) {
        true => whole(Cause::Ordering),
        false => None,
    })
}

/// Whether the lines are a list written in two orders: the same words, three or more, and the same
/// punctuation between them.
fn same_words(a: &str, b: &str) -> bool {
    let part = |line: &str, word: bool| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
        let parts = line.split(|c| is_word(c) != word).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let (mut words_a, mut words_b) = (part(a, true), part(b, true));
    words_a.sort_unstable();
    words_b.sort_unstable();
    // `a - b` and `b - a` are no list: a separator of lists must be there.
    let list = a.contains(',') || a.contains(';');
    list && words_a == words_b && part(a, false) == part(b, false)
}

fn first_lines(a: &[&str], b: &[&str], limits: &CompareLimits) -> [Detail; 1] {
    let half = limits.hunk_lines / 4;
    let show = |sign: char, lines: &[&str]| {
        let shown =
            lines.iter().take(half).map(|line| format!("{sign}{}", cut(line, limits.width)));
        shown.collect::<Vec<_>>()
    };
    let lines = [show('-', a), show('+', b)].concat();
    [Detail::Hunk { lines }]
}

/// First line and number of lines of one side of a hunk. Where an operation takes nothing from that side,
/// the library does not keep its place in order, so such places are not looked at.
fn place(ranges: impl Iterator<Item = Range<usize>>, from: usize) -> String {
    let (mut start, mut count) = (None, 0);
    for range in ranges.filter(|range| !range.is_empty()) {
        start = start.or(Some(range.start));
        count += range.len();
    }
    format!("{},{count}", from + start.unwrap_or(0) + 1)
}

fn hunk(ops: &[DiffOp], a: &[&str], b: &[&str], from: usize, limits: &CompareLimits) -> Detail {
    let mut lines = Vec::new();
    for group in group_diff_ops(ops.to_vec(), CONTEXT) {
        let old = place(group.iter().map(DiffOp::old_range), from);
        let new = place(group.iter().map(DiffOp::new_range), from);
        lines.push(format!("@@ -{old} +{new} @@"));
        for op in &group {
            let mut push = |sign: char, text: &[&str]| {
                lines.extend(text.iter().map(|line| format!("{sign}{}", cut(line, limits.width))));
            };
            match op {
                DiffOp::Equal { .. } => push(' ', &a[op.old_range()]),
                _ => {
                    push('-', &a[op.old_range()]);
                    push('+', &b[op.new_range()]);
                }
            }
        }
    }
    let more = lines.len().saturating_sub(limits.hunk_lines);
    if more > 0 {
        lines.truncate(limits.hunk_lines);
        lines.push(format!("@@ {more} more lines @@"));
    }
    Detail::Hunk { lines }
}
