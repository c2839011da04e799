//! Where a TUF repository is, and with which root trust in it begins.

use sigstore_trust_root::SigstoreInstance;
use wheelmark_core::trust::InstanceName;

use super::TrustState;
use crate::address::{IndexUrl, IndexUrlError};

/// A TUF repository and the root with which trust in it begins.
#[derive(Debug, Clone)]
pub struct TufSource {
    pub(super) instance: InstanceName,
    pub(super) url: IndexUrl,
    pub(super) root: Vec<u8>,
}

/// Why it is not known where to ask.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL of a repository is not one that is asked.
    #[error("{0}")]
    Url(#[from] IndexUrlError),
    /// The root of a public instance is in the program, and no other speaks for it.
    #[error(
        "trust in the instance {0} begins with the root in the program; a root of another repository \
         is for the instance private"
    )]
    RootOfPublic(InstanceName),
    /// Of a private instance nothing is known.
    #[error("nothing says where the instance private is, nor with which root trust in it begins")]
    Unknown,
}

impl TufSource {
    /// The repository of an instance: the library's for a public one, at another URL where its files are
    /// mirrored; what was given, or was given before, for a private one.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn new(
        instance: InstanceName,
        url: Option<IndexUrl>,
        root: Option<Vec<u8>>,
        known: Option<&TrustState>,
    ) -> Result<Self, SourceError> {
        if let Some(public) = public(instance) {
            if root.is_some() {
                return Err(SourceError::RootOfPublic(instance));
            }
            let url = url.map_or_else(|| public.tuf_url().parse(), Ok)?;
            return Ok(Self { instance, url, root: public.tuf_root().to_vec() });
        }
        let url = match url {
            Some(url) => url,
            None => known.ok_or(SourceError::Unknown)?.url().parse()?,
        };
        let before = || known.and_then(TrustState::own_root).map(<[u8]>::to_vec);
        let root = root.or_else(before).ok_or(SourceError::Unknown)?;
        Ok(Self { instance, url, root })
    }

    /// The repository's URL, without user name and password.
    pub fn url(&self) -> &IndexUrl {
        &self.url
    }
}

/// The root that the library carries for an instance's repository.
pub(super) fn public_root(instance: InstanceName) -> Option<&'static [u8]> {
    public(instance).map(SigstoreInstance::tuf_root)
}

fn public(instance: InstanceName) -> Option<SigstoreInstance> {
    match instance {
        InstanceName::PublicGood => Some(SigstoreInstance::PublicGood),
        InstanceName::Github => Some(SigstoreInstance::GitHub),
        InstanceName::Staging => Some(SigstoreInstance::Staging),
        InstanceName::Private => None,
    }
}
