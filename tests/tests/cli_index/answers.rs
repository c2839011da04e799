//! What each answer of an index means for the file: only 404 of the Integrity API is "none", and none denies.

use std::net::TcpListener;

use serde_json::json;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::index_server::{INTEGRITY, Payload, file_path, integrity_path};
use wheelmark_tests::statement::{failures, report};

use super::*;

/// Each answer that is not what was asked for, and what is said of it.
fn wrong() -> Vec<(Reply, &'static str)> {
    let of = |payload| Reply::of(INTEGRITY, "").with_payload(payload);
    vec![
        (Reply::status(401), "status 401: the server wants a user name"),
        (Reply::status(403), "status 403: refused by the server"),
        (Reply::status(406), "status 406: the server has no `application/vnd.pypi."),
        (Reply::status(429), "status 429: too many requests"),
        (Reply::status(500), "status 500: the server failed"),
        (Reply::status(503), "status 503: the server failed"),
        (Reply::status(410), "status 410 where 200 or 404 was expected"),
        (Reply::redirect("https://index.invalid/"), "redirected to https://index.invalid/"),
        (Reply::of("text/html", "<p>Sign in"), "HTML"),
        (of(Payload::Short(90_000, b"{".to_vec())), "the answer ended after"),
        (of(Payload::Broken(b"{\"version\":1,".to_vec())), "the answer ended after"),
        (of(Payload::Short(1 << 40, b"{".to_vec())), "; 1099511627776 were announced"),
        (of(Payload::Endless(vec![b' '; 65_536])), "more than "),
        (of(Payload::Silent), "not answered in time"),
        (of(Payload::Stalled(b"{".to_vec())), "not answered in time"),
    ]
}

/// Both ways to ask, of which the second has an attestation beside the file that holds.
fn ways() -> [Vec<&'static str>; 2] {
    [RELEASE.to_vec(), vec![FILENAME, "--fetch-attestations"]]
}

fn place() -> Place {
    let place = Place::new();
    place.put(FILENAME, &demo().bytes);
    place.put(&format!("{FILENAME}.provenance"), &demo().provenance.expect("it has one"));
    place
}

#[test]
fn only_404_of_the_integrity_api_is_none_and_none_is_rejected() {
    let place = Place::new();
    place.put(FILENAME, &demo().bytes);
    place.server.told(&integrity_path(FILENAME), Reply::status(404));
    for said_of_it in [Some(json!(null)), None, Some(json!(integrity_path(FILENAME)))] {
        place.bent(|page| match &said_of_it {
            Some(said) => page["files"][0]["provenance"] = said.clone(),
            None => drop(page["files"][0].as_object_mut().expect("a file").remove("provenance")),
        });
        for way in ways() {
            let told = report(&mut place.verify(&way), 10);
            let failures = failures(&told);
            let missing = ("attestation".to_owned(), "attestation-missing".to_owned());
            assert_eq!(failures, [missing], "{told:#}");
            let none = format!("the index `{}` has no attestation", place.server.url());
            assert!(told["notes"].to_string().contains(&none), "{told:#}");
            assert!(!told["notes"].to_string().contains("no package index was asked"), "{told:#}");
        }
    }
    // What lies beside a file at hand still counts.
    place.put(&format!("{FILENAME}.provenance"), &demo().provenance.expect("it has one"));
    report(&mut place.verify(&ways()[1]), 0);
}

#[test]
fn every_other_answer_of_the_integrity_api_leaves_the_file_undecided() {
    let place = place();
    for (reply, words) in wrong() {
        let words = if words == "HTML" { "of type `text/html` where" } else { words };
        place.server.told(&integrity_path(FILENAME), reply);
        for way in ways() {
            let mut command = place.verify(&way);
            let told = report(command.args(["--index-timeout", "1"]), 1);
            let error = told["error"].as_str().expect("text");
            assert!(error.contains(words), "{words}: {error}");
            let url = place.server.origin() + &integrity_path(FILENAME);
            assert!(error.starts_with(&url), "{url}: {error}");
        }
    }
    let json = br#"{"version": 1, "version": 1, "attestation_bundles": []}"#;
    place.server.told(&integrity_path(FILENAME), Reply::of(INTEGRITY, json));
    let told = report(&mut place.verify(&RELEASE), 1);
    assert!(told["error"].to_string().contains("not JSON that can be read in one way only"));
}

