//! Source repositories by URI, compared as what they mean and not as they are spelled.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The URI of a git repository in its one canonical spelling.
///
/// `git+` before the scheme, a final `.git` or slash, the case of the host and a port that is the
/// scheme's own make no difference; scheme, host and path do. User information, a query and a fragment
/// are refused: they would let one URI look like another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryUri(String);

/// Text that does not name a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a repository URI: `{}`: {because}", .found.escape_debug())]
pub struct RepositoryUriError {
    found: String,
    because: &'static str,
}

impl FromStr for RepositoryUri {
    type Err = RepositoryUriError;

    fn from_str(text: &str) -> Result<Self, RepositoryUriError> {
        let error = |because| RepositoryUriError { found: text.to_owned(), because };
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(error("only visible ASCII characters are allowed"));
        }
        let plain = text.strip_prefix("git+").unwrap_or(text);
        let url = Url::parse(plain).map_err(|_| error("not an absolute URI"))?;
        match url.scheme() {
            "https" | "http" | "ssh" | "git" if url.host_str().is_some_and(|h| !h.is_empty()) => {}
            "file" if url.host_str().is_none() => {}
            "https" | "http" | "ssh" | "git" | "file" => return Err(error("the host is wrong")),
            _ => return Err(error("the scheme is none of https, http, ssh, git, file")),
        }
        // `ssh://git@host/` names the account that serves repositories, not a person.
        let user = url.username();
        if url.password().is_some()
            || !(user.is_empty() || (url.scheme() == "ssh" && user == "git"))
        {
            return Err(error("user information is not allowed"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(error("a query or a fragment is not allowed"));
        }
        // The parser has resolved `.` and `..`; a percent sign could hide them, or a slash.
        let path = url.path();
        if path.contains('%') || path.contains("//") || path.contains('@') {
            return Err(error("`%`, `//` and `@` are not allowed in the path"));
        }
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') {
            return Err(error("the path is empty"));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{}://{host}{port}{path}", url.scheme())))
    }
}

impl fmt::Display for RepositoryUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, RepositoryUriError> {
        text.parse::<RepositoryUri>().map(|uri| uri.to_string())
    }

    #[test]
    fn spellings_of_one_repository_are_one() {
        for text in [
            "git+https://example.com/o/r.git",
            "https://EXAMPLE.com/o/r",
            "https://example.com:443/o/r/",
            "https://example.com/o/./x/../r.git",
        ] {
            assert_eq!(canonical(text).expect(text), "https://example.com/o/r");
        }
    }

    #[test]
    fn other_repositories_stay_others() {
        let wanted = canonical("https://example.com/o/r").expect("valid");
        for text in [
            "http://example.com/o/r",
            "https://example.com:444/o/r",
            "https://example.com/o/R",
            "https://example.com/o/r.git.git",
            "https://example.com.evil.test/o/r",
            "https://example.com/fork/r",
        ] {
            assert_ne!(canonical(text).expect(text), wanted, "{text}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for text in [
            "https://example.com@evil.test/o/r",
            "https://user:secret@example.com/o/r",
            "https://example.com/o/r?x",
            "https://example.com/o/r#x",
            "https://example.com/o%2fr",
            "https://example.com/o/r%2egit",
            "https://example.com//o/r",
            "https://exämple.com/o/r",
            "https://example.com/",
            "ext::sh -c id",
            "file://host/o/r",
            "/o/r",
        ] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }
}
