//! What a rule demands beside provenance: further attestations, and a rebuild.

use std::collections::BTreeSet;

use toml::Spanned;

use super::decisions::DIGEST;
use super::shape::{DemandEntry, RebuildEntry, RuleEntry};
use super::signers::Known;
use super::{Reader, nearest};
use crate::attestation::level::Level;
use crate::attestation::rebuild_result::REBUILD_RESULT_TYPE;
use crate::attestation::svr::SVR_TYPE;
use crate::attestation::test_result::TEST_RESULT_TYPE;
use crate::attestation::vsa::{SLSA_BUILD_REPRODUCED, VSA_TYPE};
use crate::compare::NORMALIZERS;
use crate::limits::{DEMANDS, SAMPLED_SHARE};
use crate::policy::demand::{Demand, Resource, Summary};
use crate::policy::rebuild::{RebuildRule, Rebuilders, When};
use crate::policy::schema::PolicyError;
use crate::policy::signers::Signers;
use crate::report::Escaped;

/// How a condition is written.
const WHERE: &str = "write an expression, as in \"predicate.result == 'PASSED'\"";
/// How a level is written.
const LEVEL: &str = "write one such as \"SLSA_BUILD_LEVEL_3\"";

impl Reader<'_> {
    /// `require` or `forbid`, of which only the former can ask for a verification.
    pub(super) fn demands(
        &self,
        name: &str,
        entries: &[Spanned<DemandEntry>],
        known: Known<'_>,
        required: bool,
    ) -> Result<Vec<Demand>, PolicyError> {
        if let Some(one_more) = entries.get(DEMANDS) {
            let message = format!("more than {DEMANDS} attestations of one rule");
            return Err(self.error(one_more.span(), message, "put what they ask into fewer"));
        }
        let mut demands: Vec<Demand> = Vec::new();
        for entry in entries {
            let demand =
                self.demand(format!("{name}[{}]", demands.len()), entry, known, required)?;
            let same = |other: &&Demand| {
                Demand { name: demand.name.clone(), ..(*other).clone() } == demand
            };
            if let Some(other) = demands.iter().find(same) {
                let message = format!("the same as {}", other.name);
                return Err(self.error(entry.span(), message, "take one of them out"));
            }
            demands.push(demand);
        }
        Ok(demands)
    }

    fn demand(
        &self,
        name: String,
        spanned: &Spanned<DemandEntry>,
        known: Known<'_>,
        required: bool,
    ) -> Result<Demand, PolicyError> {
        let entry = spanned.get_ref();
        let predicate_type = self.uri(&entry.predicate)?;
        if predicate_type == REBUILD_RESULT_TYPE {
            let message = "results of rebuilds are asked for by `rebuild = { keys = […] }`";
            let suggestion = "name in `rebuild` whose results count";
            return Err(self.error(entry.predicate.span(), message, suggestion));
        }
        let signers = self.signers((&entry.keys, &entry.identities), known)?;
        if signers.is_empty() {
            let message = "neither `keys` nor `identities`: anybody could have signed it";
            let suggestion = "name in one of them who signs it";
            return Err(self.error(spanned.span(), message, suggestion));
        }
        if required && predicate_type == TEST_RESULT_TYPE && entry.condition.is_none() {
            let message = "without `where`, a test result that says FAILED is one, too";
            let suggestion = "add where = \"predicate.result == 'PASSED'\"";
            return Err(self.error(entry.predicate.span(), message, suggestion));
        }
        Ok(Demand {
            name,
            signers,
            max_age: entry.max_age_days.as_ref().map(|days| self.days(days)).transpose()?,
            summary: self.summary(spanned, &predicate_type, required)?,
            condition: entry.condition.as_ref().map(|text| self.parsed(text, WHERE)).transpose()?,
            predicate_type,
        })
    }

    fn summary(
        &self,
        spanned: &Spanned<DemandEntry>,
        predicate_type: &str,
        required: bool,
    ) -> Result<Option<Summary>, PolicyError> {
        let entry = spanned.get_ref();
        let is_summary = [VSA_TYPE, SVR_TYPE].contains(&predicate_type) && required;
        let asked = [
            ("verifier", entry.verifier.as_ref().map(Spanned::span)),
            ("policies", entry.policies.as_ref().map(Spanned::span)),
            ("resource", entry.resource.as_ref().map(Spanned::span)),
            ("levels", entry.levels.as_ref().map(Spanned::span)),
        ];
        if !is_summary {
            let mut asked = asked.into_iter().filter_map(|(key, span)| Some((key, span?)));
            return asked.next().map_or(Ok(None), |(key, span)| {
                let message =
                    format!("`{key}` is asked of a summary of a verification that is required: {VSA_TYPE} or {SVR_TYPE}");
                Err(self.error(span, message, "take it out"))
            });
        }
        let Some(verifier) = &entry.verifier else {
            let message = "`verifier` is missing: the id of who verified";
            let suggestion = "add `verifier`, as the summary has it";
            return Err(self.error(spanned.span(), message, suggestion));
        };
        if entry.policies.is_none() && entry.levels.is_none() {
            let message = "neither `levels` nor `policies`: nothing is asked of the verification";
            let suggestion = "add `levels`, such as [\"SLSA_BUILD_LEVEL_3\"]";
            return Err(self.error(spanned.span(), message, suggestion));
        }
        if let (Some(resource), SVR_TYPE) = (&entry.resource, predicate_type) {
            let message = "a simple verification result names no resource";
            return Err(self.error(resource.span(), message, "take it out"));
        }
        Ok(Some(Summary {
            verifier: self.uri(verifier)?,
            policies: self.set_if(&entry.policies, |text| self.parsed(text, DIGEST))?,
            resource: entry.resource.as_ref().map(|text| self.resource(text)).transpose()?,
            levels: self.set_if(&entry.levels, |text| self.level(text))?,
        }))
    }

    /// A level that a file can have, and that says something; or a property.
    fn level(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        let wrong = |message: &str| Err(self.error(text.span(), message, LEVEL));
        match Level::of(text.get_ref()) {
            Level::Failed | Level::Unevaluated { .. } => wrong("no file has this level"),
            Level::Of { number: 0, .. } => wrong("every file has level 0: it asks for nothing"),
            Level::Of { track, number } if is_beyond(track, number) => {
                wrong("no builder gives this level: the track ends below it")
            }
            Level::Of { .. } => self.word(text),
            Level::Property(word) if resembles(word) => {
                wrong("it is spelled like a level of SLSA and is none, so that no file has it")
            }
            Level::Property(_) => self.word(text),
        }
    }

    fn resource(&self, text: &Spanned<String>) -> Result<Resource, PolicyError> {
        let plain = ["{name}", "{version}", "{filename}"]
            .iter()
            .fold(text.get_ref().clone(), |text, template| text.replace(template, ""));
        match plain.contains(['{', '}', '*']) {
            true => {
                let message = "compared whole, but for `{name}`, `{version}` and `{filename}`";
                let suggestion =
                    "write what the summary names, with these in place of the file's own";
                Err(self.error(text.span(), message, suggestion))
            }
            false => Ok(Resource(text.get_ref().clone())),
        }
    }

    pub(super) fn rebuild(
        &self,
        rule: &RuleEntry,
        signers: &Signers,
        known: Known<'_>,
    ) -> Result<RebuildRule, PolicyError> {
        let place = rule.rebuild.span();
        let always = RebuildRule { when: When::Always, ..RebuildRule::NEVER };
        let asked = match rule.rebuild.get_ref() {
            RebuildEntry::Never => return Ok(RebuildRule::NEVER),
            RebuildEntry::Required => always,
            RebuildEntry::Table(table) => {
                let when = match &table.sampled {
                    None => When::Always,
                    Some(share) if *share.get_ref() > 0.0 && *share.get_ref() < SAMPLED_SHARE => {
                        let message = "of so small a share no file is built again";
                        return Err(self.error(share.span(), message, "write a number such as 0.1"));
                    }
                    Some(share) => When::sampled(*share.get_ref()).ok_or_else(|| {
                        let message =
                            "a share between 0 and 1, such as 0.1: \"never\" and \"required\" are the ends";
                        self.error(share.span(), message, "write a number such as 0.1")
                    })?,
                };
                let by = self.signers((&table.keys, &table.identities), known)?;
                let rebuilders = match (by.is_empty(), &table.at_least) {
                    (true, None) => None,
                    (true, Some(count)) => {
                        let message =
                            "`at-least` without `keys` or `identities`: whose results count?";
                        let suggestion = "name them, or take `at-least` out";
                        return Err(self.error(count.span(), message, suggestion));
                    }
                    (false, count) => {
                        self.apart(&table.identities, &by.identities)?;
                        let at_least = match count {
                            None => 1,
                            Some(count) if (1..=by.len()).contains(count.get_ref()) => {
                                *count.get_ref()
                            }
                            Some(count) => {
                                let message =
                                    format!("between 1 and the {} that are named", by.len());
                                let suggestion = "name more, or ask for fewer";
                                return Err(self.error(count.span(), message, suggestion));
                            }
                        };
                        Some(Rebuilders { signers: by, at_least })
                    }
                };
                if table.allow_inconclusive_unsafe && rebuilders.is_some() {
                    let message = "`allow-inconclusive-unsafe` is of a rebuild that is made here, and others' are asked for";
                    return Err(self.error(place, message, "take one of them out"));
                }
                RebuildRule {
                    when,
                    normalizers: self.normalizers(&table.normalizers)?,
                    rebuilders,
                    inconclusive: table.allow_inconclusive_unsafe,
                }
            }
        };
        match &asked.rebuilders {
            _ if signers.is_empty() => {
                let message =
                    "nothing says how to rebuild: the rule has neither `keys` nor `identities`";
                Err(self.error(place, message, "name who signs the provenance, or write \"never\""))
            }
            Some(by) if !independent(&by.signers, signers) => {
                let message =
                    "whoever signs the provenance is no independent rebuilder: name others";
                Err(self.error(
                    place,
                    message,
                    "name others in `keys` or `identities` of `rebuild`",
                ))
            }
            _ => Ok(asked),
        }
    }

    fn normalizers(
        &self,
        list: &Option<super::shape::List>,
    ) -> Result<BTreeSet<String>, PolicyError> {
        self.set_if(list, |text| match NORMALIZERS.contains(&text.get_ref().as_str()) {
            true => Ok(text.get_ref().clone()),
            false => {
                let message = format!(
                    "`{}` is no normaliser; there are {}",
                    Escaped(text.get_ref()),
                    NORMALIZERS.join(", ")
                );
                let suggestion =
                    nearest::or(text.get_ref(), NORMALIZERS.into_iter(), "write one of these");
                Err(self.error(text.span(), message, suggestion))
            }
        })
    }
}

/// Whether a track of SLSA 1.2 has no such level. Other tracks are not known here.
fn is_beyond(track: &str, number: u8) -> bool {
    [("BUILD", 3), ("SOURCE", 4)]
        .iter()
        .any(|(known, highest)| track == *known && number > *highest)
}

/// Whether a word was meant for a level, or for the one property of SLSA that is known here, and is neither.
fn resembles(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let property = upper == SLSA_BUILD_REPRODUCED && word != SLSA_BUILD_REPRODUCED;
    property || (upper.starts_with("SLSA") && upper.contains("LEVEL"))
}

/// Whether no signer could be of both.
fn independent(one: &Signers, other: &Signers) -> bool {
    one.keys.is_disjoint(&other.keys)
        && one.identities.iter().all(|it| other.identities.iter().all(|other| it.excludes(other)))
}
