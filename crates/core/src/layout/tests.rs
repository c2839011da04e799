//! A layout and its links, bent one by one. How the same is judged by in-toto itself is held by the test `in_toto`.

use std::collections::BTreeMap;
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use super::canonical::canonical;
use super::*;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::limits::LayoutLimits;
use crate::report::{CheckName, Reason, Refusal, Report, Status};
use crate::verify::{Artifact, Contents, Facts};

const WHEEL: &str = "demo-1.0-py3-none-any.whl";

struct Key {
    secret: SigningKey,
    pem: String,
    public: FunctionaryKey,
}

/// A key that is the same at every run.
fn key(number: u8) -> Key {
    let secret = SigningKey::from_slice(&[number; 32]).expect("a key");
    let pem = secret.verifying_key().to_public_key_pem(LineEnding::LF).expect("PEM");
    let public = FunctionaryKey::from_pem(&pem).expect("a key");
    Key { secret, pem, public }
}

impl Key {
    fn sign(&self, document: &Value) -> Vec<u8> {
        let signature: Signature = self.secret.sign(&canonical(document).expect("canonical"));
        let signature = hex::encode(signature.to_der().as_bytes());
        json!({
            "signed": document,
            "signatures": [{ "keyid": self.public.id(), "sig": signature }],
        })
        .to_string()
        .into_bytes()
    }

    fn path(&self, step: &str) -> String {
        format!("{step}.{}.link", self.public.prefix())
    }
}

fn digest() -> Sha256Digest {
    Sha256Digest::of(b"the wheel")
}

fn link(step: &str, products: &Value) -> Value {
    json!({
        "_type": "link", "name": step, "command": ["make"], "materials": {}, "products": products,
        "byproducts": { "return-value": 0 }, "environment": {},
    })
}

fn gives() -> Value {
    json!({ format!("dist/{WHEEL}"): { "sha256": digest().to_string() } })
}

fn layout(keys: &[&Key], steps: &Value) -> Value {
    let keys = keys.iter().map(|key| {
        let public = json!({
            "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": { "public": key.pem },
        });
        (key.public.id().to_owned(), public)
    });
    json!({
        "_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "inspect": [], "steps": steps,
        "keys": keys.collect::<BTreeMap<_, _>>(),
    })
}

fn step(name: &str, keys: &[&Key], threshold: usize, products: &Value) -> Value {
    json!({
        "_type": "step", "name": name, "threshold": threshold, "expected_command": [],
        "pubkeys": keys.iter().map(|key| key.public.id()).collect::<Vec<_>>(),
        "expected_materials": [], "expected_products": products,
    })
}

/// The wheel, of which nothing is looked at but its digest.
fn artifact(contents: Result<Contents, Refusal>) -> Artifact {
    Artifact {
        name: WHEEL.to_owned(),
        filename: Ok(DistFilename::parse(WHEEL).expect("a name")),
        contents,
        sha256: digest(),
        facts: Facts::default(),
    }
}

/// The files of links, and what is held against them.
struct Case {
    layout: Vec<u8>,
    keys: Vec<FunctionaryKey>,
    files: BTreeMap<String, Vec<u8>>,
    limits: LayoutLimits,
    run_inspections: bool,
    now: DateTime<Utc>,
    /// What was asked for.
    read: Vec<String>,
}

impl Case {
    fn new(layout: &Value, owner: &Key, files: &[(String, Vec<u8>)]) -> Self {
        Self {
            layout: owner.sign(layout),
            keys: vec![owner.public.clone()],
            files: files.iter().cloned().collect(),
            limits: LayoutLimits::standard(),
            run_inspections: false,
            now: "2029-12-31T23:59:59Z".parse().expect("a time"),
            read: Vec::new(),
        }
    }

    fn outcome(&mut self) -> Outcome {
        let parameters = Parameters::default();
        let request = Request {
            layout: &self.layout,
            keys: &self.keys,
            parameters: &parameters,
            now: self.now,
            run_inspections: self.run_inspections,
            limits: &self.limits,
        };
        let (files, read) = (&self.files, &mut self.read);
        verify(&request, &mut |path| {
            read.push(path.to_string());
            Ok::<_, Infallible>(files.get(&path.to_string()).cloned())
        })
        .expect("everything can be read")
    }

