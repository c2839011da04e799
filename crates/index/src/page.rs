//! A project's page in the simple API's JSON.
//!
//! <https://packaging.python.org/en/latest/specifications/simple-repository-api/#json-serialization>:
//! PEP 503 for names and URLs, 691 for the JSON, 700 for size and upload time, 714 for core metadata, 740 for
//! provenance.
//!
//! HTML pages are not read: their form is frozen, and newer facts are in the JSON only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use chrono::{DateTime, Utc};
use pep440_rs::Version;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use wheelmark_core::digest::{DigestError, Sha256Digest};
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::json;
use wheelmark_core::requirement::{self, is_of_version};

use crate::address::{IndexUrl, ShownUrl, has_credentials};
use crate::error::{IndexError, Problem};

/// The media type of a page in JSON, version 1.
pub const MEDIA_TYPE: &str = "application/vnd.pypi.simple.v1+json";

/// The names under which a page gives digests of a file's core metadata (PEP 658): today's, that before PEP 714,
/// and one that indexes took for it by mistake.
const METADATA_KEYS: [&str; 3] = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"];

/// A project's page: which files the index has of it. What it says of one file is looked at when that
/// file is asked for, so that an odd file of ten years ago does not stand in the way of others.
#[derive(Debug)]
pub struct ProjectPage {
    index: IndexUrl,
    url: Url,
    name: ProjectName,
    files: Vec<(DistFilename, Value)>,
    unread: Vec<(String, Value)>,
}

/// A file as an index lists it. Its URL is one that may be connected to and ends in its name.
#[derive(Debug, Clone)]
pub struct FileListed {
    filename: DistFilename,
    url: Url,
    sha256: Sha256Digest,
    size: Option<u64>,
    metadata_sha256: Option<Sha256Digest>,
    uploaded: Option<DateTime<Utc>>,
    release_began: Option<DateTime<Utc>>,
    yanked: Yanked,
    requires_python: Option<String>,
    provenance: ProvenanceLink,
}

/// Whether a file was withdrawn (PEP 592).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yanked {
    /// It was not.
    No,
    /// It was; with the reason, where one was given. Text from outside: escape it where it is shown.
    Yes(Option<String>),
}

/// What a page says about where a file's provenance is (PEP 740).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvenanceLink {
    /// Nothing, or `null`. It does not mean that there is none: the Integrity API says that.
    Unsaid,
    /// At a URL of the index's own origin.
    Here(Url),
    /// Somewhere else, or not at a URL that can be read; as far as it can be shown. It is not followed.
    Elsewhere(String),
}

impl ProjectPage {
    /// Reads a page that `url` gave when the index was asked for `asked`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Problem::NotJson`], [`Problem::PageMalformed`], [`Problem::ApiVersion`] for another major
    /// version than 1, [`Problem::OtherProject`], [`Problem::Quarantined`], [`Problem::ListedTwice`].
    pub fn parse(
        bytes: &[u8],
        index: &IndexUrl,
        url: &Url,
        asked: &ProjectName,
        limit: usize,
    ) -> Result<Self, IndexError> {
        let fail = |problem| IndexError::new(url, problem);
        let malformed = |what: String| fail(Problem::PageMalformed { what });
        let value = json::parse(bytes, limit).map_err(|error| fail(Problem::NotJson(error)))?;
        let page: Page = serde_json::from_value(value).map_err(|e| malformed(e.to_string()))?;
        // PEP 629: another major version may mean anything.
        let major = page.meta.api_version.split_once('.').map(|(major, _)| major);
        if major != Some("1") {
            return Err(fail(Problem::ApiVersion { found: page.meta.api_version }));
        }
        if page.name.parse::<ProjectName>().ok().as_ref() != Some(asked) {
            let asked = asked.clone();
            return Err(fail(Problem::OtherProject { found: page.name, asked }));
        }
        if let Some(ProjectStatus { status: Some(status), reason }) = page.project_status
            && status == "quarantined"
        {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            return Err(fail(Problem::Quarantined { project: asked.clone(), reason }));
        }
        let mut seen = BTreeSet::new();
        let mut files = Vec::new();
        let mut unread = Vec::new();
        for (at, file) in page.files.into_iter().enumerate() {
            let Some(filename) = file.get("filename").and_then(Value::as_str).map(String::from)
            else {
                return Err(malformed(format!("files[{at}] has no `filename`")));
            };
            if !seen.insert(filename.clone()) {
                return Err(fail(Problem::ListedTwice { filename }));
            }
            match DistFilename::parse(&filename) {
                Ok(parsed) if parsed.project() == asked => files.push((parsed, file)),
                _ => unread.push((filename, file)),
            }
        }
        let (index, url, name) = (index.clone(), url.clone(), asked.clone());
        Ok(Self { index, url, name, files, unread })
    }

