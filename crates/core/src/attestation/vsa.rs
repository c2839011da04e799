//! SLSA Verification Summary Attestation v1: <https://slsa.dev/spec/v1.2/verification_summary>.
//!
//! Somebody verified the file and says how it went. Whether that somebody may say so, about which resource
//! and with which levels, is for the policy ("How to verify", steps 4 to 7).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::lists::or_null;
use super::predicate::malformed;
use super::statement::ResourceDescriptor;
use super::timestamp;
use crate::digest::Sha256Digest;
use crate::report::Refusal;

/// The predicate type.
pub const VSA_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The verified property of a file that two independently operated builders built alike
/// (<https://slsa.dev/spec/v1.2/verified-properties>).
pub const SLSA_BUILD_REPRODUCED: &str = "SLSA_BUILD_REPRODUCED";

/// The level of a file whose build nobody looked at, or of which there was nothing to look at.
pub const BUILD_UNEVALUATED: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";

/// The level that stands where verification failed.
pub const LEVEL_FAILED: &str = "FAILED";

/// The predicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSummary {
    /// Who verified.
    pub verifier: Verifier,
    /// When.
    #[serde(
        default,
        deserialize_with = "timestamp::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub time_verified: Option<DateTime<Utc>>,
    /// The resource as which the file was verified.
    pub resource_uri: String,
    /// The policy, with its URI.
    pub policy: ResourceDescriptor,
    /// The attestations that were used; where there are any, all of them.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub input_attestations: Vec<ResourceDescriptor>,
    /// How it went.
    pub verification_result: VerificationResult,
    /// The highest level of each track, and verified properties, as they are written.
    pub verified_levels: Vec<String>,
    /// How many dependencies have which level; absent where nothing is claimed of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency_levels: Option<BTreeMap<String, u64>>,
    /// The version of SLSA, such as `1.2`; absent for some 1.x.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slsa_version: Option<String>,
}

/// `verifier`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// The verifier's identity.
    pub id: String,
    /// Versions of its components.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

/// `verificationResult`: exactly these two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VerificationResult {
    /// The file passed the policy.
    Passed,
    /// It did not.
    Failed,
}

impl VerificationSummary {
    /// Whether the file passed and has this level, a higher one of the same track, or this property. Of a file
    /// that failed it is false, whatever stands there ("How to verify", steps 6 and 7).
    pub fn shows(&self, wanted: &str) -> bool {
        let wanted = Level::of(wanted);
        let mut stated = self.verified_levels.iter().map(|it| Level::of(it));
        self.verification_result == VerificationResult::Passed
            && stated.any(|it| it.includes(&wanted))
    }

    /// The digest of the policy, where a whole one by SHA-256 is stated.
    pub fn policy_sha256(&self) -> Option<Sha256Digest> {
        self.policy.digest.get("sha256")?.parse().ok()
    }

    /// What the specification demands beyond the form.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let wrong = |what: String| Err(malformed(format!("predicate {VSA_TYPE}: {what}")));
        if self.verifier.id.is_empty() {
            return wrong("verifier.id is empty".to_owned());
        }
        if self.policy.uri.as_deref().unwrap_or_default().is_empty() {
            return wrong("policy has no `uri`".to_owned());
        }
        if let Some(index) = self.input_attestations.iter().position(|it| it.digest.is_empty()) {
            return wrong(format!("inputAttestations[{index}] has no `digest`"));
        }
        // "Users MUST NOT include more than one level per SLSA track": of two, each reader would take
        // the one it looks for.
        let mut tracks = BTreeMap::new();
        for level in &self.verified_levels {
            if let Some(other) = track(level).and_then(|track| tracks.insert(track, level)) {
                return wrong(format!("verifiedLevels holds `{other}` and `{level}`"));
            }
        }
        let failed = self.verified_levels.iter().any(|level| level == LEVEL_FAILED);
        if failed && self.verification_result == VerificationResult::Passed {
            return wrong("verificationResult PASSED and verifiedLevels FAILED".to_owned());
        }
        match self.slsa_version.as_deref() {
            Some(version) if !is_version(version) => wrong(format!("slsaVersion `{version}`")),
            _ => Ok(()),
        }
    }
}

/// `BUILD` of `SLSA_BUILD_LEVEL_3`. Verified properties and words of one's own have no track.
fn track(level: &str) -> Option<&str> {
    level.strip_prefix("SLSA_")?.rsplit_once("_LEVEL_").map(|(track, _)| track)
}

fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "verifier": {
                "id": "https://example.com/publication_verifier",
                "version": { "slsa-verifier-linux-amd64": "v2.3.0" },
            },
            "timeVerified": "1985-04-12T23:20:50.52Z",
            "resourceUri": "pkg:pypi/demo@1.0",
            "policy": {
                "uri": "https://example.com/demo.policy",
                "digest": { "sha256": "1234" },
            },
            "inputAttestations": [{
                "uri": "https://example.com/demo.intoto.jsonl",
                "digest": { "sha256": "abcd" },
            }],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3", SLSA_BUILD_REPRODUCED, "OURS_CHECKED"],
            "dependencyLevels": { "SLSA_BUILD_LEVEL_3": 5, "SLSA_BUILD_LEVEL_2": 7 },
            "slsaVersion": "1.2",
            "https://example.com/extension": { "more": true },
        })
    }

    fn read(value: Value) -> Result<VerificationSummary, String> {
        let summary: VerificationSummary =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        summary.check().map_err(|refusal| refusal.to_string())?;
        Ok(summary)
    }

    fn bent(bend: impl FnOnce(&mut Value)) -> Result<VerificationSummary, String> {
        let mut value = document();
        bend(&mut value);
        read(value)
    }

    #[test]
    fn a_whole_summary_is_read() {
        let summary = read(document()).expect("accepted");
        assert_eq!(summary.verification_result, VerificationResult::Passed);
        assert!(summary.verified_levels.iter().any(|level| level == SLSA_BUILD_REPRODUCED));
        let failed = bent(|it| {
            it["verificationResult"] = json!("FAILED");
            it["verifiedLevels"] = json!(["FAILED"]);
        });
        let failed = failed.expect("a failed verification is a valid document");
        assert_eq!(failed.verification_result, VerificationResult::Failed);
    }

    #[test]
    fn only_a_file_that_passed_has_its_levels() {
        let passed = read(document()).expect("accepted");
        for level in ["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_1", "OURS_CHECKED"] {
            assert!(passed.shows(level), "{level}");
        }
        assert!(!passed.shows("SLSA_BUILD_LEVEL_4") && !passed.shows("SLSA_SOURCE_LEVEL_1"));
        // Its form is allowed, and a reader of the levels alone would be misled.
        let failed = bent(|it| it["verificationResult"] = json!("FAILED")).expect("a form");
        assert!(!failed.shows("SLSA_BUILD_LEVEL_1") && !failed.shows("OURS_CHECKED"));
    }

    #[test]
    fn the_policy_s_digest_is_a_whole_one_or_none() {
        assert_eq!(read(document()).expect("accepted").policy_sha256(), None);
        let whole = bent(|it| it["policy"]["digest"]["sha256"] = json!("ab".repeat(32)));
        let digest = whole.expect("accepted").policy_sha256().expect("a digest");
        assert_eq!(digest.to_string(), "ab".repeat(32));
    }

    #[test]
    fn nothing_claimed_of_dependencies_is_not_the_same_as_none() {
        let none = bent(|it| it["dependencyLevels"] = json!({})).expect("accepted");
        assert_eq!(none.dependency_levels, Some(BTreeMap::new()));
        let unknown = bent(|it| it["dependencyLevels"] = Value::Null).expect("accepted");
        assert_eq!(unknown.dependency_levels, None);
    }

    #[test]
    fn results_are_two_exact_words() {
        for word in ["passed", "Passed", "PASS", "PASSED ", "WARNED", "", "SUCCESS"] {
            assert!(bent(|it| it["verificationResult"] = json!(word)).is_err(), "{word}");
        }
        for value in [json!(true), json!(1), json!(null), json!(["PASSED"])] {
            assert!(bent(|it| it["verificationResult"] = value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn contradictions_and_wrong_forms_are_refused() {
        type Bend = fn(&mut Value);
        let cases: [(&str, Bend); 15] = [
            ("SLSA_BUILD_LEVEL_3` and", |it| {
                it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_1"]);
            }),
            ("verifiedLevels FAILED", |it| it["verifiedLevels"] = json!(["FAILED"])),
            ("expected a sequence", |it| it["verifiedLevels"] = json!("SLSA_BUILD_LEVEL_3")),
            ("policy has no", |it| it["policy"] = json!({ "digest": { "sha256": "1" } })),
            ("inputAttestations[0]", |it| it["inputAttestations"] = json!([{ "uri": "x" }])),
            ("slsaVersion", |it| it["slsaVersion"] = json!("v1.0")),
            ("invalid type", |it| it["slsaVersion"] = json!(1.2)),
            ("invalid value", |it| it["dependencyLevels"] = json!({ "A": -1 })),
            ("invalid type", |it| it["dependencyLevels"] = json!({ "A": 1e300 })),
            ("invalid type", |it| it["dependencyLevels"] = json!({ "A": 1.0 })),
            ("verifier.id is empty", |it| it["verifier"]["id"] = json!("")),
            ("missing field `id`", |it| it["verifier"] = json!({})),
            ("not a time", |it| it["timeVerified"] = json!("1985-04-12T23:20:50.52+00:00")),
            ("invalid type", |it| it["timeVerified"] = json!(482196050)),
            ("invalid type", |it| it["resourceUri"] = json!(null)),
        ];
        for (wanted, bend) in cases {
            let error = bent(bend).expect_err(wanted);
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        for field in ["verifier", "resourceUri", "policy", "verificationResult", "verifiedLevels"] {
            let error = bent(|it| drop(it.as_object_mut().map(|it| it.remove(field))));
            assert!(error.expect_err(field).contains(field), "{field}");
        }
    }
}
