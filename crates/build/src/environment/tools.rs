//! Programs that ran during a build: which are compilers or linkers, and what version they tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::process;

/// Longer than any of these takes to tell its version.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Characters of a version line that are kept.
const LINE_LIMIT: usize = 200;

/// Programs that answer `--version` at once and do nothing else, by their plain names.
const ANSWERING: &[&str] = &[
    "ar",
    "as",
    "bash",
    "c++",
    "cargo",
    "cc",
    "clang",
    "clang++",
    "cmake",
    "cpp",
    "cython",
    "flang",
    "g++",
    "gcc",
    "gfortran",
    "git",
    "go",
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "ld.mold",
    "lld",
    "make",
    "meson",
    "mold",
    "nasm",
    "ninja",
    "objcopy",
    "patchelf",
    "perl",
    "pkg-config",
    "pkgconf",
    "ranlib",
    "rustc",
    "strip",
    "swig",
    "yasm",
];

/// Compilers, assemblers and linkers, by their plain names, with the programs that they are made of.
const COMPILING: &[&str] = &[
    "as",
    "c++",
    "cc",
    "cc1",
    "cc1plus",
    "clang",
    "clang++",
    "collect2",
    "cpp",
    "f951",
    "flang",
    "g++",
    "gcc",
    "gfortran",
    "go",
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "ld.mold",
    "lld",
    "lto-wrapper",
    "lto1",
    "mold",
    "nasm",
    "nvcc",
    "rustc",
    "yasm",
];

/// True for compilers, assemblers and linkers, and the inner programs of gcc, whatever target or version
/// is in their names (`x86_64-linux-gnu-gcc-12`).
pub fn is_compiler_or_linker(path: &Path) -> bool {
    plain_name(path, COMPILING).is_some()
}

/// The first line of `--version`, for a tool that is known to answer it.
///
/// The tool is run outside the sandbox, so it must be none that the build could have made or brought:
/// only a file below one of `system` (folders that the build saw read-only and that are the machine's,
/// such as `/usr`), links resolved, is run.
pub fn version_of(path: &Path, system: &[PathBuf], cancel: &AtomicBool) -> Option<String> {
    plain_name(path, ANSWERING)?;
    let real = fs::canonicalize(path).ok()?;
    if !system.iter().any(|folder| real.starts_with(folder)) {
        return None;
    }
    // By the name it was called by: some programs (compilers, busybox) go by it.
    let mut command = Command::new(path);
    let argument = if plain_name(path, &["go"]).is_some() { "version" } else { "--version" };
    command
        .arg(argument)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/");
    let output = process::run(command, cancel, TIMEOUT).ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line: String = line.chars().filter(|c| !c.is_control()).take(LINE_LIMIT).collect();
    output.status.success().then_some(line)
}

/// The entry of `known` that a file is by its name, a target before and a version after it aside.
fn plain_name(path: &Path, known: &[&'static str]) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    let mut stem = name;
    if let Some((before, version)) = name.rsplit_once('-')
        && !version.is_empty()
        && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        stem = before;
    }
    known.iter().copied().find(|known| {
        stem.strip_suffix(known).is_some_and(|target| {
            target.is_empty() || (target.ends_with('-') && target.matches('-').count() >= 2)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_with_target_and_version() {
        let compiler = |name: &str| is_compiler_or_linker(&Path::new("/usr/bin").join(name));
        for name in
            ["gcc", "gcc-12", "x86_64-linux-gnu-gcc-12", "x86_64-linux-gnu-ld.bfd", "cc1", "rustc"]
        {
            assert!(compiler(name), "{name}");
        }
        for name in ["python3", "bash", "gcc-ar", "notgcc", "my-gcc", "gcc-", "", "cmake"] {
            assert!(!compiler(name), "{name}");
        }
    }

    #[test]
    fn only_tools_of_the_system_are_run() {
        let cancel = AtomicBool::new(false);
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("gcc");
        fs::write(&tool, "#!/bin/sh\necho gcc 1; echo second\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&tool, mode).unwrap();
        assert_eq!(version_of(&tool, &["/usr".into()], &cancel), None);

        let system = [fs::canonicalize(folder.path()).unwrap()];
        assert_eq!(version_of(&tool, &system, &cancel).as_deref(), Some("gcc 1"));
        let unknown = folder.path().join("tool");
        fs::rename(&tool, &unknown).unwrap();
        assert_eq!(version_of(&unknown, &system, &cancel), None);
        // A link into the system leads to a file of the system; a link out of it does not.
        let link = folder.path().join("cc");
        std::os::unix::fs::symlink(&unknown, &link).unwrap();
        assert_eq!(version_of(&link, &["/usr".into()], &cancel), None);
    }
}
