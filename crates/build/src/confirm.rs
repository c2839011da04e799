//! The same build once more, in an environment that differs in everything which is not recorded.

use std::fmt;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use wheelmark_core::attestation::pep517::Distribution;
use wheelmark_core::compare::{self, Level, WheelDiff, sdist_causes};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{CompareLimits, SdistLimits, WheelLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::sdist::{self, Sdist};
use wheelmark_core::wheel::{self, Wheel};

use crate::environment::uv::digest_of;
use crate::error::BuildError;
use crate::execute::{self, Plan, Run};
use crate::record::{Machine, Recorded};
use crate::sandbox::{Bounds, Tracing};
use crate::variation::{PLAIN_USER, Variation, other_clock};
use crate::workspace::Workspace;

/// What the second build showed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// The digest of the second file.
    pub sha256: Sha256Digest,
    /// In what the second environment was another one.
    pub varied: Vec<&'static str>,
    /// In what it could not be made another one, each with the reason.
    pub not_varied: Vec<&'static str>,
    /// The causes of the differences, a line each; empty where the bytes are the same.
    pub differences: Vec<String>,
    /// Which of what was varied gives other bytes by itself. Empty too where that was not tried, or
    /// where only several together do.
    pub traced_to: Vec<&'static str>,
    /// The comparison of the two files, where both are wheels.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<WheelDiff>,
}

impl Confirmation {
    /// Whether the build reproduced itself: every byte.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Builds again and compares. `log` is where that build's output goes.
///
/// # Errors
/// [`BuildError`], when the second build fails where the first did not.
pub fn confirm(
    machine: &Machine,
    workspace: &Workspace,
    recorded: &Recorded,
    name: &str,
    log: &Path,
) -> Result<Confirmation, BuildError> {
    let second = Second { machine, workspace, recorded, name: format!("{name}-confirmation"), log };
    let mut other = Other::new(&recorded.plan);
    let mut built = None;
    if other.variation.other_clock {
        built = match second.build("clock", other.variation) {
            Ok(file) => Some(file),
            // Not every program runs under libfaketime; whether it is the build, the next run shows.
            Err(error) if error.is_of_the_build() => {
                other.keep_clock("clock: the build does not run under libfaketime");
                None
            }
            Err(error) => return Err(error),
        };
    }
    let file = match built {
        Some(file) => file,
        None => second.build("whole", other.variation)?,
    };
    let sha256 = digest_of(&file).map_err(BuildError::Workspace)?;
    let mut confirmation = Confirmation {
        sha256,
        varied: other.varied,
        not_varied: other.not_varied,
        differences: Vec::new(),
        traced_to: Vec::new(),
        diff: None,
    };
    if sha256 != recorded.sha256 {
        confirmation.diff = diff(recorded, &file)?;
        confirmation.differences = match &confirmation.diff {
            Some(diff) => diff.causes(),
            None => sdist_differences(&recorded.file, &file)
                .unwrap_or_else(|| vec!["the two files differ".to_owned()]),
        };
        if recorded.duration() < WORTH_TRACING {
            confirmation.traced_to = second.trace(other.variation)?;
        }
    }
    Ok(confirmation)
}

/// A build that takes longer is not made several times more to find what it depends on.
const WORTH_TRACING: TimeDelta = TimeDelta::minutes(1);

/// What any two runs differ in, whatever is varied.
const EACH_RUN: &str = "run (its time, its folder on the host, chance)";
const EACH_RUN_OF_ROOT: &str = "run (its time, its folder on the host, its user id, chance)";

/// The builds after the first.
struct Second<'a> {
    machine: &'a Machine,
    workspace: &'a Workspace,
    recorded: &'a Recorded,
    name: String,
    log: &'a Path,
}

impl Second<'_> {
    /// Builds once more. Another `name` is another folder of the host; inside the sandbox the path is
    /// the recorded one.
    fn build(&self, name: &str, variation: Variation) -> Result<PathBuf, BuildError> {
        let bounds = &self.machine.bounds;
        let patient = Bounds { wall: patience(self.recorded).min(bounds.wall), ..bounds.clone() };
        let run = Run {
            sandbox: &self.machine.sandbox,
            bounds: if variation.other_clock { &patient } else { bounds },
            workspace: self.workspace,
            name: &format!("{}-{name}", self.name),
            variation,
            trace: Tracing::Off,
            log: self.log,
            cancel: &self.machine.cancel,
        };
        Ok(execute::execute(&self.recorded.plan, &run)?.file)
    }

    /// Varies one thing at a time, to see which of them gives other bytes.
    fn trace(&self, whole: Variation) -> Result<Vec<&'static str>, BuildError> {
        let other = |name: &str, variation| match self.build(name, variation) {
            Ok(file) => {
                let sha256 = digest_of(&file).map_err(BuildError::Workspace)?;
                Ok(sha256 != self.recorded.sha256)
            }
            // This is about a difference that was found already.
            Err(error) if error.is_of_the_build() => Ok(false),
            Err(error) => Err(error),
        };
        let same = Variation::NONE;
        if other("same", same)? {
            // A user name space gives every run the same id.
            let root = self.machine.sandbox.uid()? != PLAIN_USER;
            return Ok(vec![if root { EACH_RUN_OF_ROOT } else { EACH_RUN }]);
        }
        let one_each = [
            (USER, Variation { other_user: whole.other_user, ..same }),
            (FILES, Variation { reverse_files: whole.reverse_files, ..same }),
            (PROCESSORS, Variation { processors: whole.processors, ..same }),
            (LOCALE, Variation { other_locale: whole.other_locale, ..same }),
            (CLOCK, Variation { other_clock: whole.other_clock, ..same }),
        ];
        let mut found = Vec::new();
        for (index, (what, variation)) in one_each.into_iter().enumerate() {
            if variation != same && other(&format!("only-{index}"), variation)? {
                found.push(what);
            }
        }
        Ok(found)
    }
}

