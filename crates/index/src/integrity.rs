//! The Integrity API: what an index has to say about where one file came from.
//!
//! `GET /integrity/<project>/<version>/<filename>/provenance`,
//! <https://docs.pypi.org/api/integrity/>; the object that it gives is that of PEP 740.

use url::Url;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::json;

use crate::address::IndexUrl;
use crate::client::{Ask, Client, Follow};
use crate::error::{IndexError, Problem};

/// The media type of a provenance object, version 1.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.pypi.integrity.v1+json";

/// The media types under which the API is documented to give the object.
const ACCEPTED: &[&str] = &[MEDIA_TYPE, "application/json"];

/// Where the Integrity API has the provenance of a file: at the root of the index's origin, whatever the
/// path of its pages.
pub(crate) fn url_of(index: &IndexUrl, filename: &DistFilename) -> Url {
    let mut url = index.root().clone();
    let version = filename.version().to_string();
    if let Ok(mut path) = url.path_segments_mut() {
        let project = filename.project().as_str();
        path.clear().extend(["integrity", project, &version, filename.as_str(), "provenance"]);
    }
    url
}

/// The provenance object at `url`, or none where the index says 404.
pub(crate) async fn provenance(client: &Client, url: &Url) -> Result<Option<Vec<u8>>, IndexError> {
    let limits = client.limits();
    let ask = Ask { url, accept: MEDIA_TYPE, follow: Follow::Nothing, within: limits.document };
    let body = match client.get(&ask).await? {
        Some(body) => body,
        None => return Ok(None),
    };
    if !body.media_type().is_some_and(|found| ACCEPTED.contains(&found)) {
        let found = body.media_type().map(ToOwned::to_owned);
        return Err(body.error(Problem::ContentType { found, expected: MEDIA_TYPE }));
    }
    let bytes = body.whole(limits.provenance).await?;
    // A body cut short, or one that two readers read in two ways, is no answer.
    json::parse(&bytes, limits.provenance)
        .map_err(|error| IndexError::new(url, Problem::NotJson(error)))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_at_the_root_of_the_indexs_origin() {
        let index = "https://user:pw@index.example:8443/team/simple/".parse().unwrap();
        let filename = DistFilename::parse("Foo.Bar-1.0+a.1-py3-none-any.whl").unwrap();
        assert_eq!(
            url_of(&index, &filename).as_str(),
            "https://index.example:8443/integrity/foo-bar/1.0+a.1/Foo.Bar-1.0+a.1-py3-none-any.whl/provenance"
        );
    }
}
