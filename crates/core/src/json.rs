//! JSON read strictly: bounded in bytes and in memory, UTF-8, no duplicate keys, no deep nesting.
//!
//! `serde_json` keeps the last of two equal keys, so two readers of one signed document may see two
//! different documents. Here a duplicate is an error with its place.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::JSON_BYTES_PER_NODE;

/// Nesting deeper than any document of this field needs; each level costs stack.
const MAX_DEPTH: usize = 64;

/// Why bytes are not the strict JSON that was expected. Line and column count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than the bound allows.
    #[error("{found} bytes of JSON, at most {limit} are read")]
    TooLarge {
        /// The size found, in bytes.
        found: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// Not JSON, or JSON with a duplicate key, too much nesting or too many values.
    #[error("{0}")]
    Malformed(String),
}

/// Reads one JSON document and nothing after it.
///
/// # Errors
/// [`JsonError`] when there are more than `limit` bytes, or values and keys than one for each
/// [`JSON_BYTES_PER_NODE`] of these; when they are not UTF-8 or not JSON, when an object holds a key twice,
/// or when the nesting exceeds 64 levels.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { found: bytes.len(), limit });
    }
    let malformed = |error: serde_json::Error| JsonError::Malformed(error.to_string());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let nodes = limit / JSON_BYTES_PER_NODE;
    let strict = Strict { depth: 0, nodes, left: &Cell::new(nodes) };
    let value = strict.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    /// Values and keys that may be in the whole document, and how many more of them.
    nodes: usize,
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    /// Counts a value or a key.
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left =
            self.left.get().checked_sub(1).ok_or_else(|| {
                E::custom(format_args!("more than {} values and keys", self.nodes))
            })?;
        self.left.set(left);
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.count()?;
            if object.contains_key(&key) {
                return Err(serde::de::Error::custom(format_args!(
                    "duplicate key `{}`",
                    key.escape_debug()
                )));
            }
            let value = entries.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        let error = parse(br#"{"a":[{"b":1,"b":2}]}"#, 1000).expect_err("duplicate");
        assert!(error.to_string().contains("duplicate key `b`"), "{error}");
    }

    #[test]
    fn deep_nesting_ends_in_an_error_and_not_in_the_stack() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(parse(&deep, deep.len()).is_err());
        let fine = [b"[".repeat(MAX_DEPTH), b"]".repeat(MAX_DEPTH)].concat();
        assert!(parse(&fine, 10_000).is_ok());
    }

    /// Each object takes some 600 bytes of memory and eight of the file.
    #[test]
    fn what_takes_more_memory_than_bytes_is_bounded() {
        let objects = |count| format!("[{}0]", "{\"a\":0},".repeat(count));
        let limit = 1000 * JSON_BYTES_PER_NODE;
        assert!(parse(objects(332).as_bytes(), limit).is_ok());
        let error = parse(objects(400).as_bytes(), limit).expect_err("too many");
        assert!(error.to_string().contains("more than 1000 values and keys"), "{error}");
    }

    #[test]
    fn trailing_bytes_bad_utf8_and_size_are_refused() {
        assert!(parse(b"{} {}", 100).is_err());
        assert!(parse(b"\"\xff\"", 100).is_err());
        assert_eq!(parse(b"[1,2]", 4), Err(JsonError::TooLarge { found: 5, limit: 4 }));
    }
}
