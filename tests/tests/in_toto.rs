//! Layouts and links, held against in-toto's own Python implementation.
//!
//! `tests/src/in_toto_peer.py` makes the cases and has in-toto judge each; here wheelmark does. Where the two do not
//! agree the case says why, and it is always wheelmark that refuses.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelmark_core::layout::{Pattern, Work};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::tiny;
use wheelmark_tests::workshop::{lacks, sandbox_is_here, shared};

/// in-toto and what it signs by, each exactly.
const PEER: [&str; 3] = ["in-toto==3.0.0", "securesystemslib==1.6.0", "cryptography==50.0.2"];

/// The other side with arguments; `None`, which is said, where there is no uv or no index.
fn peer(arguments: &[&str], input: &str) -> Option<String> {
    static HERE: LazyLock<Result<(), String>> = LazyLock::new(|| start(&["match"], "[]").map(drop));
    if let Err(why) = &*HERE {
        lacks(why);
        return None;
    }
    Some(start(arguments, input).expect("the other side answers"))
}

fn start(arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new("uv");
    command.args(["run", "--quiet", "--no-project", "--python", "3.11"]);
    command.args(PEER.iter().flat_map(|package| ["--with", package]));
    command.arg("python").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/in_toto_peer.py"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("uv: {error}"))?;
    let mut pipe = child.stdin.take().expect("piped");
    pipe.write_all(input.as_bytes()).map_err(|error| error.to_string())?;
    drop(pipe);
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layout: PathBuf,
    keys: Vec<PathBuf>,
    links: PathBuf,
    parameters: std::collections::BTreeMap<String, String>,
    /// Whether it runs inspections.
    run: bool,
    /// Why wheelmark refuses it.
    reason: Option<String>,
    /// Why in-toto does not.
    differs: Option<String>,
    /// What in-toto said, unless it accepted.
    peer: Option<String>,
}

impl Case {
    /// The reason for which wheelmark refuses it; none where it accepts.
    fn judged(&self, wheel: &Path) -> Option<String> {
        let mut command = wheelmark();
        command.arg("verify").arg("--layout").arg(&self.layout).arg("--links").arg(&self.links);
        for key in &self.keys {
            command.arg("--layout-key").arg(key);
        }
        for (name, value) in &self.parameters {
            command.arg("--layout-parameter").arg(format!("{name}={value}"));
        }
        if self.run {
            command.arg("--run-inspections").env("WHEELMARK_CACHE", shared("cache"));
        }
        let output = command.arg("--json").arg(wheel).output().expect("it runs");
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}: {output:?}", self.name));
        let failed = said["checks"].as_array().and_then(|checks| {
            checks.iter().find(|check| check["status"] == "failed").map(|it| it["reason"].clone())
        });
        match output.status.code() {
            Some(0) => assert_eq!((&said["decision"], &failed), (&json!("accepted"), &None)),
            Some(10) => assert!(said["decision"] == "rejected" && failed.is_some(), "{said:#}"),
            _ => panic!("{}: {output:?}", self.name),
        }
        failed.map(|reason| reason.as_str().expect("a reason").to_owned())
    }
}