    /// The project.
    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    /// The same page with other places of its files: what resolvers read of each file, and nothing else.
    pub(crate) fn passed_on(&self, place: impl Fn(&DistFilename) -> String) -> Vec<u8> {
        let kept = ["filename", "hashes", "requires-python", "yanked", "size", "upload-time"];
        let files = self.files.iter().map(|(name, file)| {
            let of_file = file.as_object().into_iter().flatten();
            let mut passed: serde_json::Map<_, _> = of_file
                .filter(|(key, _)| kept.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            passed.insert("url".to_owned(), place(name).into());
            // Without a digest nobody could say that it is the file's.
            if let Ok(Some(sha256)) = self.metadata_sha256(name, file) {
                let digests = serde_json::json!({ "sha256": sha256.to_string() });
                for key in &METADATA_KEYS[..2] {
                    passed.insert((*key).to_owned(), digests.clone());
                }
            }
            Value::Object(passed)
        });
        let files: Vec<_> = files.collect();
        let meta = serde_json::json!({ "api-version": "1.0" });
        serde_json::json!({ "meta": meta, "name": self.name.as_str(), "files": files })
            .to_string()
            .into_bytes()
    }

    /// The files of one version, at least one and at most `limit`, in the page's order. Versions are
    /// compared as `==` does (PEP 440): one without a local part stands for those with any.
    ///
    /// # Errors
    /// [`Problem::NoRelease`] where there is none, [`Problem::TooManyFiles`], [`Problem::MisnamedFile`], and
    /// whatever is wrong with any one of them: [`Problem::FileMalformed`], [`Problem::NoDigest`], [`Problem::OtherFilename`],
    /// [`Problem::FileUrl`].
    pub fn release(&self, version: &Version, limit: usize) -> Result<Vec<FileListed>, IndexError> {
        let found = self.of_version(version).count();
        if found > limit {
            return Err(self.error(Problem::TooManyFiles { found, limit }));
        }
        self.no_other_is_of(version)?;
        let began = self.began(version)?;
        let files = self.of_version(version).map(|(name, file)| self.listed(name, file, began));
        let files: Vec<_> = files.collect::<Result<_, _>>()?;
        if files.is_empty() {
            let (project, version) = (self.name.clone(), version.clone());
            return Err(self.error(Problem::NoRelease { project, version }));
        }
        Ok(files)
    }

    /// The file of exactly this name.
    ///
    /// # Errors
    /// [`Problem::NoFile`] where there is none; what may be wrong with it, as for [`ProjectPage::release`]; and
    /// [`Problem::FileMalformed`] for another file of its release whose upload time cannot be read.
    pub fn file(&self, filename: &DistFilename) -> Result<FileListed, IndexError> {
        let found = self.files.iter().find(|(name, _)| name.as_str() == filename.as_str());
        let (name, file) = found.ok_or_else(|| {
            self.error(Problem::NoFile { filename: filename.as_str().to_owned() })
        })?;
        self.listed(name, file, self.began(name.version())?)
    }

    /// Names that the page lists and that are none of wheels or `.tar.gz` source distributions of the project: eggs,
    /// installers, zip archives. Text from outside: escape it where it is shown.
    pub fn unread(&self) -> impl ExactSizeIterator<Item = &str> {
        self.unread.iter().map(|(name, _)| name.as_str())
    }

    /// Fails where the page lists what is not looked at with the release, and what other clients may install as
    /// it: they read names less strictly, or take that at the end of the URL.
    fn no_other_is_of(&self, version: &Version) -> Result<(), IndexError> {
        let unread = self.unread.iter().map(|(name, file)| (name.as_str(), true, file));
        let others = self.files.iter().filter(|(name, _)| !is_of_version(name.version(), version));
        let others = others.map(|(name, file)| (name.as_str(), false, file));
        for (name, by_name, file) in unread.chain(others) {
            let url = file.get("url").and_then(Value::as_str);
            let last = url.and_then(|url| self.url.join(url).ok()).as_ref().map(last_part);
            if (by_name && self.may_be_of(name, version))
                || last.is_some_and(|last| self.may_be_of(&last, version))
            {
                let (filename, version) = (name.to_owned(), version.clone());
                return Err(self.error(Problem::MisnamedFile { filename, version }));
            }
        }
        Ok(())
    }

    /// Whether a name could be taken for one of a wheel or `.tar.gz` of this version of the project.
    fn may_be_of(&self, filename: &str, version: &Version) -> bool {
        let name = filename.to_ascii_lowercase();
        let (stem, wheel) = match (name.strip_suffix(".whl"), name.strip_suffix(".tar.gz")) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => return false,
        };
        stem.match_indices('-').any(|(at, _)| {
            let rest = &stem[at + 1..];
            let text = if wheel { rest.split('-').next().unwrap_or(rest) } else { rest };
            // Some write a version's `-` as `_`.
            let found = requirement::version(text.trim().replace('_', "-").as_str());
            stem[..at].trim().parse::<ProjectName>().is_ok_and(|name| name == self.name)
                && found.is_some_and(|found| is_of_version(&found, version))
        })
    }

