//! Who signed before: a file of the identities that were seen of each project, by which a change is noticed.
//!
//! A policy says who may sign. This says who did, so that another signer is told as a change, with both, even where the
//! policy would take it.

mod signer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::signer::LockedSigner;
use crate::filename::{DistFilename, ProjectName};
use crate::report::{Change, Check, CheckName, Decision, Escaped, Reason, Refusal, Report, Status};
use crate::text::place;
use crate::trust::SignerIdentity;

/// The identities of some projects.
#[derive(Debug, Clone)]
pub struct IdentityLock {
    path: String,
    projects: BTreeMap<ProjectName, Seen>,
    entries: Vec<ProjectEntry>,
}

/// What was seen of a project.
#[derive(Debug, Clone)]
struct Seen {
    /// The version it was seen of.
    version: String,
    /// Who signed; empty where nobody did.
    signers: Vec<LockedSigner>,
}

/// A file that is refused, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", Escaped(.path))]
pub struct IdentityLockError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: toml::Spanned<u32>,
    #[serde(default)]
    projects: Vec<toml::Spanned<ProjectEntry>>,
}

/// A project as it stands in such a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    /// Its normalised name.
    pub name: String,
    /// The version of which this was seen.
    pub version: String,
    /// Who signed; empty where nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    projects: &'a [ProjectEntry],
}

/// The text of a file that holds these.
///
/// # Errors
/// What of it cannot be written.
pub fn text(projects: &[ProjectEntry]) -> Result<String, String> {
    toml::to_string(&Written { schema: 1, projects }).map_err(|error| error.to_string())
}

impl IdentityLock {
    /// Reads the text of such a file. `path` is only for messages.
    ///
    /// # Errors
    /// [`IdentityLockError`] for an unknown key or schema, a project that stands twice, and a value of the wrong form.
    pub fn parse(path: &str, text: &str) -> Result<Self, IdentityLockError> {
        let error = |offset: usize, message: String| {
            let (line, _) = place(text, offset);
            IdentityLockError { path: path.to_owned(), line, message }
        };
        let file: File = toml::from_str(text)
            .map_err(|it| error(it.span().map_or(0, |span| span.start), it.message().to_owned()))?;
        if *file.schema.get_ref() != 1 {
            let message = "another schema than 1 is not known".to_owned();
            return Err(error(file.schema.span().start, message));
        }
        let (mut projects, mut entries) = (BTreeMap::new(), Vec::new());
        for entry in file.projects {
            let at = entry.span().start;
            let ProjectEntry { name, version, signers } = entry.into_inner();
            let wrong = |message: String| error(at, message);
            let project: ProjectName = name
                .parse()
                .map_err(|_| wrong(format!("not a project name: `{}`", Escaped(&name))))?;
            let identities: Result<Vec<_>, String> =
                signers.iter().map(|values| LockedSigner::read(values, &project)).collect();
            let seen = Seen { version: version.clone(), signers: identities.map_err(&wrong)? };
            entries.push(ProjectEntry { name: project.to_string(), version, signers });
            if projects.insert(project, seen).is_some() {
                return Err(wrong(format!("`{}` stands here twice", Escaped(&name))));
            }
        }
        Ok(Self { path: path.to_owned(), projects, entries })
    }

    /// As it stands in the file.
    pub fn entries(&self) -> &[ProjectEntry] {
        &self.entries
    }

    /// Whether it has a project.
    pub fn has(&self, project: &ProjectName) -> bool {
        self.projects.contains_key(project)
    }

    /// Why a project is not to be taken without a signature: somebody signed it before.
    pub fn signed(&self, project: &ProjectName) -> Option<Refusal> {
        let Seen { version, signers } =
            self.projects.get(project).filter(|it| !it.signers.is_empty())?;
        let before = signers.iter().map(|signer| format!("{signer}, as of {version}"));
        let refusal = Refusal::new(Reason::IdentityLost).expected_all(before);
        Some(refusal.found("no attestation"))
    }

