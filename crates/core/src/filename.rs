//! File names of distributions, parsed once.
//!
//! Wheels: <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>.
//! Source distributions: <https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name>.
//!
//! Two names are equal when they say the same thing: spelling of the project and version, and the
//! order of compressed tags, do not count.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{FILENAME_LENGTH, FILENAME_TAGS};
use crate::report::Reason;
use crate::requirement;

/// A project name, valid and normalised by PEP 503: lower case, runs of `-`, `_`, `.` as one `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(PackageName);

impl ProjectName {
    /// The normalised name.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }
}

impl FromStr for ProjectName {
    type Err = FilenameError;

    /// Normalises any spelling of a valid name.
    ///
    /// # Errors
    /// [`Reason::FilenameName`] for anything that is not a project name.
    fn from_str(text: &str) -> Result<Self, FilenameError> {
        // The library lets the empty name pass, and one of any length.
        let name = Some(text).filter(|text| (1..=FILENAME_LENGTH).contains(&text.len()));
        name.and_then(|text| PackageName::from_str(text).ok())
            .map(Self)
            .ok_or_else(|| FilenameError::new(Reason::FilenameName, text, "not a project name"))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One compatibility tag, lower case.
///
/// <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The interpreter, such as `cp312` or `py3`.
    pub python: String,
    /// The binary interface, such as `abi3` or `none`.
    pub abi: String,
    /// The platform, such as `manylinux_2_28_x86_64` or `any`.
    pub platform: String,
}

impl Tag {
    /// Every tag that a possibly compressed set such as `py2.py3-none-any` stands for.
    ///
    /// # Errors
    /// [`Reason::FilenameTags`] when a part is missing, empty or malformed, or the set is too large.
    pub fn expand(text: &str) -> Result<BTreeSet<Tag>, FilenameError> {
        let error = |problem| FilenameError::new(Reason::FilenameTags, text, problem);
        let parts: Vec<&str> = text.split('-').collect();
        let [python, abi, platform] = parts[..] else {
            return Err(error("not three parts joined by `-`"));
        };
        let count = |part: &str| part.split('.').count();
        if text.len() > FILENAME_LENGTH {
            return Err(error("is longer than a file name"));
        }
        if count(python) * count(abi) * count(platform) > FILENAME_TAGS {
            return Err(error("stands for too many tags"));
        }
        let well_formed = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !parts.iter().flat_map(|part| part.split('.')).all(well_formed) {
            return Err(error("has an empty or malformed part"));
        }
        let mut tags = BTreeSet::new();
        for python in python.split('.') {
            for abi in abi.split('.') {
                for platform in platform.split('.') {
                    tags.insert(Tag {
                        python: python.to_ascii_lowercase(),
                        abi: abi.to_ascii_lowercase(),
                        platform: platform.to_ascii_lowercase(),
                    });
                }
            }
        }
        Ok(tags)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// A build tag: a number, and a suffix that breaks ties.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildTag {
    /// The leading number.
    pub number: u64,
    /// What follows the number, often empty.
    pub suffix: String,
}

impl FromStr for BuildTag {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, FilenameError> {
        let error = |problem| FilenameError::new(Reason::FilenameBuild, text, problem);
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, suffix) = text.split_at(digits);
        if !suffix.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+!".contains(&b)) {
            return Err(error("not a build tag"));
        }
        Ok(Self {
            number: number.parse().map_err(|_| error("a build tag must start with a number"))?,
            suffix: suffix.to_owned(),
        })
    }
}

impl fmt::Display for BuildTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.suffix)
    }
}

/// The name of a wheel, `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`.
///
/// Equality and hashing look at what the name says; [`WheelFilename::as_str`] keeps how it is spelled.
#[derive(Debug, Clone)]
pub struct WheelFilename {
    spelling: String,
    project: ProjectName,
    version: Version,
    build: Option<BuildTag>,
    tags: BTreeSet<Tag>,
}

