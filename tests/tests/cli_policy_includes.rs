//! Policies that include others: all must accept, and nothing but the very files that are named is read.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use assert_cmd::Command;
use serde_json::{Value, json};
use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::{INCLUDE_DEPTH, INCLUDED_BYTES, INCLUDES};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{self, SOURCE, Signed, check, failures, report};
use wheelmark_tests::tiny;
use wheelmark_tests::workshop::{Workshop, answer, source};

/// A signed wheel, and policies in the folders `org` and `team` beside it.
struct Place(Signed);

/// What names an included file.
fn include(path: &str, text: &str) -> String {
    let sha256 = Sha256Digest::of(text.as_bytes());
    format!("\n[[includes]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\n")
}

/// A policy that asks nothing, but revokes.
const REVOKING: &str =
    "schema = 1\n[[revocations]]\nprojects = [\"demo\"]\nversions = \"<1.0\"\nreason = \"old\"\n";

/// An exception for a file.
fn exception(sha256: &str) -> String {
    format!(
        "schema = 1\n[[exceptions]]\nsha256 = [\"{sha256}\"]\nreason = \"r\"\nowner = \"o\"\n\
         expires = 2999-01-01T00:00:00Z\n"
    )
}

impl Place {
    fn new() -> Self {
        let place = Self(Signed::new(Algorithm::EcdsaP256));
        for folder in ["org", "team"] {
            fs::create_dir(place.0.folder.path().join(folder)).expect("a folder");
        }
        place
    }

    fn policy(&self) -> String {
        self.0.policy()
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.folder.path().join(path), text).expect("written");
    }

    /// The policy of the team, which includes files of these paths and texts that are put there.
    fn including(&self, includes: &[(&str, &str)]) {
        let mut text = self.policy();
        for (path, included) in includes {
            self.put(&format!("team/{path}"), included);
            text += &include(path, included);
        }
        self.put("team/policy.toml", text);
    }

    fn run(&self, verb: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&self.0.folder).args(verb);
        command
    }

    fn verify(&self) -> Command {
        self.run(&["verify", tiny::FILENAME, "--policy", "team/policy.toml"])
    }

    /// The report, once it ended so.
    fn report(&self, code: i32) -> Value {
        report(&mut self.verify(), code)
    }

    /// The policy is not read, and this is said, as JSON too.
    fn refused(&self, says: &str) {
        let output = self.verify().assert().code(1).get_output().clone();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(says), "{says}: {told}");
        let error = report(&mut self.verify(), 1);
        assert_eq!(error["schema"], "https://wheelmark.dev/error/v1");
    }
}

fn failed(check: &str, reason: &str) -> (String, String) {
    (check.to_owned(), reason.to_owned())
}

#[test]
fn a_file_that_all_accept_is_accepted_and_the_report_names_them() {
    let place = Place::new();
    let base = format!("# the organisation\n{}", place.policy());
    place.including(&[("../org/base.toml", &base), ("../org/revoked.toml", REVOKING)]);
    let told = place.report(0);
    assert_eq!(check(&told, "includes")["status"], "passed");
    let includes = &told["policy"]["includes"];
    let sha256 = Sha256Digest::of(base.as_bytes()).to_string();
    assert_eq!(
        includes[0],
        json!({"path": "team/../org/base.toml", "sha256": sha256, "rule": "rules[0]", "line": 12, "rebuild": false})
    );
    assert_eq!(includes[1]["path"], "team/../org/revoked.toml");
    let text = fs::read(place.0.folder.path().join("team/policy.toml")).expect("the policy");
    assert_eq!(told["policy"]["sha256"], Sha256Digest::of(&text).to_string());
    // Without includes there is nothing to say of them.
    place.including(&[]);
    let told = place.report(0);
    assert!(!told.to_string().contains("includes"), "{told:#}");
}