/// A folder with a wheel in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let wheel = folder.path().join(tiny::FILENAME);
    fs::write(&wheel, tiny::wheel()).expect("written");
    (folder, wheel)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn both_sides_accept_and_refuse_alike() {
    let (folder, wheel) = place();
    let cases = folder.path().join("cases");
    if peer(&["make", text(&cases), text(&wheel)], "").is_none() {
        return;
    }
    let cases = fs::read(cases.join("cases.json")).expect("the cases");
    let mut cases: Vec<Case> = serde_json::from_slice(&cases).expect("the cases");
    if !sandbox_is_here() {
        cases.retain(|case| !case.run);
    }
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let found = case.judged(&wheel);
        if found != case.reason {
            wrong.push(format!("{}: {found:?}, not {:?}", case.name, case.reason));
        }
        // in-toto accepts what it should, and nothing that it refuses is accepted here.
        let alike = found.is_none() == case.peer.is_none();
        if alike == case.differs.is_some() || (found.is_none() && case.peer.is_some()) {
            wrong.push(format!("{}: in-toto says {:?}, here {found:?}", case.name, case.peer));
        }
    }
    assert!(wrong.is_empty(), "of {} cases:\n{}", cases.len(), wrong.join("\n"));
    for reason in [
        "layout-malformed",
        "layout-not-signed",
        "layout-expired",
        "layout-key-unsupported",
        "layout-key-twice",
        "layout-parameter",
        "layout-inspections",
        "layout-too-large",
        "link-malformed",
        "link-step-mismatch",
        "link-artifact-name",
        "links-too-few",
        "links-disagree",
        "artifact-disallowed",
        "artifact-missing",
        "product-unknown",
        "product-digest-mismatch",
        "signature-invalid",
        "inspection-failed",
    ] {
        let given = reason == "inspection-failed" && !cases.iter().any(|case| case.run)
            || cases.iter().any(|case| case.reason.as_deref() == Some(reason));
        assert!(given, "no case is refused for {reason}");
    }
    let alike = cases.iter().filter(|case| case.differs.is_none());
    let (accepted, refused): (Vec<_>, Vec<_>) = alike.partition(|case| case.reason.is_none());
    assert!(
        accepted.len() >= 30 && refused.len() >= 40,
        "{} and {}",
        accepted.len(),
        refused.len()
    );
}

#[test]
fn patterns_are_those_of_fnmatch() {
    // All short patterns over the characters that mean something, against names of the same.
    let signs = ['*', '?', '[', ']', '!', '-', 'a', 'c', '/'];
    let words = |signs: &[char], length: u32, step: usize| {
        let count = signs.len().pow(length);
        let word = |mut number: usize| {
            let mut word = String::new();
            for _ in 0..length {
                word.push(signs[number % signs.len()]);
                number /= signs.len();
            }
            word
        };
        (0..count).step_by(step).map(word).collect::<Vec<_>>()
    };
    let patterns = [words(&signs, 3, 1), words(&signs, 5, 17), words(&signs, 7, 2311)].concat();
    let names = [
        "", "a", "c", "b", "-", "]", "[", "!", "/", "ac", "aa", "ca", "a/c", "c-a", "ba-c", "!a",
        "[a", "a-c]", "a
c", "[]", "[!]", "*", "?",
    ];
    let pairs: Vec<_> =
        patterns.iter().flat_map(|pattern| names.map(|name| (pattern, name))).collect();
    let Some(said) = peer(&["match"], &json!(pairs).to_string()) else { return };
    let said: Vec<bool> = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said.len(), pairs.len());
    assert!(said.iter().filter(|matches| **matches).count() > 500, "few match");
    for ((pattern, name), said) in pairs.into_iter().zip(said) {
        let found = Pattern::new(pattern).matches(name, &Work::new(1 << 20));
        assert_eq!(found, Ok(said), "{pattern:?} of {name:?}");
    }
}

/// A folder with a key, sources, and a wheel that a command can put into `dist`.
struct Step {
    folder: TempDir,
}

