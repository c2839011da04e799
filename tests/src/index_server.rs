//! A stand-in for a package index, on this machine's loopback.
//!
//! It speaks the documented simple API (PEP 503, 691, 700, 740) and Integrity API with the data it is
//! handed, and misbehaves where it is told to. It stands in because the index that these tests can
//! reach serves no attestations; against one that does, only the URL differs.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;

use crate::tiny;

/// The media type of a project's page.
pub const PAGE: &str = "application/vnd.pypi.simple.v1+json";

/// The media type of a provenance object.
pub const INTEGRITY: &str = "application/vnd.pypi.integrity.v1+json";

/// One file of a project, as an index has it.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its name.
    pub filename: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its provenance object, where it has one.
    pub provenance: Option<Vec<u8>>,
}

impl Served {
    /// The wheel of a project, of which there is no attestation.
    pub fn unattested(project: &str, version: &str) -> Self {
        let (filename, bytes) = tiny::wheel_of(project, version);
        Self { filename, bytes, provenance: None }
    }
}

/// An answer, once a request is read.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// What follows them.
    pub payload: Payload,
}

/// What follows an answer's headers.
#[derive(Debug, Clone)]
pub enum Payload {
    /// These bytes, with their length.
    Whole(Vec<u8>),
    /// These bytes, announced as so many, and then the connection ends.
    Short(u64, Vec<u8>),
    /// These bytes in chunks, and then the connection ends before the last chunk.
    Broken(Vec<u8>),
    /// These bytes again and again, unannounced.
    Endless(Vec<u8>),
    /// These bytes, and then nothing: the connection stays open.
    Stalled(Vec<u8>),
    /// Nothing, not even the headers.
    Silent,
}

impl Reply {
    /// A status with a short text of JSON, as the Integrity API gives it.
    pub fn status(status: u16) -> Self {
        let body = json!({ "message": format!("status {status}") }).to_string();
        Self::of("application/json", body).with_status(status)
    }

    /// Status 200 and a body of a media type.
    pub fn of(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", media_type.to_owned())],
            payload: Payload::Whole(body.into()),
        }
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        Self::status(302).with("location", to)
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With something else after the headers.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The path, with the query.
    pub path: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

#[derive(Debug, Default)]
struct Told {
    /// By path: the replies in turn, the last of them for ever.
    replies: Mutex<BTreeMap<String, Vec<Reply>>>,
    seen: Mutex<Vec<Seen>>,
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct IndexServer {
    address: SocketAddr,
    told: Arc<Told>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl IndexServer {
    /// Listens on a free port. Every path is 404 until told otherwise.
    ///
    /// # Panics
    /// Where this machine has no loopback.
    pub fn start() -> Self {
        let told = Arc::new(Told::default());
        let (stop, stopped) = oneshot::channel();
        let (at, address) = std::sync::mpsc::channel();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&told));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                at.send(listener.local_addr().expect("an address")).expect("the test waits");
                let serve = std::future::IntoFuture::into_future(axum::serve(listener, app));
                tokio::select! {
                    served = serve => served.expect("the server serves"),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("the server starts");
        Self { address, told, stop: Some(stop), thread: Some(thread) }
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The root of its simple API, as a user would give it.
    pub fn url(&self) -> String {
        format!("{}/simple/", self.origin())
    }

    /// The same, with a user name and password.
    pub fn url_with(&self, credentials: &str) -> String {
        format!("http://{credentials}@{}/simple/", self.address)
    }

    /// Serves a project: its page, its files, and the Integrity API's answers about them.
    ///
    /// # Panics
    /// Where a file's name is not one of a distribution.
    pub fn serve(&self, project: &str, files: &[Served]) {
        self.told(&page_path(project), Reply::of(PAGE, self.page(project, files).to_string()));
        for file in files {
            let at = file_path(&file.filename);
            self.told(&at, Reply::of("application/octet-stream", file.bytes.clone()));
            let reply = match &file.provenance {
                Some(object) => Reply::of(INTEGRITY, object.clone()),
                None => Reply::status(404),
            };
            self.told(&integrity_path(&file.filename), reply);
        }
    }

    /// The page of a project, to be bent before it is served.
    ///
    /// # Panics
    /// Where a file's name is not one of a distribution.
    pub fn page(&self, project: &str, files: &[Served]) -> Value {
        let entries: Vec<_> = files
            .iter()
            .map(|file| {
                let name = &file.filename;
                let provenance =
                    file.provenance.as_ref().map(|_| self.origin() + &integrity_path(name));
                json!({
                    "filename": name,
                    "url": self.origin() + &file_path(name),
                    "hashes": { "sha256": Sha256Digest::of(&file.bytes) },
                    "size": file.bytes.len(),
                    "upload-time": "2024-11-06T22:37:10.868088Z",
                    "yanked": false,
                    "requires-python": ">=3.9",
                    "core-metadata": false,
                    "provenance": provenance,
                })
            })
            .collect();
        let meta = json!({ "api-version": "1.3", "_last-serial": 1 });
        json!({ "meta": meta, "name": project, "versions": [], "files": entries })
    }

    /// Sets what a path answers from now on.
    pub fn told(&self, path: &str, reply: Reply) {
        self.told_in_turn(path, vec![reply]);
    }

    /// Sets what a path answers: one reply after the other, the last one for ever.
    pub fn told_in_turn(&self, path: &str, replies: Vec<Reply>) {
        lock(&self.told.replies).insert(path.to_owned(), replies);
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.told.seen).clone()
    }
}

impl Drop for IndexServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed, and the test has failed by it.
            let _ = thread.join();
        }
    }
}

