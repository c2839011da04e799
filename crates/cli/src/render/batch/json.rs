//! One JSON document of all results: `https://wheelmark.dev/batch/v1`.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use wheelmark_core::report::Report;

use super::{Render, place};
use crate::batch::{Locked, Seen, Subject, Summary};
use crate::render::json::{self, ErrorDocument};
use crate::verdicts::Written;

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
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    verdicts: &'a [Written],
    results: Vec<Entry<'a>>,
}

/// How many results there are of each kind.
#[derive(Serialize)]
pub(super) struct Counts {
    accepted: usize,
    rejected: usize,
    undecided: usize,
}

impl Counts {
    pub(super) fn of(summary: &Summary) -> Self {
        let &Summary { accepted, rejected, undecided, .. } = summary;
        Self { accepted, rejected, undecided }
    }
}

/// What became of a lock.
#[derive(Serialize)]
pub(super) struct Lock {
    file: String,
    format: &'static str,
    projects: usize,
    decision: &'static str,
}

impl Lock {
    pub(super) fn all(summary: &Summary) -> Vec<Self> {
        let locks = summary.locks.iter().map(|lock| Self {
            file: lock.read.path.to_string_lossy().into_owned(),
            format: lock.read.format,
            projects: lock.read.projects,
            decision: lock.decision(),
        });
        locks.collect()
    }
}

/// What a result is about: the path as it was given or found, which a report does not have.
#[derive(Serialize)]
pub(super) struct About<'a> {
    file: String,
    /// The line of the lock, where that is the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// What the lock asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<String>,
    /// The lock that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<String>,
    /// The release of an index that the file was downloaded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'a str>,
}

impl<'a> About<'a> {
    pub(super) fn of(seen: &'a Seen) -> Self {
        let (file, line) = place(&seen.subject);
        let path = |path: &Path| Some(path.to_string_lossy().into_owned());
        let (locked, lock, release) = match (&seen.subject, &seen.locked) {
            (Subject::File(_), None) => (None, None, None),
            (Subject::File(_), Some(Locked { lock, project })) => {
                (Some(format!("{}=={}", project.name, project.version)), path(lock), None)
            }
            (Subject::Locked { lock, what, .. }, _) => (Some(what.clone()), path(lock), None),
            (Subject::Indexed { release, .. }, _) => (None, None, Some(release.as_str())),
        };
        Self { file, line, locked, lock, release }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    about: About<'a>,
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
        let document = Batch {
            schema: SCHEMA,
            decision: summary.decision(),
            summary: Counts::of(summary),
            locks: Lock::all(summary),
            notes: &summary.notes,
            verdicts: &summary.verdicts,
            results: self.seen.iter().map(entry).collect(),
        };
        json::document(&document, out)
    }
}

fn entry(seen: &Seen) -> Entry<'_> {
    let about = About::of(seen);
    let (report, error) = match &seen.outcome {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(ErrorDocument::new(error, Some(Path::new(&about.file))))),
    };
    Entry { about, report, error }
}