impl Step {
    fn new(algorithm: &str) -> Self {
        let (folder, _) = place();
        fs::create_dir(folder.path().join("src")).expect("a folder");
        fs::write(folder.path().join("src/demo.py"), "x = 1\n").expect("written");
        let step = Self { folder };
        let made = ["keygen", "--out", "step.key", "--no-passphrase", "--algorithm", algorithm];
        assert_eq!(step.run(&made).0, Some(0));
        step
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in the folder: its exit code, and what it says.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = wheelmark();
        let output = command.current_dir(&self.folder).args(arguments).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Records a shell command as the step `build`.
    fn record(&self, more: &[&str], command: &str) -> (Option<i32>, String) {
        let record = ["record", "--step", "build", "--key", "step.key", "--out", "links"];
        let files = ["--materials", "src", "--products", "dist"];
        self.run(&[&record[..], &files, more, &["--", "sh", "-c", command]].concat())
    }

    fn links(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("links")).into_iter().flatten();
        entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    fn verify(&self, more: &[&str]) -> (Option<i32>, String) {
        let layout =
            ["verify", "--layout", "root.layout", "--layout-key", "owner.pub", "--links", "links"];
        self.run(&[&layout[..], more].concat())
    }
}

const MAKE: &str = "mkdir -p dist && cp *.whl dist/ && echo made";

#[test]
fn what_is_recorded_is_accepted_by_both_sides() {
    for (algorithm, form) in [("ecdsa-p256", None), ("ed25519", None), ("ed25519", Some("--dsse"))]
    {
        let step = Step::new(algorithm);
        let folder = text(step.folder.path());
        if peer(&["layout", folder, text(&step.path("step.key.pub"))], "").is_none() {
            return;
        }
        let (code, said) = step.record(&form.into_iter().collect::<Vec<_>>(), MAKE);
        assert_eq!(code, Some(0), "{said}");
        let judged = || {
            let paths = ["root.layout", "owner.pub", "links"].map(|name| step.path(name));
            let [layout, owner, links] = &paths;
            let said =
                peer(&["judge", text(layout), text(owner), text(links)], "").expect("it is here");
            let said: Option<String> = serde_json::from_str(&said).expect("JSON");
            let (code, _) = step.verify(&[tiny::FILENAME]);
            (said.is_none(), code)
        };
        assert_eq!(judged(), (true, Some(0)), "{algorithm} {form:?}");
        // A step that had what it may not have.
        let overwrite = ["--overwrite", "--materials", "step.key.pub"];
        let (code, said) = step.record(&overwrite, "rm -r dist; mkdir dist; cp *.whl dist");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(judged(), (false, Some(10)), "{algorithm} {form:?}");
    }
}

#[test]
fn a_link_does_not_take_the_place_of_what_it_records() {
    let step = Step::new("ed25519");
    let (code, said) = step.record(&[], MAKE);
    assert_eq!(code, Some(0), "{said}");
    let name = format!("links/{}", step.links().pop().expect("a link"));
    let before = fs::read(step.path(&name)).expect("a link");
    let (code, said) = step.record(&["--overwrite", "--materials", "links"], MAKE);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("--out would write over `{name}`")), "{said}");
    assert_eq!(fs::read(step.path(&name)).expect("a link"), before);
}

#[test]
fn a_step_that_failed_is_not_signed() {
    let step = Step::new("ed25519");
    for (command, code) in [("exit 3", 3), ("kill -9 $$", 137), ("exit 1", 1)] {
        let (found, said) = step.record(&[], command);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains("the step `build` was not recorded: `sh` ended with"), "{said}");
        assert!(step.links().is_empty());
    }
    let (code, said) = step.record(&["--json"], "exit 3");
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &answer["exit"]), (Some(3), &json!(3)));
    let (code, said) = step.record(&["--record-failure"], "mkdir dist; exit 3");
    assert_eq!(code, Some(3), "{said}");
    let name = step.links().pop().expect("a link");
    let link = fs::read_to_string(step.path("links").join(&name)).expect("a link");
    let link: Value = serde_json::from_str(&link).expect("JSON");
    assert_eq!(link["signed"]["byproducts"]["return-value"], 3);
    assert!(step.record(&[], MAKE).1.contains("exists already"));
    let (code, said) = step.run(&[
        "record",
        "--step",
        "x",
        "--key",
        "step.key",
        "--products",
        "src",
        "--",
        "no-such",
    ]);
    assert!(code == Some(1) && said.contains("cannot run `no-such`"), "{said}");
    for step_name in ["../x", "", "a/b"] {
        let words =
            ["record", "--step", step_name, "--key", "step.key", "--products", "src", "--", "true"];
        assert_eq!(step.run(&words).0, Some(2), "{step_name}");
    }
}

