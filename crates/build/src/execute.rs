//! One build, from a plan in which everything is decided, to one file.
//!
//! A recorded build, its confirmation and a rebuild all run through [`execute`]: what was recorded is
//! done again by the very code that did it first.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use wheelmark_core::attestation::environment::{Backend, Isolation};
use wheelmark_core::attestation::pep517::{Crate, Distribution, Step};

use crate::environment::interpreter::FoundInterpreter;
use crate::error::BuildError;
use crate::layout;
use crate::sandbox::{Bind, Bounds, Job, Sandbox, Trace};
use crate::workspace::Workspace;

const HOOKS: &str = include_str!("hooks.py");

/// Everything that a build needs, found and fetched.
#[derive(Debug)]
pub struct Plan {
    /// The clean tree of the commit; each run works on a copy.
    pub tree: PathBuf,
    /// The project's folder in it.
    pub subdirectory: String,
    /// What is built.
    pub distribution: Distribution,
    /// `config_settings`.
    pub config_settings: BTreeMap<String, Value>,
    /// The backend.
    pub backend: Backend,
    /// The interpreter of both environments.
    pub interpreter: FoundInterpreter,
    /// The build environment's folder.
    pub environment: PathBuf,
    /// The steps and the folder of their environment.
    pub steps: Vec<Step>,
    /// The steps' environment, where there are steps.
    pub steps_environment: Option<PathBuf>,
    /// Cargo's home with vendored crates, and the toolchain, for projects with Rust extensions.
    pub rust: Option<Rust>,
    /// Every environment variable.
    pub variables: BTreeMap<String, String>,
    /// The host name.
    pub hostname: String,
    /// What holds the build.
    pub isolation: Isolation,
}

/// What a Rust extension is built with.
#[derive(Debug, Clone)]
pub struct Rust {
    /// The crates, fetched beforehand.
    pub crates: Vec<Crate>,
    /// Cargo's home, which has them.
    pub home: PathBuf,
    /// The toolchain's folder on this machine.
    pub toolchain: PathBuf,
    /// The path at which the build sees it.
    pub inside: PathBuf,
}

/// In what one run differs from another without any of it being recorded: a confirmation changes all
/// of this and expects the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variation {
    /// The user id that the build sees.
    pub user: u32,
    /// How many processors it may use; `None` for all.
    pub processors: Option<usize>,
    /// Whether the source tree's files are laid down in reverse order, so that folders list otherwise.
    pub reverse_files: bool,
    /// Seconds by which the clock is off, where a tool for that is installed.
    pub clock_offset: i64,
}

impl Variation {
    /// The run that is recorded.
    pub const NONE: Self =
        Self { user: layout::USER, processors: None, reverse_files: false, clock_offset: 0 };
}

/// What a run gave.
#[derive(Debug)]
pub struct Built {
    /// The file.
    pub file: PathBuf,
    /// What was seen running, in the order of hooks and steps.
    pub traces: Vec<Trace>,
}

/// Where and how a run happens.
#[derive(Debug)]
pub struct Run<'a> {
    /// What holds it.
    pub sandbox: &'a Sandbox,
    /// Its bounds.
    pub bounds: &'a Bounds,
    /// Its folder; a run makes its own within.
    pub workspace: &'a Workspace,
    /// Names the run within the workspace.
    pub name: &'a str,
    /// How it differs from the recorded one.
    pub variation: Variation,
    /// Whether executed programs are observed.
    pub observe: bool,
    /// Where everything goes that the hooks and steps print.
    pub log: &'a Path,
    /// Set to stop it.
    pub cancel: &'a Arc<AtomicBool>,
}

