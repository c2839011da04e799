use super::*;

const A: &str = "415290b84f464d2884303fca8974d38e7b85579069fab02a15db0828fbb1446d";
const B: &str = "aa5290b84f464d2884303fca8974d38e7b85579069fab02a15db0828fbb1446d";

fn parse(format: LockFormat, text: &str) -> Result<Lock, LockError> {
    Lock::parse(format, "lock", text)
}

#[track_caller]
fn refused(format: LockFormat, text: &str, says: &str) {
    let error = parse(format, text).unwrap_err().to_string();
    assert!(error.contains(says), "{text}\n{error}");
}

fn kinds(lock: &Lock) -> Vec<(&str, UnverifiableKind)> {
    lock.unverifiable.iter().map(|it| (it.name.as_str(), it.kind)).collect()
}

#[test]
fn the_format_is_told_by_the_name() {
    for (name, format) in [
        ("requirements.txt", Some(LockFormat::Requirements)),
        ("requirements-dev.lock", Some(LockFormat::Requirements)),
        ("pylock.toml", Some(LockFormat::Pylock)),
        ("pylock.docs.toml", Some(LockFormat::Pylock)),
        ("pylock.a.b.toml", None),
        ("pylock..toml", None),
        ("uv.lock", Some(LockFormat::Uv)),
        ("poetry.lock", Some(LockFormat::Poetry)),
        ("Cargo.lock", None),
        ("pyproject.toml", None),
    ] {
        assert_eq!(LockFormat::of(name), format, "{name}");
    }
}

#[test]
fn requirements_with_hashes_are_read() {
    let text = format!(
        "# by hand, vim: set fileencoding=utf-8 :\r\n--index-url https://index.example/simple\n-i https://x.example\n\n\
         Demo.Project==1.0; python_version < '3.13' and 'a/b@c' in platform_version \\\n    --hash=sha256:{A} \\\n    \
         --hash sha256:{B}\n    # via other\nother[extra] == 2.0+cpu --hash=sha256:{A}  # why\n\
         exact===1.0 --hash=sha256:{A}\n--no-build-isolation\n--only-final :all:\n"
    );
    let lock = parse(LockFormat::Requirements, &text).unwrap();
    let marked = parse(LockFormat::Requirements, &format!("\u{feff}{text}")).unwrap();
    assert_eq!(format!("{marked:?}"), format!("{lock:?}"));
    let [demo, other, exact] = &lock.entries[..] else { panic!("{lock:?}") };
    assert_eq!((demo.to_string().as_str(), demo.line), ("`demo-project` 1.0", 5));
    assert_eq!(
        demo.marker.as_deref(),
        Some("python_version < '3.13' and 'a/b@c' in platform_version")
    );
    assert_eq!(demo.files.len(), 2);
    assert_eq!((other.to_string().as_str(), other.line), ("`other` 2.0+cpu", 9));
    assert_eq!((other.files.len(), exact.to_string().as_str()), (1, "`exact` 1.0"));
    assert_eq!(lock.notes.len(), 4);
}

#[test]
fn requirements_that_no_file_can_be_held_against_are_told_apart() {
    let text = format!(
        "-e .\n--editable=./here\ngit+https://x.example/a@main\n\
         b @ git+https://x.example/b@v1\nc @ https://x.example/c-1-py3-none-any.whl\n./d\n\
         e-1.0-py3-none-any.whl\nf @ file:///f\nhttps://u:p@x.example/g.tar.gz\nh==1.0\n\
         i==1.0 --hash=sha512:00\nj>=1 --hash=sha256:{A}\nk==1.* --hash=sha256:{A}\n\
         l~=1.0 --hash=sha256:{A}\nm --hash=sha256:{A}\nn==1,<2 --hash=sha256:{A}\n\
         o==1.0 --hash=sha256:{A} --hash=sha512:00\n"
    );
    use UnverifiableKind::*;
    let lock = parse(LockFormat::Requirements, &text).unwrap();
    assert!(lock.entries.is_empty(), "{:?}", lock.entries);
    let expected = [
        (".", Editable),
        ("./here", Editable),
        ("git+https://x.example/a@main", Vcs),
        ("b", Vcs),
        ("c", Url),
        ("./d", Path),
        ("e-1.0-py3-none-any.whl", Path),
        ("f", Path),
        ("https://u:p@x.example/g.tar.gz", Url),
        ("h 1.0", NoHash),
        ("i 1.0", NoHash),
        ("j", Unpinned),
        ("k", Unpinned),
        ("l", Unpinned),
        ("m", Unpinned),
        ("n", Unpinned),
        ("o 1.0", OtherHash),
    ];
    assert_eq!(kinds(&lock), expected);
}

