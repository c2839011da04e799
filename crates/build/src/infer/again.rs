//! What to try next, from what a build came to.
//!
//! Sees: how the wheel that was built differs from the one under test, or how the build failed.

use wheelmark_core::compare::{Cause, WheelDiff};

use super::Evidence;
use crate::plan::{BuildPlan, Compressor, Modes, Origin, Value};

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
    let last = &BuildPlan { locked: Vec::new(), ..tried.last()?.clone() };
    let mut candidates = Vec::new();
    match came {
        Came::Other(diff) => {
            let has = |cause: Cause| diff.findings().iter().any(|found| found.cause == cause);
            if has(Cause::CompressionLevel) && last.compressor.value == Compressor::Zlib {
                let mut plan = last.clone();
                let because = "zlib gave the same data in other streams";
                plan.compressor = Value::new(Compressor::ZlibNg, Origin::Wheel, because);
                candidates.push(plan);
            }
            if has(Cause::Attributes) {
                for rule in [Modes::Archive, Modes::Filtered, Modes::Umask] {
                    let mut plan = last.clone();
                    plan.modes = Value::new(rule, Origin::Wheel, "others gave other modes");
                    candidates.push(plan);
                }
            }
        }
        Came::Failed(_) => {}
    }
    let _ = evidence;
    candidates.into_iter().find(|plan| !tried.iter().any(|other| other.same_build(plan)))
}
