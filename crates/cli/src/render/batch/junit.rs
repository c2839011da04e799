//! JUnit XML, as CI systems read it: one test case a result.

use std::fmt::Write as _;
use std::io::{self, Write};

use wheelmark_core::report::{Decision, Escaped, Report};

use super::{Render, failures, not_held, title};
use crate::batch::{Seen, Summary};
use crate::error::CliError;

/// Keeps the written cases: the counts come before them.
#[derive(Default)]
pub struct Junit {
    cases: String,
}

impl Render for Junit {
    fn seen(&mut self, seen: Seen, _: &mut dyn Write) -> io::Result<()> {
        let name = attribute(&title(&seen.subject));
        let inner = match &seen.outcome {
            Ok(report) if report.decision() == Decision::Accepted => notes(report),
            Ok(report) => failure(report) + &notes(report),
            Err(error) => undecided(error),
        };
        let cases = &mut self.cases;
        let written = match inner.as_str() {
            "" => writeln!(cases, "    <testcase classname=\"wheelmark.verify\" name=\"{name}\"/>"),
            inner => writeln!(
                cases,
                "    <testcase classname=\"wheelmark.verify\" name=\"{name}\">\n{inner}    </testcase>"
            ),
        };
        written.map_err(io::Error::other)
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let Summary { accepted, rejected, undecided, .. } = summary;
        let counts = format!(
            "tests=\"{}\" failures=\"{rejected}\" errors=\"{undecided}\"",
            accepted + rejected + undecided
        );
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites name=\"wheelmark verify\" {counts}>")?;
        writeln!(out, "  <testsuite name=\"wheelmark verify\" {counts}>")?;
        write!(out, "{}", self.cases)?;
        let locks: Vec<_> = not_held(summary).collect();
        if !summary.notes.is_empty() || !summary.trust.is_empty() || !locks.is_empty() {
            writeln!(out, "    <system-out>")?;
            for used in &summary.trust {
                writeln!(out, "{}", text(&used.to_string()))?;
            }
            for note in &summary.notes {
                writeln!(out, "note: {}", text(&Escaped(note).to_string()))?;
            }
            for lock in &locks {
                writeln!(out, "{}", text(lock))?;
            }
            writeln!(out, "    </system-out>")?;
        }
        writeln!(out, "  </testsuite>\n</testsuites>")
    }
}

/// One element for all reasons: several in a case are more than some readers take.
fn failure(report: &Report) -> String {
    let failures = failures(report);
    let reasons: Vec<_> = failures.iter().map(|it| it.refusal.reason.code()).collect();
    let mut told = format!("sha256 {}\n", report.wheel.sha256);
    for failure in &failures {
        told += &format!("{}: {}\n", failure.check, failure.refusal.reason);
        for line in &failure.lines {
            told += &format!("  {line}\n");
        }
    }
    let kind = attribute(reasons.first().copied().unwrap_or("no-check-made"));
    let (message, told) = (attribute(&reasons.join(", ")), text(&told));
    format!("      <failure type=\"{kind}\" message=\"{message}\">{told}</failure>\n")
}

/// What a person should know of a file, whether it is accepted or not.
fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let notes = report.notes.iter().map(|note| format!("note: {}\n", Escaped(note)));
    format!("      <system-out>{}</system-out>\n", text(&notes.collect::<String>()))
}

fn undecided(error: &CliError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("hint: {hint}")).unwrap_or_default();
    let (message, hint) = (attribute(&error.message), text(&hint));
    format!("      <error type=\"undecided\" message=\"{message}\">{hint}</error>\n")
}

/// Text between tags. Characters that XML cannot hold in any spelling (most control characters, some that
/// are none) are shown by their number.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\t' | ' '..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => {
                escaped.push(character);
            }
            other => escaped.extend(other.escape_unicode()),
        }
    }
    escaped
}

/// Text in double quotes, where a parser would make a blank of a line's end.
fn attribute(value: &str) -> String {
    let blank = |character| match character {
        '\n' => "&#10;".to_owned(),
        '\t' => "&#9;".to_owned(),
        other => String::from(other),
    };
    text(value).replace('"', "&quot;").chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::{attribute, text};

    #[test]
    fn what_xml_cannot_hold_is_shown_by_its_number() {
        assert_eq!(
            text("a<b>&\"\n\u{1b}\u{0}\u{ffff}ß"),
            "a&lt;b&gt;&amp;\"\n\\u{1b}\\u{0}\\u{ffff}ß"
        );
        assert_eq!(attribute("\"\n\t]]>"), "&quot;&#10;&#9;]]&gt;");
    }
}
