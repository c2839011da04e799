//! What a user may type for a source, and URLs of repositories.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use wheelmark_core::attestation::repository::{RepositoryUri, short_form_as_url};

use super::error::SourceError;

/// A source as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// Any directory inside a work tree; the subdirectory follows from it.
    Checkout(PathBuf),
    /// A repository by its URL.
    Remote {
        /// Where it is.
        url: RepositoryUrl,
        /// A branch, a tag, a full ref or a full commit id; the default branch where none is given.
        rev: Option<String>,
        /// The project's folder in the tree.
        subdirectory: Option<String>,
    },
}

impl SourceSpec {
    /// Reads a path, or a URL with an optional ref and subdirectory as pip writes them:
    /// `git+https://host/owner/repo.git@ref#subdirectory=folder`. The `git+` may be left out;
    /// `user@host:path` is read as an ssh URL. A local path that looks like a URL is to be written
    /// with `./` before it.
    ///
    /// # Errors
    /// [`SourceError::OptionLike`], [`SourceError::UrlScheme`], [`SourceError::UrlInvalid`],
    /// [`SourceError::BadRef`] and [`SourceError::Subdirectory`].
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        refuse_option(text)?;
        let url = text.strip_prefix("git+").unwrap_or(text);
        if url.len() == text.len() && !is_remote(text) {
            return Ok(Self::Checkout(PathBuf::from(text)));
        }
        let (url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url, Some(fragment)),
            None => (url, None),
        };
        let subdirectory = fragment.map(parse_fragment).transpose()?;
        let (url, rev) = split_rev(url);
        let rev = rev.map(parse_rev).transpose()?;
        Ok(Self::Remote { url: RepositoryUrl::parse(url)?, rev, subdirectory })
    }
}

/// The URL of a git repository: https, ssh or file.
///
/// Credentials in it are kept apart: they are used to reach the repository and neither recorded nor
/// shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    url: Url,
    /// The value of an `Authorization` header.
    authorization: Option<String>,
}

impl RepositoryUrl {
    /// Reads `https://…`, `ssh://…`, `file:///…` or `user@host:path`, with or without `git+`.
    ///
    /// # Errors
    /// [`SourceError::OptionLike`], [`SourceError::UrlScheme`] and [`SourceError::UrlInvalid`].
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        refuse_option(text)?;
        let text = text.strip_prefix("git+").unwrap_or(text);
        if let Some(helper) = helper(text) {
            return Err(SourceError::UrlScheme { scheme: helper.to_owned() });
        }
        let converted = short_form_as_url(text);
        let mut url = Url::parse(converted.as_deref().unwrap_or(text))
            .map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "ssh" | "file") {
            return Err(SourceError::UrlScheme { scheme: url.scheme().to_owned() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("a query or fragment is not understood"));
        }
        if url.path().len() < 2 {
            return Err(invalid("it names no repository"));
        }
        match url.host_str() {
            Some(host) if host.starts_with('-') => {
                return Err(invalid("the host begins with a dash"));
            }
            Some(_) if url.scheme() == "file" => {
                return Err(invalid("a file URL names no host"));
            }
            None | Some("") if url.scheme() != "file" => return Err(invalid("it names no host")),
            _ => {}
        }
        if url.username().starts_with('-') || url.username().starts_with("%2D") {
            return Err(invalid("the user begins with a dash"));
        }
        let authorization = (url.scheme() == "https" && has_credentials(&url)).then(|| {
            let user = decoded(url.username());
            let password = decoded(url.password().unwrap_or_default());
            STANDARD.encode([user, b":".to_vec(), password].concat())
        });
        // The user of an ssh URL (`git`) is part of the address; a password never is.
        let _ = url.set_password(None);
        if url.scheme() == "https" {
            let _ = url.set_username("");
        }
        Ok(Self { url, authorization })
    }

    /// The URL of a repository in a folder of this machine.
    ///
    /// # Errors
    /// [`SourceError::UrlInvalid`] where the path is not absolute.
    pub fn of_folder(folder: &Path) -> Result<Self, SourceError> {
        let url =
            Url::from_file_path(folder).map_err(|()| invalid("the path is not an absolute one"))?;
        Ok(Self { url, authorization: None })
    }

    /// Checks that a policy can name it, so that nothing is built which no policy could accept.
    ///
    /// # Errors
    /// [`SourceError::NotForPolicies`].
    pub(super) fn refuse_unless_for_policies(&self) -> Result<(), SourceError> {
        match self.recorded().parse::<RepositoryUri>() {
            Ok(_) => Ok(()),
            Err(error) => Err(SourceError::NotForPolicies { problem: error.to_string() }),
        }
    }

    /// The URL as it is recorded: `git+` before it, no credentials in it.
    pub fn recorded(&self) -> String {
        format!("git+{}", self.url)
    }

    /// The URL a submodule's own URL leads to, seen from this repository.
    ///
    /// # Errors
    /// As [`RepositoryUrl::parse`]; a file URL is refused unless this is one too, so that a remote
    /// repository cannot make this machine read its own folders.
    pub(super) fn submodule(&self, text: &str) -> Result<Self, SourceError> {
        let found = if text.starts_with("./") || text.starts_with("../") {
            // As git does: one `..` drops the last component of this URL.
            let mut base = self.url.clone();
            if !base.path().ends_with('/') {
                base.set_path(&format!("{}/", base.path()));
            }
            let joined = base.join(text).map_err(|error| invalid(error.to_string()))?;
            Self::parse(joined.as_str())?
        } else if text.starts_with('/') {
            Self::of_folder(Path::new(text))?
        } else {
            Self::parse(text)?
        };
        if found.is_local() && !self.is_local() {
            return Err(SourceError::UrlScheme { scheme: "file".to_owned() });
        }
        let same_host = found.url.origin() == self.url.origin() && !self.is_local();
        Ok(Self {
            authorization: found
                .authorization
                .or_else(|| self.authorization.clone().filter(|_| same_host)),
            ..found
        })
    }

    /// Whether it is a folder of this machine.
    pub(super) fn is_local(&self) -> bool {
        self.url.scheme() == "file"
    }

    /// Whether ssh reaches it.
    pub(super) fn is_ssh(&self) -> bool {
        self.url.scheme() == "ssh"
    }

    /// What git is given: a path for a folder, else the URL without credentials.
    pub(super) fn for_git(&self) -> PathBuf {
        match self.url.to_file_path() {
            Ok(path) if self.is_local() => path,
            _ => PathBuf::from(self.url.as_str()),
        }
    }

    /// Settings that let git in, given by the environment so that no process list shows them.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let Some(authorization) = &self.authorization else {
            return Vec::new();
        };
        let origin = self.url.origin().ascii_serialization();
        vec![(
            format!("http.{origin}/.extraHeader"),
            format!("Authorization: Basic {authorization}"),
        )]
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryUrl({})", self.url)
    }
}