/// Where the page of a project is.
pub fn page_path(project: &str) -> String {
    format!("/simple/{project}/")
}

/// Where a file is.
pub fn file_path(filename: &str) -> String {
    format!("/packages/aa/bb/{filename}")
}

/// Where the Integrity API has a file's provenance.
///
/// # Panics
/// Where the file's name is not one of a distribution.
pub fn integrity_path(filename: &str) -> String {
    let name = DistFilename::parse(filename).expect("the name of a distribution");
    format!("/integrity/{}/{}/{filename}/provenance", name.project(), name.version())
}

async fn answer(State(told): State<Arc<Told>>, request: Request) -> Response {
    let reply = choose(&told, &request);
    respond(reply).await
}

fn choose(told: &Told, request: &Request) -> Reply {
    let header = |name| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let authorization = header("authorization");
    lock(&told.seen).push(Seen { path: path.clone(), authorization });
    let reply = {
        let mut replies = lock(&told.replies);
        match replies.get_mut(&path) {
            Some(turns) if turns.len() > 1 => turns.remove(0),
            Some(turns) => turns.first().cloned().unwrap_or_else(|| Reply::status(404)),
            None => Reply::status(404),
        }
    };
    // Both APIs have their own media type, and 406 for who does not take it.
    let accept = header("accept").unwrap_or_else(|| "*/*".to_owned());
    let own = reply.headers.iter().any(|(_, value)| value == PAGE || value == INTEGRITY);
    let taken = reply.headers.iter().any(|(_, value)| accept.contains(value.as_str()));
    if own && !taken && !accept.contains("*/*") {
        return Reply::status(406);
    }
    reply
}

async fn respond(reply: Reply) -> Response {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    let first = |bytes: Vec<u8>| stream::iter([Ok::<_, io::Error>(Bytes::from(bytes))]);
    let body = match reply.payload {
        Payload::Whole(bytes) => Body::from(bytes),
        Payload::Short(announced, bytes) => {
            builder = builder.header("content-length", announced);
            Body::from_stream(first(bytes).chain(later(Ok(Bytes::new()))))
        }
        Payload::Broken(bytes) => {
            let end = Err(io::Error::other("told to end here"));
            Body::from_stream(first(bytes).chain(later(end)))
        }
        Payload::Endless(bytes) => {
            let bytes = Bytes::from(bytes);
            Body::from_stream(stream::repeat_with(move || Ok::<_, io::Error>(bytes.clone())))
        }
        Payload::Stalled(bytes) => Body::from_stream(first(bytes).chain(stream::pending())),
        Payload::Silent => std::future::pending().await,
    };
    builder.body(body).expect("headers that a test may send")
}

/// The item, once what came before it is on its way.
fn later(item: io::Result<Bytes>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::once(async {
        tokio::task::yield_now().await;
        item
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
