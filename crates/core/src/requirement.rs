//! Requirements (PEP 508) and versions (PEP 440) in text from outside: bounded first, then parsed.
//!
//! The library parses markers recursively and keeps them as decision diagrams, which grow exponentially
//! with the number of terms. So the text is bounded before the library sees it, by counts that need no
//! understanding of the text and cannot be misled: of bytes, of parentheses, of quotes.

use std::str::FromStr as _;

use pep440_rs::Version;
use pep508_rs::{Pep508Url, Requirement};

use crate::filename::ProjectName;
use crate::limits::{
    REQUIREMENT_LENGTH, REQUIREMENT_PARENTHESES, REQUIREMENT_QUOTES, VERSION_LENGTH,
};

/// Why a text is no requirement that is read. None of the messages shows more of the text, which may be
/// long and is not escaped, than a name of ASCII letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// More of something than the bound allows.
    #[error("it has {found} {what}, and at most {limit} are read")]
    TooMuch {
        /// What is counted.
        what: &'static str,
        /// How much of it there is.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Not in the notation of PEP 508.
    #[error("{0}")]
    Malformed(String),
}

/// Reads a requirement in the notation of PEP 508. This is the only place that parses one.
///
/// # Errors
/// [`RequirementError`] where it is longer or its marker more complex than is read, or where it does not
/// parse.
pub fn parse<T: Pep508Url>(text: &str) -> Result<Requirement<T>, RequirementError> {
    let count = |characters: &[u8]| text.bytes().filter(|byte| characters.contains(byte)).count();
    for (what, found, limit) in [
        ("bytes", text.len(), REQUIREMENT_LENGTH),
        ("opening parentheses", count(b"("), REQUIREMENT_PARENTHESES),
        ("quotes", count(b"'\""), REQUIREMENT_QUOTES),
    ] {
        if found > limit {
            return Err(RequirementError::TooMuch { what, found, limit });
        }
    }
    // The library counts characters where it cuts bytes, and panics. The notation is ASCII.
    if !text.is_ascii() {
        return Err(RequirementError::Malformed("it is not all ASCII".to_owned()));
    }
    if let Some(name) = unended_name(text) {
        let problem = format!("`{name}` does not end in a letter or a digit");
        return Err(RequirementError::Malformed(problem));
    }
    Requirement::from_str(text)
        .map_err(|error| RequirementError::Malformed(error.message.to_string()))
}

/// A name or an extra that ends in `-`, `_` or `.`. The library sees that at the end of the text only, and
/// panics elsewhere.
fn unended_name(text: &str) -> Option<&str> {
    let sign = ['-', '_', '.'];
    let names = text.split(|c: char| "@;<>=!~(".contains(c)).next()?;
    names
        .split(|c: char| !c.is_ascii_alphanumeric() && !sign.contains(&c))
        .find(|name| name.ends_with(sign) && name.starts_with(|c: char| !sign.contains(&c)))
}

/// Where a comment begins in a line of a `requirements.txt`: at a `#` that is its first character or follows white
/// space.
pub fn comment_start(line: &str) -> Option<usize> {
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return Some(at);
        }
        before = character;
    }
    None
}

/// Reads a version (PEP 440), unless it is longer than any real one.
pub fn version(text: &str) -> Option<Version> {
    (text.len() <= VERSION_LENGTH).then(|| Version::from_str(text).ok()).flatten()
}

/// Whether a version is the one that `==` asks for (PEP 440): one that is asked for without a local part stands for
/// those with any.
pub fn is_of_version(found: &Version, asked: &Version) -> bool {
    found == asked || (!asked.is_local() && found.clone().without_local() == *asked)
}

