//! `attestation-identities` of a `pylock.toml` (PEP 751): written from the certificates, and held under every policy.

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::statement::{failures, report};

use super::install::other;
use super::*;

const LOCK: &str = "pylock.toml";

/// Who attested the wheel of the case.
const IDENTITY: &str = "\n[[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"octo/demo\"\n\
                        workflow = \"release.yml\"\nenvironment = \"pypi\"\n";

fn package(name: &str, files: &[Served]) -> String {
    let wheels: Vec<_> = files
        .iter()
        .map(|file| {
            let digest = Sha256Digest::of(&file.bytes);
            format!(
                "  {{name = '{}',  hashes = {{sha256 = \"{digest}\"}}}}, # as it is",
                file.filename
            )
        })
        .collect();
    format!(
        "[[packages]] # {name}\nname = '{name}'\nversion = \"1.0\"\nwheels = [\n{}\n]\n",
        wheels.join("\n")
    )
}

const HEAD: &str = "# By hand.\nlock-version = '1.0'\ncreated-by = \"x\"\n\n";

/// A place whose index has both projects, and a lock of them with the wheels at hand.
fn place() -> Place {
    let place = Place::new();
    place.server.serve("other", &[other()]);
    place.put(
        LOCK,
        (HEAD.to_owned() + &package(PROJECT, &[demo()]) + &package("other", &[other()])).as_bytes(),
    );
    place
}

fn lock(place: &Place, more: &[&str]) -> Command {
    told_to(place, &["lock"], more)
}

fn told_to(place: &Place, verb: &[&str], more: &[&str]) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).args(verb).args(["-r", LOCK]);
    command.args(["--trust", "private", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    command.args(["--index", &place.server.url()]).args(more);
    command
}

fn text(place: &Place) -> String {
    fs::read_to_string(place.folder.path().join(LOCK)).expect("the lock")
}

/// `verify -r` of a lock of `demo` alone, whose wheel is in the folder and its attestations on the index.
fn verify(place: &Place, identities: &str) -> Command {
    place.put(LOCK, (HEAD.to_owned() + &package(PROJECT, &[demo()]) + identities).as_bytes());
    place.put(FILENAME, &demo().bytes);
    place.verify(&["-r", LOCK, "--fetch-attestations"])
}

fn refusals(document: &Value) -> Vec<(String, String)> {
    failures(&document["results"][0]["report"])
}

fn failure(reason: &str) -> Vec<(String, String)> {
    vec![("attestation-identity".to_owned(), reason.to_owned())]
}

#[test]
fn who_attested_is_written_into_the_lock_and_nothing_else_is_changed() {
    let place = place();
    let before = text(&place);
    let told = said(&mut lock(&place, &["--write-identities"]), 0);
    assert_eq!(told, "locked `pylock.toml`: by who attests them 1, that nobody attests 1\n");
    let (demo, other) = (package(PROJECT, &[demo()]), package("other", &[other()]));
    assert_eq!(text(&place), format!("{HEAD}{demo}{IDENTITY}{other}"));
    // The same a second time, and the other way round.
    let written = text(&place);
    said(&mut lock(&place, &["--write-identities"]), 0);
    assert_eq!(text(&place), written);
    assert_eq!(written.replace(IDENTITY, ""), before);
    // A file of several lines stays one that ends them so.
    place.put(LOCK, before.replace('\n', "\r\n").as_bytes());
    said(&mut lock(&place, &["--write-identities"]), 0);
    assert_eq!(text(&place), written.replace('\n', "\r\n"));
    // pip writes a table for each file, and one for its digests.
    let of_pip = |served: &Served, name: &str| {
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"1.0\"\n\n[[packages.wheels]]\nname = \"{}\"\n\n\
             [packages.wheels.hashes]\nsha256 = \"{}\"\n",
            served.filename,
            Sha256Digest::of(&served.bytes)
        )
    };
    let (one, two) = (of_pip(&super::demo(), PROJECT), of_pip(&self::other(), "other"));
    place.put(LOCK, format!("{HEAD}{one}\n{two}").as_bytes());
    said(&mut lock(&place, &["--write-identities"]), 0);
    assert_eq!(text(&place), format!("{HEAD}{one}{IDENTITY}\n{two}"));
    // So does one in which the packages are values.
    let inline = format!(
        "lock-version = \"1.0\"\ncreated-by = \"x\"\npackages = [{{name = \"demo\", version = \"1.0\", wheels = [\
         {{name = \"{FILENAME}\", hashes = {{sha256 = \"{}\"}}}}]}}]\n",
        Sha256Digest::of(&super::demo().bytes)
    );
    place.put(LOCK, inline.as_bytes());
    said(&mut lock(&place, &["--write-identities"]), 0);
    assert!(
        text(&place).contains("attestation-identities = [{ kind = \"GitHub\", "),
        "{}",
        text(&place)
    );
    let json = said(&mut lock(&place, &["--write-identities", "--json"]), 0);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["schema"], &json["signed"]),
        (&"https://wheelmark.dev/lock/v1".into(), &1.into())
    );
}

