//! The parts of a line that a build puts in by itself: times, absolute paths, numbers of users and
//! processes, random values.
//!
//! Two lines that are equal but for such parts differ by that cause. Whatever is not recognised is
//! plain text, and plain text must be equal.

use super::Cause;

/// Bytes of the longest token that is taken for random: a SHA-512 in hexadecimal. The bound keeps the
/// search linear.
const TOKEN: usize = 128;
/// Parts of a time, such as date, time of day, fraction and zone. Bounded for the same reason.
const TIME_PARTS: usize = 6;

/// Two different values of the same kind at the same place of two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swap<'a> {
    pub(super) cause: Cause,
    pub(super) a: &'a str,
    pub(super) b: &'a str,
}

/// The values in which the lines differ, if they differ in nothing else.
pub(super) fn swaps<'a>(a: &'a str, b: &'a str) -> Option<Vec<Swap<'a>>> {
    let (parts_a, parts_b) = (parts(a), parts(b));
    if parts_a.len() != parts_b.len() {
        return None;
    }
    let mut swaps = Vec::new();
    for ((kind_a, a), (kind_b, b)) in parts_a.into_iter().zip(parts_b) {
        if a == b && kind_a == kind_b {
            continue;
        }
        let cause = match (kind_a, kind_b) {
            (Kind::Time, Kind::Time) => Cause::EmbeddedTimestamp,
            (Kind::Path, Kind::Path) if number_after(a, b) => Cause::EmbeddedNumber,
            (Kind::Path, Kind::Path) => Cause::EmbeddedPath,
            (Kind::Number, Kind::Number) => Cause::EmbeddedNumber,
            (Kind::Random, Kind::Random) if a.len() == b.len() => Cause::RandomValue,
            (Kind::Temporary, Kind::Temporary) if unlike(a, b) => Cause::RandomValue,
            _ => return None,
        };
        swaps.push(Swap { cause, a, b });
    }
    Some(swaps)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Time,
    Path,
    Random,
    /// In a line that speaks of a user or a process.
    Number,
    /// What may be a temporary name, or a word: only two of them tell.
    Temporary,
}

/// Whether two names of the same form have no more in common than chance gives them.
fn unlike(a: &str, b: &str) -> bool {
    let pairs = a[TEMPORARY.len()..].bytes().zip(b[TEMPORARY.len()..].bytes());
    pairs.filter(|(a, b)| a == b).count() <= 2
}

/// Whether two paths are one path with another number right after it.
fn number_after(a: &str, b: &str) -> bool {
    let path = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (end_a, end_b) = (path(a), path(b));
    end_a < a.len() && end_b < b.len() && a[..end_a] == b[..end_b] && !a[..end_a].ends_with('/')
}

