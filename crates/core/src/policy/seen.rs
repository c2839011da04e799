//! The signed policies that were seen, so that an older one is not taken again: `https://wheelmark.dev/policies-seen/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::signature::SignedPolicy;
use crate::attestation::document;
use crate::digest::Sha256Digest;
use crate::json;
use crate::limits::{POLICIES_SEEN, POLICIES_SEEN_COUNT};

/// The `schema` of the document.
const SCHEMA: &str = "https://wheelmark.dev/policies-seen/v1";

/// The highest version of each policy that was seen, by the key that signed it and by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoliciesSeen(BTreeMap<(String, String), (u64, Sha256Digest)>);

/// Why a policy is not taken after those that were seen, or what was seen cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// A later one was seen.
    #[error(
        "`{name}` is version {found} of this policy, and version {seen} by the same key was seen before: it is replayed"
    )]
    Replayed {
        /// The policy's name.
        name: String,
        /// Its version.
        found: u64,
        /// The highest version that was seen.
        seen: u64,
    },
    /// Another text of the same version was seen.
    #[error(
        "`{name}` is another text than the version {version} by the same key that was seen before, of sha256 {seen}: a version stands for one text"
    )]
    OtherText {
        /// The policy's name.
        name: String,
        /// The version.
        version: u64,
        /// The digest that was seen.
        seen: Sha256Digest,
    },
    /// The document is none of ours, or damaged.
    #[error("damaged, so that nobody knows which policies were seen: {0}")]
    Damaged(String),
    /// No more are kept.
    #[error("{POLICIES_SEEN_COUNT} policies were seen, and no more are kept")]
    Full,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    seen: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    name: String,
    version: u64,
    sha256: Sha256Digest,
}

impl PoliciesSeen {
    /// Reads the document.
    ///
    /// # Errors
    /// [`SeenError::Damaged`] for anything but the whole document: taken for nothing, it would let what is older pass.
    pub fn read(bytes: &[u8]) -> Result<Self, SeenError> {
        let damaged = |why: String| SeenError::Damaged(why);
        let value =
            json::parse(bytes, POLICIES_SEEN).map_err(|error| damaged(error.to_string()))?;
        let read: Document = document::read(&value).map_err(|error| damaged(error.to_string()))?;
        if read.schema != SCHEMA {
            return Err(damaged(format!("the schema `{}` is not known", read.schema)));
        }
        if read.seen.len() > POLICIES_SEEN_COUNT {
            return Err(damaged(format!("more than {POLICIES_SEEN_COUNT} policies")));
        }
        let mut all = BTreeMap::new();
        for Entry { key, name, version, sha256 } in read.seen {
            if all.insert((key, name.clone()), (version, sha256)).is_some() {
                return Err(damaged(format!("`{name}` stands in it twice")));
            }
        }
        Ok(Self(all))
    }

    /// The document.
    ///
    /// # Errors
    /// Only what `serde_json` returns for values that have no JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let seen = self.0.iter().map(|((key, name), (version, sha256))| Entry {
            key: key.clone(),
            name: name.clone(),
            version: *version,
            sha256: *sha256,
        });
        let mut bytes = serde_json::to_vec_pretty(&Document {
            schema: SCHEMA.to_owned(),
            seen: seen.collect(),
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Holds a policy against those that were seen, and keeps it in mind. Says whether anything is new.
    ///
    /// # Errors
    /// [`SeenError::Replayed`], [`SeenError::OtherText`] and [`SeenError::Full`].
    pub fn see(&mut self, policy: &SignedPolicy) -> Result<bool, SeenError> {
        let version = policy.says().version;
        let name = policy.name().to_owned();
        let key = (policy.key().to_string(), name.clone());
        match self.0.get(&key) {
            Some((seen, _)) if *seen > version => {
                return Err(SeenError::Replayed { name, found: version, seen: *seen });
            }
            Some((seen, sha256)) if *seen == version => {
                return match *sha256 == policy.sha256() {
                    true => Ok(false),
                    false => Err(SeenError::OtherText { name, version, seen: *sha256 }),
                };
            }
            None if self.0.len() >= POLICIES_SEEN_COUNT => return Err(SeenError::Full),
            _ => {}
        }
        self.0.insert(key, (version, policy.sha256()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_whole_document_is_damaged() {
        let entry = format!(
            r#"{{"key":"k","name":"n","version":2,"sha256":"{}"}}"#,
            Sha256Digest::of(b"a policy")
        );
        let document = |entries: &str| format!(r#"{{"schema":"{SCHEMA}","seen":[{entries}]}}"#);
        let whole = document(&entry);
        let seen = PoliciesSeen::read(whole.as_bytes()).expect("a document");
        assert_eq!(PoliciesSeen::read(&seen.to_bytes().expect("JSON")), Ok(seen));
        for text in [
            "",
            "{}",
            "[]",
            "null",
            &whole[..whole.len() - 1],
            &whole.replace("/v1", "/v2"),
            &whole.replace("\"version\":2", "\"version\":-2"),
            &whole.replace("\"version\":2,", ""),
            &document(&format!("{entry},{entry}")),
            &document(&entry.replace("\"k\"", "\"k\",\"more\":1")),
        ] {
            assert!(
                matches!(PoliciesSeen::read(text.as_bytes()), Err(SeenError::Damaged(_))),
                "{text}"
            );
        }
    }
}
