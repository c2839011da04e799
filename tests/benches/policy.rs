//! What a policy costs as it grows: reading it, and finding the rule of one file.
//!
//! `cargo bench -p wheelmark-tests --bench policy`.

#![allow(clippy::expect_used)] // as in tests

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use wheelmark_core::filename::DistFilename;
use wheelmark_core::policy::{Policy, evaluate};
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
    group.finish();
    criterion.final_summary();
}
