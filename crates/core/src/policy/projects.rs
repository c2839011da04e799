//! The projects that rules name, and the way from a name to the rules that name it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::filename::ProjectName;

/// A normalised project name, or a pattern for some: `*` stands for any run of characters, everything else for
/// itself, and the whole name must match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectPattern(String);

/// A pattern that is refused when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectPatternError {
    /// It would read as another name than the one that is compared.
    #[error("write the normalised name `{0}`")]
    Spelling(ProjectName),
    /// No project has such a name.
    #[error(
        "not a project name, nor a pattern for some: letters, digits, `-` and up to three `*`, in lower case"
    )]
    Malformed,
}

/// Wildcards in one pattern; bounds the work of matching.
const MAX_WILDCARDS: usize = 3;

impl ProjectPattern {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches every name that `other` stands for, a pattern itself or one name.
    ///
    /// A `*` of `other` is taken for a character that no name has, so that only a `*` stands for it.
    pub fn covers(&self, other: &str) -> bool {
        let mut literals = self.0.split('*');
        let start = literals.next().unwrap_or_default();
        let Some(end) = literals.next_back() else { return self.0 == other };
        let Some(middle) = other.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
            return false;
        };
        // The first place is the best one: it leaves the most to those after it.
        literals
            .try_fold(middle, |rest, literal| Some(&rest[rest.find(literal)? + literal.len()..]))
            .is_some()
    }

    /// What comes before its first `*`; absent for a name.
    fn prefix(&self) -> Option<&str> {
        self.0.split_once('*').map(|(prefix, _)| prefix)
    }
}

impl FromStr for ProjectPattern {
    type Err = ProjectPatternError;

    fn from_str(text: &str) -> Result<Self, ProjectPatternError> {
        let wildcards = text.matches('*').count();
        // With a letter in their place, what is right of a name is right of a pattern.
        let name: ProjectName =
            text.replace('*', "x").parse().map_err(|_| ProjectPatternError::Malformed)?;
        match name.as_str() == text.replace('*', "x") {
            _ if wildcards > MAX_WILDCARDS || text.contains("**") => {
                Err(ProjectPatternError::Malformed)
            }
            true => Ok(Self(text.to_owned())),
            false if wildcards == 0 => Err(ProjectPatternError::Spelling(name)),
            false => Err(ProjectPatternError::Malformed),
        }
    }
}

impl fmt::Display for ProjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which rules name what, found by the name, however many rules there are.
#[derive(Debug, Clone, Default)]
pub(super) struct ByProject {
    names: HashMap<String, Vec<usize>>,
    /// By what comes before the first `*`.
    patterns: HashMap<String, Vec<(ProjectPattern, usize)>>,
}

impl ByProject {
    /// The rule of this number names these.
    pub fn insert(&mut self, pattern: &ProjectPattern, rule: usize) {
        match pattern.prefix() {
            None => self.names.entry(pattern.0.clone()).or_default().push(rule),
            Some(prefix) => {
                let patterns = self.patterns.entry(prefix.to_owned()).or_default();
                patterns.push((pattern.clone(), rule));
            }
        }
    }

    /// How many patterns are like this one up to its first `*`; none for a name.
    pub fn alike(&self, pattern: &ProjectPattern) -> usize {
        let patterns = pattern.prefix().and_then(|prefix| self.patterns.get(prefix));
        patterns.map_or(0, Vec::len)
    }

    /// The rules that name this project, or everything that this pattern stands for, in their order.
    pub fn rules(&self, name: &str) -> Vec<usize> {
        let mut rules = self.names.get(name).cloned().unwrap_or_default();
        if !self.patterns.is_empty() {
            let before = name.find('*').unwrap_or(name.len());
            let prefixes = (0..=before).filter_map(|end| self.patterns.get(&name[..end]));
            let covering = prefixes.flatten().filter(|(pattern, _)| pattern.covers(name));
            rules.extend(covering.map(|(_, rule)| rule));
            rules.sort_unstable();
            rules.dedup();
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> ProjectPattern {
        text.parse().expect(text)
    }

    #[test]
    fn the_whole_name_must_match() {
        assert!(pattern("acme-*").covers("acme-demo") && pattern("*").covers("acme"));
        assert!(pattern("acme-*").covers("acme-") && pattern("a*b*c").covers("a-b-b-c"));
        assert!(pattern("*-core").covers("acme-core") && pattern("a*a").covers("aa"));
        for (text, name) in [
            ("acme-*", "acme"),
            ("acme-*", "xacme-demo"),
            ("acme", "acme-demo"),
            ("*-core", "acme-core2"),
            ("a*a", "a"),
            ("a*b*c", "a-c-b"),
            ("ab*ba", "aba"),
        ] {
            assert!(!pattern(text).covers(name), "{text} {name}");
        }
    }

    #[test]
    fn a_pattern_covers_another_only_where_it_matches_whatever_that_matches() {
        assert!(pattern("acme-*").covers("acme-x*") && pattern("*").covers("acme-*"));
        assert!(pattern("a*").covers("a*b") && pattern("a*b").covers("a*b"));
        assert!(!pattern("acme-x*").covers("acme-*") && !pattern("a*b").covers("a*"));
        assert!(!pattern("acme").covers("acme*") && !pattern("a-*-b").covers("a*b"));
    }

    #[test]
    fn what_no_project_is_called_is_no_pattern() {
        for text in ["", "Acme*", "acme_*", "acme.*", "**", "a*b*c*d*e", "acme[0-9]", "ac?e", "-a*"]
        {
            assert!(text.parse::<ProjectPattern>().is_err(), "{text}");
        }
        let error = "Acme_Demo".parse::<ProjectPattern>().expect_err("another spelling");
        assert_eq!(error, ProjectPatternError::Spelling("acme-demo".parse().expect("a name")));
    }

    #[test]
    fn rules_are_found_by_name_in_their_order() {
        let mut by_project = ByProject::default();
        for (rule, text) in ["acme-*", "demo", "*", "acme-demo", "acme-*"].into_iter().enumerate() {
            by_project.insert(&pattern(text), rule);
        }
        assert_eq!(by_project.rules("acme-demo"), [0, 2, 3, 4]);
        assert_eq!(by_project.rules("demo"), [1, 2]);
        assert_eq!(by_project.rules("acme-x*"), [0, 2, 4]);
        assert_eq!(by_project.rules("other"), [2]);
    }
}
