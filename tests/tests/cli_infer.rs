//! Wheels of whose build nothing is attested: planned, built again, traced.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wheelmark_tests::workshop::{Workshop, answer, said, skipped};

const WHEEL: &str = "inferred_demo-1.0-py3-none-any.whl";
const SDIST: &str = "inferred_demo-1.0.tar.gz";

/// A release of a small project by one backend: its folder.
fn released(shop: &Workshop, backend: &str) -> Option<PathBuf> {
    let folder = shop.path(backend);
    fs::create_dir_all(&folder).expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/release.py");
    let made = Command::new("python3").arg(script).arg(&folder).arg(backend).output();
    match made {
        Ok(made) if made.status.success() => Some(folder.join("dist")),
        Ok(made) => {
            skipped(format!("{backend} did not build: {}", said(&made)));
            None
        }
        Err(error) => {
            skipped(error);
            None
        }
    }
}

fn rebuild(shop: &Workshop, wheel: &Path, sdist: &Path, code: i32) -> Value {
    let mut command = shop.wheelmark();
    command.arg("rebuild").arg(wheel).arg("--infer").arg("--sdist").arg(sdist).arg("--json");
    answer(&mut command, code)
}

#[test]
fn wheels_of_each_backend_come_back_identical() {
    let Some(shop) = Workshop::new() else { return };
    for backend in ["setuptools", "hatchling", "flit", "poetry"] {
        let Some(dist) = released(&shop, backend) else { continue };
        let answer = rebuild(&shop, &dist.join(WHEEL), &dist.join(SDIST), 0);
        assert_eq!(answer["outcome"], "identical", "{backend}: {answer}");
        assert_eq!(answer["sha256"], answer["rebuilt"], "{backend}");
        assert_eq!(answer["planIs"], "inferred");
        // At most one clock and one zone.
        assert!(answer["copied"].as_array().expect("a list").len() <= 2, "{backend}: {answer}");
    }
}

