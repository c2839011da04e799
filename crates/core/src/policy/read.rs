//! Reading the policy file: TOML, `schema = 1`, strictly.
//!
//! It happens in two steps: serde gives the file's shape (unknown keys are errors), then everything is
//! parsed into types once, each error with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pep440_rs::VersionSpecifiers;
use serde::Deserialize;
use toml::Spanned;
use version_ranges::Ranges;

use super::files::{Files, Kind};
use super::identity::IdentityRule;
use super::instructions::Instructions;
use super::projects::{ByProject, ProjectPattern};
use super::schema::{Policy, PolicyError, Projects, Rebuild, Rule, Unsafe};
use crate::attestation::pep517::BUILD_TYPE;
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use crate::attestation::publish::PUBLISH_TYPE;
use crate::digest::Sha256Digest;
use crate::report::Escaped;
use crate::trust::{Instance, InstanceName, Instances, TrustRoot, TrustedKey, Validity};

/// What stands for a key in the policies that are handed out.
const PLACEHOLDER: &str = "REPLACE-THIS-BY-YOUR-KEY";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, KeyEntry>,
    #[serde(default)]
    identities: BTreeMap<Spanned<String>, IdentityEntry>,
    #[serde(default)]
    rules: Vec<Spanned<RuleEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KeyEntry {
    pem: Spanned<String>,
    valid_from: Option<Spanned<toml::value::Datetime>>,
    valid_until: Option<Spanned<toml::value::Datetime>>,
    log: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct IdentityEntry {
    trust: Spanned<String>,
    issuer: Spanned<String>,
    san: Option<Spanned<String>>,
    repository: Option<Spanned<String>>,
    workflow: Option<Spanned<String>>,
    repository_id: Option<Spanned<String>>,
    owner_id: Option<Spanned<String>>,
    environment: Option<Spanned<String>>,
    runner_environment: Option<Spanned<String>>,
    triggers: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RuleEntry {
    projects: Spanned<Vec<Spanned<String>>>,
    versions: Option<Spanned<String>>,
    kinds: Option<Spanned<Vec<Spanned<String>>>>,
    tags: Option<Spanned<Vec<Spanned<String>>>>,
    keys: Option<Spanned<Vec<Spanned<String>>>>,
    identities: Option<Spanned<Vec<Spanned<String>>>>,
    attestations: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    bare_signature: bool,
    source: Option<Spanned<String>>,
    #[serde(rename = "ref")]
    git_ref: Option<Spanned<String>>,
    builders: Option<Spanned<Vec<Spanned<String>>>>,
    build_types: Option<Spanned<Vec<Spanned<String>>>>,
    steps: Option<Spanned<Vec<Spanned<String>>>>,
    step_requires: Option<Spanned<Vec<Spanned<String>>>>,
    config_settings: Option<Spanned<Vec<Spanned<String>>>>,
    rebuild: Rebuild,
    #[serde(default)]
    allow_dirty_unsafe: bool,
    #[serde(default)]
    allow_no_isolation_unsafe: bool,
}

/// Reads a policy file's text.
pub(super) fn policy(
    path: &str,
    text: &str,
    instances: &dyn Instances,
) -> Result<Policy, PolicyError> {
    let lines = text.match_indices('\n').map(|(newline, _)| newline + 1);
    let reader = Reader { path, text, lines: lines.collect(), instances };
    let file: File = toml::from_str(text)
        .map_err(|error| reader.error(error.span().unwrap_or(0..0), error.message()))?;
    let schema = file.schema.get_ref();
    if *schema != 1 {
        let message = format!("schema {schema} is not known; this version reads schema 1");
        return Err(reader.error(file.schema.span(), message));
    }
    let mut named = Named { instances: BTreeMap::new(), by_project: ByProject::default() };
    let keys = reader.keys(file.keys, &mut named)?;
    let identities = reader.identities(file.identities, &mut named)?;
    if file.rules.is_empty() {
        return Err(reader.error(0..0, "no [[rules]]: such a policy accepts nothing"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for rule in file.rules {
        let rule = reader.rule(&rules, rule, &keys, &identities, &named)?;
        if let Projects::Named(projects) = &rule.projects {
            projects.iter().for_each(|project| named.by_project.insert(project, rules.len()));
        }
        rules.push(rule);
    }
    Ok(Policy {
        path: path.to_owned(),
        sha256: Sha256Digest::of(text.as_bytes()),
        trust: TrustRoot::new(
            keys.into_values().collect(),
            named.instances.into_values().collect(),
        ),
        rules,
        by_project: named.by_project,
    })
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
}

impl Reader<'_> {
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
        value.get_ref().parse().map_err(|error: T::Err| self.error(value.span(), error.to_string()))
    }

    /// A list that is neither empty nor repeats itself.
    fn set<T: Ord>(
        &self,
        list: &Spanned<Vec<Spanned<String>>>,
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
        value
            .map(|time| {
                let parsed = DateTime::parse_from_rfc3339(&time.get_ref().to_string());
                parsed.map(|time| time.to_utc()).map_err(|_| {
                    let message =
                        "a date, a time and an offset are needed, as in 2026-01-31T00:00:00Z";
                    self.error(time.span(), message)
                })
            })
            .transpose()
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

    fn keys(
        &self,
        entries: BTreeMap<Spanned<String>, KeyEntry>,
        named: &mut Named,
    ) -> Result<BTreeMap<String, TrustedKey>, PolicyError> {
        let mut keys: BTreeMap<String, TrustedKey> = BTreeMap::new();
        for (name, entry) in entries {
            let validity = Validity {
                from: self.time(entry.valid_from.as_ref())?,
                until: self.time(entry.valid_until.as_ref())?,
            };
            if validity.from.zip(validity.until).is_some_and(|(from, until)| from > until) {
                let message = format!("key `{}` is valid at no time", Escaped(name.get_ref()));
                return Err(self.error(name.span(), message));
            }
            let pem = entry.pem.get_ref();
            if pem.contains(PLACEHOLDER) {
                let message = format!(
                    "`{PLACEHOLDER}` still stands where the key belongs: put the whole content of the \
                     public key's file (such as release.key.pub) here"
                );
                return Err(self.error(entry.pem.span(), message));
            }
            let key = TrustedKey::from_pem(pem, validity)
                .map_err(|error| self.error(entry.pem.span(), error.to_string()))?;
            // One key under two names could count twice (CVE class GHSA-3633-5h82-39pq).
            if let Some((other, _)) = keys.iter().find(|(_, other)| other.id() == key.id()) {
                let message = format!("this is the same key as `{}`", Escaped(other));
                return Err(self.error(name.span(), message));
            }
            let key = match &entry.log {
                Some(log) => key.logged_in(self.instance(log, named)?),
                None => key,
            };
            keys.insert(name.into_inner(), key);
        }
        Ok(keys)
    }

    fn identities(
        &self,
        entries: BTreeMap<Spanned<String>, IdentityEntry>,
        named: &mut Named,
    ) -> Result<BTreeMap<String, IdentityRule>, PolicyError> {
        let mut identities = BTreeMap::new();
        for (name, entry) in entries {
            let instance = self.instance(&entry.trust, named)?;
            if entry.san.is_none() && entry.repository.is_none() && entry.repository_id.is_none() {
                let message = "without `san`, `repository` or `repository-id`, whoever the issuer \
                               vouches for could sign";
                return Err(self.error(name.span(), message));
            }
            let triggers = self.set_if(&entry.triggers, |text| self.word(text))?;
            let optional =
                |text: &Option<Spanned<String>>| text.as_ref().map(|it| self.word(it)).transpose();
            let rule = IdentityRule {
                name: name.get_ref().clone(),
                trust: instance.name(),
                issuer: self.word(&entry.issuer)?,
                san: optional(&entry.san)?,
                repository: entry.repository.as_ref().map(|text| self.parsed(text)).transpose()?,
                workflow: optional(&entry.workflow)?,
                repository_id: optional(&entry.repository_id)?,
                owner_id: optional(&entry.owner_id)?,
                environment: optional(&entry.environment)?,
                runner_environment: optional(&entry.runner_environment)?,
                triggers,
            };
            identities.insert(name.into_inner(), rule);
        }
        Ok(identities)
    }

    fn instructions(&self, entry: &RuleEntry) -> Result<Instructions, PolicyError> {
        let words = |text: &Spanned<String>| match shlex::split(text.get_ref()) {
            Some(words) if !words.is_empty() => Ok(words),
            _ => {
                Err(self.error(text.span(), "not a command: a quote is open, or there is no word"))
            }
        };
        let setting = |text: &Spanned<String>| match text.get_ref().split_once('=') {
            Some((key, _)) if !key.is_empty() => Ok(text.get_ref().clone()),
            _ => Err(self.error(text.span(), "a setting is written KEY=VALUE")),
        };
        if let (None, Some(requires)) = (&entry.steps, &entry.step_requires) {
            return Err(self.error(requires.span(), "`step-requires` without `steps`"));
        }
        Ok(Instructions {
            steps: self.set_if(&entry.steps, words)?,
            step_requires: self.set_if(&entry.step_requires, |text| Ok(text.get_ref().clone()))?,
            config_settings: self.set_if(&entry.config_settings, setting)?,
        })
    }

    /// As [`Reader::set`] of a list that need not be there.
    fn set_if<T: Ord>(
        &self,
        list: &Option<Spanned<Vec<Spanned<String>>>>,
        item: impl FnMut(&Spanned<String>) -> Result<T, PolicyError>,
    ) -> Result<BTreeSet<T>, PolicyError> {
        list.as_ref().map_or_else(|| Ok(BTreeSet::new()), |list| self.set(list, item))
    }

    /// A value that is compared whole. A wildcard in it would be taken for one by whoever reads it.
    fn word(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        let word = text.get_ref();
        if word.is_empty() {
            return Err(self.error(text.span(), "an empty value is no certificate's"));
        }
        if word.contains(['*', '^', '$']) {
            let message = "this value is compared whole; it knows no pattern";
            return Err(self.error(text.span(), message));
        }
        Ok(word.clone())
    }

    /// A predicate type that can be judged. Under any other a rule would reject whatever there is.
    fn predicate_type(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        let known = [PROVENANCE_TYPE, PROVENANCE_V0_2_TYPE, PUBLISH_TYPE];
        let named = text.get_ref();
        if known.contains(&named.as_str()) {
            return Ok(named.clone());
        }
        let message = format!(
            "`{}` is no predicate type that a rule can judge; known are {}",
            Escaped(named),
            known.map(|it| format!("`{it}`")).join(", ")
        );
        Err(self.error(text.span(), message))
    }

    fn files(&self, entry: &RuleEntry) -> Result<Files, PolicyError> {
        let versions: Option<VersionSpecifiers> =
            entry.versions.as_ref().map(|text| self.parsed(text)).transpose()?;
        let kinds = self.set_if(&entry.kinds, |text| self.parsed(text))?;
        let tags = self.set_if(&entry.tags, |text| self.parsed(text))?;
        let files = Files { versions, kinds, tags };
        if let Some(text) = entry.versions.as_ref().filter(|_| files.range().is_empty()) {
            return Err(self.error(text.span(), "no version is all of this"));
        }
        if let Some(list) = &entry.tags
            && !(files.kinds.is_empty() || files.kinds.contains(&Kind::Wheel))
        {
            return Err(
                self.error(list.span(), "only wheels have tags, and `kinds` leaves them out")
            );
        }
        Ok(files)
    }

    fn rule(
        &self,
        earlier: &[Rule],
        entry: Spanned<RuleEntry>,
        keys: &BTreeMap<String, TrustedKey>,
        identities: &BTreeMap<String, IdentityRule>,
        named: &Named,
    ) -> Result<Rule, PolicyError> {
        let line = self.place(entry.span().start).0;
        let entry = entry.into_inner();
        let files = self.files(&entry)?;
        let projects = self.set(&entry.projects, |text| {
            let project: ProjectPattern = self.parsed(text)?;
            if let Some(rule) = asked_instead(&project, &files, earlier, &named.by_project) {
                let message = format!(
                    "`{project}` is named by rules[{rule}] already, which is asked first: this rule is never \
                     asked about it"
                );
                return Err(self.error(text.span(), message));
            }
            Ok(project)
        })?;
        let keys_allowed = self.set_if(&entry.keys, |text| {
            keys.get(text.get_ref()).map(|key| key.id().clone()).ok_or_else(|| {
                let message = format!("no [keys.{}] in this policy", Escaped(text.get_ref()));
                self.error(text.span(), message)
            })
        })?;
        let mut identities_allowed = Vec::new();
        if let Some(list) = &entry.identities {
            for name in self.set(list, |text| Ok(text.get_ref().clone()))? {
                let identity = identities.get(&name).ok_or_else(|| {
                    let message = format!("no [identities.{}] in this policy", Escaped(&name));
                    self.error(list.span(), message)
                })?;
                identities_allowed.push(identity.clone());
            }
        }
        if keys_allowed.is_empty() && identities_allowed.is_empty() {
            let message = "neither `keys` nor `identities`: nobody could sign";
            return Err(self.error(entry.projects.span(), message));
        }
        // What a key's holder says of builder and source is all there is of them; a certificate names them.
        for (name, missing) in
            [("builders", entry.builders.is_none()), ("source", entry.source.is_none())]
        {
            if missing && !keys_allowed.is_empty() {
                let message = format!("`{name}` is missing, which a rule with `keys` needs");
                return Err(self.error(entry.projects.span(), message));
            }
        }
        let uri = |text: &Spanned<String>| {
            url::Url::parse(text.get_ref())
                .map_err(|error| self.error(text.span(), format!("not a URI: {error}")))?;
            Ok(text.get_ref().clone())
        };
        let uris = |list: &Option<Spanned<Vec<Spanned<String>>>>, otherwise: &[&str]| match list {
            Some(list) => self.set(list, uri),
            None => Ok(otherwise.iter().map(|text| (*text).to_owned()).collect()),
        };
        Ok(Rule {
            name: format!("rules[{}]", earlier.len()),
            line: Some(line),
            projects: Projects::Named(projects),
            files,
            keys: keys_allowed,
            identities: identities_allowed,
            attestations: match &entry.attestations {
                Some(list) => self.set(list, |text| self.predicate_type(text))?,
                None => [PROVENANCE_TYPE.to_owned()].into(),
            },
            bare_signature: entry.bare_signature,
            source: entry.source.as_ref().map(|text| self.parsed(text)).transpose()?,
            git_ref: entry.git_ref.as_ref().map(|text| self.parsed(text)).transpose()?,
            builders: uris(&entry.builders, &[])?,
            build_types: uris(&entry.build_types, &[BUILD_TYPE])?,
            instructions: self.instructions(&entry)?,
            rebuild: entry.rebuild,
            unsafe_choices: Unsafe {
                dirty: entry.allow_dirty_unsafe,
                no_isolation: entry.allow_no_isolation_unsafe,
            },
        })
    }
}

/// The first of the earlier rules that together are about all these files of a project, so that none is left.
fn asked_instead(
    project: &ProjectPattern,
    files: &Files,
    earlier: &[Rule],
    by_project: &ByProject,
) -> Option<usize> {
    let covering: Vec<usize> = by_project
        .rules(project.as_str())
        .into_iter()
        .filter(|rule| earlier[*rule].files.cover_but_for_versions(files))
        .collect();
    let versions = covering.iter().map(|rule| earlier[*rule].files.range());
    let versions = versions.fold(Ranges::empty(), |all, versions| all.union(&versions));
    covering.first().copied().filter(|_| files.range().subset_of(&versions))
}
