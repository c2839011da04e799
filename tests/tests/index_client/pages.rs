//! A project's page is read strictly, and one odd file does not stand in the way of others.

use wheelmark_index::Yanked;

use super::*;

/// What is wrong when the page answers so.
async fn paged(reply: Reply) -> Problem {
    let server = server();
    server.told(&page_path(PROJECT), reply);
    problem(release(&index(&server)).await)
}

/// What is wrong with a page of which one thing was changed.
async fn wrong(bend: impl FnOnce(&mut Value)) -> Problem {
    let server = server();
    bent(&server, bend);
    problem(release(&index(&server)).await)
}

#[tokio::test]
async fn what_the_index_does_not_have_is_an_error_and_no_empty_list() {
    let found = paged(Reply::status(404)).await;
    assert_problem!(found, Problem::NoProject { project } if project.as_str() == PROJECT);
    let found = wrong(|page| page["files"] = json!([])).await;
    assert_problem!(found, Problem::NoRelease { version, .. } if version.to_string() == "1.0");
    let other = DistFilename::parse("foo_bar-1.0.tar.gz").expect("a name");
    let found = problem(index(&server()).file(&other).await);
    assert_problem!(found, Problem::NoFile { filename } if filename == other.as_str());
}

#[tokio::test]
async fn names_are_asked_for_in_their_normal_form_and_versions_compared_by_meaning() {
    let server = server();
    let index = index(&server);
    let project = "Foo._Bar".parse().expect("a name");
    let files = index.release(&project, &"1.0.0".parse().expect("a version")).await;
    assert_eq!(files.expect("the release").len(), 1);
    assert_eq!(server.seen()[0].path, page_path(PROJECT));
    // The page may spell the name as the project does.
    bent(&server, |page| page["name"] = json!("Foo.Bar"));
    assert_eq!(release(&index).await.expect("the release").len(), 1);
}

#[tokio::test]
async fn a_page_of_another_kind_is_refused() {
    let html = "<!DOCTYPE html><a href=\"foo\">foo</a>";
    for kind in ["text/html; charset=UTF-8", "application/vnd.pypi.simple.v1+html"] {
        let found = paged(Reply::of(kind, html)).await;
        assert_problem!(found, Problem::HtmlOnly { expected } if *expected == PAGE);
    }
    let found = paged(Reply::of("application/json", "{}")).await;
    assert_problem!(found, Problem::ContentType { .. });
    assert_problem!(paged(Reply::of(PAGE, html)).await, Problem::NotJson(_));
    assert_problem!(paged(Reply::of(PAGE, "[]")).await, Problem::PageMalformed { .. });
    let large = Reply::of(PAGE, " ".repeat(100_001));
    assert_problem!(paged(large).await, Problem::TooLarge { limit: 100_000, .. });
    assert_problem!(paged(Reply::status(403)).await, Problem::Forbidden);
    assert_problem!(paged(Reply::status(503)).await, Problem::Server { status: 503 });
}

#[tokio::test]
async fn a_page_is_redirected_within_the_index_only() {
    let server = server();
    let other = IndexServer::start();
    other.serve(PROJECT, &[wheel()]);
    let page = server.page(PROJECT, &[wheel()]).to_string();
    server.told("/moved/foo-bar/", Reply::of(PAGE, page));
    server.told(&page_path(PROJECT), Reply::redirect("/moved/foo-bar/"));
    assert_eq!(release(&index(&server)).await.expect("the release").len(), 1);

    server.told(&page_path(PROJECT), Reply::redirect(&other.url()));
    let found = problem(release(&index(&server)).await);
    assert_problem!(found, Problem::RedirectedElsewhere { expected, .. }
        if *expected == server.origin());
    assert_eq!(other.seen(), []);

    server.told(&page_path(PROJECT), Reply::redirect(&page_path(PROJECT)));
    let found = problem(release(&index(&server)).await);
    assert_problem!(found, Problem::TooManyRedirects { limit: 3 });
}

