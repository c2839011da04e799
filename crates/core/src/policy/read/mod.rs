//! Reading the policy file: TOML, `schema = 1`, strictly.
//!
//! It happens in two steps: serde gives the file's shape (unknown keys are errors), then everything is
//! parsed into types once, each error with its line.

mod build;
mod contradictions;
#[cfg(test)]
mod contradictions_tests;
mod decisions;
mod demands;
#[cfg(test)]
mod demands_tests;
mod errors;
#[cfg(test)]
mod errors_tests;
mod includes;
mod lint;
mod nearest;
mod rules;
mod shape;
mod signers;
mod unverified;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use toml::Spanned;

use self::errors::Errors;
use self::shape::{File, List};
use self::signers::{Entries, Known};
use super::includes::Includes;
use super::lint::Finding;
use super::projects::ByProject;
use super::schema::{Policy, PolicyError, Projects, Rule};
use crate::digest::Sha256Digest;
use crate::limits::POLICY_ERROR_LENGTH;
use crate::report::Escaped;
use crate::trust::{Instance, InstanceName, Instances, TrustRoot};

/// Reads a policy file's text, and what it includes.
pub(super) fn policy(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
) -> Result<Policy, PolicyError> {
    match includes::composed(path, text, instances, includes, None) {
        Ok((policy, _)) => Ok(policy),
        Err(refused) => Err(refused.first),
    }
}

/// The same, and what is to be pointed out in it at a time; or everything that is wrong.
pub(super) fn linted(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
    now: DateTime<Utc>,
) -> Result<(Policy, Vec<Finding>), Vec<PolicyError>> {
    includes::composed(path, text, instances, includes, Some(now)).map_err(|refused| refused.all)
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
    /// What is wrong, in this file and the others.
    errors: &'a Errors,
}

impl<'a> Reader<'a> {
    fn new(path: &'a str, text: &'a str, instances: &'a dyn Instances, errors: &'a Errors) -> Self {
        let lines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { path, text, lines: lines.collect(), instances, included: false, errors }
    }
}

