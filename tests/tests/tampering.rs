//! Every change of a signed bundle or of its wheel, and what a trusted key signed that is not true.
//!
//! Single changes with their reasons are the folders of `fixtures/cases`. Here every bit is turned, and
//! what verification alone cannot tell is shown not to survive a rebuild.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, WheelFilename};
use wheelmark_core::limits::{AttestationLimits, WheelLimits};
use wheelmark_core::policy::{OnCommandLine, Policy};
use wheelmark_core::report::{Decision, Reason, Refusal, Status};
use wheelmark_core::trust::{Embedded, TrustRoot, TrustedKey, Validity};
use wheelmark_core::verify::{self, Artifact, Contents, Facts, Given};
use wheelmark_core::wheel;
use wheelmark_tests::built::{Project, SOURCE, cannot_build};
use wheelmark_tests::cases::{self, AT, TestKey, bundle_of};
use wheelmark_tests::statement::{self, dependency, failures, report};

/// A wheel, its bundle and the policy under which both hold.
struct Held {
    name: String,
    wheel: Vec<u8>,
    bundle: Vec<u8>,
    policy: Policy,
}

impl Held {
    /// The case of which nothing was changed.
    fn case() -> Self {
        let case = cases::all().into_iter().find(|case| case.name == "accepted");
        let case = case.expect("the case");
        Self {
            name: case.filename,
            wheel: case.wheel,
            bundle: case.bundle.expect("a bundle"),
            policy: Policy::parse("policy.toml", &case.policy, &Embedded).expect("a policy"),
        }
    }

    /// The wheel as the command line reads it.
    fn artifact(&self, bytes: &[u8]) -> Artifact {
        let filename: WheelFilename = self.name.parse().expect("a name");
        let limits = WheelLimits::standard();
        let read = wheel::read(&mut Cursor::new(bytes), filename.clone(), &limits);
        Artifact {
            name: self.name.clone(),
            filename: Ok(DistFilename::Wheel(filename)),
            contents: read
                .map(|wheel| Contents::Wheel(Box::new(wheel)))
                .map_err(|error| Refusal::new(error.reason().expect("no disk is involved"))),
            sha256: Sha256Digest::of(bytes),
            facts: Facts::default(),
        }
    }

    /// The reasons for which it is refused; none where it is accepted.
    fn refused(&self, artifact: &Artifact, bundle: &[u8]) -> Vec<Reason> {
        let now: DateTime<Utc> = AT.parse().expect("a time");
        let limits = AttestationLimits::standard();
        let given = [Given { from: "bundle".to_owned(), bytes: bundle.to_vec() }];
        let outcome = verify::verify(artifact, &given, &self.policy, now, &limits);
        let reasons: Vec<_> = outcome
            .report
            .checks()
            .iter()
            .filter_map(|check| match &check.status {
                Status::Failed(refusal) => Some(refusal.reason),
                _ => None,
            })
            .collect();
        let accepted = outcome.report.decision() == Decision::Accepted;
        assert_eq!(accepted, reasons.is_empty());
        assert_eq!(accepted, outcome.into_wheel().is_ok());
        reasons
    }
}

/// Names of fields of a bundle that can be changed without harm. A bundle without a hint is tried against
/// every trusted key; a log and time stamps are not asked of plain keys; and fields that nobody knows say
/// nothing. What was signed, the signature, and every value are none of these.
const HARMLESS: [&str; 3] = ["hint", "tlogEntries", "timestampVerificationData"];

/// The places of the bytes of those names.
fn harmless(bundle: &[u8]) -> BTreeSet<usize> {
    let text = std::str::from_utf8(bundle).expect("UTF-8");
    let places = |name: &str| {
        let at = text.find(&format!("\"{name}\":")).expect("the field") + 1;
        at..at + name.len()
    };
    HARMLESS.into_iter().flat_map(places).collect()
}

