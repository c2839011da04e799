//! The build itself: a backend that is not there, fails, hangs, or wants more than it may have; steps.

use std::fs;

use wheelmark_tests::built::{HONEST_BACKEND, Project};

use super::{cache, honest, honest_but, needs_sandbox, nothing_left, refused};

#[test]
fn a_backend_that_nobody_knows() {
    needs_sandbox!();
    let manifest = "[build-system]\nrequires = []\nbuild-backend = \"no_such_backend\"\n";
    let project = Project::with(&[("pyproject.toml", manifest)]);
    let says = [
        "get_requires_for_build_wheel failed with exit status 1",
        "'no_such_backend'",
        "hint: the hook is that of `no_such_backend`, the build backend of pyproject.toml",
    ];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_backend_that_fails_is_shown_with_its_last_words() {
    needs_sandbox!();
    let project = honest_but(
        r#"
def build_wheel(*arguments, **more):
    for line in range(10_000):
        print("line", line)
    print("\x1b[2Jred \u202e")
    raise RuntimeError("the project says no")
"#,
    );
    let says = [
        "build_wheel failed with exit status 1",
        "| \\u{1b}[2Jred \\u{202e}",
        "| RuntimeError: the project says no",
        "| line 9999\n",
        "hint: the hook is that of `backend`, the build backend of pyproject.toml, in the project's own folder",
    ];
    let said = refused(&project, &mut project.build(&cache(&project)), 1, &says);
    assert!(!said.contains("| line 1\n"), "only the last lines");
}

#[test]
fn a_backend_that_dies_or_exits() {
    needs_sandbox!();
    for (python, says) in [
        ("os.kill(os.getpid(), 11)", "build_wheel was ended by signal 11"),
        ("os._exit(0)", "build_wheel ended without an answer"),
        ("os._exit(7)", "build_wheel failed with exit status 7"),
    ] {
        let hook = format!("def build_wheel(*arguments, **more):\n    {python}");
        let project = honest_but(&hook);
        refused(&project, &mut project.build(&cache(&project)), 1, &[says]);
    }
}

#[test]
fn an_answer_that_is_not_the_file() {
    needs_sandbox!();
    for (python, says) in [
        ("return 'x.whl'", "build_wheel left nothing in its output folder"),
        (
            "honest(folder); return 'x\\x1b.whl'",
            "build_wheel answered `\"x\\u001b.whl\"`, which is not the name of the file it left, `honest-1.0-",
        ),
        ("honest(folder); return None", "build_wheel answered `null`"),
        (
            "open(folder + '/more.whl', 'w'); return honest(folder)",
            "build_wheel left 2 entries (honest-1.0-py3-none-any.whl, more.whl)",
        ),
        (
            "os.symlink('/etc/passwd', folder + '/x.whl'); return 'x.whl'",
            "`x.whl`, which is no regular file",
        ),
    ] {
        let hook = "def build_wheel(folder, *arguments, **more):";
        let project = honest_but(&format!("honest = build_wheel\n{hook}\n    {python}"));
        refused(&project, &mut project.build(&cache(&project)), 1, &[says]);
    }
}

/// Our own output is read as a hostile wheel.
#[test]
fn a_wheel_that_nobody_may_accept() {
    needs_sandbox!();
    let project = honest_but("def files():\n    return {'../../etc/evil': ''}");
    let says = [
        "the built file `honest-1.0-py3-none-any.whl` would be refused, so it was not written",
        "archive-name-segment",
    ];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_backend_that_hangs() {
    needs_sandbox!();
    let project = honest_but("import time\ndef build_wheel(*a, **b):\n    time.sleep(600)");
    let says = [
        " s, the bound is 1 s",
        "build_wheel was stopped: it ran for ",
        "hint: `--timeout SECONDS` allows it more",
    ];
    let mut build = project.build(&cache(&project));
    refused(&project, build.args(["--timeout", "1"]), 1, &says);
}

#[test]
fn a_backend_that_fills_the_disk() {
    needs_sandbox!();
    // It writes for as long as it may, and then waits to be ended.
    let project = honest_but(
        r#"
import time
def build_wheel(*arguments, **more):
    with open("large", "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    time.sleep(600)
"#,
    );
    let says = [
        "build_wheel was stopped: it wrote ",
        " bytes to disk, the bound is 16777216",
        "hint: `--disk SIZE` allows it more",
    ];
    let mut build = project.build(&cache(&project));
    refused(&project, build.args(["--disk", "16M"]), 1, &says);
}

#[test]
fn a_backend_that_takes_the_memory() {
    needs_sandbox!();
    let project = honest_but(
        r#"
import time
def build_wheel(*arguments, **more):
    large = b"x" * (256 << 20)
    time.sleep(600)
"#,
    );
    let says = [
        "build_wheel was stopped: it used ",
        " bytes of memory, the bound is 134217728",
        "hint: `--memory SIZE` allows it more",
    ];
    let mut build = project.build(&cache(&project));
    refused(&project, build.args(["--memory", "128M"]), 1, &says);
}

#[test]
fn a_bound_that_is_no_size() {
    let project = honest();
    for size in ["lots", "0", "-1", "1.5G", "99999999999T"] {
        let mut build = project.build(&cache(&project));
        let says = ["a size is written as in 512M or 8G", size];
        refused(&project, build.arg(format!("--disk={size}")), 2, &says);
    }
}

#[test]
fn a_backend_that_writes_outside() {
    needs_sandbox!();
    let target = tempfile::tempdir().expect("a folder");
    let target = target.path().join("written");
    let project = honest_but(&format!(
        "def build_wheel(*a, **b):\n    open({:?}, 'w')",
        target.to_str().expect("UTF-8")
    ));
    let says = ["build_wheel failed with exit status 1", "written"];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
    assert!(!target.exists());
    let project = honest_but("def build_wheel(*a, **b):\n    open('/usr/written', 'w')");
    let says = ["Read-only file system: '/usr/written'"];
    refused(&project, &mut project.build(&cache(&project)), 1, &says);
}

#[test]
fn a_step_that_fails_or_leaves_other_than_one_file() {
    needs_sandbox!();
    let project = honest();
    for (step, says) in [
        ("false", "step 1 (`false`) failed with exit status 1"),
        (
            "no-such-command",
            "step 1 (`no-such-command`) failed: a program was not found (exit status 127)",
        ),
        (
            "no-such-command",
            "hint: a step finds the programs of the system's folders and of what is",
        ),
        ("sh -c no-such-command", "with --step-requires REQUIREMENT\n"),
        ("true", "step 1 (`true`) left nothing in its output folder, where one file is wanted"),
        ("touch {out}/a.whl {out}/b.whl", "left 2 entries (a.whl, b.whl)"),
        ("mkdir {out}/a.whl", "`a.whl`, which is no regular file"),
        ("touch {out}/a.whl", "`a.whl` would be refused, so it was not written: archive"),
    ] {
        let mut build = project.build(&cache(&project));
        refused(&project, build.args(["--step", step]), 1, &[says]);
    }
    for step in ["", "'open"] {
        let mut build = project.build(&cache(&project));
        refused(&project, build.args(["--step", step]), 2, &["not a command"]);
    }
}

#[test]
fn an_interpreter_that_is_not_there() {
    needs_sandbox!();
    let project = honest();
    for (python, says) in [
        ("3.99", "no Python interpreter for `3.99`"),
        ("/nowhere/python", "`/nowhere/python`"),
        ("/etc/passwd", "`/etc/passwd`"),
        (
            "/bin/ls",
            "`/bin/ls` does not work as a Python interpreter: it does not run the Python code that",
        ),
        ("/bin/true", "`/bin/true` does not work as a Python interpreter"),
        ("py\u{1b}thon", "not a Python version or a path to an interpreter: `py\\u{1b}thon`"),
    ] {
        let mut build = project.build(&cache(&project));
        refused(&project, build.args(["--python", python]), 1, &[says]);
    }
}

#[test]
fn a_build_that_does_not_reproduce_itself_is_not_signed() {
    needs_sandbox!();
    let project =
        honest_but("import random\ndef files():\n    return {'a.py': str(random.random())}");
    let mut build = project.build(&cache(&project));
    let output = build.arg("--release").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(11), "{said}");
    assert!(said.starts_with("not signed "), "{said}");
    assert_eq!(project.names(), Vec::<String>::new());
    nothing_left(&project);
}

/// One build that tries everything a malicious one would, end to end; what it saw is in the wheel.
#[test]
fn a_build_script_sees_and_leaves_nothing() {
    use std::net::TcpListener;
    needs_sandbox!();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it does not wait");
    let project = honest();
    let folder = project.folder.path().to_str().expect("UTF-8");
    let port = listener.local_addr().expect("a port").port();
    let marker = format!("94{port}.{}", std::process::id());
    let home = std::env::var("HOME").expect("a home");
    fs::write(project.folder.path().join("secret"), "secret").expect("written");
    let script =
        format!("FOLDER, HOME, PORT, MARKER = {folder:?}, {home:?}, {port}, {marker:?}\n{HOSTILE}");
    project.repo.write("backend.py", format!("{HONEST_BACKEND}\n{script}"));
    project.repo.commit_all("Tries everything");

    let mut build = project.build(&cache(&project));
    build
        .env("SECRET_TOKEN", "a secret of the environment")
        .env("WHEELMARK_PASSPHRASE", "a secret of the environment")
        .assert()
        .success();
    let wheel = fs::read(project.wheel()).expect("a wheel");
    let wheel = String::from_utf8_lossy(&wheel);
    let (_, found) = wheel.split_once("FOUND[").expect("what it saw");
    let (found, _) = found.split_once("]FOUND").expect("what it saw");
    let found: serde_json::Value = serde_json::from_str(found).expect("JSON");
    let found = found.as_object().expect("an object");
    let tried = [
        "connect",
        "daemon",
        "environment",
        "environment of others",
        "home",
        "its own home",
        "key",
        "name of a host",
        "outside",
        "secret",
        "system",
    ];
    assert_eq!(found.keys().collect::<Vec<_>>(), tried);
    for (what, seen) in found {
        // A daemon starts, as any process does; below it is shown not to live on.
        let wanted = if what == "daemon" { "started" } else { "contained" };
        let seen = seen.as_str().expect("text");
        assert!(seen.starts_with(wanted), "{what}: {seen}");
    }
    assert!(listener.accept().is_err(), "it reached the host");
    assert_eq!(super::processes(&marker), Vec::<u32>::new(), "it left a process");
    assert!(!project.folder.path().join("outside").exists());
    nothing_left(&project);
}

/// Each attempt ends in `contained: why`, or in what it got.
const HOSTILE: &str = r#"
import glob, json, os, socket, subprocess, sys

def attempt(what):
    try:
        got = what()
    except (OSError, socket.error) as error:
        return "contained: " + str(error)
    return "contained: nothing" if not got else "got " + repr(got)[:200]

def connect():
    with socket.create_connection(("127.0.0.1", PORT), 5) as connection:
        return connection.getpeername()

def secrets_of(text):
    return "secret" in text.lower() or "passphrase" in text.lower()

def others():
    seen = []
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        if "secret" in text or "PASSPHRASE" in text or "release.key" in text:
            seen.append((path, text))
    return seen

def interpreter(name):
    return sys.base_prefix.startswith(f"{HOME}/{name}/")

def daemon():
    subprocess.Popen(["sh", "-c", f"sleep {MARKER} & sleep {MARKER}"], start_new_session=True,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return "started"

def files():
    found = {
        "key": attempt(lambda: open(FOLDER + "/release.key").read()),
        "secret": attempt(lambda: open(FOLDER + "/secret").read()),
        "home": attempt(lambda: [name for name in os.listdir(HOME) if not interpreter(name)]),
        "its own home": attempt(lambda: os.listdir(os.environ["HOME"])),
        "environment": attempt(lambda: [n for n, v in os.environ.items() if secrets_of(n + v)]),
        "environment of others": attempt(others),
        "connect": attempt(connect),
        "name of a host": attempt(lambda: socket.getaddrinfo("example.org", 443)),
        "outside": attempt(lambda: open(FOLDER + "/outside", "w")),
        "system": attempt(lambda: open("/etc/written", "w")),
        "daemon": daemon(),
    }
    return {"honest/found.txt": "FOUND[" + json.dumps(found) + "]FOUND"}
"#;

#[test]
fn a_backend_that_answers_with_a_link_or_a_pipe() {
    needs_sandbox!();
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "[\"a-secret\"]").expect("written");
    let link = format!("os.symlink({:?}, '/build/result/value.json')", secret.path());
    for answer in [link.as_str(), "os.mkfifo('/build/result/value.json')"] {
        let project = honest_but(&format!(
            "import os\ndef get_requires_for_build_wheel(*a, **b):\n    {answer}\n    os._exit(0)"
        ));
        let says = ["get_requires_for_build_wheel ended without an answer"];
        refused(&project, &mut project.build(&cache(&project)), 1, &says);
    }
}

/// What a hook asks for reaches a parser of ours, outside the sandbox.
#[test]
fn a_hook_that_asks_for_what_no_parser_survives() {
    needs_sandbox!();
    let hook = "def get_requires_for_build_wheel(*arguments, **more):\n    return ";
    for (answer, says) in [
        (
            "['a; ' + '(' * 100_000 + 'os_name==\"x\"' + ')' * 100_000]",
            "it has 200015 bytes, and at most 4096 are read",
        ),
        (
            "['a; ' + ' or '.join(f'(\"{i}a\" in platform_version and \"{i}b\" in sys_platform)' for i in range(12))]",
            "it has 48 quotes, and at most 24 are read",
        ),
        ("['a'] * 300", "which is not a list of at most 256 requirements, but of 300"),
    ] {
        let project = honest_but(&format!("{hook}{answer}"));
        refused(&project, &mut project.build(&cache(&project)), 1, &[says]);
    }
}
