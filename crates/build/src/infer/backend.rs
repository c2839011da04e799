//! Which backend made the wheel, in which version, and how it was called, from WHEEL's `Generator`.
//!
//! Sees: the name and version in `Generator`. setuptools 70.1 and newer write their own; before, the line is that of the
//! package `wheel`, and setuptools is that of the day. A source without `[build-system]` was built by `setup.py`.
//!
//! Can be wrong: a backend that builds itself may be older than what it says; tools that work on a wheel afterwards may
//! replace the line.

use super::{Evidence, Generator};
use crate::environment::project::{BuildSystem, DEFAULT_BACKEND};
use crate::plan::{BuildPlan, Frontend, Origin, Value};

/// Names in `Generator`, and the project of the index that writes each.
const PROJECTS: &[(&str, &str)] = &[
    ("bdist_wheel", "wheel"),
    ("flit", "flit_core"),
    ("hatchling", "hatchling"),
    ("maturin", "maturin"),
    ("meson", "meson-python"),
    ("pdm-backend", "pdm-backend"),
    ("pdm-pep517", "pdm-pep517"),
    ("poetry", "poetry"),
    ("poetry-core", "poetry-core"),
    ("scikit-build-core", "scikit-build-core"),
    ("setuptools", "setuptools"),
    ("uv", "uv_build"),
    ("whey", "whey"),
];

/// The last of setuptools that leaves wheels to the package `wheel`.
const BEFORE_OWN_WHEELS: &str = "setuptools<70.1";

/// A package `wheel` that setuptools of its own wheels still takes RECORD's writing from, where it is installed.
const OLD_WHEEL: &str = "wheel==0.37.1";

/// Whether RECORD is written as by a package `wheel` before 0.38.
fn is_record_of_old_wheel(evidence: &Evidence<'_>) -> bool {
    const TYPE: u32 = 0o170_000;
    let mode = evidence.of_dist_info("RECORD").and_then(|record| record.unix_mode());
    mode.is_some_and(|mode| mode & TYPE == 0)
}

/// The name in `Generator` of the package `wheel`.
pub const PROJECT_OF_WHEELS: &str = "bdist_wheel";

/// Whether this name in `Generator` stands for a build by setuptools.
pub fn is_of_setuptools(name: &str) -> bool {
    matches!(name, PROJECT_OF_WHEELS | "setuptools")
}

/// Settles how the backend is called, and its version.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    let Some(generator) = evidence.generator() else {
        return;
    };
    let because = format!("Generator: {}", generator.line);
    let known = PROJECTS.iter().find(|(name, _)| *name == generator.name);
    let Some((_, project)) = known else {
        return;
    };
    let project = asked_for(evidence, &generator).unwrap_or(project);
    let pin = format!("{project}=={}", generator.version);
    plan.requires.push(Value::new(pin, Origin::Wheel, because.clone()));
    if generator.name == PROJECT_OF_WHEELS {
        let because = format!("{because}, which newer ones do not write");
        plan.requires.push(Value::new(BEFORE_OWN_WHEELS.to_owned(), Origin::Wheel, because));
    }
    if generator.name == "setuptools" && is_record_of_old_wheel(evidence) {
        let because = "RECORD has a mode without a file type, as that package wrote it";
        plan.requires.push(Value::new(OLD_WHEEL.to_owned(), Origin::Wheel, because));
    }
    let is_itself = evidence.wheel.filename().project().as_str() == project.replace('_', "-");
    if is_itself && generator.version != *evidence.wheel.filename().version() {
        let because = "the backend built itself by another release of itself";
        plan.frontend = Value::new(Frontend::InstalledBackend, Origin::Wheel, because);
        return;
    }
    if is_of_setuptools(&generator.name)
        && evidence.source.files.contains_key("setup.py")
        && let Some(why) = not_by_hooks(evidence)
    {
        plan.frontend = Value::new(Frontend::SetupPy, Origin::Source, why);
    }
}

/// Where one name stands for several projects: the one that the source asks for.
fn asked_for(evidence: &Evidence<'_>, generator: &Generator) -> Option<&'static str> {
    let backend = || Some(BuildSystem::read(&evidence.source.folder).ok()?.backend.name);
    match &*generator.name {
        "flit" => (backend()? == "flit.buildapi").then_some("flit"),
        "poetry" => (backend()? == "poetry.core.masonry.api").then_some("poetry-core"),
        _ => None,
    }
}

/// Why setuptools was not called by the hooks of PEP 517, if so.
fn not_by_hooks(evidence: &Evidence<'_>) -> Option<&'static str> {
    let Some(text) = evidence.source_text("pyproject.toml") else {
        return Some("there is no pyproject.toml");
    };
    if !text.contains("[build-system]") {
        return Some("pyproject.toml has no [build-system]");
    }
    let backend = BuildSystem::read(&evidence.source.folder).ok()?.backend;
    let own = backend.name.starts_with("setuptools") || !backend.path.is_empty();
    match backend.name == DEFAULT_BACKEND {
        // What PEP 517 then says is the same, and needs setuptools 40.8.
        true => Some("pyproject.toml names no backend"),
        false => (!own).then_some("pyproject.toml names another backend than setuptools"),
    }
}
