//! Which of the things that a confirmation varies gives other bytes by itself.

use crate::variation::Variation;

/// What builds in which one thing is varied showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Blamed<T> {
    /// A build in which nothing was varied differs too. It is given, to see in what.
    EachRun(T),
    /// These, each by itself; none where only several together do.
    To(Vec<&'static str>),
}

/// Builds with one thing varied at a time. `other` builds once, and gives what came of it where the bytes
/// are not those of the recorded build.
///
/// A cause is named only between two builds that vary nothing and give the recorded bytes, one before and
/// one after it: whatever passes with time, such as the second, the minute or the day, is then seen in the
/// latter, and is not taken for what happened to be varied meanwhile.
///
/// # Errors
/// Those of `other`.
pub(crate) fn blame<T, E>(
    parts: &[(&'static str, Variation)],
    mut other: impl FnMut(&str, Variation) -> Result<Option<T>, E>,
) -> Result<Blamed<T>, E> {
    if let Some(differs) = other("same", Variation::NONE)? {
        return Ok(Blamed::EachRun(differs));
    }
    let mut found = Vec::new();
    for (index, (what, variation)) in parts.iter().enumerate() {
        if *variation != Variation::NONE && other(&format!("only-{index}"), *variation)?.is_some() {
            found.push(*what);
        }
    }
    if !found.is_empty()
        && let Some(differs) = other("same-again", Variation::NONE)?
    {
        return Ok(Blamed::EachRun(differs));
    }
    Ok(Blamed::To(found))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const USER: Variation = Variation { other_user: true, ..Variation::NONE };
    const FILES: Variation = Variation { reverse_files: true, ..Variation::NONE };
    const PARTS: [(&str, Variation); 2] = [("user", USER), ("files", FILES)];

    /// Asks of a build whose bytes `content` gives, from how many builds there were before it and what is
    /// varied; the recorded one is the first.
    fn blamed(content: impl Fn(u32, Variation) -> u32) -> Blamed<u32> {
        let recorded = content(0, Variation::NONE);
        let mut run = 0;
        let other = |_: &str, variation| {
            run += 1;
            let made = content(run, variation);
            Ok::<_, Infallible>((made != recorded).then_some(made))
        };
        let Ok(blamed) = blame(&PARTS, other);
        blamed
    }

    #[test]
    fn what_passes_with_time_is_blamed_on_nothing_else() {
        // A clock that ticks after any number of builds, be it between two of them that vary something.
        for builds in 1..4 {
            let found = blamed(|run, _| run / builds);
            assert!(matches!(found, Blamed::EachRun(_)), "{builds}: {found:?}");
        }
        // One that comes later made no difference that was blamed on something.
        assert_eq!(blamed(|run, _| run / 4), Blamed::To(vec![]));
    }

    #[test]
    fn what_is_varied_is_named_alone() {
        let user = |_, variation| u32::from(variation == USER);
        assert_eq!(blamed(user), Blamed::To(vec!["user"]));
        let either = |_, variation| u32::from(variation != Variation::NONE);
        assert_eq!(blamed(either), Blamed::To(vec!["user", "files"]));
        // A clock beside it: what is certain is that the runs differ.
        let both = |run, variation| run + user(run, variation);
        assert!(matches!(blamed(both), Blamed::EachRun(1)));
    }
}
