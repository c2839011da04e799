//! One build, from a plan in which everything is decided, to one file.
//!
//! A recorded build, its confirmation and a rebuild all run through [`execute`]: what was recorded is
//! done again by the very code that did it first.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::{Value, json};
use wheelmark_core::attestation::environment::{Backend, Isolation};
use wheelmark_core::attestation::pep517::{Crate, Distribution, Step};
use wheelmark_core::report::Escaped;

use crate::environment::crates::{self, CratesRequest};
use crate::environment::interpreter::FoundInterpreter;
use crate::environment::project::{BuildSystem, MAX_REQUIREMENTS};
use crate::environment::rust::RustToolchain;
use crate::error::BuildError;
use crate::layout::{self, Layout};
use crate::plan::{Compressor, EggInfo, Frontend, Moment, System};
use crate::sandbox::{Bind, Bounds, Cancel, End, Job, Sandbox, Trace, Tracing};
use crate::variation::{Variation, other_clock};
use crate::workspace::Workspace;

const HOOKS: &str = include_str!("hooks.py");

/// Before the hook caller, where the clock is off. `time.sleep` of Python 3.11 and newer waits for a
/// point in time, which libfaketime 0.9 refuses; here it waits for a span.
const HOOKS_OF_OTHER_CLOCK: &str = "\
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
";

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
    /// What the hook caller does besides; nothing for a recorded build.
    pub settings: Settings,
}

/// What a plan that nobody attested has the hook caller do besides. Absent values leave things as they are.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The umask.
    pub umask: Option<u32>,
    /// The time at which the clock stands, in seconds since 1970.
    pub clock: Option<i64>,
    /// Before what the clock moves on by two seconds, if it does.
    pub moves: Option<Moment>,
    /// Whether hooks are called, or `setup.py`.
    pub frontend: Option<Frontend>,
    /// Which times the files of `.egg-info` have, where the clock stands.
    pub egg_info: Option<EggInfo>,
    /// What compresses.
    pub compressor: Option<Compressor>,
    /// The system whose name the archive carries.
    pub system: Option<System>,
    /// Arguments of `setup.py bdist_wheel`.
    pub arguments: Vec<String>,
}

/// What a Rust extension is built with.
#[derive(Debug, Clone)]
pub struct Rust {
    /// The crates, fetched beforehand.
    pub crates: Vec<Crate>,
    /// Cargo's home, which has them.
    pub home: PathBuf,
    /// The toolchain's folder.
    pub toolchain: PathBuf,
    /// The path at which the build sees the toolchain: its own, or for a rebuild the recorded one.
    pub inside: PathBuf,
}

impl Rust {
    /// Fetches the crates of a project into `home`, if it has a Rust extension.
    ///
    /// # Errors
    /// Where there is no toolchain, no Cargo.lock, or a crate that cannot be pinned.
    pub fn fetch(
        tree: &Path,
        project: &Path,
        home: &Path,
        inside: &Path,
        cancel: &AtomicBool,
    ) -> Result<Option<Self>, BuildError> {
        let build_system = &BuildSystem::read(project)?;
        if !crates::are_needed(build_system) {
            return Ok(None);
        }
        let toolchain = RustToolchain::find(cancel)?;
        let request = CratesRequest { checkout: tree, project, build_system, home, inside };
        let fetched = crates::fetch(request, &toolchain, cancel)?;
        Ok(fetched.map(|fetched| Self {
            crates: fetched.packages,
            home: fetched.home,
            inside: toolchain.sysroot.clone(),
            toolchain: toolchain.sysroot,
        }))
    }
}

/// Where the build saw its Rust toolchain: the only folder of `PATH` that is neither the build's own nor
/// the system's.
pub(crate) fn recorded_toolchain(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folders = variables.get("PATH")?.split(':').map(Path::new);
    let system = [layout::ROOT, "/usr", "/bin"];
    let mut others = folders.filter(|folder| !system.iter().any(|root| folder.starts_with(root)));
    others.next()?.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned)
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
    /// What is observed of it.
    pub trace: Tracing,
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
    let hook = match plan.distribution {
        Distribution::Wheel => "build_wheel",
        Distribution::Sdist => "build_sdist",
    };
    let (answer, trace) = call_hook(plan, run, hook)?;
    let mut file = only_file(&run.folder("out"), hook)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if answer.as_str() != Some(&*name) {
        let expected = format!("the name of the file it left, `{}`", Escaped(&name));
        return Err(BuildError::hook_answer(hook, &answer, expected));
    }
    let mut traces = vec![trace];
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
    let hook = match plan.distribution {
        Distribution::Wheel => "get_requires_for_build_wheel",
        Distribution::Sdist => "get_requires_for_build_sdist",
    };
    let (answer, trace) = call_hook(plan, run, hook)?;
    match serde_json::from_value::<Vec<String>>(answer.clone()) {
        Ok(list) if list.len() > MAX_REQUIREMENTS => Err(BuildError::hook_answer(
            hook,
            &answer,
            format!("a list of at most {MAX_REQUIREMENTS} requirements, but of {}", list.len()),
        )),
        Ok(list) => Ok((list, trace)),
        Err(_) => Err(BuildError::hook_answer(hook, &answer, "a list of requirements".to_owned())),
    }
}

