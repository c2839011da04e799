//! The files of requirements that an installer is given. They are read here first: what is in them that is no
//! requirement of an index would be built or fetched by the installer before anything is verified. It is handed what was
//! read, written anew: two readers may end a line, or find a file, at different places.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pep440_rs::Version;
use tempfile::TempDir;
use wheelmark_build::environment::project::requirement;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::limits::LOCK_FILE;
use wheelmark_core::lock::{Lock, LockFormat, LockedProject, UnverifiableKind};
use wheelmark_core::report::Escaped;
use wheelmark_core::requirement::comment_start;

use super::{Direct, OF_FILES, direct};
use crate::batch::{Locked, locked};
use crate::error::{CliError, shown};
use crate::input;

/// What the files lock by digests, and what is handed on of them.
pub struct Held {
    locked: Vec<Locked>,
    /// Whether every file that is installed must be one that they lock.
    all: bool,
    /// A folder of each one's own, by the path that was given.
    written: BTreeMap<PathBuf, PathBuf>,
    folder: TempDir,
    /// What they name that is no file of an index.
    pub(super) direct: Vec<Direct>,
}

impl Held {
    /// Reads the files, each with whether what it names is to be installed, which constraints are not; `hashes` is that
    /// each must be locked.
    pub(super) fn read<'a>(
        files: impl Iterator<Item = (&'a Path, bool)>,
        hashes: bool,
    ) -> Result<Self, CliError> {
        let folder = TempDir::with_prefix("wheelmark-")
            .map_err(|error| CliError::io("make a folder in", &std::env::temp_dir(), &error))?;
        let mut held = Self {
            locked: Vec::new(),
            all: hashes,
            written: BTreeMap::new(),
            folder,
            direct: Vec::new(),
        };
        for (path, installs) in files {
            let (name, text) = held.add(path, installs)?;
            let own = held.folder.path().join(held.written.len().to_string());
            let copy = own.join(name);
            std::fs::create_dir(&own)
                .and_then(|()| std::fs::write(&copy, text))
                .map_err(|error| CliError::io("write", &copy, &error))?;
            held.written.insert(path.to_owned(), copy);
        }
        Ok(held)
    }

    /// The arguments with what is handed on in place of each file.
    pub(super) fn instead(&self, asked: &[OsString]) -> Vec<OsString> {
        let mut words = Vec::new();
        let mut is_file = false;
        for word in asked {
            let copy = self.written.get(Path::new(word)).filter(|_| is_file);
            words.push(copy.map_or_else(|| word.clone(), |copy| copy.clone().into_os_string()));
            is_file = OF_FILES.iter().any(|name| word == *name);
        }
        words
    }