#[test]
fn requirements_on_which_readers_could_differ_are_refused() {
    let demo = format!("demo==1.0 --hash=sha256:{A}");
    for (text, says) in [
        ("", "nothing is locked"),
        ("# nothing\n\n", "nothing is locked"),
        ("-r other.txt\n", "`-r other.txt` includes another file"),
        ("-rother.txt\n", "includes another file"),
        ("-c constraints.txt\n", "includes another file"),
        ("--requirement=a\u{202e}.txt\n", "`--requirement a\\u{202e}.txt` includes"),
        ("--requirement=a\u{1b}.txt\n", "a control character"),
        ("--unknown\n", "the option `--unknown` is not known"),
        ("--pre demo==1\n", "the option `--pre` is not known"),
        ("-\n", "the option `-` is not known"),
        ("demo==1.0 --hash=sha256:12\n", "lock:1: not a sha256 digest"),
        ("demo==1.0 --hash=12\n", "not a digest like"),
        ("demo==1.0 --hash\n", "not a digest like"),
        ("demo==1.0 --global-option=x\n", "the option `--global-option=x` of `demo==1.0`"),
        ("demo==1.0 # why \\\n--hash=sha256:12\n", "a comment cannot be continued"),
        ("de\u{202e}mo==1.0\n", "de\\u{202e}mo"),
        ("demo==x\n", "not a requirement"),
        ("demo==1.0;\n", "its marker is empty, or not ASCII"),
        ("demo==1.0 ; python_version > \"3\"\u{200b}\n", "its marker is empty, or not ASCII"),
        ("# a\u{2028}evil==1.0\n", "lock:1: a control character"),
        ("a==1\n# a\u{85}evil==1.0\n", "lock:2: a control character"),
        ("# a\revil==1.0\n", "a control character"),
        ("# a\u{c}evil==1.0\n", "a control character"),
        ("#!x\n# -*- coding: utf-7 -*-\n# +AAo-evil==1.0\n", "lock:2: the text names another"),
        ("# coding=utf-8 coding:latin-1\n", "the text names another encoding"),
    ] {
        refused(LockFormat::Requirements, text, says);
    }
    // The library that reads requirements panics at it.
    refused(LockFormat::Requirements, "demo- == 1.0\n", "`demo-` does not end in a letter");
    refused(LockFormat::Requirements, &format!("{demo}\n{demo}.0\n"), "not a sha256 digest");
    refused(LockFormat::Requirements, &format!("{demo}\n\nDemo{}\n", &demo[4..]), "lock:3: `demo`");
}

/// Resolvers write markers of dozens of terms, for which the library that parses them takes stack and time without
/// a bound.
#[test]
fn markers_of_any_length_are_kept_unread() {
    let many: Vec<_> = (0..24)
        .map(|i| format!("('{i}a' in platform_version and '{i}b' in sys_platform)"))
        .collect();
    let many = format!("{}{}{}", "(".repeat(2000), many.join(" or "), ")".repeat(2000));
    let text = format!("demo==1.0 ; {many} --hash=sha256:{A}\n");
    let lock = parse(LockFormat::Requirements, &text).unwrap();
    assert_eq!(lock.entries[0].marker.as_deref(), Some(many.as_str()));
}