#[test]
fn an_include_that_refuses_is_named_with_its_digest_rule_and_values() {
    let place = Place::new();
    let base = place.policy().replace(SOURCE, "https://example.org/somebody/else");
    place.including(&[("../org/base.toml", &base)]);
    let told = place.report(10);
    assert_eq!(failures(&told), [failed("includes", "source-not-allowed")]);
    let refused = check(&told, "includes");
    assert_eq!(refused["expected"], json!(["https://example.org/somebody/else"]));
    let found = refused["found"].as_str().expect("found");
    let sha256 = Sha256Digest::of(base.as_bytes()).to_string();
    for part in [SOURCE, "rules[0] in `team/../org/base.toml:11`", &sha256] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert_eq!(told["policy"]["includes"][0]["reason"], "source-not-allowed");
    let human = place.verify().assert().code(10).get_output().stdout.clone();
    let human = String::from_utf8_lossy(&human).into_owned();
    assert!(human.contains("includes: source-not-allowed"), "{human}");
    assert!(human.contains("asked by: team/../org/base.toml:11"), "{human}");

    // A project must be named by all that have rules.
    let base = place.policy().replace("\"demo\"", "\"another\"");
    place.including(&[("../org/base.toml", &base)]);
    assert_eq!(failures(&place.report(10)), [failed("includes", "project-not-named")]);
}

#[test]
fn an_include_that_would_loosen_changes_nothing() {
    let place = Place::new();
    let sha256 = Sha256Digest::of(&fs::read(&place.0.wheel).expect("the wheel")).to_string();
    let strict = place.policy().replace(SOURCE, "https://example.org/somebody/else");
    let lax = [
        place.policy(),
        place
            .policy()
            .replace("\"demo\"", "\"*\"")
            .replace("\"never\"", "\"never\"\nallow-dirty-unsafe = true"),
        exception(&sha256),
    ];
    for included in &lax {
        place.put("org/base.toml", included);
        place.put("team/policy.toml", strict.clone() + &include("../org/base.toml", included));
        assert_eq!(failures(&place.report(10)), [failed("source", "source-not-allowed")]);
    }
    // An exception counts in the file that has it, and nowhere else.
    let top = exception(&sha256);
    let base = strict.replace("rebuild", "# asked all the same\nrebuild");
    place.put("org/base.toml", &base);
    place.put("team/policy.toml", top.clone() + &include("../org/base.toml", &base));
    assert_eq!(failures(&place.report(10)), [failed("includes", "source-not-allowed")]);
    place.put("org/base.toml", place.policy());
    place.put("team/policy.toml", top + &include("../org/base.toml", &place.policy()));
    place.report(0);
}

#[test]
fn names_of_one_file_mean_nothing_in_the_other() {
    let place = Place::new();
    let base = place.policy();
    let (keys, rules) = base.split_once("[[rules]]").expect("rules");
    let rules = format!("schema = 1\n{}\n[[rules]]{rules}", include("../org/base.toml", &base));
    place.put("org/base.toml", &base);
    place.put("team/policy.toml", rules);
    place.refused("no [keys.release] in this policy");
    // Nor the other way round.
    let inner = base.replace(keys, "schema = 1\n");
    place.including(&[("../org/base.toml", &inner)]);
    place.refused("team/../org/base.toml:4:9: no [keys.release] in this policy");
}

#[test]
fn only_a_relative_path_is_one() {
    let place = Place::new();
    let base = place.policy();
    place.put("org/base.toml", &base);
    let absolute = place.0.folder.path().join("org/base.toml");
    for (path, says) in [
        (absolute.to_str().expect("UTF-8"), "an absolute path"),
        ("https://example.org/base.toml", "a `:`, as URLs and drives have one"),
        ("..\\\\org\\\\base.toml", "a `\\`, which some systems take for a `/`"),
        ("nowhere/../../org/base.toml", "an empty part, `.`, or `..` after a name"),
        ("..", "a path without a name"),
    ] {
        place.put("team/policy.toml", base.clone() + &include(path, &base));
        place.refused(says);
        place.refused("team/policy.toml:20:8: ");
    }
    place.put("team/policy.toml", format!("{base}\n[[includes]]\npath = \"../org/base.toml\"\n"));
    place.refused("missing field `sha256`");
}

