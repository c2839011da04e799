//! Who is trusted: keys with the time in which they are valid, Sigstore instances, and who turned out to
//! have signed.

mod authorities;
mod certificate;
mod contents;
mod entries;
mod identity;
mod instance;
mod refused;
mod root;
mod signer;

pub use contents::{Authority, AuthorityCertificate, Contents, Log, Window};
pub use identity::{CertificateIdentity, GITHUB_ISSUER, GITLAB_ISSUER, SubjectName};
pub use instance::{EMBEDDED_AS_OF, Embedded, Instance, InstanceError, InstanceName, Instances};
pub(crate) use root::der_of_pem;
pub use root::{KeyError, TrustRoot, TrustedKey, Validity};
pub use signer::{KeyId, SignerIdentity};
