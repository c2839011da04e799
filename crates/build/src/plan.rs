//! The plan of a rebuild that nothing attested: a small document that says how a wheel is to be built, and of each
//! value where it came from.
//!
//! `wheelmark plan` prints one, a person may edit it, and `wheelmark rebuild --plan` builds it. It is TOML; unknown
//! keys are errors, so that a misspelt one does not silently leave its default in force.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::requirement;

/// The `schema` of a plan.
pub const PLAN_SCHEMA: &str = "https://wheelmark.dev/plan/v1";

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From verified provenance.
    Attested,
    /// From the source: its files, their times and modes.
    Source,
    /// Concluded from what the wheel says of itself: `Generator`, METADATA, tags, the shape of its archive.
    Wheel,
    /// From the package index: what it lists, and when it was uploaded.
    Index,
    /// Copied from the wheel under test as it stands there. A match is the weaker for each such value.
    Copied,
    /// What holds where nothing says otherwise.
    Default,
    /// A person wrote it.
    Person,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attested => "attested",
            Self::Source => "from the source",
            Self::Wheel => "from the wheel's metadata",
            Self::Index => "from the index",
            Self::Copied => "copied from the wheel under test",
            Self::Default => "the default",
            Self::Person => "written by a person",
        })
    }
}

/// A value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub from: Origin,
    /// What was seen that led to it; empty where the origin says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl<T> Value<T> {
    /// A value with what led to it.
    pub fn new(value: T, from: Origin, because: impl Into<String>) -> Self {
        Self { value, from, because: because.into() }
    }

    /// What holds where nothing says otherwise.
    pub fn default_of(value: T) -> Self {
        Self::new(value, Origin::Default, "")
    }
}

/// How a wheel is to be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BuildPlan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// Whose plan it is.
    pub wheel: Named,
    /// What is built.
    pub source: Value<Named>,
    /// The Python version, such as `3.11`.
    pub python: Value<String>,
    /// How the backend is called.
    pub frontend: Value<Frontend>,
    /// Arguments of the backend: for `setup.py` those after `bdist_wheel`, for a hook the config settings
    /// `--build-option`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Value<String>>,
    /// The clock.
    pub clock: Value<Clock>,
    /// The time zone, as the variable `TZ` has it.
    pub zone: Value<String>,
    /// The file mode creation mask, in octal.
    pub umask: Value<String>,
    /// The modes of the source's files.
    pub modes: Value<Modes>,
    /// The times of the source's files.
    pub times: Value<Times>,
    /// The times of what setuptools puts into `.egg-info`, and from there into the wheel.
    pub egg_info: Value<EggInfo>,
    /// What compresses the archive's members.
    pub compressor: Value<Compressor>,
    /// Whether extension modules are compiled.
    pub extensions: Value<Extensions>,
    /// The system whose name the archive's members carry.
    pub system: Value<System>,
    /// Files uploaded at or after this time are not resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_newer: Option<Value<DateTime<Utc>>>,
    /// Build requirements beside the source's own, or instead of those of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Value<String>>,
    /// Every file of the build's environment, once they are resolved: the build then resolves nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<Locked>,
}

/// A file by name and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub filename: String,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// One file of a build's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The project's name in its normal form.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The wheel's file name.
    pub filename: String,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// How a backend is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frontend {
    /// By the hooks of PEP 517.
    Pep517,
    /// The same, of the backend that is installed and not of the one in the source's `backend-path`: a backend may have
    /// built itself by an older release.
    InstalledBackend,
    /// As `python setup.py bdist_wheel`, as all wheels were before PEP 517.
    SetupPy,
}

/// What a build takes for the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// `SOURCE_DATE_EPOCH` is not set; what the backend writes depends on no clock.
    Unset,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    SourceDateEpoch(i64),
    /// `SOURCE_DATE_EPOCH` is not set, and the clock stands at this time, in seconds since 1970: what is made
    /// during the build carries it.
    Stands(i64),
    /// The same, and it moves on by the two seconds that a zip tells apart, once, at that point of the build.
    Moves {
        /// Where it begins, in seconds since 1970.
        from: i64,
        /// When it moves.
        before: Moment,
    },
}

impl Clock {
    /// Where a clock of the plan's own begins.
    pub fn begins(self) -> Option<i64> {
        match self {
            Self::Stands(time) | Self::Moves { from: time, .. } => Some(time),
            Self::Unset | Self::SourceDateEpoch(_) => None,
        }
    }
}

/// A point of a build of setuptools, of which each comes after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Files are made that the source has not.
    Build,
    /// The `.dist-info` directory is made: METADATA, licences, WHEEL, RECORD come later.
    DistInfo,
    /// WHEEL is written.
    Wheel,
    /// RECORD is written.
    Record,
}

impl Moment {
    /// Its name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::DistInfo => "dist-info",
            Self::Wheel => "wheel",
            Self::Record => "record",
        }
    }
}

/// Which modes the files of the source have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modes {
    /// Those that the source's archive gives.
    Archive,
    /// Those of Python's `data` filter (PEP 706): as the archive gives them, without the rights of others to write.
    Filtered,
    /// By the umask, and executable where the archive says so; as pip unpacks.
    Umask,
}

/// Which times the files of the source have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Those that the source's archive gives.
    Source,
    /// That of the plan's clock: they were checked out or written just before the build.
    Clock,
}

/// Which times the files of `.egg-info` have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EggInfo {
    /// They are made during the build.
    Build,
    /// Those of the source: `setup.py sdist bdist_wheel` makes them once for both.
    Source,
}

/// What compresses, by DEFLATE at the usual level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compressor {
    /// zlib, or what the backend brings.
    Zlib,
    /// zlib-ng, in place of zlib, through the package of this name.
    ZlibNg,
}

