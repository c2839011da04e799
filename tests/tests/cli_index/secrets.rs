//! A password in the index's URL goes to the index, and nowhere else.

use serde_json::json;
use wheelmark_tests::index_server::{file_path, integrity_path};

use super::*;

const SECRET: &str = "s3cret";

/// The program with the index given with a password, and without a flag as uv is configured.
fn with_password(place: &Place, url: &str) -> [Command; 2] {
    let common = |command: &mut Command| {
        command.current_dir(&place.folder).arg("verify").args(RELEASE);
        command.args(["--policy", "policy.toml", "--trust-root", TRUSTED_ROOT, "--at", AT]);
    };
    let (mut flag, mut configured) = (wheelmark(), wheelmark());
    common(&mut flag);
    flag.args(["--index", url]);
    common(&mut configured);
    configured.env("UV_DEFAULT_INDEX", url);
    [flag, configured]
}

#[test]
fn it_is_sent_to_the_index_and_shown_in_no_format() {
    let place = Place::new();
    let files = IndexServer::start();
    files.serve(PROJECT, &[demo()]);
    listed(&place, "url", json!(files.origin() + &file_path(FILENAME)));
    let url = place.server.url_with(&format!("user:{SECRET}"));
    let answers = [(Reply::status(404), 10), (Reply::status(401), 1)];
    for (reply, code) in answers {
        place.server.told(&integrity_path(FILENAME), reply);
        for format in ["human", "json", "jsonl", "sarif", "junit", "github"] {
            for mut command in with_password(&place, &url) {
                let text = said(command.args(["--format", format]), code);
                assert!(!text.contains(SECRET) && !text.contains("user:"), "{format}: {text}");
            }
        }
    }
    let basic = Some("Basic dXNlcjpzM2NyZXQ=".to_owned());
    let seen = place.server.seen();
    assert!(seen.len() >= 48 && seen.iter().all(|it| it.authorization == basic), "{seen:?}");
    let elsewhere = files.seen();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|it| it.authorization.is_none()));
}

/// Plain HTTP goes to this machine only, whatever is configured for other hosts.
#[test]
fn it_is_sent_to_no_proxy() {
    let place = Place::new();
    let proxy = IndexServer::start();
    let url = place.server.url_with(&format!("user:{SECRET}"));
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        for mut command in with_password(&place, &url) {
            said(command.env(variable, proxy.origin()), 0);
        }
    }
    assert_eq!(proxy.seen(), []);
}

#[test]
fn it_is_not_shown_where_the_url_is_wrong() {
    let place = Place::new();
    for url in [
        format!("ftp://user:{SECRET}@index.invalid/"),
        format!("http://user:{SECRET}@index.invalid/simple"),
        format!("https://user:{SECRET}@index.invalid:x/"),
        format!("https://user:{SECRET}@index.invalid/?a"),
    ] {
        let [mut flag, mut configured] = with_password(&place, &url);
        for (command, code) in [(&mut flag, 2), (&mut configured, 1)] {
            let text = said(command, code);
            assert!(text.contains("the index's URL ") || text.contains("by `https://`"), "{text}");
            assert!(!text.contains(SECRET), "{text}");
        }
        let mut update = wheelmark();
        let text = said(update.args(["trust", "update", "github", "--tuf-url", &url]), 2);
        assert!(!text.contains(SECRET), "{text}");
    }
}
