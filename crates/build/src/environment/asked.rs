//! Whether the recorded requirements are what was asked for: a record could name others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, VersionOrUrl};
use url::Url;
use wheelmark_core::attestation::environment::EnvironmentManifest;
use wheelmark_core::attestation::pep517::{Requirement, Role};
use wheelmark_core::filename::ProjectName;
use wheelmark_core::requirement;

/// Bytes of an installed METADATA that are read. Its header, in which requirements stand, comes first.
const METADATA_LIMIT: u64 = 1 << 20;

/// Bytes of METADATA that are read of a whole environment, which bounds the time.
const METADATA_TOTAL: u64 = 64 << 20;

/// The first requirement of a project that no recorded file satisfies.
pub(crate) fn unmet<'a>(
    asked: &'a [String],
    recorded: &[Requirement],
    role: Role,
    environment: &EnvironmentManifest,
) -> Option<&'a str> {
    let markers = markers(environment);
    let met = |text: &str| {
        let Ok(wanted) = requirement::parse::<Url>(text) else { return false };
        if markers.as_ref().is_some_and(|markers| !wanted.marker.evaluate(markers, &[])) {
            return true;
        }
        recorded.iter().any(|found| {
            let fits = match &wanted.version_or_url {
                None => true,
                Some(VersionOrUrl::VersionSpecifier(versions)) => {
                    requirement::version(&found.version).is_some_and(|it| versions.contains(&it))
                }
                Some(VersionOrUrl::Url(_)) => false,
            };
            found.role == role && same(&found.name, wanted.name.as_ref()) && fits
        })
    };
    asked.iter().map(String::as_str).find(|text| !met(text))
}

/// The recorded requirements that neither the project asks for nor, going by what is installed in
/// `environment`, any other requirement. A backend may have asked for them.
pub(crate) fn unasked(
    asked: &[String],
    recorded: &[Requirement],
    role: Role,
    environment: &Path,
) -> Vec<String> {
    let dependencies = dependencies(environment);
    let mut left: Vec<String> = asked.iter().filter_map(|text| project_of(text)).collect();
    let mut reached = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !reached.contains(&name) {
            left.extend(dependencies.get(&name).into_iter().flatten().cloned());
            reached.insert(name);
        }
    }
    recorded
        .iter()
        .filter(|found| found.role == role && !reached.contains(&normal(&found.name)))
        .map(|found| format!("{} {}", found.name, found.version))
        .collect()
}

fn normal(name: &str) -> String {
    name.parse::<ProjectName>().map_or_else(|_| name.to_owned(), |name| name.to_string())
}

fn same(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

/// The project that a requirement names; its marker is not looked at.
fn project_of(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let name = text.split_at(end.unwrap_or(text.len())).0;
    name.parse::<ProjectName>().ok().map(|name| name.to_string())
}

/// What each installed project may require, whatever the extra and the platform. Files that cannot be
/// read have no requirements: this makes a note, and no verdict.
fn dependencies(environment: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut budget = METADATA_TOTAL;
    let folders = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    for python in folders(&environment.join("lib")) {
        for installed in folders(&python.join("site-packages")) {
            let metadata = installed.join("METADATA");
            if installed.extension().is_none_or(|it| it != "dist-info") || !metadata.is_file() {
                continue;
            }
            let mut text = Vec::new();
            let read = File::open(metadata)
                .and_then(|file| file.take(METADATA_LIMIT.min(budget)).read_to_end(&mut text));
            budget -= read.unwrap_or_default() as u64;
            let text = String::from_utf8_lossy(&text);
            let fields: Vec<_> = text
                .lines()
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.split_once(':'))
                .collect();
            let all = |field: &str| {
                let values = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
                values.filter_map(|(_, value)| project_of(value)).collect::<Vec<_>>()
            };
            if let Some(name) = all("Name").into_iter().next() {
                found.insert(name, all("Requires-Dist"));
            }
        }
    }
    found
}

