//! Commits of repositories, held here for pip. It looks for a branch or a tag by the digits of a commit before it takes
//! them for the commit: whoever may write to the repository would so decide what is installed in its place.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use wheelmark_core::policy::VcsRevision;

use super::output;
use crate::error::CliError;

/// Repositories of ours, each with the commits that are wanted of it and what comes before them, and the tags, which
/// some builds ask for the version.
pub struct Commits {
    /// By the URL that each is from.
    own: BTreeMap<String, PathBuf>,
    _folder: TempDir,
}

impl Commits {
    /// Fetches each commit by its id, against which git holds what it is given.
    pub(super) fn fetch<'a>(
        revisions: impl Iterator<Item = &'a VcsRevision>,
    ) -> Result<Self, CliError> {
        let folder = TempDir::with_prefix("wheelmark-")
            .map_err(|error| CliError::io("make a folder in", &env::temp_dir(), &error))?;
        let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (url, commit) in revisions.map(VcsRevision::parts) {
            wanted.entry(url.to_owned()).or_default().push(commit);
        }
        let mut own = BTreeMap::new();
        for (at, (url, commits)) in wanted.into_iter().enumerate() {
            let path = folder.path().join(at.to_string());
            git(
                folder.path(),
                ["init", "--quiet", "--bare"].map(OsStr::new).into_iter().chain([path.as_os_str()]),
            )?;
            let branches = commits.iter().enumerate();
            let branches: Vec<_> = branches
                .map(|(at, commit)| format!("{commit}:refs/heads/wheelmark-{at}"))
                .collect();
            let fetch = ["fetch", "--quiet", "--no-tags", "--", &url, "refs/tags/*:refs/tags/*"];
            git(&path, fetch.into_iter().chain(branches.iter().map(String::as_str)))?;
            // By this it is cloned.
            git(&path, ["symbolic-ref", "HEAD", "refs/heads/wheelmark-0"])?;
            for commit in commits {
                git(&path, ["update-ref", "-d", &format!("refs/tags/{commit}")])?;
            }
            own.insert(url, path);
        }
        Ok(Self { own, _folder: folder })
    }

    /// Has git take them for what is at their URLs, by which whoever asks for them goes on calling them.
    pub(super) fn in_place(&self, command: &mut Command) {
        if self.own.is_empty() {
            return;
        }
        // Beside what is configured in the same way already.
        let before = env::var("GIT_CONFIG_COUNT").ok().and_then(|it| it.parse().ok());
        let mut count: usize = before.unwrap_or_default();
        for (url, own) in &self.own {
            let key = format!("url.file://{}.insteadOf", own.display());
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), url);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
    }
}

/// Runs git, which asks nobody anything.
fn git<A: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<(), CliError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null());
    command.env("GIT_TERMINAL_PROMPT", "0");
    output(&mut command).map(drop)
}
