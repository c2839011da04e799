//! GitHub Actions workflow v1: <https://actions.github.io/buildtypes/workflow/v1>, what
//! `actions/attest-build-provenance` signs.

use serde::Deserialize;

use super::reading::{
    COMMIT, check_path, malformed, only, repository, run_of, sources, the_source, typed,
};
use crate::attestation::origin::{Origin, is_full_ref};
use crate::attestation::provenance::Provenance;
use crate::report::Refusal;

/// The build type.
pub const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// `externalParameters.workflow`.
#[derive(Deserialize)]
struct Workflow {
    #[serde(rename = "ref")]
    git_ref: String,
    repository: String,
    path: String,
}

/// `internalParameters.github`.
#[derive(Deserialize)]
struct Github {
    event_name: String,
    repository_id: String,
    repository_owner_id: String,
    /// Required by the specification; the first releases of the action did not write it.
    #[serde(default)]
    runner_environment: Option<String>,
}

/// Reads provenance of this build type.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read(provenance: &Provenance) -> Result<Origin, Refusal> {
    const WORKFLOW: &str = "externalParameters.workflow";
    let definition = &provenance.build_definition;
    let external =
        only("externalParameters", Some(&definition.external_parameters), &["workflow"])?;
    let value = external.and_then(|it| it.get("workflow"));
    only(WORKFLOW, value, &["ref", "repository", "path"])?;
    let workflow: Workflow = typed(WORKFLOW, value)?;
    let wanted = repository("externalParameters.workflow.repository", &workflow.repository)?;
    check_path("externalParameters.workflow.path", &workflow.path)?;
    if !is_full_ref(&workflow.git_ref) {
        return Err(malformed(format!("{WORKFLOW}.ref `{}`", workflow.git_ref))
            .expected("the full name of a git ref"));
    }
    let github: Github =
        typed("internalParameters.github", definition.internal_parameters.get("github"))?;
    // "MUST contain an entry identifying the resolved git commit ID", its URI with the ref.
    const PLACE: &str = "resolvedDependencies";
    let found = sources(PLACE, &definition.resolved_dependencies, COMMIT)?;
    let source = the_source(PLACE, found, ("externalParameters.workflow.repository", &wanted))?;
    source.check_ref("externalParameters.workflow.ref", &workflow.git_ref)?;
    Ok(Origin {
        repository: Some(workflow.repository),
        commit: Some(source.commit),
        git_ref: Some(workflow.git_ref),
        workflow: Some(workflow.path),
        trigger: Some(github.event_name),
        runner_environment: github.runner_environment,
        repository_id: Some(github.repository_id),
        owner_id: Some(github.repository_owner_id),
        ..run_of(provenance)
    })
}
