//! The Python interpreter: found, described, and found again for a rebuild.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use pep440_rs::Version;
use serde::Deserialize;
use wheelmark_core::attestation::environment::Interpreter;
use wheelmark_core::compare::Drift;

use super::message;
use super::query::query;
use super::uv::{Uv, digest_of};
use crate::process::ProcessError;

/// Any version that a build frontend of today supports; uv takes the first on `PATH`.
const ANY_VERSION: &str = ">=3.8";

/// An interpreter of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundInterpreter {
    /// What is recorded of it.
    pub record: Interpreter,
    /// The folders that must be visible, at these very paths, for it to run and to build extensions:
    /// installation, standard library, headers, shared library. None is inside another.
    pub directories: Vec<PathBuf>,
    /// The tag of its extension modules, such as `cpython-311-x86_64-linux-gnu`.
    pub soabi: Option<String>,
    /// `sysconfig.get_platform()`, such as `linux-x86_64`.
    pub platform: String,
}

impl FoundInterpreter {
    /// The executable, symbolic links resolved.
    pub fn path(&self) -> &Path {
        Path::new(&self.record.path)
    }
}

/// How well an interpreter of this machine matches a recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Implementation, version and executable are the recorded ones. It may be in another place, which
    /// is then the only drift.
    Exact {
        /// The interpreter.
        found: FoundInterpreter,
        /// Empty, or where it is.
        drift: Vec<Drift>,
    },
    /// The nearest there is: the same implementation and minor version.
    Nearest {
        /// The interpreter.
        found: FoundInterpreter,
        /// What differs; never empty.
        drift: Vec<Drift>,
        /// Where the recorded one is to be had.
        hint: String,
    },
    /// None of the same implementation and minor version.
    None {
        /// Where one is to be had.
        hint: String,
    },
}

/// Why no interpreter was found.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// The request is neither a version nor a path.
    #[error(
        "not a Python version or a path to an interpreter: `{}`\n\
         hint: a version such as `3.11` or `3.11.7`, or an absolute path", .request.escape_debug()
    )]
    Request {
        /// What was asked for.
        request: String,
    },
    /// uv found none.
    #[error("no Python interpreter for `{}`: {said}\nhint: {hint}", .request.escape_debug())]
    NotFound {
        /// What was asked for.
        request: String,
        /// What uv said.
        said: String,
        /// Where one is to be had.
        hint: String,
    },
    /// It is there and does not describe itself.
    #[error("`{}` does not work as a Python interpreter: {said}", .path.display())]
    Broken {
        /// The interpreter.
        path: PathBuf,
        /// What it said.
        said: String,
    },
    /// Its executable could not be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A process could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Finds an interpreter by path or version (`3.11`, `3.11.7`), or, without a request, the one that uv
/// takes first. Nothing is downloaded, and virtual environments stand for what they were made from.
///
/// # Errors
/// See [`InterpreterError`].
pub fn find(
    uv: &Uv,
    request: Option<&str>,
    cancel: &AtomicBool,
) -> Result<FoundInterpreter, InterpreterError> {
    let wanted = request.unwrap_or(ANY_VERSION);
    let path = match request {
        Some(text) if text.contains('/') => {
            return query(&absolute(Path::new(text))?, cancel);
        }
        Some(text) if !is_version(text) => {
            return Err(InterpreterError::Request { request: text.to_owned() });
        }
        _ => {
            let output = uv.run(["python", "find", "--system", "--no-project", wanted], cancel)?;
            let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if !output.status.success() || path.is_empty() {
                return Err(InterpreterError::NotFound {
                    request: wanted.to_owned(),
                    said: message(&output.stderr),
                    hint: match request {
                        Some(version) => install_hint(version),
                        None => "install Python 3 with the system's package manager".to_owned(),
                    },
                });
            }
            PathBuf::from(path)
        }
    };
    query(&path, cancel)
}

