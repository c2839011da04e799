//! `wheelmark verify`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::trust::KeyId;
use wheelmark_tests::cases::{self, AT, TRUSTED_ROOT};
use wheelmark_tests::program::{interrupt, started, wheelmark};
use wheelmark_tests::repo::GitRepo;
use wheelmark_tests::statement::{self, SOURCE, Signed, dependency, failures, report};
use wheelmark_tests::tiny;

fn signed() -> Signed {
    Signed::new(Algorithm::EcdsaP256)
}

/// Asserts that the verification is rejected for these checks and reasons alone.
#[track_caller]
fn rejected(signed: &Signed, expected: &[(&str, &str)]) {
    let report = report(&mut signed.verify(), 10);
    assert_eq!(report["decision"], "rejected");
    let failures = failures(&report);
    let failures: Vec<_> = failures.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(failures, expected, "{report:#}");
}

#[test]
fn what_holds_is_accepted_by_either_algorithm() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let signed = Signed::new(algorithm);
        let report = report(&mut signed.verify(), 0);
        assert_eq!(report["schema"], "https://wheelmark.dev/report/v1");
        assert_eq!(report["decision"], "accepted");
        assert_eq!(report["wheel"]["filename"], tiny::FILENAME);
        assert_eq!(failures(&report), []);
        let checks = report["checks"].as_array().expect("checks");
        let passed = |check: &&Value| check["status"] == "passed";
        assert!(checks.iter().filter(passed).count() >= 12, "{report:#}");
        assert!(checks.iter().all(|check| check["status"] != "not-run"));
    }
}

#[test]
fn a_person_reads_the_decision_first() {
    let signed = signed();
    let accepted = signed.verify().assert().code(0).get_output().stdout.clone();
    let accepted = String::from_utf8(accepted).expect("UTF-8");
    assert!(accepted.starts_with("accepted demo-1.0-py3-none-any.whl\n"), "{accepted}");
    assert!(accepted.contains("  ✓ signature"), "{accepted}");

    signed.sign(&statement::statement(tiny::FILENAME, b"other bytes"));
    let rejected = signed.verify().assert().code(10).get_output().stdout.clone();
    let rejected = String::from_utf8(rejected).expect("UTF-8");
    assert!(rejected.starts_with("rejected demo-1.0-py3-none-any.whl\n"), "{rejected}");
    assert!(rejected.contains("  ✗ subject-digest: subject-digest-mismatch"), "{rejected}");
    assert!(rejected.contains("      found:    sha256 "), "{rejected}");
    assert!(rejected.contains("      expected: sha256 "), "{rejected}");
    assert!(!rejected.contains('\u{1b}'), "no colours in a pipe: {rejected:?}");
}

#[test]
fn a_policy_is_named_with_the_line_that_asked() {
    let signed = signed();
    let pem = fs::read_to_string(&signed.public_key).expect("a key");
    let policy = |source: &str| {
        format!(
            "schema = 1\n[keys.release]\npem = \"\"\"\n{pem}\"\"\"\n\n[[rules]]\nprojects = [\"demo\"]\n\
             keys = [\"release\"]\nsource = \"{source}\"\nref = \"refs/tags/v{{version}}\"\n\
             builders = [\"https://wheelmark.dev/builders/local/v1\"]\nrebuild = \"never\"\n"
        )
    };
    let verify = |text: &str| {
        fs::write(signed.folder.path().join("policy.toml"), text).expect("written");
        let mut command = wheelmark();
        command.current_dir(&signed.folder);
        command.args(["verify", tiny::FILENAME, "--policy", "policy.toml"]);
        command
    };
    let accepted = report(&mut verify(&policy(SOURCE)), 0);
    assert_eq!(accepted["policy"]["rule"], "rules[0]");

    let elsewhere = policy("https://example.org/fork/demo");
    let line = elsewhere.lines().position(|line| line == "[[rules]]").expect("rules") + 1;
    let output = verify(&elsewhere).assert().code(10).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    assert!(output.contains("✗ source: source-not-allowed"), "{output}");
    assert!(output.contains("expected: https://example.org/fork/demo"), "{output}");
    assert!(output.contains(&format!("asked by: policy.toml:{line}\n")), "{output}");

    let unnamed = policy(SOURCE).replace("[\"demo\"]", "[\"other\"]");
    let unnamed = report(&mut verify(&unnamed), 10);
    assert_eq!(failures(&unnamed), [("policy-rule".to_owned(), "project-not-named".to_owned())]);

    let broken = verify("schema = 2\n").assert().code(1).get_output().stderr.clone();
    let broken = String::from_utf8(broken).expect("UTF-8");
    assert!(broken.contains("policy.toml:1:10: schema 2 is not known"), "{broken}");
}

