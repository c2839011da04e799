//! `requirements.txt` with hashes, as pip reads it:
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>.
//!
//! Where readers could differ on what a line means, it is refused. Markers are kept as they stand: they are
//! not evaluated, and the library that parses them takes time without a bound for those of real locks.

use pep440_rs::Operator;
use pep508_rs::VersionOrUrl;
use url::Url;

use super::{
    Lock, LockError, LockedFile, LockedProject, Reader, Unverifiable, UnverifiableKind, put,
};
use crate::dist::names;
use crate::report::Escaped;
use crate::requirement;

/// Options that say where and how to fetch. What is fetched is held against the digests, so they count for
/// nothing here. Those of the first list take a value.
const IGNORED_WITH_VALUE: &[&str] = &[
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--trusted-host",
    "--only-binary",
    "--only-final",
    "--no-binary",
    "--use-feature",
];
const IGNORED: &[&str] = &[
    "--no-build-isolation",
    "--no-index",
    "--pre",
    "--prefer-binary",
    "--require-hashes",
    "--use-pep517",
];

/// Options that pull in another file, which this reader cannot open.
const INCLUDES: &[&str] = &["-r", "--requirement", "-c", "--constraint"];

pub(super) fn parse(reader: &Reader<'_>) -> Result<Lock, LockError> {
    let mut lock = Lock::default();
    for (line, text) in logical_lines(reader)? {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.first() {
            None => {}
            Some(word) if word.starts_with('-') => option(reader, line, &words, &mut lock)?,
            Some(_) => project(reader, line, &words, &mut lock)?,
        }
    }
    Ok(lock)
}

/// Lines joined where they end in `\`, without comments, each with the number of its first.
fn logical_lines(reader: &Reader<'_>) -> Result<Vec<(usize, String)>, LockError> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let text = reader.text.strip_prefix('\u{feff}').unwrap_or(reader.text);
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        // pip, in Python, ends lines at these too: what is a comment here would be a requirement there.
        if raw.contains(|it: char| names::is_control(it) && it != '\t') {
            let message = "a control character, which some readers take for the end of a line";
            return Err(reader.error(number, message));
        }
        if index < 2 && raw.starts_with('#') && !utf8(raw) {
            return Err(reader.error(number, "the text names another encoding than UTF-8"));
        }
        let (content, comment) = match requirement::comment_start(raw) {
            Some(at) => (&raw[..at], true),
            None => (raw, false),
        };
        let continues = raw.ends_with('\\');
        // pip drops what follows such a comment, other readers do not.
        if comment && continues {
            return Err(reader.error(number, "a comment cannot be continued with `\\`"));
        }
        let (first, mut text) = open.take().unwrap_or((number, String::new()));
        text.push_str(content.strip_suffix('\\').unwrap_or(content));
        if continues {
            open = Some((first, text));
        } else {
            lines.push((first, text));
        }
    }
    lines.extend(open);
    Ok(lines)
}

/// Whether a comment that pip could take for the name of an encoding (PEP 263) names the one that is used
/// here.
fn utf8(comment: &str) -> bool {
    let named = |it: &str| {
        let name = it.trim_start().to_ascii_lowercase();
        let end = name.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c));
        matches!(&name[..end.unwrap_or(name.len())], "" | "utf-8" | "utf8")
    };
    ["coding:", "coding="].iter().flat_map(|word| comment.split(word).skip(1)).all(named)
}

/// A line that begins with an option.
fn option(
    reader: &Reader<'_>,
    line: usize,
    words: &[&str],
    lock: &mut Lock,
) -> Result<(), LockError> {
    let (name, rest) = split_option(words[0]);
    let value = rest.unwrap_or_else(|| words.get(1).copied().unwrap_or_default());
    if INCLUDES.contains(&name) {
        let message = format!("`{name} {}` includes another file", Escaped(value));
        return Err(LockError {
            hint: Some("give the included files each with `-r`, or lock into one file"),
            ..reader.error(line, message)
        });
    }
    if matches!(name, "-e" | "--editable") {
        let kind = UnverifiableKind::Editable;
        lock.unverifiable.push(Unverifiable { name: value.to_owned(), kind, line });
        return Ok(());
    }
    let words_taken = 1 + usize::from(IGNORED_WITH_VALUE.contains(&name) && rest.is_none());
    let known = IGNORED.contains(&name) || IGNORED_WITH_VALUE.contains(&name);
    if !known || words.len() != words_taken {
        let text = Escaped(words[0]).to_string();
        return Err(reader.error(line, format!("the option `{text}` is not known here")));
    }
    let note = format!("line {line}: `{name}` says how to fetch, and counts for nothing here");
    lock.notes.push(note);
    Ok(())
}