#[test]
fn one_version_under_two_markers_is_one_project() {
    let (nt, posix) = ("os_name == 'nt'", "os_name != 'nt'");
    let wheel =
        |hash| format!("{{ url = \"https://x.example/demo-1.0-py3-none-any.whl\", {hash} }}");
    let package = |marker: &str, digest: &str| {
        let wheel = wheel(format!("hashes = {{ sha256 = \"{digest}\" }}"));
        format!("version = \"1.0\"\nmarker = \"{marker}\"\nwheels = [{wheel}]\n")
    };
    let two = |other: &str| {
        let other = package(other, B);
        pylock(&package(nt, A)) + "[[packages]]\nname = \"demo\"\n" + &other
    };
    let uv = |index: &str, marker: &str, digest: &str| {
        let wheel = wheel(format!("hash = \"sha256:{digest}\""));
        format!(
            "[[package]]\nname = \"demo\"\nversion = \"1.0\"\nsource = {{ registry = \"{index}\" }}\n\
             resolution-markers = [\"{marker}\"]\nwheels = [{wheel}]\n"
        )
    };
    let requirements =
        format!("demo==1.0; {nt} --hash=sha256:{A}\ndemo==1.0; {posix} --hash=sha256:{B}\n");
    let uv_lock = format!("version = 1\n{}{}", uv("a", nt, A), uv("b", posix, B));
    for (format, text) in [
        (LockFormat::Requirements, requirements),
        (LockFormat::Pylock, two(posix)),
        (LockFormat::Uv, uv_lock),
    ] {
        let lock = parse(format, &text).unwrap();
        let [demo] = &lock.entries[..] else { panic!("{lock:?}") };
        assert_eq!(demo.marker, Some(format!("({nt}) or ({posix})")));
        let wheel = DistFilename::parse("demo-1.0-py3-none-any.whl").unwrap();
        for digest in [A, B] {
            assert!(demo.admits(Some(&wheel), digest.parse().unwrap()).is_ok(), "{text}");
        }
    }
    refused(LockFormat::Pylock, &two(nt), "`demo` 1.0 is there twice");
}

/// An installer may take the file beside those that have a digest.
#[test]
fn every_file_must_have_a_digest() {
    let (wheel, sdist) = ("demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz");
    let uv = format!(
        "version = 1\n[[package]]\nname = \"demo\"\nversion = \"1.0\"\nsource = {{ registry = \"x\" }}\n\
         sdist = {{ path = \"{sdist}\" }}\nwheels = [{{ path = \"{wheel}\", hash = \"sha256:{A}\" }}]\n"
    );
    let pylock = pylock(&format!(
        "version = \"1.0\"\nwheels = [{{ name = \"{wheel}\", hashes = {{ sha256 = \"{A}\" }} }}, \
         {{ name = \"demo-1.0-1-py3-none-any.whl\", hashes = {{ sha512 = \"00\" }} }}]\n"
    ));
    let poetry = format!(
        "[[package]]\nname = \"demo\"\nversion = \"1.0\"\nfiles = [\n\
         {{file = \"{wheel}\", hash = \"sha256:{A}\"}}, {{file = \"{sdist}\", hash = \"sha512:00\"}}]\n\
         [metadata]\nlock-version = \"2.1\"\n"
    );
    for (format, text) in
        [(LockFormat::Uv, uv), (LockFormat::Pylock, pylock), (LockFormat::Poetry, poetry)]
    {
        let lock = parse(format, &text).unwrap();
        assert!(lock.entries.is_empty(), "{text}");
        assert_eq!(kinds(&lock), [("demo 1.0", UnverifiableKind::OtherHash)], "{text}");
    }
}

fn pylock(package: &str) -> String {
    format!(
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n\n[[packages]]\nname = \"demo\"\n{package}"
    )
}

#[test]
fn pylock_is_read_with_its_identities() {
    let text = pylock(&format!(
        "version = \"1.0\"\nmarker = \"sys_platform == 'win32'\"\n\
         sdist = {{ name = \"demo-1.0.tar.gz\", url = \"https://x.example/a\", hashes = {{ sha256 = \"{A}\" }} }}\n\
         wheels = [{{ url = \"https://x.example/demo-1.0%2Bl-py3-none-any.whl\", hashes = {{ sha256 = \"{B}\", md5 = \"0\" }} }}]\n\
         [[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"o/r\"\nworkflow = \"w.yml\"\n\
         [packages.tool.x]\ny = 1\n"
    ));
    let lock = parse(LockFormat::Pylock, &text).unwrap();
    let [demo] = &lock.entries[..] else { panic!("{lock:?}") };
    assert_eq!((demo.line, demo.marker.as_deref()), (4, Some("sys_platform == 'win32'")));
    let names: Vec<_> = demo.files.iter().map(|file| file.filename.as_deref()).collect();
    assert_eq!(names, [Some("demo-1.0+l-py3-none-any.whl"), Some("demo-1.0.tar.gz")]);
    for file in &demo.files {
        let [identity] = &file.identities[..] else { panic!("{file:?}") };
        assert_eq!(identity.to_string(), "GitHub, repository `o/r`, workflow `w.yml`");
    }
}

