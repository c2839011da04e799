//! Where each member of a wheel comes from, without a build: a file of the source, what a backend generates from the
//! source, something compiled, or nothing that is known.
//!
//! [`trace`] claims only what it has compared: a copy has the bytes of the source's file of the same name, and what is
//! generated is worked out again from the source and held against the member. Everything else is unexplained, and shown
//! with what of the source is nearest to it. What Python would run by itself is never generated: a `.pth` is a copy or
//! unexplained.

mod entry_points;
mod generated;
mod metadata;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use similar::{Algorithm, capture_diff_slices, group_diff_ops};

use crate::digest::Sha256Digest;
use crate::dist::Metadata;
use crate::report::Escaped;

/// The `schema` of a trace.
pub const TRACE_SCHEMA: &str = "https://wheelmark.dev/trace/v1";

/// Lines that are shown of a difference.
const SHOWN_LINES: usize = 24;

/// Lines of a text that is aligned with another; the work may grow with the square.
const ALIGNED_LINES: usize = 5_000;

/// Bytes of a member or file that are read to compare texts.
pub const TEXT_LIMIT: u64 = 1 << 20;

/// The source of a wheel, as a trace asks for it.
pub trait Source {
    /// Its files, by their paths from its top, with the digests of their contents.
    fn files(&self) -> &BTreeMap<String, Sha256Digest>;
    /// The content of a file, where it has at most [`TEXT_LIMIT`] bytes.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Its PKG-INFO.
    fn metadata(&self) -> &Metadata;
}

/// A member that is to be traced.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    /// Its name.
    pub name: &'a str,
    /// The digest of its content.
    pub sha256: Sha256Digest,
    /// Its content, where it has at most [`TEXT_LIMIT`] bytes.
    pub content: Option<&'a [u8]>,
}

/// Where a member comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Origin {
    /// A file of the source has these bytes and this name, in the same directories or below more of them.
    Copied {
        /// Its path.
        path: String,
    },
    /// A backend generates it; worked out again from the source, it says the same.
    Generated {
        /// From what.
        from: String,
    },
    /// A file of the source, changed as installers and backends change it.
    Derived {
        /// Its path.
        path: String,
        /// How it was changed.
        by: &'static str,
    },
    /// Machine code. That it was compiled from the source is not shown.
    Compiled,
    /// Nothing known makes it.
    Unexplained {
        /// What is wrong, or what kind of thing it is.
        why: String,
        /// The file of the source that is nearest to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
        /// The difference: ` ` both, `-` the source, `+` the wheel.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        lines: Vec<String>,
    },
}

impl Origin {
    fn unexplained(why: impl Into<String>) -> Self {
        Self::Unexplained { why: why.into(), nearest: None, lines: Vec::new() }
    }

    /// Whether it is shown where it comes from.
    pub fn is_explained(&self) -> bool {
        !matches!(self, Self::Compiled | Self::Unexplained { .. })
    }
}

/// A member and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name.
    pub member: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Traces every member of a wheel whose RECORD is true of it, and whose metadata is `metadata`; directories are left
/// out by the caller.
pub fn trace(members: &[Traced<'_>], metadata: &Metadata, source: &dyn Source) -> Vec<Line> {
    let mut by_digest: BTreeMap<Sha256Digest, Vec<&str>> = BTreeMap::new();
    for (path, sha256) in source.files() {
        by_digest.entry(*sha256).or_default().push(path);
    }
    let same = |member: &Traced<'_>| by_digest.get(&member.sha256).map_or(&[][..], Vec::as_slice);
    let roots = roots(members.iter().map(|member| (member.name, same(member))));
    let lines = members.iter().map(|member| {
        let same = same(member);
        let origin = match copied_from(member.name, same, &roots) {
            Some(path) => Origin::Copied { path: path.to_owned() },
            None => made(member, members, same, metadata, source),
        };
        Line { member: member.name.to_owned(), origin }
    });
    lines.collect()
}

/// The directories of the source below which packages lie: its top, `src`, and each other below which there are the
/// files of several members. A file of a test's data is no module only because it has the name of one.
fn roots<'a>(copies: impl Iterator<Item = (&'a str, &'a [&'a str])>) -> BTreeSet<&'a str> {
    const SEVERAL: usize = 2;
    const NOT_PACKAGED: [&str; 6] = ["test", "tests", "doc", "docs", "examples", "data"];
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, same) in copies {
        for root in same.iter().filter_map(|path| root_of(path, plain_name(name))) {
            *counts.entry(root).or_default() += 1;
        }
    }
    let several = counts.into_iter().filter(|(root, count)| {
        *count >= SEVERAL && !root.split('/').any(|part| NOT_PACKAGED.contains(&part))
    });
    several.map(|(root, _)| root).chain(["", "src"]).collect()
}

/// What stands before a name in a path.
fn root_of<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    match path.strip_suffix(name)? {
        "" => Some(""),
        root => root.strip_suffix('/'),
    }
}

