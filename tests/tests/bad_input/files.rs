//! Files given to `wheelmark verify`: policies, wheels and bundles that are something else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wheelmark_build::sign::key::Algorithm;
use wheelmark_tests::statement::{self, Signed, failures, report};
use wheelmark_tests::tiny;

use super::told;

/// Longer than reading a bounded amount takes on a busy machine; what has no end takes for ever.
const PATIENCE: Duration = Duration::from_secs(60);

fn signed() -> Signed {
    Signed::new(Algorithm::EcdsaP256)
}

/// The policy under which the wheel holds.
fn policy(signed: &Signed) -> String {
    format!(
        r#"schema = 1

[keys.release]
pem = """
{}"""

[[rules]]
projects = ["demo"]
keys = ["release"]
source = "https://example.org/owner/demo"
ref = "refs/tags/v{{version}}"
builders = ["https://wheelmark.dev/builders/local/v1"]
rebuild = "never"
"#,
        signed.key.public_pem().expect("PEM")
    )
}

/// Verifies the tiny wheel under a policy of this content, with an end to waiting.
fn under(signed: &Signed, policy: impl AsRef<[u8]>) -> std::process::Output {
    fs::write(signed.folder.path().join("policy.toml"), policy).expect("written");
    let mut command = wheelmark_tests::program::wheelmark();
    command.current_dir(&signed.folder).timeout(PATIENCE).args([
        "verify",
        tiny::FILENAME,
        "--policy",
        "policy.toml",
    ]);
    command.output().expect("it ends")
}

#[test]
fn a_policy_that_does_not_hold_is_refused_with_its_place() {
    let signed = signed();
    let whole = policy(&signed);
    assert_eq!(under(&signed, &whole).status.code(), Some(0));
    for (from, to, says) in [
        ("schema = 1", "schema = 2", "policy.toml:1:10: schema 2 is not known"),
        ("schema = 1", "schema = \"1\"", "policy.toml:1:10: invalid type"),
        ("schema = 1", "schema = 1\nschema = 1", "policy.toml:2:1: duplicate key"),
        ("schema = 1", "schema = 1 1", "policy.toml:1:10: "),
        (
            "schema = 1",
            "schema = 1\ntrust-all = true",
            "policy.toml:2:1: unknown field `trust-all`",
        ),
        ("schema = 1\n", "", "policy.toml:1:1: missing field `schema`"),
        ("pem = \"\"\"\n", "pem = \"\"\"\nx", "policy.toml:4:7: not a public key in PEM"),
        (
            "-----END",
            "-----BEGIN PUBLIC KEY-----\n-----END",
            "policy.toml:4:7: not a public key in PEM",
        ),
        ("[keys.release]", "[keys.other]", "policy.toml:13:9: no [keys.release] in this policy"),
        ("keys = [\"release\"]", "keys = []", "policy.toml:13:8: an empty list allows nothing"),
        ("[\"demo\"]", "[\"Demo\"]", "policy.toml:12:13: write the normalised name `demo`"),
        ("[\"demo\"]", "[\"de mo\"]", "policy.toml:12:13: "),
        ("[\"demo\"]", "[\"demo\", \"demo\"]", "policy.toml:12:21: `demo` is listed twice"),
        ("[\"demo\"]", "\"*\"", "policy.toml:12:12: invalid type"),
        ("https://example.org/owner/demo", "owner/demo", "policy.toml:14:10: not a repository URI"),
        (
            "https://example.org/owner/demo",
            "git@example.org:owner/demo",
            "git's short form of `ssh://git@host/path`: write that",
        ),
        ("refs/tags/v{version}", "v{version}", "policy.toml:15:7: ref pattern `v{version}`"),
        ("builders = [\"https:", "builders = [\"", "policy.toml:16:13: not a URI"),
        (
            "\"never\"",
            "\"never\"\nattestations = [\"https://slsa.dev/provenance/v1\", \"https://slsa.dev/provenence/v1\"]",
            "policy.toml:18:51: `https://slsa.dev/provenence/v1` is no predicate type that a rule can judge; \
             known are `https://slsa.dev/provenance/v1`, ",
        ),
        (
            "\"never\"",
            "\"never\"\nattestations = [\"https://slsa.dev/verification_summary/v1\"]",
            "policy.toml:18:17: `https://slsa.dev/verification_summary/v1` is no predicate type",
        ),
        ("\"never\"", "\"perhaps\"", "policy.toml:17:11: unknown variant `perhaps`"),
        ("rebuild = \"never\"\n", "", "policy.toml:11:1: missing field `rebuild`"),
        ("\"never\"", "\"never\"\nallow-any-signer = true", "policy.toml:18:1: unknown field"),
        ("\"demo\"", "\"\u{202e}\"", "policy.toml:12:13: "),
        ("[\"release\"]", "[\"\u{202e}\"]", "policy.toml:13:9: no [keys.\\u{202e}]"),
    ] {
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, whole, "{from}");
        told(&under(&signed, text), 1, &[says]);
    }
}

