use std::collections::BTreeMap;

use super::*;
use crate::filename::ProjectName;

const PKG_INFO: &str =
    "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: a<2,>=1\n\nWords.\n";

/// A source of files in memory.
struct Files {
    contents: BTreeMap<String, Vec<u8>>,
    digests: BTreeMap<String, Sha256Digest>,
    metadata: Metadata,
}

impl Source for Files {
    fn files(&self) -> &BTreeMap<String, Sha256Digest> {
        &self.digests
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

fn metadata(text: &str) -> Metadata {
    let project: ProjectName = "demo".parse().unwrap();
    Metadata::parse(text.as_bytes(), &project, &"1.0".parse().unwrap()).unwrap()
}

fn source(files: &[(&str, &str)]) -> Files {
    let all = files.iter().chain([&("PKG-INFO", PKG_INFO)]);
    let contents: BTreeMap<String, Vec<u8>> =
        all.map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let digests = contents.iter().map(|(path, it)| (path.clone(), Sha256Digest::of(it))).collect();
    Files { contents, digests, metadata: metadata(PKG_INFO) }
}

/// What is said of each member of a wheel, METADATA and what the test names.
fn traced(files: &[(&str, &str)], source: &Files) -> BTreeMap<String, Origin> {
    let members: Vec<Traced<'_>> = files
        .iter()
        .map(|(name, text)| Traced {
            name,
            sha256: Sha256Digest::of(text.as_bytes()),
            content: Some(text.as_bytes()),
        })
        .collect();
    let own = files.iter().find(|(name, _)| name.ends_with("/METADATA"));
    let of_wheel = metadata(own.map_or(PKG_INFO, |(_, text)| text));
    trace(&members, &of_wheel, source).into_iter().map(|line| (line.member, line.origin)).collect()
}

fn is_unexplained(origin: &Origin) -> bool {
    matches!(origin, Origin::Unexplained { .. })
}

#[test]
fn copies_are_told_by_bytes_and_name() {
    let source = source(&[("src/demo/__init__.py", "x = 1\n"), ("LICENSE", "Terms.\n")]);
    let found = traced(
        &[("demo/__init__.py", "x = 1\n"), ("demo-1.0.dist-info/licenses/LICENSE", "Terms.\n")],
        &source,
    );
    let copied = |path: &str| Origin::Copied { path: path.to_owned() };
    assert_eq!(found["demo/__init__.py"], copied("src/demo/__init__.py"));
    assert_eq!(found["demo-1.0.dist-info/licenses/LICENSE"], copied("LICENSE"));
}

#[test]
fn a_changed_file_is_unexplained_and_the_change_is_shown() {
    let source = source(&[("demo/__init__.py", "a = 1\nversion = \"1.0\"\n")]);
    let found = traced(&[("demo/__init__.py", "a = 1\nversion = \"1.1\"\n")], &source);
    let Origin::Unexplained { nearest, lines, .. } = &found["demo/__init__.py"] else { panic!() };
    assert_eq!(nearest.as_deref(), Some("demo/__init__.py"));
    assert_eq!(lines, &[" a = 1", "-version = \"1.0\"", "+version = \"1.1\""]);
}

#[test]
fn a_file_of_the_tests_is_no_module_and_no_hook() {
    let source = source(&[
        ("demo/__init__.py", ""),
        ("tests/data/hook.pth", "import os\n"),
        ("tests/helper.py", "x\n"),
        ("tests/other.py", "y\n"),
    ]);
    let found = traced(
        &[
            ("demo/__init__.py", ""),
            ("hook.pth", "import os\n"),
            ("helper.py", "x\n"),
            ("other.py", "y\n"),
            ("planted.pth", "import evil\n"),
        ],
        &source,
    );
    for name in ["hook.pth", "helper.py", "other.py", "planted.pth"] {
        assert!(is_unexplained(&found[name]), "{name}: {:?}", found[name]);
    }
}

#[test]
fn metadata_is_what_pkg_info_says_in_other_spelling() {
    let source = source(&[]);
    let same = "Metadata-Version: 2.4\nName: Demo\nVersion: 1.0\nRequires-Dist: a (>=1,<2)\nDynamic: Summary\n\n\nWords.\n";
    let name = "demo-1.0.dist-info/METADATA";
    let found = traced(&[(name, same)], &source);
    assert_eq!(found[name], Origin::Generated { from: "PKG-INFO".to_owned() });
    let more = same.replace("Dynamic: Summary", "Requires-Dist: evil");
    assert!(is_unexplained(&traced(&[(name, &more)], &source)[name]));
    let more = same.replace("Words", "Other words");
    assert!(is_unexplained(&traced(&[(name, &more)], &source)[name]));
}

#[test]
fn entry_points_are_what_the_source_declares() {
    let pyproject =
        "[project.scripts]\ndemo = \"demo:main\"\n[project.entry-points.\"a.b\"]\nx = \"demo.x\"\n";
    let source = source(&[("pyproject.toml", pyproject)]);
    let name = "demo-1.0.dist-info/entry_points.txt";
    let declared = "[a.b]\nx = demo.x\n\n[console_scripts]\ndemo=demo:main\n";
    assert!(traced(&[(name, declared)], &source)[name].is_explained());
    let other = declared.replace("demo:main", "demo:other");
    assert!(is_unexplained(&traced(&[(name, &other)], &source)[name]));
}

#[test]
fn scripts_change_in_their_first_line_only() {
    let source = source(&[("bin/tool", "#!/usr/bin/env python\nrun()\n")]);
    let name = "demo-1.0.data/scripts/tool";
    let found = traced(&[(name, "#!python\nrun()\n")], &source);
    assert!(matches!(&found[name], Origin::Derived { path, .. } if path == "bin/tool"));
    assert!(is_unexplained(&traced(&[(name, "#!python\nrun(1)\n")], &source)[name]));
}

#[test]
fn machine_code_is_named_as_such_and_a_pyc_is_not() {
    let source = source(&[("demo/a.py", "")]);
    let found = traced(
        &[
            ("demo/a.so", "\x7fELF..."),
            ("demo/b.so", "text"),
            ("demo/__pycache__/a.cpython-311.pyc", "x"),
        ],
        &source,
    );
    assert_eq!(found["demo/a.so"], Origin::Compiled);
    assert!(is_unexplained(&found["demo/b.so"]));
    assert!(is_unexplained(&found["demo/__pycache__/a.cpython-311.pyc"]));
}
