//! Who a Fulcio certificate vouches for. Every value here comes from a certificate that a trusted authority
//! issued, never from a predicate.
//!
//! The extensions are those of Fulcio's `docs/oid-info.md`, arc 1.3.6.1.4.1.57264.1.

use std::fmt;

use sigstore_crypto::x509::{CertificateInfo, FulcioCiClaims, SubjectAltName};

use super::InstanceName;
use crate::digest::GitObjectId;
use crate::report::{Reason, Refusal};

/// The issuer that vouches for GitHub Actions workflows.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The issuer that vouches for pipelines of gitlab.com.
pub const GITLAB_ISSUER: &str = "https://gitlab.com";

/// The holder of a certificate: who vouches for it, its one name, and what it ran as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// The Sigstore instance whose authority issued the certificate.
    pub instance: InstanceName,
    /// The OIDC issuer that vouched for the holder (`.1.8`, or `.1.1` in old certificates).
    pub issuer: String,
    /// The subject alternative name.
    pub san: SubjectName,
    /// What the issuer said of the CI job, each value as the certificate has it.
    pub claims: FulcioCiClaims,
}

/// The subject alternative name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectName {
    /// A person or service account by its mail address.
    Email(String),
    /// A CI job by the URI of what defines it.
    Uri(String),
}

impl SubjectName {
    /// The name, to be compared with what was asked for; with its kind where that is of the other one. A URI has the
    /// colon of its scheme, which no mail address has.
    pub(crate) fn as_asked(&self, asked: Option<&str>) -> String {
        let asked_uri = asked.map(|asked| asked.contains(':'));
        match (self, asked_uri) {
            (Self::Email(name), Some(true)) => format!("{name} (a mail address)"),
            (Self::Uri(name), Some(false)) => format!("{name} (a URI)"),
            _ => self.as_str().to_owned(),
        }
    }

    /// The name without its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(name) | Self::Uri(name) => name,
        }
    }
}

impl CertificateIdentity {
    /// What a verified certificate says; `None` where it names no issuer or no holder of a known kind.
    pub(super) fn read(instance: InstanceName, certificate: &CertificateInfo) -> Option<Self> {
        let san = match certificate.identity.as_ref()? {
            SubjectAltName::Email(name) => SubjectName::Email(name.clone()),
            SubjectAltName::Uri(name) => SubjectName::Uri(name.clone()),
            _ => return None,
        };
        let issuer = certificate.issuer.clone().filter(|issuer| !issuer.is_empty())?;
        Some(Self { instance, issuer, san, claims: certificate.ci_claims.clone() })
    }

    /// Whether GitHub Actions vouches for it: by the issuer of all, or that of one enterprise, which has the
    /// enterprise's name after it.
    pub fn is_github(&self) -> bool {
        self.issuer.strip_prefix(GITHUB_ISSUER).is_some_and(|rest| match rest.strip_prefix('/') {
            Some(enterprise) => !enterprise.is_empty() && !enterprise.contains('/'),
            None => rest.is_empty(),
        })
    }

    /// The URI of the repository that was built (`.1.12`). Certificates from before that extension name
    /// it as `owner/name` (`.1.5`), which GitHub's issuer alone was allowed to.
    pub fn repository(&self) -> Option<String> {
        let old = || {
            let name = self.claims.deprecated_github.workflow_repository.as_ref()?;
            self.is_github().then(|| format!("https://github.com/{name}"))
        };
        self.claims.source_repository_uri.clone().or_else(old)
    }

    /// The repository that was built, where the name is that of a workflow in another one, which was called.
    pub fn caller(&self) -> Option<String> {
        let (SubjectName::Uri(name), Some(repository)) = (&self.san, self.repository()) else {
            return None;
        };
        // Of CircleCI it is no URI, and the name is of another kind.
        let of_forge = repository.starts_with("https://");
        let within = name.strip_prefix(&repository).is_some_and(|rest| rest.starts_with('/'));
        (of_forge && !within).then_some(repository)
    }

    /// The full name of the ref that was built (`.1.14`, formerly `.1.6`).
    pub fn git_ref(&self) -> Option<&str> {
        let old = &self.claims.deprecated_github.workflow_ref;
        self.claims.source_repository_ref.as_deref().or(old.as_deref())
    }

    /// The commit that was built (`.1.13`, formerly `.1.3`).
    ///
    /// # Errors
    /// [`Reason::CertificateMalformed`] where it is there and not a commit's id: as none it would leave the
    /// predicate to name any.
    pub fn commit(&self) -> Result<Option<GitObjectId>, Refusal> {
        let old = &self.claims.deprecated_github.workflow_sha;
        let Some(stated) = self.claims.source_repository_digest.as_ref().or(old.as_ref()) else {
            return Ok(None);
        };
        let id = stated.parse().map_err(|_| {
            Refusal::new(Reason::CertificateMalformed)
                .expected("the id of a commit")
                .found(format!("source repository digest `{}`", stated.escape_debug()))
        })?;
        Ok(Some(id))
    }

