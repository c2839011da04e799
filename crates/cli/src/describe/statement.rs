//! in-toto statements and the provenance in them.

use serde::Deserialize as _;
use serde_json::Value;
use wheelmark_core::attestation::environment::{Isolation, Observation};
use wheelmark_core::attestation::pep517::{BUILD_TYPE, Pep517Build};
use wheelmark_core::attestation::predicate::{CYCLONEDX_TYPES, SPDX_TYPES};
use wheelmark_core::attestation::provenance::{BuildDefinition, PROVENANCE_TYPE};
use wheelmark_core::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::attestation::rebuild_result::REBUILD_RESULT_TYPE;
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_core::compare::Drift;

use super::{Description, Section, text};

/// Entries of a list that are shown; the rest are counted.
const SHOWN: usize = 20;

/// A statement; `of` tells it from others in the same file.
pub fn statement(value: &Value, of: &str, description: &mut Description) {
    let section = description.section(format!("what is claimed{of}"));
    section.maybe("statement", text(value, "/_type"));
    for subject in value["subject"].as_array().into_iter().flatten() {
        section.fact("about", text(subject, "/name").unwrap_or("a file without a name"));
        for (algorithm, digest) in subject["digest"].as_object().into_iter().flatten() {
            section.maybe(&format!("its {algorithm}"), digest.as_str());
        }
    }
    section.maybe("predicate", text(value, "/predicateType"));
    let predicate = &value["predicate"];
    match text(value, "/predicateType") {
        Some(PROVENANCE_TYPE) => {
            provenance(predicate, section).unwrap_or_else(|note| description.note(note));
        }
        Some(PROVENANCE_V0_2_TYPE) => provenance_v0_2(predicate, section),
        Some(PUBLISH_TYPE) => {
            section.fact("says", "who published the file, and nothing of how it was built");
        }
        Some(REBUILD_RESULT_TYPE) => rebuild_result(predicate, section),
        Some(document) if is_document(document) => {}
        _ => values("", predicate, section),
    }
}

/// Whether the predicate is a document of its own, for which there are other programs.
fn is_document(predicate_type: &str) -> bool {
    SPDX_TYPES.contains(&predicate_type) || CYCLONEDX_TYPES.contains(&predicate_type)
}

/// SLSA provenance v0.2.
fn provenance_v0_2(predicate: &Value, section: &mut Section) {
    section
        .maybe("builder", text(predicate, "/builder/id"))
        .maybe("build type", text(predicate, "/buildType"))
        .maybe("started", text(predicate, "/metadata/buildStartedOn"))
        .maybe("finished", text(predicate, "/metadata/buildFinishedOn"))
        .maybe("source", text(predicate, "/invocation/configSource/uri"))
        .maybe("its sha1", text(predicate, "/invocation/configSource/digest/sha1"))
        .maybe("entry point", text(predicate, "/invocation/configSource/entryPoint"));
    values("parameter ", &predicate["invocation"]["parameters"], section);
    built_from(&predicate["materials"], section);
}

/// What a rebuild showed.
fn rebuild_result(predicate: &Value, section: &mut Section) {
    section
        .maybe("rebuilder", text(predicate, "/rebuilder/id"))
        .maybe("outcome", text(predicate, "/outcome"))
        .maybe("cause", text(predicate, "/cause"))
        .maybe("rebuilt sha256", text(predicate, "/rebuilt"))
        .maybe("from attestation sha256", text(predicate, "/attestation/digest/sha256"))
        .maybe("finished", text(predicate, "/finishedOn"));
    let lines = |key: &str| predicate[key].as_array().into_iter().flatten();
    for (key, name) in
        [("diffs", "difference"), ("normalizers", "equal under"), ("copied", "copied")]
    {
        list(name, lines(key).filter_map(Value::as_str).map(str::to_owned), section);
    }
    let drift = lines("drift").filter_map(|drift| Drift::deserialize(drift).ok());
    list("drift", drift.map(|drift| drift.to_string()), section);
}

/// SLSA provenance; an error is what a person should know of it.
fn provenance(predicate: &Value, section: &mut Section) -> Result<(), String> {
    section
        .maybe("builder", text(predicate, "/runDetails/builder/id"))
        .maybe("build type", text(predicate, "/buildDefinition/buildType"))
        .maybe("started", text(predicate, "/runDetails/metadata/startedOn"))
        .maybe("finished", text(predicate, "/runDetails/metadata/finishedOn"));
    let definition = &predicate["buildDefinition"];
    if text(definition, "/buildType") == Some(BUILD_TYPE) {
        let build =
            BuildDefinition::deserialize(definition).map_err(|error| error.to_string()).and_then(
                |definition| Pep517Build::read(&definition).map_err(|refusal| refusal.to_string()),
            );
        match build {
            Ok(build) => {
                pep517(&build, section);
                return Ok(());
            }
            Err(error) => {
                other_build(definition, section);
                return Err(format!("`wheelmark verify` would refuse the provenance: {error}"));
            }
        }
    }
    other_build(definition, section);
    Ok(())
}

