//! Only 404 means that there is no provenance.

use std::net::TcpListener;

use super::*;

/// Asks for the wheel's provenance when the place where it is answers so.
async fn asked(reply: Reply) -> Result<Option<Vec<u8>>, IndexError> {
    let server = server();
    let index = index(&server);
    let file = listed(&index).await;
    server.told(&integrity_path(WHEEL), reply);
    index.provenance(&file).await
}

#[tokio::test]
async fn status_404_alone_means_none() {
    assert_eq!(asked(Reply::status(404)).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_page_that_says_nothing_of_provenance_does_not_mean_none() {
    for said in [Some(Value::Null), None] {
        let server = server();
        bent(&server, |page| match &said {
            Some(said) => page["files"][0]["provenance"] = said.clone(),
            None => {
                page["files"][0].as_object_mut().expect("a file").remove("provenance");
            }
        });
        let index = index(&server);
        let file = listed(&index).await;
        let object = index.provenance(&file).await.expect("an answer");
        assert_eq!(object.as_deref(), Some(OBJECT), "{said:?}");
        server.told(&integrity_path(WHEEL), Reply::status(404));
        assert_eq!(index.provenance(&file).await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn every_other_status_is_an_error_of_its_own() {
    assert_problem!(problem(asked(Reply::status(401)).await), Problem::Unauthorized);
    assert_problem!(problem(asked(Reply::status(403)).await), Problem::Forbidden);
    let found = problem(asked(Reply::status(406)).await);
    assert_problem!(found, Problem::NotAcceptable { accept } if *accept == INTEGRITY);
    for status in [500, 502, 503, 504] {
        let found = problem(asked(Reply::status(status)).await);
        assert_problem!(found, Problem::Server { status: found } if *found == status);
    }
    for status in [201, 204, 206, 304, 400, 410, 418] {
        let found = problem(asked(Reply::status(status)).await);
        assert_problem!(found, Problem::Status { status: found } if *found == status);
    }
}

#[tokio::test]
async fn too_many_requests_are_repeated_a_bounded_number_of_times() {
    let server = server();
    let index = index(&server);
    let file = listed(&index).await;
    let busy = |after: &str| Reply::status(429).with("retry-after", after);
    let path = integrity_path(WHEEL);
    let requests = || server.seen().iter().filter(|seen| seen.path == path).count();

    server.told_in_turn(&path, vec![busy("0"), busy("0"), Reply::of(INTEGRITY, OBJECT)]);
    assert_eq!(index.provenance(&file).await.expect("at last").as_deref(), Some(OBJECT));
    assert_eq!(requests(), 3);

    server.told(&path, busy("0"));
    let found = problem(index.provenance(&file).await);
    assert_problem!(found, Problem::RateLimited { attempts: 3, retry_after: Some(0) });
    assert_eq!(requests(), 6);

    // A pause that is longer than the bound, or of unknown length, is not waited for.
    for (after, seconds) in [
        (Some("3600"), Some(3600)),
        (Some("18446744073709551615"), Some(u64::MAX)),
        (Some("Wed, 25 Nov 2026 10:00:00 GMT"), None),
        (Some("-1"), None),
        (None, None),
    ] {
        let before = requests();
        let reply = after.map_or_else(|| Reply::status(429), busy);
        server.told(&path, reply);
        let found = problem(index.provenance(&file).await);
        let Problem::RateLimited { attempts: 1, retry_after } = found else {
            panic!("{after:?}: {found:?}");
        };
        assert_eq!((retry_after, requests() - before), (seconds, 1), "{after:?}");
    }
}

#[tokio::test]
async fn silence_is_no_answer() {
    let short = Duration::from_millis(200);
    for payload in [
        Payload::Silent,
        Payload::Stalled(b"{".to_vec()),
        // Bytes without end come often enough, but not in time.
        Payload::Endless(b" ".to_vec()),
    ] {
        let server = server();
        let reply = Reply::of(INTEGRITY, "").with_payload(payload.clone());
        server.told(&integrity_path(WHEEL), reply);
        let limits = IndexLimits { document: short, provenance: usize::MAX, ..limits() };
        let name = DistFilename::parse(WHEEL).expect("a name");
        let found = problem(index_at(&server.url(), limits).provenance_of(&name).await);
        assert_problem!(found, Problem::TimedOut { whole, .. } if *whole == short);

        if !matches!(payload, Payload::Endless(_)) {
            let limits = IndexLimits { idle: short, ..super::limits() };
            let found = problem(index_at(&server.url(), limits).provenance_of(&name).await);
            assert_problem!(found, Problem::TimedOut { idle, .. } if *idle == short);
        }
    }
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let index = index_at(&format!("{origin}/simple/"), limits());
    let name = DistFilename::parse(WHEEL).expect("a name");
    let error = index.provenance_of(&name).await.expect_err("nobody is there");
    assert_eq!(error.url.to_string(), origin + &integrity_path(WHEEL));
    assert!(error.to_string().contains("refused"), "{error}");
    assert_problem!(error.problem, Problem::NoAnswer { .. });
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let server = server();
    let other = IndexServer::start();
    let index = index(&server);
    let file = listed(&index).await;
    let here = format!("{}/there", server.origin());
    for to in [here.clone(), format!("{}/there", other.origin())] {
        for status in [301, 302, 303, 307, 308] {
            let reply = Reply::redirect(&to).with_status(status);
            server.told(&integrity_path(WHEEL), reply);
            let found = problem(index.provenance(&file).await);
            assert_problem!(found, Problem::Redirected { to: found } if found.to_string() == to);
        }
    }
    assert!(server.seen().iter().all(|seen| seen.path != "/there"));
    assert_eq!(other.seen(), []);
    server.told(&integrity_path(WHEEL), Reply::status(302));
    let found = problem(index.provenance(&file).await);
    assert_problem!(found, Problem::RedirectedNowhere { status: 302 });
}

#[tokio::test]
async fn a_link_to_another_origin_is_refused_unseen() {
    let server = server();
    let other = IndexServer::start();
    other.serve(PROJECT, &[wheel()]);
    let address = server.origin().replace("http://", "");
    for link in [
        other.origin() + &integrity_path(WHEEL),
        format!("https://{address}{}", integrity_path(WHEEL)),
        format!("http://{address}@index.invalid/provenance"),
        format!("http://user@{address}/provenance"),
        "//index.invalid/provenance".to_owned(),
        "http://localhost/provenance".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:application/json,{}".to_owned(),
        "http://[".to_owned(),
    ] {
        bent(&server, |page| page["files"][0]["provenance"] = json!(link));
        let index = index(&server);
        let file = listed(&index).await;
        let found = problem(index.provenance(&file).await);
        assert_problem!(found, Problem::ProvenanceElsewhere { filename, expected, .. }
            if filename == WHEEL && *expected == server.origin());
        // The file itself can still be had.
        index.download(&file, &mut Vec::new()).await.expect("the file");
    }
    assert_eq!(other.seen(), []);
    let asked = |seen: &wheelmark_tests::index_server::Seen| seen.path.contains("provenance");
    assert!(!server.seen().iter().any(asked));
}

#[tokio::test]
async fn another_type_of_answer_is_refused() {
    let found = problem(asked(Reply::of("text/html; charset=UTF-8", "<p>Sign in</p>")).await);
    assert_problem!(found, Problem::ContentType { found: Some(found), expected }
        if found == "text/html" && *expected == INTEGRITY);
    let found = problem(asked(Reply::of("text/plain", OBJECT)).await);
    assert_problem!(found, Problem::ContentType { .. });
    let twice = Reply::of(INTEGRITY, OBJECT).with("content-type", "text/html");
    assert_problem!(problem(asked(twice).await), Problem::ContentType { found: None, .. });
    let mut untyped = Reply::of(INTEGRITY, OBJECT);
    untyped.headers.clear();
    assert_problem!(problem(asked(untyped).await), Problem::ContentType { found: None, .. });

    let parameter = format!("{}; charset=utf-8", INTEGRITY.to_uppercase());
    for fine in [parameter.as_str(), "application/json"] {
        let object = asked(Reply::of(fine, OBJECT)).await;
        assert_eq!(object.expect("an answer").as_deref(), Some(OBJECT), "{fine}");
    }
}

#[tokio::test]
async fn a_body_cut_short_is_no_answer() {
    let cut = |payload| asked(Reply::of(INTEGRITY, "").with_payload(payload));
    let found = problem(cut(Payload::Short(90_000, OBJECT.to_vec())).await);
    assert_problem!(found, Problem::Truncated { received, expected: Some(90_000), .. }
        if *received <= OBJECT.len() as u64);
    let found = problem(cut(Payload::Broken(OBJECT.to_vec())).await);
    assert_problem!(found, Problem::Truncated { expected: None, .. });
}

#[tokio::test]
async fn a_huge_body_ends_at_the_bound() {
    let huge = |payload| asked(Reply::of(INTEGRITY, "").with_payload(payload));
    let found = problem(huge(Payload::Short(1 << 40, OBJECT.to_vec())).await);
    assert_problem!(found, Problem::TooLarge { limit: 100_000, announced: Some(announced) }
        if *announced == 1 << 40);
    let found = problem(huge(Payload::Endless(vec![b' '; 4096])).await);
    assert_problem!(found, Problem::TooLarge { limit: 100_000, announced: None });
}

#[tokio::test]
async fn nothing_is_decompressed() {
    for encodings in [&["gzip"][..], &["br"], &["identity, gzip"], &["identity", "gzip"]] {
        let mut bomb = Reply::of(INTEGRITY, "").with_payload(Payload::Endless(vec![0x1f; 4096]));
        for encoding in encodings {
            bomb = bomb.with("content-encoding", encoding);
        }
        assert_problem!(problem(asked(bomb).await), Problem::Encoded { .. });
    }
    let plain = Reply::of(INTEGRITY, OBJECT).with("content-encoding", "identity");
    assert_eq!(asked(plain).await.expect("an answer").as_deref(), Some(OBJECT));
}

#[tokio::test]
async fn json_that_can_be_read_in_two_ways_is_refused() {
    let deep = "[".repeat(50_000);
    let large = format!("{{\"version\":1{}}}", "0".repeat(500));
    for body in [
        &b""[..],
        b"<!doctype html><title>Sign in</title>",
        b"{\"version\":1",
        b"{\"version\":1}{}",
        b"{\"version\":1,\"version\":2}",
        b"{\"version\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        large.as_bytes(),
        deep.as_bytes(),
    ] {
        let found = problem(asked(Reply::of(INTEGRITY, body)).await);
        assert_problem!(found, Problem::NotJson(_));
    }
}
