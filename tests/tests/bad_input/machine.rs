//! The machine: a tool that is missing, a disk that is full, a folder that cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use wheelmark_tests::built::{HONEST_BACKEND, Project};
use wheelmark_tests::fixture_projects;
use wheelmark_tests::program::wheelmark;

use super::{cache, honest, needs_sandbox, nothing_left, refused};

/// Whether the tests run as root.
fn root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

/// A program on this machine's `PATH`, links resolved.
fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())?.canonicalize().ok()
}

/// A folder with links to these programs, for a `PATH` that has no others.
fn only(project: &Project, programs: &[&str]) -> PathBuf {
    let folder = project.folder.path().join("programs");
    fs::create_dir(&folder).expect("a folder");
    for name in programs {
        let program = found(name).unwrap_or_else(|| panic!("{name} is not on PATH"));
        symlink(program, folder.join(name)).expect("a link");
    }
    folder
}

/// A command as it runs on a machine of which some things are changed: `options` of bwrap.
fn on_a_machine(command: &Command, options: &[&str]) -> Command {
    let mut other = Command::new("bwrap");
    other.args(["--dev-bind", "/", "/"]);
    if root() {
        // To be root there as here, who makes namespaces.
        other.args(["--cap-add", "ALL"]);
    }
    other.args(options).arg("--").arg(command.get_program());
    other.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// The same on a machine that does not have some programs. Wheelmark looks for the sandbox's tools in the
/// system's folders whatever `PATH` says, so they are hidden there.
fn without(command: &Command, programs: &[&str]) -> Command {
    let mut options = Vec::new();
    let files: Vec<PathBuf> = programs
        .iter()
        .flat_map(|name| {
            ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"]
                .map(|folder| Path::new(folder).join(name))
        })
        .filter_map(|file| file.canonicalize().ok())
        .collect();
    for file in &files {
        options.extend(["--bind", "/dev/null", file.to_str().expect("UTF-8")]);
    }
    on_a_machine(command, &options)
}

#[test]
fn no_git() {
    needs_sandbox!();
    let project = honest();
    let path = only(&project, &["uv", "python3"]);
    let mut build = project.build(&cache(&project));
    let says = ["git was not found on PATH", "hint: install the package `git`"];
    refused(&project, build.env("PATH", path), 1, &says);
}

#[test]
fn no_uv() {
    needs_sandbox!();
    let project = honest();
    let path = only(&project, &["git", "python3"]);
    let mut build = project.build(&cache(&project));
    // uv is also looked for where its installer puts it.
    build.env("PATH", path).env("HOME", project.folder.path());
    build.env("PYENV_ROOT", project.folder.path());
    let says = ["uv is not installed", "hint: `pipx install uv`"];
    refused(&project, &mut build, 1, &says);
}

#[test]
fn programs_of_the_working_folder_are_not_taken() {
    needs_sandbox!();
    let project = honest();
    let (folder, ran) = (project.folder.path(), project.folder.path().join("ran"));
    for name in ["git", "uv"] {
        script(&folder.join(name), &format!("touch {}", ran.display()));
    }
    for path in ["", ".", ":"] {
        let mut build = project.build(&cache(&project));
        build.env("PATH", path).current_dir(folder);
        // Which of the two is missed first depends on where else uv is looked for.
        refused(&project, &mut build, 1, &["hint: "]);
        assert!(!ran.exists(), "PATH={path}");
    }
}

fn script(file: &Path, text: &str) {
    fs::write(file, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(file, Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn a_toolchain_among_somebodys_own_files() {
    needs_sandbox!();
    let project = Project::of(&fixture_projects().join("rust-maturin"));
    let local = project.folder.path().join("home/.local");
    fs::create_dir_all(local.join("bin")).expect("a folder");
    for name in ["rustc", "cargo"] {
        let sysroot = local.display();
        let script_of = format!("case $* in *sysroot) echo {sysroot};; *) echo 1.90.0;; esac");
        script(&local.join("bin").join(name), &script_of);
    }
    let path = std::env::var("PATH").expect("a path");
    let mut build = project.build(&cache(&project));
    build.env("PATH", format!("{}:{path}", local.join("bin").display()));
    build.env("HOME", project.folder.path().join("home"));
    let says = ["the Rust toolchain shares the folder", "hint: `rustup default stable`"];
    refused(&project, &mut build, 1, &says);
}

#[test]
fn no_sandbox() {
    needs_sandbox!();
    let project = honest();
    let says = ["bwrap is missing", "hint: install it (`apt-get install bubblewrap`"];
    let mut build = without(&project.build(&cache(&project)), &["bwrap"]);
    let said = refused(&project, &mut build, 1, &says);
    // A refusal never names what would get around it.
    assert!(!said.contains("--isolation") && !said.contains("none"), "{said}");
}

#[test]
fn no_tracer_is_said_and_not_taken_for_nothing() {
    needs_sandbox!();
    let project = honest();
    let output = without(&project.build(&cache(&project)), &["strace"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{why}");
    assert!(said.contains("what ran is not known: strace is not installed"), "{said}");
    let observed =
        &project.statement()["predicate"]["buildDefinition"]["internalParameters"]["observed"];
    let text = observed.to_string();
    assert!(text.contains("unavailable") && text.contains("strace is not installed"), "{text}");
    assert!(!text.contains("programs"), "{text}");
    nothing_left(&project);
}

#[test]
fn no_compiler() {
    needs_sandbox!();
    let project = Project::of(&fixture_projects().join("c-setuptools"));
    let compilers = ["cc", "gcc", "clang", "x86_64-linux-gnu-gcc", "aarch64-linux-gnu-gcc"];
    let mut build = without(&project.build(&cache(&project)), &compilers);
    let output = build.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("build requirements") || said.contains("uv could not") {
        println!("skipped: setuptools cannot be had");
        return;
    }
    refused(&project, &mut build, 1, &["build_wheel failed with exit status 1", "| error: "]);
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    needs_sandbox!();
    let project = honest();
    let out = project.out();
    let out = out.to_str().expect("UTF-8");
    let mut build = on_a_machine(&project.build(&cache(&project)), &["--ro-bind", out, out]);
    refused(&project, &mut build, 1, &["cannot write to `out`: Read-only file system"]);

    fs::remove_dir(out).expect("removed");
    fs::write(out, "").expect("a file");
    let output = project.build(&cache(&project)).output().expect("it runs");
    super::told(&output, 1, &["cannot write to `out`: not a directory"]);
    assert_eq!(fs::read(out).expect("still a file"), b"");
}

#[test]
fn an_output_folder_of_somebody_else() {
    let project = honest();
    let nobody = 65_534_u32.to_string();
    // A plain user cannot look into the folder of the tests' program; it gets a copy.
    let program = project.folder.path().join("wheelmark");
    fs::copy(wheelmark().get_program(), &program).expect("a copy");
    fs::set_permissions(project.folder.path(), Permissions::from_mode(0o755)).expect("a mode");
    fs::set_permissions(project.out(), Permissions::from_mode(0o555)).expect("a mode");
    let build = project.build(&cache(&project));
    let mut plain = if root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--"]);
        command.arg(&program);
        command
    } else {
        Command::new(&program)
    };
    plain.current_dir(&project.folder).args(build.get_args());
    let output = plain.output().expect("it runs");
    super::told(&output, 1, &["cannot write to `out`: Permission denied"]);
    assert_eq!(project.names(), Vec::<String>::new());
}

#[test]
fn a_folder_that_was_not_there_is_not_left_behind() {
    needs_sandbox!();
    let project = super::honest_but("def build_wheel(*a, **b):\n    raise SystemExit(1)");
    let mut build = project.command("build", &cache(&project));
    build.args(["project", "--out", "new/folder", "--key", "release.key"]);
    build.args(["--source-uri", "https://example.org/owner/project"]);
    refused(&project, &mut build, 1, &["build_wheel failed"]);
    assert!(!project.folder.path().join("new").exists());
}

#[test]
fn a_disk_that_is_full() {
    needs_sandbox!();
    // More than the file system that the output folder is on holds.
    let project = Project::with_backend(&format!(
        "{HONEST_BACKEND}\ndef files():\n    return {{'honest/large.txt': 'x' * 1_000_000}}\n"
    ));
    let build = project.build(&cache(&project));
    let mut script = Command::new("sh");
    script.args(["-c", "\"$@\"; code=$?; ls -A out >left; exit $code", "sh"]);
    script.arg(build.get_program()).args(build.get_args());
    script.current_dir(&project.folder).env("WHEELMARK_CACHE", cache(&project));
    let out = project.out();
    let small = ["--size", "262144", "--tmpfs", out.to_str().expect("UTF-8")];
    let help = std::process::Command::new("bwrap").arg("--help").output().expect("bwrap");
    if !String::from_utf8_lossy(&help.stdout).contains("--size ") {
        println!("skipped: this bwrap cannot make a file system of a given size");
        return;
    }
    let says = ["cannot write `out/honest-1.0-py3-none-any.whl`: No space left on device"];
    refused(&project, &mut on_a_machine(&script, &small), 1, &says);
    let left = fs::read_to_string(project.folder.path().join("left")).expect("a list");
    assert_eq!(left, "");
}

#[test]
fn no_place_for_the_cache() {
    needs_sandbox!();
    let project = honest();
    let file = project.folder.path().join("release.key.pub");
    let mut build = project.build(&file);
    refused(&project, &mut build, 1, &["cannot use the cache folder `", "release.key.pub`: "]);
    let mut build = project.build(Path::new("relative"));
    refused(&project, &mut build, 2, &["WHEELMARK_CACHE is not an absolute path"]);
}
