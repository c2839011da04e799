//! Several releases, together with files at hand: one answer each, in a fixed order, in every format.

use serde_json::json;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_tests::index_server::{file_path, integrity_path};
use wheelmark_tests::statement::{self, SOURCE, Signed};
use wheelmark_tests::tiny;

use super::*;

/// An index with `alpha` 2.0 and two wheels of `beta` 1.0, all by one key, and `gamma` 1.0 without
/// attestation.
struct House {
    place: Place,
    signed: Signed,
}

const ALPHA: &str = "alpha-2.0-py3-none-any.whl";
const BETA: &str = "beta-1.0-py3-none-any.whl";
const BETA_2: &str = "beta-1.0-2-py3-none-any.whl";
const GAMMA: &str = "gamma-1.0-py3-none-any.whl";

impl House {
    fn new() -> Self {
        let signed = Signed::new(Algorithm::EcdsaP256);
        let place = Place::new();
        let served = |filename: &str, bytes: Vec<u8>| {
            let provenance = statement::sign(&signed.key, &statement::statement(filename, &bytes));
            Served { filename: filename.to_owned(), bytes, provenance: Some(provenance) }
        };
        let wheel = |project: &str, version: &str| tiny::wheel_of(project, version).1;
        place.server.serve("alpha", &[served(ALPHA, wheel("alpha", "2.0"))]);
        // The second is refused: what was signed is about the first.
        let beta = served(BETA, wheel("beta", "1.0"));
        let renamed = Served { filename: BETA_2.to_owned(), ..beta.clone() };
        place.server.serve("beta", &[beta, renamed]);
        let gamma = Served { provenance: None, ..served(GAMMA, wheel("gamma", "1.0")) };
        place.server.serve("gamma", &[gamma]);
        Self { place, signed }
    }

    fn verify(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.bare(arguments);
        command.current_dir(&self.signed.folder).args(["--key", "release.pub"]);
        command.args(["--source", SOURCE, "--at", AT]);
        command
    }
}

const ALL: [&str; 8] = [
    "--from-index",
    "gamma==1.0",
    "--from-index",
    "nowhere==1.0",
    "--from-index",
    "beta==1",
    "--from-index",
    "alpha==2.0",
];

#[test]
fn each_release_has_its_answer_and_none_stops_another() {
    let house = House::new();
    let told = batch(house.verify(&ALL).arg(tiny::FILENAME), 10);
    let expected = [
        (tiny::FILENAME, "accepted"),
        (ALPHA, "accepted"),
        (BETA_2, "rejected"),
        (BETA, "accepted"),
        (GAMMA, "rejected"),
        ("nowhere==1.0", "error"),
    ];
    assert_eq!(results(&told), expected, "{told:#}");
    assert_eq!(told["results"][1]["release"], "alpha==2.0");
    assert_eq!(told["results"][0].get("release"), None);
    assert_eq!(told["summary"], json!({"accepted": 3, "rejected": 2, "undecided": 1}));
    house.place.left_nothing();
    // Only what could not be decided: 1, not 0.
    let told = batch(&mut house.verify(&[ALL[2], ALL[3], ALL[6], ALL[7]]), 1);
    assert_eq!(told["decision"], "undecided");
}

#[test]
fn the_same_comes_out_whoever_is_done_first_in_every_format() {
    let house = House::new();
    for format in ["human", "json", "jsonl", "sarif", "junit", "github"] {
        let run = |jobs: &str| {
            let mut command = house.verify(&ALL);
            let output = command.args(["--jobs", jobs, "--format", format]).output();
            let output = output.expect("it runs");
            assert_eq!(output.status.code(), Some(10));
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}: nothing in a pipe");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let text = run("1");
        assert_eq!(text, run("8"), "{format}");
        for name in [BETA_2, GAMMA, "nowhere==1.0"] {
            let quoted = name.replace("==", "%3D%3D");
            assert!(text.contains(name) || text.contains(&quoted), "{format}: {name}: {text}");
        }
    }
    let text = said(&mut house.verify(&ALL), 10);
    assert!(text.starts_with(&format!("accepted {ALPHA} from the index\n")), "{text}");
    assert!(text.contains(&format!("\nrejected {GAMMA} from the index\n")), "{text}");
    assert!(text.contains("\nundecided nowhere==1.0 from the index\n"), "{text}");
}

/// Were they taken for one, the one that is not looked at could be anything.
#[test]
fn a_file_at_hand_is_another_than_the_index_has_by_its_name() {
    let house = House::new();
    let (name, _) = house.signed.add("alpha", "2.0");
    assert_eq!(name, ALPHA);
    let path = house.signed.folder.path().join(ALPHA);
    fs::write(path, tiny::wheel()).expect("written");
    for arguments in [[ALPHA, "--from-index", "alpha==2.0"], ["--from-index", "alpha==2.0", ALPHA]]
    {
        let told = batch(&mut house.verify(&arguments), 10);
        assert_eq!(results(&told), [(ALPHA, "rejected"), (ALPHA, "accepted")], "{told:#}");
    }
}

#[test]
fn a_release_that_is_named_twice_is_asked_for_once() {
    let house = House::new();
    let twice = ["--from-index", "alpha==2.0", "--from-index", "Alpha==2"];
    said(&mut house.verify(&twice), 0);
    for path in [page_path("alpha"), file_path(ALPHA), integrity_path(ALPHA)] {
        assert_eq!(asked(&house.place, &path), 1, "{path}");
    }
}

#[test]
fn a_lock_and_releases_stand_beside_each_other() {
    let house = House::new();
    let digest = wheelmark_core::digest::Sha256Digest::of(&tiny::wheel());
    let lock = format!("--index-url http://127.0.0.1:9/simple\ndemo==1.0 --hash=sha256:{digest}\n");
    fs::write(house.signed.folder.path().join("requirements.txt"), lock).expect("written");
    let arguments = ["--from-index", "alpha==2.0", "-r", "requirements.txt"];
    let told = batch(&mut house.verify(&arguments), 0);
    let expected = [("./demo-1.0-py3-none-any.whl", "accepted"), (ALPHA, "accepted")];
    assert_eq!(results(&told), expected);
    // The index that the lock names was not asked: nothing answers there.
    let index = house.place.server.url();
    let asked = format!("the package index that was asked is `{index}`");
    assert!(told["notes"].to_string().contains(&asked), "{told:#}");
}