/// Minor versions of CPython 3 that uv finds on this machine, the oldest first; those that uv can make environments of.
///
/// # Errors
/// [`InterpreterError::Process`] where uv cannot be run.
pub fn minors(uv: &Uv, cancel: &AtomicBool) -> Result<Vec<u64>, InterpreterError> {
    /// What uv says of one.
    #[derive(Deserialize)]
    struct Listed {
        version: String,
        implementation: String,
    }
    let arguments =
        ["python", "list", "--only-installed", "--all-versions", "--output-format", "json"];
    let output = uv.run(arguments, cancel)?;
    let listed: Vec<Listed> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let cpython = listed.iter().filter(|it| it.implementation == "cpython");
    let versions = cpython.filter_map(|it| it.version.parse::<Version>().ok());
    let mut minors: Vec<u64> = versions
        .filter_map(|version| match version.release() {
            [3, minor, ..] if *minor >= OLDEST_MINOR => Some(*minor),
            _ => None,
        })
        .collect();
    minors.sort_unstable();
    minors.dedup();
    Ok(minors)
}

/// The oldest minor version of Python 3 that uv can make an environment of.
const OLDEST_MINOR: u64 = 7;

/// Finds the recorded interpreter, or what is nearest to it. The recorded path is looked at first, but
/// only a file with the recorded digest is run from there: the path is the word of a stranger.
///
/// # Errors
/// [`InterpreterError::Process`] where uv cannot be run; an interpreter that does not work is passed over.
pub fn find_matching(
    uv: &Uv,
    recorded: &Interpreter,
    cancel: &AtomicBool,
) -> Result<Match, InterpreterError> {
    let hint = install_hint(&recorded.version);
    let minor = minor_of(&recorded.version);
    let (Ok(wanted), Some(minor)) = (recorded.version.parse::<Version>(), minor) else {
        return Ok(Match::None { hint });
    };
    let there = PathBuf::from(&recorded.path);
    if is_python(&there)
        && there.parent().is_some_and(|folder| uv.searches(folder))
        && digest_of(&there).is_ok_and(|digest| digest == recorded.sha256)
        && let Some(found) = working(&there, cancel)?
        && is_same(recorded, &found.record)
    {
        return Ok(exact(recorded, found));
    }
    let mut nearest: Option<FoundInterpreter> = None;
    for path in installed(uv, &recorded.implementation, minor, &wanted, cancel)? {
        let Some(found) = working(&path, cancel)? else {
            continue;
        };
        if is_same(recorded, &found.record) {
            return Ok(exact(recorded, found));
        }
        // They come in the order of their distance.
        nearest = nearest.or(Some(found));
    }
    Ok(match nearest {
        Some(found) => {
            let hint = match found.record.version == recorded.version {
                true => other_executable_hint(recorded),
                false => hint,
            };
            Match::Nearest { drift: drift(recorded, &found.record), found, hint }
        }
        None => Match::None { hint },
    })
}

/// True for an absolute path whose file is called as an interpreter is. Besides, it must lie in a folder
/// from which this machine's user runs interpreters anyway: path and digest are both a stranger's word.
fn is_python(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.is_absolute() && (name.starts_with("python") || name.starts_with("pypy"))
}

fn is_same(recorded: &Interpreter, found: &Interpreter) -> bool {
    recorded.implementation == found.implementation
        && recorded.version == found.version
        && recorded.sha256 == found.sha256
}

fn exact(recorded: &Interpreter, found: FoundInterpreter) -> Match {
    let drift = drift(recorded, &found.record);
    Match::Exact { found, drift }
}

/// The interpreter at a path, or nothing where it does not work.
fn working(path: &Path, cancel: &AtomicBool) -> Result<Option<FoundInterpreter>, InterpreterError> {
    match query(path, cancel) {
        Err(error @ InterpreterError::Process(ProcessError::Cancelled { .. })) => Err(error),
        result => Ok(result.ok()),
    }
}

/// What differs between a recorded interpreter and another.
fn drift(recorded: &Interpreter, found: &Interpreter) -> Vec<Drift> {
    let digests = (recorded.sha256.to_string(), found.sha256.to_string());
    [
        ("interpreter implementation", &recorded.implementation, &found.implementation),
        ("interpreter version", &recorded.version, &found.version),
        ("interpreter executable", &digests.0, &digests.1),
        ("interpreter path", &recorded.path, &found.path),
    ]
    .into_iter()
    .filter_map(|(what, recorded, found)| Drift::between(what, recorded, found))
    .collect()
}

