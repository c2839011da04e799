//! Where a file came from, as provenance says it, whatever its build type.
//!
//! An [`Origin`] is a claim of whoever signed. Each value is what the document says; nothing here is held
//! against a certificate or a policy. That is done where both are known.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::repository::RepositoryUri;
use crate::digest::GitObjectId;
use crate::limits::REF_LENGTH;

/// What provenance says of where a file came from. What it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The builder's id, as claimed.
    pub builder: Option<String>,
    /// The builder's version, where it states one of itself and of nothing else.
    pub builder_version: Option<String>,
    /// The build type.
    pub build_type: Option<String>,
    /// The source repository's URI as it is written, without a ref.
    pub repository: Option<String>,
    /// The commit that was built.
    pub commit: Option<GitObjectId>,
    /// The full name of the ref that was built.
    pub git_ref: Option<String>,
    /// The path of the build's configuration within the repository.
    pub workflow: Option<String>,
    /// What set off the build, in the builder's words.
    pub trigger: Option<String>,
    /// The kind of machine, in the builder's words.
    pub runner_environment: Option<String>,
    /// This run; for GitHub and GitLab its URI.
    pub invocation: Option<String>,
    /// The number of the repository at its host, which stays when it is renamed.
    pub repository_id: Option<String>,
    /// The number of the repository's owner.
    pub owner_id: Option<String>,
    /// When the build began.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// The further parameters under external control, by their path below the external parameters: what
    /// else decided what was built. A policy that does not look at them should ask for none
    /// (SLSA 1.2, "Verifying artifacts", step 2).
    pub parameters: BTreeMap<String, Value>,
}

/// A git repository at a revision, as an SPDX download location: `git+https://host/path@revision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUri {
    /// The repository as it is written, without the revision.
    pub written: String,
    /// The repository.
    pub repository: RepositoryUri,
    /// The revision, where there is one.
    pub revision: Option<Revision>,
}

/// A revision that names one thing only: not an abbreviated commit, and not a bare name that could be a
/// branch's or a tag's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The full name of a ref.
    Ref(String),
    /// A full commit id.
    Commit(GitObjectId),
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(name) => f.write_str(name),
            Self::Commit(id) => id.fmt(f),
        }
    }
}

/// Text that is not a git URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitUriError {
    /// The repository is not one.
    #[error(transparent)]
    Repository(#[from] super::repository::RepositoryUriError),
    /// The revision is not one.
    #[error("neither the full name of a ref nor a full commit id: `{}`", .0.escape_debug())]
    Revision(String),
}

impl FromStr for Revision {
    type Err = GitUriError;

    fn from_str(text: &str) -> Result<Self, GitUriError> {
        if is_full_ref(text) {
            return Ok(Self::Ref(text.to_owned()));
        }
        text.parse()
            .map(Self::Commit)
            .map_err(|_| GitUriError::Revision(text.chars().take(REF_LENGTH).collect()))
    }
}

impl FromStr for GitUri {
    type Err = GitUriError;

    /// The first `@` after the host begins the revision: refs may hold another, and a path that holds one
    /// is refused as a repository anyway.
    fn from_str(text: &str) -> Result<Self, GitUriError> {
        let path = text
            .find("://")
            .and_then(|scheme| Some(scheme + 3 + text[scheme + 3..].find('/')?))
            .unwrap_or(text.len());
        let (written, revision) = match text[path..].split_once('@') {
            Some((before, revision)) => {
                (&text[..path + before.len()], Some(revision.parse::<Revision>()?))
            }
            None => (text, None),
        };
        Ok(Self { written: written.to_owned(), repository: written.parse()?, revision })
    }
}

/// Whether this is the full name of a ref as git allows them (git-check-ref-format), beginning with
/// `refs/`.
pub(crate) fn is_full_ref(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with(".lock")
            && !part.ends_with('.')
    };
    let plain = !name.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(char::is_control);
    name.len() <= REF_LENGTH && name.starts_with("refs/") && plain && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_uris_are_taken_apart() {
        let commit = "b".repeat(40);
        for (text, written, revision) in [
            ("git+https://h.test/o/r", "git+https://h.test/o/r", None),
            ("git+https://h.test/o/r.git", "git+https://h.test/o/r.git", None),
            ("git+https://h.test/o/r@refs/heads/x", "git+https://h.test/o/r", Some("refs/heads/x")),
            (
                "https://h.test/o/r.git@refs/tags/a@b",
                "https://h.test/o/r.git",
                Some("refs/tags/a@b"),
            ),
            (
                "git+ssh://git@h.test/o/r@refs/tags/v1",
                "git+ssh://git@h.test/o/r",
                Some("refs/tags/v1"),
            ),
            (&format!("git+https://h.test/o/r@{commit}"), "git+https://h.test/o/r", Some(&*commit)),
        ] {
            let uri: GitUri = text.parse().expect(text);
            assert_eq!(uri.written, written, "{text}");
            assert_eq!(uri.revision.map(|it| it.to_string()).as_deref(), revision, "{text}");
            assert!(uri.repository.to_string().ends_with("h.test/o/r"), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "",
            "git+https://h.test/o/r@",
            "git+https://h.test/o/r@main",
            "git+https://h.test/o/r@v1.0",
            "git+https://h.test/o/r@abc1234",
            "git+https://h.test/o/r@refs/heads/",
            "git+https://h.test/o/r@refs/heads/a..b",
            "git+https://h.test/o/r@refs/heads/a\nb",
            "git+https://good.test@evil.test/o/r@refs/heads/x",
            "git+https://h.test/@o/r",
            "git+https://h.test@refs/heads/x",
            "pkg:pypi/demo@1.0",
            "docker.io/busybox@sha256:00",
            "refs/heads/main",
        ] {
            assert!(text.parse::<GitUri>().is_err(), "{text}");
        }
    }
}