#[test]
fn a_symbolic_link_out_of_the_folder_is_not_recorded() {
    let step = Step::new("ed25519");
    std::os::unix::fs::symlink("/etc/passwd", step.path("src/link")).expect("a link");
    let (code, said) = step.record(&[], MAKE);
    assert!(code == Some(1) && said.contains("leads out, to `/etc/passwd`"), "{said}");
    assert!(!step.path("dist").exists(), "it was told before anything was run");
    let (code, said) = step.record(&["--exclude", "link"], MAKE);
    assert_eq!(code, Some(0), "{said}");
    // And one that the command made.
    let (code, said) = step.record(&["--exclude", "src", "--overwrite"], "ln -s ../../x dist/out");
    assert!(code == Some(1) && said.contains("dist/out"), "{said}");
}

/// The links of a layout in place of a link are in its own folder, and not where a symbolic link says.
#[test]
fn a_folder_of_links_holds_the_links_themselves() {
    let (folder, wheel) = place();
    let cases = folder.path().join("cases");
    if peer(&["make", text(&cases), text(&wheel), "sublayout"], "").is_none() {
        return;
    }
    let links = cases.join("sublayout/links");
    let below = fs::read_dir(&links).expect("links").map(|it| it.expect("an entry").path());
    let below = below.filter(|path| path.is_dir()).collect::<Vec<_>>().pop().expect("a folder");
    let verify = || {
        let mut command = wheelmark();
        command.current_dir(cases.join("sublayout")).args(["verify", "--layout", "root.layout"]);
        command.args(["--layout-key", "key-0.pub", "--links", "links"]).arg(&wheel);
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify().0, Some(0));
    for file in fs::read_dir(&below).expect("links").map(|it| it.expect("an entry").path()) {
        fs::rename(&file, links.join(file.file_name().expect("a name"))).expect("moved");
    }
    assert_eq!(verify().0, Some(10));
    fs::remove_dir(&below).expect("removed");
    std::os::unix::fs::symlink(".", &below).expect("a link");
    let (code, said) = verify();
    assert!(code == Some(1) && said.contains("a symbolic link is on the way"), "{said}");
}

/// A step that was recorded, and a layout with this shell command for an inspection.
fn inspected(step: &Step, script: &str) -> bool {
    let (folder, key) = (text(step.folder.path()), step.path("step.key.pub"));
    peer(&["layout", folder, text(&key), script], "").is_some()
}

#[test]
fn an_inspection_sees_the_file_and_nothing_of_the_user() {
    let step = Step::new("ed25519");
    if !sandbox_is_here() || !inspected(&step, "true") {
        return;
    }
    let (code, said) = step.record(&[], MAKE);
    assert_eq!(code, Some(0), "{said}");
    let run = ["--run-inspections", "--json", tiny::FILENAME];
    let hidden = step.folder.path().display();
    let user = std::env::var("HOME").unwrap_or_default();
    for (script, holds) in [
        (format!("test \"$(ls -A)\" = {}", tiny::FILENAME), true),
        ("test \"$(ls -A)\" = other".to_owned(), false),
        (format!("test ! -e {hidden}"), true),
        (format!("test -e {hidden}"), false),
        ("test -d \"$HOME\" && test -z \"$(ls -A \"$HOME\")\"".to_owned(), true),
        (format!("test \"$HOME\" != {user:?} && test -z \"$WHEELMARK_CACHE\""), true),
        // Of networks the loopback alone, of which there are two lines of heading.
        ("test \"$(wc -l </proc/net/dev)\" = 3".to_owned(), true),
        ("touch /usr/touched || touch /etc/touched".to_owned(), false),
        ("echo out && exit 4".to_owned(), false),
    ] {
        assert!(inspected(&step, &script));
        let (code, said) = step.verify(&run);
        assert_eq!(code, Some(if holds { 0 } else { 10 }), "{script}: {said}");
        assert_eq!(said.contains("inspection-failed"), !holds, "{script}: {said}");
        if script.ends_with("exit 4") {
            assert!(said.contains("it ended with status 4, and said last: out"), "{said}");
        }
        assert!(!step.folder.path().join("look.link").exists(), "nothing is left");
    }
    // Without being asked for nothing is run, and no option is named.
    let (code, said) = step.verify(&[tiny::FILENAME]);
    assert!(code == Some(10) && said.contains("layout-inspections"), "{said}");
    assert!(!said.contains("--run"), "{said}");
    // What cannot be recorded decides nothing.
    for (script, says) in [
        ("ln -s /etc/passwd out", "leads out"),
        ("mkfifo pipe", "no regular file"),
        ("touch \"$(printf 'a\\tb')\"", "control character"),
    ] {
        assert!(inspected(&step, script));
        let (code, said) = step.verify(&["--run-inspections", tiny::FILENAME]);
        assert!(code == Some(1) && said.contains(says), "{script}: {said}");
    }
}

