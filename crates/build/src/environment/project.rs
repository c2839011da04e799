//! What a source tree asks for: `[build-system]` of `pyproject.toml`, read strictly.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use pep508_rs::VersionOrUrl;
use serde::Deserialize;
use toml::Spanned;
use url::Url;
use wheelmark_core::attestation::environment::Backend;
use wheelmark_core::report::Escaped;
use wheelmark_core::{requirement, text};

/// Bytes of a `pyproject.toml` or `Cargo.toml` that is read: the largest written by hand have some
/// hundred kilobytes.
pub const MANIFEST_LIMIT: u64 = 4 << 20;

/// The requirement of a project that names none (PEP 517, "Source trees").
pub const DEFAULT_REQUIREMENT: &str = "setuptools>=40.8.0";

/// The backend of a project that names none (PEP 517).
pub const DEFAULT_BACKEND: &str = "setuptools.build_meta:__legacy__";

/// Requirements that a project or its backend may ask for. The longest real lists have some dozen.
pub(crate) const MAX_REQUIREMENTS: usize = 256;

/// Characters shown of a text that is no requirement.
const SHOWN: usize = 200;

/// What `[build-system]` says, or PEP 517's default where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// Requirements in the notation of PEP 508; none is a direct URL.
    pub requires: Vec<String>,
    /// The backend and its `backend-path`.
    pub backend: Backend,
}

impl BuildSystem {
    /// Reads `pyproject.toml` of a source tree.
    ///
    /// # Errors
    /// See [`ProjectError`].
    pub fn read(source: &Path) -> Result<Self, ProjectError> {
        let path = source.join("pyproject.toml");
        let Some(text) = read_manifest(source, &path)? else {
            // setuptools makes a wheel of any folder, named `unknown` or after what it finds.
            if find_inside(source, &source.join("setup.py"))?.is_none() {
                return Err(ProjectError::None { path: source.to_owned() });
            }
            return Ok(Self::default_of_pep_517());
        };
        let build_system = parse(&path, &text)?;
        for entry in &build_system.backend.path {
            let inside = fs::canonicalize(source)
                .and_then(|source| Ok(fs::canonicalize(source.join(entry))?.starts_with(source)));
            // An entry that is not there is for the backend's import to fail on.
            if inside.is_ok_and(|inside| !inside) {
                return Err(invalid(&path, None, outside(entry)));
            }
        }
        Ok(build_system)
    }

    /// The requirements in the text of a `pyproject.toml`, where it parses.
    pub(crate) fn requirements_in(text: &str) -> Option<Vec<String>> {
        let build_system = parse(Path::new("pyproject.toml"), text).ok()?;
        Some(build_system.requires)
    }

    /// True if a requirement names this project; `name` is in its normal form.
    pub fn requires_project(&self, name: &str) -> bool {
        self.requires
            .iter()
            .any(|text| requirement::parse::<Url>(text).is_ok_and(|r| r.name.to_string() == name))
    }

    fn default_of_pep_517() -> Self {
        Self {
            requires: vec![DEFAULT_REQUIREMENT.to_owned()],
            backend: Backend { name: DEFAULT_BACKEND.to_owned(), path: Vec::new() },
        }
    }
}

/// What is wrong with a manifest of the source tree.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no project where one was looked for.
    #[error("`{}` is no Python project: it has neither pyproject.toml nor setup.py", .path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// It does not say what it must, or says something that is refused.
    #[error("{}{place}: {message}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// `:line:column`, both from 1, or nothing.
        place: String,
        /// What is wrong.
        message: String,
    },
}

/// A requirement in the notation of PEP 508, in its normal spelling.
///
/// # Errors
/// A message, where it does not parse or is a direct URL: an index can be asked again for the same file
/// by its digest, an address cannot.
pub fn requirement(text: &str) -> Result<String, String> {
    let requirement = requirement::parse::<Url>(text).map_err(|error| {
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        format!("not a requirement: `{}{more}`: {error}", Escaped(&shown))
    })?;
    if let Some(VersionOrUrl::Url(_)) = requirement.version_or_url {
        return Err(format!(
            "`{}` is required from a URL: only requirements from an index can be recorded and \
             fetched again",
            requirement.name
        ));
    }
    Ok(requirement.to_string())
}

