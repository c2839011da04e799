//! What is installed in an environment, as its interpreter says it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use wheelmark_core::lock::Surroundings;
use wheelmark_core::report::Escaped;

use super::{Installer, Kind, Tags, output, tags};
use crate::error::CliError;

/// What is installed, and what fits the interpreter.
pub struct Environment {
    /// What is installed, by name, each once.
    pub installed: Vec<Installed>,
    /// The tags that the interpreter takes.
    pub tags: Tags,
}

/// A distribution that is installed. Its texts are not to be trusted: escape them where they are shown.
#[derive(Debug, Deserialize)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How it came here, where that was not from an index (PEP 610).
    pub direct: Option<Direct>,
    /// Whether it was installed as a wheel.
    pub wheel: bool,
}

/// Where something came from that is of no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direct {
    /// A folder, which it is still in.
    Editable,
    /// A folder.
    Folder,
    /// A repository.
    Repository,
    /// A URL or a file.
    Url,
}

/// Read by the interpreter. What is installed is not imported.
const INSTALLED: &str = include_str!("installed.py");

/// Read by the interpreter, for the variables of markers.
const MARKERS: &str = include_str!("markers.py");

impl Environment {
    /// Asks an interpreter, which is named by its path, by the folder of its environment or as uv takes it; without that,
    /// the one of the environment that uv would install into.
    pub fn of(python: Option<&Path>) -> Result<Self, CliError> {
        let interpreter = interpreter(python)?;
        let printed = said_by(&interpreter, INSTALLED)?;
        let installed = serde_json::from_str(&printed).map_err(|error| {
            let said = Escaped(&error.to_string()).to_string();
            CliError::undecided(format!("what is installed cannot be read: {said}"))
        })?;
        Ok(Self { installed, tags: tags::of(&interpreter)? })
    }
}

/// The environment of an interpreter, which is named as for [`Environment::of`], as markers see it.
pub fn surroundings(python: &Path) -> Result<Surroundings, CliError> {
    let printed = said_by(&interpreter(Some(python))?, MARKERS)?;
    Surroundings::from_json(&printed).map_err(|error| {
        CliError::undecided(format!(
            "what the interpreter says of itself cannot be read: {}",
            Escaped(&error)
        ))
    })
}

/// What an interpreter prints, which takes no notice of its environment and the folder it is started in.
fn said_by(interpreter: &Path, script: &str) -> Result<String, CliError> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-c", script]).stdin(Stdio::null());
    Ok(output(&mut command)?.printed)
}

fn interpreter(python: Option<&Path>) -> Result<PathBuf, CliError> {
    let place = match python {
        // Not looked for by its name, as a folder or a version would be.
        Some(path) if path.is_file() => return Ok(path.to_owned()),
        Some(path) => vec!["--python".into(), path.into()],
        None => Vec::new(),
    };
    let uv = Installer {
        kind: Kind::Uv,
        program: vec!["uv".into()],
        asked: Vec::new(),
        place,
        direct: Vec::new(),
        names_some: false,
    };
    uv.interpreter().map_err(|error| match error.hint {
        None => error.hint("name the interpreter of the environment by `--python PATH`"),
        Some(_) => error,
    })
}

impl fmt::Display for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Editable => "a folder that it is still in (editable)",
            Self::Folder => "a folder",
            Self::Repository => "a repository",
            Self::Url => "a URL or a file",
        })
    }
}
