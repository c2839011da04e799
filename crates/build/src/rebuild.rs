//! The same build again, from what verified provenance says.
//!
//! [`prepare`] puts the recorded environment back and tells where this machine could not; [`rebuild`]
//! builds. Comparing and concluding are core's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use url::Url;
use wheelmark_core::attestation::environment::Isolation;
use wheelmark_core::attestation::pep517::{Pep517Build, Requirement, Role};
use wheelmark_core::compare::Drift;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::VerifiedBuild;

use crate::drift;
use crate::environment::asked::{unasked, unmet};
use crate::environment::index;
use crate::environment::interpreter::{self, FoundInterpreter, Match};
use crate::environment::project::BuildSystem;
use crate::environment::pylock::{Lock, LockedRequirement};
use crate::environment::store::StoreError;
use crate::error::BuildError;
use crate::execute::{self, Built, Plan, Run, Rust, Settings};
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
    verified: &VerifiedBuild,
    checkout: Option<&Path>,
) -> Result<Prepared, BuildError> {
    let build = verified.get();
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
    machine.sandbox.hidden().try_for_each(|secret| source.refuse_to_hold(secret))?;
    let mut notes = source::moved_tags(&record, checkout, machine.cancel.clone())?;
    let tree = tree(workspace);
    source.export(&tree)?;
    let asked = asked(build, &tree)?;

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
    let mut install = |role: Role| -> Result<PathBuf, BuildError> {
        let folder = materialize(machine, &interpreter, &build.requirements, role, &mut notes)?;
        let more = unasked(&asked[&role], &build.requirements, role, &folder);
        notes.extend(more.into_iter().map(|found| {
            format!(
                "recorded requirement {found}: neither the project nor another requirement asks for \
                 it; the build backend may have"
            )
        }));
        Ok(folder)
    };
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
        settings: Settings::default(),
    };
    if environment.isolation == Isolation::None {
        drift.extend(Drift::between("isolation", "none", "bubblewrap"));
        // The recorded variables name paths of a machine that this is not.
        plan.variables = variables(environment.source_date_epoch, &plan, &Layout::fixed());
    }
    let layout = plan.layout(workspace, RUN);
    let usual = variables(source.commit_time, &plan, &layout);
    notes.extend(unusual(&plan.variables, &usual));
    drift.extend(drift::of_settings(
        environment,
        &plan.variables,
        &machine.uv.version().to_string(),
    ));
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

/// What the commit asks for, for each environment, which the record must have; and its backend, which must
/// be the recorded one. A record could otherwise have any code build the file.
fn asked(build: &Pep517Build, tree: &Path) -> Result<BTreeMap<Role, Vec<String>>, BuildError> {
    let environment = &build.internal.environment;
    let system = BuildSystem::read(&tree.join(&build.external.subdirectory))?;
    if system.backend != environment.backend {
        return Err(BuildError::BackendDiffers {
            recorded: environment.backend.clone(),
            found: system.backend,
        });
    }
    let steps = build.external.steps.iter().flat_map(|step| step.requires.iter().cloned());
    for (role, asks, requirements) in [
        (Role::Build, "this commit's pyproject.toml", &system.requires),
        (Role::Step, "a recorded step", &steps.clone().collect()),
    ] {
        if let Some(text) = unmet(requirements, &build.requirements, role, environment) {
            return Err(BuildError::RequirementNotRecorded { requirement: text.to_owned(), asks });
        }
    }
    Ok([(Role::Build, system.requires), (Role::Step, steps.collect())].into())
}

/// The variables that are put back and that `wheelmark build` would not set so today, a line each.
fn unusual(recorded: &BTreeMap<String, String>, usual: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<_> = recorded.keys().chain(usual.keys()).collect();
    let shown = |set: Option<&String>| set.map_or("not set".to_owned(), |set| format!("`{set}`"));
    let notes = names.into_iter().filter_map(|name| {
        let (found, expected) = (recorded.get(name), usual.get(name));
        (found != expected).then(|| {
            format!(
                "recorded variable {name}: {}, which is put back; a build of this commit with this \
                 program has {}",
                shown(found),
                shown(expected)
            )
        })
    });
    notes.collect()
}

/// Whether a recorded address is fetched from: only the web's own protocol, or the index of this machine's
/// user. Any other could name a file or a service of this machine.
fn is_public(address: &Url, index: Option<&Url>) -> bool {
    address.scheme() == "https"
        || index
            .is_some_and(|index| index.origin().is_tuple() && index.origin() == address.origin())
}

/// The recorded files of one role, by digest, in an environment of their own. One whose recorded address
/// is not used is looked for in the index, by its digest, and noted.
fn materialize(
    machine: &Machine,
    interpreter: &FoundInterpreter,
    requirements: &[Requirement],
    role: Role,
    notes: &mut Vec<String>,
) -> Result<PathBuf, BuildError> {
    let index = index::url()?.and_then(|url| url.parse().ok());
    let mut unused = Vec::new();
    let mut address = |requirement: &Requirement| -> Option<Url> {
        let recorded = requirement.url.as_deref()?;
        let url = recorded.parse().ok().filter(|url| is_public(url, index.as_ref()));
        if url.is_none() {
            unused.push(format!(
                "recorded address of {}: `{recorded}` is not used, for it is neither https nor of the \
                 index of this machine",
                requirement.filename
            ));
        }
        url
    };
    let recorded: Vec<_> = requirements
        .iter()
        .filter(|requirement| requirement.role == role)
        .map(|requirement| LockedRequirement {
            name: requirement.name.clone(),
            version: requirement.version.clone(),
            filename: requirement.filename.clone(),
            url: address(requirement),
            sha256: requirement.sha256,
            size: None,
            upload_time: None,
        })
        .collect();
    let lock = Lock::from_dependencies(&recorded)?;
    let made = machine.environments.materialize(&machine.uv, &lock, interpreter, &machine.cancel);
    let made = made.map_err(|error| match error {
        // Without the addresses that are not used, it may not be clear why.
        StoreError::Install { said } => {
            let unused = unused.iter().map(|note| format!("\n{}", Escaped(note)));
            StoreError::Install { said: said + &unused.collect::<String>() }
        }
        error => error,
    });
    notes.extend(unused);
    Ok(made?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_addresses_are_the_webs_or_the_users_own_index() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let index = url("http://127.0.0.1:3141/root/pypi/+simple/");
        let own = Some(&index);
        assert!(is_public(&url("https://files.example.org/a.whl"), None));
        assert!(is_public(&url("http://127.0.0.1:3141/root/pypi/+f/a.whl"), own));
        for (text, index) in [
            ("http://127.0.0.1:3141/a.whl", None),
            ("http://127.0.0.1:9912/admin", own),
            ("http://localhost:3141/a.whl", own),
            ("http://files.example.org/a.whl", own),
            ("file:///tmp/fifo", own),
            ("file:///tmp/fifo", Some(&url("file:///srv/simple/"))),
            ("ftp://127.0.0.1:3141/a.whl", own),
        ] {
            assert!(!is_public(&url(text), index), "{text}");
        }
    }
}
