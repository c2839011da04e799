//! What a policy costs as it grows: reading it, finding the rule of one file, and holding a condition.
//!
//! `cargo bench -p wheelmark-tests --bench policy`.

#![allow(clippy::expect_used)] // as in tests

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use serde_json::json;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::policy::{Document, Expression, FileFacts, Policy, PredicateFacts, evaluate};
use wheelmark_core::trust::Embedded;

/// A policy of so many rules by one identity, each of a project, and of every hundredth a pattern as well.
fn text(rules: usize) -> String {
    let mut text =
        "schema = 1\n[identities.one]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\n\
                    san = \"somebody@example.org\"\n"
            .to_owned();
    for number in 0..rules {
        let pattern =
            if number % 100 == 0 { format!(", \"acme-{number}-*\"") } else { String::new() };
        writeln!(
            text,
            "[[rules]]\nprojects = [\"demo-{number}\"{pattern}]\nversions = \">=1\"\nidentities = [\"one\"]\n\
             rebuild = \"never\""
        )
        .expect("a string takes it");
    }
    text
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("policy");
    for rules in [200, 100_000] {
        let text = text(rules);
        let read = || Policy::parse("policy.toml", &text, &Embedded).expect("a policy");
        group.sample_size(10);
        group.bench_function(BenchmarkId::new("read", rules), |bench| bench.iter(read));
        let policy = read();
        for (what, name) in [
            ("rule of the last project", format!("demo_{}-1.0-py3-none-any.whl", rules - 1)),
            ("rule of a pattern", format!("acme_{}_x-1.0-py3-none-any.whl", rules - 100)),
        ] {
            let file = DistFilename::parse(&name).expect("a file name");
            let found =
                || evaluate::rule_for(&policy, black_box(&file), None).expect("a rule").line;
            group.bench_function(BenchmarkId::new(what, rules), |bench| bench.iter(found));
        }
    }
    let condition = "size(predicate.components) > 0 && predicate.components.all(c, c.licenses.exists(l, l in ['MIT', 'ISC']))";
    let read = || condition.parse::<Expression>().expect("a condition");
    group.bench_function("read a condition", |bench| bench.iter(read));
    let condition = read();
    for count in [10, 10_000] {
        let component = json!({ "name": "demo", "licenses": ["MIT"] });
        let predicate = json!({ "components": vec![component; count] });
        let file = DistFilename::parse("demo-1.0-py3-none-any.whl").expect("a name");
        let file = FileFacts::of(&file, Sha256Digest::of(b""));
        let document = Document::of(&predicate);
        let facts = PredicateFacts { predicate: &document, file, now: 0, signed: 0 };
        let judge = || condition.judge(black_box(&facts)).expect("it holds");
        group.bench_function(
            BenchmarkId::new("hold a condition against components", count),
            |bench| {
                bench.iter(judge);
            },
        );
    }
    group.finish();
    criterion.final_summary();
}
