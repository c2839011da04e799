//! An explanation as text.

use std::io::{self, Write};

use wheelmark_core::policy::{DemandTold, Derivation, Part, RuleTried};
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
        // By it a rule may be chosen.
        if let (Some(index), false) = (&it.index, derivation.rules.is_empty()) {
            writeln!(out, "  the file is of the index {}", Escaped(index))?;
        }
    }
    for included in &it.includes {
        let (path, sha256) = (Escaped(&included.path), included.sha256);
        let title = format!("What the included {path} asked (sha256 {sha256})");
        writeln!(out, "{}", styled(BOLD, title))?;
        derived(&included.derivation, &included.path, out)?;
    }
    if !it.demands.is_empty() {
        writeln!(out, "{}", styled(BOLD, "What was demanded besides"))?;
        it.demands.iter().try_for_each(|demand| demanded(demand, out))?;
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

fn demanded(demand: &DemandTold, out: &mut dyn Write) -> io::Result<()> {
    let mark = if demand.holds { styled(GOOD, "✓") } else { styled(BAD, "✗") };
    let (name, predicate_type) = (&demand.demand, Escaped(&demand.predicate_type));
    let what = if demand.forbidden { "none of" } else { "one of" };
    writeln!(out, "  {mark} {name} in {}: {what} {predicate_type}", Escaped(&demand.policy))?;
    if let Some(condition) = &demand.condition {
        writeln!(out, "      where {}", Escaped(condition))?;
    }
    if let Some(days) = demand.max_age_days {
        writeln!(out, "      at most {days} days old")?;
    }
    if demand.looked_at.is_empty() {
        writeln!(out, "      there is none about this file whose signature held")?;
    }
    for it in &demand.looked_at {
        write!(out, "      {} by {}", Escaped(&it.from), Escaped(&it.signer))?;
        if let (Some(time), Some(days)) = (it.signed, it.age_days) {
            write!(out, ", signed {} ({days} days ago)", time.to_rfc3339())?;
        }
        match &it.not {
            None => writeln!(out, ": this is one")?,
            Some(not) => {
                let found = not.found.as_deref().unwrap_or("none");
                writeln!(out, ": not one ({}): found {}", not.reason, Escaped(found))?;
                if !not.expected.is_empty() {
                    let expected = not.expected.join(" or ");
                    writeln!(out, "        it would have to be {}", Escaped(&expected))?;
                }
            }
        }
        for (path, value) in &it.values {
            writeln!(out, "        {} = {}", Escaped(path), Escaped(&value.to_string()))?;
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
