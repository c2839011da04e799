//! The zip container: order, times, attributes, compression, and the small fields of the headers.

use std::collections::{BTreeMap, BTreeSet};

use super::side::Entry;
use super::{Cause, Detail, Finding, Level};
use crate::limits::CompareLimits;

/// The members that both wheels have: each as the first and as the second has it.
pub(super) type Pair<'e> = (&'e Entry, &'e Entry);

/// Members by the two values that they have in the two wheels.
type Groups<'e> = BTreeMap<(String, String), Vec<&'e str>>;

/// Unix: the file type, and what it is for a plain file.
const TYPE: u32 = 0o170_000;
const PLAIN: u32 = 0o100_000;
/// Unix: set-user-id, set-group-id, sticky.
const SPECIAL: u32 = 0o7_000;
/// Unix: execution by anyone.
const EXECUTABLE: u32 = 0o111;

/// What differs in the headers of members that both have. `pairs` are in the first wheel's order.
pub(super) fn compare(pairs: &[Pair<'_>], limits: &CompareLimits) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(timestamps(pairs, limits));
    findings.extend(attributes(pairs, limits));
    let methods = |e: &Entry| match e.method {
        0 => "stored".to_owned(),
        8 => "deflated".to_owned(),
        other => format!("method {other}"),
    };
    let system = |e: &Entry| {
        let (host, version) = (e.version_made_by >> 8, e.version_made_by & 0xff);
        let host = match host {
            0 => "MS-DOS".to_owned(),
            3 => "Unix".to_owned(),
            other => format!("host {other}"),
        };
        let (major, minor) = (version / 10, version % 10);
        format!("{host}, made by {major}.{minor}, needs {}", e.version_needed)
    };
    let flags = |e: &Entry| format!("flags {:#06x}", e.flags);
    let internal = |e: &Entry| format!("internal attributes {:#06x}", e.internal_attributes);
    let extra = |e: &Entry| match e.extra.as_slice() {
        [] => "no extra fields".to_owned(),
        bytes => format!("extra fields {}", cut(&hex::encode(bytes), limits.width)),
    };
    findings.extend(by_value(Cause::CompressionMethod, pairs, limits, methods));
    findings.extend(by_value(Cause::CreateSystem, pairs, limits, system));
    findings.extend(by_value(Cause::ZipFlags, pairs, limits, flags));
    findings.extend(by_value(Cause::ZipExtra, pairs, limits, extra));
    findings.extend(by_value(Cause::InternalAttributes, pairs, limits, internal));
    findings
}

/// The order of the members that both have. `second` are their names in the second wheel's order.
pub(super) fn order(first: &[&str], second: &[&str]) -> Option<Finding> {
    let at = first.iter().zip(second).position(|(a, b)| a != b)?;
    let moved = first.iter().zip(second).filter(|(a, b)| a != b).count();
    let shape = |names: &[&str]| match names.is_sorted() {
        true => "sorted by name",
        false => "not sorted",
    };
    let summary = format!(
        "{moved} of {} members lie at another place; A is {}, B is {}",
        first.len(),
        shape(first),
        shape(second)
    );
    let what = format!("member {}", at + 1);
    let value = |names: &[&str]| names.get(at).map(ToString::to_string);
    let detail = Detail::values(what, value(first), value(second));
    Some(Finding::new(Cause::Order, Level::Container, summary).with([detail]))
}

/// The same data, deflated to other streams. Asked of members whose content is the same.
pub(super) fn compression_level(
    members: &[(&str, u64, u64)],
    limits: &CompareLimits,
) -> Option<Finding> {
    if members.is_empty() {
        return None;
    }
    let sum =
        |side: fn(&(&str, u64, u64)) -> u64| members.iter().map(side).fold(0, u64::saturating_add);
    let (a, b) = (sum(|m| m.1), sum(|m| m.2));
    let summary = format!("the same data in other deflate streams: {a} bytes in A, {b} in B");
    let names: Vec<&str> = members.iter().map(|member| member.0).collect();
    let size = |bytes: u64| Some(format!("{bytes} bytes"));
    let details = members
        .iter()
        .take(limits.listed)
        .map(|(name, a, b)| Detail::values(*name, size(*a), size(*b)));
    let finding = Finding::new(Cause::CompressionLevel, Level::Container, summary);
    Some(finding.of_all(&names, limits.listed).with(details))
}

/// Whether installers would make the member executable: they ask for any of the three bits, and some for
/// a plain file.
pub(super) fn executable(entry: &Entry) -> (bool, bool) {
    let any = entry.mode() & EXECUTABLE != 0;
    (any, any && entry.mode() & TYPE == PLAIN)
}

/// A finding for each pair of values that occurs, with the members it occurs in.
fn by_value(
    cause: Cause,
    pairs: &[Pair<'_>],
    limits: &CompareLimits,
    show: impl Fn(&Entry) -> String,
) -> Vec<Finding> {
    let mut groups: Groups<'_> = BTreeMap::new();
    for (a, b) in pairs {
        let (shown_a, shown_b) = (show(a), show(b));
        if shown_a != shown_b {
            groups.entry((shown_a, shown_b)).or_default().push(&a.name);
        }
    }
    grouped(cause, Level::Container, groups, pairs.len(), limits)
}

fn grouped(
    cause: Cause,
    level: Level,
    groups: Groups<'_>,
    all: usize,
    limits: &CompareLimits,
) -> Vec<Finding> {
    let findings = groups.into_iter().map(|((a, b), members)| {
        let summary = format!("{}: {a} in A, {b} in B", share(members.len(), all));
        Finding::new(cause, level, summary).of_all(&members, limits.listed)
    });
    findings.collect()
}

fn attributes(pairs: &[Pair<'_>], limits: &CompareLimits) -> Vec<Finding> {
    let mut causes: BTreeMap<(Cause, Level), Groups<'_>> = BTreeMap::new();
    for (a, b) in pairs {
        let (mode_a, mode_b) = (a.mode(), b.mode());
        let other = mode_a ^ mode_b;
        let mut add = |cause, level| {
            let dos = |e: &Entry| match e.external_attributes & 0xffff {
                0 => String::new(),
                low => format!(" and DOS attributes {low:#06x}"),
            };
            let shown =
                (format!("mode {mode_a:06o}{}", dos(a)), format!("mode {mode_b:06o}{}", dos(b)));
            let group = causes.entry((cause, level)).or_default();
            group.entry(shown).or_default().push(&a.name);
        };
        // Each is named for itself: what a member becomes must not hide behind a umask.
        let executes = !a.name.ends_with('/') && executable(a) != executable(b);
        let types = (mode_a & TYPE, mode_b & TYPE);
        let both_types = types.0 != types.1 && types.0 != 0 && types.1 != 0;
        if executes {
            add(Cause::ModeExecutable, Level::Code);
        }
        if other & SPECIAL != 0 {
            add(Cause::ModeSpecial, Level::Code);
        }
        if both_types {
            add(Cause::FileType, Level::Code);
        } else if types.0 != types.1 {
            add(Cause::FileTypeMissing, Level::Container);
        }
        let permissions = other & 0o777 != 0 && !executes;
        let low = (a.external_attributes ^ b.external_attributes) & 0xffff != 0;
        if permissions || low {
            add(Cause::Attributes, Level::Container);
        }
    }
    let findings = causes
        .into_iter()
        .flat_map(|((cause, level), groups)| grouped(cause, level, groups, pairs.len(), limits));
    findings.collect()
}

fn timestamps(pairs: &[Pair<'_>], limits: &CompareLimits) -> Option<Finding> {
    let differ: Vec<&Pair<'_>> =
        pairs.iter().filter(|(a, b)| (a.date, a.time) != (b.date, b.time)).collect();
    let first = differ.first()?;
    let shifts: BTreeSet<Option<i64>> =
        differ.iter().map(|(a, b)| Some((b.modified()? - a.modified()?).num_seconds())).collect();
    let who = share(differ.len(), pairs.len());
    let clock_a = clock(differ.iter().map(|pair| pair.0));
    let clock_b = clock(differ.iter().map(|pair| pair.1));
    let summary = match (shifts.first(), shifts.len()) {
        // One member has no pattern to tell of.
        _ if differ.len() == 1 => format!("{who}: {} in A, {} in B", time(first.0), time(first.1)),
        (Some(Some(shift)), 1) if clock_a.is_none() => {
            format!("{who} shifted by {}", told(*shift))
        }
        (Some(Some(shift)), 1) => {
            let clock = clock_a.unwrap_or_default();
            format!("{who}: one clock in both, {clock} in A, shifted by {} in B", told(*shift))
        }
        _ => {
            let says = |clock: Option<String>| match clock {
                Some(time) => format!("one clock, {time},"),
                None => "a time for each file".to_owned(),
            };
            format!("{who}: {} in A, {} in B", says(clock_a), says(clock_b))
        }
    };
    let names: Vec<&str> = differ.iter().map(|(a, _)| a.name.as_str()).collect();
    let details = differ
        .iter()
        .take(limits.listed)
        .map(|(a, b)| Detail::values(a.name.as_str(), Some(time(a)), Some(time(b))));
    let finding = Finding::new(Cause::Timestamps, Level::Container, summary);
    Some(finding.of_all(&names, limits.listed).with(details))
}

/// The one time that all of them have, if they have one.
fn clock<'e>(mut entries: impl Iterator<Item = &'e Entry>) -> Option<String> {
    let first = entries.next()?;
    let same = |e: &Entry| (e.date, e.time) == (first.date, first.time);
    entries.all(same).then(|| time(first))
}

fn time(entry: &Entry) -> String {
    match entry.modified() {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        None => format!("no date ({:04x} {:04x})", entry.date, entry.time),
    }
}

/// Seconds with their sign, and as hours where they are a zone's.
fn told(seconds: i64) -> String {
    let quarters = seconds % 900 == 0 && seconds.abs() <= 14 * 3600;
    match quarters {
        true => format!("{seconds:+} s (as another time zone would)"),
        false => format!("{seconds:+} s"),
    }
}

pub(super) fn share(some: usize, all: usize) -> String {
    match (some, all) {
        (1, 1) => "the one member".to_owned(),
        (some, all) if some == all => format!("all {all} members"),
        (some, all) => format!("{some} of {all} members"),
    }
}

/// At most `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