#[test]
fn no_bundle_or_a_damaged_one_is_rejected() {
    let signed = signed();
    let whole = fs::read(&signed.bundle).expect("a bundle");
    fs::remove_file(&signed.bundle).expect("removed");
    rejected(&signed, &[("attestation", "attestation-missing")]);
    for content in [&b""[..], &whole[..whole.len() / 2], b"{}", b"null", b"\xff"] {
        fs::write(&signed.bundle, content).expect("written");
        rejected(&signed, &[("attestation", "bundle-malformed")]);
    }
}

#[test]
fn a_bundle_must_hold_exactly_one_signature() {
    for count in [0, 2] {
        let signed = signed();
        signed.bend_bundle(|bundle| {
            let one = bundle["dsseEnvelope"]["signatures"][0].clone();
            bundle["dsseEnvelope"]["signatures"] = json!(vec![one; count]);
        });
        rejected(&signed, &[("attestation", "signature-count")]);
    }
}

#[test]
fn a_statement_must_have_exactly_one_subject() {
    let signed = signed();
    for count in [0, 2] {
        let mut statement = signed.statement();
        let one = statement["subject"][0].clone();
        statement["subject"] = json!(vec![one; count]);
        signed.sign(&statement);
        let expected = [("subject-name", "subject-count"), ("subject-digest", "subject-count")];
        rejected(&signed, &expected);
    }
}

#[test]
fn a_signature_by_another_key_is_rejected_under_any_name() {
    let signed = signed();
    let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    let bundle = statement::sign(&other, &signed.statement());
    fs::write(&signed.bundle, &bundle).expect("written");
    rejected(&signed, &[("signature", "key-unknown")]);
    // The same, claiming to be by the trusted key, or by nobody in particular.
    for hint in [KeyId::hint(signed.key.key_id()), String::new()] {
        signed.bend_bundle(|bundle| {
            bundle["verificationMaterial"]["publicKey"]["hint"] = json!(hint);
        });
        rejected(&signed, &[("signature", "signature-invalid")]);
    }
}

#[test]
fn what_was_changed_after_signing_is_rejected() {
    let payload = |bundle: &mut Value| {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("base64");
        let text = base64.decode(payload).expect("base64");
        let text = String::from_utf8(text).expect("UTF-8").replace("v1.0", "v1.1");
        bundle["dsseEnvelope"]["payload"] = json!(base64.encode(text));
    };
    let payload_type = |bundle: &mut Value| {
        bundle["dsseEnvelope"]["payloadType"] = json!("application/json");
    };
    let bends: [fn(&mut Value); 2] = [payload, payload_type];
    for bend in bends {
        let signed = signed();
        signed.bend_bundle(bend);
        rejected(&signed, &[("signature", "signature-invalid")]);
    }
}

#[test]
fn an_envelope_that_names_another_key_is_rejected() {
    let signed = signed();
    signed.bend_bundle(|bundle| {
        bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!("another");
    });
    rejected(&signed, &[("signature", "key-id-mismatch")]);
}

