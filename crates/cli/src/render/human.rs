//! Text for people: the decision first, then every check on a line. All text from outside is escaped.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::{
    AttestationSeen, Check, CheckName, Decision, Escaped, IncludeUsed, Refusal, Report, Standing,
    Status,
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
    writeln!(out, "{} {}", styled(BAD, "error:"), lines(&error.message))?;
    if let Some(hint) = &error.hint {
        writeln!(out, "{} {}", styled(BOLD, "hint:"), lines(hint))?;
    }
    Ok(())
}

/// A message of several lines, safe on a terminal: whatever part of it came from outside, nothing but the
/// line breaks drives anything. Escaping what is escaped already changes nothing.
pub fn lines(message: &str) -> String {
    let line = |line: &str| {
        let mut text = String::new();
        for part in line.split_inclusive(OWN_SIGNS) {
            let words = part.trim_end_matches(OWN_SIGNS);
            text.push_str(&Escaped(words).to_string());
            text.push_str(&part[words.len()..]);
        }
        text
    };
    message.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The signs beyond ASCII in messages of our own.
const OWN_SIGNS: [char; 2] = ['…', '–'];

/// A verification's report.
pub fn report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    report_on(&report.wheel.filename, report, out)
}

/// The same under another name of the file, as one of several.
pub fn report_on(name: &str, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let decision = match report.decision() {
        Decision::Accepted => styled(GOOD, "accepted"),
        Decision::Rejected => styled(BAD, "rejected"),
    };
    writeln!(out, "{decision} {}", Escaped(name))?;
    writeln!(out, "  sha256 {}", report.wheel.sha256)?;
    if let Some(signed) = &report.policy.signed {
        let expires = seconds(signed.expires);
        writeln!(
            out,
            "  policy version {}, signed by key {} until {expires}",
            signed.version, signed.key
        )?;
    }
    for used in &report.trust {
        writeln!(out, "  {used}")?;
    }
    // Of checks in a row that others kept from being made, a line tells all there is to know.
    let asked: Vec<_> =
        report.checks().iter().filter(|check| check.status != Status::NotRequired).collect();
    for checks in asked.chunk_by(|a, b| not_run(a).is_some() && not_run(b).is_some()) {
        if let [check] = checks {
            line(check, report, out)?;
            continue;
        }
        let because: BTreeSet<_> = checks.iter().filter_map(|check| not_run(check)).collect();
        let because: Vec<_> = because.into_iter().map(CheckName::code).collect();
        let (sign, count, because) = (styled(DIM, "–"), checks.len(), because.join(" and "));
        writeln!(out, "  {sign} {count} checks not run, since {because} did not hold")?;
    }
    let mut others = report.checks().iter().filter(|check| check.status == Status::NotRequired);
    if let Some(first) = others.next() {
        let others = others.map(|check| check.name.code());
        let others: Vec<_> = [first.name.code()].into_iter().chain(others).collect();
        writeln!(out, "  {} not asked for: {}", styled(DIM, "–"), others.join(", "))?;
    }
    attestations(report, out)?;
    notes(report, out)
}

/// The check whose failure kept this one from being made.
fn not_run(check: &Check) -> Option<CheckName> {
    match check.status {
        Status::NotRun(because) => Some(because),
        _ => None,
    }
}

