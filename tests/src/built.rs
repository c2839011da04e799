//! A project that is really built: a repository, a key, and the folder in which the results come.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use wheelmark_build::sandbox::{Sandbox, Tracing};
use wheelmark_build::sign::key::{Algorithm, PrivateKey};

use crate::fixture_projects;
use crate::keys;
use crate::program::wheelmark;
use crate::repo::GitRepo;
use crate::statement::sign;

/// The URI that these builds record for their source: a name, nowhere to be fetched.
pub const SOURCE: &str = "https://example.org/owner/project";

/// A folder with a repository in `project`, a key in `release.key` and `release.key.pub`, and an empty
/// folder `out`.
pub struct Project {
    /// The folder; it is removed at the end.
    pub folder: TempDir,
    /// The repository.
    pub repo: GitRepo,
    /// The key.
    pub key: PrivateKey,
}

/// Why nothing can be built on this machine, if nothing can. A test says so and is skipped.
pub fn cannot_build() -> Option<String> {
    Sandbox::detect(Tracing::ProgramsAndFiles).err().map(|error| error.to_string())
}

impl Project {
    /// The fixture project that flit builds.
    pub fn pure() -> Self {
        Self::of(&fixture_projects().join("pure-flit"))
    }

    /// A copy of a source tree, committed and tagged `v1.0.0`.
    pub fn of(tree: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = GitRepo::from_tree(tree, &folder.path().join("project"), Some("v1.0.0"));
        Self::in_folder(folder, repo)
    }

    /// A project of these files alone, committed and tagged `v1.0.0`.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = GitRepo::init(&folder.path().join("project"));
        for (name, text) in files {
            repo.write(name, text);
        }
        repo.commit_all("Everything");
        repo.tag("v1.0.0");
        Self::in_folder(folder, repo)
    }

    /// A project whose backend is `backend.py` of its own tree and needs nothing from the index.
    pub fn with_backend(backend: &str) -> Self {
        Self::with(&[("pyproject.toml", OWN_BACKEND), ("backend.py", backend)])
    }

    fn in_folder(folder: TempDir, repo: GitRepo) -> Self {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let path = |name: &str| folder.path().join(name);
        keys::write(&path("release.key"), &key, None, &path("release.key.pub"));
        fs::create_dir(folder.path().join("out")).expect("a folder");
        Self { folder, repo, key }
    }

    /// The folder into which it is built.
    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The only wheel in that folder.
    pub fn wheel(&self) -> PathBuf {
        let names = self.names();
        let wheels: Vec<_> = names.iter().filter(|name| name.ends_with(".whl")).collect();
        assert_eq!(wheels.len(), 1, "{names:?}");
        self.out().join(wheels[0])
    }

    /// The bundle beside it.
    pub fn bundle(&self) -> PathBuf {
        let mut path = self.wheel().into_os_string();
        path.push(".sigstore.json");
        path.into()
    }

    /// The statement in the bundle. Nothing of it is verified.
    pub fn statement(&self) -> Value {
        let bundle = fs::read(self.bundle()).expect("a bundle");
        let bundle: Value = serde_json::from_slice(&bundle).expect("JSON");
        let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("base64");
        let payload = STANDARD.decode(payload).expect("base64");
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// Lets the project's own key, which is trusted, sign something else.
    pub fn sign_changed(&self, change: impl FnOnce(&mut Value)) {
        let before = self.statement();
        let mut statement = before.clone();
        change(&mut statement);
        assert_ne!(statement, before);
        fs::write(self.bundle(), sign(&self.key, &statement)).expect("written");
    }

    /// The names of what is in that folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.out()).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// `wheelmark VERB` in the folder, with `cache` for its environments.
    pub fn command(&self, verb: &str, cache: &Path) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).env("WHEELMARK_CACHE", cache).arg(verb);
        command
    }

    /// `wheelmark build` of the project into the folder.
    pub fn build(&self, cache: &Path) -> Command {
        let mut command = self.command("build", cache);
        command
            .args(["project", "--out", "out", "--key", "release.key"])
            .args(["--source-uri", SOURCE]);
        command
    }

    /// `wheelmark rebuild` of the wheel, from the project.
    pub fn rebuild(&self, cache: &Path) -> Command {
        let mut command = self.command("rebuild", cache);
        command
            .arg(self.wheel())
            .args(["--key", "release.key.pub", "--source", SOURCE])
            .args(["--source-dir", "project"]);
        command
    }
}

const OWN_BACKEND: &str = "\
[build-system]
requires = []
build-backend = \"backend\"
backend-path = [\".\"]
";

/// A backend that writes an honest wheel of the project `honest`, version 1.0, with `files()` in it.
/// What is put before it can define that function, or replace a hook after it.
pub const HONEST_BACKEND: &str = r#"
import base64, hashlib, os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "honest-1.0-py3-none-any.whl"
    members = dict(files())
    info = "honest-1.0.dist-info/"
    members[info + "METADATA"] = "Metadata-Version: 2.1\nName: honest\nVersion: 1.0\n"
    members[info + "WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    rows = []
    for member, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        rows.append(f"{member},sha256={digest},{len(text.encode())}\n")
    members[info + "RECORD"] = "".join(rows) + info + "RECORD,,\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for member, text in members.items():
            entry = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, text.encode())
    return name

def files():
    return {"honest/__init__.py": ""}
"#;
