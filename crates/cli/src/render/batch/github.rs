//! GitHub's workflow commands:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.
//!
//! Every line with text from outside is a command, whose parts are escaped: the runner looks for commands
//! in all other lines too.

use std::io::{self, Write};

use wheelmark_core::report::Escaped;

use super::{Render, failures, not_held, place, title};
use crate::batch::{Seen, Summary};

/// Writes each as it comes. What is accepted is only counted.
pub struct Commands;

impl Render for Commands {
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()> {
        match &seen.outcome {
            Ok(report) => {
                for failure in failures(report) {
                    let title = format!("{}: {}", title(&seen.subject), failure.refusal.reason);
                    error(&seen, &title, &failure.lines.join("\n"), out)?;
                }
                // Never red without an annotation that says why.
                if report.checks().is_empty() {
                    error(&seen, &title(&seen.subject), "no check was made", out)?;
                }
                for note in &report.notes {
                    about("notice", &seen, &title(&seen.subject), &Escaped(note).to_string(), out)?;
                }
                Ok(())
            }
            Err(why) => {
                let hint = why.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
                let message = format!("{}{}", why.message, hint.unwrap_or_default());
                error(&seen, &format!("{}: undecided", title(&seen.subject)), &message, out)
            }
        }
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        for note in &summary.notes {
            writeln!(out, "::notice title=wheelmark::{}", data(&Escaped(note).to_string()))?;
        }
        for lock in not_held(summary) {
            writeln!(out, "::error title=wheelmark::{}", data(&lock))?;
        }
        // Numbers, dates, digests and words of ours only.
        for used in &summary.trust {
            writeln!(out, "wheelmark: {used}")?;
        }
        writeln!(out, "wheelmark: {summary}")
    }
}

fn error(seen: &Seen, title: &str, message: &str, out: &mut dyn Write) -> io::Result<()> {
    about("error", seen, title, message, out)
}

/// An annotation of the file that a result is about.
fn about(
    level: &str,
    seen: &Seen,
    title: &str,
    message: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (file, line) = place(&seen.subject);
    let file = property(&Escaped(&file).to_string());
    let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
    writeln!(out, "::{level} file={file}{line},title={}::{}", property(title), data(message))
}

/// The escaping of a message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The escaping of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_part_of_a_command() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a::b,c%\n"), "a%3A%3Ab%2Cc%25%0A");
    }
}
