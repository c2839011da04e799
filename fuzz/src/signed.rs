//! What a trusted signer signed, and what a trusted authority certified: hostile content in a true envelope.

use std::sync::LazyLock;

use serde_json::Value;
use wheelmark_core::attestation::build_types;
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::link::LINK_V0_2_TYPE;
use wheelmark_core::attestation::predicate::Predicate;
use wheelmark_core::attestation::statement::Statement;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::json as strict_json;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Decision, Status};
use wheelmark_core::trust::{
    CertificateIdentity, Embedded, Instance, InstanceName, SignerIdentity, TrustRoot,
};
use wheelmark_core::verify::{self, Artifact, Contents, Facts, Given};
use wheelmark_tests::cases::AT;
use wheelmark_tests::seeds::{self, Certified};
use wheelmark_tests::sigstore::authority::utf8_string;

use super::archives::read_wheel;
use super::attestations::ATTESTATION;
use super::shown_safely;

/// A statement that the trusted key signed. What is read is written and read back as the same; what is
/// accepted is about this very file, and is of a type that the policy takes.
pub fn statement(data: &[u8]) {
    let Ok(value) = strict_json::parse(data, ATTESTATION.bundle) else {
        return;
    };
    let Ok(statement) = serde_json::from_value::<Statement>(value) else {
        return;
    };
    let again = serde_json::to_value(&statement).expect("JSON");
    assert_eq!(serde_json::from_value::<Statement>(again).expect("a statement"), statement);
    match Predicate::read(&statement) {
        Ok(predicate) => {
            // A link of the older version becomes one of the newer, which is written in another way.
            if statement.predicate_type != LINK_V0_2_TYPE {
                let again = Statement { predicate: written(&predicate), ..statement.clone() };
                assert_eq!(Predicate::read(&again).as_ref(), Ok(&predicate));
            }
            if let Err(refusal) = build_types::read(&predicate) {
                shown_safely(&refusal);
            }
        }
        Err(refusal) => shown_safely(&refusal),
    }
    let text = std::str::from_utf8(data).expect("JSON is UTF-8");
    if judged(text) == Decision::Accepted {
        let [subject] = &statement.subject[..] else {
            panic!("{} subjects", statement.subject.len());
        };
        let sha256 = FILE.sha256.to_string();
        let named = subject.name.as_deref().and_then(|name| DistFilename::parse(name).ok());
        assert_eq!(named.as_ref(), FILE.filename.as_ref().ok(), "{:?}", subject.name);
        assert_eq!(subject.digest.get("sha256"), Some(&sha256));
        assert_eq!(statement.predicate_type, "https://slsa.dev/provenance/v1");
    }
}

/// A predicate as it would be written again.
fn written(predicate: &Predicate) -> Value {
    match predicate {
        Predicate::ProvenanceV1(it) => serde_json::to_value(it),
        Predicate::ProvenanceV02(it) => serde_json::to_value(it),
        Predicate::Publish(_) => Ok(Value::Null),
        Predicate::VerificationSummary(it) => serde_json::to_value(it),
        Predicate::SimpleVerificationResult(it) => serde_json::to_value(it),
        Predicate::TestResult(it) => serde_json::to_value(it),
        Predicate::Link(it) => serde_json::to_value(it),
        Predicate::Scai(it) => serde_json::to_value(it),
        Predicate::RebuildResult(it) => serde_json::to_value(it),
        Predicate::Spdx(value) | Predicate::CycloneDx(value) | Predicate::Other { value, .. } => {
            Ok(value.clone())
        }
    }
    .expect("JSON")
}

/// The file that the statements are about.
pub static FILE: LazyLock<Artifact> = LazyLock::new(|| {
    let bytes = seeds::wheel_of_attestations();
    let wheel = read_wheel(&bytes).expect("a wheel");
    Artifact {
        name: wheel.filename().as_str().to_owned(),
        filename: Ok(DistFilename::Wheel(wheel.filename().clone())),
        contents: Ok(Contents::Wheel(Box::new(wheel))),
        sha256: Sha256Digest::of(&bytes),
        facts: Facts::default(),
    }
});

/// What is decided of the file by a statement that the key of the policy signed.
fn judged(statement: &str) -> Decision {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| {
        Policy::parse("policy.toml", &seeds::policy_of_statements(), &Embedded).expect("a policy")
    });
    let bytes = seeds::signed_by_key(statement);
    let given = [Given { from: "bundle".to_owned(), bytes }];
    let now = AT.parse().expect("a time");
    let report = verify::verify(&FILE, &given, &POLICY, now, &ATTESTATION).report;
    for check in report.checks() {
        if let Status::Failed(refusal) = &check.status {
            shown_safely(refusal);
        }
    }
    report.decision()
}

static CERTIFIED: LazyLock<(Certified, TrustRoot)> = LazyLock::new(|| {
    let certified = Certified::new();
    let root = certified.trusted_root().to_string();
    let instance = Instance::parse(InstanceName::Private, root.as_bytes(), None);
    let instance = instance.expect("a trusted root").into();
    (certified, TrustRoot::new(Vec::new(), vec![instance]))
});

/// A certificate. After a zero it is the whole of it, which then holds only as the authority issued it;
/// after another byte the value of the Fulcio extension of that number, which the authority put in. What
/// is believed of that is exactly what its encoding says, and nothing of the others changes. One that is
/// known and cannot be read is not as one that is missing.
pub fn certificate(data: &[u8]) {
    let Some((&number, bytes)) = data.split_first() else {
        return;
    };
    let (certified, _) = &*CERTIFIED;
    let number = u32::from(number % 26);
    if number == 0 {
        if let Some(found) = identity(bytes) {
            assert_eq!(Some(found), identity(&certified.certificate()));
        }
        return;
    }
    let Some(found) = identity(&certified.with_extension(number, bytes)) else {
        return;
    };
    let honest = match text_of(number, bytes) {
        Some(text) => certified.claiming(number, &text),
        None => {
            assert!(matches!(number, 7 | 25), "extension {number} is claimed and cannot be read");
            certified.without(number)
        }
    };
    assert_eq!(Some(found), identity(&honest));
}

/// Whom a certificate vouches for, where it holds.
pub fn identity(der: &[u8]) -> Option<Box<CertificateIdentity>> {
    let (certified, trust) = &*CERTIFIED;
    let now = AT.parse().expect("a time");
    let text = certified.bundle(der).to_string();
    let attestation = Attestation::parse(text.as_bytes(), &ATTESTATION);
    let held = attestation
        .and_then(|it| VerifiedEnvelope::verify(&it, trust, Signed::Digest(FILE.sha256), now));
    match held.map(|envelope| envelope.signer().clone()) {
        Ok(SignerIdentity::Certificate(identity)) => Some(identity),
        Ok(SignerIdentity::Key(key)) => panic!("{key} signed nothing"),
        Err(refusal) => {
            shown_safely(&refusal);
            None
        }
    }
}

/// The text in an extension: DER of a UTF8String, which has one way to write a length (X.690, 10.1); in the
/// first seven it may also be bare.
fn text_of(number: u32, bytes: &[u8]) -> Option<String> {
    let der = String::from_utf8_lossy(match bytes {
        [0x0c, 0..=0x7f, rest @ ..] => rest,
        [0x0c, 0x81, _, rest @ ..] | [0x0c, 0x82, _, _, rest @ ..] => rest,
        _ => &[],
    });
    match utf8_string(&der) == bytes {
        true => Some(der.into_owned()),
        false if number < 8 => String::from_utf8(bytes.to_vec()).ok(),
        false => None,
    }
}