    /// Reads a file: the name and the text of what is handed on.
    fn add(&mut self, path: &Path, installs: bool) -> Result<(&'static str, String), CliError> {
        let text = input::read_text(path, LOCK_FILE)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (format, handed) = match LockFormat::of(&name) {
            Some(LockFormat::Pylock) => (LockFormat::Pylock, ("pylock.toml", text.clone())),
            _ if name.ends_with(".txt") || name.ends_with(".in") => {
                let handed = ("requirements.txt", self.plain(path, &text, installs)?);
                if !handed.1.contains("--hash") {
                    return Ok(handed);
                }
                (LockFormat::Requirements, handed)
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
        // Of a file that was read line by line these are what the policy is asked about.
        let is_asked = |kind| match format {
            LockFormat::Pylock => false,
            _ => matches!(kind, UnverifiableKind::Vcs | UnverifiableKind::Editable),
        };
        if let Some(entry) = lock.unverifiable.iter().find(|entry| !is_asked(entry.kind)) {
            let at = format!("{}:{}", Escaped(&path.to_string_lossy()), entry.line);
            let (name, what) = (Escaped(&entry.name), entry.kind.explanation());
            return Err(CliError::undecided(format!("{at}: `{name}` {what}"))
                .hint("`uv export --no-emit-project` leaves the project itself out"));
        }
        for entry in &lock.entries {
            self.held_once(path, entry)?;
        }
        self.all = true;
        self.locked.extend(
            lock.entries
                .into_iter()
                .map(|entry| Locked { lock: PathBuf::from(path), project: Arc::new(entry) }),
        );
        Ok(handed)
    }

    /// Each line is a requirement of an index, with its digests; nothing else of it is handed on.
    fn plain(&mut self, path: &Path, text: &str, installs: bool) -> Result<String, CliError> {
        let (mut written, mut open) = (String::new(), String::new());
        for (at, raw) in text.lines().enumerate() {
            let place = format!("{}:{}", Escaped(&path.to_string_lossy()), at + 1);
            let content = comment_start(raw).map_or(raw, |start| &raw[..start]);
            open += content.strip_suffix('\\').unwrap_or(content);
            if content.ends_with('\\') {
                continue;
            }
            let line = std::mem::take(&mut open);
            let mut words = line.trim().split(" --hash=");
            let wanted = words.next().unwrap_or_default().trim();
            if line.trim().is_empty() {
                continue;
            }
            if let Some(one) = named_directly(line.trim()).filter(|_| installs) {
                self.direct.push(one.map_err(|error| error.at(&place))?);
                continue;
            }
            let requirement = of_an_index(wanted).filter(|_| !line.chars().any(char::is_control));
            let digests: Option<Vec<_>> = words.map(|it| digest(it.trim())).collect();
            let (Some(requirement), Some(digests)) = (requirement, digests) else {
                let message =
                    format!("{place}: `{}` is no requirement of an index", Escaped(line.trim()));
                return Err(CliError::undecided(message).hint(
                "options, other files, paths and URLs are not handed on, and of repositories only `NAME @ \
                 git+https://host/path@COMMIT`; `uv export --no-emit-project` leaves the project itself out",
            ));
            };
            written += &requirement;
            for digest in digests {
                written += &format!(" --hash={digest}");
            }
            written.push('\n');
        }
        Ok(written)
    }

    /// Of a project that two files lock only what one says is held: not where one says who attested it.
    fn held_once(&self, path: &Path, entry: &LockedProject) -> Result<(), CliError> {
        let other = |it: &&Locked| it.lock != path && it.project.name == entry.name;
        let Some(other) = self.locked.iter().find(other) else { return Ok(()) };
        let names_some =
            |it: &LockedProject| it.files.iter().any(|file| !file.identities.is_empty());
        if !names_some(entry) && !names_some(&other.project) {
            return Ok(());
        }
        let (place, before) =
            (locked::at(path, entry.line), locked::at(&other.lock, other.project.line));
        Err(CliError::undecided(format!(
            "{place}: `{}` is locked at {before} too, and one of them says who attested it",
            entry.name
        ))
        .hint("lock it in one file"))
    }

    /// What locks a release. Of a project that is locked at several versions, each under a marker, it is the one that the
    /// installer chose; at no other version than these.
    ///
    /// # Errors
    /// Where nothing does, and something must.
    pub fn of(&self, project: &ProjectName, version: &Version) -> Result<Option<Locked>, CliError> {
        let of_project = || self.locked.iter().filter(|locked| locked.project.name == *project);
        let of_version = of_project().find(|locked| locked.project.version == *version);
        match of_version.or_else(|| of_project().next()) {
            None if self.all => Err(CliError::undecided(format!(
                "no digest of `{project}` is in the files of requirements, of which some have digests"
            ))
            .hint("`uv export` and `uv pip compile --generate-hashes` write those of all")),
            found => Ok(found.cloned()),
        }
    }
}

/// What a line names that is no file of an index.
fn named_directly(line: &str) -> Option<Result<Direct, CliError>> {
    if line.chars().any(char::is_control) {
        return None;
    }
    let folder = ["-e ", "--editable ", "--editable="].iter().find_map(|it| line.strip_prefix(it));
    folder.map(|it| direct::editable(it.trim())).or_else(|| direct::revision(line).map(Ok))
}

/// `sha256:…` and its like.
fn digest(text: &str) -> Option<&str> {
    let (algorithm, hex) = text.split_once(':')?;
    let is_hex = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex && algorithm.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(text)
}

/// A name with extras, specifiers and a marker, written anew: not a URL, a path or a repository, which no index lists.
pub(super) fn of_an_index(text: &str) -> Option<String> {
    // pip takes any word of such an end for a file.
    let archives = [
        ".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz",
        ".lzma", ".lz",
    ];
    let folded = text.to_ascii_lowercase();
    if archives.iter().any(|end| folded.ends_with(end))
        || text.contains(['/', '\\']) && !text.contains(';')
    {
        return None;
    }
    requirement(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Held, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        Held::read([(path.as_path(), true)].into_iter(), false).map_err(|error| error.message)
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
            "a\r--no-binary a",
            "a\u{c}--index-url https://other.example/simple",
            "a.TAR.GZ",
            "a==1 --hash=sha256:00 --no-binary a",
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
        let (one, two): (Version, Version) = ("1".parse().expect("1"), "2".parse().expect("2"));
        let held = read("requirements.txt", "a[x]>=1\n# x\n\nb\n").expect("read");
        assert!(held.of(&a, &one).expect("nothing is asked").is_none());
        let held = read("r.txt", &format!("a==1 \\\n  --hash=sha256:{digest}\n")).expect("read");
        assert!(held.of(&a, &one).expect("locked").is_some());
        assert!(held.of(&b, &one).is_err());
        // At two versions, each under a marker: that of the one that was chosen.
        let line = |version: &str, marker: &str, digest: &str| {
            format!("a=={version} ; python_version {marker} \\\n  --hash=sha256:{digest}\n")
        };
        let (old, new) = ("b".repeat(64), "c".repeat(64));
        let both = line("1", "< '3.9'", &old) + &line("2", ">= '3.9'", &new);
        let held = read("r.txt", &both).expect("read");
        for (version, digest) in [(&one, &old), (&two, &new)] {
            let locked = held.of(&a, version).expect("locked").expect("an entry");
            assert_eq!(locked.project.version, *version);
            assert!(locked.project.has(digest.parse().expect("a digest")));
        }
    }

    #[test]
    fn who_attested_it_is_not_lost_between_two_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let digest = "a".repeat(64);
        let package = format!(
            "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nwheels = \
             [{{ name = \"a-1-py3-none-any.whl\", hashes = {{ sha256 = \"{digest}\" }} }}]\n"
        );
        let identity =
            "[[packages.attestation-identities]]\nkind = \"Google\"\nemail = \"a@b.example\"\n";
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let plain = write("r.txt", &format!("a==1 --hash=sha256:{digest}\n"));
        let without = write("pylock.toml", &package);
        let with = write("pylock.a.toml", &(package + identity));
        let read =
            |files: [&PathBuf; 2]| Held::read(files.map(|it| (&**it, true)).into_iter(), false);
        assert!(read([&plain, &without]).is_ok());
        for files in [[&plain, &with], [&with, &plain]] {
            let error = read(files).err().expect("refused");
            assert!(error.message.contains("says who attested it"), "{}", error.message);
        }
    }

    /// However another reader ends its lines, and whatever stands in the file when it is read again.
    #[test]
    fn only_what_was_read_is_handed_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.in");
        let text = "# x\r--no-binary a\na [x] == 1 \\\n ; os_name != 'nt' # y\r-e .\n";
        std::fs::write(&path, text).expect("written");
        let held = Held::read([(path.as_path(), true)].into_iter(), false);
        let held = held.map_err(|error| error.message).expect("read");
        std::fs::write(&path, "-e .").expect("written");
        let asked = ["--requirement".into(), path.into_os_string()];
        let copy = std::fs::read_to_string(&held.instead(&asked)[1]).expect("the copy");
        assert_eq!(copy, "a[x]==1 ; os_name != 'nt'\n");
    }
}
