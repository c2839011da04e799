//! A first policy as text, each line with where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use pep440_rs::Version;
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::policy::RefPattern;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::Claim;

use super::init::{FileSeen, Gathered, Seen};

/// How and when the policy is made.
pub struct Made<'a> {
    /// The locks.
    pub locks: Vec<String>,
    /// The index that was asked.
    pub index: String,
    /// Who answers for the exceptions.
    pub owner: &'a str,
    /// Until when they count.
    pub expires: DateTime<Utc>,
    /// When the policy is made.
    pub now: DateTime<Utc>,
}

/// An identity of the policy, in the order of its keys; equal ones are one.
type Identity = Vec<(&'static str, String)>;

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
        comment(&made.index),
    );
    for left_out in &gathered.left_out {
        let _ = writeln!(text, "\n# Left out, so that it is refused: {}", comment(left_out));
    }
    // Of one project several versions may be locked, and by several locks.
    let mut excepted = BTreeSet::new();
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
            let bare = seen.files.iter().filter(|file| file.is_bare());
            let bare: Vec<_> = bare.filter(|file| excepted.insert(file.sha256)).collect();
            if !bare.is_empty() {
                exception(made, seen, &bare, &mut text);
            }
        }
    }
    text
}

/// What was made, for a person.
pub fn summary(gathered: &Gathered, path: &str) -> String {
    let attested =
        gathered.projects.iter().filter(|it| it.files.iter().any(FileSeen::is_attested)).count();
    let bare = gathered.projects.iter().filter(|it| it.files.iter().any(FileSeen::is_bare)).count();
    let refused =
        gathered.projects.iter().flat_map(|it| &it.files).filter(|it| !it.is_taken()).count();
    let mut summary = format!(
        "made {path}: {attested} projects by who signs them, {bare} with files that are only taken as locked"
    );
    if refused > 0 {
        let _ = write!(summary, ", {refused} files left out whose attestations do not hold");
    }
    if !gathered.left_out.is_empty() {
        let _ = write!(
            summary,
            ", {} entries left out that no file can be held against",
            gathered.left_out.len()
        );
    }
    summary + "; look at each line of it"
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
    for file in files.iter().filter(|file| !file.is_taken()) {
        let because = file.claims.iter().find_map(|claim| claim.as_ref().err());
        let because = because.map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "# Left out, so that it is refused: {}: {}",
            file.filename.as_str(),
            comment(&because)
        );
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
        identities.entry(identity(claim)).or_insert(file.as_str());
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

fn exception(made: &Made<'_>, seen: &Seen, bare: &[&FileSeen], text: &mut String) {
    let _ = writeln!(text, "\n[[exceptions]]\nsha256 = [");
    for file in bare {
        let _ = writeln!(text, "    # {}\n    \"{}\",", file.filename.as_str(), file.sha256);
    }
    let reason = format!(
        "{} {}: the index had no attestation on {}; taken as it was locked",
        seen.project.name,
        seen.project.version,
        made.now.format("%Y-%m-%d")
    );
    let _ = writeln!(
        text,
        "]\nreason = {}\nowner = {}\nexpires = {}",
        quoted(&reason),
        quoted(made.owner),
        day_and_time(made.expires)
    );
}

/// Who a certificate vouches for, by what stays from release to release.
fn identity(claim: &Claim) -> Identity {
    let (signer, claims) = (&claim.signer, &claim.signer.claims);
    let mut identity =
        vec![("trust", signer.instance.to_string()), ("issuer", signer.issuer.clone())];
    let repository = signer.repository().filter(|uri| uri.parse::<RepositoryUri>().is_ok());
    match repository {
        // Its name has the ref in it, which changes with each release.
        Some(repository) => {
            identity.push(("repository", repository));
            let more = [
                ("repository-id", claims.source_repository_identifier.clone()),
                ("owner-id", claims.source_repository_owner_identifier.clone()),
                ("workflow", claim.origin.workflow.clone()),
                ("environment", claims.deployment_environment.clone()),
            ];
            identity.extend(more.into_iter().filter_map(|(key, value)| Some((key, value?))));
        }
        None => identity.push(("san", signer.san.as_str().to_owned())),
    }
    identity
}

fn list(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| quoted(&value)).collect();
    format!("[{}]", values.join(", "))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A text of somebody else's within a comment: on one line, and nothing in it moves a terminal.
fn comment(text: &str) -> String {
    Escaped(text).to_string()
}

fn day_and_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
