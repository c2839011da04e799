//! Builds that do not reproduce themselves: refused under `--release`, with what makes them differ.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::{Value, json};
use wheelmark_build::variation::other_clock;
use wheelmark_tests::workshop::{Workshop, answer, said, skipped};

/// Builds a project of this code under `--release`; asserts that nothing was signed or written, and
/// gives what was answered about the confirmation, and the text for a person.
fn refused(code: &str) -> Option<(Value, String)> {
    let shop = Workshop::new()?;
    let repo = shop.odd("odd", code);
    let told = answer(&mut shop.build_command(&repo, &["--release"]), 11);
    // Not even the folder need be there.
    let entries = || std::fs::read_dir(shop.path("dist")).map_or(0, Iterator::count);
    assert_eq!(entries(), 0, "something was written");

    let mut human = shop.wheelmark();
    human.arg("build").arg(repo.folder());
    human.args(["--out", "dist", "--key", "release.key", "--release"]);
    let output = human.output().expect("it starts");
    assert_eq!(output.status.code(), Some(11), "{}", said(&output));
    assert_eq!(entries(), 0, "something was written");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("not signed "), "{text}");
    assert!(text.contains("not confirmed: "), "{text}");
    assert!(!text.contains("signed by key"), "{text}");
    // Nothing is named that is not there, and nothing said twice.
    assert!(!text.contains("dist/"), "{text}");
    assert!(text.contains("\nnothing was signed, and nothing was written\n"), "{text}");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains(": ")).collect();
    let once: std::collections::BTreeSet<_> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "{text}");
    Some((told["files"][0]["confirmation"].clone(), text))
}

