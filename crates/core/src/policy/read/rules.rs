//! The rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use toml::Spanned;
use version_ranges::Ranges;

use super::shape::{List, RuleEntry};
use super::signers::{Known, REPOSITORY};
use super::{Named, Reader};
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use crate::attestation::publish::PUBLISH_TYPE;
use crate::limits::{COUNTED_IDENTITIES, PATTERNS_ALIKE, RULES_OF_PROJECT};
use crate::policy::files::{Files, Kind};
use crate::policy::identity::IdentityRule;
use crate::policy::projects::ProjectPattern;
use crate::policy::schema::{Ages, PolicyError, Projects, Rule, Unsafe};
use crate::policy::signers::Signers;
use crate::report::Escaped;

/// How a project is written.
pub(super) const PROJECT: &str =
    "write it as in \"demo\", or \"acme-*\" for every project whose name begins so";
/// How versions are written.
pub(super) const VERSIONS: &str = "write specifiers, as in \">=1.0, <2\"";
/// How a tag is written.
const TAG: &str = "write what stands in the names of the wheels, as in \"py3-none-any\"";
/// How an index is written.
const INDEX: &str = "write the URL of its simple API, as `--index` takes it";
/// What builds with `wheelmark build`.
const LOCAL: &str = "add it; `wheelmark build` is \"https://wheelmark.dev/builders/local/v1\"";

