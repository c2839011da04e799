//! Every reason and every check is documented, and every reason is given by some test.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use wheelmark_core::report::{CheckName, Reason};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `docs/reasons.md`, as it must be.
fn page_of_reasons() -> String {
    let rows = Reason::ALL.iter().map(|reason| (reason.code(), reason.explanation()));
    page(
        "# Reasons for a refusal\n\
         \n\
         Every refusal names one of these codes: in the report of `wheelmark verify`, under `reason`, and in\n\
         messages. A code is never used again for another meaning.\n",
        "reason.rs",
        "| reason | what it means |",
        rows,
    )
}

/// `docs/checks.md`, as it must be.
fn page_of_checks() -> String {
    let rows = CheckName::ALL.iter().map(|check| (check.code(), check.explanation()));
    page(
        "# The checks of a verification\n\
         \n\
         `wheelmark verify` tells one line for each check, in this order, and JSON has it under `checks`. Every\n\
         check must hold or not be asked for; a file is accepted under no other condition.\n\
         \n\
         | sign | `status` | meaning |\n\
         | --- | --- | --- |\n\
         | `✓` | `passed` | it holds; after a colon the authenticated value, where there is one |\n\
         | `✗` | `failed` | it does not hold, with one of the [reasons](reasons.md) |\n\
         | `–` not asked for | `not-required` | the rule does not ask for it, or there is nothing that it could be \
         about |\n\
         | `–` not run | `not-run` | it could not be made, because the one that is named did not hold; several in a \
         row are one line for people |\n",
        "check.rs",
        "| check | what must hold |",
        rows,
    )
}

/// A page about every value of an enum: what comes first, where the enum is, and a table of its values.
fn page<'a>(
    about: &str,
    from: &str,
    head: &str,
    rows: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut page = format!(
        "{about}\n\
         This page is generated from `crates/core/src/report/{from}` by\n\
         `WHEELMARK_BLESS=1 cargo test -p wheelmark-tests --test reasons`.\n\
         \n\
         {head}\n\
         | --- | --- |\n"
    );
    for (code, explanation) in rows {
        let explanation = explanation.replace('|', "\\|");
        page += &format!("| `{code}` | {explanation} |\n");
    }
    page
}

#[test]
fn the_pages_are_what_would_be_generated() {
    for (name, page) in [("reasons.md", page_of_reasons()), ("checks.md", page_of_checks())] {
        let path = root().join("docs").join(name);
        if std::env::var_os("WHEELMARK_BLESS").is_some() {
            fs::write(&path, &page).expect("the page can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == page,
            "docs/{name} is not what would be generated\n\
             hint: WHEELMARK_BLESS=1 cargo test -p wheelmark-tests --test reasons"
        );
    }
}

#[test]
fn every_reason_is_given_by_some_test() {
    let mut code = String::new();
    collect(&root().join("tests"), &mut code);
    collect(&root().join("crates"), &mut code);
    let missing: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| !code.contains(&format!("\"{reason}\"")))
        .filter(|reason| !has_word(&code, &format!("{reason:?}")))
        .map(|reason| reason.code())
        .collect();
    assert!(missing.is_empty(), "no test gives {missing:?}");
}

/// All test code below a folder: whole files in folders and files of tests, elsewhere what follows
/// `#[cfg(test)]`, which is last in a file. This file is not among it.
fn collect(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with(file!())
        {
            let text = fs::read_to_string(&path).expect("a source file");
            let below = path.strip_prefix(root()).expect("below the root");
            let of_tests = below.components().any(|part| part.as_os_str() == "tests")
                || path.ends_with("tests.rs");
            let start = match of_tests {
                true => Some(0),
                false => text.find("#[cfg(test)]"),
            };
            code.push_str(&text[start.unwrap_or(text.len())..]);
        }
    }
}

/// Whether the code names the variant, not only a longer word.
fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part))
}