/// How long a run under libfaketime may take: programs that it stops wait for ever.
fn patience(recorded: &Recorded) -> Duration {
    let first = recorded.duration().to_std().unwrap_or_default();
    Duration::from_secs(30) + 4 * first
}

/// The other environment.
struct Other {
    variation: Variation,
    varied: Vec<&'static str>,
    not_varied: Vec<&'static str>,
}

impl Other {
    fn new(plan: &Plan) -> Self {
        let several = thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        let mut other = Self {
            variation: Variation {
                other_user: true,
                processors: several.then_some(NonZeroUsize::MIN),
                reverse_files: true,
                other_clock: true,
                other_locale: true,
            },
            varied: vec!["folder of the host", USER, FILES, LOCALE],
            not_varied: Vec::new(),
        };
        match several {
            true => other.varied.push(PROCESSORS),
            false => other.not_varied.push("number of processors: this machine has one"),
        }
        other.varied.push(CLOCK);
        if plan.rust.is_some() {
            // Its allocator and libfaketime wait for each other.
            other.keep_clock("clock: rustc does not run under libfaketime");
        } else if other_clock().is_empty() {
            other.keep_clock("clock: libfaketime is not installed");
        }
        other
    }

    fn keep_clock(&mut self, reason: &'static str) {
        self.variation.other_clock = false;
        self.varied.retain(|varied| *varied != CLOCK);
        self.not_varied.push(reason);
    }
}

const USER: &str = "user id";
const FILES: &str = "order of files";
const PROCESSORS: &str = "number of processors";
/// Not the build's: that one is recorded and the same in every run, like every other variable. This
/// shows that nothing of the locale around the build gets through to it.
const LOCALE: &str = "locale of what starts the build";
const CLOCK: &str = "clock";

/// The comparison, where both files are well-formed wheels.
fn diff(recorded: &Recorded, second: &Path) -> Result<Option<WheelDiff>, BuildError> {
    if recorded.plan.distribution == Distribution::Sdist {
        return Ok(None);
    }
    let Some((first, again)) = read(&recorded.file).zip(read(second)) else {
        return Ok(None);
    };
    let open = |path| File::open(path).map_err(BuildError::Workspace);
    let diff = compare::diff(
        (&first, open(recorded.file.as_path())?),
        (&again, open(second)?),
        &CompareLimits::standard(),
    );
    Ok(diff.ok().filter(|diff| diff.level() != Level::Identical))
}

fn read(path: &Path) -> Option<Wheel> {
    let filename = WheelFilename::parse(path.file_name()?.to_str()?).ok()?;
    wheel::read(File::open(path).ok()?, filename, &WheelLimits::standard()).ok()
}

/// The causes, where both files are well-formed source distributions.
fn sdist_differences(first: &Path, second: &Path) -> Option<Vec<String>> {
    Some(sdist_causes(&read_sdist(first)?, &read_sdist(second)?))
}

fn read_sdist(path: &std::path::Path) -> Option<Sdist> {
    let filename = SdistFilename::parse(path.file_name()?.to_str()?).ok()?;
    sdist::read(File::open(path).ok()?, filename, &SdistLimits::standard()).ok()
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let varied = self.varied.join(", ");
        if self.holds() {
            writeln!(f, "  confirmed: a second build gave the same bytes under another {varied}")?;
        } else {
            writeln!(f, "  not confirmed: a second build under another {varied} gave other bytes")?;
            for difference in &self.differences {
                writeln!(f, "    {}", Escaped(difference))?;
            }
            for cause in &self.traced_to {
                writeln!(f, "    comes of another {cause}, by itself")?;
            }
            let details = self.diff.iter().map(ToString::to_string);
            for line in details.collect::<String>().lines() {
                writeln!(f, "    {line}")?;
            }
        }
        for kept in &self.not_varied {
            writeln!(f, "  not varied: {kept}")?;
        }
        Ok(())
    }
}
