//! A first policy as text, each line with where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use pep440_rs::Version;
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::policy::RefPattern;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::Claim;

use crate::signed::{FileSeen, Gathered, Identity, Seen, identity};

/// How and when the policy is made.
pub struct Made<'a> {
    /// The locks.
    pub locks: Vec<String>,
    /// Who answers for the exceptions.
    pub owner: &'a str,
    /// Until when they count.
    pub expires: DateTime<Utc>,
    /// When the policy is made.
    pub now: DateTime<Utc>,
}

/// The policy.
pub fn policy(made: &Made<'_>, gathered: &Gathered) -> String {
    let mut text = format!(
        "# Made by `wheelmark policy init` from {} at {}, asking the index {}.\n\
         #\n\
         # Everything here was taken on first use: it is what signed or was locked then, and nobody compared it with\n\
         # what the projects say of themselves. Look at each line, and keep this file under version control.\n\n\
         schema = 1\n",
        comment(&made.locks.join(", ")),
        day_and_time(made.now),
        comment(&gathered.index),
    );
    for left_out in &gathered.left_out {
        let _ = writeln!(text, "\n# Left out, so that it is refused: {}", comment(left_out));
    }
    // Of one project several versions may be locked, and by several locks. The index may list the same bytes under
    // several names, and an exception is for the bytes.
    let all = || gathered.projects.iter().flat_map(|seen| &seen.files);
    let mut excepted: BTreeSet<_> =
        all().filter(|file| !file.is_bare()).map(|file| file.sha256).collect();
    for versions in gathered.projects.chunk_by(|one, other| one.project.name == other.project.name)
    {
        versions.iter().for_each(|seen| about(seen, &mut text));
        let files = versions.iter().flat_map(|seen| &seen.files);
        let claims =
            files.flat_map(|it| it.claims.iter().flatten().map(|claim| (&it.filename, claim)));
        if let Some(seen) = versions.first() {
            text += &rule(&seen.project.name, claims.clone());
        }
        for seen in versions {
            let bare: Vec<_> =
                seen.files.iter().filter(|file| !excepted.contains(&file.sha256)).collect();
            if !bare.is_empty() {
                as_locked(made, seen, &bare, &mut text);
            }
            excepted.extend(bare.iter().map(|file| file.sha256));
        }
    }
    text
}

/// How much of what a policy was made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Projects that are bound to who signs them.
    attested: usize,
    /// Projects with files that are only taken as they were locked.
    excepted: usize,
    /// Files whose attestations do not hold.
    refused: usize,
    /// Entries of the locks that no file can be held against.
    left_out: usize,
}

impl Counts {
    /// Counts.
    pub fn of(gathered: &Gathered) -> Self {
        let Gathered { projects, left_out, .. } = gathered;
        let with =
            |is: fn(&FileSeen) -> bool| projects.iter().filter(move |it| it.files.iter().any(is));
        let files = projects.iter().flat_map(|it| &it.files);
        Self {
            attested: with(FileSeen::is_attested).count(),
            excepted: with(FileSeen::is_bare).count(),
            refused: files.filter(|it| !it.is_taken()).count(),
            left_out: left_out.len(),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attested, excepted, refused, left_out } = self;
        write!(
            f,
            "{attested} projects by who signs them, {excepted} with files that are only taken as locked"
        )?;
        if *refused > 0 {
            write!(f, ", {refused} files left out whose attestations do not hold")?;
        }
        if *left_out > 0 {
            write!(f, ", {left_out} entries left out that no file can be held against")?;
        }
        f.write_str("; look at each line of it")
    }
}

/// What there is of a locked project, in comments.
fn about(seen: &Seen, text: &mut String) {
    let Seen { project, place, files, unlisted } = seen;
    let attested = files.iter().filter(|file| file.is_attested()).count();
    let _ = writeln!(
        text,
        "\n# {} {}, locked at {}: {attested} of {} files have an attestation that holds.",
        project.name,
        project.version,
        comment(place),
        files.len()
    );
    if *unlisted > 0 {
        let _ = writeln!(
            text,
            "# {unlisted} of its digests are of no file that the index lists; left out."
        );
    }
    for file in files {
        let says = match file.is_taken() {
            true => "An attestation does not hold, and says nothing",
            false => "Left out, so that it is refused",
        };
        let name = file.filename.as_str();
        for because in file.claims.iter().filter_map(|claim| claim.as_ref().err()) {
            let _ = writeln!(text, "# {says}: {name}: {}", comment(&because.to_string()));
        }
        for claim in file.claims.iter().flatten().filter(|claim| identity(claim).is_none()) {
            let signer = comment(&claim.signer.to_string());
            let _ = writeln!(
                text,
                "# Left out, so that it is refused: {name}: no identity of a policy can name {signer}"
            );
        }
    }
}

