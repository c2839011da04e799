//! The command line of an installer. What is not known here is refused: an option that adds an index, or a source that
//! is no file of one, would bring in what nobody verifies.

use std::ffi::OsString;
use std::path::Path;

use wheelmark_core::report::Escaped;

use super::{Installer, Kind, OF_FILES, direct, files};
use crate::error::CliError;

/// What an option is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// What is installed.
    What,
    /// Where and how.
    Where,
}

/// An option: its names, whether a value follows, and what it is about.
type Known = (&'static [&'static str], bool, About);

const OF_BOTH: &[Known] = &[
    (&["-r", "--requirement", "--requirements"], true, About::What),
    (&["-c", "--constraint", "--constraints"], true, About::What),
    (&["--no-deps"], false, About::What),
    (&["--require-hashes"], false, About::What),
    (&["-U", "--upgrade"], false, About::What),
    (&["-t", "--target"], true, About::Where),
    (&["--prefix"], true, About::Where),
    (&["--break-system-packages"], false, About::Where),
    (&["-q", "--quiet"], false, About::Where),
];
const OF_PIP: &[Known] = &[
    (&["--pre"], false, About::What),
    (&["--upgrade-strategy"], true, About::What),
    (&["--user"], false, About::Where),
    (&["--root"], true, About::Where),
    (&["--force-reinstall"], false, About::Where),
    (&["-I", "--ignore-installed"], false, About::Where),
    (&["--compile"], false, About::Where),
    (&["--no-compile"], false, About::Where),
    (&["--no-warn-script-location"], false, About::Where),
];
const OF_UV: &[Known] = &[
    (&["--prerelease"], true, About::What),
    (&["--resolution"], true, About::What),
    (&["-P", "--upgrade-package"], true, About::What),
    (&["-p", "--python"], true, About::Where),
    (&["--system"], false, About::Where),
    (&["--reinstall"], false, About::Where),
    (&["--link-mode"], true, About::Where),
    (&["--compile-bytecode"], false, About::Where),
];

/// Reads `pip install …`, `python -m pip install …` or `uv pip install …`.
pub(super) fn parse(words: &[OsString]) -> Result<Installer, CliError> {
    let (kind, length) = program(words)?;
    let known = match kind {
        Kind::Pip => OF_PIP,
        Kind::Uv => OF_UV,
    };
    let (mut asked, mut place, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    let mut names_some = false;
    let mut rest = words[length..].iter();
    while let Some(word) = rest.next() {
        let text = word.to_str().ok_or_else(|| CliError::usage("an argument is not UTF-8"))?;
        if !text.starts_with('-') {
            if let Some(revision) = direct::revision(text) {
                direct.push(revision);
                continue;
            }
            // Written anew: what is a name to one reader may be a file to another.
            asked.push(requirement_of_an_index(text)?.into());
            names_some = true;
            continue;
        }
        let (name, given) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (text, None),
        };
        if name == "-e" || name == "--editable" {
            let value = given.or_else(|| rest.next()?.to_str());
            let value = value.ok_or_else(|| CliError::usage(format!("`{name}` needs a value")))?;
            direct.push(direct::editable(value)?);
            continue;
        }
        let option = OF_BOTH.iter().chain(known).find(|(names, ..)| names.contains(&name));
        let Some((names, valued, about)) = option else {
            let message = format!("`{}` is not an option that is handed on", Escaped(name));
            return Err(CliError::usage(message).hint(hint(name, known)));
        };
        // By one name each, so that it is found again.
        let mut words = vec![OsString::from(names[names.len().min(2) - 1])];
        match (valued, given) {
            (true, Some(value)) => words.push(value.into()),
            (true, None) => words.push(
                rest.next()
                    .cloned()
                    .ok_or_else(|| CliError::usage(format!("`{}` needs a value", Escaped(name))))?,
            ),
            (false, None) => {}
            (false, Some(_)) => {
                return Err(CliError::usage(format!("`{}` takes no value", Escaped(name))));
            }
        }
        names_some |= words[0] == OF_FILES[0];
        if *about == About::Where {
            place.extend(words.iter().cloned());
        }
        // What is asked must be told.
        if words[0] != "--quiet" {
            asked.extend(words);
        }
    }
    let program = words[..length].to_vec();
    Ok(Installer { kind, program, asked, place, direct, names_some })
}

/// What to do about an option that is not handed on.
fn hint(name: &str, known: &[Known]) -> String {
    match name {
        "-i" | "--index-url" | "--default-index" | "--index" => {
            "give `--index URL` before the `--`: that index is asked, and no other".to_owned()
        }
        "--extra-index-url" => "give each index by `--index URL` before the `--`, the default one first; of which one a \
                                project is, `indexes` of its rule in the policy says"
            .to_owned(),
        "--policy" | "--at" | "--json" | "--key" | "--trust" => {
            "give it before the `--`".to_owned()
        }
        _ => {
            let names = OF_BOTH.iter().chain(known).flat_map(|(names, ..)| names.iter());
            let names: Vec<_> = names.copied().collect();
            format!("handed on are {}", names.join(", "))
        }
    }
}

