//! What a repository that is not honest could serve, or somebody between it and us.

use std::fs;

use serde_json::json;
use wheelmark_core::trust::InstanceName;
use wheelmark_tests::tuf::{self, FAR, PAST, Release, TufKey};
use wheelmark_tests::workshop::answer;

use crate::{Place, trusted_root};

/// A place in which version 5 of everything was seen.
fn at_five() -> Place {
    let place = Place::new();
    place.release(5).publish(&place.server);
    place.updates();
    place
}

#[test]
fn an_older_timestamp() {
    let place = at_five();
    place.release(4).publish(&place.server);
    place.refuses("rollback detected for timestamp: trusted version 5 > new version 4");
}

#[test]
fn an_older_snapshot_under_a_newer_timestamp() {
    let place = at_five();
    Release { timestamp: 6, ..place.release(4) }.publish(&place.server);
    place.refuses("rollback detected for snapshot (via timestamp)");
}

#[test]
fn older_targets_under_a_newer_snapshot() {
    let place = at_five();
    Release { timestamp: 6, snapshot: 6, ..place.release(4) }.publish(&place.server);
    place.refuses("rollback detected for targets.json (via snapshot)");
}

#[test]
fn an_older_state_that_is_out_of_date_still_counts_as_seen() {
    // What is kept has expired since; a replay of what was before it must not become acceptable by that.
    let place = Place::new();
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(8)).to_rfc3339();
    let soon = |release: Release| Release {
        timestamp_expires: soon.clone(),
        snapshot_expires: soon.clone(),
        ..release
    };
    soon(place.release(5)).publish(&place.server);
    place.updates();
    std::thread::sleep(std::time::Duration::from_secs(9));
    place.release(4).publish(&place.server);
    place.refuses("rollback detected for timestamp");
}

#[test]
fn an_older_root_after_the_keys_were_replaced() {
    let place = at_five();
    let second = TufKey::new(2);
    let root = tuf::document(&tuf::root(2, &[&second], 1), &[&place.key, &second]);
    tuf::serve(&place.server, "2.root.json", &root);
    Release { key: second, ..place.release(6) }.publish(&place.server);
    place.updates();
    // The repository says again what it said before, signed by the key that no longer counts.
    place.server.told(&tuf::path("2.root.json"), wheelmark_tests::index_server::Reply::status(404));
    place.release(7).publish(&place.server);
    place.refuses("signature threshold not met for role timestamp: 0/1");
}

#[test]
fn a_root_whose_version_is_not_the_next() {
    let place = at_five();
    for version in [1, 3] {
        let root = tuf::document(&tuf::root(version, &[&place.key], 1), &[&place.key]);
        tuf::serve(&place.server, "2.root.json", &root);
        place.refuses("root version must increment by one: trusted 1");
    }
}

#[test]
fn a_root_that_the_old_keys_did_not_sign() {
    let place = at_five();
    let thief = TufKey::new(9);
    let root = tuf::document(&tuf::root(2, &[&thief], 1), &[&thief]);
    tuf::serve(&place.server, "2.root.json", &root);
    place.refuses("signature threshold not met for role root: 0/1");
}

#[test]
fn a_repository_that_is_frozen() {
    let place = at_five();
    let newer = |release: Release| Release { timestamp: 6, snapshot: 6, targets: 6, ..release };
    for (release, role) in [
        (Release { timestamp_expires: PAST.to_owned(), ..place.release(6) }, "timestamp"),
        (Release { snapshot_expires: PAST.to_owned(), ..place.release(6) }, "snapshot"),
        (Release { targets_expires: PAST.to_owned(), ..place.release(6) }, "targets"),
    ] {
        newer(release).publish(&place.server);
        place.refuses(&format!("{role} metadata expired at {PAST}"));
    }
    let mut root = tuf::root(2, &[&place.key], 1);
    root["expires"] = json!(PAST);
    tuf::serve(&place.server, "2.root.json", &tuf::document(&root, &[&place.key]));
    place.release(7).publish(&place.server);
    place.refuses(&format!("root metadata expired at {PAST}"));
}

