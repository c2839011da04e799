//! `wheelmark install` of what is no file of an index: folders in place and revisions of repositories, with pip and uv as
//! they are. Each is installed where the policy exempts it by its exact place, and told as exempted; and else refused.

use wheelmark_core::digest::Sha256Digest;

use super::install::{environments, other};
use super::*;

const BACKEND: &str = include_str!("../../src/in_tree_backend.py");

const MANIFEST: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\n\
                        [project]\nname = \"plugin\"\nversion = \"1.0\"\n";

/// A place with the project `plugin` in a folder, which is a repository, too: and what names its one commit.
fn place() -> (Place, String) {
    let place = Place::new();
    let folder = place.folder.path().join("plugin");
    fs::create_dir(&folder).expect("a folder");
    for (name, text) in
        [("pyproject.toml", MANIFEST), ("backend.py", BACKEND), ("plugin.py", "WORD = 'one'\n")]
    {
        fs::write(folder.join(name), text).expect("written");
    }
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "--quiet", "-m", "one"]);
    let commit = git(&folder, &["rev-parse", "HEAD"]);
    let revision = format!("git+file://{}@{commit}", folder.display());
    (place, revision)
}

/// What git says in a folder.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=x", "-c", "user.email=x@example.org"]);
    let output = command.args(arguments).output().expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Puts another policy beside the one of the place, and gives what includes it.
fn include_of(place: &Place, base: &str) -> String {
    let sha256 = Sha256Digest::of(base.as_bytes());
    place.put("base.toml", base.as_bytes());
    format!("\n[[includes]]\npath = \"base.toml\"\nsha256 = \"{sha256}\"\n")
}

fn exemption(kind: &str, location: &str, expires: &str) -> String {
    format!(
        "\n[[unverified]]\nproject = \"plugin\"\nkind = \"{kind}\"\nlocation = \"{location}\"\nreason = \"being \
         written\"\nowner = \"plugin team\"\nexpires = {expires}\n"
    )
}

/// After the time of the tests, and before it.
const LATER: &str = "2026-02-01T00:00:00Z";
const EARLIER: &str = "2025-12-31T23:59:59Z";

fn policy(more: &str) -> String {
    String::from_utf8(fixture("policy.toml")).expect("UTF-8") + more
}

/// Both ways to name it, and the exemption that each needs.
fn ways(revision: &str) -> [(Vec<String>, String); 2] {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        (words(&["-e", "./plugin"]), exemption("editable", "plugin", LATER)),
        (words(&[&format!("plugin @ {revision}")]), exemption("vcs", revision, LATER)),
    ]
}

#[test]
fn what_is_exempted_is_installed_beside_what_is_verified_and_told_as_exempted() {
    let (place, revision) = place();
    for (words, exemption) in ways(&revision) {
        place.put("policy.toml", policy(&exemption).as_bytes());
        let asked: Vec<_> = words.iter().map(String::as_str).chain([PROJECT]).collect();
        for environment in environments(&place) {
            let told = said(&mut environment.install(&place, &asked), 0);
            assert!(told.contains("exempted `plugin`, "), "{told}");
            assert!(told.contains("nobody verified it"), "{told}");
            assert!(
                told.contains("being written (plugin team, until 2026-02-01T00:00:00Z)"),
                "{told}"
            );
            assert!(told.contains("1 accepted, 0 rejected"), "{told}");
            assert!(!told.contains("accepted plugin"), "{told}");
            let installed = environment.installed();
            for name in ["demo-1.0.dist-info", "plugin-1.0.dist-info"] {
                assert!(installed.contains(&name.to_owned()), "{installed:?}");
            }
            let mut python = Command::new(environment.folder.join("bin/python"));
            said(python.args(["-c", "import plugin; assert plugin.WORD == 'one'"]), 0);
            fs::remove_dir_all(environment.folder).expect("removed");
        }
        // Alone, and from a file of requirements, too.
        place.put("requirements.txt", format!("# x\n{}\n", words.join(" ")).as_bytes());
        for environment in environments(&place) {
            let mut command =
                environment.run(&place, &["install", "--json"], &["-r", "requirements.txt"]);
            let told = command.assert().code(0).get_output().stdout.clone();
            let told = String::from_utf8(told).expect("UTF-8");
            let last: Value =
                serde_json::from_str(told.lines().last().expect("a line")).expect("JSON");
            assert_eq!(
                (&last["decision"], &last["done"]),
                (&"exempted".into(), &"installed".into())
            );
            assert_eq!(last["files"], serde_json::json!([]));
            assert_eq!(last["exempted"][0]["project"], "plugin");
            assert_eq!(last["exempted"][0]["by"][0]["owner"], "plugin team");
            assert!(environment.installed().contains(&"plugin-1.0.dist-info".to_owned()));
            fs::remove_dir_all(environment.folder).expect("removed");
        }
    }
}

