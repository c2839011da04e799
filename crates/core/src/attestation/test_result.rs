//! in-toto test result v0.1:
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lists::or_null;
use super::predicate::malformed;
use super::statement::ResourceDescriptor;
use crate::report::Refusal;

/// The predicate type.
pub const TEST_RESULT_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The predicate. A run may pass as a whole although a test that it may spare failed: a policy looks at
/// both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// How the run went as a whole.
    pub result: TestOutcome,
    /// The configuration of the run.
    pub configuration: Vec<ResourceDescriptor>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Tests that passed.
    #[serde(default, deserialize_with = "or_null")]
    pub passed_tests: Vec<String>,
    /// Tests that passed with a warning.
    #[serde(default, deserialize_with = "or_null")]
    pub warned_tests: Vec<String>,
    /// Tests that failed.
    #[serde(default, deserialize_with = "or_null")]
    pub failed_tests: Vec<String>,
}

/// `result`: exactly these three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestOutcome {
    /// Passed.
    Passed,
    /// Passed with warnings.
    Warned,
    /// Failed.
    Failed,
}

impl TestResult {
    /// A test has one result: of two, each reader would take the one it looks for.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let lists = [
            ("passedTests", &self.passed_tests),
            ("warnedTests", &self.warned_tests),
            ("failedTests", &self.failed_tests),
        ];
        let mut seen = BTreeMap::new();
        for (list, tests) in lists {
            for test in tests {
                if let Some(other) = seen.insert(test, list) {
                    let what = format!("`{test}` is in {other} and in {list}");
                    return Err(malformed(format!("predicate {TEST_RESULT_TYPE}: {what}")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "result": "PASSED",
            "configuration": [{
                "name": ".github/workflows/ci.yml",
                "digest": { "gitBlob": "ebe4add40f63c3c98bc9b32ff1e736f04120b023" },
            }],
            "url": "https://github.com/owner/demo/actions/runs/4425592351",
            "passedTests": ["build (3.12, ubuntu-latest, py)", "lint"],
            "warnedTests": [],
            "failedTests": null,
        })
    }

    fn bent(bend: impl FnOnce(&mut Value)) -> Result<TestResult, String> {
        let mut value = document();
        bend(&mut value);
        let result: TestResult =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        result.check().map_err(|refusal| refusal.to_string())?;
        Ok(result)
    }

    #[test]
    fn a_result_is_read() {
        let result = bent(|_| ()).expect("accepted");
        assert_eq!((result.result, result.failed_tests.len()), (TestOutcome::Passed, 0));
        for (word, outcome) in [("WARNED", TestOutcome::Warned), ("FAILED", TestOutcome::Failed)] {
            let result = bent(|it| it["result"] = json!(word)).expect(word);
            assert_eq!(result.result, outcome);
        }
    }

    #[test]
    fn wrong_forms_are_refused() {
        type Bend = fn(&mut Value);
        let cases: [(&str, Bend); 8] = [
            ("unknown variant", |it| it["result"] = json!("passed")),
            ("unknown variant", |it| it["result"] = json!("ERROR")),
            ("invalid type", |it| it["configuration"] = json!(null)),
            ("invalid type", |it| it["configuration"] = json!({})),
            ("missing field `configuration`", |it| {
                it.as_object_mut().map(|it| it.remove("configuration"));
            }),
            ("passedTests and in failedTests", |it| it["failedTests"] = json!(["lint"])),
            ("passedTests and in passedTests", |it| it["passedTests"] = json!(["a", "a"])),
            ("invalid type", |it| it["failedTests"] = json!("lint")),
        ];
        for (wanted, bend) in cases {
            let error = bent(bend).expect_err(wanted);
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }
}
