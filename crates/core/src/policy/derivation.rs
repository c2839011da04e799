//! How a policy comes to the rule that is asked, told for a person.

use serde::Serialize;

use super::evaluate::rule_for;
use super::schema::{Policy, Rule};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;

/// Everything in a policy that was looked at to find what is asked about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Derivation {
    /// The exception that is for the file, whether it still counts or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The rules that name the file's project, in their order.
    pub rules: Vec<RuleTried>,
    /// How many rules do not name it.
    pub other_rules: usize,
}

/// A rule that names a file's project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTried {
    /// `rules[N]`.
    pub rule: String,
    /// The line on which it begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its part.
    #[serde(flatten)]
    pub part: Part,
}

/// The part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "part")]
pub enum Part {
    /// It is about other files of the project.
    AboutOthers {
        /// Which.
        about: String,
    },
    /// It is the one that is asked.
    Asked,
    /// It is about the file, but an exception or an earlier rule is asked instead.
    NotReached,
}

impl Policy {
    /// How it comes to what is asked about a file.
    pub fn derivation(
        &self,
        file: &DistFilename,
        sha256: Sha256Digest,
        index: Option<&str>,
    ) -> Derivation {
        let exception = self.exceptions.of(sha256);
        let asked = match exception {
            Some(_) => None,
            None => rule_for(self, file, index).ok(),
        };
        let tried = |rule: &Rule| RuleTried {
            rule: rule.name.clone(),
            line: rule.line,
            part: match rule.files.other_than(file, index) {
                _ if asked.is_some_and(|asked| asked.name == rule.name) => Part::Asked,
                Some(other) => Part::AboutOthers { about: other.to_string() },
                None => Part::NotReached,
            },
        };
        let naming = self.by_project.rules(file.project().as_str());
        let mut rules: Vec<_> = naming.iter().map(|number| tried(&self.rules[*number])).collect();
        // The rule of the command line names no project.
        if rules.is_empty() {
            rules.extend(asked.map(tried));
        }
        Derivation {
            exception: exception.map(ToString::to_string),
            other_rules: self.rules.len() - rules.len(),
            rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Embedded;

    #[test]
    fn every_rule_that_names_the_project_is_told_with_its_part() {
        let text = r#"
schema = 1
[identities.one]
trust = "public-good"
issuer = "https://example.org"
san = "somebody@example.org"
[[rules]]
projects = ["demo"]
versions = ">=2"
identities = ["one"]
rebuild = "never"
[[rules]]
projects = ["other"]
identities = ["one"]
rebuild = "never"
[[rules]]
projects = ["de*"]
kinds = ["wheel"]
identities = ["one"]
rebuild = "never"
[[rules]]
projects = ["*"]
identities = ["one"]
rebuild = "never"
[[exceptions]]
sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
reason = "r"
owner = "o"
expires = 2026-01-01T00:00:00Z
"#;
        let policy = Policy::parse("policy.toml", text, &Embedded).expect("a policy");
        let file = DistFilename::parse("demo-1.0-py3-none-any.whl").expect("a name");
        let parts = |sha256: Sha256Digest| {
            let derivation = policy.derivation(&file, sha256, None);
            let parts = derivation.rules.into_iter().map(|it| (it.line, it.part));
            (derivation.exception.is_some(), parts.collect::<Vec<_>>(), derivation.other_rules)
        };
        let about = |about: &str| Part::AboutOthers { about: about.to_owned() };
        assert_eq!(
            parts(Sha256Digest::of(b"")),
            (
                false,
                vec![
                    (Some(7), about("versions >=2")),
                    (Some(16), Part::Asked),
                    (Some(21), Part::NotReached)
                ],
                1
            )
        );
        let (excepted, rules, _) = parts("a".repeat(64).parse().expect("a digest"));
        assert!(excepted && rules.iter().all(|(_, part)| *part != Part::Asked), "{rules:?}");
    }
}
