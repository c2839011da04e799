//! What the Sigstore libraries refuse, as reasons of ours.

use chrono::{DateTime, SecondsFormat};
use sigstore_verify::bundle::Error as Bundle;
use sigstore_verify::{
    CertificateError as Certificate, Error, TimestampError as Timestamp,
    TransparencyLogError as Log,
};

use crate::report::{Reason, Refusal};

/// The reason behind an error of the verifier, with what it says as the value found.
pub(super) fn refusal(error: &Error) -> Refusal {
    let text = error.to_string().replace('\n', " ");
    // The library adds what the machine's clock says: the same inputs are to give the same report.
    let found = text.split_once(" (current time: ").map_or(&*text, |(text, _)| text);
    Refusal::new(reason(error)).found(with_dates(found))
}

/// A text of the library with each `UnixTime(…)` in it, in seconds since 1970, as RFC 3339 has it.
fn with_dates(text: &str) -> String {
    let mut parts = text.split("UnixTime(");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let date = part.split_once(')').and_then(|(seconds, rest)| {
            let time = DateTime::from_timestamp(seconds.parse().ok()?, 0)?;
            Some(format!("{}{rest}", time.to_rfc3339_opts(SecondsFormat::Secs, true)))
        });
        shown += &date.unwrap_or_else(|| format!("UnixTime({part}"));
    }
    shown
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::SignatureInvalid(_) => Reason::SignatureInvalid,
        // The library says with one word that the file is another and that the entry is of another.
        Error::ArtifactMismatch(text) if text.contains("hashedrekord entry") => {
            Reason::LogEntryMismatch
        }
        Error::ArtifactMismatch(_) => Reason::SubjectDigestMismatch,
        Error::Certificate(certificate) => of_certificate(certificate),
        Error::TransparencyLog(log) => of_log(log),
        Error::Timestamp(time) => of_timestamp(time),
        Error::UnsupportedBundle(_) | Error::UnsupportedArtifact(_) => Reason::BundleUnsupported,
        Error::Bundle(bundle) => of_bundle(bundle),
        // What is left are forms that cannot be read, and errors that this use of the library excludes.
        _ => Reason::BundleMalformed,
    }
}

fn of_bundle(error: &Bundle) -> Reason {
    match error {
        Bundle::MissingInclusionPromise(_)
        | Bundle::MissingInclusionProof(_)
        | Bundle::MissingCheckpoint => Reason::LogEntryMissing,
        Bundle::MissingSigningTimeEvidence | Bundle::MissingTimestamp => Reason::TimestampMissing,
        Bundle::LogIndexOutOfRange { .. } => Reason::LogInclusion,
        Bundle::CheckpointRootMismatch => Reason::LogCheckpoint,
        Bundle::UnsupportedMediaType(_) | Bundle::UnsupportedVerificationMaterial => {
            Reason::BundleUnsupported
        }
        _ => Reason::BundleMalformed,
    }
}

fn of_certificate(error: &Certificate) -> Reason {
    match error {
        Certificate::NotYetValid { .. } | Certificate::Expired { .. } => {
            Reason::CertificateNotValid
        }
        // The chain is held at the signing time before that is compared with the certificate's own
        // validity, and the library keeps the cause as text only.
        Certificate::ChainInvalid(text)
            if text.contains("CertExpired") || text.contains("CertNotValidYet") =>
        {
            Reason::CertificateNotValid
        }
        Certificate::ChainInvalid(_) | Certificate::NoValidAuthority { .. } => {
            Reason::CertificateUntrusted
        }
        Certificate::Sct(_) => Reason::CertificateNotLogged,
        _ => Reason::CertificateMalformed,
    }
}

fn of_log(error: &Log) -> Reason {
    match error {
        Log::UnknownLog { .. } => Reason::LogUnknown,
        Log::InclusionProof(_) => Reason::LogInclusion,
        Log::Checkpoint(_) => Reason::LogCheckpoint,
        // A promise is held by the key of the log that it names; that there is none is said in these words.
        Log::InclusionPromise(text) if text.starts_with("No log key valid at") => {
            Reason::LogUnknown
        }
        Log::InclusionPromise(_) => Reason::LogPromise,
        Log::EntryMismatch(_) => Reason::LogEntryMismatch,
        Log::IntegratedTime(_) => Reason::LogTime,
        _ => Reason::LogEntryMalformed,
    }
}

fn of_timestamp(error: &Timestamp) -> Reason {
    match error {
        Timestamp::NoVerifiedTimestamp(_) => Reason::TimestampMissing,
        _ => Reason::TimestampInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::with_dates;

    #[test]
    fn times_are_told_as_dates() {
        for (text, shown) in [
            ("none", "none"),
            (
                "{ time: UnixTime(1764590400), x: UnixTime(0) }",
                "{ time: 2025-12-01T12:00:00Z, x: 1970-01-01T00:00:00Z }",
            ),
            ("UnixTime(x) UnixTime(1", "UnixTime(x) UnixTime(1"),
        ] {
            assert_eq!(with_dates(text), shown);
        }
    }
}
