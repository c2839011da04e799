//! `wheelmark verify` on every folder of `fixtures/cases`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use wheelmark_core::report::Reason;
use wheelmark_tests::cases::{self, AT, Case, TRUSTED_ROOT};
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::statement::{failures, report};

/// Set to write the folders anew.
const BLESS: &str = "WHEELMARK_BLESS";

/// How reasons begin that are of layouts, links and what they name.
const OF_LAYOUTS: [&str; 5] = ["layout-", "link", "artifact-", "product-", "inspection-"];

/// What the program says of a case's folder.
fn judged(folder: &Path, rejected: bool) -> Value {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("UTF-8")
    });
    let wheels: Vec<_> = names.filter(|name| name.ends_with(".whl")).collect();
    let [wheel] = &wheels[..] else {
        panic!("{}: one wheel, not {wheels:?}", folder.display());
    };
    let mut command = wheelmark();
    command.current_dir(folder).args(["verify", wheel, "--policy", "policy.toml", "--at", AT]);
    let policy = fs::read_to_string(folder.join("policy.toml")).expect("a policy");
    if folder.join(TRUSTED_ROOT).exists() && policy.contains("\"private\"") {
        command.args(["--trust-root", TRUSTED_ROOT]);
    }
    let mut report = report(&mut command, if rejected { 10 } else { 0 });
    // The path is the line's, not the report's.
    let file = report.as_object_mut().and_then(|line| line.remove("file"));
    assert_eq!(file.as_ref(), Some(&report["wheel"]["filename"]));
    report
}

#[test]
fn every_folder_is_judged_as_it_says() {
    if std::env::var_os(BLESS).is_some() {
        bless();
    }
    let mut judged_count = 0;
    for entry in fs::read_dir(cases::folder()).expect("the cases") {
        let folder = entry.expect("an entry").path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().expect("a name").to_string_lossy();
        let rejected = name.ends_with("_fail");
        let text = fs::read_to_string(folder.join("expected.json")).expect("expected.json");
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let decision = if rejected { "rejected" } else { "accepted" };
        assert_eq!(expected["decision"], decision, "{name}");
        let found = judged(&folder, rejected);
        assert_eq!(found, expected, "{name}: {found:#}");
        judged_count += 1;
    }
    assert_eq!(judged_count, cases::all().len());
}

/// The reasons are written by hand beside each case: blessing cannot change them.
#[test]
fn every_case_fails_for_its_own_reasons_alone() {
    let mut names = BTreeSet::new();
    for case in cases::all() {
        assert!(names.insert(case.name.clone()), "{} twice", case.name);
        assert_eq!(case.name.ends_with("_fail"), !case.fails.is_empty(), "{}", case.name);
        let folder = tempfile::tempdir().expect("a folder");
        write(&case, folder.path());
        assert_reasons(&case, &judged(folder.path(), !case.fails.is_empty()));
    }
}

#[test]
fn the_folders_hold_what_the_list_makes() {
    for case in cases::all() {
        let folder = cases::folder().join(&case.name);
        let mut wanted: BTreeMap<_, _> = case.files().into_iter().collect();
        let expected = fs::read(folder.join("expected.json")).unwrap_or_default();
        wanted.insert("expected.json".to_owned(), expected);
        let found: BTreeMap<_, _> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}; {BLESS}=1 writes it", folder.display()))
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                (name.into_owned(), fs::read(&path).expect("a file"))
            })
            .collect();
        assert!(found == wanted, "{}: {BLESS}=1 writes it anew", folder.display());
    }
}

