//! Why an index could not be read, or not be believed.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use pep440_rs::Version;
use url::Url;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::json::JsonError;
use wheelmark_core::report::Escaped;

use crate::address::ShownUrl;

/// Characters of a text from outside that are shown.
const SHOWN: usize = 200;

/// What went wrong, and where. It never means that there is no attestation.
#[derive(Debug)]
pub struct IndexError {
    /// The URL that was asked, or the page that said it.
    pub url: ShownUrl,
    /// What is wrong with its answer.
    pub problem: Problem,
}

impl IndexError {
    pub(crate) fn new(url: &Url, problem: Problem) -> Self {
        Self { url: ShownUrl::of(url), problem }
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.problem)
    }
}

impl Error for IndexError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Write(error) => Some(error),
            Problem::NotJson(error) => Some(error),
            _ => None,
        }
    }
}

/// One way in which an answer is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    // ---- no whole answer
    /// No connection, or one that ended or did not speak HTTP before an answer came.
    #[error("no answer: {}", Cut(.cause))]
    NoAnswer {
        /// What the system or TLS said.
        cause: String,
    },
    /// The answer did not come, or not whole, in time.
    #[error(
        "not answered in time: at most {connect:?} to connect, {idle:?} without a byte, {whole:?} in all"
    )]
    TimedOut {
        /// The bound until a connection stands.
        connect: Duration,
        /// The bound on time without a byte.
        idle: Duration,
        /// The bound on the whole answer.
        whole: Duration,
    },
    /// The connection ended before the answer did.
    #[error("the answer ended after {received} bytes{}: {}", Announced(*.expected), Cut(.cause))]
    Truncated {
        /// Bytes that came.
        received: u64,
        /// Bytes that were announced, where they were.
        expected: Option<u64>,
        /// What the library said.
        cause: String,
    },

    // ---- a status that is neither 200 nor 404
    /// 401: the server wants a user name and password, or others than it got.
    #[error("status 401: the server wants a user name and password, or other ones")]
    Unauthorized,
    /// 403: an index that serves attestations says so while it does not.
    #[error("status 403: refused by the server")]
    Forbidden,
    /// 406: the index does not serve what was asked for in a form that is read here.
    #[error("status 406: the server has no `{accept}`")]
    NotAcceptable {
        /// The media type that was asked for.
        accept: &'static str,
    },
    /// 429, at each attempt, or with a longer pause than is waited for.
    #[error("status 429: too many requests, at attempt {attempts}{}", Pause(*.retry_after))]
    RateLimited {
        /// Requests made.
        attempts: usize,
        /// Seconds the index asked to wait before the next, where it said so in seconds.
        retry_after: Option<u64>,
    },
    /// 500 to 599: the server failed.
    #[error("status {status}: the server failed")]
    Server {
        /// The status.
        status: u16,
    },
    /// Any other status but 200 and 404.
    #[error("status {status} where 200 or 404 was expected")]
    Status {
        /// The status.
        status: u16,
    },

    // ---- redirects
    /// An attestation is taken from its own URL only.
    #[error("redirected to {to}; attestations are not taken from another URL")]
    Redirected {
        /// Where to.
        to: ShownUrl,
    },
    /// A page is taken from the index's own origin only.
    #[error("redirected to {to}, which is not of {expected}")]
    RedirectedElsewhere {
        /// Where to.
        to: ShownUrl,
        /// The index's origin.
        expected: String,
    },
    /// A redirect away from TLS, or to a scheme that is not HTTP.
    #[error("redirected to {to}, which is not reached over TLS")]
    RedirectedInsecurely {
        /// Where to.
        to: ShownUrl,
    },
    /// A redirect that does not say where to.
    #[error("status {status} without a URL to go to")]
    RedirectedNowhere {
        /// The status.
        status: u16,
    },
    /// Redirects without end.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The bound.
        limit: usize,
    },

    // ---- an answer of another kind
    /// A project's page in HTML.
    #[error("the index serves this page as HTML only; `{expected}` is needed (PEP 691)")]
    HtmlOnly {
        /// The media type that was asked for.
        expected: &'static str,
    },
    /// Another media type than was asked for.
    #[error("of type {} where `{expected}` was expected", Named(.found.as_deref()))]
    ContentType {
        /// The media type of the answer, where it gives exactly one.
        found: Option<String>,
        /// The media type that was asked for.
        expected: &'static str,
    },
    /// Compressed, though only the plain bytes were asked for: a bomb could hide in it.
    #[error("compressed as `{}`, which was not asked for", Cut(.found))]
    Encoded {
        /// The `Content-Encoding`.
        found: String,
    },
    /// More bytes than the bound.
    #[error("more than {limit} bytes{}", Announced(*.announced))]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
        /// Bytes that were announced, where they were.
        announced: Option<u64>,
    },
    /// Not JSON, or JSON that two readers could read in two ways.
    #[error("not JSON that can be read in one way only: {0}")]
    NotJson(JsonError),

    // ---- a project's page
    /// The index has no such project.
    #[error("the index has no project `{project}`")]
    NoProject {
        /// The project asked for.
        project: ProjectName,
    },
    /// The project has no wheel or source distribution of this version.
    #[error("the index lists no wheel or source distribution of `{project}` {version}")]
    NoRelease {
        /// The project asked for.
        project: ProjectName,
        /// The version asked for.
        version: Version,
    },
    /// The release has more files than are read.
    #[error("lists {found} files of this version; at most {limit} are read")]
    TooManyFiles {
        /// Files of the version.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// The project's page does not list the file.
    #[error("the index lists no file `{}`", Cut(.filename))]
    NoFile {
        /// The file asked for.
        filename: String,
    },
    /// The page is not of the form of the simple API.
    #[error("not a page of the simple API: {}", Cut(.what))]
    PageMalformed {
        /// What is missing or of another form.
        what: String,
    },
    /// The page is of another major version of the simple API than 1.
    #[error("of version `{}` of the simple API; versions 1.x are read", Cut(.found))]
    ApiVersion {
        /// The version it gives.
        found: String,
    },
    /// The page is about another project than the one asked for.
    #[error("a page about `{}` where one about `{asked}` was expected", Cut(.found))]
    OtherProject {
        /// The project of the page.
        found: String,
        /// The project asked for.
        asked: ProjectName,
    },
    /// The index put the project in quarantine (PEP 792): nothing of it may be installed.
    #[error("the index put `{project}` in quarantine{}", Cut(.reason))]
    Quarantined {
        /// The project.
        project: ProjectName,
        /// A colon and why, where the index says it.
        reason: String,
    },
    /// The page lists a file twice, so that two readers may take two different files.
    #[error("lists `{}` twice", Cut(.filename))]
    ListedTwice {
        /// The file.
        filename: String,
    },

    /// The page lists a file of which other clients may think that it is of the release, and that is none of it by
    /// its name.
    #[error(
        "lists `{}`, which is no name of a file of {version} that can be looked at, and which others may install as \
         one",
        Cut(.filename)
    )]
    MisnamedFile {
        /// The file.
        filename: String,
        /// The version that was asked for.
        version: Version,
    },

    // ---- one file of a page
    /// What the page says of the file is not of the form of the simple API.
    #[error("`{filename}`: {}", Cut(.what))]
    FileMalformed {
        /// The file.
        filename: String,
        /// What is missing or of another form.
        what: String,
    },
    /// The page gives no sha256 for the file.
    #[error("`{filename}` is listed without a sha256")]
    NoDigest {
        /// The file.
        filename: String,
    },
    /// The file's URL ends in another name than the one it is listed by.
    #[error("`{filename}` is listed at a URL that names `{}`", Cut(.found))]
    OtherFilename {
        /// The file as it is listed.
        filename: String,
        /// The last part of its URL.
        found: String,
    },
    /// The file's URL is one that is not connected to.
    #[error("`{filename}` is listed at {at}, {why}")]
    FileUrl {
        /// The file.
        filename: String,
        /// Its URL.
        at: ShownUrl,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file's provenance is said to be somewhere else than on the index that lists it.
    #[error("the provenance of `{filename}` is said to be at {found}, which is not of {expected}")]
    ProvenanceElsewhere {
        /// The file.
        filename: String,
        /// The link, as far as it can be shown.
        found: String,
        /// The index's origin.
        expected: String,
    },

    // ---- a file that is downloaded
    /// The file is listed, and not there.
    #[error("status 404: the index lists this file and does not have it")]
    Gone,
    /// The file is of another size than listed.
    #[error("{found} bytes where {expected} are listed")]
    SizeMismatch {
        /// Bytes that came, or that were announced; where there were more than listed, up to there.
        found: u64,
        /// Bytes that are listed.
        expected: u64,
    },
    /// The file's bytes are not the listed ones.
    #[error("sha256 {found} where {expected} is listed")]
    DigestMismatch {
        /// The digest of what came.
        found: Sha256Digest,
        /// The digest that is listed.
        expected: Sha256Digest,
    },
    /// What was read could not be written.
    #[error("cannot write what was read: {0}")]
    Write(io::Error),

    // ---- on this machine
    /// No client could be made.
    #[error("cannot connect to anything: {}", Cut(.cause))]
    Client {
        /// What the library said, such as about certificates.
        cause: String,
    },
}

/// The last cause of an error: what the system said rather than who passed it on.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Text from outside, cut and made safe to show.
struct Cut<'a>(&'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(SHOWN).map_or(self.0.len(), |(at, _)| at);
        Escaped(&self.0[..end]).fmt(f)
    }
}

struct Named<'a>(Option<&'a str>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "`{}`", Cut(name)),
            None => f.write_str("unknown"),
        }
    }
}

struct Announced(Option<u64>);

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |bytes| write!(f, "; {bytes} were announced"))
    }
}

struct Pause(Option<u64>);

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |seconds| write!(f, "; the server asks to wait {seconds} s"))
    }
}
