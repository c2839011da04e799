//! METADATA and WHEEL: what the wheel says about itself, held against its file name.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>,
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory>

use std::collections::BTreeSet;
use std::str::FromStr as _;

use pep440_rs::Version;

use super::error::Refusal;
use crate::filename::{BuildTag, ProjectName, Tag, WheelFilename};
use crate::report::Reason;

/// Every version of the core metadata there is; 2.0 was never accepted, yet tools wrote it.
const METADATA_VERSIONS: &[&str] = &[
    "1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5",
];

/// Fields of the core metadata that may be given once.
const SINGLE_METADATA: &[&str] = &[
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Description",
    "Description-Content-Type",
    "Keywords",
    "Home-page",
    "Download-URL",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "License",
    "License-Expression",
    "Requires-Python",
];

/// Fields of WHEEL that may be given once.
const SINGLE_WHEEL: &[&str] = &["Wheel-Version", "Generator", "Root-Is-Purelib", "Build"];

/// METADATA, true of the file name.
#[derive(Debug, Clone)]
pub struct Metadata {
    fields: Fields,
    metadata_version: String,
    project: ProjectName,
    version: Version,
}

impl Metadata {
    /// The version of the core metadata, such as `2.1`.
    pub fn metadata_version(&self) -> &str {
        &self.metadata_version
    }

    /// The project, equal to the file name's.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The version, equal to the file name's.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The requirements, each as it is written.
    pub fn requires_dist(&self) -> impl Iterator<Item = &str> {
        self.fields.all("Requires-Dist")
    }

    /// The Python versions asked for, as written.
    pub fn requires_python(&self) -> Option<&str> {
        self.fields.all("Requires-Python").next()
    }

    /// Every field, name and value, in order. The description may follow them and is not among them.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields.list
    }

    pub(super) fn parse(bytes: &[u8], filename: &WheelFilename) -> Result<Self, Refusal> {
        let (fields, _) = Fields::parse(bytes, SINGLE_METADATA)?;
        let metadata_version = fields.required("Metadata-Version")?;
        if !METADATA_VERSIONS.contains(&metadata_version) {
            return Err(Refusal::new(
                Reason::MetadataVersionUnknown,
                metadata_version,
            ));
        }
        let name = fields.required("Name")?;
        let project = ProjectName::from_str(name)
            .ok()
            .filter(|project| project == filename.project())
            .ok_or_else(|| {
                Refusal::new(Reason::MetadataNameMismatch, name).expected(filename.project())
            })?;
        let text = fields.required("Version")?;
        let version = Version::from_str(text)
            .ok()
            .filter(|version| version == filename.version())
            .ok_or_else(|| {
                Refusal::new(Reason::MetadataVersionMismatch, text).expected(filename.version())
            })?;
        Ok(Self {
            metadata_version: metadata_version.to_owned(),
            project,
            version,
            fields,
        })
    }
}

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
        &self.fields.list
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
        for text in fields.all("Tag") {
            let expanded = Tag::expand(text);
            tags.extend(expanded.map_err(|_| Refusal::new(Reason::MetadataTagsMismatch, text))?);
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
        Ok(Self {
            fields,
            root_is_purelib,
        })
    }
}

fn spelled(tags: &BTreeSet<Tag>) -> String {
    let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    tags.join(" ")
}

/// Header lines as of an e-mail, restricted to what every reader of them reads alike.
#[derive(Debug, Clone)]
struct Fields {
    list: Vec<(String, String)>,
}

impl Fields {
    /// The fields, and the text after the first empty line.
    fn parse<'a>(bytes: &'a [u8], single: &[&str]) -> Result<(Self, &'a str), Refusal> {
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
            if line.contains(|c: char| c.is_control() && c != '\t') {
                return Err(syntax());
            }
            if line.starts_with([' ', '\t']) {
                let (_, value) = list.last_mut().ok_or_else(syntax)?;
                value.push('\n');
                value.push_str(line);
                continue;
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

    /// The values of a field, whose name is written in any case.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self
            .list
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        let value = self
            .list
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        match value {
            Some((_, value)) if !value.is_empty() => Ok(value),
            _ => Err(Refusal::new(Reason::MetadataField, format!("no {name}")).expected(name)),
        }
    }
}
