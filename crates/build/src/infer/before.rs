//! As of when build requirements are resolved, from the times of upload and build.
//!
//! Sees: when the wheel was uploaded, and its clock. A wheel is built before it is uploaded, mostly minutes before; what
//! came to the index in between could not be in its build.
//!
//! Can be wrong: environments lag behind the index, by years on some machines. What [`super::again`] sees of the result
//! tells.

use chrono::{DateTime, TimeDelta, Utc};

use super::Evidence;
use crate::plan::{BuildPlan, Origin, Value, shown};

/// Longer between build and upload than this, and the clock is not believed.
const LONGEST: TimeDelta = TimeDelta::days(60);

/// Settles `exclude-newer`.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    let Some(uploaded) = evidence.uploaded else {
        return;
    };
    let begins = plan.clock.value.begins();
    let built = begins.and_then(|time| DateTime::<Utc>::from_timestamp(time, 0));
    let plausible = built.filter(|built| *built <= uploaded && uploaded - *built <= LONGEST);
    plan.exclude_newer = Some(match plausible {
        Some(built) => {
            let because = format!("its members were made {}", shown(built.timestamp()));
            Value::new(built, Origin::Wheel, because)
        }
        None => Value::new(uploaded, Origin::Index, "the wheel's upload"),
    });
}
