//! Layouts and links, and those who sign them: the test keys, one for the layout and one for every link.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use wheelmark_build::link;
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_core::attestation::statement::PAYLOAD_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::layout::{Form, FunctionaryKey, Recorded, StepName};

use super::wheel_of_attestations;
use crate::cases::TestKey;
use crate::tiny;

/// Between the documents of one input: no UTF-8 has it, so no JSON does.
pub const SEPARATOR: u8 = 0xff;

/// A key, and the id that in-toto gives it.
type Signs = (PrivateKey, String);

static OWNER: LazyLock<Signs> = LazyLock::new(|| signs(TestKey::Release));
static WORKER: LazyLock<Signs> = LazyLock::new(|| signs(TestKey::Rebuilder));

fn signs(key: TestKey) -> Signs {
    let public = FunctionaryKey::from_pem(&key.public_pem()).expect("a key");
    (key.open(), public.id().to_owned())
}

/// The public key that signs layouts.
pub fn layout_key() -> String {
    TestKey::Release.public_pem()
}

/// A layout's document, signed in a DSSE envelope.
pub fn signed_layout(document: &[u8]) -> Vec<u8> {
    dsse(document, &OWNER)
}

/// A link's document, or that of a layout in its place, signed in a DSSE envelope.
pub fn signed_link(document: &[u8]) -> Vec<u8> {
    dsse(document, &WORKER)
}

/// Bytes from base64 in either alphabet.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

fn dsse(document: &[u8], (key, id): &Signs) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), document.len());
    let signature = key.sign(&[head.as_bytes(), document].concat()).expect("signed");
    json!({
        "payload": STANDARD.encode(document), "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": id, "sig": STANDARD.encode(signature)}],
    })
    .to_string()
    .into_bytes()
}

/// The first byte is even before documents that are yet to be signed, and odd before files; with 2 in it inspections
/// are run.
pub(super) fn layouts() -> Vec<Vec<u8>> {
    let (key, worker) = &*WORKER;
    let pem = TestKey::Rebuilder.public_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let public = base64(&der).expect("base64").split_off(12);
    let public: String = public.iter().map(|byte| format!("{byte:02x}")).collect();
    let step = |name: &str, materials: Value, products: Value| {
        json!({
            "_type": "step", "name": name, "threshold": 1, "expected_command": ["make", "{VERSION}"],
            "pubkeys": [worker], "expected_materials": materials, "expected_products": products,
        })
    };
    let keys = json!({worker: {
        "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public},
    }});
    let layout = |steps: Value, inspect: Value| {
        json!({
            "_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "keys": keys,
            "steps": steps, "inspect": inspect,
        })
    };
    let wheel = json!({"sha256": Sha256Digest::of(&wheel_of_attestations()).to_string()});
    let made = json!({format!("dist/{}", tiny::FILENAME): wheel});
    let source =
        json!({"src/a.py": {"sha256": "ab".repeat(32)}, "src/b": {"sha256": "cd".repeat(32)}});
    let link = |name: &str, materials: &Value, products: &Value| {
        json!({
            "_type": "link", "name": name, "command": ["make"], "materials": materials, "products": products,
            "byproducts": {"return-value": 0, "stdout": "a\tb", "stderr": ""}, "environment": {},
        })
    };
    let fetched = step("fetch", json!([]), json!([["CREATE", "src/*"], ["DISALLOW", "*"]]));
    let built = step(
        "build",
        json!([
            "MATCH * IN src WITH PRODUCTS IN src FROM fetch".split(' ').collect::<Vec<_>>(),
            ["DISALLOW", "*"],
        ]),
        json!([
            ["CREATE", "dist/*-{VERSION}-*.wh[l-m]"],
            ["REQUIRE", "nothing"],
            ["DISALLOW", "*"]
        ]),
    );
    let mut honest = built.clone();
    honest["expected_products"].as_array_mut().expect("rules").remove(1);
    let look = json!({
        "_type": "inspection", "name": "look", "run": ["test", "-f", "demo-{VERSION}"], "expected_products": [],
        "expected_materials": [
            "MATCH *.whl WITH PRODUCTS IN dist FROM build".split(' ').collect::<Vec<_>>(), ["DISALLOW", "*"],
        ],
    });
    let none = json!({});
    let (first, second) = (link("fetch", &none, &source), link("build", &source, &made));
    let two = layout(json!([fetched, honest]), json!([]));
    let inspected = layout(json!([fetched, honest]), json!([look]));
    let strict = layout(json!([fetched, built]), json!([]));
    let all = json!([["ALLOW", "*"]]);
    let above = layout(json!([step("all", json!([]), all)]), json!([]));
    let join = |how: u8, documents: &[Vec<u8>]| [&[how], &documents.join(&SEPARATOR)[..]].concat();
    let text = |it: &Value| it.to_string().into_bytes();
    // By the program itself, in the classic form. Of a layout it makes none.
    let recorded = Recorded {
        step: StepName::parse("all").expect("a name"),
        materials: [].into(),
        products: [(
            format!("dist/{}", tiny::FILENAME),
            Sha256Digest::of(&wheel_of_attestations()),
        )]
        .into(),
        command: vec!["make".to_owned()],
        return_value: 0,
    };
    let (classic, _) = link::sign(&recorded, key, Form::Classic).expect("signed");
    let files = [&two, &first, &second].map(text);
    // Parameters are those of the outermost layout alone.
    let inner = two.to_string().replace("{VERSION}", "1.0").into_bytes();
    vec![
        join(0, &files),
        join(2, &[&inspected, &first, &second].map(text)),
        join(0, &[&strict, &first, &second].map(text)),
        join(0, &[text(&above), inner, files[1].clone(), files[2].clone()]),
        join(1, &[signed_layout(&text(&above)), classic]),
        join(1, &[signed_layout(&files[0]), signed_link(&files[1]), signed_link(&files[2])]),
    ]
}
