//! The rules.

use std::sync::Arc;

use chrono::TimeDelta;
use toml::Spanned;
use version_ranges::Ranges;

use super::shape::{List, RuleEntry};
use super::signers::Known;
use super::{Named, Reader};
use crate::attestation::pep517::BUILD_TYPE;
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use crate::attestation::publish::PUBLISH_TYPE;
use crate::limits::RULES_OF_PROJECT;
use crate::policy::files::{Files, Kind};
use crate::policy::identity::IdentityRule;
use crate::policy::instructions::{Instructions, ParameterPattern};
use crate::policy::projects::ProjectPattern;
use crate::policy::schema::{
    Ages, BuilderRule, Policy, PolicyError, Projects, Rule, SourceRule, Unsafe,
};
use crate::policy::source::SourcePattern;
use crate::report::Escaped;

impl Reader<'_> {
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
            parameters: self.set_if(&entry.parameters, |text| self.parsed(text))?,
            required: self.set_if(&entry.required_parameters, |text| {
                let parameter: ParameterPattern = self.parsed(text)?;
                match parameter.is_open() {
                    true => {
                        Err(self.error(text.span(), "`.*` asks for nothing that must be there"))
                    }
                    false => Ok(parameter),
                }
            })?,
        })
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

    pub(super) fn files(
        &self,
        versions: Option<&Spanned<String>>,
        kinds: &Option<List>,
        tags: &Option<List>,
        indexes: &Option<List>,
    ) -> Result<Files, PolicyError> {
        let files = Files {
            versions: versions.map(|text| self.parsed(text)).transpose()?,
            kinds: self.set_if(kinds, |text| self.parsed(text))?,
            tags: self.set_if(tags, |text| self.parsed(text))?,
            indexes: self.set_if(indexes, |text| self.parsed(text))?,
        };
        if let Some(list) = tags
            && !(files.kinds.is_empty() || files.kinds.contains(&Kind::Wheel))
        {
            return Err(
                self.error(list.span(), "only wheels have tags, and `kinds` leaves them out")
            );
        }
        Ok(files)
    }

    /// How many of the signers must have signed.
    fn threshold(&self, entry: &RuleEntry, signers: usize) -> Result<usize, PolicyError> {
        let Some(threshold) = &entry.threshold else { return Ok(1) };
        match *threshold.get_ref() {
            0 => Err(self.error(threshold.span(), "at least one must sign")),
            wanted if wanted > signers => {
                let message =
                    format!("the rule names {signers} signers, so that so many never sign");
                Err(self.error(threshold.span(), message))
            }
            wanted => Ok(wanted),
        }
    }

    /// Signers who are counted must be told from each other: of two identities that one certificate could meet both,
    /// one holder could be two signers.
    pub(super) fn apart(
        &self,
        written: &Option<List>,
        identities: &[IdentityRule],
    ) -> Result<(), PolicyError> {
        for (number, one) in identities.iter().enumerate() {
            for other in identities.iter().skip(number + 1) {
                if !one.excludes(other) {
                    let message = format!(
                        "one certificate could be of `{}` and of `{}`, and its holder count twice: where signers are \
                         counted, any two identities must differ in a value that both give",
                        Escaped(&one.name),
                        Escaped(&other.name)
                    );
                    let place = written.as_ref().map_or(0..0, Spanned::span);
                    return Err(self.error(place, message));
                }
            }
        }
        Ok(())
    }

    pub(super) fn days(&self, days: &Spanned<u32>) -> Result<TimeDelta, PolicyError> {
        match *days.get_ref() {
            0 => Err(self.error(days.span(), "nothing is so new")),
            days => Ok(TimeDelta::days(days.into())),
        }
    }

    pub(super) fn rule(
        &self,
        earlier: &[Rule],
        entry: Spanned<RuleEntry>,
        known: Known<'_>,
        named: &Named,
    ) -> Result<Rule, PolicyError> {
        let line = self.place(entry.span().start).0;
        let entry = entry.into_inner();
        let about = (&entry.kinds, &entry.tags, &entry.indexes);
        let files = self.files(entry.versions.as_ref(), about.0, about.1, about.2)?;
        let projects = self.set(&entry.projects, |text| {
            let project: ProjectPattern = self.parsed(text)?;
            let naming = named.by_project.rules(project.as_str());
            // Each is held against all of the others.
            if naming.len() >= RULES_OF_PROJECT {
                let message =
                    format!("`{project}` is named by {RULES_OF_PROJECT} rules already, and no more are read");
                return Err(self.error(text.span(), message));
            }
            if let Some(rule) = asked_instead(&naming, &files, earlier) {
                let message = format!(
                    "`{project}` is named by rules[{rule}] already, which is asked first: this rule is never \
                     asked about it"
                );
                return Err(self.error(text.span(), message));
            }
            Ok(project)
        })?;
        let signers = self.signers((&entry.keys, &entry.identities), known)?;
        if signers.is_empty() {
            self.nobody_signs(&entry)?;
        }
        let threshold = self.threshold(&entry, signers.len())?;
        if threshold > 1 {
            self.apart(&entry.identities, &signers.identities)?;
        }
        // What a key's holder says of builder and source is all there is of them; a certificate names them.
        for (name, missing) in
            [("builders", entry.builders.is_none()), ("source", entry.source.is_none())]
        {
            if missing && !signers.keys.is_empty() {
                let message = format!("`{name}` is missing, which a rule with `keys` needs");
                return Err(self.error(entry.projects.span(), message));
            }
        }
        let name = format!("rules[{}]", earlier.len());
        let days = |days: &Option<Spanned<u32>>| days.as_ref().map(|it| self.days(it)).transpose();
        Ok(Rule {
            line: Some(line),
            projects: Projects::Named(projects),
            files,
            attestations: match &entry.attestations {
                Some(list) => self.set(list, |text| self.predicate_type(text))?,
                None => [PROVENANCE_TYPE.to_owned()].into(),
            },
            threshold,
            ages: Ages {
                attestation: days(&entry.max_age_days)?,
                upload: days(&entry.min_upload_age_days)?,
                trust: days(&entry.max_trust_age_days)?,
            },
            bare_signature: entry.bare_signature,
            source: self.source(&entry)?,
            builder: self.builder(&entry)?,
            instructions: self.instructions(&entry)?,
            build_requirements: entry
                .build_requirements
                .as_ref()
                .map(|name| self.policy_named(name, known))
                .transpose()?,
            required: self.demands(&format!("{name}.require"), &entry.require, known, true)?,
            forbidden: self.demands(&format!("{name}.forbid"), &entry.forbid, known, false)?,
            rebuild: self.rebuild(&entry, &signers, known)?,
            signers,
            unsafe_choices: Unsafe {
                dirty: entry.allow_dirty_unsafe,
                no_isolation: entry.allow_no_isolation_unsafe,
            },
            name,
        })
    }

    /// A rule without signers takes a file by further attestations alone, and asks nothing of provenance.
    fn nobody_signs(&self, entry: &RuleEntry) -> Result<(), PolicyError> {
        if entry.require.is_empty() {
            let message = "neither `keys` nor `identities`: nobody could sign";
            return Err(self.error(entry.projects.span(), message));
        }
        let lists = [
            ("attestations", &entry.attestations),
            ("owners", &entry.owners),
            ("branches", &entry.branches),
            ("forbidden-triggers", &entry.forbidden_triggers),
            ("builders", &entry.builders),
            ("build-types", &entry.build_types),
            ("steps", &entry.steps),
            ("step-requires", &entry.step_requires),
            ("config-settings", &entry.config_settings),
            ("parameters", &entry.parameters),
            ("required-parameters", &entry.required_parameters),
        ];
        let lists = lists.into_iter().map(|(name, list)| (name, list.as_ref().map(Spanned::span)));
        let others = [
            ("threshold", entry.threshold.as_ref().map(Spanned::span)),
            ("max-age-days", entry.max_age_days.as_ref().map(Spanned::span)),
            ("max-trust-age-days", entry.max_trust_age_days.as_ref().map(Spanned::span)),
            ("source", entry.source.as_ref().map(Spanned::span)),
            ("ref", entry.git_ref.as_ref().map(Spanned::span)),
            ("builder-versions", entry.builder_versions.as_ref().map(Spanned::span)),
            ("hermetic", entry.hermetic.as_ref().map(Spanned::span)),
            ("build-requirements", entry.build_requirements.as_ref().map(Spanned::span)),
        ];
        let mut asked = lists.chain(others).filter_map(|(name, span)| Some((name, span?)));
        asked.next().map_or(Ok(()), |(name, span)| {
            let message = format!(
                "`{name}` is asked of what the rule's own signers sign, and it has neither `keys` nor `identities`"
            );
            Err(self.error(span, message))
        })
    }

    fn policy_named(
        &self,
        name: &Spanned<String>,
        known: Known<'_>,
    ) -> Result<Arc<Policy>, PolicyError> {
        known.policies.get(name.get_ref()).map(Arc::clone).ok_or_else(|| {
            let message = format!("no [policies.{}] in this policy", Escaped(name.get_ref()));
            self.error(name.span(), message)
        })
    }

    fn source(&self, entry: &RuleEntry) -> Result<SourceRule, PolicyError> {
        let repository: Option<SourcePattern> =
            entry.source.as_ref().map(|text| self.parsed(text)).transpose()?;
        let has_owner = repository.as_ref().is_some_and(SourcePattern::has_owner);
        match (&entry.owners, &entry.source) {
            (None, Some(text)) if has_owner => {
                let message = "`{owner}` stands for one of `owners`, which is missing";
                return Err(self.error(text.span(), message));
            }
            (Some(owners), _) if !has_owner => {
                let message = "`owners` without `{owner}` in `source`";
                return Err(self.error(owners.span(), message));
            }
            _ => {}
        }
        let owner = |text: &Spanned<String>| {
            let word = self.word(text)?;
            match word.contains('/') {
                true => Err(self.error(text.span(), "an owner is one segment of a path")),
                false => Ok(word),
            }
        };
        let branch = |text: &Spanned<String>| {
            let word = self.word(text)?;
            match word.starts_with("refs/") {
                true => Err(self.error(text.span(), "the branch's own name, such as `main`")),
                false => Ok(word),
            }
        };
        Ok(SourceRule {
            repository,
            owners: self.set_if(&entry.owners, owner)?,
            git_ref: entry.git_ref.as_ref().map(|text| self.parsed(text)).transpose()?,
            branches: self.set_if(&entry.branches, branch)?,
            forbidden_triggers: self.set_if(&entry.forbidden_triggers, |text| self.word(text))?,
        })
    }

    fn builder(&self, entry: &RuleEntry) -> Result<BuilderRule, PolicyError> {
        let uris = |list: &Option<List>, otherwise: &[&str]| match list {
            Some(list) => self.set(list, |text| self.uri(text)),
            None => Ok(otherwise.iter().map(|text| (*text).to_owned()).collect()),
        };
        if let (Some(versions), None) = (&entry.builder_versions, &entry.builders) {
            return Err(self.error(versions.span(), "`builder-versions` without `builders`"));
        }
        let hermetic = entry.hermetic.as_ref().is_some_and(|it| *it.get_ref());
        match &entry.hermetic {
            Some(it) if hermetic && entry.allow_no_isolation_unsafe => {
                let message = "`hermetic` and `allow-no-isolation-unsafe` contradict each other";
                return Err(self.error(it.span(), message));
            }
            _ => {}
        }
        Ok(BuilderRule {
            ids: uris(&entry.builders, &[])?,
            versions: entry.builder_versions.as_ref().map(|text| self.parsed(text)).transpose()?,
            build_types: uris(&entry.build_types, &[BUILD_TYPE])?,
            hermetic,
        })
    }

    pub(super) fn uri(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        url::Url::parse(text.get_ref())
            .map_err(|error| self.error(text.span(), format!("not a URI: {error}")))?;
        Ok(text.get_ref().clone())
    }
}

/// The first of the earlier rules that together are about all these files of a project, so that none is left.
/// Several lists of tags that leave none together are not seen.
fn asked_instead(naming: &[usize], files: &Files, earlier: &[Rule]) -> Option<usize> {
    let mut first = None;
    for kind in files.possible_kinds() {
        let mut covering = naming
            .iter()
            .copied()
            .filter(|rule| earlier[*rule].files.cover_but_for_versions(kind, files))
            .peekable();
        first = [first, covering.peek().copied()].into_iter().flatten().min();
        let versions = covering.map(|rule| earlier[rule].files.range());
        let versions = versions.fold(Ranges::empty(), |all, versions| all.union(&versions));
        if !files.range().subset_of(&versions) {
            return None;
        }
    }
    first
}
