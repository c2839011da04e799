//! The comparison: which members pair up, what their headers and their contents differ in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::container::{self, Pair, cut};
use super::finding::Clue;
use super::side::{Content, Entry, Side};
use super::text::{Budget, as_text};
use super::{
    Cause, Detail, Finding, Level, WheelDiff, binary, elf, email, entry_points, record, text,
};
use crate::digest::Sha256Digest;
use crate::limits::CompareLimits;

/// Compares two wheels of which all is known but the members' content, which is read as needed.
pub(super) fn compare<A: Content, B: Content>(
    (a, read_a): (&Side, &mut A),
    (b, read_b): (&Side, &mut B),
    limits: &CompareLimits,
) -> Result<WheelDiff, ReadError<A::Error, B::Error>> {
    let mut findings = Vec::new();
    if a.file.filename != b.file.filename {
        let summary = format!("{} and {}", a.file.filename, b.file.filename);
        // The name is not part of the file: it sets no bytes apart.
        findings.push(Finding::new(Cause::Filename, Level::Identical, summary));
    }
    findings.extend(contradictions(a, b, limits));
    if a.file.sha256 != b.file.sha256 {
        let paired = Paired::new(a, b);
        findings.extend(paired.presence(limits));
        findings.extend(paired.order());
        findings.extend(container::compare(&paired.all(), limits));
        let equal = paired.common.iter().filter(|(x, y)| {
            let (x, y) = (&a.entries[*x], &b.entries[*y]);
            x.sha256 == y.sha256 && x.method == y.method
        });
        let mut streams = Vec::new();
        for (x, y) in equal {
            let (entry_a, entry_b) = (&a.entries[*x], &b.entries[*y]);
            let sizes = (entry_a.compressed_size, entry_b.compressed_size);
            let other = sizes.0 != sizes.1
                || read_a.stream(*x).map_err(ReadError::A)?
                    != read_b.stream(*y).map_err(ReadError::B)?;
            if other {
                streams.push((entry_a.name.as_str(), sizes.0, sizes.1));
            }
        }
        findings.extend(container::compression_level(&streams, limits));
        findings.extend(Contents::new(&paired, limits).compare(read_a, read_b)?);
    }
    Ok(WheelDiff::new(a.file.clone(), b.file.clone(), findings))
}

/// What each wheel contradicts itself in. It sets two files apart unless they are the same bytes.
fn contradictions(a: &Side, b: &Side, limits: &CompareLimits) -> Vec<Finding> {
    let level = match a.file.sha256 == b.file.sha256 {
        true => Level::Identical,
        false => Level::Code,
    };
    let mut findings = Vec::new();
    for (name, side) in [("A", a), ("B", b)] {
        let (told, rest) =
            side.contradictions.split_at(side.contradictions.len().min(limits.listed));
        for it in told {
            let expected = it.expected.iter().map(|expected| format!(", expected {expected}"));
            let expected: String = expected.collect();
            let what = format!("{name} does not hold: {}: found {}{expected}", it.reason, it.found);
            let finding = Finding::new(Cause::Unsound, level, cut(&what, limits.width));
            let note = Detail::note(it.reason.explanation());
            let finding = it.member.iter().fold(finding, |finding, member| finding.of(member));
            findings.push(finding.with([note]));
        }
        if !rest.is_empty() {
            let what = format!("{name} does not hold in {} more ways", rest.len());
            findings.push(Finding::new(Cause::Unsound, level, what));
        }
    }
    findings
}

/// Which of the two wheels could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadError<A, B> {
    A(A),
    B(B),
}

/// How far a difference in this member sets two wheels apart: what lies in `.dist-info` is metadata,
/// except the entry points, from which scripts are made.
fn level_of(side: &Side, name: &str) -> Level {
    match side.in_dist_info(name) {
        Some("entry_points.txt") | None => Level::Code,
        Some(_) => Level::Metadata,
    }
}

/// The members of both wheels, paired by name.
struct Paired<'s> {
    a: &'s Side,
    b: &'s Side,
    /// Indices of the members that both have, in the order of the first.
    common: Vec<(usize, usize)>,
    /// The same content under two names.
    renamed: Vec<(usize, usize)>,
    only_a: Vec<usize>,
    only_b: Vec<usize>,
}

