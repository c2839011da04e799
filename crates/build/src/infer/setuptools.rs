//! The release of setuptools behind a wheel whose `Generator` names only the package `wheel`, from what METADATA has and
//! what it lacks.
//!
//! Sees: fields that releases of setuptools began or ceased to write. Of the releases that are left, the newest of that
//! day is taken: what they write is the same.
//!
//! Can be wrong: where a project sets a field to what old releases wrote by themselves, such as `Platform: UNKNOWN`.

use super::Evidence;
use super::backend::PROJECT_OF_WHEELS;
use crate::plan::{BuildPlan, Origin, Value};

/// What a release changed in METADATA.
struct Change {
    /// The first release that writes it otherwise.
    release: &'static str,
    /// Whether this METADATA is of an older release, and what says so.
    is_older: fn(&Evidence<'_>) -> Option<&'static str>,
}

/// Oldest first: the first that applies is the tightest.
const CHANGES: &[Change] = &[
    Change { release: "38.6.0", is_older: content_type_early },
    Change { release: "38.7.0", is_older: |it| has(it, "Author: UNKNOWN") },
    Change { release: "57.0.0", is_older: no_license_file },
    Change { release: "60.6.0", is_older: |it| has(it, "Home-page: UNKNOWN") },
    Change { release: "62.2.0", is_older: unknown_fields },
];

/// Settles an upper bound of setuptools.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    if !evidence.generator().is_some_and(|generator| generator.name == PROJECT_OF_WHEELS) {
        return;
    }
    let older = CHANGES.iter().find_map(|change| Some((change, (change.is_older)(evidence)?)));
    let Some((change, because)) = older else { return };
    plan.requires.retain(|requirement| !requirement.value.starts_with("setuptools"));
    let bound = format!("setuptools<{}", change.release);
    plan.requires.push(Value::new(bound, Origin::Wheel, format!("METADATA: {because}")));
}

/// The header fields of METADATA, a line each.
fn header<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a str> {
    evidence.metadata.lines().take_while(|line| !line.is_empty())
}

fn has(evidence: &Evidence<'_>, line: &'static str) -> Option<&'static str> {
    header(evidence).any(|it| it == line).then_some(line)
}

fn unknown_fields(evidence: &Evidence<'_>) -> Option<&'static str> {
    has(evidence, "Platform: UNKNOWN").or_else(|| has(evidence, "Summary: UNKNOWN"))
}

/// `Description-Content-Type` stood before `Keywords` and `Platform`.
fn content_type_early(evidence: &Evidence<'_>) -> Option<&'static str> {
    let place = |name: &str| header(evidence).position(|line| line.starts_with(name));
    let content_type = place("Description-Content-Type:")?;
    let later = ["Keywords:", "Platform:", "Classifier:"].iter().find_map(|name| place(name))?;
    (content_type < later).then_some("Description-Content-Type stands before Platform")
}

/// The wheel has a licence of the source, and METADATA does not name it.
fn no_license_file(evidence: &Evidence<'_>) -> Option<&'static str> {
    let is_license = |name: &str| {
        ["LICEN", "COPYING", "NOTICE", "AUTHORS"].iter().any(|start| name.starts_with(start))
    };
    let mut copied = evidence.source.files.keys();
    let of_source = copied.any(|name| !name.contains('/') && is_license(name));
    let named = header(evidence).any(|line| line.starts_with("License-File:"));
    (of_source && !named).then_some("no License-File, and the source has a licence")
}
