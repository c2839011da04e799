//! `docs/known-failures.md` is `docs/threats.md` by advisory.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Whether a word names a public advisory.
fn is_advisory(word: &str) -> bool {
    ["CVE-", "GHSA-", "GO-", "TOB-", "RUSTSEC-"].iter().any(|start| word.starts_with(start))
}

/// The page, as it must be.
fn page() -> String {
    let table = fs::read_to_string(docs().join("threats.md")).expect("the table of threats");
    let mut advisories: BTreeMap<&str, Vec<(&str, &str, &str)>> = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [number, attack, seen, shown] = cells[..] else { continue };
        if number.parse::<usize>().is_err() {
            continue;
        }
        for advisory in seen.split([',', ' ']).filter(|word| is_advisory(word)) {
            advisories.entry(advisory).or_default().push((number, attack, shown));
        }
    }
    let mut page = String::from(
        "# Known failures of verifiers, by advisory\n\
         \n\
         What each public advisory was about, and what shows that it is refused here: a folder of\n\
         `fixtures/cases`, a case of `hostile_wheels`, or a test. \"Not yet\" says what it waits for.\n\
         \n\
         This page is generated from [threats.md](threats.md), which has the failures without an advisory as\n\
         well, by `WHEELMARK_BLESS=1 cargo test -p wheelmark-tests --test known_failures`.\n\
         \n\
         | advisory | what failed | shown by | row |\n\
         | --- | --- | --- | --- |\n",
    );
    for (advisory, rows) in &advisories {
        for (number, attack, shown) in rows {
            page += &format!("| {advisory} | {attack} | {shown} | {number} |\n");
        }
    }
    assert!(advisories.len() >= 40, "{} advisories", advisories.len());
    page
}

#[test]
fn the_page_is_the_table_of_threats_by_advisory() {
    let path = docs().join("known-failures.md");
    let page = page();
    if std::env::var_os("WHEELMARK_BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/known-failures.md is not what would be generated\n\
         hint: WHEELMARK_BLESS=1 cargo test -p wheelmark-tests --test known_failures"
    );
}
