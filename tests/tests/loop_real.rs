//! The main job on real projects from the package index: `tests/real-projects.toml`.
//!
//! Some of them run always; all ten with `WHEELMARK_REAL=all`, or `just real`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;

use wheelmark_tests::real::{RealProject, projects};
use wheelmark_tests::workshop::{Workshop, shared, skipped, source};

/// Builds a project with a confirmation, verifies it, and rebuilds it from another clone.
fn comes_back(project: &RealProject) {
    if let Some(missing) = project.missing() {
        return skipped(format!("no `{missing}`"));
    }
    let Some(shop) = Workshop::new() else { return };
    let sdist = match project.sdist(&shared("sdists")) {
        Ok(sdist) => sdist,
        Err(reason) => return skipped(reason),
    };
    let repo = project.repository(&sdist, &shop.path(&project.name));
    repo.git(&["remote", "add", "origin", &source(&project.name)]);
    let built = shop.build(&repo, &["--release"]);
    shop.comes_back_identical(&built, &repo);

    // Nothing is left in the folder but the wheel and its bundle.
    let files = fs::read_dir(shop.path("dist")).expect("the folder").count();
    assert_eq!(files, 2);
    let name = built.answer["filename"].as_str().expect("a name");
    assert!(name.contains(&project.version), "{name}");
}

macro_rules! tests {
    ($($test:ident = $name:literal $(, only with $all:literal)?;)+) => {
        $(
            #[test]
            fn $test() {
                $(if std::env::var("WHEELMARK_REAL").as_deref() != Ok($all) {
                    return skipped(concat!($name, ": not among the quick ones; WHEELMARK_REAL=", $all));
                })?
                let projects = projects();
                let project = projects.iter().find(|project| project.name == $name);
                comes_back(project.expect("it is listed"));
            }
        )+

        #[test]
        fn every_listed_project_has_a_test() {
            let mut tested = [$($name),+];
            tested.sort_unstable();
            let mut listed: Vec<_> = projects().into_iter().map(|project| project.name).collect();
            listed.sort_unstable();
            assert_eq!(listed, tested);
        }
    };
}

tests! {
    six_by_setuptools_without_pyproject = "six";
    soupsieve_by_hatchling = "soupsieve", only with "all";
    idna_by_flit = "idna";
    tomlkit_by_poetry = "tomlkit";
    findpython_by_pdm = "findpython", only with "all";
    django_stubs_ext_by_uv = "django-stubs-ext", only with "all";
    pybind11_by_scikit_build = "pybind11", only with "all";
    pluggy_by_setuptools_scm = "pluggy";
    markupsafe_by_setuptools_in_c = "markupsafe";
    rpds_by_maturin = "rpds-py", only with "all";
}
