//! `entry_points.txt`: only the names of the scripts an installer would write.
//!
//! <https://packaging.python.org/en/latest/specifications/entry-points/#file-format>

use crate::dist::Refusal;
use crate::report::Reason;

/// Refuses a script whose name leads out of the scripts folder, and a file that readers disagree on: the
/// two in use, `configparser` and `importlib.metadata`, are both satisfied by what passes.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refusal::new(Reason::MetadataEntryPoints, "bytes that are not UTF-8"))?;
    let mut scripts = false;
    for line in text.split('\n') {
        let unreadable = || Refusal::new(Reason::MetadataEntryPoints, line);
        let line = line.trim();
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err(unreadable()); // a lone CR ends a line for some readers
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(group) = line.strip_prefix('[') {
            let group = group.strip_suffix(']').ok_or_else(unreadable)?.trim();
            scripts = ["console_scripts", "gui_scripts"]
                .iter()
                .any(|scripts| group.eq_ignore_ascii_case(scripts));
            continue;
        }
        if scripts {
            let (name, _) = line.split_once('=').ok_or_else(unreadable)?;
            let name = name.trim();
            // `:` is a drive letter, and another delimiter for `configparser`
            let escapes = name.contains(['/', '\\', ':', '\0']);
            if escapes || name.trim_end_matches(['.', ' ']).is_empty() {
                return Err(Refusal::new(Reason::MetadataEntryPointEscapes, name));
            }
        }
    }
    Ok(())
}
