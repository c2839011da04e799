//! The build types whose parameters this program knows, each in a file of its own.
//!
//! SLSA 1.2, "Verifying artifacts", step 2: a build type that is not known, and an external parameter that
//! a known one does not have, are refused. Anything else would accept a build that was told to do
//! something nobody looked at.

pub mod github_workflow;
pub mod gitlab;
pub mod google_cloud_build;
mod reading;
pub mod slsa_github_generator;

use super::origin::Origin;
use super::pep517::{self, Pep517Build};
use super::predicate::Predicate;
use super::provenance::{PROVENANCE_TYPE, Provenance};
use super::provenance_v0_2::{PROVENANCE_V0_2_TYPE, ProvenanceV02};
use crate::report::{Reason, Refusal};

/// What provenance of any known build type says of where a file came from.
///
/// # Errors
/// [`Reason::PredicateTypeWrong`] for a predicate that is not provenance, [`Reason::BuildTypeUnknown`],
/// [`Reason::ParameterUnknown`], [`Reason::ProvenanceMalformed`], and [`Reason::ProvenanceInconsistent`]
/// where two places of the document contradict each other.
pub fn read(predicate: &Predicate) -> Result<Origin, Refusal> {
    match predicate {
        Predicate::ProvenanceV1(it) => read_v1(it),
        Predicate::ProvenanceV02(it) => read_v0_2(it),
        other => Err(Refusal::new(Reason::PredicateTypeWrong)
            .expected(PROVENANCE_TYPE)
            .expected(PROVENANCE_V0_2_TYPE)
            .found(other.type_uri())),
    }
}

fn read_v1(provenance: &Provenance) -> Result<Origin, Refusal> {
    match provenance.build_definition.build_type.as_str() {
        pep517::BUILD_TYPE => read_pep517(provenance),
        github_workflow::BUILD_TYPE => github_workflow::read(provenance),
        google_cloud_build::BUILD_TYPE => google_cloud_build::read(provenance),
        slsa_github_generator::DELEGATOR => slsa_github_generator::read_v1(provenance),
        other if gitlab::is_build_type(other) => gitlab::read(provenance),
        other => Err(unknown(other, KNOWN_V1)),
    }
}

fn read_v0_2(provenance: &ProvenanceV02) -> Result<Origin, Refusal> {
    match provenance.build_type.as_str() {
        slsa_github_generator::GENERIC
        | slsa_github_generator::GO
        | slsa_github_generator::DELEGATOR => slsa_github_generator::read(provenance),
        other if gitlab::is_build_type(other) => gitlab::read_v0_2(provenance),
        other => Err(unknown(other, KNOWN_V0_2)),
    }
}

/// The build types that provenance v1 may have; GitLab's runner puts its version in place of `VERSION`.
const KNOWN_V1: &[&str] = &[
    pep517::BUILD_TYPE,
    github_workflow::BUILD_TYPE,
    gitlab::BUILD_TYPE,
    gitlab::RUNNER_BUILD_TYPE,
    google_cloud_build::BUILD_TYPE,
    slsa_github_generator::DELEGATOR,
];

/// The build types that provenance v0.2 may have.
const KNOWN_V0_2: &[&str] = &[
    slsa_github_generator::GENERIC,
    slsa_github_generator::GO,
    slsa_github_generator::DELEGATOR,
    gitlab::RUNNER_BUILD_TYPE,
];

/// Every build type that is known, ours included.
pub fn known() -> impl Iterator<Item = &'static str> {
    KNOWN_V1.iter().chain(KNOWN_V0_2).copied()
}

/// Whether a build type is the one that a policy names. GitLab's runner puts its version into its own.
pub fn is(found: &str, named: &str) -> bool {
    let runner = named == gitlab::RUNNER_BUILD_TYPE && found != gitlab::BUILD_TYPE;
    found == named || (runner && gitlab::is_build_type(found))
}

fn unknown(found: &str, known: &[&str]) -> Refusal {
    Refusal::new(Reason::BuildTypeUnknown)
        .expected_all(known.iter().map(|&it| it.to_owned()))
        .found(found)
}

/// Ours. [`Pep517Build`] says much more; this is the part that every build type has.
fn read_pep517(provenance: &Provenance) -> Result<Origin, Refusal> {
    let build = Pep517Build::read(&provenance.build_definition)?;
    let mut origin = reading::run_of(provenance);
    // The source is told apart from them, and which kind of file was built its name says.
    let external = &provenance.build_definition.external_parameters;
    let external = reading::object("externalParameters", Some(external))?;
    for (name, value) in external.into_iter().flatten() {
        if !matches!(name.as_str(), "source" | "distribution") {
            origin.parameters.insert(name.clone(), value.clone());
        }
    }
    origin.repository = Some(build.external.source.uri);
    origin.git_ref = build.external.source.git_ref;
    origin.commit = Some(build.commit);
    Ok(origin)
}

#[cfg(test)]
mod tests;