/// Reasons of the archive have their tests in `hostile_wheels`, that of a lock in `cli_batch`, those of who
/// signed before and of whom a lock names and of a young upload in `cli_index`, those of layouts in `in_toto`, those of build
/// requirements in `cli_build_requirements`, that of what is installed unverified in `cli_index`; a rebuild's is shown where one is made.
#[test]
fn every_reason_of_the_attestation_and_the_policy_has_a_case() {
    let from = Reason::ALL
        .iter()
        .position(|reason| *reason == Reason::AttestationMissing)
        .expect("it is listed");
    let wanted: BTreeSet<_> = Reason::ALL[from..]
        .iter()
        .map(|reason| reason.code())
        .filter(|code| !code.starts_with("rebuild-") || *code == "rebuild-required")
        .filter(|code| *code != Reason::LockDigestMismatch.code())
        .filter(|code| *code != Reason::UploadTooRecent.code())
        .filter(|code| *code != Reason::ExemptionMissing.code())
        .filter(|code| !code.starts_with("build-requirement-"))
        .filter(|code| !code.starts_with("identity-") && !code.starts_with("attestation-identity-"))
        .filter(|code| !OF_LAYOUTS.iter().any(|of| code.starts_with(of)))
        .collect();
    let found: BTreeSet<_> =
        cases::all().iter().flat_map(|case| case.fails.clone()).map(|(_, reason)| reason).collect();
    assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new());
}

fn write(case: &Case, folder: &Path) {
    for (name, content) in case.files() {
        fs::write(folder.join(name), content).expect("written");
    }
}

#[track_caller]
fn assert_reasons(case: &Case, report: &Value) {
    let found = failures(report);
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, case.fails, "{}: {report:#}", case.name);
}

/// Writes every folder anew. A case that is not judged as its list says is not blessed.
fn bless() {
    let folder = cases::folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("removed");
    }
    for case in cases::all() {
        let folder = folder.join(&case.name);
        fs::create_dir_all(&folder).expect("a folder");
        write(&case, &folder);
        let report = judged(&folder, !case.fails.is_empty());
        assert_reasons(&case, &report);
        let text = format!("{report:#}\n");
        fs::write(folder.join("expected.json"), text).expect("written");
    }
    let about = "\
Each folder is a wheel, its bundle, a policy, and in `expected.json` the report of
`wheelmark verify --policy policy.toml --at 2026-01-01T00:00:00Z --json WHEEL`, run in the folder; with
`--trust-root trusted_root.json`, the trusted root of a Sigstore instance for tests, where the policy names `private`.
The files are derived: `tests/src/cases/list.rs` says how, and `WHEELMARK_BLESS=1 cargo test -p
wheelmark-tests --test cases` writes them anew.
";
    fs::write(folder.join("README.md"), about).expect("written");
}

/// `docs/threats.md` names what shows each refusal: all of it must be there.
#[test]
fn the_table_of_threats_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = fs::read_to_string(root.join("docs/threats.md")).expect("the table");
    let tests = root.join("tests/tests");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let hostile =
        ["hostile_wheels/refused.rs", "hostile_sdists.rs"].map(|it| read(&tests.join(it)));
    let hostile = hostile.concat();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<usize>() else {
            continue;
        };
        rows += 1;
        assert_eq!(number, rows, "{row}");
        let [_, _, _, shown] = cells[..] else {
            panic!("four columns: {row}");
        };
        let quoted: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        for name in quoted.iter().filter(|name| !name.starts_with("--") && **name != ".pth") {
            let there = match name.rsplit_once("::") {
                Some((file, test)) => {
                    let file = tests.join(format!("{}.rs", file.replace("::", "/")));
                    read(&file).contains(&format!("fn {test}()"))
                }
                None if ["hostile_wheels", "hostile_sdists"].contains(name) => true,
                None if name.contains('-') => hostile.contains(&format!("(\"{name}\"")),
                None => {
                    cases::folder().join(name).join("expected.json").is_file()
                        || hostile.contains(&format!("(\"{name}\""))
                }
            };
            assert!(there, "{number}: there is no `{name}`");
        }
        assert!(!shown.is_empty(), "{number} says nothing");
    }
    assert_eq!(rows, 61);
}
