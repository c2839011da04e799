//! The files of requirements that an installer is given. They are read here first: what is in them that is no
//! requirement of an index would be built or fetched by the installer before anything is verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelmark_build::environment::project::requirement;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::limits::LOCK_FILE;
use wheelmark_core::lock::{Lock, LockFormat};
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement::comment_start;

use crate::batch::Locked;
use crate::error::{CliError, shown};
use crate::input;

/// What the files lock by digests.
#[derive(Default)]
pub struct Held {
    locked: Vec<Locked>,
    /// Whether every file that is installed must be one that they lock.
    all: bool,
}

impl Held {
    /// Reads the files; `hashes` is that each must be locked.
    pub(super) fn read<'a>(
        files: impl Iterator<Item = &'a Path>,
        hashes: bool,
    ) -> Result<Self, CliError> {
        let mut held = Self { locked: Vec::new(), all: hashes };
        for path in files {
            held.add(path)?;
        }
        Ok(held)
    }

    fn add(&mut self, path: &Path) -> Result<(), CliError> {
        let text = input::read_text(path, LOCK_FILE)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let format = match LockFormat::of(&name) {
            Some(LockFormat::Pylock) => LockFormat::Pylock,
            _ if name.ends_with(".txt") || name.ends_with(".in") => {
                plain(path, &text)?;
                if !text.contains("--hash") {
                    return Ok(());
                }
                LockFormat::Requirements
            }
            _ => {
                return Err(CliError::usage(format!("{} is not handed on", shown(path))).hint(
                    "requirements (`.txt`, `.in`) and `pylock.toml` are: `uv export --no-emit-project -o requirements.txt` \
                     writes them for a uv.lock",
                ));
            }
        };
        let lock = Lock::parse(format, &path.to_string_lossy(), &text)
            .map_err(|error| CliError::undecided(&error).hint(error.hint.unwrap_or_default()))?;
        if let Some(entry) = lock.unverifiable.first() {
            let at = format!("{}:{}", Escaped(&path.to_string_lossy()), entry.line);
            let (name, what) = (Escaped(&entry.name), entry.kind.explanation());
            return Err(CliError::undecided(format!("{at}: `{name}` {what}"))
                .hint("`uv export --no-emit-project` leaves the project itself out"));
        }
        self.all = true;
        self.locked.extend(
            lock.entries
                .into_iter()
                .map(|entry| Locked { lock: PathBuf::from(path), project: Arc::new(entry) }),
        );
        Ok(())
    }

    /// What locks a project.
    ///
    /// # Errors
    /// Where nothing does, and something must.
    pub fn of(&self, project: &ProjectName) -> Result<Option<Locked>, CliError> {
        match self.locked.iter().find(|locked| locked.project.name == *project) {
            None if self.all => Err(CliError::undecided(format!(
                "no digest of `{project}` is in the files of requirements, of which some have digests"
            ))
            .hint("`uv export` and `uv pip compile --generate-hashes` write those of all")),
            found => Ok(found.cloned()),
        }
    }
}

/// Each line is a requirement of an index, with its digests.
fn plain(path: &Path, text: &str) -> Result<(), CliError> {
    let mut open = String::new();
    for (at, raw) in text.lines().enumerate() {
        let content = comment_start(raw).map_or(raw, |start| &raw[..start]);
        open += content.strip_suffix('\\').unwrap_or(content);
        if content.ends_with('\\') {
            continue;
        }
        let line = std::mem::take(&mut open);
        let line = line.trim();
        let wanted = line.split(" --hash").next().unwrap_or_default().trim();
        if line.is_empty() || (!wanted.starts_with('-') && requirement(wanted).is_ok()) {
            continue;
        }
        let place = format!("{}:{}", Escaped(&path.to_string_lossy()), at + 1);
        let message = format!("{place}: `{}` is no requirement of an index", Escaped(wanted));
        return Err(CliError::undecided(message).hint(
            "options, other files, paths, URLs and repositories are not handed on; `uv export --no-emit-project` leaves \
             the project itself out",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Held, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        Held::read([path.as_path()].into_iter(), false).map_err(|error| error.message)
    }

    #[test]
    fn what_is_no_requirement_of_an_index_is_refused_before_anything_runs() {
        for line in [
            "-e .",
            "-e ./evil",
            "./evil",
            ".",
            "evil-1.0.tar.gz",
            "file:///evil-1.0.tar.gz",
            "evil @ https://other.example/evil-1.0.tar.gz",
            "git+https://other.example/evil",
            "--extra-index-url https://other.example/simple",
            "-i https://other.example/simple",
            "-r other.txt",
            "-c other.txt",
            "--find-links .",
            "--no-binary :all:",
            "a \\\n --config-settings x=y",
        ] {
            let error = read("requirements.txt", &format!("a>=1\n{line}\n")).err().expect(line);
            assert!(error.contains("requirements.txt:"), "{line}: {error}");
        }
        for name in ["pyproject.toml", "setup.py", "uv.lock", "environment.yml"] {
            assert!(read(name, "a\n").is_err(), "{name}");
        }
    }

    #[test]
    fn digests_are_kept_and_one_asks_for_all() {
        let digest = "a".repeat(64);
        let a: ProjectName = "a".parse().expect("a name");
        let b: ProjectName = "b".parse().expect("a name");
        let held =
            read("requirements.txt", "a[x]>=1 ; python_version>'3'\n# x\n\nb\n").expect("read");
        assert!(held.of(&a).expect("nothing is asked").is_none());
        let held = read("r.txt", &format!("a==1 \\\n  --hash=sha256:{digest}\n")).expect("read");
        assert!(held.of(&a).expect("locked").is_some());
        assert!(held.of(&b).is_err());
    }
}
