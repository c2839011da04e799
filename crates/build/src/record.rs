//! A recorded build: from a request to a file and the provenance that says how it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::Value;
use wheelmark_core::attestation::environment::{EnvironmentManifest, Isolation, Platform, Tool};
use wheelmark_core::attestation::pep517::{
    Distribution, ExternalParameters, InternalParameters, Pep517Build, Requirement, Role, Source,
    SourceState, Step,
};
use wheelmark_core::attestation::provenance::{
    BuildMetadata, Builder, PROVENANCE_TYPE, Provenance, RunDetails,
};
use wheelmark_core::attestation::statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
use wheelmark_core::digest::Sha256Digest;

use crate::environment::interpreter::FoundInterpreter;
use crate::environment::platform;
use crate::environment::project::BuildSystem;
use crate::environment::pylock::Lock;
use crate::environment::requirements::{LockRequest, lock};
use crate::environment::store::EnvironmentStore;
use crate::environment::uv::{Uv, UvError, digest_of};
use crate::error::BuildError;
use crate::execute::{self, Plan, Run, Rust, Settings};
use crate::layout::{self, Layout};
use crate::observe::observe;
use crate::process::together;
use crate::sandbox::{Bounds, Sandbox, Tracing};
use crate::source::ResolvedSource;
use crate::variation::Variation;
use crate::workspace::Workspace;

/// What somebody asked to be built.
#[derive(Debug, Clone)]
pub struct Request {
    /// The source.
    pub source: ResolvedSource,
    /// What to build.
    pub distribution: Distribution,
    /// The interpreter as it was asked for, by version or path; `None` for the one found first.
    pub python: Option<String>,
    /// The interpreter as it was found.
    pub interpreter: FoundInterpreter,
    /// `config_settings`.
    pub config_settings: BTreeMap<String, Value>,
    /// Commands to run on the wheel afterwards.
    pub steps: Vec<Step>,
    /// Resolve build requirements as of this time.
    pub exclude_newer: Option<DateTime<Utc>>,
    /// Requirements (PEP 508) that hold the resolution.
    pub build_constraints: Vec<String>,
    /// What holds the build.
    pub isolation: Isolation,
    /// What is observed of the hooks and steps.
    pub trace: Tracing,
    /// `builder.id` of the provenance.
    pub builder: String,
}

/// The machine's tools and places, found once for any number of builds.
#[derive(Debug)]
pub struct Machine {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// uv.
    pub uv: Uv,
    /// Environments by content.
    pub environments: EnvironmentStore,
    /// The bounds of each job.
    pub bounds: Bounds,
    /// Set to stop everything.
    pub cancel: Arc<AtomicBool>,
}

/// A build that has been made, and what it takes to make it again.
#[derive(Debug)]
pub struct Recorded {
    /// The file, in the workspace.
    pub file: PathBuf,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// How it was built.
    pub build: Pep517Build,
    /// The plan, for a confirmation.
    pub plan: Plan,
    lock: Lock,
    log: PathBuf,
    started: DateTime<Utc>,
    finished: DateTime<Utc>,
    builder: String,
}

/// Where the clean tree of a build of this name lies while it is built.
pub fn tree(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.path(&format!("{name}-tree"))
}

