//! A layout: which steps there are, who may do each, and what each may be run on and give (in-toto specification
//! v1.0, 4.3).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::envelope::Signed;
use super::key::{FunctionaryKey, check_id};
use super::names::StepName;
use super::parameters::Parameters;
use super::rule::Rule;
use crate::attestation::document;
use crate::report::{Reason, Refusal};

/// The `_type` of a layout.
pub(super) const TYPE: &str = "layout";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLayout {
    #[serde(rename = "_type")]
    kind: String,
    steps: Vec<WrittenStep>,
    inspect: Vec<WrittenInspection>,
    #[serde(default)]
    keys: BTreeMap<String, Value>,
    expires: String,
    #[serde(default, rename = "readme")]
    _readme: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    #[serde(rename = "_type")]
    kind: String,
    name: String,
    #[serde(default)]
    expected_materials: Vec<Vec<String>>,
    #[serde(default)]
    expected_products: Vec<Vec<String>>,
    #[serde(default)]
    pubkeys: Vec<String>,
    #[serde(default)]
    expected_command: Vec<String>,
    #[serde(default = "one")]
    threshold: u32,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInspection {
    #[serde(rename = "_type")]
    kind: String,
    name: String,
    #[serde(default)]
    expected_materials: Vec<Vec<String>>,
    #[serde(default)]
    expected_products: Vec<Vec<String>>,
    run: Vec<String>,
}

/// A layout that an authorized key signed, read whole.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) expires: DateTime<Utc>,
    pub(super) keys: BTreeMap<String, FunctionaryKey>,
    /// At least one.
    pub(super) steps: Vec<Step>,
    /// In the layout's order, which is that in which they are run.
    pub(super) inspections: Vec<Inspection>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: StepName,
    pub(super) materials: Vec<Rule>,
    pub(super) products: Vec<Rule>,
    /// Ids of keys, in the layout's order.
    pub(super) keys: Vec<String>,
    pub(super) command: Vec<String>,
    /// At least one.
    pub(super) threshold: u32,
}

/// A command of a layout that is run over a file when it is verified (in-toto specification v1.0, 4.3.2).
#[derive(Debug, Clone)]
pub struct Inspection {
    pub(super) name: StepName,
    pub(super) materials: Vec<Rule>,
    pub(super) products: Vec<Rule>,
    command: Vec<String>,
}

impl Inspection {
    /// Its name, which no step and no other inspection of the layout has.
    pub fn name(&self) -> &StepName {
        &self.name
    }

    /// The command and its arguments, with the values of parameters put in; no shell reads them. At least one.
    pub fn command(&self) -> &[String] {
        &self.command
    }

    fn read(written: WrittenInspection, parameters: &Parameters) -> Result<Self, Refusal> {
        let (name, wrong) = named("inspection", &written.name, &written.kind)?;
        if written.run.is_empty() {
            return Err(wrong("no command to run".to_owned()));
        }
        let command = written.run.iter().map(|word| parameters.fill_command(word));
        Ok(Self {
            materials: rules(written.expected_materials, parameters, &wrong)?,
            products: rules(written.expected_products, parameters, &wrong)?,
            command: command.collect::<Result<_, _>>()?,
            name,
        })
    }
}

/// The name of a step or an inspection, which its `_type` says it is, and how anything wrong in it is told.
fn named(
    what: &'static str,
    name: &str,
    kind: &str,
) -> Result<(StepName, impl Fn(String) -> Refusal), Refusal> {
    let name = StepName::parse(name).map_err(|error| malformed(format!("{error}: `{name}`")))?;
    let told = name.clone();
    let wrong = move |wrong: String| malformed(format!("the {what} `{told}`: {wrong}"));
    match kind == what {
        true => Ok((name, wrong)),
        false => Err(wrong(format!("_type `{kind}`, not `{what}`"))),
    }
}

/// Rules with the values of parameters put in; `wrong` says where they stand.
fn rules(
    written: Vec<Vec<String>>,
    parameters: &Parameters,
    wrong: &dyn Fn(String) -> Refusal,
) -> Result<Vec<Rule>, Refusal> {
    let rule = |words: Vec<String>| {
        let words: Result<Vec<_>, _> =
            words.iter().map(|word| parameters.fill_rule(word)).collect();
        Rule::parse(&words?).map_err(wrong)
    };
    written.into_iter().map(rule).collect()
}