/// Builds the file.
///
/// # Errors
/// [`BuildError`] for a hook or step that fails, leaves other than one file, or exceeds a bound.
pub fn execute(plan: &Plan, run: &Run<'_>) -> Result<Built, BuildError> {
    let folders = Folders::new(plan, run)?;
    let hook = match plan.distribution {
        Distribution::Wheel => "build_wheel",
        Distribution::Sdist => "build_sdist",
    };
    let mut traces = Vec::new();
    let (named, trace) = call_hook(plan, run, &folders, hook)?;
    traces.push(trace);
    let mut file = only_file(&folders.out, hook)?;
    if named.as_str() != file.file_name().and_then(|name| name.to_str()) {
        return Err(BuildError::HookNamedAnother { hook: hook.to_owned(), named: named.to_string() });
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let (produced, trace) = run_step(plan, run, index, step, &file)?;
        file = produced;
        traces.push(trace);
    }
    Ok(Built { file, traces })
}

/// Asks the backend what it needs besides `build-system.requires`.
///
/// # Errors
/// As [`execute`].
pub fn requires(plan: &Plan, run: &Run<'_>) -> Result<(Vec<String>, Trace), BuildError> {
    let folders = Folders::new(plan, run)?;
    let hook = match plan.distribution {
        Distribution::Wheel => "get_requires_for_build_wheel",
        Distribution::Sdist => "get_requires_for_build_sdist",
    };
    let (value, trace) = call_hook(plan, run, &folders, hook)?;
    let list: Vec<String> = serde_json::from_value(value.clone()).map_err(|_| {
        BuildError::HookNamedAnother { hook: hook.to_owned(), named: value.to_string() }
    })?;
    Ok((list, trace))
}

/// The folders of one run on the host.
struct Folders {
    source: PathBuf,
    out: PathBuf,
    result: PathBuf,
    driver: PathBuf,
    /// Keeps a source tree that lies outside of the workspace until the run has ended.
    _elsewhere: Option<tempfile::TempDir>,
}

impl Folders {
    fn new(plan: &Plan, run: &Run<'_>) -> Result<Self, BuildError> {
        let base = run.workspace.folder(run.name).map_err(BuildError::workspace)?;
        let (source, elsewhere) = lay_down(&plan.tree, &base, run.variation.reverse_files)
            .map_err(BuildError::workspace)?;
        let folder = |name: &str| {
            let path = base.join(name);
            fs::create_dir(&path).map_err(BuildError::workspace)?;
            Ok::<_, BuildError>(path)
        };
        let driver = folder("driver")?;
        fs::write(driver.join("hooks.py"), HOOKS).map_err(BuildError::workspace)?;
        Ok(Self {
            source,
            out: folder("out")?,
            result: folder("result")?,
            driver,
            _elsewhere: elsewhere,
        })
    }
}

/// Copies the tree for one run.
///
/// In reverse, the files are written last name first and to a file system in memory where there is one:
/// folders then list in another order, and a build that depends on it shows itself.
fn lay_down(
    tree: &Path,
    base: &Path,
    reverse: bool,
) -> io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let memory = Path::new("/dev/shm");
    let elsewhere = (reverse && memory.is_dir())
        .then(|| tempfile::Builder::new().prefix("wheelmark-").tempdir_in(memory))
        .transpose()?;
    let copy = elsewhere.as_ref().map_or(base, |folder| folder.path()).join("src");
    copy_tree(tree, &copy, reverse)?;
    Ok((copy, elsewhere))
}

fn copy_tree(from: &Path, to: &Path, reverse: bool) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if metadata.is_dir() {
        fs::create_dir(to)?;
        let mut entries = fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        if reverse {
            entries.reverse();
        }
        for entry in entries {
            copy_tree(&entry.path(), &to.join(entry.file_name()), reverse)?;
        }
    } else {
        fs::copy(from, to)?;
    }
    fs::set_permissions(to, metadata.permissions())?;
    File::open(to)?.set_modified(metadata.modified()?)
}

