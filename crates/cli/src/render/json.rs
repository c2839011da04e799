//! JSON: one document on one line, errors included.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;

/// The `schema` of an error.
pub const ERROR_SCHEMA: &str = "https://wheelmark.dev/error/v1";

/// An error as a document.
#[derive(Serialize)]
pub struct ErrorDocument<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    exit: Exit,
}

impl<'a> ErrorDocument<'a> {
    /// `file` where it is about one of several.
    pub fn new(error: &'a CliError, file: Option<&Path>) -> Self {
        Self {
            schema: ERROR_SCHEMA,
            file: file.map(|file| file.to_string_lossy().into_owned()),
            error: &error.message,
            hint: error.hint.as_deref(),
            exit: error.exit,
        }
    }
}

/// Writes one document on one line.
pub fn document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    writeln!(out, "{line}")
}

/// Writes an error; `file` where it is about one of several.
pub fn error(error: &CliError, file: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    document(&ErrorDocument::new(error, file), out)
}
