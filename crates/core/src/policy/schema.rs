//! The policy file: TOML, `schema = 1`, read strictly.
//!
//! Reading happens in two steps: serde gives the file's shape (unknown keys are errors), then
//! everything is parsed into types once, each error with its line. There is no `Default`: what is not
//! written is not allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use toml::Spanned;

use super::pattern::RefPattern;
use crate::attestation::pep517::BUILD_TYPE;
use crate::attestation::repository::RepositoryUri;
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::report::Escaped;
use crate::trust::{KeyId, TrustRoot, TrustedKey, Validity};

/// A policy that was read whole and found free of contradictions.
#[derive(Debug, Clone)]
pub struct Policy {
    path: String,
    sha256: Sha256Digest,
    trust: TrustRoot,
    rules: Vec<Rule>,
}

/// What is asked of the files of some projects.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `rules[N]`.
    pub name: String,
    /// The line on which the rule begins, from 1; absent for a rule made from the command line.
    pub line: Option<usize>,
    /// The projects it names.
    pub projects: Projects,
    /// The keys that may sign.
    pub keys: BTreeSet<KeyId>,
    /// The repository that the source must come from.
    pub source: RepositoryUri,
    /// The refs that may be built; absent where any commit of the repository will do.
    pub git_ref: Option<RefPattern>,
    /// The builder ids that are trusted.
    pub builders: BTreeSet<String>,
    /// The build types that are accepted.
    pub build_types: BTreeSet<String>,
    /// Whether the file must be built again.
    pub rebuild: Rebuild,
    /// What the rule lets pass although it proves less.
    pub unsafe_choices: Unsafe,
}

/// The projects that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projects {
    /// These.
    Named(BTreeSet<ProjectName>),
    /// The one on the command line, whose key and source were given beside it.
    OnCommandLine,
}

/// `rebuild`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rebuild {
    /// Provenance suffices.
    Never,
    /// The file must be built again and come out identical.
    Required,
}

/// Choices that let through what proves less. Each is off unless it is spelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unsafe {
    /// `allow-dirty-unsafe`: accept a tree that was not the commit's.
    pub dirty: bool,
    /// `allow-no-isolation-unsafe`: accept a build that nothing held.
    pub no_isolation: bool,
}

impl Unsafe {
    /// Nothing unsafe is allowed.
    pub const NONE: Self = Self { dirty: false, no_isolation: false };
}

/// A policy that is refused, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", Escaped(.path))]
pub struct PolicyError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// The builder id of a build made by `wheelmark build` on somebody's own machine.
///
/// It says which program ran, not that the machine can be trusted: that is what the key says.
pub const LOCAL_BUILDER: &str = "https://wheelmark.dev/builders/local/v1";

impl Policy {
    /// Reads a policy file's text. `path` is only for messages and reports.
    ///
    /// # Errors
    /// [`PolicyError`] for anything but a complete policy without contradiction.
    pub fn parse(path: &str, text: &str) -> Result<Self, PolicyError> {
        let reader = Reader { path, text };
        let file: File = toml::from_str(text)
            .map_err(|error| reader.error(error.span().unwrap_or(0..0), error.message()))?;
        if *file.schema.get_ref() != 1 {
            return Err(reader.error(
                file.schema.span(),
                format!(
                    "schema {} is not known; this version reads schema 1",
                    file.schema.get_ref()
                ),
            ));
        }
        let keys = reader.keys(file.keys)?;
        if file.rules.is_empty() {
            return Err(reader.error(0..0, "no [[rules]]: such a policy accepts nothing"));
        }
        let mut rules = Vec::new();
        let mut named = BTreeMap::new();
        for (index, rule) in file.rules.into_iter().enumerate() {
            rules.push(reader.rule(index, rule, &keys, &mut named)?);
        }
        Ok(Self {
            path: path.to_owned(),
            sha256: Sha256Digest::of(text.as_bytes()),
            trust: TrustRoot::of_keys(keys.into_values().collect()),
            rules,
        })
    }

