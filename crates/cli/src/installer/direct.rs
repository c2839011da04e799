//! What is to be installed and is no file of an index: folders in place, and revisions of repositories. Nobody can verify
//! them; a policy may exempt each by its exact place.

use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::policy::{FolderPath, Place};
use wheelmark_core::report::Escaped;

use super::commits::Commits;
use super::{Installer, Kind};
use crate::error::{CliError, shown};
use crate::input;

/// Bytes of a `pyproject.toml` that are read. The largest real ones have some 100 KB.
const MANIFEST: usize = 1 << 20;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// The project that it is.
    pub project: ProjectName,
    /// Where it is.
    pub place: Place,
}

#[derive(Deserialize)]
struct Manifest {
    project: Project,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

/// `NAME @ git+https://host/path@COMMIT`, and nothing more; `None` of all else. The installer holds the name against what
/// it finds there.
pub(super) fn revision(text: &str) -> Option<Direct> {
    let (name, url) = text.split_once('@')?;
    let (project, revision) = (name.trim().parse().ok()?, url.trim().parse().ok()?);
    Some(Direct { project, place: Place::Vcs(revision) })
}

/// A folder below the working folder that says in its `pyproject.toml` which project it is.
pub(super) fn editable(text: &str) -> Result<Direct, CliError> {
    let refused = |why: &str| {
        let message = format!("the editable `{}` is not installed: {why}", Escaped(text));
        CliError::usage(message).hint(
            "only a folder below the working folder is, where the policy exempts it, and whose `pyproject.toml` has \
             `name` in `[project]`",
        )
    };
    let path: FolderPath = text.parse().map_err(|error: _| refused(&format!("{error}")))?;
    let folder = Path::new(path.as_str());
    let real =
        |path: &Path| path.canonicalize().map_err(|error| CliError::io("look at", path, &error));
    if !real(folder)?.starts_with(real(Path::new("."))?) {
        return Err(refused("a link leads out of the working folder"));
    }
    let manifest = folder.join("pyproject.toml");
    let text = input::read_text(&manifest, MANIFEST)?;
    let name = toml::from_str::<Manifest>(&text).ok().and_then(|it| it.project.name.parse().ok());
    let Some(project) = name else {
        return Err(refused(&format!("{} does not say which project it is", shown(&manifest))));
    };
    Ok(Direct { project, place: Place::Editable(path) })
}

impl Installer {
    /// The commits among them that this installer would not take by their ids alone. Nothing is changed yet where one
    /// cannot be had.
    pub fn commits(&self, all: &[Direct]) -> Result<Commits, CliError> {
        // uv asks for a commit by its id, and for nothing of that name.
        Commits::fetch(all.iter().filter_map(|it| match &it.place {
            Place::Vcs(revision) if self.kind == Kind::Pip => Some(revision),
            Place::Vcs(_) | Place::Editable(_) => None,
        }))
    }

    /// Installs what was exempted: by the place that was given, with the index switched off and nothing beside it. What a
    /// build of it needs must be in the environment.
    pub fn install_direct(&self, all: &[Direct], commits: &Commits) -> Result<(), CliError> {
        let mut command = self.bare(&self.program[1..]);
        commits.in_place(&mut command);
        command.args(["--no-index", "--no-deps", "--no-build-isolation"]);
        command.args(match self.kind {
            Kind::Pip => &["--no-input", "--disable-pip-version-check", "--no-cache-dir"][..],
            Kind::Uv => &["--no-config", "--color", "never", "--no-progress"],
        });
        for Direct { project, place } in all {
            command.args::<_, OsString>(match place {
                Place::Editable(path) => {
                    vec!["--editable".into(), format!("./{}", path.as_str()).into()]
                }
                // pip 23 takes a URL without a host for none, but for this form, by which it holds the name, too.
                Place::Vcs(revision)
                    if self.kind == Kind::Pip && revision.as_str().starts_with("git+file:") =>
                {
                    vec![format!("{}#egg={project}", revision.as_str()).into()]
                }
                Place::Vcs(revision) => vec![format!("{project} @ {}", revision.as_str()).into()],
            });
        }
        self.run_on(command.args(&self.place)).map_err(|error| {
            error.hint(
                "what is exempted is built without an index: the environment must have what its build needs, which can be \
                 installed beside it",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_revision_by_name_is_one() {
        let commit = "a".repeat(40);
        let url = format!("git+https://example.org/o/r@{commit}");
        let found = revision(&format!("My_Demo @ {url}")).expect("a revision");
        assert_eq!((found.project.as_str(), found.place.location()), ("my-demo", &*url));
        for text in [
            url.clone(),
            format!("demo[x] @ {url}"),
            format!("demo @ {url} ; os_name == 'nt'"),
            format!("demo @ {url}#egg=x"),
            "demo @ git+https://example.org/o/r@main".to_owned(),
            "demo @ https://example.org/demo-1.0-py3-none-any.whl".to_owned(),
        ] {
            assert_eq!(revision(&text), None, "{text}");
        }
    }
}
