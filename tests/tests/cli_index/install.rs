//! `wheelmark install` and `download`: pip and uv as they are, an environment of each, and an index that serves what is
//! right, what is wrong, and what nobody asked for.

use std::path::PathBuf;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::hostile::Plan;

use super::*;

/// An environment, and the words that install into it.
pub(super) struct Environment {
    pub(super) words: Vec<String>,
    pub(super) folder: PathBuf,
}

/// One with pip and one of uv, made in the place.
pub(super) fn environments(place: &Place) -> Vec<Environment> {
    let make = |program: &str, arguments: &[&str], name: &str| {
        let made = std::process::Command::new(program)
            .args(arguments)
            .arg(name)
            .current_dir(&place.folder)
            .output()
            .expect("an environment");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        place.folder.path().join(name)
    };
    let with_pip = make("python3", &["-m", "venv"], "with-pip");
    let of_uv = make("uv", &["venv", "--quiet", "--python", "python3"], "of-uv");
    let word = |text: &str| text.to_owned();
    let pip = with_pip.join("bin/pip").to_string_lossy().into_owned();
    let python = of_uv.join("bin/python").to_string_lossy().into_owned();
    vec![
        Environment { words: vec![pip, word("install")], folder: with_pip },
        Environment {
            words: vec![word("uv"), word("pip"), word("install"), word("--python"), python],
            folder: of_uv,
        },
    ]
}

impl Environment {
    /// `wheelmark VERB` for it, under the policy of the case.
    pub(super) fn run(&self, place: &Place, verb: &[&str], asked: &[&str]) -> Command {
        let mut command = wheelmark();
        command.current_dir(&place.folder).env("TMPDIR", place.folder.path().join("tmp"));
        command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
        command.args(verb).args(["--policy", "policy.toml", "--trust-root", TRUSTED_ROOT]);
        command.args(["--at", AT, "--index", &place.server.url(), "--"]);
        command.args(&self.words).args(asked);
        command
    }

    pub(super) fn install(&self, place: &Place, asked: &[&str]) -> Command {
        self.run(place, &["install"], asked)
    }

    /// What is installed, but for what it came with.
    pub(super) fn installed(&self) -> Vec<String> {
        let entries = fs::read_dir(site_packages(&self.folder)).expect("site-packages");
        let names =
            entries.map(|it| it.expect("an entry").file_name().into_string().expect("UTF-8"));
        let own = ["pip", "setuptools", "pkg_resources", "_", "distutils"];
        let mut names: Vec<_> =
            names.filter(|name| !own.iter().any(|own| name.starts_with(own))).collect();
        names.sort();
        names
    }
}

/// Another project, of which there is no attestation.
pub(super) fn other() -> Served {
    Served::unattested("other", "1.0")
}

#[test]
fn what_is_accepted_is_installed() {
    let place = Place::new();
    for environment in environments(&place) {
        let told = said(&mut environment.install(&place, &["demo"]), 0);
        assert!(told.contains(&format!("accepted {FILENAME} from the index")), "{told}");
        assert!(told.ends_with("installed\n") || told.contains("\ninstalled\n"), "{told}");
        assert!(environment.installed().contains(&"demo-1.0.dist-info".to_owned()));
        let again = said(&mut environment.install(&place, &["demo"]), 0);
        assert!(
            again.contains("nothing to install; what is there already was not verified"),
            "{again}"
        );
        place.left_nothing();
    }
}

#[test]
fn on_any_refusal_nothing_is_installed() {
    let place = Place::new();
    place.server.serve("other", &[other()]);
    for environment in environments(&place) {
        let before = environment.installed();
        let told = said(&mut environment.install(&place, &["demo", "other"]), 10);
        assert!(told.contains("rejected other-1.0-py3-none-any.whl from the index"), "{told}");
        assert!(told.contains("nothing was installed: all or nothing"), "{told}");
        assert_eq!(environment.installed(), before);
        place.left_nothing();
    }
}

/// The file that the policy accepts and an included one does not.
#[test]
fn what_an_included_policy_refuses_is_neither_installed_nor_downloaded() {
    let place = Place::new();
    let policy = String::from_utf8(fixture("policy.toml")).expect("UTF-8");
    for (base, code) in [(policy.clone(), 0), (policy.replace("octo/demo", "octo/another"), 10)] {
        let sha256 = Sha256Digest::of(base.as_bytes());
        let include = format!("\n[[includes]]\npath = \"base.toml\"\nsha256 = \"{sha256}\"\n");
        place.put("base.toml", base.as_bytes());
        place.put("policy.toml", (policy.clone() + &include).as_bytes());
        let (dest, environments) = (format!("wheelhouse-{code}"), environments(&place));
        for environment in environments {
            let before = environment.installed();
            said(&mut environment.run(&place, &["download", "--dest", &dest], &["demo"]), code);
            assert_eq!(place.folder.path().join(&dest).join(FILENAME).exists(), code == 0);
            let told = said(&mut environment.install(&place, &["demo"]), code);
            assert_eq!(environment.installed() == before, code == 10, "{told}");
            assert_eq!(told.contains("includes: signer-not-allowed"), code == 10, "{told}");
            fs::remove_dir_all(environment.folder).expect("removed");
        }
    }
}

