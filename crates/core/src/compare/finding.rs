//! What a comparison found: a level for the whole, and findings that each name a cause.

use serde::Serialize;

use super::Cause;
use crate::digest::Sha256Digest;

/// The `schema` of a comparison.
pub const DIFF_SCHEMA: &str = "https://wheelmark.dev/diff/v1";

/// How far apart two wheels are. The level of the whole is that of its gravest finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// L0: the files are the same bytes.
    Identical,
    /// L1: the zip container differs (order, times, permission bits, compression); every member has the
    /// same bytes and none became executable.
    Container,
    /// L2: besides, RECORD and the `Generator` line of WHEEL differ.
    RecordAndGenerator,
    /// L3: besides, other metadata differs; what is installed as code does not.
    Metadata,
    /// L4: code differs, or an entry point, or what may be executed; or one wheel contradicts itself, so
    /// that whether it can be installed differs.
    Code,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its cause.
    pub cause: Cause,
    /// How far it sets the wheels apart.
    pub level: Level,
    /// One line: what differs, with the values.
    pub summary: String,
    /// The members it was found in, as the first wheel names them; none where it is about the whole
    /// file. At most [`CompareLimits::listed`](crate::limits::CompareLimits::listed).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// In how many members it was found.
    pub member_count: usize,
    /// The evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Detail {
    /// The same thing in both wheels; nothing where one has it not.
    Values {
        /// Which thing.
        what: String,
        /// In the first wheel.
        a: Option<String>,
        /// In the second.
        b: Option<String>,
    },
    /// Lines of text: ` ` both, `-` the first, `+` the second, `@` a place.
    Hunk {
        /// The lines.
        lines: Vec<String>,
    },
    /// A remark, such as what was not looked at.
    Note {
        /// Its text.
        text: String,
    },
}

/// A wheel that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Its file name.
    pub filename: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Bytes of the file.
    pub size: u64,
    /// Number of members.
    pub members: usize,
}

/// Two wheels held against each other.
///
/// There is no `identical: bool` to forget: ask for the [`level`](Self::level).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WheelDiff {
    schema: &'static str,
    level: Level,
    /// The first wheel.
    pub a: Compared,
    /// The second wheel.
    pub b: Compared,
    findings: Vec<Finding>,
}

impl WheelDiff {
    /// Puts a comparison together. The level follows from the digests and the findings; files that
    /// differ without a finding are given one, so that no difference goes unnamed.
    pub(super) fn new(a: Compared, b: Compared, mut findings: Vec<Finding>) -> Self {
        let named_bytes = |finding: &Finding| finding.cause != Cause::Filename;
        if a.sha256 != b.sha256 && !findings.iter().any(named_bytes) {
            let summary = "the files are not the same bytes, yet no field of theirs differs";
            findings.push(Finding::new(Cause::ContainerBytes, Level::Container, summary));
        }
        findings.sort_by(|x, y| {
            let key = |f: &Finding| (std::cmp::Reverse(f.level), f.cause);
            key(x).cmp(&key(y)).then_with(|| x.members.cmp(&y.members))
        });
        let gravest = findings.iter().map(|finding| finding.level).max();
        Self { schema: DIFF_SCHEMA, level: gravest.unwrap_or(Level::Identical), a, b, findings }
    }

    /// How far apart the two are.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Every difference, the gravest first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// A line for each finding: where, and the cause. Text from the wheels in it is escaped.
    pub fn causes(&self) -> Vec<String> {
        self.findings.iter().map(Finding::line).collect()
    }
}

impl Level {
    /// The name used in tables: `L0` to `L4`.
    pub fn code(self) -> &'static str {
        match self {
            Level::Identical => "L0",
            Level::Container => "L1",
            Level::RecordAndGenerator => "L2",
            Level::Metadata => "L3",
            Level::Code => "L4",
        }
    }

    /// What that level means, in a line.
    pub fn explanation(self) -> &'static str {
        match self {
            Level::Identical => "the same bytes",
            Level::Container => "only the zip container differs; every member has the same bytes",
            Level::RecordAndGenerator => "only RECORD and the generator line differ in content",
            Level::Metadata => "metadata differs; the code does not",
            Level::Code => "what is installed or run differs",
        }
    }
}

impl Finding {
    pub(super) fn new(cause: Cause, level: Level, summary: impl Into<String>) -> Self {
        Self {
            cause,
            level,
            summary: summary.into(),
            members: Vec::new(),
            member_count: 0,
            details: Vec::new(),
        }
    }

    pub(super) fn of(mut self, member: &str) -> Self {
        self.members.push(member.to_owned());
        self.member_count += 1;
        self
    }

    /// Several members, of which at most `listed` are named.
    pub(super) fn of_all(mut self, members: &[&str], listed: usize) -> Self {
        self.members = members.iter().take(listed).map(ToString::to_string).collect();
        self.member_count = members.len();
        self
    }

    pub(super) fn with(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(details);
        self
    }
}

impl Detail {
    pub(super) fn values(what: impl Into<String>, a: Option<String>, b: Option<String>) -> Self {
        let what = what.into();
        Detail::Values { what, a, b }
    }

    pub(super) fn note(text: impl Into<String>) -> Self {
        Detail::Note { text: text.into() }
    }
}

/// A difference inside one member, before it is known which member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clue {
    pub(super) cause: Cause,
    pub(super) summary: String,
    pub(super) details: Vec<Detail>,
}

impl Clue {
    pub(super) fn new(cause: Cause, summary: impl Into<String>) -> Self {
        Self { cause, summary: summary.into(), details: Vec::new() }
    }

    pub(super) fn with(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(details);
        self
    }

    pub(super) fn found_in(self, member: &str, level: Level) -> Finding {
        let finding = Finding::new(self.cause, level, self.summary);
        finding.of(member).with(self.details)
    }
}
