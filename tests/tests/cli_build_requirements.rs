//! A rule that asks what the build itself used: each file of it must satisfy a policy of its own.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use wheelmark_core::attestation::pep517::{Requirement, Role};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::cases::{self, AT, Case, TestKey, bundle_of, packed};
use wheelmark_tests::hostile::Plan;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{build, check, failures, report, statement_of};
use wheelmark_tests::tiny;

/// The file that is verified; the one that its build used is that of the cases.
const BUILT: &str = "demo-1.0-py2.py3-none-any.whl";

/// A folder with a wheel whose provenance names another wheel as what its build used, and policies for both.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        let mut plan = Plan::new();
        let tags = "Tag: py2-none-any\nTag: py3-none-any";
        plan.edit("demo-1.0.dist-info/WHEEL", "Tag: py3-none-any", tags);
        let wheel = packed(&plan);
        let mut built = build();
        built.requirements = vec![Requirement {
            role: Role::Build,
            name: "demo".to_owned(),
            version: "1.0".to_owned(),
            filename: tiny::FILENAME.to_owned(),
            sha256: Sha256Digest::of(&Case::new("", "").wheel),
            url: None,
        }];
        place.write(BUILT, &wheel);
        let statement = statement_of(BUILT, &wheel, &built).to_string();
        place.write(&format!("{BUILT}.sigstore.json"), &bundle_of(TestKey::Release, &statement));
        place.policies(&Case::new("", "").policy);
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("written");
    }

    /// The policy of the file, and that of what its build used.
    fn policies(&self, tools: &str) {
        self.write("tools.toml", tools.as_bytes());
        let digest = Sha256Digest::of(tools.as_bytes());
        let table =
            format!("schema = 1\n[policies.tools]\npath = \"tools.toml\"\nsha256 = \"{digest}\"\n");
        let policy = Case::new("", "").policy.replacen("schema = 1\n", &table, 1);
        let never = "rebuild = \"never\"";
        let asks = format!("{never}\nbuild-requirements = \"tools\"");
        self.write("policy.toml", policy.replacen(never, &asks, 1).as_bytes());
    }

    fn verify(&self, tools: Option<&str>, code: i32) -> Value {
        let mut command = wheelmark();
        command.current_dir(&self.0).args(["verify", "--policy", "policy.toml", "--at", AT, BUILT]);
        if let Some(folder) = tools {
            command.args(["--build-requirements", folder]);
        }
        report(&mut command, code)
    }

    fn refused(&self, tools: Option<&str>) -> (Vec<(String, String)>, String) {
        let report = self.verify(tools, 10);
        let check = check(&report, "build-requirements");
        (failures(&report), check["found"].as_str().unwrap_or_default().to_owned())
    }
}

fn copied(case: &str, to: &Path) {
    fs::create_dir(to).expect("made");
    cases::copy(case, to);
}

#[test]
fn what_the_build_used_must_satisfy_its_policy() {
    let place = Place::new();
    copied("accepted", &place.path("tools"));
    let accepted = place.verify(Some("tools"), 0);
    let check = check(&accepted, "build-requirements");
    assert_eq!((&check["status"], &check["found"]), (&json!("passed"), &json!("1 file")));

    let unknown = |(failed, found): (Vec<(String, String)>, String)| {
        let pair = ("build-requirements".to_owned(), "build-requirement-unknown".to_owned());
        assert_eq!(failed, [pair]);
        found
    };
    // Nothing at hand, and an empty folder.
    fs::create_dir(place.path("empty")).expect("made");
    for tools in [None, Some("empty")] {
        let found = unknown(place.refused(tools));
        assert!(found.contains("neither in a folder"), "{found}");
    }
}

#[test]
fn what_is_refused_or_another_file_is_told() {
    for (case, reason, why) in [
        ("source_fork_fail", "build-requirement-refused", "source-not-allowed"),
        ("bundle_missing_fail", "build-requirement-refused", "attestation-missing"),
        ("wheel_member_swapped_fail", "build-requirement-unknown", "another file is there"),
    ] {
        let place = Place::new();
        copied(case, &place.path("tools"));
        let (failed, found) = place.refused(Some("tools"));
        assert_eq!(failed[0].1, reason, "{case}");
        assert!(found.contains(why), "{case}: {found}");
    }
    // The policy for what builds use does not name it.
    let place = Place::new();
    copied("accepted", &place.path("tools"));
    let other = Case::new("", "").policy.replace("[\"demo\"]", "[\"hatchling\"]");
    place.policies(&other);
    let (_, found) = place.refused(Some("tools"));
    assert!(found.contains("project-not-named"), "{found}");
}

/// The requirement of a requirement: its policy asks the same of another one, and it is at hand in the same folder.
#[test]
fn it_goes_on_as_deep_as_policies_name_policies() {
    let place = Place::new();
    copied("accepted", &place.path("tools"));
    let inner = Case::new("", "").policy;
    place.write("inner.toml", inner.as_bytes());
    let digest = Sha256Digest::of(inner.as_bytes());
    let table =
        format!("schema = 1\n[policies.inner]\npath = \"inner.toml\"\nsha256 = \"{digest}\"\n");
    let never = "rebuild = \"never\"";
    let asks = format!("{never}\nbuild-requirements = \"inner\"");
    place.policies(&inner.replacen("schema = 1\n", &table, 1).replacen(never, &asks, 1));
    // The file of the cases was built by what nobody has.
    let (_, found) = place.refused(Some("tools"));
    assert!(found.ends_with(": build-requirement-unknown"), "{found}");
}

#[test]
fn a_policy_for_it_is_named_and_held_to_its_digest() {
    let place = Place::new();
    let read = || fs::read_to_string(place.path("policy.toml")).expect("a policy");
    let told = |policy: &str| {
        place.write("policy.toml", policy.as_bytes());
        let mut command = wheelmark();
        command.current_dir(&place.0).args(["verify", "--policy", "policy.toml", BUILT]);
        let stderr = command.assert().code(1).get_output().stderr.clone();
        String::from_utf8(stderr).expect("UTF-8")
    };
    let whole = read();
    let other = told(&whole.replace("= \"tools\"", "= \"others\""));
    assert!(other.contains("no [policies.others] in this policy"), "{other}");
    place.write("tools.toml", b"schema = 1\n");
    let changed = told(&whole);
    assert!(changed.contains("`tools.toml` is another file"), "{changed}");
    // One that only revokes accepts nothing, and is none for this.
    let revokes = "schema = 1\n[[revocations]]\nprojects = [\"a\"]\nreason = \"r\"\n";
    place.policies(revokes);
    let nothing = told(&read());
    assert!(nothing.contains("accepts nothing"), "{nothing}");
}