impl Plan {
    /// The paths that a run of this name sees.
    pub fn layout(&self, workspace: &Workspace, name: &str) -> Layout {
        match self.isolation {
            Isolation::Bubblewrap => Layout::fixed(),
            Isolation::None => Layout::on_host(
                &workspace.path(name),
                &self.environment,
                self.steps_environment.as_deref(),
                self.rust.as_ref().map(|rust| rust.home.as_path()),
            ),
        }
    }

    /// What every job sees besides its own folders.
    fn system_binds(&self, layout: &Layout) -> Vec<Bind> {
        let same = |folder: &PathBuf| read_only(folder, folder);
        let mut binds: Vec<_> = self.interpreter.directories.iter().map(same).collect();
        if let Some(rust) = &self.rust {
            binds.push(read_only(&rust.home, &layout.cargo));
            binds.push(read_only(&rust.toolchain, &rust.inside));
        }
        binds
    }
}

impl Run<'_> {
    fn folder(&self, name: &str) -> PathBuf {
        self.workspace.path(self.name).join(name)
    }

    fn new_folder(&self, name: &str) -> Result<PathBuf, BuildError> {
        let path = self.folder(name);
        fs::create_dir_all(&path).map_err(BuildError::Workspace)?;
        Ok(path)
    }

    /// Copies the tree for this run.
    ///
    /// In reverse, the files are written last name first and to a file system in memory where there is
    /// one: folders then list in another order, and a build that depends on it shows itself.
    fn lay_down(&self, tree: &Path) -> Result<(PathBuf, Option<tempfile::TempDir>), BuildError> {
        let memory = Path::new("/dev/shm");
        let reverse = self.variation.reverse_files;
        let elsewhere = (reverse && memory.is_dir())
            .then(|| tempfile::Builder::new().prefix("wheelmark-").tempdir_in(memory))
            .transpose()
            .map_err(BuildError::Workspace)?;
        let copy = match &elsewhere {
            Some(folder) => folder.path().join("src"),
            None => self.new_folder("")?.join("src"),
        };
        copy_tree(tree, &copy, reverse).map_err(BuildError::Workspace)?;
        Ok((copy, elsewhere))
    }

    /// Runs one command in the sandbox to its end.
    fn job(&self, plan: &Plan, call: &Call<'_>) -> Result<Trace, BuildError> {
        let mut env = call.variables.clone();
        if self.variation.other_clock {
            env.extend(other_clock());
        }
        let mut log = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(self.log)
            .map_err(BuildError::Workspace)?;
        let before = log.metadata().map_err(BuildError::Workspace)?.len();
        let mut binds = call.binds.clone();
        if plan.isolation == Isolation::Bubblewrap
            && let Some(count) = self.variation.processors
        {
            // Where C libraries look for it first; otherwise they would count all of the machine's.
            let online = self.new_folder("processors")?.join("online");
            fs::write(&online, format!("0-{}\n", count.get() - 1))
                .map_err(BuildError::Workspace)?;
            binds.push(read_only(&online, Path::new(PROCESSORS_ONLINE)));
        }
        let outcome = self.sandbox.run(Job {
            binds: &binds,
            scratch: slice::from_ref(call.home),
            env: &env,
            cwd: call.cwd,
            argv: &call.argv,
            bounds: self.bounds,
            hostname: &plan.hostname,
            uid: self.variation.user(self.sandbox.uid()?),
            cpus: self.variation.processors,
            launcher_locale: self.variation.locale(),
            trace: self.trace,
            log: &mut log,
            cancel: &Cancel::from_flag(self.cancel.clone()),
        })?;
        match outcome.end {
            End::Exited(0) => Ok(outcome.trace),
            End::Cancelled => Err(BuildError::Interrupted),
            end => Err(BuildError::Failed {
                what: call.what.to_owned(),
                end,
                tail: tail(&mut log, before).map_err(BuildError::Workspace)?,
            }),
        }
    }
}

/// One command and what it sees.
struct Call<'a> {
    what: &'a str,
    binds: Vec<Bind>,
    argv: Vec<OsString>,
    cwd: &'a Path,
    home: &'a PathBuf,
    variables: &'a BTreeMap<String, String>,
}

const PROCESSORS_ONLINE: &str = "/sys/devices/system/cpu/online";

fn read_only(host: &Path, inside: &Path) -> Bind {
    Bind { host: host.to_owned(), inside: inside.to_owned(), writable: false }
}

fn writable(host: &Path, inside: &Path) -> Bind {
    Bind { host: host.to_owned(), inside: inside.to_owned(), writable: true }
}

