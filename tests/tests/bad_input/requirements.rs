//! Build requirements that cannot be had. These ask the package index, and are skipped without it.

use wheelmark_tests::built::Project;
use wheelmark_tests::workshop::index_is_unreachable;

use super::{cache, needs_sandbox, refused};

fn requiring(requirement: &str) -> Project {
    let manifest =
        format!("[build-system]\nrequires = [\"{requirement}\"]\nbuild-backend = \"a\"\n");
    Project::with(&[("pyproject.toml", &manifest)])
}

/// Asserts that a requirement is refused with these words, or says that the index cannot be reached.
#[track_caller]
fn cannot_be_had(requirement: &str, says: &[&str]) {
    let project = requiring(requirement);
    let mut build = project.build(&cache(&project));
    let output = build.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if index_is_unreachable(&said) {
        println!("skipped: the package index cannot be reached");
        return;
    }
    let said = refused(&project, &mut build, 1, says);
    assert!(!said.contains("deprecated"), "{said}");
}

#[test]
fn a_project_that_the_index_does_not_have() {
    needs_sandbox!();
    let name = "wheelmark-tests-has-no-such-requirement";
    let says = ["build requirements cannot be resolved: ", name, "was not found"];
    cannot_be_had(name, &says);
}

#[test]
fn a_version_that_there_is_not() {
    needs_sandbox!();
    let says = ["build requirements cannot be resolved: flit-core==0.0.0.1", "no version of"];
    cannot_be_had("flit-core==0.0.0.1", &says);
}

#[test]
fn requirements_that_exclude_each_other() {
    needs_sandbox!();
    let says = ["build requirements cannot be resolved: ", "unsatisfiable"];
    cannot_be_had("flit-core==3.9.0\", \"flit-core==3.10.0", &says);
}

#[test]
fn a_version_that_was_yanked() {
    needs_sandbox!();
    cannot_be_had("attrs==21.1.0", &["build requirement is yanked: ", "attrs==21.1.0"]);
}

#[test]
fn a_project_without_a_wheel() {
    needs_sandbox!();
    let says = ["build requirements cannot be resolved: docopt==0.6.2", "no usable wheels"];
    cannot_be_had("docopt==0.6.2", &says);
}
