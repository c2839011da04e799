//! Clock and zone, from the times of the archive's members.
//!
//! Sees: one time on all members (it was set by `SOURCE_DATE_EPOCH`, or is a constant of the backend), or several: those
//! of files that are the source's carry the source's times, and those that were made during the build the time of the
//! build. Where all copies are off by the same number of quarter hours, the backend wrote local time.
//!
//! Can be wrong: a wheel of few files that was built within two seconds of its checkout looks as if the time had been
//! set; a checkout's own times are no source distribution's.

use std::collections::BTreeSet;

use super::evidence::time;
use super::{Evidence, zone};
use crate::plan::{BuildPlan, Clock, EggInfo, Moment, Origin, Times, Value, shown};

/// Times that backends write where nothing sets another: 1980-01-01, 2016-01-01, 2020-02-02.
const CONSTANTS: [i64; 3] = [315_532_800, 1_451_606_400, 1_580_601_600];

/// Zip keeps times to two seconds.
const STEP: i64 = 2;

/// Settles the clock and the zone.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    let times: BTreeSet<i64> = evidence.files().filter_map(time).collect();
    let Some(record) = evidence.of_dist_info("RECORD").and_then(time) else {
        return;
    };
    if CONSTANTS.contains(&record) {
        let because = format!("RECORD carries {}, as backends write it", shown(record));
        plan.clock = Value::new(Clock::Unset, Origin::Wheel, because);
        local_time(evidence, plan, record);
        return;
    }
    if times.len() == 1 {
        plan.clock = one_time(evidence, record);
        return;
    }
    if let Some(of_copies) = other_than_source(evidence)
        && (of_copies == record || of_copies + STEP == record)
    {
        let because = format!("all copies of the source's files carry {}", shown(of_copies));
        plan.times = Value::new(Times::Clock, Origin::Wheel, because.clone());
        let (clock, because) = match of_copies == record {
            true => (Clock::Stands(record), because),
            false => {
                let because = format!("{because}, what was built {}", shown(record));
                (Clock::Moves { from: of_copies, before: Moment::Build }, because)
            }
        };
        plan.clock = Value::new(clock, Origin::Copied, because);
        return;
    }
    let offset = local_time(evidence, plan, record);
    egg_info(evidence, plan, offset);
    let (clock, because) = running(evidence, plan, record, offset);
    plan.clock = Value::new(clock, Origin::Copied, because);
}

/// Whether what comes from `.egg-info` carries the source's times: it was made once for both.
fn egg_info(evidence: &Evidence<'_>, plan: &mut BuildPlan, offset: i64) {
    for name in ["top_level.txt", "entry_points.txt"] {
        let here = evidence.of_dist_info(name).and_then(time);
        if let (Some(here), Some(own)) = (here, evidence.egg_info_time(name))
            && here == own - own.rem_euclid(STEP) + offset
        {
            let because = format!("{name} carries the source's time, {}", shown(own));
            plan.egg_info = Value::new(EggInfo::Source, Origin::Wheel, because);
            return;
        }
    }
}

/// The clock of a build that took the time as it was. It may have moved on by one step of zip's in between: where that
/// was, the order in which setuptools makes its files tells.
fn running(evidence: &Evidence<'_>, plan: &BuildPlan, record: i64, offset: i64) -> (Clock, String) {
    let of = |name: &str| evidence.of_dist_info(name).and_then(time);
    let (metadata, wheel) = (of("METADATA").unwrap_or(record), of("WHEEL").unwrap_or(record));
    let moves = |before: Moment, what: &str| {
        let from = record - STEP;
        let because = format!("{what} carry {}, what is made later {}", shown(from), shown(record));
        (Clock::Moves { from: from - offset, before }, because)
    };
    let earlier = |name: &&str| of(name) == Some(record - STEP);
    if wheel + STEP == record {
        return moves(Moment::Record, "the files of the .dist-info directory");
    }
    if metadata + STEP == record {
        return moves(Moment::Wheel, "METADATA and what is made before it");
    }
    let made = plan.egg_info.value == EggInfo::Build;
    if made && metadata == record && ["top_level.txt", "entry_points.txt"].iter().any(earlier) {
        return moves(Moment::DistInfo, "the files that come from .egg-info");
    }
    (Clock::Stands(record - offset), format!("the time of RECORD, {}", shown(record)))
}

/// The one time that all copies of the source's files carry, where it is not that of the source: they were checked out.
fn other_than_source(evidence: &Evidence<'_>) -> Option<i64> {
    let copies = evidence.copies();
    let of_copies: BTreeSet<i64> = copies.iter().filter_map(|(member, _)| time(member)).collect();
    let of_source: BTreeSet<i64> = copies.iter().map(|(_, file)| file.modified).collect();
    let [one] = of_copies.into_iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let same = |time: &i64| time - time.rem_euclid(STEP) == one;
    (copies.len() > 1 && !of_source.iter().all(same)).then_some(one)
}

/// `SOURCE_DATE_EPOCH`: the one time of the source's files where that is it, else copied.
fn one_time(evidence: &Evidence<'_>, time: i64) -> Value<Clock> {
    let mut of_source: Vec<i64> =
        evidence.source.files.values().map(|file| file.modified).collect();
    of_source.sort_unstable();
    of_source.dedup();
    // The time that a release's tools set stands in the source distribution too.
    match of_source.iter().find(|it| **it - it.rem_euclid(STEP) == time) {
        Some(exact) if of_source.len() <= 2 => {
            let because = format!("all members carry {}, as the source's files do", shown(time));
            Value::new(Clock::SourceDateEpoch(*exact), Origin::Source, because)
        }
        _ => {
            let because = format!("all members carry {}", shown(time));
            Value::new(Clock::SourceDateEpoch(time), Origin::Copied, because)
        }
    }
}

/// The zone in which times were written, where copies of the source's files show it; its offset in seconds at `now`.
fn local_time(evidence: &Evidence<'_>, plan: &mut BuildPlan, now: i64) -> i64 {
    let mut copies = evidence.copies();
    // flit writes licences with the times of their files, too.
    if evidence.generator().is_some_and(|it| it.name == "flit") {
        copies.extend(evidence.copied_metadata());
    }
    let pairs: Vec<(i64, i64)> = copies
        .into_iter()
        .filter_map(|(member, file)| {
            Some((file.modified - file.modified.rem_euclid(STEP), time(member)?))
        })
        .collect();
    if pairs.iter().all(|(own, written)| own == written) {
        return 0;
    }
    match zone::of(&pairs) {
        Some(zone) => {
            let because = "the times of the source's files, as the wheel has them".to_owned();
            let offset = zone.offset_of_local(now);
            plan.zone = Value::new(zone.posix(), Origin::Copied, because);
            offset
        }
        None => 0,
    }
}
