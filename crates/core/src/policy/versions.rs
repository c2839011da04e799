//! Version specifiers in a policy.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use version_ranges::Ranges;

/// The versions that specifiers name (PEP 440, "Version specifiers").
///
/// A file's local version (`1.0+cpu`) counts as its public one, of which it is a variant, so that no label takes a
/// file out of a rule or a revocation. What is asked of one version and of two sets of them is asked of the same
/// ranges; the library's own comparison of single versions leaves `2` out of `!=2.1.*`, and `2.0rc1` out of `<2.0rc2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    written: VersionSpecifiers,
    range: Ranges<Version>,
}

/// Specifiers that are refused when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionsError {
    /// They cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// There are none.
    #[error("no specifier: leave `versions` out to name every version")]
    Empty,
    /// No version is all of what they say.
    #[error("no version is all of this")]
    Nothing,
    /// `===` compares spellings, of which one version has several.
    #[error("`===` compares how a version is written: write `==`")]
    Arbitrary,
    /// A local version.
    #[error("a local version (`+…`) counts as its public one: leave the label out")]
    Local,
}

impl Versions {
    /// Whether a version is one of them.
    pub fn contain(&self, version: &Version) -> bool {
        self.range.contains(&version.clone().without_local())
    }

    /// As ranges of public versions.
    pub(super) fn range(&self) -> &Ranges<Version> {
        &self.range
    }
}

impl FromStr for Versions {
    type Err = VersionsError;

    fn from_str(text: &str) -> Result<Self, VersionsError> {
        if text.trim().is_empty() {
            return Err(VersionsError::Empty);
        }
        let written: VersionSpecifiers =
            text.parse().map_err(|error: pep440_rs::VersionSpecifiersParseError| {
                VersionsError::Malformed(error.to_string())
            })?;
        for specifier in written.iter() {
            if *specifier.operator() == Operator::ExactEqual {
                return Err(VersionsError::Arbitrary);
            }
            if !specifier.version().local().is_empty() {
                return Err(VersionsError::Local);
            }
        }
        let range = Ranges::from(written.clone());
        if range.is_empty() {
            return Err(VersionsError::Nothing);
        }
        Ok(Self { written, range })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `packaging` has it, but for the pre-releases of `~=2.1` and `>=2`, which it asks for by another switch.
    #[test]
    fn versions_are_held_against_specifiers_by_what_they_are() {
        for (specifiers, within, without) in [
            (
                "==2.1.*",
                &["2.1", "2.1.0", "2.1.7", "2.1rc1", "2.1.dev0", "2.1+x"][..],
                &["2", "2.0", "2.2", "2.2.dev0", "1!2.1"][..],
            ),
            ("!=2.1.*", &["2", "2.0", "2.0.0", "2.2", "1!2.1"], &["2.1", "2.1.3", "2.1rc1"]),
            ("<2.0rc2", &["2.0rc1", "2.0a1", "2.0.dev0", "1.9"], &["2.0rc2", "2.0", "2"]),
            ("<2", &["1.9", "1.9.post1"], &["2", "2.0", "2.0rc1", "2.0.dev0"]),
            ("<1!2.0", &["2.0rc1", "99", "1!1.9"], &["1!2.0", "1!2", "1!2.0rc1"]),
            ("<=1.0", &["1", "1.0", "1.0.0", "1.0+cpu", "0.9"], &["1.0.post1", "1.1"]),
            ("==1.0", &["1", "1.0", "1.0.0", "v1.0", "1.0+cpu"], &["1.0.post1", "1.0rc1", "1!1.0"]),
            ("!=1.0", &["1.1", "1.0.post1"], &["1", "1.0+cpu"]),
            (">1.0", &["1.1", "1.0.1"], &["1.0", "1.0+cpu", "1.0.post1"]),
            (">=1.0", &["1.0", "1.0+cpu", "1.0.post1", "2.0rc1"], &["1.0rc1", "0.9"]),
            ("~=2.1", &["2.1", "2.9"], &["3.0", "2.0", "3.0.dev1"]),
        ] {
            let versions: Versions = specifiers.parse().expect(specifiers);
            let has = |text: &str| versions.contain(&text.parse().expect(text));
            for text in within {
                assert!(has(text), "{text} is {specifiers}");
            }
            for text in without {
                assert!(!has(text), "{text} is not {specifiers}");
            }
        }
    }

    #[test]
    fn what_says_nothing_or_compares_spellings_is_refused() {
        let error = |text: &str| text.parse::<Versions>().expect_err(text);
        assert_eq!(error(""), VersionsError::Empty);
        assert_eq!(error(" "), VersionsError::Empty);
        assert_eq!(error("===1.0"), VersionsError::Arbitrary);
        assert_eq!(error("==1.0+cpu"), VersionsError::Local);
        assert_eq!(error(">2,<1"), VersionsError::Nothing);
        assert!(matches!(error("about 2"), VersionsError::Malformed(_)));
    }
}
