//! `uv.lock`, version 1. Its revisions add keys and change no meaning.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::asked::Graph;
use super::{
    Lock, LockError, LockedFile, LockedProject, Reader, Unverifiable, UnverifiableKind, last_part,
    put,
};

#[derive(Deserialize)]
struct Document {
    version: u32,
    #[serde(default)]
    manifest: Manifest,
    #[serde(default)]
    package: Vec<Spanned<Package>>,
}

#[derive(Default, Deserialize)]
struct Manifest {
    /// The projects of a workspace: those that are locked, not what they are locked to.
    #[serde(default)]
    members: BTreeSet<String>,
    /// What it asks for otherwise than through a project.
    #[serde(flatten)]
    others: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    source: toml::Table,
    /// When it is installed, where it is there for several cases.
    #[serde(default)]
    resolution_markers: Vec<String>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Dependency>>,
    /// What the project says of itself; uv resolved it to the dependencies.
    #[serde(rename = "metadata")]
    _metadata: Option<toml::Value>,
    /// What is not known here.
    #[serde(flatten)]
    others: BTreeMap<String, toml::Value>,
}

/// A package that is needed, and in which case.
#[derive(Deserialize)]
struct Dependency {
    name: String,
    marker: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: Option<String>,
    path: Option<String>,
    filename: Option<String>,
    hash: Option<String>,
}

pub(super) fn parse(reader: &Reader<'_>) -> Result<Lock, LockError> {
    let document: Document = reader.toml()?;
    reader.known("version", &document.version.to_string(), &["1"])?;
    let mut lock = Lock::default();
    // What asks for something that is not understood may ask for anything.
    let mut understood = document.manifest.others.is_empty();
    let mut graph = Graph::default();
    for package in document.package {
        let line = reader.line(package.span().start);
        let package = package.into_inner();
        let name = reader.name(line, &package.name)?;
        let groups =
            package.optional_dependencies.values().chain(package.dev_dependencies.values());
        for it in package.dependencies.iter().chain(groups.flatten()) {
            let needed = (reader.name(line, &it.name)?, it.marker.clone());
            graph.needs.entry(name.clone()).or_default().push(needed);
        }
        understood &= package.others.is_empty();
        let keys: Vec<&str> = package.source.keys().map(String::as_str).collect();
        let place = package.source.values().next().and_then(toml::Value::as_str);
        let own = place == Some(".")
            || (document.manifest.members.contains(name.as_str()) && place.is_some_and(is_within));
        let kind = match keys[..] {
            ["registry"] => None,
            ["virtual" | "editable" | "directory"] if own => {
                lock.notes.push(format!("`{name}` is the project that is locked, not looked at"));
                graph.roots.insert(name);
                continue;
            }
            ["git"] => Some(UnverifiableKind::Vcs),
            ["editable"] => Some(UnverifiableKind::Editable),
            ["virtual" | "directory" | "path"] => Some(UnverifiableKind::Path),
            ["url"] | ["subdirectory", "url"] | ["url", "subdirectory"] => {
                Some(UnverifiableKind::Url)
            }
            _ => {
                let message = format!("`{name}` is from a source that is not known here");
                return Err(reader.error(line, message));
            }
        };
        let kind = kind.or(package.version.is_none().then_some(UnverifiableKind::Unpinned));
        if let Some(kind) = kind {
            lock.unverifiable.push(Unverifiable { name: name.to_string(), kind, line });
            continue;
        }
        let version = reader.version(line, package.version.as_deref().unwrap_or_default())?;
        let files = package.wheels.into_iter().chain(package.sdist).map(|file| {
            let place = file.url.as_deref().or(file.path.as_deref()).and_then(last_part);
            let hash = file.hash.as_deref().map(|hash| reader.hash(line, hash)).transpose()?;
            Ok(LockedFile {
                filename: file.filename.or(place),
                sha256: hash.flatten(),
                url: file.url,
                ..LockedFile::default()
            })
        });
        let files = files.collect::<Result<_, LockError>>()?;
        let markers = package.resolution_markers;
        let marker = (!markers.is_empty()).then(|| markers.join(" or "));
        put(&mut lock, LockedProject { name, version, files, marker, line });
    }
    lock.graph = Some(graph).filter(|graph| understood && !graph.roots.is_empty());
    Ok(lock)
}

/// Whether a folder is one below that of the lock, as the members of a workspace are: what lies elsewhere is no
/// part of the project that is locked, whatever the lock calls it.
fn is_within(folder: &str) -> bool {
    !folder.contains(['\\', ':']) && folder.split('/').all(|part| !matches!(part, "" | ".."))
}
