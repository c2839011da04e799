//! in-toto link v0.3 (<https://github.com/in-toto/attestation/blob/main/spec/predicates/link.md>) and v0.2,
//! which had its materials in an object and its command in one text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lists::or_null;
use super::predicate::malformed;
use super::statement::ResourceDescriptor;
use crate::report::Refusal;

/// The predicate type of version 0.3.
pub const LINK_V0_3_TYPE: &str = "https://in-toto.io/attestation/link/v0.3";

/// The predicate type of version 0.2.
pub const LINK_V0_2_TYPE: &str = "https://in-toto.io/Link/v0.2";

/// One step of a supply chain; its products are the statement's subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The step.
    pub name: String,
    /// The command and its arguments; of version 0.2 perhaps one text that holds both.
    #[serde(default, deserialize_with = "or_null")]
    pub command: Vec<String>,
    /// What went in, each with a name of its own and digests.
    #[serde(default, deserialize_with = "or_null")]
    pub materials: Vec<ResourceDescriptor>,
    /// Further facts, opaque.
    #[serde(default, deserialize_with = "or_null")]
    pub byproducts: Map<String, Value>,
    /// The environment, opaque.
    #[serde(default, deserialize_with = "or_null")]
    pub environment: Map<String, Value>,
}

/// Version 0.2, as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct LinkV02 {
    name: String,
    #[serde(default)]
    command: Option<Command>,
    #[serde(default, deserialize_with = "or_null")]
    materials: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "or_null")]
    byproducts: Map<String, Value>,
    #[serde(default, deserialize_with = "or_null")]
    environment: Map<String, Value>,
}

/// The specification had one text, in-toto's libraries write a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Command {
    Text(String),
    List(Vec<String>),
}

impl From<LinkV02> for Link {
    fn from(link: LinkV02) -> Self {
        let descriptor =
            |(name, digest)| ResourceDescriptor { name: Some(name), digest, ..Default::default() };
        Self {
            name: link.name,
            command: match link.command {
                None => Vec::new(),
                Some(Command::Text(text)) => vec![text],
                Some(Command::List(words)) => words,
            },
            materials: link.materials.into_iter().map(descriptor).collect(),
            byproducts: link.byproducts,
            environment: link.environment,
        }
    }
}

impl Link {
    /// Materials have names and digests, and no two materials and no two subjects have one name.
    pub(super) fn check(&self, subject: &[ResourceDescriptor]) -> Result<(), Refusal> {
        let wrong = |what: String| Err(malformed(format!("predicate {LINK_V0_3_TYPE}: {what}")));
        let mut names = BTreeSet::new();
        for (index, material) in self.materials.iter().enumerate() {
            let name = material.name.as_deref().unwrap_or_default();
            if name.is_empty() {
                return wrong(format!("materials[{index}] has no `name`"));
            }
            if material.digest.is_empty() {
                return wrong(format!("materials[{index}] has no `digest`"));
            }
            if !names.insert(name) {
                return wrong(format!("two materials are named `{name}`"));
            }
        }
        let mut names = BTreeSet::new();
        for name in subject.iter().filter_map(|subject| subject.name.as_deref()) {
            if !names.insert(name) {
                return wrong(format!("two subjects are named `{name}`"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "name": "build",
            "command": ["python", "-m", "build"],
            "materials": [
                { "name": "pyproject.toml", "digest": { "sha256": "01" } },
                { "name": "demo.py", "digest": { "sha256": "02" } },
            ],
            "byproducts": { "return-value": 0 },
            "environment": {},
        })
    }

    fn bent(bend: impl FnOnce(&mut Value)) -> Result<Link, String> {
        let mut value = document();
        bend(&mut value);
        let link: Link = serde_json::from_value(value).map_err(|error| error.to_string())?;
        link.check(&[]).map_err(|refusal| refusal.to_string())?;
        Ok(link)
    }

    #[test]
    fn a_link_is_read() {
        assert_eq!(bent(|_| ()).expect("accepted").materials.len(), 2);
        let short: Link = serde_json::from_value(json!({ "name": "x" })).expect("accepted");
        assert!(short.check(&[]).is_ok());
    }

    #[test]
    fn version_0_2_gives_the_same() {
        let with = |command: Value| {
            let link: LinkV02 = serde_json::from_value(json!({
                "name": "build",
                "command": command,
                "materials": {
                    "pyproject.toml": { "sha256": "01" },
                    "demo.py": { "sha256": "02" },
                },
                "byproducts": { "return-value": 0 },
                "environment": null,
            }))
            .expect("accepted");
            Link::from(link)
        };
        let mut wanted = bent(|_| ()).expect("accepted");
        wanted.materials.reverse();
        assert_eq!(with(json!(["python", "-m", "build"])), wanted);
        assert_eq!(with(json!("python -m build")).command, ["python -m build"]);
        assert!(with(json!(null)).command.is_empty());
        let list = json!({ "name": "x", "materials": [{ "name": "a", "digest": {} }] });
        assert!(serde_json::from_value::<LinkV02>(list).is_err());
    }

    #[test]
    fn wrong_forms_are_refused() {
        type Bend = fn(&mut Value);
        let cases: [(&str, Bend); 6] = [
            ("named `demo.py`", |it| it["materials"][0]["name"] = json!("demo.py")),
            ("no `name`", |it| it["materials"][0]["name"] = json!(null)),
            ("no `digest`", |it| it["materials"][1]["digest"] = json!({})),
            ("invalid type", |it| it["command"] = json!("python -m build")),
            ("invalid type", |it| it["materials"] = json!({ "a": { "sha256": "01" } })),
            ("invalid type", |it| it["name"] = json!(null)),
        ];
        for (wanted, bend) in cases {
            let error = bent(bend).expect_err(wanted);
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        let twice = [0, 1].map(|_| ResourceDescriptor {
            name: Some("demo.whl".to_owned()),
            ..Default::default()
        });
        let link = bent(|_| ()).expect("accepted");
        assert!(link.check(&twice).expect_err("twice").to_string().contains("two subjects"));
    }
}
