//! `wheelmark verify` of many files: folders, threads, and the order of what is said.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod attestations;
mod formats;
mod locks;
mod platforms;

use std::fs;
use std::os::unix::fs::symlink;

use assert_cmd::Command;
use serde_json::{Value, json};
use wheelmark_build::sign::key::Algorithm;
use wheelmark_tests::program::{interrupt, started};
use wheelmark_tests::statement::Signed;
use wheelmark_tests::tiny;

/// A folder with `demo` 1.0, which is accepted.
fn signed() -> Signed {
    Signed::new(Algorithm::EcdsaP256)
}

/// A folder of which `alpha` and `demo` are accepted, `bad` is rejected and `gone` cannot be read.
fn mixed() -> Signed {
    let signed = signed();
    signed.add("alpha", "2.0");
    let (name, _) = signed.add("bad", "1.0");
    fs::write(signed.folder.path().join(name), tiny::wheel()).expect("written");
    symlink("/dev/null", signed.folder.path().join("gone-1.0.tar.gz")).expect("a link");
    signed
}

/// What is written on standard output, after the exit code was the expected one.
#[track_caller]
fn said(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().clone();
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn batch(command: &mut Command, code: i32) -> Value {
    serde_json::from_str(&said(command.args(["--format", "json"]), code)).expect("one document")
}

/// The files of a batch, each with `accepted`, `rejected` or `error`.
fn results(batch: &Value) -> Vec<(String, String)> {
    let results = batch["results"].as_array().expect("results");
    let one = |result: &Value| {
        let decision = result["report"]["decision"].as_str().unwrap_or("error");
        (result["file"].as_str().expect("a file").to_owned(), decision.to_owned())
    };
    results.iter().map(one).collect()
}

#[test]
fn a_folder_stands_for_every_distribution_in_it() {
    let signed = signed();
    signed.add("alpha", "2.0");
    fs::create_dir(signed.folder.path().join("below")).expect("a folder");
    let (name, bytes) = tiny::wheel_of("omega", "3.0");
    signed.put(&format!("below/{name}"), &bytes);
    let text = said(&mut signed.verify_all(&["."]), 0);
    assert_eq!(
        text,
        "accepted ./alpha-2.0-py3-none-any.whl\naccepted ./demo-1.0-py3-none-any.whl\n\
         2 accepted, 0 rejected, 0 undecided\n"
    );
    let text = said(&mut signed.verify_all(&[".", "--recursive"]), 0);
    assert!(text.contains("accepted ./below/omega-3.0-py3-none-any.whl\n"), "{text}");
    assert!(text.ends_with("3 accepted, 0 rejected, 0 undecided\n"), "{text}");
    // A folder of one is one file.
    let text = said(&mut signed.verify_all(&["below"]), 0);
    assert!(text.starts_with("accepted omega-3.0-py3-none-any.whl\n  sha256 "), "{text}");
    assert!(!text.contains("undecided"), "{text}");
    // Named twice is looked at once.
    let text = said(&mut signed.verify_all(&[".", "./demo-1.0-py3-none-any.whl"]), 0);
    assert!(text.ends_with("2 accepted, 0 rejected, 0 undecided\n"), "{text}");
}

#[test]
fn a_folder_without_distributions_is_never_accepted() {
    let signed = signed();
    let empty = signed.folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    fs::write(empty.join("demo-1.0.zip"), "x").expect("written");
    let output = signed.verify_all(&["empty"]).assert().code(1).get_output().clone();
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(told.starts_with("error: `empty` is a folder without wheels"), "{told}");
    assert!(told.contains("hint: `--recursive`"), "{told}");
    let noted = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(noted.contains("demo-1.0.zip` is neither a wheel nor a `.tar.gz`"), "{noted}");
    // Beside another that holds, it still counts.
    let document = batch(&mut signed.verify_all(&["empty", tiny::FILENAME]), 1);
    assert_eq!(document["decision"], "undecided");
    assert_eq!(document["summary"], json!({"accepted": 1, "rejected": 0, "undecided": 1}));
    // Nor is a folder that cannot be found or read.
    batch(&mut signed.verify_all(&["nowhere"]), 1);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let signed = signed();
    let folder = signed.folder.path().join("house");
    fs::create_dir(&folder).expect("a folder");
    signed.put("house/demo-1.0-py3-none-any.whl", &tiny::wheel());
    symlink("../demo-1.0-py3-none-any.whl", folder.join("out-1.0-py3-none-any.whl")).expect("link");
    symlink("demo-1.0-py3-none-any.whl", folder.join("in-1.0-py3-none-any.whl")).expect("link");
    symlink("nowhere", folder.join("lost-1.0-py3-none-any.whl")).expect("link");
    symlink("..", folder.join("up")).expect("link");
    let document = batch(&mut signed.verify_all(&["house", "--recursive"]), 10);
    let decisions: Vec<_> = results(&document).into_iter().map(|(_, decision)| decision).collect();
    // `in` is read, and rejected under that name.
    assert_eq!(decisions, ["accepted", "rejected", "error", "error"], "{document:#}");
    let out = document["results"][3]["error"]["error"].as_str().expect("text");
    assert!(out.contains("is a link that leads out of the folder"), "{out}");
    let notes = document["notes"].to_string();
    assert!(notes.contains("up` is a link to a folder, and was not entered"), "{notes}");
}

#[test]
fn one_that_is_bad_keeps_none_of_the_others_from_being_looked_at() {
    let signed = mixed();
    let text = said(&mut signed.verify_all(&["."]), 10);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "accepted ./alpha-2.0-py3-none-any.whl");
    assert_eq!(lines[1], "accepted ./demo-1.0-py3-none-any.whl");
    assert_eq!(lines[2], "rejected ./bad-1.0-py3-none-any.whl");
    assert!(text.contains("  ✗ subject-digest: subject-digest-mismatch\n"), "{text}");
    assert!(text.contains("undecided ./gone-1.0.tar.gz\n"), "{text}");
    assert_eq!(lines.last(), Some(&"2 accepted, 1 rejected, 1 undecided"));
    let document = batch(&mut signed.verify_all(&["."]), 10);
    assert_eq!(document["schema"], "https://wheelmark.dev/batch/v1");
    assert_eq!(document["decision"], "rejected");
    let expected = [
        ("./alpha-2.0-py3-none-any.whl", "accepted"),
        ("./bad-1.0-py3-none-any.whl", "rejected"),
        ("./demo-1.0-py3-none-any.whl", "accepted"),
        ("./gone-1.0.tar.gz", "error"),
    ];
    assert_eq!(results(&document), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn verbose_shows_every_check() {
    let signed = mixed();
    let text = said(&mut signed.verify_all(&[".", "--verbose"]), 10);
    assert_eq!(text.matches("\n  ✓ signature\n").count(), 3, "{text}");
}

#[test]
fn a_note_of_an_accepted_file_is_shown() {
    let signed = signed();
    signed.add("alpha", "2.0");
    signed.put(tiny::FILENAME, &tiny::wheel_with("demo.pth", b"import demo\n"));
    let text = said(&mut signed.verify_all(&["."]), 0);
    assert!(text.contains("  note: `demo.pth` runs whenever Python starts\n"), "{text}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let signed = mixed();
    for number in 0..40 {
        signed.add(&format!("p{number}"), "1.0");
    }
    for format in ["human", "json", "jsonl", "sarif", "junit", "github"] {
        let run = |jobs: &str| {
            let arguments = [".", "--format", format, "--jobs", jobs];
            said(&mut signed.verify_all(&arguments), 10)
        };
        let one = run("1");
        assert!(!one.is_empty());
        for jobs in ["2", "2", "16"] {
            assert_eq!(run(jobs), one, "{format}");
        }
    }
}

#[test]
fn nothing_but_results_is_written_in_a_pipe() {
    let signed = signed();
    signed.add("alpha", "2.0");
    let output = signed.verify_all(&["."]).assert().code(0).get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn ctrl_c_ends_many_files_too() {
    let signed = signed();
    signed.add("alpha", "2.0");
    // Large enough to be still read when the signal comes; it takes no room on the disk.
    let large = signed.folder.path().join("large-1.0-py3-none-any.whl");
    fs::File::create(&large).and_then(|file| file.set_len(3 << 30)).expect("sparse");
    let mut child = started(&signed.verify_all(&["."]));
    let id = child.id();
    let opened = || {
        let files = fs::read_dir(format!("/proc/{id}/fd")).expect("it runs");
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|it| it == large))
    };
    while !opened() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: interrupted"), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(!stdout.contains("large") && !stdout.contains("undecided"), "{stdout}");
}

#[test]
fn wrong_usage_is_told() {
    let signed = signed();
    for (arguments, says) in [
        (&["--files", "."][..], "--lock"),
        (&[".", "-r", "requirements.txt"], "cannot be used with"),
        (&[".", "--bundle", "x"], "a folder is given"),
        (&[".", "--json", "--format", "sarif"], "cannot be used with"),
        (&[".", "--format", "xml"], "invalid value"),
        (&[".", "--jobs", "0"], "--jobs"),
        (&["-r", "Cargo.lock"], "tells no kind of lock"),
    ] {
        let output = signed.verify_all(arguments).assert().code(2).get_output().clone();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).expect("UTF-8");
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    let json = said(&mut signed.verify_all(&[".", "--jobs", "0", "--format", "json"]), 2);
    assert!(json.contains("https://wheelmark.dev/error/v1"), "{json}");
}
