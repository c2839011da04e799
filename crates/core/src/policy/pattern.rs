//! Patterns for git refs: always anchored, never a regular expression.

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

/// A pattern over the full name of a ref.
///
/// `*` stands for any run of characters without `/`; `{version}` stands for the wheel's version,
/// compared as PEP 440 compares versions, so that `v1.0` and `v1.0.0` are one and `v1.0.1` is another. Beside a `*` it
/// is the whole version that stands there: `1.0-1` is 1.0.post1, and not 1.0 with something behind it.
/// Everything else stands for itself, and the whole name must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPattern {
    text: String,
    /// The literal text before the first wildcard.
    start: String,
    /// Each wildcard and the literal text after it.
    rest: Vec<(Wildcard, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    Any,
    Version,
}

/// A pattern that is refused when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ref pattern `{}`: {because}", .pattern.escape_debug())]
pub struct RefPatternError {
    pattern: String,
    because: &'static str,
}

/// Wildcards in one pattern; bounds the work of matching.
const MAX_WILDCARDS: usize = 3;

impl RefPattern {
    /// Whether the full ref name matches for a wheel of this version.
    pub fn matches(&self, name: &str, version: &Version) -> bool {
        let at = self.start.len();
        name.starts_with(&self.start) && Match { name, version }.rest(&self.rest, at, None)
    }

    /// The one name that it stands for, where it has no wildcard.
    pub(super) fn only(&self) -> Option<&str> {
        self.rest.is_empty().then_some(self.start.as_str())
    }
}

/// A name that is held against a pattern.
struct Match<'a> {
    name: &'a str,
    version: &'a Version,
}

impl Match<'_> {
    /// Whether the name from `at` on is what is left of the pattern. `open` is where a `*` before it began, within the
    /// same segment.
    fn rest(&self, rest: &[(Wildcard, String)], at: usize, open: Option<usize>) -> bool {
        let Some(((wildcard, literal), rest)) = rest.split_first() else {
            return at == self.name.len();
        };
        let segment = self.name[at..].find('/').map_or(self.name.len(), |slash| at + slash);
        let within = !literal.contains('/');
        let then_any = within && matches!(rest.first(), Some((Wildcard::Any, _)));
        let begun = match wildcard {
            Wildcard::Any => open.or(Some(at)),
            Wildcard::Version => None,
        };
        (at..=segment).filter(|end| self.name.is_char_boundary(*end)).any(|end| {
            let fits = match wildcard {
                Wildcard::Any => true,
                Wildcard::Version => {
                    self.read(at, end).is_some_and(|found| found == *self.version)
                        && !self.is_part(at, end, open, then_any.then_some(segment))
                }
            };
            fits && self.name[end..].starts_with(literal.as_str())
                && self.rest(rest, end + literal.len(), begun.filter(|_| within))
        })
    }

    /// A version as it stands in a tag: PEP 440 would also take a second `v` or white space in front.
    fn read(&self, start: usize, end: usize) -> Option<Version> {
        let text = self.name.get(start..end)?;
        let plain =
            text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(char::is_whitespace);
        plain.then(|| text.parse().ok()).flatten()
    }

    /// Whether a version is a part of another one, of which a `*` beside it would take the rest: `1.0` of `1.0-1`. The
    /// name is that one's.
    fn is_part(
        &self,
        start: usize,
        end: usize,
        before: Option<usize>,
        after: Option<usize>,
    ) -> bool {
        let other = |from, to| self.read(from, to).is_some_and(|found| found != *self.version);
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let begins = |at: usize| {
            let last = self.name.get(..at).and_then(|text| text.chars().next_back());
            matches!(last, Some('v' | 'V')) || !letter(last)
        };
        let ends = |at: usize| !letter(self.name.get(at..).and_then(|text| text.chars().next()));
        before.is_some_and(|from| (from..start).any(|at| begins(at) && other(at, end)))
            || after.is_some_and(|to| (end + 1..=to).any(|at| ends(at) && other(start, at)))
    }
}

impl FromStr for RefPattern {
    type Err = RefPatternError;

