//! `entry_points.txt`, from which installers make scripts.

use std::collections::BTreeSet;

use super::finding::Clue;
use super::text::{self, Budget};
use super::{Cause, Level};
use crate::limits::CompareLimits;

/// What two files of entry points differ in. Where they name the same, in another order or with other
/// blanks, that is metadata; otherwise another script would be installed, which is code.
pub(super) fn compare(
    a: &str,
    b: &str,
    limits: &CompareLimits,
    budget: &mut Budget,
) -> Vec<(Clue, Level)> {
    let (points_a, points_b) = (points(a), points(b));
    let clues = text::compare(a, b, limits, budget);
    if points_a == points_b {
        return clues.into_iter().map(|clue| (clue, Level::Metadata)).collect();
    }
    let only = |x: &BTreeSet<String>, y: &BTreeSet<String>| {
        let only: Vec<&str> = x.difference(y).map(String::as_str).take(limits.listed).collect();
        if only.is_empty() { "none".to_owned() } else { only.join(", ") }
    };
    let summary = format!(
        "only in A: {}; only in B: {}",
        only(&points_a, &points_b),
        only(&points_b, &points_a)
    );
    let details = clues.into_iter().flat_map(|clue| clue.details);
    vec![(Clue::new(Cause::EntryPoints, summary).with(details), Level::Code)]
}

/// Each entry point as `group: name = object`. A comment is kept: what is one depends on the reader.
fn points(text: &str) -> BTreeSet<String> {
    let mut group = String::new();
    let mut points = BTreeSet::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => group = name.trim().to_owned(),
            None => {
                let (name, object) = line.split_once('=').unwrap_or((line, ""));
                points.insert(format!("{group}: {} = {}", name.trim(), object.trim()));
            }
        }
    }
    points
}
