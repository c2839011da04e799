//! The inspections of an in-toto layout: commands of whoever signed it, run over a file that is to be judged (in-toto
//! specification v1.0, 5.2).
//!
//! 1. A fresh folder gets a copy of the file, and nothing else.
//! 2. For each inspection in turn the files there are recorded, the command is run in the sandbox, without a network, and
//!    the files are recorded again. One that does not end well is the last.
//!
//! Never without the sandbox: where there is none nothing is run. What came of it is for
//! [`Outcome::report`](wheelmark_core::layout::Outcome::report) to judge.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_core::layout::{Inspected, Inspection};
use wheelmark_core::limits::SHOWN_LENGTH;
use wheelmark_core::verify::Artifact;

use crate::layout::{HOSTNAME, LOCALE, ROOT, TIMEZONE};
use crate::link::{LinkError, Recorder};
use crate::sandbox::{
    Bind, Bounds, Cancel, End, Job, LAUNCHER_LOCALE, Sandbox, SandboxError, Tracing,
};

/// Where programs of inspections are looked for: what the sandbox has of the system.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why no inspection can be judged.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The sandbox could not be had, or could not do its part.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// What an inspection had or left cannot be recorded.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The file could not be copied.
    #[error("cannot copy {path:?} for inspection: {source}")]
    Copy {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not the file any more that was judged.
    #[error("{path:?} was changed while it was verified")]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Runs inspections, and has what that needs.
pub struct Inspector {
    sandbox: Sandbox,
    cancel: Arc<AtomicBool>,
    bounds: Bounds,
}

impl Inspector {
    /// Finds and tries the sandbox. `cancel` ends what is run.
    ///
    /// # Errors
    /// [`InspectError::Sandbox`] where there is none.
    pub fn new(cancel: Arc<AtomicBool>) -> Result<Self, InspectError> {
        Ok(Self {
            sandbox: Sandbox::detect(Tracing::Off)?,
            cancel,
            bounds: Bounds::of_inspections(),
        })
    }

    /// Runs inspections over a file, of which `path` has the bytes: what came of each, up to the first that did not end
    /// well.
    ///
    /// # Errors
    /// [`InspectError`]; how a command ended is none.
    pub fn inspect(
        &self,
        artifact: &Artifact,
        path: &Path,
        inspections: &[Inspection],
    ) -> Result<Vec<Inspected>, InspectError> {
        let failed = |source| InspectError::Copy { path: path.to_owned(), source };
        let folder = tempfile::Builder::new().prefix("inspect-").tempdir().map_err(failed)?;
        copy(path, &folder.path().join(&artifact.name)).map_err(failed)?;
        let recorder = Recorder::new(folder.path(), &[], &self.cancel)?;
        let here = [PathBuf::from(".")];
        let mut before = recorder.record(&here)?;
        if before.get(&artifact.name) != Some(&artifact.sha256) {
            return Err(InspectError::Changed { path: path.to_owned() });
        }
        let mut all = Vec::new();
        for inspection in inspections {
            let ended = self.run(inspection, folder.path())?;
            let products = recorder.record(&here)?;
            let well = ended.is_ok();
            all.push(Inspected { materials: before, products: products.clone(), ended });
            if !well {
                break;
            }
            before = products;
        }
        Ok(all)
    }

    /// Runs one in the folder, and says in words how it ended, unless that was well.
    fn run(
        &self,
        inspection: &Inspection,
        folder: &Path,
    ) -> Result<Result<(), String>, InspectError> {
        let inside = Path::new(ROOT).join("inspect");
        let home = Path::new(ROOT).join("home");
        let env = [
            ("PATH", PROGRAMS.to_owned()),
            ("HOME", home.to_string_lossy().into_owned()),
            ("LANG", LOCALE.to_owned()),
            ("LC_ALL", LOCALE.to_owned()),
            ("TZ", TIMEZONE.to_owned()),
        ];
        let env: BTreeMap<_, _> =
            env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let argv: Vec<_> = inspection.command().iter().map(OsString::from).collect();
        let mut log = Vec::new();
        let outcome = self.sandbox.run(Job {
            binds: &[Bind { host: folder.to_owned(), inside: inside.clone(), writable: true }],
            scratch: &[home],
            env: &env,
            cwd: &inside,
            argv: &argv,
            bounds: &self.bounds,
            hostname: HOSTNAME,
            uid: self.sandbox.uid()?,
            cpus: None,
            launcher_locale: LAUNCHER_LOCALE,
            trace: Tracing::Off,
            log: &mut log,
            cancel: &Cancel::from_flag(Arc::clone(&self.cancel)),
        })?;
        let ended = match outcome.end {
            End::Exited(0) => return Ok(Ok(())),
            End::Exited(status) => format!("it ended with status {status}"),
            End::Signalled(signal) => format!("it was ended by signal {signal}"),
            End::Exceeded(exceeded) => format!("it {exceeded}"),
            End::Cancelled => return Err(LinkError::Cancelled.into()),
        };
        Ok(Err(match last_line(&log) {
            Some(said) => format!("{ended}, and said last: {said}"),
            None => ended,
        }))
    }
}

/// Copies a regular file, of no more bytes than it has at the start.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let file = File::open(from)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut copy = fs::OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut file.take(meta.len()), &mut copy).map(drop)
}

/// The last line of what a command printed that is not blank, as much of it as is shown.
fn last_line(log: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(log);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().take(SHOWN_LENGTH).collect())
}