/// What becomes of extension modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extensions {
    /// They are compiled, where the source has any.
    Compiled,
    /// They are left out: no compiler works, `NAME_NO_EXTENSIONS` is set, and so is the config setting `pure-python`.
    LeftOut,
}

/// The kind of system that a wheel was built on, as far as its archive shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Linux, macOS and kin.
    Unix,
    /// Windows: members carry its number, and the modes that Python gives files there.
    Windows,
}

impl BuildPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// A message with line and column, for what is no plan.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plan: Self =
            toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        if plan.schema != PLAN_SCHEMA {
            let found = plan.schema.escape_debug();
            return Err(format!("schema: `{found}` is not known here; `{PLAN_SCHEMA}` is"));
        }
        plan.mask()?;
        // A path would be run, outside of any sandbox, because a stranger's document names it.
        let python = &plan.python.value;
        if requirement::version(python).is_none() || python.contains(|c: char| !is_of_number(c)) {
            let found = python.escape_debug();
            return Err(format!("python: `{found}` is no version such as 3.11 or 3.11.7"));
        }
        Ok(plan)
    }

    /// The plan as TOML.
    pub fn text(&self) -> String {
        // Strings, numbers and times in tables: there is nothing in it that TOML cannot express.
        toml::to_string(self).unwrap_or_default()
    }

    /// The umask as a number.
    ///
    /// # Errors
    /// A message, where it is none.
    pub fn mask(&self) -> Result<u32, String> {
        let text = &self.umask.value;
        match u32::from_str_radix(text, 8) {
            Ok(mask) if mask <= 0o777 => Ok(mask),
            _ => Err(format!("umask: `{}` is not octal, at most 0777", text.escape_debug())),
        }
    }

    /// What was copied from the wheel under test, by name.
    pub fn copied(&self) -> Vec<String> {
        let mut copied = Vec::new();
        if self.clock.from == Origin::Copied {
            copied.push(match self.clock.value {
                Clock::SourceDateEpoch(time) => format!("SOURCE_DATE_EPOCH={time}"),
                Clock::Stands(time) => format!("clock {}", shown(time)),
                Clock::Moves { from, before } => {
                    format!("clock {}, two seconds later from {} on", shown(from), before.name())
                }
                Clock::Unset => "clock".to_owned(),
            });
        }
        if self.zone.from == Origin::Copied {
            copied.push(format!("time zone {}", self.zone.value));
        }
        copied
    }

    /// Whether the two lead to the same build, whatever led to them.
    pub fn same_build(&self, other: &Self) -> bool {
        let values = |plan: &Self| {
            let arguments: Vec<_> = plan.arguments.iter().map(|it| it.value.clone()).collect();
            let requires: Vec<_> = plan.requires.iter().map(|it| it.value.clone()).collect();
            let newer = plan.exclude_newer.as_ref().map(|it| it.value);
            (
                (plan.source.value.sha256, plan.python.value.clone(), plan.frontend.value),
                (arguments, plan.clock.value, plan.zone.value.clone(), plan.umask.value.clone()),
                (plan.modes.value, plan.times.value, plan.egg_info.value, plan.compressor.value),
                (plan.system.value, plan.extensions.value, newer, requires),
            )
        };
        values(self) == values(other)
    }
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// A time as a person reads it.
pub fn shown(seconds: i64) -> String {
    match DateTime::<Utc>::from_timestamp(seconds, 0) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let named = |filename: &str| Named {
            filename: filename.to_owned(),
            sha256: Sha256Digest::of(filename.as_bytes()),
        };
        let plan = BuildPlan {
            schema: PLAN_SCHEMA.to_owned(),
            wheel: named("demo-1.0-py3-none-any.whl"),
            source: Value::default_of(named("demo-1.0.tar.gz")),
            python: Value::default_of("3.11".to_owned()),
            frontend: Value::default_of(Frontend::SetupPy),
            arguments: vec![Value::new("--universal".to_owned(), Origin::Wheel, "its tag")],
            clock: Value::new(
                Clock::Moves { from: 1_600_000_000, before: Moment::Record },
                Origin::Copied,
                "",
            ),
            zone: Value::new("<+0200>-02:00".to_owned(), Origin::Copied, ""),
            umask: Value::default_of("0022".to_owned()),
            modes: Value::default_of(Modes::Filtered),
            times: Value::default_of(Times::Source),
            egg_info: Value::default_of(EggInfo::Source),
            compressor: Value::default_of(Compressor::ZlibNg),
            extensions: Value::default_of(Extensions::LeftOut),
            system: Value::default_of(System::Windows),
            exclude_newer: None,
            requires: Vec::new(),
            locked: Vec::new(),
        };
        let text = plan.text();
        assert_eq!(BuildPlan::parse(&text), Ok(plan));
        text
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_tells_what_was_copied() {
        let plan = BuildPlan::parse(&text()).unwrap();
        let clock = "clock 2020-09-13T12:26:40Z, two seconds later from record on";
        assert_eq!(plan.copied(), [clock, "time zone <+0200>-02:00"]);
    }

    #[test]
    fn what_a_stranger_may_have_written_is_refused() {
        let text = text();
        for (from, to, what) in [
            ("3.11", "/home/me/python", "python"),
            ("3.11", "./python", "python"),
            ("3.11", "3.11 --x", "python"),
            ("0022", "0999", "umask"),
            ("0022", "12345", "umask"),
            (PLAN_SCHEMA, "https://wheelmark.dev/plan/v2", "schema"),
            ("[umask]", "[umusk]", "umusk"),
            ("setup-py", "shell", "shell"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = BuildPlan::parse(&text.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(what), "{to}: {error}");
        }
    }
}
