//! WHEEL: what the wheel says about itself as a file, held against its file name.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory>

use std::collections::BTreeSet;
use std::str::FromStr as _;

use super::note::{Note, NoteKind};
use crate::dist::{Fields, Refusal};
use crate::filename::{BuildTag, Tag, WheelFilename};
use crate::limits::FILENAME_TAGS;
use crate::report::Reason;

/// Fields of WHEEL that may be given once. Each tool that works on a wheel may leave its own `Generator`.
const SINGLE_WHEEL: &[&str] = &["Wheel-Version", "Root-Is-Purelib", "Build"];

/// WHEEL, true of the file name.
#[derive(Debug, Clone)]
pub struct WheelFile {
    fields: Fields,
    root_is_purelib: bool,
    notes: Vec<Note>,
}

impl WheelFile {
    /// The tool that wrote the wheel, as it calls itself; others that worked on it may follow in the fields.
    pub fn generator(&self) -> Option<&str> {
        self.fields.all("Generator").next()
    }

    /// Whether the root of the archive goes to purelib; to platlib otherwise.
    pub fn root_is_purelib(&self) -> bool {
        self.root_is_purelib
    }

    /// Every field, name and value, in order.
    pub fn fields(&self) -> &[(String, String)] {
        self.fields.list()
    }

    /// What it says otherwise than the file name does, where that misleads nobody.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn parse(bytes: &[u8], filename: &WheelFilename) -> Result<Self, Refusal> {
        let (fields, body) = Fields::parse(bytes, SINGLE_WHEEL)?;
        if !body.trim().is_empty() {
            return Err(Refusal::new(Reason::MetadataSyntax, body.trim()));
        }
        let version = fields.required("Wheel-Version")?;
        let minor = version.strip_prefix("1.").unwrap_or("");
        if minor.is_empty() || !minor.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::new(Reason::MetadataWheelVersion, version).expected("1.x"));
        }
        let purelib = fields.required("Root-Is-Purelib")?;
        let root_is_purelib = match &purelib.to_ascii_lowercase()[..] {
            "true" => true,
            "false" => false,
            _ => return Err(Refusal::new(Reason::MetadataField, purelib).expected("true or false")),
        };
        let notes = [tags(&fields, filename)?, build(&fields, filename)?];
        Ok(Self { fields, root_is_purelib, notes: notes.into_iter().flatten().collect() })
    }
}

/// Interpreters and interfaces must be those of the file name. The platform is what tools that repair a
/// wheel, and people who upload one, put into the name alone.
fn tags(fields: &Fields, filename: &WheelFilename) -> Result<Option<Note>, Refusal> {
    let named = filename.tags();
    let kinds = |tags: &BTreeSet<Tag>| -> BTreeSet<(String, String)> {
        tags.iter().map(|tag| (tag.python.clone(), tag.abi.clone())).collect()
    };
    let refuse = |found: String| {
        Err(Refusal::new(Reason::MetadataTagsMismatch, found).expected(spelled(named)))
    };
    let named_kinds = kinds(named);
    let (mut tags, mut seen) = (BTreeSet::new(), 0);
    for text in fields.all("Tag") {
        let Ok(expanded) = Tag::expand(text) else {
            return refuse(text.to_owned());
        };
        // Each line may stand for a thousand tags: the first that the name has not ends the reading, as do
        // more tags than a name may have.
        seen += expanded.len();
        if seen > FILENAME_TAGS || !kinds(&expanded).is_subset(&named_kinds) {
            return refuse(text.to_owned());
        }
        tags.extend(expanded);
    }
    if kinds(&tags) != named_kinds {
        return refuse(spelled(&tags));
    }
    let note =
        || Note { kind: NoteKind::OtherPlatforms, found: spelled(&tags), named: spelled(named) };
    Ok((tags != *named).then(note))
}

/// The build tag must be that of the file name, if there is one.
fn build(fields: &Fields, filename: &WheelFilename) -> Result<Option<Note>, Refusal> {
    let named = filename.build().map(ToString::to_string).unwrap_or_default();
    let Some(build) = fields.all("Build").next() else {
        let kind = NoteKind::BuildUnsaid;
        let note = || Note { kind, found: String::new(), named: named.clone() };
        return Ok((!named.is_empty()).then(note));
    };
    if BuildTag::from_str(build).map_or(true, |build| Some(&build) != filename.build()) {
        return Err(Refusal::new(Reason::MetadataBuildMismatch, build).expected(named));
    }
    Ok(None)
}

fn spelled(tags: &BTreeSet<Tag>) -> String {
    let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    tags.join(" ")
}
