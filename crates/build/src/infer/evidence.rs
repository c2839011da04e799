//! What an inference looks at.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use pep440_rs::Version;
use wheelmark_core::requirement;
use wheelmark_core::wheel::{Member, Wheel};

use crate::source::sdist::{SourceFile, Unpacked};

/// The wheel under test, its source, and what is known around them.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The wheel, read strictly.
    pub wheel: &'a Wheel,
    /// Its METADATA.
    pub metadata: &'a str,
    /// Its `entry_points.txt`; empty where it has none.
    pub entry_points: &'a str,
    /// The source.
    pub source: &'a Unpacked,
    /// When the wheel was uploaded, where the index says.
    pub uploaded: Option<DateTime<Utc>>,
    /// The Pythons of this machine.
    pub pythons: Pythons,
}

/// Minor versions of Python 3 that this machine has, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pythons(pub Vec<u64>);

/// A tool that wrote a wheel, as its line in WHEEL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// The tool's name, such as `bdist_wheel` or `hatchling`.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The whole line.
    pub line: String,
}

impl Evidence<'_> {
    /// The tool that wrote the wheel; none where its line names no version.
    pub fn generator(&self) -> Option<Generator> {
        let line = self.wheel.wheel_file().generator()?;
        // `hatchling 1.2`, `setuptools (80.9.0)`, `bdist_wheel (0.37.1)`.
        let (name, rest) = line.split_once(' ')?;
        let text = rest.trim().trim_start_matches('(').trim_end_matches(')');
        let version = requirement::version(text)?;
        Some(Generator { name: name.to_owned(), version, line: line.to_owned() })
    }

    /// A file of the source as text.
    pub fn source_text(&self, name: &str) -> Option<String> {
        self.source.files.get(name)?;
        let bytes = std::fs::read(self.source.folder.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Members that are files.
    pub fn files(&self) -> impl Iterator<Item = &Member> {
        self.wheel.members().iter().filter(|member| !member.is_dir())
    }

    /// The directory of metadata, without `/`.
    pub fn dist_info(&self) -> &str {
        // Vendored projects bring directories of their own, further down.
        let is_record = |member: &&Member| {
            member.name().ends_with(".dist-info/RECORD") && member.name().matches('/').count() == 1
        };
        let record = self.wheel.members().iter().find(is_record);
        record.and_then(|member| member.name().strip_suffix("/RECORD")).unwrap_or_default()
    }

    /// A member of the directory of metadata.
    pub fn of_dist_info(&self, name: &str) -> Option<&Member> {
        let path = format!("{}/{name}", self.dist_info());
        self.files().find(|member| member.name() == path)
    }

    /// Members of the metadata that are files of the source, byte for byte and under the same name, such as licences.
    pub fn copied_metadata(&self) -> Vec<(&Member, &SourceFile)> {
        let metadata = format!("{}/", self.dist_info());
        let inside = self.files().filter(|member| member.name().starts_with(&metadata));
        let copies = inside.filter_map(|member| {
            let name = Path::new(member.name()).file_name()?;
            let same = |path: &str, file: &SourceFile| {
                file.sha256 == member.sha256() && Path::new(path).file_name() == Some(name)
            };
            let (_, file) = self.source.files.iter().find(|(path, file)| same(path, file))?;
            Some((member, file))
        });
        copies.collect()
    }

    /// Members outside of the metadata that are files of the source, byte for byte and under the same name but for
    /// directories above.
    pub fn copies(&self) -> Vec<(&Member, &SourceFile)> {
        let mut by_digest: BTreeMap<_, Vec<(&str, &SourceFile)>> = BTreeMap::new();
        for (name, file) in &self.source.files {
            by_digest.entry(file.sha256).or_default().push((name, file));
        }
        let metadata = format!("{}/", self.dist_info());
        let outside = self.files().filter(|member| !member.name().starts_with(&metadata));
        let copies = outside.filter_map(|member| {
            let same = by_digest.get(&member.sha256())?;
            // What goes elsewhere than to the site's packages: `NAME.data/SCHEME/PATH`.
            let name = match member.name().split_once(".data/") {
                Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
                None => member.name(),
            };
            let of_name = |path: &str| Path::new(path).ends_with(name);
            // Shortest first: `src/a.py` before a copy further down.
            let mut same: Vec<_> = same.iter().filter(|(path, _)| of_name(path)).collect();
            same.sort_by_key(|(path, _)| path.len());
            same.first().map(|(_, file)| (member, *file))
        });
        copies.collect()
    }
}

impl Evidence<'_> {
    /// The time that the source has of a file in its `.egg-info` directory.
    pub(super) fn egg_info_time(&self, name: &str) -> Option<i64> {
        let suffix = format!(".egg-info/{name}");
        let mut found = self.source.files.iter().filter(|(path, _)| path.ends_with(&suffix));
        found.next().map(|(_, file)| file.modified)
    }
}

/// Seconds since 1970 of a time in the archive, taken as UTC.
pub(super) fn seconds(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp()
}

/// A time of a member, taken as UTC; none where it is not a time.
pub(super) fn time(member: &Member) -> Option<i64> {
    member.modified().map(seconds)
}
