//! Where the manifests of a Rust extension say that its crates come from.
//!
//! Held before cargo resolves anything: it asks every place that a manifest names, whatever `Cargo.lock` says,
//! and keeps what it got in the user's own cache. How a manifest is to be read (inheritance, targets, renames)
//! only cargo knows, so it is asked; `--no-deps` goes nowhere for that.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use super::crates::{CRATES_IO, CratesError, at};
use super::message;
use super::project::{MANIFEST_LIMIT, read_manifest, toml_error};
use super::rust::{QUESTION, RustToolchain};
use crate::paths;

/// Refuses a manifest that takes a crate from anywhere but crates.io or the checkout itself: one of the
/// workspaces' members, or one that these take by its path.
///
/// `manifests` are what the backend builds, `roots` the manifests of their workspaces, all absolute and in the
/// checkout.
pub(super) fn hold(
    checkout: &Path,
    manifests: &[PathBuf],
    roots: &BTreeSet<PathBuf>,
    toolchain: &RustToolchain,
    cancel: &AtomicBool,
) -> Result<(), CratesError> {
    let mut seen = BTreeSet::new();
    let mut by_path = Vec::new();
    for manifest in manifests {
        for package in packages(manifest, toolchain, cancel)? {
            seen.insert(place(checkout, &package.manifest_path)?);
            by_path.extend(package.local_dependencies(true)?);
        }
    }
    for root in roots {
        by_path.extend(patches(checkout, root)?);
    }
    while let Some(folder) = by_path.pop() {
        let manifest = place(checkout, &folder.join("Cargo.toml"))?;
        if !seen.insert(manifest.clone()) {
            continue;
        }
        // It may be of another workspace, whose other members do not count here.
        for package in packages(&manifest, toolchain, cancel)? {
            if package.manifest_path == manifest {
                by_path.extend(package.local_dependencies(false)?);
            }
        }
    }
    Ok(())
}

/// A path by which cargo finds a file: it resolves `..` by name, others by following links. It must be in the
/// checkout, and the same file for all.
pub(super) fn place(checkout: &Path, path: &Path) -> Result<PathBuf, CratesError> {
    let plain = in_checkout(checkout, path)?;
    match fs::canonicalize(path).map_err(at(path))? == plain {
        true => Ok(plain),
        false => Err(CratesError::Linked { path: path.to_owned() }),
    }
}

/// A path in the checkout with its `..` resolved by name.
fn in_checkout(checkout: &Path, path: &Path) -> Result<PathBuf, CratesError> {
    let plain = paths::by_name(path);
    match plain.starts_with(checkout) {
        true => Ok(plain),
        false => Err(CratesError::Outside { path: plain, checkout: checkout.to_owned() }),
    }
}

/// Looks at every file that cargo may read on its way, before it does: it follows links and paths to any file of
/// this machine, and reads each to its end.
pub(super) fn hold_files(checkout: &Path) -> Result<(), CratesError> {
    let mut todo = vec![checkout.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).map_err(at(&folder))? {
            let entry = entry.map_err(at(&folder))?;
            let (path, name) = (entry.path(), entry.file_name());
            let kind = entry.file_type().map_err(at(&path))?;
            let is_read = name == "Cargo.toml" || name == "Cargo.lock";
            if kind.is_dir() && name != ".git" {
                todo.push(path);
            } else if kind.is_symlink() {
                let leads_out = || {
                    let target = fs::canonicalize(&path);
                    target.is_ok_and(|target| target.is_dir() && !target.starts_with(checkout))
                };
                if is_read || leads_out() {
                    return Err(CratesError::Linked { path });
                }
            } else if is_read && entry.metadata().map_err(at(&path))?.len() > MANIFEST_LIMIT {
                return Err(CratesError::TooLarge { path });
            } else if name == "Cargo.toml" {
                hold_places(checkout, &path)?;
            }
        }
    }
    Ok(())
}

/// Holds the places that a manifest names to be in the checkout. What does not parse is for cargo to refuse, if it
/// has any use for it.
fn hold_places(checkout: &Path, manifest: &Path) -> Result<(), CratesError> {
    let Ok(text) = fs::read_to_string(manifest) else { return Ok(()) };
    let Ok(table) = toml::from_str::<toml::Table>(&text) else { return Ok(()) };
    let folder = manifest.parent().unwrap_or(manifest);
    let table = toml::Value::Table(table);
    let workspace = table.get("workspace");
    let mut named: Vec<&str> = Vec::new();
    for key in ["members", "default-members"] {
        let patterns = workspace.and_then(|it| it.get(key)).and_then(toml::Value::as_array);
        for pattern in patterns.into_iter().flatten().filter_map(toml::Value::as_str) {
            if !is_plain_pattern(pattern) {
                let (path, pattern) = (manifest.to_owned(), pattern.to_owned());
                return Err(CratesError::Pattern { path, pattern });
            }
            named.push(pattern);
        }
    }
    for package in [table.get("package"), table.get("project")].into_iter().flatten() {
        named.extend(package.get("workspace").and_then(toml::Value::as_str));
    }
    let targets = table.get("target").and_then(toml::Value::as_table);
    let with_dependencies = [Some(&table), workspace].into_iter().flatten();
    for table in with_dependencies.chain(targets.into_iter().flat_map(toml::Table::values)) {
        for key in DEPENDENCIES {
            named.extend(table.get(key).into_iter().flat_map(paths_in));
        }
    }
    let patched = table.get("patch").and_then(toml::Value::as_table);
    named.extend(patched.into_iter().flat_map(toml::Table::values).flat_map(paths_in));
    for place in named {
        if in_checkout(checkout, &folder.join(place)).is_err() {
            let (manifest, place) = (manifest.to_owned(), place.to_owned());
            return Err(CratesError::Leaves { manifest, place });
        }
    }
    Ok(())
}

