//! `wheelmark rebuild --print-instructions` on records that a trusted key signed and that mean harm.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use wheelmark_build::sign::key::Algorithm;
use wheelmark_core::attestation::pep517::{Pep517Build, Step, role};
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{SOURCE, Signed, build, statement_of};
use wheelmark_tests::tiny;

const FORMS: [&str; 2] = ["sh", "containerfile"];

/// What is printed for a record.
fn print(form: &str, change: impl FnOnce(&mut Pep517Build)) -> Output {
    let signed = Signed::new(Algorithm::EcdsaP256);
    let mut build = build();
    change(&mut build);
    let mut source: &str = &build.external.source.uri.clone();
    if source.starts_with("git+https:example") {
        source = SOURCE;
    }
    signed.sign(&statement_of(tiny::FILENAME, &tiny::wheel(), &build));
    // Whoever prints has agreed to what was asked of the build; what it holds is looked at all the same.
    let steps = build.external.steps.iter().flat_map(|step| {
        ["--step".to_owned(), step.command.iter().map(|word| format!("'{word}' ")).collect()]
    });
    let settings = build.external.config_settings.iter().flat_map(|(key, value)| {
        ["--config-setting".to_owned(), format!("{key}={}", value.as_str().expect("text"))]
    });
    wheelmark()
        .current_dir(&signed.folder)
        .args(["rebuild", tiny::FILENAME, "--key", "release.pub", "--source", source])
        .args(["--print-instructions", form])
        .args(steps.chain(settings))
        .output()
        .expect("it starts")
}

fn printed(form: &str, change: impl FnOnce(&mut Pep517Build)) -> String {
    let output = print(form, change);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A tool that took part, such as a package of headers.
fn tool(uri: &str, version: Option<&str>) -> ResourceDescriptor {
    let mut annotations = role("header-package");
    if let Some(version) = version {
        annotations.insert("version".to_owned(), json!(version));
    }
    ResourceDescriptor { uri: Some(uri.to_owned()), annotations, ..Default::default() }
}

/// The first words of the lines that are no comment and in no script: only a Containerfile's own.
fn instructions(containerfile: &str) -> Vec<&str> {
    let (head, _) = containerfile.split_once("RUN <<'END-OF-REBUILD'\n").expect("a script within");
    let lines = head.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(' ').next().expect("a word")).collect()
}

#[test]
fn a_value_that_has_not_its_form_is_refused() {
    type Change = fn(&mut Pep517Build);
    let changes: [(&str, Change); 6] = [
        ("a system package", |build| build.tools.push(tool("pkg:deb/x\nRUN touch /x\n#@1", None))),
        ("a system package", |build| build.tools.push(tool("pkg:deb/-oAPT::Pre::=id@1", None))),
        ("a version of uv", |build| {
            build.internal.environment.installer.version = "1 && touch /x && echo".to_owned();
        }),
        ("a version of rustc", |build| {
            build.tools.push(tool("pkg:generic/rustc", Some("rustc 1;id (x)")));
        }),
        ("a word", |build| {
            let variables = &mut build.internal.environment.variables;
            variables.insert("CARGO_HOME".to_owned(), "a\u{202e}\u{2066}b".to_owned());
        }),
        ("a word", |build| {
            let command = vec!["true".to_owned(), "\u{200b}".to_owned()];
            build.external.steps.push(Step { command, requires: Vec::new() });
        }),
    ];
    for (what, change) in changes {
        for form in FORMS {
            let output = print(form, change);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{form}: {said}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{form}");
            let told = format!("error: the provenance holds {what} that cannot be used: `");
            assert!(said.starts_with(&told), "{said}");
            assert!(said.is_ascii() && said.lines().count() == 1, "{said:?}");
        }
    }
}

