//! pip and uv, as they are: they say what they would install, and are handed what was verified.

mod arguments;
mod commits;
mod direct;
mod environment;
mod files;
mod resolve;
mod tags;
mod together;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::report::Escaped;

use crate::error::{CliError, shown};

pub use direct::Direct;
pub use environment::{Environment, Installed, surroundings};
pub use files::Held;
pub use resolve::Wanted;
pub use tags::Tags;
pub use together::as_one;

/// An installer and what it was asked for.
pub struct Installer {
    kind: Kind,
    /// The program and the words before the options: `pip install`, `python -m pip install`, `uv pip install`.
    program: Vec<OsString>,
    /// Everything that decides what is installed, and where.
    asked: Vec<OsString>,
    /// Of that what decides where it is installed, and how.
    place: Vec<OsString>,
    /// What was named that is no file of an index.
    direct: Vec<Direct>,
    /// Whether anything else was named.
    names_some: bool,
}

/// Which installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pip,
    Uv,
}

/// A file that was verified, in the folder that is handed on.
pub struct Verified {
    /// Its name.
    pub filename: DistFilename,
    /// The digest of what was verified.
    pub sha256: Sha256Digest,
}

impl Installer {
    /// Reads a command line of an installer.
    pub fn parse(words: &[OsString]) -> Result<Self, CliError> {
        arguments::parse(words)
    }

    /// The installer, by nothing but its arguments: its configuration and variables could name other indexes, let it
    /// build, or move it to another environment between the two times that it is run.
    fn command(&self) -> Command {
        let mut command = self.bare(&self.program[1..]);
        match self.kind {
            Kind::Pip => command.args([
                "--no-input",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
            ]),
            Kind::Uv => {
                command.args(["--no-config", "--no-build", "--color", "never", "--no-progress"])
            }
        };
        command
    }

