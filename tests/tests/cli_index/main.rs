//! `wheelmark verify --from-index` and `--fetch-attestations`, against a stand-in for an index that serves
//! what it should, and everything else that a server could answer.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod accepted;
mod answers;
mod batches;
mod first_policy;
mod identities;
mod init;
mod init_sources;
mod install;
mod install_direct;
mod install_indexes;
mod interrupted;
mod listing;
mod lock;
mod real;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use wheelmark_tests::cases::{self, AT, TRUSTED_ROOT};
use wheelmark_tests::index_server::{IndexServer, PAGE, Reply, Served, page_path};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::tiny::FILENAME;

/// The case whose wheel, provenance object, policy and trusted root are served and used here.
const CASE: &str = "publish_provenance_object";

const PROJECT: &str = "demo";
const RELEASE: [&str; 2] = ["--from-index", "demo==1.0"];

/// A person's folder, and an index that has `demo` 1.0 with its provenance object.
struct Place {
    folder: TempDir,
    server: IndexServer,
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(cases::folder().join(CASE).join(name)).expect("a file of the case")
}

/// The wheel of the case as an index has it.
fn demo() -> Served {
    Served {
        filename: FILENAME.to_owned(),
        bytes: fixture(FILENAME),
        provenance: Some(fixture(&format!("{FILENAME}.provenance"))),
    }
}

impl Place {
    fn new() -> Self {
        let place =
            Self { folder: tempfile::tempdir().expect("a folder"), server: IndexServer::start() };
        for name in ["policy.toml", TRUSTED_ROOT] {
            place.put(name, &fixture(name));
        }
        fs::create_dir(place.folder.path().join("tmp")).expect("a folder");
        place.server.serve(PROJECT, &[demo()]);
        place
    }

    /// Puts a file into the person's folder.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).expect("written");
    }

    /// `wheelmark verify` in the folder, with a folder for temporary files beside it.
    fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).env("TMPDIR", self.folder.path().join("tmp"));
        command.arg("verify").args(arguments).args(["--index", &self.server.url()]);
        command
    }

    /// The same under the policy of the case.
    fn verify(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.args(["--policy", "policy.toml", "--trust-root", TRUSTED_ROOT, "--at", AT]);
        command
    }

    /// `wheelmark policy init` by what the index has, under the trusted root of the case.
    fn init(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).args(["policy", "init", "--at", AT]).args(arguments);
        command.args(["--trust", "private", "--trust-root", TRUSTED_ROOT]);
        command.args(["--index", &self.server.url()]);
        command
    }

    /// Serves the project's page with one thing changed.
    fn bent(&self, bend: impl FnOnce(&mut Value)) {
        let mut page = self.server.page(PROJECT, &[demo()]);
        bend(&mut page);
        self.server.told(&page_path(PROJECT), Reply::of(PAGE, page.to_string()));
    }

    /// Asserts that nothing was left: neither in the folder for temporary files nor beside what was there.
    #[track_caller]
    fn left_nothing(&self) {
        let names = |path: &str| {
            let entries = fs::read_dir(self.folder.path().join(path)).expect("a folder");
            entries.map(|it| it.expect("an entry").file_name().into_string().expect("UTF-8"))
        };
        assert_eq!(names("tmp").collect::<Vec<_>>(), Vec::<String>::new());
        assert!(!names(".").any(|name| name == FILENAME));
    }
}

/// Where an environment has what is installed in it.
fn site_packages(environment: &Path) -> PathBuf {
    let libraries = fs::read_dir(environment.join("lib")).expect("lib");
    let library = libraries.map(|it| it.expect("an entry").path()).next().expect("python3.x");
    library.join("site-packages")
}

/// What is written on both, once the command ended with this code.
#[track_caller]
fn said(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().clone();
    String::from_utf8(output.stdout).expect("UTF-8")
        + &String::from_utf8(output.stderr).expect("UTF-8")
}

/// The one document of all results.
#[track_caller]
fn batch(command: &mut Command, code: i32) -> Value {
    let output = command.args(["--format", "json"]).assert().code(code).get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    serde_json::from_slice(&output.stdout).expect("one document")
}

/// The names of a batch's results, each with `accepted`, `rejected` or `error`.
fn results(batch: &Value) -> Vec<(&str, &str)> {
    let results = batch["results"].as_array().expect("results").iter();
    results
        .map(|result| {
            let decision = result["report"]["decision"].as_str().unwrap_or("error");
            (result["file"].as_str().expect("a file"), decision)
        })
        .collect()
}

/// Whether the server was asked for a path.
fn asked(place: &Place, path: &str) -> usize {
    place.server.seen().iter().filter(|seen| seen.path == path).count()
}

/// A page that lists the file somewhere else, or otherwise than it is.
fn listed(place: &Place, key: &'static str, value: Value) {
    place.bent(|page| page["files"][0][key] = value);
}

#[test]
fn what_is_asked_of_an_index_must_be_said() {
    let place = Place::new();
    for arguments in [&[FILENAME][..], &["-r", "requirements.txt"]] {
        let said = crate::said(&mut place.verify(arguments), 2);
        assert!(said.contains("--from-index <NAME==VERSION>|--fetch-attestations"), "{said}");
    }
    for release in ["demo", "demo==", "demo>=1", "demo==1.*", "../demo==1", "demo[a]==1"] {
        let said = crate::said(&mut place.verify(&["--from-index", release]), 2);
        assert!(said.contains("a release is written NAME==VERSION"), "{said}");
    }
    let said = crate::said(&mut place.verify(&[&RELEASE[..], &["--bundle", "x"]].concat()), 2);
    assert!(said.contains("cannot be used with"), "{said}");
    assert_eq!(place.server.seen(), []);
    // Nothing is said of who is trusted: that is found before anything is asked.
    let said = crate::said(&mut place.bare(&RELEASE), 2);
    assert!(said.contains("nothing says who is trusted"), "{said}");
    assert_eq!(place.server.seen(), []);
}
