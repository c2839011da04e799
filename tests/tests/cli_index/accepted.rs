//! What an index serves rightly is accepted for its own signer, and for nobody else.

use serde_json::json;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::corpus;
use wheelmark_tests::hostile_sdist::Sdist;
use wheelmark_tests::index_server::{file_path, integrity_path};
use wheelmark_tests::real::RealProject;
use wheelmark_tests::statement::{self, SOURCE, Signed, failures, report};
use wheelmark_tests::tiny;
use wheelmark_tests::workshop::{shared, skipped};

use super::*;

#[test]
fn a_release_is_downloaded_and_judged_under_its_listed_name() {
    let place = Place::new();
    let text = said(&mut place.verify(&RELEASE), 0);
    assert!(text.starts_with(&format!("accepted {FILENAME}\n  sha256 ")), "{text}");
    let index = place.server.url();
    assert!(text.ends_with(&format!("note: the package index that was asked is `{index}`\n")));
    place.left_nothing();
    let report = report(&mut place.verify(&RELEASE), 0);
    assert_eq!(report["wheel"]["filename"], FILENAME);
    let digest = Sha256Digest::of(&demo().bytes);
    assert_eq!(report["wheel"]["sha256"], digest.to_string());
    // Versions are compared by what they mean, names by their normal form.
    said(&mut place.verify(&["--from-index", "DEMO == 1.0.0"]), 0);
}

#[test]
fn it_is_refused_for_another_instance_and_another_signer() {
    let place = Place::new();
    let source = "https://github.com/octo/demo";
    let other = ["--trust", "public-good", "--source", source, "--at", AT];
    let refused = report(place.bare(&RELEASE).args(other), 10);
    assert_eq!(failures(&refused)[0].0, "signature", "{refused:#}");

    let policy = String::from_utf8(fixture("policy.toml")).expect("UTF-8");
    let other = policy.replace("workflows/release.yml", "workflows/other.yml");
    assert_ne!(policy, other);
    place.put("policy.toml", other.as_bytes());
    let refused = report(&mut place.verify(&RELEASE), 10);
    assert_eq!(failures(&refused)[0].1, "signer-not-allowed", "{refused:#}");
}

#[test]
fn the_attestations_of_a_file_at_hand_are_fetched() {
    let place = Place::new();
    place.put(FILENAME, &demo().bytes);
    let mut offline = wheelmark();
    offline.current_dir(&place.folder).args(["verify", FILENAME, "--policy", "policy.toml"]);
    let refused = report(offline.args(["--trust-root", TRUSTED_ROOT, "--at", AT]), 10);
    assert_eq!(failures(&refused)[0].1, "attestation-missing");
    assert_eq!(place.server.seen(), []);

    report(&mut place.verify(&[FILENAME, "--fetch-attestations"]), 0);
    assert_eq!(asked(&place, &file_path(FILENAME)), 0, "the file itself is at hand");
    // In a folder and for a lock too; the lock must still hold.
    said(&mut place.verify(&[".", "--fetch-attestations"]), 0);
    let lock = |digest: Sha256Digest| {
        place.put("requirements.txt", format!("demo==1.0 --hash=sha256:{digest}\n").as_bytes());
        place.verify(&["-r", "requirements.txt", "--fetch-attestations"])
    };
    said(&mut lock(Sha256Digest::of(&demo().bytes)), 0);
    let refused = batch(&mut lock(Sha256Digest::of(b"other")), 10);
    let refused = failures(&refused["results"][0]["report"]);
    assert_eq!(refused, [("lock".to_owned(), "lock-digest-mismatch".to_owned())]);
}

#[test]
fn what_is_fetched_stands_beside_what_lies_there() {
    let place = Place::new();
    place.put(FILENAME, &demo().bytes);
    place.put(&format!("{FILENAME}.sigstore.json"), b"{}");
    let told = report(&mut place.verify(&[FILENAME, "--fetch-attestations"]), 0);
    let seen: Vec<_> = told["attestations"].as_array().expect("two").iter().collect();
    assert_eq!(seen[0]["standing"], "not-held", "{told:#}");
    assert_eq!(seen[1]["standing"], "decided", "{told:#}");
    let from = format!("{}: provenance of {FILENAME}", place.server.url());
    assert_eq!(seen[1]["from"], json!(from));
}

