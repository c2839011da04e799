//! Policies that include others: a file is accepted by all of them or not at all.
//!
//! An include is named by a relative path and held by the digest of its bytes, so that the digest of the top file stands
//! for everything that decides. Nothing here reads a file: whoever calls gives the bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::revocations::{Revocation, Revocations};
use super::schema::Policy;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::report::Refusal;
use crate::trust::SignerIdentity;

/// Gives the bytes of included files.
pub trait Includes {
    /// The bytes of the file that `path` names in the last one of `chain`, which are the paths from the top file to the
    /// one that includes it. Of more than `limit` bytes, `limit` and one.
    ///
    /// # Errors
    /// In words, why there are none.
    fn read(&self, chain: &[String], path: &IncludePath, limit: usize) -> Result<Vec<u8>, String>;
}

/// Nothing to include: for a policy that must stand alone.
#[derive(Debug, Clone, Copy)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn read(&self, _: &[String], path: &IncludePath, _: usize) -> Result<Vec<u8>, String> {
        Err(format!("`{path}` is not at hand: this policy has to stand alone here"))
    }
}

/// Where an included file is, from the folder of the one that includes it: `../` any number of times, then names with
/// `/` between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IncludePath(String);

/// A text that is no such path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a path is relative to the folder of this file, as in \"../org/base.toml\"")]
pub struct IncludePathError(&'static str);

impl IncludePath {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the included file, as it is shown: beside the one that includes it.
    pub(super) fn beside(&self, including: &str) -> String {
        match including.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{}", self.0),
            None => self.0.clone(),
        }
    }
}

impl FromStr for IncludePath {
    type Err = IncludePathError;

    fn from_str(text: &str) -> Result<Self, IncludePathError> {
        let refused = |why| Err(IncludePathError(why));
        if text.starts_with('/') {
            return refused("an absolute path");
        }
        // A drive of Windows, or the scheme of a URL: nothing is fetched.
        if text.contains(':') {
            return refused("a `:`, as URLs and drives have one");
        }
        if text.contains('\\') {
            return refused("a `\\`, which some systems take for a `/`");
        }
        if text.chars().any(char::is_control) {
            return refused("a control character");
        }
        let mut names = text.split('/').skip_while(|part| *part == "..").peekable();
        if names.peek().is_none() {
            return refused("a path without a name");
        }
        if names.any(|part| matches!(part, "" | "." | "..")) {
            return refused("an empty part, `.`, or `..` after a name");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for IncludePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file that a policy includes, itself or through another one.
#[derive(Debug, Clone)]
pub struct Include {
    policy: Policy,
    included_by: String,
}

impl Include {
    pub(super) fn new(policy: Policy, included_by: String) -> Self {
        Self { policy, included_by }
    }

    /// Tells it whom the other files revoke.
    pub(super) fn hears(&mut self, of: impl Fn(&Policy) -> Vec<Arc<Elsewhere>>) {
        self.policy.elsewhere = of(&self.policy);
    }

    /// What it says. It includes nothing: what it names is among the includes of the top file.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The file that names it first, and the line.
    pub fn included_by(&self) -> &str {
        &self.included_by
    }

    /// Whether it asks anything of a file that it does not revoke.
    pub fn asks(&self) -> bool {
        self.policy.asks()
    }
}

/// The revocations of another file of the same composition. Whom one file revokes, none of them believes.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere {
    path: String,
    sha256: Sha256Digest,
    revocations: Revocations,
}

impl Elsewhere {
    /// Those of a policy, where it revokes anybody.
    pub(super) fn of(policy: &Policy) -> Option<Self> {
        let revocations = policy.revocations().of_signers();
        let path = policy.path().to_owned();
        let sha256 = policy.sha256();
        (!revocations.all().is_empty()).then_some(Self { path, sha256, revocations })
    }

    /// Everything that a policy revokes.
    pub(super) fn whole(policy: &Policy) -> Self {
        let (path, sha256) = (policy.path().to_owned(), policy.sha256());
        Self { path, sha256, revocations: policy.revocations().clone() }
    }

    /// That a file is not revoked.
    ///
    /// # Errors
    /// [`Reason::FileRevoked`](crate::report::Reason::FileRevoked).
    pub(super) fn check_file(
        &self,
        file: &DistFilename,
        sha256: Sha256Digest,
    ) -> Result<(), Refusal> {
        self.revocations.check_file(file, sha256)
    }

    /// Whether these are the revocations of that file.
    pub(super) fn is_of(&self, policy: &Policy) -> bool {
        self.sha256 == policy.sha256
    }

    /// The first one that is for a signer, with its file.
    pub(super) fn of_signer(&self, signer: &SignerIdentity) -> Option<String> {
        let revocation: &Revocation = self.revocations.of_signer(signer)?;
        Some(format!("{revocation}, in `{}`", self.path))
    }
}

impl Policy {
    /// The files that it includes, itself or through another one, each once.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// What the policies revoke that name this one for what builds used.
    pub(super) fn above(&self) -> impl Iterator<Item = &Elsewhere> {
        self.above.iter().filter_map(|it| it.get()).flatten()
    }

    /// A digest of everything that decides under it: its text, which pins what it includes, and what those revoke that
    /// name it for what builds used.
    pub fn whole_sha256(&self) -> Sha256Digest {
        let above = self.above().map(|it| it.sha256.to_string());
        let all: Vec<_> = [self.sha256.to_string()].into_iter().chain(above).collect();
        Sha256Digest::of(all.join(" ").as_bytes())
    }

    /// The paths of every file that was read with it: what it includes, and policies for something else.
    pub fn all_files(&self) -> impl Iterator<Item = &str> {
        self.also_read.iter().chain(self.files().map(|it| &it.path)).map(String::as_str)
    }

    /// Whether this file asks anything of a file that it does not revoke.
    pub(super) fn asks(&self) -> bool {
        !(self.rules().is_empty() && self.exceptions().all().is_empty())
    }

    /// Itself, and every file that it includes.
    pub fn files(&self) -> impl Iterator<Item = &Policy> {
        std::iter::once(self).chain(self.includes.iter().map(Include::policy))
    }
}

#[cfg(test)]
mod tests {
    use super::IncludePath;

    #[test]
    fn only_relative_paths_with_names_in_them_are_read() {
        for text in ["base.toml", "../base.toml", "../../org/a b/base.toml", "..base", "a..b"] {
            let path: IncludePath = text.parse().expect(text);
            assert_eq!(path.as_str(), text);
        }
        for text in [
            "",
            ".",
            "..",
            "../..",
            "/etc/base.toml",
            "//host/base.toml",
            "a//b",
            "a/",
            "a/..",
            "a/../b",
            "./a",
            "../",
            "C:/base.toml",
            "https://example.org/base.toml",
            "..\\base.toml",
            "a\0b",
            "a\nb",
        ] {
            assert!(text.parse::<IncludePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_include_is_shown_beside_what_includes_it() {
        let path: IncludePath = "../org/base.toml".parse().expect("a path");
        assert_eq!(path.beside("policy.toml"), "../org/base.toml");
        assert_eq!(path.beside("/etc/w/policy.toml"), "/etc/w/../org/base.toml");
    }
}
