//! The crates of a Rust extension, fetched before the build by its `Cargo.lock`.
//!
//! Nothing of the project is run for it: cargo is the toolchain's own and not rustup's stand-in (which
//! follows a `rust-toolchain.toml`), and it runs outside the tree (it takes its configuration, with
//! aliases, wrappers and credential helpers, from the folders above its working directory).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use wheelmark_core::attestation::pep517::Crate;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::Escaped;

use super::crate_sources::{self, place};
use super::project::{BuildSystem, MANIFEST_LIMIT, ProjectError, read_manifest, toml_error};
use super::rust::{DOWNLOAD, QUESTION, RustError, RustToolchain};
use super::{message, shown};
use crate::process::ProcessError;

/// Where maturin looks for a manifest that is not named, in this order.
const MATURIN_MANIFESTS: &[&str] = &["Cargo.toml", "rust/Cargo.toml", "native/Cargo.toml"];

/// The crates of a project, ready for a build without network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crates {
    /// All that `Cargo.lock` names, by name and version.
    pub packages: Vec<Crate>,
    /// A `CARGO_HOME` that has them, in `vendor`, and a `config.toml` that names them by the path at
    /// which the build sees this folder.
    pub home: PathBuf,
}

/// What is to be fetched, and to where.
#[derive(Debug, Clone, Copy)]
pub struct CratesRequest<'a> {
    /// The checkout; no file outside of it is read.
    pub checkout: &'a Path,
    /// The project's folder in the checkout, absolute; mostly the checkout itself.
    pub project: &'a Path,
    /// What the project's `[build-system]` says.
    pub build_system: &'a BuildSystem,
    /// A folder to make, for [`Crates::home`].
    pub home: &'a Path,
    /// The path at which the build will see that folder.
    pub inside: &'a Path,
}

/// Why there are no crates, or no toolchain.
#[derive(Debug, thiserror::Error)]
pub enum CratesError {
    /// There is no Rust toolchain that works.
    #[error(transparent)]
    Toolchain(#[from] RustError),
    /// No `Cargo.toml` where the backend looks for one.
    #[error(
        "{backend} builds this project and there is no {} in `{}`",
        Escaped(&.looked.join(" or ")), shown(.project)
    )]
    NoManifest {
        /// The backend.
        backend: &'static str,
        /// The project's folder.
        project: PathBuf,
        /// What was looked for.
        looked: Vec<String>,
    },
    /// A manifest or its workspace is outside the checkout.
    #[error("`{}` is outside of `{}`", shown(.path), shown(.checkout))]
    Outside {
        /// The file.
        path: PathBuf,
        /// The checkout.
        checkout: PathBuf,
    },
    /// A manifest names a place outside of the checkout.
    #[error("{}: `{}` is outside of the source", shown(.manifest), Escaped(.place))]
    Leaves {
        /// The manifest.
        manifest: PathBuf,
        /// The place as it is named.
        place: String,
    },
    /// Where a symbolic link leads, cargo and others do not see alike.
    #[error(
        "`{}` is or lies behind a symbolic link, or one out of the source: which file cargo reads there is not \
         certain\nhint: put the file itself there", shown(.path)
    )]
    Linked {
        /// The file or folder.
        path: PathBuf,
    },
    /// A pattern of which cargo would try every folder that it can reach.
    #[error(
        "{}: `{}` is no pattern that is followed: at most two parts with `*`, `?` or `[`, none that begins with \
         `.`, `?` or `[`, no `**`, and no `..` beside them",
        shown(.path), Escaped(.pattern)
    )]
    Pattern {
        /// The manifest.
        path: PathBuf,
        /// The pattern.
        pattern: String,
    },
    /// A manifest that no person wrote.
    #[error("`{}` is larger than {MANIFEST_LIMIT} bytes", shown(.path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Without `Cargo.lock` the crates would be whatever is newest today.
    #[error(
        "`{}` is not in the source: without it the crates are not pinned\n\
         hint: `cargo generate-lockfile`, and commit the file", shown(.path)
    )]
    NoLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// A crate that is refused, as it is locked or as it is asked for.
    #[error(
        "{}: crate `{}` {}: {why}", shown(.path), .name.escape_debug(), .version.escape_debug()
    )]
    Refused {
        /// `Cargo.lock` or `Cargo.toml`.
        path: PathBuf,
        /// The crate.
        name: String,
        /// Its version, or what is asked for instead of one.
        version: String,
        /// Why.
        why: String,
    },
    /// A manifest uses what cargo has deprecated, and what no lock shows.
    #[error("{}: `[replace]` is not supported: `[patch]` took its place", shown(.path))]
    Replace {
        /// `Cargo.toml`.
        path: PathBuf,
    },
    /// The tree says itself where crates come from.
    #[error(
        "{}: `{key}` can put other crates in the place of those of Cargo.lock, and these are not recorded",
        shown(.path)
    )]
    OwnSource {
        /// The configuration file of the tree.
        path: PathBuf,
        /// The key in it.
        key: &'static str,
    },
    /// cargo failed.
    #[error("cargo could not fetch the crates of `{}`: {said}", shown(.manifest))]
    Cargo {
        /// The manifest.
        manifest: PathBuf,
        /// What it said.
        said: String,
    },
    /// A manifest does not parse or cannot be read.
    #[error(transparent)]
    Manifest(#[from] ProjectError),
    /// A file could not be read or written.
    #[error("cannot use `{}`: {source}", shown(.path))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A process could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl CratesError {
    pub(super) fn elsewhere(path: &Path, name: &str, version: &str, source: &str) -> Self {
        let why = format!(
            "it is from `{}`, and only crates from crates.io are recorded",
            Escaped(source)
        );
        Self::Refused {
            path: path.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            why,
        }
    }
}

