//! Files and attestations from a package index.
//!
//! Which index is the user's to say: `--index`, or what uv and pip are configured with. Of all its answers
//! only 404 means that there is no attestation; every other one that is not the attestation leaves the
//! file undecided.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::Version;
use tempfile::TempDir;
use wheelmark_build::environment::index as configured;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::limits::IndexLimits;
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement;
use wheelmark_core::verify::Given;
use wheelmark_index::{DEFAULT_INDEX_URL, FileListed, Index, IndexError, IndexUrl};

use crate::error::CliError;

/// One release of a project: `NAME==VERSION`.
#[derive(Debug, Clone)]
pub struct Release {
    project: ProjectName,
    version: Version,
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a release is written NAME==VERSION, as in sampleproject==4.0.0".to_owned();
        let (name, version) = text.split_once("==").ok_or_else(wrong)?;
        Ok(Self {
            project: name.trim().parse().map_err(|_| wrong())?,
            version: requirement::version(version.trim()).ok_or_else(wrong)?,
        })
    }
}

/// What an index says of a file's attestations.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The provenance object, where there is one.
    pub given: Option<Given>,
    /// Where it was asked for, without credentials.
    pub asked: String,
}

/// A file that was downloaded.
pub struct Downloaded {
    /// Its name.
    pub name: String,
    /// Where it is, for as long as the folder of the release is.
    pub path: PathBuf,
    /// Its attestations.
    pub fetched: Result<Fetched, CliError>,
}

/// An index that is asked one thing after the other.
pub struct Asked {
    index: Index,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    /// The index of `--index`, else the one that uv or pip is configured with, else the public one.
    pub fn new(given: Option<&IndexUrl>) -> Result<Self, CliError> {
        let url = match given {
            Some(url) => url.clone(),
            None => {
                let url = configured::url().map_err(CliError::undecided)?;
                let url = url.as_deref().unwrap_or(DEFAULT_INDEX_URL);
                url.parse().map_err(|error| {
                    CliError::undecided(format!("the configured package index: {error}"))
                })?
            }
        };
        let index = Index::new(url, IndexLimits::standard()).map_err(undecided)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::undecided(format!("cannot ask the index: {error}")))?;
        Ok(Self { index, runtime })
    }

    /// The attestations that the index has of the file of this name. Whether they are about the bytes at
    /// hand, verifying tells.
    pub fn attestations(&self, name: &str) -> Result<Fetched, CliError> {
        let filename = DistFilename::parse(name)
            .map_err(|refusal| CliError::undecided(Escaped(&refusal.to_string())))?;
        let listed = self.runtime.block_on(self.index.file(&filename)).map_err(undecided)?;
        self.attestations_of(&listed)
    }

    fn attestations_of(&self, listed: &FileListed) -> Result<Fetched, CliError> {
        let answer = self.runtime.block_on(self.index.provenance(listed)).map_err(undecided)?;
        let asked = self.index.url().to_string();
        let from = format!("{asked}: provenance of {}", listed.filename().as_str());
        Ok(Fetched { given: answer.map(|bytes| Given { from, bytes }), asked })
    }

    /// Downloads every file of a release into `folder`; what cannot be had is an error of that file.
    pub fn release(
        &self,
        release: &Release,
        folder: &TempDir,
    ) -> Result<Vec<Result<Downloaded, (String, CliError)>>, CliError> {
        let Release { project, version } = release;
        let listed =
            self.runtime.block_on(self.index.release(project, version)).map_err(undecided)?;
        Ok(listed.iter().map(|listed| self.download(listed, folder)).collect())
    }

    fn download(
        &self,
        listed: &FileListed,
        folder: &TempDir,
    ) -> Result<Downloaded, (String, CliError)> {
        let name = listed.filename().as_str().to_owned();
        let path = folder.path().join(&name);
        let written = File::create_new(&path)
            .map_err(|error| CliError::io("write", &path, &error))
            .and_then(|mut file| {
                let got = self.runtime.block_on(self.index.download(listed, &mut file));
                got.map(drop).map_err(undecided)
            });
        match written {
            Ok(()) => Ok(Downloaded { name, path, fetched: self.attestations_of(listed) }),
            Err(error) => Err((name, error)),
        }
    }
}

fn undecided(error: IndexError) -> CliError {
    CliError::undecided(Escaped(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn a_release_is_a_name_and_a_version() {
        for text in ["Sample_Project==4.0.0", "a == 1!2.0.post1"] {
            assert!(text.parse::<Release>().is_ok(), "{text}");
        }
        for text in ["a", "a==", "==1", "a=1", "a==x", "a>=1", "a===1", "a[b]==1", "../a==1"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