    /// The program with other arguments.
    fn bare(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(arguments).stdin(Stdio::null());
        let (prefix, own) = match self.kind {
            Kind::Pip => ("PIP_", OF_PIP_S_OWN),
            Kind::Uv => ("UV_", OF_UV_S_OWN),
        };
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with(prefix) && !own.contains(&&*name) {
                command.env_remove(&*name);
            }
        }
        if self.kind == Kind::Pip {
            command.env("PIP_CONFIG_FILE", "/dev/null");
            // `python -m pip` would take a `pip` of the working folder.
            command.env("PYTHONSAFEPATH", "1");
        }
        command
    }

    /// Refuses variables that would move it elsewhere: they count for nothing here, and whoever set them would wonder.
    pub fn check_variables(&self) -> Result<(), CliError> {
        let place: &[(&str, &str)] = match self.kind {
            Kind::Pip => &[
                ("PIP_TARGET", "--target"),
                ("PIP_PREFIX", "--prefix"),
                ("PIP_ROOT", "--root"),
                ("PIP_USER", "--user"),
                ("PIP_PYTHON", "another pip"),
                ("PIP_REQUIREMENT", "-r"),
                ("PIP_CONSTRAINT", "-c"),
                ("PIP_EDITABLE", "none"),
            ],
            Kind::Uv => &[("UV_CONSTRAINT", "-c"), ("UV_OVERRIDE", "none")],
        };
        match place.iter().find(|(name, _)| std::env::var_os(name).is_some_and(|it| !it.is_empty()))
        {
            None => Ok(()),
            Some((name, option)) => Err(CliError::usage(format!(
                "`{name}` is set, and counts for nothing here"
            ))
            .hint(match *option {
                "none" => format!("unset {name}"),
                option => format!("unset {name}, and give {option} after the `--`"),
            })),
        }
    }

    /// What it would install, `anew` whether or not it is there already. Nothing is changed, and nothing is built, since
    /// that would run it.
    pub fn wanted(&self, held: &Held, index: &str, anew: bool) -> Result<Vec<Wanted>, CliError> {
        // Without anything to resolve an installer takes it for wrong usage.
        if !self.names_some {
            return Ok(Vec::new());
        }
        let asked = held.instead(&self.asked);
        match self.kind {
            Kind::Pip => resolve::by_pip(self, &asked, index, anew),
            Kind::Uv => resolve::by_uv(self, &asked, index, anew),
        }
    }

    /// What the files of requirements lock, if they are such that they can be handed on.
    pub fn held(&self) -> Result<Held, CliError> {
        let files =
            self.asked.windows(2).filter(|pair| OF_FILES.iter().any(|name| pair[0] == *name));
        let files = files.map(|pair| (Path::new(&pair[1]), pair[0] == OF_FILES[0]));
        let hashes = self.asked.iter().any(|word| word == "--require-hashes");
        Held::read(files, hashes)
    }

    /// What is to be installed that is no file of an index, each project once.
    pub fn direct(&self, held: &Held) -> Result<Vec<Direct>, CliError> {
        let mut all: Vec<Direct> = Vec::new();
        for one in self.direct.iter().chain(&held.direct) {
            match all.iter().find(|other| other.project == one.project) {
                Some(other) if other != one => {
                    let (project, other) = (&one.project, &other.place);
                    let message = format!(
                        "`{project}` is to be installed from {other}, and from {}",
                        one.place
                    );
                    return Err(CliError::usage(message));
                }
                Some(_) => {}
                None => all.push(one.clone()),
            }
        }
        Ok(all)
    }

    /// The tags of the interpreter for which files are to be chosen; `None` where the installer says which file.
    pub fn tags(&self) -> Result<Option<Tags>, CliError> {
        match self.kind {
            Kind::Pip => Ok(None),
            Kind::Uv => tags::of(&self.interpreter()?).map(Some),
        }
    }

    /// The interpreter into whose environment uv installs.
    fn interpreter(&self) -> Result<PathBuf, CliError> {
        let mut command = self.bare(&[]);
        command.args(["python", "find", "--no-config", "--no-project"]);
        if self.place.iter().any(|word| word == "--system") {
            command.arg("--system");
        }
        if let Some(at) = self.place.iter().position(|word| word == "--python") {
            command.args(self.place.get(at + 1));
        }
        Ok(PathBuf::from(output(&mut command)?.printed.trim()))
    }

    /// Installs files of a folder, and nothing else: the index is off, and each is held by its digest once more.
    pub fn install(&self, folder: &Path, files: &[Verified]) -> Result<(), CliError> {
        let list = folder.join("verified.txt");
        let lines: Vec<_> = files
            .iter()
            .map(|it| {
                let (name, version) = (it.filename.project(), it.filename.version());
                format!("{name}=={version} --hash=sha256:{}\n", it.sha256)
            })
            .collect();
        std::fs::write(&list, lines.concat())
            .map_err(|error| CliError::io("write", &list, &error))?;
        let mut command = self.command();
        command.args(["--no-index", "--no-deps", "--require-hashes", "--find-links"]).arg(folder);
        match self.kind {
            Kind::Pip => {
                command.arg("--no-cache-dir");
                // Without it pip leaves what is in a folder as it is, and ends well.
                if self.place.iter().any(|word| word == "--target") {
                    command.arg("--upgrade");
                }
            }
            Kind::Uv => {
                command.arg("--offline");
            }
        }
        self.run_on(command.arg("-r").arg(&list).args(&self.place))
    }

    /// Runs what changes the environment.
    fn run_on(&self, command: &mut Command) -> Result<(), CliError> {
        let status = command.stdout(Stdio::from(std::io::stderr())).status().map_err(|error| {
            CliError::undecided(format!("cannot run {}: {error}", self.shown()))
        })?;
        match status.success() {
            true => Ok(()),
            false => Err(CliError::undecided(format!(
                "everything was accepted, and {} did not install all of it: {status}; the environment may be changed in part",
                self.shown()
            ))),
        }
    }

    fn shown(&self) -> String {
        shown(Path::new(&self.program[0]))
    }
}

/// The options that name a file of requirements, by the names that [`arguments`] gives them.
const OF_FILES: [&str; 2] = ["--requirement", "--constraint"];

/// Variables of pip that say how it reaches an index.
const OF_PIP_S_OWN: &[&str] =
    &["PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PIP_RETRIES", "PIP_CACHE_DIR"];

/// Variables of uv that say where it works, and not what it installs.
const OF_UV_S_OWN: &[&str] = &[
    "UV_CACHE_DIR",
    "UV_LINK_MODE",
    "UV_PYTHON",
    "UV_PYTHON_INSTALL_DIR",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_HTTP_TIMEOUT",
    "UV_OFFLINE",
];

/// What a command wrote that ended well.
struct Written {
    printed: String,
    /// What it said on standard error.
    said: String,
}

/// Runs a command to its end.
fn output(command: &mut Command) -> Result<Written, CliError> {
    let program = shown(Path::new(command.get_program()));
    let output = command
        .output()
        .map_err(|error| CliError::undecided(format!("cannot run {program}: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let said: Vec<_> = said.trim().lines().map(|line| Escaped(line).to_string()).collect();
        let message = format!("{program} ended with {}:\n{}", output.status, said.join("\n"));
        return Err(CliError::undecided(message));
    }
    let printed = String::from_utf8(output.stdout)
        .map_err(|_| CliError::undecided(format!("{program} printed what is not UTF-8")))?;
    Ok(Written { printed, said })
}
