//! Values of a record as words of a script. A record is the word of a stranger, even of one whose key is
//! trusted, so each is of a form that can mean nothing else, or quoted.

use std::fmt;

use crate::error::BuildError;

/// The name of a Debian package, by Debian's policy (5.6.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DebianName(String);

impl DebianName {
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let name = text.len() >= 2
            && text.starts_with(plain)
            && text.chars().all(|c| plain(c) || "+.-".contains(c));
        name.then(|| Self(text.to_owned())).ok_or_else(|| unusable("a system package", text))
    }
}

impl fmt::Display for DebianName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a Rust toolchain, as images of it are tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RustVersion(String);

impl RustVersion {
    pub(crate) fn parse(text: &str) -> Result<Self, BuildError> {
        let version = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        version.then(|| Self(text.to_owned())).ok_or_else(|| unusable("a version of rustc", text))
    }
}

impl fmt::Display for RustVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The image of a distribution as `PRETTY_NAME` names it: `Debian GNU/Linux 12 (bookworm)` is
/// `debian:bookworm`, `Ubuntu 24.04.1 LTS` is `ubuntu:24.04`.
pub(super) fn base_image(distribution: &str) -> String {
    let mut words = distribution.split([' ', '(', ')']).filter(|word| !word.is_empty());
    let tag = |tag: &str| {
        (!tag.is_empty() && tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
            .then(|| tag.to_owned())
    };
    let image = match words.next() {
        Some("Debian") => words.next_back().and_then(tag).map(|name| format!("debian:{name}")),
        Some("Ubuntu") => words.next().and_then(|version| {
            let mut parts = version.split('.').map(tag);
            Some(format!("ubuntu:{}.{}", parts.next()??, parts.next()??))
        }),
        _ => None,
    };
    image.unwrap_or("debian:stable".to_owned())
}

/// A word of a shell script that stands for exactly this text.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same text, where no shell and no Containerfile could take it for anything else.
pub(super) fn bare<'a>(what: &'static str, text: &'a str) -> Result<&'a str, BuildError> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+~-".contains(c);
    match !text.is_empty() && text.chars().all(harmless) {
        true => Ok(text),
        false => Err(unusable(what, text)),
    }
}

/// Text for a comment.
pub(super) fn comment(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || " .,-_+()/:@=%".contains(c);
    text.chars().map(|c| if harmless(c) { c } else { '?' }).collect()
}

/// JSON in ASCII alone, which means the same.
pub(super) fn ascii_json(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character.is_ascii() {
            true => text.push(character),
            false => {
                let units = character.encode_utf16(&mut [0; 2]).to_vec();
                units.iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

/// Whether a reader would not see this character, or would see others in another order.
pub(super) fn hides(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

pub(super) fn unusable(what: &'static str, value: &str) -> BuildError {
    BuildError::Unusable { what, value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_image_is_the_recorded_distribution() {
        for (distribution, image) in [
            ("Debian GNU/Linux 12 (bookworm)", "debian:bookworm"),
            ("Ubuntu 24.04.1 LTS", "ubuntu:24.04"),
            ("Something 1", "debian:stable"),
            ("Debian GNU/Linux 12 (x\nRUN id)", "debian:id"),
            ("Debian GNU/Linux 12 (x\nRUN /id)", "debian:stable"),
            ("Debian x;id", "debian:stable"),
            ("Ubuntu 24.$(id) LTS", "debian:stable"),
            ("Ubuntu", "debian:stable"),
        ] {
            assert_eq!(base_image(distribution), image);
        }
    }

    #[test]
    fn nothing_from_a_stranger_leaves_its_quotes() {
        assert_eq!(quoted("a'; rm -rf / #"), "'a'\\''; rm -rf / #'");
        assert_eq!(comment("x\nrm -rf $HOME `id`; <x>!&"), "x?rm -rf ?HOME ?id?? ?x???");
        assert!(bare("x", "https://example.org/~a/b.git").is_ok());
        for text in ["", "a b", "a;b", "a'b", "a\\", "$a", "a\nb", "<<x"] {
            assert!(bare("x", text).is_err(), "{text}");
        }
        let value = serde_json::json!({"a\u{202e}": "\u{1f600}'\n"});
        let text = ascii_json(&value);
        assert_eq!(text, r#"{"a\u202e":"\ud83d\ude00'\n"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn names_and_versions_have_their_form() {
        for name in ["gcc-12", "libstdc++-12-dev", "linux-libc-dev", "g++"] {
            assert_eq!(DebianName::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "a", "-oAPT::x", "x\nRUN id", "A", "x y", "x/y", "x=1", "+x", "x'"] {
            assert!(DebianName::parse(name).is_err(), "{name}");
        }
        for version in ["1.80.0", "1.82.0-nightly"] {
            assert_eq!(RustVersion::parse(version).unwrap().to_string(), version);
        }
        for version in ["", "-x", "1.80 AS x", "1\nRUN", "1;id"] {
            assert!(RustVersion::parse(version).is_err(), "{version}");
        }
    }
}
