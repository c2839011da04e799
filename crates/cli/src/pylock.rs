//! A `pylock.toml` with who attested its packages written into it, and all else as it stands there.

use std::collections::BTreeMap;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};
use wheelmark_core::lock::AttestationIdentity;

/// The key of a package.
const KEY: &str = "attestation-identities";

/// The text with these identities of packages, each by its place among the packages, in place of what was there; of
/// nobody none.
///
/// # Errors
/// What the text is not, or would be changed in beside these, in words.
pub fn with_identities(
    text: &str,
    identities: &BTreeMap<usize, Vec<AttestationIdentity>>,
) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    match document.get_mut("packages") {
        Some(Item::ArrayOfTables(packages)) => {
            for (place, package) in packages.iter_mut().enumerate() {
                if let Some(identities) = identities.get(&place) {
                    package.remove(KEY);
                    if !identities.is_empty() {
                        package.insert(KEY, Item::ArrayOfTables(tables(identities)));
                    }
                }
            }
        }
        Some(Item::Value(Value::Array(packages))) => {
            for (place, package) in packages.iter_mut().enumerate() {
                if let (Some(identities), Value::InlineTable(package)) =
                    (identities.get(&place), package)
                {
                    package.remove(KEY);
                    if !identities.is_empty() {
                        package.insert(KEY, Value::Array(inline(identities)));
                    }
                }
            }
        }
        _ => return Err("it has no packages".to_owned()),
    }
    let mut written = document.to_string();
    // The library ends each line as it does itself.
    if text.contains("\r\n") && !written.contains("\r\n") {
        written = written.replace('\n', "\r\n");
    }
    match same_beside(text, &written)? {
        true => Ok(written),
        false => Err("it cannot be written without a change of something else".to_owned()),
    }
}

fn tables(identities: &[AttestationIdentity]) -> ArrayOfTables {
    let table = |identity: &AttestationIdentity| {
        let values = identity.values().iter();
        values.map(|(key, value)| (*key, Item::from(value.as_str()))).collect::<Table>()
    };
    identities.iter().map(table).collect()
}

fn inline(identities: &[AttestationIdentity]) -> Array {
    let table = |identity: &AttestationIdentity| {
        let values = identity.values().iter();
        values.map(|(key, value)| (*key, Value::from(value.as_str()))).collect::<InlineTable>()
    };
    identities.iter().map(table).collect()
}

/// Whether two locks say the same but for who attested their packages.
fn same_beside(one: &str, other: &str) -> Result<bool, String> {
    let read = |text: &str| -> Result<toml::Table, String> {
        let mut read: toml::Table =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let packages = read.get_mut("packages").and_then(toml::Value::as_array_mut);
        for package in packages.into_iter().flatten() {
            package.as_table_mut().map(|package| package.remove(KEY));
        }
        Ok(read)
    };
    Ok(read(one)? == read(other)?)
}
