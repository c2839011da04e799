//! The whole lock of a real project, from the package index that this machine is configured with, under the policy that
//! `wheelmark policy init` makes of it.
//!
//! `hatch` runs always; `jupyterlab`, twice as many projects, with `WHEELMARK_REAL=all`, or `just real-lock`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::attestation::statement::STATEMENT_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_tests::index_server::{IndexServer, Served};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::sigstore::holder::Name;
use wheelmark_tests::sigstore::{Holder, Sigstore, provenance_object};
use wheelmark_tests::statement::failures;
use wheelmark_tests::workshop::{index_is_unreachable, skipped};

/// What was released until then is locked, so that what is tested stays the same.
const UNTIL: &str = "2026-11-01T00:00:00Z";
/// When everything is judged.
const AT: &str = "2026-12-01T00:00:00Z";

const LOCK: &str = "requirements.txt";
const POLICY: &str = "policy.toml";
/// What says of a file that it was taken as it was locked, and no more.
const EXCEPTED: &str = "an exception takes it: nothing of its origin was verified";

/// The lock has at least this many projects.
const PROJECTS: usize = 40;

#[test]
fn the_lock_of_hatch() {
    whole_lock("hatch==1.16.5");
}

#[test]
fn the_lock_of_jupyterlab() {
    if std::env::var("WHEELMARK_REAL").as_deref() != Ok("all") {
        return skipped("jupyterlab: not among the quick ones; WHEELMARK_REAL=all");
    }
    whole_lock("jupyterlab==4.5.3");
}

/// A person's folder.
struct Place(TempDir);

impl Place {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of the folder")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = match program {
            "wheelmark" => wheelmark(),
            program => Command::new(program),
        };
        command.current_dir(&self.0).args(arguments);
        command.env("UV_CACHE_DIR", self.path("uv-cache"));
        command
    }

    /// What is printed by a command that ends with this code.
    #[track_caller]
    fn printed(&self, program: &str, arguments: &[&str], code: i32) -> String {
        let output = self.command(program, arguments).assert().code(code).get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// `verify` of the lock's files, once on one thread and once on three: the bytes are the same.
    #[track_caller]
    fn verified_twice(&self, more: &[&str], code: i32) -> Value {
        let verify = ["verify", "--policy", POLICY, "-r", LOCK, "--files", "files", "--at", AT];
        let verify = [&verify[..], &["--format", "json"], more].concat();
        let once = self.printed("wheelmark", &[&verify[..], &["--jobs", "1"]].concat(), code);
        let again = self.printed("wheelmark", &[&verify[..], &["--jobs", "3"]].concat(), code);
        assert!(once == again, "two runs differ:\n{once}\n{again}");
        serde_json::from_str(&once).expect("one document")
    }
}

/// Locks a project as uv does, makes a policy of that, downloads what it installs, and verifies it; then the same
/// against an index that has attestations of some of it, since the configured one may have none.
fn whole_lock(project: &str) {
    let place = Place(tempfile::tempdir().expect("a folder"));
    fs::write(place.path("project.in"), format!("{project}\n")).expect("written");
    let lock = ["pip", "compile", "--quiet", "--generate-hashes", "--exclude-newer", UNTIL];
    let lock = [&lock[..], &["--python", "python3", "project.in", "-o", LOCK]].concat();
    let output = place.command("uv", &lock).output().expect("uv runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if index_is_unreachable(&said) {
        return skipped(format!("{project}: the package index cannot be reached"));
    }
    assert!(output.status.success(), "{said}");
    let projects = place.read(LOCK).lines().filter(|line| line.contains("==")).count();
    assert!(projects >= PROJECTS, "{projects} projects");

    place.printed("wheelmark", &["policy", "init", "-r", LOCK, "--at", AT, "--out", POLICY], 0);
    place.printed("uv", &["venv", "--quiet", "--python", "python3", "env"], 0);
    let install = ["--at", AT, "--", "uv", "pip", "install", "--python", "env/bin/python"];
    let download = ["download", "--json", "--policy", POLICY, "--dest", "files"];
    place.printed("wheelmark", &[&download[..], &install, &["-r", LOCK]].concat(), 0);

    let judged = place.verified_twice(&["--fetch-attestations"], 0);
    assert_eq!(judged["locks"][0]["decision"], "accepted", "{judged:#}");
    let results = judged["results"].as_array().expect("results");
    assert!(results.len() >= PROJECTS, "{} files", results.len());
    let excepted: Vec<_> =
        results.iter().map(|it| &it["report"]).filter(|it| is_excepted(it)).collect();
    let attested = results.len() - excepted.len();
    eprintln!(
        "{project}: {projects} projects, {} files accepted, {} of them only as locked, {attested} by who signs them",
        results.len(),
        excepted.len()
    );
    // An exception is what the policy has for what the index has no attestation of, and for nothing else.
    assert_eq!(attested > 0, place.read(POLICY).contains("[identities."));

    // One bit of one file is enough, and the lock falls as a whole.
    let file = some_file(&place, results.len() / 2);
    let bytes = fs::read(&file).expect("a file");
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&file, changed).expect("written");
    let judged = place.verified_twice(&[], 10);
    assert_eq!(judged["locks"][0]["decision"], "rejected");
    assert_eq!(judged["summary"]["rejected"], 1, "{judged:#}");
    fs::write(&file, bytes).expect("written");

    with_attestations(&place);
}