/// The places of the key's hint, which is unsigned, and asked only where it is the id of a key: changed to anything
/// else it says nothing.
fn hint(bundle: &[u8]) -> Range<usize> {
    let text = std::str::from_utf8(bundle).expect("UTF-8");
    let name = text.find("\"hint\":").expect("the field") + "\"hint\":".len();
    let start = name + text[name..].find('"').expect("a value") + 1;
    start..start + text[start..].find('"').expect("its end")
}

/// Turns every bit of a bundle, leaves out every byte, and cuts it everywhere.
fn every_change_of_the_bundle_is_refused(held: &Held) {
    let artifact = held.artifact(&held.wheel);
    assert_eq!(held.refused(&artifact, &held.bundle), []);
    let limits = AttestationLimits::standard();
    let payload = |bundle: &[u8]| {
        let parsed = Attestation::parse(bundle, &limits).expect("a bundle");
        let (kind, payload) = parsed.unverified_payload().expect("an envelope");
        (kind.to_owned(), payload.to_vec())
    };
    let signed = payload(&held.bundle);
    let (harmless, hint) = (harmless(&held.bundle), hint(&held.bundle));
    let mut turned = BTreeSet::new();
    for at in 0..held.bundle.len() {
        let mut bundle = held.bundle.clone();
        for bit in 0..8 {
            bundle[at] = held.bundle[at] ^ 1 << bit;
            if held.refused(&artifact, &bundle).is_empty() {
                assert_eq!(payload(&bundle), signed, "bit {bit} of byte {at}");
                turned.insert(at);
            }
        }
        bundle.remove(at);
        if held.refused(&artifact, &bundle).is_empty() {
            assert_eq!(payload(&bundle), signed, "without byte {at}");
            // Base64 without its padding is the same bytes.
            let filling = matches!(held.bundle[at], b'=' | b'\n');
            let unsaid = harmless.contains(&at) || hint.contains(&at);
            assert!(unsaid || filling, "without byte {at}");
        }
    }
    turned.retain(|at| !hint.contains(at));
    assert_eq!(turned, harmless);
    let text = held.bundle.trim_ascii_end();
    for length in 0..text.len() {
        let refused = held.refused(&artifact, &text[..length]);
        assert_eq!(refused, [Reason::BundleMalformed], "{length} bytes");
    }
}

/// Turns every bit of a wheel, leaves out every byte, and cuts it everywhere.
fn every_change_of_the_wheel_is_refused(held: &Held) {
    let refused = |bytes: &[u8]| held.refused(&held.artifact(bytes), &held.bundle);
    let digest = Reason::SubjectDigestMismatch;
    for at in 0..held.wheel.len() {
        let mut wheel = held.wheel.clone();
        for bit in 0..8 {
            wheel[at] = held.wheel[at] ^ 1 << bit;
            assert!(refused(&wheel).contains(&digest), "bit {bit} of byte {at}");
        }
        wheel.remove(at);
        // Without one byte it is also no wheel any more.
        let reasons = refused(&wheel);
        assert!(reasons.contains(&digest) && reasons.len() > 1, "without byte {at}");
        assert!(refused(&held.wheel[..at]).len() > 1, "{at} bytes");
    }
}

#[test]
fn no_change_of_a_bundle_is_accepted() {
    every_change_of_the_bundle_is_refused(&Held::case());
}

#[test]
fn no_change_of_a_wheel_is_accepted() {
    every_change_of_the_wheel_is_refused(&Held::case());
}

#[test]
fn parts_of_two_true_bundles_make_no_third() {
    let held = Held::case();
    let artifact = held.artifact(&held.wheel);
    let mine: Value = serde_json::from_slice(&held.bundle).expect("JSON");
    let payload = statement::statement("other-1.0-py3-none-any.whl", b"other").to_string();
    let others: Vec<Value> = [TestKey::Release, TestKey::Elsewhere]
        .into_iter()
        .map(|key| serde_json::from_slice(&bundle_of(key, &payload)).expect("JSON"))
        .collect();
    let parts =
        ["/dsseEnvelope/payload", "/dsseEnvelope/signatures", "/verificationMaterial/publicKey"];
    for other in &others {
        for taken in 1_u8..8 {
            let mut bundle = mine.clone();
            for (index, part) in parts.iter().enumerate() {
                if taken & 1 << index != 0 {
                    *bundle.pointer_mut(part).expect("a part") =
                        other.pointer(part).expect("a part").clone();
                }
            }
            if bundle != mine {
                let refused = held.refused(&artifact, bundle.to_string().as_bytes());
                assert!(!refused.is_empty(), "{bundle:#}");
            }
        }
    }
}