fn malformed(found: impl Into<String>) -> Refusal {
    Refusal::new(Reason::LayoutMalformed).found(found)
}

impl Layout {
    /// Reads a layout, with its parameters put in. One that has inspections is refused unless they `are_run`.
    pub(super) fn read(
        signed: Signed<'_>,
        parameters: &Parameters,
        are_run: bool,
    ) -> Result<Self, Refusal> {
        let written: WrittenLayout =
            document::read(signed.document()).map_err(|error| malformed(error.to_string()))?;
        if written.kind != TYPE {
            return Err(malformed(format!("_type `{}`, not `{TYPE}`", written.kind)));
        }
        if let (Some(inspection), false) = (written.inspect.first(), are_run) {
            return Err(Refusal::new(Reason::LayoutInspections)
                .expected("a layout without inspections")
                .found(format!(
                    "{} of them, the first `{}`",
                    written.inspect.len(),
                    inspection.name
                )));
        }
        let mut keys = BTreeMap::new();
        let mut materials = BTreeMap::new();
        for (id, value) in written.keys.iter().map(|(id, value)| (id.as_str(), value)) {
            let key = FunctionaryKey::from_layout(id, value)?;
            // Who holds it would count twice.
            if let Some(other) = materials.insert(key.material().clone(), id) {
                return Err(Refusal::new(Reason::LayoutKeyTwice)
                    .found(format!("one key under the ids {other} and {id}")));
            }
            keys.insert(id.to_owned(), key);
        }
        let mut names = BTreeSet::new();
        let mut steps = Vec::new();
        for step in written.steps {
            let step = Step::read(step, parameters)?;
            if !names.insert(step.name.clone()) {
                return Err(malformed(format!("two steps are named `{}`", step.name)));
            }
            steps.push(step);
        }
        if steps.is_empty() {
            return Err(malformed("no steps, so nothing was made"));
        }
        let mut inspections = Vec::new();
        for inspection in written.inspect {
            let inspection = Inspection::read(inspection, parameters)?;
            // A rule that matches `FROM` it could mean either.
            if !names.insert(inspection.name.clone()) {
                return Err(malformed(format!(
                    "an inspection is named `{}`, as a step or another inspection is",
                    inspection.name
                )));
            }
            inspections.push(inspection);
        }
        Ok(Self { expires: expiry(&written.expires)?, keys, steps, inspections })
    }

    /// Refuses a layout whose time is over: at that second already, as in-toto has it.
    pub(super) fn check_expiry(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.expires > now {
            return Ok(());
        }
        Err(Refusal::new(Reason::LayoutExpired)
            .expected(format!("a layout that expires after {}", now.to_rfc3339()))
            .found(format!("it expired at {}", self.expires.to_rfc3339())))
    }
}

impl Step {
    fn read(written: WrittenStep, parameters: &Parameters) -> Result<Self, Refusal> {
        let (name, wrong) = named("step", &written.name, &written.kind)?;
        if written.threshold == 0 {
            return Err(wrong("a threshold of 0, which nobody's link meets".to_owned()));
        }
        for id in &written.pubkeys {
            check_id(id).map_err(|error| wrong(format!("the key `{id}`: {error}")))?;
        }
        let mut once = BTreeSet::new();
        let keys = written.pubkeys.into_iter().filter(|id| once.insert(id.clone())).collect();
        let command = written.expected_command.iter().map(|word| parameters.fill_command(word));
        Ok(Self {
            materials: rules(written.expected_materials, parameters, &wrong)?,
            products: rules(written.expected_products, parameters, &wrong)?,
            keys,
            command: command.collect::<Result<_, _>>()?,
            threshold: written.threshold,
            name,
        })
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` and nothing else (in-toto specification v1.0, 4.3).
fn expiry(text: &str) -> Result<DateTime<Utc>, Refusal> {
    // A year of four digits, and no leap second.
    let written = text.len() == "2030-01-31T00:00:00Z".len() && !text.ends_with(":60Z");
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok();
    time.filter(|time| written && time.format("%Y-%m-%dT%H:%M:%SZ").to_string() == text)
        .map(|time| time.and_utc())
        .ok_or_else(|| {
            malformed(format!("expires `{text}`, which is not as in 2030-01-31T00:00:00Z"))
        })
}
