//! Documents made to exhaust or to mislead whoever reads them, given to every reader of JSON.

use serde_json::json;
use wheelmark_core::attestation::forms;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::limits::{AttestationLimits, IndexLimits, JSON_BYTES_PER_NODE, TRUSTED_ROOT};
use wheelmark_core::trust::{Instance, InstanceName};
use wheelmark_index::ProjectPage;
use wheelmark_tests::seeds;

use super::changes::{refusals, true_statement};
use super::{Cost, cost, told_safely};

const LARGE: usize = 100 << 20;
/// Bytes of memory for each of a document: an object of one value takes some 600, and eight of the document.
const PER_BYTE: usize = 80;
/// What a refusal takes where the document was not looked at.
const NOTHING: usize = 16 << 10;
const DEEP: usize = 100_000;

/// Bytes of memory for each value and key that a bound lets through: 220, as `limits` says, and the room of
/// lists that grow ahead.
const PER_NODE: usize = 256;

/// Every document by what is wrong with it.
fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let around = |before: &str, inner: Vec<u8>, after: &str| {
        [before.as_bytes(), &inner, after.as_bytes()].concat()
    };
    let deep = |open: &str, close: &str| (open.repeat(DEEP) + &close.repeat(DEEP)).into_bytes();
    let of = |text: &str| text.as_bytes().to_vec();
    vec![
        ("a text of 100 MB", around("{\"mediaType\":\"", vec![b'x'; LARGE], "\"}")),
        ("numbers of 100 MB", around("[0", b",0".repeat(LARGE / 2), "]")),
        ("objects of 100 MB", around("[{}", b",{}".repeat(LARGE / 3), "]")),
        ("spaces of 100 MB", around("{", vec![b' '; LARGE], "}")),
        ("as many lists as fit", around("[[]", b",[]".repeat((4 << 20) / 3 - 2), "]")),
        ("as many objects as fit", around("[{}", b",{\"a\":0}".repeat((4 << 20) / 8 - 1), "]")),
        ("as many lines as fit", b"{}\n".repeat((4 << 20) / 3)),
        ("lists in lists", deep("[", "]")),
        ("objects in objects", deep("{\"a\":", "}")),
        ("lists without end", vec![b'['; DEEP]),
        ("a key twice", of(r#"{"mediaType":"a","mediaType":"b"}"#)),
        ("a key twice, once escaped", of(r#"{"meta":{"a":1,"\u0061":2}}"#)),
        ("a key twice, hostile", of("{\"\u{202e}\\u001b\":1,\"\u{202e}\\u001b\":2}")),
        ("a number beyond every range", of(r#"{"version":1e999}"#)),
        (
            "a number of 100,000 digits",
            format!("{{\"version\":{}}}", "9".repeat(DEEP)).into_bytes(),
        ),
        ("an exponent of 100,000 digits", format!("[1e{}]", "9".repeat(DEEP)).into_bytes()),
        ("no number", of(r#"{"version":NaN}"#)),
        ("bytes that are not UTF-8", b"{\"mediaType\":\"\xff\"}".to_vec()),
        ("UTF-8 that is too long", b"{\"mediaType\":\"\xc0\xae\"}".to_vec()),
        ("half a character", of(r#"{"mediaType":"\ud800"}"#)),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a mark of the byte order", of("\u{feff}{}")),
        ("NUL in a text", of("{\"mediaType\":\"\0\"}")),
        ("NUL after the end", of("{}\0")),
        ("a second document", of("{}{}")),
        ("nothing", Vec::new()),
    ]
}

/// A reader: what is bounded, and what it says of a document that it refuses.
struct Reader {
    name: &'static str,
    limit: usize,
    refused: fn(&[u8]) -> Vec<String>,
}

const READERS: [Reader; 3] = [
    Reader {
        name: "attestations",
        limit: AttestationLimits::standard().bundle,
        refused: |bytes| match forms::read_all(bytes, &AttestationLimits::standard()) {
            Err(refusal) => vec![refusal.to_string()],
            Ok(all) => all.into_iter().map(|it| it.expect_err("refused").to_string()).collect(),
        },
    },
    Reader {
        name: "trusted root",
        limit: TRUSTED_ROOT,
        refused: |bytes| {
            let read = Instance::parse(InstanceName::Private, bytes, None);
            vec![read.expect_err("refused").to_string()]
        },
    },
    Reader {
        name: "page of an index",
        limit: IndexLimits::standard().page,
        refused: |bytes| {
            let index = "https://index.example/simple/".parse().expect("the URL of an index");
            let url = "https://index.example/simple/demo/".parse().expect("a URL");
            let demo: ProjectName = "demo".parse().expect("a name");
            let read = ProjectPage::parse(bytes, &index, &url, &demo, IndexLimits::standard().page);
            vec![read.expect_err("refused").to_string()]
        },
    },
];

#[test]
fn every_reader_refuses_every_hostile_document_at_a_bound() {
    for (what, bytes) in documents() {
        for Reader { name, limit, refused } in READERS {
            let (messages, Cost { held, asked }) = cost(|| refused(&bytes));
            let bound = match bytes.len() {
                length if length > limit => NOTHING,
                length => NOTHING + (limit / JSON_BYTES_PER_NODE * PER_NODE).min(PER_BYTE * length),
            };
            assert!(held <= bound, "{name}: {what}: {held} bytes held, of {bound}");
            // Lists that grow are asked for again, twice as large.
            assert!(asked <= 2 * bound, "{name}: {what}: {asked} bytes asked for");
            assert!(!messages.is_empty(), "{name}: {what}: nothing is refused");
            for message in messages {
                assert!(message.len() < 1000, "{name}: {what}: {message}");
                told_safely(&message);
            }
        }
    }
}

/// Signed by the trusted key, such documents are no statements either.
#[test]
fn a_trusted_signature_makes_no_hostile_document_a_statement() {
    for (what, bytes) in documents().into_iter().filter(|(_, bytes)| bytes.len() < LARGE) {
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        assert!(!refusals(seeds::signed_by_key(text)).is_empty(), "{what} is accepted");
    }
}

/// A name that looks like another is another, and what is told of it shows that.
#[test]
fn a_name_that_looks_like_another_is_told_apart() {
    for (name, shown) in [
        ("d\u{435}mo-1.0-py3-none-any.whl", r"d\u{435}mo-1.0"),
        ("demo-1.0-py3-none-any.whl\u{200b}", r"any.whl\u{200b}"),
        ("\u{202e}lhw.yna-enon-3yp-0.1-omed", r"\u{202e}lhw"),
        ("demo\u{2010}1.0-py3-none-any.whl", r"demo\u{2010}1.0"),
        ("demo\u{3164}-1.0-py3-none-any.whl", r"demo\u{3164}-1.0"),
        ("demo-1.0-py3-none-any.whl\0.txt", r"any.whl\0.txt"),
    ] {
        let mut statement = true_statement();
        statement["subject"][0]["name"] = json!(name);
        let told = refusals(seeds::signed_by_key(&statement.to_string()));
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(told.starts_with("subject-name-mismatch") && told.contains(shown), "{told}");
    }
}