/// Where a member comes from that is no copy.
fn made(
    member: &Traced<'_>,
    members: &[Traced<'_>],
    same: &[&str],
    metadata: &Metadata,
    source: &dyn Source,
) -> Origin {
    if let Some(origin) = generated::origin(member, members, metadata, source) {
        return origin;
    }
    if let Some(origin) = script(member, source) {
        return origin;
    }
    if is_compiled(member) {
        return Origin::Compiled;
    }
    nearest(member, same, source)
}

/// The name by which a member is known in the source: without the directory of a scheme.
fn plain_name(name: &str) -> &str {
    match name.split_once(".data/") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => name,
    }
}

/// Of the files with a member's bytes, the one with its name below one of the roots. What lies in `.dist-info` may be
/// from anywhere, as licences are; but then it keeps the name of the file.
fn copied_from<'a>(member: &str, same: &[&'a str], roots: &BTreeSet<&str>) -> Option<&'a str> {
    let fits = |path: &str| match member.split_once(".dist-info/") {
        Some((_, inside)) => Path::new(path).file_name() == Path::new(inside).file_name(),
        // Scripts have no root of their own: their directory is not installed.
        None if member.contains(".data/scripts/") => Path::new(path).ends_with(plain_name(member)),
        None => root_of(path, plain_name(member)).is_some_and(|root| roots.contains(root)),
    };
    same.iter().copied().filter(|path| fits(path)).min_by_key(|path| path.len())
}

/// A script of the source with another first line: `#!python` stands for the interpreter that will run it.
fn script(member: &Traced<'_>, source: &dyn Source) -> Option<Origin> {
    let (_, name) = member.name.split_once(".data/scripts/")?;
    let (first, rest) = split_first_line(member.content?)?;
    if !first.starts_with(b"#!python") {
        return None;
    }
    let mut paths = source.files().keys().filter(|path| Path::new(path).ends_with(name));
    let path = paths.find(|path| {
        let content = source.read(path).unwrap_or_default();
        split_first_line(&content)
            .is_some_and(|(first, own)| first.starts_with(b"#!") && own == rest)
    })?;
    Some(Origin::Derived { path: path.clone(), by: "its first line, which names the interpreter" })
}

fn split_first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some(bytes.split_at(end))
}

fn is_compiled(member: &Traced<'_>) -> bool {
    const MACHINE_CODE: [&[u8]; 6] = [
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"!<arch>\n",
    ];
    let name = Path::new(member.name);
    let extension = name.extension().and_then(|extension| extension.to_str());
    let named = matches!(extension, Some("so" | "pyd" | "dll" | "dylib" | "exe" | "a" | "lib"))
        || member.name.contains(".so.");
    // Content that is too large to be kept is judged by its name alone.
    named
        && member
            .content
            .is_none_or(|content| MACHINE_CODE.iter().any(|magic| content.starts_with(magic)))
}

/// What of the source is most like a member that nothing explains.
fn nearest(member: &Traced<'_>, same: &[&str], source: &dyn Source) -> Origin {
    if let Some(path) = same.first() {
        let why = "the same bytes stand in the source under another name".to_owned();
        return Origin::Unexplained { why, nearest: Some((*path).to_owned()), lines: Vec::new() };
    }
    let name = plain_name(member.name);
    let file = Path::new(name).file_name().unwrap_or_default();
    let named = |whole: bool| {
        let fits = |path: &&String| match whole {
            true => Path::new(path).ends_with(name),
            false => Path::new(path).file_name() == Some(file),
        };
        source.files().keys().filter(fits).min_by_key(|path| path.len())
    };
    let Some(path) = named(true).or_else(|| named(false)) else {
        return Origin::unexplained(format!("the source has no file of this name{}", kind(name)));
    };
    let own = source.read(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let here = member.content.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let lines = match (own, here) {
        (Some(own), Some(here)) => changed_lines(&own, here),
        _ => Vec::new(),
    };
    let why = format!("the source's file of this name has other bytes{}", kind(name));
    Origin::Unexplained { why, nearest: Some(path.clone()), lines }
}

/// What a person should know of a member by its name.
fn kind(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("pth") => "; Python runs it at every start",
        Some("pyc") => "; Python may run it instead of its source",
        _ => "",
    }
}

/// The changed lines of two texts, with what stands around them, at most [`SHOWN_LINES`]; none of texts that would take
/// long.
fn changed_lines(own: &str, here: &str) -> Vec<String> {
    let (own, here): (Vec<&str>, Vec<&str>) = (own.lines().collect(), here.lines().collect());
    if own.len().max(here.len()) > ALIGNED_LINES {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for group in group_diff_ops(capture_diff_slices(Algorithm::Myers, &own, &here), 1) {
        for change in group.iter().flat_map(|op| op.iter_changes(&own, &here)) {
            lines.push(format!("{}{}", change.tag(), Escaped(change.value())));
        }
    }
    lines.truncate(SHOWN_LINES);
    lines
}

#[cfg(test)]
mod tests;
