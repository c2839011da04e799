//! Which of a project's files a rule is about.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;
use version_ranges::Ranges;

use super::versions::Versions;
use crate::filename::{DistFilename, Tag};

/// `versions`, `kinds` and `tags` of a rule. What is absent asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The versions, as PEP 440 compares them with specifiers.
    pub versions: Option<Versions>,
    /// The kinds; empty for all.
    pub kinds: BTreeSet<Kind>,
    /// Every tag of a wheel's name must be one of these; empty for any, and for no tags, as of a source
    /// distribution.
    pub tags: BTreeSet<TagPattern>,
    /// The package indexes that the file may be from; empty for any, and for files of which nobody says it.
    pub indexes: BTreeSet<IndexPattern>,
}

/// A package index by its URL, compared whole, but for a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexPattern(String);

/// What a rule is about instead of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other<'a> {
    /// Other versions.
    Versions(&'a Versions),
    /// Other kinds.
    Kinds(&'a BTreeSet<Kind>),
    /// Other tags.
    Tags(&'a BTreeSet<TagPattern>),
    /// Other indexes.
    Indexes(&'a BTreeSet<IndexPattern>),
}

impl fmt::Display for Other<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |words: Vec<String>| words.join(", ");
        match self {
            Self::Versions(versions) => write!(f, "versions {versions}"),
            Self::Kinds(kinds) => {
                write!(f, "kinds {}", listed(kinds.iter().map(ToString::to_string).collect()))
            }
            Self::Tags(tags) => {
                write!(f, "tags {}", listed(tags.iter().map(ToString::to_string).collect()))
            }
            Self::Indexes(all) => {
                write!(f, "indexes {}", listed(all.iter().map(|it| it.0.clone()).collect()))
            }
        }
    }
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
}

/// Tags of which each part is the same or `*`, such as `cp312-cp312-*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagPattern([String; 3]);

impl Files {
    /// Whether the file is one of them, from the index at which it was found.
    pub fn hold(&self, file: &DistFilename, index: Option<&str>) -> bool {
        self.other_than(file, index).is_none()
    }

    /// Whether the file is one of them, by any of its tags: what is taken needs all of them, what is refused one.
    pub fn touch(&self, file: &DistFilename) -> bool {
        let tagged = |tags: &BTreeSet<Tag>| tags.iter().any(|tag| self.matched(tag));
        match (self.named_otherwise(file), file) {
            (Some(Other::Tags(_)), DistFilename::Wheel(wheel)) => tagged(wheel.tags()),
            (other, _) => other.is_none(),
        }
    }

    fn matched(&self, tag: &Tag) -> bool {
        self.tags.iter().any(|pattern| pattern.matches(tag))
    }

    /// What keeps the file from being one of them.
    pub fn other_than(&self, file: &DistFilename, index: Option<&str>) -> Option<Other<'_>> {
        let elsewhere =
            || !self.indexes.is_empty() && !index.is_some_and(|index| self.are_of(index));
        let otherwise = self.named_otherwise(file);
        otherwise.or_else(|| elsewhere().then_some(Other::Indexes(&self.indexes)))
    }

    /// Whether an index is one of `indexes`.
    pub(super) fn are_of(&self, index: &str) -> bool {
        self.indexes.iter().any(|pattern| pattern.is(index))
    }

    /// The same by the name of the file alone.
    fn named_otherwise(&self, file: &DistFilename) -> Option<Other<'_>> {
        let (kind, tags) = match file {
            DistFilename::Wheel(wheel) => (Kind::Wheel, Some(wheel.tags())),
            DistFilename::Sdist(_) => (Kind::Sdist, None),
        };
        let matched = |tags: &BTreeSet<Tag>| tags.iter().all(|tag| self.matched(tag));
        let versions = self.versions.as_ref();
        if let Some(others) = versions.filter(|it| !it.contain(file.version())) {
            Some(Other::Versions(others))
        } else if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
            Some(Other::Kinds(&self.kinds))
        } else if !self.tags.is_empty() && !tags.is_some_and(matched) {
            Some(Other::Tags(&self.tags))
        } else {
            None
        }
    }

    /// The versions as ranges, to tell whether one set of them is within another.
    pub(super) fn range(&self) -> Ranges<Version> {
        self.versions.as_ref().map_or_else(Ranges::full, |versions| versions.range().clone())
    }

    /// The kinds that files of them can be of.
    pub(super) fn possible_kinds(&self) -> impl Iterator<Item = Kind> {
        let named = |kind: &Kind| self.kinds.is_empty() || self.kinds.contains(kind);
        let tagged = |kind: &Kind| self.tags.is_empty() || *kind == Kind::Wheel;
        [Kind::Wheel, Kind::Sdist].into_iter().filter(named).filter(tagged)
    }

    /// Whether all of `other` that are of a kind are among these, versions apart.
    pub(super) fn cover_but_for_versions(&self, kind: Kind, other: &Self) -> bool {
        let covered = |pattern: &TagPattern| self.tags.iter().any(|mine| mine.covers(pattern));
        let anywhere = self.indexes.is_empty()
            || (!other.indexes.is_empty() && other.indexes.is_subset(&self.indexes));
        anywhere
            && self.possible_kinds().any(|mine| mine == kind)
            && (self.tags.is_empty() || (!other.tags.is_empty() && other.tags.iter().all(covered)))
    }
}

impl TagPattern {
    fn matches(&self, tag: &Tag) -> bool {
        let parts = [&tag.python, &tag.abi, &tag.platform];
        self.0.iter().zip(parts).all(|(pattern, part)| pattern == "*" || pattern == part)
    }

    fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, other)| mine == "*" || mine == other)
    }
}

/// What an index must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the URL of a package index: `https://host/path`, without user information, query and fragment"
)]
pub struct IndexPatternError;

impl IndexPattern {
    fn is(&self, index: &str) -> bool {
        index.parse::<Self>().is_ok_and(|index| index == *self)
    }
}

impl FromStr for IndexPattern {
    type Err = IndexPatternError;

    fn from_str(text: &str) -> Result<Self, IndexPatternError> {
        let url = url::Url::parse(text).map_err(|_| IndexPatternError)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let known = matches!(url.scheme(), "https" | "http") && url.has_host();
        match plain && known && !text.contains(['*', '{', '}']) {
            true => Ok(Self(url.as_str().trim_end_matches('/').to_owned())),
            false => Err(IndexPatternError),
        }
    }
}

impl fmt::Display for IndexPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a kind must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of file: `wheel` or `sdist`")]
pub struct KindError;

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        match text {
            "wheel" => Ok(Self::Wheel),
            "sdist" => Ok(Self::Sdist),
            _ => Err(KindError),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wheel => "wheel",
            Self::Sdist => "sdist",
        })
    }
}

/// What a tag pattern must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a tag: three parts joined by `-`, each a name in lower case or `*`, as in `py3-none-any` or `cp312-cp312-*`"
)]
pub struct TagPatternError;

impl FromStr for TagPattern {
    type Err = TagPatternError;

    fn from_str(text: &str) -> Result<Self, TagPatternError> {
        let name = |part: &str| {
            let character = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            part == "*" || (!part.is_empty() && part.bytes().all(character))
        };
        match text.split('-').collect::<Vec<_>>()[..] {
            [python, abi, platform] if [python, abi, platform].into_iter().all(name) => {
                Ok(Self([python, abi, platform].map(str::to_owned)))
            }
            _ => Err(TagPatternError),
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("-"))
    }
}
