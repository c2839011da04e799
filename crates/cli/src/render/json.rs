//! JSON: one document on one line, errors included.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use wheelmark_core::report::Escaped;

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

/// Writes one document on one line: what [`Escaped`] does not show is written by its number, which is the
/// same value to a parser and nothing to a terminal.
pub fn document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    writeln!(out, "{}", numbered(&line))
}

/// Beyond what serde_json escapes itself, only text in quotes can hold such characters.
fn numbered(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for character in line.chars() {
        if Escaped::shows(character) {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        }
    }
    text
}

/// Writes an error; `file` where it is about one of several.
pub fn error(error: &CliError, file: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    document(&ErrorDocument::new(error, file), out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_drive_a_terminal() {
        let hostile = "a\u{9b}31m\u{202e}\u{7f}\u{1b}\n\"\\ß\u{1d41d}\u{435}";
        let mut written = Vec::new();
        document(&[hostile], &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(
            written,
            "[\"a\\u009b31m\\u202e\\u007f\\u001b\\n\\\"\\\\ß\\ud835\\udc1d\\u0435\"]\n"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [hostile]);
    }
}
