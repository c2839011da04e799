//! Statements made by hand, to be bent by the tests before they are signed.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_build::sign::sign_statement;
use wheelmark_core::attestation::environment::{
    Backend, EnvironmentManifest, Interpreter, Isolation, Observation, Platform, Tool,
};
use wheelmark_core::attestation::pep517::{
    Distribution, ExternalParameters, InternalParameters, Pep517Build, Requirement, Role, Source,
    SourceState,
};
use wheelmark_core::attestation::provenance::PROVENANCE_TYPE;
use wheelmark_core::attestation::provenance::{Builder, Provenance, RunDetails};
use wheelmark_core::attestation::statement::STATEMENT_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::LOCAL_BUILDER;

use crate::program::wheelmark;
use crate::tiny;

/// The repository that statements made here name.
pub const SOURCE: &str = "https://example.org/owner/demo";

/// The ref that statements made here name.
pub const GIT_REF: &str = "refs/tags/v1.0";

/// A build of the project `demo` that every check accepts.
pub fn build() -> Pep517Build {
    let sha256 = Sha256Digest::of(b"an interpreter");
    let tool = |name: &str| Tool { name: name.to_owned(), version: "1.0".to_owned(), sha256: None };
    let environment = EnvironmentManifest {
        platform: Platform {
            os: "Linux".to_owned(),
            kernel: "6.1.0".to_owned(),
            architecture: "x86_64".to_owned(),
            libc: "glibc 2.36".to_owned(),
            distribution: None,
        },
        interpreter: Interpreter {
            implementation: "cpython".to_owned(),
            version: "3.11.7".to_owned(),
            path: "/usr/bin/python3.11".to_owned(),
            sha256,
        },
        frontend: tool("wheelmark"),
        installer: tool("uv"),
        variables: [("TZ".to_owned(), "UTC".to_owned())].into(),
        umask: "0022".to_owned(),
        locale: "C.UTF-8".to_owned(),
        timezone: "UTC".to_owned(),
        hostname: "wheelmark".to_owned(),
        source_date_epoch: 1_700_000_000,
        build_path: "/build/source".to_owned(),
        isolation: Isolation::Bubblewrap,
        backend: Backend { name: "hatchling.build".to_owned(), path: Vec::new() },
        hooks: vec!["build_wheel".to_owned()],
    };
    Pep517Build {
        external: ExternalParameters {
            python: None,
            exclude_newer: None,
            build_constraints: Vec::new(),
            source: Source { uri: format!("git+{SOURCE}"), git_ref: Some(GIT_REF.to_owned()) },
            subdirectory: String::new(),
            distribution: Distribution::Wheel,
            config_settings: [].into(),
            steps: Vec::new(),
        },
        internal: InternalParameters {
            environment,
            source: SourceState::default(),
            observed: Observation::Attached { programs: Vec::new() },
        },
        commit: "c0".repeat(20).parse().expect("a commit id"),
        tree: "7e".repeat(20).parse().expect("a tree id"),
        requirements: vec![Requirement {
            role: Role::Build,
            name: "hatchling".to_owned(),
            version: "1.27.0".to_owned(),
            filename: "hatchling-1.27.0-py3-none-any.whl".to_owned(),
            sha256: Sha256Digest::of(b"hatchling"),
            url: None,
        }],
        crates: Vec::new(),
        tools: Vec::new(),
    }
}

/// A statement about a file of this name and these bytes, that [`build`] made it.
pub fn statement(filename: &str, bytes: &[u8]) -> Value {
    let mut build = build();
    if filename.ends_with(".tar.gz") {
        build.external.distribution = Distribution::Sdist;
        build.internal.environment.hooks = vec!["build_sdist".to_owned()];
    }
    statement_of(filename, bytes, &build)
}

/// A statement about a file of this name and these bytes, that `build` made it.
pub fn statement_of(filename: &str, bytes: &[u8], build: &Pep517Build) -> Value {
    let provenance = Provenance {
        build_definition: build.definition().expect("JSON"),
        run_details: RunDetails {
            builder: Builder { id: LOCAL_BUILDER.to_owned(), version: [].into() },
            metadata: None,
            byproducts: Vec::new(),
        },
    };
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{
            "name": filename,
            "digest": {"sha256": Sha256Digest::of(bytes).to_string()},
        }],
        "predicateType": PROVENANCE_TYPE,
        "predicate": provenance,
    })
}

/// The bundle that `key` signs around a statement.
pub fn sign(key: &PrivateKey, statement: &Value) -> Vec<u8> {
    sign_statement(key, statement.to_string().as_bytes()).expect("signed")
}

