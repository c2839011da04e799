//! Build requirements, resolved by uv to one wheel each.
//!
//! A wheel and not an sdist: an sdist would have to be built first, by code with requirements of its own
//! that no lock here names.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, SecondsFormat, Utc};

use wheelmark_core::report::Escaped;

use super::interpreter::FoundInterpreter;
use super::message;
use super::project::requirement;
use super::pylock::{Lock, PylockError};
use super::uv::Uv;
use crate::process::ProcessError;

/// How uv resolves, whatever the user's own settings say of it.
const COMPILE: &[&str] = &[
    "pip",
    "compile",
    "--format",
    "pylock.toml",
    "--only-binary",
    ":all:",
    "--no-sources",
    "--resolution",
    "highest",
    "--prerelease",
    "if-necessary-or-explicit",
];

/// Why requirements could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A requirement does not parse, or is one that cannot be recorded.
    #[error("{0}")]
    Requirement(String),
    /// uv found no set of versions with a wheel each for this interpreter.
    #[error("build requirements cannot be resolved: {}\n{said}", .requirements.join(", "))]
    Unresolvable {
        /// What was asked for.
        requirements: Vec<String>,
        /// uv's explanation.
        said: String,
    },
    /// uv failed for another reason, such as an index that cannot be reached.
    #[error("uv could not resolve the build requirements: {said}")]
    Failed {
        /// What it said.
        said: String,
    },
    /// A version was taken back by its project and is asked for by name.
    #[error("build requirement is yanked: {said}")]
    Yanked {
        /// uv's line: version and the project's reason.
        said: String,
    },
    /// What uv found is no lock that can be recorded.
    #[error(transparent)]
    Pylock(#[from] PylockError),
    /// A file could not be read or written.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// uv could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// What is to be locked.
#[derive(Debug, Clone, Copy)]
pub struct LockRequest<'a> {
    /// Requirements in the notation of PEP 508.
    pub requirements: &'a [String],
    /// For whom.
    pub interpreter: &'a FoundInterpreter,
    /// Files uploaded at or after this time are as if they were not there.
    pub exclude_newer: Option<DateTime<Utc>>,
    /// Whether that holds for setuptools and wheel alone.
    pub only_backends: bool,
    /// A file of constraints in the form of `requirements.txt`.
    pub constraints: Option<&'a Path>,
    /// Whether a version that its project took back will do: for a build of long ago.
    pub yanked: bool,
}

