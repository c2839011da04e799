//! Names that come from outside and become parts of paths, or are matched as if they were paths.

use std::fmt;

use crate::limits;

/// The name of a step: part of the names of files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName(String);

impl StepName {
    /// Reads a name.
    ///
    /// # Errors
    /// In words, unless it is a part of a file's name whatever it is put before.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = match text {
            "" => "is empty",
            _ if text.len() > limits::STEP_NAME => "is too long",
            _ if text.contains(['/', '\\']) || text.chars().any(char::is_control) => {
                "holds a slash, a backslash or a control character"
            }
            _ => return Ok(Self(text.to_owned())),
        };
        Err(format!("the name of a step {wrong}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the links of a step or of a layout are, below the folder of all links: nothing in it leads out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkPath {
    parts: Vec<String>,
}

impl LinkPath {
    /// The file of a step's link by a key (in-toto specification v1.0, 4.4).
    pub(super) fn file(&self, step: &StepName, prefix: &str) -> Self {
        self.with(format!("{step}.{prefix}.link"))
    }

    /// The folder of the links of the layout that stands for a step.
    pub(super) fn folder(&self, step: &StepName, prefix: &str) -> Self {
        self.with(format!("{step}.{prefix}"))
    }

    fn with(&self, part: String) -> Self {
        let parts = self.parts.iter().cloned().chain([part]).collect();
        Self { parts }
    }

    /// The folders from the outermost on, and then the file.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

impl fmt::Display for LinkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("/"))
    }
}

/// Why a text cannot name an artifact: one file would have several names, of which rules know one.
pub(super) fn check_artifact(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("an empty name");
    }
    if text.len() > limits::ARTIFACT_NAME {
        return Err("a name that is too long");
    }
    if text.starts_with('/') {
        return Err("an absolute name");
    }
    if text.contains('\\') || text.chars().any(char::is_control) {
        return Err("a name with a backslash or a control character");
    }
    match text.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some(_) => Err("a name with an empty part, `.` or `..`"),
        None => Ok(()),
    }
}

/// Whether a text can name an artifact of a link: relative, `/` between its parts, and none of these empty, `.`
/// or `..`.
///
/// # Errors
/// In words.
pub fn artifact_name(text: &str) -> Result<(), &'static str> {
    check_artifact(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        let long = "a".repeat(limits::ARTIFACT_NAME + 1);
        for text in
            ["", "/a", "a//b", "a/", "./a", "a/./b", "..", "a/../b", "a\\b", "a\0", "a\nb", &long]
        {
            assert!(artifact_name(text).is_err(), "{text:?}");
        }
        for text in ["a", "a/b", "..a", "a/...", "file:a", "ß", "a b"] {
            assert!(artifact_name(text).is_ok(), "{text:?}");
        }
        for text in ["", "a/b", "../a", "a\0", "a\\b", &"a".repeat(limits::STEP_NAME + 1)] {
            assert!(StepName::parse(text).is_err(), "{text:?}");
        }
        let step = StepName::parse("..").expect("harmless before a dot");
        let path = LinkPath::default().folder(&step, "01234567").file(&step, "89abcdef");
        assert_eq!(path.to_string(), "...01234567/...89abcdef.link");
    }
}