/// An index that a file of requirements or a configuration adds has a newer `demo`: it is not asked.
#[test]
fn a_file_of_another_index_is_none_of_this_one() {
    let place = Place::new();
    let evil = IndexServer::start();
    evil.serve(PROJECT, &[Served::unattested(PROJECT, "9.0")]);
    let text = format!("--extra-index-url {}\ndemo\n", evil.url());
    place.put("requirements.txt", text.as_bytes());
    // Both read it from the folder or the home in which they work.
    place.put("uv.toml", format!("extra-index-url = [\"{}\"]\n", evil.url()).as_bytes());
    place.put("pip.conf", format!("[global]\nextra-index-url = {}\n", evil.url()).as_bytes());
    for environment in environments(&place) {
        let mut command = environment.install(&place, &["-r", "requirements.txt"]);
        let told = said(&mut command, 1);
        assert!(told.contains("requirements.txt:1: `--extra-index-url"), "{told}");
        let mut command = environment.install(&place, &["demo"]);
        said(command.env("PIP_CONFIG_FILE", place.folder.path().join("pip.conf")), 0);
        assert!(environment.installed().contains(&"demo-1.0.dist-info".to_owned()));
    }
    assert!(evil.seen().is_empty(), "the other index was asked");
}

/// A variable that says where to install, or what else, is not obeyed, and not passed over.
#[test]
fn a_variable_that_would_move_it_elsewhere_is_wrong_usage() {
    let place = Place::new();
    let environments = environments(&place);
    for (name, value) in [("PIP_TARGET", "x"), ("PIP_EDITABLE", "."), ("PIP_REQUIREMENT", "r.txt")]
    {
        let told = said(environments[0].install(&place, &["demo"]).env(name, value), 2);
        assert!(told.contains(&format!("`{name}` is set")), "{told}");
    }
}

/// pip leaves what is in a folder as it is, and ends well.
#[test]
fn what_is_in_a_target_is_replaced_by_what_was_verified() {
    let place = Place::new();
    let target = place.folder.path().join("target");
    fs::create_dir_all(target.join("demo")).expect("a folder");
    fs::write(target.join("demo/__init__.py"), "print('evil')").expect("written");
    for environment in environments(&place) {
        said(&mut environment.install(&place, &["demo", "--target", "target"]), 0);
        let text = fs::read_to_string(target.join("demo/__init__.py")).expect("the module");
        assert!(!text.contains("evil"), "{text}");
        fs::remove_dir_all(&target).expect("removed");
        fs::create_dir_all(target.join("demo")).expect("a folder");
        fs::write(target.join("demo/__init__.py"), "print('evil')").expect("written");
    }
}

/// The digests of a file of requirements are held, whatever the installer makes of them when it is only asked.
#[test]
fn another_digest_than_the_locked_one_is_refused() {
    let place = Place::new();
    let digest = Sha256Digest::of(&demo().bytes).to_string();
    for environment in environments(&place) {
        let before = environment.installed();
        let wrong = format!("demo==1.0 --hash=sha256:{}\n", "0".repeat(64));
        place.put("requirements.txt", wrong.as_bytes());
        let mut command = environment.install(&place, &["-r", "requirements.txt"]);
        let output = command.assert().get_output().clone();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(environment.installed(), before);
        place.put("requirements.txt", format!("demo==1.0 --hash=sha256:{digest}\n").as_bytes());
        said(&mut environment.install(&place, &["-r", "requirements.txt"]), 0);
    }
}

/// A wheel of the index depends on a source distribution by its URL: pip would build it to read its metadata.
#[test]
fn nothing_is_built_to_say_what_would_be_installed() {
    let place = Place::new();
    let source = place.folder.path().join("evil");
    fs::create_dir(&source).expect("a folder");
    let ran = place.folder.path().join("RAN");
    let setup =
        format!("open({ran:?}, 'w').close()\nfrom setuptools import setup\nsetup(name='evil')\n");
    fs::write(source.join("setup.py"), setup).expect("written");
    let mut plan = Plan::new();
    let needs = format!("Requires-Dist: evil @ file://{}\n", source.display());
    plan.edit("demo-1.0.dist-info/METADATA", "Version: 1.0\n", &format!("Version: 1.0\n{needs}"));
    let served = Served { bytes: cases::packed(&plan), ..demo() };
    place.server.serve(PROJECT, &[served]);
    for environment in environments(&place) {
        let before = environment.installed();
        said(&mut environment.install(&place, &["demo"]), 1);
        assert!(!ran.exists(), "what nobody verified was run");
        assert_eq!(environment.installed(), before);
    }
}

#[test]
fn what_is_accepted_is_downloaded_whole_or_not_at_all() {
    let place = Place::new();
    place.server.serve("other", &[other()]);
    let wheelhouse = place.folder.path().join("wheelhouse");
    let download = ["download", "--dest", "wheelhouse", "--json"];
    for environment in environments(&place) {
        said(&mut environment.run(&place, &download, &["demo", "other"]), 10);
        assert!(!wheelhouse.exists());
        let told = said(&mut environment.run(&place, &download, &["demo"]), 0);
        let last: Value = serde_json::from_str(told.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["schema"], "https://wheelmark.dev/install/v1");
        assert_eq!(last["done"], "downloaded");
        // Whatever is installed.
        said(&mut environment.install(&place, &["demo"]), 0);
        said(&mut environment.run(&place, &download, &["demo"]), 0);
        let bytes = fs::read(wheelhouse.join(FILENAME)).expect("the wheel");
        assert_eq!(Sha256Digest::of(&bytes), Sha256Digest::of(&demo().bytes));
        fs::remove_dir_all(&wheelhouse).expect("removed");
    }
}

#[test]
fn a_command_that_is_not_known_is_wrong_usage() {
    let place = Place::new();
    let environment = Environment { words: vec!["sh".to_owned()], folder: PathBuf::new() };
    let told = said(&mut environment.install(&place, &["-c", "touch here"]), 2);
    assert!(told.contains("not one that can be verified"), "{told}");
    assert!(!place.folder.path().join("here").exists());
}
