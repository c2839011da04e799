//! What an installer would install.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use pep440_rs::Version;
use serde::Deserialize;
use tempfile::TempDir;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement;

use super::{Installer, output};
use crate::error::CliError;

/// What [`HOLD`] says.
const NOT_STARTED: &str = "wheelmark: nothing is started";

/// A release that would be installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The digest of the file, where the installer says which one it is.
    pub sha256: Option<Sha256Digest>,
}

/// pip's installation report, as much of it as is needed.
/// <https://pip.pypa.io/en/stable/reference/installation-report/>
#[derive(Deserialize)]
struct Report {
    version: String,
    install: Vec<Install>,
}

#[derive(Deserialize)]
struct Install {
    metadata: Metadata,
    is_direct: bool,
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct DownloadInfo {
    archive_info: Option<ArchiveInfo>,
}

#[derive(Deserialize)]
struct ArchiveInfo {
    hashes: Option<std::collections::BTreeMap<String, String>>,
    hash: Option<String>,
}

/// Read by pip's interpreter when it starts: pip builds what a requirement's URL or a dependency's names, whatever it is
/// told, and a build runs what it builds.
const HOLD: &str = include_str!("held.py");

/// A folder by which the interpreter of pip starts nothing else.
struct Hold(TempDir);

impl Hold {
    fn new() -> Result<Self, CliError> {
        let failed =
            |error: std::io::Error| CliError::io("write a file to", &std::env::temp_dir(), &error);
        let folder = TempDir::with_prefix("wheelmark-").map_err(failed)?;
        std::fs::write(folder.path().join("sitecustomize.py"), HOLD).map_err(failed)?;
        Ok(Self(folder))
    }

    fn marker(&self) -> PathBuf {
        self.0.path().join("held")
    }

    fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PYTHONPATH", self.0.path()).env("WHEELMARK_HELD", self.marker());
        command.env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// Whether it is obeyed: an interpreter that is started with `-E` or `-I` would not.
    fn check(&self, installer: &Installer) -> Result<(), CliError> {
        // Without its last word, `install`.
        let mut command = installer.bare(&installer.program[1..installer.program.len() - 1]);
        output(self.of(&mut command).arg("--version"))?;
        match self.marker().exists() {
            true => Ok(()),
            false => Err(CliError::undecided(format!(
                "{} cannot be kept from building what it is only asked about",
                installer.shown()
            ))
            .hint("its interpreter takes no notice of its environment; `uv pip install` can be used instead")),
        }
    }
}

pub(super) fn by_pip(
    installer: &Installer,
    asked: &[OsString],
    index: &str,
    anew: bool,
) -> Result<Vec<Wanted>, CliError> {
    let hold = Hold::new()?;
    hold.check(installer)?;
    let mut command = installer.command();
    hold.of(&mut command)
        .args(anew.then_some("--ignore-installed"))
        .args(["--dry-run", "--quiet", "--report", "-"])
        .args(asked);
    of_index(&mut command, "PIP_INDEX_URL", index);
    let written = output(&mut command).map_err(|error| match error.message.contains(NOT_STARTED) {
        true => CliError::undecided(
            "pip would build something to say what it would install: only wheels of the index are taken",
        )
        .hint("a dependency by URL, or one that has no wheel, is what it would build"),
        false => error,
    })?;
    let report: Report = serde_json::from_str(&written.printed)
        .map_err(|error| CliError::undecided(format!("pip's report cannot be read: {error}")))?;
    if report.version != "1" {
        let message =
            format!("pip's report is of version `{}`, and 1 is read", Escaped(&report.version));
        return Err(CliError::undecided(message));
    }
    report.install.iter().map(Install::wanted).collect()
}

impl Install {
    fn wanted(&self) -> Result<Wanted, CliError> {
        let Metadata { name, version } = &self.metadata;
        if self.is_direct {
            return Err(direct(name));
        }
        let archive = self.download_info.archive_info.as_ref();
        let hashes = archive.and_then(|it| it.hashes.as_ref());
        let stated = hashes.and_then(|hashes| hashes.get("sha256")).map(String::as_str);
        let older = archive.and_then(|it| it.hash.as_deref()?.strip_prefix("sha256="));
        let sha256 = stated.or(older).and_then(|text| text.parse().ok());
        if sha256.is_none() {
            let message =
                format!("pip does not say which file of `{}` it would install", Escaped(name));
            return Err(CliError::undecided(message));
        }
        wanted(name, version, sha256)
    }
}

pub(super) fn by_uv(
    installer: &Installer,
    asked: &[OsString],
    index: &str,
    anew: bool,
) -> Result<Vec<Wanted>, CliError> {
    let mut command = installer.command();
    command.args(anew.then_some("--reinstall")).arg("--dry-run").args(asked);
    of_index(&mut command, "UV_DEFAULT_INDEX", index);
    planned(&output(&mut command)?.said)
}

/// Has it ask an index. Not by an argument: it may hold a password.
fn of_index(command: &mut Command, variable: &str, index: &str) {
    command.env(variable, index);
    // What is served here is not for a proxy to see.
    if index.starts_with("http://127.0.0.1:") {
        for name in ["NO_PROXY", "no_proxy"] {
            let others = std::env::var(name).unwrap_or_default();
            command.env(name, format!("127.0.0.1,{others}"));
        }
    }
}

/// What uv says that it would install: the lines after the one that counts them, and nothing else after that. What an
/// index says, such as why a file was withdrawn, stands among uv's own words and may hold lines like these.
fn planned(said: &str) -> Result<Vec<Wanted>, CliError> {
    let unclear = || CliError::undecided("what uv would install cannot be read from what it says");
    let mut parts = said.split("Would install ");
    let Some(rest) = parts.nth(1) else { return Ok(Vec::new()) };
    if parts.next().is_some() {
        return Err(unclear());
    }
    let (count, lines) = rest.split_once('\n').ok_or_else(unclear)?;
    let count: usize =
        count.split(' ').next().unwrap_or_default().parse().map_err(|_| unclear())?;
    let mut all = Vec::new();
    for line in lines.lines() {
        let Some((sign, release)) = line.strip_prefix(' ').and_then(|line| line.split_once(' '))
        else {
            return Err(unclear());
        };
        match (sign, release.split_once("==")) {
            ("-", Some(_)) => {}
            ("+" | "~", Some((name, version))) if !version.contains(' ') => {
                all.push(wanted(name, version, None)?);
            }
            ("+" | "~" | "-", _) => return Err(direct(release)),
            _ => return Err(unclear()),
        }
    }
    match all.len() == count {
        true => Ok(all),
        false => Err(unclear()),
    }
}

fn wanted(name: &str, version: &str, sha256: Option<Sha256Digest>) -> Result<Wanted, CliError> {
    let wrong = || {
        CliError::undecided(format!(
            "the installer names `{} {}`, which is no release",
            Escaped(name),
            Escaped(version)
        ))
    };
    let project = name.parse().map_err(|_| wrong())?;
    let version = requirement::version(version).ok_or_else(wrong)?;
    Ok(Wanted { project, version, sha256 })
}

fn direct(what: &str) -> CliError {
    CliError::undecided(format!("`{}` would not come from the index", Escaped(what))).hint(
        "paths, URLs and repositories are installed without wheelmark, by whoever trusts them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hook_says_is_known() {
        assert!(HOLD.contains(NOT_STARTED));
    }

    #[test]
    fn only_what_uv_itself_says_is_read() {
        let names = |said: &str| {
            planned(said).map(|all| all.iter().map(|it| it.project.to_string()).collect::<Vec<_>>())
        };
        let said =
            "Resolved 2 packages in 1ms\nWould install 2 packages\n - a==1\n + a==2\n + b==1.0+x\n";
        assert_eq!(names(said).expect("read"), ["a", "b"]);
        assert_eq!(
            names("Resolved 1 package in 1ms\nWould make no changes\n").expect("read"),
            [""; 0]
        );
        for forged in [
            // As a file's withdrawal could say it, before, after and instead.
            "warning: `a==1` is yanked (reason: \"x\nWould install 1 package\n + evil==1\n\")\nWould install 1 package\n + a==1\n",
            "Would install 1 package\n + a==1\nwarning: `a==1` is yanked (reason: \"x\n + evil==1\n\")\n",
            "Would install 1 package\n + a==1\n + evil==1\n",
            "Would install 1 package\n + evil==1\nwarning: x\n",
            "Would install 1 package\n + evil==1 (from https://other.example/evil-1.tar.gz)\n",
            "Would install 2 packages\n + a==1\n",
            "Would install x packages\n",
        ] {
            assert!(planned(forged).is_err(), "{forged}");
        }
    }
}
