//! Trusted roots of Sigstore instances, refreshed from their TUF repositories.
//!
//! [`refresh`] is the only way out; what it gives is a [`TrustState`] for the caller to keep. TUF itself
//! (who signs what, in which order versions count, until when) is the library's, `sigstore-tuf`. Ours are
//! the requests, the bounds, and [two checks](strict) that the library leaves out.

mod source;
mod state;
mod store;
mod strict;
mod transport;

use chrono::{DateTime, SubsecRound as _, Utc};
use jiff::Timestamp;
use sigstore_trust_root::TRUSTED_ROOT_TARGET;
use sigstore_tuf::{Error as TufError, Repository, Updater, UpdaterConfig};
use wheelmark_core::limits::{TRUSTED_ROOT, TufLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{InstanceError, InstanceName};

pub use source::{SourceError, TufSource};
pub use state::{StateError, TrustState};
pub use strict::Ambiguous;

use crate::error::IndexError;
use store::Store;
use transport::Http;

/// Why a trusted root was not refreshed. What was known before still holds.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The repository could not be asked, or did not answer as one.
    #[error(transparent)]
    Answer(#[from] IndexError),
    /// What it answered is refused: a version or signature is wrong, or something is out of date.
    #[error("{url}: refused: {because}")]
    Refused {
        /// The repository.
        url: String,
        /// What the library said, or [`Ambiguous`]; escaped.
        because: String,
    },
    /// What it vouches for is no trusted root that can be used.
    #[error("{url}: {error}")]
    Unusable {
        /// The repository.
        url: String,
        /// Why.
        error: InstanceError,
    },
    /// What is known of the instance began with another root.
    #[error(
        "{url}: what is known of the instance {instance} did not begin with this root of trust, \
         nor was it led to by it"
    )]
    OtherRoot {
        /// The repository.
        url: String,
        /// The instance.
        instance: InstanceName,
    },
}

/// Asks an instance's TUF repository for its trusted root, at the time `now`.
///
/// `known` is what an earlier refresh gave. No version that it saw is gone back behind.
///
/// # Errors
/// [`TrustError`]. Nothing was written anywhere, so what was known is as it was.
pub async fn refresh(
    source: &TufSource,
    known: Option<&TrustState>,
    now: DateTime<Utc>,
    limits: &TufLimits,
) -> Result<TrustState, TrustError> {
    let now = now.trunc_subsecs(0);
    let url = source.url.to_string();
    if known.is_some_and(|known| !known.led_to_by(source)) {
        return Err(TrustError::OtherRoot { url, instance: source.instance });
    }
    let repository = Http::new(source.url.clone(), limits.answers)?;
    let store = Store::of(known.map(TrustState::documents).unwrap_or_default());
    let root =
        ask(repository, &source.root, &store, now, limits).await.map_err(|error| error.at(&url))?;
    let state = TrustState::new(source, now, root, store.documents());
    // Read back as every later run will, before anything is replaced by it.
    let unusable = |error| TrustError::Unusable { url: url.clone(), error };
    let read = TrustState::read(source.instance, &state.to_bytes());
    read.and_then(|read| read.instance().map(drop))
        .map_err(|error| InstanceError::new(source.instance, error.to_string()))
        .map_err(unusable)?;
    Ok(state)
}

/// TUF's client workflow from a root on, and the trusted root at its end. Everything that `repository`
/// gives or `store` holds is untrusted until the workflow has held it against the root.
async fn ask(
    repository: impl Repository + 'static,
    root: &[u8],
    store: &Store,
    now: DateTime<Utc>,
    limits: &TufLimits,
) -> Result<Vec<u8>, Trouble> {
    strict::check(root)?;
    let now = Timestamp::from_second(now.timestamp()).map_err(|error| Trouble::other(&error))?;
    let mut updater =
        Updater::new(repository, root)?.with_config(config(limits)).with_store(store.clone());
    updater.refresh(now).await?;
    Ok(updater.get_target(TRUSTED_ROOT_TARGET, now).await?)
}

fn config(limits: &TufLimits) -> UpdaterConfig {
    let mut config = UpdaterConfig::default();
    config.root_max_length = limits.root;
    config.timestamp_max_length = limits.timestamp;
    config.snapshot_max_length = limits.snapshot;
    config.targets_max_length = limits.targets;
    config.target_max_length = TRUSTED_ROOT as u64;
    config.max_root_rotations = limits.rotations;
    config.max_delegations = limits.delegations;
    config
}

/// What ended the workflow.
enum Trouble {
    Answer(IndexError),
    Refused(String),
}

impl Trouble {
    fn other(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Refused(Escaped(&text).to_string())
    }

    fn at(self, url: &str) -> TrustError {
        match self {
            Self::Answer(error) => TrustError::Answer(error),
            Self::Refused(because) => TrustError::Refused { url: url.to_owned(), because },
        }
    }
}

impl From<Ambiguous> for Trouble {
    fn from(error: Ambiguous) -> Self {
        Self::other(&error)
    }
}

/// Our own errors come back from the library as the causes of its own.
impl From<TufError> for Trouble {
    fn from(error: TufError) -> Self {
        match error {
            TufError::Transport { source: Some(source), message } => {
                match source.downcast::<IndexError>() {
                    Ok(error) => Self::Answer(*error),
                    Err(source) => match source.downcast::<Ambiguous>() {
                        Ok(error) => Self::other(&*error),
                        Err(source) => {
                            Self::Refused(Escaped(&format!("{message}: {source}")).to_string())
                        }
                    },
                }
            }
            TufError::Transport { source: None, message } => {
                Self::Refused(Escaped(&message).to_string())
            }
            error => Self::other(&error),
        }
    }
}
