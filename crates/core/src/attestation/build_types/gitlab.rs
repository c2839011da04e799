//! GitLab CI: what its runner writes (provenance v0.2 and v1,
//! <https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md>), and what GitLab itself signs
//! (v1, <https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1>).
//!
//! GitLab's pages say that consumers should ignore external parameters they do not know; SLSA says that
//! they are refused, and so they are.
//!
//! The job's name (`entryPoint`) says which part of the source's configuration ran. The variables of a job
//! are parameters like others. Neither ref nor trigger is read from them: a user
//! can set them to anything, also those that GitLab predefines.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reading::{
    agree, commit_of, inconsistent, malformed, object, only, parameters, repository, run_of,
    sources, text, the_source,
};
use crate::attestation::origin::{Origin, Revision};
use crate::attestation::provenance::Provenance;
use crate::attestation::provenance_v0_2::ProvenanceV02;
use crate::attestation::repository::RepositoryUri;
use crate::attestation::statement::ResourceDescriptor;
use crate::digest::GitObjectId;
use crate::report::Refusal;

/// The build type of what GitLab signs.
pub const BUILD_TYPE: &str = "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1";

/// The build type of what the runner writes, with the runner's version for `VERSION`.
pub const RUNNER_BUILD_TYPE: &str =
    "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/VERSION/PROVENANCE.md";

/// The runner writes commits under `sha256`, whatever they are.
const DIGESTS: &[&str] = &["gitCommit", "sha1", "sha256"];

/// Whether a build type is one of GitLab's.
pub fn is_build_type(build_type: &str) -> bool {
    let version = RUNNER_BUILD_TYPE
        .split_once("VERSION")
        .and_then(|(before, after)| build_type.strip_prefix(before)?.strip_suffix(after));
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    build_type == BUILD_TYPE
        || version.is_some_and(|version| !version.is_empty() && version.bytes().all(plain))
}

/// Reads provenance v1.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read(provenance: &Provenance) -> Result<Origin, Refusal> {
    const EXTERNAL: &str = "externalParameters";
    let definition = &provenance.build_definition;
    let known = ["source", "entryPoint", "variables"];
    let external = only(EXTERNAL, Some(&definition.external_parameters), &known)?
        .ok_or_else(|| malformed(format!("no {EXTERNAL}")))?;
    // A job by its name in the configuration, which is the source's: nothing that was asked beside it.
    text(EXTERNAL, external, "entryPoint")?;
    let job = Job {
        source: text(EXTERNAL, external, "source")?
            .ok_or_else(|| malformed(format!("no {EXTERNAL}.source")))?,
        source_place: "externalParameters.source",
        variables: object("externalParameters.variables", external.get("variables"))?,
        variables_place: "externalParameters.variables",
        number: definition.internal_parameters.get("job"),
    };
    let base = run_of(provenance);
    let commit = job.commit("resolvedDependencies", &definition.resolved_dependencies, None)?;
    // GitLab names the run by the job's number.
    let number = job.number()?;
    if let (Some(number), Some(stated)) = (&number, &base.invocation) {
        agree(("internalParameters.job", number), ("metadata.invocationId", stated))?;
    }
    let number = number.or_else(|| base.invocation.clone());
    job.origin(commit, number, base)
}

/// Reads provenance v0.2.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read_v0_2(provenance: &ProvenanceV02) -> Result<Origin, Refusal> {
    const CONFIG: &str = "invocation.configSource";
    let invocation = provenance.invocation.as_ref().ok_or_else(|| malformed("no invocation"))?;
    let config = &invocation.config_source;
    let environment = object("invocation.environment", invocation.environment.as_ref())?;
    let job = Job {
        source: config.uri.as_deref().ok_or_else(|| malformed(format!("no {CONFIG}.uri")))?,
        source_place: "invocation.configSource.uri",
        variables: object("invocation.parameters", invocation.parameters.as_ref())?,
        variables_place: "invocation.parameters",
        number: environment.and_then(|it| it.get("job")).and_then(|it| it.get("id")),
    };
    let commit = commit_of(CONFIG, &config.digest, DIGESTS)?
        .ok_or_else(|| malformed(format!("{CONFIG} has no digest of a commit")))?;
    let commit = job.commit("materials", &provenance.materials, Some((CONFIG, commit)))?;
    let metadata = provenance.metadata.clone().unwrap_or_default();
    let base = Origin {
        builder: Some(provenance.builder.id.clone()),
        build_type: Some(provenance.build_type.clone()),
        started: metadata.build_started_on,
        finished: metadata.build_finished_on,
        ..Origin::default()
    };
    let number = job.number()?;
    job.origin(commit, number, base)
}