#[test]
fn a_renamed_wheel_is_rejected() {
    let signed = signed();
    let both = &["archive", "subject-name"][..];
    for (name, expected) in [
        ("demo-1.1-py3-none-any.whl", both),
        ("other-1.0-py3-none-any.whl", both),
        ("demo-1.0-py2-none-any.whl", both),
        // What the wheel itself does not deny, what was signed does.
        ("demo-1.0-1-py3-none-any.whl", &["subject-name"]),
        ("demo-1.0-py3-none-win_amd64.whl", &["subject-name"]),
        // Another spelling of the same name is the same name, and not that of the wheel's own directory.
        ("Demo-1.0.0-py3-none-any.whl", &["archive"]),
    ] {
        let path = signed.folder.path().join(name);
        fs::copy(&signed.wheel, &path).expect("copied");
        let mut command = wheelmark();
        command
            .current_dir(&signed.folder)
            .args(["verify", name, "--key", "release.pub", "--source", SOURCE])
            .arg("--bundle")
            .arg(&signed.bundle);
        let report = report(&mut command, 10);
        let checks: Vec<_> = failures(&report).into_iter().map(|(check, _)| check).collect();
        assert_eq!(checks, expected, "{name}: {report:#}");
    }
}

#[test]
fn a_changed_wheel_is_rejected() {
    let signed = signed();
    fs::write(&signed.wheel, tiny::wheel_with("demo/__init__.py", b"ANSWER = 43\n"))
        .expect("written");
    rejected(&signed, &[("subject-digest", "subject-digest-mismatch")]);
    let mut bytes = tiny::wheel();
    let at = bytes.len() / 4;
    bytes[at] ^= 1;
    fs::write(&signed.wheel, bytes).expect("written");
    let failures = failures(&report(&mut signed.verify(), 10));
    let checks: Vec<_> = failures.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(checks, ["archive", "subject-digest"]);
}

#[test]
fn a_start_up_hook_is_shown() {
    let signed = signed();
    fs::write(&signed.wheel, tiny::wheel_with("demo.pth", b"import demo\n")).expect("written");
    signed.sign(&signed.statement());
    let report = report(&mut signed.verify(), 0);
    assert_eq!(report["notes"], json!(["`demo.pth` runs whenever Python starts"]));
}

#[test]
fn the_ref_and_the_time_can_be_asked_for() {
    let signed = signed();
    for (pattern, exit) in [("refs/tags/v{version}", 0), ("refs/heads/*", 10)] {
        report(signed.verify().args(["--ref", pattern]), exit);
    }
    let at = report(signed.verify().args(["--at", "2031-02-03T04:05:06+01:00"]), 0);
    assert_eq!(at["verifiedAt"], "2031-02-03T03:05:06Z");
}

#[test]
fn all_files_are_reported_and_the_worst_decides() {
    let signed = signed();
    let verify = |names: &[&str]| {
        let mut command = signed.verify();
        command.arg("--json").args(names);
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let documents: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a document a line"))
            .collect();
        (output.status.code(), documents)
    };
    fs::copy(&signed.wheel, signed.folder.path().join("other-1.0-py3-none-any.whl")).expect("copy");
    fs::create_dir(signed.folder.path().join("folder-1.0-py3-none-any.whl")).expect("a folder");

    let (code, documents) =
        verify(&["missing-1.0-py3-none-any.whl", "folder-1.0-py3-none-any.whl"]);
    assert_eq!((code, documents.len()), (Some(1), 3));
    assert_eq!(documents[0]["decision"], "accepted");
    // In the order of the names, whatever the order of the arguments.
    let folder = documents[1]["error"].as_str().expect("text");
    assert!(folder.contains("is a folder without wheels"), "{folder}");
    assert_eq!(documents[2]["schema"], "https://wheelmark.dev/error/v1");
    assert_eq!(documents[2]["file"], "missing-1.0-py3-none-any.whl");
    assert_eq!(documents[2]["exit"], 1);

    let (code, documents) = verify(&["missing-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"]);
    assert_eq!((code, documents.len()), (Some(10), 3));
    assert_eq!(documents[2]["decision"], "rejected");
}

