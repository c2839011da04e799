//! A TUF repository over HTTP, through the client that package indexes are read with: bounded, and with
//! errors that show no credentials.

use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error as TufError, Repository, Result};
use url::Url;
use wheelmark_core::limits::IndexLimits;

use super::strict;
use crate::address::IndexUrl;
use crate::client::{Ask, Client, Follow};
use crate::error::{IndexError, Problem};

pub(super) struct Http {
    client: Client,
}

impl Http {
    pub(super) fn new(url: IndexUrl, limits: IndexLimits) -> std::result::Result<Self, IndexError> {
        Ok(Self { client: Client::new(url, limits)? })
    }

    async fn get(&self, below: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let base = self.client.index().root();
        let url = join(base, below, name)
            .ok_or_else(|| TufError::transport(format!("{name} is no name of a file")))?;
        let within = self.client.limits().document;
        // What comes back is held against signatures, wherever it comes from.
        let ask = Ask { url: &url, accept: "*/*", follow: Follow::Anywhere, within };
        let body = match self.client.get(&ask).await {
            Ok(body) => body,
            // Object stores say this of what they do not have. The next root is asked for until there is
            // none, so it is the one file of which that is the normal answer.
            Err(IndexError { problem: Problem::Forbidden, .. }) if name.ends_with(".root.json") => {
                None
            }
            Err(error) => return Err(fetching(name, error)),
        };
        let Some(body) = body else { return Ok(None) };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        body.whole(limit).await.map(Some).map_err(|error| fetching(name, error))
    }
}

impl Repository for Http {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let found = self.get("", name, max_length).await?;
            if let Some(bytes) = &found {
                strict::check(bytes)
                    .map_err(|error| TufError::transport_with_source(name.to_owned(), error))?;
            }
            Ok(found)
        })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get("targets/", path, max_length))
    }
}

fn fetching(name: &str, error: IndexError) -> TufError {
    TufError::transport_with_source(name.to_owned(), error)
}

/// A file below the repository's URL; none where the name leads elsewhere.
fn join(base: &Url, below: &str, name: &str) -> Option<Url> {
    let folder = base.join(below).ok()?;
    folder.join(name).ok().filter(|url| url.as_str().starts_with(folder.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_repository() {
        let base: Url = "https://tuf.example/a/".parse().unwrap();
        let joined = |name| join(&base, "", name).map(|url| url.to_string());
        assert_eq!(joined("2.root.json").as_deref(), Some("https://tuf.example/a/2.root.json"));
        for name in
            ["../b.json", "/b.json", "//evil.example/b", "https://evil.example/", "a:b.json"]
        {
            assert_eq!(joined(name), None, "{name}");
        }
        let target = join(&base, "targets/", "x.trusted_root.json").unwrap();
        assert_eq!(target.as_str(), "https://tuf.example/a/targets/x.trusted_root.json");
    }
}