#[tokio::test]
async fn a_page_that_says_something_else_is_refused() {
    let found = wrong(|page| page["name"] = json!("foo-baz")).await;
    assert_problem!(found, Problem::OtherProject { found, .. } if found == "foo-baz");
    for version in ["2.0", "1", "10.0", ""] {
        let found = wrong(|page| page["meta"]["api-version"] = json!(version)).await;
        assert_problem!(found, Problem::ApiVersion { found } if found == version);
    }
    for (key, value) in [("name", json!(1)), ("files", json!({})), ("meta", json!(null))] {
        let found = wrong(|page| page[key] = value).await;
        assert_problem!(found, Problem::PageMalformed { .. });
    }
    let found = wrong(|page| page["files"][0]["filename"] = json!(null)).await;
    assert_problem!(found, Problem::PageMalformed { .. });
    let found = wrong(|page| {
        let again = page["files"][0].clone();
        page["files"].as_array_mut().expect("files").push(again);
    });
    assert_problem!(found.await, Problem::ListedTwice { filename } if filename == WHEEL);
}

#[tokio::test]
async fn a_file_must_be_listed_with_what_it_is_held_against() {
    let file = |key: &'static str, value: Value| wrong(move |page| page["files"][0][key] = value);
    let found = file("hashes", json!({ "md5": "00" })).await;
    assert_problem!(found, Problem::NoDigest { filename } if filename == WHEEL);
    assert_problem!(file("hashes", json!({})).await, Problem::NoDigest { .. });
    for (key, value) in [
        ("hashes", json!({ "sha256": "00" })),
        ("hashes", json!({ "sha256": "A".repeat(64) })),
        ("hashes", json!(null)),
        ("url", json!(null)),
        ("url", json!("http://[")),
        ("size", json!(-1)),
        ("size", json!("20")),
        ("upload-time", json!("yesterday")),
        ("upload-time", json!(1_730_932_630)),
        ("core-metadata", json!("true")),
        ("core-metadata", json!([])),
        ("core-metadata", json!({ "sha256": 1 })),
        ("core-metadata", json!({ "sha256": "00" })),
        ("dist-info-metadata", json!(1)),
        ("data-dist-info-metadata", json!({ "sha256": "A".repeat(64) })),
        ("yanked", json!(1)),
        ("provenance", json!(true)),
    ] {
        let found = file(key, value.clone()).await;
        assert_problem!(found, Problem::FileMalformed { filename, .. } if filename == WHEEL);
    }
    for url in [
        "/packages/foo_bar-1.1-py3-none-any.whl",
        "/packages/",
        "/a?b=foo_bar-1.0-py3-none-any.whl",
    ] {
        let found = file("url", json!(url)).await;
        assert_problem!(found, Problem::OtherFilename { filename, .. } if filename == WHEEL);
    }
    for start in ["http://files.example/", "http://a:b@127.0.0.1/", "ftp://files.example/"] {
        let found = file("url", json!(format!("{start}{WHEEL}"))).await;
        assert_problem!(found, Problem::FileUrl { filename, .. } if filename == WHEEL);
    }
}

/// What the page of these keys says of METADATA.
async fn metadata_of(keys: &[(&str, Value)]) -> Result<Option<Sha256Digest>, IndexError> {
    let server = server();
    bent(&server, |page| {
        for (key, value) in keys {
            page["files"][0][*key] = value.clone();
        }
    });
    Ok(release(&index(&server)).await?[0].metadata_sha256())
}