#[test]
fn what_is_not_exempted_is_refused_and_nothing_is_installed() {
    let (place, revision) = place();
    let ran = place.folder.path().join("RAN");
    let backend = format!("open({ran:?}, 'w').close()\n{BACKEND}");
    fs::write(place.folder.path().join("plugin/backend.py"), backend).expect("written");
    let other_commit = format!("{}{}", &revision[..revision.len() - 40], "0".repeat(40));
    let revoked = "\n[[revocations]]\nprojects = [\"plugin\"]\nversions = \"<1\"\nreason = \"r\"\n";
    let include = include_of(&place, &policy(""));
    let environments = environments(&place);
    for (words, exemption) in ways(&revision) {
        let other_place = exemption
            .replace("\"plugin\"\nreason", "\"plugin2\"\nreason")
            .replace(&revision, &other_commit);
        for (more, reason) in [
            (String::new(), "exemption-missing"),
            (other_place, "exemption-missing"),
            (exemption.replace("project = \"plugin\"", "project = \"other\""), "exemption-missing"),
            (exemption.replace(LATER, EARLIER), "exception-expired"),
            (format!("{exemption}{revoked}"), "file-revoked"),
            // An include that grants nothing of the kind.
            (format!("{exemption}{include}"), "exemption-missing"),
        ] {
            place.put("policy.toml", policy(&more).as_bytes());
            let asked: Vec<_> = words.iter().map(String::as_str).chain([PROJECT]).collect();
            for environment in &environments {
                let before = environment.installed();
                let told = said(&mut environment.install(&place, &asked), 10);
                assert!(told.contains("rejected `plugin`, "), "{told}");
                assert!(told.contains(&format!("  {reason}: ")), "{reason}\n{told}");
                assert!(told.contains("nothing was installed: all or nothing"), "{told}");
                assert_eq!(environment.installed(), before);
            }
        }
    }
    assert!(!ran.exists(), "what nobody exempted was run");
}

/// A repository may call anything by the digits of a commit, and some installers would take that for it.
#[test]
fn what_is_named_like_the_commit_is_not_taken_for_it() {
    let (place, revision) = place();
    let commit = &revision[revision.len() - 40..];
    let folder = place.folder.path().join("plugin");
    fs::write(folder.join("plugin.py"), "WORD = 'two'\n").expect("written");
    git(&folder, &["commit", "--quiet", "-a", "-m", "two"]);
    place.put("policy.toml", policy(&exemption("vcs", &revision, LATER)).as_bytes());
    for name in ["refs/heads", "refs/tags"].map(|kind| format!("{kind}/{commit}")) {
        git(&folder, &["update-ref", &name, "HEAD"]);
        for environment in environments(&place) {
            said(&mut environment.install(&place, &[&format!("plugin @ {revision}")]), 0);
            let mut python = Command::new(environment.folder.join("bin/python"));
            said(python.args(["-c", "import plugin; assert plugin.WORD == 'one', plugin.WORD"]), 0);
            // As where it was asked for, and not where it was held in between.
            let told =
                site_packages(&environment.folder).join("plugin-1.0.dist-info/direct_url.json");
            let told: Value =
                serde_json::from_slice(&fs::read(told).expect("a file")).expect("JSON");
            assert_eq!(told["url"], format!("file://{}", folder.display()));
            assert_eq!(told["vcs_info"]["commit_id"], commit);
            fs::remove_dir_all(environment.folder).expect("removed");
        }
        git(&folder, &["update-ref", "-d", &name]);
    }
    place.left_nothing();
}

