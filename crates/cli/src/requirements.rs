//! The files that were installed for a build, found again by their digests and weighed under the policy for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use wheelmark_core::attestation::pep517::Requirement;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::verify::{Facts, Outcome, Owed, RequirementVerdicts};
use wheelmark_index::FileListed;

use crate::error::CliError;
use crate::evidence::Evidence;
use crate::from_index::{Asked, undecided};
use crate::progress::Files;

/// Where such files are looked for, and what was decided of them so far: many builds use the same ones.
pub struct Requirements {
    /// A folder that has them with their attestations, where one was given.
    pub folder: Option<PathBuf>,
    /// The index, where it is asked for anything.
    pub index: Option<Arc<Asked>>,
    /// Ctrl-C.
    pub cancel: Arc<AtomicBool>,
    decided: Mutex<Decided>,
}

/// By the policy and the file: what was decided, or why the file could not be had.
type Decided = BTreeMap<(Sha256Digest, Sha256Digest, String), Result<Arc<Outcome>, String>>;

impl Requirements {
    /// Nothing decided yet.
    pub fn new(
        folder: Option<PathBuf>,
        index: Option<Arc<Asked>>,
        cancel: &Arc<AtomicBool>,
    ) -> Arc<Self> {
        let decided = Mutex::default();
        Arc::new(Self { folder, index, cancel: Arc::clone(cancel), decided })
    }

    /// Decides each. What cannot be had is not known to be accepted, and why is said.
    pub fn decide(self: &Arc<Self>, owed: &[Owed], now: DateTime<Utc>) -> RequirementVerdicts {
        let mut verdicts = RequirementVerdicts::default();
        for it in owed {
            let name = it.requirement.filename.clone();
            let key = (it.policy.whole_sha256(), it.requirement.sha256, name);
            let known =
                self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            let outcome = known.unwrap_or_else(|| {
                let found = self.find(&it.requirement).map_err(|error| error.message);
                let outcome = found.map(|evidence| Arc::new(evidence.weigh(&it.policy, now)));
                let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
                decided.entry(key).or_insert(outcome).clone()
            });
            verdicts.add(it, outcome.as_deref().map_err(Clone::clone));
        }
        verdicts
    }

    fn find(self: &Arc<Self>, wanted: &Requirement) -> Result<Evidence, CliError> {
        let filename = DistFilename::parse(&wanted.filename)
            .map_err(|error| CliError::undecided(error.to_string()))?;
        let path = self.folder.iter().map(|folder| folder.join(filename.as_str()));
        let mut evidence = match (path.into_iter().find(|it| it.exists()), &self.index) {
            (Some(path), _) => Evidence::of_file(&path, None, &self.cancel)?,
            (None, Some(index)) => Self::at_index(index, &filename, wanted.sha256)?,
            (None, None) => {
                return Err(CliError::undecided("neither in a folder nor asked of an index"));
            }
        };
        if evidence.artifact.sha256 != wanted.sha256 {
            let found = evidence.artifact.sha256;
            return Err(CliError::undecided(format!("another file is there, sha256 {found}")));
        }
        evidence.requirements = Some(Arc::clone(self));
        Ok(evidence)
    }

    fn at_index(
        index: &Asked,
        filename: &DistFilename,
        sha256: Sha256Digest,
    ) -> Result<Evidence, CliError> {
        let mut listed: Result<Option<FileListed>, CliError> = Ok(None);
        index.pages([(filename.project().clone(), ())], |_, (), page| {
            listed = page.and_then(|page| {
                let files = page.release(filename.version(), index.limits().files);
                let mut files = files.map_err(undecided)?.into_iter();
                Ok(files.find(|file| file.sha256() == sha256))
            });
        })?;
        let Some(listed) = listed? else {
            let url = index.url();
            return Err(CliError::undecided(format!("the index {url} does not list it")));
        };
        let mut artifact = index.artifact(&listed, None, &Files::new(1))?;
        artifact.facts =
            Facts { index: Some(index.url()), uploaded: listed.uploaded(), ..Facts::default() };
        Ok(Evidence::of_artifact(artifact, index.attestations(&listed)?))
    }
}
