//! Header lines: the form of METADATA, WHEEL and PKG-INFO.

use super::{Refusal, names};
use crate::limits::METADATA_FIELDS;
use crate::report::Reason;

/// Header lines as of an e-mail, restricted to what every reader of them reads alike.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    list: Vec<(String, String)>,
}

impl Fields {
    /// The fields, and the text after the first empty line.
    pub(crate) fn parse<'a>(bytes: &'a [u8], single: &[&str]) -> Result<(Self, &'a str), Refusal> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Refusal::new(Reason::MetadataSyntax, "bytes that are not UTF-8"))?;
        let mut list: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.strip_suffix('\r').unwrap_or(line);
            rest = after;
            if line.is_empty() {
                break;
            }
            let syntax = || Refusal::new(Reason::MetadataSyntax, line);
            // A lone CR ends a line for some readers.
            if line.contains(|c: char| names::is_control(c) && c != '\t') {
                return Err(syntax());
            }
            if line.starts_with([' ', '\t']) {
                let (_, value) = list.last_mut().ok_or_else(syntax)?;
                value.push('\n');
                value.push_str(line);
                continue;
            }
            if list.len() >= METADATA_FIELDS {
                let found = format!("more than {METADATA_FIELDS} fields");
                return Err(Refusal::new(Reason::MetadataSyntax, found));
            }
            let (name, value) = line.split_once(':').ok_or_else(syntax)?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(syntax());
            }
            list.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let fields = Self { list };
        for name in single {
            if fields.all(name).count() > 1 {
                return Err(Refusal::new(Reason::MetadataDuplicateField, name));
            }
        }
        Ok((fields, rest))
    }

    /// Every field, name and value, in order.
    pub(crate) fn list(&self) -> &[(String, String)] {
        &self.list
    }

    /// The values of a field, whose name is written in any case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self.list.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }

    /// The first value of a field, which must be there and not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let value = self.list.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        match value {
            Some((_, value)) if !value.is_empty() => Ok(value),
            _ => Err(Refusal::new(Reason::MetadataField, format!("no {name}")).expected(name)),
        }
    }
}
