//! What fuzzing starts from: small honest documents of every kind, made and not kept.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wheelmark_core::attestation::statement::PAYLOAD_TYPE;

use crate::hostile::{End, End64, Plan};
use crate::hostile_sdist::{Entry, Sdist};
use crate::sigstore::Sigstore;
use crate::{fixture_projects, statement, tiny};

pub use layouts::{SEPARATOR, base64, layout_key, signed_layout, signed_link};
pub use policies::POLICY_NAME;
pub use signed::{
    Certified, bundle_of_wheel, policy_of_statements, signed_by_certificate, signed_by_key,
    wheel_of_attestations,
};

mod layouts;
mod policies;
mod signed;

/// The seeds of a fuzz target, by its name in `fuzz/`.
///
/// # Panics
/// For a name that no target has.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "bundle" => bundles(),
        "attestations" => signed::attestations(),
        "statement" => signed::statements(),
        "certificate" => signed::certificates(),
        "provenance" => vec![definition().to_string().into_bytes()],
        "trusted_root" => trusted_roots(),
        "wheel" => wheels(),
        "record" => records(),
        "metadata" => metadata(),
        "sdist" => sdists(),
        "policy" => policies(),
        "json" => jsons(),
        "diff" => pairs(),
        "lock" => locks(),
        "page" => vec![page().to_string().into_bytes()],
        "names" => names(),
        "layout" => layouts::layouts(),
        "policy_includes" => policies::includes(),
        "policy_signature" => policies::signatures(),
        other => panic!("no fuzz target `{other}`"),
    }
}

fn definition() -> Value {
    statement::statement(tiny::FILENAME, b"")["predicate"]["buildDefinition"].take()
}

fn bundles() -> Vec<Vec<u8>> {
    let payload = statement::statement(tiny::FILENAME, &tiny::wheel()).to_string();
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            // The hint of the key that the target trusts.
            "publicKey": {"hint": "E41rp9Dwiw0iQ7oytiitkTTy24POr5/sgCO/LytpfHA="},
            "tlogEntries": [],
            "timestampVerificationData": {},
        },
        "dsseEnvelope": {
            "payloadType": PAYLOAD_TYPE,
            "payload": STANDARD.encode(payload),
            "signatures": [{"sig": STANDARD.encode([0x30; 70])}],
        },
    });
    let message = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "verificationMaterial": {"certificate": {"rawBytes": "MAA="}, "tlogEntries": []},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": "AA=="},
            "signature": "AA==",
        },
    });
    [bundle, message].map(|value| value.to_string().into_bytes()).to_vec()
}

fn wheels() -> Vec<Vec<u8>> {
    let mut zip64 = Plan::new().archive();
    zip64.end = End::saturated();
    zip64.end64 = Some(End64::default());
    let scripts = "[console_scripts]\ndemo = demo:main\n";
    let with_scripts = tiny::wheel_with("demo-1.0.dist-info/entry_points.txt", scripts.as_bytes());
    vec![tiny::wheel(), zip64.bytes(), with_scripts]
}

fn trusted_roots() -> Vec<Vec<u8>> {
    let whole = Sigstore::default().trusted_root();
    let mut without_logs = whole.clone();
    without_logs["ctlogs"] = json!([]);
    without_logs["tlogs"] = json!([]);
    [whole, without_logs].map(|root| root.to_string().into_bytes()).to_vec()
}

fn records() -> Vec<Vec<u8>> {
    let honest = Plan::new().honest_record();
    let quoted = honest.replace("demo/empty.py", "\"demo/empty.py\"").replace('\n', "\r\n");
    [honest, quoted].map(String::into_bytes).to_vec()
}

/// The first byte chooses the file.
fn metadata() -> Vec<Vec<u8>> {
    let metadata = "\x00Metadata-Version: 2.4\nName: Demo\nVersion: 1.0.0\nSummary: A\n\tfolded line\n\
        Requires-Dist: a[b] >= 1 ; extra == 'c'\nRequires-Python: >=3.9\n\nA description.\n";
    let wheel = "\x01Wheel-Version: 1.0\r\nGenerator: by hand (1)\r\nRoot-Is-Purelib: true\r\n\
        Tag: py3-none-any\r\n";
    let scripts = "\x02# scripts\n[console_scripts]\na = b.c:d [e]\n\n[gui_scripts]\nf=g:h\n";
    [metadata, wheel, scripts].map(|text| text.as_bytes().to_vec()).to_vec()
}

