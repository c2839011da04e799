//! Reading the policy file: TOML, `schema = 1`, strictly.
//!
//! It happens in two steps: serde gives the file's shape (unknown keys are errors), then everything is
//! parsed into types once, each error with its line.

mod decisions;
mod demands;
#[cfg(test)]
mod demands_tests;
mod includes;
mod lint;
mod rules;
mod shape;
mod signers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use toml::Spanned;

use self::shape::{File, List};
use self::signers::Known;
use super::includes::Includes;
use super::lint::Finding;
use super::projects::ByProject;
use super::schema::{Policy, PolicyError, Projects, Rule};
use crate::digest::Sha256Digest;
use crate::report::Escaped;
use crate::trust::{Instance, InstanceName, Instances, TrustRoot};

/// Reads a policy file's text, and what it includes.
pub(super) fn policy(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
) -> Result<Policy, PolicyError> {
    includes::composed(path, text, instances, includes, None).map(|(policy, _)| policy)
}

/// The same, and what is to be pointed out in it at a time.
pub(super) fn linted(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
    now: DateTime<Utc>,
) -> Result<(Policy, Vec<Finding>), PolicyError> {
    includes::composed(path, text, instances, includes, Some(now))
}

/// What the policy has named so far.
struct Named {
    /// The Sigstore instances, each loaded once.
    instances: BTreeMap<InstanceName, Arc<Instance>>,
    /// The rules, by the projects that each names.
    by_project: ByProject,
}

/// The text being read, for errors that say where.
struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    /// Where each line after the first begins.
    lines: Vec<usize>,
    instances: &'a dyn Instances,
    /// Whether another policy includes it.
    included: bool,
}

impl<'a> Reader<'a> {
    fn new(path: &'a str, text: &'a str, instances: &'a dyn Instances) -> Self {
        let lines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { path, text, lines: lines.collect(), instances, included: false }
    }
}

