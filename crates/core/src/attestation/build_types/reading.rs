//! What the build types have in common when they are read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::attestation::document;
use crate::attestation::origin::{GitUri, Origin, Revision};
use crate::attestation::provenance::Provenance;
use crate::attestation::repository::RepositoryUri;
use crate::attestation::statement::ResourceDescriptor;
use crate::digest::GitObjectId;
use crate::limits::SHOWN_LENGTH;
use crate::report::{Reason, Refusal};

/// What provenance v1 says of builder and run, whatever the build type.
pub(super) fn run_of(provenance: &Provenance) -> Origin {
    let metadata = provenance.run_details.metadata.clone();
    let (invocation, started, finished) =
        metadata.map(|it| (it.invocation_id, it.started_on, it.finished_on)).unwrap_or_default();
    let builder = &provenance.run_details.builder;
    let mut versions = builder.version.values();
    Origin {
        builder: Some(builder.id.clone()),
        builder_version: versions.next().filter(|_| versions.next().is_none()).cloned(),
        build_type: Some(provenance.build_definition.build_type.clone()),
        invocation,
        started,
        finished,
        ..Origin::default()
    }
}

/// A refusal of provenance of the wrong form.
pub(super) fn malformed(found: impl AsRef<str>) -> Refusal {
    Refusal::new(Reason::ProvenanceMalformed).found(clip(found.as_ref()))
}

/// A refusal of provenance that says two things: each with its place.
pub(super) fn inconsistent(
    (place, value): (&str, &str),
    (other_place, other): (&str, &str),
) -> Refusal {
    Refusal::new(Reason::ProvenanceInconsistent)
        .expected(clip(&format!("{place} `{value}`")))
        .found(clip(&format!("{other_place} `{other}`")))
}

/// Two places that say the same, or a refusal with both.
pub(super) fn agree(one: (&str, &str), other: (&str, &str)) -> Result<(), Refusal> {
    if one.1 == other.1 { Ok(()) } else { Err(inconsistent(one, other)) }
}

/// The document bounds what a value may be; what a message repeats of it is bounded here.
fn clip(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LENGTH) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// An object that holds no other fields than those its build type defines. Absent and null are empty.
///
/// # Errors
/// [`Reason::ParameterUnknown`] with the path and the value of the first other field.
pub(super) fn only<'v>(
    place: &str,
    value: Option<&'v Value>,
    known: &[&str],
) -> Result<Option<&'v Map<String, Value>>, Refusal> {
    let Some(fields) = object(place, value)? else {
        return Ok(None);
    };
    match fields.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(Some(fields)),
        Some((name, value)) => Err(Refusal::new(Reason::ParameterUnknown)
            .expected_all(known.iter().map(|name| format!("{place}.{name}")))
            .found(clip(&format!("{place}.{name} = {value}")))),
    }
}

/// An object. Absent and null are empty.
pub(super) fn object<'v>(
    place: &str,
    value: Option<&'v Value>,
) -> Result<Option<&'v Map<String, Value>>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(other) => Err(malformed(format!("{place} is not an object: {other}"))),
    }
}

/// Reads a part of the document into a type.
pub(super) fn typed<'v, T: Deserialize<'v>>(
    place: &str,
    value: Option<&'v Value>,
) -> Result<T, Refusal> {
    let value = value.ok_or_else(|| malformed(format!("no {place}")))?;
    document::read(value).map_err(|error| malformed(format!("{place}{error}")))
}

/// A field that must be text where it is there. Empty is absent: slsa-github-generator writes every field.
pub(super) fn text<'v>(
    place: &str,
    fields: &'v Map<String, Value>,
    name: &str,
) -> Result<Option<&'v str>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(malformed(format!("{place}.{name} is not text: {other}"))),
    }
}

/// The fields of an object as parameters of an [`Origin`], below a name.
pub(super) fn parameters(
    below: &str,
    fields: Option<&Map<String, Value>>,
    into: &mut BTreeMap<String, Value>,
) {
    for (name, value) in fields.into_iter().flatten() {
        into.insert(format!("{below}.{name}"), value.clone());
    }
}

/// A repository by its URI.
pub(super) fn repository(place: &str, text: &str) -> Result<RepositoryUri, Refusal> {
    text.parse().map_err(|error| malformed(format!("{place}: {error}")))
}