#[test]
fn a_threshold_of_zero() {
    let place = at_five();
    // In a new root, properly handed over to: for the root itself, and for a role below it.
    let mut root = tuf::root(2, &[&place.key], 1);
    root["roles"]["root"]["threshold"] = json!(0);
    tuf::serve(&place.server, "2.root.json", &tuf::document(&root, &[&place.key]));
    place.refuses("declares signature threshold 0");
    let mut root = tuf::root(2, &[&place.key], 1);
    root["roles"]["timestamp"]["threshold"] = json!(0);
    tuf::serve(&place.server, "2.root.json", &tuf::document(&root, &[&place.key]));
    Release { key: TufKey::new(9), ..place.release(6) }.publish(&place.server);
    place.refuses("role timestamp declares signature threshold 0");
    // In the root with which trust would begin.
    let place = Place::new();
    place.begin_with(&tuf::document(&tuf::root(1, &[&place.key], 0), &[]));
    place.release(1).publish(&place.server);
    place.refuses("declares signature threshold 0");
}

/// GHSA-3633-5h82-39pq: whoever has one of two keys would have the threshold of two.
#[test]
fn one_key_under_two_ids() {
    let place = at_five();
    let (id, alias) = (place.key.id(), "a".repeat(64));
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let mut root = tuf::root(2, &[&place.key], 1);
        root["keys"][&alias] = place.key.object();
        root["roles"][role] = json!({ "keyids": [id, alias], "threshold": 2 });
        let signatures = vec![place.key.signature(&root, &id), place.key.signature(&root, &alias)];
        tuf::serve(&place.server, "2.root.json", &tuf::document_with(&root, signatures));
        place.refuses(&format!("the role {role} lists one key under two ids"));
    }
    // The same in the root with which trust would begin, and in a delegation.
    let place = Place::new();
    let mut root = tuf::root(1, &[&place.key], 1);
    root["keys"][&alias] = place.key.object();
    root["roles"]["root"] = json!({ "keyids": [id, alias], "threshold": 2 });
    let signatures = vec![place.key.signature(&root, &id), place.key.signature(&root, &alias)];
    place.begin_with(&tuf::document_with(&root, signatures));
    place.release(1).publish(&place.server);
    place.refuses("the role root lists one key under two ids");

    let place = Place::new();
    let release = place.release(1);
    let mut targets = release.targets();
    targets["delegations"] = json!({
        "keys": { &id: place.key.object(), &alias: place.key.object() },
        "roles": [{ "name": "x", "keyids": [id, alias], "threshold": 2, "paths": ["*"] }],
    });
    release.publish_all(&place.server, &tuf::document(&targets, &[&place.key]), &[]);
    place.refuses("the role x lists one key under two ids");
}

/// When this fails, the library has learnt to tell, and `trust/strict.rs` can go.
#[test]
fn the_library_alone_would_count_one_key_twice() {
    let (key, alias) = (TufKey::new(1), "a".repeat(64));
    let mut root = tuf::root(1, &[&key], 1);
    root["keys"][&alias] = key.object();
    root["roles"]["root"] = json!({ "keyids": [key.id(), alias], "threshold": 2 });
    let signatures = vec![key.signature(&root, &key.id()), key.signature(&root, &alias)];
    let root = tuf::document_with(&root, signatures);
    sigstore_tuf::TrustedMetadataSet::from_root(&root).expect("it takes them for two");
}

#[test]
fn roots_without_end() {
    let place = at_five();
    for version in 2..=40 {
        let root = tuf::document(&tuf::root(version, &[&place.key], 1), &[&place.key]);
        tuf::serve(&place.server, &format!("{version}.root.json"), &root);
    }
    place.refuses("exceeded 32 root rotations");
}

#[test]
fn one_signature_that_is_given_twice() {
    let place = Place::new();
    let other = TufKey::new(2);
    place
        .begin_with(&tuf::document(&tuf::root(1, &[&place.key, &other], 2), &[&place.key, &other]));
    // The two keys must both sign; here one does, twice.
    let release = place.release(1);
    release.publish(&place.server);
    place.refuses("signature threshold not met for role timestamp: 1/2");
    let timestamp = json!({
        "_type": "timestamp", "spec_version": "1.0.31", "version": 1, "expires": FAR,
        "meta": { "snapshot.json": { "version": 1 } },
    });
    tuf::serve(
        &place.server,
        "timestamp.json",
        &tuf::document(&timestamp, &[&place.key, &place.key]),
    );
    place.refuses("duplicate signature key id");
}

#[test]
fn metadata_that_others_signed() {
    let place = at_five();
    Release { key: TufKey::new(9), ..place.release(6) }.publish(&place.server);
    place.refuses("signature threshold not met for role timestamp: 0/1");
    // Targets of somebody else under an honest snapshot's pin cannot be, so the snapshot is theirs too.
    let release = place.release(6);
    release.publish_all(&place.server, &tuf::document(&release.targets(), &[&TufKey::new(9)]), &[]);
    place.refuses("signature threshold not met for role targets: 0/1");
}