/// A requirement in a form in which spelling does not count: spaces, the kind of quotes, the project's
/// spelling, the order of extras and of version specifiers. `None` for a text that has none.
///
/// It is made from the text alone, in time that grows with its length: METADATA of a hostile wheel has
/// any number of requirements.
pub(crate) fn normal_form(text: &str) -> Option<String> {
    let text = text.trim();
    let name_end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
    let name = name.parse::<ProjectName>().ok()?;
    let rest = rest.trim_start();
    let (extras, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let rest = rest.trim_start();
    // An address may hold a semicolon, but no space.
    let is_address = rest.starts_with('@');
    let marker_at = if is_address { rest.find(" ;").map(|at| at + 1) } else { rest.find(';') };
    let (versions, marker) = rest.split_at(marker_at.unwrap_or(rest.len()));
    let versions = match is_address {
        true => versions.trim().to_owned(),
        false => {
            let spaceless: String = versions.split_whitespace().collect();
            let bare = spaceless.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
            sorted(bare.unwrap_or(&spaceless), str::to_owned)
        }
    };
    let extras = sorted(extras, |extra| extra.to_ascii_lowercase().replace(['_', '.'], "-"));
    let marker = words(marker.strip_prefix(';').unwrap_or_default())?.join(" ");
    Some(format!("{name}[{extras}]{versions};{marker}"))
}

/// The parts between commas, each in its normal form and each once, in order.
fn sorted(list: &str, normal: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<_> =
        list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(normal).collect();
    parts.sort_unstable();
    parts.dedup();
    parts.join(",")
}

/// The words of a marker: names, operators, parentheses, and strings in one kind of quotes.
fn words(marker: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = marker.trim_start();
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| match c {
            _ if c.is_whitespace() => 0,
            '<' | '>' | '=' | '!' | '~' => 1,
            '(' | ')' | '\'' | '"' => 2,
            _ => 3,
        };
        let end = match first {
            '\'' | '"' => rest[1..].find(first)? + 2,
            '(' | ')' => 1,
            _ => rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        words.push(match first {
            '\'' if !word.contains('"') => word.replace('\'', "\""),
            _ => word.to_owned(),
        });
        rest = after.trim_start();
    }
    Some(words)
}

#[cfg(test)]
#[allow(clippy::disallowed_types, reason = "a test of how long it takes")]
mod tests {
    use std::time::Instant;

    use pep508_rs::VerbatimUrl;

    use super::*;

    fn read(text: &str) -> Result<Requirement<VerbatimUrl>, RequirementError> {
        parse(text)
    }

    #[test]
    fn real_requirements_fit() {
        for text in [
            "greenlet!=0.4.17; python_version >= \"3\" and (platform_machine == \"aarch64\" or \
             (platform_machine == \"ppc64le\" or (platform_machine == \"x86_64\" or \
             (platform_machine == \"amd64\" or (platform_machine == \"AMD64\" or \
             (platform_machine == \"win32\" or platform_machine == \"WIN32\"))))))",
            "numpy==1.19.2; python_version=='3.8' and platform_machine=='aarch64' and \
             platform_python_implementation != 'PyPy' and platform_system != 'Darwin'",
            "requests[security,socks] (>=2.8.1, ==2.8.*) ; python_version < \"2.7\"",
            "a @ https://example.com/a-1.0-py3-none-any.whl",
        ] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn deep_parentheses_never_reach_the_parser() {
        for quote in ["", "'", "\"'"] {
            let deep = format!("a{quote}; {}os_name == 'x'{}", "(".repeat(2000), ")".repeat(2000));
            let error = read(&deep).unwrap_err();
            assert!(error.to_string().contains("2000 opening parentheses"), "{error}");
        }
        let fits = REQUIREMENT_PARENTHESES;
        assert!(read(&format!("a; {}os_name=='x'{}", "(".repeat(fits), ")".repeat(fits))).is_ok());
    }

    #[test]
    fn names_that_the_library_panics_at_never_reach_it() {
        for text in
            ["a.@ b", "a- ; os_name == 'x'", "a_>=1", "a[b.]", "a[b, c-] @ d", "a.[b]", "a-"]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(error.ends_with("does not end in a letter or a digit"), "{text}: {error}");
        }
        for text in
            ["a @ https://x.example/-", "a ; os_name == 'b-'", "a[b-c,d.e]<=1-1", "a.b~=1.0"]
        {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
    }

    /// It panics at them where an operator or the end is expected.
    #[test]
    fn characters_beyond_ascii_never_reach_the_library() {
        for text in [
            "demo==1.0 ; python_version > \"3\"\u{200b}",
            "a ; os_name == 'x' \u{feff}and",
            "a ; os_name == '\u{e9}'",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, "it is not all ASCII", "{text}");
        }
    }

    #[test]
    fn length_and_terms_are_bounded() {
        let error = read(&format!("a=={}", "1".repeat(REQUIREMENT_LENGTH))).unwrap_err();
        assert_eq!(
            error,
            RequirementError::TooMuch { what: "bytes", found: 4099, limit: REQUIREMENT_LENGTH }
        );
        let error = read(&format!("a; {}", pairs(9, "and", " or "))).unwrap_err();
        assert!(error.to_string().contains("quotes"), "{error}");
        assert_eq!(version("1.0"), Some(Version::new([1, 0])));
        assert_eq!(version(&"1".repeat(VERSION_LENGTH + 1)), None);
    }

    /// Terms of which no two say the same, in the order in which a decision diagram is largest.
    fn pairs(count: usize, inner: &str, outer: &str) -> String {
        let pair = |i| format!("('{i}a' in platform_version {inner} '{i}b' in sys_platform)");
        (0..count).map(pair).collect::<Vec<_>>().join(outer)
    }

    /// The worst that fits, as far as it is known. The bounds are for a build with optimisation, which
    /// takes a tenth of the time.
    #[test]
    fn what_fits_is_read_in_no_time() {
        let most = REQUIREMENT_QUOTES / 4;
        let versions: Vec<_> = (0..900).map(|i| format!("3.{i}")).collect();
        let term = |i| format!("python_full_version != '3.{i}.{i}'");
        let versions_apart = |join| (0..2 * most).map(term).collect::<Vec<_>>().join(join);
        for marker in [
            pairs(most, "and", " or "),
            pairs(most, "or", " and "),
            format!("python_version in '{}'", versions[..600].join(" ")),
            versions_apart(" or "),
            versions_apart(" and "),
        ] {
            let text = format!("a; {marker}");
            let begun = Instant::now();
            let shown = read(&text).map(|requirement| requirement.to_string().len());
            let took = begun.elapsed();
            assert!(shown.is_ok() && took.as_millis() < 500, "{took:?}: {text}");
        }
    }

    #[test]
    fn spelling_does_not_count() {
        for (a, b) in [
            ("Foo_Bar >=1,<2", "foo-bar<2, >=1"),
            ("foo (>=1)", "foo>=1"),
            ("foo[b,a_c]; extra=='x'", "foo [A.C, B] ; extra == \"x\""),
            (
                "foo; python_version<'3' and(os_name=='a')",
                "foo ; python_version < \"3\" and ( os_name == \"a\" )",
            ),
            ("a @ https://x/y;z ; os_name=='a'", "a@ https://x/y;z ; os_name == 'a'"),
        ] {
            let (x, y) = (normal_form(a), normal_form(b));
            assert!(x.is_some() && x == y, "{a}: {x:?}, {b}: {y:?}");
        }
        for (a, b) in [
            ("foo>=1", "foo>=2"),
            ("foo; os_name == 'a b'", "foo; os_name == 'a  b'"),
            ("foo; os_name == 'a'", "foo"),
            ("foo[a]", "foo"),
            ("a @ https://x/y", "a @ https://x/z"),
            ("foo; 'a\"b' in os_name", "foo; 'ab' in os_name"),
        ] {
            assert_ne!(normal_form(a), normal_form(b));
        }
        for none in ["", "; os_name == 'a'", "foo; os_name == 'a", "foo[a", "\u{e9}"] {
            assert_eq!(normal_form(none), None, "{none}");
        }
    }
}
