//! Several indexes as one, on this machine's loopback, for an installer that is to say what it would install.
//!
//! Installers that are given several indexes take of a project whichever file of any of them they like best: whoever can
//! put a name into one of these indexes so decides what is installed for a name of another (dependency confusion). Here
//! each project is of one index, and what others have under its name is not there.
//!
//! Files are passed on as the index lists them, by their digests. Credentials stay here. Every path begins with a word
//! that only the installer is told, so that no other user of the machine is served by them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wheelmark_core::filename::{DistFilename, ProjectName};

use crate::error::{IndexError, Problem};
use crate::index::Index;
use crate::page::{self, FileListed, ProjectPage};

/// Pages that are kept for the files that will be asked for. A hostile one may take 250 MB once it is parsed.
const PAGES: usize = 4;

/// Bytes of a file that are sent at a time.
const CHUNK: usize = 64 << 10;

/// Of a file's name, what stands for itself in a URL.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Which of the indexes a project is of, by its place; or, in words, why of none.
pub type Binding = Box<dyn Fn(&ProjectName) -> Result<usize, String> + Send + Sync>;

/// Several indexes, each project of one of them, to be served at one URL.
pub struct Together {
    listener: TcpListener,
    root: String,
    shared: Arc<Shared>,
}

/// What kept something from being served, in words.
#[derive(Clone, Default)]
pub struct NotServed(Arc<Mutex<Vec<String>>>);

struct Shared {
    secret: String,
    root: String,
    indexes: Vec<Index>,
    binding: Binding,
    pages: Mutex<VecDeque<(ProjectName, Arc<ProjectPage>)>>,
    temporary: Box<dyn Fn() -> io::Result<File> + Send + Sync>,
    not_served: NotServed,
}

impl Together {
    /// Takes a port of the loopback. `secret` is a word that nobody can guess; `temporary` makes files without names, in
    /// which downloads are held before they are passed on.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn new(
        indexes: Vec<Index>,
        binding: Binding,
        secret: &str,
        temporary: impl Fn() -> io::Result<File> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let root = format!("http://{}/{secret}", listener.local_addr()?);
        let shared = Shared {
            secret: secret.to_owned(),
            root: root.clone(),
            indexes,
            binding,
            pages: Mutex::default(),
            temporary: Box::new(temporary),
            not_served: NotServed::default(),
        };
        Ok(Self { listener, root, shared: Arc::new(shared) })
    }

    /// The URL of the simple API. It is a secret.
    pub fn url(&self) -> String {
        format!("{}/simple/", self.root)
    }

    /// What could not be served, as it comes.
    pub fn not_served(&self) -> NotServed {
        self.shared.not_served.clone()
    }

    /// Serves until it is dropped, within a tokio runtime that has I/O and time enabled.
    ///
    /// # Errors
    /// Where the port is lost.
    pub async fn serve(self) -> io::Result<()> {
        // Of a file only the whole is passed on: a part could not be held against its digest.
        let only_get = || StatusCode::METHOD_NOT_ALLOWED;
        let router = Router::new()
            .route("/{secret}/simple/{project}/", get(project).head(async move || only_get()))
            .route("/{secret}/files/{project}/{file}", get(file).head(async move || only_get()))
            .with_state(self.shared);
        axum::serve(tokio::net::TcpListener::from_std(self.listener)?, router).await
    }
}

impl NotServed {
    /// What there is so far, each once.
    pub fn all(&self) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort();
        all.dedup();
        all
    }

    fn add(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

async fn project(
    State(shared): State<Arc<Shared>>,
    Path((secret, name)): Path<(String, String)>,
) -> Response {
    let Some(project) = shared.asked(&secret, &name) else { return nothing() };
    match shared.page(&project).await {
        Ok(Some(page)) => {
            let body = page.passed_on(|file| {
                let file = utf8_percent_encode(file.as_str(), NAME);
                format!("{}/files/{project}/{file}", shared.root)
            });
            ([(CONTENT_TYPE, page::MEDIA_TYPE)], body).into_response()
        }
        Ok(None) => nothing(),
        Err(error) => shared.failed(&error),
    }
}

async fn file(
    State(shared): State<Arc<Shared>>,
    Path((secret, name, file)): Path<(String, String, String)>,
) -> Response {
    let Some(project) = shared.asked(&secret, &name) else { return nothing() };
    let (name, metadata) = match file.strip_suffix(".metadata") {
        Some(name) => (name, true),
        None => (&*file, false),
    };
    let Ok(name) = DistFilename::parse(name) else { return nothing() };
    let (page, index) = match (shared.page(&project).await, shared.index_of(&project)) {
        (Ok(Some(page)), Some(index)) => (page, index),
        (Err(error), _) => return shared.failed(&error),
        _ => return nothing(),
    };
    let listed = match page.file(&name) {
        Ok(listed) => listed,
        Err(error) => return shared.failed(&error),
    };
    let answer = match metadata {
        true => index
            .metadata(&listed)
            .await
            .map(|bytes| bytes.map_or_else(nothing, |bytes| Bytes::from(bytes).into_response())),
        false => shared.passed_on(index, &listed).await,
    };
    answer.unwrap_or_else(|error| shared.failed(&error))
}

fn nothing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

impl Shared {
    /// The project that is asked for, by whoever may ask.
    fn asked(&self, secret: &str, name: &str) -> Option<ProjectName> {
        let project: ProjectName = name.parse().ok().filter(|_| secret == self.secret)?;
        // By its one name: another spelling would be another page to some.
        (project.as_str() == name).then_some(project)
    }

    /// The one index that a project is of.
    fn index_of(&self, project: &ProjectName) -> Option<&Index> {
        match (self.binding)(project) {
            Ok(at) => self.indexes.get(at),
            Err(why) => {
                self.not_served.add(why);
                None
            }
        }
    }

    async fn page(&self, project: &ProjectName) -> Result<Option<Arc<ProjectPage>>, IndexError> {
        let kept = {
            let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            pages.iter().find(|(name, _)| name == project).map(|(_, page)| Arc::clone(page))
        };
        if kept.is_some() {
            return Ok(kept);
        }
        let Some(index) = self.index_of(project) else { return Ok(None) };
        let page = match index.page(project).await {
            Ok(page) => Arc::new(page),
            Err(error) if matches!(error.problem, Problem::NoProject { .. }) => {
                self.not_served.add(error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.push_front((project.clone(), Arc::clone(&page)));
        pages.truncate(PAGES);
        Ok(Some(page))
    }

    /// A file, once all of it is here and is what the page lists.
    async fn passed_on(&self, index: &Index, listed: &FileListed) -> Result<Response, IndexError> {
        let failed = |error| IndexError::new(listed.url(), Problem::Write(error));
        let mut file = (self.temporary)().map_err(failed)?;
        index.download(listed, &mut file).await?;
        let length = file.stream_position().map_err(failed)?;
        file.rewind().map_err(failed)?;
        let chunks = stream::unfold(file, async |mut file| {
            let mut chunk = vec![0; CHUNK];
            match file.read(&mut chunk) {
                Ok(0) => None,
                Ok(read) => {
                    chunk.truncate(read);
                    Some((Ok(Bytes::from(chunk)), file))
                }
                Err(error) => Some((Err(error), file)),
            }
        });
        let headers = [(CONTENT_LENGTH, length.to_string())];
        Ok((headers, Body::from_stream(chunks)).into_response())
    }

    fn failed(&self, error: &IndexError) -> Response {
        self.not_served.add(error.to_string());
        StatusCode::BAD_GATEWAY.into_response()
    }
}
