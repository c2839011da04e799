//! One bounded GET, and what its answer means.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Response, StatusCode};
use url::Url;
use wheelmark_core::limits::IndexLimits;

use crate::address::{IndexUrl, ShownUrl};
use crate::error::{IndexError, Problem, root_cause};

/// Where a redirect may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Nowhere.
    Nothing,
    /// To another URL of the index's origin.
    SameOrigin,
    /// To any host over TLS: what comes back is held against a digest.
    Anywhere,
}

/// What is asked for.
pub(crate) struct Ask<'a> {
    pub(crate) url: &'a Url,
    /// The media type.
    pub(crate) accept: &'static str,
    pub(crate) follow: Follow,
    /// For the whole answer of one request.
    pub(crate) within: Duration,
}

/// Asks one index. Credentials go to its origin only; nothing is decompressed; no redirect is followed
/// unseen.
#[derive(Debug)]
pub(crate) struct Client {
    /// Asks as the environment says: through a proxy, where it names one.
    http: reqwest::Client,
    /// Asks this machine itself, which is all that plain HTTP is allowed to: a proxy would see what is sent.
    direct: reqwest::Client,
    index: IndexUrl,
    limits: IndexLimits,
}

impl Client {
    pub(crate) fn new(index: IndexUrl, limits: IndexLimits) -> Result<Self, IndexError> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("wheelmark/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(limits.connect)
                .read_timeout(limits.idle)
        };
        let build = |builder: ClientBuilder| {
            builder.build().map_err(|error| {
                let cause = root_cause(&error.without_url());
                IndexError::new(index.root(), Problem::Client { cause })
            })
        };
        let (http, direct) = (build(builder())?, build(builder().no_proxy())?);
        Ok(Self { http, direct, index, limits })
    }

    pub(crate) fn index(&self) -> &IndexUrl {
        &self.index
    }

    pub(crate) fn limits(&self) -> &IndexLimits {
        &self.limits
    }

    /// Asks, follows what may be followed, and waits where the index asks for a short pause. Two answers
    /// mean something: 200 is the body, 404 is none. All others are errors.
    pub(crate) async fn get(&self, ask: &Ask<'_>) -> Result<Option<Body>, IndexError> {
        let mut url = ask.url.clone();
        let mut redirects = 0;
        loop {
            let response = self.patiently(&url, ask).await?;
            match response.status().as_u16() {
                200 => return self.body(response, url, ask).map(Some),
                404 => return Ok(None),
                301 | 302 | 303 | 307 | 308 => {
                    redirects += 1;
                    let next = self.redirected(&response, &url, ask.follow)?;
                    if redirects > self.limits.redirects {
                        let limit = self.limits.redirects;
                        return Err(IndexError::new(ask.url, Problem::TooManyRedirects { limit }));
                    }
                    url = next;
                }
                status => return Err(IndexError::new(&url, refusal(status, ask.accept))),
            }
        }
    }

    /// One request, repeated while the index says "too many requests" and how short a pause would do.
    async fn patiently(&self, url: &Url, ask: &Ask<'_>) -> Result<Response, IndexError> {
        let mut attempts = 1;
        loop {
            let response = self.once(url, ask).await?;
            if response.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(response);
            }
            // The other form of the header, a date, would need a clock to read.
            let retry_after = only(response.headers(), RETRY_AFTER)
                .and_then(|seconds| seconds.trim().parse::<u64>().ok());
            let pause = retry_after.map(Duration::from_secs);
            match pause.filter(|pause| *pause <= self.limits.retry_after) {
                Some(pause) if attempts < self.limits.attempts => {
                    drop(response);
                    tokio::time::sleep(pause).await;
                    attempts += 1;
                }
                _ => {
                    let problem = Problem::RateLimited { attempts, retry_after };
                    return Err(IndexError::new(url, problem));
                }
            }
        }
    }

    async fn once(&self, url: &Url, ask: &Ask<'_>) -> Result<Response, IndexError> {
        let client = if url.scheme() == "http" { &self.direct } else { &self.http };
        let mut request = client
            .get(url.clone())
            .timeout(ask.within)
            .header(ACCEPT, ask.accept)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(sent) = self.index.credentials_for(url) {
            request = request.basic_auth(&sent.user, sent.password.as_deref());
        }
        request.send().await.map_err(|error| {
            let problem = match error.is_timeout() {
                true => timed_out(&self.limits, ask.within),
                false => Problem::NoAnswer { cause: root_cause(&error.without_url()) },
            };
            IndexError::new(url, problem)
        })
    }

    fn redirected(&self, from: &Response, url: &Url, follow: Follow) -> Result<Url, IndexError> {
        let fail = |problem| IndexError::new(url, problem);
        let status = from.status().as_u16();
        let next = only(from.headers(), LOCATION)
            .and_then(|location| url.join(location).ok())
            .ok_or_else(|| fail(Problem::RedirectedNowhere { status }))?;
        let to = ShownUrl::of(&next);
        match follow {
            Follow::Nothing => Err(fail(Problem::Redirected { to })),
            Follow::SameOrigin if !self.index.is_origin_of(&next) => {
                let expected = self.index.origin();
                Err(fail(Problem::RedirectedElsewhere { to, expected }))
            }
            _ if !self.index.may_lead_to(&next) => Err(fail(Problem::RedirectedInsecurely { to })),
            _ => Ok(next),
        }
    }

    fn body(&self, response: Response, url: Url, ask: &Ask<'_>) -> Result<Body, IndexError> {
        let encodings: Vec<_> = response.headers().get_all(CONTENT_ENCODING).iter().collect();
        if encodings.iter().any(|value| *value != "identity") {
            let found = encodings.iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            let found = found.collect::<Vec<_>>().join(", ");
            return Err(IndexError::new(&url, Problem::Encoded { found }));
        }
        let media_type = only(response.headers(), CONTENT_TYPE)
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        Ok(Body {
            media_type,
            announced: response.content_length(),
            limits: self.limits,
            within: ask.within,
            url,
            response,
            received: 0,
        })
    }
}

