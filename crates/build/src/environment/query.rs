//! What an interpreter says of itself, and which folders it needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;
use wheelmark_core::attestation::environment::Interpreter;

use super::homes::Homes;
use super::interpreter::{FoundInterpreter, InterpreterError};
use super::message;
use super::uv::digest_of;
use crate::process;

/// What the interpreter says of itself. `-I -S` keeps the caller's environment and site-packages out.
const QUERY: &str = r#"
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
names = ("stdlib", "platstdlib", "include", "platinclude")
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3]
        + {"alpha": "a%d", "beta": "b%d", "candidate": "rc%d", "final": ""}[sys.version_info[3]]
        .replace("%d", str(sys.version_info[4])),
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "prefixes": [sys.base_prefix, sys.base_exec_prefix],
    "narrow": [paths[name] for name in names if name in paths],
    "libraries": [sysconfig.get_config_var("LIBDIR")]
        if sysconfig.get_config_var("Py_ENABLE_SHARED") else [],
    "soabi": sysconfig.get_config_var("SOABI"),
    "platform": sysconfig.get_platform(),
}))
"#;

/// Longer than an interpreter takes to start on a loaded machine.
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// The answer to [`QUERY`].
#[derive(Deserialize)]
struct Answer {
    implementation: String,
    version: String,
    executable: PathBuf,
    prefixes: Vec<PathBuf>,
    narrow: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
    soabi: Option<String>,
    platform: String,
}

/// Asks an interpreter about itself, in an empty environment: so it is told here, and not in the
/// sandbox, if it runs only by the grace of a variable.
pub(super) fn query(
    path: &Path,
    cancel: &AtomicBool,
) -> Result<FoundInterpreter, InterpreterError> {
    let broken = |said: String| InterpreterError::Broken { path: path.to_owned(), said };
    let mut command = Command::new(path);
    command
        .args(["-I", "-S", "-c", QUERY])
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", process::search_path()) // for pyenv's shims
        .current_dir("/");
    let output = process::run(command, cancel, QUERY_TIMEOUT)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // What takes the question for a file's name, for example, repeats it, quoted in its own way.
        let repeated = ["import json, os, sys", "sysconfig.get_platform()"];
        return Err(broken(match repeated.iter().all(|line| said.contains(line)) {
            true => "it does not run the Python code that it is given".to_owned(),
            false => message(&output.stderr),
        }));
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).map_err(|error| broken(error.to_string()))?;
    let executable = answer
        .executable
        .to_str()
        .ok_or_else(|| broken("its path is not UTF-8 and cannot be recorded".to_owned()))?;
    let sha256 = digest_of(&answer.executable)
        .map_err(|source| InterpreterError::Read { path: answer.executable.clone(), source })?;
    Ok(FoundInterpreter {
        record: Interpreter {
            implementation: answer.implementation.clone(),
            version: answer.version.clone(),
            path: executable.to_owned(),
            sha256,
        },
        directories: visible(&answer, &Homes::of_this_machine()),
        soabi: answer.soabi,
        platform: answer.platform,
    })
}

/// The folders to show in a sandbox. An installation is shown whole, unless it shares its folder with
/// somebody's own files (`~`, `~/.local`, or anything above): then only what is Python's.
fn visible(answer: &Answer, homes: &Homes) -> Vec<PathBuf> {
    let private = |folder: &Path| homes.share(folder);
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    let mut add = |folder: &Path| {
        if folder.is_absolute() && folder.is_dir() {
            folders.insert(folder.to_owned());
            folders.extend(fs::canonicalize(folder));
        }
    };
    for prefix in &answer.prefixes {
        if private(prefix) {
            add(&prefix.join("lib/pkgconfig"));
        } else {
            add(prefix);
        }
    }
    for folder in answer.narrow.iter().chain(&answer.libraries) {
        if !private(folder) {
            add(folder);
        }
    }
    if let Some(folder) = answer.executable.parent()
        && !private(folder)
    {
        add(folder);
    }
    let all: Vec<PathBuf> = folders.into_iter().filter(|folder| !private(folder)).collect();
    let outermost = all
        .iter()
        .filter(|folder| !all.iter().any(|other| other != *folder && folder.starts_with(other)));
    outermost.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_is_never_shown_whole() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        let local = home.join(".local");
        for folder in ["lib/python3.11", "include/python3.11", "bin", "lib/pkgconfig", "share"] {
            fs::create_dir_all(local.join(folder)).unwrap();
        }
        let answer = Answer {
            implementation: "cpython".to_owned(),
            version: "3.11.7".to_owned(),
            executable: local.join("bin/python3.11"),
            prefixes: vec![local.clone(), local.clone()],
            narrow: vec![local.join("lib/python3.11"), local.join("include/python3.11")],
            libraries: vec![local.join("lib")],
            soabi: None,
            platform: String::new(),
        };
        let shown = visible(&answer, &Homes::new([home.clone()].into_iter()));
        assert_eq!(shown, ["bin", "include/python3.11", "lib"].map(|folder| local.join(folder)));
    }
}
