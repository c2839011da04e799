//! A file, hashed while it is read.

use std::io::Write;

use sha2::{Digest as _, Sha256};
use wheelmark_core::digest::Sha256Digest;

use crate::client::{Ask, Client, Follow};
use crate::error::{IndexError, Problem};
use crate::page::FileListed;

/// Writes the file to `to` and gives its digest, which is the listed one.
pub(crate) async fn download(
    client: &Client,
    file: &FileListed,
    to: &mut (dyn Write + Send),
) -> Result<Sha256Digest, IndexError> {
    let limits = client.limits();
    let ask =
        Ask { url: file.url(), accept: "*/*", follow: Follow::Anywhere, within: limits.download };
    let mut body = match client.get(&ask).await? {
        Some(body) => body,
        None => return Err(IndexError::new(file.url(), Problem::Gone)),
    };
    let wrong_size = |found: Option<u64>| {
        let expected = file.size()?;
        let found = found.filter(|found| *found != expected)?;
        Some(Problem::SizeMismatch { found, expected })
    };
    if let Some(problem) = wrong_size(body.announced()) {
        return Err(body.error(problem));
    }
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    while let Some(chunk) = body.next(limits.file).await? {
        let chunk = chunk.as_ref();
        size += chunk.len() as u64;
        if let Some(expected) = file.size().filter(|expected| size > *expected) {
            return Err(body.error(Problem::SizeMismatch { found: size, expected }));
        }
        hasher.update(chunk);
        to.write_all(chunk).map_err(|error| body.error(Problem::Write(error)))?;
    }
    if let Some(problem) = wrong_size(Some(size)) {
        return Err(body.error(problem));
    }
    let (found, expected) = (Sha256Digest::from_bytes(hasher.finalize().into()), file.sha256());
    if found != expected {
        return Err(body.error(Problem::DigestMismatch { found, expected }));
    }
    Ok(found)
}
