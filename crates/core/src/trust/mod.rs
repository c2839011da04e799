//! Who is trusted: keys with the time in which they are valid, and who turned out to have signed.

mod root;
mod signer;

pub use root::{TrustRoot, TrustedKey, Validity};
pub use signer::{KeyId, SignerIdentity};
