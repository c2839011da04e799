//! The policies that are handed out: each is refused until it is filled in, every line of it is explained, and the
//! table of what it stops is what its tests show.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wheelmark_build::sign::key::Algorithm;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{Signed, failures, report};
use wheelmark_tests::tiny;

/// What stands for a key, markers included.
const PLACEHOLDER: &str = "-----BEGIN PUBLIC KEY-----\nREPLACE-THIS-BY-YOUR-KEY\n\
                           -----END PUBLIC KEY-----\n";

/// The one that leaves no room for somebody's own, and runs as it is.
const AS_IT_IS: &str = "pypi-publishers";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of all of them.
fn policies() -> BTreeSet<String> {
    names_in(&folder())
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let paths =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}

/// The files of tests of a policy.
fn tests_of(policy: &str) -> Vec<toml::Table> {
    let own = format!("../{policy}.toml");
    let files = names_in(&folder().join("tests")).into_iter();
    let tests: Vec<toml::Table> = files
        .map(|name| read(&format!("tests/{name}.toml")).parse().expect("TOML"))
        .filter(|tests: &toml::Table| tests["policy"].as_str() == Some(&own))
        .collect();
    assert!(!tests.is_empty(), "{policy} has tests");
    tests
}

/// The instance of the policies, for which the tests put one of their own.
const INSTANCE: &str = "public-good";

/// A policy as its tests fill it in, but for some words.
fn filled(policy: &str, without: &[&str]) -> String {
    let tests = &tests_of(policy)[0];
    let fill = tests["fill"].as_table().expect("words").iter();
    let fill = fill.filter(|(word, _)| !without.contains(&&***word));
    fill.fold(read(&format!("{policy}.toml")), |text, (word, value)| {
        text.replace(word, value.as_str().expect("a text"))
    })
}

/// The rows of a table of the README, as cells, below a head that begins so.
fn table(head: &str) -> Vec<Vec<String>> {
    let text = read("README.md");
    let lines = text.lines().skip_while(|line| !line.starts_with(head));
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let row = row.trim_matches('|').split('|');
        row.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = rows.map(cells).collect();
    assert!(rows.len() > 2, "{head}");
    rows.remove(1);
    rows
}

/// The name of a policy in a cell, which may be a link.
fn named(cell: &str) -> &str {
    cell.trim_start_matches('[').split(']').next().expect("a name")
}

#[test]
fn each_policy_is_refused_where_it_leaves_room_for_your_own() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    for policy in policies() {
        let text = read(&format!("{policy}.toml"));
        let room = text.lines().any(|line| !line.starts_with('#') && line.contains("REPLACE-THIS"));
        assert_eq!(room, policy != AS_IT_IS, "{policy}");
        if !room {
            continue;
        }
        let said = wheelmark()
            .args(["verify", "--policy"])
            .arg(folder().join(format!("{policy}.toml")))
            .arg(signed.folder.path().join(tiny::FILENAME))
            .assert()
            .code(1)
            .get_output()
            .stderr
            .clone();
        let said = String::from_utf8(said).expect("UTF-8");
        assert!(said.contains("` still stands"), "{policy}: {said}");
        // A key has its text on the lines below the one that is named.
        let (_, place) = said.split_once(".toml:").expect("a place");
        let line: usize = place.split(':').next().expect("a line").parse().expect("a number");
        let near = text.lines().skip(line - 1).take(3).collect::<String>();
        assert!(near.contains("REPLACE-THIS-BY-"), "{policy}: {said}");
    }
}

#[test]
fn one_place_that_is_not_filled_in_is_enough() {
    for policy in policies() {
        let tests = &tests_of(&policy)[0];
        let fill = tests.get("fill").and_then(toml::Value::as_table).expect("words");
        for word in fill.keys().filter(|word| word.starts_with("REPLACE-THIS-BY-")) {
            let text = filled(&policy, &[word, INSTANCE]);
            let own = tempfile::tempdir().expect("a folder");
            fs::write(own.path().join("policy.toml"), text).expect("written");
            let mut command = wheelmark();
            command.current_dir(&own).args(["policy", "check", "policy.toml"]);
            let said = command.assert().code(1).get_output().stdout.clone();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(said.contains(&format!("`{word}` still stands")), "{policy}: {said}");
        }
    }
}