#[test]
fn pylock_entries_without_a_distribution_are_told_apart() {
    use UnverifiableKind::*;
    for (package, kind) in [
        ("vcs = { type = \"git\", url = \"u\", commit-id = \"c\" }", Vcs),
        ("directory = { path = \".\", editable = true }", Editable),
        ("directory = { path = \".\" }", Path),
        ("archive = { url = \"u\", hashes = { sha256 = \"0\" } }", Url),
        ("archive = { path = \"p\", hashes = { sha256 = \"0\" } }", Path),
        ("wheels = []", Unpinned),
        ("version = \"1.0\"", NoHash),
        (
            "version = \"1.0\"\nwheels = [{ url = \"https://x.example/w\", hashes = { md5 = \"0\" } }]",
            NoHash,
        ),
    ] {
        let lock = parse(LockFormat::Pylock, &pylock(package)).unwrap();
        assert_eq!(lock.unverifiable[0].kind, kind, "{package}");
    }
}

#[test]
fn other_versions_and_shapes_are_refused() {
    let whole = pylock("version = \"1.0\"\n");
    for (from, to, says) in [
        ("\"1.0\"\ncreated", "\"1.1\"\ncreated", "lock:1: lock-version `1.1` is not known"),
        ("\"1.0\"\ncreated", "\"2.0\"\ncreated", "lock-version `2.0` is not known"),
        ("lock-version = \"1.0\"", "", "missing field `lock-version`"),
        ("\"demo\"", "\"-\"", "lock:4: not a project name: `-`"),
        ("version = \"1.0\"\n", "version = \"x\"\n", "lock:1: lock-version `x`"),
        ("name = \"demo\"", "name = 1", "lock:5: "),
    ] {
        refused(LockFormat::Pylock, &whole.replacen(from, to, 1), says);
    }
    refused(
        LockFormat::Pylock,
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n",
        "nothing is locked",
    );
    refused(LockFormat::Uv, "version = 2\n", "lock:1: version `2` is not known");
    refused(LockFormat::Uv, "version = 1\n", "nothing is locked");
    refused(
        LockFormat::Poetry,
        "package = []\n[metadata]\nlock-version = \"1.1\"\n",
        "lock:3: lock-version",
    );
    refused(
        LockFormat::Poetry,
        "package = []\n[metadata]\nlock-version = \"2.1\"\n",
        "nothing is locked",
    );
}

#[test]
fn uv_locks_are_read_without_the_project_itself() {
    let package = |source: &str, rest: &str| {
        format!("[[package]]\nname = \"demo\"\nversion = \"1.0\"\nsource = {{ {source} }}\n{rest}")
    };
    let wheel = format!(
        "wheels = [{{ url = \"https://x.example/demo-1.0-py3-none-any.whl\", hash = \"sha256:{A}\" }}]\n"
    );
    let head = "version = 1\nrevision = 5\n[manifest]\nmembers = [\"part\"]\n";
    let registry = package("registry = \"https://x.example/simple\"", &wheel);
    let own = "[[package]]\nname = \"own\"\nversion = \"0\"\nsource = { virtual = \".\" }\n\
               [[package]]\nname = \"part\"\nversion = \"0\"\nsource = { editable = \"part\" }\n";
    let lock = parse(LockFormat::Uv, &format!("{head}{own}{registry}")).unwrap();
    assert_eq!((lock.entries.len(), lock.notes.len(), lock.unverifiable.len()), (1, 2, 0));
    assert_eq!(lock.entries[0].line, 13);
    assert_eq!(lock.entries[0].files[0].filename.as_deref(), Some("demo-1.0-py3-none-any.whl"));
    refused(LockFormat::Uv, &format!("{head}{own}"), "nothing is locked");
    use UnverifiableKind::*;
    for (source, kind) in [
        ("git = \"https://x.example/a?rev=1#c\"", Vcs),
        ("editable = \"../a\"", Editable),
        ("directory = \"../a\"", Path),
        ("path = \"../a.whl\"", Path),
        ("url = \"https://x.example/a.whl\"", Url),
    ] {
        let lock = parse(LockFormat::Uv, &format!("{head}{}", package(source, &wheel))).unwrap();
        assert_eq!(kinds(&lock), [("demo", kind)], "{source}");
    }
    // Only what lies below the lock is of its workspace.
    for place in [
        "/a",
        "../part",
        "part/../../a",
        "C:/a",
        "C:\\\\a",
        "\\\\\\\\x\\\\a",
        "file:///a",
        "",
        "a//b",
    ] {
        for (source, kind) in [("editable", Editable), ("virtual", Path), ("directory", Path)] {
            let member = own.replace("editable = \"part\"", &format!("{source} = \"{place}\""));
            let lock = parse(LockFormat::Uv, &format!("{head}{member}{registry}")).unwrap();
            assert_eq!(kinds(&lock), [("part", kind)], "{place}");
        }
    }
    refused(LockFormat::Uv, &format!("{head}{}", package("moon = \"x\"", "")), "not known here");
    let bare = wheel.replace(&format!(", hash = \"sha256:{A}\""), "");
    let lock = parse(LockFormat::Uv, &format!("{head}{}", registry.replace(&wheel, &bare)));
    assert_eq!(kinds(&lock.unwrap()), [("demo 1.0", NoHash)]);
}

