//! What the library leaves out when it reads TUF metadata.
//!
//! It counts the signatures of a role by key id. One key under two ids would count twice toward a
//! threshold (GHSA-3633-5h82-39pq). And it reads JSON with the last of two equal keys, so two clients
//! could see two documents under one signature.

use std::collections::BTreeMap;

use serde_json::Value;
use sigstore_tuf::Key;
use wheelmark_core::json::{self, JsonError};
use wheelmark_core::limits::TufLimits;

/// TUF metadata that means two things, or one thing twice.
#[derive(Debug, thiserror::Error)]
pub enum Ambiguous {
    /// Not JSON that can be read in one way only.
    #[error("the metadata is not JSON that can be read in one way only: {0}")]
    Json(#[from] JsonError),
    /// One key counts twice for a role.
    #[error("the role {role} lists one key under two ids, {first} and {second}")]
    KeyTwice {
        /// The role.
        role: String,
        /// One id.
        first: String,
        /// The other.
        second: String,
    },
}

/// Looks at metadata of any role before the library does.
pub(super) fn check(bytes: &[u8]) -> Result<(), Ambiguous> {
    let limit = usize::try_from(TufLimits::standard().targets).unwrap_or(usize::MAX);
    let document = json::parse(bytes, limit)?;
    let signed = &document["signed"];
    if let Some(roles) = signed["roles"].as_object() {
        for (name, role) in roles {
            distinct(name, role, &signed["keys"])?;
        }
    }
    let delegations = &signed["delegations"];
    for role in delegations["roles"].as_array().into_iter().flatten() {
        distinct(role["name"].as_str().unwrap_or_default(), role, &delegations["keys"])?;
    }
    Ok(())
}

fn distinct(name: &str, role: &Value, keys: &Value) -> Result<(), Ambiguous> {
    let mut seen: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for id in role["keyids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        // A key that the library cannot read signs nothing, so it cannot count twice.
        let key = serde_json::from_value::<Key>(keys[id].clone()).ok();
        let Some(key) = key.and_then(|key| key.verification_key().ok()) else { continue };
        match seen.insert(key.as_bytes().to_vec(), id) {
            Some(first) if first != id => {
                return Err(Ambiguous::KeyTwice {
                    role: name.to_owned(),
                    first: first.to_owned(),
                    second: id.to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sigstore_trust_root::SigstoreInstance;

    use super::*;

    const ED25519: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    /// The same key.
    const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";

    fn key(public: &str) -> Value {
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } })
    }

    #[test]
    fn the_roots_of_the_public_instances_are_fine() {
        for instance in
            [SigstoreInstance::PublicGood, SigstoreInstance::GitHub, SigstoreInstance::Staging]
        {
            check(instance.tuf_root()).unwrap();
        }
    }

    #[test]
    fn one_key_under_two_ids_is_found_however_it_is_written() {
        for other in [ED25519.to_owned(), ED25519.to_uppercase(), ED25519_PEM.to_owned()] {
            let keys = json!({ "a": key(ED25519), "b": key(&other) });
            let role = json!({ "keyids": ["a", "b"], "threshold": 2, "name": "bin" });
            let root = json!({ "signed": { "keys": keys, "roles": { "root": role } } });
            let targets = json!({ "signed": { "delegations": { "keys": keys, "roles": [role] } } });
            for document in [root, targets] {
                let error = check(document.to_string().as_bytes()).unwrap_err();
                assert!(matches!(error, Ambiguous::KeyTwice { .. }), "{error}");
            }
        }
        // One id that is listed twice is one key, and the library counts it once.
        let role = json!({ "keyids": ["a", "a"] });
        let root =
            json!({ "signed": { "keys": { "a": key(ED25519) }, "roles": { "root": role } } });
        check(root.to_string().as_bytes()).unwrap();
    }

    #[test]
    fn a_document_that_two_readers_read_in_two_ways() {
        let error = check(br#"{"signed":{"version":1,"version":2}}"#).unwrap_err();
        assert!(matches!(error, Ambiguous::Json(_)), "{error}");
    }
}
