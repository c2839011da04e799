//! What backends generate: the files of `.dist-info`, worked out again from the source and the other members.

use std::collections::BTreeSet;

use super::{Origin, Source, Traced, entry_points, metadata};
use crate::dist::Metadata;

/// Where a file of the wheel's own `.dist-info` comes from; none for other members, and for files that no backend
/// generates.
pub fn origin(
    member: &Traced<'_>,
    members: &[Traced<'_>],
    of_wheel: &Metadata,
    source: &dyn Source,
) -> Option<Origin> {
    let (folder, name) = member.name.split_once('/')?;
    if !folder.ends_with(".dist-info") || name.contains('/') {
        return None;
    }
    let text = std::str::from_utf8(member.content?).ok()?;
    let generated = |from: &str| Some(Origin::Generated { from: from.to_owned() });
    match name {
        // The strict reader held both against the archive and the file name.
        "RECORD" => generated("the members of the archive"),
        "WHEEL" => generated("the file name's tags, and what names the tool that wrote it"),
        "METADATA" => {
            let (path, pkg_info) = pkg_info(source)?;
            let more = metadata::unexplained(of_wheel, text, source, &pkg_info);
            if more.is_empty() {
                return generated(&path);
            }
            let why = format!("it says more than PKG-INFO of the source: {}", more.join("; "));
            Some(Origin::Unexplained { why, nearest: Some(path), lines: Vec::new() })
        }
        "entry_points.txt" => {
            let more = entry_points::undeclared(text, source);
            if more.is_empty() {
                return generated("what the source declares");
            }
            Some(Origin::unexplained(format!("the source does not declare {}", more.join("; "))))
        }
        "top_level.txt" => {
            let named: BTreeSet<&str> = text.split_whitespace().collect();
            let there: BTreeSet<&str> = members.iter().map(|it| top_level(it.name)).collect();
            named.is_subset(&there).then(|| generated("the names of the members"))?
        }
        "zip-safe" | "not-zip-safe" if text.trim().is_empty() => generated("a flag of setuptools"),
        _ => None,
    }
}

/// The package or module at whose top a member lies.
fn top_level(name: &str) -> &str {
    let first = super::plain_name(name).split('/').next().unwrap_or_default();
    first.split('.').next().unwrap_or_default()
}

/// PKG-INFO at the top of the source.
fn pkg_info(source: &dyn Source) -> Option<(String, String)> {
    let bytes = source.read("PKG-INFO")?;
    Some(("PKG-INFO".to_owned(), String::from_utf8(bytes).ok()?))
}
