//! `entry_points.txt`: only the groups and names, and of scripts what an installer would write.
//!
//! <https://packaging.python.org/en/latest/specifications/entry-points/#file-format>

use std::collections::HashSet;

use super::layout::is_interpreters_own;
use crate::dist::{Refusal, names};
use crate::limits::ENTRY_POINTS;
use crate::report::Reason;

/// Refuses a script whose name leads out of the scripts folder or is an interpreter's there, and a file that
/// the two readers in use, `configparser` and `importlib.metadata`, take for different things: comments,
/// continued lines, groups and names given twice, groups that one of them gives to all. So is a script that is
/// in `folder` as a file already: which of the two is installed depends on who installs.
pub(super) fn check(bytes: &[u8], folder: &HashSet<String>) -> Result<(), Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refusal::new(Reason::MetadataEntryPoints, "bytes that are not UTF-8"))?;
    let (mut groups, mut entries, mut scripts) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut group = None;
    // How far the last entry was indented: what is indented more continues it for `configparser`.
    let mut indent = None;
    for line in text.split('\n') {
        let unreadable = || Refusal::new(Reason::MetadataEntryPoints, line.trim());
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains(|c: char| names::is_control(c) && c != '\t') {
            return Err(unreadable());
        }
        let depth = line.chars().take_while(|c| c.is_whitespace()).count();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A comment for `configparser`, an entry for `importlib.metadata`.
        if line.starts_with(';') || indent.is_some_and(|indent| depth > indent) {
            return Err(unreadable());
        }
        if let Some(header) = line.strip_prefix('[') {
            let name = header.strip_suffix(']').ok_or_else(unreadable)?;
            let odd = name.is_empty() || name != name.trim() || name.contains(['[', ']']);
            // Of this one `configparser` gives the entries to every group.
            if odd || name.eq_ignore_ascii_case("default") || !groups.insert(name) {
                return Err(unreadable());
            }
            group = Some(name);
            indent = None;
            continue;
        }
        let group = group.ok_or_else(unreadable)?;
        let (name, _) = line.split_once('=').ok_or_else(unreadable)?;
        let name = name.trim();
        if name.is_empty() || entries.len() >= ENTRY_POINTS || !entries.insert((group, name)) {
            return Err(unreadable());
        }
        if ["console_scripts", "gui_scripts"].iter().any(|it| group.eq_ignore_ascii_case(it)) {
            check_script(name)?;
            // Both groups' scripts go into one folder, whose file system may ignore case.
            let name = name.to_ascii_lowercase();
            if folder.contains(&name) || !scripts.insert(name) {
                return Err(unreadable());
            }
        }
        indent = Some(depth);
    }
    Ok(())
}

/// The name of a script is that of a file, of letters, digits, `-`, `_` and `.`.
fn check_script(name: &str) -> Result<(), Refusal> {
    // `:` is a drive letter, and another delimiter for `configparser`
    if name.contains(['/', '\\', ':']) || name.trim_end_matches('.').is_empty() {
        return Err(Refusal::new(Reason::MetadataEntryPointEscapes, name));
    }
    // pip would write it over the environment's own
    if is_interpreters_own(name) {
        return Err(Refusal::new(Reason::MetadataEntryPoints, name));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(Refusal::new(Reason::MetadataEntryPoints, name));
    }
    Ok(())
}