/// Whether the line names a user, a group or a process, of which a number may then be the id.
fn speaks_of_ids(line: &str) -> bool {
    const NAMES: &[&str] = &["uid", "gid", "pid", "euid", "user", "userid", "owner", "process"];
    let words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words = words.filter(|word| word.len() <= 8);
    words.any(|word| NAMES.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

/// Cuts a line into its parts; together they are the line.
fn parts(line: &str) -> Vec<(Kind, &str)> {
    let ids = speaks_of_ids(line);
    let mut parts = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while at < line.len() {
        let found = line.is_char_boundary(at).then(|| recognise(line, at, ids)).flatten();
        match found {
            Some((kind, length)) => {
                if plain < at {
                    parts.push((Kind::Plain, &line[plain..at]));
                }
                parts.push((kind, &line[at..at + length]));
                at += length;
                plain = at;
            }
            None => at += 1,
        }
    }
    if plain < line.len() {
        parts.push((Kind::Plain, &line[plain..]));
    }
    parts
}

/// What starts at `at`, and its length in bytes, which are all ASCII. `ids` says whether a number may be
/// that of a user or a process.
fn recognise(line: &str, at: usize, ids: bool) -> Option<(Kind, usize)> {
    let (before, rest) = (&line.as_bytes()[..at], &line.as_bytes()[at..]);
    if let Some(length) = path(before, rest) {
        return Some((Kind::Path, length));
    }
    let hexadecimal = before.ends_with(b"0x");
    if before.last().is_some_and(u8::is_ascii_alphanumeric) && !hexadecimal {
        let letter = before.last().is_some_and(u8::is_ascii_alphabetic);
        return float_epoch(rest).filter(|_| letter).map(|length| (Kind::Time, length));
    }
    if let Some(length) = time(rest) {
        return Some((Kind::Time, length));
    }
    if let Some(length) = temporary(rest) {
        return Some((Kind::Temporary, length));
    }
    if let Some(length) = random(rest) {
        return Some((Kind::Random, length));
    }
    number(rest).filter(|_| ids).map(|length| (Kind::Number, length))
}

fn run(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| allowed(**b)).count()
}

/// An absolute path of two segments or more: `/a/b`, `C:\a\b`.
fn path(before: &[u8], rest: &[u8]) -> Option<usize> {
    let last = before.last().copied().unwrap_or(b' ');
    let flag = [&b"-I"[..], b"-L", b"-B"].iter().any(|flag| before.ends_with(flag));
    let start = !(last.is_ascii_alphanumeric() || b"_./\\~)]<-".contains(&last)) || flag;
    let segment = |b: u8| b.is_ascii_alphanumeric() || b"_.+@%~,=-#".contains(&b) || b >= 0x80;
    let (root, separators): (usize, &[u8]) = match rest {
        [b'/', next, ..] if start && segment(*next) => (0, b"/"),
        [drive, b':', b'\\' | b'/', ..] if start && drive.is_ascii_alphabetic() => (2, b"\\/"),
        _ => return None,
    };
    let length = run(&rest[root..], |b| segment(b) || separators.contains(&b));
    let inside = &rest[root..root + length];
    let deep = inside.split(|b| separators.contains(b)).filter(|s| !s.is_empty()).count() >= 2;
    let ends = inside
        .iter()
        .rposition(|b| b.is_ascii_alphanumeric() || b"/\\_".contains(b) || *b >= 0x80)?;
    // A full stop or comma after the path belongs to the sentence.
    deep.then_some(root + ends + 1)
}

/// A date, a time of day, both, or seconds since 1970 in this century so far.
fn time(rest: &[u8]) -> Option<usize> {
    let mut length = date(rest).or_else(|| clock(rest)).or_else(|| epoch(rest))?;
    // What follows belongs to it: the time of day, its fraction, the zone.
    for _ in 0..TIME_PARTS {
        let tail = &rest[length..];
        let gap = run(tail, |b| b == b' ' || b == b'T' || b == b',').min(2);
        let more = match tail {
            [b'Z', ..] => Some(1),
            [b'.', digit, ..] if digit.is_ascii_digit() => {
                Some(1 + run(&tail[1..], |b| b.is_ascii_digit()))
            }
            [b'+' | b'-', ..] => zone(&tail[1..]).map(|zone| zone + 1),
            _ => None,
        };
        let more = more.or_else(|| {
            let next = &tail[gap..];
            clock(next).or_else(|| date(next).filter(|_| gap > 0)).map(|found| found + gap)
        });
        match more {
            Some(more) => length += more,
            None => break,
        }
    }
    match rest.get(length) {
        Some(next) if next.is_ascii_alphanumeric() => None,
        _ => Some(length),
    }
}

fn digits(bytes: &[u8], count: usize) -> Option<u32> {
    let bytes = bytes.get(..count).filter(|bytes| bytes.iter().all(u8::is_ascii_digit))?;
    Some(bytes.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn year(bytes: &[u8]) -> Option<()> {
    digits(bytes, 4).filter(|year| (1970..2100).contains(year)).map(drop)
}

/// `2026-11-23`, `2026/11/23`, `20261123`, `20261123T162000`, `Nov 23 2026`, `23 Nov 2026`, each with the
/// day of the week before it.
fn date(rest: &[u8]) -> Option<usize> {
    const MONTHS: &[&str] = &[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: &[&str] =
        &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    // Whole, or the first three letters.
    let word = |names: &[&str], at: &[u8]| {
        names.iter().find_map(|name| {
            let name = name.as_bytes();
            let mut lengths = [name.len(), 3].into_iter();
            lengths.find(|length| at.starts_with(&name[..*length]))
        })
    };
    let month_day = |m: &[u8], d: &[u8]| {
        let ranges = (1..=12).contains(&digits(m, 2)?) && (1..=31).contains(&digits(d, 2)?);
        ranges.then_some(())
    };
    if let Some(day) = word(DAYS, rest) {
        let gap = run(&rest[day..], |b| b == b' ' || b == b',');
        return date(&rest[day + gap..]).filter(|_| gap > 0).map(|length| day + gap + length);
    }
    if let Some(month) = word(MONTHS, rest) {
        let gap = run(&rest[month..], |b| b == b' ');
        let day = run(&rest[month + gap..], |b| b.is_ascii_digit());
        let next = &rest[month + gap + day..];
        let valid = (1..=2).contains(&gap) && (1..=2).contains(&day);
        // ctime puts the time of day between the day and the year.
        let middle = match next {
            [b' ', tail @ ..] => clock(tail).map_or(0, |clock| clock + 1),
            _ => 0,
        };
        let space = run(&next[middle..], |b| b == b' ' || b == b',');
        year(&next[middle + space..])?;
        return (valid && space > 0).then_some(month + gap + day + middle + space + 4);
    }
    if let [b'0'..=b'9', ..] = rest {
        let day = run(rest, |b| b.is_ascii_digit());
        if let [b' ' | b'-', tail @ ..] = &rest[day..]
            && day <= 2
            && let Some(month) = word(MONTHS, tail)
            && let Some(b' ' | b'-') = tail.get(month)
        {
            return year(&tail[month + 1..]).map(|()| day + 1 + month + 1 + 4);
        }
    }
    year(rest)?;
    let (separator, tail) = rest[4..].split_first()?;
    if b"-/.".contains(separator) && tail.get(2) == Some(separator) {
        month_day(tail, &tail[3..])?;
        return Some(10);
    }
    month_day(&rest[4..], rest.get(6..)?)?;
    match run(rest, |b| b.is_ascii_digit()) {
        8 => Some(
            8 + rest
                .get(8)
                .filter(|b| **b == b'T')
                .map_or(0, |_| 1 + run(&rest[9..], |b| b.is_ascii_digit())),
        ),
        14 => Some(14),
        _ => None,
    }
}

/// `16:20`, `16:20:05`.
fn clock(rest: &[u8]) -> Option<usize> {
    digits(rest, 2).filter(|hour| *hour < 24)?;
    let part = |at: usize| {
        let bytes = rest.get(at..).filter(|bytes| bytes.first() == Some(&b':'))?;
        digits(&bytes[1..], 2).filter(|value| *value <= 60).map(drop)
    };
    part(2)?;
    Some(if part(5).is_some() { 8 } else { 5 })
}

/// Seconds since 1970, between 2001 and 2033, or as many thousandths, millionths or billionths.
fn epoch(rest: &[u8]) -> Option<usize> {
    let length = run(rest, |b| b.is_ascii_digit());
    (matches!(length, 10 | 13 | 16 | 19) && rest.first() == Some(&b'1')).then_some(length)
}

/// Seconds since 1970 with a fraction, as Python's `time.time()` gives them: plain even after a letter.
fn float_epoch(rest: &[u8]) -> Option<usize> {
    let fraction = match rest.get(10..)? {
        [b'.', fraction @ ..] => run(fraction, |b| b.is_ascii_digit()),
        _ => 0,
    };
    let whole = rest.get(11 + fraction).is_none_or(|b| !b.is_ascii_alphanumeric());
    (epoch(rest) == Some(10) && fraction > 0 && whole).then_some(11 + fraction)
}

/// The id of a user or a process that is not one of the first, which are the same everywhere.
fn number(rest: &[u8]) -> Option<usize> {
    let length = run(rest, |b| b.is_ascii_digit());
    let whole = rest.get(length).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'.');
    ((3..=10).contains(&length) && whole).then_some(length)
}

/// `00:00`, `0000` after a sign.
fn zone(rest: &[u8]) -> Option<usize> {
    digits(rest, 2)?;
    match rest.get(2)? {
        b':' => digits(&rest[3..], 2).map(|_| 5),
        _ => digits(rest, 4).map(|_| 4),
    }
}

/// The form of Python's temporary names: eight small letters, digits and `_` after `tmp`.
fn temporary(rest: &[u8]) -> Option<usize> {
    let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let length = run(&rest[..rest.len().min(TEMPORARY.len() + 9)], name);
    let whole = rest.get(length).is_none_or(|b| !b.is_ascii_alphanumeric());
    (rest.starts_with(TEMPORARY) && length == TEMPORARY.len() + 8 && whole).then_some(length)
}

const TEMPORARY: &[u8] = b"tmp";

/// Eight hexadecimal digits or more, a UUID, a token of mixed letters.
fn random(rest: &[u8]) -> Option<usize> {
    let length = run(&rest[..rest.len().min(TOKEN + 1)], |b| {
        b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
    });
    if length > TOKEN {
        return None;
    }
    let token = &rest[..length];
    let has = |test: fn(&u8) -> bool| token.iter().any(test);
    let digit = has(u8::is_ascii_digit);
    let letter = has(u8::is_ascii_alphabetic);
    let dashes: Vec<usize> = token.split(|b| *b == b'-').map(<[u8]>::len).collect();
    let hexadecimal = token.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let uuid = hexadecimal && dashes == [8, 4, 4, 4, 12];
    let plain = dashes.len() == 1 && hexadecimal && length >= 8;
    // Decimal digits alone are a number.
    let hash = plain && letter && (digit || length >= 16);
    let mixed = length >= 16
        && dashes.len() == 1
        && digit
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && !token.contains(&b'_');
    (uuid || hash || mixed).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(a: &str, b: &str) -> Option<(Cause, String, String)> {
        match swaps(a, b)?.as_slice() {
            [swap] => Some((swap.cause, swap.a.to_owned(), swap.b.to_owned())),
            _ => None,
        }
    }

    #[test]
    fn times_are_recognised_in_the_forms_that_builds_write() {
        for (a, b) in [
            ("built 2026-11-23", "built 2025-01-02"),
            ("at 2026-11-23T16:20:05Z.", "at 2025-01-02T00:00:00Z."),
            ("at 2026-11-23 16:20:05.123456+02:00", "at 2025-01-02 00:00:00.5+00:00"),
            ("Nov 23 2026", "Jan  2 2025"),
            ("(Nov 23 2026, 16:20:05)", "(Jan  2 2025, 01:02:03)"),
            ("Mon Nov 23 16:20:05 2026", "Thu Jan  2 01:02:03 2025"),
            ("23 Nov 2026", "02 Jan 2025"),
            ("Monday, 23 November 2026", "Thursday, 2 January 2025"),
            ("November 23, 2026", "May 2, 2025"),
            ("'1700000000'", "'1600000000'"),
            ("built_at = 1700000000.25", "built_at = 1600000000.5"),
            ("T1785312345.1234567", "T1785312347.98"),
            ("ns = 1785312345123456789", "ns = 1785312347987654321"),
            ("20261123T162005Z", "20250102T000000Z"),
            ("16:20:05", "01:02:03"),
        ] {
            let found = only(a, b).unwrap_or_else(|| panic!("{a}: {:?}", (parts(a), parts(b))));
            assert_eq!(found.0, Cause::EmbeddedTimestamp, "{a}");
        }
    }

    #[test]
    fn paths_are_recognised_and_shown_whole() {
        let found = only("CC -I/tmp/build-a/inc.", "CC -I/home/x/inc.").unwrap();
        assert_eq!(found, (Cause::EmbeddedPath, "/tmp/build-a/inc".into(), "/home/x/inc".into()));
        assert_eq!(only(r"C:\a\b;", r"D:\c\d;").unwrap().0, Cause::EmbeddedPath);
        // Not paths: a URL, a relative path, a comment.
        for (a, b) in [
            ("https://a.example/x/y", "https://b.example/x/y"),
            ("src/a/b", "src/a/c"),
            ("// one", "// two"),
        ] {
            assert_eq!(only(a, b), None, "{a}");
        }
    }

    #[test]
    fn numbers_of_users_and_processes_are_recognised() {
        for (a, b) in [
            ("USER = 1000", "USER = 64450"),
            ("built by uid=64450, gid=100", "built by uid=64461, gid=100"),
            // The path is the same in both: what follows it is not part of it.
            ("at /build/src648872", "at /build/src648881"),
        ] {
            let found = only(a, b).unwrap_or_else(|| panic!("{a}: {:?}", (parts(a), parts(b))));
            assert_eq!(found.0, Cause::EmbeddedNumber, "{a}");
        }
        let other = only("/tmp/build-12/x", "/tmp/build-34/x");
        assert_eq!(other.map(|found| found.0), Some(Cause::EmbeddedPath));
        for (a, b) in [("n = 1000", "n = 64450"), ("user = 1", "user = 2")] {
            assert_eq!(only(a, b), None, "{a}");
        }
    }

    #[test]
    fn random_values_have_one_length() {
        for (a, b) in [
            ("id=0f8fad5b-d9cb-469f-a165-70867728950e", "id=7c9e6679-7425-40de-944b-e07fc1f90ae7"),
            ("<object at 0x7f3a5c1d2e80>", "<object at 0x7f11aa0b9c10>"),
            ("tmpa1b2c3d4", "tmpzz9_yx81"),
            ("tmpqwjkelrm", "tmpzzo_yxab"),
            ("da39a3ee5e6b4b0d", "0beec7b5ea3f0fdb"),
        ] {
            assert_eq!(only(a, b).unwrap().0, Cause::RandomValue, "{a}");
        }
        assert_eq!(only("deadbeef01", "deadbeef0123"), None);
    }

    #[test]
    fn ordinary_changes_are_not_explained_away() {
        for (a, b) in [
            ("return 1", "return 2"),
            ("timeout = 30", "timeout = 31"),
            ("n = 12345678901234567890", "n = 12345678901234567891"),
            ("x = True", "x = False"),
            ("version 1.2.3", "version 1.2.4"),
            ("May contain", "Mar contain"),
            ("tmp_counter", "tmp_counted"),
            ("at 2026-11-23 or so", "at 2025-01-02 or no"),
        ] {
            assert_eq!(swaps(a, b), None, "{a}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parts_are_the_line(line in "\\PC{0,60}|[/a0-9: TZ.-]{0,60}|(Nov|Mon|tmp|0x|C:\\\\|/| |2026|-|[0-9]{1,4}|:){0,12}") {
            let joined: String = parts(&line).into_iter().map(|(_, text)| text).collect();
            proptest::prop_assert_eq!(joined, line);
        }
    }
}
