//! Times as in-toto has them: RFC 3339, UTC, with `Z`
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/field_types.md#timestamp>).
//!
//! `chrono` reads more forms than that. One spelling is asked for, so that two readers of one document
//! cannot see two times.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serializer};

/// Text that is not a time in the one form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time like 2026-01-31T23:59:59Z: `{}`", .found.escape_debug())]
pub struct TimestampError {
    found: String,
}

/// Reads a time.
///
/// # Errors
/// [`TimestampError`] for anything but RFC 3339 with `T` and `Z`.
pub fn parse(text: &str) -> Result<DateTime<Utc>, TimestampError> {
    let error = || TimestampError { found: text.chars().take(40).collect() };
    if text.as_bytes().get(10) != Some(&b'T') || !text.ends_with('Z') {
        return Err(error());
    }
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| error())
}

/// For `serde(deserialize_with)`: a time that must be there.
pub(super) fn required<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DateTime<Utc>, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// For `serde(deserialize_with)`: a time that may be absent or null.
pub(super) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text)).transpose().map_err(serde::de::Error::custom)
}

/// Writes a time, to the second.
pub fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// For `serde(serialize_with)`: a time to the second.
pub(crate) fn in_seconds<S: Serializer>(
    time: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&seconds(*time))
}

/// For `serde(serialize_with)`: a time to the second, or null.
pub(crate) fn maybe_in_seconds<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => in_seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_is_read() {
        for text in ["1985-04-12T23:20:50.52Z", "2024-10-09T11:44:01.236836953Z"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Z",
            "2024-10-09",
            "2024-10-09 11:44:01Z",
            "2024-10-09t11:44:01z",
            "2024-10-09T11:44:01",
            "2024-10-09T11:44:01+00:00",
            "2024-10-09T11:44:01+02:00Z",
            "2024-13-09T11:44:01Z",
            "2024-02-30T11:44:01Z",
            "20241009T114401Z",
            "1728474241",
            " 2024-10-09T11:44:01Z",
            "2024-10-09T11:44:01 Z",
            "2024-10-09T11:44:01\u{202e}Z",
            "99999-10-09T11:44:01Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