/// Checks a subdirectory's text: relative, forward slashes, nothing that leaves the tree. `.` and a
/// slash at the end are dropped; the top of the tree is the empty string.
pub(super) fn parse_subdirectory(text: &str) -> Result<String, SourceError> {
    let refused = |problem| SourceError::Subdirectory { path: text.to_owned(), problem };
    if text.starts_with('/') {
        return Err(refused("not a relative path"));
    }
    let mut parts = Vec::new();
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err(refused("leaves the tree"));
        }
        if part.eq_ignore_ascii_case(".git") {
            return Err(refused("lies inside the git directory"));
        }
        if part.chars().any(|c| c.is_control() || c == '\\') {
            return Err(refused("holds a control character or backslash"));
        }
        parts.push(part);
    }
    Ok(parts.join("/"))
}

fn refuse_option(text: &str) -> Result<(), SourceError> {
    if text.starts_with('-') {
        return Err(SourceError::OptionLike { text: text.to_owned() });
    }
    Ok(())
}

fn invalid(problem: impl Into<String>) -> SourceError {
    SourceError::UrlInvalid { problem: problem.into() }
}

fn is_remote(text: &str) -> bool {
    text.contains("://") || helper(text).is_some() || short_form_as_url(text).is_some()
}

/// The helper's name in `helper::address`, git's way to name a program that fetches.
fn helper(text: &str) -> Option<&str> {
    let (name, _) = text.split_once("::")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-' | '_');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// Splits the ref off: after the first `.git@`, else after the last `@` of the path.
fn split_rev(url: &str) -> (&str, Option<&str>) {
    if let Some((before, rev)) = url.split_once(".git@") {
        return (&url[..before.len() + ".git".len()], Some(rev));
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    // Of `user@host:path@ref`, the user is no ref.
    let path = match url[host..].find(if host == 0 { ':' } else { '/' }) {
        Some(at) => host + at,
        None => return (url, None),
    };
    match url[path..].rfind('@') {
        Some(at) => (&url[..path + at], Some(&url[path + at + 1..])),
        None => (url, None),
    }
}

/// Refuses what no ref can be named (`git check-ref-format`), so that a typing error is told as one.
fn parse_rev(rev: &str) -> Result<String, SourceError> {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let bad = rev.is_empty()
        || rev.starts_with(['-', '/'])
        || rev.ends_with(['/', '.'])
        || ["..", "@{", "//"].iter().any(|part| rev.contains(part))
        || rev.chars().any(odd);
    if bad {
        return Err(SourceError::BadRef { name: rev.to_owned() });
    }
    Ok(rev.to_owned())
}

fn parse_fragment(fragment: &str) -> Result<String, SourceError> {
    match fragment.split_once('=') {
        Some(("subdirectory", folder)) if !folder.contains('&') => parse_subdirectory(folder),
        _ => Err(invalid("only `subdirectory=…` is understood after `#`")),
    }
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(byte) => {
                out.extend(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> (String, Option<String>, Option<String>) {
        match SourceSpec::parse(text).expect(text) {
            SourceSpec::Remote { url, rev, subdirectory } => (url.recorded(), rev, subdirectory),
            SourceSpec::Checkout(path) => panic!("{text} was read as the path {path:?}"),
        }
    }

    #[test]
    fn every_spelling_of_a_remote_is_read() {
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (
                "git+https://host/o/r.git@v1#subdirectory=a/b",
                ("git+https://host/o/r.git", some("v1"), some("a/b")),
            ),
            (
                "https://host/o/r.git@feature/x",
                ("git+https://host/o/r.git", some("feature/x"), None),
            ),
            ("https://host/o/r.git@pkg@1.0", ("git+https://host/o/r.git", some("pkg@1.0"), None)),
            ("https://host/@o/r@main", ("git+https://host/@o/r", some("main"), None)),
            ("file:///srv/r@main", ("git+file:///srv/r", some("main"), None)),
            ("git@host:o/r.git@v1", ("git+ssh://git@host/o/r.git", some("v1"), None)),
            ("git@host:o/r", ("git+ssh://git@host/o/r", None, None)),
            ("ssh://git@host/o/r", ("git+ssh://git@host/o/r", None, None)),
        ];
        for (text, (url, rev, subdirectory)) in cases {
            assert_eq!(remote(text), (url.to_owned(), rev, subdirectory), "{text}");
        }
    }

    #[test]
    fn paths_are_paths() {
        for text in [".", "a/b", "/srv/x@y", "C:thing", "./x::y"] {
            assert_eq!(
                SourceSpec::parse(text).expect(text),
                SourceSpec::Checkout(PathBuf::from(text))
            );
        }
    }

    #[test]
    fn credentials_are_neither_recorded_nor_shown() {
        let url = RepositoryUrl::parse("https://ann:s3cr%40t@host/o/r").expect("a good URL");
        assert_eq!(url.recorded(), "git+https://host/o/r");
        let everything = format!("{url} {url:?} {}", url.for_git().display());
        assert!(!everything.contains("s3cr") && !everything.contains("ann"));
        assert_eq!(
            url.settings(),
            [(
                "http.https://host/.extraHeader".to_owned(),
                format!("Authorization: Basic {}", STANDARD.encode("ann:s3cr@t"))
            )]
        );
        let ssh = RepositoryUrl::parse("ssh://git:secret@host/o/r").expect("a good URL");
        assert_eq!(ssh.recorded(), "git+ssh://git@host/o/r");
    }

    #[test]
    fn programs_and_options_in_urls_are_refused() {
        for text in ["ext::sh -c id", "git+ext::sh", "fd::17/foo", "http://host/r", "git://host/r"]
        {
            let refused = SourceSpec::parse(text).expect_err(text);
            assert!(matches!(refused, SourceError::UrlScheme { .. }), "{text}: {refused}");
        }
        for text in ["--upload-pack=id", "git+--upload-pack=id"] {
            let refused = SourceSpec::parse(text).expect_err(text);
            assert!(matches!(refused, SourceError::OptionLike { .. }), "{text}: {refused}");
        }
        for text in [
            "ssh://-oProxyCommand=id/x",
            "ssh://-oProxyCommand=id@host/x",
            "https://host",
            "file://host/x",
            "https://host/r?token=1",
            "https://host/r#egg=x",
        ] {
            let refused = SourceSpec::parse(text).expect_err(text);
            assert!(matches!(refused, SourceError::UrlInvalid { .. }), "{text}: {refused}");
        }
        for text in ["https://host/r.git@-x", "https://host/r.git@a..b", "https://host/r.git@"] {
            let refused = SourceSpec::parse(text).expect_err(text);
            assert!(matches!(refused, SourceError::BadRef { .. }), "{text}: {refused}");
        }
    }

    #[test]
    fn a_subdirectory_stays_in_the_tree() {
        assert_eq!(parse_subdirectory("./a//b/").expect("fine"), "a/b");
        assert_eq!(parse_subdirectory(".").expect("fine"), "");
        for text in ["..", "a/../..", "/etc", "a/.git", "a\nb"] {
            assert!(parse_subdirectory(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_submodule_is_found_from_its_parent() {
        let parent = RepositoryUrl::parse("https://ann:x@host/o/r.git").expect("a good URL");
        let sibling = parent.submodule("../s.git").expect("a good URL");
        assert_eq!(sibling.recorded(), "git+https://host/o/s.git");
        assert_eq!(sibling.settings(), parent.settings());
        let other = parent.submodule("https://else/s.git").expect("a good URL");
        assert!(other.settings().is_empty(), "a password went to another host");
        assert!(parent.submodule("/etc").is_err());
        assert!(parent.submodule("file:///etc").is_err());
        assert!(parent.submodule("ext::sh").is_err());
    }
}