/// The identities that signed files of a project, and the rule that takes them; nothing where nobody did.
pub fn rule<'a>(
    project: &ProjectName,
    claims: impl Iterator<Item = (&'a DistFilename, &'a Claim)>,
) -> String {
    let mut identities: BTreeMap<Identity, &str> = BTreeMap::new();
    let mut types = BTreeSet::new();
    let mut build_types = BTreeSet::new();
    let mut refs = BTreeSet::new();
    for (file, claim) in claims {
        let Some(identity) = identity(claim) else { continue };
        identities.entry(identity).or_insert(file.as_str());
        types.insert(claim.predicate_type.clone());
        build_types.extend(claim.build_type.clone());
        refs.insert(
            claim.origin.git_ref.as_ref().and_then(|name| built_from(name, file.version())),
        );
    }
    let mut text = String::new();
    if identities.is_empty() {
        return text;
    }
    let mut names = Vec::new();
    for (number, (identity, file)) in identities.iter().enumerate() {
        let name = match number {
            0 => project.to_string(),
            number => format!("{project}--{}", number + 1),
        };
        let _ =
            writeln!(text, "\n[identities.{name}]\n# From the certificate that signed for {file}.");
        for (key, value) in identity {
            let _ = writeln!(text, "{key} = {}", quoted(value));
        }
        names.push(name);
    }
    let _ = writeln!(text, "\n[[rules]]");
    let _ = writeln!(text, "projects = {}", list([project.to_string()]));
    let _ = writeln!(text, "identities = {}", list(names));
    // Where they differ, or one has none, nothing is known of the next one.
    if let [Some(pattern)] = &refs.into_iter().collect::<Vec<_>>()[..] {
        let _ = writeln!(text, "# What every one of the files was built from.");
        let _ = writeln!(text, "ref = {}", quoted(pattern));
    }
    let _ = writeln!(text, "# What was signed.\nattestations = {}", list(types));
    if !build_types.is_empty() {
        let _ = writeln!(text, "build-types = {}", list(build_types));
    }
    let _ = writeln!(text, "# Nothing is built again.\nrebuild = \"never\"");
    text
}

/// A ref as a pattern, bound to the version where it has the version in it.
fn built_from(name: &str, version: &Version) -> Option<String> {
    let digits = |at: usize| name[at..].starts_with(|c: char| c.is_ascii_digit());
    let starts = name.char_indices().map(|(at, _)| at).filter(|at| digits(*at));
    let bound = starts.flat_map(|start| {
        let ends = (start + 1..=name.len()).rev().filter(|end| name.is_char_boundary(*end));
        ends.map(move |end| format!("{}{{version}}{}", &name[..start], &name[end..]))
    });
    let holds = |pattern: &String| {
        let read: Result<RefPattern, _> = pattern.parse();
        read.is_ok_and(|read| read.matches(name, version))
    };
    bound.chain([name.to_owned()]).find(holds)
}

/// An exception for these files of a lock, which the index has no attestation of.
fn as_locked(made: &Made<'_>, seen: &Seen, bare: &[&FileSeen], text: &mut String) {
    let reason = format!(
        "{} {}: the index had no attestation on {}; taken as it was locked",
        seen.project.name,
        seen.project.version,
        made.now.format("%Y-%m-%d")
    );
    let files: Vec<_> = bare.iter().map(|file| (&file.filename, file.sha256)).collect();
    *text += &exception(&files, &reason, made.owner, made.expires);
}

/// An exception.
pub fn exception(
    files: &[(&DistFilename, Sha256Digest)],
    reason: &str,
    owner: &str,
    expires: DateTime<Utc>,
) -> String {
    let lines =
        |values: Vec<String>| values.iter().map(|it| format!("    {it},\n")).collect::<String>();
    // An index may list the same bytes under several names.
    let mut seen = BTreeSet::new();
    let digests = files.iter().filter(|(_, sha256)| seen.insert(*sha256));
    let digests = lines(digests.map(|(_, sha256)| format!("\"{sha256}\"")).collect());
    let names = lines(files.iter().map(|(name, _)| quoted(name.as_str())).collect());
    format!(
        "\n[[exceptions]]\nsha256 = [\n{digests}]\nnames = [\n{names}]\nreason = {}\nowner = {}\nexpires = {}\n",
        quoted(reason),
        quoted(owner),
        day_and_time(expires)
    )
}

fn list(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| quoted(&value)).collect();
    format!("[{}]", values.join(", "))
}

/// A TOML string on one line, in which nothing looks like what it is not.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if Escaped::shows(character) => quoted.push(character),
            _ => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted + "\""
}

/// A text of somebody else's within a comment: on one line, and nothing in it moves a terminal.
fn comment(text: &str) -> String {
    Escaped(text).to_string()
}

fn day_and_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
