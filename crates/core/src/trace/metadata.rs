//! METADATA, held against the source's PKG-INFO.
//!
//! A backend writes METADATA from what PKG-INFO was written from, and some releases write the same otherwise. So fields
//! are compared as what they mean: blanks folded, requirements parsed, unknown values left out.

use std::collections::BTreeSet;

use pep508_rs::VersionOrUrl;
use url::Url;

use super::Source;
use crate::dist::Metadata;
use crate::requirement;

/// Fields that say how the metadata was written, not what of the project.
const OF_THE_WRITER: &[&str] = &["metadata-version", "dynamic", "license-file"];

/// What METADATA says that PKG-INFO does not, a field each.
pub fn unexplained(
    metadata: &Metadata,
    text: &str,
    source: &dyn Source,
    pkg_info: &str,
) -> Vec<String> {
    let own = source.metadata();
    let requires = requirements_of_egg_info(source);
    let known: BTreeSet<(String, String)> =
        own.fields().iter().map(field).chain(requires).collect();
    let mut more: Vec<String> = metadata
        .fields()
        .iter()
        .map(field)
        .filter(|(name, value)| !is_of_the_writer(name, value))
        .filter(|pair| !known.contains(pair))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if words(&description(text)) != words(&description(pkg_info)) {
        more.push("description".to_owned());
    }
    more
}

fn is_of_the_writer(name: &str, value: &str) -> bool {
    OF_THE_WRITER.contains(&name) || value == "UNKNOWN" || name == "description"
}

/// A field in one spelling.
fn field((name, value): &(String, String)) -> (String, String) {
    let name = name.to_ascii_lowercase();
    let value = match &*name {
        "requires-dist" => canonical(value),
        "name" | "provides-extra" => value.to_ascii_lowercase().replace(['_', '.'], "-"),
        _ => words(value),
    };
    (name, value)
}

fn words(text: &str) -> String {
    // Older releases put a bar before the lines of a folded description.
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches('|'));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// A requirement with its specifiers in order; as it stands, where it does not parse.
fn canonical(text: &str) -> String {
    let Ok(mut parsed) = requirement::parse::<Url>(text) else {
        return words(text);
    };
    let mut specifiers = match parsed.version_or_url.take() {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
            specifiers.iter().map(ToString::to_string).collect()
        }
        Some(VersionOrUrl::Url(url)) => vec![format!("@ {url}")],
        None => Vec::new(),
    };
    specifiers.sort();
    let mut extras: Vec<_> = parsed.extras.iter().map(ToString::to_string).collect();
    extras.sort();
    let marker = parsed.marker.try_to_string().unwrap_or_default();
    format!("{}[{}] {} ; {marker}", parsed.name, extras.join(","), specifiers.join(","))
}

/// The description: the body, or in older metadata a field.
fn description(text: &str) -> String {
    let text = text.replace('\r', "");
    let (header, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    if !body.trim().is_empty() && body.trim() != "UNKNOWN" {
        return body.to_owned();
    }
    let mut lines = header.lines().skip_while(|line| !line.starts_with("Description:"));
    let Some(first) = lines.next() else { return String::new() };
    let first = first.trim_start_matches("Description:").to_owned();
    let rest = lines.take_while(|line| line.starts_with(' ') || line.is_empty());
    let all: Vec<&str> = std::iter::once(&*first).chain(rest).collect();
    let description = all.join("\n");
    if description.trim() == "UNKNOWN" { String::new() } else { description }
}

/// Requirements and extras of `requires.txt`, which older PKG-INFO does not have.
fn requirements_of_egg_info(source: &dyn Source) -> Vec<(String, String)> {
    let is_requires = |path: &&String| path.ends_with(".egg-info/requires.txt");
    let Some(path) = source.files().keys().find(is_requires) else { return Vec::new() };
    let text = source.read(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let mut found = Vec::new();
    let (mut extra, mut marker) = (String::new(), String::new());
    for line in text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let (name, condition) = section.split_once(':').unwrap_or((section, ""));
            (extra, marker) = (name.to_owned(), condition.to_owned());
            if !extra.is_empty() {
                found.push(field(&("Provides-Extra".to_owned(), extra.clone())));
            }
            continue;
        }
        let of_extra = (!extra.is_empty()).then(|| format!("extra == '{extra}'"));
        let own = line.split_once(';').map(|(_, own)| own.trim().to_owned());
        let plain = line.split(';').next().unwrap_or(line).trim();
        let given = (!marker.is_empty()).then(|| marker.clone());
        let conditions: Vec<String> =
            own.into_iter().chain(given).map(|it| format!("({it})")).chain(of_extra).collect();
        let text = match conditions.is_empty() {
            true => plain.to_owned(),
            false => format!("{plain} ; {}", conditions.join(" and ")),
        };
        found.push(field(&("Requires-Dist".to_owned(), text)));
    }
    found
}