    /// The event that started the job (`.1.20`, formerly `.1.2`).
    pub fn trigger(&self) -> Option<&str> {
        let old = &self.claims.deprecated_github.workflow_trigger;
        self.claims.build_trigger.as_deref().or(old.as_deref())
    }

    /// The file that defines the job, with the ref it was read at (`.1.18`). Certificates from before
    /// that extension have it as their name.
    pub fn build_config(&self) -> Option<&str> {
        match (&self.claims.build_config_uri, &self.san) {
            (Some(uri), _) => Some(uri),
            (None, SubjectName::Uri(uri)) => Some(uri),
            (None, SubjectName::Email(_)) => None,
        }
    }

    /// The same without its ref, which changes with each release.
    pub fn builder(&self) -> Option<&str> {
        self.build_signer().map(|uri| uri.split_once('@').map_or(uri, |(uri, _)| uri))
    }

    /// The workflow that asked for the signature, which is another than [`Self::build_config`] where a
    /// reusable workflow signs (`.1.9`, which is also the name).
    pub fn build_signer(&self) -> Option<&str> {
        match (&self.claims.build_signer_uri, &self.san) {
            (Some(uri), _) => Some(uri),
            (None, SubjectName::Uri(uri)) => Some(uri),
            (None, SubjectName::Email(_)) => None,
        }
    }
}

impl fmt::Display for CertificateIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.san.as_str())?;
        if let Some(repository) = self.caller() {
            write!(f, ", called by {repository},")?;
        }
        write!(f, " by {} ({})", self.issuer, self.instance)
    }
}

#[cfg(test)]
impl CertificateIdentity {
    /// A workflow of `https://github.com/o/r`, at its tag `v1`.
    pub(crate) fn of_github() -> Self {
        let uri = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1";
        let mut claims = FulcioCiClaims::default();
        claims.source_repository_uri = Some("https://github.com/o/r".to_owned());
        claims.source_repository_ref = Some("refs/tags/v1".to_owned());
        claims.build_config_uri = Some(uri.to_owned());
        Self {
            instance: InstanceName::PublicGood,
            issuer: GITHUB_ISSUER.to_owned(),
            san: SubjectName::Uri(uri.to_owned()),
            claims,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(issuer: &str) -> CertificateIdentity {
        CertificateIdentity {
            instance: InstanceName::PublicGood,
            issuer: issuer.to_owned(),
            san: SubjectName::Uri(
                "https://github.com/o/r/.github/workflows/w.yml@refs/heads/m".into(),
            ),
            claims: FulcioCiClaims::default(),
        }
    }

    #[test]
    fn old_claims_stand_in_only_where_there_are_no_new_ones() {
        let mut it = identity(GITHUB_ISSUER);
        let commit = "a".repeat(40);
        it.claims.deprecated_github.workflow_repository = Some("o/r".to_owned());
        it.claims.deprecated_github.workflow_sha = Some(commit.clone());
        it.claims.deprecated_github.workflow_ref = Some("refs/heads/old".to_owned());
        assert_eq!(it.repository().as_deref(), Some("https://github.com/o/r"));
        assert_eq!(it.commit().map(|id| id.map(|id| id.to_string())), Ok(Some(commit)));
        assert_eq!(it.git_ref(), Some("refs/heads/old"));
        it.claims.source_repository_uri = Some("https://github.com/o/new".to_owned());
        it.claims.source_repository_ref = Some("refs/heads/new".to_owned());
        assert_eq!(it.repository().as_deref(), Some("https://github.com/o/new"));
        assert_eq!(it.git_ref(), Some("refs/heads/new"));
    }

    #[test]
    fn an_enterprise_s_issuer_is_github_s() {
        let is_github = |rest: &str| identity(&format!("{GITHUB_ISSUER}{rest}")).is_github();
        assert!(is_github("") && is_github("/acme"));
        for other in ["/", "acme", ".evil.example", "/acme/x", ":443"] {
            assert!(!is_github(other), "{other}");
        }
    }

    #[test]
    fn a_commit_that_is_none_is_refused() {
        let mut it = identity(GITHUB_ISSUER);
        assert_eq!(it.commit(), Ok(None));
        for wrong in ["", "zzz", "refs/heads/main", &"A".repeat(40)] {
            it.claims.source_repository_digest = Some(wrong.to_owned());
            let refusal = it.commit().expect_err(wrong);
            assert_eq!(refusal.reason, Reason::CertificateMalformed);
        }
    }

    #[test]
    fn an_old_short_name_of_a_repository_is_github_s_alone() {
        let mut it = identity("https://issuer.example");
        it.claims.deprecated_github.workflow_repository = Some("o/r".to_owned());
        assert_eq!(it.repository(), None);
    }
}
