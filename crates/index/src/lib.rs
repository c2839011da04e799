//! Reads package indexes: project pages, files, and the attestations that an index serves. Refreshes
//! trusted roots.
//!
//! [`Index`] is the way in. The index's URL and every bound are arguments; what is read from the
//! environment is what any client of this machine reads: proxies (`HTTPS_PROXY`, `NO_PROXY`) and the
//! certificates the system trusts (`SSL_CERT_FILE`).
//!
//! Of all that an index can answer, one thing alone means that there is no attestation: status 404 from
//! where the attestation would be. Everything else that is not the attestation is an [`IndexError`]: it
//! could not be decided whether there is one.
//!
//! Nothing read here is trusted. Attestations are handed on as bytes for `wheelmark-core` to verify.
//!
//! [`trust`] refreshes trusted roots, which is the other thing that is asked of servers.

mod address;
mod client;
mod download;
mod error;
mod index;
mod integrity;
pub mod page;
mod together;
pub mod trust;

pub use address::{DEFAULT_INDEX_URL, IndexUrl, IndexUrlError, ShownUrl};
pub use error::{IndexError, Problem};
pub use index::Index;
pub use page::{FileListed, ProjectPage, ProvenanceLink, Yanked};
pub use together::{Binding, NotServed, Together};
