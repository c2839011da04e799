//! Parameters of a layout: `{NAME}` in rules and expected commands, with values of who verifies, in the form of
//! Python's `str.format`, by which in-toto puts them in.

use std::collections::BTreeMap;

use crate::report::{Reason, Refusal};

/// Values by name.
#[derive(Debug, Clone, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes one more.
    ///
    /// # Errors
    /// In words, for a name that is given twice or that in-toto knows none like: letters, digits, `_` and `-`, and
    /// not digits alone.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), String> {
        let named = !name.is_empty()
            && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-'))
            && !name.bytes().all(|it| it.is_ascii_digit());
        if !named {
            return Err(format!("`{name}` is no name of a parameter"));
        }
        match self.0.insert(name.to_owned(), value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("the parameter `{name}` is given twice")),
        }
    }

    /// A word of a rule. Where nothing is given no brace may be left: whether it asks for a parameter or names a
    /// file is not for us to guess.
    pub(super) fn fill_rule(&self, word: &str) -> Result<String, Refusal> {
        match self.0.is_empty() && word.contains(['{', '}']) {
            true => Err(Refusal::new(Reason::LayoutParameter)
                .expected("values for the parameters of the layout")
                .found(format!("`{word}`, and no parameters"))),
            false => self.fill(word),
        }
    }

    /// A word of a command, which decides nothing: where nothing is given it stays as it is.
    pub(super) fn fill_command(&self, word: &str) -> Result<String, Refusal> {
        match self.0.is_empty() {
            true => Ok(word.to_owned()),
            false => self.fill(word),
        }
    }

    fn fill(&self, word: &str) -> Result<String, Refusal> {
        let refuse = |what: String| {
            Refusal::new(Reason::LayoutParameter)
                .expected("`{NAME}` with a value that is given, `{{` or `}}`")
                .found(format!("{what} in `{word}`"))
        };
        let mut filled = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['{', '}']) {
            filled.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                filled.push_str(brace);
                rest = after;
                continue;
            }
            let named = (brace == "{").then(|| after.split_once('}')).flatten();
            let (name, after) = named.ok_or_else(|| refuse(format!("a lone `{brace}`")))?;
            let value = self.0.get(name);
            filled.push_str(value.ok_or_else(|| refuse(format!("no value for `{name}`")))?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once() {
        let mut parameters = Parameters::default();
        parameters.insert("VERSION", "1.0").expect("a name");
        parameters.insert("a-b", "{VERSION}").expect("a name");
        let fill = |word: &str| parameters.fill(word).map_err(|refusal| refusal.reason);
        assert_eq!(fill("demo-{VERSION}.whl").as_deref(), Ok("demo-1.0.whl"));
        assert_eq!(fill("{a-b}{{x}}").as_deref(), Ok("{VERSION}{x}"));
        for word in
            ["{OTHER}", "{", "}", "a}b", "{VERSION", "{}", "{VERSION!r}", "{VERSION.x}", "{0}"]
        {
            assert_eq!(fill(word), Err(Reason::LayoutParameter), "{word}");
        }
        for (name, value) in [("VERSION", "2"), ("", "x"), ("a b", "x"), ("7", "x"), ("a.b", "x")] {
            assert!(parameters.insert(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn without_values_no_brace_is_left() {
        let none = Parameters::default();
        for word in ["{VERSION}", "{{x}}", "a{"] {
            assert!(none.fill_rule(word).is_err(), "{word}");
            assert_eq!(none.fill_command(word).as_deref(), Ok(word));
        }
        assert_eq!(none.fill_rule("*.whl").as_deref(), Ok("*.whl"));
    }
}
