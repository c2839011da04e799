//! The results of a verification of one or more files, a format in each file.

mod github;
mod human;
mod json;
mod jsonl;
mod junit;
mod sarif;

use std::io::{self, Write};

use clap::ValueEnum;
use wheelmark_core::report::{Escaped, Refusal, Report, Status};

use super::human::{asked_by, clause};
use crate::batch::{Seen, Subject, Summary};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Human,
    /// One JSON document with every result and the summary
    Json,
    /// One JSON document for each result, each on one line; where there is a lock, a last one sums up
    Jsonl,
    /// SARIF 2.1.0, as code scanning reads it
    Sarif,
    /// JUnit XML: one test case for each result
    Junit,
    /// GitHub's workflow commands: an annotation for each failure
    Github,
}

/// Writes results in one format, in the order in which they are given.
pub trait Render {
    /// One result.
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()>;

    /// What they come to.
    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()>;
}

impl Format {
    /// Whether an error that ends everything is a JSON document too.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }

    /// What writes it. `alone` where there is one file and nothing to sum up; `verbose` shows people every
    /// check of every file.
    pub fn renderer(self, alone: bool, verbose: bool) -> Box<dyn Render> {
        match self {
            Self::Human if alone => Box::new(human::One),
            Self::Human => Box::new(human::Many::new(verbose)),
            Self::Json => Box::new(json::Document::default()),
            Self::Jsonl => Box::new(jsonl::Lines),
            Self::Sarif => Box::new(sarif::Sarif::default()),
            Self::Junit => Box::new(junit::Junit::default()),
            Self::Github => Box::new(github::Commands),
        }
    }
}

/// The file that a result is about, and the line where there is one. Not escaped.
fn place(subject: &Subject) -> (String, Option<usize>) {
    match subject {
        Subject::File(path) => (path.to_string_lossy().into_owned(), None),
        Subject::Locked { lock, line, .. } => (lock.to_string_lossy().into_owned(), Some(*line)),
        Subject::Indexed { release, file } => (file.as_ref().unwrap_or(release).clone(), None),
    }
}

/// What a result is about. Not escaped.
pub fn name(subject: &Subject) -> String {
    match subject {
        Subject::File(path) => path.to_string_lossy().into_owned(),
        Subject::Locked { what, .. } => what.clone(),
        // A file of this name may be at hand as well.
        Subject::Indexed { .. } => format!("{} from the index", place(subject).0),
    }
}

/// What a result is about, safe on a terminal.
fn title(subject: &Subject) -> String {
    Escaped(&name(subject)).to_string()
}

/// What is said of each lock that does not hold, safe on a terminal.
fn not_held(summary: &Summary) -> impl Iterator<Item = String> {
    let failed = summary.locks.iter().filter(|lock| lock.decision() != "accepted");
    failed.map(|lock| {
        let path = lock.read.path.to_string_lossy();
        format!("not accepted: `{}`, since a lock is all or nothing", Escaped(&path))
    })
}

/// A check that failed, told in lines that are safe on a terminal and in a log.
struct Failure<'a> {
    check: &'static str,
    refusal: &'a Refusal,
    lines: Vec<String>,
}

/// Every check of a report that failed.
fn failures(report: &Report) -> Vec<Failure<'_>> {
    let failed = report.checks().iter().filter_map(|check| match &check.status {
        Status::Failed(refusal) => {
            let mut lines = vec![clause(refusal.reason.explanation())];
            lines.extend(refusal.found.iter().map(|found| format!("found: {}", Escaped(found))));
            for (index, expected) in refusal.expected.iter().enumerate() {
                let label = if index == 0 { "expected" } else { "or" };
                lines.push(format!("{label}: {}", Escaped(expected)));
            }
            lines.extend(asked_by(check.name, report).map(|place| format!("asked by: {place}")));
            Some(Failure { check: check.name.code(), refusal, lines })
        }
        _ => None,
    });
    failed.collect()
}