/// What both versions say of a job.
struct Job<'v> {
    source: &'v str,
    source_place: &'static str,
    variables: Option<&'v Map<String, Value>>,
    variables_place: &'static str,
    number: Option<&'v Value>,
}

impl Job<'_> {
    fn repository(&self) -> Result<RepositoryUri, Refusal> {
        repository(self.source_place, self.source)
    }

    fn number(&self) -> Result<Option<String>, Refusal> {
        match self.number {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(malformed(format!("the job is `{other}`"))),
        }
    }

    /// The commit of the project among the dependencies. In v0.2 they may be missing, since the
    /// configuration's source is the project and has it.
    fn commit(
        &self,
        place: &str,
        dependencies: &[ResourceDescriptor],
        stated: Option<(&str, GitObjectId)>,
    ) -> Result<GitObjectId, Refusal> {
        let wanted = self.repository()?;
        // The project stands there by its plain URI, with a commit under `sha256`.
        let marked: Vec<_> = dependencies
            .iter()
            .map(|it| {
                let mut it = it.clone();
                let here = it.uri.as_deref().and_then(|uri| uri.parse::<RepositoryUri>().ok());
                if here.as_ref() == Some(&wanted)
                    && let Some(id) = it.digest.get("sha256").cloned()
                {
                    it.digest.entry("gitCommit".to_owned()).or_insert(id);
                }
                it
            })
            .collect();
        let found = sources(place, &marked, DIGESTS)?;
        if let (Some((_, stated)), true) = (&stated, found.is_empty()) {
            return Ok(stated.clone());
        }
        let source = the_source(place, found, (self.source_place, &wanted))?;
        if let Some(Revision::Ref(name)) = &source.uri.revision {
            return Err(malformed(format!("{}.uri names the ref `{name}`", source.place)));
        }
        if let Some((config, stated)) = stated {
            agree((config, stated.as_str()), (&source.place, source.commit.as_str()))?;
        }
        Ok(source.commit)
    }

    fn origin(
        &self,
        commit: GitObjectId,
        number: Option<String>,
        base: Origin,
    ) -> Result<Origin, Refusal> {
        let mut all = BTreeMap::new();
        if let Some(variables) = self.variables {
            // The runner gives names only; where values are given they are text.
            for name in variables.keys() {
                text(self.variables_place, variables, name)?;
            }
            self.agree_with_variables(variables, &commit)?;
        }
        parameters("variables", self.variables, &mut all);
        if let Some(number) = &number
            && (number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(malformed(format!("the job is `{number}`")));
        }
        let repository = self.repository()?;
        Ok(Origin {
            repository: Some(self.source.to_owned()),
            commit: Some(commit),
            invocation: number.map(|number| format!("{repository}/-/jobs/{number}")),
            parameters: all,
            ..base
        })
    }

    /// A variable may lie about the source. Then somebody wanted the job to believe it, and the document
    /// says two things.
    fn agree_with_variables(
        &self,
        variables: &Map<String, Value>,
        commit: &GitObjectId,
    ) -> Result<(), Refusal> {
        let place = |name: &str| format!("{}.{name}", self.variables_place);
        if let Some(sha) = text(self.variables_place, variables, "CI_COMMIT_SHA")? {
            agree(("the commit", commit.as_str()), (&place("CI_COMMIT_SHA"), sha))?;
        }
        if let Some(url) = text(self.variables_place, variables, "CI_PROJECT_URL")?
            && url.parse::<RepositoryUri>().ok() != Some(self.repository()?)
        {
            return Err(inconsistent(
                (self.source_place, self.source),
                (&place("CI_PROJECT_URL"), url),
            ));
        }
        Ok(())
    }
}