/// The tables of dependencies, also as they were once spelled.
const DEPENDENCIES: [&str; 5] = [
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "dev_dependencies",
    "build_dependencies",
];

/// The `path` of each dependency of a table.
fn paths_in(dependencies: &toml::Value) -> impl Iterator<Item = &str> {
    let table = dependencies.as_table();
    table.into_iter().flat_map(toml::Table::values).filter_map(|it| it.get("path")?.as_str())
}

/// Whether cargo finds the folders of a pattern in a time that does not depend on what the pattern is: `**`, or
/// many of the others, try every way through the tree, and one that begins with a dot takes `..` for a name too.
fn is_plain_pattern(pattern: &str) -> bool {
    let wild: Vec<&str> =
        pattern.split('/').filter(|part| part.contains(['*', '?', '['])).collect();
    let climbs = pattern.split('/').any(|part| part == "..");
    let odd = wild.iter().any(|part| part.contains("**") || part.starts_with(['.', '[', '?']));
    wild.is_empty() || (wild.len() <= 2 && !climbs && !odd)
}

/// What `cargo metadata` tells of a package, as far as it is looked at.
/// <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>
#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    req: String,
    /// Absent for a dependency by path.
    source: Option<String>,
    kind: Option<String>,
    path: Option<PathBuf>,
}

impl Package {
    /// The folders of what it takes by path. Only a member of the workspace has its `dev-dependencies`
    /// resolved.
    fn local_dependencies(&self, member: bool) -> Result<Vec<PathBuf>, CratesError> {
        let mut folders = Vec::new();
        for dependency in &self.dependencies {
            if !member && dependency.kind.as_deref() == Some("dev") {
                continue;
            }
            match &dependency.source {
                None => folders.extend(dependency.path.clone()),
                Some(source) if CRATES_IO.contains(&source.as_str()) => {}
                Some(source) => {
                    return Err(CratesError::elsewhere(
                        &self.manifest_path,
                        &dependency.name,
                        &dependency.req,
                        source,
                    ));
                }
            }
        }
        Ok(folders)
    }
}

/// The package of a manifest and the members of its workspace.
fn packages(
    manifest: &Path,
    toolchain: &RustToolchain,
    cancel: &AtomicBool,
) -> Result<Vec<Package>, CratesError> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let arguments =
        ["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"];
    let mut arguments: Vec<OsString> = arguments.map(Into::into).into();
    arguments.push(manifest.into());
    let output = toolchain.cargo(arguments, QUESTION, cancel)?;
    let failed = |said| CratesError::Cargo { manifest: manifest.to_owned(), said };
    if !output.status.success() {
        return Err(failed(message(&output.stderr)));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    Ok(metadata.packages)
}

/// The folders that take the place of crates of crates.io by a workspace's `[patch]`. Nothing else may:
/// neither a crate from elsewhere, nor one in the place of what is from elsewhere.
fn patches(checkout: &Path, root: &Path) -> Result<Vec<PathBuf>, CratesError> {
    let Some(text) = read_manifest(checkout, root)? else {
        return Ok(Vec::new());
    };
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| toml_error(root, &text, &error))?;
    if table.contains_key("replace") {
        return Err(CratesError::Replace { path: root.to_owned() });
    }
    let patched = table.get("patch").and_then(toml::Value::as_table);
    let folder = root.parent().unwrap_or(root);
    let mut folders = Vec::new();
    for (source, crates) in patched.into_iter().flatten() {
        for (name, by) in crates.as_table().into_iter().flatten() {
            let path = by.get("path").and_then(toml::Value::as_str);
            let elsewhere = ["git", "registry", "registry-index"].map(|key| by.get(key));
            match (path, elsewhere.into_iter().flatten().next()) {
                (Some(path), None) if source == "crates-io" => folders.push(folder.join(path)),
                (_, by) => {
                    let by = by.and_then(toml::Value::as_str).unwrap_or(source);
                    return Err(CratesError::elsewhere(root, name, "[patch]", by));
                }
            }
        }
    }
    Ok(folders)
}
