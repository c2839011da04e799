//! Which rule is asked about which file, and which rules never would be.

use super::evaluate::rule_for;
use super::{Policy, PolicyError};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::RULES_OF_PROJECT;
use crate::report::{Reason, Status};
use crate::trust::Embedded;

/// A policy of rules by one identity; of each what it is about, as in the file.
fn policy(rules: &[&str]) -> Result<Policy, PolicyError> {
    let mut text =
        "schema = 1\n[identities.one]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\n\
                    san = \"somebody@example.org\"\n"
            .to_owned();
    for about in rules {
        text += &format!("[[rules]]\n{about}\nidentities = [\"one\"]\nrebuild = \"never\"\n");
    }
    Policy::parse("policy.toml", &text, &Embedded)
}

fn asked(policy: &Policy, file: &str) -> Result<String, (Reason, String)> {
    let file = DistFilename::parse(file).expect("a file name");
    match rule_for(policy, &file, None) {
        Ok(rule) => Ok(rule.name.clone()),
        Err(refusal) => Err((refusal.reason, refusal.found.clone().unwrap_or_default())),
    }
}

#[test]
fn the_first_rule_that_is_about_a_file_is_asked() {
    let policy = policy(&[
        "projects = [\"demo\"]\nversions = \">=2\"",
        "projects = [\"demo\"]\nkinds = [\"sdist\"]",
        "projects = [\"demo\", \"acme-*\"]\ntags = [\"py3-none-any\", \"cp312-*-*\"]",
        "projects = [\"acme-*\"]",
    ])
    .expect("a policy");
    for (file, rule) in [
        ("demo-2.0-py3-none-any.whl", "rules[0]"),
        ("demo-2.0.tar.gz", "rules[0]"),
        ("demo-1.0.tar.gz", "rules[1]"),
        ("demo-1.0-py3-none-any.whl", "rules[2]"),
        ("demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "rules[2]"),
        ("acme_x-1.0-py3-none-any.whl", "rules[2]"),
        ("acme_x-1.0-py2.py3-none-any.whl", "rules[3]"),
        ("acme_x-1.0.tar.gz", "rules[3]"),
    ] {
        assert_eq!(asked(&policy, file).as_deref(), Ok(rule), "{file}");
    }
    let (reason, found) = asked(&policy, "demo-1.0-py2.py3-none-any.whl").expect_err("no rule");
    assert_eq!(reason, Reason::ProjectNotNamed);
    assert_eq!(found, "rules[0] names `demo`, for other versions, kinds, tags or indexes");
    let (reason, _) = asked(&policy, "acme-1.0.tar.gz").expect_err("no rule");
    assert_eq!(reason, Reason::ProjectNotNamed);
}

#[test]
fn a_rule_that_would_never_be_asked_is_an_error() {
    let demo = "projects = [\"demo\"]";
    for rules in [
        &[demo, demo][..],
        &[demo, "projects = [\"demo\"]\nversions = \">=2\""],
        &["projects = [\"*\"]", demo],
        &["projects = [\"de*\"]", "projects = [\"dem*\"]"],
        &[
            "projects = [\"demo\"]\nversions = \">=2\"",
            "projects = [\"demo\"]\nversions = \"==2.1\"",
        ],
        &[
            "projects = [\"demo\"]\nversions = \"==2.*\"",
            "projects = [\"d*\"]\nversions = \"!=2.*\"",
            demo,
        ],
        &[
            "projects = [\"demo\"]\nkinds = [\"wheel\"]",
            "projects = [\"demo\"]\ntags = [\"py3-none-any\"]",
        ],
        &[
            "projects = [\"demo\"]\ntags = [\"*-none-any\"]",
            "projects = [\"demo\"]\ntags = [\"py3-none-any\"]",
        ],
        &[
            "projects = [\"demo\"]\nkinds = [\"wheel\"]",
            "projects = [\"demo\"]\nkinds = [\"sdist\"]",
            demo,
        ],
        &[
            "projects = [\"demo\"]\nversions = \"<=1.0\"",
            "projects = [\"demo\"]\nversions = \"==1\"",
        ],
    ] {
        let error = policy(rules).expect_err("never asked");
        assert!(error.message.contains("is named by rules[0] already"), "{rules:?}: {error}");
    }
    for rules in [
        // Neither has the pre-releases of 2 (PEP 440, exclusive ordered comparison).
        &[
            "projects = [\"demo\"]\nversions = \">=2\"",
            "projects = [\"demo\"]\nversions = \"<2\"",
            demo,
        ][..],
        &["projects = [\"demo\"]\nversions = \">=2\"", demo],
        &["projects = [\"demo\"]\nkinds = [\"sdist\"]", demo],
        &[
            "projects = [\"demo\"]\ntags = [\"py3-none-any\"]",
            "projects = [\"demo\"]\nkinds = [\"wheel\"]",
        ],
        &[demo, "projects = [\"*\"]"],
        &[
            "projects = [\"demo\"]\nversions = \"!=2.1.*\"",
            "projects = [\"demo\"]\nversions = \"==2.1\"",
        ],
        &[
            "projects = [\"demo\"]\nkinds = [\"wheel\"]",
            "projects = [\"demo\"]\nkinds = [\"sdist\"]\nversions = \"<2\"",
            demo,
        ],
        &["projects = [\"demo-*\"]", demo],
        &[
            "projects = [\"demo\"]\nversions = \">2\"",
            "projects = [\"demo\"]\nversions = \"<2\"",
            demo,
        ],
    ] {
        policy(rules).expect("each has files of its own");
    }
}

#[test]
fn what_is_about_nothing_is_an_error() {
    for (about, says) in [
        ("versions = \">2,<1\"", "no version is all of this"),
        ("versions = \"about 2\"", "policy.toml:8:12"),
        ("versions = \"\"", "leave `versions` out"),
        ("versions = \"===1.0\"", "write `==`"),
        ("kinds = []", "an empty list allows nothing"),
        ("kinds = [\"egg\"]", "not a kind of file"),
        ("kinds = [\"sdist\"]\ntags = [\"py3-none-any\"]", "only wheels have tags"),
        ("tags = [\"py3-none\"]", "not a tag"),
        ("tags = [\"py3-none-any\", \"py3-none-any\"]", "is listed twice"),
    ] {
        let error = policy(&[&format!("projects = [\"demo\"]\n{about}")]).expect_err(about);
        assert!(error.to_string().contains(says), "{about}: {error}");
    }
}

/// Whether a policy that revokes this takes a file to be revoked.
fn revoked(what: &str, file: &str) -> bool {
    let text = format!(
        "schema = 1\n[identities.one]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\n\
         san = \"somebody@example.org\"\n[[rules]]\nprojects = [\"demo\"]\nidentities = [\"one\"]\n\
         rebuild = \"never\"\n[[revocations]]\nprojects = [\"demo\"]\n{what}\nreason = \"r\"\n"
    );
    let policy = Policy::parse("policy.toml", &text, &Embedded).expect("a policy");
    let file = DistFilename::parse(file).expect("a file name");
    matches!(super::evaluate::not_revoked(&policy, &file, Sha256Digest::of(b"")), Status::Failed(_))
}

#[test]
fn no_spelling_of_a_version_and_no_further_tag_slips_out_of_a_revocation() {
    for (what, file) in [
        ("versions = \"!=2.1.*\"", "demo-2.tar.gz"),
        ("versions = \"!=2.1.*\"", "demo-2.0.0.tar.gz"),
        ("versions = \"<2.0rc2\"", "demo-2.0rc1.tar.gz"),
        ("versions = \"<1!2.0\"", "demo-2.0rc1.tar.gz"),
        ("versions = \"==1.0\"", "demo-1.tar.gz"),
        ("versions = \"==1.0\"", "demo-1.0+cpu.tar.gz"),
        ("versions = \"<=1.0\"", "demo-1.0+cpu-py3-none-any.whl"),
        ("tags = [\"py3-none-any\"]", "demo-1.0-py2.py3-none-any.whl"),
        ("tags = [\"cp312-*-*\"]", "demo-1.0-cp311.cp312-none-any.whl"),
    ] {
        assert!(revoked(what, file), "{what} {file}");
    }
    assert!(!revoked("versions = \"!=2.1.*\"", "demo-2.1.tar.gz"));
    assert!(!revoked("tags = [\"py3-none-any\"]", "demo-1.0-py2-none-any.whl"));
    assert!(!revoked("tags = [\"py3-none-any\"]", "demo-1.0.tar.gz"));
}

/// A policy of two identities that differ as said, both of which must sign.
fn two_of(one: &str, other: &str) -> Result<Policy, PolicyError> {
    let identity = |name: &str, more: &str| {
        format!(
            "[identities.{name}]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\n\
             repository = \"https://example.org/o/r\"\n{more}\n"
        )
    };
    let text = format!(
        "schema = 1\n{}{}[[rules]]\nprojects = [\"demo\"]\nidentities = [\"a\", \"b\"]\nthreshold = 2\n\
         rebuild = \"never\"\n",
        identity("a", one),
        identity("b", other)
    );
    Policy::parse("policy.toml", &text, &Embedded)
}

#[test]
fn signers_who_are_counted_can_be_told_from_each_other() {
    for (one, other) in [
        ("workflow = \"a.yml\"", "workflow = \"b.yml\""),
        ("owner-id = \"1\"", "owner-id = \"2\""),
        ("triggers = [\"push\"]", "triggers = [\"release\"]"),
    ] {
        two_of(one, other).expect("no certificate is of both");
    }
    for (one, other) in [
        ("", ""),
        ("workflow = \"a.yml\"", ""),
        ("workflow = \"a.yml\"", "environment = \"pypi\""),
        ("triggers = [\"push\"]", "triggers = [\"release\", \"push\"]"),
    ] {
        let error = two_of(one, other).expect_err("one certificate could be of both");
        assert!(error.message.contains("count twice"), "{error}");
    }
}

#[test]
fn only_so_many_rules_name_one_project() {
    let rules: Vec<_> = (0..=RULES_OF_PROJECT)
        .map(|number| format!("projects = [\"demo\"]\nversions = \"=={number}\""))
        .collect();
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    assert!(policy(&rules[..RULES_OF_PROJECT]).is_ok());
    let error = policy(&rules).expect_err("too many");
    assert!(error.message.contains("100 rules already"), "{error}");
}
