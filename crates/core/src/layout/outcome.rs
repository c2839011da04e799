//! What became of a layout, as a report on each file.

use chrono::{DateTime, Utc};

use super::link::Artifacts;
use crate::digest::Sha256Digest;
use crate::report::{Check, CheckName, FileSeen, PolicyUsed, Reason, Refusal, Report, Status};
use crate::verify::Artifact;

/// What became of a layout and its links, before any file is held against it.
#[derive(Debug, Clone)]
pub struct Outcome {
    sha256: Sha256Digest,
    now: DateTime<Utc>,
    checks: Vec<Check>,
    notes: Vec<String>,
    products: Option<Products>,
}

/// The products of the last step of a layout for which everything held. Made by
/// [`verify`](super::verify::verify) and nowhere else.
#[derive(Debug, Clone)]
pub(super) struct Products {
    pub(super) step: String,
    pub(super) artifacts: Artifacts,
}

/// The checks of a layout, in order; that of the file comes after them.
const CHECKS: [CheckName; 5] = [
    CheckName::LayoutSignature,
    CheckName::Layout,
    CheckName::LayoutExpiry,
    CheckName::Links,
    CheckName::ArtifactRules,
];

impl Outcome {
    /// What the checks found that held, and how it ended: with the products, or with why the next check did not hold.
    pub(super) fn new(
        sha256: Sha256Digest,
        now: DateTime<Utc>,
        passed: Vec<Option<String>>,
        notes: Vec<String>,
        ended: Result<Products, Refusal>,
    ) -> Self {
        let mut checks: Vec<_> = CHECKS
            .into_iter()
            .zip(passed)
            .map(|(name, found)| Check { name, status: Status::Passed(found) })
            .collect();
        let products = ended.map_err(|refusal| {
            let mut left = CHECKS.into_iter().skip(checks.len());
            if let Some(failed) = left.next() {
                checks.push(Check { name: failed, status: Status::Failed(refusal) });
                checks.extend(left.map(|name| Check { name, status: Status::NotRun(failed) }));
            }
        });
        Self { sha256, now, checks, notes, products: products.ok() }
    }

    /// The report on a file, which is accepted only if the whole chain holds and the file is of its end. `path` is
    /// where the layout was read from.
    pub fn report(&self, artifact: &Artifact, path: &str) -> Report {
        let archive = match &artifact.contents {
            Ok(_) => Status::Passed(None),
            Err(refusal) => Status::Failed(refusal.clone()),
        };
        let mut checks = vec![Check { name: CheckName::Archive, status: archive }];
        checks.extend(self.checks.iter().cloned());
        let product = match (&self.products, self.checks.iter().find(|check| !check.holds())) {
            (Some(products), None) => match products.hold(artifact) {
                Ok(found) => Status::Passed(Some(found)),
                Err(refusal) => Status::Failed(refusal),
            },
            (_, Some(failed)) => Status::NotRun(failed.name),
            (None, None) => Status::NotRun(CheckName::Layout),
        };
        checks.push(Check { name: CheckName::Product, status: product });
        let file = FileSeen { filename: artifact.name.clone(), sha256: artifact.sha256 };
        let policy = PolicyUsed {
            path: path.to_owned(),
            sha256: self.sha256,
            rule: None,
            line: None,
            signed: None,
            includes: Vec::new(),
        };
        Report::new(file, policy, self.now, self.notes.clone(), checks)
    }
}

impl Products {
    /// The product that a file is: of its name, wherever it was put, and of its bytes.
    fn hold(&self, artifact: &Artifact) -> Result<String, Refusal> {
        let sha256 = artifact.sha256.to_string();
        let named = self
            .artifacts
            .iter()
            .filter(|(name, _)| name.rsplit('/').next().is_some_and(|last| last == artifact.name));
        let mut others = Vec::new();
        for (name, digests) in named {
            match digests.get("sha256") {
                Some(digest) if *digest == sha256 => {
                    return Ok(format!("`{name}` of the step `{}`", self.step));
                }
                other => others.extend(other.map(|it| format!("sha256 {it} of `{name}`"))),
            }
        }
        Err(match others.is_empty() {
            true => Refusal::new(Reason::ProductUnknown)
                .expected(format!(
                    "one of the {} products of the step `{}`",
                    self.artifacts.len(),
                    self.step
                ))
                .found(format!("`{}`", artifact.name)),
            false => Refusal::new(Reason::ProductDigestMismatch)
                .expected_all(others)
                .found(format!("sha256 {sha256}")),
        })
    }
}
