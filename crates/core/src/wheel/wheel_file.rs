//! WHEEL: what the wheel says about itself as a file, held against its file name.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory>

use std::collections::BTreeSet;
use std::str::FromStr as _;

use crate::dist::{Fields, Refusal};
use crate::filename::{BuildTag, Tag, WheelFilename};
use crate::report::Reason;

/// Fields of WHEEL that may be given once.
const SINGLE_WHEEL: &[&str] = &["Wheel-Version", "Generator", "Root-Is-Purelib", "Build"];

/// WHEEL, true of the file name.
#[derive(Debug, Clone)]
pub struct WheelFile {
    fields: Fields,
    root_is_purelib: bool,
}

impl WheelFile {
    /// The tool that wrote the wheel, as it calls itself.
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
        let mut tags = BTreeSet::new();
        for (index, text) in fields.all("Tag").enumerate() {
            let mismatch = || {
                let refusal = Refusal::new(Reason::MetadataTagsMismatch, text);
                refusal.expected(spelled(filename.tags()))
            };
            let expanded = Tag::expand(text).map_err(|_| mismatch())?;
            // Each line may stand for a thousand tags: the first that the name has not ends the reading,
            // as do more lines than the name has tags.
            if index >= filename.tags().len() || !expanded.is_subset(filename.tags()) {
                return Err(mismatch());
            }
            tags.extend(expanded);
        }
        if tags != *filename.tags() {
            let refusal = Refusal::new(Reason::MetadataTagsMismatch, spelled(&tags));
            return Err(refusal.expected(spelled(filename.tags())));
        }
        let build = fields.all("Build").next();
        let parsed = build.map(BuildTag::from_str).transpose().ok();
        if parsed.as_ref().map(Option::as_ref) != Some(filename.build()) {
            let refusal = Refusal::new(Reason::MetadataBuildMismatch, build.unwrap_or(""));
            let expected = filename.build().map(ToString::to_string);
            return Err(refusal.expected(expected.unwrap_or_default()));
        }
        Ok(Self { fields, root_is_purelib })
    }
}

fn spelled(tags: &BTreeSet<Tag>) -> String {
    let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    tags.join(" ")
}