/// A line of `uv python list --output-format json`.
#[derive(Deserialize)]
struct Listed {
    version: String,
    path: Option<PathBuf>,
    variant: Option<String>,
    implementation: String,
}

/// The installed interpreters of a minor version, the nearest first. Free-threaded builds and other
/// variants are left out: their wheels are of another tag.
fn installed(
    uv: &Uv,
    implementation: &str,
    minor: (u64, u64),
    wanted: &Version,
    cancel: &AtomicBool,
) -> Result<Vec<PathBuf>, InterpreterError> {
    let arguments = ["python", "list", "--only-installed", "--output-format", "json"];
    let output = uv.run(arguments, cancel)?;
    let mut listed: Vec<Listed> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    listed.retain(|python| {
        python.implementation == implementation
            && python.variant.as_deref().is_none_or(|variant| variant == "default")
            && minor_of(&python.version) == Some(minor)
    });
    listed.sort_by_key(|python| distance(wanted, &python.version));
    Ok(listed.into_iter().filter_map(|python| python.path).collect())
}

/// How many patch versions lie between two; a final version is nearer than a candidate.
fn distance(wanted: &Version, found: &str) -> u64 {
    let patch = |version: &Version| version.release().get(2).copied().unwrap_or(0);
    match found.parse::<Version>() {
        Ok(found) if found == *wanted => 0,
        Ok(found) => {
            1 + 2 * patch(wanted).abs_diff(patch(&found)) + u64::from(found.any_prerelease())
        }
        Err(_) => u64::MAX,
    }
}

fn minor_of(version: &str) -> Option<(u64, u64)> {
    match version.parse::<Version>().ok()?.release() {
        [major, minor, ..] => Some((*major, *minor)),
        _ => None,
    }
}

fn install_hint(version: &str) -> String {
    // The version may be a stranger's: only what is one becomes part of a command.
    match version.parse::<Version>() {
        Ok(version) => format!("`uv python install {version}`, or `pyenv install {version}`"),
        Err(_) => "`uv python list --only-downloads` shows what can be installed".to_owned(),
    }
}

/// Where the recorded executable is to be had, when its version is here already.
fn other_executable_hint(recorded: &Interpreter) -> String {
    let Interpreter { version, path, .. } = recorded;
    let from = if path.starts_with("/usr/bin/") {
        "that one came with the packages of the recorded distribution, as they were then"
    } else if path.contains("/uv/python/") {
        "that one came with `uv python install`, of the uv that is recorded or one of its time"
    } else {
        "that one has to come from where it came from then; an interpreter that is compiled anew, \
         as pyenv does, has bytes of its own"
    };
    format!("Python {version} is here with another executable than the recorded `{path}`: {from}")
}

/// Digits and dots, with what follows them in `3.14rc1` or `3.13t`.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.')
}