/// True if the project has a Rust extension by what it requires: maturin or setuptools-rust.
pub fn are_needed(build_system: &BuildSystem) -> bool {
    backend(build_system).is_some()
}

/// Fetches the crates of a project that has a Rust extension, to be built without network.
///
/// # Errors
/// See [`CratesError`].
pub fn fetch(
    request: CratesRequest<'_>,
    toolchain: &RustToolchain,
    cancel: &AtomicBool,
) -> Result<Option<Crates>, CratesError> {
    let Some(backend) = backend(request.build_system) else {
        return Ok(None);
    };
    let checkout = &fs::canonicalize(request.checkout).map_err(at(request.checkout))?;
    let project = &fs::canonicalize(request.project).map_err(at(request.project))?;
    let request = CratesRequest { checkout, project, ..request };
    crate_sources::hold_files(checkout)?;
    let manifests = manifests(&request, backend)?;
    let mut roots = BTreeSet::new();
    for manifest in &manifests {
        refuse_own_source(request.checkout, manifest)?;
        roots.insert(workspace_of(request.checkout, manifest, toolchain, cancel)?);
    }
    let mut packages = Vec::new();
    for root in &roots {
        let lock = root.with_file_name("Cargo.lock");
        let text = read_manifest(request.checkout, &lock)?
            .ok_or_else(|| CratesError::NoLock { path: lock.clone() })?;
        packages.extend(read_lock(&lock, &text)?);
    }
    refuse_own_source(request.checkout, &request.project.join("pyproject.toml"))?;
    crate_sources::hold(request.checkout, &manifests, &roots, toolchain, cancel)?;
    packages.sort();
    packages.dedup();

    let vendor = request.home.join("vendor");
    fs::create_dir_all(&vendor).map_err(at(&vendor))?;
    let mut arguments: Vec<OsString> =
        ["vendor", "--locked", "--versioned-dirs", "--respect-source-config"]
            .map(Into::into)
            .into();
    arguments.extend(["--manifest-path".into(), manifests[0].clone().into()]);
    for manifest in &manifests[1..] {
        arguments.extend(["--sync".into(), manifest.into()]);
    }
    arguments.push(std::path::absolute(&vendor).map_err(at(&vendor))?.into());
    let output = toolchain.cargo(arguments, DOWNLOAD, cancel)?;
    let failed = |said: String| CratesError::Cargo { manifest: manifests[0].clone(), said };
    if !output.status.success() {
        return Err(failed(message(&output.stderr)));
    }
    check(&packages, &vendor).map_err(failed)?;
    // What cargo prints is the configuration that makes it use the folder.
    let printed = String::from_utf8_lossy(&output.stdout);
    let config = configure(&printed, &request.inside.join("vendor")).map_err(failed)?;
    let path = request.home.join("config.toml");
    fs::write(&path, config).map_err(at(&path))?;
    Ok(Some(Crates { packages, home: request.home.to_owned() }))
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> CratesError {
    move |source| CratesError::File { path: path.to_owned(), source }
}

fn backend(build_system: &BuildSystem) -> Option<&'static str> {
    let module = build_system.backend.name.split([':', '.']).next();
    ["maturin", "setuptools-rust"].into_iter().find(|name| {
        module == Some(name.replace('-', "_").as_str()) || build_system.requires_project(name)
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PyProject {
    tool: Tools,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Tools {
    maturin: Maturin,
    setuptools_rust: SetuptoolsRust,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Maturin {
    manifest_path: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct SetuptoolsRust {
    ext_modules: Vec<Extension>,
    bins: Vec<Extension>,
}

#[derive(Deserialize)]
struct Extension {
    path: Option<PathBuf>,
}

/// The manifests that the backend builds, absolute and inside the checkout; at least one.
fn manifests(
    request: &CratesRequest<'_>,
    backend: &'static str,
) -> Result<Vec<PathBuf>, CratesError> {
    let pyproject = request.project.join("pyproject.toml");
    let tool = match read_manifest(request.checkout, &pyproject)? {
        None => Tools::default(),
        Some(text) => {
            let document: PyProject =
                toml::from_str(&text).map_err(|error| toml_error(&pyproject, &text, &error))?;
            document.tool
        }
    };
    let extensions = tool.setuptools_rust.ext_modules.into_iter().chain(tool.setuptools_rust.bins);
    let named: Vec<PathBuf> = match backend {
        "maturin" => tool.maturin.manifest_path.into_iter().collect(),
        _ => extensions
            .map(|extension| extension.path.unwrap_or_else(|| "Cargo.toml".into()))
            .collect(),
    };
    let defaults = if backend == "maturin" { MATURIN_MANIFESTS } else { &MATURIN_MANIFESTS[..1] };
    let looked = |paths: &[PathBuf]| CratesError::NoManifest {
        backend,
        project: request.project.to_owned(),
        looked: paths.iter().map(|path| format!("`{}`", path.display())).collect(),
    };
    let found = if named.is_empty() {
        let defaults: Vec<PathBuf> = defaults.iter().map(PathBuf::from).collect();
        let first = defaults.iter().find(|path| request.project.join(path).is_file());
        vec![first.cloned().ok_or_else(|| looked(&defaults))?]
    } else {
        named
    };
    let mut manifests = Vec::new();
    for path in found {
        let manifest = request.project.join(&path);
        if !manifest.is_file() {
            return Err(looked(std::slice::from_ref(&path)));
        }
        manifests.push(place(request.checkout, &manifest)?);
    }
    manifests.sort();
    manifests.dedup();
    Ok(manifests)
}

/// The manifest of the workspace that a manifest belongs to, as cargo finds it.
fn workspace_of(
    checkout: &Path,
    manifest: &Path,
    toolchain: &RustToolchain,
    cancel: &AtomicBool,
) -> Result<PathBuf, CratesError> {
    let arguments =
        ["locate-project", "--workspace", "--message-format", "plain", "--manifest-path"];
    let mut arguments: Vec<OsString> = arguments.map(Into::into).into();
    arguments.push(manifest.into());
    let output = toolchain.cargo(arguments, QUESTION, cancel)?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || path.is_empty() {
        return Err(CratesError::Cargo {
            manifest: manifest.to_owned(),
            said: message(&output.stderr),
        });
    }
    place(checkout, Path::new(&path))
}

/// Refuses a `.cargo/config.toml` in the tree, above a file of it, that says where crates come from: it
/// would take precedence over ours.
fn refuse_own_source(checkout: &Path, file: &Path) -> Result<(), CratesError> {
    let above = file.ancestors().skip(1);
    for folder in above.take_while(|folder| folder.starts_with(checkout)) {
        for name in [".cargo/config.toml", ".cargo/config"] {
            let path = folder.join(name);
            let Some(text) = read_manifest(checkout, &path)? else {
                continue;
            };
            let table: toml::Table =
                toml::from_str(&text).map_err(|error| toml_error(&path, &text, &error))?;
            // `include` may lead to a file with any of the others.
            let own = ["source", "paths", "patch", "include"];
            if let Some(key) = own.into_iter().find(|key| table.contains_key(*key)) {
                return Err(CratesError::OwnSource { path, key });
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// crates.io as Cargo.lock names it, also where the user's own configuration puts a mirror in its place. A
/// crate is recorded as `pkg:cargo/NAME@VERSION`, which says that it is from there.
pub(super) const CRATES_IO: &[&str] =
    &["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

fn read_lock(path: &Path, text: &str) -> Result<Vec<Crate>, CratesError> {
    let lock: CargoLock = toml::from_str(text).map_err(|error| toml_error(path, text, &error))?;
    let mut crates = Vec::new();
    for LockedPackage { name, version, source, checksum } in lock.package {
        let Some(source) = source else { continue }; // of the source tree itself
        let refused = |why: String| CratesError::Refused {
            path: path.to_owned(),
            name: name.clone(),
            version: version.clone(),
            why,
        };
        if !CRATES_IO.contains(&source.as_str()) {
            return Err(CratesError::elsewhere(path, &name, &version, &source));
        }
        let checksum =
            checksum.ok_or_else(|| refused("no checksum; a newer cargo writes one".to_owned()))?;
        let sha256 = checksum.parse().map_err(|error| refused(format!("checksum: {error}")))?;
        crates.push(Crate { name, version, sha256 });
    }
    Ok(crates)
}

/// Each vendored crate must be one that is locked, with its checksum; cargo leaves out what is used on
/// no platform.
fn check(packages: &[Crate], vendor: &Path) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Checksum {
        package: Option<Sha256Digest>,
    }
    let locked: BTreeMap<String, Sha256Digest> = packages
        .iter()
        .map(|package| (format!("{}-{}", package.name, package.version), package.sha256))
        .collect();
    let folders = fs::read_dir(vendor).map_err(|error| error.to_string())?;
    for folder in folders {
        let folder = folder.map_err(|error| error.to_string())?;
        let name = folder.file_name().to_string_lossy().into_owned();
        let bytes = fs::read(folder.path().join(".cargo-checksum.json"))
            .map_err(|error| format!("{}: {error}", name.escape_debug()))?;
        let found: Checksum = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let expected = locked.get(&name);
        if expected.is_none() || found.package.as_ref() != expected {
            return Err(format!(
                "vendored `{}` has checksum {:?}, Cargo.lock {expected:?}",
                name.escape_debug(),
                found.package
            ));
        }
    }
    Ok(())
}

/// cargo's own configuration for the vendored folder, with the path at which the build sees it.
fn configure(printed: &str, inside: &Path) -> Result<String, String> {
    let mut config: toml::Table = toml::from_str(printed).map_err(|error| error.to_string())?;
    let inside = inside.to_str().ok_or("the path inside is not UTF-8")?;
    if let Some(sources) = config.get_mut("source").and_then(toml::Value::as_table_mut) {
        for source in sources.iter_mut().filter_map(|(_, source)| source.as_table_mut()) {
            if let Some(directory) = source.get_mut("directory") {
                *directory = inside.into();
            }
        }
    }
    config.insert(
        "net".to_owned(),
        toml::Table::from_iter([("offline".to_owned(), true.into())]).into(),
    );
    toml::to_string(&config).map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "crates_tests.rs"]
mod tests;
