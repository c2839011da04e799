//! The release of setuptools behind a wheel whose `Generator` names only the package `wheel`, from what METADATA has and
//! what it lacks.
//!
//! Sees: fields that releases of setuptools began or ceased to write. Of the releases that are left, the newest of that
//! day is taken: what they write is the same.
//!
//! Can be wrong: where a project sets a field to what old releases wrote by themselves, such as `Platform: UNKNOWN`.

use chrono::{Datelike as _, NaiveDate};

use super::Evidence;
use super::backend::PROJECT_OF_WHEELS;
use crate::plan::{BuildPlan, Origin, Value};

/// What a release changed in what it writes.
struct Change {
    /// The first release that writes it otherwise, and the year and month of it.
    release: &'static str,
    of: (i32, u32),
    /// Whether this wheel is of an older release, and what says so.
    is_older: fn(&Evidence<'_>) -> Option<&'static str>,
}

/// Oldest first: the first that applies is the tightest.
const CHANGES: &[Change] = &[
    Change { release: "36.4.0", of: (2017, 9), is_older: no_content_type },
    Change { release: "38.6.0", of: (2018, 3), is_older: content_type_early },
    Change { release: "38.7.0", of: (2018, 3), is_older: |it| has(it, "Author: UNKNOWN") },
    Change { release: "57.0.0", of: (2021, 5), is_older: no_license_file },
    Change { release: "60.6.0", of: (2022, 1), is_older: |it| has(it, "Home-page: UNKNOWN") },
    Change { release: "60.9.0", of: (2022, 2), is_older: blank_line_after_entry_points },
    Change { release: "62.2.0", of: (2022, 5), is_older: unknown_fields },
];

/// For how long machines keep a release after the next, in days; a field may also be what a project wrote itself.
const LAG: i64 = 1900;

/// Settles an upper bound of setuptools.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    if evidence.generator().is_none_or(|generator| generator.name != PROJECT_OF_WHEELS) {
        return;
    }
    let made = plan.exclude_newer.as_ref().map(|it| it.value.date_naive());
    let plausible = |change: &&Change| {
        let since = NaiveDate::from_ymd_opt(change.of.0, change.of.1, 1);
        match (made, since) {
            (Some(made), Some(since)) => (made - since).num_days() <= LAG,
            _ => true,
        }
    };
    // The oldest that still holds is the tightest.
    let mut changes = CHANGES.iter().filter(plausible);
    let older = changes.find_map(|change| Some((change, (change.is_older)(evidence)?)));
    let Some((change, because)) = older else { return };
    plan.requires.retain(|requirement| !requirement.value.starts_with("setuptools"));
    let bound = format!("setuptools<{}", change.release);
    plan.requires.push(Value::new(bound, Origin::Wheel, because));
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

/// Releases of half a year wrote `Description-Content-Type: UNKNOWN` where a project gave none.
fn no_content_type(evidence: &Evidence<'_>) -> Option<&'static str> {
    let none = !header(evidence).any(|line| line.starts_with("Description-Content-Type:"));
    let then = evidence.uploaded.is_some_and(|time| (time.year(), time.month()) <= (2018, 3));
    (none && then).then_some("METADATA has no Description-Content-Type")
}

/// `Description-Content-Type` stood before `Keywords` and `Platform`.
fn content_type_early(evidence: &Evidence<'_>) -> Option<&'static str> {
    let place = |name: &str| header(evidence).position(|line| line.starts_with(name));
    let content_type = place("Description-Content-Type:")?;
    let later = ["Keywords:", "Platform:", "Classifier:"].iter().find_map(|name| place(name))?;
    (content_type < later).then_some("in METADATA, Description-Content-Type stands before Platform")
}

/// `entry_points.txt` ended in a blank line.
fn blank_line_after_entry_points(evidence: &Evidence<'_>) -> Option<&'static str> {
    let ends = evidence.entry_points.replace('\r', "").ends_with("\n\n");
    ends.then_some("entry_points.txt ends in a blank line")
}

/// The wheel has a licence of the source, and METADATA does not name it.
fn no_license_file(evidence: &Evidence<'_>) -> Option<&'static str> {
    let is_license = |name: &str| {
        ["LICEN", "COPYING", "NOTICE", "AUTHORS"].iter().any(|start| name.starts_with(start))
    };
    let mut copied = evidence.source.files.keys();
    let of_source = copied.any(|name| !name.contains('/') && is_license(name));
    let named = header(evidence).any(|line| line.starts_with("License-File:"));
    (of_source && !named).then_some("METADATA has no License-File, and the source a licence")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/fingerprints.py` made it from wheels of every release.
    const FINGERPRINTS: &str = include_str!("fingerprints.json");

    #[test]
    fn each_change_is_one_that_wheels_of_the_releases_show() {
        let data: serde_json::Value = serde_json::from_str(FINGERPRINTS).unwrap();
        let ranges = data["backends"]["setuptools"]["ranges"].as_array().unwrap();
        let begins = |release: &str| {
            ranges.iter().any(|it| it["series"] == "setup.py" && it["first"] == release)
        };
        for change in CHANGES {
            assert!(begins(change.release), "nothing changed in {}", change.release);
        }
        assert!(!begins("57.1.0"), "a release that changed nothing");
    }
}
