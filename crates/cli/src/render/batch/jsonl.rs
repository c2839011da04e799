//! One JSON document a result, each on one line: a report, or an error.

use std::io::{self, Write};
use std::path::Path;

use super::{Render, place};
use crate::batch::{Seen, Summary};
use crate::render::json;

/// Writes each as it comes.
pub struct Lines;

impl Render for Lines {
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()> {
        match &seen.outcome {
            Ok(report) => json::document(report, out),
            Err(error) => json::error(error, Some(Path::new(&place(&seen.subject).0)), out),
        }
    }

    fn end(&mut self, _: &Summary, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