/// The recorded environment as markers see it, where it can be told.
fn markers(environment: &EnvironmentManifest) -> Option<MarkerEnvironment> {
    let (interpreter, platform) = (&environment.interpreter, &environment.platform);
    let version = requirement::version(&interpreter.version)?;
    let [major, minor, ..] = version.release() else { return None };
    let builder = MarkerEnvironmentBuilder {
        implementation_name: &interpreter.implementation,
        implementation_version: &interpreter.version,
        os_name: "posix",
        platform_machine: &platform.architecture,
        platform_python_implementation: match interpreter.implementation.as_str() {
            "cpython" => "CPython",
            "pypy" => "PyPy",
            other => other,
        },
        platform_release: &platform.kernel,
        platform_system: &platform.os,
        platform_version: "",
        python_full_version: &interpreter.version,
        python_version: &format!("{major}.{minor}"),
        sys_platform: &platform.os.to_ascii_lowercase(),
    };
    MarkerEnvironment::try_from(builder).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wheelmark_core::digest::Sha256Digest;

    use super::*;

    fn recorded(name: &str, version: &str) -> Requirement {
        Requirement {
            role: Role::Build,
            name: name.to_owned(),
            version: version.to_owned(),
            filename: String::new(),
            sha256: Sha256Digest::of(b""),
            url: None,
        }
    }

    fn environment() -> EnvironmentManifest {
        serde_json::from_value(json!({
            "platform": {"os": "Linux", "kernel": "6.1", "architecture": "x86_64", "libc": "c"},
            "interpreter": {
                "implementation": "cpython",
                "version": "3.11.7",
                "path": "/usr/bin/python3",
                "sha256": "0".repeat(64),
            },
            "frontend": {"name": "wheelmark", "version": "1"},
            "installer": {"name": "uv", "version": "1"},
            "variables": {},
            "umask": "0022",
            "locale": "C.UTF-8",
            "timezone": "UTC",
            "hostname": "build",
            "sourceDateEpoch": 0,
            "buildPath": "/build/src",
            "isolation": "bubblewrap",
            "backend": {"name": "a"},
            "hooks": ["build_wheel"],
        }))
        .unwrap()
    }

    #[test]
    fn what_the_project_asks_for_must_be_recorded() {
        let asked = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let found = [recorded("flit-core", "3.9.0"), recorded("tomli", "2.0")];
        let cases: &[(&[&str], Option<&str>)] = &[
            (&["flit_core >=3.2,<4", "Tomli"], None),
            (&["flit_core[x]"], None),
            (&["flit_core", "evil-core"], Some("evil-core")),
            (&["flit_core >=4"], Some("flit_core >=4")),
            (&["other; python_version < '3.11'", "other; sys_platform == 'win32'"], None),
            (&["other; python_version >= '3.11'"], Some("other; python_version >= '3.11'")),
            (
                &["other; platform_python_implementation == 'CPython' and os_name == 'posix'"],
                Some(""),
            ),
        ];
        for (texts, expected) in cases {
            let asked = asked(texts);
            let unmet = unmet(&asked, &found, Role::Build, &environment());
            assert_eq!(unmet.is_some(), expected.is_some(), "{texts:?}");
            assert!(unmet.unwrap_or_default().contains(expected.unwrap_or_default()), "{unmet:?}");
        }
        let asked = asked(&["tomli"]);
        assert!(unmet(&asked, &found, Role::Step, &environment()).is_some());
    }

    #[test]
    fn what_nobody_asks_for_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/python3.11/site-packages");
        let install = |name: &str, text: &str| {
            let info = packages.join(format!("{name}-1.dist-info"));
            fs::create_dir_all(&info).unwrap();
            fs::write(info.join("METADATA"), text).unwrap();
        };
        install("a", "Name: A\nRequires-Dist: b_x (>=1); extra == 'y'\n\nRequires-Dist: evil\n");
        install("b_x", "Name: B.x\nRequires-Dist: c\nRequires-Dist: a\n");
        let found = ["a", "b-x", "c", "evil"].map(|name| recorded(name, "1"));
        let asked = ["a>=1".to_owned()];
        assert_eq!(unasked(&asked, &found, Role::Build, folder.path()), ["evil 1"]);
    }
}
