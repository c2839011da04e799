//! Symbolic links: the specification allows those that stay inside.
//!
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-archive-features>

use super::extended;
use super::tar::disagree;
use crate::dist::{Refusal, names};
use crate::report::Reason;

/// The target of the link `name`: relative, and not leading out of the top directory.
///
/// `..` may stand at its beginning only. There it is taken from the link's own directory, which is a real
/// one because nothing may lie in a link; anywhere later it would be taken from wherever another link
/// leads.
pub(super) fn target(
    name: &str,
    header: &[u8],
    extended: Option<String>,
) -> Result<String, Refusal> {
    let target = match extended {
        None => names::decode(header)?.to_owned(),
        Some(target) if extended::begins(header, &target) => target,
        Some(target) => return Err(disagree(header, &target)),
    };
    let refuse = || Refusal::new(Reason::SdistLink, &target).at(name);
    let mut path = &target[..];
    // Directories between the link and the top directory.
    let mut above = name.matches('/').count().saturating_sub(1);
    while let Some(rest) = path.strip_prefix("../") {
        above = above.checked_sub(1).ok_or_else(refuse)?;
        path = rest;
    }
    names::check_one(path).map_err(|_| refuse())?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_inside() {
        let stays = |name: &str, to: &str| target(name, to.as_bytes(), None).is_ok();
        for to in ["b", "b/c", "../x", "../d/x"] {
            assert!(stays("top/a/link", to), "{to}");
        }
        for to in [
            "",
            "/etc/passwd",
            "..",
            "../..",
            "../../x",
            "b/../c",
            "../a/../../x",
            ".",
            "./b",
            "b//c",
            "c:/x",
            "a\\b",
        ] {
            assert!(!stays("top/a/link", to), "{to}");
        }
        assert!(!stays("top/link", "../x"));
    }
}
