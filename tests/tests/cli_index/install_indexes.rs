//! `wheelmark install` from several indexes: each project is of one of them, whatever the others have under its name.

use wheelmark_core::digest::Sha256Digest;

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
    let mut command = wheelmark();
    command.current_dir(&place.folder).env("TMPDIR", place.folder.path().join("tmp"));
    command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
    // Nothing that is served here goes through it.
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    command.args(["install", "--policy", "policy.toml", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    for index in indexes {
        command.args(["--index", &index.url()]);
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
