//! In-toto layouts and their links.

use std::convert::Infallible;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde_json::Value;
use wheelmark_core::json as strict_json;
use wheelmark_core::layout::{self, FunctionaryKey, Inspected, Outcome, Parameters, Request};
use wheelmark_core::limits::LayoutLimits;
use wheelmark_core::report::{Decision, Status};
use wheelmark_tests::cases::AT;
use wheelmark_tests::seeds::{self, SEPARATOR};

use super::shown_safely;
use super::signed::FILE;

/// The bounds: as for everybody, but for work that a fuzzer would wait for.
const LIMITS: LayoutLimits = LayoutLimits { comparisons: 1 << 20, ..LayoutLimits::standard() };

/// A layout and its links in the order in which they are asked for, each after a separator; the first byte says how. Even:
/// documents, which the keys that belong there sign. What is accepted was given by a link, by its name and digest, under
/// a layout that has not expired and has no inspection that was not run. Odd: whole files. What is accepted is
/// of a layout that was truly signed, and of no other.
pub fn layout(data: &[u8]) {
    is_accepted(data);
}

/// Whether it is accepted.
pub fn is_accepted(data: &[u8]) -> bool {
    let Some((&how, documents)) = data.split_first() else { return false };
    let mut documents = documents.split(|byte| *byte == SEPARATOR);
    let Some(root) = documents.next() else { return false };
    let links: Vec<_> = documents.collect();
    let run_inspections = how & 2 != 0;
    if how % 2 == 1 {
        let files = links.iter().map(|link| link.to_vec()).collect();
        let accepted = judged(root, files, run_inspections);
        assert!(!accepted || is_signed(root), "nobody signed it");
        return accepted;
    }
    let signed = links.iter().map(|link| seeds::signed_link(link)).collect();
    let accepted = judged(&seeds::signed_layout(root), signed, run_inspections);
    if accepted {
        let root: Value = serde_json::from_slice(root).expect("JSON");
        let expires = root["expires"].as_str().and_then(|it| it.parse::<DateTime<Utc>>().ok());
        assert!(expires.is_some_and(|it| it > now()), "it has expired");
        let inspections = root["inspect"].as_array().map_or(0, Vec::len);
        assert!(inspections == 0 || run_inspections, "nobody asked for inspections");
        assert!(links.iter().any(|link| gives(link)), "nobody gave it");
    }
    accepted
}

fn now() -> DateTime<Utc> {
    AT.parse().expect("a time")
}

/// Whether the file is accepted; the nth link that is asked for is the nth. Every inspection finds the file, and leaves it.
fn judged(root: &[u8], links: Vec<Vec<u8>>, run_inspections: bool) -> bool {
    let keys = [FunctionaryKey::from_pem(&seeds::layout_key()).expect("a key")];
    let mut parameters = Parameters::default();
    parameters.insert("VERSION", "1.0").expect("a parameter");
    let request = Request {
        layout: root,
        keys: &keys,
        parameters: &parameters,
        now: now(),
        run_inspections,
        limits: &LIMITS,
    };
    let mut links = links.into_iter();
    let outcome: Outcome = layout::verify(&request, &mut |path| {
        assert!(path.parts().iter().all(|part| !part.contains(['/', '\0']) && part != ".."));
        Ok::<_, Infallible>(links.next())
    })
    .expect("everything can be read");
    let files = [(FILE.name.clone(), FILE.sha256)];
    let inspected = outcome.inspections_of(&FILE).iter().map(|inspection| {
        assert!(!inspection.command().is_empty());
        Inspected { materials: files.clone().into(), products: files.clone().into(), ended: Ok(()) }
    });
    let inspected: Vec<_> = inspected.collect();
    let report = outcome.report(&FILE, &inspected, "root.layout");
    if let (Some((_, but_one)), Decision::Accepted) = (inspected.split_last(), report.decision()) {
        let report = outcome.report(&FILE, but_one, "root.layout");
        assert_eq!(report.decision(), Decision::Rejected, "one was not run");
    }
    for check in report.checks() {
        if let Status::Failed(refusal) = &check.status {
            shown_safely(refusal);
        }
    }
    report.decision() == Decision::Accepted
}

/// Whether a file holds, in either form, a document that is among those that were truly signed.
fn is_signed(file: &[u8]) -> bool {
    static SIGNED: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let files = seeds::of("layout").into_iter().filter(|seed| seed[0] % 2 == 1);
        let roots = files.map(|seed| seed[1..].split(|it| *it == SEPARATOR).next().map(held));
        roots.map(|root| root.flatten().expect("a document")).collect()
    });
    held(file).is_some_and(|document| SIGNED.contains(&document))
}

/// The document in a file, signed or not.
fn held(file: &[u8]) -> Option<Value> {
    let value = strict_json::parse(file, LIMITS.document).ok()?;
    match value.get("payload").and_then(Value::as_str) {
        Some(payload) => serde_json::from_slice(&seeds::base64(payload)?).ok(),
        None => value.get("signed").cloned(),
    }
}

/// Whether a link says that it gave the file.
fn gives(link: &[u8]) -> bool {
    let Ok(link) = serde_json::from_slice::<Value>(link) else { return false };
    let sha256 = FILE.sha256.to_string();
    let products = link["products"].as_object();
    products.is_some_and(|products| {
        products.iter().any(|(name, digests)| {
            name.rsplit('/').next() == Some(&*FILE.name) && digests["sha256"] == *sha256
        })
    })
}
