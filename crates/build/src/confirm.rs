//! The same build once more, in an environment that differs in everything which is not recorded.

use std::fmt;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use wheelmark_core::attestation::pep517::Distribution;
use wheelmark_core::compare::{self, Level, sdist_causes};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{SdistFilename, WheelFilename};
use wheelmark_core::limits::{CompareLimits, SdistLimits, WheelLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::sdist::{self, Sdist};
use wheelmark_core::wheel::{self, Wheel};

use crate::environment::uv::digest_of;
use crate::error::BuildError;
use crate::execute::{self, Plan, Run, Variation, other_clock};
use crate::record::{Machine, Recorded};
use crate::sandbox::{Bounds, Tracing};
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
    #[serde(skip)]
    details: String,
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
    let mut other = Other::new(&recorded.plan);
    // Another folder of the host; inside the sandbox the path is the recorded one.
    let again = |name: &str, variation, bounds: &Bounds| {
        let run = Run {
            sandbox: &machine.sandbox,
            bounds,
            workspace,
            name,
            variation,
            trace: Tracing::Off,
            log,
            cancel: &machine.cancel,
        };
        execute::execute(&recorded.plan, &run)
    };
    let built = if other.variation.other_clock {
        let bounds = Bounds {
            wall: patience(recorded).min(machine.bounds.wall),
            ..machine.bounds.clone()
        };
        match again(&format!("{name}-confirmation"), other.variation, &bounds) {
            // Not every program runs under libfaketime; whether it is the build, the next run shows.
            Err(error) if error.is_of_the_build() => {
                other.keep_clock("clock: the build does not run under libfaketime");
                let name = format!("{name}-confirmation-2");
                again(&name, other.variation, &machine.bounds)?
            }
            result => result?,
        }
    } else {
        let name = format!("{name}-confirmation");
        again(&name, other.variation, &machine.bounds)?
    };
    let sha256 = digest_of(&built.file).map_err(BuildError::Workspace)?;
    let mut confirmation = Confirmation {
        sha256,
        varied: other.varied,
        not_varied: other.not_varied,
        differences: Vec::new(),
        details: String::new(),
    };
    if sha256 != recorded.sha256 {
        let (differences, details) = differences(recorded, &built.file)?;
        confirmation.differences = differences;
        confirmation.details = details;
    }
    Ok(confirmation)
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
            },
            varied: vec!["folder of the host", "user id", "order of files"],
            not_varied: Vec::new(),
        };
        match several {
            true => other.varied.push("number of processors"),
            false => other
                .not_varied
                .push("number of processors: this machine has one"),
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

const CLOCK: &str = "clock";

/// The causes, and the whole comparison for a person to read.
fn differences(recorded: &Recorded, second: &Path) -> Result<(Vec<String>, String), BuildError> {
    let unlike = "the two files differ".to_owned();
    if recorded.plan.distribution == Distribution::Sdist {
        let both = read_sdist(&recorded.file).zip(read_sdist(second));
        let causes = both.map_or(vec![unlike], |(first, again)| sdist_causes(&first, &again));
        return Ok((causes, String::new()));
    }
    let both = read(&recorded.file).zip(read(second));
    let Some((first, again)) = both else {
        return Ok((
            vec![format!("{unlike}, and one of them is no well-formed wheel")],
            String::new(),
        ));
    };
    let open = |path| File::open(path).map_err(BuildError::Workspace);
    let diff = compare::diff(
        (&first, open(recorded.file.as_path())?),
        (&again, open(second)?),
        &CompareLimits::standard(),
    );
    Ok(match diff {
        Ok(diff) if diff.level() != Level::Identical => (diff.causes(), diff.to_string()),
        _ => (vec![unlike], String::new()),
    })
}

fn read(path: &Path) -> Option<Wheel> {
    let filename = WheelFilename::parse(path.file_name()?.to_str()?).ok()?;
    wheel::read(File::open(path).ok()?, filename, &WheelLimits::standard()).ok()
}

fn read_sdist(path: &std::path::Path) -> Option<Sdist> {
    let filename = SdistFilename::parse(path.file_name()?.to_str()?).ok()?;
    sdist::read(File::open(path).ok()?, filename, &SdistLimits::standard()).ok()
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let varied = self.varied.join(", ");
        if self.holds() {
            writeln!(
                f,
                "  confirmed: a second build gave the same bytes under another {varied}"
            )?;
        } else {
            writeln!(
                f,
                "  not confirmed: a second build under another {varied} gave other bytes"
            )?;
            for difference in &self.differences {
                writeln!(f, "    {}", Escaped(difference))?;
            }
            for line in self.details.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        for kept in &self.not_varied {
            writeln!(f, "  not varied: {kept}")?;
        }
        Ok(())
    }
}
