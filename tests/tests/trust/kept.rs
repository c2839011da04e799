//! What is kept is not believed for being there.

use std::fs;

use serde_json::{Value, json};
use wheelmark_core::trust::{EMBEDDED_AS_OF, InstanceName};
use wheelmark_tests::tuf::{self, Release, TufKey};
use wheelmark_tests::workshop::answer;

use crate::{Place, errors, trusted_root};

fn updated() -> Place {
    let place = Place::new();
    place.release(5).publish(&place.server);
    place.updates();
    place
}

/// Changes what is kept; where it is again the instance of that name.
fn bend(place: &Place, instance: &str, bend: impl FnOnce(&mut Value)) {
    let bytes = fs::read(place.state()).expect("a state");
    let mut state: Value = serde_json::from_slice(&bytes).expect("JSON");
    state["instance"] = json!(instance);
    bend(&mut state);
    let folder = place.folder.path().join("data/trust").join(instance);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("state.json"), state.to_string()).expect("written");
}

fn part(bytes: &[u8]) -> Value {
    json!({ "sha256": tuf::sha256(bytes), "text": String::from_utf8_lossy(bytes) })
}

/// Nothing uses what is kept of the instance, and each verb names the file and these words.
#[track_caller]
fn refused(place: &Place, instance: &str, words: &str) {
    let file = format!("data/trust/{instance}/state.json");
    let verify = [
        "verify",
        "--trust",
        instance,
        "--identity",
        "a@b.c",
        "--issuer",
        "https://x",
        "root.json",
    ];
    for arguments in [&["trust", "show", instance][..], &["trust", "update", instance], &verify] {
        let said = errors(&mut place.wheelmark(arguments), 1);
        assert!(said.contains(&file) && said.contains(words), "{arguments:?}: {said}");
        assert!(said.contains("\nhint: "), "{said}");
    }
}

#[test]
fn a_damaged_file_is_named_and_never_taken_for_none() {
    let place = updated();
    let whole = fs::read(place.state()).expect("a state");
    for (content, words) in [
        (&b""[..], "not JSON that can be read in one way only"),
        (&whole[..whole.len() / 2], "not JSON that can be read in one way only"),
        (b"{}", "not what is kept of a trusted root"),
        (b"\xff\x00", "not JSON"),
    ] {
        fs::write(place.state(), content).expect("written");
        refused(&place, "private", words);
    }
    fs::remove_file(place.state()).expect("removed");
    fs::create_dir(place.state()).expect("a folder");
    let said = errors(&mut place.wheelmark(&["trust", "show", "private"]), 1);
    assert!(said.contains("state.json`: it is a folder, not a file"), "{said}");
}

#[test]
fn every_part_is_what_was_written() {
    let place = updated();
    bend(&place, "private", |state| {
        let text = state["trustedRoot"]["text"].as_str().expect("a text");
        state["trustedRoot"]["text"] = json!(text.replacen("rekor", "r3kor", 1));
    });
    refused(&place, "private", "`trustedRoot` in it has sha256");
    let place = updated();
    bend(&place, "private", |state| state["metadata"]["timestamp.json"]["text"] = json!("{}"));
    refused(&place, "private", "`timestamp.json` in it has sha256");
    let place = updated();
    bend(&place, "private", |state| state["more"] = json!(1));
    refused(&place, "private", "unknown field `more`");
}

/// Somebody who can write the folder, a shared cache for example, has nothing to put in place of what the
/// metadata vouches for.
#[test]
fn what_the_metadata_does_not_vouch_for_is_not_trusted() {
    let github = trusted_root(InstanceName::Github);
    let place = updated();
    bend(&place, "private", |state| state["trustedRoot"] = part(&github));
    refused(&place, "private", "does not vouch for its trusted root: integrity check failed");

    let place = updated();
    bend(&place, "private", |state| {
        state["metadata"].as_object_mut().expect("metadata").remove("targets.json");
    });
    refused(&place, "private", "does not vouch for its trusted root");

    // Metadata of somebody else, in which everything fits.
    let place = updated();
    let thief = TufKey::new(9);
    let targets = Release::new(5, &thief, &github).targets();
    bend(&place, "private", |state| {
        state["trustedRoot"] = part(&github);
        state["metadata"]["targets.json"] = part(&tuf::document(&targets, &[&thief]));
    });
    refused(&place, "private", "does not vouch for its trusted root");

    // It was said to be true at another time than its metadata was.
    let place = updated();
    bend(&place, "private", |state| state["refreshedAt"] = json!("3999-01-01T00:00:00Z"));
    refused(&place, "private", "expired");
}

#[test]
fn what_is_kept_of_one_instance_is_none_of_another() {
    let place = updated();
    let folder = place.folder.path().join("data/trust/public-good");
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(place.state(), folder.join("state.json")).expect("copied");
    refused(&place, "public-good", "it is of the instance `private`, not of public-good");
    // Renamed, it is held against the root that the program carries for that instance.
    bend(&place, "public-good", |_| {});
    refused(&place, "public-good", "does not vouch for its trusted root: signature threshold");
}

/// An old refresh must not undo what a new version of the program knows.
#[test]
fn what_the_program_carries_is_used_where_it_is_newer() {
    let place = updated();
    bend(&place, "public-good", |state| state["refreshedAt"] = json!(EMBEDDED_AS_OF));
    let shown = answer(&mut place.wheelmark(&["trust", "show", "public-good", "--json"]), 0);
    assert_eq!(shown["instances"][0]["from"], "embedded");
    assert_eq!(shown["instances"][0]["asOf"], EMBEDDED_AS_OF);
}

#[test]
fn the_folder_is_that_of_the_variable_or_of_the_user() {
    let place = updated();
    let home = place.folder.path().join("home");
    let moved = home.join(".local/share/wheelmark");
    fs::create_dir_all(moved.parent().expect("a parent")).expect("a folder");
    fs::rename(place.folder.path().join("data"), &moved).expect("moved");
    let show = ["trust", "show", "private", "--json"];
    let mut command = place.wheelmark(&show);
    command.env_remove("WHEELMARK_DATA").env_remove("XDG_DATA_HOME").env("HOME", &home);
    assert_eq!(answer(&mut command, 0)["instances"][0]["from"], "refreshed");
    command.env("XDG_DATA_HOME", home.join(".local/share")).env("HOME", "/nowhere");
    assert_eq!(answer(&mut command, 0)["instances"][0]["from"], "refreshed");
    let mut command = place.wheelmark(&show[..3]);
    command.env("WHEELMARK_DATA", "data");
    assert!(errors(&mut command, 2).contains("WHEELMARK_DATA is not an absolute path"));
}