/// Which installer it is, and how many words say that.
fn program(words: &[OsString]) -> Result<(Kind, usize), CliError> {
    let name = words.first().map(|word| Path::new(word).file_name().unwrap_or_default());
    let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let versioned = |stem: &str| {
        let rest = name.strip_suffix(".exe").unwrap_or(&name).strip_prefix(stem);
        rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let follow = |expected: &[&str]| {
        let found = words.iter().skip(1).take(expected.len());
        found.eq(expected.iter())
    };
    if versioned("pip") && follow(&["install"]) {
        Ok((Kind::Pip, 2))
    } else if versioned("python") && follow(&["-m", "pip", "install"]) {
        Ok((Kind::Pip, 4))
    } else if name == "uv" && follow(&["pip", "install"]) {
        Ok((Kind::Uv, 3))
    } else {
        let by_lock =
            ["sync", "add", "run"].iter().any(|it| words.get(1).is_some_and(|word| word == it));
        let hint = match name == "uv" && by_lock {
            true => {
                "uv would fetch what its lock names by itself: `uv export --frozen --no-emit-project -o requirements.txt` \
                 writes that with its digests, and `uv pip install -r requirements.txt` after `--` installs it; nothing is \
                 removed by that, and the project itself is `-e .`, where the policy exempts it"
            }
            false => {
                "give `pip install …`, `python -m pip install …` or `uv pip install …` after `--`"
            }
        };
        Err(CliError::usage("the command is not one that can be verified").hint(hint))
    }
}

/// A name with extras, specifiers and a marker: not a URL, a path or a repository, which no index lists.
fn requirement_of_an_index(text: &str) -> Result<String, CliError> {
    let wrong = || {
        CliError::usage(format!("`{}` is not a requirement of an index", Escaped(text))).hint(
            "paths and URLs are installed without wheelmark, by whoever trusts them; a repository is written `NAME @ \
             git+https://host/path@COMMIT`, with the full commit id, and is installed where the policy exempts it",
        )
    };
    files::of_an_index(text).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Kind, Vec<String>, Vec<String>), String> {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        let text = |words: Vec<OsString>| -> Vec<String> {
            words.into_iter().map(|word| word.into_string().expect("UTF-8")).collect()
        };
        parse(&words)
            .map(|it| (it.kind, text(it.asked), text(it.place)))
            .map_err(|error| error.message)
    }

    #[test]
    fn what_is_asked_and_where_it_goes_are_told_apart() {
        let (kind, asked, place) =
            parsed("/v/bin/pip3.12 install --target=x -r r.txt a[b]>=1 --no-deps -q")
                .expect("known");
        assert_eq!(kind, Kind::Pip);
        assert_eq!(asked, ["--target", "x", "--requirement", "r.txt", "a[b]>=1", "--no-deps"]);
        assert_eq!(place, ["--target", "x", "--quiet"]);
        let (kind, _, place) = parsed("uv pip install -p 3.12 --system a").expect("known");
        assert_eq!(
            (kind, place),
            (Kind::Uv, vec!["--python".into(), "3.12".into(), "--system".into()])
        );
        assert!(parsed("python3 -m pip install a").is_ok());
    }

    /// pip takes a word for a file by its end, whatever is in brackets or after a semicolon behind that; a name is handed
    /// on in the one form that is no path.
    #[test]
    fn what_could_be_a_file_is_refused_or_handed_on_as_a_name() {
        for word in ["a-1.0.whl[x]", "a-1.0.zip;os_name!='nt'", "a-1.0.tar.gz[x];os_name!='nt'"] {
            assert!(parsed(&format!("pip install {word}")).is_err(), "{word}");
        }
        let (_, asked, _) = parsed("pip install A.B_c[x]>=1;os_name!='nt'").expect("a name");
        assert_eq!(asked, ["a-b-c[x]>=1 ; os_name != 'nt'"]);
    }

    #[test]
    fn what_uv_installs_by_its_lock_is_told_how_else() {
        for line in ["uv sync", "uv sync --frozen", "uv add a", "uv run a"] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            let error = parse(&words).err().expect(line);
            let hint = error.hint.expect("a hint");
            assert!(
                hint.contains("uv export --frozen") && hint.contains("uv pip install -r"),
                "{hint}"
            );
        }
    }

    #[test]
    fn what_would_bring_in_something_else_is_refused() {
        for line in [
            "pip install -e .",
            "pip install .",
            "pip install ./a-1.0-py3-none-any.whl",
            "pip install a.TAR.GZ",
            "pip install git+https://example.org/a",
            "pip install https://example.org/a-1.0-py3-none-any.whl",
            "pip install --extra-index-url https://other.example/simple a",
            "pip install -i https://other.example/simple a",
            "pip install --find-links . a",
            "pip install -f. a",
            "pip install --no-binary :all: a",
            "pip install --report x a",
            "pip install --system a",
            "pip install -r",
            "pip install --no-deps=1 a",
            "uv pip install --index https://other.example/simple a",
            "uv pip install --default-index https://other.example/simple a",
            "uv pip sync r.txt",
            "uv add a",
            "pip download a",
            "sh -c pip",
            "notpip install a",
            "pip-evil install a",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
