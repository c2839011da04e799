//! What goes wrong before anything could be decided: a message, a hint, an exit code.

use std::fmt;
use std::io;
use std::path::Path;

use wheelmark_build::sign::key::KeyError;
use wheelmark_core::report::Escaped;

use crate::exit::Exit;

/// An error as it is shown to a person or, with `--json`, to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// What is wrong, in lower case, with file and value. Text from outside is escaped already.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the program ends.
    pub exit: Exit,
}

impl CliError {
    /// Something outside kept the program from deciding.
    pub fn undecided(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, exit: Exit::Undecided }
    }

    /// The arguments are wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::undecided(message) }
    }

    /// A file could not be read or written.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::undecided(format!("cannot {what} {}: {error}", shown(path)))
    }

    /// Shows paths in `tree`, which is gone when the message is read, as paths in the source.
    #[must_use]
    pub fn below(mut self, tree: &Path) -> Self {
        self.message = below(&self.message, tree);
        self
    }

    /// Shows a file of ours, which is gone when the message is read, by the name that a person gave.
    #[must_use]
    pub fn named(mut self, ours: &Path, theirs: &Path) -> Self {
        let theirs = Escaped(&theirs.to_string_lossy()).to_string();
        self.message = self.message.replace(&*ours.to_string_lossy(), &theirs);
        self
    }

    /// The same, at this place of a file.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Adds a hint; an empty one is none.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string()).filter(|hint| !hint.is_empty());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        Self::undecided(&error).hint(error.hint().unwrap_or_default())
    }
}

/// A message in which paths in `tree` are shown as paths in the source.
pub fn below(message: &str, tree: &Path) -> String {
    let tree = tree.to_string_lossy();
    message
        .replace(&format!("`{tree}/`"), "the source tree")
        .replace(&format!("`{tree}`"), "the source tree")
        .replace(&format!("{tree}/"), "")
}

/// A path, safe on a terminal, in backticks.
pub fn shown(path: &Path) -> String {
    format!("`{}`", Escaped(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_the_clone_are_shown_as_paths_in_the_source() {
        let tree = Path::new("/cache/work/build-x/tree");
        for (message, shown) in [
            ("/cache/work/build-x/tree/a/pyproject.toml:1:2: no", "a/pyproject.toml:1:2: no"),
            ("no x in `/cache/work/build-x/tree/`", "no x in the source tree"),
            ("no x in `/cache/work/build-x/tree`", "no x in the source tree"),
            (
                "cannot read `/cache/work/build-x/tree-2`",
                "cannot read `/cache/work/build-x/tree-2`",
            ),
        ] {
            assert_eq!(below(message, tree), shown);
        }
    }
}