/// Reads a file of the source tree as text, if it is there.
///
/// # Errors
/// [`ProjectError`] where it cannot be read, is not UTF-8, is too large, or a symbolic link leads out of
/// the tree.
pub(super) fn read_manifest(source: &Path, path: &Path) -> Result<Option<String>, ProjectError> {
    let Some(real) = find_inside(source, path)? else {
        return Ok(None);
    };
    let failed = |error| ProjectError::Read { path: path.to_owned(), source: error };
    let mut text = String::new();
    let file = fs::File::open(&real).map_err(failed)?;
    file.take(MANIFEST_LIMIT + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MANIFEST_LIMIT {
        return Err(invalid(path, None, format!("larger than {MANIFEST_LIMIT} bytes")));
    }
    Ok(Some(text))
}

/// Where a regular file of the source tree is, its links followed, if it is there.
///
/// # Errors
/// [`ProjectError`] where it cannot be looked at, is no regular file, or a symbolic link leads out of the tree.
fn find_inside(source: &Path, path: &Path) -> Result<Option<PathBuf>, ProjectError> {
    let failed = |error| ProjectError::Read { path: path.to_owned(), source: error };
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if !real.starts_with(fs::canonicalize(source).map_err(failed)?) {
        return Err(invalid(path, None, "a symbolic link out of the source tree".to_owned()));
    }
    if !fs::metadata(&real).map_err(failed)?.is_file() {
        return Err(invalid(path, None, "not a regular file".to_owned()));
    }
    Ok(Some(real))
}

/// The error of a TOML file that does not parse, with its place.
pub(super) fn toml_error(path: &Path, text: &str, error: &toml::de::Error) -> ProjectError {
    let place = error.span().map(|span| (text, span.start));
    invalid(path, place, error.message().to_owned())
}

fn invalid(path: &Path, place: Option<(&str, usize)>, message: String) -> ProjectError {
    let place = place.map_or(String::new(), |(text, offset)| {
        let (line, column) = text::place(text, offset);
        format!(":{line}:{column}")
    });
    ProjectError::Invalid { path: path.to_owned(), place, message }
}

/// What is wrong with more requirements than are read.
pub(crate) fn too_many(found: usize) -> String {
    format!("{found} requirements, and at most {MAX_REQUIREMENTS} are read")
}

fn outside(entry: &str) -> String {
    format!("backend-path entry `{}` leads out of the source tree", entry.escape_debug())
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "build-system")]
    build_system: Option<Table>,
}

/// PEP 518: all other keys are reserved.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    requires: Vec<Spanned<String>>,
    build_backend: Option<Spanned<String>>,
    #[serde(default)]
    backend_path: Vec<Spanned<String>>,
}

fn parse(path: &Path, text: &str) -> Result<BuildSystem, ProjectError> {
    let document: Document =
        toml::from_str(text).map_err(|error| toml_error(path, text, &error))?;
    let Some(table) = document.build_system else {
        return Ok(BuildSystem::default_of_pep_517());
    };
    if table.requires.len() > MAX_REQUIREMENTS {
        let place = table.requires.get(MAX_REQUIREMENTS).map(|entry| (text, entry.span().start));
        return Err(invalid(path, place, too_many(table.requires.len())));
    }
    let requires = table.requires.iter().map(|entry| {
        requirement(entry.get_ref())
            .map_err(|message| invalid(path, Some((text, entry.span().start)), message))
    });
    let requires = requires.collect::<Result<_, _>>()?;
    let name = match table.build_backend {
        None => DEFAULT_BACKEND.to_owned(),
        Some(name) if is_object_path(name.get_ref()) => name.into_inner(),
        Some(name) => {
            let message = format!(
                "build-backend is not `module` or `module:object`: `{}`",
                name.get_ref().escape_debug()
            );
            return Err(invalid(path, Some((text, name.span().start)), message));
        }
    };
    for entry in &table.backend_path {
        let stays = Path::new(entry.get_ref())
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays {
            let message = outside(entry.get_ref());
            return Err(invalid(path, Some((text, entry.span().start)), message));
        }
    }
    Ok(BuildSystem {
        requires,
        backend: Backend {
            name,
            path: table.backend_path.into_iter().map(Spanned::into_inner).collect(),
        },
    })
}

