//! `wheelmark trust`, against TUF repositories on this machine that are honest, and against all the ways in
//! which they could not be.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod attacks;
mod kept;
mod network;
mod show;

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use wheelmark_core::trust::{Instance, InstanceName};
use wheelmark_tests::index_server::IndexServer;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::tuf::{self, Release, TufKey};
use wheelmark_tests::workshop::answer;

/// A person's data folder, and the repository of a private instance, which begins with the root 1 of key 1.
struct Place {
    folder: TempDir,
    server: IndexServer,
    key: TufKey,
}

impl Place {
    fn new() -> Self {
        let key = TufKey::new(1);
        let place =
            Self { folder: TempDir::new().expect("a folder"), server: IndexServer::start(), key };
        place.begin_with(&tuf::document(&tuf::root(1, &[&place.key], 1), &[&place.key]));
        place
    }

    /// The root with which trust begins.
    fn begin_with(&self, root: &[u8]) {
        fs::write(self.folder.path().join("root.json"), root).expect("written");
        tuf::serve(&self.server, "1.root.json", root);
    }

    /// A state of the repository with the trusted root of the public-good instance in it.
    fn release(&self, version: u64) -> Release {
        Release::new(version, &self.key, &trusted_root(InstanceName::PublicGood))
    }

    fn wheelmark(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).env("WHEELMARK_DATA", self.folder.path().join("data"));
        command.args(arguments);
        command
    }

    fn update(&self) -> Command {
        let url = tuf::url(&self.server);
        self.wheelmark(&[
            "trust",
            "update",
            "private",
            "--tuf-url",
            &url,
            "--tuf-root",
            "root.json",
        ])
    }

    /// Refreshes, and gives what became of it.
    fn updates(&self) -> Value {
        let answer = answer(self.update().arg("--json"), 0);
        answer["instances"][0].clone()
    }

    /// Does not refresh, for a reason in which these words are.
    #[track_caller]
    fn refuses(&self, words: &str) {
        let before = fs::read(self.state()).ok();
        let answer = answer(self.update().arg("--json"), 1);
        let instance = &answer["instances"][0];
        assert_eq!(instance["outcome"], "failed");
        let error = instance["error"].as_str().expect("an error");
        assert!(error.contains(words), "{error}");
        assert_eq!(fs::read(self.state()).ok(), before, "what was known is as it was");
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("data/trust/private/state.json")
    }
}

/// A trusted root that the program carries.
fn trusted_root(name: InstanceName) -> Vec<u8> {
    let instance = Instance::embedded(name).expect("the embedded root");
    serde_json::to_vec(instance.root()).expect("JSON")
}

/// What is in a folder on standard error, once the command ended with this code.
fn errors(command: &mut Command, code: i32) -> String {
    let output = command.output().expect("it starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn what_an_honest_repository_says_is_kept_and_used() {
    let place = Place::new();
    let release = place.release(1);
    release.publish(&place.server);
    let missing = errors(&mut place.wheelmark(&["trust", "show", "private"]), 1);
    assert!(missing.contains("hint: give --trust-root FILE, or `wheelmark trust update private`"));

    let updated = place.updates();
    assert_eq!(updated["outcome"], "changed");
    assert_eq!(updated["sha256"], tuf::sha256(&release.trusted_root));
    assert_eq!(updated["url"], tuf::url(&place.server));
    let shown = answer(&mut place.wheelmark(&["trust", "show", "private", "--json"]), 0);
    let shown = &shown["instances"][0];
    assert_eq!(shown["from"], "refreshed");
    assert_eq!(shown["sha256"], updated["sha256"]);
    assert_eq!(shown["asOf"], updated["asOf"]);
    assert_eq!(shown["ageDays"], 0);

    // Again, now by what is known of the repository; and the same trusted root in a later state.
    let again = answer(&mut place.wheelmark(&["trust", "update", "private", "--json"]), 0);
    assert_eq!(again["instances"][0]["outcome"], "unchanged");
    place.release(2).publish(&place.server);
    assert_eq!(place.updates()["outcome"], "unchanged");
    let github = trusted_root(InstanceName::Github);
    Release::new(3, &place.key, &github).publish(&place.server);
    let updated = place.updates();
    assert_eq!(updated["outcome"], "changed");
    assert_eq!(updated["sha256"], tuf::sha256(&github));
}

#[test]
fn keys_that_the_old_root_hands_over_to_are_followed() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    place.updates();
    let second = TufKey::new(2);
    let root = tuf::root(2, &[&second], 1);
    tuf::serve(&place.server, "2.root.json", &tuf::document(&root, &[&place.key, &second]));
    Release { key: second, ..place.release(2) }.publish(&place.server);
    assert_eq!(place.updates()["outcome"], "unchanged");
    // From what is kept alone: the chain of roots is in it.
    let shown = answer(&mut place.wheelmark(&["trust", "show", "private", "--json"]), 0);
    assert_eq!(shown["instances"][0]["from"], "refreshed");
    // The root that it has come to is as good to begin with as the first.
    fs::copy(place.folder.path().join("root.json"), place.folder.path().join("first.json"))
        .expect("copied");
    fs::write(
        place.folder.path().join("root.json"),
        tuf::document(&root, &[&place.key, &TufKey::new(2)]),
    )
    .expect("written");
    place.updates();
}

#[test]
fn a_person_is_told_what_changed() {
    let place = Place::new();
    place.release(1).publish(&place.server);
    let output = place.update().assert().code(0).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    let url = tuf::url(&place.server);
    assert!(
        output.starts_with(&format!("changed private, as {url} has it now\n  sha256 ")),
        "{output}"
    );
}

#[test]
fn a_delegated_role_may_hold_the_trusted_root() {
    let place = Place::new();
    let release = place.release(1);
    let delegated = TufKey::new(3);
    let mut targets = release.targets();
    let own = targets["targets"].take();
    targets["targets"] = serde_json::json!({});
    targets["delegations"] = serde_json::json!({
        "keys": { delegated.id(): delegated.object() },
        "roles": [{
            "name": "roots", "keyids": [delegated.id()], "threshold": 1, "terminating": true,
            "paths": ["*.json"],
        }],
    });
    let mut roots = release.targets();
    roots["targets"] = own;
    let roots = tuf::document(&roots, &[&delegated]);
    release.publish_all(
        &place.server,
        &tuf::document(&targets, &[&place.key]),
        &[("roots", &roots)],
    );
    assert_eq!(place.updates()["outcome"], "changed");
    let shown = answer(&mut place.wheelmark(&["trust", "show", "private", "--json"]), 0);
    assert_eq!(shown["instances"][0]["sha256"], tuf::sha256(&release.trusted_root));
}