    /// The policy that a key and a source on the command line mean: this key alone, this repository
    /// alone, built by `wheelmark build` in a sandbox from a clean tree.
    pub fn of_key_and_source(
        key: TrustedKey,
        source: RepositoryUri,
        git_ref: Option<RefPattern>,
        builders: BTreeSet<String>,
        rebuild: Rebuild,
    ) -> Self {
        let shown = format!("key {} source {source}", key.id());
        Self {
            path: "command line".to_owned(),
            sha256: Sha256Digest::of(shown.as_bytes()),
            rules: vec![Rule {
                name: "command line".to_owned(),
                line: None,
                projects: Projects::OnCommandLine,
                keys: [key.id().clone()].into(),
                source,
                git_ref,
                builders,
                build_types: [BUILD_TYPE.to_owned()].into(),
                rebuild,
                unsafe_choices: Unsafe::NONE,
            }],
            trust: TrustRoot::of_keys(vec![key]),
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The digest of its text.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The keys that it trusts at all.
    pub fn trust(&self) -> &TrustRoot {
        &self.trust
    }

    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, KeyEntry>,
    #[serde(default)]
    rules: Vec<Spanned<RuleEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KeyEntry {
    pem: Spanned<String>,
    valid_from: Option<Spanned<toml::value::Datetime>>,
    valid_until: Option<Spanned<toml::value::Datetime>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RuleEntry {
    projects: Spanned<Vec<Spanned<String>>>,
    keys: Spanned<Vec<Spanned<String>>>,
    source: Spanned<String>,
    #[serde(rename = "ref")]
    git_ref: Option<Spanned<String>>,
    builders: Spanned<Vec<Spanned<String>>>,
    build_types: Option<Spanned<Vec<Spanned<String>>>>,
    rebuild: Rebuild,
    #[serde(default)]
    allow_dirty_unsafe: bool,
    #[serde(default)]
    allow_no_isolation_unsafe: bool,
}

/// The text being read, for errors that say where.
struct Reader<'a> {
    path: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
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

    fn keys(
        &self,
        entries: BTreeMap<Spanned<String>, KeyEntry>,
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
            let key = TrustedKey::from_pem(entry.pem.get_ref(), validity)
                .map_err(|error| self.error(entry.pem.span(), error.to_string()))?;
            // One key under two names could count twice (CVE class GHSA-3633-5h82-39pq).
            if let Some((other, _)) = keys.iter().find(|(_, other)| other.id() == key.id()) {
                let message = format!("this is the same key as `{}`", Escaped(other));
                return Err(self.error(name.span(), message));
            }
            keys.insert(name.into_inner(), key);
        }
        Ok(keys)
    }

    fn rule(
        &self,
        index: usize,
        entry: Spanned<RuleEntry>,
        keys: &BTreeMap<String, TrustedKey>,
        named: &mut BTreeMap<ProjectName, usize>,
    ) -> Result<Rule, PolicyError> {
        let line = self.place(entry.span().start).0;
        let entry = entry.into_inner();
        let projects = self.set(&entry.projects, |text| {
            let project: ProjectName = self.parsed(text)?;
            // Written otherwise it would read as another name than the one that is compared.
            if project.to_string() != *text.get_ref() {
                let message = format!("write the normalised name `{project}`");
                return Err(self.error(text.span(), message));
            }
            if let Some(earlier) = named.insert(project.clone(), index).filter(|at| *at != index) {
                let message = format!("`{project}` is named by rules[{earlier}] already");
                return Err(self.error(text.span(), message));
            }
            Ok(project)
        })?;
        let allowed = self.set(&entry.keys, |text| {
            keys.get(text.get_ref()).map(|key| key.id().clone()).ok_or_else(|| {
                let message = format!("no [keys.{}] in this policy", Escaped(text.get_ref()));
                self.error(text.span(), message)
            })
        })?;
        let uri = |text: &Spanned<String>| {
            url::Url::parse(text.get_ref())
                .map_err(|error| self.error(text.span(), format!("not a URI: {error}")))?;
            Ok(text.get_ref().clone())
        };
        let build_types = match &entry.build_types {
            Some(list) => self.set(list, uri)?,
            None => [BUILD_TYPE.to_owned()].into(),
        };
        Ok(Rule {
            name: format!("rules[{index}]"),
            line: Some(line),
            projects: Projects::Named(projects),
            keys: allowed,
            source: self.parsed(&entry.source)?,
            git_ref: entry.git_ref.as_ref().map(|text| self.parsed(text)).transpose()?,
            builders: self.set(&entry.builders, uri)?,
            build_types,
            rebuild: entry.rebuild,
            unsafe_choices: Unsafe {
                dirty: entry.allow_dirty_unsafe,
                no_isolation: entry.allow_no_isolation_unsafe,
            },
        })
    }
}