#[tokio::test]
async fn the_digest_of_metadata_is_read_by_each_of_its_names() {
    let names = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"];
    let [one, other] = [&b"one"[..], b"other"].map(Sha256Digest::of);
    let digests = |it: Sha256Digest| json!({ "md5": "00", "sha256": it });
    for name in names {
        for none in [json!(true), json!(false), json!(null), json!({}), json!({ "md5": "00" })] {
            let found = metadata_of(&[(name, none.clone())]).await.expect("the release");
            assert_eq!(found, None, "{name}: {none}");
            // A name that says nothing hides none that does.
            for said in names.into_iter().filter(|said| *said != name) {
                let both = [(name, none.clone()), (said, digests(one))];
                assert_eq!(metadata_of(&both).await.expect("the release"), Some(one), "{both:?}");
            }
        }
        for second in names.into_iter().filter(|second| *second != name) {
            let same = metadata_of(&[(name, digests(one)), (second, digests(one))]).await;
            assert_eq!(same.expect("the release"), Some(one));
            let two = problem(metadata_of(&[(name, digests(one)), (second, digests(other))]).await);
            assert_problem!(&two, Problem::FileMalformed { filename, what }
                if filename == WHEEL && [one, other].iter().all(|it| what.contains(&it.to_string())));
        }
    }
}

#[tokio::test]
async fn a_release_begins_with_the_first_of_its_files() {
    let server = server();
    let index = index(&server);
    let sdist = "foo_bar-1.0.tar.gz";
    let [wheel, sdist_name] = [WHEEL, sdist].map(|name| DistFilename::parse(name).expect("a name"));
    // The release has a source distribution too, and there is a file of another one.
    let uploaded = |wheel: Value, sdist_at: Value, another: Value| {
        bent(&server, |page| {
            let mut file = page["files"][0].clone();
            page["files"][0]["upload-time"] = wheel;
            for (name, time) in [(sdist, sdist_at), ("foo_bar-0.9.tar.gz", another)] {
                file["filename"] = json!(name);
                file["url"] = json!(file_path(name));
                file["upload-time"] = time;
                page["files"].as_array_mut().expect("files").push(file.clone());
            }
        });
    };
    let [first, later] =
        ["2024-11-06T22:37:10Z", "2024-12-24T00:00:00.5+01:00"].map(|it| json!(it));
    let began = async |name: &DistFilename| Ok(index.file(name).await?.release_began());
    let time = Some("2024-11-06T22:37:10Z".parse().expect("a time"));
    for [at, sdist_at] in [[&first, &later], [&later, &first], [&first, &Value::Null]] {
        uploaded(at.clone(), sdist_at.clone(), json!("2020-01-01T00:00:00Z"));
        for name in [&wheel, &sdist_name] {
            assert_eq!(began(name).await.expect("the file"), time, "{at} {sdist_at}");
        }
        let files = release(&index).await.expect("the release");
        assert!(files.len() == 2 && files.iter().all(|file| file.release_began() == time));
    }
    uploaded(Value::Null, Value::Null, first.clone());
    assert_eq!(began(&wheel).await.expect("the file"), None);
    // One that cannot be read could be the first.
    uploaded(later.clone(), json!("yesterday"), first.clone());
    assert_problem!(problem(began(&wheel).await), Problem::FileMalformed { filename, what }
        if filename == sdist && what.starts_with("upload-time: "));
    uploaded(later.clone(), first.clone(), json!("yesterday"));
    assert_eq!(began(&wheel).await.expect("the file"), time);
}

#[tokio::test]
async fn what_is_odd_or_new_on_a_page_does_not_stand_in_the_way() {
    let server = server();
    bent(&server, |page| {
        page["meta"]["api-version"] = json!("1.99");
        page["new"] = json!([1]);
        page["files"][0]["new"] = json!({});
        page["files"][0]["yanked"] = json!("broken metadata");
        page["files"][0]["size"] = json!(null);
        page["files"][0]["url"] = json!(format!("../../packages/aa/bb/{WHEEL}#sha256=00"));
        let files = page["files"].as_array_mut().expect("files");
        files.push(json!({ "filename": "foo_bar-0.1-py3-none-any.whl", "hashes": {} }));
        for name in ["foo_bar-1.0-py2.7.egg", "foo-bar-1.0.zip", "other-1.0.tar.gz", "\u{202e}"] {
            files.push(json!({ "filename": name }));
        }
    });
    let index = index(&server);
    let file = listed(&index).await;
    assert_eq!(*file.yanked(), Yanked::Yes(Some("broken metadata".to_owned())));
    assert_eq!(file.size(), None);
    index.download(&file, &mut Vec::new()).await.expect("the file");
    let page = index.page(&PROJECT.parse().expect("a name")).await.expect("the page");
    assert_eq!(page.unread().len(), 4);
    let old = problem(page.release(&"0.1".parse().expect("a version"), 9));
    assert_problem!(old, Problem::FileMalformed { .. });
}