impl WheelFilename {
    /// Parses a bare file name, without any folder.
    ///
    /// # Errors
    /// A `filename-…` reason, when the text is not the name of a wheel.
    pub fn parse(text: &str) -> Result<Self, FilenameError> {
        check_characters(text)?;
        let malformed = |problem| FilenameError::new(Reason::FilenameMalformed, text, problem);
        let stem = text.strip_suffix(".whl").ok_or_else(|| malformed("does not end in `.whl`"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts[..] {
            [name, version, python, abi, platform] => {
                (name, version, None, [python, abi, platform])
            }
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(malformed("has not five or six parts joined by `-`")),
        };
        if name.contains("__") {
            let problem = "a project name in a wheel's name has no `__`";
            return Err(FilenameError::new(Reason::FilenameName, text, problem));
        }
        Ok(Self {
            spelling: text.to_owned(),
            project: name.parse()?,
            version: parse_version(version)?,
            build: build.map(str::parse).transpose()?,
            tags: Tag::expand(&tags.join("-"))?,
        })
    }

    /// The name as it was spelled.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }

    /// The project.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The build tag, if there is one.
    pub fn build(&self) -> Option<&BuildTag> {
        self.build.as_ref()
    }

    /// Every tag the name stands for.
    pub fn tags(&self) -> &BTreeSet<Tag> {
        &self.tags
    }

    fn meaning(&self) -> impl Eq + Hash + '_ {
        (&self.project, &self.version, &self.build, &self.tags)
    }
}

/// The name of a source distribution, `{name}-{version}.tar.gz`. Equal by meaning, like wheels' names.
#[derive(Debug, Clone)]
pub struct SdistFilename {
    spelling: String,
    project: ProjectName,
    version: Version,
}

impl SdistFilename {
    /// Parses a bare file name, without any folder. Names from before PEP 625 may hold `-` in the project.
    ///
    /// # Errors
    /// A `filename-…` reason, when the text is not the name of a source distribution.
    pub fn parse(text: &str) -> Result<Self, FilenameError> {
        check_characters(text)?;
        let malformed = |problem| FilenameError::new(Reason::FilenameMalformed, text, problem);
        let stem =
            text.strip_suffix(".tar.gz").ok_or_else(|| malformed("does not end in `.tar.gz`"))?;
        let (name, version) =
            stem.rsplit_once('-').ok_or_else(|| malformed("has not two parts joined by `-`"))?;
        Ok(Self {
            spelling: text.to_owned(),
            project: name.parse()?,
            version: parse_version(version)?,
        })
    }

    /// The name as it was spelled.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }

    /// The project.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    fn meaning(&self) -> impl Eq + Hash + '_ {
        (&self.project, &self.version)
    }
}

/// The name of a file that an index serves for a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DistFilename {
    /// A wheel.
    Wheel(WheelFilename),
    /// A source distribution.
    Sdist(SdistFilename),
}

impl DistFilename {
    /// Parses a bare file name, without any folder, by its extension.
    ///
    /// # Errors
    /// A `filename-…` reason, when the text is neither the name of a wheel nor of a source distribution.
    pub fn parse(text: &str) -> Result<Self, FilenameError> {
        if text.ends_with(".tar.gz") {
            SdistFilename::parse(text).map(Self::Sdist)
        } else if text.ends_with(".whl") {
            WheelFilename::parse(text).map(Self::Wheel)
        } else {
            check_characters(text)?;
            let problem = "ends in neither `.whl` nor `.tar.gz`";
            Err(FilenameError::new(Reason::FilenameMalformed, text, problem))
        }
    }

    /// The name as it was spelled.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Wheel(name) => name.as_str(),
            Self::Sdist(name) => name.as_str(),
        }
    }

    /// The project.
    pub fn project(&self) -> &ProjectName {
        match self {
            Self::Wheel(name) => name.project(),
            Self::Sdist(name) => name.project(),
        }
    }

    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(name) => name.version(),
            Self::Sdist(name) => name.version(),
        }
    }
}

/// Text that is not a file name of the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {problem} ({reason})", .text.escape_debug())]
pub struct FilenameError {
    reason: Reason,
    text: String,
    problem: &'static str,
}

impl FilenameError {
    fn new(reason: Reason, text: &str, problem: &'static str) -> Self {
        Self { reason, text: text.chars().take(FILENAME_LENGTH).collect(), problem }
    }

    /// Why the text is refused.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The text, cut where it is too long. Not to be trusted: escape it where it is shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it, for people.
    pub fn problem(&self) -> &'static str {
        self.problem
    }
}