/// Of what cannot be had nothing is installed, and neither is what was verified beside it.
#[test]
fn a_commit_that_is_not_there_leaves_the_environment_as_it_is() {
    let (place, revision) = place();
    let gone = format!("{}{}", &revision[..revision.len() - 40], "1".repeat(40));
    place.put("policy.toml", policy(&exemption("vcs", &gone, LATER)).as_bytes());
    // uv finds out after what was verified is installed, and says so.
    let with_pip = environments(&place).swap_remove(0);
    let before = with_pip.installed();
    let told = said(&mut with_pip.install(&place, &[PROJECT, &format!("plugin @ {gone}")]), 1);
    assert!(told.contains("`git` ended with"), "{told}");
    assert_eq!(with_pip.installed(), before);
    place.left_nothing();
}

/// What includes another policy without saying anything itself has granted nothing, whatever that one grants.
#[test]
fn an_include_grants_nothing() {
    let (place, revision) = place();
    let digest = Sha256Digest::of(&other().bytes);
    place.server.serve("other", &[other()]);
    let environments = environments(&place);
    for (words, exemption) in ways(&revision) {
        let exception = format!(
            "\n[[exceptions]]\nsha256 = [\"{digest}\"]\nreason = \"r\"\nowner = \"o\"\nexpires = {LATER}\n"
        );
        let base = policy(&(exemption.clone() + &exception));
        let include = include_of(&place, &base);
        for (top, code, says) in
            [("schema = 1\n".to_owned(), 1, "no [[rules]]"), (policy(""), 10, "exemption-missing")]
        {
            place.put("policy.toml", (top + &include).as_bytes());
            for environment in &environments {
                let before = environment.installed();
                let asked: Vec<_> = words.iter().map(String::as_str).collect();
                let told = said(&mut environment.install(&place, &asked), code);
                assert!(told.contains(says), "{told}");
                let told = said(&mut environment.install(&place, &["other"]), code);
                assert!(
                    code == 1 || told.contains("rejected other-1.0-py3-none-any.whl"),
                    "{told}"
                );
                assert_eq!(environment.installed(), before);
            }
        }
    }
}

/// Of one name there is one: neither the index's in place of what is exempted, nor the other way round.
#[test]
fn what_the_index_has_under_its_name_is_not_taken_for_it() {
    let (place, _) = place();
    place.server.serve("plugin", &[Served::unattested("plugin", "9.0")]);
    place.put("policy.toml", policy(&exemption("editable", "plugin", LATER)).as_bytes());
    for environment in environments(&place) {
        let before = environment.installed();
        let told = said(&mut environment.install(&place, &["-e", "plugin", "plugin>=1"]), 1);
        assert!(told.contains("something else needs it of an index"), "{told}");
        assert_eq!(environment.installed(), before);
    }
}

/// What somebody signed before does not lose its signer by being installed from a folder.
#[test]
fn what_was_locked_with_a_signer_is_not_exempted() {
    let (place, _) = place();
    let lock = "schema = 1\n[[projects]]\nname = \"plugin\"\nversion = \"0.9\"\n[[projects.signers]]\nkey = \
                \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n";
    place.put("wheelmark.lock", lock.as_bytes());
    place.put("policy.toml", policy(&exemption("editable", "plugin", LATER)).as_bytes());
    for environment in environments(&place) {
        let locked = ["install", "--locked", "wheelmark.lock"];
        let told = said(&mut environment.run(&place, &locked, &["-e", "plugin"]), 10);
        assert!(told.contains("  identity-lost: "), "{told}");
        said(&mut environment.run(&place, &["install"], &["-e", "plugin"]), 0);
    }
}

#[test]
fn what_names_no_exact_place_is_wrong_usage() {
    let (place, revision) = place();
    let (outside, link) = (place.folder.path().join("tmp"), place.folder.path().join("link"));
    std::os::unix::fs::symlink("/", &link).expect("a link");
    fs::write(outside.join("pyproject.toml"), "[build-system]\nrequires = []\n").expect("written");
    let branch = format!("plugin @ {}", revision.replace(&revision[revision.len() - 40..], "main"));
    for environment in environments(&place) {
        for words in [
            &["-e", "../plugin"][..],
            &["-e", "link"],
            &["-e", "tmp"],
            &["-e", &revision],
            &[&branch],
            &[&revision],
            &[&format!("plugin[x] @ {revision}")],
            &["-e"],
        ] {
            said(&mut environment.install(&place, words), 2);
        }
        let mut download =
            environment.run(&place, &["download", "--dest", "wheelhouse"], &["-e", "plugin"]);
        assert!(said(&mut download, 2).contains("is no file that could be downloaded"));
    }
}