#[test]
fn another_file_than_the_digest_says_is_not_read() {
    let place = Place::new();
    let base = place.policy();
    place.including(&[("base.toml", &base)]);
    place.report(0);
    let other = format!("{base}# and a word more\n");
    place.put("team/base.toml", &other);
    let sha256 = Sha256Digest::of(other.as_bytes());
    place.refused(&format!("`base.toml` is another file: its sha256 is {sha256}"));
    fs::remove_file(place.0.folder.path().join("team/base.toml")).expect("removed");
    place.refused("team/policy.toml:20:8: cannot read `team/base.toml`");
    fs::create_dir(place.0.folder.path().join("team/base.toml")).expect("a folder");
    place.refused("it is a folder");
    let text = b"schema = 1 # \xff\n";
    fs::remove_dir(place.0.folder.path().join("team/base.toml")).expect("removed");
    place.put("team/base.toml", text);
    let sha256 = Sha256Digest::of(text);
    let includes = format!("[[includes]]\npath = \"base.toml\"\nsha256 = \"{sha256}\"\n");
    place.put("team/policy.toml", format!("{base}\n{includes}"));
    place.refused("`base.toml` is not UTF-8 text");
}

#[test]
fn an_include_that_is_refused_is_told_with_its_own_place() {
    let place = Place::new();
    place.including(&[("../org/base.toml", "schema = 1\ntrust-all = true\n")]);
    place.refused("team/../org/base.toml:2:1: unknown field `trust-all`");
    place.including(&[("../org/base.toml", "schema = 1\n")]);
    place.refused("team/../org/base.toml:1:1: neither rules nor revocations");
    // The top file must say something itself.
    place.put(
        "team/policy.toml",
        format!("schema = 1\n{}", include("../org/base.toml", "schema = 1\n")),
    );
    place.refused("team/policy.toml:1:1: no [[rules]]");
}

/// A link may not lead out of the folder that is written.
#[test]
fn a_link_that_leads_elsewhere_is_not_followed() {
    let place = Place::new();
    let base = place.policy();
    place.put("org/base.toml", &base);
    let linked = |link: &str, to: &str, path: &str| {
        let _ = fs::remove_file(place.0.folder.path().join(link));
        symlink(to, place.0.folder.path().join(link)).expect("a link");
        place.put("team/policy.toml", base.clone() + &include(path, &base));
    };
    linked("team/link.toml", "../org/base.toml", "link.toml");
    place.refused("a symbolic link of `link.toml` leads out of");
    linked("team/link", "../org", "link/base.toml");
    place.refused("a symbolic link of `link/base.toml` leads out of");
    linked("team/zero", "/dev/zero", "zero");
    place.refused("a symbolic link of `zero` leads out of");
    // As a volume that is replaced as a whole has its files.
    fs::create_dir(place.0.folder.path().join("team/..data")).expect("a folder");
    place.put("team/..data/base.toml", &base);
    linked("team/within.toml", "..data/base.toml", "within.toml");
    place.report(0);
}

#[test]
fn a_cycle_is_refused_and_said() {
    let place = Place::new();
    let top = place.policy();
    let own = |path: &str| top.clone() + &include(path, &top);
    place.put("team/policy.toml", own("policy.toml"));
    place.refused("a cycle: `policy.toml` is `team/policy.toml`");
    // No digests can make it true, so those of a cycle are false.
    let base = format!("# base\n{}", own("../team/policy.toml"));
    place.including(&[("../org/base.toml", &base)]);
    place.refused(
        "team/../org/base.toml:21:8: a cycle: `../team/policy.toml` is `team/policy.toml`",
    );
}

#[test]
fn depth_number_and_size_are_bounded() {
    let place = Place::new();
    let chain = |depth: usize| {
        let mut inner = place.policy();
        for at in (1..=depth).rev() {
            place.put(&format!("team/{at}.toml"), &inner);
            inner = format!("# {at}\n{}{}", place.policy(), include(&format!("{at}.toml"), &inner));
        }
        place.put("team/policy.toml", inner);
    };
    chain(INCLUDE_DEPTH);
    assert_eq!(place.report(0)["policy"]["includes"].as_array().map(Vec::len), Some(INCLUDE_DEPTH));
    chain(INCLUDE_DEPTH + 1);
    place.refused(&format!("includes of includes, deeper than {INCLUDE_DEPTH} files"));

    let names: Vec<_> =
        (0..=INCLUDES).map(|at| (format!("{at}.toml"), format!("# {at}\n{REVOKING}"))).collect();
    let names: Vec<_> = names.iter().map(|(name, text)| (&**name, &**text)).collect();
    place.including(&names[1..]);
    place.report(0);
    place.including(&names);
    place.refused(&format!("more than {INCLUDES} files are included"));

    place.including(&[("huge.toml", REVOKING)]);
    let huge = File::create(place.0.folder.path().join("team/huge.toml")).expect("a file");
    huge.set_len(1 << 40).expect("a sparse file");
    place.refused(&format!(
        "`huge.toml` is too large: included files have at most {INCLUDED_BYTES}"
    ));
}

