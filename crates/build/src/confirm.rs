//! The same build once more, in an environment that differs in everything which is not recorded.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use wheelmark_core::attestation::pep517::Distribution;
use wheelmark_core::compare::{self, Cause, Level, WheelDiff, sdist_causes};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{CompareLimits, SdistLimits, WheelLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::sdist::{self, Sdist};
use wheelmark_core::wheel::{self, Wheel};

use crate::blame::{Blamed, blame};
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
    /// What the bytes depend on: of what was varied, that which gives other bytes by itself; or what is
    /// another in every run. Empty too where that was not tried, or where only several together do.
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

    /// What to change in the project so that it does.
    pub fn hint(&self) -> Option<String> {
        let advice: Vec<_> = self.traced_to.iter().filter_map(|cause| advice(cause)).collect();
        let findings = self.diff.iter().flat_map(WheelDiff::findings);
        let member = findings
            .filter(|finding| finding.cause != Cause::RecordFollows)
            .find_map(|finding| finding.members.first().filter(|_| finding.member_count == 1));
        match (advice.is_empty(), member) {
            (true, _) => None,
            (false, Some(member)) => {
                Some(format!("where `{}` is made, {}", Escaped(member), advice.join(", and ")))
            }
            (false, None) => Some(advice.join(", and ")),
        }
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
    second.wait()?;
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

/// Between the end of the first build and the start of any other: the times of files in a zip archive have
/// steps of two seconds. A time that the first build wrote is then never that of another build.
const APART: TimeDelta = TimeDelta::seconds(2);

/// How long a wait sleeps before it looks at the clock, and whether it was cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// What is another in every run, where it is not known which of it.
const EACH_RUN: &str = "something else in every run (its time, its folder on the host, chance)";
const EACH_RUN_OF_ROOT: &str =
    "something else in every run (its time, its folder on the host, its user id, chance)";

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

    /// Waits until the clock shows another time than any that the first build saw.
    fn wait(&self) -> Result<(), BuildError> {
        while let Some(left) = left(self.recorded.finished(), Utc::now()) {
            if self.machine.cancel.load(Ordering::Relaxed) {
                return Err(BuildError::Interrupted);
            }
            thread::sleep(left.min(LOOK));
        }
        Ok(())
    }

    /// Varies one thing at a time, to see which of them gives other bytes.
    fn trace(&self, whole: Variation) -> Result<Vec<&'static str>, BuildError> {
        let same = Variation::NONE;
        let one_each = [
            (USER, Variation { other_user: whole.other_user, ..same }),
            (FILES, Variation { reverse_files: whole.reverse_files, ..same }),
            (PROCESSORS, Variation { processors: whole.processors, ..same }),
            (LOCALE, Variation { other_locale: whole.other_locale, ..same }),
            (CLOCK, Variation { other_clock: whole.other_clock, ..same }),
        ];
        let blamed = blame(&one_each, |name, variation| match self.build(name, variation) {
            Ok(file) => {
                let sha256 = digest_of(&file).map_err(BuildError::Workspace)?;
                Ok((sha256 != self.recorded.sha256).then_some(file))
            }
            // This is about a difference that was found already.
            Err(error) if error.is_of_the_build() => Ok(None),
            Err(error) => Err(error),
        })?;
        Ok(match blamed {
            Blamed::To(found) => found,
            Blamed::EachRun(file) => self.each_run(&file)?,
        })
    }

    /// What makes a run differ from the first though nothing was varied.
    fn each_run(&self, file: &Path) -> Result<Vec<&'static str>, BuildError> {
        let diff = diff(self.recorded, file)?;
        let findings = diff.iter().flat_map(WheelDiff::findings);
        // RECORD follows wherever anything differs.
        let causes = findings.map(|finding| finding.cause).filter(|it| *it != Cause::RecordFollows);
        let kinds: Option<BTreeSet<_>> = causes.map(of_each_run).collect();
        Ok(match kinds {
            Some(kinds) if !kinds.is_empty() => kinds.into_iter().collect(),
            // A user name space gives every run the same id.
            _ if self.machine.sandbox.uid()? != PLAIN_USER => vec![EACH_RUN_OF_ROOT],
            _ => vec![EACH_RUN],
        })
    }
}

/// How long it still is until [`APART`] after `finished`. A clock that was set back is not waited for.
fn left(finished: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    let passed = now - finished;
    let left = APART - passed;
    (passed >= TimeDelta::zero()).then_some(left)?.to_std().ok().filter(|left| !left.is_zero())
}

/// What gives such a difference between two runs in which nothing was varied, where that is certain.
fn of_each_run(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::EmbeddedTimestamp | Cause::Timestamps | Cause::PycHeader => Some(CLOCK),
        Cause::EmbeddedPath => Some(FOLDER),
        Cause::RandomValue => Some(CHANCE),
        _ => None,
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
            varied: vec![FOLDER, USER, FILES, LOCALE],
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

const FOLDER: &str = "folder of the host";
const CHANCE: &str = "chance";
const USER: &str = "user id";
const FILES: &str = "order of files";
const PROCESSORS: &str = "number of processors";
/// Not the build's: that one is recorded and the same in every run, like every other variable. This
/// shows that nothing of the locale around the build gets through to it.
const LOCALE: &str = "locale of what starts the build";
const CLOCK: &str = "clock";

/// What a project can do about a cause.
fn advice(cause: &str) -> Option<&'static str> {
    match cause {
        CLOCK => Some("take the time from SOURCE_DATE_EPOCH, which every build gets"),
        FILES => Some("sort what a folder lists before it is used"),
        FOLDER => Some("leave out the folder in which the build ran"),
        USER => Some("leave out the user id"),
        PROCESSORS => Some("leave out the number of processors"),
        EACH_RUN | EACH_RUN_OF_ROOT => {
            Some("leave out random values, addresses in memory, the user id and the time")
        }
        CHANCE => Some("leave out random values, or take a fixed seed"),
        _ => None,
    }
}

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
            for cause in &self.traced_to {
                writeln!(f, "    what makes the difference: {cause}")?;
            }
            match &self.diff {
                // It has the causes in it.
                Some(diff) => {
                    writeln!(f, "    A is the first build, B the second")?;
                    for line in diff.to_string().lines() {
                        match line {
                            "" => writeln!(f)?,
                            line => writeln!(f, "    {line}")?,
                        }
                    }
                }
                None => {
                    for difference in &self.differences {
                        writeln!(f, "    {}", Escaped(difference))?;
                    }
                }
            }
        }
        for kept in &self.not_varied {
            writeln!(f, "  not varied: {kept}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_build_starts_two_seconds_after_the_first() {
        let finished = DateTime::UNIX_EPOCH;
        let after = |milliseconds| left(finished, finished + TimeDelta::milliseconds(milliseconds));
        assert_eq!(after(0), Some(Duration::from_secs(2)));
        assert_eq!(after(1999), Some(Duration::from_millis(1)));
        assert_eq!((after(2000), after(60_000)), (None, None));
        assert_eq!(after(-3_600_000), None, "the clock was set back");
    }
}