impl<'s> Paired<'s> {
    fn new(a: &'s Side, b: &'s Side) -> Self {
        let keys = |side: &Side| {
            let keyed = side.entries.iter().enumerate();
            keyed.map(|(at, entry)| (side.key(&entry.name), at)).collect::<HashMap<_, _>>()
        };
        let (keys_a, keys_b) = (keys(a), keys(b));
        let mut common = Vec::new();
        let mut only_a = Vec::new();
        for (at, entry) in a.entries.iter().enumerate() {
            match keys_b.get(&a.key(&entry.name)) {
                Some(other) => common.push((at, *other)),
                None => only_a.push(at),
            }
        }
        let only = |(at, entry): (usize, &Entry)| {
            (!keys_a.contains_key(&b.key(&entry.name))).then_some(at)
        };
        let mut only_b: Vec<usize> = b.entries.iter().enumerate().filter_map(only).collect();

        let mut by_content: HashMap<Sha256Digest, Vec<usize>> = HashMap::new();
        for at in only_b.iter().rev().filter(|at| b.entries[**at].size > 0) {
            by_content.entry(b.entries[*at].sha256).or_default().push(*at);
        }
        let mut renamed = Vec::new();
        only_a.retain(|at| match by_content.get_mut(&a.entries[*at].sha256).and_then(Vec::pop) {
            Some(other) => {
                renamed.push((*at, other));
                false
            }
            None => true,
        });
        let gone: BTreeSet<usize> = renamed.iter().map(|pair| pair.1).collect();
        only_b.retain(|at| !gone.contains(at));
        Self { a, b, common, renamed, only_a, only_b }
    }

    /// Every pair whose headers can be held against each other.
    fn all(&self) -> Vec<Pair<'s>> {
        let pairs = self.common.iter().chain(&self.renamed);
        pairs.map(|(x, y)| (&self.a.entries[*x], &self.b.entries[*y])).collect()
    }

    /// Members that only one has, or that have another name.
    fn presence(&self, limits: &CompareLimits) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.a.dist_info != self.b.dist_info {
            let summary = format!("{} in A, {} in B", self.a.dist_info, self.b.dist_info);
            findings.push(Finding::new(Cause::NameVersion, Level::Metadata, summary));
        }
        for (x, y) in &self.renamed {
            let (from, to) = (&self.a.entries[*x].name, &self.b.entries[*y].name);
            let level = level_of(self.a, from).max(level_of(self.b, to));
            let file = from.rsplit('/').next().unwrap_or(from).to_ascii_uppercase();
            let names = ["LICEN", "COPYING", "NOTICE", "AUTHORS"];
            let license =
                level == Level::Metadata && names.iter().any(|name| file.starts_with(name));
            let cause = if license { Cause::License } else { Cause::MemberRenamed };
            let summary = format!("the same content lies at `{to}` in B");
            findings.push(Finding::new(cause, level, summary).of(from));
        }
        for (cause, side, only) in [
            (Cause::MemberOnlyInA, self.a, &self.only_a),
            (Cause::MemberOnlyInB, self.b, &self.only_b),
        ] {
            findings.extend(only_in(cause, side, only, limits));
        }
        findings
    }

    fn order(&self) -> Option<Finding> {
        let name = |at: &usize| self.a.entries[*at].name.as_str();
        let first: Vec<&str> = self.common.iter().map(|(x, _)| name(x)).collect();
        let mut by_second = self.common.clone();
        by_second.sort_unstable_by_key(|(_, y)| *y);
        let second: Vec<&str> = by_second.iter().map(|(x, _)| name(x)).collect();
        container::order(&first, &second)
    }
}

/// A finding for each of the first members and each that Python runs at its start, and one for the rest.
fn only_in(cause: Cause, side: &Side, only: &[usize], limits: &CompareLimits) -> Vec<Finding> {
    let entries = only.iter().map(|at| &side.entries[*at]);
    let (hooks, others): (Vec<&Entry>, Vec<&Entry>) =
        entries.partition(|entry| side.startup_hooks.contains(&entry.name));
    let (told, rest) = others.split_at(others.len().min(limits.listed));
    let (hooks, more_hooks) = hooks.split_at(hooks.len().min(limits.listed));
    let says = |entry: &Entry| {
        let executable = container::executable(entry).0 && !entry.name.ends_with('/');
        let mode = if executable { ", executable" } else { "" };
        format!("{} bytes{mode}", entry.size)
    };
    let mut findings = Vec::new();
    for entry in hooks {
        let which = if cause == Cause::MemberOnlyInA { "A" } else { "B" };
        let summary = format!("only in {which}: {}", says(entry));
        findings.push(Finding::new(Cause::StartupHook, Level::Code, summary).of(&entry.name));
    }
    for entry in told {
        findings
            .push(Finding::new(cause, level_of(side, &entry.name), says(entry)).of(&entry.name));
    }
    for (cause, rest) in [(Cause::StartupHook, more_hooks), (cause, rest)] {
        if let Some(level) = rest.iter().map(|entry| level_of(side, &entry.name)).max() {
            let names: Vec<&str> = rest.iter().map(|entry| entry.name.as_str()).collect();
            let summary = format!("{} more members", rest.len());
            findings.push(Finding::new(cause, level, summary).of_all(&names, limits.listed));
        }
    }
    findings
}

/// The contents of members that both have and that differ.
struct Contents<'p, 's> {
    paired: &'p Paired<'s>,
    limits: &'p CompareLimits,
    lines: Budget,
    bytes: u64,
    members: usize,
}

impl<'p, 's> Contents<'p, 's> {
    fn new(paired: &'p Paired<'s>, limits: &'p CompareLimits) -> Self {
        Self {
            paired,
            limits,
            lines: Budget(limits.lines_total),
            bytes: limits.total,
            members: limits.explained,
        }
    }

