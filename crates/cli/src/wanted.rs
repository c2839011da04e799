//! Releases of which it is asked who signed them: what locks name, what is installed, what an index has.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pep440_rs::Version;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::lock::LockedProject;
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement;
use wheelmark_index::FileListed;

use crate::batch::locked;
use crate::error::CliError;
use crate::index_options::Release;
use crate::installer::{Environment, Installed, Tags};

/// A release that is wanted, and who named it.
pub struct Wanted {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// Who named it.
    pub from: Origin,
    /// Which of its files are meant.
    pub which: Which,
}

/// Who named a release. It is safe on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A lock, at this place.
    Lock(String),
    /// An environment has it.
    Environment(String),
    /// A person, and an index says which files there are.
    Index,
}

/// Which files of a release are meant.
pub enum Which {
    /// Those of these digests.
    Locked(Box<LockedProject>),
    /// The wheels that fit an interpreter.
    Fitting(Arc<Tags>),
    /// All.
    All,
}

/// Everything that is wanted.
#[derive(Default)]
pub struct AllWanted {
    /// The releases.
    pub releases: Vec<Wanted>,
    /// What no file can be held against, in words.
    pub left_out: Vec<String>,
    /// What they are from, in words.
    pub from: Vec<String>,
}

impl AllWanted {
    /// Adds what locks name.
    pub fn locks(mut self, locks: &[PathBuf]) -> Result<Self, CliError> {
        for path in locks {
            let lock = locked::read(path)?;
            self.releases.extend(lock.entries.into_iter().map(|entry| Wanted {
                project: entry.name.clone(),
                version: entry.version.clone(),
                from: Origin::Lock(locked::at(path, entry.line)),
                which: Which::Locked(Box::new(entry)),
            }));
            self.left_out.extend(lock.unverifiable.into_iter().map(|entry| {
                let what = entry.kind.explanation();
                format!("{}: `{}` {what}", locked::at(path, entry.line), Escaped(&entry.name))
            }));
            self.from.push(Escaped(&path.to_string_lossy()).to_string());
        }
        Ok(self)
    }

    /// Adds what is installed in the environment of an interpreter, or in the one that uv would install into.
    pub fn installed(mut self, python: Option<&Path>) -> Result<Self, CliError> {
        let Environment { installed, tags } = Environment::of(python)?;
        let tags = Arc::new(tags);
        let place = match python {
            Some(path) => format!("the environment {}", Escaped(&path.to_string_lossy())),
            None => "the environment".to_owned(),
        };
        for it in installed {
            let Installed { name, version, direct, wheel } = it;
            let (project, known) = (name.parse(), requirement::version(&version));
            let why = match (direct, wheel) {
                (Some(how), _) => format!("was installed from {how}, and not from an index"),
                (None, false) => "was not installed as a wheel".to_owned(),
                (None, true) => "is no release by its name and version".to_owned(),
            };
            match (project, known) {
                (Ok(project), Some(version)) if direct.is_none() && wheel => {
                    self.releases.push(Wanted {
                        project,
                        version,
                        from: Origin::Environment(place.clone()),
                        which: Which::Fitting(Arc::clone(&tags)),
                    });
                }
                _ => self.left_out.push(format!(
                    "`{} {}`, installed in {place}, {why}",
                    Escaped(&name),
                    Escaped(&version)
                )),
            }
        }
        self.from.push(format!("what is installed in {place}"));
        Ok(self)
    }

    /// Adds releases as the index has them.
    pub fn releases(mut self, releases: &[Release]) -> Self {
        for Release { project, version } in releases {
            self.releases.push(Wanted {
                project: project.clone(),
                version: version.clone(),
                from: Origin::Index,
                which: Which::All,
            });
            self.from.push(format!("{project}=={version}"));
        }
        self
    }
}

impl Wanted {
    /// Whether a file of the release is meant.
    pub fn means(&self, file: &FileListed) -> bool {
        match &self.which {
            Which::Locked(entry) => entry.has(file.sha256()),
            // The local version that is installed, and not another variant.
            Which::Fitting(tags) => {
                *file.filename().version() == self.version && tags.fit(file.filename()).is_some()
            }
            Which::All => true,
        }
    }

    /// The entry of a lock that it is.
    pub fn locked(&self) -> Option<&LockedProject> {
        match &self.which {
            Which::Locked(entry) => Some(entry),
            Which::Fitting(_) | Which::All => None,
        }
    }
}

impl Origin {
    /// That the release is taken up since this named it.
    pub fn named(&self) -> String {
        match self {
            Self::Lock(place) => format!("locked at {place}"),
            Self::Environment(place) => format!("installed in {place}"),
            Self::Index => "asked for by name".to_owned(),
        }
    }

    /// Who said which bytes are those of the release.
    pub fn said_by(&self) -> &str {
        match self {
            Self::Lock(place) => place,
            Self::Environment(_) | Self::Index => "the index",
        }
    }
}