    fn from_str(text: &str) -> Result<Self, RefPatternError> {
        let error = |because| Err(RefPatternError { pattern: text.to_owned(), because });
        if !text.starts_with("refs/") {
            return error("a full ref name begins with `refs/`, as in `refs/tags/v{version}`");
        }
        let mut literals = vec![String::new()];
        let mut wildcards = Vec::new();
        let mut remaining = text;
        while let Some(character) = remaining.chars().next() {
            if let Some(after) = remaining.strip_prefix("{version}") {
                wildcards.push(Wildcard::Version);
                literals.push(String::new());
                remaining = after;
                continue;
            }
            match character {
                '*' => {
                    wildcards.push(Wildcard::Any);
                    literals.push(String::new());
                }
                '{' | '}' => return error("`{version}` is the only thing that braces may hold"),
                '?' | '[' | ']' | '\\' | '^' | '$' => {
                    return error(
                        "no ref name holds this character, and patterns know only `*` and `{version}`",
                    );
                }
                _ => literals.last_mut().into_iter().for_each(|text| text.push(character)),
            }
            remaining = &remaining[character.len_utf8()..];
        }
        if wildcards.len() > MAX_WILDCARDS {
            return error("more than three wildcards");
        }
        let mut apart = literals[1..].iter().zip(wildcards.windows(2));
        // Either could take some of the digits: `v{version}*` would hold of `v1.0.1` for 1.0.
        if apart.any(|(between, of)| between.is_empty() && of.contains(&Wildcard::Version)) {
            return error(
                "`{version}` directly beside another wildcard, which would take a part of it",
            );
        }
        let mut literals = literals.into_iter();
        let start = literals.next().unwrap_or_default();
        Ok(Self {
            text: text.to_owned(),
            start,
            rest: wildcards.into_iter().zip(literals).collect(),
        })
    }
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str, version: &str) -> bool {
        let version = version.parse().expect("a version");
        pattern.parse::<RefPattern>().expect("a pattern").matches(name, &version)
    }

    #[test]
    fn the_whole_name_must_match() {
        assert!(matches("refs/heads/main", "refs/heads/main", "1"));
        assert!(!matches("refs/heads/main", "refs/heads/main2", "1"));
        assert!(!matches("refs/heads/main", "x/refs/heads/main", "1"));
        assert!(matches("refs/tags/*", "refs/tags/v1", "1"));
        assert!(!matches("refs/tags/*", "refs/tags/fork/v1", "1"));
    }

    #[test]
    fn a_version_is_compared_as_a_version() {
        assert!(matches("refs/tags/v{version}", "refs/tags/v1.0", "1.0.0"));
        assert!(!matches("refs/tags/v{version}", "refs/tags/vv1.0", "1.0"));
        assert!(!matches("refs/tags/v{version}", "refs/tags/v1.0", "1.0.1"));
        assert!(!matches("refs/tags/v{version}", "refs/tags/v1.0", "1!1.0"));
        assert!(!matches("refs/tags/v{version}", "refs/tags/v1.0.post1", "1.0"));
        assert!(matches("refs/tags/{version}-*", "refs/tags/1.0-final", "1.0"));
    }

    #[test]
    fn no_part_of_a_version_is_taken_for_it() {
        for (pattern, name, version) in [
            ("refs/tags/{version}-*", "refs/tags/1.0-1", "1.0"),
            ("refs/tags/{version}-*", "refs/tags/1.0-rc1", "1.0"),
            ("refs/tags/v{version}.*", "refs/tags/v1.0.5", "1.0"),
            ("refs/tags/v{version}.*", "refs/tags/v1.0.5-x", "1.0"),
            ("refs/tags/*-{version}", "refs/tags/demo-1-1", "1"),
            ("refs/tags/*.{version}", "refs/tags/v2.1", "1"),
            ("refs/tags/*1.{version}", "refs/tags/11.0", "0"),
        ] {
            assert!(!matches(pattern, name, version), "{pattern} {name} {version}");
        }
        for (pattern, name, version) in [
            ("refs/tags/{version}-*", "refs/tags/1.0-1a2b3c", "1.0"),
            ("refs/tags/*-v{version}", "refs/tags/demo-2-v1.0", "1.0"),
            ("refs/tags/*-{version}", "refs/tags/py3-1.0", "1.0"),
            ("refs/tags/*/{version}", "refs/tags/1/1", "1"),
        ] {
            assert!(matches(pattern, name, version), "{pattern} {name} {version}");
        }
    }

    #[test]
    fn patterns_that_say_something_else_than_they_seem_are_refused() {
        for pattern in [
            "main",
            "refs/tags/v[0-9]*",
            "^refs/tags/v",
            "refs/{owner}",
            "refs/*/*/*/*/*",
            "refs/tags/v{version}*",
            "refs/tags/*{version}",
            "refs/tags/{version}{version}",
        ] {
            assert!(pattern.parse::<RefPattern>().is_err(), "{pattern}");
        }
    }
}