    fn compare<A: Content, B: Content>(
        mut self,
        read_a: &mut A,
        read_b: &mut B,
    ) -> Result<Vec<Finding>, ReadError<A::Error, B::Error>> {
        let Paired { a, b, common, .. } = self.paired;
        let mut findings = Vec::new();
        let mut unexplained: BTreeMap<Level, Vec<&str>> = BTreeMap::new();
        for (x, y) in common {
            let (entry_a, entry_b) = (&a.entries[*x], &b.entries[*y]);
            if entry_a.sha256 == entry_b.sha256 {
                continue;
            }
            if entry_a.damaged || entry_b.damaged {
                let level = level_of(a, &entry_a.name).max(level_of(b, &entry_b.name));
                let which = match (entry_a.damaged, entry_b.damaged) {
                    (true, true) => "A and in B",
                    (true, false) => "A",
                    (false, _) => "B",
                };
                let what = format!("what it holds cannot be read in {which}");
                findings.push(Finding::new(Cause::Unreadable, level, what).of(&entry_a.name));
                continue;
            }
            if !self.affordable(entry_a, entry_b) {
                let level = level_of(a, &entry_a.name).max(level_of(b, &entry_b.name));
                unexplained.entry(level).or_default().push(&entry_a.name);
                continue;
            }
            let bytes_a = read_a.bytes(*x, self.limits.member).map_err(ReadError::A)?;
            let bytes_b = read_b.bytes(*y, self.limits.member).map_err(ReadError::B)?;
            findings.extend(self.member(&entry_a.name, &bytes_a, &bytes_b));
        }
        for (level, names) in unexplained {
            let summary = format!("{} members have other digests", names.len());
            let note = Detail::note("too large or too many: compared by digest only");
            let finding = Finding::new(Cause::BinaryChanged, level, summary);
            findings.push(finding.of_all(&names, self.limits.listed).with([note]));
        }
        Ok(findings)
    }

    /// Whether the bounds leave room to explain this member, which is then counted.
    fn affordable(&mut self, a: &Entry, b: &Entry) -> bool {
        let cost = a.size.saturating_add(b.size);
        let within =
            a.size.max(b.size) <= self.limits.member && cost <= self.bytes && self.members > 0;
        if within {
            self.bytes -= cost;
            self.members -= 1;
        }
        within
    }

    /// One member whose bytes differ: always at least one finding.
    fn member(&mut self, name: &str, a: &[u8], b: &[u8]) -> Vec<Finding> {
        let level = level_of(self.paired.a, name);
        let texts = as_text(a, self.limits).zip(as_text(b, self.limits));
        let mut clues: Vec<(Clue, Level)> = match (self.paired.a.in_dist_info(name), texts) {
            (Some("METADATA"), Some((a, b))) => {
                at(level, email::metadata(a, b, self.limits, &mut self.lines))
            }
            (Some("WHEEL"), Some((a, b))) => email::wheel(a, b, self.limits, &mut self.lines),
            (Some("RECORD"), Some((a, b))) => self.record(a, b),
            (Some("entry_points.txt"), Some((a, b))) => {
                entry_points::compare(a, b, self.limits, &mut self.lines)
            }
            (_, Some((a, b))) => at(level, text::compare(a, b, self.limits, &mut self.lines)),
            (_, None) => at(level, self.bytes(name, a, b)),
        };
        if clues.is_empty() {
            clues.push((binary::changed("", a, b), level));
        }
        let findings = clues.into_iter().map(|(clue, level)| clue.found_in(name, level));
        findings.collect()
    }

    fn bytes(&self, name: &str, a: &[u8], b: &[u8]) -> Vec<Clue> {
        let special = if elf::is_elf(a) && elf::is_elf(b) {
            elf::compare(a, b, self.limits)
        } else if name.ends_with(".pyc") {
            binary::pyc(a, b, self.limits)
        } else {
            None
        };
        special.unwrap_or_else(|| binary::compare(a, b, self.limits))
    }

    fn record(&mut self, text_a: &str, text_b: &str) -> Vec<(Clue, Level)> {
        let Paired { a, b, common, renamed, only_a, only_b } = self.paired;
        let key = |side: &Side, at: &usize| side.key(&side.entries[*at].name);
        let changed = common.iter().filter(|(x, y)| a.entries[*x].sha256 != b.entries[*y].sha256);
        let differs: BTreeSet<String> = changed
            .map(|(x, _)| key(a, x))
            .chain(renamed.iter().flat_map(|(x, y)| [key(a, x), key(b, y)]))
            .chain(only_a.iter().map(|at| key(a, at)))
            .chain(only_b.iter().map(|at| key(b, at)))
            .collect();
        let keys: [&dyn Fn(&str) -> String; 2] = [&|name| a.key(name), &|name| b.key(name)];
        record::compare(text_a, text_b, keys, &differs, self.limits, &mut self.lines)
    }
}

fn at(level: Level, clues: Vec<Clue>) -> Vec<(Clue, Level)> {
    clues.into_iter().map(|clue| (clue, level)).collect()
}