#[test]
fn without_a_sandbox_no_inspection_is_run() {
    let step = Step::new("ed25519");
    let ran = step.path("ran");
    if !sandbox_is_here() || !inspected(&step, &format!("touch {}", ran.display())) {
        return;
    }
    assert_eq!(step.record(&[], MAKE).0, Some(0));
    // A machine on which bwrap is no program.
    let mut elsewhere = Command::new("bwrap");
    elsewhere.args(["--dev-bind", "/", "/"]);
    for place in ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"] {
        if let Ok(file) = fs::canonicalize(place) {
            elsewhere.args(["--bind", "/dev/null"]).arg(file);
        }
    }
    let program = wheelmark();
    elsewhere.arg("--").arg(program.get_program()).args(["verify", "--layout", "root.layout"]);
    elsewhere.args(["--layout-key", "owner.pub", "--links", "links", "--run-inspections"]);
    elsewhere.arg(tiny::FILENAME).current_dir(&step.folder);
    let output = elsewhere.env("WHEELMARK_CACHE", step.path("cache")).output().expect("bwrap");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("bwrap is missing") && said.contains("hint: install it"), "{said}");
    assert!(!ran.exists());
}

#[test]
fn a_layout_is_in_place_of_everything_else() {
    let step = Step::new("ed25519");
    for (more, says) in [
        (&[][..], "required"),
        (&[tiny::FILENAME, "--policy", "x"], "cannot be used with"),
        (&[tiny::FILENAME, "--key", "x"], "cannot be used with"),
        (&[tiny::FILENAME, "--trust", "public-good"], "cannot be used with"),
        (&[tiny::FILENAME, "--bundle", "x"], "cannot be used with"),
        (&["--from-index", "demo==1.0"], "cannot be used with"),
        (&[tiny::FILENAME, "--fetch-attestations"], "cannot be used with"),
        (&["-r", "requirements.txt"], "cannot be used with"),
        (&[tiny::FILENAME, "--locked", "x"], "cannot be used with"),
        (&[tiny::FILENAME, "--layout-parameter", "x"], "NAME=VALUE"),
        (&[tiny::FILENAME, "--run-inspections", "--vsa", "x"], "cannot be used with"),
    ] {
        let (code, said) = step.verify(more);
        assert!(code == Some(2) && said.contains(says), "{more:?}: {said}");
    }
    for alone in
        [&["--layout", "x"][..], &["--layout-key", "x"], &["--links", "x"], &["--run-inspections"]]
    {
        assert_eq!(
            step.run(&[&["verify", tiny::FILENAME], alone].concat()).0,
            Some(2),
            "{alone:?}"
        );
    }
    // What cannot be read decides nothing.
    let (code, said) = step.verify(&[tiny::FILENAME]);
    assert!(code == Some(1) && said.contains("owner.pub"), "{said}");
}
