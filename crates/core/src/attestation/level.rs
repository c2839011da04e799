//! Levels and verified properties, as summaries of a verification write them: `SlsaResult` of
//! <https://slsa.dev/spec/v1.2/verification_summary> and whatever else a verifier writes beside them.

use super::vsa::LEVEL_FAILED;

/// One value of `verifiedLevels` of a VSA, or of `properties` of an SVR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level<'a> {
    /// `SLSA_<TRACK>_LEVEL_<N>`, such as 3 of `BUILD`. It has all that the lower levels of its track have.
    Of {
        /// The track.
        track: &'a str,
        /// The number.
        number: u8,
    },
    /// `SLSA_<TRACK>_LEVEL_UNEVALUATED`: the track was not looked at, and nothing is said of it.
    Unevaluated {
        /// The track.
        track: &'a str,
    },
    /// `FAILED`.
    Failed,
    /// Anything else: a verified property, or a word of the verifier's own. It is itself and no more.
    Property(&'a str),
}

impl<'a> Level<'a> {
    /// Tells what a value is. One that only looks like a level, such as `SLSA_BUILD_LEVEL_03`, is a word like any
    /// other and stands above none.
    pub fn of(text: &'a str) -> Self {
        if text == LEVEL_FAILED {
            return Self::Failed;
        }
        let parts = text.strip_prefix("SLSA_").and_then(|rest| rest.split_once("_LEVEL_"));
        let is_track = |track: &str| {
            !track.is_empty() && track.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        match parts.filter(|(track, _)| is_track(track)) {
            Some((track, "UNEVALUATED")) => Self::Unevaluated { track },
            Some((track, number)) if matches!(number.as_bytes(), [b'0'..=b'9']) => {
                Self::Of { track, number: number.as_bytes()[0] - b'0' }
            }
            _ => Self::Property(text),
        }
    }

    /// Whether whoever has this has `wanted`. Nobody has a failure, or a track that was not looked at.
    pub fn includes(&self, wanted: &Level<'_>) -> bool {
        match (self, wanted) {
            (Self::Of { track, number }, Level::Of { track: of, number: wanted }) => {
                track == of && number >= wanted
            }
            (Self::Property(one), Level::Property(other)) => one == other,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn includes(one: &str, other: &str) -> bool {
        Level::of(one).includes(&Level::of(other))
    }

    #[test]
    fn a_level_has_those_below_it_on_its_own_track() {
        for (has, wanted, expected) in [
            ("SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_3", true),
            ("SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_1", true),
            ("SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_2", false),
            ("SLSA_SOURCE_LEVEL_3", "SLSA_BUILD_LEVEL_1", false),
            ("SLSA_BUILD_ENV_LEVEL_3", "SLSA_BUILD_LEVEL_1", false),
            ("SLSA_BUILD_REPRODUCED", "SLSA_BUILD_REPRODUCED", true),
            ("SLSA_BUILD_LEVEL_3", "SLSA_BUILD_REPRODUCED", false),
            ("SLSA_BUILD_REPRODUCED", "SLSA_BUILD_LEVEL_0", false),
            ("OURS", "OURS", true),
            ("ours", "OURS", false),
        ] {
            assert_eq!(includes(has, wanted), expected, "{has} {wanted}");
        }
    }

    #[test]
    fn what_was_not_evaluated_or_failed_is_had_by_nobody() {
        for word in ["FAILED", "SLSA_BUILD_LEVEL_UNEVALUATED"] {
            assert!(!includes(word, word) && !includes("SLSA_BUILD_LEVEL_3", word));
            assert!(!includes(word, "SLSA_BUILD_LEVEL_0"));
        }
    }

    #[test]
    fn what_only_looks_like_a_level_stands_above_none() {
        for word in [
            "SLSA_BUILD_LEVEL_03",
            "SLSA_BUILD_LEVEL_30",
            "SLSA_BUILD_LEVEL_+3",
            "SLSA_BUILD_LEVEL_3 ",
            "SLSA_BUILD_LEVEL_\u{663}",
            "SLSA_build_LEVEL_3",
            "SLSA__LEVEL_3_LEVEL_3",
            "slsa_BUILD_LEVEL_3",
            "SLSA_BUILD_LEVEL_",
        ] {
            assert_eq!(Level::of(word), Level::Property(word));
            assert!(!includes(word, "SLSA_BUILD_LEVEL_1"), "{word}");
            assert!(!includes("SLSA_BUILD_LEVEL_4", word), "{word}");
        }
    }
}