/// Builds what was asked for, and records how.
///
/// `name` tells this build from others in the same workspace.
///
/// # Errors
/// [`BuildError`].
pub fn record(
    machine: &Machine,
    workspace: &Workspace,
    request: &Request,
    name: &str,
) -> Result<Recorded, BuildError> {
    let cancel = &*machine.cancel;
    let started = Utc::now().trunc_subsecs(0);
    let log = workspace.path(&format!("{name}.log"));
    let tree = tree(workspace, name);
    machine.sandbox.hidden().try_for_each(|secret| request.source.refuse_to_hold(secret))?;
    let constraints = constraints(request, workspace, name)?;
    let interpreter = &request.interpreter;
    let environments = machine.environments(request.isolation, workspace);
    let resolve = |requirements: &[String]| -> Result<(Lock, PathBuf), BuildError> {
        let request = LockRequest {
            requirements,
            interpreter,
            exclude_newer: request.exclude_newer,
            constraints: constraints.as_deref(),
            yanked: false,
            only_backends: false,
        };
        let lock = lock(&machine.uv, request, cancel)?;
        let folder = environments.materialize(&machine.uv, &lock, interpreter, cancel)?;
        Ok((lock, folder))
    };
    // Most of this is waiting, for processes and for the index, so it is done at the same time: the
    // clone; what is recorded of the machine, for which uv's executable is hashed; and, from what the
    // commit's pyproject.toml says, the environment. The clone has the last word on what is required.
    let ((host, exported), early) = together(
        || together(|| Host::describe(machine), || request.source.export(&tree)),
        || {
            let requires = requirements_ahead(&request.source)?;
            let resolved = resolve(&requires);
            Some((requires, resolved))
        },
    );
    exported?;
    let host = host?;
    let project = tree.join(&request.source.subdirectory);

    // The environment as pyproject.toml asks for it, and then as the backend itself asks.
    let system = BuildSystem::read(&project)?;
    let (mut lock, environment) = match early {
        Some((requires, resolved)) if requires == system.requires => resolved?,
        _ => resolve(&system.requires)?,
    };
    let step_requires: BTreeSet<_> =
        request.steps.iter().flat_map(|step| step.requires.iter().cloned()).collect();
    let steps = (!step_requires.is_empty())
        .then(|| resolve(&step_requires.into_iter().collect::<Vec<_>>()))
        .transpose()?;
    let home = workspace.path(&format!("{name}-cargo"));
    let inside = match request.isolation {
        Isolation::Bubblewrap => Layout::fixed().cargo,
        Isolation::None => home.clone(),
    };
    let rust = Rust::fetch(&tree, &project, &home, &inside, cancel)?;
    let mut plan = Plan {
        tree,
        subdirectory: request.source.subdirectory.clone(),
        distribution: request.distribution,
        config_settings: request.config_settings.clone(),
        backend: system.backend.clone(),
        interpreter: interpreter.clone(),
        environment,
        steps: request.steps.clone(),
        steps_environment: steps.as_ref().map(|(_, folder)| folder.clone()),
        rust,
        variables: BTreeMap::new(),
        hostname: layout::HOSTNAME.to_owned(),
        isolation: request.isolation,
        settings: Settings::default(),
    };
    plan.variables = variables(request.source.commit_time, &plan, &plan.layout(workspace, name));
    let asking = format!("{name}-requires");
    let run = |name| Run {
        sandbox: &machine.sandbox,
        bounds: &machine.bounds,
        workspace,
        name,
        variation: Variation::NONE,
        trace: request.trace,
        log: &log,
        cancel: &machine.cancel,
    };
    let (asked, trace) = execute::requires(&plan, &run(&asking))?;
    let mut traces = vec![trace];
    if asked.iter().any(|requirement| !system.requires.contains(requirement)) {
        let all: Vec<_> = system.requires.iter().chain(&asked).cloned().collect();
        (lock, plan.environment) = resolve(&all)?;
    }
    let built = execute::execute(&plan, &run(name))?;
    traces.extend(built.traces);

    let observed =
        observe(&traces, plan.rust.as_ref().map(|rust| rust.toolchain.as_path()), cancel);
    let sha256 = digest_of(&built.file).map_err(BuildError::Workspace)?;
    let requirements = required(Role::Build, &lock)
        .chain(steps.iter().flat_map(|(lock, _)| required(Role::Step, lock)))
        .collect();
    let build = Pep517Build {
        external: ExternalParameters {
            source: Source {
                uri: request.source.uri.clone(),
                git_ref: request.source.git_ref.clone(),
            },
            subdirectory: request.source.subdirectory.clone(),
            distribution: request.distribution,
            config_settings: request.config_settings.clone(),
            steps: request.steps.clone(),
            python: request.python.clone(),
            exclude_newer: request.exclude_newer,
            build_constraints: request.build_constraints.clone(),
        },
        internal: InternalParameters {
            environment: manifest(host, request, &plan, &plan.layout(workspace, name)),
            source: SourceState {
                tags: request.source.tags.clone(),
                submodules: request.source.submodules.clone(),
                dirty: request.source.dirty.as_ref().map(ToString::to_string),
            },
            observed: observed.observation,
        },
        commit: request.source.commit.clone(),
        tree: request.source.tree.clone(),
        requirements,
        crates: plan.rust.as_ref().map(|rust| rust.crates.clone()).unwrap_or_default(),
        tools: observed.tools,
    };
    Ok(Recorded {
        file: built.file,
        sha256,
        build,
        plan,
        lock,
        log,
        started,
        finished: Utc::now(),
        builder: request.builder.clone(),
    })
}

impl Recorded {
    /// The statement to be signed: one subject, SLSA Provenance v1.
    ///
    /// # Errors
    /// Where the log cannot be read again, or a value has no JSON form.
    pub fn statement(&self) -> Result<Vec<u8>, BuildError> {
        let filename = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let provenance = Provenance {
            build_definition: self.build.definition()?,
            run_details: RunDetails {
                builder: Builder {
                    id: self.builder.clone(),
                    version: [("wheelmark".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]
                        .into(),
                },
                metadata: Some(BuildMetadata {
                    invocation_id: Some(format!("urn:uuid:{}", uuid::Uuid::new_v4())),
                    started_on: Some(self.started),
                    finished_on: Some(self.finished.trunc_subsecs(0)),
                }),
                byproducts: vec![
                    byproduct("pylock.toml", "application/toml", self.lock.text().as_bytes(), true),
                    byproduct(
                        "build.log",
                        "text/plain",
                        &fs::read(&self.log).map_err(BuildError::Workspace)?,
                        false,
                    ),
                ],
            },
        };
        let statement = Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![ResourceDescriptor {
                name: Some(filename),
                digest: [("sha256".to_owned(), self.sha256.to_string())].into(),
                ..Default::default()
            }],
            predicate_type: PROVENANCE_TYPE.to_owned(),
            predicate: serde_json::to_value(provenance)?,
        };
        Ok(serde_json::to_vec(&statement)?)
    }

