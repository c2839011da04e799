//! Patterns for git refs: always anchored, never a regular expression.

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

/// A pattern over the full name of a ref.
///
/// `*` stands for any run of characters without `/`; `{version}` stands for the wheel's version,
/// compared as PEP 440 compares versions, so that `v1.0` and `v1.0.0` are one and `v1.0.1` is another.
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
        name.strip_prefix(self.start.as_str())
            .is_some_and(|name| matches_rest(&self.rest, name, version))
    }
}

fn matches_rest(rest: &[(Wildcard, String)], name: &str, version: &Version) -> bool {
    let Some(((wildcard, literal), rest)) = rest.split_first() else {
        return name.is_empty();
    };
    let segment = name.find('/').unwrap_or(name.len());
    (0..=segment).filter(|end| name.is_char_boundary(*end)).any(|end| {
        let (taken, remaining) = name.split_at(end);
        let fits = match wildcard {
            Wildcard::Any => true,
            // As it stands in a tag: PEP 440 would also take a second `v` or white space in front.
            Wildcard::Version => {
                taken.starts_with(|c: char| c.is_ascii_digit())
                    && !taken.contains(char::is_whitespace)
                    && taken.parse::<Version>().is_ok_and(|found| found == *version)
            }
        };
        fits && remaining
            .strip_prefix(literal.as_str())
            .is_some_and(|remaining| matches_rest(rest, remaining, version))
    })
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
    fn patterns_that_say_something_else_than_they_seem_are_refused() {
        for pattern in
            ["main", "refs/tags/v[0-9]*", "^refs/tags/v", "refs/{owner}", "refs/*/*/*/*/*"]
        {
            assert!(pattern.parse::<RefPattern>().is_err(), "{pattern}");
        }
    }
}