#[test]
fn a_file_is_included_once() {
    let place = Place::new();
    let base = place.policy();
    place.put("org/base.toml", &base);
    let twice = include("../org/base.toml", &base).repeat(2);
    place.put("team/policy.toml", base.clone() + &twice);
    place.refused("`../org/base.toml` is included twice");
    // Two that include a third one: it is read and asked once.
    let one = format!("# one\n{base}{}", include("../org/base.toml", &base));
    let two = format!("# two\n{base}{}", include("../org/base.toml", &base));
    place.including(&[("one.toml", &one), ("two.toml", &two)]);
    let told = place.report(0);
    let paths: Vec<_> = told["policy"]["includes"]
        .as_array()
        .expect("includes")
        .iter()
        .map(|it| &it["path"])
        .collect();
    assert_eq!(paths, ["team/one.toml", "team/../org/base.toml", "team/two.toml"]);
}

/// Whom one of the files revokes, none of them believes; and what it revokes, none takes.
#[test]
fn revocations_count_in_all_of_the_files() {
    let place = Place::new();
    let revoked = REVOKING.replace("<1.0", ">=1.0");
    place.including(&[("../org/revoked.toml", &revoked)]);
    assert_eq!(failures(&place.report(10)), [failed("includes", "file-revoked")]);
    let pem = place.0.key.public_pem().expect("PEM");
    let revoked = format!(
        "schema = 1\n[keys.stolen]\npem = \"\"\"\n{pem}\"\"\"\n[[revocations]]\nkeys = [\"stolen\"]\nreason = \"stolen\"\n"
    );
    place.including(&[("../org/revoked.toml", &revoked)]);
    let told = place.report(10);
    assert_eq!(failures(&told), [failed("signer", "signer-revoked")]);
    let found = check(&told, "signer")["found"].as_str().expect("found");
    assert!(
        found.contains("revocations[0] in line 9: stolen, in `team/../org/revoked.toml`"),
        "{found}"
    );
    // The policy of a team revokes in that of the organisation, too.
    let base = place.policy();
    let (_, revocation) = revoked.split_once("[[revocations]]").expect("it");
    let top = format!("{}\n[[revocations]]{}", base, revocation.replace("stolen\"]", "release\"]"));
    place.put("org/base.toml", &base);
    place.put("team/policy.toml", top + &include("../org/base.toml", &base));
    let told = place.report(10);
    assert_eq!(
        failures(&told),
        [failed("signer", "signer-revoked"), failed("includes", "signer-revoked")]
    );
    // `policy check` does not point out a key that is only named to be revoked.
    place.including(&[("../org/revoked.toml", &revoked)]);
    let checked = answer(&mut place.run(&["policy", "check", "team/policy.toml", "--json"]), 0);
    assert!(!checked["warnings"].to_string().contains("revoked.toml"), "{checked:#}");
    assert_eq!(checked["includes"][0]["revocations"], 1);
}

/// By one key for the policy, by another for what it includes: each file of rules finds its own.
#[test]
fn each_policy_may_ask_for_an_attestation_of_its_own() {
    let place = Place::new();
    let other = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
    let own = place.0.key.public_pem().expect("PEM");
    let base = place.policy().replace(&own, &other.public_pem().expect("PEM"));
    place.including(&[("../org/base.toml", &base)]);
    assert_eq!(failures(&place.report(10)), [failed("includes", "key-unknown")]);
    let beside = place.0.folder.path().join(format!("{}.sigstore", tiny::FILENAME));
    fs::write(beside, statement::sign(&other, &place.0.statement())).expect("written");
    place.report(0);
}

