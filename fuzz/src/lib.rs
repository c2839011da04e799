//! What is done with bytes from a stranger, one function a target, each with what must hold whatever the
//! bytes are: no panic, no bound broken, and the claim that its comment makes.
//!
//! The fuzz targets call these, and so does `tests/tests/fuzz_seeds.rs`, which takes this file by its path.

pub mod archives;
pub mod attestations;
pub mod documents;
pub mod layouts;
pub mod policies;
pub mod signed;

/// Takes bytes from a stranger, and panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("bundle", attestations::bundle),
    ("attestations", attestations::attestations),
    ("statement", signed::statement),
    ("certificate", signed::certificate),
    ("provenance", attestations::provenance),
    ("trusted_root", attestations::trusted_root),
    ("wheel", archives::wheel),
    ("record", archives::record),
    ("metadata", archives::metadata),
    ("sdist", archives::sdist),
    ("diff", archives::diff),
    ("policy", documents::policy),
    ("json", documents::json),
    ("lock", documents::lock),
    ("page", documents::page),
    ("names", documents::names),
    ("layout", layouts::layout),
    ("policy_includes", policies::policy_includes),
    ("policy_signature", policies::policy_signature),
];

/// What a person would be shown drives no terminal and turns no text around.
pub fn shown_safely(message: &impl std::fmt::Display) {
    let shown = message.to_string();
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.contains(|c: char| c.is_control() || turns(c)), "{shown:?}");
}
