//! What a rule lets decide what is built, beside the source: steps after the build, and settings of the
//! backend. Either can put anything into a file, and none of it is in a commit.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::attestation::origin::Origin;
use crate::attestation::pep517::{ExternalParameters, Pep517Build, Step};
use crate::report::{Reason, Refusal, Status};

/// What other build types may ask for.
const NO_RULE: &str =
    "nothing beside the source and what defines the build; a rule allows more by `parameters`";

/// The steps and settings that a rule allows; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instructions {
    /// Commands, each as its words.
    pub steps: BTreeSet<Vec<String>>,
    /// Requirements that may be installed for the steps, as they were asked for.
    pub step_requires: BTreeSet<String>,
    /// Settings, each as `key=value`.
    pub config_settings: BTreeSet<String>,
    /// Parameters of other build types.
    pub parameters: BTreeSet<ParameterPattern>,
    /// Parameters that must be there, of any build type.
    pub required: BTreeSet<ParameterPattern>,
}

/// Parameters by name, or by the name that all of them are below; of one value, or of any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterPattern {
    name: String,
    value: Option<String>,
}

/// What such a pattern must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a parameter: `NAME=VALUE`, `NAME` for any value, or `NAME.*` for everything below a name"
)]
pub struct ParameterPatternError;

impl ParameterPattern {
    fn matches(&self, name: &str, value: &Value) -> bool {
        let named = match self.name.strip_suffix('*') {
            Some(above) => name.starts_with(above),
            None => name == self.name,
        };
        named && self.value.as_ref().is_none_or(|wanted| *wanted == text(value))
    }
}

impl FromStr for ParameterPattern {
    type Err = ParameterPatternError;

    fn from_str(pattern: &str) -> Result<Self, ParameterPatternError> {
        let (name, value) = match pattern.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (pattern, None),
        };
        let (plain, above) = match name.strip_suffix(".*") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        // Of all parameters below a name no value can be said, and of all there are none may be meant.
        if plain.is_empty() || plain.contains('*') || (above && value.is_some()) {
            return Err(ParameterPatternError);
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

impl ParameterPattern {
    /// Whether it is for everything below a name, of which none need be there.
    pub(super) fn is_open(&self) -> bool {
        self.name.ends_with('*')
    }

    /// Whether no parameters could be both: they are of one name, and of two values.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let values = self.value.as_ref().zip(other.value.as_ref());
        self.name == other.name && values.is_some_and(|(one, other)| one != other)
    }

    /// Whether it is among external parameters, by its path below them.
    fn is_in(&self, parameters: &Value) -> bool {
        let is_it = |value: &Value| self.value.as_ref().is_none_or(|wanted| *wanted == text(value));
        at(parameters, &self.name).is_some_and(is_it)
    }
}

/// The value at a path of names joined by dots, which may be in names as well.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    value.get(path).or_else(|| {
        let mut splits = path.match_indices('.').map(|(dot, _)| (&path[..dot], &path[dot + 1..]));
        splits.find_map(|(name, rest)| at(value.get(name)?, rest))
    })
}

impl fmt::Display for ParameterPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Instructions {
    /// Judges everything that was asked of the build from outside and that nobody finds in the source
    /// (SLSA 1.2, "Verifying artifacts", step 2).
    ///
    /// Of our own build type these are the steps and the settings: the rest of its parameters say which part
    /// of the source was built, and by which interpreter and requirements, which are known to be of the index. Of any other build
    /// type it is whatever the source and the file that defines the build do not say.
    pub fn judge(
        &self,
        origin: &Origin,
        build: Option<&Pep517Build>,
        external: Option<&Value>,
    ) -> Status {
        if let Err(refusal) = self.has_required(external) {
            return Status::Failed(refusal);
        }
        let refused = match build {
            Some(build) => self.refused(&build.external),
            None => {
                let allowed = |name: &str, value: &Value| {
                    self.parameters.iter().any(|pattern| pattern.matches(name, value))
                };
                let mut others = origin.parameters.iter().filter(|(name, it)| !allowed(name, it));
                others.next().map(|(name, value)| format!("{name} = {value}"))
            }
        };
        match refused {
            None => Status::Passed(None),
            Some(found) => Status::Failed(
                Refusal::new(Reason::ParameterNotAllowed)
                    .expected_all(match build {
                        Some(_) => self.told(),
                        None if self.parameters.is_empty() => vec![NO_RULE.to_owned()],
                        None => {
                            self.parameters.iter().map(|it| format!("parameter `{it}`")).collect()
                        }
                    })
                    .found(found),
            ),
        }
    }

