//! What a hostile project or file name says to a terminal: on one, nothing of it is obeyed.

use std::fs;
use std::process::{Command, Stdio};

use wheelmark_tests::built::{Project, SOURCE};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::workshop::skipped;

use super::{cache, honest, honest_but, needs_sandbox};

/// Sets the title, rings, turns colours on by both introducers, and turns the direction around.
const HOSTILE: &str = "\u{1b}]0;pwned\u{7}\u{1b}[35;7m\u{9b}35m\u{200f}\u{202e}\u{2066}\rx";

/// The same as TOML and Python write it.
const WRITTEN: &str = r"\u001b]0;pwned\u0007\u001b[35;7m\u009b35m\u200f\u202e\u2066\rx";

/// Runs the program on a terminal of its own, with `$hostile` for its arguments, and asserts that what it
/// printed drives nothing and shows the hostile text escaped.
#[track_caller]
fn harmless(project: &Project, arguments: &str) -> String {
    let program = wheelmark();
    let output = Command::new("script")
        .args(["-qec", &format!("exec \"$program\" {arguments}"), "/dev/null"])
        .current_dir(&project.folder)
        .env("program", program.get_program())
        .env("hostile", HOSTILE)
        .env("WHEELMARK_CACHE", cache(project))
        .env("TERM", "xterm")
        // With it escapes of any kind would be taken out on the way.
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("script starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    for driving in ["\u{1b}]", "\u{7}", "\u{1b}[35", "\u{9b}", "\u{200f}", "\u{202e}", "\u{2066}"] {
        assert!(!said.contains(driving), "{arguments}: {driving:?} in {said:?}");
    }
    assert!(said.contains("error:") || said.contains("build failed"), "{said:?}");
    // clap takes the escapes of its own kind out of what it quotes.
    assert!(said.contains(r"35m\u{200f}\u{202e}\u{2066}"), "{arguments}: not told in {said:?}");
    said
}

/// Nothing where there is no program that makes a terminal.
fn terminal() -> Option<()> {
    let version = Command::new("script").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        skipped("no `script` of util-linux to make a terminal");
        return None;
    }
    Some(())
}

const BUILD: &str = "build project --out out --key release.key";

#[test]
fn a_manifest() {
    needs_sandbox!();
    let Some(()) = terminal() else { return };
    for manifest in [
        format!("[build-system]\nrequires = []\nbuild-backend = 'x'\n\"{WRITTEN}\" = 1\n"),
        format!("[build-system]\nrequires = [\"{WRITTEN}\"]\nbuild-backend = 'x'\n"),
        format!("[build-system]\nrequires = [\"a; {WRITTEN} > '3'\"]\nbuild-backend = 'x'\n"),
        format!(
            "[build-system]\nrequires = []\nbuild-backend = 'x'\nbackend-path = [\"{WRITTEN}/../..\"]\n"
        ),
        format!(
            "[build-system]\nrequires = ['maturin']\nbuild-backend = 'maturin'\n\
             [tool.maturin]\nmanifest-path = \"{WRITTEN}/Cargo.toml\"\n"
        ),
    ] {
        let project = Project::with(&[("pyproject.toml", &manifest)]);
        harmless(&project, BUILD);
    }
}

#[test]
fn names_of_files_and_folders() {
    needs_sandbox!();
    let Some(()) = terminal() else { return };
    let project = honest();
    fs::create_dir(project.folder.path().join(HOSTILE)).expect("a folder");
    harmless(&project, "build \"$hostile\" --out out --key release.key");
    harmless(&project, "build \"$hostile/none\" --out out --key release.key");
    harmless(&project, "build project --out out --key \"$hostile\"");
    harmless(&project, "verify --policy \"$hostile\" wheel.whl");
    harmless(&project, "\"$hostile\"");
    harmless(&project, "verify \"--$hostile\"");
}

#[test]
fn what_a_build_prints() {
    needs_sandbox!();
    let Some(()) = terminal() else { return };
    let fails = format!("print(\"{WRITTEN}\")\n        raise RuntimeError(\"{WRITTEN}\")");
    let project = honest_but(&format!(
        "honest = build_wheel\n\
         def build_wheel(*a, **b):\n    \
             import os\n    \
             if os.environ.get('PYTHONHASHSEED') == '1':\n        {fails}\n    \
             return honest(*a, **b)"
    ));
    harmless(&project, &format!("{BUILD} --step \"$hostile\""));
    project.build(&cache(&project)).assert().success();
    project.sign_changed(|statement| {
        let internal = &mut statement["predicate"]["buildDefinition"]["internalParameters"];
        internal["environment"]["variables"]["PYTHONHASHSEED"] = "1".into();
    });
    let wheel = project.wheel();
    let trust = format!("--key release.key.pub --source {SOURCE} --source-dir project");
    let said = harmless(&project, &format!("rebuild {} {trust}", wheel.display()));
    assert!(said.contains("RuntimeError"), "{said}");
}
