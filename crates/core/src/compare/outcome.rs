//! What a rebuild showed. "Identical" means every byte; anything less is named.

use serde::{Deserialize, Serialize};

/// How a rebuild ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "outcome",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
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
        (recorded != found).then(|| Self {
            what: what.to_owned(),
            recorded,
            found,
        })
    }
}