#[test]
fn the_identities_of_a_lock_are_held() {
    let place = place();
    let judged = batch(&mut verify(&place, IDENTITY), 0);
    let last =
        judged["results"][0]["report"]["checks"].as_array().expect("checks").last().expect("one");
    assert_eq!(
        (&last["check"], &last["status"]),
        (&"attestation-identity".into(), &"passed".into())
    );
    // Any of several; a workflow without an environment is one with any.
    for (from, to) in
        [("environment = \"pypi\"\n", ""), ("environment = \"pypi\"", "environment = \"\"")]
    {
        batch(&mut verify(&place, &IDENTITY.replace(from, to)), 0);
    }
    let google =
        "[[packages.attestation-identities]]\nkind = \"Google\"\nemail = \"a@b.example\"\n";
    batch(&mut verify(&place, &format!("{google}{IDENTITY}")), 0);
    for identities in [
        google.to_owned(),
        IDENTITY.replace("octo/demo", "octo/fork"),
        IDENTITY.replace("release.yml", "other.yml"),
        IDENTITY.replace("\"pypi\"", "\"testpypi\""),
        IDENTITY.replace("GitHub", "GitLab").replace("workflow", "workflow_filepath"),
    ] {
        let judged = batch(&mut verify(&place, &identities), 10);
        assert_eq!(refusals(&judged), failure("attestation-identity-mismatch"), "{identities}");
        let checks = judged["results"][0]["report"]["checks"].as_array().expect("checks");
        let found = checks.last().expect("one")["found"].as_str().expect("who it was");
        assert!(found.contains("octo/demo"), "{found}");
    }
}

/// An exception verifies nobody: the lock asks for more than the policy does.
#[test]
fn an_exception_does_not_lift_what_the_lock_asks_for() {
    let place = place();
    let digest = Sha256Digest::of(&demo().bytes);
    let policy = format!(
        "schema = 1\n[[exceptions]]\nsha256 = [\"{digest}\"]\nreason = \"r\"\nowner = \"o\"\n\
         expires = 2027-01-01T00:00:00Z\n"
    );
    place.put("policy.toml", policy.as_bytes());
    let judge = |identities: &str, code| {
        verify(&place, identities);
        let mut command = place.bare(&["-r", LOCK, "--fetch-attestations"]);
        batch(command.args(["--policy", "policy.toml", "--at", AT]), code)
    };
    judge("", 0);
    let judged = judge(IDENTITY, 10);
    assert_eq!(refusals(&judged), failure("attestation-identity-missing"));
}

