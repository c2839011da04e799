//! `wheelmark install` from several indexes: each project is of one of them, whatever the others have under its name.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_tests::hostile::Plan;
use wheelmark_tests::index_server::file_path;

use super::install::{Environment, environments, other};
use super::*;

/// A file of a project under a version that every installer would like better.
fn poisoned(project: &str) -> Served {
    Served::unattested(project, "9.0")
}

/// `wheelmark install` from these indexes, the default one first.
fn install(
    environment: &Environment,
    place: &Place,
    indexes: &[&IndexServer],
    asked: &[&str],
) -> Command {
    let urls: Vec<_> = indexes.iter().map(|index| index.url()).collect();
    install_from(environment, place, &urls, asked)
}

/// The same, of indexes by their URLs.
fn install_from(
    environment: &Environment,
    place: &Place,
    urls: &[String],
    asked: &[&str],
) -> Command {
    let mut command = wheelmark();
    command.current_dir(&place.folder).env("TMPDIR", place.folder.path().join("tmp"));
    command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
    // Nothing that is served here goes through it.
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    command.args(["install", "--policy", "policy.toml", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    for url in urls {
        command.args(["--index", url]);
    }
    command.arg("--").args(&environment.words).args(asked);
    command
}

/// The policy of the case, in which `demo` is of this index.
fn bound(index: &IndexServer) -> String {
    let policy = String::from_utf8(fixture("policy.toml")).expect("UTF-8");
    let rule = "projects = [\"demo\"]\n";
    assert!(policy.contains(rule), "{policy}");
    policy.replace(rule, &format!("{rule}indexes = [\"{}\"]\n", index.url()))
}

fn has(environment: &Environment, release: &str) -> bool {
    environment.installed().contains(&format!("{release}.dist-info"))
}

fn asked_for(index: &IndexServer, project: &str) -> bool {
    index.seen().iter().any(|seen| seen.path.contains(project))
}

/// Somebody put a newer file under the same name into the other index: it is not even asked for it.
#[test]
fn a_project_is_installed_from_its_own_index_whichever_is_given_first() {
    let place = Place::new();
    let evil = IndexServer::start();
    evil.serve(PROJECT, &[poisoned(PROJECT)]);
    let unbound = fixture("policy.toml");
    let bound = bound(&place.server).into_bytes();
    for (indexes, policy) in [
        ([&place.server, &evil], &unbound),
        ([&place.server, &evil], &bound),
        ([&evil, &place.server], &bound),
    ] {
        place.put("policy.toml", policy);
        for environment in environments(&place) {
            let told = said(&mut install(&environment, &place, &indexes, &[PROJECT]), 0);
            assert!(has(&environment, "demo-1.0"), "{told}");
            assert!(told.contains(&format!("accepted {FILENAME} from the index")), "{told}");
            fs::remove_dir_all(environment.folder).expect("removed");
        }
    }
    assert!(!asked_for(&evil, PROJECT), "the other index was asked");
    // Of the first index where nothing binds it: what is there is refused by the policy, and what is elsewhere not taken.
    place.put("policy.toml", &unbound);
    for environment in environments(&place) {
        let before = environment.installed();
        let mut command = install(&environment, &place, &[&evil, &place.server], &[PROJECT]);
        let told = said(&mut command, 10);
        assert!(told.contains("rejected demo-9.0-py3-none-any.whl"), "{told}");
        assert_eq!(environment.installed(), before);
    }
}

/// Each of two projects from another index, each poisoned in the other one.
#[test]
fn two_projects_are_of_two_indexes() {
    let place = Place::new();
    let second = IndexServer::start();
    second.serve("other", &[other()]);
    second.serve(PROJECT, &[poisoned(PROJECT)]);
    place.server.serve("other", &[poisoned("other")]);
    let digest = Sha256Digest::of(&other().bytes);
    let poison = Sha256Digest::of(&poisoned("other").bytes);
    let policy = bound(&place.server)
        + &format!(
            "\n[[rules]]\nprojects = [\"other\"]\nindexes = [\"{}\"]\nidentities = [\"release\"]\n\
             rebuild = \"never\"\n\n[[exceptions]]\nsha256 = [\"{digest}\", \"{poison}\"]\nreason = \"r\"\nowner = \"o\"\n\
             expires = 2027-01-01T00:00:00Z\n",
            second.url()
        );
    place.put("policy.toml", policy.as_bytes());
    for indexes in [[&place.server, &second], [&second, &place.server]] {
        for environment in environments(&place) {
            let mut command = install(&environment, &place, &indexes, &[PROJECT, "other"]);
            let told = said(&mut command, 0);
            assert!(has(&environment, "demo-1.0") && has(&environment, "other-1.0"), "{told}");
            assert!(told.contains("2 accepted"), "{told}");
            fs::remove_dir_all(environment.folder).expect("removed");
        }
    }
    assert!(!asked_for(&second, PROJECT) && !asked_for(&place.server, "other"));
}

#[test]
fn a_project_of_an_index_that_is_not_asked_is_not_looked_for_elsewhere() {
    let place = Place::new();
    let (second, third) = (IndexServer::start(), IndexServer::start());
    second.serve(PROJECT, &[demo()]);
    place.put("policy.toml", bound(&third).as_bytes());
    for environment in environments(&place) {
        let before = environment.installed();
        let mut command = install(&environment, &place, &[&place.server, &second], &[PROJECT]);
        let told = said(&mut command, 1);
        assert!(told.contains("`demo` is of `http://127.0.0.1"), "{told}");
        assert!(told.contains("by rules[0] of policy.toml"), "{told}");
        assert_eq!(environment.installed(), before);
        let mut twice = install(&environment, &place, &[&second, &second], &[PROJECT]);
        assert!(said(&mut twice, 2).contains("is given twice"));
    }
    assert!(!asked_for(&place.server, PROJECT) && !asked_for(&second, PROJECT));
}

/// The environment, its installer behind a program that writes down what it is told.
fn watched(place: &Place, environment: &Environment) -> Environment {
    let name = Path::new(&environment.words[0]).file_name().expect("a name").to_owned();
    let folder = place.folder.path().join("watched");
    fs::create_dir_all(&folder).expect("a folder");
    let real = match environment.words[0].contains('/') {
        true => environment.words[0].clone(),
        false => {
            let found = std::process::Command::new("sh")
                .args(["-c", &format!("command -v {}", environment.words[0])])
                .output();
            let found = found.expect("sh").stdout;
            String::from_utf8(found).expect("UTF-8").trim().to_owned()
        }
    };
    let told = place.folder.path().join("told.txt");
    let script = format!(
        "#!/bin/sh\n{{ env; printf '%s\\n' \"$@\"; }} >>'{}'\nexec '{real}' \"$@\"\n",
        told.display()
    );
    let program = folder.join(name);
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a mode");
    let mut words = environment.words.clone();
    words[0] = program.to_string_lossy().into_owned();
    Environment { words, folder: environment.folder.clone() }
}

/// A password goes to the index that it is for: not to another one, not to where an index has its files, and not to the
/// installer; and it is shown to nobody, whatever goes wrong.
#[test]
fn what_opens_an_index_is_for_that_index_alone() {
    let place = Place::new();
    let (second, files) = (IndexServer::start(), IndexServer::start());
    files.serve(PROJECT, &[demo()]);
    listed(&place, "url", json!(files.origin() + &file_path(FILENAME)));
    second.serve("other", &[other()]);
    let digest = Sha256Digest::of(&other().bytes);
    let policy = bound(&place.server)
        + &format!(
            "\n[[rules]]\nprojects = [\"other\"]\nindexes = [\"{}\"]\nidentities = [\"release\"]\nrebuild = \
             \"never\"\n\n[[exceptions]]\nsha256 = [\"{digest}\"]\nreason = \"r\"\nowner = \"o\"\nexpires = \
             2027-01-01T00:00:00Z\n",
            second.url()
        );
    place.put("policy.toml", policy.as_bytes());
    let urls = [place.server.url_with("user:s3cret"), second.url_with("else:wh3re")];
    let hidden = |text: &str| {
        for secret in ["s3cret", "wh3re", "user:", "dXNlcjpzM2NyZXQ=", "ZWxzZTp3aDNyZQ=="] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    };
    for environment in environments(&place) {
        let environment = watched(&place, &environment);
        hidden(&said(&mut install_from(&environment, &place, &urls, &[PROJECT, "other"]), 0));
        assert!(has(&environment, "demo-1.0") && has(&environment, "other-1.0"));
        let told = fs::read_to_string(place.folder.path().join("told.txt")).expect("it ran");
        assert!(told.contains("http://127.0.0.1:") && told.contains("/simple/"), "{told}");
        hidden(&told);
        fs::remove_file(place.folder.path().join("told.txt")).expect("removed");
        fs::remove_dir_all(&environment.folder).expect("removed");
    }
    let sent = |server: &IndexServer| {
        server.seen().into_iter().map(|it| it.authorization).collect::<BTreeSet<_>>()
    };
    assert_eq!(sent(&place.server), [Some("Basic dXNlcjpzM2NyZXQ=".to_owned())].into());
    assert_eq!(sent(&second), [Some("Basic ZWxzZTp3aDNyZQ==".to_owned())].into());
    assert_eq!(sent(&files), [None].into());
    // A password that is none.
    place.server.told(&page_path(PROJECT), Reply::status(401));
    for environment in environments(&place) {
        let before = environment.installed();
        hidden(&said(&mut install_from(&environment, &place, &urls, &[PROJECT]), 1));
        assert_eq!(environment.installed(), before);
    }
}

/// What an index says of a file apart from the file, by which installers resolve, is held against the digest on the page
/// and then against the file.
#[test]
fn metadata_beside_a_file_is_that_of_the_file() {
    let place = Place::new();
    let second = IndexServer::start();
    second.serve("other", &[other()]);
    let path = format!("{}.metadata", file_path(FILENAME));
    let members = Plan::new().files;
    let own = members.into_iter().find(|(name, _)| name.ends_with("/METADATA")).expect("it").1;
    let other = [&own[..], b"Requires-Dist: other\n"].concat();
    let serve = |page: &[u8], served: &[u8]| {
        let digests = json!({"sha256": Sha256Digest::of(page)});
        listed(&place, "core-metadata", digests);
        place.server.told(&path, Reply::of("application/octet-stream", served));
    };
    for (page, served, right) in
        [(&own, &own, true), (&own, &other, false), (&other, &other, false)]
    {
        serve(page, served);
        for environment in environments(&place) {
            let (before, asked_before) = (environment.installed(), asked(&place, &path));
            let mut command = install(&environment, &place, &[&place.server, &second], &[PROJECT]);
            let output = command.output().expect("it runs");
            let told =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(asked(&place, &path) > asked_before, "it was not asked for: {told}");
            assert_eq!(output.status.code() == Some(0), right, "{told}");
            assert_eq!(has(&environment, "demo-1.0"), right, "{told}");
            assert!(right || environment.installed() == before, "{told}");
            fs::remove_dir_all(environment.folder).expect("removed");
        }
    }
}
