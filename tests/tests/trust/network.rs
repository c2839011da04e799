//! Repositories that cannot be reached, or do not answer as one.

use wheelmark_tests::index_server::{IndexServer, Payload, Reply};
use wheelmark_tests::tuf;
use wheelmark_tests::workshop::answer;

use crate::{Place, errors};

#[test]
fn no_answer_names_the_url_and_what_is_kept() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    let gone = IndexServer::start();
    let url = tuf::url(&gone).replace("http://", "http://user:s3cret@");
    drop(gone);
    let update = ["trust", "update", "private", "--tuf-url", &url, "--tuf-root", "root.json"];
    let said = errors(&mut place.wheelmark(&update), 1);
    let shown = url.replace("user:s3cret@", "");
    assert!(
        said.starts_with(&format!("error: private: {shown}2.root.json: no answer: ")),
        "{said}"
    );
    assert!(!said.contains("s3cret") && !said.contains("user"), "{said}");
    // A public instance goes on with what the program carries, or what was refreshed before.
    let said = errors(&mut place.wheelmark(&["trust", "update", "github", "--tuf-url", &url]), 1);
    assert!(said.contains("hint: what the program carries is used as before"), "{said}");
    place.updates();
    let said = errors(&mut place.wheelmark(&update), 1);
    assert!(said.contains("hint: what was refreshed at 2"), "{said}");
}

#[test]
fn credentials_go_with_each_request_and_nowhere_else() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    let url = tuf::url(&place.server).replace("http://", "http://user:s3cret@");
    let update =
        ["trust", "update", "private", "--tuf-url", &url, "--tuf-root", "root.json", "--json"];
    let answer = answer(&mut place.wheelmark(&update), 0);
    assert!(!answer.to_string().contains("s3cret"), "{answer}");
    let seen = place.server.seen();
    assert!(seen.iter().all(|seen| seen.authorization.is_some()) && !seen.is_empty());
    let kept = std::fs::read_to_string(place.state()).expect("a state");
    assert!(!kept.contains("s3cret"));
}

#[test]
fn what_is_not_an_answer() {
    let place = Place::new();
    let cases: &[(&str, Reply, &str)] = &[
        ("timestamp.json", Reply::status(404), "timestamp.json not found"),
        ("timestamp.json", Reply::status(403), "status 403: refused by the server"),
        ("timestamp.json", Reply::status(500), "status 500: the server failed"),
        ("2.root.json", Reply::status(500), "status 500: the server failed"),
        ("2.root.json", Reply::redirect("http://192.0.2.1/"), "is not reached over TLS"),
        (
            "timestamp.json",
            Reply::of("application/json", vec![b' '; 16_385]),
            "more than 16384 bytes; 16385 were announced",
        ),
        (
            "timestamp.json",
            Reply::status(200).with_payload(Payload::Endless(vec![b' '; 1000])),
            "more than 16384 bytes",
        ),
        (
            "2.root.json",
            Reply::status(200).with_payload(Payload::Endless(vec![b' '; 100_000])),
            "more than 512000 bytes",
        ),
        (
            "1.snapshot.json",
            Reply::status(200).with_payload(Payload::Short(5000, b"{".to_vec())),
            "the answer ended after 1 bytes; 5000 were announced",
        ),
        ("1.targets.json", Reply::status(404), "1.targets.json not found"),
        (
            "timestamp.json",
            Reply::of("application/json", "{}").with("content-encoding", "gzip"),
            "compressed as `gzip`",
        ),
    ];
    for (name, reply, words) in cases {
        place.release(1).publish(&place.server);
        place.server.told(&tuf::path("2.root.json"), Reply::status(404));
        place.server.told(&tuf::path(name), reply.clone());
        place.refuses(words);
    }
}

#[test]
fn a_target_without_end_or_cut_short() {
    let place = Place::new();
    let release = place.release(1);
    let length = release.trusted_root.len();
    for (payload, words) in [
        (Payload::Endless(vec![b' '; 1000]), format!("more than {length} bytes")),
        (Payload::Whole(vec![b' '; length + 1]), format!("more than {length} bytes")),
        (
            Payload::Broken(release.trusted_root[..50].to_vec()),
            "the answer ended after 50".to_owned(),
        ),
    ] {
        release.publish(&place.server);
        place.server.told(&release.target_path(), Reply::status(200).with_payload(payload));
        place.refuses(&words);
    }
    place.server.told(&release.target_path(), Reply::status(404));
    place.refuses("trusted_root.json not found");
}

/// Object stores answer so for what they do not have, and the next root is what they do not have.
#[test]
fn no_next_root_may_be_said_by_status_403() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    place.server.told(&tuf::path("2.root.json"), Reply::status(403));
    place.updates();
}

#[test]
fn a_redirect_on_this_machine_is_followed() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    let root = tuf::document(&tuf::root(2, &[&place.key], 1), &[&place.key]);
    place.server.told("/elsewhere", Reply::of("application/json", root));
    place.server.told(&tuf::path("2.root.json"), Reply::redirect("/elsewhere"));
    place.updates();
    let kept = std::fs::read_to_string(place.state()).expect("a state");
    assert!(kept.contains("root_history/2.root.json"));
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let place = Place::new();
    for (url, words) in [
        ("http://tuf.example/", "must be reached by `https://`"),
        ("ftp://tuf.example/", "must begin with `https://`"),
        ("tuf.example", "is not a URL"),
    ] {
        let update = ["trust", "update", "private", "--tuf-url", url, "--tuf-root", "root.json"];
        let said = errors(&mut place.wheelmark(&update), 2);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_missing_is_asked_for() {
    let place = Place::new();
    for arguments in [&["private"][..], &["private", "--tuf-root", "root.json"]] {
        let update = [&["trust", "update"], arguments].concat();
        let said = errors(&mut place.wheelmark(&update), 2);
        assert!(said.contains("hint: give --tuf-url URL and --tuf-root FILE"), "{said}");
    }
    let url = tuf::url(&place.server);
    let update = ["trust", "update", "private", "github", "--tuf-url", &url];
    assert!(
        errors(&mut place.wheelmark(&update), 2).contains("are of one instance, and 2 are given")
    );
    let said = errors(&mut place.wheelmark(&["trust", "update", "other"]), 2);
    assert!(said.contains("no trust instance `other`"), "{said}");
}