    /// Every parameter that must be there is: none is where there is no provenance.
    ///
    /// # Errors
    /// [`Reason::ParameterMissing`].
    pub fn has_required(&self, external: Option<&Value>) -> Result<(), Refusal> {
        let mut required = self.required.iter();
        let missing = required.find(|it| !external.is_some_and(|external| it.is_in(external)));
        missing.map_or(Ok(()), |missing| {
            let found = external.and_then(|external| at(external, &missing.name));
            Err(Refusal::new(Reason::ParameterMissing)
                .expected(format!("parameter `{missing}`"))
                .found(
                    found
                        .map_or_else(|| "none".to_owned(), |it| format!("{} = {it}", missing.name)),
                ))
        })
    }

    fn refused(&self, asked: &ExternalParameters) -> Option<String> {
        let step = asked.steps.iter().find_map(|step| self.refused_of(step));
        let settings = || {
            asked
                .config_settings
                .iter()
                .flat_map(|(key, value)| pairs(key, value))
                .find(|pair| !self.config_settings.contains(pair))
        };
        step.or_else(|| settings().map(|pair| format!("config setting `{pair}`")))
    }

    fn refused_of(&self, step: &Step) -> Option<String> {
        if !self.steps.contains(&step.command) {
            return Some(format!("step `{}`", quoted(&step.command)));
        }
        let other = step.requires.iter().find(|it| !self.step_requires.contains(*it))?;
        Some(format!("requirement `{other}` of the step `{}`", quoted(&step.command)))
    }

    fn told(&self) -> Vec<String> {
        let steps = self.steps.iter().map(|step| format!("step `{}`", quoted(step)));
        let requires = self.step_requires.iter().map(|it| format!("requirement `{it}` of a step"));
        let settings = self.config_settings.iter().map(|it| format!("config setting `{it}`"));
        let told: Vec<_> = steps.chain(requires).chain(settings).collect();
        if told.is_empty() {
            return vec![
                "nothing beside the source and what defines the build; a rule allows more by `steps`, \
                 `step-requires` and `config-settings`, the command line by `--step`, `--step-requires` and \
                 `--config-setting`"
                    .to_owned(),
            ];
        }
        told
    }
}

/// A setting of the backend is a text or a list of them (PEP 517, "config_settings").
fn pairs(key: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(|it| format!("{key}={}", text(it))).collect(),
        value => vec![format!("{key}={}", text(value))],
    }
}

/// A text as it is, and any other value as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn quoted(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_taken_by_name_and_value() {
        let takes = |pattern: &str, name: &str, value: Value| {
            pattern.parse::<ParameterPattern>().expect(pattern).matches(name, &value)
        };
        assert!(takes("variables.*", "variables.CI", json!("true")));
        assert!(takes("event_inputs.tag", "event_inputs.tag", json!("v1")));
        assert!(takes("event_inputs.tag=v1", "event_inputs.tag", json!("v1")));
        assert!(takes("dry=false", "dry", json!(false)));
        for (pattern, name) in [
            ("variables.*", "variables"),
            ("variables.*", "variablesX.CI"),
            ("event_inputs.tag", "event_inputs.tags"),
            ("event_inputs.tag=v", "event_inputs.tag"),
        ] {
            assert!(!takes(pattern, name, json!("v1")), "{pattern} {name}");
        }
        for wrong in ["", "*", ".*", "a*", "*.a", "a.*.b", "=v", "a.*=v"] {
            assert!(wrong.parse::<ParameterPattern>().is_err(), "{wrong}");
        }
    }
}