    fn error(&self, problem: Problem) -> IndexError {
        IndexError::new(&self.url, problem)
    }

    fn malformed(&self, name: &DistFilename, what: String) -> IndexError {
        self.error(Problem::FileMalformed { filename: name.as_str().to_owned(), what })
    }

    fn of_version(&self, version: &Version) -> impl Iterator<Item = &(DistFilename, Value)> {
        self.files.iter().filter(move |(name, _)| is_of_version(name.version(), version))
    }

    /// When the first file of a version was uploaded, of those of which the page says it.
    fn began(&self, version: &Version) -> Result<Option<DateTime<Utc>>, IndexError> {
        let times = self.of_version(version).map(|(name, file)| self.uploaded(name, file));
        let times: Vec<_> = times.collect::<Result<_, _>>()?;
        Ok(times.into_iter().flatten().min())
    }

    fn uploaded(
        &self,
        name: &DistFilename,
        value: &Value,
    ) -> Result<Option<DateTime<Utc>>, IndexError> {
        let malformed = |error: &dyn Display| self.malformed(name, format!("upload-time: {error}"));
        let Some(time) = value.get("upload-time") else { return Ok(None) };
        let time = Option::<&str>::deserialize(time).map_err(|error| malformed(&error))?;
        let time = time.map(DateTime::parse_from_rfc3339).transpose();
        Ok(time.map_err(|error| malformed(&error))?.map(|time| time.to_utc()))
    }

    /// Clients differ in which of the keys they read, so that two digests under two of them are an error.
    fn metadata_sha256(
        &self,
        name: &DistFilename,
        value: &Value,
    ) -> Result<Option<Sha256Digest>, IndexError> {
        let mut listed: Option<Sha256Digest> = None;
        for key in METADATA_KEYS {
            let malformed = |error: &dyn Display| self.malformed(name, format!("{key}: {error}"));
            let digests = match value.get(key) {
                None | Some(Value::Null | Value::Bool(_)) => continue,
                Some(digests) => BTreeMap::<String, String>::deserialize(digests),
            };
            let digests = digests.map_err(|error| malformed(&error))?;
            let Some(sha256) = digests.get("sha256") else { continue };
            let sha256 = sha256.parse().map_err(|error: DigestError| malformed(&error))?;
            match listed.replace(sha256) {
                Some(other) if other != sha256 => {
                    let error = format!("sha256 {sha256}, and {other} under another key");
                    return Err(malformed(&error));
                }
                _ => {}
            }
        }
        Ok(listed)
    }