    fn report(&mut self) -> Report {
        let artifact = artifact(Err(Refusal::new(Reason::ArchiveNotZip)));
        self.outcome().report(&artifact, &[], "root.layout")
    }

    /// The check that failed beside that of the archive, of which there is none here.
    fn failed(&mut self) -> Option<(CheckName, Reason)> {
        let report = self.report();
        let mut failed =
            report.checks().iter().filter_map(|check| Some((check.name, check.reason()?)));
        assert_eq!(failed.next(), Some((CheckName::Archive, Reason::ArchiveNotZip)));
        let first = failed.next();
        assert_eq!(failed.next(), None, "what depends on it is not made");
        first
    }
}

#[test]
fn every_check_is_told() {
    let (owner, alice) = (key(1), key(2));
    let root = layout(&[&alice], &json!([step("build", &[&alice], 1, &json!([["ALLOW", "*"]]))]));
    let file = (alice.path("build"), alice.sign(&link("build", &gives())));
    let mut case = Case::new(&root, &owner, &[file]);
    assert_eq!(case.failed(), None);
    assert_eq!(case.read, [alice.path("build")], "and nothing else is read");
    let report = case.report();
    let [.., product, inspections] = report.checks() else { panic!("{:?}", report.checks()) };
    let says = format!("`dist/{WHEEL}` of the step `build`");
    assert_eq!((product.name, &product.status), (CheckName::Product, &Status::Passed(Some(says))));
    assert_eq!(
        (inspections.name, &inspections.status),
        (CheckName::Inspections, &Status::NotRequired)
    );
    assert!(
        report.notes.iter().any(|note| note.contains("may give anything")),
        "{:?}",
        report.notes
    );

    // At the very second, as in-toto has it.
    case.now = "2030-01-01T00:00:00Z".parse().expect("a time");
    assert_eq!(case.failed(), Some((CheckName::LayoutExpiry, Reason::LayoutExpired)));
    let not_run = |check: &crate::report::Check| matches!(check.status, Status::NotRun(_));
    assert_eq!(case.report().checks().iter().filter(|check| not_run(check)).count(), 4);
}

#[test]
fn no_key_at_all_signs_nothing() {
    let (owner, alice) = (key(1), key(2));
    let root = layout(&[&alice], &json!([step("build", &[&alice], 1, &json!([]))]));
    let file = (alice.path("build"), alice.sign(&link("build", &gives())));
    let mut case = Case::new(&root, &owner, &[file]);
    case.keys.clear();
    assert_eq!(case.failed(), Some((CheckName::LayoutSignature, Reason::LayoutNotSigned)));
    case.keys = vec![owner.public.clone(), alice.public.clone()];
    assert_eq!(case.failed(), Some((CheckName::LayoutSignature, Reason::LayoutNotSigned)));
}

#[test]
fn what_cannot_be_read_decides_nothing() {
    let (owner, alice) = (key(1), key(2));
    let root = layout(&[&alice], &json!([step("build", &[&alice], 1, &json!([]))]));
    let case = Case::new(&root, &owner, &[]);
    let request = Request {
        layout: &case.layout,
        keys: &case.keys,
        parameters: &Parameters::default(),
        now: case.now,
        run_inspections: false,
        limits: &case.limits,
    };
    assert_eq!(verify(&request, &mut |_| Err("unreadable")).err(), Some("unreadable"));
}

