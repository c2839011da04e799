//! Verdicts for others: what a verification decided, as a VSA and as an SVR.
//!
//! A [`Verdict`] is made of an [`Outcome`] alone and says no more than that proved. Who says it, and in whose name,
//! the caller gives in a [`Verifier`]. The predicates are the types by which they are read back.

mod build_level;

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound as _, Utc};

pub(crate) use self::build_level::of_provenance;
pub use self::build_level::{BuildLevel, levels};
use crate::attestation::statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
use crate::attestation::svr::{SVR_TYPE, SimpleVerificationResult, SvrVerifier};
use crate::attestation::vsa::{
    self, LEVEL_FAILED, SLSA_BUILD_REPRODUCED, VSA_TYPE, VerificationResult, VerificationSummary,
};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::Decision;
use crate::verify::{Held, Outcome, Proof};

/// The verifier's id of a verdict by `wheelmark verify` on somebody's own machine.
///
/// It says which program decided, and nothing of who ran it: that is what the key says.
pub const LOCAL_VERIFIER: &str = "https://wheelmark.dev/verifiers/local/v1";

/// The policy's URI where it was given on the command line and is no file.
pub const COMMAND_LINE_POLICY: &str = "https://wheelmark.dev/policies/command-line/v1";

/// Property: the file was accepted, every check of the policy held.
pub const ACCEPTED: &str = "WHEELMARK_ACCEPTED";
/// Property: signed provenance of the file held.
pub const PROVENANCE: &str = "WHEELMARK_PROVENANCE_VERIFIED";
/// Property: a signed publish attestation of the file held, which says who uploaded it and not how it was built.
pub const PUBLISHER: &str = "WHEELMARK_PUBLISHER_VERIFIED";
/// Property: a signature over the bare file held, which says nothing of its origin.
pub const SIGNATURE: &str = "WHEELMARK_SIGNATURE_VERIFIED";

/// Property: the further attestations that the policy demands held.
pub const DEMANDS: &str = "WHEELMARK_DEMANDS_MET";

/// Property: what [`SLSA_BUILD_REPRODUCED`] says, for readers who take no word of SLSA's that is no level.
pub const REPRODUCED: &str = "WHEELMARK_BUILD_REPRODUCED";

/// The package URL of a file's release, and that of the file in it.
pub(crate) const RELEASE_RESOURCE: &str = "pkg:pypi/{name}@{version}";
pub(crate) const FILE_RESOURCE: &str = "pkg:pypi/{name}@{version}?file_name={filename}";

/// The version of SLSA whose summary this is.
const SLSA_VERSION: &str = "1.2";

/// In whose name a verdict is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier<'a> {
    /// The verifier's id, a URI.
    pub id: &'a str,
    /// The version of this program.
    pub version: &'a str,
    /// Where the policy is known by, a URI.
    pub policy_uri: &'a str,
    /// The digest of the policy's bytes; absent where it is no file.
    pub policy_sha256: Option<Sha256Digest>,
}

/// In which words a VSA says what was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelWords {
    /// SLSA's.
    Slsa,
    /// SLSA's where they are a level with a number, and our own for all else: slsa-verifier refuses a whole summary over
    /// any other word that begins with `SLSA_`. It claims no more than the same summary in SLSA's words.
    Numbered,
}

/// What was decided of a file, as others may be told.
#[derive(Debug, Clone)]
pub struct Verdict {
    filename: DistFilename,
    sha256: Sha256Digest,
    at: DateTime<Utc>,
    decision: Decision,
    /// What held; nothing of a file that was rejected, which others must not read as proof.
    held: Vec<Held>,
    levels: Vec<String>,
    demands_met: bool,
}

impl Verdict {
    /// What an outcome comes to.
    pub fn of(outcome: &Outcome, filename: &DistFilename) -> Self {
        let report = &outcome.report;
        let (held, levels) = match report.decision() {
            Decision::Accepted => {
                let proven = outcome.held.iter().filter_map(|it| it.proof().level()).max();
                (outcome.held.clone(), levels(proven, outcome.independent_builders))
            }
            Decision::Rejected => (Vec::new(), vec![LEVEL_FAILED.to_owned()]),
        };
        Self {
            filename: filename.clone(),
            sha256: report.wheel.sha256,
            at: report.verified_at.trunc_subsecs(0),
            decision: report.decision(),
            held,
            levels,
            demands_met: outcome.demands_met,
        }
    }

    /// The name of the file.
    pub fn filename(&self) -> &DistFilename {
        &self.filename
    }

    /// The digest of its bytes.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// What was decided.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// `verifiedLevels` of the VSA.
    pub fn levels(&self, words: LevelWords) -> Vec<String> {
        match (words, self.decision) {
            (LevelWords::Slsa, _) | (_, Decision::Rejected) => self.levels.clone(),
            (LevelWords::Numbered, Decision::Accepted) => {
                let own = |word: String| match word == SLSA_BUILD_REPRODUCED {
                    true => REPRODUCED.to_owned(),
                    false => word,
                };
                self.properties().into_iter().map(own).collect()
            }
        }
    }

