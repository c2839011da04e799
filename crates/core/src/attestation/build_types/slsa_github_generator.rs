//! slsa-github-generator: its generic and Go builders (provenance v0.2) and the builders made with its
//! delegator (v0.2 and v1).
//! <https://github.com/slsa-framework/slsa-github-generator/blob/main/internal/builders/generic/README.md#provenance-format>

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reading::{
    COMMIT, SourceFound, agree, check_path, commit_of, inconsistent, malformed, object, only,
    parameters, run_of, sources, text, the_source,
};
use crate::attestation::origin::{GitUri, Origin, Revision};
use crate::attestation::provenance::Provenance;
use crate::attestation::provenance_v0_2::ProvenanceV02;
use crate::report::Refusal;

/// The generic generator, which attests what another job built.
pub const GENERIC: &str = "https://github.com/slsa-framework/slsa-github-generator/generic@v1";

/// The Go builder.
pub const GO: &str = "https://github.com/slsa-framework/slsa-github-generator/go@v1";

/// Builders made with the delegator.
pub const DELEGATOR: &str =
    "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0";

/// Reads provenance v0.2 of these build types.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read(provenance: &ProvenanceV02) -> Result<Origin, Refusal> {
    const CONFIG: &str = "invocation.configSource";
    let delegated = provenance.build_type == DELEGATOR;
    let invocation = provenance.invocation.as_ref().ok_or_else(|| malformed("no invocation"))?;
    let config = &invocation.config_source;
    let uri: GitUri = config
        .uri
        .as_deref()
        .ok_or_else(|| malformed(format!("no {CONFIG}.uri")))?
        .parse()
        .map_err(|error| malformed(format!("{CONFIG}.uri: {error}")))?;
    let commit = commit_of(CONFIG, &config.digest, COMMIT)?
        .ok_or_else(|| malformed(format!("{CONFIG} has no digest of a commit")))?;
    let workflow = config.entry_point.as_deref().unwrap_or_default();
    check_path("invocation.configSource.entryPoint", workflow)?;

    // Every other input. Only the delegator records its builder's own inputs.
    let known: &[&str] = if delegated { &["inputs"] } else { &["event_inputs", "vars"] };
    let external = read_parameters("invocation.parameters", invocation.parameters.as_ref(), known)?;

    // The environment is the builder's account of the same run: what it repeats must be the same.
    let run = Run::read(
        "invocation.environment",
        invocation.environment.as_ref(),
        if delegated { "GITHUB_" } else { "github_" },
    )?;
    let git_ref = ref_of(&uri);
    run.agree("ref", (&format!("{CONFIG}.uri"), git_ref.unwrap_or("no ref")))?;
    run.agree(if delegated { "sha" } else { "sha1" }, (CONFIG, commit.as_str()))?;
    run.agree_on_repository((&format!("{CONFIG}.uri"), &uri))?;

    let found = sources("materials", &provenance.materials, COMMIT)?;
    let source = the_source("materials", found, ("invocation.configSource.uri", &uri.repository))?;
    // A delegated build may check out another commit than the one that triggered it, and then does not
    // know its ref: it must be left out there, and the ref is not that of what was built.
    let elsewhere = delegated && source.uri.revision.is_none();
    if !elsewhere {
        source.check_ref("invocation.configSource.uri", git_ref.unwrap_or("no ref"))?;
        agree((CONFIG, commit.as_str()), (&source.place, source.commit.as_str()))?;
    }
    let metadata = provenance.metadata.clone().unwrap_or_default();
    run.agree_on_invocation("metadata", metadata.build_invocation_id.as_deref())?;
    Ok(Origin {
        builder: Some(provenance.builder.id.clone()),
        build_type: Some(provenance.build_type.clone()),
        git_ref: ref_of(&source.uri).map(str::to_owned),
        workflow: Some(workflow.to_owned()),
        started: metadata.build_started_on,
        finished: metadata.build_finished_on,
        parameters: external,
        ..run.origin(source)?
    })
}

/// Reads provenance v1 of the delegator.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read_v1(provenance: &Provenance) -> Result<Origin, Refusal> {
    let definition = &provenance.build_definition;
    let external = read_parameters(
        "externalParameters",
        Some(&definition.external_parameters),
        &["inputs", "vars"],
    )?;
    let run = Run::read("internalParameters", Some(&definition.internal_parameters), "GITHUB_")?;
    let mut found = sources("resolvedDependencies", &definition.resolved_dependencies, COMMIT)?;
    // Here nothing but the dependency names the source, so it must be the only one.
    let source = match (found.pop(), found.pop()) {
        (Some(only), None) => only,
        (None, _) => return Err(malformed("resolvedDependencies name no git source")),
        (Some(last), Some(before)) => {
            return Err(inconsistent(
                (&before.place, &before.uri.written),
                (&last.place, &last.uri.written),
            ));
        }
    };
    run.agree_on_repository((&source.place, &source.uri))?;
    if let Some(git_ref) = ref_of(&source.uri) {
        run.agree("ref", (&source.place, git_ref))?;
        run.agree("sha", (&source.place, source.commit.as_str()))?;
    }
    let workflow = run.workflow()?;
    let base = run_of(provenance);
    let git_ref = ref_of(&source.uri).map(str::to_owned);
    let origin = run.origin(source)?;
    // The one constructed from the run's numbers is what the document may name, if it names one.
    if let (Some(stated), Some(wanted)) = (&base.invocation, &origin.invocation) {
        agree(("internalParameters", wanted), ("metadata.invocationId", stated))?;
    }
    Ok(Origin {
        builder: base.builder,
        build_type: base.build_type,
        invocation: base.invocation.or(origin.invocation),
        started: base.started,
        finished: base.finished,
        git_ref,
        workflow,
        parameters: external,
        ..origin
    })
}

