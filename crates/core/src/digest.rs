//! Digests, parsed once at the edge.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Bytes read at a time when a stream is hashed: large enough that the hash, not the call, is the cost.
const CHUNK: usize = 64 * 1024;

/// A SHA-256 digest: 32 bytes. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest of bytes that are already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest and the length in bytes of everything `reader` still holds, read once.
    ///
    /// # Errors
    /// Whatever `reader` returns.
    pub fn of_reader(mut reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut length = 0;
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                return Ok((Self(hasher.finalize().into()), length));
            }
            hasher.update(&buffer[..read]);
            length += read as u64;
        }
    }

    /// Takes 32 bytes that are known to be a SHA-256 digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Text that is not a digest of the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}: `{}`", .found.escape_debug())]
pub struct DigestError {
    expected: &'static str,
    found: String,
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    /// Reads exactly 64 lower-case hexadecimal digits; upper case is refused, so that one digest has
    /// one spelling.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError {
            expected: "a SHA-256 digest of 64 lower-case hexadecimal digits",
            found: text.chars().take(80).collect(),
        };
        if !is_lower_hex(text) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// A full git object id: 40 hexadecimal digits (SHA-1 repositories) or 64 (SHA-256 repositories).
///
/// Abbreviated ids are refused: they name whatever happens to match today.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitObjectId(String);

impl GitObjectId {
    /// The id as lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GitObjectId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if matches!(text.len(), 40 | 64) && is_lower_hex(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError {
                expected: "a full git object id of 40 or 64 lower-case hexadecimal digits",
                found: text.chars().take(80).collect(),
            })
        }
    }
}

impl fmt::Display for GitObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GitObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git:{self}")
    }
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(Sha256Digest);
serde_as_text!(GitObjectId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digest_has_one_spelling() {
        let digest = Sha256Digest::of(b"");
        assert_eq!(
            digest.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Sha256Digest>().is_err());
        assert!(digest.to_string()[1..].parse::<Sha256Digest>().is_err());
    }

    #[test]
    fn a_stream_and_its_bytes_have_the_same_digest() {
        let bytes = vec![7; 3 * CHUNK + 1];
        let (digest, length) = Sha256Digest::of_reader(&bytes[..]).expect("memory does not fail");
        assert_eq!((digest, length), (Sha256Digest::of(&bytes), bytes.len() as u64));
    }

    #[test]
    fn abbreviated_commits_are_refused() {
        assert!("a1b2c3d".parse::<GitObjectId>().is_err());
        assert!("a".repeat(40).parse::<GitObjectId>().is_ok());
        assert!("A".repeat(40).parse::<GitObjectId>().is_err());
    }
}