#[test]
fn what_is_planted_is_named_and_never_identical() {
    let Some(shop) = Workshop::new() else { return };
    let Some(dist) = released(&shop, "setuptools") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/planted.py");
    let planted = |change: &str, target: &Path| {
        let mut command = Command::new("python3");
        command.arg(&script).arg(dist.join(WHEEL)).arg(change).arg(target);
        command.output().expect("Python runs")
    };
    let list = planted("list", Path::new("-"));
    let list = String::from_utf8(list.stdout).expect("UTF-8");
    assert!(list.split_whitespace().count() >= 20, "{list}");
    for change in list.split_whitespace() {
        let folder = shop.path(format!("planted-{change}"));
        fs::create_dir_all(&folder).expect("a folder");
        let wheel = folder.join(WHEEL);
        let made = planted(change, &wheel);
        assert!(made.status.success(), "{change}: {}", said(&made));
        let mut command = shop.wheelmark();
        command.arg("rebuild").arg(&wheel).args(["--infer", "--builds", "1", "--json", "--sdist"]);
        let output = command.arg(dist.join(SDIST)).output().expect("it runs");
        assert_ne!(output.status.code(), Some(0), "{change}: {}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_ne!(answer["outcome"], "identical", "{change}: {answer}");
        // Refused when it is read, or different with the member named.
        let member = match change {
            "module" => "inferred_demo/helper.py",
            "constant" | "statement" | "blank" | "executable" => "inferred_demo/__init__.py",
            "pth" => "demo.pth",
            "sitecustomize" => "sitecustomize.py",
            "entry-point" | "entry-point-more" => "entry_points.txt",
            "requirement" | "description" => "METADATA",
            "data" => "inferred_demo/table.txt",
            "native" => "inferred_demo/_fast.abi3.so",
            _ => continue,
        };
        assert!(answer["diff"].to_string().contains(member), "{change}: {answer}");
    }
}

#[test]
fn a_trace_names_what_the_source_has_not() {
    let Some(shop) = Workshop::new() else { return };
    let Some(dist) = released(&shop, "setuptools") else { return };
    let trace = |wheel: &Path, code: i32| {
        let mut command = shop.wheelmark();
        command.arg("trace").arg(wheel).arg("--sdist").arg(dist.join(SDIST)).arg("--json");
        answer(&mut command, code)
    };
    let whole = trace(&dist.join(WHEEL), 0);
    assert_eq!(whole["unexplained"], 0, "{whole}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/planted.py");
    for (change, member) in [
        ("pth", "demo.pth"),
        ("constant", "inferred_demo/__init__.py"),
        ("entry-point", "inferred_demo-1.0.dist-info/entry_points.txt"),
        ("requirement", "inferred_demo-1.0.dist-info/METADATA"),
        ("pyc", "inferred_demo/__pycache__/__init__.cpython-311.pyc"),
    ] {
        let folder = shop.path(format!("traced-{change}"));
        fs::create_dir_all(&folder).expect("a folder");
        let wheel = folder.join(WHEEL);
        let mut command = Command::new("python3");
        command.arg(&script).arg(dist.join(WHEEL)).arg(change).arg(&wheel);
        assert!(command.status().expect("Python runs").success());
        let found = trace(&wheel, 11);
        let unexplained: Vec<_> = found["members"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|line| line["is"] == "unexplained")
            .map(|line| line["member"].as_str().expect("a name"))
            .collect();
        assert_eq!(unexplained, [member], "{change}");
    }
}

#[test]
fn a_plan_is_printed_edited_and_built() {
    let Some(shop) = Workshop::new() else { return };
    let Some(dist) = released(&shop, "setuptools") else { return };
    let (wheel, sdist) = (dist.join(WHEEL), dist.join(SDIST));
    let printed = shop.wheelmark().arg("plan").arg(&wheel).arg("--sdist").arg(&sdist).output();
    let printed = printed.expect("it runs");
    assert!(printed.status.success(), "{}", said(&printed));
    let plan = shop.path("plan.toml");
    fs::write(&plan, &printed.stdout).expect("written");
    let recipe = shop.path("recipe.toml");
    let by_plan = |plan: &Path| {
        let mut command = shop.wheelmark();
        command.arg("rebuild").arg(&wheel).arg("--plan").arg(plan).arg("--sdist").arg(&sdist);
        command.arg("--json");
        command
    };
    let built = answer(by_plan(&plan).arg("--write-plan").arg(&recipe), 0);
    assert_eq!(built["planIs"], "given");
    // The plan that was written names every file of the environment, and builds the same.
    let text = fs::read_to_string(&recipe).expect("written");
    assert!(text.contains("[[locked]]") && text.contains("setuptools"), "{text}");
    assert_eq!(answer(&mut by_plan(&recipe), 0)["outcome"], "identical");

    // Another clock gives another wheel; a key that is not known is an error with its place.
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    let line = text.lines().find(|line| line.starts_with("stands = ")).expect("a clock");
    let other = shop.path("other.toml");
    fs::write(&other, text.replace(line, "stands = 1000000000")).expect("written");
    let answered = answer(&mut by_plan(&other), 11);
    assert!(answered["diff"].to_string().contains("timestamps"), "{answered}");
    fs::write(&other, text.replace("[umask]", "[umusk]")).expect("written");
    let refused = answer(&mut by_plan(&other), 1);
    let error = refused["error"].as_str().expect("an error");
    assert!(error.contains("umusk") && error.contains("line"), "{error}");
}

/// What README shows, on the index that this machine has.
#[test]
fn a_release_of_the_index_comes_back_identical_and_a_stamped_one_is_found() {
    let Some(shop) = Workshop::new() else { return };
    let of_index = |arguments: &[&str]| {
        let output = shop.wheelmark().args(arguments).arg("--json").output().expect("it runs");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        match answer["error"].as_str() {
            Some(error) => {
                skipped(format!("{}: {error}", arguments.join(" ")));
                None
            }
            None => Some(answer),
        }
    };
    if let Some(answer) = of_index(&["rebuild", "requests==2.32.5"]) {
        assert_eq!(answer["outcome"], "identical", "{answer}");
        assert_eq!(answer["planIs"], "inferred");
    }
    if let Some(answer) = of_index(&["trace", "psutil==7.2.2"]) {
        let unexplained: Vec<_> = answer["members"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|line| line["is"] == "unexplained")
            .map(|line| line["member"].clone())
            .collect();
        assert_eq!(unexplained, ["psutil/__init__.py"]);
    }
}

#[test]
fn the_fingerprints_of_backends_hold_together() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fingerprints.py");
    let checked = Command::new("python3").arg(script).arg("--check").output();
    let checked = checked.expect("Python runs");
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn nobody_is_let_believe_that_a_policy_was_applied() {
    let Some(shop) = Workshop::new() else { return };
    fs::write(shop.path("list.txt"), "demo==1.0\n").expect("written");
    for arguments in [
        &["demo==1.0", "--key", "release.pub"][..],
        &["demo-1.0-py3-none-any.whl", "--infer", "--source", "https://example.org/a/b"],
        &["https://example.org/demo-1.0-py3-none-any.whl", "--policy", "policy.toml"],
        &["-r", "list.txt", "--results", "results.jsonl", "--key", "release.pub"],
        &["demo==1.0", "--sign-result", "--signing-key", "release.key"],
    ] {
        let refused = answer(shop.wheelmark().arg("rebuild").args(arguments).arg("--json"), 2);
        let error = refused["error"].as_str().expect("an error");
        assert!(error.contains("no provenance"), "{arguments:?}: {error}");
    }
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let Some(shop) = Workshop::new() else { return };
    let Some(dist) = released(&shop, "hatchling") else { return };
    let sdist = dist.join(SDIST);
    let before = fs::read(&sdist).expect("there");
    let mut command = shop.wheelmark();
    command.arg("rebuild").arg(dist.join(WHEEL)).arg("--infer").arg("--sdist").arg(&sdist);
    command.arg("--write-plan").arg(&sdist).args(["--overwrite", "--json"]);
    let refused = answer(&mut command, 2);
    assert!(refused["error"].to_string().contains("would write over"), "{refused}");
    assert_eq!(fs::read(&sdist).expect("there"), before);
}

#[test]
fn a_list_goes_on_after_a_line_that_was_cut_off() {
    let Some(shop) = Workshop::new() else { return };
    let (list, results) = (shop.path("list.txt"), shop.path("results.jsonl"));
    fs::write(&list, "no-such-wheel-1.whl  # a comment\nno-such-wheel-2.whl\n").expect("written");
    let run = || {
        let mut command = shop.wheelmark();
        command.args(["rebuild", "-r"]).arg(&list).arg("--results").arg(&results);
        command.arg("--html").arg(shop.path("page.html")).args(["--overwrite", "--json"]);
        answer(&mut command, 1)
    };
    assert_eq!(run()["wheels"], 2);
    let whole = fs::read_to_string(&results).expect("results");
    let (first, _) = whole.split_once('\n').expect("two lines");
    fs::write(&results, format!("{first}\n{{\"target\":\"no-such-wh")).expect("written");
    assert_eq!(run()["outcomes"]["undecided"], 2);
    let again = fs::read_to_string(&results).expect("results");
    assert!(again.starts_with(first), "what was there is kept");
    assert_eq!(again.lines().count(), 2, "{again}");
    let page = fs::read_to_string(shop.path("page.html")).expect("a page");
    assert!(page.contains("no-such-wheel-2.whl"), "{page}");
}