#[test]
fn without_an_attestation_it_is_refused() {
    let place = place();
    place.server.serve(PROJECT, &[Served { provenance: None, ..demo() }]);
    let judged = batch(&mut verify(&place, IDENTITY), 10);
    let of_policy = ("attestation".to_owned(), "attestation-missing".to_owned());
    assert_eq!(refusals(&judged), [of_policy]);
    // Nor does a first policy take it as it was locked.
    place.put(LOCK, (HEAD.to_owned() + &package(PROJECT, &[demo()]) + IDENTITY).as_bytes());
    let mut init = wheelmark();
    init.current_dir(&place.folder).args(["policy", "init", "-r", LOCK, "--at", AT]);
    init.args(["--trust", "private", "--trust-root", TRUSTED_ROOT, "--index", &place.server.url()]);
    let told = said(&mut init, 1);
    assert!(
        told.contains("no file can be taken") && told.contains("attestation-identity-missing"),
        "{told}"
    );
    let told = said(&mut lock(&place, &["--out", "wheelmark.lock"]), 1);
    assert!(
        told.contains("cannot be written down")
            && !place.folder.path().join("wheelmark.lock").exists(),
        "{told}"
    );
    let told = said(&mut lock(&place, &["--write-identities"]), 1);
    assert!(told.contains("pylock.toml:5: nobody attested a file of `demo`"), "{told}");
}

#[test]
fn who_changed_is_told_and_taken_up_on_purpose_only() {
    let place = place();
    let other_signer = IDENTITY.replace("octo/demo", "octo/before");
    let before = HEAD.to_owned()
        + &package(PROJECT, &[demo()])
        + &other_signer
        + &package("other", &[other()]);
    place.put(LOCK, before.as_bytes());
    let told = said(&mut lock(&place, &["--write-identities"]), 1);
    assert!(told.contains("pylock.toml:5: `demo-1.0-py3-none-any.whl` was attested by"), "{told}");
    assert!(
        told.contains("repository `octo/before`") && told.contains("lock update NAME"),
        "{told}"
    );
    said(&mut lock(&place, &["--out", "wheelmark.lock"]), 1);
    let mut init = wheelmark();
    init.current_dir(&place.folder).args(["policy", "init", "-r", LOCK, "--at", AT]);
    init.args(["--trust", "private", "--trust-root", TRUSTED_ROOT, "--index", &place.server.url()]);
    let policy = said(&mut init, 0);
    assert!(
        policy.contains("attestation-identity-mismatch") && !policy.contains("[identities."),
        "{policy}"
    );
    assert_eq!(text(&place), before);
    for (name, code) in [("nobody", 2), ("other", 1), ("demo", 0)] {
        said(&mut told_to(&place, &["lock", "update", name], &["--write-identities"]), code);
    }
    assert_eq!(text(&place), before.replace("octo/before", "octo/demo"));
    // Nobody any more, on purpose too.
    place.server.serve(PROJECT, &[Served { provenance: None, ..demo() }]);
    said(&mut lock(&place, &["--write-identities", "--overwrite"]), 0);
    assert!(!text(&place).contains("attestation-identities"), "{}", text(&place));
}

#[test]
fn of_a_package_that_is_attested_in_part_the_rest_is_named() {
    let place = place();
    let sdist =
        Served { filename: "demo-1.0.tar.gz".to_owned(), bytes: b"x".to_vec(), provenance: None };
    place.server.serve(PROJECT, &[demo(), sdist.clone()]);
    place.put(LOCK, (HEAD.to_owned() + &package(PROJECT, &[demo(), sdist])).as_bytes());
    let told = said(&mut lock(&place, &["--write-identities"]), 0);
    assert!(
        told.starts_with(
            "note: line 5: of 1 of the 2 files of `demo` the index has no attestation"
        ),
        "{told}"
    );
    // It is who attested any of them that is written beside the lock too.
    said(&mut lock(&place, &["--out", "wheelmark.lock"]), 0);
}

