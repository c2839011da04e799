//! Documents in memory: what the library is given to start from, and where it puts what it has verified.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigstore_trust_root::TRUSTED_ROOT_TARGET;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Repository, Result};

/// Documents by the names that the library gives them.
pub(super) type Documents = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Clone, Default)]
pub(super) struct Store(Arc<Mutex<Documents>>);

impl Store {
    pub(super) fn of(documents: Documents) -> Self {
        Self(Arc::new(Mutex::new(documents)))
    }

    pub(super) fn documents(&self) -> Documents {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Documents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for Store {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.lock().get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<()> {
        // The trusted root is kept apart. The current root is the last of its history, and a snapshot
        // comes under two names: one of each is enough.
        let twice = name == "root.json" || name.ends_with(".snapshot.json");
        if !twice && name != target() {
            self.lock().insert(name.to_owned(), bytes.to_vec());
        }
        Ok(())
    }
}

/// The name of the trusted root in a store.
fn target() -> String {
    format!("targets/{TRUSTED_ROOT_TARGET}")
}

/// A repository that has nothing but what is kept.
pub(super) struct Kept {
    documents: Documents,
    trusted_root: Vec<u8>,
}

impl Kept {
    pub(super) fn new(documents: Documents, trusted_root: Vec<u8>) -> Self {
        Self { documents, trusted_root }
    }
}

impl Repository for Kept {
    fn fetch_metadata<'a>(&'a self, name: &'a str, _: u64) -> FetchFuture<'a> {
        // A repository with consistent snapshots has `7.name.json` where a store has `name.json`.
        let bare = name.split_once('.').filter(|(version, _)| version.parse::<u64>().is_ok());
        let found = self.documents.get(name).or_else(|| self.documents.get(bare?.1)).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn fetch_target<'a>(&'a self, _: &'a str, _: u64) -> FetchFuture<'a> {
        let found = self.trusted_root.clone();
        Box::pin(async move { Ok(Some(found)) })
    }
}