#[test]
fn every_other_answer_for_the_page_leaves_the_release_undecided() {
    let place = place();
    for (reply, words) in wrong() {
        let words = if words == "HTML" { "the index serves this page as HTML only" } else { words };
        let page = reply.headers.iter().any(|(_, value)| value == INTEGRITY);
        let reply = if page { Reply::of(PAGE, "").with_payload(reply.payload) } else { reply };
        place.server.told(&page_path(PROJECT), reply);
        for way in ways() {
            let mut command = place.verify(&way);
            let told = report(command.args(["--index-timeout", "1"]), 1);
            let error = told["error"].as_str().expect("text");
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}

#[test]
fn what_the_index_does_not_list_is_said_and_is_not_none() {
    let place = place();
    let lists = |arguments: &[&str], words: &str| {
        let told = report(&mut place.verify(arguments), 1);
        let error = told["error"].as_str().expect("text");
        assert!(error.ends_with(words), "{words}: {error}");
    };
    lists(&["--from-index", "other==1.0"], "the index has no project `other`");
    let none = "the index lists no wheel or source distribution of `demo` ";
    lists(&["--from-index", "demo==2.0"], &format!("{none}2.0"));
    place.bent(|page| page["files"] = json!([]));
    lists(&RELEASE, &format!("{none}1.0"));
    lists(&ways()[1], &format!("the index lists no file `{FILENAME}`"));
    // A release in a form that cannot be verified is none either, and is told.
    place.bent(|page| page["files"] = json!([{"filename": "demo-1.0.zip"}]));
    let told = batch(&mut place.verify(&RELEASE), 1);
    assert!(told["notes"].to_string().contains("1 are neither wheels nor `.tar.gz`"), "{told:#}");
    place.server.told(&page_path(PROJECT), Reply::status(404));
    lists(&RELEASE, "the index has no project `demo`");
    lists(&ways()[1], "the index has no project `demo`");
}

#[test]
fn a_download_that_is_not_the_listed_file_is_never_judged() {
    let place = Place::new();
    let of = |bytes: &[u8]| Reply::of("application/octet-stream", bytes);
    let whole = demo().bytes;
    let mut other = whole.clone();
    other[40] ^= 1;
    let listed = Sha256Digest::of(&whole).to_string();
    for (reply, words) in [
        (of(&other), listed.as_str()),
        (of(&whole[1..]), "are listed"),
        (of(&[whole.as_slice(), b"x"].concat()), "are listed"),
        (of(&whole).with("content-encoding", "gzip"), "compressed as `gzip`"),
        (Reply::status(404), "status 404: the index lists this file and does not have it"),
        (Reply::status(403), "status 403"),
        (Reply::redirect("http://files.invalid/x"), "which is not reached over TLS"),
        (of(b"").with_payload(Payload::Broken(whole[..99].to_vec())), "the answer ended after"),
        (of(b"").with_payload(Payload::Endless(vec![0; 999])), "are listed"),
        (of(b"").with_payload(Payload::Stalled(vec![0; 9])), "not answered in time"),
    ] {
        place.server.told(&file_path(FILENAME), reply);
        let told = report(place.verify(&RELEASE).args(["--index-timeout", "1"]), 1);
        let error = told["error"].as_str().expect("text");
        assert!(error.contains(words), "{words}: {error}");
        place.left_nothing();
    }
}

#[test]
fn a_page_that_lies_about_the_file_is_an_error() {
    let place = Place::new();
    let other = Sha256Digest::of(b"other").to_string();
    for (key, value, words) in [
        ("hashes", json!({"sha256": other}), other.as_str()),
        ("hashes", json!({"md5": "00"}), "is listed without a sha256"),
        ("size", json!(1), "where 1 are listed"),
        ("url", json!("/packages/demo-2.0-py3-none-any.whl"), "is listed at a URL that names"),
        ("url", json!(format!("http://files.invalid/{FILENAME}")), "which is not reached over TLS"),
        ("url", json!(format!("file:///tmp/{FILENAME}")), "which is not reached over TLS"),
        ("filename", json!("demo-1.0-py2-none-any.whl"), "is listed at a URL that names"),
    ] {
        listed(&place, key, value);
        let told = report(&mut place.verify(&RELEASE), 1);
        let error = told["error"].as_str().expect("text");
        assert!(error.contains(words), "{words}: {error}");
    }
    place.bent(|page| {
        let again = page["files"][0].clone();
        page["files"].as_array_mut().expect("files").push(again);
    });
    let told = report(&mut place.verify(&RELEASE), 1);
    assert!(told["error"].to_string().contains("twice"), "{told}");
}

/// The bytes of another file of the project, under the name and with the digest that the index lists: the
/// index is believed in nothing that the signature does not say.
#[test]
fn an_index_that_swaps_files_is_found_out() {
    let place = Place::new();
    let swapped = Served { filename: "demo-1.0-py2-none-any.whl".to_owned(), ..demo() };
    place.server.serve(PROJECT, &[swapped]);
    let told = report(&mut place.verify(&RELEASE), 10);
    assert_eq!(told["wheel"]["filename"], "demo-1.0-py2-none-any.whl");
    assert!(failures(&told).iter().any(|(check, _)| check == "subject-name"), "{told:#}");
}

#[test]
fn a_link_to_provenance_on_another_host_is_refused_unseen() {
    let place = place();
    let other = IndexServer::start();
    other.serve(PROJECT, &[demo()]);
    for link in [other.origin() + &integrity_path(FILENAME), "//index.invalid/x".to_owned()] {
        listed(&place, "provenance", json!(link));
        for way in ways() {
            let told = report(&mut place.verify(&way), 1);
            let error = told["error"].as_str().expect("text");
            assert!(error.contains("is said to be at http://"), "{error}");
            assert!(error.contains(&format!("not of {}", place.server.origin())), "{error}");
        }
    }
    assert_eq!(other.seen(), []);
    assert_eq!(asked(&place, &integrity_path(FILENAME)), 0);
}

#[test]
fn an_index_that_is_not_there_is_no_answer() {
    let place = place();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for way in ways() {
        let mut command = wheelmark();
        command.current_dir(&place.folder).arg("verify").args(way);
        command.args(["--policy", "policy.toml", "--trust-root", TRUSTED_ROOT]);
        let told = report(command.args(["--index", &format!("http://{free}/simple")]), 1);
        assert!(told["error"].to_string().contains("no answer: "), "{told}");
    }
}

#[test]
fn no_room_for_a_download_is_said() {
    let place = Place::new();
    let mut command = place.verify(&RELEASE);
    let told = report(command.env("TMPDIR", place.folder.path().join("nowhere")), 1);
    let error = told["error"].as_str().expect("text");
    assert!(error.starts_with("cannot write a download to `"), "{error}");
}