/// It could count twice.
#[test]
fn a_policy_with_one_key_under_two_names() {
    let signed = signed();
    let pem = signed.key.public_pem().expect("PEM");
    let again = format!("[keys.again]\npem = \"\"\"\n{pem}\"\"\"\n\n[[rules]]");
    let text = policy(&signed).replacen("[[rules]]", &again, 1);
    let says = ["policy.toml:3:7: this is the same key as `again`"];
    told(&under(&signed, text), 1, &says);
}

#[test]
fn a_policy_that_is_no_policy_at_all() {
    let signed = signed();
    for (content, says) in [
        (Vec::new(), "policy.toml:1:1: missing field `schema`"),
        (b"schema = 1\n".to_vec(), "policy.toml:1:1: no [[rules]]: such a policy accepts nothing"),
        (b"\0\0\0".to_vec(), "policy.toml:1:4: "),
        (b"schema = 1 # \0".to_vec(), "policy.toml:1:14: "),
        (b"schema = 1 # \xff".to_vec(), "`policy.toml` is not UTF-8 text, at byte 13"),
        (vec![b'#'; 17 << 20], "`policy.toml` is larger than 16777216 bytes"),
        (vec![b'['; 1 << 20], "policy.toml:1:"),
        (b"\x1b[2J = 1".to_vec(), "policy.toml:1:2: "),
    ] {
        told(&under(&signed, content), 1, &[says]);
    }
    let folder = signed.folder.path();
    fs::remove_file(folder.join("policy.toml")).expect("removed");
    for (policy, says) in [
        (".", "cannot read `.`: it is a folder, not a file"),
        ("nowhere.toml", "cannot read `nowhere.toml`: No such file"),
        ("/dev/zero", "`/dev/zero` is larger than 16777216 bytes"),
    ] {
        let mut command = wheelmark_tests::program::wheelmark();
        command.current_dir(folder).timeout(PATIENCE);
        let verify = command.args(["verify", tiny::FILENAME, "--policy", policy]);
        told(&verify.output().expect("it ends"), 1, &[says]);
    }
}

#[test]
fn a_wheel_that_is_no_regular_file() {
    let signed = signed();
    let bundle = fs::read(&signed.bundle).expect("a bundle");
    let put = |place: &dyn Fn(&Path)| {
        if signed.wheel.is_dir() {
            fs::remove_dir(&signed.wheel).expect("removed");
        } else {
            fs::remove_file(&signed.wheel).expect("removed");
        }
        place(&signed.wheel);
        let error = report(signed.verify().timeout(PATIENCE), 1);
        error["error"].as_str().expect("text").to_owned()
    };
    let not_regular = format!("cannot read `{}`: it is no regular file", tiny::FILENAME);
    let fifo = |path: &Path| {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    };
    assert_eq!(put(&fifo), not_regular);
    assert_eq!(put(&|path| symlink("/dev/zero", path).expect("a link")), not_regular);
    assert_eq!(put(&|path| symlink("/dev/stdin", path).expect("a link")), not_regular);
    let folder = put(&|path| fs::create_dir(path).expect("a folder"));
    // A folder stands for the files in it.
    assert!(folder.contains("is a folder without wheels"), "{folder}");
    let nowhere = put(&|path| symlink("nowhere", path).expect("a link"));
    assert!(nowhere.contains("No such file"), "{nowhere}");

    // A link to a file is that file.
    fs::remove_file(&signed.wheel).expect("removed");
    fs::write(signed.folder.path().join("real"), tiny::wheel()).expect("written");
    symlink("real", &signed.wheel).expect("a link");
    report(&mut signed.verify(), 0);

    // Nor is a bundle waited for that nobody named.
    fs::remove_file(&signed.bundle).expect("removed");
    fifo(&signed.bundle);
    let error = report(signed.verify().timeout(PATIENCE), 1);
    let said = error["error"].as_str().expect("text");
    assert!(said.ends_with(".sigstore.json`: it is no regular file"), "{said}");
    // One that was named may be a pipe, as from `<(…)`.
    let pipe = signed.bundle.clone();
    let writer = std::thread::spawn(move || fs::write(pipe, bundle));
    report(signed.verify().timeout(PATIENCE).arg("--bundle").arg(&signed.bundle), 0);
    writer.join().expect("it ends").expect("written");
}

