//! One JSON document of all results: `https://wheelmark.dev/batch/v1`.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use wheelmark_core::report::Report;

use super::{Render, place};
use crate::batch::{Seen, Subject, Summary};
use crate::render::json::{self, ErrorDocument};

/// The `schema` of the document.
const SCHEMA: &str = "https://wheelmark.dev/batch/v1";

/// Keeps the results: `decision` and `summary` come first, for whoever reads no further.
#[derive(Default)]
pub struct Document {
    seen: Vec<Seen>,
}

#[derive(Serialize)]
struct Batch<'a> {
    schema: &'static str,
    decision: &'static str,
    summary: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locks: Vec<Lock>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    results: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Counts {
    accepted: usize,
    rejected: usize,
    undecided: usize,
}

#[derive(Serialize)]
struct Lock {
    file: String,
    format: &'static str,
    projects: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<&'a str>,
    /// The release of an index that the file was downloaded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDocument<'a>>,
}

impl Render for Document {
    fn seen(&mut self, seen: Seen, _: &mut dyn Write) -> io::Result<()> {
        self.seen.push(seen);
        Ok(())
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let &Summary { accepted, rejected, undecided, .. } = summary;
        let locks = summary.locks.iter().map(|lock| Lock {
            file: lock.path.to_string_lossy().into_owned(),
            format: lock.format,
            projects: lock.projects,
        });
        let document = Batch {
            schema: SCHEMA,
            decision: summary.decision(),
            summary: Counts { accepted, rejected, undecided },
            locks: locks.collect(),
            notes: &summary.notes,
            results: self.seen.iter().map(entry).collect(),
        };
        json::document(&document, out)
    }
}

fn entry(seen: &Seen) -> Entry<'_> {
    let (file, line) = place(&seen.subject);
    let (locked, release) = match &seen.subject {
        Subject::File(_) => (None, None),
        Subject::Locked { what, .. } => (Some(what.as_str()), None),
        Subject::Indexed { release, .. } => (None, Some(release.as_str())),
    };
    let (report, error) = match &seen.outcome {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(ErrorDocument::new(error, Some(Path::new(&file))))),
    };
    Entry { file, line, locked, release, report, error }
}