/// `module.path:object.path`, the second part optional, of Python identifiers (PEP 517).
fn is_object_path(text: &str) -> bool {
    let dotted = |text: &str| {
        text.split('.').all(|name| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
    };
    match text.split_once(':') {
        Some((module, object)) => dotted(module) && dotted(object),
        None => dotted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BuildSystem, String> {
        parse(Path::new("pyproject.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_build_system_is_read() {
        let found = read(
            "[build-system]\nrequires = ['Flit_Core >=3.2,<4', 'tomli; python_version<\"3.11\"']\n\
             build-backend = 'flit_core.buildapi'\nbackend-path = ['.', 'tools/build']\n\
             [tool.anything]\nx = 1\n",
        )
        .unwrap();
        assert_eq!(found.backend.name, "flit_core.buildapi");
        assert_eq!(found.backend.path, [".", "tools/build"]);
        assert!(found.requires_project("flit-core"));
        assert!(found.requires_project("tomli"));
        assert!(!found.requires_project("flit"));
    }

    #[test]
    fn what_is_absent_is_the_default_of_pep_517() {
        let default = BuildSystem::default_of_pep_517();
        assert_eq!(read("[project]\nname = 'x'\n").unwrap(), default);
        let folder = tempfile::tempdir().unwrap();
        let error = BuildSystem::read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("it has neither pyproject.toml nor setup.py"), "{error}");
        // It is Python's to read: in any encoding, of any size.
        fs::write(folder.path().join("setup.py"), b"# coding: latin-1\n# \xe9\n").unwrap();
        assert_eq!(BuildSystem::read(folder.path()).unwrap(), default);
        let found = read("[build-system]\nrequires = []\n").unwrap();
        assert_eq!((found.requires.len(), &*found.backend.name), (0, DEFAULT_BACKEND));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("[build-system\n", "pyproject.toml:1:14: "),
            ("\n[build-system]\nrequires = 'x'\n", "pyproject.toml:3:12: invalid type"),
            ("[build-system]\n", "missing field `requires`"),
            ("[build-system]\nrequires = []\nrequire = 1\n", "pyproject.toml:3:1: unknown field"),
            (
                "[build-system]\nrequires = ['a', 'b ===']\n",
                "pyproject.toml:2:18: not a requirement",
            ),
            (
                "[build-system]\nrequires = ['a @ https://example.com/a.whl']\n",
                "pyproject.toml:2:13: `a` is required from a URL",
            ),
            (
                "[build-system]\nrequires = []\nbuild-backend = 'a b'\n",
                "pyproject.toml:3:17: build-backend is not",
            ),
            (
                "[build-system]\nrequires = []\nbackend-path = ['x/../..']\n",
                "pyproject.toml:3:17: backend-path entry `x/../..` leads out",
            ),
            (
                "[build-system]\nrequires = []\nbackend-path = ['/usr']\n",
                "pyproject.toml:3:17: backend-path entry `/usr` leads out",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_line_break_does_not_smuggle_an_option_to_the_installer() {
        assert!(requirement("a\n--index-url https://example.com").is_err());
    }

    #[test]
    fn requirements_are_bounded_before_they_are_parsed() {
        let deep = format!("a; {}os_name=='x'{}", "(".repeat(1200), ")".repeat(1200));
        let error = read(&format!("[build-system]\nrequires = [\"{deep}\"]\n")).unwrap_err();
        assert!(error.contains("1200 opening parentheses, and at most 32"), "{error}");
        assert!(error.len() < 400 && error.contains("pyproject.toml:2:13: "), "{error}");
        let many = "'a', ".repeat(MAX_REQUIREMENTS + 1);
        let error = read(&format!("[build-system]\nrequires = [{many}]\n")).unwrap_err();
        assert!(error.ends_with("257 requirements, and at most 256 are read"), "{error}");
    }

    #[test]
    fn links_out_of_the_tree_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(folder.path().join("secret"), "[build-system]\nrequires = []\n").unwrap();
        std::os::unix::fs::symlink("../secret", tree.join("pyproject.toml")).unwrap();
        let error = BuildSystem::read(&tree).unwrap_err().to_string();
        assert!(error.contains("out of the source tree"), "{error}");

        fs::remove_file(tree.join("pyproject.toml")).unwrap();
        std::os::unix::fs::symlink("..", tree.join("up")).unwrap();
        let text = "[build-system]\nrequires = []\nbackend-path = ['up']\n";
        fs::write(tree.join("pyproject.toml"), text).unwrap();
        let error = BuildSystem::read(&tree).unwrap_err().to_string();
        assert!(error.contains("`up` leads out"), "{error}");
    }
}
