//! What a rebuild showed. "Identical" means every byte; anything less is named.

use serde::{Deserialize, Serialize};

use super::{Cause, Level, WheelDiff};
use crate::report::Escaped;

/// How a rebuild ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RebuildOutcome {
    /// The rebuilt file has the same bytes. Drift of the environment does not weaken this: the same
    /// bytes from another environment are the stronger evidence.
    Identical,
    /// The files are equal once these normalisers were applied and these values were copied from the
    /// file under test.
    Equivalent {
        /// Each normaliser by name and version.
        normalizers: Vec<String>,
        /// Each copied value by name.
        copied: Vec<String>,
    },
    /// The same environment gave other bytes.
    Different {
        /// Each difference in a line: the member and the cause.
        diffs: Vec<String>,
    },
    /// The build ended without a file.
    BuildFailed {
        /// What failed.
        cause: String,
    },
    /// Nothing can be concluded: other bytes, but from an environment that was not the recorded one,
    /// or no environment at all.
    Inconclusive {
        /// Why.
        cause: String,
    },
}

/// One thing in which the environment of a rebuild was not the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// What differs, such as `interpreter version`.
    pub what: String,
    /// The recorded value.
    pub recorded: String,
    /// The value of the rebuild.
    pub found: String,
}

impl Drift {
    /// The drift of one value, if there is any.
    pub fn between(what: &str, recorded: impl ToString, found: impl ToString) -> Option<Self> {
        let (recorded, found) = (recorded.to_string(), found.to_string());
        (recorded != found).then(|| Self { what: what.to_owned(), recorded, found })
    }
}

/// What a rebuild showed, from the comparison of the file under test with the rebuilt one, and from what
/// the environment was not.
///
/// The same bytes are identical whatever the environment was. Other bytes from another environment show
/// nothing. Only other bytes from the recorded environment are a difference.
pub fn judge(diff: &WheelDiff, drift: &[Drift]) -> RebuildOutcome {
    match (diff.level(), drift) {
        (Level::Identical, _) => RebuildOutcome::Identical,
        (level, [_, ..]) => {
            let drift: Vec<String> = drift.iter().map(ToString::to_string).collect();
            let apart = level.explanation();
            RebuildOutcome::Inconclusive {
                cause: format!(
                    "other bytes ({apart}) from another environment: {}",
                    drift.join("; ")
                ),
            }
        }
        (Level::Container, []) => {
            RebuildOutcome::Equivalent { normalizers: normalizers(diff), copied: Vec::new() }
        }
        (_, []) => RebuildOutcome::Different { diffs: diff.causes() },
    }
}

/// As [`judge`], for files of which it is known in what they differ, and that they do.
pub fn judge_unlike(diffs: Vec<String>, drift: &[Drift]) -> RebuildOutcome {
    if drift.is_empty() {
        return RebuildOutcome::Different { diffs };
    }
    let drift: Vec<String> = drift.iter().map(ToString::to_string).collect();
    let (diffs, drift) = (diffs.join("; "), drift.join("; "));
    RebuildOutcome::Inconclusive {
        cause: format!("other bytes ({diffs}) from another environment: {drift}"),
    }
}

/// Every normaliser there is, by name and version.
pub const NORMALIZERS: [&str; 5] =
    ["zip-order/1", "zip-times/1", "zip-permissions/1", "zip-compression/1", "zip-headers/1"];

/// The normalisers under which a difference of the container vanishes, by name and version.
///
/// - `zip-order/1` sorts the members by name.
/// - `zip-times/1` drops modification times, those of extra fields among them.
/// - `zip-permissions/1` drops permission bits and the type of plain files, but for whether a member
///   becomes executable.
/// - `zip-compression/1` holds members inflated.
/// - `zip-headers/1` drops version numbers, flags, internal attributes, and every byte of the file that is
///   no member's name or data.
fn normalizers(diff: &WheelDiff) -> Vec<String> {
    let container = diff.findings().iter().filter(|finding| finding.level == Level::Container);
    let mut names: Vec<String> = container
        .map(|finding| match finding.cause {
            Cause::Order => "zip-order/1",
            Cause::Timestamps | Cause::ZipExtra => "zip-times/1",
            Cause::Attributes | Cause::FileTypeMissing => "zip-permissions/1",
            Cause::CompressionMethod | Cause::CompressionLevel => "zip-compression/1",
            _ => "zip-headers/1",
        })
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [what, recorded, found] = [&self.what, &self.recorded, &self.found].map(|s| Escaped(s));
        write!(f, "{what}: {recorded} recorded, {found} found")
    }
}
