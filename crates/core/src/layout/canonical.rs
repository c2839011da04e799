//! Canonical JSON, the bytes that a classic signature is over (in-toto specification v1.0, 4.1; the form is
//! that of OLPC): keys in order, no white space, whole numbers only, and in texts nothing escaped but `"`
//! and `\`.

use serde_json::Value;

/// What canonical JSON cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the number {0} is no whole number of 64 bits, and canonical JSON has no other")]
pub(super) struct NoSuchNumber(String);

/// The canonical bytes of a document. Two documents have the same bytes only if they are equal.
pub(super) fn canonical(value: &Value) -> Result<Vec<u8>, NoSuchNumber> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NoSuchNumber> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_f64() => return Err(NoSuchNumber(number.to_string())),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(string) => text(string, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                comma(index, out);
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            // By code point, which is the order of UTF-8's bytes, whatever order the map keeps.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push(b'{');
            for (index, (key, item)) in fields.into_iter().enumerate() {
                comma(index, out);
                text(key, out);
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn comma(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

fn text(string: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in string.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_quotes_and_backslashes_are_escaped() {
        let value = json!({ "b": [1, -2, true, null], "a": "x\ty\n\\\"ß\u{7f}", "ß": {}, "B": [] });
        let bytes = canonical(&value).expect("canonical");
        let expected = "{\"B\":[],\"a\":\"x\ty\n\\\\\\\"ß\u{7f}\",\"b\":[1,-2,true,null],\"ß\":{}}";
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), expected);
    }

    #[test]
    fn other_numbers_have_no_such_form() {
        for text in ["1.0", "1e3", "-0", "18446744073709551616"] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert!(canonical(&value).is_err(), "{text}");
        }
        assert_eq!(canonical(&json!(u64::MAX)).expect("whole"), b"18446744073709551615");
    }
}
