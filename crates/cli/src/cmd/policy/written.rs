//! A first policy as text, each line with where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use pep440_rs::Version;
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::policy::RefPattern;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::Claim;

use crate::signed::{FileSeen, Gathered, Identity, Seen, identity};
use crate::wanted::{Origin, Wanted};

/// How and when the policy is made.
pub struct Made<'a> {
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
         # Everything here was trusted on first use: it is what signed, was locked or was served then, and nobody\n\
         # compared it with what the projects say of themselves. Look at each line, and keep this file under version\n\
         # control.\n",
        comment(&gathered.from.join(", ")),
        seconds(made.now),
        comment(&gathered.index),
    );
    let mut origins = gathered.projects.iter().map(|seen| &seen.wanted.from);
    if origins.any(|it| matches!(it, Origin::Environment(_))) {
        text += "#\n\
                 # Which file of a release was installed is not recorded: each wheel of it that fits the interpreter is\n\
                 # taken for it.\n";
    }
    text += "\nschema = 1\n";
    for left_out in &gathered.left_out {
        let _ = writeln!(text, "\n# Left out, so that it is refused: {}", comment(left_out));
    }
    // Of one project several versions may be locked, and by several locks. The index may list the same bytes under
    // several names, and an exception is for the bytes.
    let all = || gathered.projects.iter().flat_map(|seen| &seen.files);
    let mut excepted: BTreeSet<_> =
        all().filter(|file| !file.is_bare()).map(|file| file.sha256).collect();
    for versions in gathered.projects.chunk_by(|one, other| one.name() == other.name()) {
        versions.iter().for_each(|seen| about(seen, &mut text));
        let files = versions.iter().flat_map(|seen| &seen.files);
        let claims =
            files.flat_map(|it| it.claims.iter().flatten().map(|claim| (&it.filename, claim)));
        if let Some(seen) = versions.first() {
            let named: BTreeSet<_> =
                versions.iter().map(|seen| comment(&seen.wanted.from.named())).collect();
            let named: Vec<_> = named.into_iter().collect();
            text += &rule(seen.name(), claims.clone(), Some(&named.join("; ")));
        }
        for seen in versions {
            let bare: Vec<_> =
                seen.files.iter().filter(|file| !excepted.contains(&file.sha256)).collect();
            if !bare.is_empty() {
                as_it_was(made, seen, &bare, &mut text);
            }
            excepted.extend(bare.iter().map(|file| file.sha256));
        }
    }
    text
}

/// What there is of a release, in comments.
fn about(seen: &Seen, text: &mut String) {
    let Seen { wanted, files, unlisted } = seen;
    let attested = files.iter().filter(|file| file.is_attested()).count();
    let _ = writeln!(
        text,
        "\n# {} {}, {}: {attested} of {} files have an attestation that holds.",
        wanted.project,
        wanted.version,
        comment(&wanted.from.named()),
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
        for note in &file.notes {
            let _ = writeln!(text, "# Of {name}: {}", comment(note));
        }
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

/// The identities that signed files of a project, and the rule that takes them; nothing where nobody did. Where it is
/// `named` says who wrote the project down, that is marked, and what is trusted on first use.
pub fn rule<'a>(
    project: &ProjectName,
    claims: impl Iterator<Item = (&'a DistFilename, &'a Claim)>,
    named: Option<&str>,
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
        if named.is_some() {
            let _ = writeln!(
                text,
                "# Trusted on first use: that its holder may sign `{project}`, nobody but the index said."
            );
        }
        for (key, value) in identity {
            let _ = writeln!(text, "{key} = {}", quoted(value));
        }
        names.push(name);
    }
    let _ = writeln!(text, "\n[[rules]]");
    if let Some(named) = named {
        let _ = writeln!(text, "# {}.", capital(named));
    }
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

/// An exception for these files of a release, which the index has no attestation of.
fn as_it_was(made: &Made<'_>, seen: &Seen, bare: &[&FileSeen], text: &mut String) {
    let Wanted { project, version, from, .. } = &seen.wanted;
    let day = made.now.format("%Y-%m-%d");
    let taken = match from {
        Origin::Lock(_) => "taken as it was locked",
        Origin::Environment(_) => "taken as what was installed",
        Origin::Index => "taken as the index had it",
    };
    let reason = format!("{project} {version}: the index had no attestation on {day}; {taken}");
    let files: Vec<_> = bare.iter().map(|file| (&file.filename, file.sha256)).collect();
    let marks = Marks {
        trusted: format!(
            "Trusted on first use: that these are files of `{project}`, nobody but {} said.",
            comment(from.said_by())
        ),
        digest: comment(from.said_by()),
    };
    *text += &exception(&files, &reason, made.owner, made.expires, Some(&marks));
}

/// Where the lines of an exception came from, as comments.
pub struct Marks {
    /// What was trusted.
    trusted: String,
    /// Who said the digests.
    digest: String,
}

/// An exception.
pub fn exception(
    files: &[(&DistFilename, Sha256Digest)],
    reason: &str,
    owner: &str,
    expires: DateTime<Utc>,
    marks: Option<&Marks>,
) -> String {
    let mut digests = String::new();
    let mut names = String::new();
    let mut seen = BTreeSet::new();
    for (name, sha256) in files {
        // An index may list the same bytes under several names.
        if seen.insert(*sha256) {
            let from = marks.map(|it| format!(" # {}, by {}", name.as_str(), it.digest));
            let _ = writeln!(digests, "    \"{sha256}\",{}", from.unwrap_or_default());
        }
        let from = marks.map_or("", |_| " # by the index");
        let _ = writeln!(names, "    {},{from}", quoted(name.as_str()));
    }
    let trusted = marks.map(|it| format!("# {}\n", it.trusted)).unwrap_or_default();
    format!(
        "\n[[exceptions]]\n{trusted}sha256 = [\n{digests}]\nnames = [\n{names}]\nreason = {}\nowner = {}\nexpires = {}\n",
        quoted(reason),
        quoted(owner),
        seconds(expires)
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

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}