#[test]
fn every_line_has_a_comment() {
    for policy in policies() {
        let text = read(&format!("{policy}.toml"));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("# "), "{policy}");
        for (before, line) in lines.iter().zip(&lines[1..]) {
            let key = line.split(" = ").next().expect("a part");
            let of_a_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let is_key = line.contains(" = ") && key.chars().all(of_a_key);
            assert!(!is_key || before.starts_with("# "), "{policy}: {line}");
        }
    }
}

#[test]
fn what_is_pointed_out_and_shown_of_each_is_what_the_readme_says() {
    let rows = table("| policy | for whom |");
    let listed: BTreeSet<_> = rows[1..].iter().map(|row| named(&row[0]).to_owned()).collect();
    assert_eq!(listed, policies());
    let readme = read("README.md");
    for row in &rows[1..] {
        let policy = named(&row[0]);
        assert!(readme.contains(&format!("\n## {policy}\n")), "{policy} has a section");
        let own = tempfile::tempdir().expect("a folder");
        fs::write(own.path().join("policy.toml"), filled(policy, &[INSTANCE])).expect("written");
        let mut check = wheelmark();
        check.current_dir(&own).args(["policy", "check", "policy.toml"]);
        check.args(["--at", "2026-12-01T00:00:00Z"]);
        let checked = report(&mut check, 0);
        let codes: BTreeSet<_> = checked["warnings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["code"].as_str().expect("a code"))
            .collect();
        let said: BTreeSet<_> = match &*row[3] {
            "nothing" => BTreeSet::new(),
            some => some.split(", ").map(|code| code.trim_matches('`')).collect(),
        };
        assert_eq!(codes, said, "{policy}");

        let mut inspect = wheelmark();
        inspect.current_dir(&own).args(["inspect", "policy.toml"]);
        let shown = inspect.assert().code(0).get_output().stdout.clone();
        let shown = String::from_utf8(shown).expect("UTF-8");
        assert!(shown.contains("rules[0]"), "{policy}: {shown}");
    }
}

/// A row, a policy, and how many of its cases of that row are rejected and accepted.
type Shown = BTreeMap<(String, String), (usize, usize)>;

/// What the tests show: the name of a case begins with the rows that it is of.
fn shown() -> Shown {
    let mut shown = Shown::new();
    for policy in policies() {
        for tests in tests_of(&policy) {
            for case in tests["cases"].as_array().expect("cases") {
                let name = case["name"].as_str().expect("a name");
                let Some((rows, _)) = name.split_once(": ") else { continue };
                let Some(rows) = rows.strip_prefix("rows ").or(rows.strip_prefix("row ")) else {
                    continue;
                };
                for row in rows.split(", ") {
                    let counts = shown.entry((row.to_owned(), policy.clone())).or_default();
                    match case["decision"].as_str() {
                        Some("rejected") => counts.0 += 1,
                        _ => counts.1 += 1,
                    }
                }
            }
        }
    }
    shown
}

#[test]
fn the_table_says_what_the_tests_show() {
    let rows = table("| row | attack |");
    let columns = &rows[0][2..];
    assert_eq!(columns.iter().cloned().collect::<BTreeSet<_>>(), policies());
    let threats = fs::read_to_string(folder().join("../docs/threats.md")).expect("the threats");
    let notes = read("README.md");
    let mut shown = shown();
    for row in &rows[1..] {
        let known = row[0] == "trigger" || threats.contains(&format!("\n| {} | ", row[0]));
        assert!(known, "{} is a row of docs/threats.md", row[0]);
        assert_eq!(row.len(), rows[0].len(), "{row:?}");
        for (policy, cell) in columns.iter().zip(&row[2..]) {
            let (word, note) = cell.split_once(' ').unwrap_or((cell, ""));
            let found = shown.remove(&(row[0].clone(), policy.clone())).unwrap_or_default();
            let held = matches!(
                (word, found),
                ("yes" | "gate", (1.., 0))
                    | ("partly", (1.., 1..))
                    | ("no", (0, 1..))
                    | ("–", (0, 0))
            );
            assert!(held, "row {}, {policy}: {cell}, and the tests show {found:?}", row[0]);
            // What is only partly so says how.
            assert!(word != "partly" || !note.is_empty(), "row {}, {policy}", row[0]);
            let number = note.trim_matches(['(', ')']);
            assert!(note.is_empty() || notes.contains(&format!("\n{number}. ")), "{cell}");
        }
    }
    assert!(shown.is_empty(), "cases of rows that the table lacks: {shown:?}");
}

#[test]
fn every_policy_has_cases_enough() {
    for policy in policies() {
        let cases: usize =
            tests_of(&policy).iter().map(|it| it["cases"].as_array().map_or(0, Vec::len)).sum();
        assert!(cases >= 6, "{policy}: {cases}");
    }
}

#[test]
fn with_a_key_of_your_own_each_policy_decides_as_it_says() {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let pem = fs::read_to_string(&signed.public_key).expect("a key");
    for policy in ["own-key", "rebuild-required"] {
        let text = read(&format!("{policy}.toml"));
        assert_eq!(text.matches(PLACEHOLDER).count(), 1, "{policy}");
        let own = signed.folder.path().join("policy.toml");
        fs::write(&own, text.replace(PLACEHOLDER, &pem)).expect("written");
        let verify = |wheel: &str| {
            let mut command = wheelmark();
            command.current_dir(&signed.folder).arg("verify");
            command.args(["--policy", "policy.toml", wheel]);
            command
        };

        let rebuild = policy == "rebuild-required";
        let expected: Vec<(String, String)> = rebuild
            .then(|| ("rebuild".to_owned(), "rebuild-required".to_owned()))
            .into_iter()
            .collect();
        let judged = report(&mut verify(tiny::FILENAME), if rebuild { 10 } else { 0 });
        assert_eq!(failures(&judged), expected, "{policy}");
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
        let policy = folder().join(format!("{AS_IT_IS}.toml"));
        let judged = report(command.arg(policy), 10);
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

/// The commands of the air-gapped site: the gate verifies and signs what it found, and inside only that counts.
#[test]
fn what_the_gate_verified_is_taken_inside_and_nothing_else() {
    const ID: &str = "https://gate.example/v1";
    let signed = Signed::new(Algorithm::EcdsaP256);
    let place = signed.folder.path();
    let key = fs::read_to_string(&signed.public_key).expect("a key");
    let gate = read("own-key.toml").replace(PLACEHOLDER, &key);
    fs::write(place.join("gate.toml"), &gate).expect("written");
    let mut keygen = wheelmark();
    keygen.current_dir(place).args(["keygen", "--no-passphrase", "--out", "gate.key"]);
    keygen.assert().code(0);
    let mut verify = wheelmark();
    verify.current_dir(place).args(["verify", "--policy", "gate.toml", "--vsa", "./"]);
    verify.args(["--signing-key", "gate.key", "--verifier-id", ID, tiny::FILENAME]);
    verify.assert().code(0);

    let inside = |policy: &str, code: i32| -> Value {
        let key = fs::read_to_string(place.join("gate.key.pub")).expect("a key");
        let digest = Sha256Digest::of(policy.as_bytes()).to_string();
        let text = read("air-gapped.toml")
            .replace(PLACEHOLDER, &key)
            .replace("https://example.org/verifiers/gate/v1", ID)
            .replace("REPLACE-THIS-BY-THE-DIGEST-OF-THE-POLICY-OF-THE-GATE", &digest);
        fs::write(place.join("inside.toml"), text).expect("written");
        let mut command = wheelmark();
        command.current_dir(place).args(["verify", "--policy", "inside.toml", tiny::FILENAME]);
        report(&mut command, code)
    };
    assert_eq!(failures(&inside(&gate, 0)), []);
    let judged = inside(&gate.replace("refs/tags/v", "refs/tags/release-"), 10);
    let expected = [("required".to_owned(), "summary-by-another-policy".to_owned())];
    assert_eq!(failures(&judged), expected, "{judged:#}");
    let vsa = place.join(format!("{}.vsa.sigstore.json", tiny::FILENAME));
    fs::remove_file(vsa).expect("a summary");
    let judged = inside(&gate, 10);
    assert_eq!(failures(&judged), [("required".to_owned(), "attestation-required".to_owned())]);
}
