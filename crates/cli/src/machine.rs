//! The tools of this machine that a build needs, found once, with a place to work.

use std::env;
use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wheelmark_build::environment::store::EnvironmentStore;
use wheelmark_build::environment::uv::Uv;
use wheelmark_build::error::BuildError;
use wheelmark_build::process::together;
use wheelmark_build::record::Machine;
use wheelmark_build::sandbox::{Bounds, End, Isolation, Sandbox, SandboxError, Tracing};
use wheelmark_build::workspace::Workspace;
use wheelmark_core::report::Escaped;

use crate::bound_options;
use crate::error::CliError;

/// Names the folder for environments and work in progress.
pub const CACHE_VARIABLE: &str = "WHEELMARK_CACHE";

/// The cache folder, and a work folder in it.
pub struct Place {
    cache: PathBuf,
    /// The work folder, which goes with this value.
    pub workspace: Workspace,
}

impl Place {
    /// Makes the work folder. From here on every temporary file of this process lies in it: what a
    /// killed build leaves is then swept with it by the next.
    pub fn make() -> Result<Self, CliError> {
        let cache = cache()?;
        let failed = |error: io::Error| CliError::io("use the cache folder", &cache, &error);
        let workspace = Workspace::new(&cache).map_err(failed)?;
        let temporary = workspace.folder("temporary").map_err(failed)?;
        tempfile::env::override_temp_dir(&temporary)
            .map_err(|_| failed(io::Error::other("a process has one work folder")))?;
        Ok(Self { cache, workspace })
    }
}

/// Finds everything; the tracer only where jobs will be traced. Whatever else uv is to be `asked` for is
/// asked at the same time as the sandbox is tried.
pub fn find<T>(
    isolation: Isolation,
    trace: Tracing,
    bounds: Bounds,
    cancel: Arc<AtomicBool>,
    place: &Place,
    asked: impl FnOnce(&Uv) -> Result<T, BuildError>,
) -> Result<(Machine, T), CliError> {
    let (sandbox, uv) = together(
        || match isolation {
            Isolation::Bubblewrap => Sandbox::detect(trace),
            Isolation::None => Sandbox::none_unsafe(trace),
        },
        || {
            let uv = Uv::find(&cancel)?;
            let answer = asked(&uv)?;
            Ok::<_, BuildError>((uv, answer))
        },
    );
    let sandbox = sandbox.map_err(BuildError::from)?;
    let (uv, answer) = uv?;
    let environments = EnvironmentStore::new(&place.cache);
    Ok((Machine { sandbox, uv, environments, bounds, cancel }, answer))
}

/// `$WHEELMARK_CACHE`, or `wheelmark` in the user's cache folder (XDG base directories).
fn cache() -> Result<PathBuf, CliError> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    if let Some(path) = env::var_os(CACHE_VARIABLE) {
        return absolute(path.into())
            .ok_or_else(|| CliError::usage(format!("{CACHE_VARIABLE} is not an absolute path")));
    }
    env::var_os("XDG_CACHE_HOME")
        .and_then(|path| absolute(path.into()))
        .or_else(|| env::home_dir().and_then(absolute).map(|home| home.join(".cache")))
        .map(|cache| cache.join("wheelmark"))
        .ok_or_else(|| {
            CliError::undecided("there is no home folder for the cache")
                .hint(format!("set {CACHE_VARIABLE} to a folder that can be written"))
        })
}

/// A build's error: its last line may be a hint, which is shown as one.
impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        match &error {
            BuildError::Interrupted => return Self::undecided(crate::interrupt::MESSAGE),
            BuildError::Sandbox(SandboxError::Missing { what, hint }) => {
                return Self::undecided(format!("{what} is missing")).hint(hint);
            }
            BuildError::Sandbox(SandboxError::Refused { message, hint }) => {
                let message = format!("the system refuses a sandbox: {}", Escaped(message));
                return Self::undecided(message).hint(hint);
            }
            BuildError::Failed { end: End::Exceeded(exceeded), .. } => {
                return Self::undecided(&error).hint(bound_options::hint(exceeded.bound));
            }
            _ => {}
        }
        let mut text = error.to_string();
        // What lies behind an error is told by the sandbox's beside the message, by all others in it.
        if let (BuildError::Sandbox(_), Some(source)) = (&error, error.source()) {
            text = format!("{text}: {source}");
        }
        match text.rsplit_once("\nhint: ") {
            Some((message, hint)) => Self::undecided(message).hint(hint),
            None => Self::undecided(text),
        }
    }
}