fn is_excepted(report: &Value) -> bool {
    report["notes"].as_array().into_iter().flatten().any(|note| note == EXCEPTED)
}

fn some_file(place: &Place, at: usize) -> std::path::PathBuf {
    files(&place.path("files"))[at].clone()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).expect("the folder");
    let mut files: Vec<_> = files.map(|it| it.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A file as an index of our own has it, and its project and version.
fn served(path: &Path) -> (DistFilename, Served) {
    let filename = path.file_name().expect("a name").to_string_lossy().into_owned();
    let name = DistFilename::parse(&filename).expect("a distribution");
    (name, Served { filename, bytes: fs::read(path).expect("a file"), provenance: None })
}

/// The same files from an index of our own, every third attested by the release workflow of its project.
fn with_attestations(place: &Place) {
    let server = IndexServer::start();
    let instance = Sigstore::default();
    let (mut lock, mut attested) = (String::new(), BTreeSet::new());
    let files = files(&place.path("files"));
    let unsigned = IndexServer::start();
    for (number, path) in files.iter().enumerate() {
        let (name, file) = served(path);
        let digest = Sha256Digest::of(&file.bytes);
        lock += &format!("{}=={} --hash=sha256:{digest}\n", name.project(), name.version());
        let provenance = (number % 3 == 0).then(|| {
            attested.insert(file.filename.clone());
            provenance(&instance, &name, digest)
        });
        unsigned.serve(name.project().as_str(), std::slice::from_ref(&file));
        server.serve(name.project().as_str(), &[Served { provenance, ..file }]);
    }
    fs::write(place.path(LOCK), lock).expect("written");
    let init = ["policy", "init", "-r", LOCK, "--at", AT, "--out", "as-locked.toml", "--index"];
    place.printed("wheelmark", &[&init[..], &[&*unsigned.url()]].concat(), 0);
    fs::write(place.path("root.json"), instance.trusted_root().to_string()).expect("written");

    let index = server.url();
    let asked = ["--index", &*index, "--trust-root", "root.json"];
    let init = ["policy", "init", "-r", LOCK, "--trust", "private", "--at", AT];
    let init = [&init[..], &asked].concat();
    let policy = place.printed("wheelmark", &init, 0);
    assert!(policy == place.printed("wheelmark", &init, 0), "two runs of `policy init` differ");
    fs::write(place.path(POLICY), policy).expect("written");

    let fetch = [&["--fetch-attestations"][..], &asked].concat();
    let judged = place.verified_twice(&fetch, 0);
    let results = judged["results"].as_array().expect("results");
    assert_eq!(results.len(), files.len());
    for result in results {
        let file = result["file"].as_str().expect("a file").rsplit('/').next().expect("a name");
        let report = &result["report"];
        assert_eq!(is_excepted(report), !attested.contains(file), "{report:#}");
        let rule = report["policy"]["rule"].as_str().expect("what took it");
        let expected = if attested.contains(file) { "rules[" } else { "exceptions[" };
        assert!(rule.starts_with(expected), "{file}: {rule}");
    }

    identities_in_the_lock(place, &asked, attested.len(), files.len());

    // The index leaves one attestation out, and another workflow attested the next.
    let mut of_lock = files.iter().step_by(3);
    for (signed, reason) in [(false, "attestation-missing"), (true, "signer-not-allowed")] {
        let path = of_lock.next().expect("some are attested");
        let (name, file) = served(path);
        let digest = Sha256Digest::of(&file.bytes);
        let right = provenance(&instance, &name, digest);
        let other = provenance_by(&instance, &name, digest, "forger");
        let serve = |provenance| {
            server.serve(name.project().as_str(), &[Served { provenance, ..file.clone() }]);
        };
        serve(signed.then_some(other));
        let judged = place.verified_twice(&fetch, 10);
        let mut results = judged["results"].as_array().expect("results").iter();
        let failed = |it: &&Value| it["report"]["decision"] != "accepted";
        let rejected = results.find(failed).expect("one is rejected");
        assert!(
            rejected["file"].as_str().expect("a file").ends_with(&file.filename),
            "{rejected:#}"
        );
        assert!(
            failures(&rejected["report"]).iter().any(|(_, found)| found == reason),
            "{rejected:#}"
        );
        assert_eq!(results.filter(failed).count(), 0);
        serve(Some(right));
    }
}

/// What uv locks of that index is its lock still when who attested its packages is written into it, and then asks for
/// these.
fn identities_in_the_lock(place: &Place, asked: &[&str], attested: usize, all: usize) {
    let pins = place.read(LOCK);
    let pins = pins.lines().filter_map(|line| line.split(' ').next());
    fs::write(place.path("pins.in"), pins.collect::<Vec<_>>().join("\n")).expect("written");
    let compile = ["pip", "compile", "--quiet", "--no-deps", "--python", "python3"];
    let compile = [&compile[..], &["--default-index", asked[1]]].concat();
    let (pins, pylock) = ("pins.in", "pylock.toml");
    place.printed("uv", &[&compile[..], &[pins, "--format", pylock, "-o", pylock]].concat(), 0);
    let before = place.read(pylock);
    let write = ["lock", "-r", pylock, "--write-identities", "--trust", "private", "--at", AT];
    let told = place.printed("wheelmark", &[&write[..], asked].concat(), 0);
    let counts =
        format!("by who attests them {attested}, that nobody attests {}\n", all - attested);
    assert!(told.ends_with(&counts), "{told}");
    let written = place.read(pylock);
    let added = |line: &&str| {
        let (key, _) = line.split_once(" = ").unwrap_or((line, ""));
        let keys = [
            "[[packages.attestation-identities]]",
            "kind",
            "repository",
            "workflow",
            "environment",
            "",
        ];
        !keys.contains(&key)
    };
    let kept = |text: &str| text.lines().filter(added).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(kept(&written), kept(&before));
    assert_eq!(written.matches("kind = \"GitHub\"").count(), attested);
    let install = ["pip", "install", "--dry-run", "--reinstall", "--python", "env/bin/python"];
    let plan =
        place.command("uv", &[&install[..], &["-r", pylock]].concat()).output().expect("uv runs");
    let plan = String::from_utf8_lossy(&plan.stderr).into_owned();
    assert!(plan.contains(&format!("Would install {all} packages")), "{plan}");

    let verify = ["verify", "-r", pylock, "--files", "files", "--at", AT, "--format", "json"];
    let policy = ["--policy", POLICY, "--fetch-attestations"];
    let held = place.printed("wheelmark", &[&verify[..], &policy, asked].concat(), 0);
    assert_eq!(held.matches("\"attestation-identity\"").count(), attested);
    // A policy that takes everything as it was locked does not lift what the lock asks for.
    let policy = ["--policy", "as-locked.toml"];
    let lost = place.printed("wheelmark", &[&verify[..], &policy].concat(), 10);
    assert_eq!(lost.matches("\"attestation-identity-missing\"").count(), attested);
}

fn provenance(instance: &Sigstore, file: &DistFilename, digest: Sha256Digest) -> Vec<u8> {
    provenance_by(instance, file, digest, "octo")
}

/// The provenance object of a file (PEP 740): a publish attestation by the workflow of its version's tag in a repository
/// of its project's name.
fn provenance_by(
    instance: &Sigstore,
    file: &DistFilename,
    digest: Sha256Digest,
    owner: &str,
) -> Vec<u8> {
    let repository = format!("{owner}/{}", file.project());
    let own = |text: &str| {
        let text = text.replace("octo/demo", &repository);
        text.replace("refs/tags/v1.0", &format!("refs/tags/v{}", file.version()))
    };
    let mut holder = Holder::workflow();
    for claim in holder.claims.values_mut() {
        *claim = own(claim);
    }
    if let Name::Uri(uri) = &mut holder.name {
        *uri = own(uri);
    }
    let statement = json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": file.as_str(), "digest": {"sha256": digest.to_string()}}],
        "predicateType": PUBLISH_TYPE,
        "predicate": null,
    });
    let attestation = instance.sign(&holder, &statement.to_string()).attestation();
    let publisher = json!({
        "kind": "GitHub", "repository": repository, "workflow": "release.yml", "environment": "pypi",
    });
    provenance_object(&publisher, &[attestation]).to_string().into_bytes()
}
