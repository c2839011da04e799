//! `wheelmark verify -r`: a lock is all or nothing.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use serde_json::{Value, json};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::statement::Signed;
use wheelmark_tests::tiny;

use super::{batch, said, signed};

/// The formats, by the name of their file.
const LOCKS: &[&str] = &["requirements.txt", "pylock.toml", "uv.lock", "poetry.lock"];

/// A project as it is locked: its name, version, and files with their digests.
type Project<'a> = (&'a str, &'a str, Vec<(String, Sha256Digest)>);

/// A lock of these projects, as the tools write it.
fn lock(format: &str, projects: &[Project<'_>]) -> String {
    let file = |(name, sha256): &(String, Sha256Digest)| match format {
        "requirements.txt" => format!(" \\\n    --hash=sha256:{sha256}"),
        "poetry.lock" => format!("    {{file = \"{name}\", hash = \"sha256:{sha256}\"}},\n"),
        "uv.lock" => format!(
            "    {{ url = \"https://files.example/{name}\", hash = \"sha256:{sha256}\", size = 1 }},\n"
        ),
        _ => format!(
            "    {{ url = \"https://files.example/{name}\", hashes = {{ sha256 = \"{sha256}\" }} }},\n"
        ),
    };
    let mut text = match format {
        "pylock.toml" => "lock-version = \"1.0\"\ncreated-by = \"test\"\n".to_owned(),
        "uv.lock" => "version = 1\nrevision = 3\n".to_owned(),
        _ => "# by a test\n".to_owned(),
    };
    for (name, version, files) in projects {
        let files: String = files.iter().map(file).collect();
        let named = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        text += &match format {
            "requirements.txt" => format!("{name}=={version}{files}\n"),
            "poetry.lock" => format!("[[package]]\n{named}files = [\n{files}]\n"),
            "uv.lock" => format!(
                "[[package]]\n{named}source = {{ registry = \"https://index.example/simple\" }}\n\
                 wheels = [\n{files}]\n"
            ),
            _ => format!("[[packages]]\n{named}wheels = [\n{files}]\n"),
        };
    }
    if format == "poetry.lock" {
        text += "[metadata]\nlock-version = \"2.1\"\ncontent-hash = \"0\"\n";
    }
    text
}

/// `demo` and `alpha`, in a folder beside their lock.
fn house() -> (Signed, Vec<Project<'static>>) {
    let signed = signed();
    let (alpha, bytes) = signed.add("alpha", "2.0");
    let projects = vec![
        ("demo", "1.0", vec![(tiny::FILENAME.to_owned(), Sha256Digest::of(&tiny::wheel()))]),
        ("alpha", "2.0", vec![(alpha, Sha256Digest::of(&bytes))]),
    ];
    (signed, projects)
}

fn write(signed: &Signed, name: &str, text: &str) {
    fs::write(signed.folder.path().join(name), text).expect("written");
}

/// The reasons of the checks that failed, of all results.
fn reasons(batch: &Value) -> Vec<&str> {
    let checks = batch["results"].as_array().expect("results").iter();
    let checks = checks.flat_map(|it| it["report"]["checks"].as_array().into_iter().flatten());
    checks.filter_map(|check| check["reason"].as_str()).collect()
}

/// The errors of all results.
fn errors(batch: &Value) -> Vec<&str> {
    let results = batch["results"].as_array().expect("results").iter();
    results.filter_map(|it| it["error"]["error"].as_str()).collect()
}

#[test]
fn a_lock_whose_files_all_hold_is_accepted() {
    let (signed, projects) = house();
    // What nothing locks is not looked at, and is told of.
    let (name, _) = signed.add("stranger", "1.0");
    fs::remove_file(signed.folder.path().join(format!("{name}.sigstore.json"))).expect("removed");
    for format in LOCKS {
        write(&signed, format, &lock(format, &projects));
        let document = batch(&mut signed.verify_all(&["-r", format]), 0);
        assert_eq!(document["decision"], "accepted");
        assert_eq!(document["locks"], json!([lock_held(format, "accepted")]));
        assert_eq!(document["summary"]["accepted"], 2);
        let last = document["results"][0]["report"]["checks"].as_array().expect("checks").last();
        let last = last.expect("a check");
        assert_eq!((&last["check"], &last["status"]), (&json!("lock"), &json!("passed")));
        let notes = document["notes"].to_string();
        assert!(notes.contains("1 of the files in `.` are of nothing that"), "{notes}");
        let text = said(&mut signed.verify_all(&["-r", format]), 0);
        assert!(text.contains("\n2 accepted, 0 rejected, 0 undecided\n"), "{text}");
    }
}

/// What a document says of a lock of two projects.
fn lock_held(format: &str, decision: &str) -> Value {
    json!({"file": format, "format": format, "projects": 2, "decision": decision})
}

#[test]
fn every_format_says_which_lock_did_not_hold() {
    let (signed, projects) = house();
    write(&signed, "uv.lock", &lock("uv.lock", &projects));
    let mut changed = projects.clone();
    changed[0].2[0].1 = Sha256Digest::of(b"another file");
    write(&signed, "poetry.lock", &lock("poetry.lock", &changed));
    let both = ["-r", "uv.lock", "poetry.lock"];
    let locks = json!([lock_held("uv.lock", "accepted"), lock_held("poetry.lock", "rejected")]);
    assert_eq!(batch(&mut signed.verify_all(&both), 10)["locks"], locks);

    let lines = said(signed.verify_all(&both).arg("--json"), 10);
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (last, results) = lines.split_last().expect("lines");
    assert_eq!(last["schema"], "https://wheelmark.dev/summary/v1");
    assert_eq!(last["locks"], locks);
    assert_eq!(results.len(), 4);
    for result in results {
        assert_eq!(result["schema"], "https://wheelmark.dev/report/v1");
        assert!(result["file"].as_str().expect("a file").ends_with(".whl"), "{result:#}");
        let lock = result["lock"].as_str().expect("a lock");
        assert!(["uv.lock", "poetry.lock"].contains(&lock), "{result:#}");
        assert!(result["locked"].as_str().expect("a project").contains("=="), "{result:#}");
    }

    let failed = "not accepted: `poetry.lock`, since a lock is all or nothing";
    for format in ["human", "github", "junit", "sarif"] {
        let text = said(signed.verify_all(&both).args(["--format", format]), 10);
        assert!(text.contains(failed), "{format}: {text}");
        assert!(!text.contains("not accepted: `uv.lock`"), "{format}: {text}");
    }
}

/// A policy may take a key; the lock names a publisher, and says so of one project.
#[test]
fn who_attested_it_by_the_lock_is_asked_for_whatever_the_policy_takes() {
    let (signed, projects) = house();
    let identity = "[[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"o/r\"\n\
                    workflow = \"w.yml\"\n";
    let plain = lock("pylock.toml", &projects);
    write(&signed, "pylock.toml", &plain);
    said(&mut signed.verify_all(&["-r", "pylock.toml"]), 0);
    write(&signed, "pylock.toml", &(plain.clone() + identity));
    let document = batch(&mut signed.verify_all(&["-r", "pylock.toml"]), 10);
    assert_eq!(reasons(&document), ["attestation-identity-mismatch"]);
    // What is not understood is no lock at all.
    for (identity, says) in [
        (&*identity.replace("GitHub", "Bitbucket"), "is of kind `Bitbucket`, which is not known"),
        ("attestation-identities = []\n", "has an empty list of attestation identities"),
        (&identity.replace("repository", "repo"), "of kind `GitHub` has no `repository`"),
    ] {
        let text = plain.clone() + identity;
        write(&signed, "pylock.toml", &text);
        let ended = batch(&mut signed.verify_all(&["-r", "pylock.toml"]), 1);
        let told = ended["error"].as_str().expect("an error");
        let line = plain.lines().count() + 1;
        assert!(told.contains(&format!("pylock.toml:{line}: ")) && told.contains(says), "{told}");
    }
}

#[test]
fn a_changed_digest_is_refused_with_both_values() {
    for format in LOCKS {
        let (signed, mut projects) = house();
        projects[0].2[0].1 = Sha256Digest::of(b"another file");
        write(&signed, format, &lock(format, &projects));
        let document = batch(&mut signed.verify_all(&["-r", format]), 10);
        assert_eq!(reasons(&document), ["lock-digest-mismatch"]);
        let checks = document["results"][1]["report"]["checks"].as_array().expect("checks");
        let check = checks.last().expect("a check");
        assert_eq!(check["expected"], json!([format!("sha256 {}", projects[0].2[0].1)]));
        let found = format!("sha256 {}", Sha256Digest::of(&tiny::wheel()));
        assert_eq!(check["found"], json!(found));
        let text = said(&mut signed.verify_all(&["-r", format]), 10);
        let all = format!("not accepted: `{format}`, since a lock is all or nothing\n");
        assert!(text.ends_with(&all), "{text}");
    }
}

#[test]
fn a_file_that_the_lock_allows_and_the_policy_does_not_is_refused() {
    let (signed, projects) = house();
    write(&signed, "uv.lock", &lock("uv.lock", &projects));
    fs::remove_file(&signed.bundle).expect("removed");
    let document = batch(&mut signed.verify_all(&["-r", "uv.lock"]), 10);
    assert_eq!(reasons(&document), ["attestation-missing"]);
}

#[test]
fn a_missing_file_is_named_with_project_and_version() {
    for format in LOCKS {
        let (signed, mut projects) = house();
        projects.push((
            "omega",
            "3.1",
            vec![("omega-3.1.tar.gz".to_owned(), Sha256Digest::of(b""))],
        ));
        write(&signed, format, &lock(format, &projects));
        let document = batch(&mut signed.verify_all(&["-r", format]), 1);
        assert_eq!(document["decision"], "undecided");
        assert_eq!(document["summary"]["accepted"], 2);
        let [error] = errors(&document)[..] else { panic!("{document:#}") };
        assert!(error.ends_with("no file of `omega` 3.1 is in `.`"), "{error}");
        let last = &document["results"][2];
        assert_eq!((&last["file"], &last["locked"]), (&json!(format), &json!("omega==3.1")));
        assert!(error.starts_with(&format!("{format}:{}: ", last["line"])), "{error}");
    }
}

#[test]
fn files_are_found_elsewhere_and_by_their_bytes() {
    let (signed, projects) = house();
    let lock = lock("requirements.txt", &projects);
    fs::create_dir(signed.folder.path().join("locks")).expect("a folder");
    write(&signed, "locks/requirements.txt", &lock);
    let path = "locks/requirements.txt";
    batch(&mut signed.verify_all(&["-r", path]), 1);
    batch(&mut signed.verify_all(&["-r", path, "--files", "."]), 0);
    // Under a name that says nothing, it is found and refused for its name, and is not missing.
    let renamed = signed.folder.path().join("renamed.whl");
    fs::rename(&signed.wheel, renamed).expect("renamed");
    let document = batch(&mut signed.verify_all(&["-r", path, "--files", "."]), 10);
    assert_eq!(errors(&document), Vec::<&str>::new());
    assert!(reasons(&document).contains(&"filename-malformed"), "{document:#}");
}

/// The policy would judge it as what it is, and an installer takes it for what the lock calls it.
#[test]
fn a_file_of_another_project_is_not_the_locked_one() {
    let (signed, projects) = house();
    for format in LOCKS {
        let mut projects = projects.clone();
        for (name, version) in [("demodemo", "1.0"), ("demo", "1.1")] {
            (projects[0].0, projects[0].1) = (name, version);
            write(&signed, format, &lock(format, &projects));
            let document = batch(&mut signed.verify_all(&["-r", format]), 1);
            let [error] = errors(&document)[..] else { panic!("{document:#}") };
            let says = format!("no file of `{name}` {version} is in `.`");
            assert!(error.ends_with(&says), "{error}");
        }
    }
}

/// `==1.0` allows it (PEP 440).
#[test]
fn a_file_of_a_local_version_is_looked_at_beside_the_one_without() {
    let (signed, mut projects) = house();
    let (name, bytes) = signed.add("demo", "1.0+local");
    fs::remove_file(signed.folder.path().join(format!("{name}.sigstore.json"))).expect("removed");
    write(&signed, "requirements.txt", &lock("requirements.txt", &projects));
    batch(&mut signed.verify_all(&["-r", "requirements.txt"]), 0);
    projects[0].2.push((name, Sha256Digest::of(&bytes)));
    write(&signed, "requirements.txt", &lock("requirements.txt", &projects));
    let document = batch(&mut signed.verify_all(&["-r", "requirements.txt"]), 10);
    assert_eq!(reasons(&document), ["attestation-missing"]);
}

#[test]
fn what_no_file_can_be_held_against_is_refused_by_name() {
    let (signed, projects) = house();
    let text = lock("requirements.txt", &projects)
        + "-e ./own\nfork @ git+https://example.org/fork\nbare==1.0\nloose>=1\n";
    write(&signed, "requirements.txt", &text);
    let document = batch(&mut signed.verify_all(&["-r", "requirements.txt"]), 1);
    let errors = errors(&document).join("\n");
    for says in [
        "requirements.txt:6: `./own` is an editable folder",
        "requirements.txt:7: `fork` is a revision of a repository",
        "requirements.txt:8: `bare 1.0` has no sha256 digest in the lock",
        "requirements.txt:9: `loose` is not held to one version",
    ] {
        assert!(errors.contains(says), "{says}:\n{errors}");
    }
    // Told by a name that no terminal should see.
    write(&signed, "requirements.txt", "x\u{202e} @ git+https://example.org/x\n");
    for format in ["human", "sarif", "junit", "github"] {
        let text = said(&mut signed.verify_all(&["-r", "requirements.txt", "--format", format]), 1);
        assert!(text.contains("u{202e}") && !text.contains('\u{202e}'), "{text:?}");
    }
}

#[test]
fn a_lock_that_is_not_known_or_locks_nothing_is_never_accepted() {
    let (signed, projects) = house();
    for (name, text, says) in [
        ("requirements.txt", "# nothing\n".to_owned(), "nothing is locked here"),
        ("pylock.toml", lock("pylock.toml", &[]), "nothing is locked here"),
        ("uv.lock", lock("uv.lock", &[]), "nothing is locked here"),
        ("poetry.lock", lock("poetry.lock", &[]), "nothing is locked here"),
        (
            "pylock.toml",
            lock("pylock.toml", &projects).replace("\"1.0\"\nc", "\"1.1\"\nc"),
            "`1.1` is not known",
        ),
        (
            "uv.lock",
            lock("uv.lock", &projects).replace("version = 1\n", "version = 9\n"),
            "`9` is not known",
        ),
        (
            "poetry.lock",
            lock("poetry.lock", &projects).replace("\"2.1\"", "\"1.1\""),
            "`1.1` is not known",
        ),
        ("requirements.txt", "-r other.txt\n".to_owned(), "includes another file"),
        ("uv.lock", "\0".to_owned(), "uv.lock:1: "),
    ] {
        write(&signed, name, &text);
        let output = signed.verify_all(&["-r", name]).assert().code(1).get_output().clone();
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(told.starts_with(&format!("error: {name}:")) && told.contains(says), "{told}");
        assert!(output.stdout.is_empty());
    }
}

/// Runs a tool in a folder; `None` where it is not here, or cannot reach an index.
fn tool(folder: &Path, program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Process::new(program).current_dir(folder).args(arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// What the tools themselves write today, over files of the index that are signed here.
#[test]
fn locks_made_by_the_tools_are_read() {
    let signed = signed();
    let folder = signed.folder.path();
    fs::remove_file(&signed.wheel).expect("removed");
    let project = "[project]\nname = \"own\"\nversion = \"0.1\"\nrequires-python = \">=3.9\"\n\
                   dependencies = [\"iniconfig==2.0.0\", \"packaging==24.1\"]\n";
    write(&signed, "pyproject.toml", project);
    write(&signed, "requirements.in", "iniconfig==2.0.0\npackaging==24.1\n");
    let made = tool(folder, "uv", &["lock"]).and_then(|_| {
        let export = |format: &str, out: &str| {
            tool(folder, "uv", &["export", "--quiet", "--format", format, "--output-file", out])
        };
        export("requirements-txt", "requirements.txt")?;
        export("pylock.toml", "pylock.toml")?;
        let compile = ["pip", "compile", "--quiet", "--generate-hashes", "requirements.in"];
        tool(folder, "uv", &[&compile[..], &["--output-file", "compiled.txt"]].concat())?;
        let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"];
        tool(folder, "python3", &[&download[..], &["-r", "compiled.txt", "-d", "house"]].concat())
    });
    if made.is_none() {
        println!("skipped: locks_made_by_the_tools_are_read: no uv or pip here, or no index");
        return;
    }
    for entry in fs::read_dir(folder.join("house")).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        signed.put(&format!("house/{name}"), &fs::read(entry.path()).expect("a file"));
    }
    for lock in ["uv.lock", "requirements.txt", "compiled.txt", "pylock.toml"] {
        let verify = || signed.verify_all(&["-r", lock, "--files", "house"]);
        let document = batch(&mut verify(), 0);
        assert_eq!(document["summary"]["accepted"], 2, "{document:#}");
        // One digit of one digest of the wheel that is there.
        let path = folder.join(lock);
        let text = fs::read_to_string(&path).expect("a lock");
        let wheel = fs::read(folder.join("house/iniconfig-2.0.0-py3-none-any.whl")).expect("it");
        let digest = Sha256Digest::of(&wheel).to_string();
        assert!(text.contains(&digest), "{text}");
        let other = if digest.starts_with('0') { "1" } else { "0" };
        let changed = text.replace(&digest, &format!("{other}{}", &digest[1..]));
        fs::write(&path, changed).expect("written");
        assert_eq!(reasons(&batch(&mut verify(), 10)), ["lock-digest-mismatch"]);
    }
}
