//! The signing key: the wrong kind, the wrong passphrase, a mode that lets others read it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use wheelmark_tests::built::Project;

use super::{cache, honest, needs_sandbox, refused};

fn put_key(project: &Project, content: impl AsRef<[u8]>, mode: u32) {
    let path = project.folder.path().join("release.key");
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_key_of_the_wrong_kind() {
    needs_sandbox!();
    let project = honest();
    let public = project.key.public_pem().expect("PEM").into_bytes();
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/keys/wrong_kind");
        fs::read(folder.join(name)).expect("a fixture")
    };
    for (content, says) in [
        (public, &["`release.key` is a public key, not a private key", "hint: "][..]),
        (fixture("rsa_pkcs1.pem"), &["`release.key` is `RSA PRIVATE KEY`", "hint: "]),
        (fixture("openssh.pem"), &["`release.key` is `OPENSSH PRIVATE KEY`"]),
        (fixture("rsa_pkcs8.pem"), &["`release.key` is ", "not a private key in PKCS#8 PEM"]),
        (fixture("p384.pem"), &["`release.key` is ", "not a private key in PKCS#8 PEM"]),
        (b"garbage".to_vec(), &["`release.key` is not PEM", "hint: `wheelmark keygen`"]),
        (b"\0\xff\x1b[2J".to_vec(), &["`release.key` is not text"]),
        (Vec::new(), &["`release.key` is not PEM"]),
        (vec![b'-'; 1 << 20], &["`release.key` is a file of more than 64 KiB"]),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec(),
            &["the private key `release.key` is damaged"],
        ),
        (
            b"-----BEGIN \x1b[2J KEY-----\nAAAA\n-----END \x1b[2J KEY-----\n".to_vec(),
            &["`release.key` is "],
        ),
    ] {
        put_key(&project, &content, 0o600);
        let said = refused(&project, &mut project.build(&cache(&project)), 1, says);
        // Nothing of what may be a secret is shown.
        let lines = content.split(|byte| *byte == b'\n').filter(|line| line.len() > 20);
        for line in lines.filter(|line| !line.starts_with(b"-")) {
            assert!(!said.contains(&*String::from_utf8_lossy(line)), "{said}");
        }
    }
}

#[test]
fn a_key_that_is_not_there() {
    needs_sandbox!();
    let project = honest();
    fs::remove_file(project.folder.path().join("release.key")).expect("removed");
    let build = || project.build(&cache(&project));
    refused(
        &project,
        &mut build(),
        1,
        &["cannot read the private key `release.key`: No such file"],
    );
    fs::create_dir(project.folder.path().join("release.key")).expect("a folder");
    refused(&project, &mut build(), 1, &["cannot read the private key `release.key`"]);
}

#[test]
fn a_key_that_others_can_read() {
    needs_sandbox!();
    let project = honest();
    let pem = project.key.private_pem(None).expect("PEM");
    for mode in [0o644, 0o640, 0o604, 0o620] {
        put_key(&project, pem.as_bytes(), mode);
        let says = format!("`release.key` can be read by others: its mode is {mode:04o}, not 0600");
        refused(&project, &mut project.build(&cache(&project)), 1, &[&says, "hint: "]);
    }
}

#[test]
fn a_passphrase_that_is_wrong_or_missing() {
    needs_sandbox!();
    let project = honest();
    put_key(&project, project.key.private_pem(Some("right")).expect("PEM"), 0o600);
    let mut build = project.build(&cache(&project));
    let says = ["wrong passphrase for the private key `release.key`"];
    let said = refused(&project, build.env("WHEELMARK_PASSPHRASE", "wr0ng"), 1, &says);
    assert!(!said.contains("wr0ng"), "{said}");

    // In a session of its own there is no terminal to ask on.
    let mut build = project.build(&cache(&project));
    let mut alone = assert_cmd::Command::new("setsid");
    alone.arg("--wait").arg(build.get_program()).args(build.get_args());
    alone.current_dir(&project.folder).env("WHEELMARK_CACHE", cache(&project));
    let says = ["a passphrase is needed", "hint: set WHEELMARK_PASSPHRASE"];
    refused(&project, alone.env_remove("WHEELMARK_PASSPHRASE"), 2, &says);

    build.env("WHEELMARK_PASSPHRASE", "right").assert().success();
}
