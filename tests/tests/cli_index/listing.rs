//! What a page says of a file beside its digest: whose METADATA resolvers read, when it was uploaded, and that it was
//! withdrawn.

use std::io::Cursor;

use serde_json::json;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{SdistLimits, WheelLimits};
use wheelmark_core::sdist::{self, Kind};
use wheelmark_core::wheel;
use wheelmark_tests::hostile_sdist::Sdist;
use wheelmark_tests::index_server::integrity_path;
use wheelmark_tests::statement::{self, SOURCE, Signed, failures, report};

use super::*;

/// The release, and the file at hand.
const WAYS: [&[&str]; 2] = [&RELEASE, &[FILENAME, "--fetch-attestations"]];

/// A place where the file is at hand too.
fn place() -> Place {
    let place = Place::new();
    place.put(FILENAME, &demo().bytes);
    place
}

/// The digest of METADATA in the wheel of the case.
fn metadata() -> Sha256Digest {
    let filename = WheelFilename::parse(FILENAME).expect("a name");
    let wheel = wheel::read(Cursor::new(demo().bytes), filename, &WheelLimits::standard());
    let wheel = wheel.expect("a wheel");
    let mut members = wheel.members().iter();
    members.find(|member| member.name().ends_with("/METADATA")).expect("METADATA").sha256()
}