fn read_parameters(
    place: &str,
    value: Option<&Value>,
    known: &[&str],
) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut all = BTreeMap::new();
    if let Some(fields) = only(place, value, known)? {
        for (name, value) in fields {
            let inner = object(&format!("{place}.{name}"), Some(value))?;
            parameters(name, inner, &mut all);
        }
    }
    Ok(all)
}

fn ref_of(uri: &GitUri) -> Option<&str> {
    match &uri.revision {
        Some(Revision::Ref(name)) => Some(name),
        _ => None,
    }
}

/// What the builder says of the run, under names that begin with `github_` or `GITHUB_`. Names that are
/// not known here are the builder's, not the user's, and are left alone.
struct Run<'v> {
    place: &'static str,
    fields: Option<&'v Map<String, Value>>,
    prefix: &'static str,
}

impl<'v> Run<'v> {
    fn read(
        place: &'static str,
        value: Option<&'v Value>,
        prefix: &'static str,
    ) -> Result<Self, Refusal> {
        Ok(Self { place, fields: object(place, value)?, prefix })
    }

    fn name(&self, name: &str) -> String {
        match self.prefix {
            "GITHUB_" => format!("GITHUB_{}", name.to_ascii_uppercase()),
            prefix => format!("{prefix}{name}"),
        }
    }

    fn get(&self, name: &str) -> Result<Option<&'v str>, Refusal> {
        match self.fields {
            Some(fields) => text(self.place, fields, &self.name(name)),
            None => Ok(None),
        }
    }

    fn agree(&self, name: &str, other: (&str, &str)) -> Result<(), Refusal> {
        match self.get(name)? {
            Some(value) => agree(other, (&format!("{}.{}", self.place, self.name(name)), value)),
            None => Ok(()),
        }
    }

    /// `owner/name` is the path of the source.
    fn agree_on_repository(&self, (place, uri): (&str, &GitUri)) -> Result<(), Refusal> {
        match self.get("repository")? {
            Some(name) if !uri.repository.to_string().ends_with(&format!("/{name}")) => {
                let here = format!("{}.{}", self.place, self.name("repository"));
                Err(inconsistent((place, &uri.written), (&here, name)))
            }
            _ => Ok(()),
        }
    }

    /// Number and attempt of the run, which are digits: they become part of a URI.
    fn numbers(&self) -> Result<Option<(&'v str, &'v str)>, Refusal> {
        let numbers = [self.get("run_id")?, self.get("run_attempt")?];
        for number in numbers.into_iter().flatten() {
            if !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(malformed(format!("{} names a run `{number}`", self.place)));
            }
        }
        Ok(numbers[0].zip(numbers[1]))
    }

    /// The run is named `number-attempt`.
    fn agree_on_invocation(&self, place: &str, stated: Option<&str>) -> Result<(), Refusal> {
        match (self.numbers()?, stated) {
            (Some((run, attempt)), Some(stated)) => agree(
                (self.place, &format!("{run}-{attempt}")),
                (&format!("{place}.buildInvocationId"), stated),
            ),
            _ => Ok(()),
        }
    }

    /// The path in `owner/name/path@ref`. Path and ref may hold an `@`, so both ends are cut off as what
    /// they must be.
    fn workflow(&self) -> Result<Option<String>, Refusal> {
        let (Some(all), Some(repository), Some(git_ref)) =
            (self.get("workflow_ref")?, self.get("repository")?, self.get("ref")?)
        else {
            return Ok(None);
        };
        let place = format!("{}.{}", self.place, self.name("workflow_ref"));
        let path = all
            .strip_prefix(repository)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_suffix(git_ref))
            .and_then(|rest| rest.strip_suffix('@'));
        let Some(path) = path else {
            let wanted = format!("{repository}/…@{git_ref}");
            return Err(inconsistent((self.place, &wanted), (&place, all)));
        };
        check_path(&place, path)?;
        Ok(Some(path.to_owned()))
    }

    fn origin(&self, source: SourceFound) -> Result<Origin, Refusal> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let repository = source.uri.repository.to_string();
        let run = self.numbers()?;
        Ok(Origin {
            repository: Some(source.uri.written),
            commit: Some(source.commit),
            trigger: owned(self.get("event_name")?),
            repository_id: owned(self.get("repository_id")?),
            owner_id: owned(self.get("repository_owner_id")?),
            invocation: run.map(|(run, attempt)| {
                format!("{repository}/actions/runs/{run}/attempts/{attempt}")
            }),
            ..Origin::default()
        })
    }
}
