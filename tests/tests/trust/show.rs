//! `wheelmark trust show`, and the age of what is trusted in each report.

use std::fs;

use serde_json::json;
use wheelmark_core::trust::{EMBEDDED_AS_OF, InstanceName};
use wheelmark_tests::corpus;
use wheelmark_tests::statement::check;
use wheelmark_tests::tuf;
use wheelmark_tests::workshop::answer;

use crate::{Place, errors, trusted_root};

#[test]
fn every_instance_is_told_with_its_source_and_age() {
    let place = Place::new();
    let shown = answer(&mut place.wheelmark(&["trust", "show", "--json"]), 0);
    assert_eq!(shown["schema"], "https://wheelmark.dev/trust/v1");
    let instances = shown["instances"].as_array().expect("instances");
    let names: Vec<_> = instances.iter().map(|it| it["instance"].as_str()).collect();
    assert_eq!(names, [Some("public-good"), Some("github"), Some("staging")]);
    for instance in instances {
        assert_eq!(instance["from"], "embedded");
        assert_eq!(instance["asOf"], EMBEDDED_AS_OF);
        assert!(instance["ageDays"].as_i64().is_some_and(|days| days >= 0));
        let authorities = instance["certificateAuthorities"].as_array().expect("authorities");
        for authority in authorities {
            assert!(authority["validFrom"].is_string(), "{authority}");
            let certificate = &authority["certificates"][0];
            assert!(certificate["subject"].is_string() && certificate["notAfter"].is_string());
        }
    }
    let log = &instances[0]["transparencyLogs"][0];
    assert_eq!(log["logId"], "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d");
    assert_eq!(log["keyType"], "PKIX_ECDSA_P256_SHA_256");
    // GitHub's instance lists no logs, so none is asked for.
    assert_eq!(instances[1]["transparencyLogs"], json!([]));

    let only = answer(&mut place.wheelmark(&["trust", "show", "github", "--json"]), 0);
    assert_eq!(only["instances"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_person_reads_who_is_trusted_and_until_when() {
    let place = Place::new();
    let output = place.wheelmark(&["trust", "show", "public-good", "github"]);
    let output = { output }.assert().code(0).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    assert!(output.starts_with("public-good: in the program as of 2026-10-23, "), "{output}");
    for line in [
        "\n  certificate authorities\n    sigstore.dev, sigstore, https://fulcio.sigstore.dev: trusted for \
         what is from 2021-03-07 to 2022-12-31\n      certificate of ",
        "\n  transparency logs: none, and none is asked for\n",
        "      log id c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d, key \
         PKIX_ECDSA_P256_SHA_256\n",
        "\ngithub: in the program as of ",
    ] {
        assert!(output.contains(line), "{line}\n{output}");
    }
}

#[test]
fn a_file_is_shown_and_cannot_drive_the_terminal() {
    let place = Place::new();
    let mut root: serde_json::Value =
        serde_json::from_slice(&trusted_root(InstanceName::PublicGood)).expect("JSON");
    root["tlogs"][0]["baseUrl"] = json!("https://log.example/\u{1b}[31m\u{202e}");
    let bytes = root.to_string();
    fs::write(place.folder.path().join("mine.json"), &bytes).expect("written");
    let show = ["trust", "show", "--trust-root", "mine.json"];
    let shown = answer(place.wheelmark(&show).arg("--json"), 0);
    assert_eq!(shown["instances"].as_array().map(Vec::len), Some(1));
    let instance = &shown["instances"][0];
    assert_eq!((&instance["instance"], &instance["from"]), (&json!("private"), &json!("file")));
    assert_eq!((&instance["file"], &instance["asOf"]), (&json!("mine.json"), &json!(null)));
    assert_eq!(instance["sha256"], tuf::sha256(bytes.as_bytes()));
    let output = place.wheelmark(&show).assert().code(0).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    assert!(output.starts_with("private: from the file mine.json\n"), "{output}");
    assert!(output.contains(r"https://log.example/\u{1b}[31m\u{202e}: trusted"), "{output}");
    assert!(!output.contains('\u{1b}') && !output.contains('\u{202e}'));

    fs::write(place.folder.path().join("mine.json"), "{").expect("written");
    let said = errors(&mut place.wheelmark(&show), 1);
    assert!(
        said.contains("`mine.json`: the trusted root of the instance `private` cannot be used")
    );
}

/// The age is counted from what is trusted to the time of the verification.
#[test]
fn each_report_says_how_old_what_is_trusted_is() {
    let place = Place::new();
    fs::write(place.folder.path().join("demo-1.0-py3-none-any.whl"), "no wheel").expect("written");
    let verify = |at: &str| {
        let mut command = place.wheelmark(&["verify", "demo-1.0-py3-none-any.whl"]);
        command.args(["--trust", "public-good", "--source", "https://github.com/o/r", "--at", at]);
        command
    };
    let report = |at: &str| answer(verify(at).arg("--json"), 10);
    let fresh = report("2026-11-02T12:00:00Z");
    assert_eq!(fresh["trust"][0]["instance"], "public-good");
    assert_eq!(fresh["trust"][0]["asOf"], EMBEDDED_AS_OF);
    assert_eq!(fresh["trust"][0]["ageDays"], 10);
    // As of a time before it was known, it has no age.
    assert_eq!(report("2024-01-01T00:00:00Z")["trust"][0].get("ageDays"), None);
    let note = "what is known of the instance public-good is 91 days old; `wheelmark trust update` asks \
                anew";
    let old = report("2027-01-22T00:00:00Z");
    let noted = |report: &serde_json::Value| {
        report["notes"].as_array().is_some_and(|notes| notes.contains(&json!(note)))
    };
    assert!(noted(&old) && !noted(&report("2027-01-21T00:00:00Z")), "{old:#}");
    let output = verify("2027-01-22T00:00:00Z").assert().code(10).get_output().stdout.clone();
    let output = String::from_utf8(output).expect("UTF-8");
    assert!(
        output.contains("\n  trusted root public-good as of 2026-10-23, 91 days old\n"),
        "{output}"
    );
    assert!(output.contains(&format!("\n  note: {note}\n")), "{output}");
}

/// A refreshed instance decides about signatures, as the one of a file or of the program does; also about
/// those from before the refresh.
#[test]
fn what_was_refreshed_decides() {
    let Some(suite) = corpus::folder("sigstore-conformance/bundle-verify") else { return };
    let place = Place::new();
    let verify = |trust: &[&str]| {
        let mut command = place.wheelmark(&["verify", "a-1.0-py3-none-any.whl", "--bundle"]);
        command.arg(suite.join("happy-path-v0.3/bundle.sigstore.json"));
        command.args(["--bare-signature", "--json", "--issuer"]);
        command.arg("https://token.actions.githubusercontent.com");
        command.args(["--identity", IDENTITY]).args(trust);
        command
    };
    let file = fs::read(suite.join("a.txt")).expect("a file of the corpus");
    fs::write(place.folder.path().join("a-1.0-py3-none-any.whl"), file).expect("written");
    let signature = |trust: &[&str]| {
        let report = answer(&mut verify(trust), 10);
        let status = check(&report, "signature")["status"].clone();
        (status, report["trust"][0]["sha256"].clone())
    };
    let (by_program, _) = signature(&["--trust", "public-good"]);
    assert_eq!(by_program, "passed");
    let release = place.release(1);
    release.publish(&place.server);
    place.updates();
    for time in
        [&["--trust", "private"][..], &["--trust", "private", "--at", "2026-01-01T00:00:00Z"]]
    {
        let by_refreshed = signature(time);
        assert_eq!(by_refreshed, (json!("passed"), json!(tuf::sha256(&release.trusted_root))));
    }
    // Once the instance is said to be another, what the old one signed counts no more.
    let github = trusted_root(InstanceName::Github);
    tuf::Release::new(2, &place.key, &github).publish(&place.server);
    place.updates();
    assert_eq!(signature(&["--trust", "private"]).0, "failed");
}

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";

/// A root that was named and is not used would leave another in force, which nobody chose.
#[test]
fn a_root_that_nothing_uses_is_refused() {
    let place = Place::new();
    let put = |name: &str, text: &[u8]| fs::write(place.folder.path().join(name), text);
    put("mine.json", &trusted_root(InstanceName::PublicGood)).expect("written");
    let policy = |trust: &str| {
        format!(
            "schema = 1\n[identities.it]\ntrust = \"{trust}\"\nissuer = \"https://i\"\nsan = \"s\"\n\
             [[rules]]\nprojects = [\"demo\"]\nidentities = [\"it\"]\nrebuild = \"never\"\n"
        )
    };
    put("public.toml", policy("public-good").as_bytes()).expect("written");
    put("private.toml", policy("private").as_bytes()).expect("written");
    put("demo-1.0-py3-none-any.whl", b"no wheel").expect("written");
    let verify = |arguments: &[&str]| {
        let mut command = place.wheelmark(&["verify", "demo-1.0-py3-none-any.whl"]);
        command.args(["--trust-root", "mine.json"]).args(arguments);
        command
    };
    let source = ["--source", "https://github.com/o/r"];
    for arguments in [&["--policy", "public.toml"][..], &["--trust", "public-good"]] {
        let mut command = verify(arguments);
        if arguments[0] == "--trust" {
            command.args(source);
        }
        let said = errors(&mut command, 2);
        assert!(said.contains("--trust-root is for the instance private"), "{said}");
        assert!(said.contains("hint: "), "{said}");
    }
    for arguments in [&["--policy", "private.toml"][..], &["--trust", "private"], &[]] {
        let mut command = verify(arguments);
        if arguments.first() != Some(&"--policy") {
            command.args(source);
        }
        command.assert().code(10);
    }
}