fn call_hook(plan: &Plan, run: &Run<'_>, hook: &str) -> Result<(Value, Trace), BuildError> {
    let layout = plan.layout(run.workspace, run.name);
    let (source, _elsewhere) = run.lay_down(&plan.tree)?;
    let (driver, out) = (run.new_folder("driver")?, run.new_folder("out")?);
    let result = run.new_folder("result")?;
    let task = json!({
        "hook": hook,
        "backend": plan.backend.name,
        "backendPath": plan.backend.path,
        "configSettings": plan.config_settings,
        "out": layout.out,
        "result": layout.result.join(VALUE),
        "settings": plan.settings,
    });
    let hooks = match run.variation.other_clock {
        true => format!("{HOOKS_OF_OTHER_CLOCK}{HOOKS}"),
        false => HOOKS.to_owned(),
    };
    fs::write(driver.join("hooks.py"), hooks)
        .and_then(|()| fs::write(driver.join("task.json"), task.to_string()))
        .map_err(BuildError::Workspace)?;

    let mut binds = plan.system_binds(&layout);
    binds.extend([
        read_only(&plan.environment, &layout.environment),
        read_only(&driver, &layout.driver),
        writable(&source, &layout.source),
        writable(&out, &layout.out),
        writable(&result, &layout.result),
    ]);
    let argv = [
        layout.environment.join("bin/python"),
        layout.driver.join("hooks.py"),
        layout.driver.join("task.json"),
    ];
    let call = Call {
        what: hook,
        binds,
        argv: argv.map(OsString::from).into(),
        cwd: &layout.source.join(&plan.subdirectory),
        home: &layout.home,
        variables: &plan.variables,
    };
    let trace = run.job(plan, &call)?;
    let answer = open_plain(&result.join(VALUE)).and_then(|file| {
        let mut text = Vec::new();
        file.take(ANSWER_LIMIT).read_to_end(&mut text)?;
        Ok(text)
    });
    match answer.ok().and_then(|text| serde_json::from_slice(&text).ok()) {
        Some(answer) => Ok((answer, trace)),
        None => Err(BuildError::HookLeftNoAnswer { hook: hook.to_owned() }),
    }
}

/// Opens a file where a job could write: a regular one, and no link to another place or pipe to wait on.
fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// The file in which the hook caller leaves the hook's return value.
const VALUE: &str = "value.json";

/// Bytes of that value: a file name, or a list of requirements.
const ANSWER_LIMIT: u64 = 1 << 20;

/// The exit status by which `env` and shells say so.
const COMMAND_NOT_FOUND: i32 = 127;

fn run_step(
    plan: &Plan,
    run: &Run<'_>,
    index: usize,
    step: &Step,
    file: &Path,
) -> Result<(PathBuf, Trace), BuildError> {
    let what = format!("step {} (`{}`)", index + 1, step.command.join(" "));
    let name = format!("{}-step-{}", run.name, index + 1);
    let run = &Run { name: &name, ..*run };
    let layout = plan.layout(run.workspace, run.name);
    let (input, out) = (run.new_folder("in")?, run.new_folder("out")?);
    let filename = file.file_name().unwrap_or_default();
    // Whatever mode the backend gave its file, the step is another user where we are root.
    let copy = input.join(filename);
    fs::copy(file, &copy)
        .and_then(|_| fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)))
        .map_err(BuildError::Workspace)?;

    let mut binds = plan.system_binds(&layout);
    binds.extend([read_only(&input, &layout.input), writable(&out, &layout.out)]);
    let mut variables = plan.variables.clone();
    if let Some(environment) = &plan.steps_environment {
        binds.push(read_only(environment, &layout.steps));
        let (from, to) = (text(&layout.environment), text(&layout.steps));
        variables.values_mut().for_each(|value| *value = value.replace(&from, &to));
    }
    let wheel = text(&layout.input.join(filename));
    let word =
        |word: &String| word.replace("{wheel}", &wheel).replace("{out}", &text(&layout.out)).into();
    let call = Call {
        what: &what,
        binds,
        argv: step.command.iter().map(word).collect(),
        cwd: &layout.out,
        home: &layout.home,
        variables: &variables,
    };
    let trace = run.job(plan, &call).map_err(|error| match error {
        BuildError::Failed { what, end: End::Exited(COMMAND_NOT_FOUND), tail } => {
            BuildError::StepProgramMissing { what, tail }
        }
        error => error,
    })?;
    Ok((only_file(&out, &what)?, trace))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The last lines that a job printed: what a person needs to see of a failure.
fn tail(log: &mut File, from: u64) -> io::Result<String> {
    const BYTES: u64 = 8 << 10;
    const LINES: usize = 40;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(from.max(length.saturating_sub(BYTES))))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    let printed = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = printed.lines().collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
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

/// The one regular file in an output folder.
fn only_file(folder: &Path, what: &str) -> Result<PathBuf, BuildError> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(BuildError::Workspace)?;
    match &entries[..] {
        // A symbolic link is not a file: it could stand for one outside.
        [only] if only.file_type().is_ok_and(|kind| kind.is_file()) => Ok(only.path()),
        _ => {
            let names = entries.iter().map(fs::DirEntry::file_name);
            let mut found: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
            found.sort();
            let what = what.to_owned();
            Err(BuildError::NotOneFile { what, found })
        }
    }
}