/// Resolves requirements to exact wheels for one interpreter, from the index that is configured for uv,
/// or else for pip.
///
/// # Errors
/// See [`LockError`].
pub fn lock(uv: &Uv, request: LockRequest<'_>, cancel: &AtomicBool) -> Result<Lock, LockError> {
    // Parsed and written again, so that nothing of it is taken for an option of the installer.
    let requirements = request.requirements.iter().map(|text| requirement(text));
    let requirements: Vec<String> =
        requirements.collect::<Result<_, _>>().map_err(|error: String| {
            // It quotes the requirement: nothing in it may pass for a line of ours.
            LockError::Requirement(Escaped(&error).to_string())
        })?;
    if requirements.is_empty() {
        return Ok(Lock::from_dependencies(&[])?);
    }
    let folder = uv.scratch().map_err(at(&std::env::temp_dir()))?;
    let input = folder.path().join("requirements.in");
    let output = folder.path().join("pylock.toml");
    fs::write(&input, requirements.join("\n")).map_err(at(&input))?;

    let mut arguments: Vec<OsString> = COMPILE.iter().map(Into::into).collect();
    arguments.extend(["--python".into(), request.interpreter.path().into()]);
    arguments.extend(["--output-file".into(), output.clone().into()]);
    arguments.push(input.into());
    if let Some(time) = request.exclude_newer {
        let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match request.only_backends {
            false => arguments.extend(["--exclude-newer".into(), time.into()]),
            true => {
                for name in ["setuptools", "wheel"] {
                    arguments.push("--exclude-newer-package".into());
                    arguments.push(format!("{name}={time}").into());
                }
            }
        }
    }
    if let Some(path) = request.constraints {
        // Checked here, for uv runs elsewhere and would name another file.
        let absolute = fs::canonicalize(path).map_err(at(path))?;
        arguments.extend(["--constraints".into(), absolute.into_os_string()]);
    }
    let result = uv.run(arguments, cancel)?;
    let said = message(&result.stderr);
    if !result.status.success() {
        // Its warnings are about other things than why it failed.
        let lines = said.lines().filter(|line| !line.starts_with("warning: "));
        let said = lines.collect::<Vec<_>>().join("\n");
        return Err(if said.contains("No solution found") {
            LockError::Unresolvable { requirements, said }
        } else {
            LockError::Failed { said }
        });
    }
    if let (false, Some(line)) =
        (request.yanked, said.lines().find(|line| line.contains("is yanked")))
    {
        let said = line.trim_start_matches("warning: ").to_owned();
        return Err(LockError::Yanked { said });
    }
    let text = fs::read_to_string(&output).map_err(at(&output))?;
    Ok(Lock::parse(&text)?)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LockError {
    move |source| LockError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::interpreter;

    fn as_of() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn with_uv(
        requirements: &[&str],
        constraints: Option<&Path>,
    ) -> Option<Result<Lock, LockError>> {
        let cancel = AtomicBool::new(false);
        let uv = Uv::find(&cancel).map_err(|error| eprintln!("skipped: {error}")).ok()?;
        let interpreter = interpreter::find(&uv, None, &cancel)
            .map_err(|error| eprintln!("skipped: {error}"))
            .ok()?;
        let requirements: Vec<String> = requirements.iter().map(ToString::to_string).collect();
        let request = LockRequest {
            requirements: &requirements,
            interpreter: &interpreter,
            exclude_newer: Some(as_of()),
            constraints,
            yanked: false,
            only_backends: false,
        };
        match lock(&uv, request, &cancel) {
            Err(error @ LockError::Failed { .. }) => {
                eprintln!("skipped: {error}");
                None
            }
            result => Some(result),
        }
    }

    #[test]
    fn requirements_are_resolved_under_constraints_as_of_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let constraints = folder.path().join("constraints.txt");
        fs::write(&constraints, "iniconfig==2.0.0\n").unwrap();
        let Some(lock) = with_uv(&["iniconfig", "wheel"], Some(&constraints)) else {
            return;
        };
        let lock = lock.unwrap();
        let names: Vec<_> = lock.packages().iter().map(|p| p.name.as_str()).collect();
        assert!(names.starts_with(&["iniconfig"]) && names.contains(&"wheel"), "{names:?}");
        assert_eq!(lock.packages()[0].version, "2.0.0");
        for package in lock.packages() {
            assert!(package.upload_time.is_none_or(|time| time < as_of()));
        }
        assert_eq!(Lock::parse(&lock.text()).unwrap().packages(), lock.packages());
    }

    #[test]
    fn what_cannot_be_resolved_is_explained() {
        let Some(result) = with_uv(&["iniconfig>=999"], None) else {
            return;
        };
        let error = result.unwrap_err();
        assert!(matches!(error, LockError::Unresolvable { .. }), "{error}");
        assert!(error.to_string().contains("iniconfig"), "{error}");
    }

    #[test]
    fn a_yanked_version_is_refused_with_its_reason() {
        let Some(result) = with_uv(&["attrs==21.1.0"], None) else {
            return;
        };
        let error = result.unwrap_err();
        assert!(matches!(error, LockError::Yanked { .. }), "{error}");
        assert!(error.to_string().contains("attrs==21.1.0"), "{error}");
    }

    #[test]
    fn a_direct_url_never_reaches_uv() {
        let Some(result) = with_uv(&["a @ https://example.com/a-1-py3-none-any.whl"], None) else {
            return;
        };
        assert!(matches!(result, Err(LockError::Requirement(_))));
    }
}
