//! Values of options that more than one verb takes.

use chrono::{DateTime, Utc};

/// A command's words, as a shell would split them.
#[derive(Debug, Clone)]
pub struct Words(pub Vec<String>);

/// A command line as its words.
pub fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if words.first().is_some_and(|it| it.starts_with('-') || it.contains('=')) => {
            Err("the first word is not the program: a step sets no variables".to_owned())
        }
        Some(words) if words.first().is_some_and(|it| !it.is_empty()) => Ok(Words(words)),
        _ => Err("not a command: a quote is open, or it has no program".to_owned()),
    }
}

/// A URI with its scheme (in-toto attestation framework, "ResourceURI" and "TypeURI"), as it is written.
pub fn uri(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(_) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err("not a URI such as https://example.org/builders/release/v1".to_owned()),
    }
}

/// `KEY=VALUE`.
pub fn setting(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "a setting is written KEY=VALUE".to_owned())
}

/// A time, as RFC 3339 writes it.
pub fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "a time is written as in 2026-01-31T00:00:00Z".to_owned())
}
