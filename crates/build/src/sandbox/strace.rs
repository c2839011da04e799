//! The lines that strace writes: one call each, strings quoted and escaped.
//!
//! Everything in quotes was chosen by the job. A line that does not read as expected is left out:
//! it can hide nothing, since strace alone writes the file and one line holds one call.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The calls that are traced: exec, and what decides where a relative path leads.
pub(super) const CALLS: &str = "execve,execveat,chdir,fchdir,clone,clone3,fork,vfork,\
     unshare,setns,chroot,pivot_root,mount,move_mount";
/// The calls that open files.
pub(super) const OPENS: &str = "open,openat,openat2";

/// One line, without the process number before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Call(&'a str),
    Unfinished(&'a str),
    Resumed(&'a str),
    Ended,
}

impl<'a> Line<'a> {
    /// Takes the process number off a line.
    pub fn split(line: &'a str) -> Option<(u32, Self)> {
        let (pid, rest) = line.trim().split_once(' ')?;
        let (pid, rest) = (pid.parse().ok()?, rest.trim_start());
        let line = if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            Self::Unfinished(start.trim_end())
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            Self::Resumed(resumed.split_once(" resumed>")?.1)
        } else if rest.starts_with("+++ exited") || rest.starts_with("+++ killed") {
            Self::Ended
        } else {
            Self::Call(rest)
        };
        Some((pid, line))
    }
}

/// A call that succeeded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A program took over a process.
    Exec { path: PathBuf, name: Option<String> },
    /// The process is in another directory now.
    Chdir(PathBuf),
    /// A process (or thread, which shares its directory) was started; its number as strace sees it.
    Child { pid: u32, shares_cwd: bool },
    /// A file was opened: its real path.
    Open(PathBuf),
    /// A process made itself another view of the files, in which a path means something else.
    OtherView(String),
}

/// Reads a whole call; `None` for one that failed or is of no interest.
pub(super) fn parse(call: &str) -> Option<Event> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, after) = arguments(rest)?;
    let after = after.trim();
    let result = after.strip_prefix('=').map(str::trim_start);
    let succeeded = result.is_some_and(|value| value.starts_with(|c: char| c.is_ascii_digit()));
    match name {
        // An exec by a thread ends the others and takes the process's number.
        "execve" | "execveat" if succeeded || after.starts_with("<pid changed") => {
            exec(name, arguments)
        }
        _ if !succeeded => None,
        "chdir" => Some(Event::Chdir(quoted(arguments)?.0)),
        "fchdir" => Some(Event::Chdir(descriptor(arguments)?.0)),
        "open" | "openat" | "openat2" if !arguments.contains("O_DIRECTORY") => {
            Some(Event::Open(descriptor(result?)?.0))
        }
        "unshare" | "setns" | "chroot" | "pivot_root" | "mount" | "move_mount" => {
            Some(Event::OtherView(name.to_owned()))
        }
        "clone" | "clone3" if arguments.contains("CLONE_NEW") => {
            Some(Event::OtherView(name.to_owned()))
        }
        "clone" | "clone3" | "fork" | "vfork" => {
            let result = result?;
            // `3 /* 27157 in strace's PID NS */` from a process with other numbers.
            let pid = match result.split_once("/*") {
                Some((_, comment)) => comment.trim_start().split(' ').next()?,
                None => result,
            };
            Some(Event::Child {
                pid: pid.parse().ok()?,
                shares_cwd: arguments.contains("CLONE_FS"),
            })
        }
        _ => None,
    }
}

fn exec(call: &str, arguments: &str) -> Option<Event> {
    let (path, rest) = if call == "execve" {
        quoted(arguments)?
    } else {
        let (directory, rest) = descriptor(arguments)?;
        let (path, rest) = quoted(rest.trim_start_matches([',', ' ']))?;
        // With AT_EMPTY_PATH the descriptor is the program itself.
        let whole = if path.as_os_str().is_empty() { directory } else { directory.join(path) };
        (whole, rest)
    };
    let name = rest
        .strip_prefix(", [")
        .and_then(quoted)
        .map(|(name, _)| name.to_string_lossy().into_owned());
    Some(Event::Exec { path, name })
}

/// Splits the arguments of a call from what follows its closing parenthesis.
fn arguments(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (1, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            // `<` and `>` inside a path are escaped, and so are quotes inside quotes.
            b'<' if text[at..].starts_with("<pid changed") => {
                return Some((&text[..at], &text[at..]));
            }
            b'<' => at += text[at..].find('>')?,
            b'"' => at += quoted_length(&bytes[at..])? - 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += 1;
    }
    None
}

/// Bytes of the quoted string at the start, quotes included.
fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while *bytes.get(at)? != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// Reads `"…"` and returns what follows.
fn quoted(text: &str) -> Option<(PathBuf, &str)> {
    if !text.starts_with('"') {
        return None;
    }
    let length = quoted_length(text.as_bytes())?;
    let rest = text.get(length..)?;
    Some((path(unescape(text.get(1..length - 1)?)?), rest))
}

/// Reads `3</path>` or `AT_FDCWD</path>` and returns what follows.
fn descriptor(text: &str) -> Option<(PathBuf, &str)> {
    let (_, rest) = text.split_once('<')?;
    let (inner, rest) = rest.split_once('>')?;
    Some((path(unescape(inner)?), rest))
}

fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// Undoes strace's escapes: those of C, octal of one to three digits, hexadecimal of two.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        at += 1;
        let (byte, length) = match *bytes.get(at)? {
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'r' => (b'\r', 1),
            b'f' => (0x0c, 1),
            b'v' => (0x0b, 1),
            b'x' => (u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?, 3),
            b'0'..=b'7' => {
                let digits = bytes[at..].iter().take(3);
                let length = digits.take_while(|b| matches!(b, b'0'..=b'7')).count();
                (u8::from_str_radix(&text[at..at + length], 8).ok()?, length)
            }
            other => (other, 1),
        };
        out.push(byte);
        at += length;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exec_of(path: &str, name: &str) -> Option<Event> {
        Some(Event::Exec { path: path.into(), name: Some(name.into()) })
    }

    #[test]
    fn exec_lines() {
        for (line, event) in [
            (
                r#"execve("/usr/bin/id", ["id", "-u"], 0x55 /* 3 vars */) = 0"#,
                exec_of("/usr/bin/id", "id"),
            ),
            (
                r#"execve("/t/a<b>\"\nx \303\251", ["/t/aaaa"...], 0x7f /* 35 vars */) = 0"#,
                exec_of("/t/a<b>\"\nx é", "/t/aaaa"),
            ),
            (
                r#"execve("/x", [") = -1 \"", "b"], 0x7f /* 35 vars */) = 0"#,
                exec_of("/x", ") = -1 \""),
            ),
            (
                r#"execve("/x", ["x"], 0x7f /* 35 vars */ <pid changed to 7577 ...>"#,
                exec_of("/x", "x"),
            ),
            (
                r#"execveat(3</usr/bin/true>, "", ["t"], 0x7f, AT_EMPTY_PATH) = 0"#,
                exec_of("/usr/bin/true", "t"),
            ),
            (
                r#"execveat(AT_FDCWD</usr>, "bin/true", ["t"], 0x7f, 0) = 0"#,
                exec_of("/usr/bin/true", "t"),
            ),
            (
                r#"execve("/x", NULL, NULL) = 0"#,
                Some(Event::Exec { path: "/x".into(), name: None }),
            ),
            // What failed did not run, whatever its arguments say.
            (r#"execve("/x", [") = 0"], 0x7f /* 35 vars */) = -1 ENOENT (No such file) = 0"#, None),
            (r#"execve("/x", ["x"], 0x7f /* 35 vars */) = ?"#, None),
            (r#"execve("/x", ["x"#, None),
        ] {
            assert_eq!(parse(line), event, "{line}");
        }
    }

    #[test]
    fn other_lines() {
        for (line, event) in [
            (r"fchdir(5</a\76 (b>) = 0", Some(Event::Chdir("/a> (b".into()))),
            (
                r#"openat(AT_FDCWD</b>, "../lib/x.h", O_RDONLY) = 3</usr/lib/x = 4.h>"#,
                Some(Event::Open("/usr/lib/x = 4.h".into())),
            ),
            (r#"openat(AT_FDCWD</b>, "x", O_RDONLY|O_DIRECTORY) = 3</usr/include>"#, None),
            (
                "clone3({flags=CLONE_VM|CLONE_FS, stack=0x7f} => {parent_tid=[6353]}, 88) = 6353",
                Some(Event::Child { pid: 6353, shares_cwd: true }),
            ),
            (
                "vfork() = 3 /* 27157 in strace's PID NS */",
                Some(Event::Child { pid: 27157, shares_cwd: false }),
            ),
        ] {
            assert_eq!(parse(line), event, "{line}");
        }
    }

    #[test]
    fn parts_of_lines() {
        assert_eq!(
            Line::split("27  <... vfork resumed>) = 3\n"),
            Some((27, Line::Resumed(") = 3")))
        );
        assert_eq!(
            Line::split("27 vfork( <unfinished ...>"),
            Some((27, Line::Unfinished("vfork(")))
        );
        assert_eq!(Line::split("27 +++ exited with 0 +++"), Some((27, Line::Ended)));
        assert_eq!(Line::split("strace: something"), None);
    }

    /// As strace's `string_quote` with octal escapes: short where no digit follows.
    fn escape(bytes: &[u8]) -> String {
        let mut text = String::new();
        for (at, &byte) in bytes.iter().enumerate() {
            let digit_follows = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            match byte {
                b'"' | b'\\' => text.extend(['\\', byte as char]),
                b'\n' => text.push_str("\\n"),
                b' '..=b'~' if byte != b'<' && byte != b'>' => text.push(byte as char),
                _ if digit_follows => text.push_str(&format!("\\{byte:03o}")),
                _ => text.push_str(&format!("\\{byte:o}")),
            }
        }
        text
    }

    proptest! {
        #[test]
        fn a_path_of_any_bytes_is_read_back(bytes in prop::collection::vec(1u8..=255, 0..40)) {
            let line = format!("execve(\"{}\", [\"x\"], 0x1 /* 0 vars */) = 0", escape(&bytes));
            let expected = Event::Exec { path: path(bytes.clone()), name: Some("x".into()) };
            prop_assert_eq!(parse(&line), Some(expected));
            let line = format!("fchdir(3<{}>) = 0", escape(&bytes));
            prop_assert_eq!(parse(&line), Some(Event::Chdir(path(bytes))));
        }

        #[test]
        fn no_line_panics(line in ".{0,80}") {
            let _ = Line::split(&line);
            let _ = parse(&line);
            let _ = parse(&format!("execve({line}"));
        }
    }
}