fn page() -> Value {
    let digest = "ab".repeat(32);
    json!({
        "meta": {"api-version": "1.4"},
        "name": "demo",
        "versions": ["1.0"],
        "files": [
            {
                "filename": tiny::FILENAME,
                "url": format!("https://files.example/{}#sha256={digest}", tiny::FILENAME),
                "hashes": {"sha256": digest},
                "requires-python": ">=3.9",
                "size": 1234,
                "upload-time": "2025-12-01T12:00:00.5Z",
                "core-metadata": {"sha256": digest},
                "dist-info-metadata": {"md5": "00", "sha256": digest},
                "yanked": "broken",
                "provenance": format!("https://index.example/integrity/{}/provenance", tiny::FILENAME),
            },
            {"filename": "demo-1.0.tar.gz", "url": "../../d/demo-1.0.tar.gz", "hashes": {"sha256": digest},
             "upload-time": "2025-12-31T12:00:00+01:00", "core-metadata": true,
             "yanked": false, "provenance": "https://elsewhere.example/p"},
            {"filename": "demo-1.0-py2.7.egg", "url": "x", "hashes": {}},
        ],
    })
}

fn names() -> Vec<Vec<u8>> {
    [
        "demo-1!2.0rc1.post2+local.1-3a-cp311.cp312-abi3-manylinux_2_17_x86_64.any.whl",
        "Some.Old-Name-1.0.tar.gz",
        "git+https://Example.org:443/owner/demo.git/",
        "file:///srv/a%20b",
        "demo[a,b] (>=1.0,!=1.5) ; python_version < '3.9' and (os_name == 'nt' or extra == 'a')",
        "demo @ https://example.org/demo.zip ; os_name != 'nt'",
        "demo ; os_name == 'nt'\u{feff}",
        "https://example.org/owner/demo.git.git",
        "refs/tags/v{version}",
        "refs/heads/*/x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn sdists() -> Vec<Vec<u8>> {
    let long = format!("demo-1.0/{}", "long".repeat(40));
    let mut posix = Sdist::new();
    posix.entries.extend([
        Entry::new(b'5', "demo-1.0/tests/", b""),
        Entry::symlink("demo-1.0/tests/link", "../PKG-INFO"),
        Entry::pax(&[("path", &long), ("mtime", "1714979289.5")]),
        Entry::file(&long[..100], "x"),
    ]);
    let mut gnu = Sdist::new();
    gnu.entries.extend([Entry::long_name(&long), Entry::file(&long[..100], "x")]);
    vec![Sdist::new().bytes(), Sdist::new().tar(), posix.tar(), gnu.tar()]
}

fn policies() -> Vec<Vec<u8>> {
    let policy = "schema = 1\n\n[keys.release]\npem = \"\"\"\n-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiVF6vpF5WltGTokgfRSSA2Os/Kg3\n\
        nY/DJyVcEEthSQOkPW97SImJ1pBGQ7O9Ga2Hsv11fBBXVJKJGe0487QLtQ==\n\
        -----END PUBLIC KEY-----\n\"\"\"\n\n[[rules]]\nprojects = [\"demo\", \"other\"]\n\
        keys = [\"release\"]\nsource = \"https://example.org/owner/demo\"\n\
        ref = \"refs/tags/v{version}\"\n\
        builders = [\"https://wheelmark.dev/builders/local/v1\"]\nrebuild = \"never\"\n";
    let decided = format!(
        "{policy}threshold = 1\nmax-age-days = 30\nversions = \">=1,<3\"\nkinds = [\"wheel\"]\n\
         tags = [\"py3-none-*\"]\nparameters = [\"variables.*\", \"a=b\"]\n\n[identities.one]\ntrust = \"public-good\"\n\
         issuer = \"https://token.actions.githubusercontent.com\"\nrepository = \"https://github.com/o/r\"\n\
         workflow = \".github/workflows/w.yml\"\nowner-id = \"1\"\ntriggers = [\"push\"]\n\n\
         [[exceptions]]\nsha256 = [\"{0}\"]\nnames = [\"demo-1.0-py3-none-any.whl\"]\nreason = \"r\"\nowner = \"o\"\nexpires = 2027-01-01T00:00:00Z\n\n\
         [[revocations]]\nprojects = [\"demo-*\"]\nversions = \"!=1.0\"\nreason = \"r\"\n\n\
         [[revocations]]\nidentities = [\"one\"]\nreason = \"r\"\n",
        "a".repeat(64)
    );
    vec![policy.into(), decided.into_bytes()]
}

fn jsons() -> Vec<Vec<u8>> {
    let small = r#"{"a":[1,-2,3.5e-7,true,null,"\u00e9\n",{"b":{}}],"a ":18446744073709551615}"#;
    vec![small.into(), definition().to_string().into_bytes()]
}

/// The first byte chooses the kind.
fn locks() -> Vec<Vec<u8>> {
    let digest = "ab".repeat(32);
    let url = "https://x.example/demo-1.0-py3-none-any.whl";
    let requirements = format!(
        "\x00--index-url https://x.example\ndemo[a]==1.0 ; os_name == 'nt' \\\n    \
         --hash=sha256:{digest}\n    # via b\n-e .\nb @ git+https://x.example/b\n"
    );
    let named = "name = \"demo\"\nversion = \"1.0\"\n";
    let pylock = format!(
        "\x01lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\n{named}wheels = [{{ url = \"{url}\", \
         hashes = {{ sha256 = \"{digest}\" }} }}]\n[[packages.attestation-identities]]\nkind = \"GitHub\"\n\
         repository = \"o/r\"\nworkflow = \"w.yml\"\n"
    );
    let uv = format!(
        "\x02version = 1\n[[package]]\n{named}source = {{ registry = \"https://x.example\" }}\n\
         wheels = [{{ url = \"{url}\", hash = \"sha256:{digest}\" }}]\n"
    );
    let poetry = format!(
        "\x03[[package]]\n{named}files = [{{file = \"demo-1.0-py3-none-any.whl\", \
         hash = \"sha256:{digest}\"}}]\n[metadata]\nlock-version = \"2.1\"\n"
    );
    let beyond_ascii = format!("\x00demo==1.0 ; os_name == 'nt'\u{200b} --hash=sha256:{digest}\n");
    let other_hash = format!("\x00demo==1.0 --hash=sha256:{digest} --hash=sha512:{digest}\n");
    let identities = format!(
        "\x04schema = 1\n[[projects]]\n{named}[[projects.signers]]\ntrust = \"public-good\"\n\
         issuer = \"https://x.example\"\nrepository = \"https://x.example/o/r\"\nowner-id = \"1\"\n"
    );
    [requirements, pylock, uv, poetry, beyond_ascii, other_hash, identities]
        .map(String::into_bytes)
        .to_vec()
}

/// The first byte chooses the file that differs, the next two are the length of its first content.
fn pairs() -> Vec<Vec<u8>> {
    let source = fixture_projects().join("pure-flit/src/pure_flit/__init__.py");
    let python = fs::read_to_string(source).unwrap_or_else(|_| "ANSWER = 42\n".repeat(20));
    let elf = b"\x7fELF\x02\x01\x01".repeat(20);
    let pair = |file: u8, a: &[u8], b: &[u8]| {
        let length = (a.len() as u16).to_le_bytes();
        [&[file, length[0], length[1]], a, b].concat()
    };
    let changed = python.replace('e', "3");
    let (scripts, others) = ("[console_scripts]\na = b:c\n", "[gui_scripts]\na = b:d\n");
    vec![
        pair(0, python.as_bytes(), changed.as_bytes()),
        pair(0, b"a\0b", b"a\0c"),
        pair(1, &elf, &elf[1..]),
        pair(2, scripts.as_bytes(), others.as_bytes()),
        pair(3, b"More text.\n", b"Other text.\n"),
        pair(4, b"Note: x\n", b"Note: y\n"),
        pair(5, b"demo/a", b"demo/b"),
    ]
}
