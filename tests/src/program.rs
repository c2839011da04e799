//! The program under test, built once.

use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::sync::LazyLock;

use assert_cmd::Command;
use cargo_metadata::Message;

/// `wheelmark`, in an environment of its own: what the person at this machine has set changes nothing.
///
/// `WHEELMARK_BIN` names a program built elsewhere; without it the one of this workspace is built.
pub fn wheelmark() -> Command {
    let mut command = Command::new(program());
    command.env_remove("WHEELMARK_PASSPHRASE");
    command.env_remove("WHEELMARK_POLICY_KEY");
    command.env("NO_COLOR", "1");
    // Nobody's refreshed trusted roots: a folder that is not there.
    command.env("WHEELMARK_DATA", crate::workshop::shared("no-data"));
    command
}

fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| match env::var_os("WHEELMARK_BIN") {
        Some(path) => path.into(),
        None => build(),
    });
    &PROGRAM
}

/// Starts a command, in its own environment and folder, for a test that does something to it while it runs. What it
/// prints can be read.
pub fn started(command: &Command) -> Child {
    let mut process = process::Command::new(command.get_program());
    process.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => process.env(name, value),
            None => process.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        process.current_dir(folder);
    }
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process.spawn().expect("it starts")
}

/// Presses Ctrl-C.
pub fn interrupt(child: &Child) {
    let kill = process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
}

/// A program of the same package, which is built with it.
pub fn beside(name: &str) -> PathBuf {
    program().with_file_name(name)
}

/// Builds the program in the profile and the target directory of the running test.
fn build() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    // <target>/<profile>/deps/<test>
    let target = test.ancestors().nth(3).expect("a target directory");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = process::Command::new(cargo);
    command
        .args(["build", "--package", "wheelmark", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target)
        .stdout(Stdio::piped());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let mut child = command.spawn().expect("cargo starts");
    let messages = BufReader::new(child.stdout.take().expect("piped"));
    let program = Message::parse_stream(messages)
        .filter_map(|message| match message.expect("cargo's messages") {
            Message::CompilerArtifact(artifact) if artifact.target.name == "wheelmark" => {
                artifact.executable
            }
            _ => None,
        })
        .last();
    assert!(child.wait().expect("cargo ends").success(), "cargo build");
    program.expect("a program").into_std_path_buf()
}