/// Each of several attestations, and which of them decided.
fn attestations(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.attestations.is_empty() {
        return Ok(());
    }
    let beside =
        |it: &AttestationSeen| matches!(it.standing, Standing::Demanded | Standing::Beside);
    let enough = match counted(report) || report.attestations.iter().any(beside) {
        true => "",
        false => ", one that holds is enough",
    };
    writeln!(out, "  of {} attestations{enough}:", report.attestations.len())?;
    for seen in &report.attestations {
        let accepted = report.decision() == Decision::Accepted;
        let sign = match (seen.standing, seen.reason) {
            (Standing::Demanded, _) | (Standing::AlsoHeld, None) => styled(GOOD, "✓"),
            (_, Some(_)) => styled(BAD, "✗"),
            (Standing::Decided, None) if accepted => styled(GOOD, "✓"),
            (Standing::Decided | Standing::NotHeld | Standing::Beside, None) => styled(DIM, "–"),
        };
        write!(out, "  {sign} {}: ", Escaped(&seen.from))?;
        match (seen.standing, seen.reason) {
            (Standing::Decided, None) if accepted => write!(out, "decided")?,
            // What kept the file from being accepted is none of its own checks.
            (Standing::Decided, None) => write!(out, "shown above")?,
            (Standing::AlsoHeld, _) => write!(out, "holds too")?,
            (Standing::Demanded, _) => write!(out, "gives what the rule demands")?,
            (Standing::Beside, _) => write!(out, "looked at beside, for what the rule demands")?,
            (Standing::Decided, Some(why)) => write!(out, "{why}, shown above")?,
            (Standing::NotHeld, Some(why)) => {
                write!(out, "{why} ({})", clause(why.explanation()))?;
            }
            (Standing::NotHeld, None) => write!(out, "not judged to the end")?,
        }
        // Both are only there where its signature held.
        if let Some(signer) = &seen.signer {
            write!(out, "; signed by {}", Escaped(signer))?;
        }
        if let Some(kind) = &seen.predicate_type {
            write!(out, "; {}", Escaped(kind))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Whether the rule asks for more than one signer.
fn counted(report: &Report) -> bool {
    let mut checks = report.checks().iter();
    checks.any(|it| it.name == CheckName::Threshold && it.status != Status::NotRequired)
}

/// What a person should know of a file beside the checks.
pub fn notes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for note in &report.notes {
        writeln!(out, "  {} {}", styled(BOLD, "note:"), Escaped(note))?;
    }
    Ok(())
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
        Status::NotRequired => Ok(()),
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

/// Where the policy asks for a check, safe on a terminal; `None` for those that hold under every policy.
pub fn asked_by(name: CheckName, report: &Report) -> Option<String> {
    let path = Escaped(&report.policy.path);
    let by = |asks: fn(&IncludeUsed) -> bool| {
        let include = report.policy.includes.iter().find(|it| asks(it))?;
        let path = Escaped(&include.path);
        Some(include.line.map_or(path.to_string(), |line| format!("{path}:{line}")))
    };
    match name {
        CheckName::Revocation
        | CheckName::PolicyRule
        | CheckName::Signature
        | CheckName::LayoutSignature
        | CheckName::Layout
        | CheckName::LayoutExpiry
        | CheckName::Links
        | CheckName::ArtifactRules
        | CheckName::Product
        | CheckName::Inspections => Some(path.to_string()),
        CheckName::Includes => by(|it| it.reason.is_some()),
        CheckName::Rebuild if report.policy.includes.iter().any(|it| it.rebuild) => {
            by(|it| it.rebuild)
        }
        CheckName::CoolDown
        | CheckName::PredicateType
        | CheckName::BuildType
        | CheckName::ExternalParameters
        | CheckName::Signer
        | CheckName::Age
        | CheckName::Builder
        | CheckName::Source
        | CheckName::Ref
        | CheckName::Trigger
        | CheckName::Branch
        | CheckName::CleanSource
        | CheckName::Isolation
        | CheckName::BuildRequirements
        | CheckName::Threshold
        | CheckName::Required
        | CheckName::Forbidden
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
        | CheckName::Certificate
        | CheckName::Lock
        | CheckName::AttestationIdentity
        | CheckName::Identity => None,
    }
}

/// A documentation sentence as part of a message: without its capital, unless that is an acronym's.
pub fn clause(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut characters = sentence.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain([second]).chain(characters).collect()
        }
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{clause, lines};

    #[test]
    fn of_a_message_only_its_line_breaks_are_obeyed() {
        let hostile = "a\u{1b}]0;x\u{7}\u{9b}31m\r\u{202e}\u{2066}…–\nb\u{200f}\\u{1b}";
        let shown = lines(hostile);
        let expected = "a\\u{1b}]0;x\\u{7}\\u{9b}31m\\r\\u{202e}\\u{2066}…–\nb\\u{200f}\\u{1b}";
        assert_eq!(shown, expected);
        assert_eq!(lines(&shown), shown);
    }

    #[test]
    fn acronyms_keep_their_capitals() {
        assert_eq!(clause("The file is bad."), "the file is bad");
        assert_eq!(clause("A file is bad."), "a file is bad");
        assert_eq!(clause("RECORD is bad."), "RECORD is bad");
    }
}