/// Waiting for the other end of a pipe does not keep it from ending.
#[test]
fn sigterm_ends_the_wait_for_a_pipe() {
    let signed = signed();
    let pipe = signed.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let verify = ["verify", &text(&signed.wheel), "--bundle", &text(&pipe)].map(str::to_owned);
    let key = text(&signed.public_key);
    let trust = ["--key", &key, "--source", statement::SOURCE].map(str::to_owned);
    for arguments in [vec!["inspect".to_owned(), text(&pipe)], [verify, trust].concat()] {
        let mut command = Command::new(wheelmark_tests::program::wheelmark().get_program());
        let mut child = command.args(&arguments).stderr(Stdio::piped()).spawn().expect("it starts");
        // The second thread is the one that waits.
        let threads = format!("/proc/{}/task", child.id());
        while fs::read_dir(&threads).expect("threads").count() < 2 {
            assert_eq!(child.try_wait().expect("a child"), None, "{arguments:?}");
            std::thread::yield_now();
        }
        let kill = Command::new("kill").arg(child.id().to_string()).status();
        assert!(kill.expect("kill").success());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("interrupted"), "{said}");
    }
}

#[test]
fn a_wheel_that_is_empty_or_something_else() {
    let signed = signed();
    for (content, reason) in [
        (&b""[..], "archive-not-zip"),
        (b"PK\x03\x04", "archive-not-zip"),
        (b"\x1f\x8b\x08", "archive-not-zip"),
    ] {
        fs::write(&signed.wheel, content).expect("written");
        signed.sign(&signed.statement());
        let report = report(&mut signed.verify(), 10);
        assert_eq!(failures(&report), [("archive".to_owned(), reason.to_owned())]);
    }
}

#[test]
fn a_bundle_that_is_large_or_deep_ends_at_a_bound() {
    let signed = signed();
    let started = Instant::now();
    let large = [b"{\"a\":\"".to_vec(), vec![b'x'; 100 << 20], b"\"}".to_vec()].concat();
    let many = [b"[".to_vec(), b"0,".repeat(1 << 20), b"0]".to_vec()].concat();
    let deep = [b"[".repeat(1 << 20), b"]".repeat(1 << 20)].concat();
    let nul = b"{\"mediaType\":\"\0\"}".to_vec();
    let long_key = format!("{{\"{0}\":1,\"{0}\":2}}", "\u{202e}\u{1b}".repeat(10_000)).into_bytes();
    for bundle in [large, many, deep, nul, long_key] {
        fs::write(&signed.bundle, bundle).expect("written");
        let report = report(signed.verify().timeout(PATIENCE), 10);
        let expected = [("attestation".to_owned(), "bundle-malformed".to_owned())];
        assert_eq!(failures(&report), expected);
    }
    assert!(started.elapsed() < PATIENCE);
}

/// What an attacker wrote is shown as what it is.
#[test]
fn text_from_outside_drives_no_terminal() {
    let signed = signed();
    let evil = "\u{1b}]0;owned\u{7}\u{202e}\u{200b}\r\n✓ signature";
    for field in [
        "/_type",
        "/predicateType",
        "/subject/0/name",
        "/subject/0/digest/sha256",
        "/predicate/buildDefinition/buildType",
        "/predicate/buildDefinition/externalParameters/source/uri",
        "/predicate/buildDefinition/externalParameters/source/ref",
        "/predicate/buildDefinition/resolvedDependencies/0/uri",
        "/predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit",
        "/predicate/runDetails/builder/id",
    ] {
        let mut statement = signed.statement();
        *statement.pointer_mut(field).expect("a field") = evil.into();
        signed.sign(&statement);
        let output = signed.verify().args(["--ref", "refs/tags/*"]).output().expect("it runs");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(10), "{field}: {said}");
        let hidden = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!said.contains(hidden), "{field}: {said:?}");
        // No line of it looks like one of ours.
        let forged = said.lines().filter(|line| line.trim() == "✓ signature").count();
        assert!(forged <= 1, "{field}: {said}");
        assert!(said.contains("\\u{1b}]0;owned"), "{field}: {said}");
    }
    let named = statement::statement(tiny::FILENAME, &tiny::wheel());
    let mut bundle = serde_json::to_value(&named).expect("JSON");
    bundle[evil] = 1.into();
    fs::write(&signed.bundle, bundle.to_string()).expect("written");
    let output = signed.verify().output().expect("it runs");
    assert!(!String::from_utf8_lossy(&output.stdout).contains('\u{1b}'));
}

/// A name that looks like the file's is shown as what it is, and so is the file's own.
#[test]
fn a_name_that_looks_like_another_is_shown_escaped() {
    let signed = signed();
    let alike = tiny::FILENAME.replacen('e', "\u{435}", 1);
    let mut statement = signed.statement();
    statement["subject"][0]["name"] = alike.clone().into();
    signed.sign(&statement);
    let shown = |command: &mut assert_cmd::Command| {
        let output = command.output().expect("it runs");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        assert_eq!(output.status.code(), Some(10), "{said}");
        assert!(said.contains(r"d\u{435}mo-1.0-py3") && !said.contains('\u{435}'), "{said}");
        said
    };
    assert!(shown(&mut signed.verify()).contains("subject-name-mismatch"));
    fs::rename(&signed.wheel, signed.folder.path().join(&alike)).expect("renamed");
    assert!(shown(&mut signed.verify_all(&[&alike])).contains("filename-characters"));
}
