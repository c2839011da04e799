//! The interpreter, from the time of the build, the tags and `Requires-Python`.
//!
//! Sees: when the wheel was made. Old backends do not run on today's Python, and of pure wheels the bytes seldom depend
//! on the version: so the newest that was out by then is taken, and of those that are here the nearest.
//!
//! Can be wrong: where requirements resolve otherwise for another minor version.

use chrono::{DateTime, NaiveDate, Utc};
use pep440_rs::VersionSpecifiers;

use super::{Evidence, Pythons};
use crate::plan::{BuildPlan, Origin, Value};

/// Minor versions of Python 3 and the first day of each.
const RELEASED: &[(u64, i32, u32)] = &[
    (6, 2016, 12),
    (7, 2018, 6),
    (8, 2019, 10),
    (9, 2020, 10),
    (10, 2021, 10),
    (11, 2022, 10),
    (12, 2023, 10),
    (13, 2024, 10),
    (14, 2025, 10),
];

/// Settles the interpreter.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    let tagged = evidence.wheel.filename().tags().iter().find_map(|tag| tagged(&tag.python));
    if let Some((minor, true)) = tagged {
        let because = "the wheel's tag".to_owned();
        plan.python = Value::new(format!("3.{minor}"), Origin::Wheel, because);
        return;
    }
    let Some(made) = plan.exclude_newer.as_ref() else {
        return;
    };
    let wanted = newest_at(made.value);
    let allowed = |minor: &u64| {
        let text = evidence.wheel.metadata().requires_python();
        let specifiers = text.and_then(|text| text.parse::<VersionSpecifiers>().ok());
        let version = pep440_rs::Version::new([3, *minor, 99]);
        specifiers.is_none_or(|specifiers| specifiers.contains(&version))
    };
    let Some(minor) = nearest(&evidence.pythons, wanted, allowed) else {
        return;
    };
    let because = match minor == wanted {
        true => "the newest of that time".to_owned(),
        false => format!("of those here the nearest to 3.{wanted}, the newest of that time"),
    };
    plan.python = Value::new(format!("3.{minor}"), made.from, because);
}

/// The minor version that a tag names, and whether the wheel is bound to it.
fn tagged(python: &str) -> Option<(u64, bool)> {
    let (bound, digits) = match python.strip_prefix("cp3") {
        Some(digits) => (true, digits),
        None => (false, python.strip_prefix("py3")?),
    };
    Some((digits.parse().ok()?, bound))
}

fn newest_at(time: DateTime<Utc>) -> u64 {
    let out = |&&(_, year, month): &&(u64, i32, u32)| {
        NaiveDate::from_ymd_opt(year, month, 1).is_some_and(|day| day <= time.date_naive())
    };
    RELEASED.iter().filter(out).map(|(minor, _, _)| *minor).last().unwrap_or(6)
}

/// The nearest that is here and allowed: an older one before a newer.
fn nearest(here: &Pythons, wanted: u64, allowed: impl Fn(&u64) -> bool) -> Option<u64> {
    let here: Vec<u64> = here.0.iter().copied().filter(|minor| allowed(minor)).collect();
    let older = here.iter().copied().filter(|minor| *minor <= wanted).max();
    older.or_else(|| here.into_iter().min())
}