#[test]
fn every_bound_is_held() {
    let (owner, alice, bob) = (key(1), key(2), key(3));
    let rules = json!([["ALLOW", "*"]]);
    let root = layout(&[&alice, &bob], &json!([step("build", &[&alice, &bob], 2, &rules)]));
    let said = link("build", &gives());
    let files = [&alice, &bob].map(|key| (key.path("build"), key.sign(&said)));
    let mut case = Case::new(&root, &owner, &files);
    assert_eq!(case.failed(), None);
    type Bend = fn(&mut LayoutLimits);
    let bends: [(Bend, CheckName, Reason); 4] = [
        (|it| it.links = 1, CheckName::Links, Reason::LayoutTooLarge),
        (|it| it.bytes = 100, CheckName::Links, Reason::LayoutTooLarge),
        (|it| it.comparisons = 1, CheckName::ArtifactRules, Reason::LayoutTooLarge),
        (|it| it.document = 100, CheckName::LayoutSignature, Reason::LayoutMalformed),
    ];
    for (bend, check, reason) in bends {
        case.limits = LayoutLimits::standard();
        bend(&mut case.limits);
        assert_eq!(case.failed(), Some((check, reason)));
    }

    // A layout that stands for its own step, for ever.
    let turn = layout(&[&alice], &json!([step("x", &[&alice], 1, &rules)]));
    let folder = format!("x.{}", alice.public.prefix());
    let place = |depth| format!("{}{}", format!("{folder}/").repeat(depth), alice.path("x"));
    let files: Vec<_> = (0..100).map(|depth| (place(depth), alice.sign(&turn))).collect();
    let mut case = Case::new(&turn, &owner, &files);
    assert_eq!(case.failed(), Some((CheckName::Links, Reason::LayoutTooLarge)));
    assert_eq!(case.read.len(), LayoutLimits::standard().depth + 1);
}

fn inspection(name: &str, run: &[&str], materials: &Value, products: &Value) -> Value {
    json!({
        "_type": "inspection", "name": name, "run": run,
        "expected_materials": materials, "expected_products": products,
    })
}

#[test]
fn inspections_are_judged_as_they_were_run() {
    let (owner, alice) = (key(1), key(2));
    let wheel = json!([["MATCH", "*.whl", "WITH", "PRODUCTS", "IN", "dist", "FROM", "build"]]);
    let strict =
        [wheel.as_array().expect("rules").clone(), vec![json!(["DISALLOW", "*"])]].concat();
    let look = inspection("look", &["unpack", "{x}"], &json!(strict), &json!([["REQUIRE", "a"]]));
    let count = inspection(
        "count",
        &["count"],
        &json!([]),
        &json!([["MATCH", "*", "WITH", "PRODUCTS", "FROM", "look"], ["DISALLOW", "*"],]),
    );
    let steps = json!([step("build", &[&alice], 1, &json!([["ALLOW", "*"]]))]);
    let with = |inspections: &Value| {
        let mut root = layout(&[&alice], &steps);
        root["inspect"] = inspections.clone();
        let file = (alice.path("build"), alice.sign(&link("build", &gives())));
        Case { run_inspections: true, ..Case::new(&root, &owner, &[file]) }
    };
    let mut case = with(&json!([look, count]));
    let outcome = case.outcome();
    let held = outcome.held.as_ref().expect("everything else holds");
    let commands: Vec<_> = held.inspections.iter().map(Inspection::command).collect();
    assert_eq!(commands, [vec!["unpack", "{x}"], vec!["count"]]);
    // Over a file that is no archive nothing is run.
    let file = artifact(Err(Refusal::new(Reason::ArchiveNotZip)));
    assert!(outcome.inspections_of(&file).is_empty() && outcome.has_inspections());
    let report = outcome.report(&file, &[], "root.layout");
    let last = report.checks().last().expect("checks");
    assert_eq!(last.status, Status::NotRun(CheckName::Archive));

    let run = |materials: &[&str], products: &[&str], ended: Result<(), &str>| {
        let named = |names: &[&str]| names.iter().map(|it| ((*it).to_owned(), digest())).collect();
        Inspected {
            materials: named(materials),
            products: named(products),
            ended: ended.map_err(str::to_owned),
        }
    };
    let first = || run(&[WHEEL], &[WHEEL, "a"], Ok(()));
    let second = || run(&[WHEEL, "a"], &[WHEEL, "a"], Ok(()));
    let judged =
        |inspected: &[Inspected]| held.inspect(&file, inspected).map_err(|refusal| refusal.reason);
    assert_eq!(judged(&[first(), second()]).as_deref(), Ok("`look`, `count`"));
    let failed = Err(Reason::InspectionFailed);
    for inspected in [
        &[][..],
        &[first()],
        &[first(), run(&[WHEEL, "a"], &[WHEEL, "a"], Err("it ended with status 1"))],
        &[run(&[WHEEL], &[WHEEL, "a"], Err("it ended with status 1")), second()],
        // Run over something else, or beside something else.
        &[run(&["b"], &[WHEEL, "a"], Ok(())), second()],
        &[run(&[WHEEL, "b"], &[WHEEL, "a"], Ok(())), second()],
        &[run(&[], &[WHEEL, "a"], Ok(())), second()],
    ] {
        assert_eq!(judged(inspected), failed, "{inspected:?}");
    }
    for (inspected, reason) in [
        ([run(&[WHEEL], &[WHEEL], Ok(())), second()], Reason::ArtifactMissing),
        ([first(), run(&[WHEEL, "a"], &[WHEEL, "b"], Ok(()))], Reason::ArtifactDisallowed),
        ([first(), run(&[WHEEL, "a"], &["../b"], Ok(()))], Reason::LinkArtifactName),
    ] {
        assert_eq!(judged(&inspected), Err(reason));
    }

    // Off unless they are run, in a layout in place of a link too, and well-formed.
    case.run_inspections = false;
    assert_eq!(case.failed(), Some((CheckName::Layout, Reason::LayoutInspections)));
    let named = |name: &str| inspection(name, &["true"], &json!([]), &json!([]));
    for malformed in [
        json!([named("build")]),
        json!([named("look"), named("look")]),
        json!([named("a/b")]),
        json!([inspection("look", &[], &json!([]), &json!([]))]),
        json!([inspection("look", &["true"], &json!([["PERMIT", "*"]]), &json!([]))]),
        json!([{ "_type": "step", "name": "look", "run": ["true"] }]),
        json!([{ "_type": "inspection", "name": "look" }]),
        json!([{ "_type": "inspection", "name": "look", "run": "true" }]),
        json!([{ "_type": "inspection", "name": "look", "run": ["true"], "shell": true }]),
    ] {
        let failed = with(&malformed).failed();
        assert_eq!(failed, Some((CheckName::Layout, Reason::LayoutMalformed)), "{malformed}");
    }
    let mut inner = layout(&[&alice], &steps);
    inner["inspect"] = json!([named("look")]);
    let file = (alice.path("build"), alice.sign(&inner));
    let mut below = Case::new(&layout(&[&alice], &steps), &owner, &[file]);
    below.run_inspections = true;
    assert_eq!(below.failed(), Some((CheckName::Links, Reason::LayoutInspections)));
}