#[test]
fn what_cannot_be_written_into_is_wrong_usage() {
    let place = place();
    place.put("requirements.txt", b"demo==1.0\n");
    for (arguments, says) in [
        (&["-r", "requirements.txt"][..], "is for one lock"),
        (&["--out", "x.lock"], "cannot be used with"),
    ] {
        let told = said(&mut lock(&place, &[arguments, &["--write-identities"]].concat()), 2);
        assert!(told.contains(says), "{told}");
    }
    let mut command = wheelmark();
    command.current_dir(&place.folder).args([
        "lock",
        "-r",
        "requirements.txt",
        "--write-identities",
    ]);
    assert!(said(&mut command, 2).contains("is no pylock.toml"));
    assert!(said(&mut lock(&place, &[]), 2).contains("--out <FILE>"));
    assert!(place.server.seen().is_empty());
    place.server.told(&page_path("other"), Reply::status(500));
    let before = text(&place);
    said(&mut lock(&place, &["--write-identities"]), 1);
    assert_eq!(text(&place), before);
}

/// What uv locks of this index is still its lock when the identities are in it, and it is installed by it.
#[test]
fn uv_installs_by_a_lock_that_was_written_into() {
    let place = place();
    place.put("r.in", b"demo\nother\n");
    let uv = |arguments: &[&str]| {
        let mut command = Command::new("uv");
        command.current_dir(&place.folder).args(arguments);
        command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
        command.env("UV_DEFAULT_INDEX", place.server.url());
        said(&mut command, 0)
    };
    uv(&["pip", "compile", "--quiet", "--format", LOCK, "r.in", "-o", LOCK]);
    let before = text(&place);
    said(&mut lock(&place, &["--write-identities"]), 0);
    let written = text(&place);
    assert_eq!(written.replace(IDENTITY, ""), before, "{written}");
    assert_ne!(written, before);
    uv(&["venv", "--quiet", "--python", "python3", "env"]);
    let python = place.folder.path().join("env/bin/python").to_string_lossy().into_owned();
    let install = ["pip", "install", "--python", &python, "-r", LOCK];
    let planned = uv(&[&install[..], &["--dry-run"]].concat());
    assert!(planned.contains("+ demo==1.0") && planned.contains("+ other==1.0"), "{planned}");
    // By wheelmark it is installed only if who attested it is who is locked.
    place.put("one.in", b"demo\n");
    for (signer, code) in [("octo/other", 10), ("octo/demo", 0)] {
        uv(&["pip", "compile", "--quiet", "--format", LOCK, "one.in", "-o", LOCK]);
        said(&mut lock(&place, &["--write-identities", "--overwrite"]), 0);
        place.put(LOCK, text(&place).replace("octo/demo", signer).as_bytes());
        let mut command = wheelmark();
        command.current_dir(&place.folder).env("TMPDIR", place.folder.path().join("tmp"));
        command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
        command.args([
            "install",
            "--policy",
            "policy.toml",
            "--trust-root",
            TRUSTED_ROOT,
            "--at",
            AT,
        ]);
        command.args(["--index", &place.server.url(), "--", "uv"]).args(install);
        let told = said(&mut command, code);
        assert_eq!(told.contains("attestation-identity-mismatch"), code == 10, "{told}");
    }
}

/// What `wheelmark.lock` holds is held beside it.
#[test]
fn the_lock_s_identities_and_those_that_were_locked_beside_it_are_held_apart() {
    let place = place();
    place.put(LOCK, (HEAD.to_owned() + &package(PROJECT, &[demo()]) + IDENTITY).as_bytes());
    said(&mut lock(&place, &["--out", "wheelmark.lock"]), 0);
    let mut command = verify(&place, &IDENTITY.replace("octo/demo", "octo/fork"));
    let judged = batch(command.args(["--locked", "wheelmark.lock"]), 10);
    assert_eq!(refusals(&judged), failure("attestation-identity-mismatch"));
    let mut command = place.verify(&RELEASE);
    report(command.args(["--locked", "wheelmark.lock"]), 0);
}