#[test]
fn every_verb_asks_what_is_included() {
    let place = Place::new();
    let base = place.policy().replace(SOURCE, "https://example.org/somebody/else");
    place.including(&[("../org/base.toml", &base)]);
    place.put("old.toml", place.policy());
    let file = tiny::FILENAME;
    let explained = place.run(&["policy", "explain", file, "--policy", "team/policy.toml"]);
    let mut explained = explained;
    let told = answer(explained.arg("--json"), 10);
    assert_eq!(told["includes"][0]["rules"][0]["part"], "asked");
    assert_eq!(told["includes"][0]["path"], "team/../org/base.toml");
    assert_eq!(told["changes"][0]["check"], "includes");
    assert!(told["changes"][0].get("policy").is_none(), "{told:#}");

    let told = answer(
        &mut place.run(&["policy", "diff", "old.toml", "team/policy.toml", file, "--json"]),
        11,
    );
    assert_eq!(told["changed"][0]["new"]["reasons"], json!(["source-not-allowed"]));

    let case = "schema = 1\npolicy = \"team/policy.toml\"\n[[cases]]\nname = \"a\"\nfile = \"FILE\"\n\
                at = 2026-01-01T00:00:00Z\ndecision = \"rejected\"\nreasons = [\"source-not-allowed\"]\n";
    place.put("tests.toml", case.replace("FILE", file));
    answer(&mut place.run(&["policy", "test", "tests.toml", "--json"]), 0);

    let told =
        answer(&mut place.run(&["rebuild", file, "--policy", "team/policy.toml", "--json"]), 10);
    assert_eq!(told["report"]["decision"], "rejected");

    // Nor does one that accepts help a file that the policy itself refuses.
    let accepting = place.policy();
    place.put("org/base.toml", &accepting);
    place.put("top.toml", base.clone() + &include("org/base.toml", &accepting));
    let mut refused =
        place.run(&["rebuild", file, "--policy", "top.toml", "--print-instructions", "sh"]);
    let told = answer(refused.arg("--json"), 10);
    assert_eq!(failures(&told["report"]), [failed("source", "source-not-allowed")]);
    place.including(&[("../org/base.toml", &base)]);

    let told =
        place.run(&["inspect", "team/policy.toml"]).assert().code(0).get_output().stdout.clone();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("team/../org/base.toml: rules[0], what it asks"), "{told}");

    let loose = base.replace("ref = \"refs/tags/v{version}\"\n", "");
    place.including(&[("../org/base.toml", &loose)]);
    let told = place
        .run(&["policy", "check", "team/policy.toml"])
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("team/../org/base.toml:11:1: warning any-ref"), "{told}");
    assert!(told.contains("team/policy.toml: 1 rule, 1 included file; "), "{told}");
}

/// `rebuild = "required"` of any of them asks for the rebuild, and an identical one answers it.
#[test]
fn a_rebuild_that_an_include_asks_for_is_made() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.fixture("pure-flit");
    let built = shop.build(&repo, &[]);
    let pem = shop.key().public_pem().expect("PEM");
    let policy = |rebuild: &str, source: &str| {
        format!(
            "schema = 1\n[keys.release]\npem = \"\"\"\n{pem}\"\"\"\n[[rules]]\nprojects = [\"pure-flit\"]\n\
             keys = [\"release\"]\nsource = \"{source}\"\nbuilders = [\"https://wheelmark.dev/builders/local/v1\"]\n\
             rebuild = \"{rebuild}\"\n"
        )
    };
    let source = source("pure-flit");
    let run = |base: &str, verb: &str| {
        fs::write(shop.path("base.toml"), base).expect("written");
        let top = policy("never", &source) + &include("base.toml", base);
        fs::write(shop.path("policy.toml"), top).expect("written");
        let mut command = shop.wheelmark();
        command.arg(verb).arg(&built.wheel).args(["--policy", "policy.toml", "--json"]);
        command
    };
    let required = policy("required", &source);
    let told = answer(&mut run(&required, "verify"), 10);
    assert_eq!(failures(&told), [failed("rebuild", "rebuild-required")]);
    let found = check(&told, "rebuild")["found"].as_str().expect("found");
    assert!(found.contains("rules[0] in `base.toml:9`"), "{found}");
    let mut rebuild = run(&required, "rebuild");
    let told = answer(rebuild.arg("--source-dir").arg(repo.folder()), 0);
    assert_eq!(told["report"]["decision"], "accepted", "{told:#}");
    // One that refuses for another reason keeps anything from being built.
    let other = policy("required", "https://example.org/somebody/else");
    let told = answer(&mut run(&other, "rebuild"), 10);
    assert_eq!(told["report"]["decision"], "rejected");
    assert!(told.get("outcome").is_none(), "{told:#}");
}
