//! Where the trusted roots of Sigstore instances are: in the program, refreshed in the user's data folder,
//! or in a file that was named.

use std::path::PathBuf;
use std::sync::Arc;

use wheelmark_core::limits::TRUSTED_ROOT;
use wheelmark_core::trust::{Embedded, Instance, InstanceError, InstanceName, Instances};

use crate::input;

/// The trusted roots that this run may use.
pub struct TrustRoots {
    private: Option<PathBuf>,
}

impl TrustRoots {
    /// With the file of `--trust-root`, where one was given.
    pub fn new(private: Option<PathBuf>) -> Self {
        Self { private }
    }
}

impl Instances for TrustRoots {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        match (name, &self.private) {
            (InstanceName::Private, Some(path)) => {
                let bytes = input::read_bounded(path, TRUSTED_ROOT)
                    .map_err(|error| InstanceError::new(name, error.message))?;
                Instance::parse(name, &bytes, None).map(Arc::new)
            }
            _ => Embedded.instance(name),
        }
    }
}
