//! Policies that include others, and the signature of one.

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::signature::PolicyStatement;

use super::layouts::SEPARATOR;
use super::{policy_of_statements, signed_by_key};

/// The name under which the policy of the statements is signed.
pub const POLICY_NAME: &str = "policy.toml";

/// Each file after a separator; `@1` stands for the digest of `1.toml`, the second file.
pub(super) fn includes() -> Vec<Vec<u8>> {
    let base = policy_of_statements();
    let include = |at: u8| format!("\n[[includes]]\npath = \"{at}.toml\"\nsha256 = \"@{at}\"\n");
    let tighter = base.replacen("rebuild = ", "kinds = [\"wheel\"]\nrebuild = ", 1);
    let revokes = format!(
        "schema = 1\n\n[[revocations]]\nsha256 = [\"{}\"]\nreason = \"r\"\n\n\
         [[revocations]]\nprojects = [\"other\"]\nversions = \"<1\"\nreason = \"r\"\n",
        "ab".repeat(32)
    );
    let named = format!(
        "{}\n[policies.used]\npath = \"1.toml\"\nsha256 = \"@1\"\n",
        base.replacen("rebuild = ", "build-requirements = \"used\"\nrebuild = ", 1)
    );
    let joined = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(|it| it.as_bytes()).collect();
        files.join(&SEPARATOR)
    };
    vec![
        joined(&[&base]),
        joined(&[&(base.clone() + &include(1) + &include(2)), &tighter, &revokes]),
        joined(&[&(base.clone() + &include(1)), &(tighter.clone() + &include(2)), &revokes]),
        joined(&[&named, &base]),
    ]
}

/// The first byte is even before a statement that is yet to be signed, and odd before a bundle.
pub(super) fn signatures() -> Vec<Vec<u8>> {
    let says = PolicyStatement {
        version: 7,
        expires: "2027-01-01T00:00:00Z".parse().expect("a time"),
        issued_at: Some("2025-12-01T00:00:00Z".parse().expect("a time")),
    };
    let sha256 = Sha256Digest::of(policy_of_statements().as_bytes());
    let statement = says.about(POLICY_NAME, sha256).expect("JSON");
    let bundle = signed_by_key(std::str::from_utf8(&statement).expect("text"));
    // Of another type, name and digest, each with what must not reach a terminal.
    let text = String::from_utf8(statement.clone()).expect("text");
    let others = [
        ("/policy/v1", "/\u{7f}policy/v1"),
        (POLICY_NAME, "\u{202e}policy"),
        (&sha256.to_string(), "\u{7f}"),
    ]
    .map(|(from, to)| [&[0], text.replace(from, to).as_bytes()].concat());
    let honest = [[&[0], &statement[..]].concat(), [&[1], &bundle[..]].concat()];
    honest.into_iter().chain(others).collect()
}
