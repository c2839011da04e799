//! The client of package indexes against a stand-in for one: what each answer means.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::IndexLimits;
use wheelmark_index::{FileListed, Index, IndexError, Problem};
use wheelmark_tests::index_server::{
    INTEGRITY, IndexServer, PAGE, Payload, Reply, Served, file_path, integrity_path, page_path,
};
use wheelmark_tests::workshop::skipped;

#[path = "index_client/files.rs"]
mod files;
#[path = "index_client/pages.rs"]
mod pages;
#[path = "index_client/provenance.rs"]
mod provenance;

const PROJECT: &str = "foo-bar";
const WHEEL: &str = "foo_bar-1.0-py3-none-any.whl";
const OBJECT: &[u8] = br#"{"version":1,"attestation_bundles":[]}"#;

/// The project's one wheel, with a provenance object.
fn wheel() -> Served {
    Served {
        filename: WHEEL.to_owned(),
        bytes: b"the bytes of a wheel".to_vec(),
        provenance: Some(OBJECT.to_vec()),
    }
}

/// A server that has it.
fn server() -> IndexServer {
    let server = IndexServer::start();
    server.serve(PROJECT, &[wheel()]);
    server
}

/// Bounds that a test reaches at once, and times that none reaches.
fn limits() -> IndexLimits {
    IndexLimits {
        page: 100_000,
        provenance: 100_000,
        file: 100_000,
        redirects: 3,
        attempts: 3,
        retry_after: Duration::from_secs(1),
        ..IndexLimits::standard()
    }
}

fn index(server: &IndexServer) -> Index {
    index_at(&server.url(), limits())
}

fn index_at(url: &str, limits: IndexLimits) -> Index {
    Index::new(url.parse().expect("the URL of an index"), limits).expect("a client")
}

async fn release(index: &Index) -> Result<Vec<FileListed>, IndexError> {
    let project = PROJECT.parse().expect("a name");
    index.release(&project, &"1.0".parse().expect("a version")).await
}

/// The project's wheel as the index lists it.
async fn listed(index: &Index) -> FileListed {
    let mut files = release(index).await.expect("the release is listed");
    assert_eq!(files.len(), 1);
    files.remove(0)
}

fn problem<T>(result: Result<T, IndexError>) -> Problem {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.problem,
    }
}

/// Fails, and shows what was found, where the problem is another one.
macro_rules! assert_problem {
    ($found:expr, $pattern:pat $(if $guard:expr)?) => {{
        let found = $found;
        assert!(matches!(&found, $pattern $(if $guard)?), "{found:?}");
    }};
}
use assert_problem;

#[tokio::test]
async fn a_release_its_file_and_its_provenance_are_read() {
    let server = server();
    let index = index(&server);
    let file = listed(&index).await;
    assert_eq!(file.filename().as_str(), WHEEL);
    assert_eq!(file.size(), Some(wheel().bytes.len() as u64));
    assert_eq!(file.requires_python(), Some(">=3.9"));
    assert_eq!(file.uploaded().expect("a time").timestamp(), 1_730_932_630);

    let mut bytes = Vec::new();
    let digest = index.download(&file, &mut bytes).await.expect("the file");
    assert_eq!(bytes, wheel().bytes);
    assert_eq!(digest, Sha256Digest::of(&bytes));
    let object = index.provenance(&file).await.expect("an answer");
    assert_eq!(object.as_deref(), Some(OBJECT));
    let name = DistFilename::parse(WHEEL).expect("a name");
    assert_eq!(index.provenance_of(&name).await.expect("an answer").as_deref(), Some(OBJECT));
    assert_eq!(index.file(&name).await.expect("the file").sha256(), digest);
}

