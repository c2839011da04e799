//! The time zone of a build, from pairs of times: that of a file, and the same as an archive has it.
//!
//! Sees: one distance for all pairs (a zone without summer time, or times of one season), or two that are an hour apart
//! and change with the season as one of the rules that most people live under has it.
//!
//! Can be wrong: several places share a zone; which it was is neither told nor needed.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc, Weekday};

const HOUR: i64 = 3600;
const QUARTER: i64 = 900;
const WIDEST: i64 = 14 * HOUR;

/// A zone: an offset east of Greenwich in seconds, and how it changes in summer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    standard: i64,
    summer: Summer,
}

/// When clocks are an hour ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Summer {
    None,
    /// From the last Sunday of March to that of October, both at 01:00 UTC.
    Europe,
    /// From the second Sunday of March to the first of November, both at 02:00 local time.
    America,
    /// From the first Sunday of October to that of April, at 02:00 standard time.
    Australia,
}

/// The zone under which every pair holds: (seconds since 1970, the local time taken as UTC).
pub fn of(pairs: &[(i64, i64)]) -> Option<Zone> {
    let &(own, written) = pairs.first()?;
    let offset = written - own;
    if offset % QUARTER != 0 || offset.abs() > WIDEST {
        return None;
    }
    let fixed = Zone { standard: offset, summer: Summer::None };
    let summers = [Summer::Europe, Summer::America, Summer::Australia];
    let changing = summers
        .into_iter()
        .flat_map(|summer| [offset, offset - HOUR].map(|standard| Zone { standard, summer }));
    let holds =
        |zone: &Zone| pairs.iter().all(|(own, written)| own + zone.offset(*own) == *written);
    std::iter::once(fixed).chain(changing).find(holds)
}

impl Zone {
    /// Its offset at a time, in seconds.
    pub fn offset(self, time: i64) -> i64 {
        let Some(utc) = DateTime::<Utc>::from_timestamp(time, 0) else {
            return self.standard;
        };
        let year = utc.year();
        let at = |month, week, hour_utc: i64| {
            sunday(year, month, week).map_or(0, |day| day + hour_utc * HOUR)
        };
        let local = |hours: i64| hours - self.standard / HOUR;
        let is_summer = match self.summer {
            Summer::None => false,
            Summer::Europe => (at(3, LAST, 1)..at(10, LAST, 1)).contains(&time),
            Summer::America => (at(3, 2, local(2))..at(11, 1, local(1))).contains(&time),
            Summer::Australia => !(at(4, 1, local(2))..at(10, 1, local(2))).contains(&time),
        };
        self.standard + if is_summer { HOUR } else { 0 }
    }

    /// Its offset when clocks show this time, taken as UTC.
    pub fn offset_of_local(self, local: i64) -> i64 {
        self.offset(local - self.standard)
    }

    /// As the variable `TZ` has it (POSIX.1, 8.3), in which east of Greenwich is negative.
    pub fn posix(self) -> String {
        let name = |offset: i64| {
            let (hours, minutes) = (offset.abs() / HOUR, offset.abs() % HOUR / 60);
            format!("<{}{hours:02}{minutes:02}>", if offset < 0 { '-' } else { '+' })
        };
        let (hours, minutes) = (self.standard.abs() / HOUR, self.standard.abs() % HOUR / 60);
        let west = if self.standard > 0 { "-" } else { "" };
        let standard = format!("{}{west}{hours:02}:{minutes:02}", name(self.standard));
        let summer = |rule: &str| format!("{standard}{}{rule}", name(self.standard + HOUR));
        match self.summer {
            Summer::None => standard,
            Summer::Europe => {
                let (begin, end) = (1 + self.standard / HOUR, 2 + self.standard / HOUR);
                summer(&format!(",M3.5.0/{begin},M10.5.0/{end}"))
            }
            Summer::America => summer(",M3.2.0/2,M11.1.0/2"),
            Summer::Australia => summer(",M10.1.0/2,M4.1.0/3"),
        }
    }
}

/// For [`sunday`]: the last one of the month.
const LAST: u8 = 5;

/// When the nth Sunday of a month begins, taken as UTC.
fn sunday(year: i32, month: u32, week: u8) -> Option<i64> {
    let day = match week {
        LAST => NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, 5)
            .or_else(|| NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, 4)),
        week => NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, week),
    };
    Some(day?.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        format!("{text}Z").parse::<DateTime<Utc>>().unwrap().timestamp()
    }

    fn zone(pairs: &[(&str, &str)]) -> Option<String> {
        let pairs: Vec<_> = pairs.iter().map(|(a, b)| (seconds(a), seconds(b))).collect();
        of(&pairs).map(Zone::posix)
    }

    #[test]
    fn one_distance_is_a_zone_without_summer() {
        let found = zone(&[("2016-01-13T16:31:24", "2016-01-13T18:31:24")]);
        assert_eq!(found.as_deref(), Some("<+0200>-02:00"));
        let found = zone(&[("2016-01-13T16:31:24", "2016-01-13T11:31:24")]);
        assert_eq!(found.as_deref(), Some("<-0500>05:00"));
        let found = zone(&[("2016-01-13T16:31:24", "2016-01-13T22:16:24")]);
        assert_eq!(found.as_deref(), Some("<+0545>-05:45"));
    }

    #[test]
    fn two_distances_are_told_by_season() {
        let london = [
            ("2016-04-13T09:58:28", "2016-04-13T10:58:28"),
            ("2016-01-13T16:31:24", "2016-01-13T16:31:24"),
        ];
        assert_eq!(zone(&london).as_deref(), Some("<+0000>00:00<+0100>,M3.5.0/1,M10.5.0/2"));
        let new_york = [
            ("2016-03-14T12:00:00", "2016-03-14T08:00:00"),
            ("2016-01-13T12:00:00", "2016-01-13T07:00:00"),
        ];
        assert_eq!(zone(&new_york).as_deref(), Some("<-0500>05:00<-0400>,M3.2.0/2,M11.1.0/2"));
    }

    #[test]
    fn times_that_no_zone_gives_are_no_zone() {
        assert_eq!(zone(&[("2016-01-13T16:31:24", "2016-01-13T18:31:26")]), None);
        let same_season = [
            ("2016-07-13T12:00:00", "2016-07-13T13:00:00"),
            ("2016-07-14T12:00:00", "2016-07-14T14:00:00"),
        ];
        assert_eq!(zone(&same_season), None);
        assert_eq!(zone(&[]), None);
    }
}
