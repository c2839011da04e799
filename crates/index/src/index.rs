//! One package index.

use std::io::Write;

use pep440_rs::Version;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::limits::IndexLimits;

use crate::address::IndexUrl;
use crate::client::{Ask, Client, Follow};
use crate::error::{IndexError, Problem};
use crate::page::{self, FileListed, ProjectPage, ProvenanceLink};
use crate::{download, integrity};

/// A package index that is asked for pages, files and attestations. To be used within a tokio runtime
/// that has I/O and time enabled.
///
/// All methods fail with the problems of a request: no or no whole answer in time, a status that is
/// neither 200 nor 404, a redirect that may not be followed, an answer of another type, compressed, or
/// larger than the bound. Each says so in [`IndexError::problem`].
#[derive(Debug)]
pub struct Index {
    client: Client,
}

impl Index {
    /// An index by its URL. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`Problem::Client`] where the machine has no certificates to trust, or none that can be read.
    pub fn new(url: IndexUrl, limits: IndexLimits) -> Result<Self, IndexError> {
        Ok(Self { client: Client::new(url, limits)? })
    }

    /// The index's URL.
    pub fn url(&self) -> &IndexUrl {
        self.client.index()
    }

    /// What bounds its answers.
    pub fn limits(&self) -> &IndexLimits {
        self.client.limits()
    }

    /// A project's page. It may be redirected within the index's origin.
    ///
    /// # Errors
    /// [`Problem::NoProject`] where the index has none (404), [`Problem::HtmlOnly`], those of
    /// [`ProjectPage::parse`], and those of a request.
    pub async fn page(&self, project: &ProjectName) -> Result<ProjectPage, IndexError> {
        let limits = self.client.limits();
        let mut url = self.url().root().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // PEP 503: the normalised name, and a `/` at the end.
            path.pop_if_empty().extend([project.as_str(), ""]);
        }
        let ask = Ask {
            url: &url,
            accept: page::MEDIA_TYPE,
            follow: Follow::SameOrigin,
            within: limits.document,
        };
        let body = match self.client.get(&ask).await? {
            Some(body) => body,
            None => {
                let project = project.clone();
                return Err(IndexError::new(&url, Problem::NoProject { project }));
            }
        };
        let expected = page::MEDIA_TYPE;
        match body.media_type() {
            Some(page::MEDIA_TYPE) => {}
            Some("text/html" | "application/vnd.pypi.simple.v1+html") => {
                return Err(body.error(Problem::HtmlOnly { expected }));
            }
            found => {
                let found = found.map(ToOwned::to_owned);
                return Err(body.error(Problem::ContentType { found, expected }));
            }
        }
        let url = body.url().clone();
        let bytes = body.whole(limits.page).await?;
        ProjectPage::parse(&bytes, self.url(), &url, project, limits.page)
    }

    /// The files of one version of a project, at least one.
    ///
    /// # Errors
    /// Those of [`Index::page`] and of [`ProjectPage::release`].
    pub async fn release(
        &self,
        project: &ProjectName,
        version: &Version,
    ) -> Result<Vec<FileListed>, IndexError> {
        let limit = self.limits().files;
        self.page(project).await?.release(version, limit)
    }

    /// What the index says of the file of exactly this name. Whether a file at hand is that file, its
    /// digest tells.
    ///
    /// # Errors
    /// Those of [`Index::page`] and of [`ProjectPage::file`].
    pub async fn file(&self, filename: &DistFilename) -> Result<FileListed, IndexError> {
        self.page(filename.project()).await?.file(filename)
    }

    /// Writes a file's bytes to `to` and gives their digest, which is the listed one. The file may be at,
    /// or redirected to, another host over TLS; credentials do not go there.
    ///
    /// # Errors
    /// [`Problem::Gone`], [`Problem::SizeMismatch`], [`Problem::DigestMismatch`], [`Problem::Write`],
    /// and those of a request. What `to` holds then is not the file, and is to be thrown away.
    pub async fn download(
        &self,
        file: &FileListed,
        to: &mut (dyn Write + Send),
    ) -> Result<Sha256Digest, IndexError> {
        download::download(&self.client, file, to).await
    }

    /// A file's METADATA or PKG-INFO as the index serves it beside the file (PEP 658), of the digest that it lists; none
    /// where it lists none or says 404.
    ///
    /// # Errors
    /// [`Problem::DigestMismatch`], and those of a request.
    pub async fn metadata(&self, file: &FileListed) -> Result<Option<Vec<u8>>, IndexError> {
        let Some(expected) = file.metadata_sha256() else { return Ok(None) };
        let mut url = file.url().clone();
        url.set_path(&format!("{}.metadata", url.path()));
        let limits = self.limits();
        let ask =
            Ask { url: &url, accept: "*/*", follow: Follow::Anywhere, within: limits.document };
        let Some(body) = self.client.get(&ask).await? else { return Ok(None) };
        let bytes = body.whole(limits.page).await?;
        let found = Sha256Digest::of(&bytes);
        match found == expected {
            true => Ok(Some(bytes)),
            false => Err(IndexError::new(&url, Problem::DigestMismatch { found, expected })),
        }
    }

    /// A file's provenance object as the index serves it, unverified; none where it says 404 and only
    /// then. It is taken from where the page says, or, where the page does not say, from the Integrity
    /// API of the index's origin. What is returned is JSON that can be read in one way only.
    ///
    /// # Errors
    /// [`Problem::ProvenanceElsewhere`] where the page says that it is not on the index; any redirect;
    /// [`Problem::ContentType`], [`Problem::NotJson`], and those of a request.
    pub async fn provenance(&self, file: &FileListed) -> Result<Option<Vec<u8>>, IndexError> {
        match file.provenance() {
            ProvenanceLink::Here(url) => integrity::provenance(&self.client, url).await,
            ProvenanceLink::Unsaid => self.provenance_of(file.filename()).await,
            ProvenanceLink::Elsewhere(found) => {
                let problem = Problem::ProvenanceElsewhere {
                    filename: file.filename().as_str().to_owned(),
                    found: found.clone(),
                    expected: self.url().origin(),
                };
                Err(IndexError::new(self.url().root(), problem))
            }
        }
    }

    /// The provenance object that the Integrity API has under a file's name, without a look at the
    /// project's page; none where it says 404 and only then.
    ///
    /// # Errors
    /// As for [`Index::provenance`].
    pub async fn provenance_of(
        &self,
        filename: &DistFilename,
    ) -> Result<Option<Vec<u8>>, IndexError> {
        let url = integrity::url_of(self.url(), filename);
        integrity::provenance(&self.client, &url).await
    }
}
