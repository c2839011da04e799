//! Source repositories by URI, compared as what they mean and not as they are spelled.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The URI of a git repository in its one canonical spelling.
///
/// `git+` before the scheme, a final `.git` or slash, the case of the host and a port that is the
/// scheme's own make no difference; scheme, host and path do. User information, a query and a fragment
/// are refused: they would let one URI look like another. So are escapes with `%`, but for a space and
/// characters beyond ASCII in the path of a `file:` URI, which has no other way to write them.
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
            return Err(error(
                "only visible ASCII characters are allowed; in a `file:` URI, others are written with \
                 `%`, a space as `%20`",
            ));
        }
        let plain = text.strip_prefix("git+").unwrap_or(text);
        if short_form_as_url(plain).is_some() {
            return Err(error("git's short form of `ssh://git@host/path`: write that"));
        }
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
        let path = match url.scheme() {
            "file" => canonical_escapes(url.path()).ok_or(error(
                "in the path of a `file:` URI, `%` may only stand for a space or a character beyond \
                 ASCII",
            ))?,
            _ if url.path().contains('%') => return Err(error("`%` is not allowed in the path")),
            _ => url.path().to_owned(),
        };
        if path.contains("//") || path.contains('@') {
            return Err(error("`//` and `@` are not allowed in the path"));
        }
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') {
            return Err(error("the path is empty"));
        }
        // Written down without one of them, it would be read as another repository.
        if path.ends_with(".git") {
            return Err(error("the path ends in `.git` twice"));
        }
        if path.ends_with("/.") || path.ends_with("/..") {
            return Err(error("nothing but dots stands before the final `.git`"));
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{}://{host}{port}{path}", url.scheme())))
    }
}

impl RepositoryUri {
    /// Reads what a person types: a URI, or git's short form `git@host:path`, which means
    /// `ssh://git@host/path`. Documents have the URI only.
    ///
    /// # Errors
    /// As [`FromStr`].
    pub fn from_typed(text: &str) -> Result<Self, RepositoryUriError> {
        short_form_as_url(text).as_deref().unwrap_or(text).parse()
    }
}

/// `user@host:path` as `ssh://user@host/path`; nothing where the text is not of that form.
pub fn short_form_as_url(text: &str) -> Option<String> {
    let (address, path) = text.split_once(':')?;
    let (user, host) = address.split_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named = |part: &str| !part.is_empty() && part.chars().all(plain);
    (named(user) && named(host) && !path.starts_with("//"))
        .then(|| format!("ssh://{user}@{host}/{}", path.trim_start_matches('/')))
}

/// A path whose escapes are all in their one spelling; nothing where one stands for what could be
/// written without it, or for what no path should hold. So nothing can hide in an escape, and two paths
/// are the same where their texts are.
fn canonical_escapes(path: &str) -> Option<String> {
    let escaped = |byte: u8| byte == b' ' || !byte.is_ascii();
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = 16 * digit(rest.next()?)? + digit(rest.next()?)?;
                u8::try_from(value).ok().filter(|&byte| escaped(byte))?
            }
            plain => plain,
        });
    }
    let decoded = String::from_utf8(bytes).ok()?;
    if decoded.chars().any(char::is_control) {
        return None;
    }
    let spelled = decoded.bytes().map(|byte| match escaped(byte) {
        true => format!("%{byte:02X}"),
        false => char::from(byte).to_string(),
    });
    Some(spelled.collect())
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
            "https://example.com.evil.test/o/r",
            "https://example.com/fork/r",
        ] {
            assert_ne!(canonical(text).expect(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_path_of_this_machine_may_hold_a_space_and_letters_of_any_language() {
        for text in [
            "file:///srv/my%20projects/caf%C3%A9",
            "git+file:///srv/my%20projects/caf%c3%a9.git",
            "file:///srv/x/../my%20projects/caf%C3%A9/",
            // The parser takes these for `..`, and has resolved them.
            "file:///srv/x/%2e%2E/my%20projects/caf%C3%A9",
        ] {
            assert_eq!(canonical(text).expect(text), "file:///srv/my%20projects/caf%C3%A9");
        }
        // Another spelling of the same letter is another path, and shows as one.
        assert_ne!(canonical("file:///srv/cafe%CC%81"), canonical("file:///srv/caf%C3%A9"));
    }

    #[test]
    fn the_short_form_is_for_people_only() {
        for text in ["git@example.com:o/r.git", "git@example.com:/o/r", "ssh://git@example.com/o/r"]
        {
            let typed = RepositoryUri::from_typed(text).expect(text);
            assert_eq!(typed.to_string(), "ssh://example.com/o/r");
        }
        let error = canonical("git@example.com:o/r").expect_err("refused").to_string();
        assert!(error.contains("ssh://git@host/path"), "{error}");
        for text in ["deploy@example.com:o/r", "git@example.com:o%2fr", "git@example.com:", "a:b"] {
            assert!(RepositoryUri::from_typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for text in [
            "https://example.com/o%20r",
            "https://example.com/caf%C3%A9",
            "file:///srv/o%2Fr",
            "file:///srv/o%5Cr",
            "file:///srv/x%2E/r",
            "file:///srv/%72",
            "file:///srv/r%00",
            "file:///srv/r%0A",
            "file:///srv/r%C2%85",
            "file:///srv/r%25",
            "file:///srv/r%2520",
            "file:///srv/r%40v1",
            "file:///srv/r%23x",
            "file:///srv/r%3Fx",
            "file:///srv/r%FF",
            "file:///srv/r%C0%AF",
            "file:///srv/r%2",
            "file:///srv/r%+1",
            "file:///srv/r%",
            "file:///srv/my r",
            "file:///srv/caf\u{e9}",
            "https://example.com@evil.test/o/r",
            "https://user:secret@example.com/o/r",
            "https://example.com/o/r?x",
            "https://example.com/o/r#x",
            "https://example.com/o%2fr",
            "https://example.com/o/r%2egit",
            "https://example.com//o/r",
            "https://example.com/o/r.git.git",
            "https://example.com/o/r/..git",
            "https://example.com/o/r/...git",
            "file:///srv/o/r/...git",
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
