//! A link: what one step was run on and what it gave (in-toto specification v1.0, 4.4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::envelope::{Form, Signed, ToSign};
use super::names::{StepName, check_artifact};
use super::rule::Side;
use crate::attestation::document;
use crate::digest::Sha256Digest;
use crate::report::{Reason, Refusal};

/// Digests of an artifact, by algorithm.
type Digests = BTreeMap<String, String>;

/// Artifacts by their names.
pub(super) type Artifacts = BTreeMap<String, Digests>;

/// The `_type` of a link.
const TYPE: &str = "link";

/// As it is written. `command`, `environment` and `byproducts` are the word of who signed, and no rule
/// asks for them.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "_type")]
    kind: String,
    name: String,
    #[serde(default)]
    materials: Artifacts,
    #[serde(default)]
    products: Artifacts,
    #[serde(default)]
    byproducts: Map<String, Value>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: Map<String, Value>,
}

/// What a step was run on and what it gave; every name of an artifact is a plain relative one, and every artifact
/// has a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) materials: Artifacts,
    pub(super) products: Artifacts,
    /// What was run, as it says.
    pub(super) command: Vec<String>,
    /// With which code it ended, as it says; absent where it does not.
    pub(super) return_value: Option<Value>,
}

impl Link {
    /// Reads what an authorized key signed for a step.
    pub(super) fn read(signed: Signed<'_>, step: &StepName) -> Result<Self, Refusal> {
        let malformed = |what: String| Refusal::new(Reason::LinkMalformed).found(what);
        let written: Written =
            document::read(signed.document()).map_err(|error| malformed(error.to_string()))?;
        if written.kind != TYPE {
            return Err(malformed(format!("_type `{}`, not `{TYPE}`", written.kind)));
        }
        if written.name != step.as_str() {
            return Err(Refusal::new(Reason::LinkStepMismatch)
                .expected(format!("a link of the step `{step}`"))
                .found(format!("a link of the step `{}`", written.name)));
        }
        check(&written.materials, Side::Materials)?;
        check(&written.products, Side::Products)?;
        Ok(Self {
            materials: written.materials,
            products: written.products,
            command: written.command,
            return_value: written.byproducts.get("return-value").cloned(),
        })
    }

    pub(super) fn side(&self, side: Side) -> &Artifacts {
        match side {
            Side::Materials => &self.materials,
            Side::Products => &self.products,
        }
    }
}

fn check(artifacts: &Artifacts, side: Side) -> Result<(), Refusal> {
    for (name, digests) in artifacts {
        check_artifact(name).map_err(|what| {
            Refusal::new(Reason::LinkArtifactName)
                .expected("a relative name in its shortest form")
                .found(format!("{what} among the {}: `{name}`", side.as_str()))
        })?;
        let lower = |digest: &String| {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            !digest.is_empty() && digest.bytes().all(digit)
        };
        let sha256 = digests.get("sha256").is_some_and(|digest| digest.len() == 64);
        if !sha256 || !digests.values().all(lower) {
            return Err(Refusal::new(Reason::LinkMalformed)
                .expected("a sha256, and digests in lower-case hexadecimal")
                .found(format!(
                    "{} of `{name}` among the {}",
                    match digests.keys().map(String::as_str).collect::<Vec<_>>().join(", ") {
                        none if none.is_empty() => "no digest".to_owned(),
                        names => format!("digests by {names}"),
                    },
                    side.as_str()
                )));
        }
    }
    Ok(())
}

impl Link {
    /// What was recorded of an inspection, by names that are plain.
    pub(super) fn inspected(inspected: &Inspected) -> Result<Self, Refusal> {
        let materials = by_sha256(&inspected.materials);
        let products = by_sha256(&inspected.products);
        check(&materials, Side::Materials)?;
        check(&products, Side::Products)?;
        Ok(Self { materials, products, command: Vec::new(), return_value: None })
    }
}

/// What came of an inspection that was run: the files there were in its folder before and after, by their names there,
/// and how it ended.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// What was there before.
    pub materials: BTreeMap<String, Sha256Digest>,
    /// What was there after.
    pub products: BTreeMap<String, Sha256Digest>,
    /// How it ended, in words, unless it ended by itself and with status 0.
    pub ended: Result<(), String>,
}

fn by_sha256(recorded: &BTreeMap<String, Sha256Digest>) -> Artifacts {
    let digests =
        |sha256: &Sha256Digest| Digests::from([("sha256".to_owned(), sha256.to_string())]);
    recorded.iter().map(|(name, sha256)| (name.clone(), digests(sha256))).collect()
}

/// What is to be said of a step that was run.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The step.
    pub step: StepName,
    /// What was there before, by names that [`artifact_name`](super::artifact_name) takes.
    pub materials: BTreeMap<String, Sha256Digest>,
    /// What was there after.
    pub products: BTreeMap<String, Sha256Digest>,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// With which code it ended; negative for a signal.
    pub return_value: i32,
}

impl Recorded {
    /// The link that says so, to be signed.
    pub fn to_sign(&self, form: Form) -> Option<ToSign> {
        // What it printed went to whoever ran it; readers want the keys.
        let byproducts = [
            ("return-value", Value::from(self.return_value)),
            ("stdout", Value::from("")),
            ("stderr", Value::from("")),
        ];
        let written = Written {
            kind: TYPE.to_owned(),
            name: self.step.as_str().to_owned(),
            materials: by_sha256(&self.materials),
            products: by_sha256(&self.products),
            byproducts: byproducts
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect(),
            command: self.command.clone(),
            environment: Map::new(),
        };
        ToSign::new(serde_json::to_value(written).ok()?, form)
    }
}
