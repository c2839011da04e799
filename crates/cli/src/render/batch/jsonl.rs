//! One JSON document a result, each on one line: a report, or an error, with what it is about. Where there is
//! a lock, a last one tells whether it held.

use std::io::{self, Write};

use serde::Serialize;
use wheelmark_core::report::Report;

use super::Render;
use super::json::{About, Counts, Lock};
use crate::batch::{Seen, Summary};
use crate::render::json::{self, ErrorDocument};

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
struct Last {
    schema: &'static str,
    decision: &'static str,
    summary: Counts,
    locks: Vec<Lock>,
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
        if summary.locks.is_empty() {
            return Ok(());
        }
        let (schema, decision) = (SUMMARY_SCHEMA, summary.decision());
        let (summary, locks) = (Counts::of(summary), Lock::all(summary));
        json::document(&Last { schema, decision, summary, locks }, out)
    }
}