/// Only characters that some part of a distribution's name can hold: so no separators of paths, no
/// control characters, and nothing outside ASCII, where two names can look like one.
fn check_characters(text: &str) -> Result<(), FilenameError> {
    let error = |problem| FilenameError::new(Reason::FilenameCharacters, text, problem);
    if text.len() > FILENAME_LENGTH {
        return Err(error("a file name is at most 255 bytes long"));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.+!".contains(&b);
    if !text.bytes().all(allowed) {
        return Err(error("holds a character other than ASCII letters, digits and `-_.+!`"));
    }
    Ok(())
}

fn parse_version(text: &str) -> Result<Version, FilenameError> {
    requirement::version(text)
        .ok_or_else(|| FilenameError::new(Reason::FilenameVersion, text, "not a PEP 440 version"))
}

macro_rules! compared_by_meaning {
    ($type:ty) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.meaning() == other.meaning()
            }
        }

        impl Eq for $type {}

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.meaning().hash(state);
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.spelling)
            }
        }

        impl FromStr for $type {
            type Err = FilenameError;

            fn from_str(text: &str) -> Result<Self, FilenameError> {
                Self::parse(text)
            }
        }
    };
}

compared_by_meaning!(WheelFilename);
compared_by_meaning!(SdistFilename);

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(text: &str) -> WheelFilename {
        WheelFilename::parse(text).unwrap()
    }

    #[test]
    fn names_are_equal_by_what_they_say() {
        let name = wheel("Foo.Bar-1.0-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl");
        let same = wheel("foo_bar-1.0.0-py3.py2-none-manylinux_2_5_x86_64.manylinux1_x86_64.whl");
        assert_eq!(name, same);
        assert_ne!(name.as_str(), same.as_str());
        assert_eq!(name.project().as_str(), "foo-bar");
        assert_eq!(name.tags().len(), 4);
        for other in [
            "foo_bar-1.0-py3-none-any.whl",
            "foo_bar-1.1-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
            "foo_bar-1.0-1-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
            "foobar-1.0-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
        ] {
            assert_ne!(name, wheel(other), "{other}");
        }
    }

    #[test]
    fn build_tags_are_a_number_and_a_suffix() {
        let build = wheel("foo-1.0-12b_1-py3-none-any.whl").build().cloned();
        assert_eq!(build.unwrap().to_string(), "12b_1");
    }

    #[test]
    fn what_is_not_a_wheel_name_is_refused_with_its_reason() {
        for (text, reason) in [
            ("foo-1.0-py3-none-any.zip", Reason::FilenameMalformed),
            ("foo-1.0-py3-none.whl", Reason::FilenameMalformed),
            ("foo-1.0-1-2-py3-none-any.whl", Reason::FilenameMalformed),
            (".whl", Reason::FilenameMalformed),
            ("../foo-1.0-py3-none-any.whl", Reason::FilenameCharacters),
            ("a\\foo-1.0-py3-none-any.whl", Reason::FilenameCharacters),
            ("fo\u{f6}-1.0-py3-none-any.whl", Reason::FilenameCharacters),
            ("foo-1.0-py3-none-any\0.whl", Reason::FilenameCharacters),
            ("foo__bar-1.0-py3-none-any.whl", Reason::FilenameName),
            ("_foo-1.0-py3-none-any.whl", Reason::FilenameName),
            ("-1.0-py3-none-any.whl", Reason::FilenameName),
            ("foo-one-py3-none-any.whl", Reason::FilenameVersion),
            ("foo-1.0-b1-py3-none-any.whl", Reason::FilenameBuild),
            ("foo-1.0-py3.-none-any.whl", Reason::FilenameTags),
            ("foo-1.0-py3-no!ne-any.whl", Reason::FilenameTags),
        ] {
            let error = WheelFilename::parse(text).expect_err(text);
            assert_eq!(error.reason(), reason, "{error}");
        }
        let long = format!("foo-1.0-py3-none-{}.whl", "a".repeat(255));
        let error = WheelFilename::parse(&long).unwrap_err();
        assert_eq!(error.reason(), Reason::FilenameCharacters);
        let many = format!("f-1-{0}-{0}-any.whl", vec!["a"; 33].join("."));
        let error = WheelFilename::parse(&many).unwrap_err();
        assert_eq!(error.reason(), Reason::FilenameTags);
    }

    #[test]
    fn sdist_names_are_compared_by_project_and_version() {
        let DistFilename::Sdist(new) = DistFilename::parse("foo_bar-1.0.tar.gz").unwrap() else {
            panic!("an sdist");
        };
        assert_eq!(new, SdistFilename::parse("Foo-Bar-1.0.tar.gz").unwrap());
        assert!(SdistFilename::parse("foo.tar.gz").is_err());
        assert!(DistFilename::parse("foo-1.0.zip").is_err());
    }
}
