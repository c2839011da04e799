//! The repository that a rule names: one, or one for each project by a template.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::attestation::repository::{RepositoryUri, RepositoryUriError};
use crate::filename::ProjectName;

/// A repository, whole, or a template of which some segments of the path stand for something.
///
/// `{name}` stands for the file's project, compared as project names are (PEP 503: `My_Project` is `my-project`);
/// `{owner}` for one of the names that the rule gives as owners, compared whole. Either must be a whole segment, so
/// that nothing can be put before or behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Name,
    Owner,
}

/// A template that is refused when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourcePatternError {
    /// It is no repository.
    #[error(transparent)]
    Repository(#[from] RepositoryUriError),
    /// A brace that is not around one of the two names, or not around a whole segment of the path.
    #[error(
        "`{{owner}}` and `{{name}}` are all that braces may hold, each as a whole segment of the path"
    )]
    Braces,
}

/// What stands in a template while it is read as a URI. No repository has such a segment.
const STAND_INS: [(&str, &str, Segment); 2] = [
    ("{name}", "-template-segment-name-", Segment::Name),
    ("{owner}", "-template-segment-owner-", Segment::Owner),
];

impl SourcePattern {
    /// Whether a repository is one that it stands for.
    pub fn matches(
        &self,
        found: &RepositoryUri,
        project: &ProjectName,
        owners: &BTreeSet<String>,
    ) -> bool {
        self.fits(found, |name| name == *project, owners)
    }

    /// Whether it stands for a repository for some project.
    pub(super) fn may_be(&self, found: &RepositoryUri, owners: &BTreeSet<String>) -> bool {
        self.fits(found, |_| true, owners)
    }

    fn fits(
        &self,
        found: &RepositoryUri,
        is_project: impl Fn(ProjectName) -> bool,
        owners: &BTreeSet<String>,
    ) -> bool {
        let found = found.to_string();
        let parts: Vec<_> = found.split('/').collect();
        let fits = |(segment, part): (&Segment, &&str)| match segment {
            Segment::Literal(text) => text == part,
            Segment::Name => part.parse::<ProjectName>().is_ok_and(&is_project),
            Segment::Owner => owners.contains(*part),
        };
        parts.len() == self.segments.len() && self.segments.iter().zip(&parts).all(fits)
    }

    /// Whether `{owner}` is in it.
    pub fn has_owner(&self) -> bool {
        self.segments.contains(&Segment::Owner)
    }
}

impl From<RepositoryUri> for SourcePattern {
    fn from(repository: RepositoryUri) -> Self {
        let text = repository.to_string();
        let segments = text.split('/').map(|part| Segment::Literal(part.to_owned())).collect();
        Self { text, segments }
    }
}

impl FromStr for SourcePattern {
    type Err = SourcePatternError;

    fn from_str(text: &str) -> Result<Self, SourcePatternError> {
        let mut spelled = Vec::new();
        for (number, part) in text.split('/').enumerate() {
            match STAND_INS.iter().find(|(template, ..)| *template == part) {
                // The host is the third.
                Some((_, stand_in, _)) if number > 2 => spelled.push(*stand_in),
                None if !part.contains(['{', '}']) => spelled.push(part),
                _ => return Err(SourcePatternError::Braces),
            }
        }
        let (mut written, mut segments) = (Vec::new(), Vec::new());
        for part in spelled.join("/").parse::<RepositoryUri>()?.to_string().split('/') {
            match STAND_INS.iter().find(|(_, stand_in, _)| *stand_in == part) {
                Some((template, _, segment)) => {
                    written.push((*template).to_owned());
                    segments.push(segment.clone());
                }
                None => {
                    written.push(part.to_owned());
                    segments.push(Segment::Literal(part.to_owned()));
                }
            }
        }
        Ok(Self { text: written.join("/"), segments })
    }
}

impl fmt::Display for SourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, found: &str, project: &str) -> bool {
        let pattern: SourcePattern = pattern.parse().expect(pattern);
        let owners = ["acme".to_owned(), "acme-labs".to_owned()].into();
        let found = found.parse().expect(found);
        pattern.matches(&found, &project.parse().expect("a name"), &owners)
    }

    #[test]
    fn a_segment_stands_for_the_project_or_an_owner_and_for_nothing_else() {
        let both = "https://github.com/{owner}/{name}";
        assert!(matches(both, "https://github.com/acme/demo", "demo"));
        assert!(matches(both, "git+https://GitHub.com/acme-labs/My_Demo.git", "my-demo"));
        for (found, project) in [
            ("https://github.com/evil/demo", "demo"),
            ("https://github.com/Acme/demo", "demo"),
            ("https://github.com/acme/demo2", "demo"),
            ("https://github.com/acme/demo/demo", "demo"),
            ("https://github.com/acme/x/demo", "demo"),
            ("https://github.com/acme", "acme"),
            ("https://github.com.evil.test/acme/demo", "demo"),
            ("https://evil.test/github.com/acme/demo", "demo"),
            ("http://github.com/acme/demo", "demo"),
            ("https://github.com:444/acme/demo", "demo"),
        ] {
            assert!(!matches(both, found, project), "{found}");
        }
        assert!(matches("https://h.test/group/sub/{name}", "https://h.test/group/sub/a.git", "a"));
        assert!(matches("https://github.com/acme/demo", "https://github.com/acme/demo.git", "x"));
        assert!(!matches("https://github.com/acme/demo", "https://github.com/acme/demo2", "demo2"));
    }

    #[test]
    fn a_template_is_a_whole_segment_behind_the_host() {
        for text in [
            "https://github.com/acme/x-{name}",
            "https://github.com/acme/{name}.git",
            "https://github.com/{Owner}/{name}",
            "https://github.com/{}/{name}",
            "https://{owner}/acme/demo",
            "https://{owner}.github.com/demo",
            "{owner}/{name}",
            "https://github.com/{owner}/{name",
            "https://github.com/{version}/demo",
        ] {
            assert!(text.parse::<SourcePattern>().is_err(), "{text}");
        }
        let shown = |text: &str| text.parse::<SourcePattern>().expect(text).to_string();
        assert_eq!(
            shown("git+https://GITHUB.com/{owner}/{name}"),
            "https://github.com/{owner}/{name}"
        );
    }
}
