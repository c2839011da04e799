//! The user's data folder: what must not be lost, unlike the cache. That is what `wheelmark trust update` brought, and
//! which signed policies were seen.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use wheelmark_core::limits::{POLICIES_SEEN, TRUST_STATE};
use wheelmark_core::policy::seen::{PoliciesSeen, SeenError};
use wheelmark_core::policy::signature::SignedPolicy;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::InstanceName;
use wheelmark_index::trust::{StateError, TrustState};

use crate::error::{CliError, shown};
use crate::input;

/// Names the data folder.
pub const DATA_VARIABLE: &str = "WHEELMARK_DATA";

/// A file in the data folder.
struct Kept(PathBuf);

impl Kept {
    /// Its bytes, if it is there; of more than `limit`, `limit` and one.
    fn read(&self, limit: usize) -> Result<Option<Vec<u8>>, CliError> {
        match self.0.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::io("read", &self.0, &error)),
            Ok(_) => {}
        }
        input::read_found(&self.0, limit).map(Some)
    }

    /// Keeps others from changing it until the value is dropped.
    fn lock(&self) -> Result<File, CliError> {
        let failed = |error| CliError::io("write to", self.folder(), &error);
        fs::create_dir_all(self.folder()).map_err(failed)?;
        let path = self.folder().join("lock");
        let mut open = OpenOptions::new();
        let file = open.create(true).truncate(false).write(true).open(path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Replaces it. At any moment the file is the old one or the new one, whole.
    fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let write = || {
            let mut file = NamedTempFile::with_prefix_in(".state-", self.folder())?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&self.0)?;
            // The name is in the folder, which is flushed by itself.
            File::open(self.folder())?.sync_all()
        };
        write().map_err(|error: io::Error| CliError::io("write", &self.0, &error))
    }

    fn folder(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new("/"))
    }
}

/// What is kept of one instance.
pub struct TrustFile {
    instance: InstanceName,
    kept: Kept,
}

impl TrustFile {
    /// The file of an instance; none where there is no place for one.
    pub fn of(instance: InstanceName) -> Result<Option<Self>, CliError> {
        let below = |folder: PathBuf| Self {
            instance,
            kept: Kept(folder.join("trust").join(instance.as_str()).join("state.json")),
        };
        Ok(data()?.map(below))
    }

    /// The same for what is to be written.
    pub fn to_write(instance: InstanceName) -> Result<Self, CliError> {
        Self::of(instance)?.ok_or_else(|| no_place("what is refreshed"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.kept.0
    }

    /// What is kept, if anything is. What is damaged is an error: taken for nothing, it would bring back
    /// what was revoked.
    pub fn read(&self) -> Result<Option<TrustState>, CliError> {
        let Some(bytes) = self.kept.read(TRUST_STATE)? else { return Ok(None) };
        let state = TrustState::read(self.instance, &bytes);
        state.map(Some).map_err(|error| self.unusable(&error))
    }

    /// The file cannot be used, and what to do.
    pub fn unusable(&self, error: &StateError) -> CliError {
        let error = error.to_string();
        CliError::undecided(format!("{}: {}", shown(self.path()), Escaped(&error))).hint(format!(
            "if nobody should have changed it, find out who did; `wheelmark trust update {}` makes it \
             anew once it is removed",
            self.instance
        ))
    }

    /// Keeps others from refreshing the same instance until the value is dropped.
    pub fn lock(&self) -> Result<File, CliError> {
        self.kept.lock()
    }

    /// Replaces what is kept. At any moment the file is the old one or the new one, whole.
    pub fn write(&self, state: &TrustState) -> Result<(), CliError> {
        self.kept.write(&state.to_bytes())
    }
}

/// Which signed policies were seen.
pub struct SeenFile(Kept);

impl SeenFile {
    /// The file. Without a place for it nothing could be told from what is replayed.
    pub fn find() -> Result<Self, CliError> {
        let folder = data()?.ok_or_else(|| no_place("which signed policies were seen"))?;
        Ok(Self(Kept(folder.join("policies").join("seen.json"))))
    }

    /// Holds a policy against those that were seen; nothing is written.
    pub fn check(&self, policy: &SignedPolicy) -> Result<(), CliError> {
        self.see(policy).map(drop)
    }

    /// The same, and keeps it in mind.
    pub fn keep(&self, policy: &SignedPolicy) -> Result<(), CliError> {
        if self.see(policy)?.is_none() {
            return Ok(());
        }
        // Another process may have seen a later one meanwhile.
        let _held = self.0.lock()?;
        match self.see(policy)? {
            Some(seen) => self.0.write(&seen.to_bytes().map_err(CliError::undecided)?),
            None => Ok(()),
        }
    }

    /// What is then seen, where the policy is new.
    fn see(&self, policy: &SignedPolicy) -> Result<Option<PoliciesSeen>, CliError> {
        let mut seen = match self.0.read(POLICIES_SEEN)? {
            Some(bytes) => PoliciesSeen::read(&bytes).map_err(|error| self.refused(&error))?,
            None => PoliciesSeen::default(),
        };
        let new = seen.see(policy).map_err(|error| self.refused(&error))?;
        Ok(new.then_some(seen))
    }

    fn refused(&self, error: &SeenError) -> CliError {
        let told = error.to_string();
        let told = Escaped(&told);
        let path = shown(&self.0.0);
        match error {
            SeenError::Replayed { .. } | SeenError::OtherText { .. } => {
                CliError::undecided(told).hint(format!("what was seen is kept in {path}"))
            }
            SeenError::Damaged(_) => CliError::undecided(format!("{path}: {told}"))
                .hint("if nobody should have changed it, find out who did, before it is removed"),
            SeenError::Full => CliError::undecided(format!("{path}: {told}")),
        }
    }
}

fn no_place(what: &str) -> CliError {
    CliError::undecided(format!("there is no home folder for {what}"))
        .hint(format!("set {DATA_VARIABLE} to a folder that can be written"))
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
