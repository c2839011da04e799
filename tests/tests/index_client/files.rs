//! A downloaded file is the listed one, or an error.

use std::io::{self, Write};

use super::*;

/// Downloads the wheel when the place where it is answers so.
async fn downloaded(reply: Reply) -> Result<Sha256Digest, IndexError> {
    let server = server();
    server.told(&file_path(WHEEL), reply);
    let index = index(&server);
    let file = listed(&index).await;
    index.download(&file, &mut Vec::new()).await
}

fn of(bytes: impl Into<Vec<u8>>) -> Reply {
    Reply::of("application/octet-stream", bytes)
}

#[tokio::test]
async fn other_bytes_are_refused() {
    let mut bytes = wheel().bytes;
    let expected = Sha256Digest::of(&bytes);
    bytes[3] ^= 1;
    let found = Sha256Digest::of(&bytes);
    let problem = problem(downloaded(of(bytes)).await);
    assert_problem!(problem, Problem::DigestMismatch { found: f, expected: e }
        if *f == found && *e == expected);
}

#[tokio::test]
async fn another_size_is_refused() {
    let listed = wheel().bytes.len() as u64;
    let shorter = problem(downloaded(of("a")).await);
    assert_problem!(shorter, Problem::SizeMismatch { found: 1, expected } if *expected == listed);
    let longer = problem(downloaded(of(vec![0; 1000])).await);
    assert_problem!(longer, Problem::SizeMismatch { found: 1000, .. });
    let endless = of("").with_payload(Payload::Endless(vec![0; 512]));
    let endless = problem(downloaded(endless).await);
    assert_problem!(endless, Problem::SizeMismatch { found, .. } if *found <= 1 << 20);
    let cut = of("").with_payload(Payload::Short(listed, b"the".to_vec()));
    let cut = problem(downloaded(cut).await);
    assert_problem!(cut, Problem::Truncated { expected: Some(expected), .. } if *expected == listed);
}

#[tokio::test]
async fn a_file_without_a_listed_size_ends_at_the_bound() {
    let server = server();
    bent(&server, |page| page["files"][0]["size"] = Value::Null);
    let index = index(&server);
    let file = listed(&index).await;
    server.told(&file_path(WHEEL), of("").with_payload(Payload::Endless(vec![0; 4096])));
    let found = problem(index.download(&file, &mut Vec::new()).await);
    assert_problem!(found, Problem::TooLarge { limit: 100_000, announced: None });
    server.told(&file_path(WHEEL), of("").with_payload(Payload::Broken(wheel().bytes)));
    let found = problem(index.download(&file, &mut Vec::new()).await);
    assert_problem!(found, Problem::Truncated { expected: None, .. });
}

#[tokio::test]
async fn a_listed_file_that_is_not_there_is_an_error() {
    assert_problem!(problem(downloaded(Reply::status(404)).await), Problem::Gone);
    assert_problem!(problem(downloaded(Reply::status(403)).await), Problem::Forbidden);
    let packed = of(wheel().bytes).with("content-encoding", "gzip");
    assert_problem!(problem(downloaded(packed).await), Problem::Encoded { .. });
}

#[tokio::test]
async fn a_file_may_be_at_another_host_and_is_held_against_its_digest_there() {
    let server = server();
    let other = IndexServer::start();
    let index = index(&server);
    let file = listed(&index).await;
    let to = other.origin() + "/blob";
    server.told(&file_path(WHEEL), Reply::redirect(&to));
    other.told("/blob", of(wheel().bytes));
    index.download(&file, &mut Vec::new()).await.expect("the file");
    other.told("/blob", of(vec![0; wheel().bytes.len()]));
    let found = problem(index.download(&file, &mut Vec::new()).await);
    assert_problem!(found, Problem::DigestMismatch { .. });

    for insecure in ["http://files.example/blob", "file:///etc/passwd"] {
        server.told(&file_path(WHEEL), Reply::redirect(insecure));
        let found = problem(index.download(&file, &mut Vec::new()).await);
        assert_problem!(found, Problem::RedirectedInsecurely { .. });
    }
    server.told(&file_path(WHEEL), Reply::redirect(&file_path(WHEEL)));
    let found = problem(index.download(&file, &mut Vec::new()).await);
    assert_problem!(found, Problem::TooManyRedirects { limit: 3 });
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error() {
    let server = server();
    let index = index(&server);
    let file = listed(&index).await;
    let found = problem(index.download(&file, &mut Full).await);
    assert_problem!(found, Problem::Write(error) if error.kind() == io::ErrorKind::StorageFull);
}
