//! What a policy lets be installed although there is no file that could be verified: folders that are installed in place,
//! and revisions of repositories. Each is exempted by its exact place, for a reason and until a day.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use url::Url;

use super::schema::Policy;
use crate::attestation::timestamp::seconds;
use crate::digest::GitObjectId;
use crate::filename::ProjectName;
use crate::report::{Reason, Refusal};

/// Where something is that is no file of an index, by the text by which an installer is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder that is installed in place, by its path from the working folder.
    Editable(FolderPath),
    /// A revision of a repository.
    Vcs(VcsRevision),
}

/// A path from the working folder that does not lead out of it: `.`, or names with `/` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPath(String);

/// A repository and a full commit id, as installers write it: `git+https://host/path@` and 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcsRevision(String);

/// What a path must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a path below the working folder: `.`, or names with `/` between them, without `..`")]
pub struct FolderPathError;

/// What a revision must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a revision: `git+https://host/path@` and a full commit id of 40 hexadecimal digits, without password, query \
     and fragment; `git+ssh` and `git+file` are read, too"
)]
pub struct VcsRevisionError;

impl FromStr for FolderPath {
    type Err = FolderPathError;

    fn from_str(text: &str) -> Result<Self, FolderPathError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let path = path.strip_prefix("./").unwrap_or(path);
        let named = |part: &str| !matches!(part, "" | "." | "..");
        // What installers read something else from: extras, URLs, variables, other systems' separators.
        let odd = |c: char| c.is_control() || matches!(c, '\\' | ':' | '[' | ']' | '$' | '#' | ';');
        let plain = !path.contains(odd) && path.trim() == path && !path.starts_with(['-', '~']);
        match plain && (path == "." || path.split('/').all(named)) {
            true => Ok(Self(path.to_owned())),
            false => Err(FolderPathError),
        }
    }
}

impl FolderPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VcsRevision {
    type Err = VcsRevisionError;

    fn from_str(text: &str) -> Result<Self, VcsRevisionError> {
        let read = || {
            let (repository, commit) = text.strip_prefix("git+")?.rsplit_once('@')?;
            let id: GitObjectId = commit.parse().ok().filter(|_| commit.len() == 40)?;
            let url = Url::parse(repository).ok()?;
            let user = match url.scheme() {
                "ssh" => matches!(url.username(), "" | "git"),
                "https" | "file" => url.username().is_empty(),
                _ => false,
            };
            let plain = user
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
                // Written in another way it would be another place to whoever reads the policy.
                && url.as_str() == repository
                && !url.path().trim_matches('/').is_empty()
                && !url.path().contains(['@', '$', ';']);
            plain.then(|| format!("git+{repository}@{id}"))
        };
        read().map(Self).ok_or(VcsRevisionError)
    }
}

impl VcsRevision {
    /// The URL with the commit, as installers take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of the repository, as git takes it, and the commit.
    pub fn parts(&self) -> (&str, &str) {
        self.0.trim_start_matches("git+").rsplit_once('@').unwrap_or((&self.0, ""))
    }
}

impl Place {
    /// The word by which a policy calls its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Editable(_) => "editable",
            Self::Vcs(_) => "vcs",
        }
    }

    /// The text by which a policy and an installer name it.
    pub fn location(&self) -> &str {
        match self {
            Self::Editable(path) => path.as_str(),
            Self::Vcs(revision) => revision.as_str(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.location())
    }
}

/// That a project may be installed from a place without anybody verifying it. It is told beside what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exemption {
    /// `unverified[N]`.
    #[serde(rename = "rule")]
    pub name: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The project.
    #[serde(skip)]
    pub project: ProjectName,
    /// The place.
    #[serde(skip)]
    pub place: Place,
    /// Why.
    pub reason: String,
    /// Who answers for that.
    pub owner: String,
    /// The last moment at which it counts.
    pub expires: DateTime<Utc>,
}

