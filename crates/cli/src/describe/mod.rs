//! What a file says, told to a person. Nothing here is checked, and nothing of it may decide anything.

mod attestation;
mod file;
mod statement;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::Value;
use wheelmark_build::sign::pem::PemKind;
use wheelmark_core::attestation::forms;
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::json::{self, JsonError};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::report::{Escaped, Reason};

use crate::attestations;
use crate::error::{CliError, shown};
use crate::input;

/// What a file says, in the order in which a person would ask.
#[derive(Debug, Default, Serialize)]
pub struct Description {
    /// What kind of file it is, with its article.
    pub kind: String,
    /// What it says.
    pub sections: Vec<Section>,
    /// What a person should know about it.
    pub notes: Vec<String>,
    /// Whether the file is a secret, of which not even a digest is shown.
    #[serde(skip)]
    pub private: bool,
}

/// Facts that belong together.
#[derive(Debug, Serialize)]
pub struct Section {
    /// What they are about, and by whose word.
    pub title: String,
    /// The facts, in order.
    pub facts: Vec<Fact>,
}

/// One thing that the file says. The value is the file's own text: escape it where it is shown.
#[derive(Debug, Serialize)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What it says.
    pub value: String,
}

impl Description {
    fn of(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    fn private(kind: impl Into<String>) -> Self {
        Self { private: true, ..Self::of(kind) }
    }

    fn section(&mut self, title: impl Into<String>) -> &mut Section {
        let at = self.sections.len();
        self.sections.push(Section { title: title.into(), facts: Vec::new() });
        &mut self.sections[at]
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Section {
    fn fact(&mut self, name: impl Into<String>, value: impl ToString) -> &mut Self {
        self.facts.push(Fact { name: name.into(), value: value.to_string() });
        self
    }

    /// A fact for each of some values.
    fn all(&mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) -> &mut Self {
        for value in values {
            self.fact(name, value);
        }
        self
    }

    /// A fact that may not be there.
    fn maybe(&mut self, name: &str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.fact(name, value);
        }
        self
    }
}

/// What the file at `path` says, and its digest unless it is a private key. The kind is told by the content;
/// only a distribution, which means nothing without its name, is told by that as well.
pub fn describe(
    path: &Path,
    cancel: &Arc<AtomicBool>,
) -> Result<(Option<Sha256Digest>, Description), CliError> {
    let distribution = || {
        let (sha256, description) = file::distribution(path, cancel)?;
        Ok((Some(sha256), description))
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if DistFilename::parse(&name).is_ok() {
        return distribution();
    }
    let limit = AttestationLimits::standard().bundle;
    let bytes = input::read_bounded(path, limit)?;
    if bytes.starts_with(b"PK\x03\x04") {
        return distribution();
    }
    if bytes.len() > limit {
        let message = format!("{} is larger than {limit} bytes", shown(path));
        return Err(CliError::undecided(message));
    }
    let described = of_bytes(path, &bytes)?;
    let sha256 = (!described.private).then(|| Sha256Digest::of(&bytes));
    Ok((sha256, described))
}

fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Description, CliError> {
    let unknown = || {
        let told =
            CliError::undecided(format!("{} is nothing that can be told apart", shown(path)));
        let (file, suffix) = (path.with_extension(""), path.extension());
        if suffix.is_some()
            && let Some(how) = attestations::advice(&file, Some(path))
        {
            return told.hint(Escaped(&how));
        }
        told.hint(
            "known are wheels, Sigstore bundles (also one a line), attestation and provenance objects of an index, DSSE \
             envelopes, in-toto statements, keys in PEM, and policies; `wheelmark trust show --trust-root FILE` shows a trusted root",
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    // A policy, right or wrong, names its schema; asked before the keys, because it holds some.
    let names_schema = |line: &str| {
        let rest = line.trim_start().strip_prefix("schema");
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    if text.lines().any(names_schema) {
        return file::policy(path, text);
    }
    if let Some(kind) = PemKind::of(text) {
        return Ok(file::pem(path, text, &kind));
    }
    if text.trim_start().starts_with('{') {
        let limit = AttestationLimits::standard().bundle;
        return match json::parse(bytes, limit) {
            Ok(value) => of_json(bytes, &value).ok_or_else(|| unsupported(path, bytes, unknown())),
            Err(JsonError::Malformed(_)) if forms::is_lines(bytes) => Ok(of_lines(bytes)),
            Err(error) => {
                let error = error.to_string();
                Err(CliError::undecided(format!("{}: {}", shown(path), Escaped(&error))))
            }
        };
    }
    Err(unknown())
}

/// Several documents, each told with its line.
fn of_lines(bytes: &[u8]) -> Description {
    let limits = AttestationLimits::standard();
    let mut all = Description::of("attestations, one a line");
    for (index, line) in forms::lines(bytes).enumerate() {
        let of = format!(" (document {})", index + 1);
        if index == limits.attestations {
            all.note(format!("there are more than {index}, of which no more are shown"));
            break;
        }
        match json::parse(line, limits.bundle).ok().and_then(|value| of_json(line, &value)) {
            Some(one) => {
                let titled = |it: Section| Section { title: format!("{}{of}", it.title), ..it };
                all.sections.extend(one.sections.into_iter().map(titled));
                all.notes.extend(one.notes.into_iter().map(|note| format!("{note}{of}")));
            }
            None => all.note(format!("it cannot be told what this is{of}")),
        }
    }
    all
}

/// The error of a form that is known and not read, which says what to do; else the one that is given.
fn unsupported(path: &Path, bytes: &[u8], other: CliError) -> CliError {
    match forms::read_all(bytes, &AttestationLimits::standard()) {
        Err(refusal) if refusal.reason == Reason::BundleUnsupported => {
            CliError::undecided(format!("{}: {refusal}", shown(path)))
        }
        _ => other,
    }
}

fn of_json(bytes: &[u8], value: &Value) -> Option<Description> {
    let has = |key: &str| value.get(key).is_some();
    if has("mediaType") && has("verificationMaterial") {
        Some(attestation::bundle(bytes, value))
    } else if has("attestation_bundles") {
        Some(attestation::provenance_object(value))
    } else if has("verification_material") && has("envelope") {
        let mut description = Description::of("an attestation object of an index (PEP 740)");
        attestation::attestation_object(value, "", &mut description);
        Some(description)
    } else if has("payloadType") && has("payload") {
        Some(attestation::envelope(value))
    } else if has("_type") && has("predicateType") {
        let mut description = Description::of("an in-toto statement without a signature");
        statement::statement(value, "", &mut description);
        description.note("anybody can have written this: there is no signature");
        Some(description)
    } else if value.get("schema").and_then(Value::as_str)?.starts_with("https://wheelmark.dev/") {
        Some(file::own_document(value))
    } else {
        None
    }
}

/// A repository as the file names it; where that is no repository's URI, it says so.
fn repository(uri: &str) -> String {
    let read = uri.parse::<RepositoryUri>();
    read.map_or_else(|error| error.to_string(), |_| uri.to_owned())
}

/// The text at a JSON pointer, where there is one.
fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}
