//! An explanation as text.

use std::io::{self, Write};

use wheelmark_core::policy::{Derivation, Part, RuleTried};
use wheelmark_core::report::{Decision, Escaped};

use super::Explanation;
use super::change::Lines;
use crate::render::human::{self, BAD, BOLD, DIM, GOOD, styled};

/// The report, and how it came to be.
pub fn explanation(it: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    human::report(&it.report, out)?;
    if let Some(derivation) = &it.derivation {
        writeln!(out, "{}", styled(BOLD, "What was asked"))?;
        derived(derivation, &it.report.policy.path, out)?;
    }
    for included in &it.includes {
        let title = format!("What the included {} asked", Escaped(&included.path));
        writeln!(out, "{}", styled(BOLD, title))?;
        derived(&included.derivation, &included.path, out)?;
    }
    if !it.vouched.is_empty() {
        writeln!(out, "{}", styled(BOLD, "Who vouches for what was found"))?;
        for same in it.vouched.chunk_by(|one, other| one.by == other.by) {
            let checks: Vec<_> = same.iter().map(|it| it.check.code()).collect();
            let by = same.first().map_or("", |it| &it.by);
            writeln!(out, "  {}: {}", checks.join(", "), Escaped(by))?;
        }
    }
    if it.report.decision() == Decision::Accepted {
        return Ok(());
    }
    writeln!(out, "{}", styled(BOLD, "What would have to change"))?;
    for change in &it.changes {
        writeln!(out, "  {} {}: {}", styled(BAD, "✗"), change.check, Escaped(&change.what))?;
        if let Some(Lines { note, policy }) = &change.lines {
            writeln!(out, "      {note}")?;
            for line in policy.trim_start().lines() {
                writeln!(out, "        {}", Escaped(line))?;
            }
        }
    }
    Ok(())
}

fn derived(derivation: &Derivation, path: &str, out: &mut dyn Write) -> io::Result<()> {
    let Derivation { exception, rules, other_rules } = derivation;
    if let Some(exception) = exception {
        writeln!(out, "  {} {}", styled(GOOD, "→"), Escaped(exception))?;
    }
    for RuleTried { rule, line, part } in rules {
        let place = match line {
            Some(line) => format!("{rule}, {}:{line}", Escaped(path)),
            None => rule.clone(),
        };
        match part {
            Part::Asked => writeln!(out, "  {} {place}: asked", styled(GOOD, "→"))?,
            Part::AboutOthers { about } => writeln!(
                out,
                "  {} {place}: names the project, for {}",
                styled(DIM, "–"),
                Escaped(about)
            )?,
            Part::NotReached => {
                writeln!(out, "  {} {place}: not reached", styled(DIM, "–"))?;
            }
        }
    }
    match other_rules {
        0 if exception.is_none() && rules.is_empty() => writeln!(out, "  the policy has no rules"),
        0 => Ok(()),
        1 => writeln!(out, "  1 rule does not name the project"),
        count => writeln!(out, "  {count} rules do not name the project"),
    }
}
