//! What a rule says of the build: its source, what ran it, and what else decided it.

use toml::Spanned;

use super::Reader;
use super::rules::VERSIONS;
use super::shape::RuleEntry;
use super::signers::REPOSITORY;
use crate::attestation::build_types;
use crate::attestation::origin::is_full_ref;
use crate::attestation::pep517::BUILD_TYPE;
use crate::policy::instructions::{Instructions, ParameterPattern};
use crate::policy::schema::{BuilderRule, PolicyError, SourceRule};
use crate::policy::source::SourcePattern;
use crate::report::Escaped;

/// How a parameter is written.
const PARAMETER: &str = "`wheelmark inspect` shows the parameters of an attestation";
/// How a ref is written.
const REF: &str = "write it as in \"refs/tags/v{version}\"";
/// How a URI is written.
const URI: &str = "write it with its scheme, as in \"https://example.org/builder/v1\"";

impl Reader<'_> {
    pub(super) fn instructions(&self, entry: &RuleEntry) -> Result<Instructions, PolicyError> {
        let words = |text: &Spanned<String>| match shlex::split(text.get_ref()) {
            Some(words) if !words.is_empty() => Ok(words),
            _ => Err(self.error(
                text.span(),
                "not a command: a quote is open, or there is no word",
                "write it as `wheelmark build --step` was given it",
            )),
        };
        let setting = |text: &Spanned<String>| match text.get_ref().split_once('=') {
            Some((key, _)) if !key.is_empty() => Ok(text.get_ref().clone()),
            _ => Err(self.error(
                text.span(),
                "a setting is written KEY=VALUE",
                "write `KEY=` for an empty value",
            )),
        };
        if let (None, Some(requires)) = (&entry.steps, &entry.step_requires) {
            let suggestion = "name the `steps` that need them, or take it out";
            return Err(self.error(requires.span(), "`step-requires` without `steps`", suggestion));
        }
        let required = self.set_if(&entry.required_parameters, |text| {
            let parameter: ParameterPattern = self.parsed(text, PARAMETER)?;
            match parameter.is_open() {
                true => Err(self.error(
                    text.span(),
                    "`.*` asks for nothing that must be there",
                    "name the parameter itself",
                )),
                false => Ok(parameter),
            }
        })?;
        // They come in the order of their names.
        let twice = required
            .iter()
            .zip(required.iter().skip(1))
            .find(|(one, other)| one.contradicts(other));
        if let (Some((one, other)), Some(list)) = (twice, &entry.required_parameters) {
            let message = format!("`{one}` and `{other}` cannot both be");
            return Err(self.error(list.span(), message, "take one of them out"));
        }
        let kept = self.errors;
        let steps = kept.noted(self.set_if(&entry.steps, words));
        let as_is = |text: &Spanned<String>| Ok(text.get_ref().clone());
        let step_requires = kept.noted(self.set_if(&entry.step_requires, as_is));
        let config_settings = kept.noted(self.set_if(&entry.config_settings, setting));
        let parameter = |text: &Spanned<String>| self.parsed(text, PARAMETER);
        let parameters = kept.noted(self.set_if(&entry.parameters, parameter));
        Ok(Instructions {
            steps: steps?,
            step_requires: step_requires?,
            config_settings: config_settings?,
            parameters: parameters?,
            required,
        })
    }

    pub(super) fn source(&self, entry: &RuleEntry) -> Result<SourceRule, PolicyError> {
        let repository: Result<Option<SourcePattern>, _> = self
            .errors
            .noted(entry.source.as_ref().map(|text| self.parsed(text, REPOSITORY)).transpose());
        // Of one that cannot be read, nobody knows.
        let has_owner =
            |it: &Option<SourcePattern>| it.as_ref().is_some_and(SourcePattern::has_owner);
        let has_owner = repository.as_ref().map(has_owner).ok();
        match (&entry.owners, &entry.source) {
            (None, Some(text)) if has_owner == Some(true) => {
                let message = "`{owner}` stands for one of `owners`, which is missing";
                let suggestion = "add `owners`, or write the owner in place of `{owner}`";
                return Err(self.error(text.span(), message, suggestion));
            }
            (Some(owners), _) if has_owner == Some(false) => {
                let message = "`owners` without `{owner}` in `source`";
                let suggestion = "write `{owner}` where the owner is, or take `owners` out";
                return Err(self.error(owners.span(), message, suggestion));
            }
            _ => {}
        }
        let owner = |text: &Spanned<String>| {
            let word = self.word(text)?;
            match word.contains('/') {
                true => Err(self.error(
                    text.span(),
                    "an owner is one segment of a path",
                    "write it without `/`",
                )),
                false => Ok(word),
            }
        };
        let branch = |text: &Spanned<String>| {
            let word = self.word(text)?;
            match !word.starts_with("refs/") && is_full_ref(&format!("refs/heads/{word}")) {
                true => Ok(word),
                false => Err(self.error(
                    text.span(),
                    "the branch's own name, such as `main`",
                    "write it as git does, without `refs/heads/`",
                )),
            }
        };
        let kept = self.errors;
        let owners = kept.noted(self.set_if(&entry.owners, owner));
        let git_ref = entry.git_ref.as_ref().map(|text| self.parsed(text, REF)).transpose();
        let git_ref = kept.noted(git_ref);
        let branches = kept.noted(self.set_if(&entry.branches, branch));
        // Upper and lower case make no difference where they are looked for.
        let trigger =
            |text: &Spanned<String>| self.word(text).map(|word| word.to_ascii_lowercase());
        let forbidden_triggers = kept.noted(self.set_if(&entry.forbidden_triggers, trigger));
        Ok(SourceRule {
            repository: repository?,
            owners: owners?,
            git_ref: git_ref?,
            branches: branches?,
            forbidden_triggers: forbidden_triggers?,
        })
    }

    pub(super) fn builder(&self, entry: &RuleEntry) -> Result<BuilderRule, PolicyError> {
        if let (Some(versions), None) = (&entry.builder_versions, &entry.builders) {
            let message = "`builder-versions` without `builders`";
            return Err(self.error(versions.span(), message, "name the `builders` that have them"));
        }
        let hermetic = entry.hermetic.as_ref().is_some_and(|it| *it.get_ref());
        match &entry.hermetic {
            Some(it) if hermetic && entry.allow_no_isolation_unsafe => {
                let message = "`hermetic` and `allow-no-isolation-unsafe` contradict each other";
                return Err(self.error(it.span(), message, "take one of them out"));
            }
            _ => {}
        }
        let kept = self.errors;
        let ids = kept.noted(self.set_if(&entry.builders, |text| self.uri(text)));
        let versions = entry.builder_versions.as_ref();
        let versions = kept.noted(versions.map(|text| self.parsed(text, VERSIONS)).transpose());
        let build_types = kept.noted(match &entry.build_types {
            Some(list) => self.set(list, |text| self.build_type(text)),
            None => Ok([BUILD_TYPE.to_owned()].into()),
        });
        Ok(BuilderRule { ids: ids?, versions: versions?, build_types: build_types?, hermetic })
    }

    /// A build type whose parameters are known. Provenance of any other is refused, whatever a rule says.
    fn build_type(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        let named = self.uri(text)?;
        match build_types::known().any(|known| build_types::is(&named, known)) {
            true => Ok(named),
            false => Err(self.error(
                text.span(),
                format!("`{}` is no build type that is known", Escaped(&named)),
                "write one of those that `docs/policy.md` lists, as it stands there",
            )),
        }
    }

    /// A URI that is compared whole.
    pub(super) fn uri(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        self.filled_in(text)?;
        let wrong =
            |message: &str, suggestion: &str| Err(self.error(text.span(), message, suggestion));
        // The library reads past white space, and no document would have it: of `forbid` nothing would be forbidden.
        if text.get_ref().contains(|c: char| c.is_whitespace() || c.is_control()) {
            return wrong("white space, which no URI has", "write it without");
        }
        if text.get_ref().contains(['*', '^', '$', '{', '}']) {
            let message = "this URI is compared whole; it knows no pattern";
            return wrong(message, "write each one that is meant");
        }
        url::Url::parse(text.get_ref())
            .map_err(|error| self.error(text.span(), format!("not a URI: {error}"), URI))?;
        Ok(text.get_ref().clone())
    }
}
