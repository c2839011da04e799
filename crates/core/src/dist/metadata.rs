//! The core metadata: METADATA of a wheel, PKG-INFO of a source distribution, held against the file name.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>

use std::str::FromStr as _;

use pep440_rs::Version;

use super::Refusal;
use super::fields::Fields;
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::report::Reason;
use crate::requirement;

/// Every version of the core metadata there is; 2.0 was never accepted, yet tools wrote it.
const METADATA_VERSIONS: &[&str] = &["1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5"];

/// Fields of the core metadata that may be given once.
const SINGLE_METADATA: &[&str] = &[
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Description",
    "Description-Content-Type",
    "Keywords",
    "Home-page",
    "Download-URL",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "License",
    "License-Expression",
    "Requires-Python",
];

/// METADATA or PKG-INFO, true of the file name.
#[derive(Debug, Clone)]
pub struct Metadata {
    fields: Fields,
    metadata_version: String,
    project: ProjectName,
    version: Version,
    sha256: Sha256Digest,
}

impl Metadata {
    /// The version of the core metadata, such as `2.1`.
    pub fn metadata_version(&self) -> &str {
        &self.metadata_version
    }

    /// The project, equal to the file name's.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The version, equal to the file name's.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The digest of the file, to the last byte of the description.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The requirements, each as it is written.
    pub fn requires_dist(&self) -> impl Iterator<Item = &str> {
        self.fields.all("Requires-Dist")
    }

    /// The Python versions asked for, as written.
    pub fn requires_python(&self) -> Option<&str> {
        self.fields.all("Requires-Python").next()
    }

    /// Every field, name and value, in order. The description may follow them and is not among them.
    pub fn fields(&self) -> &[(String, String)] {
        self.fields.list()
    }

    pub(crate) fn parse(
        bytes: &[u8],
        project: &ProjectName,
        version: &Version,
    ) -> Result<Self, Refusal> {
        let (fields, _) = Fields::parse(bytes, SINGLE_METADATA)?;
        let metadata_version = fields.required("Metadata-Version")?;
        if !METADATA_VERSIONS.contains(&metadata_version) {
            return Err(Refusal::new(Reason::MetadataVersionUnknown, metadata_version));
        }
        let name = fields.required("Name")?;
        if ProjectName::from_str(name).ok().as_ref() != Some(project) {
            return Err(Refusal::new(Reason::MetadataNameMismatch, name).expected(project));
        }
        let text = fields.required("Version")?;
        if requirement::version(text).as_ref() != Some(version) {
            return Err(Refusal::new(Reason::MetadataVersionMismatch, text).expected(version));
        }
        Ok(Self {
            metadata_version: metadata_version.to_owned(),
            project: project.clone(),
            version: version.clone(),
            sha256: Sha256Digest::of(bytes),
            fields,
        })
    }
}