impl Reader<'_> {
    /// The file by its shape.
    fn file(&self) -> Result<File, PolicyError> {
        let file: File = toml::from_str(self.text).map_err(|error| {
            let (span, message) = (error.span().unwrap_or(0..0), error.message());
            self.error(span, message, shape::suggestion(message))
        })?;
        let schema = file.schema.get_ref();
        if *schema != 1 {
            let message = format!("schema {schema} is not known; this version reads schema 1");
            return Err(self.error(file.schema.span(), message, "write `schema = 1`"));
        }
        Ok(file)
    }

    /// Everything in it, typed. What is wrong in one key, identity, rule, exception or revocation keeps none of the others
    /// from being looked at.
    ///
    /// # Errors
    /// The first of what is wrong; all of it is kept.
    fn policy(&self, file: File, policies: &Entries<Arc<Policy>>) -> Result<Policy, PolicyError> {
        let mut named = Named { instances: BTreeMap::new(), by_project: ByProject::default() };
        let keys = self.keys(file.keys, &mut named);
        let identities = self.identities(file.identities, &mut named);
        if file.rules.is_empty() && file.exceptions.is_empty() {
            if !self.included {
                self.errors.keep(self.error(
                    0..0,
                    "no [[rules]]: such a policy accepts nothing",
                    "add a [[rules]] entry; `wheelmark policy init` writes those of a lock",
                ));
            } else if file.revocations.is_empty() && file.includes.is_empty() {
                self.errors.keep(self.error(
                    0..0,
                    "neither rules nor revocations: it says nothing",
                    "add [[rules]] or [[revocations]], or do not include it",
                ));
            }
        }
        let known = Known { keys: &keys, identities: &identities, policies };
        let revocations = self.revocations(file.revocations, known);
        let exceptions = self.exceptions(file.exceptions, &revocations);
        let unverified = self.unverified(file.unverified);
        let mut rules: Vec<Rule> = Vec::new();
        for (number, rule) in file.rules.into_iter().enumerate() {
            if self.errors.are_many() {
                break;
            }
            let rule = self.rule(number, &rules, rule, known, &named);
            let Some(rule) = self.errors.kept(rule) else { continue };
            if let Projects::Named(projects) = &rule.projects {
                projects.iter().for_each(|project| named.by_project.insert(project, rules.len()));
            }
            rules.push(rule);
        }
        // What was left out above must not be missing from a policy that is read.
        if let Some(error) = self.errors.first() {
            return Err(error);
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
            unverified,
            revocations,
            includes: Vec::new(),
            above: Vec::new(),
            also_read: Vec::new(),
            elsewhere: Vec::new(),
            signed: None,
        })
    }

    /// The line of an offset, from 1.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset) + 1
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let start = line.checked_sub(2).map_or(0, |before| self.lines[before]);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// What is wrong, and what to do about it.
    fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> PolicyError {
        let (line, column) = self.place(span.start);
        // However long the value is that is wrong.
        let clipped = |text: String| match text.char_indices().nth(POLICY_ERROR_LENGTH) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        let (message, suggestion) = (clipped(message.into()), clipped(suggestion.into()));
        PolicyError { path: self.path.to_owned(), line, column, message, suggestion }
    }

    /// A value as the type reads it; where it does not, `suggestion` says what to write.
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        value: &Spanned<String>,
        suggestion: &str,
    ) -> Result<T, PolicyError> {
        self.filled_in(value)?;
        value.get_ref().parse().map_err(|error: T::Err| {
            // Some libraries draw the place below.
            let told = error.to_string();
            let first = told.lines().next().unwrap_or_default().trim_end_matches(':');
            self.error(value.span(), first, suggestion)
        })
    }

    /// A list that is neither empty nor repeats itself.
    ///
    /// # Errors
    /// The first of what is wrong in it; all of it is kept.
    fn set<T: Ord>(
        &self,
        list: &List,
        mut item: impl FnMut(&Spanned<String>) -> Result<T, PolicyError>,
    ) -> Result<BTreeSet<T>, PolicyError> {
        if list.get_ref().is_empty() {
            return Err(self.error(
                list.span(),
                "an empty list allows nothing",
                "name what is meant, or leave the key out where it may be missing",
            ));
        }
        let (mut set, mut failed) = (BTreeSet::new(), None);
        for entry in list.get_ref() {
            let item = item(entry).and_then(|item| match set.insert(item) {
                true => Ok(()),
                false => {
                    let message = format!("`{}` is listed twice", Escaped(entry.get_ref()));
                    Err(self.error(entry.span(), message, "take one of them out"))
                }
            });
            let Err(error) = item else { continue };
            self.errors.keep(error.clone());
            failed.get_or_insert(error);
            if self.errors.are_many() {
                break;
            }
        }
        failed.map_or(Ok(set), Err)
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
            self.error(time.span(), message, "write what is missing; `Z` is the offset of UTC")
        })
    }

    fn instance(
        &self,
        name: &Spanned<String>,
        named: &mut Named,
    ) -> Result<Arc<Instance>, PolicyError> {
        let known = InstanceName::ALL.map(InstanceName::as_str);
        let known = nearest::or(name.get_ref(), known.into_iter(), "write one of these");
        let known: InstanceName = self.parsed(name, &known)?;
        if let Some(instance) = named.instances.get(&known) {
            return Ok(Arc::clone(instance));
        }
        let instance = self.instances.instance(known).map_err(|error| {
            let suggestion = match known {
                InstanceName::Private => "name its trusted root by `--trust-root FILE`",
                _ => "see what is known of it by `wheelmark trust show`",
            };
            self.error(name.span(), error.to_string(), suggestion)
        })?;
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
        let wrong =
            |message: &str, suggestion: &str| Err(self.error(text.span(), message, suggestion));
        if word.is_empty() {
            return wrong("an empty value is no certificate's", "leave the key out");
        }
        if word.trim() != word {
            let message = "white space at an end, which no certificate has";
            return wrong(message, "write it without");
        }
        if word.contains(['*', '^', '$']) {
            let message = "this value is compared whole; it knows no pattern";
            return wrong(message, "write the whole value, or leave the key out");
        }
        Ok(word.clone())
    }

    /// Somebody's own stands where a policy that is handed out leaves room for it.
    fn filled_in(&self, text: &Spanned<String>) -> Result<(), PolicyError> {
        placeholder(text.get_ref()).map_or(Ok(()), |word| {
            let message = format!("`{word}` still stands here: put your own in its place");
            Err(self.error(
                text.span(),
                message,
                "`wheelmark policy init` writes a policy from what is signed",
            ))
        })
    }
}

/// The word that stands for somebody's own in the policies that are handed out, where it still does.
fn placeholder(text: &str) -> Option<&str> {
    let word = &text[text.find("REPLACE-THIS-BY-")?..];
    let end = word.find(|c: char| !c.is_ascii_uppercase() && c != '-').unwrap_or(word.len());
    Some(&word[..end])
}