fn call_hook(
    plan: &Plan,
    run: &Run<'_>,
    folders: &Folders,
    hook: &str,
) -> Result<(Value, Trace), BuildError> {
    let task = json!({
        "hook": hook,
        "backend": plan.backend.name,
        "backendPath": plan.backend.path,
        "configSettings": plan.config_settings,
        "out": layout::OUT,
        "result": format!("{}/value.json", layout::RESULT),
    });
    fs::write(folders.driver.join("task.json"), task.to_string()).map_err(BuildError::workspace)?;

    let mut binds = system_binds(plan);
    binds.extend([
        Bind::read_only(&plan.environment, layout::ENVIRONMENT),
        Bind::read_only(&folders.driver, layout::DRIVER),
        Bind::writable(&folders.source, layout::SOURCE),
        Bind::writable(&folders.out, layout::OUT),
        Bind::writable(&folders.result, layout::RESULT),
    ]);
    let argv = vec![
        format!("{}/bin/python", layout::ENVIRONMENT),
        format!("{}/hooks.py", layout::DRIVER),
        format!("{}/task.json", layout::DRIVER),
    ];
    let cwd = match plan.subdirectory.as_str() {
        "" => layout::SOURCE.to_owned(),
        subdirectory => format!("{}/{subdirectory}", layout::SOURCE),
    };
    let trace = run_job(plan, run, binds, argv, &cwd, &plan.variables, hook)?;
    let text = read_bounded(&folders.result.join("value.json"), RESULT_LIMIT);
    let value = text.and_then(|text| serde_json::from_slice(&text).ok());
    let value = value.ok_or_else(|| BuildError::HookLeftNoResult { hook: hook.to_owned() })?;
    Ok((value, trace))
}

/// Bytes of a hook's return value: a file name, or a list of requirements.
const RESULT_LIMIT: u64 = 1 << 20;

fn run_step(
    plan: &Plan,
    run: &Run<'_>,
    index: usize,
    step: &Step,
    file: &Path,
) -> Result<(PathBuf, Trace), BuildError> {
    let what = format!("step {}", index + 1);
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let base = run.workspace.folder(&format!("{}-step-{index}", run.name));
    let base = base.map_err(BuildError::workspace)?;
    let folder = |name: &str| {
        let path = base.join(name);
        fs::create_dir(&path).map_err(BuildError::workspace)?;
        Ok::<_, BuildError>(path)
    };
    let (input, out) = (folder("in")?, folder("out")?);
    fs::copy(file, input.join(name)).map_err(BuildError::workspace)?;

    let mut binds = system_binds(plan);
    binds.extend([
        Bind::read_only(&input, layout::IN),
        Bind::writable(&out, layout::OUT),
    ]);
    let mut variables = plan.variables.clone();
    if let Some(environment) = &plan.steps_environment {
        binds.push(Bind::read_only(environment, layout::STEPS));
        for value in variables.values_mut() {
            *value = value.replace(layout::ENVIRONMENT, layout::STEPS);
        }
    }
    let argv = step
        .command
        .iter()
        .map(|word| {
            word.replace("{wheel}", &format!("{}/{name}", layout::IN)).replace("{out}", layout::OUT)
        })
        .collect();
    let trace = run_job(plan, run, binds, argv, layout::OUT, &variables, &what)?;
    Ok((only_file(&out, &what)?, trace))
}

/// What every job sees besides its own folders.
fn system_binds(plan: &Plan) -> Vec<Bind> {
    let mut binds: Vec<_> = plan
        .interpreter
        .directories
        .iter()
        .map(|folder| Bind::read_only(folder, folder))
        .collect();
    if let Some(rust) = &plan.rust {
        binds.push(Bind::writable(&rust.home, layout::CARGO));
        binds.push(Bind::read_only(&rust.toolchain, &rust.inside));
    }
    binds
}

/// The one regular file in an output folder.
fn only_file(folder: &Path, what: &str) -> Result<PathBuf, BuildError> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(BuildError::workspace)?;
    match &entries[..] {
        // A symbolic link is not a file: it could stand for one outside.
        [only] if only.file_type().is_ok_and(|kind| kind.is_file()) => Ok(only.path()),
        _ => Err(BuildError::NotOneFile {
            what: what.to_owned(),
            found: entries
                .iter()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
        }),
    }
}