/// The digest of PKG-INFO in a source distribution.
fn pkg_info(filename: &str, bytes: &[u8]) -> Sha256Digest {
    let filename = SdistFilename::parse(filename).expect("a name");
    let sdist = sdist::read(bytes, filename, &SdistLimits::standard()).expect("an sdist");
    let mut members = sdist.members().iter();
    match members.find(|member| member.name() == "demo-1.0/PKG-INFO").expect("PKG-INFO").kind() {
        Kind::File { sha256, .. } => *sha256,
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_wheel_with_other_metadata_than_the_page_lists_is_left_undecided() {
    let place = place();
    let (own, other) = (metadata(), Sha256Digest::of(b"Requires-Dist: harmless"));
    for key in ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"] {
        listed(&place, key, json!({"sha256": own}));
        for way in WAYS {
            report(&mut place.verify(way), 0);
        }
        listed(&place, key, json!({"sha256": other}));
        let answered = asked(&place, &integrity_path(FILENAME));
        for way in WAYS {
            let told = report(&mut place.verify(way), 1);
            let error = told["error"].as_str().expect("text");
            assert!(error.starts_with(&format!("METADATA in `{FILENAME}` is not the")), "{error}");
            let digests = format!("sha256 {own} in the file, {other} there");
            assert!(error.ends_with(&digests), "{error}");
            assert!(error.contains(&place.server.url()), "{error}");
        }
        assert_eq!(asked(&place, &integrity_path(FILENAME)), answered, "{key}");
    }
}

/// So it is where a page says that it has METADATA, and not which.
#[test]
fn a_page_that_gives_no_digest_of_metadata_is_held_to_none() {
    let place = place();
    for said in [json!(true), json!(false), json!(null), json!({}), json!({"md5": "00"})] {
        listed(&place, "core-metadata", said);
        for way in WAYS {
            report(&mut place.verify(way), 0);
        }
    }
}

#[test]
fn a_source_distribution_is_held_by_its_pkg_info() {
    let place = Place::new();
    let signed = Signed::new(Algorithm::EcdsaP256);
    let sdist = Sdist::new();
    let (filename, bytes) = (sdist.filename.clone(), sdist.bytes());
    let own = pkg_info(&filename, &bytes);
    let provenance = statement::sign(&signed.key, &statement::statement(&filename, &bytes));
    let served = Served { filename, bytes, provenance: Some(provenance) };
    place.server.serve(PROJECT, std::slice::from_ref(&served));
    let verify = |sha256: Sha256Digest, code: i32| {
        let mut page = place.server.page(PROJECT, std::slice::from_ref(&served));
        page["files"][0]["core-metadata"] = json!({"sha256": sha256});
        place.server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
        let key = signed.public_key.to_str().expect("UTF-8");
        report(place.bare(&RELEASE).args(["--key", key, "--source", SOURCE]), code)
    };
    verify(own, 0);
    let other = Sha256Digest::of(b"other");
    let error = verify(other, 1)["error"].to_string();
    assert!(error.contains("PKG-INFO in `"), "{error}");
    assert!(error.contains(&format!("sha256 {own} in the file, {other} there")), "{error}");
}

/// What is wrong with the file itself is found first, and is more than a contradiction of the index.
#[test]
fn a_wheel_that_cannot_be_read_is_rejected_whatever_metadata_is_listed() {
    let place = Place::new();
    let bytes = [demo().bytes, b"PK".to_vec()].concat();
    let served = Served { bytes, ..demo() };
    place.server.serve(PROJECT, std::slice::from_ref(&served));
    let mut page = place.server.page(PROJECT, &[served]);
    page["files"][0]["core-metadata"] = json!({"sha256": metadata()});
    place.server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
    let told = report(&mut place.verify(&RELEASE), 10);
    assert_eq!(failures(&told)[0], ("archive".to_owned(), "archive-trailing-data".to_owned()));
}

/// The notes of each file of a release of two, of which the page gives these times.
fn notes(place: &Place, times: [Value; 2]) -> [Value; 2] {
    let second = Served { filename: "demo-1.0-2-py3-none-any.whl".to_owned(), ..demo() };
    let files = [demo(), second];
    place.server.serve(PROJECT, &files);
    let mut page = place.server.page(PROJECT, &files);
    for (at, time) in times.into_iter().enumerate() {
        page["files"][at]["upload-time"] = time;
    }
    place.server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
    // What was signed is about the first.
    let told = batch(&mut place.verify(&RELEASE), 10);
    let of = |name: &str| {
        let mut results = told["results"].as_array().expect("results").iter();
        let result = results.find(|result| result["file"] == name).expect("a result");
        result["report"]["notes"].clone()
    };
    [of(&files[0].filename), of(&files[1].filename)]
}

#[test]
fn a_file_that_was_added_late_to_its_release_is_noted() {
    let place = place();
    let [first, days_14, later] =
        ["2024-11-06T22:37:10Z", "2024-11-20T22:37:10Z", "2024-11-21T00:37:11+02:00"];
    let note = "the index says that this file was uploaded at 2024-11-20T22:37:11Z, more than 14 days after the \
                first file of its release, at 2024-11-06T22:37:10Z";
    let late = |notes: &Value| notes.to_string().contains("days after the first file");
    let [own, second] = notes(&place, [json!(first), json!(later)]);
    assert!(second.to_string().contains(note) && !late(&own), "{own} {second}");
    for times in [[json!(first), json!(days_14)], [json!(first), json!(first)]] {
        assert!(!notes(&place, times.clone()).iter().any(late), "{times:?}");
    }

    // It is noted and nothing more; of a file at hand it is noted too.
    let [own, second] = notes(&place, [json!(later), json!(first)]);
    assert!(own.to_string().contains(note) && !late(&second), "{own} {second}");
    let told = report(&mut place.verify(WAYS[1]), 0);
    assert!(told["notes"].to_string().contains(note), "{told:#}");
    let text = said(&mut place.verify(WAYS[1]), 0);
    assert!(text.contains(&format!("note: {note}\n")), "{text}");
}

#[test]
fn where_the_page_gives_no_times_nothing_is_late() {
    let place = Place::new();
    let old = json!("2014-11-06T22:37:10Z");
    let times = [[json!(null), json!(null)], [json!(null), old.clone()], [old, json!(null)]];
    for times in times {
        let notes = notes(&place, times.clone());
        assert!(!json!(notes).to_string().contains("uploaded"), "{times:?}: {notes:?}");
    }
}

#[test]
fn a_file_that_was_withdrawn_is_noted() {
    let place = place();
    listed(&place, "yanked", json!("broken \u{1b}[2Jmetadata"));
    for way in WAYS {
        let text = said(&mut place.verify(way), 0);
        let note = "note: the index says that this file was withdrawn: broken \\u{1b}[2Jmetadata\n";
        assert!(text.contains(note), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

/// The policy of the case, whose rule says more.
fn ruled(place: &Place, more: &str) {
    let policy = String::from_utf8(fixture("policy.toml")).expect("UTF-8");
    let never = "rebuild = \"never\"";
    place.put("policy.toml", policy.replacen(never, &format!("{never}\n{more}"), 1).as_bytes());
}

#[test]
fn a_file_that_was_uploaded_lately_waits() {
    let place = place();
    ruled(&place, "min-upload-age-days = 7");
    for (uploaded, reason) in [
        (json!("2025-12-24T23:59:59Z"), None),
        (json!("2025-12-25T00:00:00Z"), None),
        (json!("2025-12-25T00:00:01Z"), Some("upload-too-recent")),
        (json!("2026-02-01T00:00:00Z"), Some("upload-too-recent")),
        (json!(null), Some("upload-time-unknown")),
    ] {
        listed(&place, "upload-time", uploaded.clone());
        for way in WAYS {
            let told = report(&mut place.verify(way), if reason.is_some() { 10 } else { 0 });
            let expected: Vec<_> = reason
                .map(|reason| ("cool-down".to_owned(), reason.to_owned()))
                .into_iter()
                .collect();
            assert_eq!(failures(&told), expected, "{uploaded}");
        }
    }
}

#[test]
fn a_rule_for_an_index_is_about_what_it_lists() {
    let place = place();
    let url = place.server.url();
    for (index, code) in [
        (url.clone(), 0),
        (format!("{}/", url.trim_end_matches('/')), 0),
        (format!("{}/other", url.trim_end_matches('/')), 10),
        ("https://packages.example.org/simple/".to_owned(), 10),
    ] {
        ruled(&place, &format!("indexes = [\"{index}\"]"));
        for way in WAYS {
            let told = report(&mut place.verify(way), code);
            assert_eq!(told["policy"].get("rule").is_some(), code == 0, "{index}: {told:#}");
        }
    }
}
