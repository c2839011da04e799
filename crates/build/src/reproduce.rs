//! One build from a [`BuildPlan`]: the plan that nobody attested, put into the terms of [`execute`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use url::Url;
use wheelmark_core::attestation::environment::{Backend, Isolation};
use wheelmark_core::attestation::pep517::Distribution;
use wheelmark_core::requirement;

use crate::environment::interpreter::{self, FoundInterpreter};
use crate::environment::project::{BuildSystem, DEFAULT_BACKEND};
use crate::environment::pylock::{Lock, LockedRequirement};
use crate::environment::requirements::{LockError, LockRequest, lock};
use crate::error::BuildError;
use crate::execute::{self, Built, Plan, Run, Rust, Settings};
use crate::layout::{self, Layout};
use crate::plan::{BuildPlan, Clock, Compressor, Extensions, Frontend, Locked, System, Times};
use crate::record::{Machine, variables};
use crate::sandbox::Tracing;
use crate::source::sdist::Unpacked;
use crate::variation::Variation;
use crate::workspace::Workspace;

/// What `setup.py` imports. The package `wheel`, where setuptools needs it, is for the plan to name.
const SETUPTOOLS: &str = "setuptools";

/// What a build from a plan gave.
#[derive(Debug)]
pub struct Reproduced {
    /// The file.
    pub built: Built,
    /// The plan, with every file of the environment: what was inferred or resolved is now exact.
    pub plan: BuildPlan,
    /// The interpreter.
    pub interpreter: FoundInterpreter,
}

/// Builds a plan's wheel from its unpacked source. `name` tells this build from others in the workspace.
///
/// # Errors
/// [`BuildError`].
pub fn reproduce(
    machine: &Machine,
    workspace: &Workspace,
    plan: &BuildPlan,
    source: &Unpacked,
    name: &str,
    log: &Path,
) -> Result<Reproduced, BuildError> {
    let umask = plan
        .mask()
        .map_err(|_| BuildError::Unusable { what: "a umask", value: plan.umask.value.clone() })?;
    source.set_modes(plan.modes.value, umask, plan.system.value).map_err(BuildError::Workspace)?;
    let time = match plan.times.value {
        Times::Source => None,
        Times::Clock => plan.clock.value.begins(),
    };
    source.set_times(time).map_err(BuildError::Workspace)?;
    let interpreter = interpreter::find(&machine.uv, Some(&plan.python.value), &machine.cancel)?;
    let system = build_system(plan, &source.folder)?;
    let requires = requirements(plan, &system.requires);
    let mut exact = plan.clone();
    let mut resolve = |requires: &[String]| -> Result<PathBuf, BuildError> {
        let lock = match plan.locked.is_empty() {
            true => resolved(machine, &mut exact, requires, &interpreter)?,
            false => Lock::from_dependencies(&recorded(&plan.locked))?,
        };
        exact.locked = lock.packages().iter().map(locked).collect();
        let environments = &machine.environments;
        Ok(environments.materialize(&machine.uv, &lock, &interpreter, &machine.cancel)?)
    };
    let environment = resolve(&requires)?;
    let cargo = workspace.path(&format!("{name}-cargo"));
    let inside = Layout::fixed().cargo;
    let rust = match plan.frontend.value {
        Frontend::Pep517 | Frontend::InstalledBackend => {
            Rust::fetch(&source.folder, &source.folder, &cargo, &inside, &machine.cancel)?
        }
        Frontend::SetupPy => None,
    };
    let asking = format!("{name}-requires");
    let mut steps = Plan {
        tree: source.folder.clone(),
        subdirectory: String::new(),
        distribution: Distribution::Wheel,
        config_settings: config_settings(plan),
        backend: system.backend.clone(),
        interpreter: interpreter.clone(),
        environment,
        steps: Vec::new(),
        steps_environment: None,
        rust,
        variables: BTreeMap::new(),
        hostname: layout::HOSTNAME.to_owned(),
        // A stranger's code never runs outside of the sandbox.
        isolation: Isolation::Bubblewrap,
        settings: settings(plan, umask),
    };
    steps.variables = variables_of(plan, &steps);
    let run = |name| Run {
        sandbox: &machine.sandbox,
        bounds: &machine.bounds,
        workspace,
        name,
        variation: Variation::NONE,
        trace: Tracing::Off,
        log,
        cancel: &machine.cancel,
    };
    if plan.locked.is_empty() && may_ask(&source.folder, &system) {
        let (asked, _) = execute::requires(&steps, &run(&asking))?;
        let names = names(&requires);
        let more: Vec<_> = asked.into_iter().filter(|it| !is_of(it, &names)).collect();
        if !more.is_empty() {
            let all: Vec<_> = requires.iter().cloned().chain(more).collect();
            steps.environment = resolve(&all)?;
        }
    }
    let built = execute::execute(&steps, &run(name))?;
    Ok(Reproduced { built, plan: exact, interpreter })
}

/// Resolves what the plan asks for. Where that is not to be had as of its time (an index may not say when its files were
/// uploaded, or have had no wheel of something then), only setuptools and wheel are held to it, and at last nothing;
/// then the plan says so.
fn resolved(
    machine: &Machine,
    exact: &mut BuildPlan,
    requirements: &[String],
    interpreter: &FoundInterpreter,
) -> Result<Lock, BuildError> {
    let newer = exact.exclude_newer.as_ref().map(|it| it.value);
    let ask = |exclude_newer, only_backends| {
        let (constraints, yanked) = (None, true);
        let request = LockRequest {
            requirements,
            interpreter,
            exclude_newer,
            only_backends,
            constraints,
            yanked,
        };
        lock(&machine.uv, request, &machine.cancel)
    };
    let first = ask(newer, false);
    if newer.is_none() || !matches!(first, Err(LockError::Unresolvable { .. })) {
        return Ok(first?);
    }
    if let Ok(lock) = ask(newer, true) {
        return Ok(lock);
    }
    let lock = ask(None, false)?;
    exact.exclude_newer = None;
    Ok(lock)
}

