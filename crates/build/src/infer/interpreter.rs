//! The interpreter, from the time of the build, the tags, and names that carry its version.
//!
//! Sees: when the wheel was made. Old backends do not run on today's Python, and of pure wheels the bytes seldom depend
//! on the version: so the newest that was out by then is taken, and of those that are here the nearest.
//!
//! Can be wrong: where requirements resolve otherwise for another minor version.

use chrono::{DateTime, NaiveDate, Utc};

use wheelmark_core::requirement;

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
    if let Some((version, name)) = named(evidence).or_else(|| named_by_script(evidence)) {
        let because = format!("the name of `{name}`");
        plan.python = Value::new(version, Origin::Wheel, because);
        return;
    }
    let Some(made) = plan.exclude_newer.as_ref() else {
        return;
    };
    let newest = newest_at(made.value);
    let (wanted, of_backend) = match runs_on(plan) {
        Some(minor) if minor < newest => (minor, true),
        _ => (newest, false),
    };
    let Some(minor) = nearest(&evidence.pythons, wanted) else {
        return;
    };
    let what = match of_backend {
        true => "the newest on which that setuptools runs",
        false => "the newest of that time",
    };
    let because = match minor == wanted {
        true => what.to_owned(),
        false => format!("of those here the nearest to 3.{wanted}, {what}"),
    };
    plan.python = Value::new(format!("3.{minor}"), made.from, because);
}

/// The version in the name of a script, such as `pip3.7` or `coverage-3.6`, which is that of the interpreter.
fn named_by_script(evidence: &Evidence<'_>) -> Option<(String, String)> {
    evidence.entry_points.lines().find_map(|line| {
        let name = line.split_once('=')?.0.trim();
        let (start, minor) = name.rsplit_once("3.")?;
        let after_name = start.ends_with(|c: char| c.is_ascii_alphabetic() || c == '-');
        let version = minor.parse::<u64>().ok().filter(|_| after_name)?;
        Some((format!("3.{version}"), name.to_owned()))
    })
}

/// The newest minor version on which releases of setuptools run that a plan bounds or names: of each, the first release
/// that runs on the next.
fn runs_on(plan: &BuildPlan) -> Option<u64> {
    const NEXT: &[(&str, u64)] = &[("41.0", 9), ("66.1", 11)];
    let names = plan.requires.iter().filter_map(|it| it.value.strip_prefix("setuptools"));
    let version =
        names.filter_map(|rest| requirement::version(rest.trim_start_matches(['<', '=']))).min()?;
    let older = |release: &str| requirement::version(release).is_some_and(|it| version <= it);
    NEXT.iter().find(|(release, _)| older(release)).map(|(_, minor)| *minor)
}

/// The version in the name of a namespace's path configuration file, as setuptools makes them.
fn named(evidence: &Evidence<'_>) -> Option<(String, String)> {
    evidence.files().find_map(|member| {
        let stem = member.name().strip_suffix("-nspkg.pth")?;
        let (_, version) = stem.rsplit_once("-py")?;
        let (major, minor) = version.split_once('.')?;
        let number = |text: &str| text.parse::<u64>().is_ok();
        (number(major) && number(minor)).then(|| (version.to_owned(), member.name().to_owned()))
    })
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
    RELEASED.iter().rfind(out).map_or(6, |(minor, _, _)| *minor)
}

/// The nearest that is here: an older one before a newer.
fn nearest(here: &Pythons, wanted: u64) -> Option<u64> {
    let older = here.0.iter().copied().filter(|minor| *minor <= wanted).max();
    older.or_else(|| here.0.iter().copied().min())
}
