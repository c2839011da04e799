//! A comparison as plain text for people. All text from the wheels is escaped.

use std::fmt;

use super::{Detail, Finding, Level, WheelDiff};
use crate::report::Escaped;

impl fmt::Display for WheelDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, wheel) in [("A", &self.a), ("B", &self.b)] {
            let (file, digest) = (Escaped(&wheel.filename), wheel.sha256);
            writeln!(f, "{name}: {file}, {} bytes, {} members", wheel.size, wheel.members)?;
            writeln!(f, "   sha256 {digest}")?;
        }
        writeln!(f, "level {}: {}", self.level().code(), self.level().explanation())?;
        if !self.findings().is_empty() {
            writeln!(f, "\ncauses:")?;
        }
        for finding in self.findings() {
            writeln!(f, "  {} {}", finding.level.code(), finding.line())?;
        }
        for finding in self.findings().iter().filter(|finding| finding.has_details()) {
            writeln!(f, "\n{}: {}", finding.place(), finding.cause)?;
            writeln!(f, "  ({})", finding.cause.explanation().trim_end_matches('.'))?;
            if finding.members.len() > 1 {
                writeln!(f, "  in {}", finding.names())?;
            }
            for detail in &finding.details {
                write_detail(f, detail)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Finding {
    /// The finding in a line: `member: cause: what differs`, escaped.
    pub fn line(&self) -> String {
        format!("{}: {}: {}", self.place(), self.cause, Escaped(&self.summary))
    }

    fn place(&self) -> String {
        match self.members.as_slice() {
            [] => "the file".to_owned(),
            [member] if self.member_count == 1 => Escaped(member).to_string(),
            _ => format!("{} members", self.member_count),
        }
    }

    fn names(&self) -> String {
        let mut names = Escaped(&self.members.join(", ")).to_string();
        let more = self.member_count - self.members.len();
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        names
    }

    fn has_details(&self) -> bool {
        !self.details.is_empty() || self.members.len() > 1
    }
}

fn write_detail(f: &mut fmt::Formatter<'_>, detail: &Detail) -> fmt::Result {
    match detail {
        Detail::Values { what, a, b } => {
            writeln!(f, "  {}", Escaped(what))?;
            for (side, value) in [("A", a), ("B", b)] {
                match value {
                    Some(value) => writeln!(f, "    {side} {}", Escaped(value))?,
                    None => writeln!(f, "    {side} has none")?,
                }
            }
            Ok(())
        }
        Detail::Hunk { lines } => {
            for line in lines {
                writeln!(f, "  {}", Escaped(line))?;
            }
            Ok(())
        }
        Detail::Note { text } => writeln!(f, "  {}", Escaped(text)),
    }
}
