//! SCAI attribute report v0.3 and v0.2, which have the same fields:
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/scai.md>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::predicate::malformed;
use super::statement::ResourceDescriptor;
use crate::report::Refusal;

/// The predicate type of version 0.3.
pub const SCAI_V0_3_TYPE: &str = "https://in-toto.io/attestation/scai/v0.3";

/// The predicate type of version 0.2.
pub const SCAI_V0_2_TYPE: &str = "https://in-toto.io/attestation/scai/attribute-report/v0.2";

/// The predicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scai {
    /// What is asserted: one or more.
    pub attributes: Vec<AttributeAssertion>,
    /// What produced the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<ResourceDescriptor>,
}

/// `attributes[*]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeAssertion {
    /// The attribute, as producer and consumer agreed to call it.
    pub attribute: String,
    /// To what it applies, where that is not the subject as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ResourceDescriptor>,
    /// Under which conditions. Without looking at them the attribute says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Map<String, Value>>,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ResourceDescriptor>,
}

impl Scai {
    /// A report asserts something.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match self.attributes.iter().position(|it| it.attribute.is_empty()) {
            None if self.attributes.is_empty() => {
                Err(malformed(format!("predicate {SCAI_V0_3_TYPE}: attributes is empty")))
            }
            None => Ok(()),
            Some(index) => Err(malformed(format!(
                "predicate {SCAI_V0_3_TYPE}: attributes[{index}].attribute is empty"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Scai, String> {
        let report: Scai = serde_json::from_value(value).map_err(|error| error.to_string())?;
        report.check().map_err(|refusal| refusal.to_string())?;
        Ok(report)
    }

    #[test]
    fn a_report_is_read() {
        let report = read(json!({
            "attributes": [
                {
                    "attribute": "WITH_STACK_PROTECTION",
                    "conditions": { "flags": "-fstack-protector*" },
                },
                {
                    "attribute": "REPRODUCIBLE",
                    "target": { "name": "demo.so" },
                    "evidence": { "name": "x.json", "digest": { "sha256": "ab" } },
                },
            ],
            "producer": { "uri": "file:///usr/bin/gcc", "name": "gcc" },
        }));
        assert_eq!(report.expect("accepted").attributes.len(), 2);
    }

    #[test]
    fn wrong_forms_are_refused() {
        for value in [
            json!({}),
            json!({ "attributes": null }),
            json!({ "attributes": [] }),
            json!({ "attributes": {} }),
            json!({ "attributes": [{}] }),
            json!({ "attributes": [{ "attribute": "" }] }),
            json!({ "attributes": [{ "attribute": ["A"] }] }),
            json!({ "attributes": [{ "attribute": "A", "conditions": "x" }] }),
            json!({ "attributes": [{ "attribute": "A", "evidence": "x" }] }),
            json!({ "attributes": [{ "attribute": "A" }], "producer": "gcc" }),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
