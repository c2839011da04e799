//! What to try next, from what a build came to.
//!
//! Sees: how the wheel that was built differs from the one under test. Each rule answers to one kind of difference, and
//! only where something speaks for another plan; a wheel that holds what the source has not is not built again.

use wheelmark_core::compare::{Cause, WheelDiff};
use wheelmark_core::requirement;

use super::Evidence;
use super::backend::PROJECT_OF_WHEELS;
use crate::plan::{BuildPlan, Compressor, Extensions, Modes, Origin, Value};

/// How a build of a plan ended.
#[derive(Debug)]
pub enum Came<'a> {
    /// To another wheel.
    Other(&'a WheelDiff),
    /// To nothing; with what was printed.
    Failed(&'a str),
}

/// The plan to try next, if anything that was seen speaks for one. It is another build than each of `tried`.
pub fn next(evidence: &Evidence<'_>, tried: &[BuildPlan], came: Came<'_>) -> Option<BuildPlan> {
    let Came::Other(diff) = came else { return None };
    let last = BuildPlan { locked: Vec::new(), ..tried.last()?.clone() };
    let has = |cause: Cause| diff.findings().iter().any(|found| found.cause == cause);
    let mut candidates = Vec::new();
    if has(Cause::CompressionLevel) {
        candidates.push(by_zlib_ng(&last));
    }
    if has(Cause::MemberOnlyInB) && is_pure(evidence) {
        candidates.push(without_extensions(&last));
    }
    let of_metadata = [Cause::Description, Cause::License, Cause::MetadataField];
    if has(Cause::NameVersion) {
        candidates.extend(by_older_setuptools(evidence, &last, &["69.0.3"]));
    } else if of_metadata.into_iter().any(has) {
        candidates.extend(by_older_setuptools(evidence, &last, &["62.2.0", "57.0.0"]));
    }
    if has(Cause::Attributes) {
        for rule in [Modes::Archive, Modes::Filtered, Modes::Umask] {
            let modes = Value::new(rule, Origin::Wheel, "others gave other modes");
            candidates.push(BuildPlan { modes, ..last.clone() });
        }
    }
    candidates.into_iter().find(|plan| !tried.iter().any(|other| other.same_build(plan)))
}

fn by_zlib_ng(last: &BuildPlan) -> BuildPlan {
    let because = "zlib gave the same data in other streams";
    let compressor = Value::new(Compressor::ZlibNg, Origin::Wheel, because);
    BuildPlan { compressor, ..last.clone() }
}

fn is_pure(evidence: &Evidence<'_>) -> bool {
    evidence.wheel.wheel_file().root_is_purelib()
}

fn without_extensions(last: &BuildPlan) -> BuildPlan {
    let because = "the wheel is pure, and a build of its source is not";
    let extensions = Value::new(Extensions::LeftOut, Origin::Wheel, because);
    BuildPlan { extensions, ..last.clone() }
}

/// The next release of setuptools that wrote metadata otherwise, below the one that was used.
fn by_older_setuptools(
    evidence: &Evidence<'_>,
    last: &BuildPlan,
    changes: &[&str],
) -> Option<BuildPlan> {
    let of_wheel = evidence.generator().is_some_and(|it| it.name == PROJECT_OF_WHEELS);
    let bound = last.requires.iter().find_map(|it| it.value.strip_prefix("setuptools<"));
    let bound = bound.and_then(requirement::version)?;
    let older = |change: &&&str| requirement::version(change).is_some_and(|it| it < bound);
    let change = changes.iter().find(older).filter(|_| of_wheel)?;
    let mut plan = last.clone();
    plan.requires.retain(|requirement| !requirement.value.starts_with("setuptools"));
    let because = "newer releases gave other metadata";
    let bound = format!("setuptools<{change}");
    plan.requires.push(Value::new(bound, Origin::Wheel, because));
    Some(plan)
}
