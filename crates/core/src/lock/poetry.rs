//! `poetry.lock`, versions 2.0 and 2.1: before these, digests stood elsewhere in it.

use serde::Deserialize;
use toml::Spanned;

use super::{
    Lock, LockError, LockedFile, LockedProject, Reader, Unverifiable, UnverifiableKind, put,
};
use crate::report::Escaped;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    package: Vec<Spanned<Package>>,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    lock_version: String,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    develop: bool,
    /// A text, or one text for each group of requirements.
    markers: Option<toml::Value>,
    #[serde(default)]
    files: Vec<File>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    hash: String,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
}

pub(super) fn parse(reader: &Reader<'_>) -> Result<Lock, LockError> {
    let document: Document = reader.toml()?;
    reader.known("lock-version", &document.metadata.lock_version, &["2.0", "2.1"])?;
    let mut lock = Lock::default();
    for package in document.package {
        let line = reader.line(package.span().start);
        let package = package.into_inner();
        let name = reader.name(line, &package.name)?;
        let source = package.source.as_ref().map_or("pypi", |source| source.r#type.as_str());
        let kind = match source {
            // The default index, and every other one.
            "pypi" | "legacy" => None,
            "git" => Some(UnverifiableKind::Vcs),
            "directory" if package.develop => Some(UnverifiableKind::Editable),
            "directory" | "file" => Some(UnverifiableKind::Path),
            "url" => Some(UnverifiableKind::Url),
            other => {
                let other = Escaped(other);
                let message = format!("`{name}` is from a source of unknown type `{other}`");
                return Err(reader.error(line, message));
            }
        };
        if let Some(kind) = kind {
            lock.unverifiable.push(Unverifiable { name: name.to_string(), kind, line });
            continue;
        }
        let version = reader.version(line, &package.version)?;
        let files = package.files.into_iter().map(|file| {
            let sha256 = reader.hash(line, &file.hash)?;
            Ok(LockedFile { filename: Some(file.file), sha256, ..LockedFile::default() })
        });
        let files = files.collect::<Result<_, LockError>>()?;
        let marker = package.markers.map(|markers| match markers {
            toml::Value::String(text) => text,
            other => other.to_string(),
        });
        put(&mut lock, LockedProject { name, version, files, marker, line });
    }
    Ok(lock)
}
