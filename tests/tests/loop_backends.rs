//! The loop on more backends: versions that only git knows, by other tools than setuptools-scm, and Rust
//! extensions by another than maturin.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::{Command, Stdio};

use serde_json::Value;
use wheelmark_tests::repo::GitRepo;
use wheelmark_tests::workshop::{Built, TAG, Workshop, dependencies, said, skipped, source};

fn name(built: &Built) -> &str {
    built.answer["filename"].as_str().expect("a name")
}

/// At the tag and a commit after it, each rebuilt where other tags are too.
fn version_comes_of_the_recorded_tags(project: &str, manifest: &str, later: &str) {
    let Some(shop) = Workshop::new() else { return };
    let module = project.replace('-', "_");
    let file = format!("src/{module}/__init__.py");
    let ignored = ".gitignore";
    let files = [
        ("pyproject.toml", manifest),
        (&*file, "VALUE = 1\n"),
        (ignored, "_version.py\n*.egg-info\n"),
    ];
    let repo = shop.repository(project, &files);
    let built = shop.build(&repo, &[]);
    assert_eq!(name(&built), format!("{module}-1.2.3-py3-none-any.whl"));
    shop.comes_back_identical(&built, &repo);

    repo.write("later.txt", "later\n");
    repo.commit_all("Later");
    let built = shop.build(&repo, &[]);
    assert!(name(&built).starts_with(&format!("{module}-{later}+g")), "{}", name(&built));
    // One more tag on this very commit, which the build did not see.
    repo.tag("v7.0");
    shop.comes_back_identical(&built, &repo);
}

#[test]
fn hatch_vcs() {
    version_comes_of_the_recorded_tags(
        "from-hatch-vcs",
        "[build-system]\n\
         requires = [\"hatchling >=1.27,<2\", \"hatch-vcs >=0.4,<1\"]\n\
         build-backend = \"hatchling.build\"\n\
         [project]\nname = \"from-hatch-vcs\"\ndynamic = [\"version\"]\nrequires-python = \">=3.9\"\n\
         [tool.hatch.version]\nsource = \"vcs\"\n\
         [tool.hatch.build.hooks.vcs]\nversion-file = \"src/from_hatch_vcs/_version.py\"\n",
        "1.2.4.dev1",
    );
}

#[test]
fn versioningit() {
    version_comes_of_the_recorded_tags(
        "from-versioningit",
        "[build-system]\n\
         requires = [\"setuptools >=77,<90\", \"versioningit >=3,<4\"]\n\
         build-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"from-versioningit\"\ndynamic = [\"version\"]\nrequires-python = \">=3.9\"\n\
         [tool.setuptools.packages.find]\nwhere = [\"src\"]\n\
         [tool.versioningit]\n",
        "1.2.3.post1",
    );
}

const TWO_CRATES: &[(&str, &str)] = &[
    (
        "pyproject.toml",
        "[build-system]\n\
         requires = [\"setuptools >=77,<90\", \"setuptools-rust >=1.11,<2\"]\n\
         build-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"two-crates\"\nversion = \"1.0\"\n\
         [tool.setuptools]\npackages = [\"two_crates\"]\n\
         [[tool.setuptools-rust.ext-modules]]\n\
         target = \"two_crates._python\"\npath = \"python/Cargo.toml\"\nbinding = \"PyO3\"\n\
         [[tool.setuptools-rust.ext-modules]]\n\
         target = \"two_crates._plain\"\npath = \"plain/Cargo.toml\"\nbinding = \"NoBinding\"\n",
    ),
    ("two_crates/__init__.py", ""),
    ("Cargo.toml", "[workspace]\nmembers = [\"python\", \"plain\"]\nresolver = \"2\"\n"),
    (
        "python/Cargo.toml",
        "[package]\nname = \"two-crates-python\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
         [lib]\nname = \"_python\"\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\npyo3 = { version = \"0.30\", features = [\"extension-module\"] }\n",
    ),
    (
        "python/src/lib.rs",
        "use pyo3::prelude::*;\n\
         #[pyfunction]\nfn one() -> u64 { 1 }\n\
         #[pymodule]\nfn _python(module: &Bound<'_, PyModule>) -> PyResult<()> {\n    \
             module.add_function(wrap_pyfunction!(one, module)?)\n}\n",
    ),
    (
        "plain/Cargo.toml",
        "[package]\nname = \"two-crates-plain\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
         [lib]\nname = \"_plain\"\ncrate-type = [\"cdylib\"]\n[dependencies]\nitoa = \"1\"\n",
    ),
    (
        "plain/src/lib.rs",
        "#[no_mangle]\npub extern \"C\" fn digits(number: u64) -> usize {\n    \
             itoa::Buffer::new().format(number).len()\n}\n",
    ),
    (".gitignore", "target\nbuild\n*.egg-info\n*.so\n"),
];

#[test]
fn setuptools_rust_with_two_crates() {
    let Some(shop) = Workshop::new() else { return };
    let repo = GitRepo::init(&shop.path("two-crates"));
    for (file, content) in TWO_CRATES {
        repo.write(file, content);
    }
    let locked = Command::new("cargo")
        .args(["generate-lockfile", "--manifest-path"])
        .arg(repo.folder().join("Cargo.toml"))
        .stdin(Stdio::null())
        .output();
    match locked {
        Err(error) => return skipped(format!("setuptools-rust: no cargo: {error}")),
        Ok(output) if !output.status.success() => {
            return skipped(format!("setuptools-rust: no crates to be had: {}", said(&output)));
        }
        Ok(_) => {}
    }
    repo.commit_all("All of it");
    repo.tag(TAG);
    repo.git(&["remote", "add", "origin", &source("two-crates")]);
    let built = shop.build(&repo, &[]);
    shop.comes_back_identical(&built, &repo);
    shop.script_gives_the_same(&built, &repo);

    let statement = shop.statement(&built);
    let crates = dependencies(&statement, "crate");
    for name in ["pyo3", "itoa"] {
        let start = format!("pkg:cargo/{name}@");
        let is = |it: &Value| it["uri"].as_str().is_some_and(|uri| uri.starts_with(&start));
        assert!(crates.iter().any(is), "no {name} in {crates:#?}");
    }
    let compilers = dependencies(&statement, "compiler");
    let path = |it: &Value| it["annotations"]["path"].as_str().unwrap_or_default().to_owned();
    assert!(compilers.iter().any(|it| path(it).ends_with("/rustc")), "{compilers:#?}");
}
