//! Where the trusted roots of Sigstore instances are: in the program, refreshed in the user's data folder,
//! or in a file that was named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wheelmark_core::limits::TRUSTED_ROOT;
use wheelmark_core::trust::{Embedded, Instance, InstanceError, InstanceName, Instances};
use wheelmark_index::trust::TrustState;

use crate::data_folder::TrustFile;
use crate::error::{CliError, shown};
use crate::input;

/// The trusted roots that this run may use.
pub struct TrustRoots {
    private: Option<PathBuf>,
    /// Since when that of the file is known, which the file does not say.
    private_as_of: Option<DateTime<Utc>>,
}

/// Where a trusted root is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program carries it.
    Embedded,
    /// `wheelmark trust update` brought it at that time.
    Refreshed(DateTime<Utc>),
    /// A file that was named.
    File(PathBuf),
}

impl TrustRoots {
    /// With the file of `--trust-root`, where one was given.
    pub fn new(private: Option<PathBuf>) -> Self {
        Self { private, private_as_of: None }
    }

    /// The same, the file's taken as known since then: for tests of policies alone.
    pub fn supposing(self, private_as_of: Option<DateTime<Utc>>) -> Self {
        Self { private_as_of, ..self }
    }

    /// The instance of that name, and where its root is from: a file that was named; else what was refreshed,
    /// if it is newer than what the program carries; else that.
    pub fn find(&self, name: InstanceName) -> Result<(Instance, Origin), CliError> {
        if let (InstanceName::Private, Some(path)) = (name, &self.private) {
            let bytes = input::read_bounded(path, TRUSTED_ROOT)?;
            let instance = Instance::parse(name, &bytes, self.private_as_of)
                .map_err(|error| in_file(path, &error))?;
            return Ok((instance, Origin::File(path.clone())));
        }
        if let Some(file) = TrustFile::of(name)?
            && let Some(state) = file.read()?.filter(|state| is_newer(state, name))
        {
            let instance = state.instance().map_err(|error| file.unusable(&error))?;
            return Ok((instance, Origin::Refreshed(state.refreshed_at())));
        }
        let instance = Instance::embedded(name).map_err(|error| {
            let hint = match name {
                InstanceName::Private => {
                    "give --trust-root FILE, or `wheelmark trust update private`"
                }
                _ => "",
            };
            CliError::undecided(error).hint(hint)
        })?;
        Ok((instance, Origin::Embedded))
    }
}

impl Instances for TrustRoots {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        let (instance, _) =
            self.find(name).map_err(|error| InstanceError::new(name, error.message))?;
        Ok(Arc::new(instance))
    }
}

/// Whether what was refreshed is newer than what the program carries, if it carries any. An old refresh must
/// not undo what a new version of the program knows.
pub fn is_newer(state: &TrustState, name: InstanceName) -> bool {
    match Embedded.instance(name).ok().and_then(|embedded| embedded.as_of()) {
        Some(embedded) => state.refreshed_at() > embedded,
        None => true,
    }
}

fn in_file(path: &Path, error: &InstanceError) -> CliError {
    CliError::undecided(format!("{}: {error}", shown(path)))
}
