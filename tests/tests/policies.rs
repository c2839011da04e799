//! The policies that are handed out: each is understood once it has a key, and none before.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use wheelmark_build::sign::key::Algorithm;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{Signed, failures, report};
use wheelmark_tests::tiny;

/// What stands in each policy where the key belongs, markers included.
const PLACEHOLDER: &str = "-----BEGIN PUBLIC KEY-----\nREPLACE-THIS-BY-YOUR-KEY\n\
                           -----END PUBLIC KEY-----\n";

/// The one that trusts no key.
const BY_CERTIFICATE: &str = "pypi-publishers.toml";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// Those that trust a key.
fn policies() -> Vec<PathBuf> {
    let mut policies: Vec<_> = fs::read_dir(folder())
        .expect("policies")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .filter(|path| !path.ends_with(BY_CERTIFICATE))
        .collect();
    policies.sort();
    assert!(policies.len() >= 2, "{policies:?}");
    policies
}

#[test]
fn a_policy_without_your_key_is_refused_at_the_key() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    for policy in policies() {
        let said = wheelmark()
            .args(["verify", "--policy"])
            .arg(&policy)
            .arg(signed.folder.path().join(tiny::FILENAME))
            .assert()
            .code(1)
            .get_output()
            .stderr
            .clone();
        let said = String::from_utf8(said).expect("UTF-8");
        let text = fs::read_to_string(&policy).expect("a policy");
        let line = text.lines().position(|line| line == "pem = \"\"\"").expect("a key") + 1;
        let place = format!(".toml:{line}:7: `REPLACE-THIS-BY-YOUR-KEY` still stands");
        assert!(said.contains(&place), "{said}");
    }
}

#[test]
fn with_a_key_each_policy_decides_as_it_says() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let pem = fs::read_to_string(&signed.public_key).expect("a key");
    for policy in policies() {
        let text = fs::read_to_string(&policy).expect("a policy");
        assert_eq!(text.matches(PLACEHOLDER).count(), 1, "{policy:?}");
        let own = signed.folder.path().join("policy.toml");
        fs::write(&own, text.replace(PLACEHOLDER, &pem)).expect("written");
        let verify = |wheel: &str| {
            let mut command = wheelmark();
            command.current_dir(&signed.folder).arg("verify");
            command.args(["--policy", "policy.toml", wheel]);
            command
        };

        let rebuild = text.contains("rebuild = \"required\"");
        let expected: Vec<(String, String)> = rebuild
            .then(|| ("rebuild".to_owned(), "rebuild-required".to_owned()))
            .into_iter()
            .collect();
        let judged = report(&mut verify(tiny::FILENAME), if rebuild { 10 } else { 0 });
        assert_eq!(failures(&judged), expected, "{policy:?}");
        assert_eq!(judged["policy"]["rule"], "rules[0]");

        // The same wheel as another project's.
        let other = "other-1.0-py3-none-any.whl";
        fs::copy(signed.folder.path().join(tiny::FILENAME), signed.folder.path().join(other))
            .expect("copied");
        let judged = report(&mut verify(other), 10);
        assert!(
            failures(&judged)
                .iter()
                .any(|(check, reason)| check == "policy-rule" && reason == "project-not-named"),
            "{judged:#}"
        );
    }
}

/// It names its project and its publisher, and nothing signed by another counts.
#[test]
fn the_policy_for_an_index_is_understood_as_it_is() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let judge = |wheel: &str, expected: &[(&str, &str)]| {
        let mut command = wheelmark();
        command.current_dir(&signed.folder).args(["verify", wheel, "--policy"]);
        let judged = report(command.arg(folder().join(BY_CERTIFICATE)), 10);
        let failed = failures(&judged);
        for (check, reason) in expected {
            assert!(failed.iter().any(|(a, b)| (&**a, &**b) == (check, reason)), "{judged:#}");
        }
        judged
    };
    judge(tiny::FILENAME, &[("policy-rule", "project-not-named")]);
    let (own, _) = signed.add("sampleproject", "1.0");
    let judged = judge(&own, &[("signature", "key-unknown")]);
    assert_eq!(judged["policy"]["rule"], "rules[0]");
}
