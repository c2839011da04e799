//! What each format looks like, and that no name of a file breaks it.

use std::fs;
use std::io::Write as _;
use std::process::{Command as Process, Stdio};

use serde_json::Value;
use wheelmark_tests::statement::Signed;
use wheelmark_tests::tiny;

use super::{mixed, said, signed};

fn sarif(signed: &Signed, arguments: &[&str], code: i32) -> Value {
    let text = said(signed.verify_all(arguments).args(["--format", "sarif"]), code);
    serde_json::from_str(&text).expect("JSON")
}

/// The test cases of a JUnit document, read by a parser that is not ours: name, element inside, its
/// attributes and text.
fn junit(text: &str) -> Value {
    let script = "import json, sys, xml.etree.ElementTree as E\n\
                  root = E.fromstring(sys.stdin.buffer.read())\n\
                  suite, = root\n\
                  case = lambda it: [it.attrib['name'], [[x.tag, x.attrib, x.text] for x in it]]\n\
                  print(json.dumps([root.tag, root.attrib, suite.attrib, \
                  [case(it) for it in suite.findall('testcase')]]))";
    let mut child = Process::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "not well-formed:\n{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn sarif_has_a_rule_a_reason_and_a_result_a_failure() {
    let signed = mixed();
    let document = sarif(&signed, &["."], 10);
    assert_eq!(document["version"], "2.1.0");
    assert!(document["$schema"].as_str().expect("text").ends_with("sarif-schema-2.1.0.json"));
    let [run] = &document["runs"].as_array().expect("runs")[..] else { panic!("one run") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "wheelmark");
    let rules = driver["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert!(results.len() >= 3, "{document:#}");
    let mut fingerprints = Vec::new();
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!rules[index]["shortDescription"]["text"].as_str().expect("text").is_empty());
        assert_eq!(rules[index]["defaultConfiguration"]["level"], "error");
        assert_eq!(result["level"], "error");
        assert!(!result["message"]["text"].as_str().expect("text").is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().expect("text").starts_with("./"));
        fingerprints.push(result["partialFingerprints"]["wheelmark/v1"].to_string());
    }
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), results.len());
    let ids: Vec<_> = results.iter().map(|it| it["ruleId"].as_str().expect("text")).collect();
    assert!(ids.contains(&"subject-digest-mismatch"), "{ids:?}");
    assert!(ids.contains(&"could-not-decide"), "{ids:?}");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["properties"]["decision"], "rejected");

    let accepted = sarif(&signed, &[tiny::FILENAME], 0);
    assert_eq!(accepted["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(accepted["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn junit_has_a_case_a_file() {
    let signed = mixed();
    let text = said(signed.verify_all(&["."]).args(["--format", "junit"]), 10);
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), "{text}");
    let document = junit(&text);
    assert_eq!(document[0], "testsuites");
    for suite in [&document[1], &document[2]] {
        assert_eq!(suite["tests"], "4");
        assert_eq!(suite["failures"], "1");
        assert_eq!(suite["errors"], "1");
    }
    let cases = document[3].as_array().expect("cases");
    assert_eq!(cases[0][0], "./alpha-2.0-py3-none-any.whl");
    assert_eq!(cases[0][1], serde_json::json!([]));
    assert_eq!(cases[1][1][0][0], "failure");
    let message = cases[1][1][0][1]["message"].as_str().expect("text");
    assert!(message.contains("subject-digest-mismatch"), "{message}");
    let told = cases[1][1][0][2].as_str().expect("text");
    assert!(told.contains("\n  expected: "), "{told}");
    assert_eq!(cases[3][1][0][0], "error");
    assert!(cases[3][1][0][1]["message"].as_str().expect("text").contains("gone-1.0.tar.gz"));
}

#[test]
fn github_gets_an_annotation_a_failure() {
    let signed = mixed();
    let text = said(signed.verify_all(&["."]).args(["--format", "github"]), 10);
    let digest = "::error file=./bad-1.0-py3-none-any.whl,\
                  title=./bad-1.0-py3-none-any.whl%3A subject-digest-mismatch::";
    assert!(text.lines().any(|line| line.starts_with(digest)), "{text}");
    let gone = "::error file=./gone-1.0.tar.gz,title=./gone-1.0.tar.gz%3A undecided::";
    assert!(text.lines().any(|line| line.starts_with(gone)), "{text}");
    assert!(text.contains("%0Aexpected: "), "{text}");
    assert_eq!(text.lines().last(), Some("wheelmark: 2 accepted, 1 rejected, 1 undecided"));
}

/// What no check judges is told in every format, of accepted files too.
#[test]
fn a_note_is_in_every_format() {
    let signed = signed();
    fs::write(&signed.wheel, tiny::wheel_with("demo.pth", b"import demo\n")).expect("written");
    signed.sign(&signed.statement());
    let note = "`demo.pth` runs whenever Python starts";
    let run = |format| said(signed.verify_all(&[tiny::FILENAME]).args(["--format", format]), 0);
    let notice = format!("::notice file={0},title={0}::{note}\n", tiny::FILENAME);
    assert!(run("github").contains(&notice), "{}", run("github"));
    let cases = junit(&run("junit"))[3].clone();
    assert_eq!(cases[0][1], serde_json::json!([["system-out", {}, format!("note: {note}\n")]]));
    let sarif: Value = serde_json::from_str(&run("sarif")).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"note".into(), &"note".into()));
    let text = result["message"]["text"].as_str().expect("text");
    assert_eq!(text, format!("{}: {note}", tiny::FILENAME));
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

