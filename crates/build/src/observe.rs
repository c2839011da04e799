//! What was seen running, as the provenance says it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use wheelmark_core::attestation::environment::{Observation, Program};
use wheelmark_core::attestation::pep517::role;
use wheelmark_core::attestation::statement::ResourceDescriptor;

use crate::environment::tools;
use crate::layout;
use crate::sandbox::{Observed, Package, ProgramFile, Trace, package_of};

/// The folders of the system: what lies there is the machine's and no build can have changed it.
pub(crate) const SYSTEM: &[&str] = &["/usr", "/bin", "/lib", "/lib64", "/sbin", "/opt"];

/// What the traces of hooks and steps say together.
#[derive(Debug)]
pub struct Seen {
    /// The programs, or why they are not known.
    pub observation: Observation,
    /// Compilers, linkers and the packages of headers, as resolved dependencies.
    pub tools: Vec<ResourceDescriptor>,
}

/// Puts the traces together. One that could not be made leaves the whole unknown: a list with a gap
/// would read as complete.
pub fn observe(traces: &[Trace], toolchain: Option<&Path>, cancel: &AtomicBool) -> Seen {
    let mut all = Vec::new();
    for trace in traces {
        match trace {
            Trace::Attached(observed) => all.push(observed),
            Trace::Unavailable { reason } => return Seen::nothing(reason.clone()),
            Trace::NotAsked => return Seen::nothing("not asked for".to_owned()),
        }
    }
    let system: Vec<PathBuf> =
        SYSTEM.iter().map(PathBuf::from).chain(toolchain.map(Path::to_owned)).collect();
    let programs = programs(&all);
    let headers = headers(&all);
    // A database that is not there or does not answer leaves the packages unsaid.
    let paths = programs.keys().chain(&headers).map(PathBuf::as_path);
    let packages = package_of(paths).ok().flatten().unwrap_or_default();
    let package = |path: &Path| packages.get(path).map(Package::purl);

    let mut tools = Vec::new();
    let mut listed = Vec::new();
    for (path, sha256) in &programs {
        let version = tools::version_of(path, &system, cancel);
        // What came with a requirement is named by that requirement's digest.
        if let Some(sha256) = sha256
            && tools::is_compiler_or_linker(path)
            && !path.starts_with(layout::ROOT)
        {
            let mut annotations = role(part(path));
            annotations.insert("path".to_owned(), json!(path));
            if let Some(version) = &version {
                annotations.insert("version".to_owned(), json!(version));
            }
            tools.push(ResourceDescriptor {
                name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
                uri: package(path),
                digest: [("sha256".to_owned(), sha256.to_string())].into(),
                annotations,
                ..Default::default()
            });
        }
        listed.push(Program {
            path: path.to_string_lossy().into_owned(),
            version,
            sha256: *sha256,
            package: package(path),
        });
    }
    let header_packages: BTreeSet<_> = headers.iter().filter_map(|path| package(path)).collect();
    tools.extend(header_packages.into_iter().map(|uri| ResourceDescriptor {
        uri: Some(uri),
        annotations: role("header-package"),
        ..Default::default()
    }));
    Seen { observation: Observation::Attached { programs: listed }, tools }
}

impl Seen {
    fn nothing(reason: String) -> Self {
        Self { observation: Observation::Unavailable { reason }, tools: Vec::new() }
    }
}

/// Each program once, by its path without symbolic links where that is known.
fn programs(all: &[&Observed]) -> BTreeMap<PathBuf, Option<wheelmark_core::digest::Sha256Digest>> {
    let mut programs = BTreeMap::new();
    for program in all.iter().flat_map(|observed| &observed.programs) {
        match &program.file {
            ProgramFile::Fixed { real, sha256 } => programs.insert(real.clone(), Some(*sha256)),
            _ => programs.insert(program.path.clone(), None),
        };
    }
    programs
}

/// The headers and start-up objects that compilers and linkers read.
fn headers(all: &[&Observed]) -> BTreeSet<PathBuf> {
    let compiled = all
        .iter()
        .flat_map(|observed| &observed.programs)
        .any(|program| tools::is_compiler_or_linker(&program.path));
    let read = |path: &&PathBuf| {
        path.extension()
            .is_some_and(|kind| ["h", "hpp", "hh", "o", "a"].iter().any(|it| kind == *it))
    };
    all.iter()
        .filter(|_| compiled)
        .flat_map(|observed| observed.files.iter().flatten())
        .filter(read)
        .cloned()
        .collect()
}

fn part(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let links = ["ld", "collect2", "lld", "mold", "gold"];
    if links.iter().any(|link| name.split(['-', '.']).any(|word| word == *link)) {
        "linker"
    } else {
        "compiler"
    }
}
