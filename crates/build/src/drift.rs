//! In what this machine is not the recorded one, found before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use wheelmark_core::attestation::environment::{EnvironmentManifest, Tool};
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_core::compare::Drift;

use crate::environment::platform;
use crate::environment::uv::digest_of;
use crate::instructions::RustVersion;
use crate::layout;
use crate::observe::SYSTEM;
use crate::sandbox::{Package, installed};

/// The machine and its system libraries.
///
/// The kernel is recorded and not compared: builds do not see it but by asking, and no two machines have
/// the same for long (ADR 0005).
pub fn of_platform(environment: &EnvironmentManifest, cancel: &AtomicBool) -> Vec<Drift> {
    let recorded = &environment.platform;
    let found = platform::current(cancel);
    let or_unknown = |value: &Option<String>| value.clone().unwrap_or("unknown".to_owned());
    [
        Drift::between("operating system", &recorded.os, &found.os),
        Drift::between("architecture", &recorded.architecture, &found.architecture),
        Drift::between("C library", &recorded.libc, &found.libc),
        Drift::between(
            "distribution",
            or_unknown(&recorded.distribution),
            or_unknown(&found.distribution),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is the program's own in a rebuild, whatever the record says: how it sets up the build, and the tools
/// that it does it with. `variables` are those that the rebuild sets.
pub fn of_settings(
    environment: &EnvironmentManifest,
    variables: &BTreeMap<String, String>,
    uv: &str,
) -> Vec<Drift> {
    let set = |name: &str| variables.get(name).map_or("not set", String::as_str);
    let locale = if variables.contains_key("LC_ALL") { set("LC_ALL") } else { set("LANG") };
    let tool = |tool: &Tool| format!("{} {}", tool.name, tool.version);
    let epoch = environment.source_date_epoch.to_string();
    [
        Drift::between("umask", &environment.umask, layout::UMASK),
        Drift::between("locale", &environment.locale, locale),
        Drift::between("time zone", &environment.timezone, set("TZ")),
        Drift::between("source date", &epoch, set("SOURCE_DATE_EPOCH")),
        Drift::between("installer", tool(&environment.installer), format!("uv {uv}")),
        Drift::between(
            "frontend",
            tool(&environment.frontend),
            format!("wheelmark {}", env!("CARGO_PKG_VERSION")),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Compilers, linkers and packages of headers that are not here, or not the recorded ones. Where each is
/// to be had is added to `hints`.
///
/// `toolchain` is where the record saw the Rust toolchain, and where it is on this machine.
pub fn of_tools(
    tools: &[ResourceDescriptor],
    toolchain: Option<(&Path, &Path)>,
    hints: &mut Vec<String>,
) -> Vec<Drift> {
    let mut wanted = BTreeSet::new();
    let mut drift = Vec::new();
    for tool in tools {
        let package = tool.uri.as_deref().and_then(Package::from_purl);
        let found = match (text(tool, "path"), tool.digest.get("sha256")) {
            // What lies in the build's own folders came with a requirement, whose digest is enforced.
            (Some(path), _) if Path::new(path).starts_with(layout::ROOT) => None,
            (Some(path), Some(sha256)) => program(tool, path, sha256, toolchain),
            _ => package.as_ref().and_then(of_package),
        };
        if let Some(found) = found {
            drift.push(found);
            wanted.extend(package.map(|package| format!("{}={}", package.name, package.version)));
            if text(tool, "path").is_some_and(|path| path.ends_with("/bin/rustc")) {
                hints.extend(text(tool, "version").and_then(rustup));
            }
        }
    }
    if !wanted.is_empty() {
        let packages: Vec<_> = wanted.into_iter().collect();
        hints.push(format!("the recorded packages: apt-get install {}", packages.join(" ")));
    }
    drift
}

fn program(
    tool: &ResourceDescriptor,
    path: &str,
    recorded: &str,
    toolchain: Option<(&Path, &Path)>,
) -> Option<Drift> {
    let found = here(Path::new(path), toolchain).and_then(|here| digest_of(&here).ok());
    if found.is_some_and(|found| found.to_string() == recorded) {
        return None;
    }
    let version = text(tool, "version").map(|version| format!("{version}, "));
    Some(Drift {
        what: path.to_owned(),
        recorded: format!("{}sha256 {recorded}", version.unwrap_or_default()),
        // Not its digest: the path is a stranger's word, and the result may be published.
        found: found.map_or("none", |_| "another").to_owned(),
    })
}

/// A recorded path as it is on this machine: the Rust toolchain may lie elsewhere. Only the system's own
/// folders and that toolchain are looked into, whatever path a record names.
fn here(path: &Path, toolchain: Option<(&Path, &Path)>) -> Option<PathBuf> {
    if path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    if let Some((recorded, here)) = toolchain
        && let Ok(below) = path.strip_prefix(recorded)
    {
        return Some(here.join(below));
    }
    SYSTEM.iter().any(|folder| path.starts_with(folder)).then(|| path.to_owned())
}

fn of_package(recorded: &Package) -> Option<Drift> {
    let found = installed(&recorded.name).ok().flatten();
    let found = found.map_or("none".to_owned(), |package| package.version);
    Drift::between(&format!("package {}", recorded.name), &recorded.version, found)
}

fn rustup(version: &str) -> Option<String> {
    // To be copied into a shell: what else a record holds is not shown as part of a command.
    let number = RustVersion::parse(version.split_whitespace().nth(1)?).ok()?;
    Some(format!("the recorded Rust: rustup toolchain install {number}"))
}

fn text<'a>(tool: &'a ResourceDescriptor, annotation: &str) -> Option<&'a str> {
    tool.annotations.get(annotation).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recorded_version_puts_nothing_else_into_a_command() {
        let shown = rustup("rustc 1.80.0 (051478957 2024-07-21)");
        assert_eq!(shown.unwrap(), "the recorded Rust: rustup toolchain install 1.80.0");
        for version in ["rustc 1.2;id (x)", "rustc $(id)", "rustc 1.2`id`", "rustc", ""] {
            assert_eq!(rustup(version), None, "{version}");
        }
    }

    fn tool(path: &str, sha256: &str) -> ResourceDescriptor {
        ResourceDescriptor {
            uri: Some("pkg:deb/gcc-12@12.2.0-14%2Bdeb12u1?arch=amd64".to_owned()),
            digest: [("sha256".to_owned(), sha256.to_owned())].into(),
            annotations: [
                ("path".to_owned(), json!(path)),
                ("version".to_owned(), json!("gcc 12.2.0")),
            ]
            .into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_program_is_the_recorded_one_by_its_bytes_alone() {
        let sha256 = digest_of(Path::new("/bin/sh")).expect("read").to_string();
        let mut hints = Vec::new();
        assert_eq!(of_tools(&[tool("/bin/sh", &sha256)], None, &mut hints), []);

        let drift = of_tools(&[tool("/bin/sh", &"0".repeat(64))], None, &mut hints);
        assert_eq!(drift[0].found, "another");
        let drift = of_tools(&[tool("/usr/bin/no-such-cc", &sha256)], None, &mut hints);
        assert_eq!(drift[0].found, "none");
        assert!(hints[0].ends_with("apt-get install gcc-12=12.2.0-14+deb12u1"), "{hints:?}");
    }

    #[test]
    fn a_record_cannot_have_any_file_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cc");
        std::fs::write(&path, "cc").expect("written");
        let sha256 = digest_of(&path).expect("read").to_string();
        for path in [path.to_str().expect("text"), "/usr/../etc/passwd", "/dev/zero"] {
            let drift = of_tools(&[tool(path, &sha256)], None, &mut Vec::new());
            assert_eq!(drift[0].found, "none", "{path}");
        }
    }

    #[test]
    fn a_toolchain_in_another_place_is_still_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("bin")).expect("made");
        std::fs::write(folder.path().join("bin/rustc"), "rustc").expect("written");
        let sha256 = digest_of(&folder.path().join("bin/rustc")).expect("read").to_string();
        let recorded = tool("/home/someone/toolchain/bin/rustc", &sha256);
        let toolchain = Some((Path::new("/home/someone/toolchain"), folder.path()));
        assert_eq!(of_tools(&[recorded], toolchain, &mut Vec::new()), []);
    }

    #[test]
    fn what_came_with_a_requirement_is_not_looked_for_on_this_machine() {
        let recorded = tool("/build/env/bin/cc", &"0".repeat(64));
        assert_eq!(of_tools(&[recorded], None, &mut Vec::new()), []);
    }
}