/// Environments are kept from one run of the tests to the next: making them is not what is tested.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A built project, or `None` where nothing can be built here.
fn built() -> Option<Project> {
    if let Some(why) = cannot_build() {
        println!("skipped: {why}");
        return None;
    }
    let project = Project::pure();
    project.build(&cache()).assert().success();
    Some(project)
}

fn verify_exit(project: &Project) -> i32 {
    let mut command = project.command("verify", &cache());
    command.arg(project.wheel()).args(["--key", "release.key.pub", "--source", SOURCE]);
    command.output().expect("it runs").status.code().expect("a code")
}

/// Asserts that verification, which sees no more than the signed word of a trusted key, accepts, and that
/// a rebuild ends otherwise. Gives the rebuild's answer.
#[track_caller]
fn only_a_rebuild_tells(project: &Project, exit: i32, outcome: &str) -> Value {
    assert_eq!(verify_exit(project), 0);
    let answer = report(&mut project.rebuild(&cache()), exit);
    assert_eq!(answer["outcome"], outcome, "{answer:#}");
    assert_eq!(answer["report"]["decision"], "rejected");
    let reason = match (outcome, answer.get("rebuilt")) {
        ("inconclusive", None) => "rebuild-not-made",
        ("inconclusive", Some(_)) => "rebuild-inconclusive",
        ("build-failed", _) => "rebuild-failed",
        _ => "rebuild-not-identical",
    };
    let failures = failures(&answer["report"]);
    assert_eq!(failures, [("rebuild".to_owned(), reason.to_owned())]);
    answer
}

#[test]
fn no_change_of_a_bundle_that_was_built_is_accepted() {
    let Some(project) = built() else { return };
    let pem = project.key.public_pem().expect("PEM");
    let key = TrustedKey::from_pem(&pem, Validity::default()).expect("a key");
    let held = Held {
        name: project.wheel().file_name().expect("a name").to_string_lossy().into_owned(),
        wheel: fs::read(project.wheel()).expect("a wheel"),
        bundle: fs::read(project.bundle()).expect("a bundle"),
        policy: Policy::on_command_line(OnCommandLine::key(
            TrustRoot::new(vec![key], Vec::new()),
            SOURCE.parse().expect("a URI"),
        )),
    };
    every_change_of_the_bundle_is_refused(&held);
    every_change_of_the_wheel_is_refused(&held);
}

#[test]
fn a_commit_that_is_not_in_the_repository_is_not_rebuilt() {
    let Some(project) = built() else { return };
    project.sign_changed(|statement| {
        dependency(statement, "source")["digest"]["gitCommit"] = json!("ba".repeat(20));
    });
    assert_eq!(verify_exit(&project), 0);
    // The clone may be another project's: no answer, and nothing of the record.
    let answer = report(&mut project.rebuild(&cache()), 1);
    let error = answer["error"].as_str().expect("an error");
    assert!(error.contains(&format!("has no commit {}", "ba".repeat(20))), "{error}");
    assert_eq!(answer["hint"], "--source-dir names a clone that has the recorded commit");
}

#[test]
fn a_commit_with_another_tree_than_recorded_is_not_rebuilt() {
    let Some(project) = built() else { return };
    project.repo.write("src/pure_flit/more.py", "");
    project.repo.commit_all("More");
    let other = project.repo.head();
    project.sign_changed(|statement| {
        dependency(statement, "source")["digest"]["gitCommit"] = json!(other);
    });
    let answer = only_a_rebuild_tells(&project, 12, "inconclusive");
    let cause = answer["cause"].as_str().expect("a cause");
    assert!(cause.contains(&format!("commit {other} has the tree")), "{cause}");
}

