//! Files and attestations from a package index.
//!
//! Of all its answers only 404 from where an attestation would be means that there is none; every other one
//! that is not what was asked for leaves the file undecided.

use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{self, Either};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::runtime::{Builder, Runtime};
use wheelmark_core::filename::ProjectName;
use wheelmark_core::limits::IndexLimits;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::{Artifact, Contents, Given};
use wheelmark_index::{FileListed, Index, IndexError, IndexUrl, ProjectPage};

use crate::artifact;
use crate::attestations::Found;
use crate::error::CliError;
use crate::interrupt;
use crate::progress::Files;

/// Pages that are asked for at a time. A hostile one may take 250 MB once it is parsed.
const PAGES: usize = 3;

/// Attestations that are asked for at a time, where those of many files are. A hostile index may give 4 MB for each.
const PROVENANCES: usize = 8;

/// How often Ctrl-C is looked for while an answer is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// An index that several threads may ask, each of which waits for its answer or for Ctrl-C.
pub struct Asked {
    index: Index,
    /// Never dropped: that would wait for a look-up of a host's name, which nothing can interrupt.
    runtime: &'static Runtime,
    cancel: Arc<AtomicBool>,
}

impl Asked {
    /// Nothing is connected to yet.
    pub fn new(
        url: IndexUrl,
        limits: IndexLimits,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Self, CliError> {
        let index = Index::new(url, limits).map_err(undecided)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| CliError::undecided(format!("cannot ask the index: {error}")))?;
        Ok(Self { index, runtime: Box::leak(Box::new(runtime)), cancel: Arc::clone(cancel) })
    }

    /// The index's URL, without credentials.
    pub fn url(&self) -> String {
        self.index.url().to_string()
    }

    /// What bounds its answers.
    pub fn limits(&self) -> &IndexLimits {
        self.index.limits()
    }

    /// Hands each project's page to `each` as it comes, with what was given for the project.
    pub fn pages<T>(
        &self,
        projects: impl IntoIterator<Item = (ProjectName, T)>,
        mut each: impl FnMut(ProjectName, T, Result<ProjectPage, CliError>),
    ) -> Result<(), CliError> {
        self.pages_or_why(projects, |project, wanted, page| {
            each(project, wanted, page.map_err(undecided));
        })
    }

    /// The same, with what the index's answer was where it was no page.
    pub fn pages_or_why<T>(
        &self,
        projects: impl IntoIterator<Item = (ProjectName, T)>,
        mut each: impl FnMut(ProjectName, T, Result<ProjectPage, IndexError>),
    ) -> Result<(), CliError> {
        let ask = async |(project, wanted): (ProjectName, T)| {
            let page = self.index.page(&project).await;
            (project, wanted, page)
        };
        let pages = stream::iter(projects).map(ask).buffer_unordered(PAGES);
        self.wait(pages.for_each(|(project, wanted, page)| {
            each(project, wanted, page);
            future::ready(())
        }))
    }

    /// Downloads a file and reads it, under the name by which the index lists it. The file on disk has no name,
    /// so that nobody else can put anything in its place and nothing is left of it however the program ends; or that
    /// name in the folder `keep`, in which there is none of it yet.
    pub fn artifact(
        &self,
        listed: &FileListed,
        keep: Option<&Path>,
        progress: &Files,
    ) -> Result<Artifact, CliError> {
        let folder = keep.map_or_else(std::env::temp_dir, Path::to_owned);
        let failed = |error: io::Error| CliError::io("write a download to", &folder, &error);
        let mut file = match keep {
            None => tempfile::tempfile(),
            Some(folder) => {
                let path = folder.join(listed.filename().as_str());
                File::options().read(true).write(true).create_new(true).open(path)
            }
        }
        .map_err(failed)?;
        let mut to = Counted { file: &mut file, progress };
        let sha256 = self.wait(self.index.download(listed, &mut to))?.map_err(undecided)?;
        file.rewind().map_err(failed)?;
        let name = listed.filename().as_str();
        let artifact = artifact::read_downloaded(name, file, &self.cancel)?;
        // What is judged is what was held against the page.
        if artifact.sha256 != sha256 {
            let message = format!("`{}` changed while it was read", Escaped(name));
            return Err(CliError::undecided(message));
        }
        self.same_metadata(&artifact, listed)?;
        Ok(artifact)
    }

