//! The edges between the crates are those of the architecture, and core reaches no I/O.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every edge that may exist between crates of this workspace, test-only edges apart.
const EDGES: &[(&str, &str)] = &[
    ("wheelmark-build", "wheelmark-core"),
    ("wheelmark-index", "wheelmark-core"),
    ("wheelmark", "wheelmark-core"),
    ("wheelmark", "wheelmark-build"),
    ("wheelmark", "wheelmark-index"),
];

/// Libraries by which core could reach the outside without naming `std`.
const NOT_IN_CORE: &[&str] =
    &["tokio", "reqwest", "hyper", "tempfile", "rand", "getrandom", "nix", "rustix", "libc"];

#[test]
fn crates_see_each_other_only_along_the_edges_of_the_architecture() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let members: BTreeSet<_> =
        metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let mut found = BTreeSet::new();
    for package in metadata.packages.iter().filter(|package| *package.name != "wheelmark-tests") {
        for dependency in &package.dependencies {
            if members.contains(&dependency.name) && dependency.kind == DependencyKind::Normal {
                found.insert((package.name.to_string(), dependency.name.clone()));
            }
        }
    }
    let allowed: BTreeSet<_> =
        EDGES.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    assert_eq!(found, allowed);
}

#[test]
fn core_names_no_library_that_does_io() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let core = metadata
        .packages
        .iter()
        .find(|package| *package.name == "wheelmark-core")
        .expect("wheelmark-core is a member");
    let direct: Vec<_> = core
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| NOT_IN_CORE.contains(name))
        .collect();
    assert_eq!(direct, Vec::<&str>::new());
}
