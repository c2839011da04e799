//! What may have been meant where something is not known.

use crate::report::Escaped;

/// A longer word is no slip of the pen, and is not compared.
const WORD: usize = 64;

/// Names that are listed where none is near.
const LISTED: usize = 12;

/// What to write in place of a word that is none of those that are known; `otherwise` where none is like it.
pub(super) fn or<'a>(word: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{}`?", Escaped(near)),
        None => otherwise.to_owned(),
    }
}

/// The same, with a list of what is known.
pub(super) fn instead<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{}`?", Escaped(near));
    }
    let all = known.clone().count();
    let listed: Vec<_> = known.take(LISTED).map(|it| format!("`{}`", Escaped(it))).collect();
    match all {
        0 => "there is none that could be named".to_owned(),
        all if all > LISTED => format!("there are {} and {} more", listed.join(", "), all - LISTED),
        _ => format!("there are {}", listed.join(", ")),
    }
}

/// Names that a slip is held against.
const COMPARED: usize = 1_000;

/// The one that is spelled most like it, where one is.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let fits = |text: &str| !text.is_empty() && text.len() <= WORD;
    if !fits(word) {
        return None;
    }
    let distance = |it: &str| strsim::osa_distance(&word.to_lowercase(), &it.to_lowercase());
    let near = known.take(COMPARED).filter(|it| fits(it)).map(|it| (distance(it), it)).min();
    // A third of it may be another: in a shorter word that is one letter.
    near.filter(|(distance, _)| *distance <= (word.chars().count() / 3).max(1)).map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::instead;

    #[test]
    fn a_slip_is_told_from_another_word() {
        let known = || ["identities", "keys", "ref"].into_iter();
        for (word, near) in
            [("identites", "identities"), ("Key", "keys"), ("rfe", "ref"), ("keys", "keys")]
        {
            assert_eq!(instead(word, known()), format!("did you mean `{near}`?"));
        }
        assert_eq!(instead("signers", known()), "there are `identities`, `keys`, `ref`");
        assert_eq!(instead(&"x".repeat(1 << 20), known()), "there are `identities`, `keys`, `ref`");
        assert_eq!(instead("x", [].into_iter()), "there is none that could be named");
        let many: Vec<_> = (10..40).map(|it| format!("name-of-{it}")).collect();
        assert!(instead("x", many.iter().map(String::as_str)).ends_with(" and 18 more"));
    }
}
