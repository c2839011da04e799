//! A file of build constraints: requirements by which the resolution is held, one on a line.
//!
//! They are signed and handed out. So nothing else is taken that a `requirements.txt` may hold: an option
//! would change the index, and may hold a password; another file is not there for a stranger; and a digest
//! would be recorded without anybody having asked for it.

use std::path::Path;

use wheelmark_build::environment::project::requirement;
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement::comment_start;

use crate::error::CliError;
use crate::input;

/// Bytes of a file that is read.
const MAX_BYTES: usize = 4 << 20;

/// The requirements of a file, without its comments and empty lines.
///
/// # Errors
/// Where it cannot be read, or a line is something else than a requirement (PEP 508) without URL.
pub fn read(path: &Path) -> Result<Vec<String>, CliError> {
    let text = input::read_text(path, MAX_BYTES)?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, without_comment(line).trim()));
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            one(line).map_err(|problem| {
                CliError::undecided(format!("{}:{at}: {problem}", Escaped(&path.to_string_lossy())))
                    .hint("only requirements such as `hatchling<2`, one on a line, are recorded")
            })
        })
        .collect()
}

fn without_comment(line: &str) -> &str {
    &line[..comment_start(line).unwrap_or(line.len())]
}

fn one(line: &str) -> Result<String, String> {
    // Of an option only its name is shown: its value may be a secret.
    let option = line.split_whitespace().find(|word| word.starts_with('-'));
    if let Some(option) = option {
        let name = option.split('=').next().unwrap_or(option);
        return Err(format!("`{}` is an option, not a constraint", Escaped(name)));
    }
    requirement(line).map(|_| line.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_from(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("constraints.txt");
        fs::write(&path, text).unwrap();
        read(&path).map_err(|error| {
            error.message.replace(&folder.path().to_string_lossy().into_owned(), "")
        })
    }

    #[test]
    fn requirements_are_taken_without_their_comments() {
        let text = "# held\n\nflit_core<4  # until it holds\nwheel == 0.45.1\t#x\n";
        assert_eq!(read_from(text).unwrap(), ["flit_core<4", "wheel == 0.45.1"]);
    }

    #[test]
    fn what_is_no_requirement_is_refused_at_its_line_and_tells_no_secret() {
        for text in [
            "a<1\n--extra-index-url https://user:s3cret@index.example/simple",
            "a<1\n--index-url=https://user:s3cret@index.example/simple",
            "a<1\n-i https://user:s3cret@index.example/simple",
            "a<1\n-r other.txt",
            "a<1\n-c other.txt",
            "a<1\n--hash=sha256:00",
            "a<1\nb==1 --hash=sha256:00",
            "a<1\nb==1 \\",
            "a<1\nb @ https://user:s3cret@index.example/b-1-py3-none-any.whl",
            "a<1\n./here",
        ] {
            let said = read_from(text).unwrap_err();
            assert!(said.contains("constraints.txt:2: "), "{text}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