/// A folder with a tiny wheel, its bundle and the public key of who signed it, all of which hold.
pub struct Signed {
    /// The folder; it is removed at the end.
    pub folder: TempDir,
    /// The wheel.
    pub wheel: PathBuf,
    /// The bundle beside it.
    pub bundle: PathBuf,
    /// The public key.
    pub public_key: PathBuf,
    /// The private key, in memory only.
    pub key: PrivateKey,
}

impl Signed {
    /// Makes one, signed by a new key.
    pub fn new(algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = PrivateKey::generate(algorithm).expect("a key");
        let public_key = folder.path().join("release.pub");
        fs::write(&public_key, key.public_pem().expect("PEM")).expect("written");
        let wheel = folder.path().join(tiny::FILENAME);
        fs::write(&wheel, tiny::wheel()).expect("written");
        let signed = Self {
            bundle: folder.path().join(format!("{}.sigstore.json", tiny::FILENAME)),
            folder,
            wheel,
            public_key,
            key,
        };
        signed.sign(&signed.statement());
        signed
    }

    /// The statement that holds for the wheel.
    pub fn statement(&self) -> Value {
        statement(tiny::FILENAME, &fs::read(&self.wheel).expect("the wheel"))
    }

    /// Puts another statement, signed by the key, into the bundle.
    pub fn sign(&self, statement: &Value) {
        fs::write(&self.bundle, sign(&self.key, statement)).expect("written");
    }

    /// A policy under which it holds.
    pub fn policy(&self) -> String {
        format!(
            "schema = 1\n\n[keys.release]\npem = \"\"\"\n{}\"\"\"\n\n[[rules]]\nprojects = [\"demo\"]\n\
             keys = [\"release\"]\nsource = \"{SOURCE}\"\nref = \"refs/tags/v{{version}}\"\n\
             builders = [\"{LOCAL_BUILDER}\"]\nrebuild = \"never\"\n",
            self.key.public_pem().expect("PEM")
        )
    }

    /// Puts another wheel with its bundle beside the first, and gives its name and bytes.
    pub fn add(&self, project: &str, version: &str) -> (String, Vec<u8>) {
        let (name, bytes) = tiny::wheel_of(project, version);
        self.put(&name, &bytes);
        (name, bytes)
    }

    /// Puts a file with a bundle, of a path in the folder.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        let name = path.file_name().expect("a name").to_string_lossy();
        let bundle = sign(&self.key, &statement(&name, bytes));
        fs::write(path.with_file_name(format!("{name}.sigstore.json")), bundle).expect("written");
        fs::write(&path, bytes).expect("written");
    }

    /// `wheelmark verify` with these arguments, by key and source, in the folder, at a fixed time.
    pub fn verify_all(&self, arguments: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.folder).arg("verify").args(arguments).args([
            "--key",
            "release.pub",
            "--source",
            SOURCE,
            "--at",
            "2026-01-02T03:04:05Z",
        ]);
        command
    }

    /// Changes the bundle itself, after signing.
    pub fn bend_bundle(&self, bend: impl FnOnce(&mut Value)) {
        let bytes = fs::read(&self.bundle).expect("the bundle");
        let mut bundle = serde_json::from_slice(&bytes).expect("JSON");
        bend(&mut bundle);
        fs::write(&self.bundle, bundle.to_string()).expect("written");
    }

    /// `wheelmark verify` of the wheel, by key and source, in the folder.
    pub fn verify(&self) -> Command {
        let mut command = wheelmark();
        command
            .current_dir(&self.folder)
            .args(["verify", tiny::FILENAME, "--key", "release.pub"])
            .args(["--source", SOURCE]);
        command
    }
}

/// The report that a verification gives in JSON, after its exit code was the expected one.
pub fn report(command: &mut Command, exit: i32) -> Value {
    let output = command.arg("--json").assert().code(exit).get_output().clone();
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// The checks of a report that failed, each with its reason.
pub fn failures(report: &Value) -> Vec<(String, String)> {
    let checks = report["checks"].as_array().expect("checks");
    checks
        .iter()
        .filter(|check| check["status"] == "failed")
        .map(|check| {
            let text = |key: &str| check[key].as_str().expect("text").to_owned();
            (text("check"), text("reason"))
        })
        .collect()
}

/// The check of a report that has this name.
pub fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["check"] == name).expect(name)
}

/// The first resolved dependency of a role, to be changed.
pub fn dependency<'a>(statement: &'a mut Value, role: &str) -> &'a mut Value {
    statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        .as_array_mut()
        .expect("dependencies")
        .iter_mut()
        .find(|dependency| dependency["annotations"]["role"] == role)
        .expect("one of that role")
}
