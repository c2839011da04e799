//! Patterns of artifact rules: those of Python's `fnmatch`, by which in-toto matches (in-toto specification
//! v1.0, 4.3.3). `*` is any text, with slashes; `?` is any character; `[…]` is one of a set, `[!…]` one that is
//! not; nothing is escaped but by a set of one. Upper and lower case differ.

use std::cell::Cell;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    One(char),
    AnyOne,
    AnyText,
    Set { not: bool, ranges: Vec<(char, char)> },
}

/// The comparisons that may still be made; a pattern of many stars makes many.
#[derive(Debug)]
pub struct Work(Cell<u64>);

/// There were more comparisons than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuchWork;

impl Work {
    /// So many, and no more.
    pub fn new(comparisons: u64) -> Self {
        Self(Cell::new(comparisons))
    }

    pub(super) fn spend(&self) -> Result<(), TooMuchWork> {
        self.0.set(self.0.get().checked_sub(1).ok_or(TooMuchWork)?);
        Ok(())
    }
}

impl Pattern {
    /// Reads a pattern. Every text is one: a bracket that is not closed stands for itself.
    pub fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            tokens.push(match first {
                // Several in a row are one.
                '*' if tokens.last() == Some(&Token::AnyText) => continue,
                '*' => Token::AnyText,
                '?' => Token::AnyOne,
                '[' => match set(rest) {
                    Some((token, after)) => {
                        rest = after;
                        token
                    }
                    None => Token::One('['),
                },
                one => Token::One(one),
            });
        }
        Self { text: text.to_owned(), tokens }
    }

    /// Whether a set of it has a range from a later to an earlier character, which no two readers take alike.
    pub fn has_empty_range(&self) -> bool {
        let empty = |(low, high): &(char, char)| low > high;
        self.tokens
            .iter()
            .any(|token| matches!(token, Token::Set { ranges, .. } if ranges.iter().any(empty)))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `name` is what the pattern says.
    ///
    /// # Errors
    /// [`TooMuchWork`], which is no answer.
    pub fn matches(&self, name: &str, work: &Work) -> Result<bool, TooMuchWork> {
        let mut tokens = &self.tokens[..];
        let mut rest = name;
        // Where the last star was: the tokens after it, and what it has not taken yet.
        let mut star: Option<(&[Token], &str)> = None;
        loop {
            work.spend()?;
            let next = rest.chars().next();
            match (tokens.split_first(), next) {
                (Some((Token::AnyText, after)), _) => {
                    star = Some((after, rest));
                    tokens = after;
                    continue;
                }
                (Some((token, after)), Some(character)) if token.is(character) => {
                    tokens = after;
                    rest = &rest[character.len_utf8()..];
                    continue;
                }
                (None, None) => return Ok(true),
                _ => {}
            }
            // The star takes one character more.
            let Some((after, left)) = star else { return Ok(false) };
            let Some(taken) = left.chars().next() else { return Ok(false) };
            let left = &left[taken.len_utf8()..];
            star = Some((after, left));
            (tokens, rest) = (after, left);
        }
    }
}

impl Token {
    fn is(&self, character: char) -> bool {
        match self {
            Token::One(one) => *one == character,
            Token::AnyOne => true,
            Token::AnyText => false,
            Token::Set { not, ranges } => {
                ranges.iter().any(|(low, high)| (low..=high).contains(&&character)) != *not
            }
        }
    }
}

/// The set that begins before `rest`, and what follows it; `None` where it is not closed. A bracket that
/// would close it at once is in it.
fn set(rest: &str) -> Option<(Token, &str)> {
    let (not, body) = match rest.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, rest),
    };
    let from = usize::from(body.starts_with(']'));
    let end = from + body.get(from..)?.find(']')?;
    let members: Vec<char> = body[..end].chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = members.get(at) {
        match (members.get(at + 1), members.get(at + 2)) {
            // One from a higher to a lower character is empty.
            (Some('-'), Some(&high)) => {
                ranges.push((low, high));
                at += 3;
            }
            _ => {
                ranges.push((low, low));
                at += 1;
            }
        }
    }
    Some((Token::Set { not, ranges }, &body[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name, &Work::new(10_000)).expect("little work")
    }

    /// Each of these is what Python's `fnmatch.fnmatchcase` says; `in_toto` asks it of many more.
    #[test]
    fn patterns_are_those_of_fnmatch() {
        for (pattern, name, expected) in [
            ("*", "a/b/c", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**.whl", "dist/a.whl", true),
            ("dist/*.whl", "dist/sub/a.whl", true),
            ("dist/*.whl", "dist/a.WHL", false),
            ("a?c", "a/c", true),
            ("a?c", "ac", false),
            ("a?c", "aßc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("[]x]", "]", true),
            ("[!]x]", "]", false),
            ("[", "[", true),
            ("[]", "[]", true),
            ("[!]", "[!]", true),
            ("[a-]", "-", true),
            ("[--a]", ".", true),
            ("[c-a]", "b", false),
            ("[!c-a]", "b", true),
            ("[a-c-e]", "d", false),
            ("[a-c-e]", "-", true),
            ("[\\]", "\\", true),
            ("[^a]", "b", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("a*", "b", false),
            ("*.py", "a.py\n", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} of {name}");
        }
    }

    #[test]
    fn hard_patterns_end_at_a_bound() {
        let pattern = Pattern::new(&"*a".repeat(200));
        let name = "a".repeat(100_000);
        assert_eq!(pattern.matches(&(name.clone() + "b"), &Work::new(1_000)), Err(TooMuchWork));
        assert_eq!(pattern.matches(&name, &Work::new(1_000_000)), Ok(true));
    }
}
