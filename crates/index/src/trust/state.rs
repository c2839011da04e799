//! What is kept of a refreshed trusted root: one file, so that its parts cannot be of different times.
//!
//! The file is not believed for being there. It holds the TUF metadata that vouches for the trusted root,
//! and each run holds one against the other again, from the root in the program on: somebody who can write
//! the file, a shared cache of CI for example, can take away what was refreshed and put nothing in its
//! place.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::json::{self, JsonError};
use wheelmark_core::limits::{TRUST_STATE, TufLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{Instance, InstanceError, InstanceName};

use super::source::public_root;
use super::store::{Documents, Kept, Store};
use super::{Trouble, TufSource, ask};

/// The `schema` of the file.
const SCHEMA: &str = "https://wheelmark.dev/trust-state/v1";

/// Why what is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not JSON, or JSON that two readers could read in two ways.
    #[error("not JSON that can be read in one way only: {0}")]
    Json(#[from] JsonError),
    /// JSON of another form.
    #[error("not what is kept of a trusted root ({SCHEMA}): {}", Escaped(.0))]
    Form(String),
    /// It is of another instance.
    #[error("it is of the instance `{}`, not of {expected}", Escaped(.found))]
    OtherInstance {
        /// The instance it names.
        found: String,
        /// The instance it was looked up for.
        expected: InstanceName,
    },
    /// A part of it is not what was written.
    #[error("`{}` in it has sha256 {found}, and {expected} was written", Escaped(.part))]
    Damaged {
        /// The part.
        part: String,
        /// The digest of what is there.
        found: Sha256Digest,
        /// The digest that was written beside it.
        expected: Sha256Digest,
    },
    /// The metadata does not vouch for the trusted root.
    #[error("its TUF metadata does not vouch for its trusted root: {0}")]
    NotVouchedFor(String),
    /// The trusted root in it is none.
    #[error(transparent)]
    Unusable(#[from] InstanceError),
}

/// A refreshed trusted root, and what vouches for it.
#[derive(Debug, Clone)]
pub struct TrustState {
    instance: InstanceName,
    url: String,
    refreshed_at: DateTime<Utc>,
    /// Of a private instance, the root that the person gave.
    own_root: Option<Vec<u8>>,
    trusted_root: Vec<u8>,
    documents: Documents,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    schema: String,
    instance: String,
    url: String,
    refreshed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    own_root: Option<Part>,
    trusted_root: Part,
    metadata: BTreeMap<String, Part>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    sha256: Sha256Digest,
    text: String,
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        // Everything that is kept was read as JSON, and is UTF-8 therefore.
        Self { sha256: Sha256Digest::of(bytes), text: String::from_utf8_lossy(bytes).into_owned() }
    }

    fn read(self, part: &str) -> Result<Vec<u8>, StateError> {
        let (found, expected) = (Sha256Digest::of(self.text.as_bytes()), self.sha256);
        if found != expected {
            return Err(StateError::Damaged { part: part.to_owned(), found, expected });
        }
        Ok(self.text.into_bytes())
    }
}

impl TrustState {
    pub(super) fn new(
        source: &TufSource,
        refreshed_at: DateTime<Utc>,
        trusted_root: Vec<u8>,
        documents: Documents,
    ) -> Self {
        let own_root = public_root(source.instance).is_none().then(|| source.root.clone());
        let (instance, url) = (source.instance, source.url.to_string());
        Self { instance, url, refreshed_at, own_root, trusted_root, documents }
    }

    /// Reads what [`TrustState::to_bytes`] wrote for an instance. Only that nothing of it is damaged is
    /// checked here; [`TrustState::instance`] does the rest.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read(instance: InstanceName, bytes: &[u8]) -> Result<Self, StateError> {
        let value = json::parse(bytes, TRUST_STATE)?;
        if value["schema"] != SCHEMA {
            return Err(StateError::Form(format!("its schema is {}", value["schema"])));
        }
        let file: File =
            serde_json::from_value(value).map_err(|error| StateError::Form(error.to_string()))?;
        if file.instance != instance.as_str() {
            let found = file.instance;
            return Err(StateError::OtherInstance { found, expected: instance });
        }
        let refreshed_at = DateTime::parse_from_rfc3339(&file.refreshed_at)
            .map_err(|error| StateError::Form(format!("refreshedAt: {error}")))?
            .to_utc();
        let mut documents = Documents::new();
        for (name, part) in file.metadata {
            let bytes = part.read(&name)?;
            documents.insert(name, bytes);
        }
        Ok(Self {
            instance,
            url: file.url,
            refreshed_at,
            own_root: file.own_root.map(|part| part.read("ownRoot")).transpose()?,
            trusted_root: file.trusted_root.read("trustedRoot")?,
            documents,
        })
    }

    /// What is to be kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts = self.documents.iter().map(|(name, bytes)| (name.clone(), Part::of(bytes)));
        let file = File {
            schema: SCHEMA.to_owned(),
            instance: self.instance.to_string(),
            url: self.url.clone(),
            refreshed_at: seconds(self.refreshed_at),
            own_root: self.own_root.as_deref().map(Part::of),
            trusted_root: Part::of(&self.trusted_root),
            metadata: parts.collect(),
        };
        // Texts and maps of texts: there is nothing in it that JSON has not.
        serde_json::to_vec(&file).unwrap_or_default()
    }

    /// The instance, once the TUF metadata was held against the root in the program and the trusted root
    /// against the metadata, as of the time of the refresh.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn instance(&self) -> Result<Instance, StateError> {
        let root = public_root(self.instance).or(self.own_root.as_deref());
        let root = root.ok_or_else(|| StateError::Form("it has no ownRoot".to_owned()))?;
        let store = Store::of(self.documents.clone());
        let kept = Kept::new(self.documents.clone(), self.trusted_root.clone());
        let limits = TufLimits::standard();
        let asked = pin!(ask(kept, root, &store, self.refreshed_at, &limits));
        // Everything is in memory, so there is nothing to wait for.
        let answer = match asked.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => Err(Trouble::Refused("it was waited for".to_owned())),
        };
        match answer {
            Ok(bytes) => Ok(Instance::parse(self.instance, &bytes, Some(self.refreshed_at))?),
            Err(Trouble::Refused(because)) => Err(StateError::NotVouchedFor(because)),
            Err(Trouble::Answer(error)) => Err(StateError::NotVouchedFor(error.to_string())),
        }
    }

    /// When it was refreshed.
    pub fn refreshed_at(&self) -> DateTime<Utc> {
        self.refreshed_at
    }

    /// The repository it is from.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The digest of the trusted root.
    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(&self.trusted_root)
    }

    pub(super) fn own_root(&self) -> Option<&[u8]> {
        self.own_root.as_deref()
    }

    pub(super) fn documents(&self) -> Documents {
        self.documents.clone()
    }

    /// Whether the root with which `source` begins is one that this began with or came to. That of a public
    /// instance always is: a new version of the program may begin with a later one.
    pub(super) fn led_to_by(&self, source: &TufSource) -> bool {
        public_root(source.instance).is_some()
            || self
                .documents
                .iter()
                .any(|(name, root)| name.starts_with("root_history/") && *root == source.root)
    }
}
