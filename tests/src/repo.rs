//! Git repositories made for tests: the same identity and dates each time, so that one tree always
//! gives one commit id.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The time of every commit and tag, Unix seconds: 2024-05-06T07:08:09Z.
pub const COMMIT_TIME: i64 = 1_714_979_289;

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub struct GitRepo {
    folder: PathBuf,
}

impl GitRepo {
    /// Copies `tree` to `dest`, which must not exist yet, and commits it there; `tag`, where one is
    /// given, becomes an annotated tag on that commit.
    ///
    /// # Panics
    /// Where a file cannot be copied or git fails, as all of this module.
    pub fn from_tree(tree: &Path, dest: &Path, tag: Option<&str>) -> Self {
        assert!(!dest.exists(), "{} is already there", dest.display());
        copy_tree(tree, dest);
        let repo = Self::init(dest);
        repo.commit_all("The whole tree");
        if let Some(tag) = tag {
            repo.tag(tag);
        }
        repo
    }

    /// Makes `folder` a repository without any commit.
    pub fn init(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let repo = Self { folder: folder.to_owned() };
        repo.git(&["init", "--quiet", "--template=", "--initial-branch=main"]);
        repo
    }

    /// A clone in `dest`, as a user would make it.
    pub fn clone_to(&self, dest: &Path) -> Self {
        let to = dest.to_str().expect("a path that is text");
        self.git(&["clone", "--quiet", "--no-local", ".", to]);
        Self { folder: dest.to_owned() }
    }

    /// The work tree.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file, with the folders it needs.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, content).expect("the file can be written");
    }

    /// Commits everything that is not ignored.
    pub fn commit_all(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// Puts an annotated tag on the commit that is checked out.
    pub fn tag(&self, name: &str) {
        self.git(&["tag", "--annotate", name, "-m", name]);
    }

    /// The full id of the commit that is checked out.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the work tree and gives what it printed, without the last line end.
    pub fn git(&self, arguments: &[&str]) -> String {
        let date = format!("@{COMMIT_TIME} +0000");
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        let output = command
            .current_dir(&self.folder)
            .args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .envs([
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_AUTHOR_NAME", "Ann Author"),
                ("GIT_AUTHOR_EMAIL", "ann@example.org"),
                ("GIT_AUTHOR_DATE", &date),
                ("GIT_COMMITTER_NAME", "Carl Committer"),
                ("GIT_COMMITTER_EMAIL", "carl@example.org"),
                ("GIT_COMMITTER_DATE", &date),
            ])
            .output()
            .expect("git can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        let text = String::from_utf8(output.stdout).expect("git prints text");
        text.trim_end_matches('\n').to_owned()
    }
}

/// Copies files, folders and links; modes come along, owners and times do not.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the tree can be read") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).expect("a link");
            symlink(link, target).expect("the link can be made");
        } else {
            fs::copy(&source, &target).expect("the file can be copied");
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn one_tree_is_one_commit() {
        let folder = TempDir::new().expect("a folder");
        for project in fs::read_dir(crate::fixture_projects()).expect("the fixtures") {
            let project = project.expect("an entry");
            if project.path().is_file() {
                continue;
            }
            let name = project.file_name().to_string_lossy().into_owned();
            let at = |copy: &str| folder.path().join(format!("{name}-{copy}"));
            let one = GitRepo::from_tree(&project.path(), &at("1"), Some("v1.2.3"));
            let two = GitRepo::from_tree(&project.path(), &at("2"), Some("v1.2.3"));
            assert_eq!(one.head(), two.head(), "{name}");
            assert_eq!(one.git(&["describe"]), "v1.2.3", "{name}");
            assert_eq!(one.git(&["status", "--porcelain"]), "", "{name}");
            let time = one.git(&["log", "-1", "--format=%ct"]);
            assert_eq!(time, COMMIT_TIME.to_string(), "{name}");
            let clone = two.clone_to(&at("3"));
            assert_eq!(clone.head(), one.head(), "{name}");
        }
    }
}
