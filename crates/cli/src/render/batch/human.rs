//! Text for people.

use std::io::{self, Write};

use wheelmark_core::attestation::vsa::VerificationResult;
use wheelmark_core::report::{AttestationSeen, Decision, Escaped, Report, Standing};

use super::{Render, name, not_held, title};
use crate::batch::{Seen, Subject, Summary};
use crate::error::CliError;
use crate::render::human::{self, BAD, BOLD, GOOD, WARN, styled};
use crate::verdicts::Written;

/// The one file that was named: every check, and no more.
pub struct One;

impl Render for One {
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()> {
        match &seen.outcome {
            Ok(report) => human::report(report, out),
            Err(error) => human::error(error, &mut anstream::stderr()),
        }
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        notes(summary, out)?;
        verdicts(summary, out)
    }
}

/// Several: those that are accepted on a line each as they come, then the others in full, since these are
/// what a person has to read, then the count.
pub struct Many {
    verbose: bool,
    bad: Vec<Seen>,
}

impl Many {
    /// `verbose` shows the accepted ones in full too.
    pub fn new(verbose: bool) -> Self {
        Self { verbose, bad: Vec::new() }
    }
}

impl Render for Many {
    fn seen(&mut self, seen: Seen, out: &mut dyn Write) -> io::Result<()> {
        match &seen.outcome {
            Ok(report) if report.decision() == Decision::Accepted => {
                accepted(&seen.subject, report, self.verbose, out)
            }
            _ => {
                self.bad.push(seen);
                Ok(())
            }
        }
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        for seen in &self.bad {
            match &seen.outcome {
                Ok(report) => human::report_on(&name(&seen.subject), report, out)?,
                Err(error) => undecided(&seen.subject, error, out)?,
            }
        }
        notes(summary, out)?;
        for used in &summary.trust {
            writeln!(out, "{used}")?;
        }
        let style = match summary.decision() {
            "accepted" => GOOD,
            "rejected" => BAD,
            _ => WARN,
        };
        writeln!(out, "{}", styled(style, summary))?;
        for lock in not_held(summary) {
            writeln!(out, "{lock}")?;
        }
        verdicts(summary, out)
    }
}

fn accepted(
    subject: &Subject,
    report: &Report,
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if verbose {
        return human::report_on(&name(subject), report, out);
    }
    write!(out, "{} {}", styled(GOOD, "accepted"), title(subject))?;
    let decided = |it: &&AttestationSeen| it.standing == Standing::Decided;
    match report.attestations.iter().find(decided) {
        Some(seen) => {
            let count = report.attestations.len();
            writeln!(out, ", by {}, one of {count} attestations", Escaped(&seen.from))?;
        }
        None => writeln!(out)?,
    }
    human::notes(report, out)
}

fn undecided(subject: &Subject, error: &CliError, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", styled(WARN, "undecided"), title(subject))?;
    writeln!(out, "  {}", error.message)?;
    match &error.hint {
        Some(hint) => writeln!(out, "  {} {hint}", styled(BOLD, "hint:")),
        None => Ok(()),
    }
}

fn notes(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    for note in &summary.notes {
        writeln!(out, "{} {}", styled(BOLD, "note:"), Escaped(note))?;
    }
    Ok(())
}

/// What was written for others, with what it says.
fn verdicts(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    for Written { kind, file, says, result, key, .. } in &summary.verdicts {
        let says = match result {
            Some(VerificationResult::Failed) => "FAILED".to_owned(),
            Some(VerificationResult::Passed) => format!("PASSED, {}", says.join(", ")),
            None => says.join(", "),
        };
        writeln!(out, "wrote {kind} {}: {says}, signed by key {key}", Escaped(file))?;
    }
    Ok(())
}
