//! The same build once more, in an environment that differs in everything which is not recorded.

use std::fmt;
use std::fs::File;
use std::num::NonZeroUsize;
use std::thread;

use serde::Serialize;
use wheelmark_core::attestation::pep517::Distribution;
use wheelmark_core::compare::{self, Level};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::WheelFilename;
use wheelmark_core::limits::{CompareLimits, WheelLimits};
use wheelmark_core::report::Escaped;
use wheelmark_core::wheel::{self, Wheel};

use crate::environment::uv::digest_of;
use crate::error::BuildError;
use crate::execute::{self, Run, Variation, other_clock};
use crate::record::{Machine, Recorded};
use crate::sandbox::Tracing;
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

/// Builds again and compares.
///
/// # Errors
/// [`BuildError`], when the second build fails where the first did not.
pub fn confirm(
    machine: &Machine,
    workspace: &Workspace,
    recorded: &Recorded,
    name: &str,
) -> Result<Confirmation, BuildError> {
    let (variation, varied, not_varied) = variation();
    let built = execute::execute(
        &recorded.plan,
        &Run {
            sandbox: &machine.sandbox,
            bounds: &machine.bounds,
            workspace,
            // Another folder of the host; inside the sandbox the path is the recorded one.
            name: &format!("{name}-confirmation"),
            variation,
            trace: Tracing::Off,
            log: &workspace.path(&format!("{name}-confirmation.log")),
            cancel: &machine.cancel,
        },
    )?;
    let sha256 = digest_of(&built.file).map_err(BuildError::Workspace)?;
    let mut confirmation = Confirmation {
        sha256,
        varied,
        not_varied,
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

fn variation() -> (Variation, Vec<&'static str>, Vec<&'static str>) {
    let mut varied = vec!["folder of the host", "user id", "order of files"];
    let mut not_varied = Vec::new();
    let several = thread::available_parallelism().is_ok_and(|count| count.get() > 1);
    match several {
        true => varied.push("number of processors"),
        false => not_varied.push("number of processors: this machine has one"),
    }
    let clock = !other_clock().is_empty();
    match clock {
        true => varied.push("clock"),
        false => not_varied.push("clock: libfaketime is not installed"),
    }
    let variation = Variation {
        other_user: true,
        processors: several.then_some(NonZeroUsize::MIN),
        reverse_files: true,
        other_clock: clock,
    };
    (variation, varied, not_varied)
}

/// The causes, and the whole comparison for a person to read.
fn differences(
    recorded: &Recorded,
    second: &std::path::Path,
) -> Result<(Vec<String>, String), BuildError> {
    let unlike = "the two files differ".to_owned();
    if recorded.plan.distribution == Distribution::Sdist {
        return Ok((vec![unlike], String::new()));
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

fn read(path: &std::path::Path) -> Option<Wheel> {
    let filename = WheelFilename::parse(path.file_name()?.to_str()?).ok()?;
    wheel::read(File::open(path).ok()?, filename, &WheelLimits::standard()).ok()
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