#[test]
fn a_commit_that_does_not_build_is_no_other_wheel() {
    let Some(project) = built() else { return };
    project
        .repo
        .write("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = \"none\"\n");
    project.repo.commit_all("Break");
    let (commit, tree) = (project.repo.head(), project.repo.git(&["rev-parse", "HEAD^{tree}"]));
    project.sign_changed(|statement| {
        dependency(statement, "source")["digest"] = json!({"gitCommit": commit, "gitTree": tree});
        let internal = &mut statement["predicate"]["buildDefinition"]["internalParameters"];
        internal["source"] = json!({});
        internal["environment"]["backend"]["name"] = json!("none");
    });
    let answer = only_a_rebuild_tells(&project, 12, "build-failed");
    let cause = answer["cause"].as_str().expect("a cause");
    assert!(cause.contains("build_wheel failed"), "{cause}");
}

#[test]
fn another_commit_with_its_tree_builds_other_bytes() {
    let Some(project) = built() else { return };
    project.repo.write("src/pure_flit/more.py", "");
    project.repo.commit_all("More");
    let (commit, tree) = (project.repo.head(), project.repo.git(&["rev-parse", "HEAD^{tree}"]));
    project.sign_changed(|statement| {
        dependency(statement, "source")["digest"] = json!({"gitCommit": commit, "gitTree": tree});
        // The tag that was seen is not on that commit.
        statement["predicate"]["buildDefinition"]["internalParameters"]["source"] = json!({});
    });
    let answer = only_a_rebuild_tells(&project, 11, "different");
    assert!(answer["diff"].to_string().contains("pure_flit/more.py"), "{answer:#}");
}

#[test]
fn a_dependency_of_another_digest_cannot_be_had() {
    let Some(project) = built() else { return };
    let digest = "ba".repeat(32);
    project.sign_changed(|statement| {
        dependency(statement, "build-requirement")["digest"]["sha256"] = json!(digest);
    });
    let answer = only_a_rebuild_tells(&project, 12, "inconclusive");
    let cause = answer["cause"].as_str().expect("a cause");
    assert!(cause.contains("flit-core") || cause.contains("flit_core"), "{cause}");
    assert!(cause.contains(&digest), "{cause}");
}

/// The key holder's build was poisoned: provenance is valid, the source is clean, the wheel is not.
#[test]
fn a_poisoned_wheel_with_valid_provenance_differs() {
    let Some(project) = built() else { return };
    let (wheel, name) = (project.wheel(), "pure_flit-hook.pth");
    let script = format!(
        r#"
import base64, hashlib, sys, zipfile
path = sys.argv[1]
with zipfile.ZipFile(path) as wheel:
    members = [(entry, wheel.read(entry)) for entry in wheel.infolist()]
data = b"import sys\n"
digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
    wheel.writestr(zipfile.ZipInfo("{name}", (2016, 1, 1, 0, 0, 0)), data)
    for entry, content in members:
        if entry.filename.endswith("/RECORD"):
            content = f"{name},sha256={{digest}},{{len(data)}}\n".encode() + content
        wheel.writestr(entry, content)
"#
    );
    let python = Command::new("python3").args(["-c", &script]).arg(&wheel).status();
    assert!(python.expect("python3").success());
    let sha256 = Sha256Digest::of(&fs::read(&wheel).expect("a wheel")).to_string();
    project.sign_changed(|statement| statement["subject"][0]["digest"] = json!({"sha256": sha256}));
    let answer = only_a_rebuild_tells(&project, 11, "different");
    assert!(answer["diff"].to_string().contains(name), "{answer:#}");
}

#[test]
fn what_verification_refuses_is_not_built() {
    let Some(project) = built() else { return };
    let mut bytes = fs::read(project.wheel()).expect("a wheel");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(project.wheel(), bytes).expect("written");
    let answer = report(&mut project.rebuild(&cache()), 10);
    assert_eq!(answer["report"]["decision"], "rejected");
    assert_eq!(answer.get("outcome"), None);
}