    fn listed(
        &self,
        name: &DistFilename,
        value: &Value,
        release_began: Option<DateTime<Utc>>,
    ) -> Result<FileListed, IndexError> {
        let malformed = |what: String| self.malformed(name, what);
        let file = File::deserialize(value).map_err(|error| malformed(error.to_string()))?;
        let sha256 = file
            .hashes
            .get("sha256")
            .ok_or_else(|| self.error(Problem::NoDigest { filename: name.as_str().to_owned() }))?
            .parse()
            .map_err(|error| malformed(format!("sha256: {error}")))?;
        let mut url =
            self.url.join(&file.url).map_err(|error| malformed(format!("url: {error}")))?;
        url.set_fragment(None);
        self.check_url(name, &url)?;
        Ok(FileListed {
            filename: name.clone(),
            url,
            sha256,
            size: file.size,
            metadata_sha256: self.metadata_sha256(name, value)?,
            uploaded: self.uploaded(name, value)?,
            release_began,
            yanked: match file.yanked {
                None | Some(RawYanked::Flag(false)) => Yanked::No,
                Some(RawYanked::Flag(true)) => Yanked::Yes(None),
                Some(RawYanked::Reason(reason)) => Yanked::Yes(Some(reason)),
            },
            requires_python: file.requires_python,
            provenance: self.provenance(file.provenance.as_deref()),
        })
    }

    fn check_url(&self, name: &DistFilename, url: &Url) -> Result<(), IndexError> {
        let filename = name.as_str().to_owned();
        let found = last_part(url);
        if found != filename {
            return Err(self.error(Problem::OtherFilename { filename, found }));
        }
        let at = ShownUrl::of(url);
        let why = match () {
            () if has_credentials(url) => "with a user name or password in it",
            () if !self.index.may_lead_to(url) => "which is not reached over TLS",
            () => return Ok(()),
        };
        Err(self.error(Problem::FileUrl { filename, at, why }))
    }

    /// PEP 740 leaves it to the index where provenance is. A link to another origin would let whoever
    /// can write one line of a page say what vouches for the file.
    fn provenance(&self, link: Option<&str>) -> ProvenanceLink {
        let Some(link) = link else { return ProvenanceLink::Unsaid };
        match self.url.join(link) {
            Ok(url) if self.index.is_origin_of(&url) && !has_credentials(&url) => {
                ProvenanceLink::Here(url)
            }
            Ok(url) => ProvenanceLink::Elsewhere(ShownUrl::of(&url).to_string()),
            Err(error) => ProvenanceLink::Elsewhere(format!("a link that is no URL ({error})")),
        }
    }
}

impl FileListed {
    /// The name.
    pub fn filename(&self) -> &DistFilename {
        &self.filename
    }

    /// Where the file is. Show it through [`ShownUrl`]: it may hold a secret.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The digest its bytes must have.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Its size in bytes (PEP 700), where the index says it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The digest that its METADATA or PKG-INFO must have (PEP 658, 714), where the index gives one: resolvers go
    /// by the text of that digest, which the index serves beside the file.
    pub fn metadata_sha256(&self) -> Option<Sha256Digest> {
        self.metadata_sha256
    }

    /// When it was uploaded (PEP 700), where the index says it.
    pub fn uploaded(&self) -> Option<DateTime<Utc>> {
        self.uploaded
    }

    /// When the first file of its release was uploaded, of the wheels and source distributions of which the index
    /// says it; not later than this one, where it says it of this one.
    pub fn release_began(&self) -> Option<DateTime<Utc>> {
        self.release_began
    }

    /// Whether it was withdrawn.
    pub fn yanked(&self) -> &Yanked {
        &self.yanked
    }

    /// For which versions of Python it is, where the index says it. Text from outside.
    pub fn requires_python(&self) -> Option<&str> {
        self.requires_python.as_deref()
    }

    /// Where its provenance is.
    pub fn provenance(&self) -> &ProvenanceLink {
        &self.provenance
    }
}

/// The name at the end of a URL.
fn last_part(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    percent_decode_str(last).decode_utf8_lossy().into_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Page {
    meta: Meta,
    name: String,
    files: Vec<Value>,
    project_status: Option<ProjectStatus>,
}

/// PEP 792.
#[derive(Deserialize)]
struct ProjectStatus {
    status: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    api_version: String,
}

/// One of `files`, but for the keys that are read apart. Clients must ignore keys they do not know (PEP 691).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    url: String,
    hashes: BTreeMap<String, String>,
    size: Option<u64>,
    yanked: Option<RawYanked>,
    requires_python: Option<String>,
    provenance: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawYanked {
    Flag(bool),
    Reason(String),
}
