//! Changes of documents that look random and are the same in every run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One change, of the kinds that find most: bits, numbers at their ends, pieces lost, doubled and moved.
pub fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let length = input.len();
    if length == 0 {
        input.push(b'x');
        return;
    }
    let at = random.below(length);
    let end = (at + 1 + random.below(64)).min(length);
    match random.below(7) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'/', b'\n', b'.', b'='][random.below(10)],
        2 => drop(input.drain(at..end)),
        3 => {
            let piece = input[at..end].to_vec();
            let to = random.below(length);
            input.splice(to..to, piece);
        }
        4 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len());
            let piece = &other[from..(from + 1 + random.below(200)).min(other.len())];
            let to = (at + piece.len()).min(length);
            input.splice(at..to, piece.iter().copied());
        }
        5 => input.truncate(at),
        _ => {
            // A number that is written in digits.
            if let Some(digit) = input[at..].iter().position(u8::is_ascii_digit) {
                input[at + digit] = b'0' + random.below(10) as u8;
            }
        }
    }
}

/// xorshift64*: small, and the same on every machine.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From here on always the same numbers.
    pub fn new(seed: u64) -> Self {
        // Seeds that differ in a bit begin far apart, and none is zero, which would stay it.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        (value % bound as u64) as usize
    }
}

/// One change of a JSON document by its values: one lost, doubled, changed, replaced by an odd one or by one of
/// another document; also inside of what is base64, JSON or not.
pub fn change_json(document: &mut Value, others: &[Value], random: &mut Random) {
    let all = paths(document);
    let path = &all[random.below(all.len())];
    let Some(value) = document.pointer_mut(path) else { return };
    match random.below(6) {
        0 => *value = odd(random),
        1 => {
            let other = &others[random.below(others.len())];
            let theirs = paths(other);
            let same = other.pointer(path).filter(|_| random.below(4) > 0);
            let any = || other.pointer(&theirs[random.below(theirs.len())]);
            *value = same.or_else(any).cloned().unwrap_or_default();
        }
        2 => match value {
            Value::Array(items) if !items.is_empty() => {
                items.remove(random.below(items.len()));
            }
            Value::Object(fields) => {
                let key = fields.keys().nth(random.below(fields.len().max(1))).cloned();
                key.and_then(|key| fields.remove(&key));
            }
            _ => {}
        },
        3 => match value {
            Value::Array(items) if !items.is_empty() => {
                let again = items[random.below(items.len())].clone();
                items.push(again);
            }
            Value::Object(fields) => drop(fields.insert("more".to_owned(), odd(random))),
            _ => {}
        },
        _ => change_leaf(value, others, random),
    }
}

fn change_leaf(value: &mut Value, others: &[Value], random: &mut Random) {
    match value {
        Value::String(text) => {
            let changed = match STANDARD.decode(&text).ok().filter(|bytes| bytes.len() > 8) {
                Some(bytes) => match serde_json::from_slice::<Value>(&bytes) {
                    Ok(mut inner) => {
                        change_json(&mut inner, others, random);
                        STANDARD.encode(inner.to_string())
                    }
                    Err(_) => STANDARD.encode(changed(bytes, random)),
                },
                None => {
                    let bytes = changed(text.clone().into_bytes(), random);
                    String::from_utf8_lossy(&bytes).into_owned()
                }
            };
            *text = changed;
        }
        Value::Number(number) => {
            *value =
                json!(number.as_i64().unwrap_or(1).wrapping_add([1, -1, 1 << 40][random.below(3)]));
        }
        Value::Bool(flag) => *flag = !*flag,
        _ => {}
    }
}

fn changed(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let own = [bytes.clone()];
    if !own[0].is_empty() {
        change(&mut bytes, &own, random);
    }
    bytes
}

/// Values at which readers stumble.
fn odd(random: &mut Random) -> Value {
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("0"),
        json!("-9223372036854775808"),
        json!("\u{202e}\0\u{435}"),
        json!("a".repeat(5000)),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!({"": {"": null}}),
    ];
    values[random.below(values.len())].clone()
}

/// The places of a document, as JSON pointers.
fn paths(document: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut at = 0;
    while let Some(path) = all.get(at).cloned() {
        match document.pointer(&path) {
            Some(Value::Array(items)) => {
                all.extend((0..items.len()).map(|index| format!("{path}/{index}")));
            }
            Some(Value::Object(fields)) => all.extend(
                fields
                    .keys()
                    .map(|key| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))),
            ),
            _ => {}
        }
        at += 1;
    }
    all
}
