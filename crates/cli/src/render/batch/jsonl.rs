//! One JSON document a result, each on one line: a report, or an error, with what it is about. Where there is
//! a lock, or a verdict was written, a last one tells of it.

use std::io::{self, Write};

use serde::Serialize;
use wheelmark_core::report::Report;

use super::Render;
use super::json::{About, Counts, Lock};
use crate::batch::{Seen, Summary};
use crate::render::json::{self, ErrorDocument};
use crate::verdicts::Written;

/// The `schema` of the last line.
const SUMMARY_SCHEMA: &str = "https://wheelmark.dev/summary/v1";

/// Writes each as it comes.
pub struct Lines;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    outcome: Outcome<'a>,
    #[serde(flatten)]
    about: About<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Report(&'a Report),
    Error(ErrorDocument<'a>),
}

#[derive(Serialize)]
struct Last<'a> {
    schema: &'static str,
    decision: &'static str,
    summary: Counts,
    locks: Vec<Lock>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    verdicts: &'a [Written],
}

impl Render for Lines {
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()> {
        let outcome = match &seen.outcome {
            Ok(report) => Outcome::Report(report),
            Err(error) => Outcome::Error(ErrorDocument::new(error, None)),
        };
        json::document(&Line { outcome, about: About::of(&seen) }, out)
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        if summary.locks.is_empty() && summary.verdicts.is_empty() {
            return Ok(());
        }
        let last = Last {
            schema: SUMMARY_SCHEMA,
            decision: summary.decision(),
            summary: Counts::of(summary),
            locks: Lock::all(summary),
            verdicts: &summary.verdicts,
        };
        json::document(&last, out)
    }
}