/// A path within a repository that leads nowhere else.
pub(super) fn check_path(place: &str, path: &str) -> Result<(), Refusal> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let strange = |c: char| c == '\\' || c.is_control();
    if path.split('/').all(plain) && !path.contains(strange) {
        return Ok(());
    }
    Err(malformed(format!("{place} `{path}`")).expected("a path within the repository"))
}

/// The commit that a set of digests gives under any of these names; those that are there agree.
pub(super) fn commit_of(
    place: &str,
    digest: &BTreeMap<String, String>,
    names: &[&str],
) -> Result<Option<GitObjectId>, Refusal> {
    let mut found: Option<(String, GitObjectId)> = None;
    for name in names {
        let Some(text) = digest.get(*name) else { continue };
        let here = format!("{place}.digest.{name}");
        let id: GitObjectId =
            text.parse().map_err(|error| malformed(format!("{here}: {error}")))?;
        match &found {
            Some((there, other)) => agree((there, other.as_str()), (&here, id.as_str()))?,
            None => found = Some((here, id)),
        }
    }
    Ok(found.map(|(_, id)| id))
}

/// The names under which commits stand in digest sets: in-toto's, and what was used before it.
pub(super) const COMMIT: &[&str] = &["gitCommit", "sha1"];

/// One dependency that is a source.
pub(super) struct SourceFound {
    /// Its place, such as `materials[0]`.
    pub(super) place: String,
    /// Its URI.
    pub(super) uri: GitUri,
    /// Its commit.
    pub(super) commit: GitObjectId,
}

impl SourceFound {
    /// The revision in the URI, for messages.
    fn revision(&self) -> String {
        self.uri.revision.as_ref().map_or_else(|| "no ref".to_owned(), Revision::to_string)
    }

    /// As a message shows it.
    fn describe(&self) -> String {
        format!("{}@{} at {}", self.uri.written, self.revision(), self.commit)
    }

    /// The ref of the URI is this one.
    pub(super) fn check_ref(&self, place: &str, git_ref: &str) -> Result<(), Refusal> {
        agree((place, git_ref), (&format!("{}.uri", self.place), &self.revision()))
    }
}

/// The sources among the dependencies: what has a `git+` URI, or a commit for a digest.
pub(super) fn sources(
    place: &str,
    dependencies: &[ResourceDescriptor],
    names: &[&str],
) -> Result<Vec<SourceFound>, Refusal> {
    let mut found = Vec::new();
    for (index, dependency) in dependencies.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let text = dependency.uri.as_deref().unwrap_or_default();
        let git = text.starts_with("git+");
        if !git && !dependency.digest.contains_key("gitCommit") {
            continue;
        }
        let uri: GitUri =
            text.parse().map_err(|error| malformed(format!("{place}.uri: {error}")))?;
        let commit = commit_of(&place, &dependency.digest, names)?
            .ok_or_else(|| malformed(format!("{place} has no digest of a commit")))?;
        // A revision that is a commit says the same as the digest, or the document says two things.
        if let Some(Revision::Commit(id)) = &uri.revision {
            agree((&format!("{place}.uri"), id.as_str()), (&place, commit.as_str()))?;
        }
        found.push(SourceFound { place, uri, commit });
    }
    Ok(found)
}

/// The one source of this repository. Others may stand beside it, but not a second of the same.
pub(super) fn the_source(
    place: &str,
    mut sources: Vec<SourceFound>,
    (wanted_place, wanted): (&str, &RepositoryUri),
) -> Result<SourceFound, Refusal> {
    let other = sources.iter().position(|it| it.uri.repository != *wanted);
    let Some(first) = sources.iter().position(|it| it.uri.repository == *wanted) else {
        return Err(match other {
            Some(other) => inconsistent(
                (wanted_place, &wanted.to_string()),
                (&format!("{}.uri", sources[other].place), &sources[other].uri.written),
            ),
            None => malformed(format!("{place} name no git source")),
        });
    };
    let (one, rest) = sources.split_at(first + 1);
    if let Some(second) = rest.iter().find(|it| it.uri.repository == *wanted) {
        let first = &one[first];
        return Err(inconsistent(
            (&first.place, &first.describe()),
            (&second.place, &second.describe()),
        ));
    }
    Ok(sources.swap_remove(first))
}
