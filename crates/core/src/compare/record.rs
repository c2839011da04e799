//! RECORD, entry by entry: which of its differences the other members' differences explain.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Clue;
use super::text::{self, Budget};
use super::{Cause, Detail, Level};
use crate::limits::CompareLimits;

/// What two RECORD files differ in. `differs` says of a path, as the first wheel names it, whether a
/// finding about that member exists.
pub(super) fn compare(
    a: &str,
    b: &str,
    key: [&dyn Fn(&str) -> String; 2],
    differs: &BTreeSet<String>,
    limits: &CompareLimits,
    budget: &mut Budget,
) -> Vec<(Clue, Level)> {
    let [(rows_a, order_a), (rows_b, order_b)] = [(a, key[0]), (b, key[1])].map(|(text, key)| {
        let rows: Vec<(String, Row<'_>)> =
            rows(text).map(|(path, row)| (key(&path), row)).collect();
        let order: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        (rows.into_iter().collect::<BTreeMap<_, _>>(), order)
    });
    let (mut follows, mut form, mut unexplained) = (Vec::new(), Vec::new(), Vec::new());
    for path in rows_a.keys().chain(rows_b.keys().filter(|path| !rows_a.contains_key(*path))) {
        let (x, y) = (rows_a.get(path), rows_b.get(path));
        if x == y {
            continue;
        }
        let rewritten = match (x, y) {
            (Some(x), Some(y)) => {
                x.algorithm != y.algorithm || x.size.is_some() != y.size.is_some()
            }
            _ => false,
        };
        let group = match (rewritten, differs.contains(path)) {
            (true, _) => &mut form,
            (false, true) => &mut follows,
            (false, false) => &mut unexplained,
        };
        group.push((path, x, y));
    }
    let clue = |cause, what: &str, rows: &[(&String, Option<&Row<'_>>, Option<&Row<'_>>)]| {
        let details = rows.iter().take(limits.listed).map(|(path, x, y)| {
            let show = |row: &Option<&Row<'_>>| row.map(|row| row.text.to_owned());
            Detail::values(path.trim_start_matches('\0'), show(x), show(y))
        });
        Clue::new(cause, format!("{what}: {} entries", rows.len())).with(details)
    };
    let mut clues = Vec::new();
    if !unexplained.is_empty() {
        let what = "differing while the members they name do not";
        clues.push((clue(Cause::RecordUnexplained, what, &unexplained), Level::Metadata));
    }
    if !form.is_empty() {
        let what = "with another algorithm, or without the size";
        clues.push((clue(Cause::RecordForm, what, &form), Level::RecordAndGenerator));
    }
    if !follows.is_empty() {
        let what = "each differing as the member it names does";
        let clue = Clue { details: Vec::new(), ..clue(Cause::RecordFollows, what, &follows) };
        clues.push((clue, Level::RecordAndGenerator));
    }
    let common = |order: &[String], other: &BTreeMap<String, Row<'_>>| {
        let common = order.iter().filter(|path| other.contains_key(*path)).cloned();
        common.collect::<Vec<_>>()
    };
    if common(&order_a, &rows_b) != common(&order_b, &rows_a) {
        let summary =
            format!("{} entries in A, {} in B, in another order", order_a.len(), order_b.len());
        clues.push((Clue::new(Cause::RecordOrder, summary), Level::RecordAndGenerator));
    }
    if clues.is_empty() {
        // The same rows: quotes, line ends.
        for found in text::compare(a, b, limits, budget) {
            let summary = format!("written otherwise: {}: {}", found.cause, found.summary);
            let clue = Clue { cause: Cause::RecordForm, summary, ..found };
            clues.push((clue, Level::RecordAndGenerator));
        }
    }
    clues
}

#[derive(PartialEq, Eq)]
struct Row<'t> {
    algorithm: &'t str,
    size: Option<&'t str>,
    /// Hash and size as written.
    text: &'t str,
}

/// Path and row of each line. Lines are split as the strict reader has already accepted them.
fn rows(text: &str) -> impl Iterator<Item = (String, Row<'_>)> {
    text.lines().filter(|line| !line.is_empty()).map(|line| {
        let (path, rest) = match line.strip_prefix('"') {
            Some(quoted) => match quoted.rsplit_once("\",") {
                Some((path, rest)) => (path.replace("\"\"", "\""), rest),
                None => (quoted.to_owned(), ""),
            },
            None => match line.split_once(',') {
                Some((path, rest)) => (path.to_owned(), rest),
                None => (line.to_owned(), ""),
            },
        };
        let (hash, size) = rest.split_once(',').unwrap_or((rest, ""));
        let algorithm = hash.split_once('=').map_or("", |(algorithm, _)| algorithm);
        let size = Some(size).filter(|size| !size.is_empty());
        (path, Row { algorithm, size, text: rest })
    })
}