#[test]
fn what_is_recorded_is_read_back() {
    let alice = key(2);
    let recorded = Recorded {
        step: StepName::parse("build").expect("a name"),
        materials: BTreeMap::from([("a/ß.py".to_owned(), digest())]),
        products: BTreeMap::new(),
        command: vec!["printf".to_owned(), "\"\\n\t\"".to_owned()],
        return_value: -9,
    };
    for form in [Form::Classic, Form::Dsse] {
        let link = recorded.to_sign(form).expect("canonical");
        let signature: Signature = alice.secret.sign(&link.message());
        let file = link.signed(alice.public.id(), signature.to_der().as_bytes());
        let held = |step: &str, key: &Key, file: &[u8]| {
            let step = StepName::parse(step).expect("a name");
            is_signed_link(file, &step, &key.public, &LayoutLimits::standard())
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(held("build", &alice, &file), Ok(()));
        assert_eq!(held("test", &alice, &file), Err(Reason::LinkStepMismatch));
        assert_eq!(held("build", &key(3), &file), Err(Reason::SignatureInvalid));
        let text = String::from_utf8(file).expect("text");
        let bent = match form {
            Form::Classic => text.replace("-9", "-8"),
            Form::Dsse => {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                let payload = value["payload"].as_str().expect("a payload");
                let inner = STANDARD.decode(payload).expect("base64");
                let inner = String::from_utf8(inner).expect("text").replace("-9", "-8");
                text.replace(payload, &STANDARD.encode(inner))
            }
        };
        assert_ne!(bent, text);
        assert_eq!(held("build", &alice, bent.as_bytes()), Err(Reason::SignatureInvalid));
    }
}
