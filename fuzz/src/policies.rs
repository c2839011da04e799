//! Policies that include others, and the signatures of policies.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::signature::{LATEST_VERSION, SignedPolicy};
use wheelmark_core::policy::{IncludePath, Includes, Policy};
use wheelmark_core::report::Decision;
use wheelmark_core::trust::{Embedded, TrustRoot, TrustedKey, Validity};
use wheelmark_core::verify::{self, Given};
use wheelmark_tests::cases::{AT, TestKey};
use wheelmark_tests::seeds::{self, SEPARATOR};

use super::attestations::ATTESTATION;
use super::shown_safely;
use super::signed::FILE;

/// Policies, each after a separator: the first one is the top file, `1.toml` the next. In all of them `@1` is the
/// digest of `1.toml`, of which a fuzzer would guess none. Whatever all of them together accept, each accepts alone;
/// none is read that is not below its file by its digest.
pub fn policy_includes(data: &[u8]) {
    decided(data);
}

/// What is decided of the file of the statements; `None` where the policies cannot be read.
pub fn decided(data: &[u8]) -> Option<Decision> {
    let files = Files::read(data)?;
    // What is wrong is told in lines, which who shows them makes safe, each by itself.
    let policy = files.policy(0).ok()?;
    let digests: Vec<_> = files.0.iter().map(|text| Sha256Digest::of(text.as_bytes())).collect();
    for file in policy.files() {
        assert!(digests.contains(&file.sha256()), "{} was not given", file.path());
    }
    let decision = judged(&policy);
    if decision != Decision::Accepted {
        return Some(decision);
    }
    for include in policy.includes().iter().filter(|include| include.asks()) {
        let sha256 = include.policy().sha256();
        let at = digests.iter().position(|it| *it == sha256).expect("it was given");
        let alone = files.policy(at).expect("it was read");
        assert_eq!(judged(&alone), Decision::Accepted, "{at}.toml does not accept it");
    }
    Some(decision)
}

/// What is decided of the file of the statements, by its true attestation.
fn judged(policy: &Policy) -> Decision {
    static GIVEN: LazyLock<[Given; 1]> =
        LazyLock::new(|| [Given { from: "bundle".to_owned(), bytes: seeds::bundle_of_wheel() }]);
    verify::verify(&FILE, &*GIVEN, policy, now(), &ATTESTATION).report.decision()
}

fn now() -> DateTime<Utc> {
    AT.parse().expect("a time")
}

/// The texts, with every `@1` replaced.
struct Files(Vec<String>);

/// So many at most, of one digit each.
const MOST: usize = 8;

impl Files {
    fn read(data: &[u8]) -> Option<Self> {
        let texts = data.split(|byte| *byte == SEPARATOR).take(MOST);
        let texts: Result<Vec<_>, _> = texts.map(std::str::from_utf8).collect();
        let mut files: Vec<_> = texts.ok()?.into_iter().map(str::to_owned).collect();
        // From the last on: a file can name the digest of a later one only.
        for at in (1..files.len()).rev() {
            let sha256 = Sha256Digest::of(files[at].as_bytes()).to_string();
            for text in &mut files[..at] {
                *text = text.replace(&format!("@{at}"), &sha256);
            }
        }
        Some(Self(files))
    }

    fn policy(&self, at: usize) -> Result<Policy, wheelmark_core::policy::PolicyError> {
        Policy::parse_with("policy.toml", &self.0[at], &Embedded, self)
    }
}

impl Includes for Files {
    fn read(&self, chain: &[String], path: &IncludePath, limit: usize) -> Result<Vec<u8>, String> {
        assert!(!chain.is_empty());
        let number = path.as_str().strip_suffix(".toml").and_then(|it| it.parse::<usize>().ok());
        let text = number.and_then(|at| self.0.get(at)).ok_or("there is none")?;
        Ok(text.bytes().take(limit.saturating_add(1)).collect())
    }
}

/// The signature of a policy; the first byte says which. Even: a statement, which the trusted key signs. What is taken
/// is about this very text and name, has not expired, and is written and read back as the same. Odd: a
/// bundle. What is taken says what was truly signed.
pub fn policy_signature(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    if how % 2 == 1 {
        if let Some(taken) = taken(rest) {
            let honest = seeds::of("policy_signature").into_iter().find(|seed| seed[0] % 2 == 1);
            let honest = self::taken(&honest.expect("a seed")[1..]).expect("truly signed");
            assert_eq!(taken, honest);
        }
        return;
    }
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let Some(taken) = taken(&seeds::signed_by_key(text)) else {
        return;
    };
    let says = taken.says();
    assert!(says.expires >= now() && (1..=LATEST_VERSION).contains(&says.version), "{says:?}");
    assert_eq!((taken.name(), taken.sha256()), (seeds::POLICY_NAME, *SHA256));
    assert!(rest.windows(64).any(|it| it.eq_ignore_ascii_case(SHA256.to_string().as_bytes())));
    let again = says.about(seeds::POLICY_NAME, *SHA256).expect("JSON");
    let again = String::from_utf8(again).expect("text");
    let again = self::taken(&seeds::signed_by_key(&again)).expect("what was written is read");
    // Of times a statement keeps the second.
    assert_eq!(again.says().version, says.version);
    assert_eq!(again.says().expires.timestamp(), says.expires.timestamp());
}

static SHA256: LazyLock<Sha256Digest> =
    LazyLock::new(|| Sha256Digest::of(seeds::policy_of_statements().as_bytes()));

/// What is taken of a signature of the policy of the statements.
pub fn taken(signature: &[u8]) -> Option<SignedPolicy> {
    static KEYS: LazyLock<TrustRoot> = LazyLock::new(|| {
        let pem = TestKey::Release.public_pem();
        let key = TrustedKey::from_pem(&pem, Validity::default()).expect("a key");
        TrustRoot::new(vec![key], Vec::new())
    });
    static TEXT: LazyLock<String> = LazyLock::new(seeds::policy_of_statements);
    let (name, text) = (seeds::POLICY_NAME, TEXT.as_bytes());
    match SignedPolicy::verify(name, text, signature, &KEYS, now(), now()) {
        Ok(signed) => {
            assert_eq!(
                signed.key().to_string(),
                KEYS.keys().next().expect("a key").id().to_string()
            );
            Some(signed)
        }
        Err(error) => {
            shown_safely(&error);
            None
        }
    }
}