impl Reader<'_> {
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
        let suggestion = "others are asked for by `require`, beside one of these";
        Err(self.error(text.span(), message, suggestion))
    }

    pub(super) fn files(
        &self,
        versions: Option<&Spanned<String>>,
        kinds: &Option<List>,
        tags: &Option<List>,
        indexes: &Option<List>,
    ) -> Result<Files, PolicyError> {
        let kept = self.errors;
        let versions = kept.noted(versions.map(|text| self.parsed(text, VERSIONS)).transpose());
        let kind = |text: &Spanned<String>| self.parsed(text, "write \"wheel\" or \"sdist\"");
        let kinds = kept.noted(self.set_if(kinds, kind));
        let tagged = kept.noted(self.set_if(tags, |text| self.parsed(text, TAG)));
        let indexes = kept.noted(self.set_if(indexes, |text| self.parsed(text, INDEX)));
        let files = Files { versions: versions?, kinds: kinds?, tags: tagged?, indexes: indexes? };
        if let Some(list) = tags
            && !(files.kinds.is_empty() || files.kinds.contains(&Kind::Wheel))
        {
            let message = "only wheels have tags, and `kinds` leaves them out";
            return Err(self.error(list.span(), message, "take `tags` or `kinds` out"));
        }
        Ok(files)
    }

    /// How many of the signers must have signed.
    fn threshold(&self, entry: &RuleEntry, signers: usize) -> Result<usize, PolicyError> {
        let Some(threshold) = &entry.threshold else { return Ok(1) };
        match *threshold.get_ref() {
            0 => Err(self.error(
                threshold.span(),
                "at least one must sign",
                "write 1 or more, or leave it out for 1",
            )),
            wanted if wanted > signers => {
                let message =
                    format!("the rule names {signers} signers, so that so many never sign");
                Err(self.error(threshold.span(), message, "name more signers, or ask for fewer"))
            }
            wanted => Ok(wanted),
        }
    }

    /// Signers who are counted must be told from each other: of two identities that one certificate could meet both,
    /// one holder could be two signers.
    pub(super) fn apart(
        &self,
        written: &Option<List>,
        identities: &[Arc<IdentityRule>],
    ) -> Result<(), PolicyError> {
        if identities.len() > COUNTED_IDENTITIES {
            let message = format!("more than {COUNTED_IDENTITIES} identities that are counted");
            let place = written.as_ref().map_or(0..0, Spanned::span);
            return Err(self.error(place, message, "name fewer"));
        }
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
                    let suggestion = "give both `repository-id`, or `workflow`";
                    return Err(self.error(place, message, suggestion));
                }
            }
        }
        Ok(())
    }

    pub(super) fn days(&self, days: &Spanned<u32>) -> Result<TimeDelta, PolicyError> {
        match *days.get_ref() {
            0 => Err(self.error(
                days.span(),
                "nothing is so new",
                "write 1 or more, or leave it out",
            )),
            days => Ok(TimeDelta::days(days.into())),
        }
    }

    /// The rule `rules[number]`, after the earlier ones that could be read.
    ///
    /// # Errors
    /// One of what is wrong; all of it is kept.
    pub(super) fn rule(
        &self,
        number: usize,
        earlier: &[Rule],
        entry: Spanned<RuleEntry>,
        known: Known<'_>,
        named: &Named,
    ) -> Result<Rule, PolicyError> {
        let line = self.line(entry.span().start);
        let entry = entry.into_inner();
        let name = format!("rules[{number}]");
        let days = |days: &Option<Spanned<u32>>| days.as_ref().map(|it| self.days(it)).transpose();
        let kept = self.errors;
        // Each part by itself, so that all that is wrong is told.
        let about = kept.noted(self.about(&entry, earlier, named));
        let signed = kept.noted(self.signed(&entry, known));
        let attestations = kept.noted(match &entry.attestations {
            Some(list) => self.set(list, |text| self.predicate_type(text)),
            None => Ok([PROVENANCE_TYPE.to_owned()].into()),
        });
        let attestation = kept.noted(days(&entry.max_age_days));
        let upload = kept.noted(days(&entry.min_upload_age_days));
        let trust = kept.noted(days(&entry.max_trust_age_days));
        let source = kept.noted(self.source(&entry));
        let builder = kept.noted(self.builder(&entry));
        let instructions = kept.noted(self.instructions(&entry));
        let policy = entry.build_requirements.as_ref();
        let build_requirements =
            kept.noted(policy.map(|name| self.policy_named(name, known)).transpose());
        let required =
            kept.noted(self.demands(&format!("{name}.require"), &entry.require, known, true));
        let forbidden =
            kept.noted(self.demands(&format!("{name}.forbid"), &entry.forbid, known, false));
        let rebuild = signed.as_ref().map(|(signers, _)| self.rebuild(&entry, signers, known));
        if let Ok(rebuild) = &rebuild {
            kept.note(rebuild);
        }
        let (projects, files) = about?;
        let rebuild = rebuild.map_err(PolicyError::clone)??;
        let (signers, threshold) = signed?;
        let rule = Rule {
            line: Some(line),
            projects: Projects::Named(projects),
            files,
            attestations: attestations?,
            threshold,
            ages: Ages { attestation: attestation?, upload: upload?, trust: trust? },
            bare_signature: entry.bare_signature,
            source: source?,
            builder: builder?,
            instructions: instructions?,
            build_requirements: build_requirements?,
            required: required?,
            forbidden: forbidden?,
            rebuild,
            signers,
            unsafe_choices: Unsafe {
                dirty: entry.allow_dirty_unsafe,
                no_isolation: entry.allow_no_isolation_unsafe,
            },
            name,
        };
        self.contradictions(&entry, &rule);
        Ok(rule)
    }

    /// What a rule is about.
    fn about(
        &self,
        entry: &RuleEntry,
        earlier: &[Rule],
        named: &Named,
    ) -> Result<(BTreeSet<ProjectPattern>, Files), PolicyError> {
        let files = self.errors.noted(self.files(
            entry.versions.as_ref(),
            &entry.kinds,
            &entry.tags,
            &entry.indexes,
        ));
        let projects = self.errors.noted(self.set(&entry.projects, |text| {
            let project: ProjectPattern = self.parsed(text, PROJECT)?;
            if named.by_project.alike(&project) >= PATTERNS_ALIKE {
                let message =
                    format!("{PATTERNS_ALIKE} patterns begin as `{project}` does, and no more are read");
                return Err(self.error(text.span(), message, "name the projects themselves"));
            }
            let naming = named.by_project.rules(project.as_str());
            // Each is held against all of the others.
            if naming.len() >= RULES_OF_PROJECT {
                let message =
                    format!("`{project}` is named by {RULES_OF_PROJECT} rules already, and no more are read");
                return Err(self.error(text.span(), message, "put what they take into fewer rules"));
            }
            if let Ok(files) = &files
                && let Some(rule) = asked_instead(&naming, files, earlier)
            {
                let message = format!(
                    "`{project}` is named by {} already, which is asked first: this rule is never \
                     asked about it",
                    earlier[rule].name
                );
                let suggestion =
                    "put what both take into one rule, or part them by `versions`, `kinds`, `tags` or `indexes`";
                return Err(self.error(text.span(), message, suggestion));
            }
            Ok(project)
        }));
        Ok((projects?, files?))
    }

    /// Who signs for a rule, and how many of them must.
    fn signed(&self, entry: &RuleEntry, known: Known<'_>) -> Result<(Signers, usize), PolicyError> {
        let signers = self.signers((&entry.keys, &entry.identities), known)?;
        if signers.is_empty() {
            self.nobody_signs(entry)?;
        }
        let threshold = self.threshold(entry, signers.len())?;
        if threshold > 1 {
            self.apart(&entry.identities, &signers.identities)?;
        }
        // What a key's holder says of builder and source is all there is of them; a certificate names them.
        for (name, missing, add) in [
            ("builders", entry.builders.is_none(), LOCAL),
            ("source", entry.source.is_none(), REPOSITORY),
        ] {
            if missing && !signers.keys.is_empty() {
                let message = format!("`{name}` is missing, which a rule with `keys` needs");
                return Err(self.error(entry.projects.span(), message, add));
            }
        }
        Ok((signers, threshold))
    }

    /// A rule without signers takes a file by further attestations alone, and asks nothing of provenance.
    fn nobody_signs(&self, entry: &RuleEntry) -> Result<(), PolicyError> {
        if entry.require.is_empty() {
            let message = "neither `keys` nor `identities`: nobody could sign";
            let suggestion = "name in one of them who may sign";
            return Err(self.error(entry.projects.span(), message, suggestion));
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
        let chosen = [
            ("bare-signature", entry.bare_signature),
            ("allow-dirty-unsafe", entry.allow_dirty_unsafe),
            ("allow-no-isolation-unsafe", entry.allow_no_isolation_unsafe),
        ];
        let chosen = chosen.map(|(name, it)| (name, it.then(|| entry.projects.span())));
        let others = others.into_iter().chain(chosen);
        let mut asked = lists.chain(others).filter_map(|(name, span)| Some((name, span?)));
        asked.next().map_or(Ok(()), |(name, span)| {
            let message = format!(
                "`{name}` is asked of what the rule's own signers sign, and it has neither `keys` nor `identities`"
            );
            Err(self.error(span, message, "take it out, or name who signs"))
        })
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
