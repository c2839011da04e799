//! What a person or an index gives beside the files: policies, locks, pages, names.

use std::sync::LazyLock;

use url::Url;
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::identity_lock::{self, IdentityLock};
use wheelmark_core::json as strict_json;
use wheelmark_core::lock::{Lock, LockFormat};
use wheelmark_core::policy::{Policy, RefPattern};
use wheelmark_core::requirement;
use wheelmark_core::trust::Embedded;
use wheelmark_index::{FileListed, IndexError, IndexUrl, ProjectPage, ProvenanceLink};

use super::attestations::ATTESTATION;
use super::shown_safely;

/// A policy. One that is read says of every rule whom it trusts.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(policy) = Policy::parse("policy.toml", text, &Embedded) {
        for rule in policy.rules() {
            let signers = rule.signers.len();
            let others = rule.required.iter().all(|it| !it.signers.is_empty());
            assert!(others && (signers > 0 || !rule.required.is_empty()), "{rule:?}");
            assert!((1..=signers.max(1)).contains(&rule.threshold), "{rule:?}");
        }
    }
}

/// A JSON document. What is accepted is what every other reader reads too.
pub fn json(data: &[u8]) {
    if let Ok(value) = strict_json::parse(data, ATTESTATION.bundle) {
        let other: serde_json::Value = serde_json::from_slice(data).expect("JSON");
        assert_eq!(value, other);
    }
}

/// A lock; the first byte says of which kind. One that is read locks something, every file by digest or by name, and
/// what is said of one that is not can be shown.
pub fn lock(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let format = match kind % 5 {
        0 => LockFormat::Requirements,
        1 => LockFormat::Pylock,
        2 => LockFormat::Uv,
        3 => LockFormat::Poetry,
        _ => return identities(text),
    };
    match Lock::parse(format, "lock", text) {
        Ok(lock) => {
            assert!(!lock.entries.is_empty() || !lock.unverifiable.is_empty());
            for entry in &lock.entries {
                assert!(!entry.files.is_empty());
                assert!(entry.files.iter().all(|file| file.sha256.is_some()), "{entry}");
            }
        }
        Err(error) => shown_safely(&error),
    }
}

/// Who signed before is written and read back as the same.
fn identities(text: &str) {
    match IdentityLock::parse("lock", text) {
        Ok(lock) => {
            let written =
                identity_lock::text(lock.entries()).expect("what was read can be written");
            let again = IdentityLock::parse("lock", &written).expect("what was written is read");
            assert_eq!(lock.entries(), again.entries());
        }
        Err(error) => shown_safely(&error),
    }
}

/// An index and the page of a project there.
pub static INDEX: LazyLock<(IndexUrl, Url, ProjectName)> = LazyLock::new(|| {
    let url = "https://index.example/simple/demo/";
    let parsed = "https://index.example/simple/".parse().expect("the URL of an index");
    (parsed, url.parse().expect("a URL"), "demo".parse().expect("a name"))
});

/// A page of an index. HTML is none; a file that is listed is at a URL that ends in its name and may be
/// connected to, its provenance, where a link is followed, is of the index itself, and it was not uploaded before
/// its release began.
pub fn page(data: &[u8]) {
    let (index, url, project) = &*INDEX;
    let read = ProjectPage::parse(data, index, url, project, ATTESTATION.bundle);
    assert!(!data.trim_ascii_start().starts_with(b"<") || read.is_err());
    let page = match read {
        Ok(page) => page,
        Err(error) => return shown_safely(&error),
    };
    let release = page.release(&"1.0".parse().expect("a version"), 100);
    listed(release);
    for name in ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"] {
        listed(page.file(&DistFilename::parse(name).expect("a name")).map(|file| vec![file]));
    }
}

fn listed(files: Result<Vec<FileListed>, IndexError>) {
    let files = match files {
        Ok(files) => files,
        Err(error) => return shown_safely(&error),
    };
    assert!(!files.is_empty());
    for file in files {
        let url = file.url();
        assert_eq!((url.scheme(), url.username(), url.password()), ("https", "", None));
        let last = url.path_segments().and_then(|mut parts| parts.next_back());
        let name = file.filename().as_str();
        assert!(last.is_some_and(|last| last == name || last.contains('%')), "{url}: {name}");
        let began = file.release_began();
        assert!(file.uploaded().is_none_or(|at| began.is_some_and(|began| began <= at)), "{name}");
        match file.provenance() {
            ProvenanceLink::Unsaid => {}
            ProvenanceLink::Here(url) => {
                assert!(url.as_str().starts_with("https://index.example/"), "{url}");
            }
            ProvenanceLink::Elsewhere(shown) => shown_safely(shown),
        }
    }
}

/// Names: of a file, a repository, a requirement, a pattern of refs. What is read, as it is written again, is
/// read as the same.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match DistFilename::parse(text) {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
            assert!(text.chars().all(plain) && !text.starts_with('.'), "{text:?}");
            let project = name.project().as_str();
            assert_eq!(project.parse().as_ref(), Ok(name.project()));
        }
        Err(error) => shown_safely(&error),
    }
    match text.parse::<RepositoryUri>() {
        Ok(uri) => assert_eq!(uri.to_string().parse().as_ref(), Ok(&uri)),
        Err(error) => shown_safely(&error),
    }
    match text.parse::<RefPattern>() {
        Ok(pattern) => assert_eq!(pattern.to_string(), text),
        Err(error) => shown_safely(&error),
    }
    let _ = requirement::parse::<Url>(text);
}
