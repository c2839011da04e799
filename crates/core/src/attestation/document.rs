//! A parsed JSON document read into a type, with the place in every error.
//!
//! It differs from `serde_json::from_value` in two things. An error says where it is
//! (`.policy.digest: …`). And where a type has named fields only an object will do: serde also takes an
//! array of the values in the order of our fields, which no specification of this field knows, so that
//! another reader of the same document would see another one or none.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Value, map};

/// What is wrong, and where: a path such as `.materials[0].digest`, empty at the top.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub(crate) struct Wrong {
    path: String,
    message: String,
}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string() }
    }
}

impl Wrong {
    fn below(self, step: impl fmt::Display) -> Self {
        Self { path: format!("{step}{}", self.path), ..self }
    }
}

/// Reads a document into a type.
pub(crate) fn read<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, Wrong> {
    T::deserialize(Node(value))
}

#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl Node<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(it) => Unexpected::Bool(*it),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Value::Object(fields) => {
                visitor.visit_map(Fields { fields: fields.iter(), current: None })
            }
            Value::String(text) => visitor.visit_borrowed_str(text),
            // Null, booleans and numbers have no inside.
            leaf => leaf.deserialize_any(visitor).map_err(Wrong::custom),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(Wrong::invalid_type(self.unexpected(), &"an object")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            other => other.deserialize_enum(name, variants, visitor).map_err(Wrong::custom),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|it| it.below(format_args!("[{index}]")))
    }
}

struct Fields<'de> {
    fields: map::Iter<'de>,
    current: Option<(&'de String, &'de Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        self.current = self.fields.next();
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some((key, value)) = self.current.take() else {
            return Err(Wrong::custom("a value without its key"));
        };
        seed.deserialize(Node(value)).map_err(|it| it.below(format_args!(".{key}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Outer {
        inner: Vec<Inner>,
        kind: Kind,
        #[serde(default)]
        rest: Option<BTreeMap<String, Value>>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        count: u64,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Kind {
        One,
    }

    fn error(value: Value) -> String {
        read::<Outer>(&value).expect_err("refused").to_string()
    }

    #[test]
    fn a_document_is_read_as_serde_json_reads_it() {
        let value = json!({
            "inner": [{ "count": 1, "unknown": [1, { "deep": null }] }],
            "kind": "One",
            "rest": { "a": [1.5, -2, true, "x", null], "b": {} },
        });
        let wanted: Outer = serde_json::from_value(value.clone()).expect("read");
        assert_eq!(read::<Outer>(&value), Ok(wanted));
    }

    #[test]
    fn errors_say_where() {
        let value = json!({ "inner": [{ "count": 1 }, { "count": "1" }], "kind": "One" });
        assert!(error(value).starts_with(".inner[1].count: invalid type: string"));
        assert!(error(json!({ "inner": [{}], "kind": "One" })).starts_with(".inner[0]: missing"));
        assert!(error(json!({ "inner": [], "kind": "Two" })).starts_with(".kind: unknown"));
        assert!(error(json!({ "inner": [] })).starts_with(": missing field `kind`"));
    }

    #[test]
    fn an_array_is_no_object() {
        let inner = json!({ "inner": [[7]], "kind": "One" });
        assert!(serde_json::from_value::<Outer>(inner.clone()).is_ok(), "serde alone takes it");
        assert!(error(inner).starts_with(".inner[0]: invalid type: sequence, expected an object"));
        assert!(error(json!([[], "One"])).contains("expected an object"));
    }
}
