//! Artifact rules as they are written (in-toto specification v1.0, 4.3.3).

use std::fmt;

use super::names::check_artifact;
use super::pattern::Pattern;
use crate::limits;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Takes what a step made.
    Create(Pattern),
    /// Takes what a step removed.
    Delete(Pattern),
    /// Takes what a step changed.
    Modify(Pattern),
    /// Takes whatever matches.
    Allow(Pattern),
    /// Refuses what matches and no rule before it took.
    Disallow(Pattern),
    /// Refuses unless there is this file, which no rule before it took.
    Require(String),
    /// Takes what is the same as an artifact of another step.
    Match(Match),
}

/// `MATCH pattern [IN source] WITH MATERIALS|PRODUCTS [IN destination] FROM step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) pattern: Pattern,
    /// Which artifacts of the step of the rule, without a slash at its end; empty for all.
    pub(super) source: String,
    pub(super) with: Side,
    pub(super) destination: String,
    pub(super) from: String,
}

/// What went into a step, or what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Materials,
    Products,
}

impl Side {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Side::Materials => "materials",
            Side::Products => "products",
        }
    }
}

impl Rule {
    /// Reads a rule from its words. Keywords may be in any case, as in-toto's own reader has it.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("the rule `{}` {what}", words.join(" ")));
        if words.iter().any(|word| word.len() > limits::RULE_WORD) {
            return Err(format!("a rule has a word of more than {} bytes", limits::RULE_WORD));
        }
        let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let lower: Vec<_> = lower.iter().map(String::as_str).collect();
        let (Some(kind), Some(pattern)) = (lower.first(), words.get(1)) else {
            return wrong("has no pattern");
        };
        if *kind != "require" && Pattern::new(pattern).has_empty_range() {
            return wrong("has a set with a range from a later to an earlier character");
        }
        let simple = || words.len() == 2;
        Ok(match *kind {
            "create" if simple() => Self::Create(Pattern::new(pattern)),
            "delete" if simple() => Self::Delete(Pattern::new(pattern)),
            "modify" if simple() => Self::Modify(Pattern::new(pattern)),
            "allow" if simple() => Self::Allow(Pattern::new(pattern)),
            "disallow" if simple() => Self::Disallow(Pattern::new(pattern)),
            "require" if simple() => Self::Require(pattern.clone()),
            "match" => {
                let (source, with, destination, from) = match lower[2..] {
                    ["in", _, "with", with, "in", _, "from", _] => (3, with, 7, 9),
                    ["in", _, "with", with, "from", _] => (3, with, 0, 7),
                    ["with", with, "in", _, "from", _] => (0, with, 5, 7),
                    ["with", with, "from", _] => (0, with, 0, 5),
                    _ => return wrong("is no MATCH … [IN …] WITH … [IN …] FROM …"),
                };
                let with = match with {
                    "materials" => Side::Materials,
                    "products" => Side::Products,
                    _ => return wrong("matches with neither MATERIALS nor PRODUCTS"),
                };
                let prefix = |at: usize| match at {
                    0 => Ok(String::new()),
                    at => prefix(&words[at]),
                };
                let (Ok(source), Ok(destination)) = (prefix(source), prefix(destination)) else {
                    return wrong("looks in a folder that no artifact can be in");
                };
                let (pattern, from) = (Pattern::new(pattern), words[from].clone());
                Self::Match(Match { pattern, source, with, destination, from })
            }
            "create" | "delete" | "modify" | "allow" | "disallow" | "require" => {
                return wrong("has more than its pattern");
            }
            _ => return wrong("is of no known kind"),
        })
    }

    /// Whether it refuses whatever no rule before it took.
    pub(super) fn refuses_the_rest(&self) -> bool {
        matches!(self, Self::Disallow(pattern) if pattern.as_str() == "*")
    }
}

/// A folder, without the slash that may end it.
fn prefix(text: &str) -> Result<String, &'static str> {
    let folder = text.strip_suffix('/').unwrap_or(text);
    match text {
        "" => Ok(String::new()),
        _ => check_artifact(folder).map(|()| folder.to_owned()),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, pattern) = match self {
            Self::Create(pattern) => ("CREATE", pattern.as_str()),
            Self::Delete(pattern) => ("DELETE", pattern.as_str()),
            Self::Modify(pattern) => ("MODIFY", pattern.as_str()),
            Self::Allow(pattern) => ("ALLOW", pattern.as_str()),
            Self::Disallow(pattern) => ("DISALLOW", pattern.as_str()),
            Self::Require(name) => ("REQUIRE", name.as_str()),
            Self::Match(it) => {
                write!(f, "MATCH {}", it.pattern.as_str())?;
                if !it.source.is_empty() {
                    write!(f, " IN {}", it.source)?;
                }
                write!(f, " WITH {}", it.with.as_str().to_uppercase())?;
                if !it.destination.is_empty() {
                    write!(f, " IN {}", it.destination)?;
                }
                return write!(f, " FROM {}", it.from);
            }
        };
        write!(f, "{kind} {pattern}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        Rule::parse(&words).map(|rule| rule.to_string())
    }

    #[test]
    fn every_form_of_a_rule_is_read() {
        for text in [
            "CREATE a",
            "DELETE a",
            "MODIFY a",
            "ALLOW *",
            "DISALLOW *",
            "REQUIRE a",
            "MATCH * WITH PRODUCTS FROM x",
            "MATCH * IN a WITH MATERIALS FROM x",
            "MATCH * WITH PRODUCTS IN b/c FROM x",
            "MATCH * IN a WITH PRODUCTS IN b FROM x",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        let written = parse("match * in a/ with products IN b/ From x");
        assert_eq!(written.as_deref(), Ok("MATCH * IN a WITH PRODUCTS IN b FROM x"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "CREATE",
            "CREATE a b",
            "PERMIT a",
            "MATCH a",
            "MATCH a WITH PRODUCTS",
            "MATCH a WITH BYPRODUCTS FROM x",
            "MATCH a IN b FROM x",
            "MATCH a IN ../b WITH PRODUCTS FROM x",
            "MATCH a WITH PRODUCTS IN /b FROM x",
            "MATCH a IN b// WITH PRODUCTS FROM x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("ALLOW {}", "a".repeat(limits::RULE_WORD + 1))).is_err());
        assert!(Rule::parse(&[]).is_err());
    }
}