    /// How long resolving and building took.
    pub fn duration(&self) -> TimeDelta {
        self.finished - self.started
    }

    /// When the file was made.
    pub fn finished(&self) -> DateTime<Utc> {
        self.finished
    }

    /// The file in which everything was kept that hooks and steps printed.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

fn byproduct(name: &str, media_type: &str, bytes: &[u8], with_content: bool) -> ResourceDescriptor {
    ResourceDescriptor {
        name: Some(name.to_owned()),
        media_type: Some(media_type.to_owned()),
        digest: [("sha256".to_owned(), Sha256Digest::of(bytes).to_string())].into(),
        content: with_content.then(|| STANDARD.encode(bytes)),
        ..Default::default()
    }
}

fn required(role: Role, lock: &Lock) -> impl Iterator<Item = Requirement> {
    lock.packages().iter().map(move |package| Requirement {
        role,
        name: package.name.clone(),
        version: package.version.clone(),
        filename: package.filename.clone(),
        sha256: package.sha256,
        url: package.url.as_ref().map(ToString::to_string),
    })
}

impl Machine {
    /// The store of environments that a build may see: the shared one, or, where nothing keeps the build
    /// from writing to it, one of its own.
    fn environments(&self, isolation: Isolation, workspace: &Workspace) -> EnvironmentStore {
        match isolation {
            Isolation::Bubblewrap => self.environments.clone(),
            Isolation::None => EnvironmentStore::new(&workspace.path("cache")),
        }
    }
}

/// Where the constraints of a build of this name are written.
pub fn constraints_file(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.path(&format!("{name}-constraints.txt"))
}

/// The constraints as the file that uv takes.
fn constraints(
    request: &Request,
    workspace: &Workspace,
    name: &str,
) -> Result<Option<PathBuf>, BuildError> {
    if request.build_constraints.is_empty() {
        return Ok(None);
    }
    let path = constraints_file(workspace, name);
    fs::write(&path, request.build_constraints.join("\n")).map_err(BuildError::Workspace)?;
    Ok(Some(path))
}

/// Every variable that the build sees. There are no others.
pub(crate) fn variables(epoch: i64, plan: &Plan, layout: &Layout) -> BTreeMap<String, String> {
    let environment = layout.environment.display();
    let mut path = format!("{environment}/bin:/usr/local/bin:/usr/bin:/bin");
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    if let Some(rust) = &plan.rust {
        path = format!("{}/bin:{path}", rust.inside.display());
        set("CARGO_HOME", &layout.cargo.to_string_lossy());
        set("CARGO_NET_OFFLINE", "true");
    }
    set("PATH", &path);
    set("HOME", &layout.home.to_string_lossy());
    set("TMPDIR", "/tmp");
    set("LANG", layout::LOCALE);
    set("LC_ALL", layout::LOCALE);
    set("TZ", layout::TIMEZONE);
    set("VIRTUAL_ENV", &environment.to_string());
    set("SOURCE_DATE_EPOCH", &epoch.to_string());
    // Sets and dictionaries of strings iterate alike in every run.
    set("PYTHONHASHSEED", "0");
    set("PYTHONNOUSERSITE", "1");
    // Modules imported from the source tree leave no cache that could end up in the wheel.
    set("PYTHONDONTWRITEBYTECODE", "1");
    variables
}

/// What the project will probably require, before its files are there.
fn requirements_ahead(source: &ResolvedSource) -> Option<Vec<String>> {
    let folder = Path::new(&source.subdirectory);
    let manifest = source.look_ahead(folder.join("pyproject.toml").to_str()?)?;
    BuildSystem::requirements_in(&manifest)
}

/// What is recorded of the machine itself.
struct Host {
    platform: Platform,
    installer: Tool,
}

impl Host {
    fn describe(machine: &Machine) -> Result<Self, UvError> {
        Ok(Self { platform: platform::current(&machine.cancel), installer: machine.uv.tool()? })
    }
}

fn manifest(host: Host, request: &Request, plan: &Plan, layout: &Layout) -> EnvironmentManifest {
    let hook = match plan.distribution {
        Distribution::Wheel => "wheel",
        Distribution::Sdist => "sdist",
    };
    EnvironmentManifest {
        platform: host.platform,
        interpreter: plan.interpreter.record.clone(),
        frontend: Tool {
            name: "wheelmark".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sha256: None,
        },
        installer: host.installer,
        variables: plan.variables.clone(),
        umask: layout::UMASK.to_owned(),
        locale: layout::LOCALE.to_owned(),
        timezone: layout::TIMEZONE.to_owned(),
        hostname: plan.hostname.clone(),
        source_date_epoch: request.source.commit_time,
        build_path: layout.source.to_string_lossy().into_owned(),
        isolation: plan.isolation,
        backend: plan.backend.clone(),
        hooks: vec![format!("get_requires_for_build_{hook}"), format!("build_{hook}")],
    }
}