fn build_system(plan: &BuildPlan, folder: &Path) -> Result<BuildSystem, BuildError> {
    match plan.frontend.value {
        Frontend::Pep517 => Ok(BuildSystem::read(folder)?),
        Frontend::InstalledBackend => {
            let mut system = BuildSystem::read(folder)?;
            system.backend.path.clear();
            Ok(system)
        }
        Frontend::SetupPy => {
            let backend = Backend { name: DEFAULT_BACKEND.to_owned(), path: Vec::new() };
            // What a pyproject.toml asks for was there too, if anybody read it.
            let read = BuildSystem::read(folder).map(|system| system.requires);
            let mut requires = read.unwrap_or_default();
            if !requires.iter().any(|it| is_of(it, &[SETUPTOOLS.to_owned()])) {
                requires.push(SETUPTOOLS.to_owned());
            }
            Ok(BuildSystem { requires, backend })
        }
    }
}

/// The source's requirements with the plan's: of one project, the plan's hold alone.
fn requirements(plan: &BuildPlan, source: &[String]) -> Vec<String> {
    let planned: Vec<String> = plan.requires.iter().map(|it| it.value.clone()).collect();
    let names = names(&planned);
    let compressor = match plan.compressor.value {
        Compressor::Zlib => None,
        Compressor::ZlibNg => Some("zlib-ng".to_owned()),
    };
    let others = source.iter().filter(|it| !is_of(it, &names)).cloned();
    others.chain(planned).chain(compressor).collect()
}

fn names(requirements: &[String]) -> Vec<String> {
    requirements.iter().filter_map(|text| name(text)).collect()
}

fn name(text: &str) -> Option<String> {
    requirement::parse::<Url>(text).ok().map(|it| it.name.to_string())
}

fn is_of(requirement: &str, names: &[String]) -> bool {
    name(requirement).is_some_and(|name| names.contains(&name))
}

fn recorded(locked: &[Locked]) -> Vec<LockedRequirement> {
    let recorded = locked.iter().map(|it| LockedRequirement {
        name: it.name.clone(),
        version: it.version.clone(),
        filename: it.filename.clone(),
        url: None,
        sha256: it.sha256,
        size: None,
        upload_time: None,
    });
    recorded.collect()
}

fn locked(package: &LockedRequirement) -> Locked {
    Locked {
        name: package.name.clone(),
        version: package.version.clone(),
        filename: package.filename.clone(),
        sha256: package.sha256,
    }
}

/// Backends that ask for nothing besides what `pyproject.toml` says.
const ASK_NOTHING: &[&str] =
    &["flit_core.buildapi", "poetry.core.masonry.api", "uv_build", "pdm.pep517.api"];

/// Whether the backend could ask for more. setuptools asks for `setup_requires`, and for `wheel`, which a plan of it
/// has already.
fn may_ask(folder: &Path, system: &BuildSystem) -> bool {
    if !system.backend.path.is_empty() {
        return true;
    }
    if ASK_NOTHING.contains(&&*system.backend.name) {
        return false;
    }
    let says =
        |file: &str| fs::read(folder.join(file)).is_ok_and(|text| find(&text, b"setup_requires"));
    match system.backend.name.starts_with("setuptools.build_meta") {
        true => says("setup.py") || says("setup.cfg"),
        false => true,
    }
}

fn find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn config_settings(plan: &BuildPlan) -> BTreeMap<String, Json> {
    if plan.frontend.value == Frontend::SetupPy {
        return BTreeMap::new();
    }
    if plan.extensions.value == Extensions::LeftOut {
        return [("pure-python".to_owned(), Json::from("true"))].into();
    }
    if plan.arguments.is_empty() {
        return BTreeMap::new();
    }
    let arguments = plan.arguments.iter().map(|it| Json::from(it.value.clone())).collect();
    [("--build-option".to_owned(), Json::Array(arguments))].into()
}

fn settings(plan: &BuildPlan, umask: u32) -> Settings {
    let moves = match plan.clock.value {
        Clock::Moves { before, .. } => Some(before),
        _ => None,
    };
    let umask = if plan.system.value == System::Windows { 0 } else { umask };
    Settings {
        umask: Some(umask),
        clock: plan.clock.value.begins(),
        moves,
        frontend: Some(plan.frontend.value),
        egg_info: Some(plan.egg_info.value),
        compressor: Some(plan.compressor.value),
        system: Some(plan.system.value).filter(|system| *system != System::Unix),
        arguments: plan.arguments.iter().map(|it| it.value.clone()).collect(),
    }
}

fn variables_of(plan: &BuildPlan, steps: &Plan) -> BTreeMap<String, String> {
    const EPOCH: &str = "SOURCE_DATE_EPOCH";
    let epoch = match plan.clock.value {
        Clock::SourceDateEpoch(time) => Some(time),
        _ => None,
    };
    let mut variables = variables(epoch.unwrap_or_default(), steps, &Layout::fixed());
    if epoch.is_none() {
        variables.remove(EPOCH);
    }
    variables.insert("TZ".to_owned(), plan.zone.value.clone());
    if plan.extensions.value == Extensions::LeftOut {
        let project = plan.wheel.filename.split('-').next().unwrap_or_default();
        variables.insert(format!("{}_NO_EXTENSIONS", project.to_uppercase()), "1".to_owned());
        for compiler in ["CC", "CXX"] {
            variables.insert(compiler.to_owned(), "/bin/false".to_owned());
        }
    }
    variables
}
