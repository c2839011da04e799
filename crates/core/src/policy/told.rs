//! What was looked at for each attestation that a rule demands or forbids, told for a person.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::beside::{Beside, Said};
use super::demand::Demand;
use crate::limits::SHOWN_LENGTH;
use crate::report::{Reason, Refusal};

/// A demand of a rule, and every attestation of its type that could have met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemandTold {
    /// The policy that makes it.
    pub policy: String,
    /// `rules[N].require[M]` or `rules[N].forbid[M]`.
    pub demand: String,
    /// Whether it is forbidden, and not required.
    pub forbidden: bool,
    /// Whether the file keeps to it.
    pub holds: bool,
    /// The predicate type.
    pub predicate_type: String,
    /// The condition.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How many days ago it may have been signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<i64>,
    /// Each attestation of that type about these bytes whose signature held.
    pub looked_at: Vec<LookedAt>,
}

/// An attestation that was held against a demand. Everything here was signed, or is vouched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LookedAt {
    /// Where it is from.
    pub from: String,
    /// Who signed.
    pub signer: String,
    /// When, by the earliest time that a log or authority vouches for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<DateTime<Utc>>,
    /// Whole days since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
    /// The values that the condition names, by their paths.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Value>,
    /// Why it is not what the demand is about; absent where it is.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub not: Option<Not>,
}

/// Why an attestation is not what a demand is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Not {
    /// The reason.
    pub reason: Reason,
    /// What would have been taken; several values mean any of them.
    pub expected: Vec<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl From<Refusal> for Not {
    fn from(refusal: Refusal) -> Self {
        let Refusal { reason, expected, found, .. } = refusal;
        Self { reason, expected, found }
    }
}

impl Beside<'_> {
    /// What was looked at for each demand of the rule, in their order.
    pub(crate) fn told(&self) -> Vec<DemandTold> {
        let required = self.rule.required.iter().map(|demand| self.told_of(demand, false));
        let forbidden = self.rule.forbidden.iter().map(|demand| self.told_of(demand, true));
        required.chain(forbidden).collect()
    }

    fn told_of(&self, demand: &Demand, forbidden: bool) -> DemandTold {
        let of_type =
            self.said.iter().filter(|it| it.statement.predicate_type == demand.predicate_type);
        let looked_at: Vec<_> =
            of_type.map(|said| self.looked_at(demand, said, forbidden)).collect();
        let about = looked_at.iter().any(|it| it.not.is_none());
        DemandTold {
            policy: self.policy.path().to_owned(),
            demand: demand.name.clone(),
            forbidden,
            holds: about != forbidden,
            predicate_type: demand.predicate_type.clone(),
            condition: demand.condition.as_ref().map(ToString::to_string),
            max_age_days: demand.max_age.map(|age| age.num_days()),
            looked_at,
        }
    }

    fn looked_at(&self, demand: &Demand, said: &Said, forbidden: bool) -> LookedAt {
        let signed = said.times.iter().min().copied();
        let condition = demand.condition.as_ref().map(ToString::to_string);
        let not = match forbidden {
            true => self.not_banned(demand, said),
            false => self.not_met(demand, said),
        };
        LookedAt {
            from: said.from.clone(),
            signer: said.signer.to_string(),
            signed,
            age_days: signed.map(|time| (self.now - time).num_days()),
            values: values(&condition.unwrap_or_default(), &said.statement.predicate),
            not: not.map(Not::from),
        }
    }
}

/// The values of a predicate that a condition names by a plain path, such as `predicate.result`.
fn values(condition: &str, predicate: &Value) -> BTreeMap<String, Value> {
    const START: &str = "predicate.";
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let mut found = BTreeMap::new();
    for (at, _) in condition.match_indices(START) {
        let after_name = condition[..at].ends_with(|c: char| is_of_path(c));
        let rest = &condition[at + START.len()..];
        let path = rest.split(|c: char| !is_of_path(c)).next().unwrap_or_default();
        let value = path.split('.').try_fold(predicate, |value, name| value.get(name));
        if let (false, Some(value)) = (after_name, value) {
            found.insert(format!("{START}{path}"), clipped(value));
        }
    }
    found
}

/// A value that is not too long to be shown.
fn clipped(value: &Value) -> Value {
    let text = value.to_string();
    match text.len() > SHOWN_LENGTH {
        false => value.clone(),
        true => Value::String(format!("{}…", text.chars().take(SHOWN_LENGTH).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_those_that_the_condition_names() {
        let predicate = json!({"result": "PASSED", "a": {"b": 3}, "other": 1});
        let condition =
            "predicate.result == 'PASSED' && size(predicate.list) == 0 && predicate.a.b > 2";
        let found = values(condition, &predicate);
        let expected = [("predicate.a.b", json!(3)), ("predicate.result", json!("PASSED"))];
        assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value)).into());
        assert_eq!(values("xpredicate.result == 1", &predicate), BTreeMap::new());
    }
}