    /// The attestations that the index has of a file that it lists.
    pub fn attestations(&self, listed: &FileListed) -> Result<Found, CliError> {
        let answer = self.wait(self.index.provenance(listed))?;
        self.found(listed, answer)
    }

    /// Hands the same of several files to `each`, in their order and as soon as that allows.
    pub fn attestations_of_all(
        &self,
        listed: &[FileListed],
        mut each: impl FnMut(&FileListed, Found),
    ) -> Result<(), CliError> {
        let ask = async |file| (file, self.index.provenance(file).await);
        let answers = stream::iter(listed).map(ask).buffered(PROVENANCES);
        self.wait(
            answers.map(|(file, answer)| Ok((file, self.found(file, answer)?))).try_for_each(
                |(file, found)| {
                    each(file, found);
                    future::ok(())
                },
            ),
        )?
    }

    fn found(
        &self,
        listed: &FileListed,
        answer: Result<Option<Vec<u8>>, IndexError>,
    ) -> Result<Found, CliError> {
        let (url, name) = (self.url(), listed.filename().as_str());
        Ok(match answer.map_err(undecided)? {
            Some(bytes) => {
                let from = format!("{url}: provenance of {name}");
                Found { given: vec![Given { from, bytes }], missing: Vec::new() }
            }
            None => {
                let missing = format!("the index `{url}` has no attestation of `{name}`");
                Found { given: Vec::new(), missing: vec![missing] }
            }
        })
    }

    /// The same for a file that is at hand, which must be the one that the index lists.
    pub fn attestations_of(
        &self,
        artifact: &Artifact,
        listed: &FileListed,
    ) -> Result<Found, CliError> {
        if artifact.sha256 != listed.sha256() {
            let (name, found, expected) = (&artifact.name, artifact.sha256, listed.sha256());
            return Err(CliError::undecided(format!(
                "`{}` is another file than the one that the index {} lists by this name: sha256 {found} here, \
                 {expected} there",
                Escaped(name),
                self.url()
            )));
        }
        self.same_metadata(artifact, listed)?;
        self.attestations(listed)
    }

    /// Resolvers read the metadata that an index serves beside a file, and not the file's own: where the page gives
    /// a digest, it must be that of both. A file that cannot be read strictly has none, and is rejected.
    fn same_metadata(&self, artifact: &Artifact, listed: &FileListed) -> Result<(), CliError> {
        let (file, found) = match &artifact.contents {
            Ok(Contents::Wheel(wheel)) => ("METADATA", wheel.metadata().sha256()),
            Ok(Contents::Sdist(sdist)) => ("PKG-INFO", sdist.metadata().sha256()),
            Err(_) => return Ok(()),
        };
        match listed.metadata_sha256() {
            Some(expected) if expected != found => Err(CliError::undecided(format!(
                "{file} in `{}` is not the metadata that the index {} lists for it, by which resolvers choose: \
                 sha256 {found} in the file, {expected} there",
                Escaped(&artifact.name),
                self.url()
            ))),
            _ => Ok(()),
        }
    }

    /// Waits, but not longer than until Ctrl-C.
    fn wait<T>(&self, answer: impl Future<Output = T>) -> Result<T, CliError> {
        let interrupted = async {
            while !self.cancel.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
            }
        };
        self.runtime.block_on(async {
            match future::select(pin!(answer), pin!(interrupted)).await {
                Either::Left((answer, _)) => Ok(answer),
                Either::Right(_) => Err(CliError::undecided(interrupt::MESSAGE)),
            }
        })
    }
}

/// A file that is written, and what was written shown.
struct Counted<'a, W> {
    file: W,
    progress: &'a Files,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.progress.downloaded(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What an index answered decides nothing.
pub fn undecided(error: IndexError) -> CliError {
    CliError::undecided(Escaped(&error.to_string()))
}
