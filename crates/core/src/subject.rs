//! The subject of a statement, held against the file: by its parsed name and by its bytes.

use crate::attestation::pep517::BUILD_TYPE;
use crate::attestation::publish::PUBLISH_TYPE;
use crate::attestation::statement::{ResourceDescriptor, Statement};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::{Reason, Refusal, Status};

/// Compares parsed file names: the order of tags makes no difference, everything else does.
pub(crate) fn name((statement, file): (&Statement, &DistFilename)) -> Status {
    let subject = match the_subject(statement, file) {
        Ok(subject) => subject,
        Err(refusal) => return Status::Failed(refusal),
    };
    let mismatch = |found: String| {
        Status::Failed(
            Refusal::new(Reason::SubjectNameMismatch).expected(file.as_str()).found(found),
        )
    };
    match subject.name.as_deref() {
        None => mismatch("no name".to_owned()),
        Some(name) => match DistFilename::parse(own_name(statement, name)) {
            Ok(parsed) if parsed == *file => Status::Passed(Some(name.to_owned())),
            Ok(_) => mismatch(name.to_owned()),
            Err(error) => mismatch(error.to_string()),
        },
    }
}

/// Compares the SHA-256 of the file with the subject's.
pub(crate) fn digest(statement: &Statement, file: &DistFilename, sha256: Sha256Digest) -> Status {
    let mismatch = |found: String| {
        Status::Failed(
            Refusal::new(Reason::SubjectDigestMismatch)
                .expected(format!("sha256 {sha256}, the file's"))
                .found(found),
        )
    };
    match the_subject(statement, file).map(|subject| subject.digest.get("sha256")) {
        Err(refusal) => Status::Failed(refusal),
        Ok(None) => mismatch("no sha256 digest".to_owned()),
        Ok(Some(text)) => match text.parse::<Sha256Digest>() {
            Ok(found) if found == sha256 => Status::Passed(Some(format!("sha256 {found}"))),
            Ok(found) => mismatch(format!("sha256 {found}")),
            Err(error) => mismatch(error.to_string()),
        },
    }
}

/// The one subject that the file is held against.
///
/// The index and our own builds make a statement about one file: with several, a reader could pick
/// another than we did. Other builders make one statement about all that a run gave; the file's own name
/// picks the subject, and must pick one only.
fn the_subject<'a>(
    statement: &'a Statement,
    file: &DistFilename,
) -> Result<&'a ResourceDescriptor, Refusal> {
    let count = |found: usize, what: &str| {
        Refusal::new(Reason::SubjectCount)
            .expected(format!("exactly one subject{what}"))
            .found(format!("{found} subjects"))
    };
    match &statement.subject[..] {
        [only] => Ok(only),
        several if one_file_only(statement) => Err(count(several.len(), "")),
        several => {
            let named = |subject: &&ResourceDescriptor| {
                let name = subject.name.as_deref().map(|name| own_name(statement, name));
                name.is_some_and(|name| DistFilename::parse(name).is_ok_and(|it| it == *file))
            };
            match several.iter().filter(named).collect::<Vec<_>>()[..] {
                [only] => Ok(only),
                ref others => Err(count(others.len(), &format!(" named `{}`", file.as_str()))),
            }
        }
    }
}

/// Whether statements of this kind are about one file by their specification.
fn one_file_only(statement: &Statement) -> bool {
    let build_type = statement.predicate.pointer("/buildDefinition/buildType");
    statement.predicate_type == PUBLISH_TYPE
        || build_type.and_then(serde_json::Value::as_str) == Some(BUILD_TYPE)
}

/// A subject's name without the folder in which a builder had the file. The specifications under which a
/// statement is about one file know no folders.
fn own_name<'a>(statement: &Statement, name: &'a str) -> &'a str {
    match name.rsplit_once('/') {
        Some((_, last)) if !one_file_only(statement) => last,
        _ => name,
    }
}
