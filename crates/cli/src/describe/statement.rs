//! in-toto statements and the provenance in them.

use serde::Deserialize as _;
use serde_json::Value;
use wheelmark_core::attestation::environment::{Isolation, Observation};
use wheelmark_core::attestation::pep517::{BUILD_TYPE, Pep517Build};
use wheelmark_core::attestation::provenance::{BuildDefinition, PROVENANCE_TYPE};
use wheelmark_core::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::attestation::rebuild_result::REBUILD_RESULT_TYPE;
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_core::attestation::svr::SVR_TYPE;
use wheelmark_core::attestation::vsa::VSA_TYPE;
use wheelmark_core::compare::Drift;
use wheelmark_core::policy::signature::POLICY_TYPE;

use super::{Description, Section, repository, text};

/// Entries of a list that are shown; the rest are counted.
const SHOWN: usize = 20;

/// A statement; `of` tells it from others in the same file.
pub fn statement(value: &Value, of: &str, description: &mut Description) {
    let section = description.section(format!("what is claimed{of}"));
    section.maybe("statement", text(value, "/_type"));
    for subject in value["subject"].as_array().into_iter().flatten() {
        section.fact("about", text(subject, "/name").unwrap_or("a file without a name"));
        digests(subject, section);
    }
    section.maybe("predicate", text(value, "/predicateType"));
    let predicate = &value["predicate"];
    match text(value, "/predicateType") {
        Some(PROVENANCE_TYPE) => {
            provenance(predicate, section).unwrap_or_else(|note| description.note(note));
        }
        Some(PROVENANCE_V0_2_TYPE) => provenance_v0_2(predicate, section),
        Some(VSA_TYPE) => summary(predicate, section),
        Some(SVR_TYPE) => simple_result(predicate, section),
        Some(REBUILD_RESULT_TYPE) => rebuild_result(predicate, section),
        Some(POLICY_TYPE) => policy_signature(predicate, section),
        Some(PUBLISH_TYPE) => description
            .note(format!("it says who uploaded the file, and nothing of how that was built{of}")),
        Some(_) => {
            description.note(format!("what a predicate of this type says is not shown{of}"));
        }
        None => {}
    }
}

/// The signature of a policy.
fn policy_signature(predicate: &Value, section: &mut Section) {
    section
        .maybe("version", predicate["version"].as_u64())
        .maybe("expires", text(predicate, "/expires"))
        .maybe("issued at", text(predicate, "/issuedAt"));
}

/// SLSA provenance v0.2.
fn provenance_v0_2(predicate: &Value, section: &mut Section) {
    let source = &predicate["invocation"]["configSource"];
    section
        .maybe("builder", text(predicate, "/builder/id"))
        .maybe("build type", text(predicate, "/buildType"))
        .maybe("started", text(predicate, "/metadata/buildStartedOn"))
        .maybe("finished", text(predicate, "/metadata/buildFinishedOn"))
        .maybe("configuration from", text(source, "/uri"));
    digests(source, section);
    section.maybe("its entry point", text(source, "/entryPoint").filter(|it| !it.is_empty()));
    parameters(&predicate["invocation"]["parameters"], section);
    let materials = predicate["materials"].as_array().into_iter().flatten();
    list("built from", materials.filter_map(|it| text(it, "/uri").map(str::to_owned)), section);
}

/// A verification summary (VSA).
fn summary(predicate: &Value, section: &mut Section) {
    section
        .maybe("verifier", text(predicate, "/verifier/id"))
        .maybe("verified at", text(predicate, "/timeVerified"))
        .maybe("verified as", text(predicate, "/resourceUri"))
        .maybe("policy", text(predicate, "/policy/uri"));
    digests(&predicate["policy"], section);
    section.maybe("result", text(predicate, "/verificationResult"));
    let levels = predicate["verifiedLevels"].as_array().into_iter().flatten();
    list("level", levels.filter_map(Value::as_str).map(str::to_owned), section);
    let inputs = predicate["inputAttestations"].as_array().into_iter().flatten();
    list("from attestation", inputs.filter_map(resource), section);
}

/// A simple verification result (SVR).
fn simple_result(predicate: &Value, section: &mut Section) {
    section
        .maybe("verifier", text(predicate, "/verifier/id"))
        .maybe("verified at", text(predicate, "/timeCreated"));
    for policy in predicate["verifier"]["policies"].as_array().into_iter().flatten() {
        section.maybe("policy", text(policy, "/uri"));
        digests(policy, section);
    }
    let properties = predicate["properties"].as_array().into_iter().flatten();
    list("property", properties.filter_map(Value::as_str).map(str::to_owned), section);
}

/// What a resource is known by: its URI, or its digest.
fn resource(value: &Value) -> Option<String> {
    let sha256 = || Some(format!("sha256 {}", text(value, "/digest/sha256")?));
    text(value, "/uri").map(str::to_owned).or_else(sha256)
}

/// The digests of what was told before.
fn digests(of: &Value, section: &mut Section) {
    for (algorithm, digest) in of["digest"].as_object().into_iter().flatten() {
        section.maybe(&format!("its {algorithm}"), digest.as_str());
    }
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
        .fact("source", repository(&build.external.source.uri))
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
    parameters(&definition["externalParameters"], section);
    let dependencies = definition["resolvedDependencies"].as_array();
    let uris = dependencies.into_iter().flatten();
    list("built from", uris.filter_map(|it| text(it, "/uri").map(str::to_owned)), section);
}

fn parameters(value: &Value, section: &mut Section) {
    let mut parameters = Vec::new();
    leaves("", value, &mut parameters);
    let rest = parameters.len().saturating_sub(SHOWN);
    for (name, value) in parameters.into_iter().take(SHOWN) {
        section.fact(format!("parameter {name}"), value);
    }
    if rest > 0 {
        section.fact("parameter", format!("and {rest} more"));
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