#[test]
fn what_cannot_be_read_is_no_absence() {
    let signed = signed();
    fs::remove_file(&signed.bundle).expect("removed");
    fs::create_dir(&signed.bundle).expect("a folder");
    let error = report(&mut signed.verify(), 1);
    assert!(error["error"].as_str().expect("text").contains("it is a folder"), "{error}");
    let given = report(signed.verify().args(["--bundle", "nowhere.json"]), 1);
    assert!(given["error"].as_str().expect("text").contains("`nowhere.json`"), "{given}");
}

#[test]
fn the_short_form_of_a_source_is_its_ssh_url() {
    let signed = signed();
    let mut statement = statement::statement(tiny::FILENAME, &tiny::wheel());
    let definition = &mut statement["predicate"]["buildDefinition"];
    let uri = "git+ssh://git@example.org/owner/demo.git";
    definition["externalParameters"]["source"]["uri"] = json!(uri);
    definition["resolvedDependencies"][0]["uri"] = json!(uri);
    signed.sign(&statement);
    let verify = |source: &str| {
        let mut command = wheelmark();
        command.current_dir(&signed.folder).args(["verify", tiny::FILENAME]);
        command.arg("--key").arg(&signed.public_key).args(["--source", source]);
        command
    };
    for source in ["git@example.org:owner/demo", "ssh://git@example.org/owner/demo"] {
        let report = report(&mut verify(source), 0);
        assert_eq!(report["decision"], "accepted", "{source}");
    }
    for source in ["git@example.org:owner/other", "git@example.com:owner/demo"] {
        let report = report(&mut verify(source), 10);
        let reasons = failures(&report);
        assert_eq!(reasons, [("source".to_owned(), "source-not-allowed".to_owned())], "{source}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_missing() {
    for (arguments, says) in [
        (&["demo-1.0-py3-none-any.whl"][..], "nothing says who is trusted"),
        (&["a.whl", "b.whl", "--bundle", "x", "--policy", "p"], "attestation of one file"),
        (&["a.whl", "--key", "k"], "--source"),
        (&["a.whl", "--source", SOURCE], "--key"),
        (&["a.whl", "--policy", "p", "--key", "k", "--source", SOURCE], "cannot be used with"),
        (&["a.whl", "--key", "k", "--source", "not a URI"], "not a repository URI"),
        (&["a.whl", "--key", "k", "--source", "me@host:o/r"], "user information is not allowed"),
        (&["a.whl", "--key", "k", "--source", SOURCE, "--ref", "main"], "refs/"),
        (&["a.whl", "--key", "k", "--source", SOURCE, "--at", "noon"], "a time is written as"),
        (&["--policy", "p"], "required"),
    ] {
        let mut command = wheelmark();
        command.arg("verify").args(arguments);
        let plain = command.assert().code(2).get_output().clone();
        assert!(plain.stdout.is_empty());
        let stderr = String::from_utf8(plain.stderr).expect("UTF-8");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");

        let json = report(&mut command, 2);
        assert_eq!(json["schema"], "https://wheelmark.dev/error/v1");
        let text = format!("{} {}", json["error"], json["hint"]);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}

#[test]
fn a_private_key_is_no_public_one() {
    let signed = signed();
    let pem = signed.key.private_pem(None).expect("PEM");
    fs::write(&signed.public_key, pem.as_bytes()).expect("written");
    let error = report(&mut signed.verify(), 1);
    assert!(error["hint"].as_str().expect("text").contains("private key"), "{error}");
    let shown = error.to_string();
    assert!(!shown.contains(pem.lines().nth(1).expect("base64")), "{shown}");
}

#[test]
fn a_file_name_cannot_drive_the_terminal() {
    let signed = signed();
    let name = "demo\u{1b}[2J-1.0-py3-none-any.whl";
    fs::copy(&signed.wheel, signed.folder.path().join(name)).expect("copied");
    let output = signed.verify().arg(name).assert().code(10).get_output().clone();
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(&0x1b), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_reader_that_goes_away_changes_no_verdict() {
    let signed = signed();
    for (bundle, code) in [(true, 0), (false, 10)] {
        if !bundle {
            fs::remove_file(&signed.bundle).expect("removed");
        }
        let mut child = started(&signed.verify());
        // The reading end is closed before anything can have been written to it in full.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn ctrl_c_ends_it_without_a_verdict() {
    let signed = signed();
    // Large enough to be still read when the signal comes; it takes no room on the disk.
    let file = fs::File::create(&signed.wheel).expect("created");
    file.set_len(3 << 30).expect("sparse");
    let mut child = started(&signed.verify());
    // Once the wheel is open, the program watches for the signal.
    let id = child.id();
    let opened = || {
        let files = fs::read_dir(format!("/proc/{id}/fd")).expect("it runs");
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|it| it == signed.wheel))
    };
    while !opened() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "error: interrupted, nothing was written\n");
}

#[test]
fn what_is_missing_on_the_command_line_is_told_in_json_too() {
    let ran = wheelmark().args(["verify", "--json"]).assert().code(2);
    let told: Value = serde_json::from_slice(&ran.get_output().stdout).expect("JSON");
    assert_eq!(told["error"], "the following required arguments were not provided: <PATH>...");
    assert_eq!(told["hint"], "Usage: wheelmark verify --json <PATH>...");
}

#[test]
fn a_detached_signature_is_told_how_to_be_converted() {
    let signed = signed();
    fs::remove_file(&signed.bundle).expect("removed");
    let name = tiny::FILENAME;
    let signature = format!("{name}.sig");
    fs::write(signed.folder.path().join(&signature), "MEUCIQ==").expect("written");
    let command = format!(
        "convert with `cosign bundle create --artifact {name} --signature {signature} --certificate \
         {name}.crt --out {name}.sigstore.json`"
    );
    let noted = |arguments: &[&str]| {
        let report = report(signed.verify_all(&[name]).args(arguments), 10);
        report["notes"].to_string()
    };
    let notes = noted(&[]);
    assert!(notes.contains(&command), "{notes}");
    for suffix in [".sigstore", ".provenance", ".publish.attestation", ".slsa.attestation"] {
        assert!(notes.contains(&format!("`{suffix}`")), "{notes}");
    }
    let notes = noted(&["--bundle", &signature]);
    assert!(notes.contains(&command), "{notes}");
}

/// The commit that was built is on a branch of the clone that is given, or the file is refused.
#[test]
fn a_commit_must_be_on_a_branch_of_the_clone() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let repo = GitRepo::init(&signed.folder.path().join("repo"));
    repo.write("a", "a");
    repo.commit_all("First");
    repo.git(&["branch", "--move", "--force", "main"]);
    let first = repo.head();
    repo.git(&["checkout", "--quiet", "-b", "feature"]);
    repo.write("a", "b");
    repo.commit_all("Second");
    let second = repo.head();
    let clone = repo.clone_to(&signed.folder.path().join("clone"));
    let policy = signed.policy();
    let never = "rebuild = \"never\"";
    signed.put(
        "policy.toml",
        policy.replacen(never, &format!("{never}\nbranches = [\"main\"]"), 1).as_bytes(),
    );
    let verify = |commit: &str, checkout: Option<&Path>, code: i32| {
        let mut statement = signed.statement();
        dependency(&mut statement, "source")["digest"]["gitCommit"] = json!(commit);
        signed.sign(&statement);
        let mut command = wheelmark();
        command.current_dir(&signed.folder).args(["verify", "--policy", "policy.toml"]);
        command.arg(tiny::FILENAME);
        if let Some(checkout) = checkout {
            command.arg("--checkout").arg(checkout);
        }
        report(&mut command, code)
    };
    for checkout in [repo.folder(), clone.folder()] {
        verify(&first, Some(checkout), 0);
        let refused = verify(&second, Some(checkout), 10);
        let expected = [("branch".to_owned(), "commit-not-on-branch".to_owned())];
        assert_eq!(failures(&refused), expected);
        verify(&"c0".repeat(20), Some(checkout), 10);
    }
    verify(&first, None, 10);
    // What the clone calls main is not what its origin does.
    clone.git(&["checkout", "--quiet", "-B", "main", &second]);
    verify(&second, Some(clone.folder()), 10);
    verify(&first, Some(clone.folder()), 0);
    // A tag that is called like the branch's ref is no branch.
    repo.git(&["tag", "refs/heads/stable", &second]);
    repo.git(&["tag", "refs/remotes/origin/main", &second]);
    let never = "rebuild = \"never\"";
    let stable = policy.replacen(never, &format!("{never}\nbranches = [\"stable\", \"main\"]"), 1);
    signed.put("policy.toml", stable.as_bytes());
    verify(&second, Some(repo.folder()), 10);
    verify(&first, Some(repo.folder()), 0);
    // No repository, and one without its history.
    verify(&first, Some(signed.folder.path()), 1);
}

/// Of several attestations that hold, it is not their order that decides whether one of them is by who signed before.
#[test]
fn whoever_signed_before_may_be_any_of_those_who_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let of = |case: &str, name: &str| fs::read(cases::folder().join(case).join(name)).expect(name);
    let bundle = format!("{}.sigstore.json", tiny::FILENAME);
    let (job, person) = (of("log_and_time_stamp", &bundle), of("email_identity", &bundle));
    fs::write(path(tiny::FILENAME), of("email_identity", tiny::FILENAME)).expect("written");
    fs::write(path(TRUSTED_ROOT), of("email_identity", TRUSTED_ROOT)).expect("written");
    let policy = String::from_utf8(of("log_and_time_stamp", "policy.toml")).expect("text");
    let email = "[identities.person]\ntrust = \"private\"\nissuer = \"https://accounts.google.com\"\n\
                 san = \"manager@demo.example\"\n\n[[rules]]\nprojects = [\"demo\"]\n\
                 identities = [\"release\", \"person\"]";
    let policy =
        policy.replacen("[[rules]]\nprojects = [\"demo\"]\nidentities = [\"release\"]", email, 1);
    let policy = policy.replace("source = \"https://github.com/octo/demo\"\n", "");
    fs::write(path("policy.toml"), policy.replace("ref = \"refs/tags/v{version}\"\n", ""))
        .expect("written");
    let lock = "schema = 1\n[[projects]]\nname = \"demo\"\nversion = \"0.9\"\n[[projects.signers]]\n\
                trust = \"private\"\nissuer = \"https://token.actions.githubusercontent.com\"\n\
                repository = \"https://github.com/octo/demo\"\n";
    fs::write(path("wheelmark.lock"), lock).expect("written");
    let verify = |first: &[u8], second: &[u8], code: i32| {
        fs::write(path(&bundle), first).expect("written");
        fs::write(path(&format!("{}.sigstore", tiny::FILENAME)), second).expect("written");
        let mut command = wheelmark();
        command.current_dir(&folder).args(["verify", "--policy", "policy.toml", "--at", AT]);
        command.args(["--trust-root", TRUSTED_ROOT, "--locked", "wheelmark.lock", tiny::FILENAME]);
        report(&mut command, code)
    };
    let one = verify(&job, &person, 0);
    let other = verify(&person, &job, 0);
    assert_eq!(one["checks"], other["checks"]);
    verify(&person, &person, 10);
}