    /// The resource as which it was verified, unless the caller says another: the file among those of its release
    /// on an index, as a package URL.
    pub fn resource_uri(&self) -> String {
        resource_of(FILE_RESOURCE, &self.filename)
    }

    /// A VSA v1 of it: <https://slsa.dev/spec/v1.2/verification_summary>.
    ///
    /// # Errors
    /// Only what `serde_json` returns for values that have no JSON form.
    pub fn vsa(
        &self,
        by: &Verifier<'_>,
        resource_uri: &str,
        words: LevelWords,
    ) -> Result<Statement, serde_json::Error> {
        let summary = VerificationSummary {
            verifier: vsa::Verifier {
                id: by.id.to_owned(),
                version: [("wheelmark".to_owned(), by.version.to_owned())].into(),
            },
            time_verified: Some(self.at),
            resource_uri: resource_uri.to_owned(),
            policy: by.policy(),
            input_attestations: self.inputs(),
            verification_result: match self.decision {
                Decision::Accepted => VerificationResult::Passed,
                Decision::Rejected => VerificationResult::Failed,
            },
            verified_levels: self.levels(words),
            dependency_levels: None,
            slsa_version: Some(SLSA_VERSION.to_owned()),
        };
        Ok(self.statement(VSA_TYPE, serde_json::to_value(summary)?))
    }

    /// An SVR v0.2 of it: <https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md>. `None` of a file
    /// that was rejected: it can only say what passed.
    ///
    /// # Errors
    /// As [`Self::vsa`].
    pub fn svr(&self, by: &Verifier<'_>) -> Result<Option<Statement>, serde_json::Error> {
        if self.decision == Decision::Rejected {
            return Ok(None);
        }
        let result = SimpleVerificationResult {
            verifier: SvrVerifier { id: by.id.to_owned(), policies: vec![by.policy()] },
            time_created: self.at,
            properties: self.properties(),
        };
        Ok(Some(self.statement(SVR_TYPE, serde_json::to_value(result)?)))
    }

    /// `properties` of the SVR: what passed. A level that was not evaluated is none.
    pub fn properties(&self) -> Vec<String> {
        let kinds = self.held.iter().filter_map(|it| match it.proof() {
            Proof::Provenance(_) => Some(PROVENANCE),
            Proof::Publish => Some(PUBLISHER),
            Proof::BareSignature => Some(SIGNATURE),
            Proof::Beside => None,
        });
        let kinds = kinds.chain(self.demands_met.then_some(DEMANDS));
        let kinds: BTreeSet<_> = kinds.collect();
        let levels = self.levels.iter().filter(|level| *level != vsa::BUILD_UNEVALUATED).cloned();
        let words = [ACCEPTED].into_iter().chain(kinds).map(str::to_owned);
        words.chain(levels).collect()
    }

    /// `inputAttestations`: every file of attestations of which one held, once. None of a file that was rejected:
    /// where the field is there it has to be complete.
    fn inputs(&self) -> Vec<ResourceDescriptor> {
        let mut seen = BTreeSet::new();
        let inputs = self.held.iter().filter(|it| seen.insert(it.sha256()));
        inputs
            .map(|it| ResourceDescriptor { digest: by_sha256(it.sha256()), ..Default::default() })
            .collect()
    }

    fn statement(&self, predicate_type: &str, predicate: serde_json::Value) -> Statement {
        Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![ResourceDescriptor {
                name: Some(self.filename.as_str().to_owned()),
                digest: by_sha256(self.sha256),
                ..Default::default()
            }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }
}

impl Verifier<'_> {
    fn policy(&self) -> ResourceDescriptor {
        ResourceDescriptor {
            uri: Some(self.policy_uri.to_owned()),
            digest: self.policy_sha256.map(by_sha256).unwrap_or_default(),
            ..Default::default()
        }
    }
}

fn by_sha256(digest: Sha256Digest) -> std::collections::BTreeMap<String, String> {
    [("sha256".to_owned(), digest.to_string())].into()
}

/// A resource URI whose `{name}`, `{version}` and `{filename}` are a file's.
pub(crate) fn resource_of(template: &str, file: &DistFilename) -> String {
    let text = template.replace("{name}", &encoded(file.project().as_str()));
    let text = text.replace("{version}", &encoded(&file.version().to_string()));
    text.replace("{filename}", &encoded(file.as_str()))
}

/// What is not unreserved in a URI, by its number (RFC 3986, 2.1 to 2.3).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_s_parts_cannot_be_taken_for_others() {
        assert_eq!(encoded("1!2.0+a.b"), "1%212.0%2Ba.b");
        assert_eq!(encoded("demo-1.0_x~"), "demo-1.0_x~");
        assert_eq!(encoded("a?b&c=d#e/f@g é"), "a%3Fb%26c%3Dd%23e%2Ff%40g%20%C3%A9");
    }
}