/// Asserts that the one cause of the code's output not being the same is this, in JSON and in text.
#[track_caller]
fn cause(code: &str, expected: &str, member: &str) {
    let Some((confirmation, text)) = refused(code) else {
        return;
    };
    let lines = confirmation["differences"].as_array().expect("a list");
    let start = format!("{member}: {expected}: ");
    // RECORD follows whatever else there is.
    let others = |line: &&Value| !line.as_str().is_some_and(|line| line.contains(": record-"));
    let lines: Vec<_> = lines.iter().filter(others).collect();
    assert_eq!(lines.len(), 1, "{confirmation:#}");
    assert!(lines[0].as_str().is_some_and(|line| line.starts_with(&start)), "{confirmation:#}");
    assert!(text.contains(&start), "{text}");
    let findings = confirmation["diff"]["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|finding| finding["cause"] == expected));
}

/// Whether the clock can be varied here; two builds may otherwise fall into one day, or one second.
fn clock_varies() -> bool {
    let varies = !other_clock().is_empty();
    if !varies {
        skipped("libfaketime is not installed");
    }
    varies
}

const MODULE: &str = "odd/__init__.py";

#[test]
fn a_time_in_a_file_is_named() {
    if !clock_varies() {
        return;
    }
    for value in [
        "datetime.now().isoformat()",
        "datetime.now().strftime('%A, %d %B %Y')",
        "int(datetime.now().timestamp())",
    ] {
        let code = format!(
            "from datetime import datetime\n\
             def content(): return 'BUILT = ' + repr({value}) + '\\n'\n"
        );
        cause(&code, "embedded-timestamp", MODULE);
    }
}

#[test]
fn a_time_is_blamed_on_the_clock_only() {
    // Of one second, so that quick builds may see the same one, with and without another library.
    for value in ["time.ctime()", "repr(time.time())", "time.strftime('%H:%M:%S')"] {
        let code =
            format!("import time\ndef content(): return 'BUILT = ' + repr({value}) + '\\n'\n");
        let Some((confirmation, text)) = refused(&code) else {
            return;
        };
        assert_eq!(confirmation["tracedTo"], json!(["clock"]), "{confirmation:#}");
        assert!(text.contains("what makes the difference: clock\n"), "{text}");
        let hint =
            "\nhint: where `odd/__init__.py` is made, take the time from SOURCE_DATE_EPOCH, ";
        assert!(text.contains(hint), "{text}");
    }
}

#[test]
fn times_of_members_are_named() {
    if !clock_varies() {
        return;
    }
    let code = "import time\ndef date_time(): return time.localtime()[:6]\n";
    cause(code, "timestamps", "4 members");
}

#[test]
fn a_path_of_the_host_is_named() {
    let code = "def content():\n\
                \x20   mounts = [line.split() for line in open('/proc/self/mountinfo')]\n\
                \x20   root = [words[3] for words in mounts if words[4] == '/build/src']\n\
                \x20   return f'ROOT = {root[0]!r}\\n'\n";
    cause(code, "embedded-path", MODULE);
}

#[test]
fn an_order_of_lines_is_named() {
    let code = "import os\n\
                def content(): return '\\n'.join(['# data', *os.listdir('data'), ''])\n";
    let Some((confirmation, text)) = refused(code) else {
        return;
    };
    assert_eq!(confirmation["tracedTo"], json!(["order of files"]));
    assert!(text.contains("order of files"), "{text}");
    cause(code, "ordering", MODULE);
}

#[test]
fn an_order_of_words_is_named() {
    let code = "import os\ndef content(): return f'FILES = {os.listdir(\"data\")}\\n'\n";
    cause(code, "ordering", MODULE);
}

#[test]
fn an_order_of_members_is_named() {
    let code = "import os\n\
                def members(): return {f'odd/{name}': name for name in os.listdir('data')}\n";
    cause(code, "order", "the file");
}

#[test]
fn a_random_value_is_named() {
    for value in
        ["uuid.uuid4()", "secrets.token_hex(16)", "tempfile.mkdtemp()[5:]", "uuid.uuid4().hex[:20]"]
    {
        let code = format!(
            "import secrets, tempfile, uuid\n\
             def content(): return f'ID = \"{{{value}}}\"\\n'\n"
        );
        cause(&code, "random-value", MODULE);
    }
}

#[test]
fn a_number_of_processors_is_found_by_varying_it_alone() {
    if std::thread::available_parallelism().is_ok_and(|count| count.get() == 1) {
        return skipped("this machine has one processor");
    }
    for value in ["os.cpu_count()", "len(os.sched_getaffinity(0))"] {
        let code = format!("import os\ndef content(): return f'JOBS = {{{value}}}\\n'\n");
        let Some((confirmation, text)) = refused(&code) else {
            return;
        };
        assert_eq!(confirmation["tracedTo"], json!(["number of processors"]));
        let line = "what makes the difference: number of processors\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("+JOBS = 1"), "{text}");
    }
}

#[test]
fn a_user_id_is_shown() {
    let code = "import os\ndef content(): return f'USER = {os.getuid()}\\n'\n";
    let Some((confirmation, text)) = refused(code) else {
        return;
    };
    // As root every run has another one; a plain user's can be varied alone.
    let traced = confirmation["tracedTo"][0].as_str().expect("a cause");
    assert!(traced.contains("user id"), "{confirmation:#}");
    assert!(text.contains("odd/__init__.py: embedded-number: `"), "{text}");
}

#[test]
fn a_clock_of_days_is_found_by_varying_it_alone() {
    // Two runs a moment apart give the same day: only the other clock shows it.
    let code = "import time\ndef content(): return f'YEAR = {time.gmtime().tm_year}\\n'\n";
    if !clock_varies() {
        return;
    }
    let Some((confirmation, _)) = refused(code) else {
        return;
    };
    assert_eq!(confirmation["tracedTo"], json!(["clock"]));
}

#[test]
fn without_release_it_is_signed_and_said_not_to_be_confirmed() {
    let Some(shop) = Workshop::new() else { return };
    let code = "import uuid\ndef content(): return f'ID = \"{uuid.uuid4()}\"\\n'\n";
    let repo = shop.odd("odd", code);
    let built = shop.build(&repo, &["--confirm"]);
    assert_ne!(built.answer["confirmation"]["differences"], json!([]));
    let report = answer(shop.on("verify", &built).arg("--json"), 0);
    assert_eq!(report["decision"], "accepted");
    // And a rebuild shows it.
    let rebuilt = shop.rebuild(&built, &repo, &[], 11);
    assert_eq!(rebuilt["outcome"], "different", "{rebuilt:#}");
    let first = rebuilt["diffs"][0].as_str().expect("a line");
    assert!(first.starts_with("odd/__init__.py: random-value: "), "{first}");
}

#[test]
fn a_build_that_waits_is_confirmed_under_another_clock() {
    // What libfaketime is known to break: sleeping, waiting for a child or a thread with a limit.
    let code = "import subprocess, threading, time\n\
                def content():\n\
                \x20   time.sleep(0.05)\n\
                \x20   threading.Event().wait(0.05)\n\
                \x20   subprocess.run(['sleep', '0.1'], timeout=20, check=True)\n\
                \x20   return 'WAITED = True\\n'\n";
    let Some(shop) = Workshop::new() else { return };
    let built = shop.build(&shop.odd("odd", code), &["--release"]);
    let confirmation = &built.answer["confirmation"];
    let varied = confirmation["varied"].as_array().expect("a list");
    let kept = confirmation["notVaried"].to_string();
    assert!(varied.contains(&json!("clock")) || kept.contains("not installed"), "{confirmation:#}");
}

#[test]
fn a_build_that_fails_under_another_clock_is_confirmed_without_it() {
    let code = "import os, sys\n\
                def content():\n\
                \x20   if 'FAKETIME' in os.environ: sys.exit('no other clock here')\n\
                \x20   return 'X = 1\\n'\n";
    let Some(shop) = Workshop::new() else { return };
    let built = shop.build(&shop.odd("odd", code), &["--release"]);
    let kept = built.answer["confirmation"]["notVaried"].to_string();
    assert!(kept.contains("clock: "), "{kept}");
}

#[test]
fn a_wheel_that_is_confirmed_beside_an_sdist_that_is_not_is_told_why() {
    let Some(shop) = Workshop::new() else { return };
    let repo = shop.odd("odd", "");
    let backend = std::fs::read_to_string(repo.folder().join("odd_backend.py")).expect("read");
    let sdist = "
import io, tarfile, time


def build_sdist(folder, config_settings=None):
    with tarfile.open(f'{folder}/odd-1.0.tar.gz', 'w:gz') as archive:
        for name in ['PKG-INFO', 'pyproject.toml']:
            text = METADATA.encode() if name == 'PKG-INFO' else open(name, 'rb').read()
            info = tarfile.TarInfo(f'odd-1.0/{name}')
            info.size, info.mtime = len(text), int(time.time())
            archive.addfile(info, io.BytesIO(text))
    return 'odd-1.0.tar.gz'
";
    repo.write("odd_backend.py", backend + sdist);
    repo.commit_all("Make source distributions");
    let mut build = shop.wheelmark();
    build.arg("build").arg(repo.folder()).args(["--out", "dist", "--key", "release.key"]);
    let output = build.args(["--release", "--sdist"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(11), "{}", said(&output));
    let text = said(&output);
    for line in [
        "not signed odd-1.0-py3-none-any.whl: confirmed, and not signed because another file of",
        "not signed odd-1.0.tar.gz\n",
        "\nhint: leave out --sdist to sign the wheel by itself; ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!shop.path("dist").exists());
}