fn absolute(path: &Path) -> Result<PathBuf, InterpreterError> {
    std::path::absolute(path)
        .map_err(|source| InterpreterError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Option<(Uv, FoundInterpreter)> {
        let cancel = AtomicBool::new(false);
        let uv = Uv::find(&cancel).map_err(|error| eprintln!("skipped: {error}")).ok()?;
        let found = find(&uv, None, &cancel).map_err(|error| eprintln!("skipped: {error}")).ok()?;
        Some((uv, found))
    }

    #[test]
    fn the_default_is_described_and_found_again() {
        let Some((uv, found)) = here() else { return };
        let cancel = AtomicBool::new(false);
        assert_eq!(found.record.sha256, digest_of(found.path()).unwrap());
        assert!(found.directories.iter().any(|folder| found.path().starts_with(folder)));
        let again = find_matching(&uv, &found.record, &cancel).unwrap();
        assert_eq!(again, Match::Exact { found: found.clone(), drift: vec![] });

        // By version the first on PATH is found, which need not be the same.
        let by_version = find(&uv, Some(&found.record.version), &cancel).unwrap();
        assert_eq!(by_version.record.version, found.record.version);

        let moved = Interpreter { path: "/nowhere/python".to_owned(), ..found.record.clone() };
        let Match::Exact { drift, .. } = find_matching(&uv, &moved, &cancel).unwrap() else {
            panic!("the same executable in another place is not found");
        };
        assert_eq!(drift.len(), 1, "{drift:?}");
        assert_eq!(drift[0].what, "interpreter path");
    }

    #[test]
    fn another_patch_version_is_the_nearest_and_another_minor_none() {
        let Some((uv, found)) = here() else { return };
        let cancel = AtomicBool::new(false);
        let (major, minor) = minor_of(&found.record.version).unwrap();
        let recorded = Interpreter {
            version: format!("{major}.{minor}.999"),
            sha256: wheelmark_core::digest::Sha256Digest::of(b""),
            ..found.record.clone()
        };
        let Match::Nearest { drift, hint, .. } = find_matching(&uv, &recorded, &cancel).unwrap()
        else {
            panic!("an interpreter of the same minor version is here");
        };
        assert!(drift.iter().any(|drift| drift.what == "interpreter version"), "{drift:?}");
        assert!(hint.contains(&recorded.version), "{hint}");
        let recorded = Interpreter { version: "3.99.0".to_owned(), ..recorded };
        assert!(matches!(find_matching(&uv, &recorded, &cancel).unwrap(), Match::None { .. }));
    }

    #[test]
    fn the_right_version_with_other_bytes_is_not_to_be_installed_again() {
        let Some((uv, found)) = here() else { return };
        let cancel = AtomicBool::new(false);
        for path in ["/usr/bin/python3.11", "/opt/uv/python/cpython-3/bin/python3", "/opt/python"] {
            let recorded = Interpreter {
                sha256: wheelmark_core::digest::Sha256Digest::of(b""),
                path: path.to_owned(),
                ..found.record.clone()
            };
            let Match::Nearest { drift, hint, .. } =
                find_matching(&uv, &recorded, &cancel).unwrap()
            else {
                panic!("the same version is here");
            };
            assert!(!drift.iter().any(|drift| drift.what == "interpreter version"), "{drift:?}");
            assert!(drift.iter().any(|drift| drift.what == "interpreter executable"), "{drift:?}");
            let version = &found.record.version;
            let start = format!(
                "Python {version} is here with another executable than the recorded `{path}`: "
            );
            assert!(hint.starts_with(&start), "{hint}");
            assert!(!hint.contains(&format!("install {version}")), "{hint}");
        }
    }

    #[test]
    fn no_other_program_is_run_because_a_record_names_it() {
        for path in ["/bin/sh", "python3", "/usr/bin/notpython3", "/", "/opt/python3/bin/perl"] {
            assert!(!is_python(Path::new(path)), "{path}");
        }
        assert!(is_python(Path::new("/usr/bin/python3.11")));
    }

    #[test]
    fn a_request_that_is_no_version_is_not_handed_to_uv() {
        let Some((uv, _)) = here() else { return };
        let cancel = AtomicBool::new(false);
        for request in ["--help", "", "3.11 --offline", "pypy"] {
            let error = find(&uv, Some(request), &cancel).unwrap_err();
            assert!(matches!(error, InterpreterError::Request { .. }), "{error}");
        }
        let error = find(&uv, Some("3.99"), &cancel).unwrap_err();
        assert!(error.to_string().contains("uv python install 3.99"), "{error}");
    }

    #[test]
    fn patch_versions_are_compared_as_numbers() {
        let wanted: Version = "3.11.9".parse().unwrap();
        let mut versions = ["3.11.2", "3.11.10", "3.11.7", "3.11.9", "3.11.10rc1"];
        versions.sort_by_key(|version| distance(&wanted, version));
        assert_eq!(versions, ["3.11.9", "3.11.10", "3.11.10rc1", "3.11.7", "3.11.2"]);
    }
}