/// Controls and marks of direction are written by number; the value stays the same.
#[test]
fn no_json_drives_a_terminal() {
    let signed = signed();
    let name = "c\u{9b}31m\u{202e}lhw-1.0-py3-none-any.whl";
    fs::write(signed.folder.path().join(name), tiny::wheel()).expect("written");
    for format in ["json", "jsonl", "sarif"] {
        let text = said(signed.verify_all(&[name]).args(["--format", format]), 10);
        assert!(!text.contains(['\u{9b}', '\u{202e}']), "{format}: {text:?}");
        if format == "jsonl" {
            let line: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((&line["file"], &line["wheel"]["filename"]), (&name.into(), &name.into()));
        }
    }
}

#[test]
fn a_row_of_checks_that_were_not_made_is_one_line() {
    let signed = mixed();
    fs::remove_file(&signed.bundle).expect("removed");
    let text = said(&mut signed.verify_all(&[tiny::FILENAME]), 10);
    let not_run: Vec<_> = text.lines().filter(|line| line.contains("not run")).collect();
    assert_eq!(not_run, ["  – 18 checks not run, since attestation did not hold"], "{text}");

    fs::write(signed.folder.path().join("no-wheel"), "").expect("written");
    let text = said(&mut signed.verify_all(&["no-wheel"]), 10);
    let not_run: Vec<_> = text.lines().filter(|line| line.contains("not run")).collect();
    assert_eq!(
        not_run,
        [
            "  – 3 checks not run, since archive did not hold",
            "  – 22 checks not run, since archive and attestation did not hold",
        ],
        "{text}"
    );
}

#[test]
fn jsonl_and_json_are_documents_that_parse() {
    let signed = mixed();
    let text = said(signed.verify_all(&["."]).args(["--format", "jsonl"]), 10);
    assert_eq!(said(signed.verify_all(&["."]).arg("--json"), 10), text);
    let schemas: Vec<_> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert!(line["file"].as_str().expect("a file").starts_with("./"), "{line:#}");
            line["schema"].clone()
        })
        .collect();
    let (report, error) = ("https://wheelmark.dev/report/v1", "https://wheelmark.dev/error/v1");
    assert_eq!(schemas, [report, report, report, error]);
}

/// Characters that mean something to a terminal, a log, a shell, XML, JSON, an address or a workflow.
const NAMES: &[&str] = &[
    "new\nline-1.0-py3-none-any.whl",
    "\n::error::x-1.0-py3-none-any.whl",
    "::set-output name=a::b-1.0-py3-none-any.whl",
    "##[error]x-1.0-py3-none-any.whl",
    "a%0A::error::x,y:z-1.0-py3-none-any.whl",
    "quote\"'<&>]]>-1.0-py3-none-any.whl",
    "esc\u{1b}[2J\u{1b}]0;x\u{7}-1.0-py3-none-any.whl",
    "rtl\u{202e}lhw.x-1.0-py3-none-any.whl",
    "zero\u{200b}width\u{feff}-1.0-py3-none-any.whl",
    "cr\rlf\u{85}\u{2028}-1.0-py3-none-any.whl",
    "not\u{fffe}xml\u{1}-1.0-py3-none-any.whl",
    " -1.0 .whl",
    "?a#b\\c-1.0-py3-none-any.whl",
];

#[test]
fn no_name_of_a_file_breaks_a_format() {
    let signed = signed();
    fs::create_dir(signed.folder.path().join("house")).expect("a folder");
    for name in NAMES {
        fs::write(signed.folder.path().join("house").join(name), tiny::wheel()).expect("written");
    }
    let run = |format: &str| {
        let output = signed.verify_all(&["house", "--format", format]).assert().code(10);
        let output = output.get_output().clone();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for format in ["human", "sarif", "junit", "github"] {
        let text = run(format);
        let plain = |c: char| {
            c == '\n' || !(c.is_control() || "\u{202e}\u{200b}\u{feff}\u{2028}\u{fffe}".contains(c))
        };
        assert!(text.chars().all(plain), "{format}: {text:?}");
    }
    let text = run("github");
    let (last, commands) = text.trim_end().rsplit_once('\n').map(|(a, b)| (b, a)).expect("lines");
    assert_eq!(last, "wheelmark: 0 accepted, 13 rejected, 0 undecided");
    for line in commands.lines() {
        let begun = ["::error file=house/", "::notice file=house/"];
        assert!(begun.iter().any(|it| line.starts_with(it)), "{line}");
        let head = &line[..line[2..].find("::").expect("a message") + 2];
        assert_eq!(head.matches("::").count(), 1, "{line}");
    }
    let document = junit(&run("junit"));
    assert_eq!(document[3].as_array().expect("cases").len(), NAMES.len());
    let quote = document[3].to_string();
    assert!(quote.contains(r#"house/quote\"'<&>]]>-1.0"#), "{quote}");

    let sarif: Value = serde_json::from_str(&run("sarif")).expect("JSON");
    for result in sarif["runs"][0]["results"].as_array().expect("results") {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
        assert!(uri.expect("text").bytes().all(plain), "{uri:?}");
    }
    assert_eq!(run("jsonl").lines().count(), NAMES.len());
    let human = run("human");
    let rejected = human.lines().filter(|line| line.starts_with("rejected house/")).count();
    assert_eq!(rejected, NAMES.len(), "{human}");
}