#[test]
fn no_line_is_one_that_a_record_smuggled_in() {
    let honest = printed("containerfile", |_| ());
    let hostile = |build: &mut Pep517Build| {
        let environment = &mut build.internal.environment;
        environment.platform.distribution = Some("Debian \u{202e}12 (x\nRUN touch /x)".to_owned());
        environment.platform.libc = "a\nRUN touch /x\n".to_owned();
        environment.interpreter.implementation = "x\u{1b}[31m\nRUN id".to_owned();
        let home = "';touch /x;'$(id)`id`".to_owned();
        environment.variables.insert("CARGO_HOME".to_owned(), home);
        let settings = &mut build.external.config_settings;
        settings.insert("a'\n\u{202e}".to_owned(), json!("'\nEND-OF-REBUILD\nRUN touch /x\n'"));
        build.tools.push(tool("pkg:deb/gcc-12@12.2", Some("gcc\nRUN touch /x; <<EOF $(id) & !")));
        build.tools.push(tool("pkg:deb/libc6-dev@2.36", None));
    };
    for form in FORMS {
        let text = printed(form, hostile);
        let hidden = |c: char| c != '\n' && (c.is_control() || !c.is_ascii());
        assert_eq!(text.chars().find(|c| hidden(*c)), None, "{text}");
        assert!(!text.lines().any(|line| line.starts_with("RUN touch")), "{text}");
        assert_eq!(text.matches("\nEND-OF-REBUILD\n").count(), usize::from(form != "sh"), "{text}");
    }
    let text = printed("containerfile", hostile);
    assert_eq!(instructions(&text), instructions(&honest), "{text}");
    assert!(text.contains("\nARG BASE=debian:stable\n"), "{text}");
    assert!(text.contains(" pipx gcc-12 libc6-dev\n"), "{text}");

    // The words are there, each as one: the shell says so itself.
    let script = printed("sh", hostile);
    let start = script.find("contained '/build/src").expect("the hook's call");
    let call = &script[start..script.find("\nname=").expect("the comparison")];
    let shell = format!("contained() {{ printf '%s\\n' \"$@\"; }}\n{call}\n");
    let output = Command::new("sh").args(["-c", &shell]).stdin(Stdio::null()).output();
    let words = String::from_utf8(output.expect("sh starts").stdout).expect("UTF-8");
    assert!(words.lines().any(|word| word == "CARGO_HOME=';touch /x;'$(id)`id`"), "{words}");
    let task = script.lines().find(|line| line.starts_with("printf %s ")).expect("the task");
    let task = task.strip_suffix(" >driver/task.json").expect("its file");
    let output = Command::new("sh").args(["-c", task]).output().expect("sh starts");
    let task: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(task["configSettings"]["a'\n\u{202e}"], "'\nEND-OF-REBUILD\nRUN touch /x\n'");
}

/// Spellings of one repository are one for a policy; git would read some as other places.
#[test]
fn the_repository_is_printed_as_it_was_read() {
    for (spelled, printed_as) in [
        ("git+https:example.org/owner/demo", SOURCE),
        ("git+https:\\\\example.org\\owner\\demo", SOURCE),
        ("git+https://EXAMPLE.org:443/owner/x/../demo", SOURCE),
        ("git+https://example.org/owner/demo.git", "https://example.org/owner/demo.git"),
        ("git+ssh://git@example.org/owner/demo", "ssh://git@example.org/owner/demo"),
    ] {
        for (form, before) in [("sh", "uri="), ("containerfile", "ARG SOURCE=")] {
            let text = printed(form, |build| build.external.source.uri = spelled.to_owned());
            let line = format!("\n{before}'{printed_as}'\n");
            assert!(text.contains(&line), "{line} not in {text}");
        }
    }
    // A path that a Containerfile could take for more than a word.
    let uri = "git+https://example.org/owner/$(id)";
    let text = printed("sh", |build| build.external.source.uri = uri.to_owned());
    assert!(text.contains("\nuri='https://example.org/owner/$(id)'\n"), "{text}");
    let output = print("containerfile", |build| build.external.source.uri = uri.to_owned());
    assert_eq!(output.status.code(), Some(1));
}
