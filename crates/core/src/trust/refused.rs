//! What the Sigstore libraries refuse, as reasons of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use sigstore_verify::bundle::Error as Bundle;
use sigstore_verify::{
    CertificateError as Certificate, Error, TimestampError as Timestamp,
    TransparencyLogError as Log,
};

use crate::attestation::timestamp::seconds;
use crate::report::{Reason, Refusal};

/// What the library calls its own parts, which says nothing to a reader.
const LABELS: [&str; 6] = [
    "Bundle error: ",
    "failed to parse certificate: Certificate error: ",
    "Crypto error: ",
    "Invalid response: ",
    "Types error: ",
    "Verification error: ",
];

/// The reason behind an error of the verifier, with what it says as the value found.
pub(super) fn refusal(error: &Error) -> Refusal {
    Refusal::new(reason(error)).found(words(error))
}

/// What an error says, with times and ids as they are shown elsewhere; as the library says it where that is not
/// known here.
fn words(error: &Error) -> String {
    match error {
        Error::Certificate(Certificate::ChainInvalid(text)) => of_chain(text),
        Error::TransparencyLog(Log::UnknownLog { log_id }) => {
            Some(format!("log {}", hex_id(log_id)))
        }
        Error::TransparencyLog(Log::InclusionPromise(text)) => of_promise(text),
        _ => None,
    }
    .unwrap_or_else(|| {
        let text = error.to_string().replace('\n', " ");
        // The library adds what the machine's clock says: the same inputs are to give the same report.
        let text = text.split_once(" (current time: ").map_or(&*text, |(text, _)| text);
        LABELS.iter().fold(text.to_owned(), |text, label| text.replace(label, ""))
    })
}

/// A chain of certificates that does not hold, of which the library has the names of types and fields only.
fn of_chain(text: &str) -> Option<String> {
    let (_, error) = text.split_once("validation failed: ")?;
    let kind = error.split(|c: char| !c.is_alphanumeric()).next()?;
    let time = |field: &str| {
        let (_, rest) = error.split_once(&format!("{field}: UnixTime("))?;
        let time = DateTime::from_timestamp(rest.split_once(')')?.0.parse().ok()?, 0)?;
        Some(seconds(time))
    };
    let valid = |within: String| {
        Some(format!(
            "signed at {}, a certificate of the chain being valid {within}",
            time("time")?
        ))
    };
    Some(match kind {
        "CertExpired" => valid(format!("until {}", time("not_after")?))?,
        "CertNotValidYet" => valid(format!("from {}", time("not_before")?))?,
        "UnknownIssuer" => {
            "a certificate that none of the trusted root's authorities of that time issued"
                .to_owned()
        }
        "RequiredEkuNotFoundContext" => {
            let (_, present) = error.split_once("present: [")?;
            let present = present.split_once(']')?.0.replace("KeyPurposeId(", "").replace(')', "");
            let present = if present.is_empty() { "none" } else { &present };
            format!(
                "a certificate that is not for signing code: its extended key usage is {present}"
            )
        }
        // A name without fields is words already.
        _ if kind == error => format!("certificate chain: {}", spaced(kind)),
        _ => return None,
    })
}

/// `InvalidSerialNumber` as "invalid serial number".
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// A promise whose log has no key for its time.
fn of_promise(text: &str) -> Option<String> {
    let rest = text.strip_prefix("No log key valid at integrated time ")?;
    let (time, id) = rest.split_once(" for log ID ")?;
    Some(format!("log {}, of which no key counts at {time}", hex_id(id)))
}

/// The id of a log as `wheelmark trust show` has it; as the library has it where it is not base64.
fn hex_id(id: &str) -> String {
    STANDARD.decode(id).map_or_else(|_| id.to_owned(), hex::encode)
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
    use super::*;

    fn chain(error: &str) -> String {
        let text = format!("certificate chain validation failed: {error}");
        words(&Certificate::ChainInvalid(text).into())
    }

    #[test]
    fn no_type_of_the_library_is_shown() {
        for (error, told) in [
            (
                "CertExpired { time: UnixTime(1764590400), not_after: UnixTime(1748736000) }",
                "signed at 2025-12-01T12:00:00Z, a certificate of the chain being valid until \
                 2025-06-01T00:00:00Z",
            ),
            (
                "CertNotValidYet { time: UnixTime(1764590400), not_before: UnixTime(1764590700) }",
                "signed at 2025-12-01T12:00:00Z, a certificate of the chain being valid from \
                 2025-12-01T12:05:00Z",
            ),
            (
                "UnknownIssuer",
                "a certificate that none of the trusted root's authorities of that time issued",
            ),
            ("CaUsedAsEndEntity", "certificate chain: ca used as end entity"),
            (
                "RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required: \
                 KeyPurposeId(1.3.6.1.5.5.7.3.3), present: [KeyPurposeId(1.3.6.1.5.5.7.3.1)] })",
                "a certificate that is not for signing code: its extended key usage is 1.3.6.1.5.5.7.3.1",
            ),
            // What is not known here, in another version of the library for example, is not lost.
            (
                "Odd { x: 1 }",
                "certificate chain is invalid: certificate chain validation failed: Odd { x: 1 }",
            ),
            (
                "CertExpired { at: 1 }",
                "certificate chain is invalid: certificate chain validation failed: CertExpired { at: 1 }",
            ),
        ] {
            assert_eq!(chain(error), told);
        }
        let inner = "SET verification failed: Verification error: signature invalid".to_owned();
        assert_eq!(
            words(&Log::InclusionPromise(inner).into()),
            "invalid inclusion promise: SET verification failed: signature invalid"
        );
    }

    #[test]
    fn a_log_is_named_as_the_trusted_root_is_shown() {
        let root = crate::trust::Instance::embedded(crate::trust::InstanceName::PublicGood);
        let root = root.unwrap();
        let (shown, library) =
            (&root.contents().transparency_logs[0].log_id, &root.root().tlogs[0]);
        let id = library.log_id.key_id.to_string();
        assert_eq!(words(&Log::UnknownLog { log_id: id.clone() }.into()), format!("log {shown}"));
        let late =
            format!("No log key valid at integrated time 2025-12-01T12:00:00Z for log ID {id}");
        assert_eq!(
            words(&Log::InclusionPromise(late).into()),
            format!("log {shown}, of which no key counts at 2025-12-01T12:00:00Z")
        );
    }
}