/// An option's name, and its value where that is in the same word.
fn split_option(word: &str) -> (&str, Option<&str>) {
    if let Some((name, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return (name, Some(value));
    }
    // `-rfile`: the short ones are all of one letter.
    match word.is_char_boundary(2).then(|| word.split_at(2)) {
        Some((name, value)) if !word.starts_with("--") && !value.is_empty() => (name, Some(value)),
        _ => (word, None),
    }
}

/// A line that asks for a project.
fn project(
    reader: &Reader<'_>,
    line: usize,
    words: &[&str],
    lock: &mut Lock,
) -> Result<(), LockError> {
    let end = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
    let (asked, options) = words.split_at(end);
    let text = asked.join(" ");
    if let Some((name, kind)) = direct(&text) {
        lock.unverifiable.push(Unverifiable { name, kind, line });
        return Ok(());
    }
    let not_one = |why: &str| {
        reader.error(line, format!("not a requirement: `{}`: {}", Escaped(&text), Escaped(why)))
    };
    let (asked, marker) = match text.split_once(';') {
        Some((asked, marker)) => (asked, Some(marker.trim().to_owned())),
        None => (text.as_str(), None),
    };
    if marker.as_deref().is_some_and(|marker| marker.is_empty() || !marker.is_ascii()) {
        return Err(not_one("its marker is empty, or not ASCII"));
    }
    let parsed = requirement::parse::<Url>(asked).map_err(|error| not_one(&error.to_string()))?;
    let name = reader.name(line, parsed.name.as_ref())?;
    let files = hashes(reader, line, &text, options)?;
    let pinned = match &parsed.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => match &specifiers[..] {
            [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => {
                Some(only.version().clone())
            }
            _ => None,
        },
        _ => None,
    };
    let Some(version) = pinned else {
        let kind = UnverifiableKind::Unpinned;
        lock.unverifiable.push(Unverifiable { name: name.to_string(), kind, line });
        return Ok(());
    };
    put(lock, LockedProject { name, version, files, marker, line });
    Ok(())
}

/// The name and kind of a requirement that is a place and not a version: `name @ place`, or a place alone.
fn direct(text: &str) -> Option<(String, UnverifiableKind)> {
    // In an address a semicolon ends nothing unless a blank is before it.
    let end = if text.contains("://") { " ;" } else { ";" };
    let asked = text.split(end).next().unwrap_or(text);
    let (name, place) = match asked.split_once('@') {
        // A name and extras before it, and not the user of an address.
        Some((name, place)) if !name.contains([':', '/']) => {
            (name.split('[').next().unwrap_or(name).trim(), place.trim())
        }
        _ => (asked, asked),
    };
    let kind = match place.split_once("://") {
        Some((scheme, _)) if scheme.contains('+') => UnverifiableKind::Vcs,
        Some(("file", _)) => UnverifiableKind::Path,
        Some(_) => UnverifiableKind::Url,
        None if name != place
            || place.starts_with(['.', '/'])
            || place.contains(['/', '\\'])
            || place.ends_with(".whl")
            || place.ends_with(".tar.gz") =>
        {
            UnverifiableKind::Path
        }
        None => return None,
    };
    Some((name.to_owned(), kind))
}

/// `--hash=sha256:…`, each for one file. Nothing else may follow a requirement.
fn hashes(
    reader: &Reader<'_>,
    line: usize,
    asked: &str,
    options: &[&str],
) -> Result<Vec<LockedFile>, LockError> {
    let mut files = Vec::new();
    let mut options = options.iter();
    while let Some(word) = options.next() {
        let value = match word.split_once('=') {
            Some(("--hash", value)) => value,
            None if *word == "--hash" => options.next().copied().unwrap_or_default(),
            _ => {
                let (word, asked) = (Escaped(word).to_string(), Escaped(asked));
                let message = format!("the option `{word}` of `{asked}` is not known here");
                return Err(reader.error(line, message));
            }
        };
        // Installers take a file that has any one of these, whatever the algorithm.
        let sha256 = reader.hash(line, value)?;
        files.push(LockedFile { sha256, ..LockedFile::default() });
    }
    Ok(files)
}
