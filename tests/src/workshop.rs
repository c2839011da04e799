//! A place in which the program builds, verifies and rebuilds, as a person would use it.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use wheelmark_build::environment::uv::Uv;
use wheelmark_build::sandbox::{Sandbox, Tracing};
use wheelmark_build::sign::key::{Algorithm, PrivateKey};

use crate::keys;
use crate::program::wheelmark;
use crate::repo::GitRepo;

/// Where this variable is set (CI), a test that cannot run fails instead of being skipped.
const REQUIRED: &str = "WHEELMARK_TEST_REQUIRE_SANDBOX";

/// The tag of every repository made here.
pub const TAG: &str = "v1.2.3";

/// Says that a test, or a part of one, did not run. The harness would show what is printed only if the
/// test fails, so this goes around it, at once and on a line of its own: `./dev` counts these lines.
pub fn skipped(reason: impl std::fmt::Display) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let line = format!("\nskipped: {test}: {reason}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The same of what this machine lacks.
///
/// # Panics
/// Where nothing may be skipped (CI).
pub fn lacks(what: impl std::fmt::Display) {
    assert!(std::env::var_os(REQUIRED).is_none(), "{what}");
    skipped(what);
}

/// Whether this machine has a sandbox; where it has none, that is said.
///
/// # Panics
/// Where one is required (CI) and there is none.
pub fn sandbox_is_here() -> bool {
    match Sandbox::detect(Tracing::Off) {
        Ok(_) => true,
        Err(error) => {
            lacks(error);
            false
        }
    }
}

/// Whether what uv said is that it cannot reach the package index.
pub fn index_is_unreachable(said: &str) -> bool {
    ["dns error", "client error (Connect)", "Failed to fetch", "tcp connect error"]
        .iter()
        .any(|text| said.contains(text))
}

/// A folder for files that tests of one target directory share: environments, sdists.
pub fn shared(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    // <target>/<profile>/deps/<test>
    let target = test.ancestors().nth(3).expect("a target directory");
    target.join("wheelmark-tests").join(name)
}

/// A folder with a key pair, and the program in it.
pub struct Workshop {
    folder: TempDir,
    key: PrivateKey,
    clones: Cell<usize>,
}

/// A file that was built and signed.
pub struct Built {
    /// The file.
    pub wheel: PathBuf,
    /// The bundle beside it.
    pub bundle: PathBuf,
    /// The repository that the provenance must name.
    pub source: String,
    /// What `build --json` answered.
    pub answer: Value,
    /// The steps and settings that were asked for, with which whoever verifies must agree.
    pub agreed: Vec<String>,
}

/// Of a build's arguments those that a verification must be given as well.
fn agreed(arguments: &[&str]) -> Vec<String> {
    let options = ["--step", "--step-requires", "--config-setting"];
    let pairs = arguments.windows(2).filter(|pair| options.contains(&pair[0]));
    pairs.flatten().map(|word| (*word).to_owned()).collect()
}

impl Workshop {
    /// Makes one; nothing where this machine has no sandbox or no uv, which is then said.
    ///
    /// # Panics
    /// Where one is required (CI), and as everything here where something cannot be set up.
    pub fn new() -> Option<Self> {
        let here = Sandbox::detect(Tracing::ProgramsAndFiles)
            .map(drop)
            .map_err(|error| error.to_string())
            .and_then(|()| {
                let uv = Uv::find(&AtomicBool::new(false));
                uv.map(drop).map_err(|error| error.to_string())
            });
        if let Err(reason) = here {
            lacks(reason);
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let path = |name: &str| folder.path().join(name);
        keys::write(&path("release.key"), &key, None, &path("release.pub"));
        Some(Self { folder, key, clones: Cell::new(0) })
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The key, to sign what the program would not.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The program, in the folder.
    pub fn wheelmark(&self) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).env("WHEELMARK_CACHE", shared("cache"));
        command
    }

    /// One of the fixture projects in a repository of its own, with the tag [`TAG`].
    pub fn fixture(&self, name: &str) -> GitRepo {
        let tree = crate::fixture_projects().join(name);
        let repo = GitRepo::from_tree(&tree, &self.path(name), Some(TAG));
        repo.git(&["remote", "add", "origin", &source(name)]);
        repo
    }

    /// A repository with these files, and the tag [`TAG`].
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> GitRepo {
        let repo = GitRepo::init(&self.path(name));
        for (file, content) in files {
            repo.write(file, content);
        }
        repo.commit_all("All of it");
        repo.tag(TAG);
        repo.git(&["remote", "add", "origin", &source(name)]);
        repo
    }

    /// A project that is built by a backend of its own, whose output `code` decides: the module `odd` of
    /// `odd_backend.py`. No package index is asked for it.
    pub fn odd(&self, name: &str, code: &str) -> GitRepo {
        self.repository(
            name,
            &[
                (
                    "pyproject.toml",
                    "[build-system]\nrequires = []\nbuild-backend = \"odd_backend\"\n\
                     backend-path = [\".\"]\n",
                ),
                ("odd_backend.py", include_str!("odd_backend.py")),
                ("odd.py", code),
                ("data/alpha.txt", "1\n"),
                ("data/beta.txt", "2\n"),
                ("data/gamma.txt", "3\n"),
                ("data/delta.txt", "4\n"),
            ],
        )
    }

    /// `wheelmark build` of the repository into `dist` of the folder, with more arguments; not run yet.
    pub fn build_command(&self, repo: &GitRepo, arguments: &[&str]) -> Command {
        let mut command = self.wheelmark();
        command
            .arg("build")
            .arg(repo.folder())
            .args(["--out", "dist", "--key", "release.key", "--json"])
            .args(arguments);
        command
    }

    /// Builds, and gives every file that came of it.
    pub fn build_all(&self, repo: &GitRepo, arguments: &[&str]) -> Vec<Built> {
        let answer = answer(&mut self.build_command(repo, arguments), 0);
        let files = answer["files"].as_array().expect("files").clone();
        let at = |name: &Value| self.path("dist").join(name.as_str().expect("a name"));
        files
            .iter()
            .map(|file| Built {
                wheel: at(&file["filename"]),
                bundle: at(&file["bundle"]),
                source: repo.git(&["remote", "get-url", "origin"]),
                answer: file.clone(),
                agreed: agreed(arguments),
            })
            .collect()
    }

    /// Builds one wheel.
    pub fn build(&self, repo: &GitRepo, arguments: &[&str]) -> Built {
        let mut files = self.build_all(repo, arguments);
        assert_eq!(files.len(), 1);
        files.remove(0)
    }

    /// A verb on a file, by the key and the source that signed it.
    pub fn on(&self, verb: &str, built: &Built) -> Command {
        let mut command = self.wheelmark();
        command.args([verb, "--key", "release.pub", "--source", &built.source]).arg(&built.wheel);
        command.args(&built.agreed);
        command
    }

    /// `wheelmark rebuild` from a checkout; what it answers, once it ended with this code.
    pub fn rebuild(
        &self,
        built: &Built,
        checkout: &GitRepo,
        arguments: &[&str],
        code: i32,
    ) -> Value {
        let mut command = self.on("rebuild", built);
        command.arg("--source-dir").arg(checkout.folder()).args(arguments);
        answer(command.arg("--json"), code)
    }

    /// Verifies, rebuilds from another clone in another place that has more in it, and asserts that the
    /// bytes are the same, with no drift.
    pub fn comes_back_identical(&self, built: &Built, repo: &GitRepo) {
        let report = answer(self.on("verify", built).arg("--json"), 0);
        assert_eq!(report["decision"], "accepted");
        let clone = self.other_clone(repo);
        let rebuilt = self.rebuild(built, &clone, &[], 0);
        assert_eq!(rebuilt["outcome"], "identical", "{rebuilt:#}");
        assert_eq!(rebuilt["drift"], serde_json::json!([]), "{rebuilt:#}");
        assert_eq!(rebuilt["rebuilt"], built.answer["sha256"]);
        assert_eq!(rebuilt["report"]["decision"], "accepted");
    }

    /// Runs the printed script on a clone in another place; it compares the bytes itself.
    pub fn script_gives_the_same(&self, built: &Built, repo: &GitRepo) {
        let mut print = self.on("rebuild", built);
        let printed = print.args(["--print-instructions", "sh"]).output();
        let printed = printed.expect("it starts");
        assert!(printed.status.success(), "{}", said(&printed));
        let script = self.path("rebuild.sh");
        fs::write(&script, &printed.stdout).expect("written");
        let clone = self.other_clone(repo);
        let run = process::Command::new("sh")
            .arg(&script)
            .arg(clone.folder())
            .current_dir(self.path(""))
            .stdin(Stdio::null())
            .output()
            .expect("sh starts");
        assert!(run.status.success(), "{}", said(&run));
        let name = built.answer["filename"].as_str().expect("a name");
        let sha256 = built.answer["sha256"].as_str().expect("a digest");
        let last = format!("identical: {name} sha256 {sha256}\n");
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(told.ends_with(&last), "{told}");
    }

    /// A clone in another place, with branches, tags and commits that the build did not see, and another
    /// commit checked out.
    pub fn other_clone(&self, repo: &GitRepo) -> GitRepo {
        let count = self.clones.get() + 1;
        self.clones.set(count);
        let clone = repo.clone_to(&self.path(format!("elsewhere/clone {count}")));
        clone.git(&["tag", "v99.0"]);
        clone.git(&["checkout", "--quiet", "-b", "other"]);
        clone.write("unrelated.txt", "not of the build\n");
        clone.commit_all("Another commit");
        clone.tag("v100.0");
        clone
    }

    /// The statement that was signed over a file.
    pub fn statement(&self, built: &Built) -> Value {
        let bundle = fs::read(&built.bundle).expect("the bundle");
        let bundle: Value = serde_json::from_slice(&bundle).expect("JSON");
        let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("text");
        let payload = STANDARD.decode(payload).expect("base64");
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// Signs another statement over a file, as somebody who has the key could.
    pub fn sign(&self, built: &Built, statement: &Value) {
        let bundle = crate::statement::sign(&self.key, statement);
        fs::write(&built.bundle, bundle).expect("written");
    }
}

/// The repository that projects of a workshop name as theirs.
pub fn source(name: &str) -> String {
    format!("https://example.org/owner/{name}")
}

/// The dependencies of a statement that have this role.
pub fn dependencies(statement: &Value, role: &str) -> Vec<Value> {
    let all = statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array();
    let all = all.expect("dependencies").iter();
    all.filter(|dependency| dependency["annotations"]["role"] == role).cloned().collect()
}

/// What a command answers in JSON, once it ended with this code.
pub fn answer(command: &mut Command, code: i32) -> Value {
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// All that a command printed.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