impl Policy {
    /// What exempts a project from this place from being verified: an entry of this file, and of every one that it
    /// includes and that asks anything, as an exception of one of them binds none of the others.
    ///
    /// # Errors
    /// [`Reason::FileRevoked`] where one of them revokes any release of the project, since nobody knows which one this is;
    /// [`Reason::ExemptionMissing`]; [`Reason::ExceptionExpired`].
    pub fn exempted(
        &self,
        project: &ProjectName,
        place: &Place,
        now: DateTime<Utc>,
    ) -> Result<Vec<&Exemption>, Refusal> {
        let revoked = self.files().find_map(|file| file.revocations.of_name(project.as_str()));
        if let Some(revocation) = revoked {
            return Err(Refusal::new(Reason::FileRevoked)
                .expected("a project of which no release is revoked")
                .found(revocation.to_string()));
        }
        // This one whatever it asks: what it includes cannot grant anything in its place.
        let included = self.files().skip(1).filter(|file| file.asks());
        std::iter::once(self)
            .chain(included)
            .map(|file| file.own_exemption(project, place, now))
            .collect()
    }

    fn own_exemption(
        &self,
        project: &ProjectName,
        place: &Place,
        now: DateTime<Utc>,
    ) -> Result<&Exemption, Refusal> {
        let of_project = || self.unverified.iter().filter(|it| it.project == *project);
        match of_project().find(|it| it.place == *place) {
            Some(it) if now > it.expires => Err(Refusal::new(Reason::ExceptionExpired)
                .expected(format!(
                    "{} in line {} of {}, which counts until {}",
                    it.name,
                    it.line,
                    self.path,
                    seconds(it.expires)
                ))
                .found(format!("decided at {}", seconds(now)))),
            Some(it) => Ok(it),
            None => {
                let refusal = missing(&self.path, project, place);
                Err(match of_project().next() {
                    Some(it) => refusal.found(format!("{} is of {}", it.name, it.place)),
                    None => refusal,
                })
            }
        }
    }
}

fn missing(path: &str, project: &ProjectName, place: &Place) -> Refusal {
    Refusal::new(Reason::ExemptionMissing)
        .expected(format!("an [[unverified]] entry of {path} for `{project}`, {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_in_one_way() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for text in [
            format!("git+https://example.org/o/r@{commit}"),
            format!("git+https://example.org/o/r.git@{commit}"),
            format!("git+ssh://git@example.org/o/r@{commit}"),
            format!("git+file:///srv/git/r@{commit}"),
        ] {
            let revision = text.parse::<VcsRevision>().expect(&text);
            assert_eq!(revision.as_str(), text);
            let (repository, id) = revision.parts();
            assert_eq!((format!("git+{repository}@{id}"), id), (text, commit));
        }
        for text in [
            "git+https://example.org/o/r".to_owned(),
            "git+https://example.org/o/r@main".to_owned(),
            format!("git+https://example.org/o/r@{}", &commit[1..]),
            format!("git+https://example.org/o/r@{}", commit.to_uppercase()),
            format!("git+https://example.org/o/r@{commit}#egg=x"),
            format!("git+https://example.org/o/r@{commit}#subdirectory=x"),
            format!("git+https://me:secret@example.org/o/r@{commit}"),
            format!("git+https://me@example.org/o/r@{commit}"),
            format!("git+http://example.org/o/r@{commit}"),
            format!("git+https://EXAMPLE.org/o/r@{commit}"),
            format!("git+https://example.org/o/../r@{commit}"),
            format!("git+https://example.org/o/r@main@{commit}"),
            format!("git+https://example.org/@{commit}"),
            format!("git+https://example.org/${{X}}@{commit}"),
            format!("hg+https://example.org/o/r@{commit}"),
            format!("https://example.org/o/r@{commit}"),
        ] {
            assert!(text.parse::<VcsRevision>().is_err(), "{text}");
        }
        for (text, path) in [(".", "."), ("./a", "a"), ("a/b/", "a/b"), ("a b", "a b")] {
            assert_eq!(text.parse::<FolderPath>().expect(text).as_str(), path);
        }
        for text in
            ["", "..", "a/../b", "/a", "a//b", "a\\b", "file:a", "a[x]", "~/a", "-e", " a", "$X"]
        {
            assert!(text.parse::<FolderPath>().is_err(), "{text}");
        }
    }
}
