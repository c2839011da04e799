use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("source").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn fetch(&self) -> Result<Option<Crates>, CratesError> {
        let cancel = AtomicBool::new(false);
        let source = self.source();
        let build_system = BuildSystem::read(&source).unwrap();
        let toolchain = RustToolchain::find(&cancel)?;
        let request = CratesRequest {
            checkout: &source,
            project: &source,
            build_system: &build_system,
            home: &self.folder.path().join("home"),
            inside: Path::new("/build/cargo"),
        };
        fetch(request, &toolchain, &cancel)
    }

    fn error(&self) -> String {
        self.fetch().unwrap_err().to_string()
    }
}

const MATURIN: (&str, &str) =
    ("pyproject.toml", "[build-system]\nrequires = ['maturin>=1']\nbuild-backend = 'maturin'\n");
const CARGO: (&str, &str) = (
    "Cargo.toml",
    "[package]\nname = 'x'\nversion = '1.0.0'\nedition = '2021'\n[dependencies]\nitoa = '=1.0.15'\n",
);
const MAIN: (&str, &str) = ("src/lib.rs", "");
const PACKAGE: &str = "[[package]]\nname = 'itoa'\nversion = '1.0.15'\n";

/// The lock that cargo writes for [`CARGO`], or nothing where the registry cannot be reached.
fn locked(files: &[(&str, &str)]) -> Option<Tree> {
    let tree = Tree::new(files);
    let output = Command::new("cargo")
        .args(["generate-lockfile", "--manifest-path"])
        .arg(tree.source().join("Cargo.toml"))
        .output();
    match output {
        Ok(output) if output.status.success() => Some(tree),
        Ok(output) => {
            eprintln!("skipped: {}", message(&output.stderr));
            None
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

#[test]
fn crates_are_vendored_and_found_without_network() {
    let Some(tree) = locked(&[MATURIN, CARGO, MAIN]) else {
        return;
    };
    let crates = tree.fetch().unwrap().unwrap();
    let [itoa] = &crates.packages[..] else { panic!("{:?}", crates.packages) };
    assert_eq!((&*itoa.name, &*itoa.version), ("itoa", "1.0.15"));
    let config = fs::read_to_string(crates.home.join("config.toml")).unwrap();
    assert!(config.contains("\"/build/cargo/vendor\""), "{config}");
    assert!(config.contains("offline = true"), "{config}");

    // With the path put back to where the folder is here, cargo builds from it alone.
    let here = crates.home.to_str().unwrap();
    fs::write(crates.home.join("config.toml"), config.replace("/build/cargo", here)).unwrap();
    let output = Command::new("cargo")
        .args(["check", "--locked", "--offline"])
        .env("CARGO_HOME", &crates.home)
        .env("CARGO_TARGET_DIR", tree.folder.path().join("target"))
        .current_dir(tree.source())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", message(&output.stderr));
}

#[test]
fn nothing_of_the_project_runs_while_crates_are_fetched() {
    let script = "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\nexit 1\n";
    let config = "[build]\nrustc = './evil'\nrustc-wrapper = './evil'\n[alias]\nvendor = 'run'\n\
                  [registry]\nglobal-credential-providers = ['./evil']\n";
    let Some(tree) = locked(&[MATURIN, CARGO, MAIN]) else {
        return;
    };
    let source = tree.source();
    for (name, text) in [
        ("evil", script),
        (".cargo/config.toml", config),
        ("rust-toolchain.toml", "[toolchain]\nchannel = '1.0.0'\n"),
        ("build.rs", "fn main() { panic!() }"),
    ] {
        fs::create_dir_all(source.join(".cargo")).unwrap();
        fs::write(source.join(name), text).unwrap();
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(source.join("evil"), mode).unwrap();
    assert_eq!(tree.fetch().unwrap().unwrap().packages.len(), 1);
    assert!(!source.join("ran").exists());
}

#[test]
fn a_project_without_rust_needs_no_crates() {
    let tree = Tree::new(&[CARGO, ("setup.py", "")]);
    let build_system = BuildSystem::read(&tree.source()).unwrap();
    assert!(!are_needed(&build_system));
}

#[test]
fn what_is_not_pinned_or_not_recorded_is_refused() {
    if let Err(error) = RustToolchain::find(&AtomicBool::new(false)) {
        return eprintln!("skipped: {error}");
    }
    let error = Tree::new(&[MATURIN, CARGO, MAIN]).error();
    assert!(error.contains("Cargo.lock` is not in the source"), "{error}");

    let error = Tree::new(&[MATURIN]).error();
    assert!(error.contains("no `Cargo.toml` or `rust/Cargo.toml`"), "{error}");

    // Neither of these is what `pkg:cargo/itoa@1.0.15` says.
    for source in [
        "git+https://git.example/itoa#abc",
        "registry+https://elsewhere.example/index",
        "sparse+https://index.crates.io.example/",
        "registry+https://github.com/rust-lang/crates.io-index-2",
    ] {
        let text = format!("{PACKAGE}source = '{source}'\nchecksum = '{}'\n", "0".repeat(64));
        let error = Tree::new(&[MATURIN, CARGO, MAIN, ("Cargo.lock", &text)]).error();
        let says =
            format!("crate `itoa` 1.0.15: it is from `{source}`, and only crates from crates.io");
        assert!(error.contains(&says), "{error}");
    }

    let crates_io = CRATES_IO[0];
    let unchecked = format!("{PACKAGE}source = '{crates_io}'\n");
    let error = Tree::new(&[MATURIN, CARGO, MAIN, ("Cargo.lock", &unchecked)]).error();
    assert!(error.contains("no checksum"), "{error}");

    for (key, config) in [
        ("source", "[source.crates-io]\nreplace-with = 'mine'\n"),
        ("include", "include = ['extra.toml']\n"),
        ("paths", "paths = ['mine/itoa']\n"),
        ("patch", "[patch.crates-io]\nitoa = { path = 'mine' }\n"),
    ] {
        let own = (".cargo/config.toml", config);
        let error = Tree::new(&[MATURIN, CARGO, MAIN, ("Cargo.lock", ""), own]).error();
        assert!(error.contains(&format!(".cargo/config.toml: `{key}` can put other")), "{error}");
    }
}

#[test]
fn a_manifest_outside_the_tree_is_refused() {
    let text = format!("{}[tool.maturin]\nmanifest-path = '../other/Cargo.toml'\n", MATURIN.1);
    let tree = Tree::new(&[("pyproject.toml", &text), ("../other/Cargo.toml", CARGO.1)]);
    if let Err(error @ CratesError::Toolchain(_)) = tree.fetch() {
        return eprintln!("skipped: {error}");
    }
    assert!(tree.error().contains("is outside of `"), "{}", tree.error());
}

#[test]
fn setuptools_rust_names_its_manifests() {
    let tree = Tree::new(&[
        (
            "pyproject.toml",
            "[build-system]\nrequires = ['setuptools', 'setuptools-rust']\n\
             [[tool.setuptools-rust.ext-modules]]\ntarget = 'a'\npath = 'a/Cargo.toml'\n\
             [[tool.setuptools-rust.bins]]\ntarget = 'b'\n",
        ),
        CARGO,
        ("a/Cargo.toml", CARGO.1),
    ]);
    let source = tree.source();
    let build_system = BuildSystem::read(&source).unwrap();
    let request = CratesRequest {
        checkout: &source,
        project: &source,
        build_system: &build_system,
        home: &source,
        inside: &source,
    };
    let found = manifests(&request, backend(&build_system).unwrap()).unwrap();
    let source = fs::canonicalize(&source).unwrap();
    assert_eq!(found, [source.join("Cargo.toml"), source.join("a/Cargo.toml")]);
}

/// cargo would ask each of these places before it sees that the lock does not have what is there.
#[test]
fn no_place_but_crates_io_is_asked() {
    if let Err(error) = RustToolchain::find(&AtomicBool::new(false)) {
        return eprintln!("skipped: {error}");
    }
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", server.local_addr().unwrap());
    // Takes each connection and ends it.
    let asked_for = Arc::new(AtomicUsize::new(0));
    let count = asked_for.clone();
    std::thread::spawn(move || {
        server.incoming().for_each(|_| _ = count.fetch_add(1, Ordering::Relaxed));
    });
    let git = format!("foo = {{ git = '{url}' }}\n");
    let index = format!("foo = {{ version = '1', registry-index = 'sparse+{url}/' }}\n");
    let is_from = |source: &str| {
        format!("crate `foo` [patch]: it is from `{source}`, and only crates from crates.io")
    };
    let asked = |requirement: &str, source: &str| is_from(source).replace("[patch]", requirement);
    let from_git = asked("*", &format!("git+{url}"));
    let member = "[package]\nname = 'm'\nversion = '1.0.0'\n";
    let cases: [(String, String, String); 11] = [
        (git.clone(), String::new(), from_git.clone()),
        (index.clone(), String::new(), asked("^1", &format!("sparse+{url}/"))),
        (format!("[dev-dependencies]\n{git}"), String::new(), from_git.clone()),
        (format!("[build-dependencies]\n{git}"), String::new(), from_git.clone()),
        (format!("[target.'cfg(windows)'.dependencies]\n{git}"), String::new(), from_git.clone()),
        (
            format!("foo.workspace = true\n[workspace.dependencies]\n{git}"),
            String::new(),
            from_git.clone(),
        ),
        (format!("[patch.crates-io]\n{git}"), String::new(), is_from(&url)),
        (format!("[patch.'{url}']\nfoo = {{ path = 'm' }}\n"), member.to_owned(), is_from(&url)),
        (
            "[workspace]\nmembers = ['m']\n".to_owned(),
            format!("{member}[dependencies]\n{git}"),
            from_git.clone(),
        ),
        (
            "m = { path = 'm' }\n[workspace]\nexclude = ['m']\n".to_owned(),
            format!("{member}[dependencies]\n{git}"),
            from_git.clone(),
        ),
        (
            "[patch.crates-io]\nm = { path = 'm' }\n[workspace]\nexclude = ['m']\n".to_owned(),
            format!("{member}[dependencies]\n{git}"),
            from_git,
        ),
    ];
    for (manifest, of_member, says) in cases {
        let text = format!("{}{manifest}", CARGO.1);
        let mut files = vec![MATURIN, ("Cargo.toml", text.as_str()), MAIN, ("Cargo.lock", "")];
        if !of_member.is_empty() {
            files.extend([("m/Cargo.toml", of_member.as_str()), ("m/src/lib.rs", "")]);
        }
        let error = Tree::new(&files).error();
        assert!(error.contains(&says), "{manifest}{of_member}: {error}");
        assert_eq!(asked_for.load(Ordering::Relaxed), 0, "{manifest}{of_member}");
    }
}

#[test]
fn crates_of_the_checkout_are_taken_by_path_and_others_are_not() {
    let member = "[package]\nname = 'm'\nversion = '1.0.0'\n[dev-dependencies]\n\
                  foo = { git = 'https://127.0.0.1:1/x' }\n";
    let manifest = |path: &str| {
        format!("{}m = {{ path = '{path}' }}\n[workspace]\nexclude = ['m']\n", CARGO.1)
    };
    // What only the tests of a crate outside of the workspace take is not resolved.
    let files = [MATURIN, ("Cargo.toml", &manifest("m")), MAIN];
    let Some(tree) =
        locked(&[&files[..], &[("m/Cargo.toml", member), ("m/src/lib.rs", "")]].concat())
    else {
        return;
    };
    assert_eq!(tree.fetch().unwrap().unwrap().packages.len(), 1);

    let outside = manifest("../m");
    let files = [MATURIN, ("Cargo.toml", &outside), MAIN, ("Cargo.lock", "")];
    let error =
        Tree::new(&[&files[..], &[("../m/Cargo.toml", member), ("../m/src/lib.rs", "")]].concat())
            .error();
    assert!(error.contains("is outside of the source"), "{error}");

    let text = format!("{}[replace]\n'itoa:1.0.15' = {{ path = 'm' }}\n", CARGO.1);
    let error = Tree::new(&[MATURIN, ("Cargo.toml", &text), MAIN, ("Cargo.lock", "")]).error();
    assert!(error.contains("`[replace]` is not supported"), "{error}");
}

/// cargo takes `..` by name and reads through links, where others see another file.
#[test]
fn no_link_stands_between_what_is_held_and_what_cargo_reads() {
    if let Err(error) = RustToolchain::find(&AtomicBool::new(false)) {
        return eprintln!("skipped: {error}");
    }
    let git = "foo = { git = 'https://127.0.0.1:1/x' }\n";
    let evil = format!("[package]\nname = 'm'\nversion = '1.0.0'\n[dependencies]\n{git}");
    let good = "[package]\nname = 'm'\nversion = '1.0.0'\n";
    let by_path = |path: &str| format!("{}m = {{ path = '{path}' }}\n[workspace]\n", CARGO.1);
    let patched = format!(
        "{}[patch.crates-io]\nm = {{ path = 'link/../m' }}\n[workspace]\nexclude = ['m']\n",
        CARGO.1
    );
    let linked = "is or lies behind a symbolic link";
    // The manifest, the link and where it leads, and what is said.
    let cases = [
        (by_path("good"), ("good/Cargo.toml", "../m/Cargo.toml"), linked),
        (by_path("link"), ("link", "m"), linked),
        (by_path("link/deep/../m"), ("link", "sub"), linked),
        (patched, ("link", "sub/deep"), linked),
        (CARGO.1.to_owned(), ("other/Cargo.toml", "/dev/zero"), linked),
        (CARGO.1.to_owned(), ("other", "/etc"), linked),
        (CARGO.1.to_owned(), ("other/Cargo.lock", "../Cargo.lock"), linked),
    ];
    for (manifest, (link, target), says) in cases {
        let tree = Tree::new(&[
            MATURIN,
            ("Cargo.toml", &manifest),
            MAIN,
            ("Cargo.lock", ""),
            ("m/Cargo.toml", &evil),
            ("m/src/lib.rs", ""),
            ("sub/m/Cargo.toml", good),
            ("sub/m/src/lib.rs", ""),
            ("sub/deep/README", ""),
        ]);
        let link = tree.source().join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &link).unwrap();
        let error = tree.error();
        assert!(error.contains(says), "{manifest} {}: {error}", link.display());
    }
    let large = format!("#{}", "x".repeat(usize::try_from(MANIFEST_LIMIT).unwrap()));
    let error = Tree::new(&[MATURIN, CARGO, MAIN, ("m/Cargo.toml", &large)]).error();
    assert!(error.contains("m/Cargo.toml` is larger than"), "{error}");
}

/// What cargo would read before it says anything.
#[test]
fn no_place_outside_of_the_checkout_is_read() {
    if let Err(error) = RustToolchain::find(&AtomicBool::new(false)) {
        return eprintln!("skipped: {error}");
    }
    let outside = "is outside of the source";
    let pattern = "is no pattern that is followed";
    for (more, says) in [
        ("[workspace]\nmembers = ['/etc/*']\n", outside),
        ("[workspace]\nmembers = ['../m']\n", outside),
        ("[workspace]\ndefault-members = ['m/../../m']\n", outside),
        ("[workspace]\nmembers = ['*/../*/../*']\n", pattern),
        ("[workspace]\nmembers = ['.?/.?/*']\n", pattern),
        ("[workspace]\nmembers = ['[.][.]/m']\n", pattern),
        ("[workspace]\nmembers = ['**/m']\n", pattern),
        ("[workspace]\nmembers = ['*/*/*']\n", pattern),
        ("m = { path = '/m' }\n", outside),
        ("[target.'cfg(unix)'.dependencies]\nm = { path = '../m' }\n", outside),
        ("[workspace.dependencies]\nm.path = '../m'\n", outside),
        ("[patch.crates-io]\nm = { path = '../m' }\n", outside),
    ] {
        let text = format!("{}{more}", CARGO.1);
        let error = Tree::new(&[MATURIN, ("Cargo.toml", &text), MAIN, ("Cargo.lock", "")]).error();
        assert!(error.contains("Cargo.toml: ") && error.contains(says), "{more}: {error}");
    }
    let member = "[package]\nname = 'm'\nversion = '1.0.0'\nworkspace = '../../w'\n";
    let error = Tree::new(&[MATURIN, CARGO, MAIN, ("m/Cargo.toml", member)]).error();
    assert!(error.contains(outside), "{error}");
}

#[test]
fn a_workspace_as_people_write_them_is_followed() {
    let root = format!(
        "{}inner = {{ path = 'crates/inner' }}\n[lib]\npath = 'src/lib.rs'\n[workspace]\n\
         members = ['crates/*']\nexclude = ['../x']\n[workspace.metadata.y]\npath = '../z'\n\
         [package.metadata.x]\npath = '/usr/share/x'\n",
        CARGO.1
    );
    let inner = "[package]\nname = 'inner'\nversion = '1.0.0'\n[dependencies]\n\
                 other = { path = '../../other' }\n";
    let other = "[package]\nname = 'other'\nversion = '1.0.0'\nworkspace = '..'\n";
    let Some(tree) = locked(&[
        MATURIN,
        ("Cargo.toml", &root),
        MAIN,
        ("crates/inner/Cargo.toml", inner),
        ("crates/inner/src/lib.rs", ""),
        ("other/Cargo.toml", other),
        ("other/src/lib.rs", ""),
    ]) else {
        return;
    };
    assert_eq!(tree.fetch().unwrap().unwrap().packages.len(), 1);
}