/// Other clients read names less strictly, or go by that at the end of the URL.
#[tokio::test]
async fn what_others_may_install_as_the_release_is_not_passed_over() {
    let listed = |filename: &str, url: &str| {
        let entry = json!({ "filename": filename, "url": url, "hashes": {} });
        let server = server();
        bent(&server, |page| page["files"].as_array_mut().expect("files").push(entry));
        server
    };
    for name in [
        "foo_bar-1.0-1~x-py3-none-any.whl",
        "Foo.Bar-1.0.0-1(x)-py3-none-any.WHL",
        "foo_bar-1.0-1 x-py3-none-any.whl",
        "foo_bar-1.0-py3-none-any.any~.whl",
        "foo_bar-1.0+x-1\u{e9}-py3-none-any.whl",
        "foo-bar- 1.0.tar.gz",
    ] {
        let found = problem(release(&index(&listed(name, name))).await);
        assert_problem!(found, Problem::MisnamedFile { filename, .. } if filename == name);
    }
    for name in ["foo_bar-1.0-py2.7.egg", "foo_bar-0.9-py3-none-any.whl"] {
        let found =
            problem(release(&index(&listed(name, "/a/foo_bar-1.0-1-py3-none-any.wh%6C?b"))).await);
        assert_problem!(found, Problem::MisnamedFile { filename, .. } if filename == name);
    }
    // Of another version or project, or of none.
    for name in [
        "foo_bar-0.9-1~x-py3-none-any.whl",
        "foo_bar-1.0.1-1~x-py3-none-any.whl",
        "foo_bar-1.0~x-py3-none-any.whl",
        "foo-1.0-1~x-py3-none-any.whl",
        "foo_bar-1.0dev-r1.tar.gz",
        "foo_bar-1.0.tar.bz2",
    ] {
        assert_eq!(release(&index(&listed(name, name))).await.expect(name).len(), 1);
    }
}

/// `==1.0` asks for those too (PEP 440).
#[tokio::test]
async fn files_of_local_versions_are_of_the_release_that_is_asked_for_without() {
    let server = server();
    bent(&server, |page| {
        let mut local = page["files"][0].clone();
        let name = WHEEL.replace("1.0", "1.0+x");
        local["url"] = json!(format!("/packages/{name}"));
        local["filename"] = json!(name);
        page["files"].as_array_mut().expect("files").push(local);
    });
    let index = index(&server);
    assert_eq!(release(&index).await.expect("the release").len(), 2);
    let project = PROJECT.parse().expect("a name");
    let only = index.release(&project, &"1.0+x".parse().expect("a version")).await;
    assert_eq!(only.expect("the release").len(), 1);
}

#[tokio::test]
async fn a_release_of_too_many_files_is_refused() {
    let server = server();
    bent(&server, |page| {
        let files = page["files"].as_array_mut().expect("files");
        for tag in ["py2", "cp39"] {
            files.push(json!({ "filename": format!("foo_bar-1.0-{tag}-none-any.whl") }));
        }
    });
    let found =
        problem(release(&index_at(&server.url(), IndexLimits { files: 2, ..limits() })).await);
    assert_problem!(found, Problem::TooManyFiles { found: 3, limit: 2 });
}
