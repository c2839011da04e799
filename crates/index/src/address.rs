//! The URL of an index, and what of a URL may be shown and connected to.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The index that is asked where none is configured. The only place that names one.
pub const DEFAULT_INDEX_URL: &str = "https://pypi.org/simple/";

/// Characters of a URL that are shown: paths of real indexes stay far below.
const SHOWN: usize = 300;

/// The root of an index's simple API (PEP 503), such as [`DEFAULT_INDEX_URL`].
///
/// It is reached over TLS, or is on this machine's loopback. A user name and password in the URL are
/// kept apart from it, sent to this origin only and never shown.
#[derive(Clone)]
pub struct IndexUrl {
    root: Url,
    credentials: Option<Credentials>,
}

/// What a URL says before the `@`.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
}

/// Why a text is not the URL of an index. The text is not shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexUrlError {
    /// It does not parse.
    #[error("the index's URL is not a URL: {0}")]
    NotUrl(url::ParseError),
    /// It is of a scheme that is no index of ours; the value is the scheme.
    #[error("the index's URL must begin with `https://`, not with `{0}:`")]
    Scheme(String),
    /// It is plain HTTP to another machine; the value is the host.
    #[error(
        "the index at {0} must be reached by `https://`: anyone on the way can change plain HTTP"
    )]
    Insecure(String),
    /// It has a query or a fragment, which no page below it could keep.
    #[error("the index's URL must have neither `?` nor `#`")]
    Suffix,
}

impl FromStr for IndexUrl {
    type Err = IndexUrlError;

    /// Reads a URL; a `/` at its end is added where it is missing.
    ///
    /// # Errors
    /// [`IndexUrlError`] for what is not the URL of an index.
    fn from_str(text: &str) -> Result<Self, IndexUrlError> {
        let mut root = Url::parse(text.trim()).map_err(IndexUrlError::NotUrl)?;
        match root.scheme() {
            "https" => {}
            "http" if is_loopback(&root) => {}
            "http" => {
                let host = root.host_str().unwrap_or_default().to_owned();
                return Err(IndexUrlError::Insecure(host));
            }
            other => return Err(IndexUrlError::Scheme(other.to_owned())),
        }
        if root.query().is_some() || root.fragment().is_some() {
            return Err(IndexUrlError::Suffix);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = has_credentials(&root).then(|| Credentials {
            user: decoded(root.username()),
            password: root.password().map(decoded),
        });
        without_credentials(&mut root);
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        Ok(Self { root, credentials })
    }
}

impl IndexUrl {
    /// The URL without user name and password; its path ends in `/`.
    pub(crate) fn root(&self) -> &Url {
        &self.root
    }

    /// The whole URL, for another client: it may hold a password, and is not to be shown.
    pub fn with_credentials(&self) -> String {
        let mut url = self.root.clone();
        if let Some(Credentials { user, password }) = &self.credentials {
            // Neither fails of a URL that has a host.
            let _ = url.set_username(user);
            let _ = url.set_password(password.as_deref());
        }
        url.into()
    }

    /// What to send with a request for `url`: credentials go to the index's own origin only.
    pub(crate) fn credentials_for(&self, url: &Url) -> Option<&Credentials> {
        self.credentials.as_ref().filter(|_| self.is_origin_of(url))
    }

    /// Whether scheme, host and port of `url` are the index's.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        url.origin() == self.root.origin()
    }

    /// Whether a link of this index may be followed to `url`: over TLS, or, from an index on the
    /// loopback, there.
    pub(crate) fn may_lead_to(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.root.scheme() == "http" && is_loopback(url),
            _ => false,
        }
    }

    /// The origin as text, such as `https://index.example:8443`.
    pub(crate) fn origin(&self) -> String {
        self.root.origin().ascii_serialization()
    }
}

impl fmt::Display for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ShownUrl::of(&self.root).fmt(f)
    }
}

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IndexUrl").field(&ShownUrl::of(&self.root)).finish()
    }
}

/// A URL as a message may show it: without user name, password, query and fragment, which can all be
/// secrets, in ASCII, and cut after 300 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownUrl(String);

impl ShownUrl {
    /// What may be shown of `url`.
    pub fn of(url: &Url) -> Self {
        let mut url = url.clone();
        without_credentials(&mut url);
        url.set_query(None);
        url.set_fragment(None);
        Self(url.as_str().chars().take(SHOWN).collect())
    }
}

impl fmt::Display for ShownUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn without_credentials(url: &mut Url) {
    // Both fail only on URLs that cannot have any.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &str) -> IndexUrl {
        text.parse().unwrap()
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn credentials_are_kept_apart_and_shown_nowhere() {
        let index = index("https://us%40er:s3cret@index.example/simple");
        for shown in [index.to_string(), format!("{index:?}"), index.origin()] {
            assert!(!shown.contains("s3cret") && !shown.contains("us"), "{shown}");
        }
        assert_eq!(index.root().as_str(), "https://index.example/simple/");
        let sent = index.credentials_for(&url("https://index.example/other")).unwrap();
        assert_eq!((sent.user.as_str(), sent.password.as_deref()), ("us@er", Some("s3cret")));
        for elsewhere in [
            "https://files.example/simple/",
            "http://index.example/simple/",
            "https://index.example:8443/simple/",
            "https://index.example.evil.example/",
        ] {
            assert!(index.credentials_for(&url(elsewhere)).is_none(), "{elsewhere}");
        }
        let shown = ShownUrl::of(&url("https://a:b@files.example/x?signature=c#d"));
        assert_eq!(shown.to_string(), "https://files.example/x");
    }

    #[test]
    fn what_is_no_index_is_refused_without_showing_it() {
        let refused = |text: &str| text.parse::<IndexUrl>().unwrap_err();
        assert!(matches!(refused("simple"), IndexUrlError::NotUrl(_)));
        assert_eq!(refused("file:///srv/simple"), IndexUrlError::Scheme("file".to_owned()));
        let plain = refused("http://user:s3cret@index.example/simple/");
        assert_eq!(plain, IndexUrlError::Insecure("index.example".to_owned()));
        assert_eq!(refused("https://index.example/?a=b"), IndexUrlError::Suffix);
    }

    #[test]
    fn links_do_not_leave_tls_nor_lead_into_this_machine() {
        let public = index(DEFAULT_INDEX_URL);
        assert!(public.may_lead_to(&url("https://files.example/a")));
        for refused in ["http://files.example/a", "http://127.0.0.1/a", "file:///etc/passwd"] {
            assert!(!public.may_lead_to(&url(refused)), "{refused}");
        }
        let local = index("http://127.0.0.1:8080/simple/");
        assert!(local.may_lead_to(&url("http://[::1]:9/a")));
        assert!(!local.may_lead_to(&url("http://files.example/a")));
    }
}
