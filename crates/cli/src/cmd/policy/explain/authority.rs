//! Who vouches for what a check found.

use serde::Serialize;
use wheelmark_core::report::{CheckName, Report, Status};
use wheelmark_core::trust::SignerIdentity;

/// A check that held, and who vouches for the value that it found.
#[derive(Serialize)]
pub struct Vouched {
    /// The check.
    pub check: CheckName,
    /// Who.
    pub by: String,
}

/// Every check that held and says something that somebody had to vouch for. `signer` is who signed.
pub fn vouched(report: &Report, signer: Option<&SignerIdentity>) -> Vec<Vouched> {
    let held = report.checks().iter().filter(|it| matches!(it.status, Status::Passed(_)));
    held.filter_map(|it| Some(Vouched { check: it.name, by: by(it.name, signer)? })).collect()
}

fn by(check: CheckName, signer: Option<&SignerIdentity>) -> Option<String> {
    use CheckName as C;
    let said_by_signer = || "what the signer signed".to_owned();
    let certificate = match signer {
        Some(SignerIdentity::Certificate(certificate)) => Some(&**certificate),
        _ => None,
    };
    // A value that a certificate names is its issuer's, and the provenance may not say another; what it does not name
    // is the signer's word alone.
    let certified = |named: bool| match certificate {
        Some(it) if named => format!("the signer's certificate, and behind it {}", it.issuer),
        _ => said_by_signer(),
    };
    Some(match check {
        C::Archive | C::SubjectDigest => "the bytes of the file".to_owned(),
        C::Signature => match certificate {
            Some(it) => format!("the authorities, logs and time stamps of {}", it.instance),
            None => "the key that the policy names".to_owned(),
        },
        // Where nobody signed, an exception names it.
        C::SubjectName if signer.is_none() => "the policy".to_owned(),
        C::Statement | C::SubjectName | C::PredicateType | C::BuildType => said_by_signer(),
        C::Parameters | C::ExternalParameters | C::CleanSource | C::Isolation => said_by_signer(),
        C::Certificate => certified(true),
        C::Signer => match certificate {
            Some(_) => certified(true),
            None => "the key that verifies the signature".to_owned(),
        },
        C::Age => "the log or time stamp authority".to_owned(),
        C::Builder => certified(certificate.is_some_and(|it| it.build_signer().is_some())),
        C::Source => certified(certificate.is_some_and(|it| it.repository().is_some())),
        C::Trigger => certified(certificate.is_some_and(|it| it.trigger().is_some())),
        C::Branch => "the checkout that was given".to_owned(),
        C::CoolDown => "the package index".to_owned(),
        C::Ref => certified(certificate.is_some_and(|it| it.git_ref().is_some())),
        C::Revocation | C::PolicyRule => "the policy".to_owned(),
        C::Includes => "the policies that the policy includes, by their digests".to_owned(),
        C::Lock => "the lock".to_owned(),
        C::AttestationIdentity => certified(true),
        C::Identity => "the identities that were locked".to_owned(),
        C::BuildRequirements => "what the signer signed, and who signed each of these".to_owned(),
        C::Required => "who signed each of them".to_owned(),
        C::Attestation | C::Threshold | C::Forbidden | C::Rebuild => return None,
        // Of a layout, which is no policy.
        C::LayoutSignature
        | C::Layout
        | C::LayoutExpiry
        | C::Links
        | C::ArtifactRules
        | C::Product
        | C::Inspections => return None,
    })
}
