//! What a build asks for before the clone is there is only looked at ahead: the clone has the last word.

use std::fs;

use serde_json::Value;
use wheelmark_tests::program::wheelmark;
use wheelmark_tests::repo::GitRepo;

const BACKEND: &str = r#"
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(f"{folder}/demo-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"demo-1.0.dist-info/{name}"), text)
        import base64, hashlib
        rows = []
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            row = f"demo-1.0.dist-info/{name},sha256={digest.rstrip(b'=').decode()},{len(text)}"
            rows.append(row + "\n")
        rows.append("demo-1.0.dist-info/RECORD,,\n")
        archive.writestr(zipfile.ZipInfo("demo-1.0.dist-info/RECORD"), "".join(rows))
    return "demo-1.0-py3-none-any.whl"
"#;

fn manifest(requires: &str) -> String {
    format!(
        "[build-system]\nrequires = [{requires}]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
    )
}

/// The commit asks for what no index has; the work tree, which is what gets built, for nothing.
#[test]
fn the_clone_has_the_last_word_on_what_is_required() {
    let folder = tempfile::tempdir().expect("a folder");
    let repo = GitRepo::init(&folder.path().join("source"));
    repo.write("backend.py", BACKEND);
    repo.write("pyproject.toml", manifest("\"wheelmark-no-such-project==0.0.0\""));
    repo.commit_all("asks for what is not there");
    repo.write("pyproject.toml", manifest(""));
    let run = |arguments: &[&str]| {
        let mut command = wheelmark();
        command
            .current_dir(&folder)
            .env("WHEELMARK_CACHE", folder.path().join("cache"))
            .args(arguments);
        command.output().expect("it runs")
    };
    run(&["keygen", "--out", "key", "--no-passphrase"]);
    let output = run(&[
        "build",
        "source",
        "--out",
        "out",
        "--key",
        "key",
        "--allow-dirty-unsafe",
        "--no-trace",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    let missing = ["uv is not installed", "is missing", "not allowed here", "bwrap"];
    if !output.status.success() && missing.iter().any(|reason| said.contains(reason)) {
        return eprintln!("skipped: {said}");
    }
    assert!(output.status.success(), "{said}");

    let bundle = folder.path().join("out/demo-1.0-py3-none-any.whl.sigstore.json");
    let bundle: Value = serde_json::from_slice(&fs::read(bundle).expect("a bundle")).expect("JSON");
    let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("base64");
    let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload);
    let statement: Value = serde_json::from_slice(&payload.expect("base64")).expect("JSON");
    let definition = &statement["predicate"]["buildDefinition"];
    let text = definition["resolvedDependencies"].to_string();
    assert!(!text.contains("pkg:pypi"), "nothing was required: {text}");
    let observed = &definition["internalParameters"]["observed"];
    assert!(observed.to_string().contains("not asked for"), "{observed}");
}
