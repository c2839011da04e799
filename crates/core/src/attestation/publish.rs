//! PyPI's publish attestation v1: <https://docs.pypi.org/attestations/publish/v1/>.
//!
//! It says that the identity of the certificate uploaded the file, and nothing else: the predicate is empty.

use serde_json::Value;

use super::predicate::malformed;
use crate::report::Refusal;

/// The predicate type.
pub const PUBLISH_TYPE: &str = "https://docs.pypi.org/attestations/publish/v1";

/// The empty predicate. What is known is the certificate's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish;

impl Publish {
    /// Reads the predicate: absent, null or `{}`. Whatever else stood in it, nobody would judge it.
    pub(super) fn read(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::Null => Ok(Self),
            Value::Object(fields) => match fields.keys().next() {
                None => Ok(Self),
                Some(field) => Err(malformed(format!("predicate {PUBLISH_TYPE}: field `{field}`"))
                    .expected("an empty predicate")),
            },
            _ => Err(malformed(format!("predicate {PUBLISH_TYPE}: not an object"))
                .expected("an empty predicate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_nothing_is_read() {
        for value in [json!(null), json!({})] {
            assert_eq!(Publish::read(&value), Ok(Publish), "{value}");
        }
        for value in [json!([]), json!(""), json!(false), json!(0), json!({ "a": null })] {
            assert!(Publish::read(&value).is_err(), "{value}");
        }
    }
}