#[test]
fn metadata_that_was_changed_after_signing() {
    let place = at_five();
    let release = place.release(6);
    release.publish(&place.server);
    let mut targets = release.targets();
    let signature = place.key.signature(&targets, &place.key.id());
    targets["expires"] = json!("2998-01-01T00:00:00Z");
    // Unlike what the snapshot pins; and, where it pins that, unlike what was signed.
    let changed = tuf::document_with(&targets, vec![signature]);
    tuf::serve(&place.server, "6.targets.json", &changed);
    place.refuses("integrity check failed: targets.json");
    release.publish_all(&place.server, &changed, &[]);
    place.refuses("signature threshold not met for role targets: 0/1");
}

#[test]
fn metadata_that_two_readers_read_in_two_ways() {
    let place = at_five();
    place.release(6).publish(&place.server);
    let text = br#"{"signed":{"version":7,"version":8},"signatures":[]}"#;
    tuf::serve(&place.server, "timestamp.json", text);
    place.refuses("not JSON that can be read in one way only");
    tuf::serve(&place.server, "timestamp.json", b"<html>Sign in to this network</html>");
    place.refuses("not JSON that can be read in one way only");
}

#[test]
fn another_file_than_the_one_that_is_vouched_for() {
    let place = at_five();
    let release = Release::new(6, &place.key, &trusted_root(InstanceName::Github));
    release.publish(&place.server);
    let honest = release.trusted_root.clone();
    let mut changed = honest.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for (bytes, words) in [
        (changed, "sha256 mismatch"),
        (honest[..100].to_vec(), "length 100 != pinned"),
        (trusted_root(InstanceName::Staging), "integrity check failed"),
    ] {
        let reply = wheelmark_tests::index_server::Reply::of("application/json", bytes);
        place.server.told(&release.target_path(), reply);
        place.refuses(words);
    }
}

#[test]
fn what_is_vouched_for_and_is_no_trusted_root() {
    let place = at_five();
    for bytes in [&b"{}"[..], b"", b"\xff", b"[1]", b"{\"mediaType\":\"x\",\"tlogs\":[]}"] {
        Release::new(6, &place.key, bytes).publish(&place.server);
        place.refuses("private");
    }
    let huge = vec![b' '; wheelmark_core::limits::TRUSTED_ROOT + 1];
    Release::new(6, &place.key, &huge).publish(&place.server);
    place.refuses("exceeds configured max");
}

#[test]
fn a_repository_without_a_trusted_root() {
    let place = at_five();
    let release = place.release(6);
    let mut targets = release.targets();
    targets["targets"] = json!({});
    release.publish_all(&place.server, &tuf::document(&targets, &[&place.key]), &[]);
    place.refuses("is not listed by any trusted targets role");
}

/// A mirror of a public instance's repository is asked with the root that the program carries.
#[test]
fn nobody_else_speaks_for_a_public_instance() {
    let place = Place::new();
    place.release(100).publish(&place.server);
    let url = tuf::url(&place.server);
    for instance in ["public-good", "github", "staging"] {
        let update = ["trust", "update", instance, "--tuf-url", &url];
        let answer = answer(place.wheelmark(&update).arg("--json"), 1);
        let error = answer["instances"][0]["error"].as_str().expect("an error");
        assert!(error.contains("signature threshold not met for role timestamp: 0/1"), "{error}");
        let update = [&update[..], &["--tuf-root", "root.json"]].concat();
        let said = crate::errors(&mut place.wheelmark(&update), 2);
        assert!(said.contains("begins with the root in the program"), "{said}");
        let kept = place.folder.path().join("data/trust").join(instance).join("state.json");
        assert!(!kept.exists());
    }
}

#[test]
fn another_repository_under_the_name_of_the_one_that_is_known() {
    let place = at_five();
    let other = TufKey::new(7);
    place.begin_with(&tuf::document(&tuf::root(1, &[&other], 1), &[&other]));
    Release { key: other, ..place.release(9) }.publish(&place.server);
    place.refuses("did not begin with this root of trust");
    // The person may want just that, and is told how.
    let said = crate::errors(&mut place.update(), 1);
    assert!(said.contains("hint: to begin anew with it, remove `"), "{said}");
    fs::remove_file(place.state()).expect("removed");
    place.updates();
}