#[test]
fn another_file_by_a_listed_name_is_not_the_one_that_was_attested() {
    let place = Place::new();
    place.put(FILENAME, &tiny::wheel_with("demo/__init__.py", b"ANSWER = 43\n"));
    let error = report(&mut place.verify(&[FILENAME, "--fetch-attestations"]), 1);
    let error = error["error"].as_str().expect("text");
    assert!(error.contains("is another file than the one that the index"), "{error}");
    assert!(error.contains(&Sha256Digest::of(&demo().bytes).to_string()), "{error}");
    assert_eq!(asked(&place, &integrity_path(FILENAME)), 0);
}

/// A file that is no distribution by its name is rejected for that, whatever an index could say.
#[test]
fn a_malformed_name_is_rejected_unasked() {
    let place = Place::new();
    place.put("demo-1.0-py3-none-any-.whl", &demo().bytes);
    let arguments = ["demo-1.0-py3-none-any-.whl", "--fetch-attestations"];
    let refused = report(&mut place.verify(&arguments), 10);
    assert_eq!(failures(&refused)[0].0, "archive", "{refused:#}");
    assert_eq!(place.server.seen(), []);
}

/// Names that a URL must quote, and a source distribution.
#[test]
fn odd_names_and_source_distributions_are_found() {
    let place = Place::new();
    let signed = Signed::new(wheelmark_build::sign::key::Algorithm::EcdsaP256);
    let served = |filename: &str, bytes: Vec<u8>| {
        let provenance = statement::sign(&signed.key, &statement::statement(filename, &bytes));
        Served { filename: filename.to_owned(), bytes, provenance: Some(provenance) }
    };
    let (name, bytes) = tiny::wheel_of("odd-name", "1!2.0+l.1");
    let sdist = Sdist::new();
    let odd = served(&name, bytes);
    let mut page = place.server.page("Odd._Name", std::slice::from_ref(&odd));
    let quoted = file_path(&name).replace('+', "%2B").replace('!', "%21");
    page["files"][0]["url"] = json!(format!("../..{quoted}#sha256=00"));
    place.server.serve("odd-name", std::slice::from_ref(&odd));
    place.server.told(&page_path("odd-name"), Reply::of(PAGE, page.to_string()));
    place.server.told(&quoted, Reply::of("application/octet-stream", odd.bytes.clone()));
    place.server.serve(PROJECT, &[served(&sdist.filename, sdist.bytes())]);
    let key = signed.public_key.to_str().expect("UTF-8");
    for (release, file) in [("ODD__name==1!2+L.1", &name), ("demo==1.0", &sdist.filename)] {
        let arguments = ["--from-index", release, "--key", key, "--source", SOURCE];
        let told = report(&mut place.bare(&arguments), 0);
        assert_eq!(told["wheel"]["filename"], json!(file), "{told:#}");
    }
    place.left_nothing();
}

/// Real material: the provenance object of the public index, and the sdist that it is about.
#[test]
fn real_provenance_holds_for_its_project_on_its_own_instance() {
    const SDIST: &str = "sampleproject-4.0.0.tar.gz";
    let Some(folder) = corpus::folder("pep740") else { return };
    let sha256 = "0ace7980f82c5815ede4cd7bf9f6693684cec2ae47b9b7ade9add533b8627c6b";
    let project = RealProject {
        name: "sampleproject".to_owned(),
        version: "4.0.0".to_owned(),
        sha256: sha256.parse().expect("a digest"),
        backend: "setuptools".to_owned(),
        needs: Vec::new(),
    };
    let sdist = match project.sdist(&shared("sdists")) {
        Ok(sdist) => sdist,
        Err(why) => return skipped(why),
    };
    let place = Place::new();
    let provenance = fs::read(folder.join(format!("{SDIST}.provenance"))).expect("provenance");
    let bytes = fs::read(sdist).expect("the sdist");
    let served = Served { filename: SDIST.to_owned(), bytes, provenance: Some(provenance) };
    place.server.serve("sampleproject", &[served]);
    let verify = |instance: &str, source: &str| {
        let release = ["--from-index", "sampleproject==4.0.0"];
        place.bare(&[&release[..], &["--trust", instance, "--source", source]].concat())
    };
    let source = "https://github.com/pypa/sampleproject";
    let told = report(&mut verify("public-good", source), 0);
    assert_eq!(told["wheel"]["sha256"], sha256);
    let refused = report(&mut verify("staging", source), 10);
    assert_eq!(failures(&refused)[0].0, "signature", "{refused:#}");
    let refused = report(&mut verify("public-good", "https://github.com/fork/sampleproject"), 10);
    assert_eq!(failures(&refused)[0].1, "signer-not-allowed", "{refused:#}");
}
