//! `verify -r LOCK --python PATH`: what a lock asks for only on other machines need not be there.

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::statement::Signed;
use wheelmark_tests::tiny;

use super::{batch, said, signed};

/// A lock of `shop`, which needs `demo`, and `other` in one case.
fn lock(signed: &Signed, case: &str) {
    let package = |name: &str, digest: Sha256Digest, more: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0\"\nsource = {{ registry = \"https://example.org/simple\" }}\n\
             wheels = [{{ url = \"https://example.org/{name}-1.0-py3-none-any.whl\", hash = \"sha256:{digest}\" }}]\n\
             {more}\n"
        )
    };
    let needs = format!("dependencies = [{{ name = \"other\", marker = \"{case}\" }}]");
    let (_, other) = tiny::wheel_of("other", "1.0");
    let text = format!(
        "version = 1\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\nsource = {{ virtual = \".\" }}\n\
         dependencies = [{{ name = \"demo\" }}]\n{}{}",
        package("demo", Sha256Digest::of(&tiny::wheel()), &needs),
        package("other", Sha256Digest::of(&other), "")
    );
    signed.put("uv.lock", text.as_bytes());
}

const LOCKED: [&str; 2] = ["-r", "uv.lock"];
const HERE: [&str; 4] = ["-r", "uv.lock", "--python", "python3"];

#[test]
fn what_is_asked_for_only_elsewhere_may_be_missing() {
    let signed = signed();
    lock(&signed, "sys_platform == 'win32'");
    let output = signed.verify_all(&LOCKED).assert().code(1).get_output().stdout.clone();
    let told = String::from_utf8(output).expect("UTF-8");
    assert!(
        told.contains(
            "it is asked for only where `sys_platform == 'win32'`; `--python PATH` leaves out"
        ),
        "{told}"
    );
    let told = said(&mut signed.verify_all(&HERE), 0);
    assert!(
        told.contains(
            "note: `uv.lock`: not asked for where `--python` is, and not there: other==1.0\n"
        ),
        "{told}"
    );
    assert!(told.contains("accepted ./demo-1.0-py3-none-any.whl\n"), "{told}");
    let document = batch(&mut signed.verify_all(&HERE), 0);
    assert_eq!(document["locks"][0]["decision"], "accepted");
}

#[test]
fn what_is_there_is_looked_at_wherever_it_is_asked_for() {
    let signed = signed();
    lock(&signed, "sys_platform == 'win32'");
    let (name, _) = tiny::wheel_of("other", "1.0");
    signed.put(&name, &tiny::wheel());
    let told = said(&mut signed.verify_all(&HERE), 10);
    assert!(told.contains("rejected ./other-1.0-py3-none-any.whl"), "{told}");
}

#[test]
fn what_is_asked_for_here_must_be_there_and_nothing_at_all_is_not_accepted() {
    let signed = signed();
    for case in ["sys_platform != 'win32'", "python_version >= '3.0'", "extra == 'x'", "no marker"]
    {
        lock(&signed, case);
        let told = said(&mut signed.verify_all(&HERE), 1);
        assert!(told.contains("undecided other==1.0"), "{case}: {told}");
    }
    let digest = Sha256Digest::of(b"x");
    let text = format!("gone==1.0 ; sys_platform == 'win32' --hash=sha256:{digest}\n");
    signed.put("requirements.txt", text.as_bytes());
    let here = ["-r", "requirements.txt", "--python", "python3", "--files", "."];
    let document = batch(&mut signed.verify_all(&here), 1);
    assert_eq!(document["locks"][0]["decision"], "undecided");
}

#[test]
fn an_interpreter_that_is_none_decides_nothing() {
    let signed = signed();
    lock(&signed, "sys_platform == 'win32'");
    said(&mut signed.verify_all(&["-r", "uv.lock", "--python", "./no-such-python"]), 1);
    // `true` says nothing of itself.
    said(&mut signed.verify_all(&["-r", "uv.lock", "--python", "/bin/true"]), 1);
}
