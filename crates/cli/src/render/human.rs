//! Text for people: the decision first, then every check on a line. All text from outside is escaped.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::{
    Check, CheckName, Decision, Escaped, Refusal, Report, Status, TrustUsed,
};

use crate::describe::Description;
use crate::error::CliError;

/// What is accepted, and checks that held.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is refused, and errors.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What must not be taken for more than it is.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What is neither.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();

/// Writes `text` in a style.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// An error, its hint on a line of its own.
pub fn error(error: &CliError, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", styled(BAD, "error:"), error.message)?;
    if let Some(hint) = &error.hint {
        writeln!(out, "{} {hint}", styled(BOLD, "hint:"))?;
    }
    Ok(())
}

/// A verification's report.
pub fn report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let decision = match report.decision() {
        Decision::Accepted => styled(GOOD, "accepted"),
        Decision::Rejected => styled(BAD, "rejected"),
    };
    writeln!(out, "{decision} {}", Escaped(&report.wheel.filename))?;
    writeln!(out, "  sha256 {}", report.wheel.sha256)?;
    for check in report.checks() {
        line(check, report, out)?;
    }
    for used in &report.trust {
        writeln!(out, "  {} {}: {}", styled(BOLD, "trusted:"), used.instance, age(used))?;
    }
    for note in &report.notes {
        writeln!(out, "  {} {}", styled(BOLD, "note:"), Escaped(note))?;
    }
    Ok(())
}

/// How old what is known of an instance is.
fn age(used: &TrustUsed) -> String {
    match (used.as_of, used.age_days) {
        (Some(as_of), Some(days)) => {
            format!("as of {}, {}", as_of.format("%Y-%m-%d"), old(days))
        }
        _ => "from a file, of no known age".to_owned(),
    }
}

/// An age in days.
pub fn old(days: i64) -> String {
    match days {
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}

/// What a file says. Every word of it is the file's own, and the first line says so.
pub fn description(
    file: &str,
    sha256: Option<Sha256Digest>,
    description: &Description,
    out: &mut dyn Write,
) -> io::Result<()> {
    let unverified = "unverified: nothing below was checked against a key or a policy";
    writeln!(out, "{}", styled(WARN, unverified))?;
    writeln!(out, "{}: {}", Escaped(file), Escaped(&description.kind))?;
    if let Some(sha256) = sha256 {
        writeln!(out, "  sha256: {sha256}")?;
    }
    for section in &description.sections {
        writeln!(out, "{}", styled(BOLD, Escaped(&section.title)))?;
        for fact in &section.facts {
            writeln!(out, "  {}: {}", Escaped(&fact.name), Escaped(&fact.value))?;
        }
    }
    for note in &description.notes {
        writeln!(out, "{} {}", styled(BOLD, "note:"), Escaped(note))?;
    }
    Ok(())
}

/// One check.
fn line(check: &Check, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let name = check.name.code();
    match &check.status {
        Status::Passed(None) => writeln!(out, "  {} {name}", styled(GOOD, "✓")),
        Status::Passed(Some(found)) => {
            let found = Escaped(found);
            writeln!(out, "  {} {name}: {found}", styled(GOOD, "✓"))
        }
        Status::NotRequired => {
            writeln!(out, "  {} {name}: not asked for", styled(DIM, "–"))
        }
        Status::NotRun(because) => {
            let because = because.code();
            writeln!(out, "  {} {name}: not run, since {because} did not hold", styled(DIM, "–"))
        }
        Status::Failed(refusal) => failure(check.name, refusal, report, out),
    }
}

fn failure(
    name: CheckName,
    refusal: &Refusal,
    report: &Report,
    out: &mut dyn Write,
) -> io::Result<()> {
    let reason = styled(BAD, refusal.reason);
    writeln!(out, "  {} {}: {reason}", styled(BAD, "✗"), name.code())?;
    writeln!(out, "      {}", clause(refusal.reason.explanation()))?;
    if let Some(found) = &refusal.found {
        writeln!(out, "      found:    {}", Escaped(found))?;
    }
    for (index, expected) in refusal.expected.iter().enumerate() {
        let label = if index == 0 { "expected:" } else { "      or:" };
        writeln!(out, "      {label} {}", Escaped(expected))?;
    }
    if let Some(place) = asked_by(name, report) {
        writeln!(out, "      asked by: {place}")?;
    }
    Ok(())
}

/// Where the policy asks for a check; `None` for those that hold under every policy.
fn asked_by(name: CheckName, report: &Report) -> Option<String> {
    let path = Escaped(&report.policy.path);
    match name {
        CheckName::PolicyRule | CheckName::Signature => Some(path.to_string()),
        CheckName::PredicateType
        | CheckName::BuildType
        | CheckName::ExternalParameters
        | CheckName::Signer
        | CheckName::Builder
        | CheckName::Source
        | CheckName::Ref
        | CheckName::CleanSource
        | CheckName::Isolation
        | CheckName::Rebuild => Some(match report.policy.line {
            Some(line) => format!("{path}:{line}"),
            None => path.to_string(),
        }),
        CheckName::Archive
        | CheckName::Attestation
        | CheckName::Statement
        | CheckName::SubjectName
        | CheckName::SubjectDigest
        | CheckName::Parameters
        | CheckName::Certificate => None,
    }
}

/// A documentation sentence as part of a message: without its capital, unless that is an acronym's.
fn clause(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.').replace('\n', " ");
    let mut characters = sentence.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain([second]).chain(characters).collect()
        }
        _ => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::clause;

    #[test]
    fn acronyms_keep_their_capitals() {
        assert_eq!(clause("The file is bad."), "the file is bad");
        assert_eq!(clause("A file is bad."), "a file is bad");
        assert_eq!(clause("RECORD is bad."), "RECORD is bad");
    }
}
