//! A refusal with its values, before it becomes a check of a report.

use std::fmt;

use serde::Serialize;

use super::Reason;

/// Why one thing was refused: the reason, what was expected, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What would have been accepted; several values mean any of them.
    pub expected: Vec<String>,
    /// What was there instead.
    pub found: Option<String>,
    /// What is another than before, where that is why.
    pub change: Option<Box<Change>>,
}

/// What is another than it was in an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The release of which it was known.
    pub from: String,
    /// The release of which it is another.
    pub to: String,
    /// Each value that is another, by its name.
    pub values: Vec<ChangedValue>,
}

/// One value that is another than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedValue {
    /// What it is, as a policy names it.
    pub name: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl fmt::Display for ChangedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} instead of {}", self.name, self.after, self.before)
    }
}

impl Refusal {
    /// A refusal that carries no values yet.
    pub fn new(reason: Reason) -> Self {
        Self { reason, expected: Vec::new(), found: None, change: None }
    }

    /// Adds a value that would have been accepted.
    pub fn expected(mut self, value: impl Into<String>) -> Self {
        self.expected.push(value.into());
        self
    }

    /// Adds values any of which would have been accepted.
    pub fn expected_all(mut self, values: impl IntoIterator<Item = String>) -> Self {
        self.expected.extend(values);
        self
    }

    /// Sets what was found.
    pub fn found(mut self, value: impl Into<String>) -> Self {
        self.found = Some(value.into());
        self
    }

    /// Sets what is another than before.
    pub fn changed(mut self, change: Change) -> Self {
        self.change = Some(Box::new(change));
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(found) = &self.found {
            write!(f, ": found {}", Escaped(found))?;
        }
        if !self.expected.is_empty() {
            write!(f, "; expected {}", Escaped(&self.expected.join(" or ")))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Text from outside, safe on a terminal and in a log, and what it looks like: beyond ASCII only the letters
/// of Latin-1 are shown, none of which looks like another. Everything else is escaped: control characters,
/// marks of direction and letters of scripts that run from right to left, what is invisible (some of which
/// Unicode counts as letters), and letters of other scripts that look like those of ASCII.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl Escaped<'_> {
    /// Whether a character is shown as it is.
    pub fn shows(character: char) -> bool {
        let letter = matches!(character, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ');
        character.is_ascii_graphic() || character == ' ' || letter
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if Self::shows(character) {
                write!(f, "{character}")?;
            } else if character.is_ascii() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_drive_a_terminal() {
        let shown = Escaped("a\u{1b}[31m\u{202e}gpj\u{0}\nß").to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\u{202e}gpj\\u{0}\\nß");
    }

    /// The first is Cyrillic; the second, third and last are letters to Unicode.
    #[test]
    fn what_looks_like_something_else_or_like_nothing_is_told() {
        let shown = Escaped("d\u{435}mo\u{3164}\u{ffa0}\u{5d0}\u{2215}\u{1d41d}").to_string();
        assert_eq!(shown, "d\\u{435}mo\\u{3164}\\u{ffa0}\\u{5d0}\\u{2215}\\u{1d41d}");
    }
}
