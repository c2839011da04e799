//! The same build again, from what verified provenance says.
//!
//! [`prepare`] puts the recorded environment back and tells where this machine could not; [`rebuild`]
//! builds. Comparing and concluding are core's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wheelmark_core::attestation::environment::Isolation;
use wheelmark_core::attestation::pep517::{Pep517Build, Requirement, Role};
use wheelmark_core::compare::Drift;
use wheelmark_core::verify::VerifiedProvenance;

use crate::drift;
use crate::environment::interpreter::{self, FoundInterpreter, Match};
use crate::environment::pylock::{Lock, LockedRequirement};
use crate::error::BuildError;
use crate::execute::{self, Built, Plan, Run, Rust};
use crate::layout::Layout;
use crate::record::{Machine, variables};
use crate::sandbox::Tracing;
use crate::source::{self, SourceRecord};
use crate::variation::Variation;
use crate::workspace::Workspace;

/// The name of a rebuild's run in its workspace.
const RUN: &str = "rebuild";

/// A rebuild that can begin.
#[derive(Debug)]
pub struct Prepared {
    /// What will be built.
    pub plan: Plan,
    /// In what the environment is not the recorded one.
    pub drift: Vec<Drift>,
    /// Where what is missing is to be had, a line each.
    pub hints: Vec<String>,
    /// What a person should know of the source besides, a line each: recorded tags that name another
    /// commit today.
    pub notes: Vec<String>,
}

/// Puts the recorded environment back, as far as this machine can.
///
/// The source comes from `checkout`, any clone of the repository, or else from the recorded URI; either
/// way it is the recorded commit with the recorded tree, or an error.
///
/// # Errors
/// [`BuildError`], where something is missing that has no nearest substitute.
pub fn prepare(
    machine: &Machine,
    workspace: &Workspace,
    verified: &VerifiedProvenance,
    checkout: Option<&Path>,
) -> Result<Prepared, BuildError> {
    let build = verified.build();
    let environment = &build.internal.environment;
    let mut drift = drift::of_platform(environment, &machine.cancel);
    if let Some(dirty) = &build.internal.source.dirty {
        // What was changed is not in the commit, so it cannot be put back.
        drift.extend(Drift::between("source tree", dirty, "the commit's own"));
    }
    let mut hints = Vec::new();

    let record = SourceRecord {
        uri: build.external.source.uri.clone(),
        git_ref: build.external.source.git_ref.clone(),
        commit: build.commit.clone(),
        tree: build.tree.clone(),
        tags: build.internal.source.tags.clone(),
        submodules: build.internal.source.submodules.clone(),
        subdirectory: build.external.subdirectory.clone(),
    };
    let source = source::from_record(record.clone(), checkout, machine.cancel.clone())?;
    let notes = source::moved_tags(&record, checkout, machine.cancel.clone())?;
    let tree = tree(workspace);
    source.export(&tree)?;

    let interpreter =
        match interpreter::find_matching(&machine.uv, &environment.interpreter, &machine.cancel)? {
            Match::Exact { found, drift: place } => {
                drift.extend(place);
                found
            }
            Match::Nearest { found, drift: other, hint } => {
                drift.extend(other);
                hints.push(hint);
                found
            }
            Match::None { hint } => {
                return Err(BuildError::NoInterpreter {
                    wanted: environment.interpreter.version.clone(),
                    hint,
                });
            }
        };
    let install = |role: Role| materialize(machine, &interpreter, &build.requirements, role);
    let build_environment = install(Role::Build)?;
    let steps_environment =
        build.requirements.iter().any(|requirement| requirement.role == Role::Step);
    let steps_environment = steps_environment.then(|| install(Role::Step)).transpose()?;
    let rust = rust(machine, workspace, build, &tree)?;
    let toolchain = rust.as_ref().map(|rust| (rust.inside.as_path(), rust.toolchain.as_path()));
    drift.extend(drift::of_tools(&build.tools, toolchain, &mut hints));

    let mut plan = Plan {
        tree,
        subdirectory: build.external.subdirectory.clone(),
        distribution: build.external.distribution,
        config_settings: build.external.config_settings.clone(),
        backend: environment.backend.clone(),
        interpreter,
        environment: build_environment,
        steps: build.external.steps.clone(),
        steps_environment,
        rust,
        variables: environment.variables.clone(),
        hostname: environment.hostname.clone(),
        // A stranger's word never lets a build out of the sandbox.
        isolation: Isolation::Bubblewrap,
    };
    if environment.isolation == Isolation::None {
        drift.extend(Drift::between("isolation", "none", "bubblewrap"));
        // The recorded variables name paths of a machine that this is not.
        plan.variables = variables(environment.source_date_epoch, &plan, &Layout::fixed());
    }
    let layout = plan.layout(workspace, RUN);
    drift.extend(Drift::between("build path", &environment.build_path, layout.source.display()));
    Ok(Prepared { plan, drift, hints, notes })
}

/// Where the clean tree of a rebuild lies while it is built.
pub fn tree(workspace: &Workspace) -> PathBuf {
    workspace.path("tree")
}

/// Builds. Programs are not observed: what ran is the record's to say, and the bytes are compared.
///
/// # Errors
/// As [`execute::execute`].
pub fn rebuild(
    machine: &Machine,
    workspace: &Workspace,
    prepared: &Prepared,
    log: &Path,
) -> Result<Built, BuildError> {
    execute::execute(
        &prepared.plan,
        &Run {
            sandbox: &machine.sandbox,
            bounds: &machine.bounds,
            workspace,
            name: RUN,
            variation: Variation::NONE,
            trace: Tracing::Off,
            log,
            cancel: &machine.cancel,
        },
    )
}

/// The recorded files of one role, by digest, in an environment of their own.
fn materialize(
    machine: &Machine,
    interpreter: &FoundInterpreter,
    requirements: &[Requirement],
    role: Role,
) -> Result<PathBuf, BuildError> {
    let recorded: Vec<_> = requirements
        .iter()
        .filter(|requirement| requirement.role == role)
        .map(|requirement| LockedRequirement {
            name: requirement.name.clone(),
            version: requirement.version.clone(),
            filename: requirement.filename.clone(),
            url: requirement.url.as_deref().and_then(|url| url.parse().ok()),
            sha256: requirement.sha256,
            size: None,
            upload_time: None,
        })
        .collect();
    let lock = Lock::from_dependencies(&recorded)?;
    Ok(machine.environments.materialize(&machine.uv, &lock, interpreter, &machine.cancel)?)
}

/// The recorded crates, fetched again by the Cargo.lock of the same commit, and held against the record.
fn rust(
    machine: &Machine,
    workspace: &Workspace,
    build: &Pep517Build,
    tree: &Path,
) -> Result<Option<Rust>, BuildError> {
    let project = tree.join(&build.external.subdirectory);
    let (home, inside) = (workspace.path("cargo"), Layout::fixed().cargo);
    let mut fetched = Rust::fetch(tree, &project, &home, &inside, &machine.cancel)?;
    let recorded = execute::recorded_toolchain(&build.internal.environment.variables);
    if let (Some(rust), Some(recorded)) = (&mut fetched, recorded) {
        rust.inside = recorded;
    }
    let wanted: BTreeSet<_> = build.crates.iter().collect();
    let found: BTreeSet<_> = fetched.iter().flat_map(|rust| &rust.crates).collect();
    match wanted.symmetric_difference(&found).next() {
        None => Ok(fetched),
        Some(package) => Err(BuildError::CratesDiffer {
            package: format!("{} {}", package.name, package.version),
        }),
    }
}