#[tokio::test]
async fn real_material_comes_through_unchanged() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/pep740");
    let read = |name: &str| fs::read(corpus.join(name));
    let wheel = "rfc8785-0.1.2-py3-none-any.whl";
    let sdist = "sampleproject-4.0.0.tar.gz";
    let (Ok(bytes), Ok(object)) = (read(wheel), read(&format!("{sdist}.provenance"))) else {
        return skipped("no ../shared/corpus/pep740");
    };
    let server = IndexServer::start();
    // The sdist itself is not in the corpus; its provenance is what is asked for.
    let files =
        [Served { filename: sdist.to_owned(), bytes: Vec::new(), provenance: Some(object) }];
    server.serve("sampleproject", &files);
    let none = [Served { filename: wheel.to_owned(), bytes, provenance: None }];
    server.serve("rfc8785", &none);

    let index = index(&server);
    let name = |text| DistFilename::parse(text).expect("a name");
    let file = index.file(&name(sdist)).await.expect("listed");
    assert_eq!(index.provenance(&file).await.expect("an answer"), files[0].provenance);
    let file = index.file(&name(wheel)).await.expect("listed");
    assert_eq!(index.provenance(&file).await.expect("an answer"), None);
    let mut read = Vec::new();
    index.download(&file, &mut read).await.expect("the file");
    assert_eq!(read, none[0].bytes);
}

#[tokio::test]
#[ignore = "needs the package index: run with --ignored"]
async fn the_real_index_speaks_as_the_stand_in_does() {
    let index = index_at(wheelmark_index::DEFAULT_INDEX_URL, IndexLimits::standard());
    let project = "sampleproject".parse().expect("a name");
    let files = index.release(&project, &"4.0.0".parse().expect("a version")).await;
    for file in files.expect("the release") {
        let mut bytes = Vec::new();
        index.download(&file, &mut bytes).await.expect("the file");
        assert_eq!(file.size(), Some(bytes.len() as u64));
        // An index that has no attestations says so with 404; nothing else is taken for it.
        if index.provenance(&file).await.expect("an answer").is_none() {
            skipped(format!("{}: the index has no provenance of it", file.filename().as_str()));
        }
    }
}

#[tokio::test]
async fn credentials_go_to_the_index_only_and_into_no_message() {
    let server = server();
    let files = IndexServer::start();
    let mut page = server.page(PROJECT, &[wheel()]);
    page["files"][0]["url"] = json!(files.origin() + &file_path(WHEEL));
    server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
    server.told(&integrity_path(WHEEL), Reply::status(401));
    let end = format!("{}/end/{WHEEL}?signature=t0ken", files.origin());
    files.told(&file_path(WHEEL), Reply::redirect(&end));
    files.told(&format!("/end/{WHEEL}?signature=t0ken"), Reply::status(403));

    let index = index_at(&server.url_with("user:s3cret"), limits());
    let file = listed(&index).await;
    let asked = index.provenance(&file).await.expect_err("401");
    let downloaded = index.download(&file, &mut Vec::new()).await.expect_err("403");
    for error in [asked, downloaded] {
        for shown in [error.to_string(), format!("{error:?} {index:?}")] {
            for secret in ["user:", "s3cret", "t0ken", "dXNlcjp"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
    let basic = Some("Basic dXNlcjpzM2NyZXQ=".to_owned());
    assert!(server.seen().iter().all(|seen| seen.authorization == basic), "{:?}", server.seen());
    assert_eq!(server.seen().len(), 2);
    assert!(files.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", files.seen());
    assert_eq!(files.seen().len(), 2);
}

#[tokio::test]
async fn one_client_serves_many_at_a_time() {
    let server = server();
    let index = index(&server);
    let file = listed(&index).await;
    let (a, b, c) =
        tokio::join!(index.provenance(&file), index.provenance(&file), index.provenance(&file));
    for object in [a, b, c] {
        assert_eq!(object.expect("an answer").as_deref(), Some(OBJECT));
    }
}

/// A page with one thing changed.
fn bent(server: &IndexServer, bend: impl FnOnce(&mut Value)) {
    let mut page = server.page(PROJECT, &[wheel()]);
    bend(&mut page);
    server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
}
