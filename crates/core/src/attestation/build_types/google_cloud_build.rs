//! Google Cloud Build: <https://cloud.google.com/build/gcb-buildtypes/google-worker/v1>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::reading::{
    COMMIT, SourceFound, agree, check_path, inconsistent, malformed, object, only, parameters,
    repository, run_of, sources, text, the_source, typed,
};
use crate::attestation::origin::{Origin, Revision};
use crate::attestation::provenance::Provenance;
use crate::digest::GitObjectId;
use crate::report::Refusal;

/// The build type.
pub const BUILD_TYPE: &str = "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1";

/// `externalParameters.buildConfigSource` and `.sourceToBuild`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    repository: String,
    #[serde(rename = "ref", default)]
    revision: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    path_auto_detect: Option<bool>,
    #[serde(default)]
    dir: Option<String>,
}

/// A source that the parameters name.
struct Named {
    name: &'static str,
    place: Place,
    revision: Option<Revision>,
}

/// Reads provenance of this build type.
///
/// # Errors
/// As [`build_types::read`](super::read).
pub fn read(provenance: &Provenance) -> Result<Origin, Refusal> {
    const CONFIG: &str = "externalParameters.buildConfigSource";
    const SOURCE: &str = "externalParameters.sourceToBuild";
    let definition = &provenance.build_definition;
    let known = ["buildConfigSource", "buildConfig", "sourceToBuild", "substitutions"];
    let external = only("externalParameters", Some(&definition.external_parameters), &known)?;
    let get = |name: &str| external.and_then(|it| it.get(name)).filter(|it| !it.is_null());

    let fields = ["ref", "repository", "path", "pathAutoDetect"];
    let config = named(CONFIG, get("buildConfigSource"), &fields)?;
    let source = named(SOURCE, get("sourceToBuild"), &["ref", "repository", "dir"])?;
    if let Some(config) = &config {
        check_config(CONFIG, &config.place)?;
        if let Some(inline) = get("buildConfig") {
            let inline = inline.to_string();
            return Err(inconsistent(
                (CONFIG, &config.place.repository),
                ("externalParameters.buildConfig", &inline),
            ));
        }
    }

    let mut all = BTreeMap::new();
    let substitutions = object("externalParameters.substitutions", get("substitutions"))?;
    parameters("substitutions", substitutions, &mut all);
    if let Some(inline) = get("buildConfig") {
        all.insert("buildConfig".to_owned(), inline.clone());
    }
    if let Some(dir) = source.as_ref().and_then(|it| it.place.dir.as_deref()) {
        all.insert("sourceToBuild.dir".to_owned(), Value::from(dir));
    }

    let found = sources("resolvedDependencies", &definition.resolved_dependencies, COMMIT)?;
    // The configuration is named only where it lies in the commit that was built: elsewhere its path would
    // be read as one of that commit.
    let mut workflow = None;
    if let Some(config) = config.as_ref() {
        match &source {
            Some(source) if !same_place(source, config)? => {
                let whole = get("buildConfigSource").cloned().unwrap_or_default();
                all.insert("buildConfigSource".to_owned(), whole);
            }
            _ => workflow = config.place.path.clone(),
        }
    }
    let built = source.or(config);
    let commit = commit(found, built.as_ref())?;
    let git_ref = built.as_ref().and_then(|it| match &it.revision {
        Some(Revision::Ref(name)) => Some(name.clone()),
        _ => None,
    });

    let internal = &definition.internal_parameters;
    let internal = object("internalParameters", Some(internal))?;
    let system = "internalParameters.systemSubstitutions";
    let substituted = object(system, internal.and_then(|it| it.get("systemSubstitutions")))?;
    if let Some(fields) = substituted {
        for name in ["COMMIT_SHA", "REVISION_ID"] {
            if let Some(id) = text(system, fields, name)? {
                agree(("the commit", commit.1.as_str()), (&format!("{system}.{name}"), id))?;
            }
        }
        for (name, kind) in [("BRANCH_NAME", "refs/heads/"), ("TAG_NAME", "refs/tags/")] {
            if let (Some(short), Some(full)) = (text(system, fields, name)?, &git_ref) {
                let named = format!("{kind}{short}");
                agree(("the ref", full), (&format!("{system}.{name}"), &named))?;
            }
        }
    }
    let trigger = match internal {
        Some(fields) => text("internalParameters", fields, "triggerUri")?,
        None => None,
    };
    Ok(Origin {
        repository: Some(commit.0),
        commit: Some(commit.1),
        git_ref,
        workflow,
        trigger: trigger.map(str::to_owned),
        parameters: all,
        ..run_of(provenance)
    })
}

fn named(
    name: &'static str,
    value: Option<&Value>,
    known: &[&str],
) -> Result<Option<Named>, Refusal> {
    if only(name, value, known)?.is_none() {
        return Ok(None);
    }
    let place: Place = typed(name, value)?;
    let revision = place
        .revision
        .as_deref()
        .map(|text| text.parse().map_err(|error| malformed(format!("{name}.ref: {error}"))))
        .transpose()?;
    repository(&format!("{name}.repository"), &place.repository)?;
    Ok(Some(Named { name, place, revision }))
}

/// "Exactly one of these fields must be set to a non-default value."
fn check_config(name: &str, place: &Place) -> Result<(), Refusal> {
    match (place.path.as_deref().filter(|it| !it.is_empty()), place.path_auto_detect) {
        (Some(path), Some(true)) => Err(inconsistent(
            (&format!("{name}.path"), path),
            (&format!("{name}.pathAutoDetect"), "true"),
        )),
        (Some(path), _) => check_path(&format!("{name}.path"), path),
        (None, Some(true)) => Ok(()),
        (None, _) => Err(malformed(format!("{name} has no `path`"))),
    }
}

fn same_place(one: &Named, other: &Named) -> Result<bool, Refusal> {
    let parsed = |it: &Named| repository(&format!("{}.repository", it.name), &it.place.repository);
    Ok(parsed(one)? == parsed(other)? && one.revision == other.revision)
}

/// Repository and commit of what was built. Where the parameters name no source, the only git dependency
/// is it.
fn commit(
    mut found: Vec<SourceFound>,
    built: Option<&Named>,
) -> Result<(String, GitObjectId), Refusal> {
    const PLACE: &str = "resolvedDependencies";
    let Some(built) = built else {
        return match (found.pop(), found.pop()) {
            (Some(only), None) => Ok((only.uri.written, only.commit)),
            (None, _) => Err(malformed(format!("{PLACE} name no git source"))),
            (Some(last), Some(before)) => Err(inconsistent(
                (&before.place, &before.uri.written),
                (&last.place, &last.uri.written),
            )),
        };
    };
    let name = format!("{}.repository", built.name);
    let wanted = repository(&name, &built.place.repository)?;
    // The configuration may lie in the same repository at another ref: that dependency is not this one.
    let several = found.iter().filter(|it| it.uri.repository == wanted).count() > 1;
    if several {
        found.retain(|it| it.uri.repository != wanted || it.uri.revision == built.revision);
    }
    let source = the_source(PLACE, found, (&name, &wanted))?;
    let stated = format!("{}.ref", built.name);
    match (&built.revision, &source.uri.revision) {
        (Some(Revision::Ref(name)), Some(_)) => source.check_ref(&stated, name)?,
        (Some(Revision::Commit(id)), _) => {
            agree((&stated, id.as_str()), (&source.place, source.commit.as_str()))?;
        }
        // Cloud Build leaves out the ref of a repository that it reads through a connection.
        _ => {}
    }
    Ok((built.place.repository.clone(), source.commit))
}
