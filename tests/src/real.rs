//! Ten real projects by different build backends, from the package index: `tests/real-projects.toml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use wheelmark_core::digest::Sha256Digest;

use crate::repo::GitRepo;

/// One release of one project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealProject {
    /// The project's name on the index.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// The digest of its sdist.
    pub sha256: Sha256Digest,
    /// What builds it.
    pub backend: String,
    /// Commands a build of it calls that no build requirement brings: a compiler, cargo.
    #[serde(default)]
    pub needs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    project: Vec<RealProject>,
}

/// All of them, in the order of the file.
///
/// # Panics
/// Where the list does not parse.
pub fn projects() -> Vec<RealProject> {
    let text = include_str!("../real-projects.toml");
    let list: List = toml::from_str(text).expect("tests/real-projects.toml parses");
    list.project
}

impl RealProject {
    /// The first command it needs that is not on the path.
    pub fn missing(&self) -> Option<&str> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = |name: &str| std::env::split_paths(&path).any(|at| at.join(name).is_file());
        self.needs.iter().map(String::as_str).find(|name| !found(name))
    }

    /// Downloads the sdist into `cache`, or takes it from there; in both cases its digest is
    /// checked. Nothing of it runs.
    ///
    /// # Errors
    /// Why it could not be had, for a test to say why it is skipped.
    ///
    /// # Panics
    /// Where the digest is another one: that is never a reason to skip.
    pub fn sdist(&self, cache: &Path) -> Result<PathBuf, String> {
        let path = cache.join(format!("{}-{}.tar.gz", self.name, self.version));
        if !path.is_file() {
            fs::create_dir_all(cache).map_err(|error| error.to_string())?;
            self.download(&path)?;
        }
        let bytes = fs::read(&path).map_err(|error| error.to_string())?;
        assert_eq!(Sha256Digest::of(&bytes), self.sha256, "{}", path.display());
        Ok(path)
    }

    /// Unpacks an sdist to `dest` as a repository of one commit with the tag `v<version>`, as the
    /// project's own repository would be at that release.
    ///
    /// # Panics
    /// Where it does not unpack or git fails.
    pub fn repository(&self, sdist: &Path, dest: &Path) -> GitRepo {
        fs::create_dir_all(dest).expect("the folder can be made");
        let output = Command::new("tar")
            .args(["--extract", "--gzip", "--strip-components=1"])
            .args(["--no-same-owner", "--no-same-permissions", "--file"])
            .arg(sdist)
            .arg("--directory")
            .arg(dest)
            .output()
            .expect("tar can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", sdist.display());
        remove_egg_info(dest);
        let repo = GitRepo::init(dest);
        repo.commit_all(&format!("Release {}", self.version));
        repo.tag(&format!("v{}", self.version));
        repo
    }

    fn download(&self, to: &Path) -> Result<(), String> {
        let output = Command::new("uv")
            .args(["run", "--quiet", "--no-project", "--isolated"])
            .args(["--with", "pip==25.3", "python", "-c"])
            .arg(include_str!("fetch_sdist.py"))
            .args([&self.name, &self.version])
            .arg(to)
            .output()
            .map_err(|error| format!("uv: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} {}: {}", self.name, self.version, said.trim()))
    }
}

/// What setuptools wrote when it made the sdist is in no project's repository; it would write it anew
/// during the build, and the tree would no longer be the commit's.
fn remove_egg_info(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the tree can be read") {
        let path = entry.expect("an entry").path();
        if path.is_symlink() || !path.is_dir() {
            continue;
        }
        if path.extension().is_some_and(|kind| kind == "egg-info") {
            fs::remove_dir_all(path).expect("it can be removed");
        } else {
            remove_egg_info(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_list_holds_ten_projects_of_as_many_kinds() {
        let projects = projects();
        let kinds: BTreeSet<_> =
            projects.iter().map(|project| (&project.backend, &project.needs)).collect();
        assert_eq!((projects.len(), kinds.len()), (10, 10));
    }

    #[test]
    #[ignore = "needs the package index: run with --ignored"]
    fn every_project_can_be_had_and_committed() {
        let folder = TempDir::new().expect("a folder");
        for project in projects() {
            let sdist = project.sdist(&folder.path().join("cache")).expect("the sdist");
            let repo = project.repository(&sdist, &folder.path().join(&project.name));
            assert_eq!(repo.git(&["status", "--porcelain"]), "", "{}", project.name);
            let tag = format!("v{}", project.version);
            assert_eq!(repo.git(&["describe"]), tag, "{}", project.name);
        }
    }
}