    /// Adds to a report whether one of those who signed the file is who signed the project before, whichever of them
    /// decided. It can turn an acceptance into a
    /// rejection and nothing else.
    pub fn hold(
        &self,
        report: Report,
        file: Option<&DistFilename>,
        signers: &[SignerIdentity],
    ) -> Report {
        let status = match file {
            None => Status::NotRun(CheckName::Archive),
            // Whatever else is wrong, it is not known who signed.
            Some(_) if report.decision() == Decision::Rejected => {
                let failed = report.checks().iter().find(|check| check.reason().is_some());
                Status::NotRun(failed.map_or(CheckName::Signature, |check| check.name))
            }
            Some(file) => self.status(file, signers),
        };
        report.also(Check { name: CheckName::Identity, status })
    }

    fn status(&self, file: &DistFilename, signed: &[SignerIdentity]) -> Status {
        let Some(Seen { version, signers }) = self.projects.get(file.project()) else {
            return Status::Failed(
                Refusal::new(Reason::IdentityNotLocked)
                    .expected(format!("`{}` in {}", file.project(), self.path))
                    .found("nothing of it"),
            );
        };
        // Who had none before may have one now.
        if signers.is_empty() {
            return Status::NotRequired;
        }
        let before = |signer: &LockedSigner| format!("{signer}, as of {version}");
        let refused = |reason, found: String| {
            Refusal::new(reason)
                .expected_all(signers.iter().map(before))
                .found(format!("{found}, of {}", file.version()))
        };
        let pairs = signers.iter().flat_map(|locked| signed.iter().map(move |now| (locked, now)));
        let compared = pairs.map(|(locked, now)| (locked, now, locked.changes(now)));
        // Of several who signed before, what changed is told of the one who is nearest.
        let nearest =
            compared.min_by_key(|(locked, now, values)| locked.distance(now, values.len()));
        match nearest {
            None => Status::Failed(refused(Reason::IdentityLost, "no attestation".to_owned())),
            Some((locked, _, values)) if values.is_empty() => Status::Passed(Some(before(locked))),
            Some((_, now, values)) => {
                let all: Vec<_> = values.iter().map(ToString::to_string).collect();
                let found = format!("{} ({now})", all.join(", "));
                let (from, to) = (version.clone(), file.version().to_string());
                let change = Change { from, to, values };
                Status::Failed(refused(Reason::IdentityChanged, found).changed(change))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_is_no_such_file_is_an_error_with_its_line() {
        let signer = "[[projects.signers]]\ntrust = \"public-good\"\nissuer = \"https://e\"\n";
        let project = "[[projects]]\nname = \"demo\"\nversion = \"1.0\"\n";
        for (text, says) in [
            ("", ":1: missing field `schema`"),
            ("schema = 2\n", ":1: another schema"),
            (&*format!("schema = 1\n{project}{project}"), ":5: `demo` stands here twice"),
            (&format!("schema = 1\n{project}{signer}"), ":2: a signer without"),
            (&format!("schema = 1\n{project}wen = 1\n"), ":5: unknown field `wen`"),
            (
                &format!("schema = 1\n{project}{signer}san = \"a\"\n").replace("public-good", "x"),
                ":2: not an instance",
            ),
            (&format!("schema = 1\n{project}[[projects.signers]]\nkey = \"x\"\n"), ":2: a key"),
            (
                &format!(
                    "schema = 1\n{project}[[projects.signers]]\nkey = \"{KEY}\"\nsan = \"a\"\n"
                ),
                ":2: unknown field `san`",
            ),
        ] {
            let error = IdentityLock::parse("wheelmark.lock", text).expect_err(says).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        let good = format!("schema = 1\n{project}{signer}san = \"a@b.example\"\n");
        assert!(IdentityLock::parse("wheelmark.lock", &good).is_ok());
        let key = format!("schema = 1\n{project}[[projects.signers]]\nkey = \"{KEY}\"\n");
        assert!(IdentityLock::parse("wheelmark.lock", &key).is_ok());
    }
}