/// A build of our own build type.
fn pep517(build: &Pep517Build, section: &mut Section) {
    let environment = &build.internal.environment;
    section
        .fact("source", &build.external.source.uri)
        .fact("ref", build.external.source.git_ref.as_deref().unwrap_or("none recorded"))
        .fact("commit", &build.commit)
        .fact("tree", &build.tree)
        .maybe("the tree was not the commit's", build.internal.source.dirty.as_ref());
    if !build.external.subdirectory.is_empty() {
        section.fact("folder", &build.external.subdirectory);
    }
    for step in &build.external.steps {
        section.fact("step after the build", step.command.join(" "));
        list("requirement of the step", step.requires.iter().cloned(), section);
    }
    for (key, value) in &build.external.config_settings {
        section.fact("config setting", format!("{key}={value}"));
    }
    section.maybe("requirements as of", build.external.exclude_newer.map(|time| time.to_rfc3339()));
    list("build constraint", build.external.build_constraints.iter().cloned(), section);
    let interpreter = &environment.interpreter;
    let interpreter = format!("{} {}", interpreter.implementation, interpreter.version);
    let isolation = match environment.isolation {
        Isolation::Bubblewrap => "bubblewrap",
        Isolation::None => "none: the build could reach the network and this machine's files",
    };
    section
        .fact("isolation", isolation)
        .fact(
            "system",
            format!("{} {}", environment.platform.os, environment.platform.architecture),
        )
        .fact("interpreter", interpreter)
        .fact("backend", &environment.backend.name);
    let requirements = build.requirements.iter();
    list("requirement", requirements.map(|it| format!("{} {}", it.name, it.version)), section);
    let crates = build.crates.iter();
    list("crate", crates.map(|it| format!("{} {}", it.name, it.version)), section);
    let tools = build.tools.iter();
    list(
        "tool",
        tools.filter_map(|it| match (&it.name, text_of(it, "version")) {
            (Some(name), Some(version)) => Some(format!("{name}: {version}")),
            (name, _) => name.clone().or_else(|| it.uri.clone()),
        }),
        section,
    );
    match &build.internal.observed {
        Observation::Attached { programs } => {
            let programs = programs.iter();
            list("program that ran", programs.map(|it| it.path.clone()), section);
        }
        Observation::Unavailable { reason } => {
            section.fact("what ran", format!("not known: {reason}"));
        }
    }
}

fn text_of<'a>(tool: &'a ResourceDescriptor, annotation: &str) -> Option<&'a str> {
    tool.annotations.get(annotation).and_then(Value::as_str)
}

/// A build of another build type, whose parameters mean what that type says.
fn other_build(definition: &Value, section: &mut Section) {
    values("parameter ", &definition["externalParameters"], section);
    built_from(&definition["resolvedDependencies"], section);
}

fn built_from(resources: &Value, section: &mut Section) {
    let uris = resources.as_array().into_iter().flatten();
    list("built from", uris.filter_map(|it| text(it, "/uri").map(str::to_owned)), section);
}

/// Every value within one, by its place; `what` comes before it.
fn values(what: &str, value: &Value, section: &mut Section) {
    let mut found = Vec::new();
    leaves("", value, &mut found);
    let rest = found.len().saturating_sub(SHOWN);
    for (place, value) in found.into_iter().take(SHOWN) {
        section.fact(format!("{what}{place}"), value);
    }
    if rest > 0 {
        section
            .fact(if what.is_empty() { "values" } else { what.trim() }, format!("and {rest} more"));
    }
}

fn list(name: &str, values: impl Iterator<Item = String>, section: &mut Section) {
    let values: Vec<_> = values.collect();
    for value in values.iter().take(SHOWN) {
        section.fact(name, value);
    }
    if let Some(rest) = values.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
        section.fact(name, format!("and {rest} more"));
    }
}

/// Every value that holds no other, by its place. The depth is bounded by the parser.
fn leaves(place: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let join = |key: &str| match place {
        "" => key.to_owned(),
        place => format!("{place}.{key}"),
    };
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                leaves(&join(key), value, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                leaves(&format!("{place}[{index}]"), value, found);
            }
        }
        Value::Null => {}
        Value::String(text) => found.push((place.to_owned(), text.clone())),
        other => found.push((place.to_owned(), other.to_string())),
    }
}
