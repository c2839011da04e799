//! The user's data folder: what must not be lost, unlike the cache. So far that is what `wheelmark trust
//! update` brought.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use wheelmark_core::limits::TRUST_STATE;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::InstanceName;
use wheelmark_index::trust::{StateError, TrustState};

use crate::error::{CliError, shown};
use crate::input;

/// Names the data folder.
pub const DATA_VARIABLE: &str = "WHEELMARK_DATA";

/// What is kept of one instance.
pub struct TrustFile {
    instance: InstanceName,
    path: PathBuf,
}

impl TrustFile {
    /// The file of an instance; none where there is no place for one.
    pub fn of(instance: InstanceName) -> Result<Option<Self>, CliError> {
        let below = |folder: PathBuf| Self {
            instance,
            path: folder.join("trust").join(instance.as_str()).join("state.json"),
        };
        Ok(data()?.map(below))
    }

    /// The same for what is to be written.
    pub fn to_write(instance: InstanceName) -> Result<Self, CliError> {
        Self::of(instance)?.ok_or_else(|| {
            CliError::undecided("there is no home folder for what is refreshed")
                .hint(format!("set {DATA_VARIABLE} to a folder that can be written"))
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept, if anything is. What is damaged is an error: taken for nothing, it would bring back
    /// what was revoked.
    pub fn read(&self) -> Result<Option<TrustState>, CliError> {
        match self.path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::io("read", &self.path, &error)),
            Ok(_) => {}
        }
        let bytes = input::read_found(&self.path, TRUST_STATE)?;
        let state = TrustState::read(self.instance, &bytes);
        state.map(Some).map_err(|error| self.unusable(&error))
    }

    /// The file cannot be used, and what to do.
    pub fn unusable(&self, error: &StateError) -> CliError {
        let error = error.to_string();
        CliError::undecided(format!("{}: {}", shown(&self.path), Escaped(&error))).hint(format!(
            "if nobody should have changed it, find out who did; `wheelmark trust update {}` makes it \
             anew once it is removed",
            self.instance
        ))
    }

    /// Keeps others from refreshing the same instance until the value is dropped.
    pub fn lock(&self) -> Result<File, CliError> {
        let failed = |error| CliError::io("write to", self.folder(), &error);
        fs::create_dir_all(self.folder()).map_err(failed)?;
        let path = self.folder().join("lock");
        let mut open = OpenOptions::new();
        let file = open.create(true).truncate(false).write(true).open(path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Replaces what is kept. At any moment the file is the old one or the new one, whole.
    pub fn write(&self, state: &TrustState) -> Result<(), CliError> {
        let write = || {
            let mut file = NamedTempFile::with_prefix_in(".state-", self.folder())?;
            file.write_all(&state.to_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            // The name is in the folder, which is flushed by itself.
            File::open(self.folder())?.sync_all()
        };
        write().map_err(|error: io::Error| CliError::io("write", &self.path, &error))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}

/// `$WHEELMARK_DATA`, or `wheelmark` in the user's data folder (XDG base directories).
fn data() -> Result<Option<PathBuf>, CliError> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    if let Some(path) = env::var_os(DATA_VARIABLE) {
        return match absolute(path.into()) {
            Some(path) => Ok(Some(path)),
            None => Err(CliError::usage(format!("{DATA_VARIABLE} is not an absolute path"))),
        };
    }
    let home = || env::home_dir().and_then(absolute).map(|home| home.join(".local/share"));
    let folder = env::var_os("XDG_DATA_HOME").and_then(|path| absolute(path.into())).or_else(home);
    Ok(folder.map(|folder| folder.join("wheelmark")))
}