#[test]
fn poetry_locks_are_read() {
    let text = |more: &str| {
        format!(
            "[[package]]\nname = \"demo\"\nversion = \"1.0\"\nmarkers = \"os_name == 'nt'\"\nfiles = [\n    \
             {{file = \"demo-1.0-py3-none-any.whl\", hash = \"sha256:{A}\"}},\n]\n{more}\n\
             [metadata]\nlock-version = \"2.1\"\ncontent-hash = \"x\"\n"
        )
    };
    let lock = parse(LockFormat::Poetry, &text("")).unwrap();
    assert_eq!(lock.entries[0].marker.as_deref(), Some("os_name == 'nt'"));
    let legacy = text("[package.source]\ntype = \"legacy\"\nurl = \"https://x.example\"\n");
    assert_eq!(parse(LockFormat::Poetry, &legacy).unwrap().entries.len(), 1);
    use UnverifiableKind::*;
    for (source, kind) in [("git", Vcs), ("directory", Path), ("file", Path), ("url", Url)] {
        let lock = text(&format!("[package.source]\ntype = \"{source}\"\n"));
        assert_eq!(kinds(&parse(LockFormat::Poetry, &lock).unwrap()), [("demo", kind)]);
    }
    refused(
        LockFormat::Poetry,
        &text("[package.source]\ntype = \"moon\"\n"),
        "unknown type `moon`",
    );
    let lock = text("").replace(&format!("sha256:{A}"), "md5:00");
    assert_eq!(kinds(&parse(LockFormat::Poetry, &lock).unwrap()), [("demo 1.0", NoHash)]);
}

#[test]
fn a_file_is_held_against_the_digest_of_its_own_name_first() {
    let file = |name: &str, sha256: &str| LockedFile {
        filename: Some(name.to_owned()),
        sha256: sha256.parse().ok(),
        url: None,
        ..LockedFile::default()
    };
    let demo = LockedProject {
        name: "demo".parse().unwrap(),
        version: "1.0".parse().unwrap(),
        files: vec![file("demo-1.0-py3-none-any.whl", A), file("demo-1.0.tar.gz", B)],
        marker: None,
        line: 1,
    };
    let name = |text: &str| DistFilename::parse(text).unwrap();
    let (wheel, sdist) = (name("Demo-1.0.0-py3-none-any.whl"), name("demo-1.0.tar.gz"));
    let [a, b] = [A, B].map(|digest| digest.parse().unwrap());
    assert!(demo.is_of(&wheel) && demo.admits(Some(&wheel), a).is_ok());
    assert!(demo.admits(Some(&sdist), b).is_ok());
    let swapped = demo.admits(Some(&sdist), a).unwrap_err();
    assert_eq!(swapped.reason, Reason::LockDigestMismatch);
    assert_eq!(swapped.expected, [format!("sha256 {B}")]);
    let other = name("demo-1.0-py2-none-any.whl");
    assert!(demo.admits(Some(&other), a).is_ok() && demo.admits(None, b).is_ok());
    let unknown = demo.admits(Some(&other), Sha256Digest::of(b"")).unwrap_err();
    assert_eq!(unknown.expected.len(), 2);
    for other in ["demo-1.1.tar.gz", "other-1.0.tar.gz", "demodemo-1.0-py3-none-any.whl"] {
        let refusal = demo.admits(Some(&name(other)), a).unwrap_err();
        assert_eq!(refusal.expected, ["a file of `demo` 1.0"], "{other}");
    }
    // As `==1.0` does; the digest says which.
    let local = name("demo-1.0+cpu-py3-none-any.whl");
    assert!(demo.admits(Some(&local), a).is_ok());
    let exact = LockedProject { version: "1.0+cpu".parse().unwrap(), ..demo };
    assert!(exact.is_of(&local) && !exact.is_of(&wheel));
}