impl Reader<'_> {
    /// The file by its shape.
    fn file(&self) -> Result<File, PolicyError> {
        let file: File = toml::from_str(self.text)
            .map_err(|error| self.error(error.span().unwrap_or(0..0), error.message()))?;
        let schema = file.schema.get_ref();
        if *schema != 1 {
            let message = format!("schema {schema} is not known; this version reads schema 1");
            return Err(self.error(file.schema.span(), message));
        }
        Ok(file)
    }

    /// Everything in it, typed.
    fn policy(
        &self,
        file: File,
        policies: &BTreeMap<String, Arc<Policy>>,
    ) -> Result<Policy, PolicyError> {
        let mut named = Named { instances: BTreeMap::new(), by_project: ByProject::default() };
        let keys = self.keys(file.keys, &mut named)?;
        let identities = self.identities(file.identities, &mut named)?;
        if file.rules.is_empty() && file.exceptions.is_empty() {
            if !self.included {
                return Err(self.error(0..0, "no [[rules]]: such a policy accepts nothing"));
            }
            if file.revocations.is_empty() && file.includes.is_empty() {
                return Err(self.error(0..0, "neither rules nor revocations: it says nothing"));
            }
        }
        let revocations = self.revocations(file.revocations, &keys, &identities)?;
        let exceptions = self.exceptions(file.exceptions, &revocations)?;
        let known = Known { keys: &keys, identities: &identities, policies };
        let mut rules: Vec<Rule> = Vec::new();
        for rule in file.rules {
            let rule = self.rule(&rules, rule, known, &named)?;
            if let Projects::Named(projects) = &rule.projects {
                projects.iter().for_each(|project| named.by_project.insert(project, rules.len()));
            }
            rules.push(rule);
        }
        Ok(Policy {
            path: self.path.to_owned(),
            sha256: Sha256Digest::of(self.text.as_bytes()),
            trust: TrustRoot::new(
                keys.into_values().collect(),
                named.instances.into_values().collect(),
            ),
            rules,
            by_project: named.by_project,
            exceptions,
            revocations,
            includes: Vec::new(),
            elsewhere: Vec::new(),
            signed: None,
        })
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).map_or(0, |before| self.lines[before]);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> PolicyError {
        let (line, column) = self.place(span.start);
        let message = message.into();
        PolicyError { path: self.path.to_owned(), line, column, message }
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        value: &Spanned<String>,
    ) -> Result<T, PolicyError> {
        self.filled_in(value)?;
        value.get_ref().parse().map_err(|error: T::Err| self.error(value.span(), error.to_string()))
    }

    /// A list that is neither empty nor repeats itself.
    fn set<T: Ord>(
        &self,
        list: &List,
        mut item: impl FnMut(&Spanned<String>) -> Result<T, PolicyError>,
    ) -> Result<BTreeSet<T>, PolicyError> {
        if list.get_ref().is_empty() {
            return Err(self.error(list.span(), "an empty list allows nothing"));
        }
        let mut set = BTreeSet::new();
        for entry in list.get_ref() {
            if !set.insert(item(entry)?) {
                let message = format!("`{}` is listed twice", Escaped(entry.get_ref()));
                return Err(self.error(entry.span(), message));
            }
        }
        Ok(set)
    }

    fn time(
        &self,
        value: Option<&Spanned<toml::value::Datetime>>,
    ) -> Result<Option<DateTime<Utc>>, PolicyError> {
        value.map(|time| self.instant(time)).transpose()
    }

    fn instant(&self, time: &Spanned<toml::value::Datetime>) -> Result<DateTime<Utc>, PolicyError> {
        let parsed = DateTime::parse_from_rfc3339(&time.get_ref().to_string());
        parsed.map(|time| time.to_utc()).map_err(|_| {
            let message = "a date, a time and an offset are needed, as in 2026-01-31T00:00:00Z";
            self.error(time.span(), message)
        })
    }

    fn instance(
        &self,
        name: &Spanned<String>,
        named: &mut Named,
    ) -> Result<Arc<Instance>, PolicyError> {
        let known: InstanceName = self.parsed(name)?;
        if let Some(instance) = named.instances.get(&known) {
            return Ok(Arc::clone(instance));
        }
        let instance = self
            .instances
            .instance(known)
            .map_err(|error| self.error(name.span(), error.to_string()))?;
        named.instances.insert(known, Arc::clone(&instance));
        Ok(instance)
    }

    /// As [`Reader::set`] of a list that need not be there.
    fn set_if<T: Ord>(
        &self,
        list: &Option<List>,
        item: impl FnMut(&Spanned<String>) -> Result<T, PolicyError>,
    ) -> Result<BTreeSet<T>, PolicyError> {
        list.as_ref().map_or_else(|| Ok(BTreeSet::new()), |list| self.set(list, item))
    }

    /// A value that is compared whole. A wildcard in it would be taken for one by whoever reads it.
    fn word(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        self.filled_in(text)?;
        let word = text.get_ref();
        if word.is_empty() {
            return Err(self.error(text.span(), "an empty value is no certificate's"));
        }
        if word.trim() != word {
            return Err(self.error(text.span(), "white space at an end, which no certificate has"));
        }
        if word.contains(['*', '^', '$']) {
            let message = "this value is compared whole; it knows no pattern";
            return Err(self.error(text.span(), message));
        }
        Ok(word.clone())
    }

    /// Somebody's own stands where a policy that is handed out leaves room for it.
    fn filled_in(&self, text: &Spanned<String>) -> Result<(), PolicyError> {
        placeholder(text.get_ref()).map_or(Ok(()), |word| {
            let message = format!("`{word}` still stands here: put your own in its place");
            Err(self.error(text.span(), message))
        })
    }
}

/// The word that stands for somebody's own in the policies that are handed out, where it still does.
fn placeholder(text: &str) -> Option<&str> {
    let word = &text[text.find("REPLACE-THIS-BY-")?..];
    let end = word.find(|c: char| !c.is_ascii_uppercase() && c != '-').unwrap_or(word.len());
    Some(&word[..end])
}