/// A body that is read up to a bound.
pub(crate) struct Body {
    url: Url,
    media_type: Option<String>,
    announced: Option<u64>,
    response: Response,
    received: u64,
    limits: IndexLimits,
    within: Duration,
}

impl Body {
    /// The URL that answered.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The media type, lower case and without parameters; none where it is not given exactly once.
    pub(crate) fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Bytes that were announced.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.announced
    }

    pub(crate) fn error(&self, problem: Problem) -> IndexError {
        IndexError::new(&self.url, problem)
    }

    /// The next bytes, or none at the end. There are never more than `limit` in all.
    pub(crate) async fn next(
        &mut self,
        limit: u64,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, IndexError> {
        let announced = self.announced;
        if announced.is_some_and(|bytes| bytes > limit) {
            return Err(self.error(Problem::TooLarge { limit, announced }));
        }
        let chunk = match self.response.chunk().await {
            Ok(chunk) => chunk,
            Err(error) if error.is_timeout() => {
                return Err(self.error(timed_out(&self.limits, self.within)));
            }
            Err(error) => {
                let cause = root_cause(&error.without_url());
                let received = self.received;
                return Err(self.error(Problem::Truncated {
                    received,
                    expected: announced,
                    cause,
                }));
            }
        };
        let Some(chunk) = chunk else { return Ok(None) };
        self.received = self.received.saturating_add(chunk.len() as u64);
        if self.received > limit {
            return Err(self.error(Problem::TooLarge { limit, announced }));
        }
        Ok(Some(chunk))
    }

    /// All of it.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, IndexError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next(limit as u64).await? {
            bytes.extend_from_slice(chunk.as_ref());
        }
        Ok(bytes)
    }
}

fn timed_out(limits: &IndexLimits, whole: Duration) -> Problem {
    Problem::TimedOut { connect: limits.connect, idle: limits.idle, whole }
}

/// What a status means that is neither 200 nor 404, nor 429 or a redirect.
fn refusal(status: u16, accept: &'static str) -> Problem {
    match status {
        401 => Problem::Unauthorized,
        403 => Problem::Forbidden,
        406 => Problem::NotAcceptable { accept },
        500..=599 => Problem::Server { status },
        _ => Problem::Status { status },
    }
}

/// The value of a header that is given exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
